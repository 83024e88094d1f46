"""State and loss in a line, for terminals too small for anything else, and how large one has to be."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text
from textual.widget import Widget

from scaling_tui import InputError
from scaling_tui.text import show
from scaling_tui.tui.services.background import OneAtATime

if TYPE_CHECKING:
    from scaling_tui.runs import SweepView

POLL_S = 2.0


class StatusLine(Widget):
    """Reads the sweep while the line is displayed, and pauses while it is not."""

    DEFAULT_CSS = "StatusLine { height: 2; width: 100%; text-wrap: nowrap; text-overflow: ellipsis; }"

    def __init__(self, runs: Path, least: tuple[int, int]) -> None:
        super().__init__()
        self._runs, self._least = runs, least
        self._line = ""
        self._reading = OneAtATime(self, self._read)

    def on_mount(self) -> None:
        self.set_interval(POLL_S, self._poll)

    def on_show(self) -> None:
        self._poll()

    def _poll(self) -> None:
        if self.display and self.screen.is_current:
            self._reading.ask(getattr(self.app, "sweep", None))

    def _read(self, name: str | None) -> None:
        # Imported here: on most terminals this line is never shown.
        from scaling_tui.runs import find_sweep
        from scaling_tui.runs.glance import glance

        try:
            line = status_text(glance(find_sweep(self._runs, name)))
        except (InputError, OSError) as error:
            line = "no sweep" if name is None else str(error)
        self.app.call_from_thread(self._show, line)

    def _show(self, line: str) -> None:
        if line != self._line:
            self._line = line
            self.refresh()

    def render(self) -> Text:
        found, want = ("×".join(map(str, size)) for size in (self.app.size, self._least))
        line = Text(f"{self._line}\n", no_wrap=True, overflow="ellipsis")
        return line.append(f"screens want {want}, found {found}; q quits", "dim")


def status_text(sweep: "SweepView") -> str:
    """The state and loss first: what matters least is cut off on the right."""
    last = next((run for run in reversed(sweep.runs) if run.loss is not None), None)
    sign = show.SIGNS[sweep.state]
    parts = [f"{sign} {show.percent(sweep.progress)}" if sweep.state == "running" else f"{sign} {sweep.state}"]
    if last is not None:
        parts.append(f"{last.rung} {show.loss(last.loss)}")
    return " ".join([*parts, sweep.name])
