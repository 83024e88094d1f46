"""What a fit looks like: points, law, interval band and extrapolation; residuals; isoFLOP valleys. From plain data."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling_tui.laws import Points
from scaling_tui.laws.fitting.compare import Comparison
from scaling_tui.laws.fitting.envelope import Envelope
from scaling_tui.laws.fitting.fitted import Fit
from scaling_tui.laws.fitting.influence import Influence
from scaling_tui.laws.fitting.isoflop import Profiles
from scaling_tui.laws.fitting.residuals import measured_inputs
from scaling_tui.laws.fitting.study import Study
from scaling_tui.laws.forms import SYMBOLS, Input, consistent
from scaling_tui.plots.figures import DOTTED, Figure, Series
from scaling_tui.runs import RunView, SweepView
from scaling_tui.text import show

Array = NDArray[np.float64]

REACH = 10.0  # how far beyond the largest point the law is drawn
GROUPS = 4  # curves of a law in two inputs
NAMED = 12  # points that are still called by name


def axis_of(fit: Fit) -> Input:
    """The input that the law is drawn over: the first one in which the points differ."""
    for name in fit.law.inputs:
        if np.ptp(np.log(fit.points.column(name))) > 1e-6:
            return name
    return fit.law.inputs[0]


def law_view(
    study: Study, names: Mapping[str, str], left_out: Points | None = None, log: tuple[bool, bool] = (True, True)
) -> Figure:
    """The points, the law through them and `REACH` times beyond, with the interval of its bootstrap.

    `names` says what to call the points by their labels.
    """
    fit = study.fit
    over = axis_of(fit)
    x = fit.points.column(over)
    series = lines(fit, over, float(x.max()) * REACH)
    groups = _others(fit, over)
    band = _band(study, over, groups[-1])
    held = _held_out(study)
    series += [*band, *_points(study, names, over, held)]
    if left_out is not None and len(left_out):
        at, called = left_out.column(over), _called(left_out, names)
        series += [
            Series(at[i : i + 1], left_out.loss[i : i + 1], "foreground", called[i], "○", "faint")
            for i in range(len(left_out))
        ]
    percent = f" · dotted band {show.percent(study.level)}" if band else ""
    return Figure(
        f"loss, nats/token · x {_axis_name(fit, over)}{percent}",
        tuple(series),
        log_x=log[0],
        log_y=log[1],
        x_name=SYMBOLS[over],
        y_name="loss",
        x_text=show.scientific if over == "flops" else show.count,
        x_unit=_unit(over, fit.convention),
        y_unit="nats per token",
    )


def lines(fit: Fit, over: Input, top: float) -> list[Series]:
    """The law over one of its inputs: joined where the points are, dotted from there to `top`.

    Of a law in several inputs a curve is drawn for some of the values of the others that there are.
    """
    x = fit.points.column(over)
    series: list[Series] = []
    groups, symbols = _others(fit, over), {str(name): symbol for name, symbol in SYMBOLS.items()}
    for number, others in enumerate(groups):
        name = (
            " ".join(f"{symbols[key]} {show.count(value)}" for key, value in others.items()) if len(groups) > 1 else ""
        )
        colour = number / max(1, len(groups) - 1) if len(groups) > 1 else "accent"
        inside = np.geomspace(x.min(), x.max(), 200)
        further = top > x.max()
        label = "" if further else name
        series.append(Series(inside, _loss(fit, over, inside, others), colour, label, name=name or "law"))
        if further:
            beyond = np.geomspace(x.max(), top, 100)
            losses = _loss(fit, over, beyond, others)
            series.append(Series(beyond, losses, colour, name, DOTTED, name=f"{name or 'law'} beyond"))
    return series


def axes_of(fit: Fit) -> list[Input]:
    """What residuals can be drawn over: N, D, C and U where the points tell them and differ; `axis_of` comes first."""
    first = axis_of(fit)
    axes = {first: fit.points.column(first)}
    for name, column in measured_inputs(fit).items():
        same = any(np.array_equal(column, other) for other in axes.values())  # U is D where nothing repeats
        if np.ptp(np.log(column)) > 1e-6 and not same:
            axes[name] = column
    return list(axes)


def residual_view(study: Study, names: Mapping[str, str], log_x: bool = True, over: Input | None = None) -> Figure:
    """How far each point lies above the law, in per cent of its loss; over `axis_of` where `over` is None."""
    fit = study.fit
    over = over or axis_of(fit)
    x, off = fit.points.column(over), np.expm1(fit.residuals) * 100
    ends = np.array([x.min(), x.max()])
    spread = float(np.sqrt(np.mean(off**2)))
    lines = [Series(ends, np.zeros(2), "foreground", weight="faint")]
    lines += [Series(ends, np.full(2, sign * spread), "foreground", "", DOTTED, "faint") for sign in (1, -1)]
    return Figure(
        f"measured above the law, % · x {_axis_name(fit, over)} · dotted ±{spread:.2g} % s.d.",
        (*lines, *_dots(x, off, _called(fit.points, names), _held_out(study), read=True)),
        log_x=log_x,
        x_name=SYMBOLS[over],
        y_name="residual",
        x_text=show.scientific if over == "flops" else show.count,
        x_unit=_unit(over, fit.convention),
        y_unit="% of the law",
    )


def influence_view(
    study: Study, moved: Influence, names: Mapping[str, str], log_x: bool = True, over: Input | None = None
) -> Figure:
    """How far the law's loss at the largest run moves without each run, in per cent."""
    fit = study.fit
    over = over or axis_of(fit)
    column = fit.points.column(over)
    x = np.array([float(np.exp(np.log(column[group]).mean())) for group in moved.groups])
    called = _called(fit.points, names)
    own = ["/".join(dict.fromkeys(called[index] for index in group.tolist())) for group in moved.groups]
    at = " ".join(
        f"{SYMBOLS[name]} {show.scientific(v) if name == 'flops' else show.count(v)}" for name, v in moved.at.items()
    )
    zero = Series(np.array([x.min(), x.max()]), np.zeros(2), "foreground", weight="faint")
    none = np.zeros(x.size, dtype=bool)
    return Figure(
        f"without this {moved.kind}: law at {at}, % · x {_axis_name(fit, over)}",
        (zero, *_dots(x, moved.prediction * 100, own, none, read=True)),
        log_x=log_x,
        x_name=SYMBOLS[over],
        y_name="change",
        x_text=show.scientific if over == "flops" else show.count,
        x_unit=_unit(over, fit.convention),
        y_unit="% of the loss",
    )


def origins_view(found: Comparison) -> Figure:
    """Each law's error on larger runs, over the size up to which it was fitted."""
    at = np.array([origin.largest_fitted for origin in found.origins])
    tested = [one for one in found.contenders if not math.isnan(one.holdout_mape)]
    series = []
    for number, one in enumerate(tested):
        colour = number / max(1, len(tested) - 1)
        errors = np.array(one.errors) * 100
        series.append(Series(at, errors, colour, one.fit.law.name, name=one.fit.law.name))
        series.append(Series(at, errors, colour, mark="●"))
    return Figure(
        f"mean error on larger runs, % · x largest {SYMBOLS[found.by]} fitted",
        tuple(series),
        log_x=True,
        x_name=SYMBOLS[found.by],
        y_name="error",
        x_text=show.scientific if found.by == "flops" else show.count,
        x_unit=_unit(found.by, found.contenders[0].fit.convention),
        y_unit="% of the loss",
        empty="Too few sizes to fit the smaller ones and predict the larger.",
    )


def valley_view(points: Points, profiles: Profiles) -> Figure:
    """Loss over N at each budget, with the size of least loss, and where another shape finds it far from there."""
    params, flops = points.column("params"), points.column("flops")
    series = []
    for number, valley in enumerate(profiles.valleys):
        colour = number / max(1, len(profiles.valleys) - 1)
        own = np.flatnonzero(np.abs(np.log(flops / valley.flops)) < 0.2)
        own = own[np.argsort(params[own])]
        label = f"C {show.scientific(valley.flops)}"
        series.append(Series(params[own], points.loss[own], colour, label, name=label))
        series.append(Series(params[own], points.loss[own], colour, mark="●"))
        if not valley.edge:
            series.append(Series(np.array([valley.params]), np.array([valley.loss]), colour, mark="◆", weight="strong"))
    elsewhere = [valley for other in profiles.disagreement for valley in other.apart]
    series += [
        Series(np.array([valley.params]), np.array([valley.loss]), "foreground", mark="◇") for valley in elsewhere
    ]
    return Figure(
        f"isoFLOP profiles: loss, nats/token · x N · ◆ least loss{' · ◇ by other curves' if elsewhere else ''}",
        tuple(series),
        log_x=True,
        x_name="N",
        y_name="loss",
        x_text=show.count,
        x_unit="parameters",
        y_unit="nats per token",
    )


def envelope_view(envelope: Envelope) -> Figure:
    """The lowest loss that any run reached with each budget, and the law through it."""
    reached = Series(envelope.flops, envelope.loss, "primary", mark="·", name="reached")
    return Figure(
        "lowest loss reached, nats/token · x C, FLOPs",
        (reached, *lines(envelope.law, "flops", float(envelope.flops.max()) * REACH)),
        log_x=True,
        log_y=True,
        x_name="C",
        y_name="loss",
        x_text=show.scientific,
        x_unit="FLOPs",
        y_unit="nats per token",
    )


def _axis_name(fit: Fit, over: Input) -> str:
    return f"N {fit.convention}" if over == "params" else SYMBOLS[over]


def _unit(over: Input, convention: str) -> str:
    if over in ("params", "total_params"):
        return f"{convention} parameters" if over == "params" else "parameters"
    return "FLOPs" if over == "flops" else "tokens"


def _loss(fit: Fit, over: Input, x: Array, others: dict[str, float]) -> Array:
    return np.asarray(fit.loss(**consistent({over: x, **others})))


def _others(fit: Fit, over: Input) -> list[dict[str, float]]:
    """Values of the other inputs, at most `GROUPS` evenly chosen ones of those that there are, rising."""
    names = [name for name in fit.law.inputs if name != over]
    if not names:
        return [{}]
    rows = np.unique(np.round(np.log(np.stack([fit.points.column(name) for name in names], axis=1)), 6), axis=0)
    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, GROUPS).round().astype(int))]
    return [dict(zip(names, np.exp(row).tolist(), strict=True)) for row in chosen]


def _band(study: Study, over: Input, others: dict[str, float]) -> Iterator[Series]:
    """The interval of the law itself, by the percentiles of the bootstrap's draws."""
    if study.draws is None or len(study.draws) < 20:
        return
    x = study.fit.points.column(over)
    grid = np.geomspace(x.min(), x.max() * REACH, 80)
    at, _ = study.fit.law.logs(consistent({over: grid, **others}))
    losses = np.exp(study.fit.law.log_loss(study.draws.theta, at))
    tail = (1 - study.level) / 2
    for share, name in ((tail, "low"), (1 - tail, "high")):
        yield Series(grid, np.quantile(losses, share, axis=0), "foreground", "", DOTTED, "faint", name)


def _held_out(study: Study) -> NDArray[np.bool_]:
    points, held = study.fit.points, study.holdout
    if held is None:
        return np.zeros(len(points), dtype=bool)
    column = points.compute() if held.by == "flops" else points.column(held.by)
    return np.zeros(len(points), dtype=bool) if column is None else np.asarray(column >= held.threshold)


def _points(study: Study, names: Mapping[str, str], over: Input, held: NDArray[np.bool_]) -> Iterator[Series]:
    """Those that judged the law are triangles."""
    points = study.fit.points
    x, called = points.column(over), _called(points, names)
    yield from _dots(x, points.loss, called, held)


def _dots(x: Array, y: Array, called: Sequence[str], held: NDArray[np.bool_], read: bool = False) -> Iterator[Series]:
    """A series a point, so that each has its name; where none has one, a series a mark: a table may have millions.

    `read` is whether a crosshair reads the points.
    """
    if not any(called):
        for which, mark in ((~held, "●"), (held, "▲")):
            if which.any():
                yield Series(x[which], y[which], "primary", "", mark)
        return
    for i, name in enumerate(called):
        yield Series(x[i : i + 1], y[i : i + 1], "primary", name, "▲" if held[i] else "●", name=name if read else "")


def _called(points: Points, names: Mapping[str, str]) -> list[str]:
    """What to write at each point: nothing where there are so many that names would hide them."""
    if len(points) > NAMED or not points.labels:
        return [""] * len(points)
    return [names.get(label, label) for label in points.labels]


@dataclass(frozen=True)
class LawPoint:
    """A point of a sweep's law plot: the mean loss of some finished runs, and whether the law was fitted to it."""

    runs: tuple[RunView, ...]
    label: str
    fitted: bool


def law_figure(sweep: SweepView, fit: Fit | None, points: Sequence[LawPoint] = ()) -> Figure:
    """Loss against N (or what the law is of): the points, the law extended to the largest rung, the prediction.

    A mean over seeds has a bar of one standard deviation to each side. Finished runs of no point are faint.
    """
    over: Input = axis_of(fit) if fit else "params"
    convention = fit.convention if fit else "non-embedding"

    def place(run: RunView) -> float:
        size = run.size(convention)
        return float({"params": size, "tokens": run.tokens, "flops": run.flops}.get(over) or math.nan)

    series: list[Series] = []
    spans: list[tuple[float, float, float, str]] = []
    if fit is not None:
        series += lines(fit, over, max((place(run) for run in sweep.runs), default=0.0))
    inside = {run.name for point in points for run in point.runs}
    others = [run for run in sweep.runs if run.state == "finished" and run.loss and run.name not in inside]
    if others:
        x, y = np.array([place(run) for run in others]), np.array([run.loss for run in others])
        series.append(Series(x, y, "foreground", mark="○", weight="faint"))
    for point in points:
        losses = np.array([run.loss for run in point.runs if run.loss])
        if not losses.size:
            continue
        at, mean = place(point.runs[0]), float(losses.mean())
        colour, mark = ("primary", "●") if point.fitted else ("success", "◆")
        if losses.size > 1:
            sd = float(losses.std(ddof=1))
            spans.append((at, mean - sd, mean + sd, colour))
        series.append(Series(np.array([at]), np.array([mean]), colour, point.label, mark))
    for prediction in sweep.predictions[-1:]:
        predicted = sweep.run(prediction.run)
        if predicted is not None and prediction.low is not None and prediction.high is not None:
            spans.append((place(predicted), prediction.low, prediction.high, "accent"))
    return Figure(
        f"held-out loss, nats/token · x {f'N {convention}' if over == 'params' else SYMBOLS[over]}",
        tuple(series),
        tuple(span for span in spans if math.isfinite(span[0])),
        log_x=True,
        log_y=True,
        x_name=SYMBOLS[over],
        y_name="loss",
        x_text=show.scientific if over == "flops" else show.count,
        x_unit=_unit(over, convention),
        y_unit="nats per token",
        empty="No run has finished yet.",
    )
