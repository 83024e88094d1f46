"""Tries an installed scaling-tui from outside: `python checks.py PYTHON [--torch]`, in an empty folder.

PYTHON is that of the environment it is installed in. Without --torch that has no torch, and everything but training
and traces has to work. It imports nothing of ours, prints a line for each check, and ends with the status 1 if one
fails.
"""

import argparse
import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

LONGEST_S = 600
HOW_TO_GET_IT = "pip install torch"

TABLE = "params,tokens,loss\n" + "".join(
    f"{n:.0f},{d:.0f},{1.8 + 400 / n**0.34 + 410 / d**0.28}\n"
    for n in (1e6, 4e6, 1.6e7, 6.4e7)
    for d in (2e7, 8e7, 3.2e8, 1.28e9)
)
LADDER = """
summary = "Three tiny sizes."
[corpus]
name = "words.txt"
[model]
context = 16
[training]
tokens = 4096
batch = 8
lr = 1e-2
evaluations = 2
held_out_tokens = 512
[fit]
law = "kaplan-n"
predict = "c"
[[rungs]]
name = "a"
layers = 1
hidden = 8
[[rungs]]
name = "b"
layers = 1
hidden = 16
[[rungs]]
name = "c"
layers = 1
hidden = 24
"""
# In one process: a Python for each of them takes a minute in all.
HELP = """
import contextlib, io, sys
import typer
from scaling_tui.cli import main
from scaling_tui.cli.app import app
def walk(command, words):
    yield words
    for name, inner in getattr(command, "commands", {}).items():
        yield from walk(inner, [*words, name])
for words in walk(typer.main.get_command(app), []):
    sys.argv = ["scaling-tui", *words, "--help"]
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        try:
            main()
        except SystemExit as ended:
            assert not ended.code, words
    assert "Usage: scaling-tui" in told.getvalue(), words
    print(" ".join(words))
"""
# Every screen is opened once, headless; what Textual prints of a crash fails the check.
SCREENS = """
import asyncio
from contextlib import suppress
from pathlib import Path
from textual.pilot import WaitForScreenTimeout
from scaling_tui.tui.app import ScalingApp
async def main():
    app = ScalingApp(Path("runs"))
    async with app.run_test(size=(120, 40)) as pilot:
        for key in "123456789":
            with suppress(WaitForScreenTimeout):  # on a machine that is busy
                await pilot.press(key)
                await pilot.pause()
            print(key, type(app.screen).__name__)
asyncio.run(main())
"""


# What a program or a notebook does, and a run that a trainer elsewhere writes. Nothing but NumPy may be needed for it.
LIBRARY = """
import sys
from scaling_tui import laws, runs
points = laws.read_points("losses.csv")
fitted = laws.fit("chinchilla", points)
assert abs(fitted.coefficients["E"] - 1.8) < 0.01, fitted
assert "frac" in fitted.to_latex() and "<table" in fitted._repr_html_()
assert laws.plan(fitted, flops=1e21)
assert laws.get("chinchilla:besiroglu2024").loss(params=7e9, tokens=2e12) > 1.8
for size in (1, 2, 4, 8):
    params, tokens = size * 1_000_000, 20_000_000 * size
    config = {"params": params, "tokens": tokens, "flops": 6 * params * tokens}
    with runs.Writer.create(f"runs/mine/n{size}", config) as run:
        for step in (1, 2, 3):
            run.log(step=step, tokens=tokens * step // 3, loss=3.0 / step)
        run.log(step=3, tokens=tokens, loss=1.0, val_loss=1.8 + 400 / params**0.34)
sweep = runs.read_sweep("mine")
assert len(sweep.runs) == 4 and len(sweep.curves()["loss"]) >= 12
assert laws.fit("kaplan-n", sweep.points()).coefficients
heavy = {"torch", "scipy", "pandas", "textual", "matplotlib"} & set(sys.modules)
assert not heavy, heavy
"""
# Packages of the extras and of the tests, by the names that they are imported by.
NOT_NEEDED = ("pandas", "scipy", "jsonschema", "matplotlib", "pyarrow", "transformers", "pytest", "hypothesis")


class Installed:
    """The command of an environment."""

    def __init__(self, python: Path) -> None:
        self.python, self.command = python, python.with_name("scaling-tui")

    def run(self, *arguments: str, status: int = 0, given: str = "", **environment: str) -> str:
        """What a command prints on both streams; fails if it ends with another status or a traceback."""
        return self._run([str(self.command), *arguments], status, environment, given)

    def code(self, code: str) -> str:
        """What a program prints."""
        return self._run([str(self.python), "-c", code], 0, {})

    def module(self, *arguments: str) -> str:
        return self._run([str(self.python), "-m", "scaling_tui", *arguments], 0, {})

    def _run(self, command: list[str], status: int, environment: dict[str, str], given: str = "") -> str:
        done = subprocess.run(
            command, input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=LONGEST_S, check=False, env={**os.environ, **environment},
        )  # fmt: skip
        assert done.returncode == status, f"{command[1:]} ended with {done.returncode}: {done.stdout[-800:]}"
        assert "Traceback" not in done.stdout, done.stdout[-800:]
        return done.stdout


def versions(it: Installed) -> None:
    """--version, from the command and the module."""
    told = it.run("--version")
    assert re.fullmatch(r"scaling-tui \d+\.\d+\.\d+\S*\n", told), told
    assert it.module("--version") == told


def help_of_every_command(it: Installed) -> None:
    """--help of each command."""
    assert "Usage: scaling-tui" in it.run("quiz", "take", "--help")
    assert len(it.code(HELP).splitlines()) > 30


def nothing_but_the_dependencies(it: Installed) -> None:
    """No package of an extra or of the tests is there, so the checks below need none."""
    code = f"import importlib.util as u; print(*[name for name in {NOT_NEEDED!r} if u.find_spec(name)])"
    found = it.code(code).split()
    assert not found, found


def fit_a_table(it: Installed) -> None:
    """fit and plan."""
    Path("losses.csv").write_text(TABLE, encoding="utf-8")
    fitted = json.loads(it.run("fit", "losses.csv", "--law", "chinchilla", "--bootstrap", "20", "--json"))
    found = json.dumps(fitted["coefficients"])
    assert "1.8" in found or "1.79" in found, found
    assert json.loads(it.run("plan", "--flops", "1e21", "--json"))
    assert "chinchilla:hoffmann2022" in it.run("laws")
    it.run("plan", "--flops", "1e20", "--fit", "losses.csv", "--plot")


def lessons_and_quizzes(it: Installed) -> None:
    """learn, quiz check, ladders, count."""
    assert "lessons" in json.loads(it.run("learn", "--json"))
    assert it.run("learn", "power-laws")
    it.run("quiz", "check", "--seeds", "1")
    assert "quickstart" in it.run("ladders")
    assert it.run("count", "quickstart")
    assert it.run("quiz", "list")

    told = it.run(
        "quiz", "take", "--lesson", "power-laws", "--seed", "3", "--count", "2", given="hint\n1\nskip\nskip\n"
    )
    assert "1 of 2" in told, told


def library(it: Installed) -> None:
    """laws and runs in a program; then the commands on the sweep that it wrote."""
    it.code(LIBRARY)
    assert "mine" in it.run("runs")
    assert json.loads(it.run("attach", "mine", "--json"))
    assert "n8,n8,0,8000000," in it.run("export", "mine")
    assert "mine" in it.run("report", "mine")
    it.run("report", "losses.csv", "--output", "page.html")
    assert "</html>" in Path("page.html").read_text(encoding="utf-8")
    Path("others.csv").write_text(TABLE, encoding="utf-8")
    assert json.loads(it.run("compare", "losses.csv", "others.csv", "--bootstrap", "10", "--json"))
    assert it.run("why", "mine")


def schemas(it: Installed) -> None:
    """schema prints every schema that it lists."""
    listed = json.loads(it.run("schema", "--json"))
    assert "fit" in json.dumps(listed)
    assert json.loads(it.run("schema", "fit"))["$schema"]


def extras_are_named(it: Installed) -> None:
    """What needs an extra says which."""
    Path("losses.parquet").write_bytes(b"PAR1" + bytes(16) + b"PAR1")
    assert "scaling-tui[parquet]" in it.run("fit", "losses.parquet", status=2)
    assert "scaling-tui[serve]" in it.run("serve", "--port", "0", status=2)


def the_app(it: Installed) -> None:
    """Every screen headless, and a start on a terminal."""
    screens = it.code(SCREENS).splitlines()
    assert len({line.split()[1] for line in screens}) >= 8, screens
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS="100", LINES="30")
        os.execv(it.command, [str(it.command)])
    seen, until = b"", time.monotonic() + 300
    while b"Pipeline" not in seen and time.monotonic() < until:
        if select.select([terminal], [], [], 0.5)[0]:
            seen += os.read(terminal, 65536)
    os.write(terminal, b"\x11")  # ctrl+q
    status = None
    while status is None and time.monotonic() < until:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                seen += os.read(terminal, 65536)
            except OSError:  # its end
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert b"Pipeline" in seen, seen[-500:]
    assert status == 0, (status, seen[-500:])


def what_comes_along(it: Installed) -> None:
    """The man page, and completion of a ladder's name."""
    page = it.python.parents[1] / "share" / "man" / "man1" / "scaling-tui.1"
    assert ".SH COMMANDS" in page.read_text(encoding="utf-8")
    told = it.run(_SCALING_TUI_COMPLETE="complete_bash", COMP_WORDS="scaling-tui\nrun\nquick", COMP_CWORD="2")
    assert told.split() == ["quickstart"], told


def a_missing_torch(it: Installed) -> None:
    """run and trace say in a line how to get torch; a dry run needs none."""
    prepare()
    assert "3 runs" in it.run("run", "tiny.toml", "--dry-run")
    told = it.run("run", "tiny.toml", status=2)
    assert told.startswith("scaling-tui: torch: not installed"), told
    assert HOW_TO_GET_IT in told, told
    assert told.count("\n") == 1, told
    assert not Path("runs", "tiny").exists()


def a_broken_torch(it: Installed) -> None:
    """So does a torch that cannot be loaded."""
    broken = Path("broken") / "torch"
    broken.mkdir(parents=True)
    fault = "OSError('libcudart.so.12: cannot open shared object file: No such file or directory')"
    (broken / "__init__.py").write_text(f"raise {fault}\n")
    (broken / "version.py").write_text("__version__ = '2.6.0'\ncuda = '12.4'\n")
    told = it.run("run", "tiny.toml", status=2, PYTHONPATH=str(broken.parent.resolve()))
    assert "torch: installed, but it cannot be loaded (OSError: libcudart.so.12" in told, told
    assert HOW_TO_GET_IT in told, told
    assert told.count("\n") == 1, told


def a_training(it: Installed) -> None:
    """A ladder of three sizes, its fit, its results, and a trace."""
    prepare()
    told = it.run("run", "tiny.toml", "--device", "cpu")
    assert "predicted before it ran" in told, told
    assert json.loads(it.run("attach", "tiny", "--json"))
    assert json.loads(it.run("trace", "tiny/c-s0", "--json"))


def prepare() -> None:
    """A corpus and a ladder in this folder."""
    Path("words.txt").write_text("what I learned today and what of it I will know tomorrow\n" * 400, encoding="utf-8")
    Path("tiny.toml").write_text(LADDER, encoding="utf-8")


BASE: tuple[Callable[[Installed], None], ...] = (
    versions, help_of_every_command, nothing_but_the_dependencies, fit_a_table, lessons_and_quizzes, library, schemas,
    extras_are_named, the_app, what_comes_along,
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("python", type=Path)
    parser.add_argument("--torch", action="store_true")
    options = parser.parse_args()
    it, failed = Installed(options.python), 0
    for check in (a_training,) if options.torch else (*BASE, a_missing_torch, a_broken_torch):
        began = time.monotonic()
        try:
            check(it)
            told = "ok"
        except (AssertionError, OSError, ValueError, KeyError, subprocess.TimeoutExpired) as error:
            told, failed = f"FAILED: {error}", failed + 1
        print(f"    {check.__name__}: {told} ({time.monotonic() - began:.0f} s)", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
