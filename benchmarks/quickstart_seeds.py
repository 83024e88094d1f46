"""Quickstart at many seeds: how far its largest rung ends from its prediction, and how often its interval holds it.

    python benchmarks/quickstart_seeds.py [--seeds 0-19] [--runs DIR] [--jobs 2] [--minutes M] [--markdown]

Trains what of `scaling-tui run quickstart --seed N` is not yet in DIR, N by N, and prints a line a seed; stopped or out
of minutes, it goes on where it was when it is called again. It takes a minute and a half a seed on two idle cores. Each
prediction goes through the smaller rungs alone, as that of a sweep, which is recorded before the largest is trained.
Then come the means of three: seeds 0, 1 and 2 hold the runs of `run quickstart --set seeds=[0,1,2]`, and so on. The
last figures are for each rung trained once, as `run quickstart --set runs=1` does: each seed holds three such ladders.
"""

import argparse
import math
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from scaling_tui.runs import SweepView, list_sweeps, read_sweep
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import lay_out
from scaling_tui.sweeps.summary import naive_error
from scaling_tui.sweeps.sweep_fit import last_runs, point_of, predict_run
from scaling_tui.text.columns import columns
from scaling_tui.train.worker import LastCorpus, work

LADDER = "quickstart"


@dataclass(frozen=True)
class Outcome:
    """What was predicted of the largest rung and what came out, in nats per token; errors as shares."""

    seeds: str
    predicted: float
    low: float
    high: float
    measured: float
    error: float
    naive: float  # measured over the loss of the rung below, less 1

    @property
    def inside(self) -> bool:
        return self.low <= self.measured <= self.high

    @property
    def better(self) -> bool:
        """Than the guess that the largest rung ends with the loss of the one below."""
        return abs(self.error) < abs(self.naive)


def sweep_of(runs: Path, seed: int) -> Path:
    """The folder of quickstart at `seed`, laid out where there is none."""
    for path in list_sweeps(runs):
        document = read_sweep(path).document
        if document.get("ladder") == LADDER and document.get("seeds") == [seed]:
            return path
    return lay_out(runs, load_ladder(LADDER), seed)


@cache
def corpus() -> LastCorpus:
    """Of this process, for all its runs."""
    return LastCorpus()


def train(run: Path) -> int:
    """Trains a run of a sweep in this process, on one thread."""
    return work(run, "cpu", 1, corpus())


def train_all(sweeps: Sequence[Path], jobs: int, minutes: float) -> None:
    """Trains what has not finished, `jobs` runs at a time, and begins none after so many `minutes`."""
    ends = time.monotonic() + 60 * minutes
    waiting = [run.path for sweep in sweeps for run in read_sweep(sweep).runs if run.state != "finished"]
    os.environ |= {"OMP_NUM_THREADS": "1"}
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        running: set[Future[int]] = set()
        while running or (waiting and time.monotonic() < ends):
            while waiting and len(running) < jobs and time.monotonic() < ends:
                running.add(pool.submit(train, waiting.pop(0)))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()


def outcome(views: Sequence[SweepView]) -> Outcome | None:
    """What came out of the runs of all `views` together; None before all have finished."""
    view = replace(views[0], runs=tuple(run for view in views for run in view.runs))
    last = last_runs(view)
    point = point_of(view, last[0])
    if any(run.state != "finished" for run in view.runs) or point is None or point.best is None:
        return None
    prediction = predict_run(view, point.runs[0], last)
    measured = point.best.loss
    naive = naive_error(view, point)
    assert measured is not None and naive is not None and prediction.low is not None and prediction.high is not None
    seeds = ", ".join(str(seed) for view in views for seed in view.document["seeds"])
    error = measured / prediction.predicted - 1
    return Outcome(seeds, prediction.predicted, prediction.low, prediction.high, measured, error, naive)


def trained_once(view: SweepView) -> Iterator[SweepView]:
    """The runs of `view` as ladders that train each rung once: those of one seed."""
    for seed in sorted({run.seed or 0 for run in view.runs}):
        yield replace(view, runs=tuple(run for run in view.runs if run.seed == seed))


def table(outcomes: Sequence[Outcome], markdown: bool) -> Iterator[str]:
    """The outcomes, a line each."""
    head = ["seed", "predicted", "low", "high", "measured", "error, %", "inside", "from the rung below, %"]
    rows = [
        [
            one.seeds, f"{one.predicted:.4f}", f"{one.low:.4f}", f"{one.high:.4f}", f"{one.measured:.4f}",
            f"{100 * one.error:+.2f}", "yes" if one.inside else "no", f"{100 * one.naive:+.2f}",
        ]
        for one in outcomes
    ]  # fmt: skip
    if markdown:
        yield from (f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))
    else:
        yield columns([head, *rows], numeric=range(1, len(head)))


def together(outcomes: Sequence[Outcome]) -> str:
    """What the outcomes say together."""
    errors = [100 * one.error for one in outcomes]
    half = [50 * (one.high - one.low) / one.predicted for one in outcomes]
    return (
        f"{len(errors)} predictions: rms error {math.sqrt(statistics.mean(e * e for e in errors)):.2f} %, mean "
        f"{statistics.mean(errors):+.2f} %, largest {max(errors, key=abs):+.2f} %; inside the 90 % interval "
        f"{sum(one.inside for one in outcomes)}, half-width {statistics.median(half):.2f} % (median); better than the "
        f"loss of the rung below {sum(one.better for one in outcomes)}"
    )


def scatter(views: Sequence[SweepView]) -> Iterator[str]:
    """The standard deviation of the loss of each rung over all its runs."""
    losses: dict[str, list[float]] = {}
    for run in (run for view in views for run in view.runs if run.state == "finished" and run.loss is not None):
        losses.setdefault(run.rung, []).append(run.loss or math.nan)
    shown = (
        f"{rung} {100 * statistics.stdev(found) / statistics.mean(found):.2f} % ({len(found)} runs)"
        for rung, found in losses.items()
        if len(found) > 1
    )
    yield f"standard deviation of the loss between seeds: {', '.join(shown)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0-19", help="FIRST-LAST")
    parser.add_argument("--runs", type=Path, default=Path("runs-quickstart-seeds"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    first, _, last = options.seeds.partition("-")
    sweeps = [sweep_of(options.runs, seed) for seed in range(int(first), int(last or first) + 1)]
    train_all(sweeps, options.jobs, options.minutes)
    views = [read_sweep(sweep) for sweep in sweeps]
    single = [found for view in views if (found := outcome([view]))]
    threes = [views[i : i + 3] for i in range(0, len(views) - 2, 3)]
    several = [found for three in threes if (found := outcome(three))]
    alone = [found for view in views for once in trained_once(view) if (found := outcome([once]))]
    for outcomes in filter(None, (single, several)):
        print("\n".join(table(outcomes, options.markdown)), together(outcomes), sep="\n\n", end="\n\n")
    if alone:
        print(f"each rung trained once: {together(alone)}\n")
    print("\n".join(scatter(views)))


if __name__ == "__main__":
    main()
