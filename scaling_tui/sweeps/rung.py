"""A rung: one size of a ladder, resolved from the tables of its file into an architecture and a recipe."""

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scaling_tui import InputError
from scaling_tui.data import CorpusChoice, vocabulary
from scaling_tui.laws.counting import Architecture, Count, count
from scaling_tui.runs.config import Training, Trunk, known_keys, whole
from scaling_tui.runs.format import safe_name
from scaling_tui.runs.metrics import METRICS
from scaling_tui.sweeps.resources import KEYS as RESOURCE_KEYS
from scaling_tui.sweeps.resources import UNSAID, Resources, resources_of
from scaling_tui.text.suggest import did_you_mean

# The defaults of each family; a ladder gives the sizes and may change what CHOICES allows.
FAMILIES: dict[str, dict[str, Any]] = {
    "gpt": {"norm": "rms", "final_norm": True, "positions": "rotary", "head": "tied"},
    "post-norm": {
        "norm": "layer", "final_norm": True, "positions": "learned", "bias": True, "head": "untied", "head_bias": True,
    },
    "classifier": {"norm": "layer", "bias": True, "head": "untied", "head_bias": True, "classes": 2},
}  # fmt: skip

# What `scaling_tui.train` can build: any of these sizes, and per family these values of these keys.
SIZES = ("layers", "hidden", "ffn", "heads", "vocab", "context")
LARGEST_SIZE = 10**9
LARGEST_BUDGET = 1e40  # FLOPs
CHOICES: dict[str, dict[str, tuple[Any, ...]]] = {
    "gpt": {"positions": ("rotary", "learned", "none"), "head": ("tied", "untied")},
    "post-norm": {"positions": ("learned", "none"), "final_norm": (True, False), "head_bias": (True, False)},
    "classifier": {"positions": ("learned", "none"), "final_norm": (True, False), "head_bias": (True, False)},
}  # fmt: skip

# The keys of a rung beside those of [model], [training] and [resources], and what they mean.
KEYS = {
    "name": "part of the run folder's name; unique in the ladder, at most 60 characters, usable as a file name",
    "runs": "how many runs of this rung to train at each seed; by default as many as the ladder says",
    "expected": "by metric, `[lowest, highest]`: where the mean over seeds should lie",
    "claimed": "by metric, the value that the source reports",
    "flops": "a budget C instead of `tokens`, here or in `[training]`: as many tokens as C allows at this size",
}
FAMILY_MEANS = {
    "gpt": "pre-norm decoder",
    "post-norm": "post-norm decoder",
    "classifier": "encoder whose head reads the mean over the sequence",
}

MOST_RUNGS = 1_000
MOST_RUNS = 10_000  # of a sweep: rungs times the values of settings given as lists, times seeds
TRAINING_KEYS = [item.name for item in dataclasses.fields(Training)]
MOST_RUNS_OF_A_RUNG = 100  # at one seed
SEEDS = 2**63  # of torch's generator
SEEDS_APART = 1000  # of the runs of a rung at one seed
LONGEST_NAME = 60  # characters: a run's folder is named after its rung

ARCHITECTURE_DEFAULTS = {item.name: item.default for item in dataclasses.fields(Architecture)}
MODEL_KEYS = ["family", *(item.name for item in dataclasses.fields(Architecture))]


@dataclass(frozen=True)
class Rung:
    """One size: its architecture, its recipe and its parameter count.

    Args:
        variant: the values of the settings that the ladder gives as lists, such as `D200k`; empty without any.
        expected: by metric, the lowest and highest mean over seeds that the ladder expects.
        claimed: by metric, the figure that the ladder's source reports.
        trunk: where it branches off a longer run; `trunk.run` is the case of that run.
        keep: steps at which other runs branch off.
        planned: its learning rate is a guess; the true one is chosen from the runs that probe rates.
        runs: how many are trained at each seed of the sweep, with seeds of their own (`run_seeds`).
        resources: what a run of it trains on.
    """

    name: str
    variant: str
    expected: Mapping[str, tuple[float, float]]
    claimed: Mapping[str, float]
    family: str
    architecture: Architecture
    training: Training
    count: Count = field(repr=False)
    trunk: Trunk | None = None
    keep: tuple[int, ...] = ()
    planned: bool = False
    resources: Resources = UNSAID
    runs: int = 1

    def run_seeds(self, seed: int) -> list[int]:
        """The seeds of its runs at the sweep's `seed`: 7, 1007, 2007 … for 7, so that small seeds share no run."""
        return [(seed + SEEDS_APART * number) % SEEDS for number in range(self.runs)]

    @property
    def tokens(self) -> int:
        """D, rounded up to whole steps."""
        context = self.architecture.context
        return self.training.steps(context) * self.training.batch * context

    @property
    def case(self) -> str:
        """Rung and variant, which the runs of all seeds share."""
        return f"{self.name}-{self.variant}" if self.variant else self.name

    @property
    def flops(self) -> float:
        """C, counting matmuls and attention; a branch includes the share of its trunk."""
        return self.count.flops(self.tokens)

    @property
    def cost(self) -> float:
        """FLOPs that a run spends itself, without the share of its trunk."""
        return self.count.flops(self.tokens - (self.trunk.tokens if self.trunk else 0))


def rungs_of(document: Mapping[str, Any], corpus: CorpusChoice) -> Iterator[Rung]:
    """The rungs of a ladder's document, one for each variant.

    Raises:
        InputError: none, a bad or repeated name, or a setting that is not valid.
    """
    tables = document.get("rungs")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise InputError("rungs: missing, want at least one [[rungs]] table")
    if len(tables) > MOST_RUNGS:
        raise InputError(f"rungs: found {len(tables):,}, want at most {MOST_RUNGS:,}")
    names: set[str] = set()
    for number, table in enumerate(tables, 1):
        name = table.get("name")
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
            raise InputError(f"rungs[{number}].name: found {name!r}, want a name of at most {LONGEST_NAME} characters")
        safe_name(name)
        if name in names:
            raise InputError(f"rungs[{number}].name: found {name!r} twice, want different names")
        names.add(name)
        try:
            yield from _variants(name, document, table, corpus)
        except InputError as error:
            raise InputError(f"rung {name!r}: {error}") from error


def _variants(name: str, document: Mapping[str, Any], own: Mapping[str, Any], corpus: CorpusChoice) -> Iterator[Rung]:
    """One rung, or one for each combination of the training settings that are given as lists.

    A combination with the recipe of an earlier one is skipped: a U of all tokens is the same as no U.
    """
    model, training, expected, claimed = _own_keys_first(document, own)
    given = own.get("runs", document.get("runs", 1))
    runs = whole(given)
    if not isinstance(runs, int) or isinstance(runs, bool) or not 1 <= runs <= MOST_RUNS_OF_A_RUNG:
        raise InputError(f"runs: found {given!r}, want a whole number from 1 to {MOST_RUNS_OF_A_RUNG}")
    architecture = _architecture(model, corpus)
    asked = resources_of({key: own[key] for key in RESOURCE_KEYS if key in own}, "rung")
    resources = asked.over(resources_of(document.get("resources", {}), "resources"))
    lists = {key: values for key, values in training.items() if isinstance(values, list)}
    for key, values in lists.items():
        if not values:
            raise InputError(f"training.{key}: found an empty list, want at least one value")
    if (variants := math.prod(map(len, lists.values()))) > MOST_RUNS:
        sizes = ", ".join(f"{key} {len(values):,}" for key, values in lists.items())
        raise InputError(f"training: found {variants:,} combinations ({sizes}), want at most {MOST_RUNS:,}")
    if any(len(lists.get(key, ())) > 1 for key in ("tokens", "flops")):
        # Under wsd several D cost little more than the longest, because they share a trunk up to the cooldown.
        training = {"schedule": "wsd", **training}
    made: dict[Training, Rung] = {}
    exact: list[Rung] = []  # with unrounded names, for variants that agree in three digits
    counted = count(architecture)
    for combination in itertools.product(*lists.values()):
        chosen = dict(zip(lists, combination, strict=True))
        recipe = _recipe({**training, **chosen}, counted)
        resources.check(recipe.batch)
        rung = Rung(
            name, "", expected, claimed, family_of(model), architecture, recipe, counted, runs=runs, resources=resources
        )  # fmt: skip
        if recipe not in made:
            made[recipe] = dataclasses.replace(rung, variant=_variant(chosen, recipe, short_number))
            exact.append(dataclasses.replace(rung, variant=_variant(chosen, recipe, str)))
    yield from made.values() if len({rung.variant for rung in made.values()}) == len(made) else exact


def _variant(chosen: Mapping[str, Any], recipe: Training, write: Callable[[float], str]) -> str:
    """The settings as part of a run's name: D for tokens, U for unique tokens, C for FLOPs, else the key."""
    return "-".join(_label(key, value, recipe, write) for key, value in chosen.items())


def _label(key: str, value: Any, recipe: Training, write: Callable[[float], str]) -> str:
    if key == "unique_tokens":
        return f"U{write(recipe.unique_tokens)}" if recipe.unique_tokens else "fresh"
    letter = {"tokens": "D", "flops": "C"}.get(key, key)
    return letter + (write(value) if isinstance(value, int | float) else str(value))


def short_number(value: float) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if size <= value < 1000 * size:
            return f"{value / size:.3g}{unit}"
    return f"{value:g}".replace("+", "")


def _own_keys_first(
    document: Mapping[str, Any], own: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, tuple[float, float]], dict[str, float]]:
    """[model] and [training] with the rung's own keys applied, and the rung's `expected` and `claimed`."""
    model, training = dict(document.get("model", {})), dict(document.get("training", {}))
    known = [*KEYS, *MODEL_KEYS, *TRAINING_KEYS, *RESOURCE_KEYS]
    for key, value in own.items():
        if key in MODEL_KEYS:
            model[key] = value
        elif key in TRAINING_KEYS or key == "flops":
            training[key] = value
        elif key not in known:
            raise InputError(f"{key}: not a key of a rung; {did_you_mean(key, known)}")
    if "flops" in own:
        training.pop("tokens", None)
    expected, claimed = {}, {}
    for metric, band in _metrics(own, "expected").items():
        if not (isinstance(band, list) and len(band) == 2 and all(isinstance(end, int | float) for end in band)):
            raise InputError(f"expected.{metric}: found {band!r}, want [lowest, highest]")
        expected[metric] = (float(band[0]), float(band[1]))
    for metric, value in _metrics(own, "claimed").items():
        if not isinstance(value, int | float):
            raise InputError(f"claimed.{metric}: found {value!r}, want a number")
        claimed[metric] = float(value)
    return model, training, expected, claimed


def _metrics(own: Mapping[str, Any], key: str) -> dict[str, Any]:
    table = own.get(key, {})
    if not isinstance(table, dict):
        raise InputError(f"{key}: found {table!r}, want a table of metrics")
    for metric in table:
        if metric not in METRICS:
            raise InputError(f"{key}.{metric}: not a metric; known: {', '.join(METRICS)}")
    return table


def family_of(model: Mapping[str, Any]) -> str:
    family = model.get("family", "gpt")
    if not isinstance(family, str) or family not in FAMILIES:
        raise InputError(f"model.family: found {family!r}, want {' or '.join(map(repr, FAMILIES))}")
    return family


def _architecture(model: Mapping[str, Any], corpus: CorpusChoice) -> Architecture:
    family = family_of(model)
    given = known_keys({key: value for key, value in model.items() if key != "family"}, Architecture, "model")
    vocab = vocabulary(corpus)
    described = {**FAMILIES[family], "vocab": vocab, **{key: _buildable(family, key, given[key]) for key in given}}
    for key in ("layers", "hidden", "context"):
        if key not in described:
            raise InputError(f"{key}: missing, in the rung or in [model]")
    architecture = Architecture(**described)
    if architecture.context < 1 or architecture.layers < 1:
        raise InputError(f"layers {architecture.layers}, context {architecture.context}: want at least 1 of each")
    if architecture.vocab < vocab:
        raise InputError(
            f"vocab: found {architecture.vocab}, want at least the {vocab} tokens of tokenizer {corpus.tokenizer!r}"
        )
    if architecture.positions == "rotary" and (architecture.hidden // architecture.heads) % 2:
        raise InputError(
            f"heads: {architecture.heads} heads of {architecture.hidden // architecture.heads} dimensions; "
            "rotary positions need an even number"
        )
    return architecture


def _buildable(family: str, key: str, value: Any) -> Any:
    """`value`, if a model of `family` can be built with it as its `key`.

    Raises:
        InputError: it cannot; that includes what the family would ignore.
    """
    if key in SIZES or (key == "classes" and family == "classifier"):
        size = whole(value)
        if isinstance(size, int) and size > LARGEST_SIZE:
            raise InputError(f"{key}: found {size}, want at most {LARGEST_SIZE:.0e}")
        return size
    own = FAMILIES[family].get(key, ARCHITECTURE_DEFAULTS[key])
    allowed = CHOICES[family].get(key, (own,))
    if not any(value == option and type(value) is type(option) for option in allowed):
        wanted = " or ".join(_as_toml(option) for option in allowed if option is not None) or "no such key"
        raise InputError(f"{key}: found {value!r}, want {wanted} in a model of family {family!r}")
    return value


def _as_toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _recipe(training: Mapping[str, Any], counted: Count) -> Training:
    """The settings as a recipe; a budget `flops` becomes the tokens that it pays for at this size."""
    training = dict(training)
    if "flops" in training:
        budget = training.pop("flops")
        if "tokens" in training:
            raise InputError("training.flops: found together with tokens, want only one of them")
        if not isinstance(budget, int | float) or isinstance(budget, bool) or not 0 < budget < LARGEST_BUDGET:
            raise InputError(f"training.flops: found {budget!r}, want a number above 0 and below {LARGEST_BUDGET:.0e}")
        training["tokens"] = max(1, round(budget / counted.flops(1.0)))
    known_keys(training, Training, "training")
    for key in ("tokens", "batch", "lr"):
        if key not in training:
            raise InputError(f"{key}: missing, in the rung or in [training]")
    recipe = Training(**training)
    if recipe.unique_tokens >= recipe.tokens:
        recipe = dataclasses.replace(recipe, unique_tokens=0)
    return recipe
