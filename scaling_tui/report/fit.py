"""Fits as `fit` and the Law screen show them: from a sweep or a file and options to a document and a text."""

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from scaling_tui import InputError
from scaling_tui.laws import Points, find_law
from scaling_tui.laws.fitting.influence import influence
from scaling_tui.laws.fitting.restrictions import Restrictions
from scaling_tui.laws.fitting.study import study
from scaling_tui.laws.fitting.tables import LeftOut, TableOptions, table_points
from scaling_tui.laws.fitting.valleys import HOW, SHAPES
from scaling_tui.laws.forms import SYMBOLS, Input
from scaling_tui.report.inputs import read_inputs
from scaling_tui.report.standing import standing_document, standing_text
from scaling_tui.tables.read import is_table
from scaling_tui.text import show
from scaling_tui.text.columns import columns
from scaling_tui.text.show import span

if TYPE_CHECKING:
    from scaling_tui.laws import Prediction
    from scaling_tui.laws.fitting.envelope import Envelope
    from scaling_tui.laws.fitting.influence import Influence
    from scaling_tui.laws.fitting.isoflop import PowerLaw, Profiles
    from scaling_tui.laws.fitting.study import Study
    from scaling_tui.plots.figures import Figure
    from scaling_tui.runs import SweepView

DRAWS = 200  # refits of the bootstrap
SLOW = 10_000_000  # bytes of a table
BYTES_A_SECOND = 3e6  # read and fitted, measured with a million rows on one core
Method = Literal["parametric", "isoflop", "envelope"]

# Options of the commands by the argument of `laws` that they set.
_OPTIONS = {
    "holdout_flops": "--holdout-flops",
    "drop_highest": "--drop-highest",
    "convention": "--params-as",
    "coefficients": "--coef",
    "allocation": "--allocation",
    "ties": "--tie",
    "fixed": "--fix",
    "priors": "--prior",
}


@dataclass(frozen=True)
class FitSource:
    """Points to fit, and warnings from reading them; `law` and `convention` are those of a sweep's ladder, if any.

    `names` maps labels of points to what plots call them; `loss` says which loss of its runs a sweep is fitted by. Of a
    table, `left_out` are the rows that are not points, `derived` what was computed, and `columns` where each quantity
    was read from. `dropped` are the warnings that say what was left out. Of a sweep,
    `notes` says what its points are, `behind` names the runs behind each point, and `beside` are the runs that are not
    themselves points of the law.
    """

    points: Points
    warnings: tuple[str, ...]
    law: str | None = None
    convention: str = "all"
    names: Mapping[str, str] = field(default_factory=dict)
    loss: str = ""
    left_out: tuple[LeftOut, ...] = ()
    derived: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    behind: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    beside: Points | None = None

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Errors about too few points say also which runs were left out of them."""
        try:
            yield
        except InputError as error:
            if not self.dropped or not str(error).startswith(("points:", "isoFLOP profiles:", "envelope")):
                raise
            raise InputError("; ".join((str(error), *self.dropped))) from None

    def document(self) -> dict[str, Any]:
        """What reading the source did, for JSON."""
        return {
            "left_out": [asdict(item) for item in self.left_out],
            "derived": list(self.derived),
            "columns": dict(self.columns),
            "notes": list(self.notes),
        }


@contextmanager
def option_names() -> Iterator[None]:
    """Errors of `laws` begin with the argument at fault: inside this block they name the command's option instead."""
    try:
        yield
    except InputError as error:
        argument = re.match(r"(\w+)(?= [^ :]+:|:)", str(error))
        if argument is None or argument[1] not in _OPTIONS:
            raise
        raise InputError(_OPTIONS[argument[1]] + str(error)[argument.end() :]) from None


def slow_note(source: str) -> str:
    """What to tell someone who waits for a large table; empty where it takes no more than a few seconds."""
    try:
        size = Path(source).stat().st_size
    except (OSError, ValueError):
        return ""
    return f"{source}: {size / 1e6:.0f} MB, about {size / BYTES_A_SECOND:.0f} s to read and fit" if size > SLOW else ""


def load(source: str, runs: Path | None = None, options: TableOptions = TableOptions()) -> FitSource:  # noqa: B008
    """The points of the table or sweep called `source`; `-` is a table from standard input.

    Raises:
        InputError: neither a table nor a sweep, or its content is invalid; or options of tables with a sweep.
    """
    if is_table(source):
        return table_source(source, options)
    from scaling_tui.runs import find_sweep, read_sweep, runs_folder

    try:
        view = read_sweep(find_sweep(runs_folder(runs), source))
    except InputError as error:
        raise InputError(f"{error}; nor is {source!r} a table (CSV, TSV, JSONL or Parquet)") from None
    if options.given:
        raise InputError(f"{options.given}: found with the sweep {source!r}, want it with a table")
    return sweep_source(view)


def table_source(source: str, options: TableOptions = TableOptions()) -> FitSource:  # noqa: B008 - frozen
    """The points of a table.

    Raises:
        InputError: as `table_points`.
    """
    read = table_points(source, options)
    law, convention = read.of_sweep or (None, "all")
    return FitSource(
        read.points,
        read.warnings,
        law,
        convention,
        left_out=read.left_out,
        derived=read.derived,
        columns=read.columns,
        dropped=read.dropped,
    )


def sweep_source(view: "SweepView", leave_out: Collection[str] = ()) -> FitSource:
    """The points of a sweep's finished runs, without those named in `leave_out`.

    Raises:
        InputError: no run has finished.
    """
    from scaling_tui.plots.curves import labels
    from scaling_tui.runs.law_points import law_of_sweep, law_trials, uncounted
    from scaling_tui.sweeps.summary import best_rate_summary
    from scaling_tui.sweeps.sweep_fit import (
        edge_warnings,
        loss_used,
        loss_warnings,
        not_fitted,
        points_of_sweep,
        run_points,
        trials_text,
    )

    law, convention = law_of_sweep(view) or (None, "all")
    points = points_of_sweep(view, "all", {*leave_out, *uncounted(view)})
    lacking = [run.name for run in view.runs if run.lacks_final_evaluation and run.name not in leave_out]
    dropped = not_fitted(view)
    warnings = [*dropped]
    warnings += [f"{', '.join(lacking)}: no final evaluation; the loss is from before the end"] if lacking else []
    trials = law_trials(view, {*leave_out, *uncounted(view)})
    behind = {trial.label: tuple(run.name for run in trial.measured) for trial in trials}
    fitted = [name for names in behind.values() for name in names]
    warnings += [*loss_warnings(view, fitted), *edge_warnings(view), *view.all_faults]
    beside = run_points(view, "all", {*leave_out, *points.labels})
    notes = [] if beside is None else [trials_text(trials, view)]
    rates = best_rate_summary(view)
    notes += [rates["text"]] if rates else []
    # Only the points and what was left out on purpose are called by name.
    names = dict.fromkeys(beside.labels if beside else (), "")
    return FitSource(
        points,
        tuple(warnings),
        law,
        convention,
        {**labels(view), **names},
        loss_used(view, fitted),
        dropped=tuple(dropped),
        notes=tuple(notes),
        behind=behind,
        beside=beside,
    )


def counted_as(convention: str, points: Points | None) -> Points | None:
    """Points whose `params` count every parameter, with N under `convention` where they have it."""
    if points is None or convention != "non-embedding" or points.non_embedding is None:
        return points
    return replace(points, params=points.non_embedding)


def fit_source(
    source: str,
    *,
    runs: Path | None,
    law: str | None,
    draws: int,
    holdout_flops: float | None,
    drop_highest: int,
    delta: float | None,
    params_as: str | None,
    method: str,
    valley: str,
    level: float,
    compare: bool = False,
    predict: str | None = None,
    table: TableOptions = TableOptions(),  # noqa: B008 - frozen
    restrictions: Restrictions = Restrictions(),  # noqa: B008 - frozen
) -> "tuple[dict[str, Any], str, Callable[[], Figure]]":
    """The document and the text that `fit` prints, and a function that makes its plot.

    `compare` adds the comparison with every other law that the points carry.

    Raises:
        InputError: an option, the source or its points are invalid.
    """
    if method not in get_args(Method):
        raise InputError(f"--method: found {method!r}, want one of {', '.join(get_args(Method))}")
    if params_as not in (None, "all", "non-embedding"):
        raise InputError(f"--params-as: found {params_as!r}, want all or non-embedding")
    if delta is not None and not delta > 0:
        raise InputError(f"--delta: found {delta:g}, want a positive number or inf")
    options = {"--predict": predict, "--tie, --fix or --prior": restrictions, "--compare": compare}
    for option, given in options.items():
        if given and method != "parametric":
            raise InputError(f"{option}: found with --method {method}, want --method parametric")
    if method == "envelope" and table.points == "auto" and is_table(source):
        table = replace(table, points="all")  # it is the curves that have an envelope
    loaded = load(source, runs, table)
    if method == "parametric":
        if predict is not None:
            read_inputs(predict, find_law(law or loaded.law or "chinchilla"))  # before the fit, which may take a while
        with option_names(), loaded.explained():
            fitted = fit_loaded(
                loaded,
                law,
                draws=draws,
                holdout_flops=holdout_flops,
                drop_highest=drop_highest,
                delta=delta,
                params_as=params_as,
                level=level,
                restrictions=restrictions,
            )
        prediction = None if predict is None else predicted_run(fitted.study, predict)
        document = fitted.document(source) | {"prediction": None if prediction is None else prediction.document()}
        text = fit_text(fitted.study, loaded.loss, loaded.notes, fitted.moved)
        if prediction is not None:
            document["warnings"] += prediction.warnings
            text += f"\n\n{prediction.text}"
        if compare:
            from scaling_tui.laws.fitting.compare import compare as compare_laws
            from scaling_tui.report.compare import compare_document, compare_text

            with loaded.explained():
                compared = compare_laws(fitted.study.fit)
            document |= compare_document(compared)
            text = f"{text}\n\n{compare_text(compared)}"
        return document, text, fitted.figure
    return _profile_source(source, loaded, method, valley, level)


@dataclass(frozen=True)
class LoadedFit:
    """A fit to points that were read from `source`, and what leaving out runs changes."""

    source: FitSource
    study: "Study"
    moved: "Influence | None"

    def document(self, name: str) -> dict[str, Any]:
        """For JSON; `name` is what the source is called."""
        from scaling_tui.report.influence import influence_document

        document = self.study.document() | {
            "source": name,
            "loss": self.source.loss or "as given",
            "notes": list(self.source.notes),
            "published": standing_document(self.study.fit),
            "prediction": None,
        }
        return document | self.source.document() | influence_document(self.study, self.moved)

    def figure(self) -> "Figure":
        """The points and the law through them."""
        from scaling_tui.plots.law_plots import law_view

        beside = counted_as(self.study.fit.convention, self.source.beside)
        return law_view(self.study, self.source.names, beside)


def fit_loaded(
    loaded: FitSource,
    law: str | None = None,
    *,
    draws: int = DRAWS,
    holdout_flops: float | None = None,
    drop_highest: int = 0,
    delta: float | None = None,
    params_as: str | None = None,
    level: float = 0.9,
    restrictions: Restrictions = Restrictions(),  # noqa: B008 - frozen
) -> LoadedFit:
    """The law, the source's own or `chinchilla` where none is given, through points that were read.

    Raises:
        InputError: as `study`.
    """
    fitted = study(
        law or loaded.law or "chinchilla",
        loaded.points,
        draws=draws,
        holdout_flops=holdout_flops,
        drop_highest=drop_highest,
        delta=delta,
        convention=params_as or loaded.convention,
        level=level,
        restrictions=restrictions,
        warnings=loaded.warnings,
    )
    return LoadedFit(loaded, fitted, influence(fitted.fit))


def _profile_source(
    source: str, loaded: FitSource, method: str, valley: str, level: float
) -> "tuple[dict[str, Any], str, Callable[[], Figure]]":
    from scaling_tui.plots.law_plots import envelope_view, valley_view

    if method == "isoflop":
        from scaling_tui.laws.fitting.isoflop import profiles

        if valley not in SHAPES:
            raise InputError(f"--valley: found {valley!r}, want one of {', '.join(SHAPES)}")
        with loaded.explained():
            isoflop = profiles(loaded.points, valley, level=level)
        warnings = [*loaded.warnings, *isoflop.warnings]
        document = asdict(isoflop) | {"source": source, "warnings": warnings} | loaded.document()
        return document, profiles_text(isoflop), lambda: valley_view(loaded.points, isoflop)
    from scaling_tui.laws.fitting.envelope import envelope

    with loaded.explained():
        hull = envelope(loaded.points, level)
    document = {
        "source": source,
        "sizes": hull.sizes,
        "law": hull.law.law.name,
        "coefficients": hull.law.coefficients,
        "params": None if hull.params_law is None else asdict(hull.params_law),
        "tokens": None if hull.tokens_law is None else asdict(hull.tokens_law),
        "level": level,
        "warnings": [*loaded.warnings, *hull.warnings],
        **loaded.document(),
    }
    return document, envelope_text(hull), lambda: envelope_view(hull)


@dataclass(frozen=True)
class PredictedRun:
    """The loss of a run by a fit, with the interval of the law there and that of one run, its own noise included."""

    inputs: Mapping[Input, float]
    law: "Prediction"
    run: "Prediction"
    warnings: list[str]

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "inputs": dict(self.inputs),
            "loss": self.law.value,
            "law": [self.law.low, self.law.high],
            "run": [self.run.low, self.run.high],
            "level": self.law.level,
        }

    @property
    def text(self) -> str:
        """In words."""
        at = ", ".join(f"{SYMBOLS[name]} {show.count(value)}" for name, value in self.inputs.items())
        line = f"at {at}: loss {show.loss(self.law.value)}"
        if math.isnan(self.law.low):
            return f"{line}; {self.law.how}"
        level = show.percent(self.law.level)
        return (
            f"{line}; {level} interval of the law {span(self.law.low, self.law.high, show.loss)}, "
            f"of one run {span(self.run.low, self.run.high, show.loss)}"
        )


def predicted_run(study: "Study", text: str) -> PredictedRun:
    """The loss that a fit predicts for the inputs of `--predict`, with intervals by the draws of the study.

    Raises:
        InputError: as `read_inputs`.
    """
    from scaling_tui.laws.fitting.fitted import Prediction
    from scaling_tui.laws.fitting.warnings import beyond, no_interval

    fit, draws = study.fit, study.draws
    inputs = read_inputs(text, fit.law)
    if inputs.get("total_params", math.inf) < inputs.get("params", 0.0):
        raise InputError("--predict: found more params than total_params, want at most as many active ones")
    wanted: dict[str, object] = {name: inputs[name] for name in fit.law.inputs}
    if draws is None:
        law = Prediction(float(fit.loss(**wanted)), math.nan, math.nan, study.level, "law", no_interval(fit))
        run = replace(law, of="run")
    else:
        law, run = (
            draws.predict(level=study.level, of="law", runs=1, **wanted),
            draws.predict(level=study.level, of="run", runs=1, **wanted),
        )
    return PredictedRun(inputs, law, run, list(beyond(fit, **inputs)))


def fit_text(study: "Study", loss: str = "", notes: Sequence[str] = (), moved: "Influence | None" = None) -> str:
    """A fit with its intervals, held-out error, conventions, and the runs that it leans on.

    `loss` says which loss was fitted, `notes` what its points are, `moved` what leaving out runs changes.
    """
    parts = [
        [f"{study.fit.law.name}   {study.fit.law.text}", *fitted_lines(study, loss, notes)],
        [columns(coefficient_rows(study), numeric=(1,)), *interval_lines(study)],
        held_out_lines(study),
        leaning_lines(study, moved),
        [conventions_text(study)] if study.conventions else [],
        standing_text(study.fit),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def fitted_lines(study: "Study", loss: str = "", notes: Sequence[str] = ()) -> list[str]:
    """What a law was fitted to, and how: points, conventions of N and C, objective; then as `fit_text`."""
    fit = study.fit
    document = study.document()
    return [
        f"{len(fit.points)} points, N {fit.convention}, "
        f"C {document['convention']['flops']}; objective {fit.objective:.6g} ({document['objective_kind']}); "
        f"residual s.d. {show.percent(document['residual_sd'], 2)} of the loss",
        *([f"given: {fit.restrictions.text}"] if fit.restrictions else []),
        *([f"fitted to the {loss}"] if loss else []),
        *notes,
    ]


def coefficient_rows(study: "Study") -> list[tuple[str, str, str]]:
    """A row a coefficient, with its interval, under a row of names."""
    fit = study.fit
    return [
        ("", "estimate", f"{show.percent(study.level)} interval"),
        *(
            (
                name,
                show.coefficient(value),
                "given" if name in fit.restrictions.fixed else span(*study.intervals[name]),
            )
            for name, value in fit.coefficients.items()
        ),
    ]


def interval_lines(study: "Study") -> list[str]:
    """Where the intervals come from, and the noise that was found; empty without any."""
    if not study.draws:
        return []
    noise = [f"noise: {study.draws.noise_text}"] if study.draws.noise_text else []
    return [f"intervals: {study.draws.how}; they assume that the law is right", *noise]


def held_out_lines(study: "Study") -> list[str]:
    """The error on the largest runs of a fit without them; empty where there are too few."""
    holdout = study.holdout
    if not holdout:
        return []
    symbol = {"flops": "C", "params": "N", "tokens": "D"}[holdout.by]
    return [
        f"held out: {holdout.points} with {symbol} ≥ {holdout.threshold:.3g}, "
        f"fitted to the other {holdout.fitted}: "
        f"mean error {show.percent(holdout.mape, 3)}, bias {show.percent(holdout.bias, 3, sign=True)}"
    ]


def leaning_lines(study: "Study", moved: "Influence | None") -> list[str]:
    """The runs that the law leans on, coefficients that the points cannot tell apart, residuals with a pattern."""
    from scaling_tui.report.influence import correlation_lines, influence_lines, pattern_lines

    leaning = influence_lines(study.fit, moved) if moved else []
    return [*leaning, *correlation_lines(study.draws), *pattern_lines(study.fit)]


def conventions_text(study: "Study") -> str:
    """The exponents under each convention for N or C, with their change."""
    rows = conventions_rows(study)
    return columns(rows, numeric=range(1, len(rows[0])))


def conventions_rows(study: "Study") -> list[tuple[str, ...]]:
    """A row a convention, under a row of names."""
    exponents = [name for name in study.fit.law.coefficients if name in study.fit.law.exponents]
    rows: list[tuple[str, ...]] = [("convention", *exponents, "objective")]
    for name, other in study.conventions.items():
        cells = []
        for key in exponents:
            own = study.fit.coefficients[key]
            change = other.coefficients[key] / own - 1
            shift = f" ({show.percent(change, 1, sign=True)})" if other is not study.fit else ""
            cells.append(f"{other.coefficients[key]:.4f}{shift}")
        rows.append((name, *cells, f"{other.objective:.5g}"))
    return rows


def power_text(symbol: str, law: "PowerLaw | None", level: float) -> str:
    """N = k · C^a, with the interval of the exponent a."""
    if law is None:
        return f"{symbol}: no power law"
    ends = "" if math.isnan(law.low) else f"   {show.percent(level)} [{law.low:.3f}, {law.high:.3f}]"
    return f"{symbol} = {law.scale:.4g} · C^{law.exponent:.4f}{ends}"


def profiles_text(profiles: "Profiles") -> str:
    """The isoFLOP minima and the power laws through them, with what other shapes make of the same losses."""
    return "\n".join(
        [
            f"isoFLOP profiles, minimum by {HOW[profiles.shape]}",
            "",
            columns(profile_rows(profiles), numeric=range(6)),
            "",
            *profile_lines(profiles),
        ]
    )


def profile_rows(profiles: "Profiles") -> list[tuple[str, ...]]:
    """A row a budget with its minimum, under a row of names."""
    rows: list[tuple[str, ...]] = [("C", "points", "best N", "D = C/6N", "D/N", "loss", "")]
    rows += [
        (
            show.scientific(v.flops),
            str(v.points),
            show.count(v.params),
            show.count(v.tokens),
            f"{v.tokens / v.params:.1f}",
            show.loss(v.loss),
            "at the edge" if v.edge else "next to the edge" if v.beyond == 1 else "",
        )
        for v in profiles.valleys
    ]
    return rows


def profile_lines(profiles: "Profiles") -> list[str]:
    """The power laws through the minima, and what other shapes make of them."""
    return [
        power_text("N", profiles.params, profiles.level),
        power_text("D", profiles.tokens, profiles.level),
        *(
            f"by {HOW[other.shape]}: N as C^{other.exponent:.4f}"
            for other in profiles.disagreement
            if other.exponent is not None
        ),
    ]


def envelope_text(hull: "Envelope") -> str:
    """The envelope's range, its law, and the power laws for N and D."""
    fit = hull.law
    return "\n".join(
        [
            f"envelope of training curves: {hull.sizes} sizes on it, C {hull.flops[0]:.3g} to {hull.flops[-1]:.3g}",
            f"{fit.law.text}:  " + "  ".join(f"{k} {show.coefficient(v)}" for k, v in fit.coefficients.items()),
            power_text("N", hull.params_law, 0.9),
            power_text("D", hull.tokens_law, 0.9),
        ]
    )
