"""From size and data to the accuracy of a task, in two steps (Bhagia et al. 2024, arXiv 2412.04403).

First a law for the bits per byte of the task's right answers over N and D, then a sigmoid from these to accuracy
(`sigmoid`). A prediction goes through both, and so does its interval: each draw refits the law and the sigmoid to noise
like that of their residuals, and adds the noise of one run. `benchmarks/laws_tasks.py` measures how often it is true.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.fitting.bootstrap import Bootstrap, bootstrap
from scaling_tui.laws.fitting.fit import fit
from scaling_tui.laws.fitting.fitted import Fit
from scaling_tui.laws.fitting.points import Points
from scaling_tui.laws.fitting.ranks import rank_correlation
from scaling_tui.laws.fitting.sigmoid import Sigmoid, accuracies, fit_sigmoids
from scaling_tui.laws.kernels import Array

COEFFICIENTS = ("floor", "ceiling", "steepness", "midpoint")
_LEAST_RUNS = len(COEFFICIENTS) + 1
_NEAR_CHANCE = 0.05
_FALLS = -0.5  # rank correlation of accuracy with bits per byte above which it does not tell a sigmoid
_SIZES = 3  # that E, A and alpha need


@dataclass(frozen=True)
class TaskPrediction:
    """Bits per byte and accuracy of one run at `inputs`, with intervals; their ends are nan without draws."""

    inputs: dict[str, float]
    bpb: float
    bpb_low: float
    bpb_high: float
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class HeldOut:
    """The runs of the largest size, predicted by the others.

    `bpb_error` is the mean absolute error relative to the bits measured, `accuracy_error` and `accuracy_bias` are
    differences of accuracies.
    """

    params: float
    points: int
    fitted: int
    bpb_error: float
    accuracy_error: float
    accuracy_bias: float


@dataclass(frozen=True)
class TaskFit:
    """Both steps.

    Args:
        law: bits per byte over N and D.
        sigmoid: accuracy over bits per byte.
        bpb, accuracy: the runs of the second step, (n,) each.
        accuracy_sd: residual standard deviation of the accuracies.
        draws: refits of the law, None where there are none; `sigmoids` those of the sigmoid, (K, 4).
        chance: accuracy of guessing, None if unknown.
    """

    law: Fit
    sigmoid: Sigmoid
    bpb: Array = field(repr=False)
    accuracy: Array = field(repr=False)
    accuracy_sd: float
    draws: Bootstrap | None = field(repr=False)
    sigmoids: Array = field(repr=False)
    chance: float | None
    holdout: HeldOut | None
    level: float
    warnings: tuple[str, ...]

    def intervals(self) -> dict[str, tuple[float, float]]:
        """The interval of each coefficient of both steps; nan where the points do not move it; empty without draws."""
        if self.draws is None:
            return {}
        tail = (1 - self.level) / 2
        ends = np.quantile(self.sigmoids, [tail, 1 - tail], axis=0).T.tolist()
        own = {
            name: (min(low, value), max(high, value)) if low < high else (math.nan, math.nan)
            for name, (low, high), value in zip(COEFFICIENTS, ends, self.sigmoid.row.tolist(), strict=True)
        }
        return self.draws.intervals(self.level) | own

    def predict(self, **inputs: float) -> TaskPrediction:
        """What one run at `inputs` would show.

        Raises:
            InputError: an input of the law is missing.
        """
        given: dict[str, float] = {name: inputs[name] for name in self.law.law.inputs if name in inputs}
        bpb = float(self.law.loss(**given))
        value = self.sigmoid.at(bpb)
        nan = math.nan
        if self.draws is None or not len(self.draws):
            return TaskPrediction(given, bpb, nan, nan, value, nan, nan)
        rng = np.random.default_rng(1)
        run = self.draws.losses(**given) * np.exp(self.draws.noise.of_new(math.log(bpb), 1, rng))
        residuals = self.accuracy - accuracies(np.tile(self.sigmoid.row, (self.bpb.size, 1)), self.bpb)
        seen = accuracies(self.sigmoids, run) + _noise(residuals, self.bpb.size - len(COEFFICIENTS), run.size, rng)
        tail = (1 - self.level) / 2
        bpb_low, bpb_high = np.quantile(run, [tail, 1 - tail])
        low, high = np.clip(np.quantile(seen, [tail, 1 - tail]), 0, 1)
        return TaskPrediction(
            given, bpb, min(float(bpb_low), bpb), max(float(bpb_high), bpb),
            value, min(float(low), value), max(float(high), value),
        )  # fmt: skip


def fit_task(
    points: Points,
    accuracy: Array,
    *,
    law: str = "chinchilla",
    draws: int = 400,
    chance: float | None = None,
    level: float = 0.9,
    delta: float | None = None,
    seed: int = 0,
) -> TaskFit:
    """Fits both steps.

    Args:
        points: the runs, their `loss` being bits per byte of the task's right answers.
        accuracy: of each run, 0 to 1, (n,); nan where it was not measured.
        law: of the bits per byte.
        draws: refits for the intervals; 0 gives none.
        chance: accuracy of guessing.
        level: of the intervals.
        delta: of the Huber loss of the first step; None chooses.
        seed: of the draws.

    Raises:
        InputError: too few runs for either step.
    """
    first, row, bpb, seen = _both_steps(points, accuracy, law, delta)
    sigmoid = Sigmoid(*row.tolist())
    fitted = accuracies(np.tile(row, (bpb.size, 1)), bpb)
    freedom = bpb.size - len(COEFFICIENTS)
    sd = float(np.sqrt(((seen - fitted) ** 2).sum() / freedom))
    refits, rows = None, row[None]
    if draws and first.freedom > 0:
        refits = bootstrap(first, draws, seed=seed)
        rng = np.random.default_rng(seed + 1)
        spread = np.sqrt(freedom / rng.chisquare(freedom, (draws, 1)))
        rows = fit_sigmoids(bpb, fitted + sd * spread * rng.standard_normal((draws, bpb.size)))
    warnings = (*first.warnings, *_doubts(points, first, bpb, seen, chance))
    holdout = _hold_out(points, accuracy, law, delta)
    return TaskFit(first, sigmoid, bpb, seen, sd, refits, rows, chance, holdout, level, warnings)


def _both_steps(points: Points, accuracy: Array, law: str, delta: float | None) -> tuple[Fit, Array, Array, Array]:
    """The law, the sigmoid's coefficients (4,), and the runs that it was fitted to."""
    first = fit(law, points, delta=delta)
    measured = np.isfinite(accuracy) & np.isfinite(points.loss) & (points.loss > 0)
    bpb, seen = points.loss[measured], accuracy[measured]
    if np.unique(bpb).size < _LEAST_RUNS:
        raise InputError(
            f"task: found {np.unique(bpb).size} runs with bits per byte and accuracy, want at least {_LEAST_RUNS} for "
            f"the sigmoid's {', '.join(COEFFICIENTS)}"
        )
    return first, fit_sigmoids(bpb, seen[None])[0], bpb, seen


def _noise(residuals: Array, freedom: int, draws: int, rng: np.random.Generator) -> Array:
    """Errors of one new run each, with Student's t, (draws,)."""
    freedom = max(freedom, 1)
    sd = np.sqrt(float(residuals @ residuals) / freedom)
    return np.asarray(sd * rng.standard_t(freedom, draws))


def _hold_out(points: Points, accuracy: Array, law: str, delta: float | None) -> HeldOut | None:
    """None where the points have no N, or the others are too few."""
    if points.params is None:
        return None
    largest = points.params >= points.params.max() * (1 - 1e-6)
    held, smaller = points.take(largest), points.take(~largest)
    if not len(smaller) or np.unique(points.params[~largest]).size < _SIZES:
        return None
    try:
        first, row, _, _ = _both_steps(smaller, accuracy[~largest], law, delta)
    except InputError:
        return None
    bpb = np.asarray(first.loss(**{name: held.column(name) for name in first.law.inputs}))
    off = accuracies(np.tile(row, (len(held), 1)), bpb) - accuracy[largest]
    off = off[np.isfinite(off)]
    if not off.size:
        return None
    return HeldOut(
        float(points.params.max()),
        int(off.size),
        len(smaller),
        float(np.mean(np.abs(bpb / held.loss - 1))),
        float(np.mean(np.abs(off))),
        float(np.mean(off)),
    )


def _doubts(points: Points, first: Fit, bpb: Array, accuracy: Array, chance: float | None) -> list[str]:
    warnings = []
    for name, what in (("params", "sizes"), ("tokens", "token counts")):
        column = getattr(points, name)
        if name in first.law.inputs and column is not None:
            count = np.unique(np.round(np.log(column), 6)).size
            if count < _SIZES:
                warnings.append(f"{count} {what}: fewer than the {_SIZES} coefficients that they must determine")
    if chance is not None and accuracy.max() < chance + _NEAR_CHANCE:
        warnings.append(
            f"accuracy is at most {accuracy.max():.3f}, near the {chance:.3f} of guessing: "
            "the sigmoid is not determined"
        )
    correlation = float(np.nan_to_num(rank_correlation(bpb, accuracy)))
    if correlation > _FALLS:
        warnings.append(
            f"accuracy does not rise steadily as bits per byte fall (rank correlation {correlation:.2f}): "
            "the sigmoid is not determined"
        )
    for name, what in (("params", "N"), ("tokens", "D")):
        if name in first.law.inputs and rank_correlation(points.column(name), points.loss) > 0:
            warnings.append(f"bits per byte do not fall as {what} grows: the law does not describe them")
    return warnings
