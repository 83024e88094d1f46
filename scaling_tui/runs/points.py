"""What the law of a sweep goes through: at each size and budget the best of its settings, as the mean over seeds."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scaling_tui.runs.schema import is_number
from scaling_tui.runs.views import RunView

# The training keys that are tuned: no law has an input for them, so of runs that differ in them alone the best counts.
# `tokens`, `flops` and `unique_tokens` make points of their own; other keys change what is recorded, not the result.
TUNED = (
    "lr", "batch", "schedule", "cooldown", "warmup", "final_lr", "weight_decay", "beta1", "beta2", "clip", "dropout",
    "embedding_std",
)  # fmt: skip
OFF = 0  # of a tuned key: the end of its scale, which no grid can go beyond


def case_of(run: RunView) -> str:
    """Rung and variant of a run: its name without the seed."""
    return run.name.removesuffix(f"-s{run.seed}")


def setting_of(run: RunView) -> dict[str, Any]:
    """The tuned keys of a run, as far as its run.json tells them; other trainers write them beside `params`."""
    training = {**run.config, **(run.config.get("training") or {})}
    return {key: value for key in TUNED if is_number(value := training.get(key)) or isinstance(value, str)}


@dataclass(frozen=True, eq=False)
class Trial:
    """The runs of one size, budget and setting, which differ in their seed alone."""

    setting: Mapping[str, Any]
    runs: tuple[RunView, ...]

    @property
    def measured(self) -> tuple[RunView, ...]:
        """Those that finished with a loss."""
        return tuple(run for run in self.runs if run.state == "finished" and run.loss is not None)

    @property
    def losses(self) -> list[float]:
        return [run.loss for run in self.measured if run.loss is not None]

    @property
    def loss(self) -> float | None:
        """The mean over seeds, in nats per token; None before any has finished."""
        return statistics.mean(self.losses) if self.losses else None

    @property
    def sd(self) -> float | None:
        """The standard deviation over seeds; None with fewer than two."""
        return statistics.stdev(self.losses) if len(self.losses) > 1 else None

    @property
    def over(self) -> bool:
        """Whether it was tried to the end, well or badly: no run of it is still to come or broke off."""
        return all(run.state in ("finished", "diverged") for run in self.runs)

    @property
    def label(self) -> str:
        """The run's name where one was measured; of several what their names share, or the first and how many more."""
        runs = self.measured or self.runs
        if len(runs) == 1:
            return runs[0].name
        cases = {case_of(run) for run in runs}
        return cases.pop() if len(cases) == 1 else f"{runs[0].name} and {len(runs) - 1} more"


@dataclass(frozen=True, eq=False)
class SweepPoint:
    """The runs of one rung at one budget D (and U): a trial for each setting."""

    rung: str
    trials: tuple[Trial, ...]

    @property
    def runs(self) -> tuple[RunView, ...]:
        return tuple(run for trial in self.trials for run in trial.runs)

    @property
    def best(self) -> Trial | None:
        """The trial of lowest mean loss among those with the most seeds measured; None before any is.

        A setting at which some seeds diverged is no better than the rest of them say; a training loss is no match for
        a held-out one.
        """
        measured = [trial for trial in self.trials if trial.losses]
        held_out = [trial for trial in measured if all(run.loss_is_held_out for run in trial.measured)] or measured
        return min(held_out, key=lambda trial: (-len(trial.losses), trial.loss or 0.0), default=None)

    def varied(self) -> list[str]:
        """The tuned keys in which its trials differ."""
        keys = dict.fromkeys(key for trial in self.trials for key in trial.setting)
        return [key for key in keys if len({trial.setting.get(key) for trial in self.trials}) > 1]

    def along(self, key: str) -> list[Trial]:
        """The trials that differ from the best in `key` alone, by its rising value; the best is one of them."""
        best = self.best
        if best is None or not is_number(best.setting.get(key)):
            return []
        rest = {name: value for name, value in best.setting.items() if name != key}
        line = [
            trial
            for trial in self.trials
            if {name: value for name, value in trial.setting.items() if name != key} == rest
            and is_number(trial.setting.get(key))
        ]
        return sorted(line, key=lambda trial: float(trial.setting[key]))

    def edges(self) -> dict[str, str]:
        """The tuned keys whose best value is the `lowest` or `highest` tried: a better one may lie beyond.

        A value beyond which all runs diverged is no edge, nor is one at the end of its scale, such as dropout 0.
        """
        found, best = {}, self.best
        for key in self.varied():
            line = [trial for trial in self.along(key) if trial.over or trial is best]
            if best is None or len(line) < 2 or best.setting[key] == OFF:
                continue
            if line[0] is best:
                found[key] = "lowest"
            elif line[-1] is best:
                found[key] = "highest"
        return found


def points_of(runs: Iterable[RunView]) -> list[SweepPoint]:
    """The points of `runs`, in the order in which they come.

    Runs belong to one point if they share rung, N, U and the D asked for: whole steps of another batch round it.
    """
    points: dict[tuple[Any, ...], dict[tuple[Any, ...], list[RunView]]] = {}
    settings: dict[tuple[Any, ...], dict[str, Any]] = {}
    for run in runs:
        setting = setting_of(run)
        key = tuple(setting.items())
        settings[key] = setting
        points.setdefault(_place(run), {}).setdefault(key, []).append(run)
    return [
        SweepPoint(str(place[0]), tuple(Trial(settings[key], tuple(own)) for key, own in trials.items()))
        for place, trials in points.items()
    ]


def _place(run: RunView) -> tuple[Any, ...]:
    training = run.config.get("training") or {}
    return (
        run.config.get("rung") or case_of(run),
        run.params,
        run.non_embedding,
        training.get("tokens") or run.tokens,
        training.get("unique_tokens") or run.config.get("unique_tokens") or 0,
    )


def several_settings(points: Sequence[SweepPoint]) -> list[str]:
    """The tuned keys in which trials of any point differ."""
    return list(dict.fromkeys(key for point in points for key in point.varied()))


def setting_text(setting: Mapping[str, Any], keys: Iterable[str]) -> str:
    """The values of `keys` in words, such as `lr 0.01, batch 8`."""
    return ", ".join(
        f"{key} {value:g}" if isinstance(value, int | float) else f"{key} {value}"
        for key in keys
        if (value := setting.get(key)) is not None
    )
