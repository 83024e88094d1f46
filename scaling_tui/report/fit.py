"""From what a command or a screen is given (a sweep or a file, options) to a fit or a plan, as data and as text."""

import math
from typing import TYPE_CHECKING, Any

from scaling_tui.text import show

if TYPE_CHECKING:
    from scaling_tui.laws.fitting.envelope import Envelope
    from scaling_tui.laws.fitting.isoflop import PowerLaw, Profiles
    from scaling_tui.laws.fitting.study import Study
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args

from scaling_tui import InputError
from scaling_tui.laws import Points
from scaling_tui.laws.fitting.study import study
from scaling_tui.laws.fitting.tables import read_points
from scaling_tui.text.columns import columns, span

if TYPE_CHECKING:
    from scaling_tui.laws.fitting.isoflop import Shape
    from scaling_tui.laws.fitting.study import Study
    from scaling_tui.runs import SweepView


Method = Literal["parametric", "isoflop", "envelope"]


@dataclass(frozen=True)
class FitSource:
    """Points with where they are from: `law` and `convention` are what a sweep's ladder asks for, where it does."""

    points: Points
    warnings: tuple[str, ...]
    law: str | None = None
    convention: str = "all"


def load(source: str, runs: Path | None = None) -> FitSource:
    """The points of a file, or of the sweep of that name.

    Raises:
        InputError: neither a file nor a sweep; or its content is wrong.
    """
    path = Path(source)
    if path.is_file() or path.suffix in (".csv", ".jsonl", ".json", ".tsv"):
        return FitSource(*read_points(path))
    from scaling_tui.runs import find_sweep, read_sweep, runs_folder

    try:
        view = read_sweep(find_sweep(runs_folder(runs), source))
    except InputError as error:
        raise InputError(f"{error}; nor is {source!r} a CSV or JSONL file") from None
    return sweep_source(view)


def sweep_source(view: "SweepView", leave_out: Collection[str] = ()) -> FitSource:
    """The points of a sweep, without the runs named in `leave_out`.

    Raises:
        InputError: no finished run.
    """
    from scaling_tui.sweeps.sweep_fit import law_of_sweep, points_of_sweep

    law, convention = law_of_sweep(view) or (None, "all")
    bad = [run.name for run in view.runs if run.state in ("diverged", "failed", "lost", "stopped")]
    left = (f"{', '.join(bad)} left out: not finished",) if bad else ()
    return FitSource(points_of_sweep(view, "all", leave_out), left, law, convention)


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
) -> tuple[dict[str, Any], str]:
    """What `fit` prints: a document and a text.

    Raises:
        InputError: an option, the source or its points are wrong.
    """
    if method not in get_args(Method):
        raise InputError(f"--method: found {method!r}, want one of {', '.join(get_args(Method))}")
    if params_as not in (None, "all", "non-embedding"):
        raise InputError(f"--params-as: found {params_as!r}, want all or non-embedding")
    if delta is not None and not delta > 0:
        raise InputError(f"--delta: found {delta:g}, want a positive number or inf")
    loaded = load(source, runs)
    if method == "parametric":
        made = study(
            loaded.points,
            law or loaded.law or "chinchilla",
            draws=draws,
            holdout_flops=holdout_flops,
            drop_highest=drop_highest,
            delta=delta,
            convention=params_as or loaded.convention,
            level=level,
            warnings=loaded.warnings,
        )
        return made.document() | {"source": source}, fit_text(made)
    return _profile_source(source, loaded, method, valley, level)


def _profile_source(
    source: str, loaded: FitSource, method: str, valley: str, level: float
) -> tuple[dict[str, Any], str]:
    if method == "isoflop":
        from scaling_tui.laws.fitting.isoflop import profiles

        if valley not in ("parabola", "akima"):
            raise InputError(f"--valley: found {valley!r}, want parabola or akima")
        found = profiles(loaded.points, cast("Shape", valley), level=level)
        warnings = [*loaded.warnings, *found.warnings]
        return asdict(found) | {"source": source, "warnings": warnings}, profiles_text(found)
    from scaling_tui.laws.fitting.envelope import envelope

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
    }
    return document, envelope_text(hull)


def fit_text(study: "Study") -> str:
    """A fit with its intervals, held-out error and conventions."""
    fit = study.fit
    document = study.document()
    lines = [
        f"{fit.law.name}   {fit.law.text}",
        f"{len(fit.points)} points, N {fit.convention}, "
        f"C {document['convention']['flops']}; objective {fit.objective:.6g} ({document['objective_kind']}); "
        f"residual s.d. {document['residual_sd']:.2%} of the loss",
        "",
        columns(
            [
                ("", "estimate", f"{study.level:.0%} interval"),
                *(
                    (name, show.coefficient(value), span(*study.intervals[name]))
                    for name, value in fit.coefficients.items()
                ),
            ],
            numeric=(1,),
        ),
    ]
    if study.draws:
        lines.append(f"intervals: {study.draws.how}; they take the law itself for true")
    if study.holdout:
        held = study.holdout
        symbol = {"flops": "C", "params": "N", "tokens": "D"}[held.by]
        lines += [
            "",
            f"held out: {held.points} with {symbol} ≥ {held.threshold:.3g}, fitted on the other {held.fitted}: "
            f"mean error {held.mape:.3%}, bias {held.bias:+.3%}",
        ]
    if study.conventions:
        lines += ["", conventions_text(study)]
    return "\n".join(lines)


def conventions_text(study: "Study") -> str:
    """How far the exponents move when N or C is counted otherwise."""
    exponents = [name for name in study.fit.law.coefficients if name in study.fit.law.exponents]
    rows = [("convention", *exponents, "objective")]
    for name, other in study.conventions.items():
        moved = []
        for key in exponents:
            own = study.fit.coefficients[key]
            change = other.coefficients[key] / own - 1
            moved.append(f"{other.coefficients[key]:.4f}" + (f" ({change:+.1%})" if other is not study.fit else ""))
        rows.append((name, *moved, f"{other.objective:.5g}"))
    return columns(rows, numeric=range(1, len(rows[0])))


def power_text(symbol: str, law: "PowerLaw | None", level: float) -> str:
    """N = k · C^a with the interval of a."""
    if law is None:
        return f"{symbol}: no power law"
    ends = "" if math.isnan(law.low) else f"   {level:.0%} [{law.low:.3f}, {law.high:.3f}]"
    return f"{symbol} = {law.scale:.4g} · C^{law.exponent:.4f}{ends}"


def profiles_text(found: "Profiles") -> str:
    """The valleys and the power laws through them."""
    rows = [("C", "points", "N of least loss", "D = C/6N", "D/N", "loss", "")]
    rows += [
        (
            show.scientific(v.flops),
            str(v.points),
            show.count(v.params),
            show.count(v.tokens),
            f"{v.tokens / v.params:.1f}",
            show.loss(v.loss),
            "at the edge" if v.edge else "",
        )
        for v in found.valleys
    ]
    return "\n".join(
        [
            f"isoFLOP profiles, minimum by {found.shape}",
            "",
            columns(rows, numeric=range(6)),
            "",
            power_text("N", found.params, found.level),
            power_text("D", found.tokens, found.level),
        ]
    )


def envelope_text(found: "Envelope") -> str:
    """The envelope in brief."""
    fit = found.law
    return "\n".join(
        [
            f"envelope of training curves: {found.sizes} sizes on it, C {found.flops[0]:.3g} to {found.flops[-1]:.3g}",
            f"{fit.law.text}:  " + "  ".join(f"{k} {show.coefficient(v)}" for k, v in fit.coefficients.items()),
            power_text("N", found.params_law, 0.9),
            power_text("D", found.tokens_law, 0.9),
        ]
    )
