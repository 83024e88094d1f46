"""Why the figures of a fit are what they are: its coefficients, its errors, how far each point is off."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from scaling_tui.laws.fitting.fitted import Fit, observations
from scaling_tui.laws.fitting.minimize import huber
from scaling_tui.laws.fitting.points import Points
from scaling_tui.laws.fitting.study import Study, objective_kind
from scaling_tui.laws.forms import PF_DAY, SYMBOLS, Input, Law
from scaling_tui.report.why.explanation import Explanation, Step, signed_percent, step
from scaling_tui.text import show
from scaling_tui.text.show import span

if TYPE_CHECKING:
    from scaling_tui.laws.fitting.compare import Comparison
    from scaling_tui.laws.fitting.influence import Influence
    from scaling_tui.laws.fitting.isoflop import Profiles

POWER, FLOOR, SIMPLE, WRONG = "power-laws", "chinchilla", "simple-form", "fits-go-wrong"
BALANCE, SAYS = "size-data-compute", "what-scaling-laws-say"
MOVE = 0.01  # the share by which a coefficient is moved to show that the objective is least where it is
FEW = 6  # terms of a sum that are written out
MOST_POINTS = 2_000  # that are asked one by one


@dataclass(frozen=True)
class Moved:
    """The objective of a fit at its coefficients, and with one of them smaller and larger by `MOVE`."""

    own: float
    less: float
    more: float


def lesson_of(law: Law) -> str:
    """The lesson that explains a law."""
    if law.name.startswith("kaplan"):
        return POWER if len(law.inputs) == 1 else SAYS
    return SIMPLE if law.name == "sum-of-powers" else FLOOR


def counted(law: Law, convention: str, flops: str = "6ND") -> tuple[str, ...]:
    """The conventions of a law, in words."""
    told = []
    if "params" in law.inputs:
        told.append("N without embeddings and head" if convention == "non-embedding" else "N counts every parameter")
        if not convention:
            told[-1] = "N as its source counts it, which is not known"
    if "flops" in law.inputs:
        told.append("C as recorded for each run" if flops == "as given" else "C = 6ND")
    return (*told, "loss in nats per token")


# --- a law at a run


def law_steps(
    law: Law, coefficients: Mapping[str, float], inputs: Mapping[Input, float], symbol: str = "L"
) -> tuple[Step, ...]:
    """The loss by a law at `inputs`, step by step; empty where a coefficient is beyond every number."""
    if not all(math.isfinite(value) for value in (*coefficients.values(), *inputs.values())):
        return ()
    names: dict[str, float] = {SYMBOLS[name]: float(inputs[name]) for name in law.inputs} | dict(coefficients)
    value = float(law.loss(coefficients, **{name: inputs[name] for name in law.inputs}))
    formula, _, _ = law.text.partition("= ")[2].partition(", ")
    before: tuple[Step, ...] = ()
    if law.name == "kaplan-c":
        names["P"] = names["C"] / PF_DAY
        before = (step("P", "C/8.64e19", {"C": names["C"]}, names["P"], show.value),)
        formula = formula.replace("/C)", "/P)")
    elif law.name == "moe":
        names["s"] = names["N"] / names["N_total"]
        before = (step("s", "N/N_total", names, names["s"], show.value),)
    elif law.name == "muennighoff":
        before = _repeated(names)
    return (*before, step(symbol, formula, names, value, show.loss))


def _repeated(names: dict[str, float]) -> tuple[Step, ...]:
    """D' and N' of Muennighoff et al. 2023, which it puts among the names: what repeats is worth less each time."""
    steps = []
    worth = "{0}·(1 + {1}·(1 - exp(-({2}/{0} - 1)/{1})))"
    ratio = (names["alpha"] * names["A"] / (names["beta"] * names["B"])) ** (1 / (names["alpha"] + names["beta"]))
    most = ratio * (ratio * names["U"]) ** (names["beta"] / names["alpha"])
    names |= {"G": ratio, "M": most}
    for symbol, base, rate, own in (("D'", "U", "R_D_star", "D"), ("N'", "M", "R_N_star", "N")):
        if names[own] <= names[base] * (1 + 1e-12):
            names[symbol] = names[own]
            continue
        if own == "N":
            steps += [
                step("G", "(alpha·A/(beta·B))^(1/(alpha + beta))", names, ratio, show.value),
                step("M", "G·(G·U)^(beta/alpha)", names, most, show.count),
            ]
        excess = names[own] / names[base] - 1
        value = names[base] * (1 + names[rate] * (1 - math.exp(-excess / names[rate])))
        names[symbol] = value
        steps.append(step(symbol, worth.format(base, rate, own), names, value, show.count))
    return tuple(steps)


# --- coefficients


def moved(fit: Fit, name: str) -> Moved | None:
    """What moving a coefficient, and those tied to it, does to the objective; None where it could not move.

    A coefficient that is given does not move; with priors the objective is not of the points alone.
    """
    given = fit.restrictions
    if name in given.fixed or given.priors or not all(map(math.isfinite, fit.coefficients.values())):
        return None
    together = {name}
    for _ in given.ties:
        together |= {one for pair in given.ties if together & set(pair) for one in pair}
    own = fit.coefficients[name]
    by = MOVE * abs(own) or MOVE * float(fit.points.loss.min())

    def at(value: float) -> float:
        values = fit.coefficients | dict.fromkeys(together & set(fit.coefficients), value)
        return objective_at(fit, values)

    return Moved(objective_at(fit, fit.coefficients), at(own - by) if own > 0 or name in fit.law.signed else math.inf,
                 at(own + by))  # fmt: skip


def objective_at(fit: Fit, coefficients: Mapping[str, float]) -> float:
    """The objective of a fit at other coefficients, over the same points."""
    x, y = observations(fit.law, fit.points)
    theta = fit.law.pack(np.array([coefficients[name] for name in fit.law.coefficients]))
    return float(huber(y - fit.law.log_loss(theta[None], x)[0], fit.delta).sum())


def coefficient_figures(
    of: str,
    fit: Fit,
    runs: Sequence[str],
    *,
    flops: str = "6ND",
    intervals: Mapping[str, tuple[float, float]] | None = None,
    level: float = 0.9,
    how: str = "",
) -> Iterator[Explanation]:
    """Why each coefficient of a fit has its value; `runs` are those behind its points."""
    for name, value in fit.coefficients.items():
        given = name in fit.restrictions.fixed
        found = moved(fit, name)
        source = f"fitted: the value in {fit.law.text} that minimises {_the(objective_kind(fit))}"
        if given:
            source = f"given, not fitted: {fit.restrictions.text}"
        elif found is not None:
            more = f"{name} {show.percent(MOVE)} larger: {found.more:.4g}"
            less = f"; smaller: {found.less:.4g}" if math.isfinite(found.less) else ""
            source += f" ({found.own:.4g} over {len(fit.points)} points; {more}{less})"
        ends = (intervals or {}).get(name, (math.nan, math.nan))
        if given:
            uncertainty = "exact: it was given"
        elif math.isfinite(ends[0]):
            uncertainty = (
                f"{span(*ends)} at {show.percent(level)}: quantiles of {how}. It assumes that the form of the law is "
                "right, and coefficients move together: do not read one alone"
            )
        elif fit.freedom < 1:
            uncertainty = f"no interval: {len(fit.points)} points for {fit.size} coefficients leave none to spare"
        else:
            uncertainty = "for its interval, press 4 for Law or use 'scaling-tui fit'"
        kind = "an exponent" if name in fit.law.exponents else "a scale"
        if name == fit.law.floor:
            kind = "the irreducible loss (limit of large runs)"
        yield Explanation(
            of, name, show.coefficient(value), value,
            "nats per token" if name == fit.law.floor else "", f"{kind} of {fit.law.name}", source,
            counted(fit.law, fit.convention, flops), tuple(runs), (), uncertainty, lesson_of(fit.law),
        )  # fmt: skip


def _the(kind: str) -> str:
    return f"the {kind}" if kind.startswith("sum") else kind


# --- a study


def study_figures(
    of: str,
    study: Study,
    behind: Mapping[str, Sequence[str]],
    influence: "Influence | None" = None,
) -> list[Explanation]:
    """Every figure that `fit` and the Law screen show of a fit.

    `behind` names the runs behind each point, by its label.
    """
    fit = study.fit
    document = study.document()
    flops = document["convention"]["flops"]
    runs = [run for label in fit.points.labels for run in behind.get(label, (label,))]
    how = study.draws.how if study.draws else ""
    found = list(coefficient_figures(of, fit, runs, flops=flops, intervals=study.intervals, level=study.level, how=how))
    found += _errors(of, study, runs, flops)
    for label, other in study.conventions.items():
        if other is not fit:
            found += _other_convention(of, fit, other, label, runs)
    if influence is not None:
        found += _influences(of, fit, influence)
    return found


def cell_figures(name: str, points: Points, columns: Mapping[str, str], label: str) -> Iterator[Explanation]:
    """What a row of a table of the user's own holds; `columns` says where each quantity was read from."""
    index = points.labels.index(label) if label in points.labels else -1
    if index < 0:
        return
    texts: tuple[tuple[str, str, Callable[[float], str], str], ...] = (
        ("params", "N", show.count, "parameters"), ("tokens", "D", show.count, "tokens"),
        ("flops", "C", show.scientific, "FLOPs"), ("loss", "loss", show.loss, "nats per token"),
    )  # fmt: skip
    for key, symbol, text, unit in texts:
        column = getattr(points, key)
        if column is not None:
            value = float(column[index])
            read = f"column {columns[key]}" if key in columns else "computed from other columns"
            yield Explanation(
                label, symbol, text(value), value, unit, "as the table has it", f"{name}, {read}, row {label}",
                ("as counted by whoever made the table",), (label,), (), "", WRONG if key == "loss" else "counting",
            )  # fmt: skip


def point_figures(study: Study, behind: Mapping[str, Sequence[str]], only: str | None = None) -> list[Explanation]:
    """How far the points are off the law; `only` names the point, or a run behind it, that is asked for."""
    fit = study.fit
    if only is None and len(fit.points) > MOST_POINTS:
        return []
    found: list[Explanation] = []
    off = np.expm1(fit.residuals)
    labels = fit.points.labels or tuple(f"point {k + 1}" for k in range(len(fit.points)))
    for index, label in enumerate(labels):
        runs = tuple(behind.get(label, (label,)))
        if only is None or only == label or only in runs:
            found += _point(study, index, label, runs, float(off[index]))
    return found


def _point(study: Study, index: int, label: str, runs: tuple[str, ...], off: float) -> Iterator[Explanation]:
    fit = study.fit
    inputs: dict[Input, float] = {name: float(fit.points.column(name)[index]) for name in fit.law.inputs}
    measured = float(fit.points.loss[index])
    steps = law_steps(fit.law, fit.coefficients, inputs, "fitted")
    conventions = counted(fit.law, fit.convention, study.document()["convention"]["flops"])
    fitted = float(fit.loss(**inputs))
    noise = f"points lie {show.percent(study.document()['residual_sd'], 2)} off the law (s.d. of all residuals)"
    if steps:
        yield Explanation(
            label, "fitted loss", show.loss(fitted), fitted, "nats per token",
            "the loss that the law gives for this N and D", f"computed by {fit.law.name}", conventions, runs, steps,
            noise, lesson_of(fit.law),
        )  # fmt: skip
        steps = (*steps, step("off", "L/fitted - 1", {"L": measured, "fitted": fitted}, off, _percent))
    yield Explanation(
        label, "off", _percent(off), off, "", "how far its measured loss is from the law",
        "computed: measured loss / fitted loss - 1", conventions, runs, steps, noise, WRONG,
    )  # fmt: skip


def _percent(value: float | None) -> str:
    return show.percent(value, 2, sign=True)


def _share(value: float | None) -> str:
    return show.percent(value, 3)


def _objective(value: float | None) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.6g}"


def _errors(of: str, study: Study, runs: Sequence[str], flops: str) -> Iterator[Explanation]:
    fit, holdout = study.fit, study.holdout
    conventions = counted(fit.law, fit.convention, flops)
    squares, number = float(np.sum(fit.residuals**2)), len(fit.points)
    sd = math.sqrt(squares / number)
    yield Explanation(
        of, "residual s.d.", show.percent(sd, 2), sd, "of the loss", "how far the points are off the law, on average",
        "computed from the residuals log(measured) - log(fitted)", conventions, tuple(runs),
        (step("sd", "sqrt(squares/n)", {"squares": squares, "n": number}, sd, lambda v: show.percent(v, 2)),),
        "on the fitted points themselves, so smaller than on others", WRONG,
    )  # fmt: skip
    steps: tuple[Step, ...] = ()
    if math.isinf(fit.delta) and not fit.restrictions.priors:
        steps = (step("objective", "squares/2", {"squares": squares}, fit.objective, _objective),)
    yield Explanation(
        of, "objective", _objective(fit.objective), fit.objective, "", "what the fit minimises",
        f"{objective_kind(fit)}, over {number} points", conventions, tuple(runs), steps, "", WRONG,
    )  # fmt: skip
    if holdout is None:
        return
    symbol = SYMBOLS[holdout.by]
    large = [label for label, size in zip(fit.points.labels, fit.points.column(holdout.by), strict=False)
             if size >= holdout.threshold]  # fmt: skip
    source = (
        f"computed: the law refitted to the {holdout.fitted} points with {symbol} < {holdout.threshold:.3g} predicts "
        f"the other {holdout.points}; e is predicted/measured - 1 of each"
    )
    errors = holdout.errors.tolist()
    for key, formula, value, text in (
        ("held-out error", "abs({})", holdout.mape, _share),
        ("bias", "{}", holdout.bias, lambda v: show.percent(v, 3, sign=True)),
    ):
        terms = {f"e{k + 1}": error for k, error in enumerate(errors)}
        if len(errors) <= FEW:
            made = step("mean", f"({' + '.join(formula.format(name) for name in terms)})/n",
                        {**terms, "n": len(errors)}, value, text)  # fmt: skip
        else:
            made = step("mean", "sum/n", {"sum": value * len(errors), "n": len(errors)}, value, text)
        yield Explanation(
            of, key, text(value), value, "of the loss",
            "the mean error of the law on runs larger than those that it was fitted to", source, conventions,
            tuple(large), (made,),
            f"of {show.counted(len(errors), 'run')} alone; further out it may be larger", WRONG,
        )  # fmt: skip


def _other_convention(of: str, fit: Fit, other: Fit, label: str, runs: Sequence[str]) -> Iterator[Explanation]:
    for one in coefficient_figures(of, other, runs):
        yield replace(one, key=f"{one.key} ({label})", uncertainty="as under the other convention")
        own = fit.coefficients[one.key]
        change = one.value / own - 1 if own else math.nan
        if one.key in fit.law.exponents and math.isfinite(change):
            yield Explanation(
                of, f"{one.key} ({label}) change", signed_percent(change), change, "",
                f"how much {one.key} moves if {label} counts", "computed from both fits",
                (*one.conventions,), tuple(runs),
                (step("change", "other/own - 1", {"other": one.value, "own": own}, change, signed_percent),),
                "as for both exponents", "counting",
            )  # fmt: skip


def _cook(value: float | None) -> str:
    return "–" if value is None else f"{value:.2g}"


def _influences(of: str, fit: Fit, found: "Influence") -> Iterator[Explanation]:
    """What leaving out a run does, as the view of influence lists it."""
    at = ", ".join(f"{SYMBOLS[name]} {show.scientific(v) if name == 'flops' else show.count(v)}"
                   for name, v in found.at.items())  # fmt: skip
    variance = float(fit.residuals @ fit.residuals) / (len(fit.points) - fit.size)
    base = fit.law.loss(fit.coefficients, **found.at) if all(map(math.isfinite, fit.coefficients.values())) else None
    for number in found.order()[:50].tolist():
        labels = [fit.points.labels[int(k)] if fit.points.labels else f"point {int(k) + 1}"
                  for k in found.groups[number]]  # fmt: skip
        called = f"without {show.listed(labels, 2)}"
        source = f"computed: the law fitted again {called}"
        conventions = counted(fit.law, fit.convention)
        cook = float(found.cook[number])
        squares = cook * fit.size * variance
        yield Explanation(
            called, "Cook", _cook(cook), cook, "", "Cook's distance: near or above 1, the fit depends on this run",
            f"{source}; moved is the sum of squares by which the fitted log losses move, v the variance of residuals",
            conventions, tuple(labels),
            (step("Cook", "moved/(coefficients·v)", {"moved": squares, "coefficients": fit.size, "v": variance},
                  cook, _cook),), "", WRONG,
        )  # fmt: skip
        change = float(found.prediction[number])
        if base is not None:
            yield Explanation(
                called, "loss", _percent(change), change, "", f"its effect on the loss at {at}, the largest run",
                source, conventions, tuple(labels),
                (step("change", "without/with - 1", {"without": float(base) * (1 + change), "with": float(base)},
                      change, _percent),), "", WRONG,
            )  # fmt: skip
        for name, move in zip(fit.law.coefficients, found.coefficients[number].tolist(), strict=True):
            own = fit.coefficients[name]
            if math.isfinite(move) and math.isfinite(own):
                yield Explanation(
                    called, name, signed_percent(move), move, "", f"its effect on {name}", source, conventions,
                    tuple(labels),
                    (step("change", "without/with - 1", {"without": own * (1 + move), "with": own}, move,
                          signed_percent),), "", WRONG,
                )  # fmt: skip


def comparison_figures(found: "Comparison") -> Iterator[Explanation]:
    """The figures of a comparison of laws."""
    least = found.best_within.aicc
    runs = tuple(found.points.labels[:20])
    for one in found.contenders:
        fit, name = one.fit, one.fit.law.name
        conventions = counted(fit.law, fit.convention)
        yield Explanation(
            name, "objective", f"{fit.objective:.4g}", fit.objective, "", "what its fit minimises",
            f"{objective_kind(fit)}, over {len(fit.points)} points", conventions, runs, (), "", WRONG,
        )  # fmt: skip
        if math.isfinite(one.aicc) and math.isfinite(least):
            difference = one.aicc - least
            yield Explanation(
                name, "AICc", "best" if difference == 0 else f"+{difference:.1f}", difference, "",
                "how much worse it fits the runs than the best law, with a penalty for each coefficient",
                "computed: Akaike's criterion, corrected for few points, by the likelihood of the objective",
                conventions, runs,
                (step("difference", "AICc - least", {"AICc": one.aicc, "least": least}, difference, _tenth),),
                "differences below 2 choose no law", WRONG,
            )  # fmt: skip
        yield Explanation(
            name, "left out", show.percent(one.loo, 2), one.loo, "", "its mean error on runs left out of the fit",
            f"computed: {found.folds} refits, each without one of the {found.groups.each}s", conventions, runs, (),
            "", WRONG,
        )  # fmt: skip
        for key, values, value, sign in (
            ("beyond", one.errors, one.holdout_mape, False), ("bias", one.biases, one.holdout_bias, True),
        ):  # fmt: skip
            if not values or not all(map(math.isfinite, values)):
                continue
            terms = {f"e{k + 1}": error for k, error in enumerate(values)}

            def text(v: float, sign: bool = sign) -> str:
                return show.percent(v, 2, sign=sign)

            made = step("mean", f"({' + '.join(terms)})/n", {**terms, "n": len(values)}, value, text)
            yield Explanation(
                name, key, text(value), value, "", "its mean error on runs larger than those fitted",
                f"computed from {show.counted(len(values), 'origin')}: the law fitted to the smaller runs predicts "
                "the larger ones", conventions, runs, (made,), "", WRONG,
            )  # fmt: skip


def _tenth(value: float) -> str:
    return "best" if value == 0 else f"+{value:.1f}"


def valley_figures(found: "Profiles") -> Iterator[Explanation]:
    """The figures of isoFLOP profiles: the best size of each budget, and the power laws through them."""
    for valley in found.valleys:
        of = f"C {show.scientific(valley.flops)}"
        edge = "at the edge of the sizes tried: a better one may lie beyond" if valley.edge else (
            "the warnings say how far other curves through the same losses disagree")  # fmt: skip
        source = f"the lowest point of the curve through {valley.points} sizes of this budget"
        yield Explanation(of, "best N", show.count(valley.params), valley.params, "parameters",
                          "the size of lowest loss at this budget", source, ("C = 6ND gives D",), (), (), edge,
                          BALANCE)  # fmt: skip
        yield Explanation(
            of, "D", show.count(valley.tokens), valley.tokens, "tokens", "the tokens of that size at this budget",
            "computed", ("C = 6ND",), (),
            (step("D", "C/(6·N)", {"C": valley.flops, "N": valley.params}, valley.tokens, show.count),), edge, BALANCE,
        )  # fmt: skip
        ratio = valley.tokens / valley.params
        yield Explanation(
            of, "D/N", f"{ratio:.1f}", ratio, "tokens per parameter", "tokens for each parameter there", "computed",
            ("C = 6ND",), (),
            (step("D/N", "D/N", {"D": valley.tokens, "N": valley.params}, ratio, lambda v: f"{v:.1f}"),), edge, BALANCE,
        )  # fmt: skip
        yield Explanation(of, "loss", show.loss(valley.loss), valley.loss, "nats per token",
                          "the loss at that size", source, ("nats per token",), (), (), edge, BALANCE)  # fmt: skip
    for symbol, law in (("N", found.params), ("D", found.tokens)):
        if law is not None:
            ends = "" if math.isnan(law.low) else f"[{law.low:.3f}, {law.high:.3f}] at {show.percent(found.level)}"
            yield Explanation(
                "isoFLOP", f"exponent of {symbol}", f"{law.exponent:.4f}", law.exponent, "",
                f"how the best {symbol} grows with C: {symbol} = {law.scale:.4g}·C^{law.exponent:.4f}",
                "fitted: least squares in logarithms through the valleys with a minimum inside", ("C = 6ND",), (), (),
                ends or "no interval from two valleys", BALANCE,
            )  # fmt: skip
