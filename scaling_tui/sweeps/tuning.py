"""Learning rates by `tune`: the smallest rungs of a ladder are trained at several rates, and the best of these are
transferred to the larger ones before they are trained. While the best is the lowest or highest tried, another beyond it
is tried.

A probe is a run like any other, and the best ones are points of the law. A run whose rate is not known yet has no
run.json; sweep.json holds all but its rate, and the supervisor writes it once the rates are chosen and recorded in
rates.jsonl. Each step can be repeated after a kill: recorded rates are not chosen again.
"""

import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from scaling_tui import InputError
from scaling_tui.runs import RunView, SweepView
from scaling_tui.runs.config import known_keys
from scaling_tui.runs.format import RecordedRates
from scaling_tui.runs.points import points_of, setting_of
from scaling_tui.runs.writer import append_rates, write_run
from scaling_tui.sweeps.best_rates import BestRate, best_rates, rate_trend, width_of
from scaling_tui.sweeps.rung import Rung, short_number

Transfer = Literal["width", "trend"]
FACTORS = (0.5, 1.0, 2.0)
MOST_PROBES = 3  # rungs, unless the ladder says otherwise
MOST_FACTORS = 100
MOST_FURTHER = 5  # rates of a rung beyond those of the ladder
LARGEST_RATE = 10.0


@dataclass(frozen=True)
class TuneChoice:
    """How a ladder tunes its learning rates.

    Args:
        setting: what is tuned; so far `lr` alone.
        rungs: how many of the smallest rungs probe; 0 takes half of them, but at most `MOST_PROBES`.
        factors: the rates to probe, as multiples of the rung's own.
        transfer: `width` takes lr · hidden as constant (Yang et al. 2022, table 8: for hidden matrices under Adam the
            best rate falls as 1/width); `trend` follows the power law through the probes.
    """

    setting: str = "lr"
    rungs: int = 0
    factors: tuple[float, ...] = FACTORS
    transfer: Transfer = "width"


def tune_choice(value: Any) -> TuneChoice:
    """What a ladder's `tune` says: the name of the setting, or a table.

    Raises:
        InputError: it fits neither.
    """
    table = {"setting": value} if isinstance(value, str) else value
    given = known_keys(table, TuneChoice, "tune")
    setting, rungs, transfer = given.get("setting", "lr"), given.get("rungs", 0), given.get("transfer", "width")
    if setting != "lr":
        raise InputError(f"tune: found {setting!r}, want 'lr'")
    if not isinstance(rungs, int) or isinstance(rungs, bool) or rungs < ("rungs" in given):
        raise InputError(f"tune.rungs: found {rungs!r}, want how many rungs probe, at least 1")
    if transfer not in get_args(Transfer):
        raise InputError(f"tune.transfer: found {transfer!r}, want 'width' or 'trend'")
    factors = given.get("factors", list(FACTORS))
    fits = isinstance(factors, list) and 2 <= len(set(map(str, factors))) <= MOST_FACTORS
    if not fits or not all(
        isinstance(f, int | float) and not isinstance(f, bool) and 0 < f < math.inf for f in factors
    ):
        raise InputError(f"tune.factors: found {factors!r}, want a list of at least two numbers above 0")
    return TuneChoice(setting, rungs, tuple(map(float, factors)), transfer)


def probes_of(rungs: Sequence[Rung], choice: TuneChoice, predicted: str | None) -> list[str]:
    """The rungs that probe: the smallest, and never the predicted one.

    Raises:
        InputError: there are too few rungs.
    """
    sizes = {rung.name: rung.count.total for rung in rungs}
    could = sorted((name for name in sizes if name != predicted), key=lambda name: sizes[name])
    count = choice.rungs or max(1, min(MOST_PROBES, len(sizes) // 2))
    if count >= len(sizes) or count > len(could):
        raise InputError(
            f"tune.rungs: found {count} of {len(sizes)} rungs to probe, want a larger rung that gets its rate from them"
        )
    return could[:count]


def with_probes(document: Mapping[str, Any], rungs: Sequence[Rung], probes: Sequence[str], choice: TuneChoice) -> Any:
    """The ladder's document with a list of rates at each rung that probes.

    Raises:
        InputError: the ladder gives a list of rates itself.
    """
    own = {rung.name: rung.training.lr for rung in rungs}
    for table in (document.get("training", {}), *document["rungs"]):
        if isinstance(table.get("lr"), list):
            raise InputError("tune: found together with a list of lr, want only one of them")
    tables = [
        {**table, "lr": [float(f"{own[table['name']] * factor:.3g}") for factor in choice.factors]}
        if table["name"] in probes
        else table
        for table in document["rungs"]
    ]
    return {**document, "rungs": tables}


# --- on disk


def waiting(sweep: SweepView) -> list[RunView]:
    """The runs whose rate is not known, or whose run.json is not written yet."""
    return [run for run in sweep.runs if run.planned]


def is_probe(sweep: SweepView, run: RunView) -> bool:
    return run.rung in (sweep.document.get("tune") or {}).get("probes", ())


def can_choose(sweep: SweepView) -> bool:
    """Whether the rates are recorded, or a probe tells what they could be."""
    return sweep.rates is not None or bool(_measured(sweep))


def _measured(sweep: SweepView) -> list[BestRate]:
    return best_rates(points_of(run for run in sweep.runs if is_probe(sweep, run)))


def choose_rates(sweep: SweepView) -> RecordedRates:
    """The rates of the runs that wait, from the probes that were measured.

    Raises:
        InputError: no probe was.
    """
    probes = _measured(sweep)
    if not probes:
        raise InputError("no rung was measured at two learning rates or more")
    widths = {run.rung: width_of(run) for run in sweep.runs}
    wanted = {run.rung: size for run in waiting(sweep) if (size := widths[run.rung])}
    inside = [probe for probe in probes if not probe.edge] or probes
    product = statistics.geometric_mean(probe.rate * probe.size for probe in inside)
    how = f"lr = {product:.3g} / hidden (Yang et al. 2022)"
    rates = {rung: product / size for rung, size in wanted.items()}
    if (sweep.document.get("tune") or {}).get("transfer") == "trend":
        trend = rate_trend(probes, "hidden")
        if trend is None:
            how += ", since no trend follows from fewer than two rungs whose best rate lies between others"
        else:
            how = f"lr = {trend.scale:.3g} · hidden^{trend.exponent:.2f}, the trend of the probes"
            rates = {rung: trend.at(size) for rung, size in wanted.items()}
    edges = [f"{probe.rung} is best at the {probe.edge} rate tried" for probe in probes if probe.edge]
    return RecordedRates(
        rates={rung: float(f"{min(rate, LARGEST_RATE):.3g}") for rung, rate in rates.items()},
        probes={probe.rung: float(f"{probe.rate:.3g}") for probe in probes},
        how="; ".join([how, *edges]),
        time=time.time(),
    )


def further_probes(sweep: SweepView) -> dict[str, dict[str, Any]]:
    """The run.json by name of the runs to probe next: a rate beyond the best of each rung where that is at an edge."""
    tune = sweep.document.get("tune") or {}
    most = len(tune.get("factors") or FACTORS) + MOST_FURTHER
    found: dict[str, dict[str, Any]] = {}
    for probe in _measured(sweep):
        rates = [rate for rate, _ in probe.tried]
        if not probe.edge or len(rates) >= most:
            continue
        edge, inner = (rates[0], rates[1]) if probe.edge == "lowest" else (rates[-1], rates[-2])
        beyond = float(f"{edge * edge / inner:.3g}")
        for run in sweep.runs:
            if run.rung == probe.rung and setting_of(run).get("lr") == edge and beyond <= LARGEST_RATE:
                found |= _at_rate(run, edge, beyond)
    return {name: config for name, config in found.items() if sweep.run(name) is None}


def _at_rate(run: RunView, old: float, new: float) -> dict[str, dict[str, Any]]:
    """The configuration of `run` at another rate, by its name; a branch leaves the trunk of that rate."""
    config: dict[str, Any] = {**run.config, "training": {**run.config["training"], "lr": new}}
    if run.trunk is not None:
        config["trunk"] = {**run.config["trunk"], "run": _renamed(run.trunk.run, old, new)}
    return {_renamed(run.name, old, new): config}


def _renamed(name: str, old: float, new: float) -> str:
    """The name of a run at another rate; it holds the old one as the variant of a rung does."""
    for written in (short_number(old), str(old)):
        if f"-lr{written}-" in name:
            return name.replace(f"-lr{written}-", f"-lr{short_number(new)}-")
    return name


def give_rates(sweep: SweepView) -> RecordedRates:
    """Chooses and records the rates, unless that is done, and writes the run.json of each run that waits for one.

    Raises:
        InputError: no probe was measured.
        OSError: a file cannot be written.
    """
    rates = sweep.rates
    if rates is None:
        rates = choose_rates(sweep)
        append_rates(sweep.path, rates)
    planned = sweep.document["planned"]
    for run in waiting(sweep):
        config = planned[run.name]
        if run.rung not in rates.rates:
            raise InputError(f"rates.jsonl: found no learning rate of {run.rung}")
        write_run(run.path, {**config, "training": {**config["training"], "lr": rates.rates[run.rung]}})
    return rates


def rates_told(rates: RecordedRates) -> str:
    """What was probed and chosen, as a line."""
    probed, chosen = (
        ", ".join(f"{rung} {rate:.3g}" for rung, rate in found.items()) for found in (rates.probes, rates.rates)
    )
    return f"best lr of the probes: {probed}; {rates.how}; so {chosen}"
