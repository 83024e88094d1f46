"""What has happened to the sweeps since the app was opened. Old events are not told again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scaling_tui import InputError
from scaling_tui.runs import SweepView
from scaling_tui.runs.glance import glance
from scaling_tui.sweeps.events import TROUBLE, SweepEvent, events
from scaling_tui.sweeps.listing import PATIENCE_S, Listing

QUIET = ("waits",)  # Live and Home say for whom a sweep waits, as long as it does


@dataclass(frozen=True)
class Alert:
    """What is told of one sweep at a time; `calls` is whether it is worth calling somebody who looks elsewhere."""

    text: str
    severity: Literal["information", "warning", "error"]
    calls: bool


class Alerts:
    """Looks again and again at the sweeps that train. What stands in a sweep at the first look is not news."""

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._known: dict[str, SweepView] = {}
        self._names: set[str] | None = None
        self.looks = 0

    def look(self) -> list[Alert]:
        """What has happened since the last look, of each sweep one alert at most."""
        try:
            listed = self._listing.poll(PATIENCE_S, close=False)
        except InputError:
            return []
        self.looks += 1
        there = {row.name for row in listed.rows} | set(listed.unread)
        new = set() if self._names is None else there - self._names
        self._names = there
        found = [alert for name in [*self._known] for alert in self._of(name, listed.live.get(name))]
        for name, view in listed.live.items():
            if name not in self._known:
                self._known[name] = view
                if name in new:  # launched since: all that stands in it is news
                    found += alert_of(events(None, view))
        return found

    def _of(self, name: str, view: SweepView | None) -> Iterator[Alert]:
        """Of a sweep that trained at the last look."""
        before = self._known.pop(name)
        if view is None:
            try:
                view = glance(Path(before.path))
            except (InputError, OSError):
                return  # deleted or renamed
        if view.trains or view.undecided:
            self._known[name] = view
        yield from alert_of(events(before, view))


def alert_of(found: Sequence[SweepEvent]) -> list[Alert]:
    """One alert for all that happened to a sweep: the worst of it, and how much more there is."""
    told = sorted((event for event in found if event.kind not in QUIET), key=lambda event: event.kind not in TROUBLE)
    if not told:
        return []
    trouble = any(event.kind in TROUBLE for event in told)
    more = f" (and {len(told) - 1} more)" if len(told) > 1 else ""
    return [
        Alert(
            told[0].text + more,
            "error" if trouble else "warning" if told[0].kind == "stopped" else "information",
            any(event.calls for event in told),
        )
    ]
