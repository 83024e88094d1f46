"""The configuration of a run, as run.json records it and the trainer follows it."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args, get_origin, get_type_hints

from scaling_tui import InputError
from scaling_tui.text.suggest import did_you_mean

Schedule = Literal["linear", "cosine", "constant", "wsd"]
MOST = 10**15  # of any count: more than anyone has trained on, and still exact as a float


@dataclass(frozen=True)
class Bounds:
    """From `low` to `high`; without the end itself where it is `open`."""

    low: float
    high: float
    open: Literal["", "low", "high"] = ""

    def hold(self, value: float) -> bool:
        inside = self.low <= value <= self.high and value < float("inf")
        return (
            inside
            and not (value == self.low and self.open == "low")
            and not (value == self.high and self.open == "high")
        )

    @property
    def text(self) -> str:
        """In words, such as `more than 0 and at most 10`."""
        if self.high in (MOST, float("inf")):
            return f"at least {self.low:g}" + (f" and at most {self.high:.0e}" if self.high == MOST else "")
        if self.open == "low":
            return f"more than {self.low:g} and at most {self.high:g}"
        return f"{self.low:g} to {'less than ' if self.open else ''}{self.high:g}"


_COUNT, _SHARE = Bounds(1, MOST), Bounds(0, 1)
BOUNDS = {
    **dict.fromkeys(
        ("tokens", "batch", "held_out_tokens", "evaluations", "checkpoints", "keep_checkpoints", "records"), _COUNT
    ),
    "unique_tokens": Bounds(0, MOST),
    **dict.fromkeys(("clip", "exact_match"), Bounds(0, float("inf"))),
    **dict.fromkeys(("lr", "embedding_std"), Bounds(0, 10, "low")),
    **dict.fromkeys(("warmup", "cooldown", "final_lr", "weight_decay"), _SHARE),
    **dict.fromkeys(("beta1", "beta2", "dropout"), Bounds(0, 1, "high")),
}


@dataclass(frozen=True)
class Training:
    """The recipe of one run.

    Args:
        tokens: D, training tokens; rounded up to whole steps of batch × context.
        batch: sequences a step.
        lr: peak learning rate of AdamW.
        schedule: how the rate decays to `final_lr` after the warm-up. `wsd` (warm-up, stable, decay) decays only in
            its cooldown, as 1 - sqrt of the share of it that has passed (Hägele et al. 2024, section 3).
        cooldown: the decay phase of `wsd` as a share of all steps.
        branch: whether `wsd` runs that differ in `tokens` alone share one trunk, from which the shorter ones branch
            off where their cooldown begins.
        warmup: share of the steps in which the rate rises from 0.
        final_lr: the rate at the end as a share of `lr`.
        weight_decay: of matrices; embeddings and gains do not decay. At 0 AdamW is Adam.
        beta1, beta2: of AdamW.
        dropout: probability of dropping an activation.
        clip: largest norm of the gradient; 0 turns clipping off.
        unique_tokens: U, distinct training tokens, repeated where D is larger; 0 is all.
        exact_match: k of exact match, the share of k consecutive held-out tokens all ranked first; 0 turns it off.
        gap: whether evaluations also read as many training windows, for held-out loss minus training loss.
        held_out_tokens: about how many held-out tokens an evaluation reads; always the same ones.
        evaluations: number of held-out evaluations, spread evenly over the steps; the last is at the end.
        checkpoints: number of checkpoints, spread likewise.
        keep_checkpoints: how many of the latest to keep; keep more than two to trace a run over time.
        records: number of records of the training loss, spread likewise.
        embedding_std: standard deviation of a `gpt`'s initial embeddings; 0.1 suits narrow models better, whose blocks
            drown out the embeddings at first with 0.02.
        activation_checkpointing: whether the backward pass computes each layer again instead of keeping all it needs,
            for less memory and a quarter more time.
    """

    tokens: int
    batch: int
    lr: float
    schedule: Schedule = "linear"
    cooldown: float = 0.2
    branch: bool = True
    warmup: float = 0.05
    final_lr: float = 0.0
    weight_decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.95
    clip: float = 1.0
    dropout: float = 0.0
    unique_tokens: int = 0
    exact_match: int = 0
    gap: bool = False
    held_out_tokens: int = 65_536
    evaluations: int = 20
    checkpoints: int = 4
    keep_checkpoints: int = 2
    records: int = 200
    embedding_std: float = 0.02
    activation_checkpointing: bool = False

    def __post_init__(self) -> None:
        check_types(self, "training")
        for name, bounds in BOUNDS.items():
            if not bounds.hold(value := getattr(self, name)):
                raise InputError(f"training.{name}: found {value}, want {bounds.text}")

    def steps(self, context: int) -> int:
        """Optimiser steps of `batch` sequences of `context` tokens."""
        return -(-self.tokens // (self.batch * context))

    def cooldown_from(self, context: int) -> int:
        """The step at which the cooldown of a `wsd` schedule begins."""
        steps = self.steps(context)
        return steps - round(self.cooldown * steps)


@dataclass(frozen=True)
class Trunk:
    """Where a branch starts.

    Args:
        run: the run of the same sweep that it starts from.
        step: after so many steps of it.
        tokens: after so many tokens of it.
    """

    run: str
    step: int
    tokens: int


@dataclass(frozen=True)
class RunConfig:
    """Everything that determines a run.

    Args:
        rung: what is varied; runs of one rung are repeats.
        seed: of weights, dropout and the order of the text.
        family: which model `scaling_tui.train` builds from `architecture`.
        architecture: fields of `scaling_tui.laws.counting.Architecture`; `vocab` or `classes` tells the loss of uniform
            guessing, by which divergence is judged.
        corpus: the corpus as in the ladder, and the `sha256` and `source` of its content.
        training: the recipe.
        params: N, every trainable parameter.
        non_embedding: N without embeddings and head.
        tokens: D, whole steps.
        flops: C of the run, counting matmuls and attention; a branch includes the share of its trunk.
        trunk: where a branch starts; None starts from an untrained model.
        keep: steps whose checkpoints are kept because branches start there.
    """

    rung: str
    seed: int
    params: int
    non_embedding: int
    tokens: int
    flops: float
    family: str
    architecture: dict[str, Any]
    corpus: dict[str, Any]
    training: Training
    trunk: Trunk | None = None
    keep: tuple[int, ...] = ()

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Raises InputError: a field is missing or not known."""
        values = {key: value for key, value in document.items() if key != "format"}
        names = [field.name for field in dataclasses.fields(cls)]
        for field in dataclasses.fields(cls):
            if field.name not in values and field.default is dataclasses.MISSING:
                raise InputError(f"run.json: {field.name} is missing; want a run of 'scaling-tui run'")
        values["training"] = Training(**known_keys(values["training"], Training, "training"))
        if values.get("trunk") is not None:
            values["trunk"] = Trunk(**known_keys(values["trunk"], Trunk, "trunk"))
        values["keep"] = tuple(values.get("keep", ()))
        return cls(**{name: values[name] for name in names if name in values})

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def known_keys(table: Any, kind: type, where: str) -> dict[str, Any]:
    """`table`, if its keys are all fields of the dataclass `kind`.

    Raises:
        InputError: not a table, or an unknown key.
    """
    if not isinstance(table, dict):
        raise InputError(f"{where}: found {table!r}, want a table")
    names = [field.name for field in dataclasses.fields(kind)]
    for key in table:
        if key not in names:
            raise InputError(f"{where}.{key}: not a key here; {did_you_mean(str(key), names)}")
    return table


def whole(value: Any) -> Any:
    """`value` as an int where it is a whole number written as a float, such as 1e6; else unchanged."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) <= MOST else value


def check_types(item: Any, where: str) -> None:
    """Checks the fields of a flat dataclass against their annotations: int, float (or int), bool, str, Literal, dict.

    Whole floats become ints where an int is wanted, and ints floats.

    Raises:
        InputError: a field of another type.
    """
    nouns = {
        "int": "a whole number",
        "float": "a number",
        "str": "a string",
        "bool": "true or false",
        "dict": "a table",
    }
    for name, annotated in get_type_hints(type(item)).items():
        value, wanted = getattr(item, name), get_origin(annotated) or annotated
        choices = get_args(annotated) if wanted is Literal else ()
        if choices:
            if value not in choices:
                raise InputError(f"{where}.{name}: found {value!r}, want {' or '.join(map(repr, choices))}")
        elif wanted is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MOST:
            object.__setattr__(item, name, float(value))
        elif wanted is int and isinstance(whole(value), int) and not isinstance(value, bool):
            object.__setattr__(item, name, whole(value))
        elif wanted is int and isinstance(value, float) and value.is_integer():
            raise InputError(f"{where}.{name}: found {value:g}, want at most {MOST:g}")
        elif not isinstance(value, wanted) or (wanted is not bool and isinstance(value, bool)):
            raise InputError(f"{where}.{name}: found {value!r}, want {nouns.get(wanted.__name__, wanted.__name__)}")
