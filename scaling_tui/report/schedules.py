"""Laws of learning-rate schedules as `fit` shows them: from curves and schedules to a document, a text and figures."""

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.fitting.tables import TableOptions, rows_that_meet
from scaling_tui.laws.schedules.advice import curve_warnings, fit_warnings, prediction_warnings
from scaling_tui.laws.schedules.curves import Curve
from scaling_tui.laws.schedules.fitting import DELTA, CurveErrors, ScheduleFit, fit_curves, left_out
from scaling_tui.laws.schedules.forms import SCHEDULE_LAWS
from scaling_tui.laws.schedules.tables import (
    FEWEST_EVALUATIONS,
    Curves,
    assumed_warmups,
    curve_of,
    curve_tables,
    is_pattern,
    read_curves,
)
from scaling_tui.laws.schedules.words import Defaults, is_words, planned
from scaling_tui.tables import Table
from scaling_tui.tables.read import is_table
from scaling_tui.text import show
from scaling_tui.text.columns import columns
from scaling_tui.text.suggest import did_you_mean

if TYPE_CHECKING:
    from scaling_tui.plots.figures import Figure
    from scaling_tui.runs import RunView, SweepView

MOST_LEFT_OUT = 8  # curves, up to which each is predicted from the others
_SHOWN = 200  # points of a predicted curve in the JSON document
NO_INTERVALS = "no intervals: errors along a curve are correlated, so those of its records would be far too narrow"


@dataclass(frozen=True)
class Predicted:
    """A curve that the fit did not see: predicted losses (n,), and its errors where it was measured."""

    curve: Curve
    loss: "np.ndarray[Any, np.dtype[np.float64]]"
    errors: CurveErrors | None

    @classmethod
    def of(cls, fit: ScheduleFit, curve: Curve) -> "Predicted":
        if curve.schedule.falls and not fit.falls:
            raise InputError(
                f"--predict {curve.name}: its rate falls, but that of no fitted curve does; want one that does to fit"
            )
        loss = fit.loss(curve)
        if not loss.min() > 0:
            low = f"--predict {curve.name}: the law gives a loss of {loss.min():.3g}"
            raise InputError(f"{low}, want a schedule near the fitted ones")
        return cls(curve, loss, CurveErrors.of(loss, curve.loss) if curve.measured else None)


@dataclass(frozen=True)
class ScheduleStudy:
    """A fit with what it says of its own curves, of each of them from the others, and of those to be predicted."""

    fit: ScheduleFit
    fitted: tuple[Predicted, ...]
    left_out: Mapping[str, CurveErrors]
    predicted: tuple[Predicted, ...]
    loss: str
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """For JSON."""
        fit = self.fit
        unknown = set(fit.undetermined) if not fit.falls else set()
        return {
            "law": fit.law.name,
            "form": fit.law.text,
            "paper": fit.law.source,
            "coefficients": {name: None if name in unknown else value for name, value in fit.coefficients.items()},
            "intervals": None,
            "fixed": dict(fit.fixed),
            "undetermined": fit.undetermined,
            "objective": fit.objective,
            "objective_kind": _objective(fit),
            "points": sum(one.curve.steps.size for one in self.fitted),
            "loss": self.loss,
            "curves": [
                _curve_document(one)
                | {"left_out": asdict(self.left_out[one.curve.name]) if one.curve.name in self.left_out else None}
                for one in self.fitted
            ],
            "predictions": [_curve_document(one) | {"curve": _points(one)} for one in self.predicted],
            "notes": list(self.notes),
            "warnings": list(self.warnings),
        }


def fit_schedules(
    source: str,
    law: str,
    *,
    predict: str | None = None,
    runs: Path | None = None,
    delta: float | None = None,
    fixed: Mapping[str, float] = MappingProxyType({}),
    table: TableOptions = TableOptions(),  # noqa: B008 - frozen
    others: Mapping[str, object] = MappingProxyType({}),
) -> "tuple[dict[str, Any], str, Callable[[], list[Figure]]]":
    """The document and the text that `fit` prints for a law of schedules, and a function that makes its plots.

    Args:
        source: a sweep, a folder of tables, a pattern of tables, or one table.
        law: its name.
        predict: curves of the source that are predicted instead of fitted, schedules in words, and tables; with commas.
        runs: folder of the sweeps.
        delta: of the Huber loss; None takes `DELTA`.
        fixed: values of coefficients that are held.
        table: how to read tables.
        others: what was given by options of the laws of N and D, by option; all must be empty.

    Raises:
        InputError: an option, the source or its curves are invalid.
    """
    if option := next((name for name, value in others.items() if value), ""):
        raise InputError(f"{option}: found with --law {law}, which fits whole curves; want it with a law of N and D")
    if delta is not None and not delta > 0:
        raise InputError(f"--delta: found {delta:g}, want a positive number or inf")
    study = schedule_study(source, law, predict=predict, runs=runs, delta=delta, fixed=fixed, table=table)

    def figures() -> "list[Figure]":
        from scaling_tui.plots.schedules import curve_figure, rate_figure

        shown = [(one.curve, one.loss, True) for one in study.fitted]
        shown += [(one.curve, one.loss, False) for one in study.predicted]
        return [curve_figure(shown), rate_figure([curve for curve, *_ in shown])]

    return study.document() | {"source": source}, schedule_text(study), figures


def schedule_study(
    source: str,
    law: str,
    *,
    predict: str | None = None,
    runs: Path | None = None,
    delta: float | None = None,
    fixed: Mapping[str, float] = MappingProxyType({}),
    table: TableOptions = TableOptions(),  # noqa: B008 - frozen
) -> ScheduleStudy:
    """As `fit_schedules`, before it is written down."""
    read = load_curves(source, runs, table)
    if len(read.params) > 1:
        sizes = show.listed([show.count(size) for size in read.params])
        raise InputError(
            f"{source}: curves of several sizes (N {sizes}), want those of one: --where params={read.params[0]:g}"
        )
    names = [name.strip() for name in (predict or "").split(",") if name.strip()]
    held, asked, notes = _asked(names, read, table)
    own = [curve for curve in read.curves if curve.name not in held]
    measured = [curve for curve in own if curve.measured]
    notes = [*read.notes, *notes]
    if not measured:
        raise InputError(f"{source}: no curve with a loss is left to fit, want one or more beside those to predict")
    if lacking := [curve.name for curve in own if not curve.measured]:
        notes.append(f"{show.listed(lacking)}: no loss after the warm-up, not fitted")
    fit = fit_curves(measured, SCHEDULE_LAWS[law], DELTA if delta is None else delta, fixed)
    known = {curve.name: curve for curve in measured}
    if (most := max(curve.averaged for curve in fit.curves)) > 1:
        notes.append(f"neighbouring records are averaged for the fit, up to {most} together")
    schedules = [curve.schedule for curve in measured]
    to_predict = list(asked)
    for text in [name for name in names if is_words(name) and name not in known]:
        curve, told = planned(text, Defaults.of(schedules))
        to_predict.append(curve)
        notes.append(told)
    predicted = tuple(Predicted.of(fit, curve) for curve in to_predict)
    warnings = [*read.warnings, *fit_warnings(fit)]
    for one in predicted:
        warnings += prediction_warnings(fit, one.curve)
    both = curve_warnings([*measured, *(curve for curve in to_predict if curve.measured)])
    warnings += [warning for warning in both if "not of one model" in warning]
    return ScheduleStudy(
        fit,
        tuple(Predicted.of(fit, curve) for curve in measured),
        left_out(fit) if len(measured) <= MOST_LEFT_OUT else {},
        predicted,
        read.loss,
        tuple(notes),
        tuple(dict.fromkeys(warnings)),
    )


def load_curves(source: str, runs: Path | None, table: TableOptions) -> Curves:
    """The curves of a sweep, a folder or pattern of tables, or one table.

    Raises:
        InputError: none of these, or its content is invalid.
    """
    from scaling_tui.runs import find_sweep, read_sweep, runs_folder

    if is_pattern(source) or (Path(source).is_dir() and not (Path(source) / "sweep.json").exists()):
        return read_curves(curve_tables(source), table)
    if is_table(source):
        return read_curves([source], table)
    try:
        view = read_sweep(find_sweep(runs_folder(runs), source))
    except InputError as error:
        raise InputError(f"{error}; nor is {source!r} a table of curves or a folder of them") from None
    if table.columns:
        raise InputError(f"--columns: found with the sweep {source!r}, want it with a table")
    return sweep_curves(view, table.where)


def sweep_curves(view: "SweepView", where: Sequence[str] = ()) -> Curves:
    """The curves of a sweep's runs that meet the conditions `where` on their name, N, D, seed, schedule or rung.

    Held-out losses where every run has enough of them, else the training losses.

    Raises:
        InputError: no run with learning rates.
    """
    runs = [run for run in view.runs if np.isfinite(run.curve["lr"]).sum() > 1 and run.state != "unreadable"]
    if not runs:
        raise InputError(f"sweep {view.name}: no run with records of its learning rate")
    facts = Table(
        f"sweep {view.name}",
        {
            "run": [run.name for run in runs],
            "rung": [run.rung for run in runs],
            "seed": [run.seed for run in runs],
            "params": [run.params for run in runs],
            "tokens": [run.tokens for run in runs],
            "schedule": [(run.config.get("training") or {}).get("schedule") for run in runs],
        },
        range(1, len(runs) + 1),
    )
    keep = np.ones(len(runs), dtype=bool)
    for condition in where:
        keep &= rows_that_meet(condition, facts, {})
    chosen = [run for run, kept in zip(runs, keep, strict=True) if kept]
    if not chosen:
        raise InputError(f"--where: no run of sweep {view.name} meets {' and '.join(where)}")
    evaluations = min(int(np.isfinite(run.curve["val_loss"]).sum()) for run in chosen)
    metric = "val_loss" if evaluations >= FEWEST_EVALUATIONS else "loss"
    curves = [_run_curve(run, view, metric) for run in chosen]
    notes = assumed_warmups(curves)
    if metric == "loss" and evaluations:
        notes.append(
            f"fitted to training losses: {show.counted(evaluations, 'evaluation')} of a run are too few for a curve"
        )
    sizes = dict.fromkeys(float(run.params) for run in chosen if run.params)
    return Curves(
        tuple(curves), "held-out loss" if metric == "val_loss" else "training loss", tuple(notes), (), tuple(sizes)
    )


def _run_curve(run: "RunView", view: "SweepView", metric: str) -> Curve:
    """The curve of a run; of one that branched off a trunk, with the trunk's rates before that."""
    steps, rates = run.curve.points("step", "lr")
    own = run.curve.points("step", metric)
    trunk = view.run(run.trunk.run) if run.trunk else None
    if trunk is not None and run.trunk is not None:
        before, earlier = trunk.curve.points("step", "lr")
        shared = before <= run.trunk.step
        steps, rates = np.append(before[shared], steps), np.append(earlier[shared], rates)
    return curve_of(run.name, (steps, rates), own)


def _asked(names: Sequence[str], read: Curves, table: TableOptions) -> tuple[set[str], list[Curve], list[str]]:
    """The names of the source's curves to hold out, every curve to predict but those in words, and notes."""
    known = {curve.name: curve for curve in read.curves}
    held: dict[str, None] = {}
    others: list[Curve] = []
    notes: list[str] = []
    for name in names:
        matching = [own for own in known if own == name] or [own for own in known if fnmatch.fnmatchcase(own, name)]
        ending = [own for own in known if own.endswith(("_" + name, "-" + name, "/" + name))]
        if matching or len(ending) == 1:
            held.update(dict.fromkeys(matching or ending))
        elif is_words(name):
            continue
        elif is_table(name):
            found = read_curves([name], replace(table, where=()))
            others += found.curves
            notes += found.notes
        else:
            raise InputError(
                f"--predict: found {name[:60]!r}, want a curve of the source, a table with step and lr, or a schedule "
                f"such as cosine:72000; {did_you_mean(name, known)}"
            )
    return set(held), [known[name] for name in held] + others, notes


def _objective(fit: ScheduleFit) -> str:
    return f"Huber, delta {fit.delta:g}" if np.isfinite(fit.delta) else "least squares"


def _curve_document(one: Predicted) -> dict[str, Any]:
    schedule = one.curve.schedule
    return {
        "name": one.curve.name,
        "records": int(one.curve.steps.size) if one.curve.measured else 0,
        "steps": schedule.last,
        "warmup": schedule.warmup,
        "warmup_assumed": bool(schedule.assumed),
        "peak_lr": schedule.peak,
        "final_lr": float(schedule.rates[-1]),
        "final": {
            "step": int(one.curve.steps[-1]),
            "predicted": float(one.loss[-1]),
            "measured": float(one.curve.loss[-1]) if one.curve.measured else None,
            "error": one.errors.last if one.errors else None,
        },
        "mape": one.errors.mape if one.errors else None,
        "bias": one.errors.bias if one.errors else None,
        "worst": one.errors.worst if one.errors else None,
    }


def _points(one: Predicted) -> dict[str, Any]:
    chosen = np.unique(np.linspace(0, one.curve.steps.size - 1, min(_SHOWN, one.curve.steps.size)).round().astype(int))
    measured = one.curve.loss[chosen].tolist() if one.curve.measured else None
    return {"step": one.curve.steps[chosen].tolist(), "predicted": one.loss[chosen].tolist(), "measured": measured}


def schedule_text(study: ScheduleStudy) -> str:
    """A fit to curves: coefficients, and for each curve how near the law comes to it."""
    fit = study.fit
    unknown = set(fit.undetermined) if not fit.falls else set()
    records = sum(one.curve.steps.size for one in study.fitted)
    rows = [("", "estimate")]
    for name, value in fit.coefficients.items():
        rows.append(
            (name, "–" if name in unknown else show.coefficient(value) + (" fixed" if name in fit.fixed else ""))
        )
    lines = [
        f"{fit.law.name}   {fit.law.text}",
        f"{show.counted(len(study.fitted), 'curve')}, {show.counted(records, 'record')} after the warm-up; "
        f"objective {fit.objective:.6g} ({_objective(fit)})",
        f"fitted to {study.loss}",
        *study.notes,
        "",
        columns(rows, numeric=(1,)),
        NO_INTERVALS,
        "",
        _curves_text("fitted", study.fitted, study.left_out),
        *(["left out: mean error on the curve when predicted from the others"] if study.left_out else []),
    ]
    if study.predicted:
        lines += ["", _curves_text("predicted", study.predicted, {})]
        errors = [one.errors.mape for one in study.predicted if one.errors]
        if len(errors) > 1:
            lines.append(f"mean error of {len(errors)} predicted curves {show.percent(float(np.mean(errors)), 3)}")
    return "\n".join(lines)


def _curves_text(title: str, shown: Sequence[Predicted], left: Mapping[str, CurveErrors]) -> str:
    rows: list[tuple[str, ...]] = [(title, "steps", "last lr", "last loss", "by the law", "error", "mean error")]
    if left:
        rows = [(*rows[0], "left out")]
    for one in shown:
        schedule, errors = one.curve.schedule, one.errors
        row = (
            one.curve.name,
            f"{schedule.last:,}",
            f"{schedule.rates[-1]:.3g}",
            show.loss(float(one.curve.loss[-1])) if errors else "–",
            show.loss(float(one.loss[-1])),
            show.percent(errors.last, 2, sign=True) if errors else "–",
            show.percent(errors.mape, 3) if errors else "–",
        )
        own = left.get(one.curve.name)
        rows.append((*row, show.percent(own.mape, 3) if own else "–") if left else row)
    return columns(rows, numeric=range(1, len(rows[0])))
