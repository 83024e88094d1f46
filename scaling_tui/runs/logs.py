"""The whole log of a run or of the supervisor, followed as it is written: tracebacks and what libraries print too."""

from collections.abc import Sequence
from pathlib import Path

from scaling_tui.runs.format import numbered
from scaling_tui.runs.tail import Tail
from scaling_tui.text.visible import visible

LAST_BYTES = 1 << 20  # of each file
MOST_LINES = 20_000
LONGEST = 2_000  # characters of a line


class LogTail:
    """Follows the logs of a run's attempts (of the supervisors, where `run` is None), the latest last.

    `lines` are harmless to a terminal and hold no tabs. Before those of a second attempt stands a line that names it.
    """

    def __init__(self, sweep: Path, run: str | None) -> None:
        self._folder, self._kind = (sweep, "supervisor") if run is None else (sweep / run, "attempt")
        self._tails: dict[Path, Tail] = {}
        self.lines: Sequence[str] = ()
        self.left_out = False  # whether there is more in the files before the first of `lines`

    def poll(self) -> bool:
        """Reads what is new; returns whether anything is."""
        new: list[str] = []
        for number, path in numbered(self._folder, self._kind):
            tail = self._tails.get(path)
            if tail is None:
                file = path / ("supervisor.log" if self._kind == "supervisor" else "worker.log")
                tail = self._tails[path] = Tail(file, LAST_BYTES)
                self.left_out = self.left_out or tail.offset > 0
                if number > 1:
                    new.append(f"--- {path.name}")
            for lines in tail.new_lines():
                new += [_shown(line) for line in lines]
        if new:
            lines_now = [*self.lines, *new]
            self.left_out = self.left_out or len(lines_now) > MOST_LINES
            self.lines = lines_now[-MOST_LINES:]
        return bool(new)


def _shown(line: bytes) -> str:
    text = visible(line.decode(errors="replace").rstrip("\r").expandtabs())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def matches(lines: Sequence[str], wanted: str) -> list[int]:
    """The numbers of the lines that hold `wanted`; upper and lower case count only if `wanted` has upper case."""
    if not wanted:
        return []
    if wanted != wanted.lower():
        return [number for number, line in enumerate(lines) if wanted in line]
    return [number for number, line in enumerate(lines) if wanted in line.lower()]
