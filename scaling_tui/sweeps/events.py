"""What happened to a sweep between two looks at it, as plain data: for alerts, progress lines and `--notify`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from scaling_tui.runs import RecordedPrediction, RunView, Status, SweepView
from scaling_tui.runs.format import numbered
from scaling_tui.sweeps.summary import prediction_summary
from scaling_tui.text import show

Kind = Literal["diverged", "failed", "lost", "predicted", "waits", "finished", "stopped"]

TROUBLE: tuple[Kind, ...] = ("diverged", "failed", "lost")


@dataclass(frozen=True)
class SweepEvent:
    """Something that happened.

    Args:
        kind: what.
        sweep: the sweep's name.
        run: the run that it happened to; None is the sweep as a whole.
        text: a sentence without a full stop, with what files say in it: to be filtered before a terminal gets it.
    """

    kind: Kind
    sweep: str
    run: str | None
    text: str

    @property
    def calls(self) -> bool:
        """Whether somebody who looks elsewhere wants to be told: of trouble, and of the end."""
        return self.kind in (*TROUBLE, "finished") or (self.kind == "stopped" and self.run is None)


def events(before: SweepView | None, after: SweepView) -> list[SweepEvent]:
    """What happened from one view of a sweep to a later one; without an earlier one, all that stands.

    While records are still unread, states are found out rather than reached: nothing counts as having happened.
    """
    if after.unread or (before is not None and before.unread):
        return []
    return [*_of_runs(before, after), *_of_sweep(before, after)]


def _of_runs(before: SweepView | None, after: SweepView) -> Iterator[SweepEvent]:
    earlier = {run.name: run for run in before.runs} if before else {}
    for run in after.runs:
        known = earlier.get(run.name)
        name = f"{after.name}: {run.name}"
        why = f": {run.reason}" if run.reason else ""
        if run.state in ("diverged", "failed", "lost"):
            if known is not None and (known.state, known.attempts) == (run.state, run.attempts):
                continue
            if run.state == "lost":
                if after.undecided:
                    continue  # it may only have a wrong clock, which the next looks tell
                yield SweepEvent("lost", after.name, run.name, f"{name} lost its worker at {_done(run)}{why}")
            else:
                yield SweepEvent(run.state, after.name, run.name, f"{name} {run.state} at {_done(run)}{why}")
        elif known is not None and known.state == "running" and _was_lost(run, known.attempts):
            # The supervisor can be quicker than a reader: the loss of a worker shows only in its successor.
            what = f"{name} lost its worker and goes on, attempt {run.attempts}"
            yield SweepEvent("lost", after.name, run.name, what)
    for prediction in new_predictions(before, after):
        interval = show.interval(prediction.predicted, prediction.low, prediction.high)
        several = sum(run.rung == prediction.rung for run in after.runs) > 1
        what = prediction.rung if several else prediction.run
        text = f"{after.name}: {what} predicted before it runs: {interval} nats per token"
        yield SweepEvent("predicted", after.name, prediction.run, text)


def new_predictions(before: SweepView | None, after: SweepView) -> tuple[RecordedPrediction, ...]:
    return after.predictions[len(before.predictions) if before else 0 :]


def _was_lost(run: RunView, attempt: int) -> bool:
    """Whether another attempt has followed this one, whose worker left without a word."""
    if run.attempts <= attempt:
        return False
    path = dict(numbered(run.path, "attempt")).get(attempt)
    status = Status.read(path / "status.json") if path else None
    return status is not None and status.state == "running"


def _of_sweep(before: SweepView | None, after: SweepView) -> Iterator[SweepEvent]:
    if after.state == "running":
        if after.reason and (before is None or before.reason != after.reason or before.state != "running"):
            yield SweepEvent("waits", after.name, None, f"{after.name}: {after.reason}")
        return
    if before is None or before.state == after.state:
        return
    finished = sum(run.state == "finished" for run in after.runs)
    of = f"{finished} of {show.counted(len(after.runs), 'run')} finished"
    if after.state == "finished":
        text = f"{after.name} finished: {show.counted(finished, 'run')}{_end(after)}"
        yield SweepEvent("finished", after.name, None, text)
    elif after.state == "stopped":
        yield SweepEvent("stopped", after.name, None, f"{after.name} stopped: {of}")
    elif after.state in ("failed", "diverged"):
        yield SweepEvent(after.state, after.name, None, f"{after.name} ended, {after.state}: {of}")
    elif after.state == "lost" and not after.undecided and numbered(after.path, "supervisor"):
        yield SweepEvent("lost", after.name, None, f"{after.name} lost its supervisor: {of}")


def _end(sweep: SweepView) -> str:
    """The loss of the predicted rung beside its prediction; empty without one."""
    prediction = prediction_summary(sweep)
    if prediction is None or prediction["measured"] is None:
        return ""
    error = show.percent(prediction["error"], 1, sign=True)
    return f", {prediction['rung']} {show.loss(prediction['measured'])}, {error} from the prediction"


def _done(run: RunView) -> str:
    return show.percent(run.progress)
