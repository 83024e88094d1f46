"""Laws in competition on the same runs: how well each fits them, and how well it predicts what it has not seen.

Four measures, the first two of the sample and the last two of what lies outside it:

* the objective, the same for every law;
* AICc (Akaike 1974; corrected for few points by Hurvich and Tsai 1989), on the likelihood that the objective itself
  implies: residuals of log loss have the density exp(-Huber_delta(r)/tau)/Z(tau). Its maximum over the coefficients is
  the fit; tau, the spread, is one more parameter, at its own maximum. With delta inf it is the normal distribution,
  with delta far below the residuals nearly that of Laplace.
* leave-one-out error: the mean |predicted/measured - 1| of each run by the fit without it;
* rolled forwards (rolling origin, Tashman 2000): the law is fitted to the smallest runs and predicts every larger one,
  from several origins. This is the use that a law is put to, and the only one of the four that extrapolates.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from scaling_tui import InputError
from scaling_tui.laws.arguments import instance
from scaling_tui.laws.fitting.clusters import Clusters, together
from scaling_tui.laws.fitting.fit import fit as fit_law
from scaling_tui.laws.fitting.fitted import Fit, observations
from scaling_tui.laws.fitting.holdout import sizes
from scaling_tui.laws.fitting.leave_out import leave_out
from scaling_tui.laws.fitting.points import Points
from scaling_tui.laws.forms import LAWS, SYMBOLS, Input, Law
from scaling_tui.laws.kernels import Array
from scaling_tui.laws.published import find_law

ORIGINS = (0.5, 0.6, 0.7, 0.8, 0.9)  # shares of the runs that are fitted
EQUAL = 2.0  # a difference of AICc below this does not choose a law (Burnham and Anderson 2002, section 2.6)
_MOVES = 0.05  # log ratio: an input that follows others more closely than this does not vary by itself
_SAME_SIZE = 0.01  # share by which a run may be larger than the last fitted one and still go with it
_MOST_POINTS = 20_000  # more would not change the order of laws, only the wait
_TINIEST = 1e-24  # mean objective of points that a law passes through exactly


@dataclass(frozen=True)
class Origin:
    """A division of the runs by size: the smaller ones are fitted, the larger ones predicted.

    Args:
        fitted, predicted: numbers of runs.
        largest_fitted: the size of the largest fitted run; `reach` is the largest predicted one divided by it.
    """

    fitted: int
    predicted: int
    largest_fitted: float
    reach: float


@dataclass(frozen=True)
class Contender:
    """One law's part in a comparison.

    Args:
        fit: the law fitted to all runs.
        parameters: of the likelihood: the coefficients and the spread of the residuals.
        aicc: lower is better; differences count, not values.
        loo: mean |predicted/measured - 1| of runs left out of the fit.
        errors: mean |predicted/measured - 1| from each origin; nan where the law could not be fitted.
        biases: mean of predicted/measured - 1 from each origin.
    """

    fit: Fit
    parameters: int
    aicc: float
    loo: float
    errors: tuple[float, ...]
    biases: tuple[float, ...]

    @property
    def holdout_mape(self) -> float:
        """The mean over the origins; nan where there is none, or one from which the law could not be fitted."""
        return float(np.mean(self.errors)) if self.errors else math.nan

    @property
    def holdout_bias(self) -> float:
        """The mean over the origins of the signed error."""
        return float(np.mean(self.biases)) if self.biases else math.nan


@dataclass(frozen=True)
class Comparison:
    """Laws compared on the same points by the same objective, lowest AICc first.

    Args:
        points: those that tell every input that any of them tells; of more than `_MOST_POINTS` a sample.
        given: how many there were before sampling.
        excluded: why each other law takes no part.
        by: the measure of size that the origins divide the runs by.
        folds: how many refits a leave-one-out error is of; `groups` says what each leaves out.
    """

    points: Points = field(repr=False)
    given: int
    delta: float
    contenders: tuple[Contender, ...]
    excluded: dict[str, str]
    by: Input
    origins: tuple[Origin, ...]
    groups: Clusters
    folds: int

    @property
    def best_within(self) -> Contender:
        """Lowest AICc."""
        return self.contenders[0]

    @property
    def best_beyond(self) -> Contender | None:
        """Least error on larger runs; None where no origin tells."""
        tested = [one for one in self.contenders if not math.isnan(one.holdout_mape)]
        return min(tested, key=lambda one: one.holdout_mape) if tested else None


def compare(own: Fit, laws: Iterable[Law] | None = None) -> Comparison:
    """Compares the law of `own` with every other law that its points can carry, by its objective.

    Args:
        own: its points, delta and convention are used for every law; its law always takes part, restricted as it is.
        laws: the laws to try; None tries all.

    Raises:
        InputError: too few points to compare any law.
    """
    instance("fit", own, Fit, "what laws.fit gives")
    if laws is not None:
        laws = [law if isinstance(law, Law) else find_law(law) for law in instance("laws", laws, Iterable, "a list")]  # type: ignore[type-abstract]
    known = _known(own.points)
    points = own.points
    whole = np.all([np.isfinite(points.column(name)) & (points.column(name) > 0) for name in known], axis=0)
    points = points if whole.all() else points.take(whole)
    given = len(points)
    if given > _MOST_POINTS:
        points = points.take(np.sort(np.random.default_rng(0).permutation(given)[:_MOST_POINTS]))
    groups = together(known, points)
    excluded: dict[str, str] = {}
    fits: list[Fit] = []
    for law in LAWS.values() if laws is None else laws:
        if law == own.law:
            continue
        if reason := _why_not(law, points, known, groups):
            excluded[law.name] = reason
            continue
        try:
            fits.append(fit_law(law, points, delta=own.delta, convention=own.convention))
        except InputError as error:
            excluded[law.name] = str(error).removeprefix("points: ")
    if reason := _too_few(own.law, own.size, points, groups):
        raise InputError(f"points: {reason}, to compare {own.law.name} with other laws")
    fits.insert(0, own if points is own.points else _again(own, points))
    by, size = sizes(points, own.law)
    cuts = origins(size, max(one.size for one in fits), groups)
    contenders = []
    folds = 0
    for one in fits:
        refits = leave_out(one, groups)
        folds = refits.theta.shape[0]
        rolled = [_forwards(one, size, cut) for cut in cuts]
        contenders.append(
            Contender(
                fit=one,
                parameters=one.size + 1,
                aicc=aicc(one.objective, one.delta, len(points), one.size + 1),
                loo=float(np.abs(refits.errors()).mean()),
                errors=tuple(error for error, _ in rolled),
                biases=tuple(bias for _, bias in rolled),
            )
        )
    contenders.sort(key=lambda one: one.aicc)
    return Comparison(
        points=points,
        given=given,
        delta=own.delta,
        contenders=tuple(contenders),
        excluded=excluded,
        by=by,
        origins=tuple(
            Origin(int((size <= cut).sum()), int((size > cut).sum()), cut, float(size.max() / cut)) for cut in cuts
        ),
        groups=groups,
        folds=folds,
    )


def aicc(objective: float, delta: float, points: int, parameters: int) -> float:
    """Akaike's criterion, corrected for few points, of a summed Huber loss at its minimum; inf with too few points."""
    if points - parameters < 2:
        return math.inf
    penalty = 2 * parameters + 2 * parameters * (parameters + 1) / (points - parameters - 1)
    return 2 * deviance(objective / points, delta) * points + penalty


def deviance(mean: float, delta: float) -> float:
    """Least value over tau of log Z(tau) + mean/tau: minus the mean log likelihood, `mean` the mean Huber loss.

    Z(tau) is the integral of exp(-Huber_delta(r)/tau) over r.
    """
    mean = max(mean, _TINIEST)
    if math.isinf(delta):
        return 0.5 * math.log(2 * math.pi * 2 * mean) + 0.5

    def value(log_tau: float) -> float:
        tau = math.exp(log_tau)
        body = math.sqrt(2 * math.pi * tau) * math.erf(delta / math.sqrt(2 * tau))
        tails = 2 * tau / delta * math.exp(-delta * delta / (2 * tau))
        return math.log(body + tails) + mean / tau

    # The loss has a mean between those of the normal (tau/2) and the Laplace distribution (tau), both known; in
    # 1/tau the function is convex, so in log tau it has one minimum.
    low, high = math.log(mean / 4), math.log(4 * mean)
    ratio = (math.sqrt(5) - 1) / 2
    for _ in range(100):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if value(left) < value(right) else (left, high)
    return value((low + high) / 2)


def origins(size: Array, coefficients: int, groups: Clusters) -> list[float]:
    """Sizes up to which runs are fitted, rising: those of about `ORIGINS` of the runs.

    Runs of nearly equal size stay together; more configurations than `coefficients` are fitted.
    """
    ordered = np.sort(size)
    cuts: dict[int, float] = {}
    for share in ORIGINS:
        count = round(share * size.size)
        fitted = size <= ordered[max(count, 1) - 1] * (1 + _SAME_SIZE)
        enough = np.unique(groups.number[fitted]).size > coefficients
        if enough and not fitted.all():
            cuts[int(fitted.sum())] = float(size[fitted].max())
    return list(cuts.values())


def _again(one: Fit, points: Points) -> Fit:
    """The law of `one`, restricted as there, fitted to other points from nothing."""
    return fit_law(one.law, points, delta=one.delta, convention=one.convention, restrictions=one.restrictions)


def _forwards(whole: Fit, size: Array, cut: float) -> tuple[float, float]:
    """Mean absolute and mean signed error on the runs above `cut` of the law fitted to the others."""
    small, large = whole.points.take(size <= cut), whole.points.take(size > cut)
    try:
        part = _again(whole, small)
    except InputError:
        return math.nan, math.nan
    x, y = observations(whole.law, large)
    errors = np.expm1(whole.law.log_loss(part.theta[None], x)[0] - y)
    return float(np.abs(errors).mean()), float(errors.mean())


def _known(points: Points) -> list[Input]:
    """The inputs that the points tell and that can vary by themselves.

    C follows from N and D, and U from D where no run repeats tokens.
    """
    known: list[Input] = [
        name for name in SYMBOLS if (column := getattr(points, name, None)) is not None and not np.isnan(column).all()
    ]
    follow = {"flops"} if {"params", "tokens"} <= set(known) else set()
    if points.unique_tokens is not None and points.tokens is not None:
        follow |= {"unique_tokens"} if np.array_equal(points.unique_tokens, points.tokens) else set()
    return [name for name in known if name not in follow]


def _why_not(law: Law, points: Points, known: list[Input], groups: Clusters) -> str:
    """Why the points do not carry `law`; empty if they do."""
    columns = {}
    for name in law.inputs:
        if getattr(points, name, None) is None and not (name == "flops" and {"params", "tokens"} <= set(known)):
            return f"no column {name}"
        columns[name] = points.column(name)
        if not np.all(np.isfinite(columns[name]) & (columns[name] > 0)):
            return f"runs without {name}"
        if np.ptp(np.log(columns[name])) < _MOVES:
            return f"{SYMBOLS[name]} is the same for all runs"
    for count in range(2, len(law.inputs) + 1):
        for names in combinations(law.inputs, count):
            *others, last = (np.log(columns[name]) for name in names)
            if _follows(last, others):
                return f"{' and '.join(SYMBOLS[name] for name in names)} vary together"
    own = [np.log(column) for column in columns.values()]
    free = [
        SYMBOLS[name]
        for name in known
        if name not in law.inputs and not _follows(np.log(points.column(name)), own, curved=True)
    ]
    if free:
        return f"{' and '.join(free)} {'varies' if len(free) == 1 else 'vary'} too"
    return _too_few(law, len(law.coefficients), points, groups)


def _too_few(law: Law, size: int, points: Points, groups: Clusters) -> str:
    if len(points) < size + 3:  # AICc is defined, and a run can be left out
        return f"{len(points)} runs for {size} coefficients, want at least {size + 3}"
    if len(groups) <= size:
        return f"{len(groups)} configurations for {size} coefficients, want at least {size + 1}"
    return ""


def _follows(column: Array, others: list[Array], curved: bool = False) -> bool:
    """Whether a logarithm is a linear function of others at all points, to within `_MOVES`.

    `curved` allows squares, as of N without embeddings in C, where there are points enough to tell.
    """
    parts = [np.ones_like(column), *(other - other.mean() for other in others)]
    if curved and column.size > 4 * len(others):
        parts += [part * part for part in parts[1:]]
    design = np.stack(parts, axis=1)
    solution = np.linalg.lstsq(design, column, rcond=None)[0]
    apart: NDArray[np.float64] = np.abs(column - design @ solution)
    return bool(apart.max() < _MOVES)
