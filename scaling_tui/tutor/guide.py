"""A learner's way through a guided experiment: predict, launch, watch, compare, explain. The commands and the app both
walk it, and every step is kept at once, so that either can go on where the other stopped.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from scaling_tui import InputError
from scaling_tui.tutor.content.experiment import Experiment, Facts, Part, Prediction
from scaling_tui.tutor.progress import note, notes, progress_file

KIND = "experiment"
Stage = Literal["predict", "launch", "run", "bonus", "done"]


@dataclass(frozen=True)
class Launched:
    """Where the sweep of a part lies; `trained_before` where it was there before the learner predicted."""

    runs: str
    sweep: str
    trained_before: bool = False


@dataclass
class Taken:
    """What the learner has done in one part."""

    predictions: dict[str, float] = field(default_factory=dict)
    hints: int = 0
    solution: bool = False
    launched: Launched | None = None
    compared: bool = False


class Guide:
    """One learner in one experiment.

    Args:
        experiment: the experiment.
        progress: the file of the learner's progress; None is their own.

    Raises:
        InputError: the progress cannot be read.
    """

    def __init__(self, experiment: Experiment, progress: Path | None = None) -> None:
        self.experiment = experiment
        self._progress = progress or progress_file()
        self._warning = ""
        self.at = 0
        self.taken = [Taken() for _ in experiment.parts]
        for record in notes(KIND, experiment.id, self._progress):
            self._replay(record)

    @property
    def part(self) -> Part:
        return self.experiment.parts[self.at]

    @property
    def here(self) -> Taken:
        return self.taken[self.at]

    @property
    def stage(self) -> Stage:
        """What comes next."""
        if self.asked is not None:
            return "predict"
        if self.here.launched is None:
            return "launch"
        if not self.here.compared:
            return "run"
        return "bonus" if self.at + 1 < len(self.experiment.parts) else "done"

    @property
    def begun(self) -> bool:
        """Whether there is anything to go on with."""
        return self.at > 0 or self.here != Taken()

    @property
    def asked(self) -> Prediction | None:
        """The prediction that is still to be made."""
        return next((one for one in self.part.predictions if one.id not in self.here.predictions), None)

    def predict(self, text: str) -> float:
        """Takes the answer to `asked`, and keeps it.

        Raises:
            InputError: it cannot be read as this prediction.
        """
        asked = self.asked
        if asked is None:
            raise InputError("prediction: found one more, want none: all are made")
        value = asked.read(text)
        self._keep({"step": "predicted", "id": asked.id, "value": value})
        return value

    def hint(self, facts: Facts) -> str:
        """The next hint; after the last one all of them, in order."""
        hints = self.part.hints
        if self.here.hints >= len(hints):
            return "\n".join(hint.render(facts) for hint in hints)
        self._keep({"step": "hint"})
        number = self.here.hints
        return f"{number} of {len(hints)}: {hints[number - 1].render(facts)}"

    def solution(self, facts: Facts) -> str:
        """The solution, which is not shown until it is asked for."""
        if not self.here.solution:
            self._keep({"step": "solution", "early": self.asked is not None})
        return self.part.solution.render(facts)

    def launched(self, where: Launched) -> None:
        """Notes which sweep answers the part's question."""
        self._keep({"step": "launched", "runs": where.runs, "sweep": where.sweep, "before": where.trained_before})

    def compared(self) -> None:
        """Notes that the results were compared."""
        if not self.here.compared:
            self._keep({"step": "compared"})

    def go_on(self) -> None:
        """Begins the bonus."""
        if self.at + 1 < len(self.experiment.parts):
            self._keep({"step": "bonus"})

    def restart(self) -> None:
        """Begins anew. Sweeps stay as they are."""
        self._keep({"step": "restarted"})

    def let_go(self) -> None:
        """Forgets the sweep of this part, which is not there any more, so that it can be launched again."""
        self._keep({"step": "let go"})

    def unkept_warning(self) -> str:
        """That a step could not be saved, once; empty otherwise."""
        warning, self._warning = self._warning, ""
        return warning

    def _keep(self, what: dict[str, Any]) -> None:
        record = {"part": self.at, **what}
        try:
            note(KIND, self.experiment.id, record, self._progress)
        except InputError as error:
            self._warning = f"{error}: this step is not saved"
        self._replay(record)

    def _replay(self, record: dict[str, Any]) -> None:
        """Takes one step; a record that does not fit, of an older edition of the experiment say, changes nothing."""
        number = record.get("part")
        if not isinstance(number, int) or not 0 <= number < len(self.taken):
            return
        taken, part = self.taken[number], self.experiment.parts[number]
        match record:
            case {"step": "predicted", "id": str(identity), "value": float() | int() as value}:
                if any(one.id == identity for one in part.predictions):
                    taken.predictions[identity] = float(value)
            case {"step": "hint"}:
                taken.hints = min(taken.hints + 1, len(part.hints))
            case {"step": "solution"}:
                taken.solution = True
            case {"step": "launched", "runs": str(runs), "sweep": str(sweep)}:
                taken.launched, taken.compared = Launched(runs, sweep, bool(record.get("before"))), False
            case {"step": "let go"}:
                taken.launched = None
            case {"step": "compared"}:
                taken.compared = True
            case {"step": "bonus"}:
                self.at = min(number + 1, len(self.taken) - 1)
            case {"step": "restarted"}:
                self.at, self.taken = 0, [Taken() for _ in self.taken]

    def comparisons(self, facts: Facts) -> Iterator[tuple[Prediction, float, float]]:
        """Each prediction made, with what was predicted and what came out."""
        for one in self.part.predictions:
            if one.id in self.here.predictions:
                yield one, self.here.predictions[one.id], one.value.of(facts)
