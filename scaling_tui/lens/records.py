"""A trace as plain records: the tracing process writes them, commands and screens read them."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Token:
    """`token` is its text; bytes that are not a character by themselves are written \\xNN."""

    id: int
    token: str


@dataclass(frozen=True)
class Guess:
    """A token or class and its predicted probability."""

    id: int
    token: str
    p: float


@dataclass(frozen=True)
class LensRow:
    """The prediction of one layer, rung or checkpoint at one position of the prompt.

    Args:
        top: the likeliest tokens, the likeliest first.
        entropy: of the prediction, in nats.
        kl: KL(last row || this row) in nats.
        p_true, rank_true: of the true next token, rank 1 being the likeliest; None where it is unknown.
        watched: the watched token and its probability.
    """

    name: str
    top: list[Guess]
    entropy: float
    kl: float
    p_true: float | None
    rank_true: int | None
    watched: Guess


@dataclass(frozen=True)
class Grid:
    """Rows × tokens of the prompt: the likeliest token with its probability, and the metrics of `LensRow`."""

    names: list[str]
    top: list[list[str]]
    p: list[list[float]]
    p_true: list[list[float | None]]
    rank_true: list[list[int | None]]
    entropy: list[list[float]]
    kl: list[list[float]]

    def loss(self, row: int) -> float | None:
        """Mean loss of a row over the columns whose next token is known, in nats per token."""
        known = [p for p in self.p_true[row] if p is not None]
        return -sum(math.log(max(p, 1e-300)) for p in known) / len(known) if known else None


@dataclass(frozen=True)
class Part:
    """The contribution of one part of the model to a logit; `heads` splits that of an attention by head."""

    name: str
    value: float
    heads: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Attribution:
    """Direct logit attribution: `parts` sum to `logit`, that of the watched token, with the norms' scales frozen.

    `mean_logit` is the mean over the vocabulary: softmax depends only on how far a logit lies above the others.
    """

    token: Token
    logit: float
    mean_logit: float
    parts: list[Part]


@dataclass(frozen=True)
class Shape:
    """The sizes of the traced model.

    Args:
        outputs: number of logits.
        kv_heads: heads of keys and values; fewer than `heads` where groups of heads share them.
        head_dim: width of a head.
        parallel: attention and MLP of a layer both read the stream before the layer (parallel residual).
    """

    family: str
    layers: int
    hidden: int
    heads: int
    inner: int
    vocab: int
    outputs: int
    context: int
    positions: str
    tied: bool
    kv_heads: int
    head_dim: int
    parallel: bool = False


@dataclass(frozen=True)
class Reading:
    """One prompt read by several layers, rungs or checkpoints.

    Args:
        origin: where the prompt is from: "typed", or which held-out text.
        truth: the true next token of each column of the grid; None where it is unknown.
        classifies: whether the model predicts classes; the grid then has one column for the whole prompt.
        at: the column that `rows` describes, from 0.
        outputs: tokens or classes that a prediction chooses from.
        notes: caveats, a sentence each.
    """

    prompt: str
    origin: str
    tokens: list[Token]
    truth: list[Token | None]
    classifies: bool
    at: int
    outputs: int
    rows: list[LensRow]
    grid: Grid
    notes: list[str]

    @property
    def prediction(self) -> Guess:
        return self.rows[-1].top[0]


@dataclass(frozen=True)
class Trace(Reading):
    """What one checkpoint predicts after every layer.

    Args:
        run: SWEEP/RUN, or the folder of a model that was not trained here.
        rung: None for a model that was not trained here.
        step: of the checkpoint; None where the folder does not tell it.
        lengths: the mean norm of the residual stream at each row but the last, which only reads it.
        attention: attention weights over the prompt from column `at`, by layer and head; for a classifier the mean
            over all columns.
    """

    run: str
    rung: str | None
    params: int
    step: int | None
    shape: Shape
    lengths: list[float]
    attribution: Attribution
    attention: list[list[list[float]]]

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        own = {"shape": Shape(**document["shape"]), "attribution": _attribution(document["attribution"])}
        return cls(**{**document, **_reading(document), **own})


@dataclass(frozen=True)
class Member:
    """One row of `Across`: a run at a checkpoint, or a model in the folder `run`; `step` is None where unknown."""

    name: str
    run: str
    params: int
    step: int | None


@dataclass(frozen=True)
class Across(Reading):
    """What several checkpoints predict, a row each: sizes of a ladder or a family, or one run over time."""

    members: list[Member]

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(
            **{**document, **_reading(document), "members": [Member(**member) for member in document["members"]]}
        )


@dataclass(frozen=True)
class Continuation:
    """What a model generated after a prompt; greedy at temperature 0."""

    text: str
    tokens: list[Token]
    temperature: float
    seed: int

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(**{**document, "tokens": [Token(**token) for token in document["tokens"]]})


def _reading(document: Mapping[str, Any]) -> dict[str, Any]:
    rows = [
        LensRow(**{**row, "top": [Guess(**guess) for guess in row["top"]], "watched": Guess(**row["watched"])})
        for row in document["rows"]
    ]
    return {
        "tokens": [Token(**token) for token in document["tokens"]],
        "truth": [Token(**token) if token else None for token in document["truth"]],
        "rows": rows,
        "grid": Grid(**document["grid"]),
    }


def _attribution(document: Mapping[str, Any]) -> Attribution:
    parts = [Part(**part) for part in document["parts"]]
    return Attribution(**{**document, "token": Token(**document["token"]), "parts": parts})


def as_json(record: Any) -> dict[str, Any]:
    """Any record above as plain JSON data."""
    return dataclasses.asdict(record)
