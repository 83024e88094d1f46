"""From what a command or a screen is given (a sweep or a file, options) to a fit or a plan, as data and as text."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from scaling_tui import InputError, report
from scaling_tui.laws import Points, coefficient_set, get
from scaling_tui.laws.reading import read_points
from scaling_tui.laws.study import study

if TYPE_CHECKING:
    from scaling_tui.laws.planning import Device, Goal, Plan
    from scaling_tui.laws.study import Study
    from scaling_tui.laws.valleys import Shape
    from scaling_tui.runs import SweepView

Method = Literal["parametric", "isoflop", "envelope"]


@dataclass(frozen=True)
class Source:
    """Points with where they are from: `law` and `convention` are what a sweep's ladder asks for, where it does."""

    points: Points
    warnings: tuple[str, ...]
    law: str | None = None
    convention: str = "all"


def load(source: str, runs: Path | None = None) -> Source:
    """The points of a file, or of the sweep of that name.

    Raises:
        InputError: neither a file nor a sweep; or its content is wrong.
    """
    path = Path(source)
    if path.is_file() or path.suffix in (".csv", ".jsonl", ".json", ".tsv"):
        return Source(*read_points(path))
    from scaling_tui.runs import find_sweep, read_sweep, runs_folder

    try:
        view = read_sweep(find_sweep(runs_folder(runs), source))
    except InputError as error:
        raise InputError(f"{error}; nor is {source!r} a CSV or JSONL file") from None
    return sweep_source(view)


def sweep_source(view: "SweepView", leave_out: Collection[str] = ()) -> Source:
    """The points of a sweep, without the runs named in `leave_out`.

    Raises:
        InputError: no finished run.
    """
    from scaling_tui.sweep.points import law_of_sweep, points_of_sweep

    law, convention = law_of_sweep(view) or (None, "all")
    bad = [run.name for run in view.runs if run.state in ("diverged", "failed", "lost", "stopped")]
    left = (f"{', '.join(bad)} left out: not finished",) if bad else ()
    return Source(points_of_sweep(view, "all", leave_out), left, law, convention)


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
        return made.document() | {"source": source}, report.fit_text(made)
    return _profile_source(source, loaded, method, valley, level)


def _profile_source(source: str, loaded: Source, method: str, valley: str, level: float) -> tuple[dict[str, Any], str]:
    if method == "isoflop":
        from scaling_tui.laws.valleys import profiles

        if valley not in ("parabola", "akima"):
            raise InputError(f"--valley: found {valley!r}, want parabola or akima")
        found = profiles(loaded.points, cast("Shape", valley), level=level)
        warnings = [*loaded.warnings, *found.warnings]
        return asdict(found) | {"source": source, "warnings": warnings}, report.profiles_text(found)
    from scaling_tui.laws.envelope import envelope

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
    return document, report.envelope_text(hull)


def coefficients_for(law: str, given: Sequence[str]) -> dict[str, float]:
    """Coefficients of a law: the published set's, with `KEY=VALUE` ones laid over; all given where none is published.

    Raises:
        InputError: not KEY=VALUE, no number, or a set that is not complete.
    """
    form = get(law)
    values: dict[str, float] = {}
    for item in given:
        key, equals, text = item.partition("=")
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not equals or key not in form.coefficients or not math.isfinite(value):
            raise InputError(f"--coef: found {item!r}, want KEY=NUMBER with KEY one of {', '.join(form.coefficients)}")
        values[key] = value
    if set(values) == set(form.coefficients):
        return values
    if not given:
        return dict(coefficient_set(law).coefficients)
    try:
        published = dict(coefficient_set(law).coefficients)
    except InputError:
        missing = [name for name in form.coefficients if name not in values]
        raise InputError(f"--coef: {law} needs {', '.join(missing)} too") from None
    return published | values


def device_for(name: str | None, count: int, mfu: float, price: float | None) -> "tuple[str, Device] | None":
    """The described device.

    Raises:
        InputError: unknown name, no number, or a share outside 0 to 1.
    """
    from scaling_tui.laws.planning import DEVICES, Device

    if not 0 < mfu <= 1:
        raise InputError(f"--mfu: found {mfu:g}, want a share above 0 and up to 1")
    if price is not None and not price >= 0:
        raise InputError(f"--price: found {price:g}, want 0 or more")
    if name is None:
        if price is not None:
            raise InputError("--price: found without --device, want a device such as h100, or its peak FLOP/s")
        return None
    try:
        peak = DEVICES.get(name.lower()) or float(name)
    except ValueError:
        peak = math.nan
    if not (math.isfinite(peak) and peak > 0):
        raise InputError(f"--device: found {name!r}, want {', '.join(DEVICES)} or a peak in FLOP/s such as 9.9e14")
    return name, Device(peak, mfu, count, price)


def plan_source(
    goal: "Goal",
    *,
    law: str | None,
    source: str | None,
    coef: Sequence[str],
    draws: int,
    runs: Path | None,
    machine: "tuple[str, Device] | None",
) -> tuple[dict[str, Any], str]:
    """What `plan` prints: a document and a text.

    Raises:
        InputError: options that contradict, or a fit that cannot carry the plan.
    """
    made = _plan_for(goal, law, source, coef, draws, runs)
    bill = _bill(made, machine)
    document = asdict(made) | {
        "intervals": {key: list(ends) for key, ends in made.intervals.items()},
        "convention": {"flops": "6ND", "params": made.convention or None},
        "device": bill,
    }
    return document, report.plan_text(made, bill)


def _plan_for(
    goal: "Goal", law: str | None, source: str | None, coef: Sequence[str], draws: int, runs: Path | None
) -> "Plan":
    from scaling_tui.laws.planning import plan, plan_published

    if source is not None:
        if coef:
            raise InputError("--coef: found with --fit, want one of them")
        loaded = load(source, runs)
        return plan_study(loaded, planning_study(loaded, law, draws), goal)
    law = law or "chinchilla:besiroglu2024"
    if coef:
        return plan(get(law), coefficients_for(law, coef), goal)
    return plan_published(coefficient_set(law), goal)


def planning_study(loaded: Source, law: str | None = None, draws: int = 200) -> "Study":
    """The fit that plans for a source are made with.

    Raises:
        InputError: the points cannot be fitted.
    """
    return study(loaded.points, law or loaded.law or "chinchilla", draws=max(draws, 20), convention=loaded.convention)


def plan_study(loaded: Source, fitted: "Study", goal: "Goal") -> "Plan":
    """A plan with a source's own fit.

    Raises:
        InputError: the fit cannot carry it.
    """
    from scaling_tui.laws.planning import plan_fit

    made = plan_fit(fitted.fit, fitted.draws, goal)
    return replace(made, notes=(*loaded.warnings, *made.notes))


def _bill(made: "Plan", machine: "tuple[str, Device] | None") -> Mapping[str, Any] | None:
    if machine is None:
        return None
    name, device = machine
    return {
        "device": name,
        "devices": device.count,
        "flops_per_second": device.flops_per_second,
        "utilisation": device.utilisation,
        "hours": device.hours(made.flops),
        "cost": device.cost(made.flops),
    }
