"""Pastes into README and docs what the commands shown there print: `python docs/outputs.py [PAGE]…`.

A page shows a command with its output in a block of its own:

    <!-- output from "law" to "r6 measured" -->
    ```console
    $ scaling-tui attach quickstart
    …
    ```

The comment above a block is optional. It may hold

- `output from "TEXT" to "TEXT"`: only the lines from the first that begins with TEXT to the next that begins with TEXT
  are shown, with … for the others. Either may be left out.
- `varies: WHY`: numbers depend on the machine or its versions, so the tests compare the output without them.
- `exit N`: the command ends with this status, not with 0.
- `trains: WHY`: takes minutes. This script leaves it alone unless `--train` is given; so do the quick tests.

The blocks of a page are run in order in one folder, the `world`: a recorded sweep of quickstart in `runs/`, and
whatever the page itself writes, since its Python blocks marked `<!-- run -->` are run too, and a block marked
`<!-- save FILE -->` is written to that file.
"""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).parents[1]
CUT = "…"
BLOCK = re.compile(
    r"^(?:<!-- (?P<note>[^\n]*?) -->\n)?```(?P<language>console|python|csv|toml)(?P<title>[^\n]*)\n(?P<body>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
NUMBER = re.compile(r"-?\d[\d,.]*(e-?\d+)?[kMBT]?")


@dataclass(frozen=True)
class Shown:
    """A command of a page with the output that the page shows."""

    command: str
    output: str
    note: str

    @property
    def trains(self) -> bool:
        return "trains:" in self.note

    @property
    def varies(self) -> bool:
        return "varies:" in self.note or self.trains

    @property
    def status(self) -> int:
        found = re.search(r"\bexit (\d+)", self.note)
        return int(found[1]) if found else 0

    def part(self, printed: str) -> str:
        """What the page shows of an output: blanks at line ends and colours are gone, and lines that are left out."""
        lines = [line.rstrip() for line in printed.rstrip().splitlines()]
        first = self._place("from", lines, 0)
        last = self._place("to", lines, first, default=len(lines) - 1)
        kept = [CUT] * (first > 0) + lines[first : last + 1] + [CUT] * (last < len(lines) - 1)
        return "\n".join(kept)

    def _place(self, word: str, lines: list[str], begin: int, default: int = 0) -> int:
        found = re.search(rf'\b{word} "([^"]*)"', self.note)
        if found is None:
            return default
        places = [n for n in range(begin, len(lines)) if lines[n].lstrip().startswith(found[1])]
        if not places:
            raise ValueError(f"{self.command}: no line begins with {found[1]!r} in:\n" + "\n".join(lines))
        return places[0]

    def same(self, printed: str) -> bool:
        """Whether the page shows what was printed; without numbers where these vary."""
        if self.varies:
            return masked(self.output) == masked(self.part(printed))
        return self.output == self.part(printed)


def masked(text: str) -> list[str]:
    """The words of an output, with # for every number; how wide the columns are depends on the numbers."""
    return NUMBER.sub("#", text).split()


def shown(block: str, note: str) -> list[Shown]:
    """The commands of a console block, each with the lines below it."""
    parts = re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)[1:]
    return [Shown(command, output.rstrip("\n"), note) for command, output in zip(parts[::2], parts[1::2], strict=True)]


def arguments(command: str) -> list[str]:
    """The words after `scaling-tui`, without a comment at the end of the line."""
    words = shlex.split(command, comments=True)
    if words[:1] != ["scaling-tui"]:
        raise ValueError(f"{command}: want a command of scaling-tui")
    return words[1:]


def run(words: list[str]) -> tuple[int, str]:
    """Runs `scaling-tui WORDS` in this process, without a terminal; returns the exit status and what it printed."""
    from scaling_tui.cli.app import main

    printed = io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["scaling-tui", *words]),
        mock.patch.object(sys, "stdin", io.StringIO()),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
    ):
        try:
            main()
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 1
        else:
            status = 0
    return status, printed.getvalue()


@contextlib.contextmanager
def world() -> Iterator[Path]:
    """A folder to run commands in: the recorded sweep, and neither settings, progress nor runs of the user."""
    from docs.recorded import unpack

    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        unpack(Path(folder) / "runs")
        homes = {f"XDG_{name}_HOME": f"{folder}/.{name.lower()}" for name in ("DATA", "CONFIG", "STATE", "CACHE")}
        plain = {"NO_COLOR": "1", "COLUMNS": "120", "LC_ALL": "C.UTF-8", "TERM": "dumb"}
        with mock.patch.dict(os.environ, homes | plain):
            os.environ.pop("SCALING_TUI_RUNS", None)
            os.chdir(folder)
            try:
                yield Path(folder)
            finally:
                os.chdir(before)


def python(code: str) -> None:
    """Runs an example of a page as a reader would."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise ValueError(f"an example fails:\n{code}\n{done.stderr}")


def session(text: str, train: bool = False) -> Iterator[tuple[Shown, str]]:
    """Runs what a page shows, in order, in the current folder; yields each command with what it printed."""
    for match in BLOCK.finditer(text):
        note, body = match["note"] or "", match["body"]
        saved = re.fullmatch(r"save (\S+)", note)
        if saved:
            Path(saved[1]).write_text(body, encoding="utf-8")
        elif match["language"] == "python" and note == "run":
            python(body)
        elif match["language"] == "console":
            for one in shown(body, note):
                if one.trains and not train:
                    continue
                status, printed = run(arguments(one.command))
                if status != one.status:
                    raise ValueError(f"{one.command}: exit status {status}\n{printed}")
                yield one, printed


def pasted(text: str, train: bool = False) -> str:
    """The page with the output of every command as it is now."""
    fresh = iter([one.part(printed) for one, printed in session(text, train)])

    def block(match: re.Match[str]) -> str:
        if match["language"] != "console":
            return match[0]
        lines = []
        for one in shown(match["body"], match["note"] or ""):
            output = one.output if one.trains and not train else next(fresh)
            lines += [f"$ {one.command}", *output.splitlines()]
        head = f"<!-- {match['note']} -->\n" if match["note"] else ""
        return f"{head}```console{match['title']}\n" + "\n".join(lines) + "\n```"

    return BLOCK.sub(block, text)


def pages() -> list[Path]:
    """The pages that show output."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "quizzes").rglob("*.md"))]
    return [path for path in found if "```console" in path.read_text(encoding="utf-8")]


def main() -> None:
    names = [word for word in sys.argv[1:] if word != "--train"]
    for path in [Path(name).resolve() for name in names] or pages():
        before = path.read_text(encoding="utf-8")
        with world():
            after = pasted(before, "--train" in sys.argv)
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(path)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
