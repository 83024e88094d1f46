"""The walk through a guided experiment, for the command and the app: what each stage shows, and how it is left."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scaling_tui import InputError
from scaling_tui.report.experiment_facts import facts_before
from scaling_tui.report.experiments import (
    fitting_sweeps,
    ladder_of,
    launch_text,
    missing_text,
    opening,
    predicted_text,
    results_sections,
    trained_as,
)
from scaling_tui.runs import SweepReader, SweepView, find_sweep
from scaling_tui.tutor.guide import Guide, Launched

if TYPE_CHECKING:
    from scaling_tui.sweeps.ladder import Ladder
    from scaling_tui.tutor.content.experiment import Facts

Sections = list[tuple[str, str]]  # headings with their texts


class Walk:
    """A learner's guide, with the ladder of the part that they are in and the sweeps that they have.

    `guide.stage` says which stage is next. In `predict` ask `question` until it is answered; in `launch` train `ladder`
    and tell `launched`, or `use` a sweep that is there; in `run` wait for `sweep` and show `results`; in `bonus` show
    `following` and go on.

    Args:
        guide: the learner's steps.
        runs: the folder of the sweeps.

    Raises:
        InputError: the ladder of the part is not there.
    """

    def __init__(self, guide: Guide, runs: Path) -> None:
        self.guide, self.runs = guide, runs
        self._at = -1
        self._read()

    def _read(self) -> None:
        """The ladder of the part that the learner is in; it is read once."""
        if self._at != self.guide.at:
            self._ladder = ladder_of(self.guide.part)
            self._facts = facts_before(self._ladder)
            self._at = self.guide.at

    @property
    def ladder(self) -> "Ladder":
        self._read()
        return self._ladder

    @property
    def facts(self) -> "Facts":
        """What is known before the part is trained."""
        self._read()
        return self._facts

    @property
    def told(self) -> Sections:
        """The problem, and what was predicted so far."""
        sections = opening(self.guide.part, self.facts)
        if self.guide.here.predictions:
            sections.append(("You have predicted", predicted_text(self.guide)))
        return sections

    @property
    def question(self) -> str:
        """The prediction that is asked for."""
        asked = self.guide.asked
        assert asked is not None
        return asked.asks.render(self.facts)

    def hint(self) -> str:
        return f"Hint {self.guide.hint(self.facts)}"

    def solution(self) -> str:
        return f"Solution: {self.guide.solution(self.facts)}"

    @property
    def trains(self) -> str:
        """What a launch will train."""
        return launch_text(self.guide.part, self.ladder)

    def there(self) -> list[str]:
        """Sweeps that answer the part's question already, the latest first."""
        return fitting_sweeps(self.runs, self.guide.part)

    def launched(self, path: Path) -> None:
        """Notes the sweep that was launched for the part."""
        self.guide.launched(Launched(str(path.parent.absolute()), path.name))

    def existing(self, sweep: str) -> Launched:
        """A sweep that is there, as the one that answers the part's question.

        Raises:
            InputError: it is not there, or of another ladder.
        """
        path, part = find_sweep(self.runs, sweep), self.guide.part
        view = SweepReader(path).poll()
        if not trained_as(view, self.ladder):
            found = view.document.get("ladder")
            changed = f" with {', '.join(part.settings)}" if part.settings else ""
            raise InputError(
                f"sweep {sweep}: found ladder {found!r}, want a sweep of {self.ladder.name!r}{changed}, as it is now"
            )
        return Launched(str(path.parent.absolute()), path.name, trained_before=True)

    def use(self, sweep: str) -> None:
        """Takes a sweep that is there in place of a launch.

        Raises:
            InputError: as `existing`.
        """
        self.guide.launched(self.existing(sweep))

    def sweep(self) -> Path:
        """The folder of the sweep that answers the part's question; without one the part goes back to its launch.

        Raises:
            InputError: it is not there any more.
        """
        launched = self.guide.here.launched
        assert launched is not None
        try:
            return find_sweep(Path(launched.runs), launched.sweep)
        except InputError:
            self.guide.let_go()
            raise

    def missing(self, view: SweepView) -> str:
        """Why the results cannot be compared yet, and what to do; empty if they can."""
        return missing_text(self.guide.part, view)

    def results(self, view: SweepView, table: Callable[[Sequence[tuple[str, ...]]], str]) -> Sections:
        """What came of the part; `table` makes rows under a row of names into text."""
        return results_sections(self.guide, view, table)

    @property
    def following(self) -> str:
        """The title of the part that comes next; empty after the last one."""
        parts = self.guide.experiment.parts
        return parts[self.guide.at + 1].title if self.guide.at + 1 < len(parts) else ""
