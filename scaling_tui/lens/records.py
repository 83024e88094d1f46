"""What a trace is: plain records that the tracing process writes and that commands and screens read."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

VERSION = 1  # of the JSON document; a field that changes its meaning raises it


@dataclass(frozen=True)
class Token:
    """`token` is its text as it stands alone; bytes that are no character are written \\xNN."""

    id: int
    token: str


@dataclass(frozen=True)
class Guess:
    """A token (or class) and the probability that it is given."""

    id: int
    token: str
    p: float


@dataclass(frozen=True)
class Row:
    """What is predicted at one place of the prompt by one layer, rung or checkpoint.

    Args:
        top: the likeliest tokens, the likeliest first.
        entropy: of the prediction, in nats.
        kl: KL(last row || this row) in nats: what is lost by taking this prediction for the last row's.
        p_true, rank_true: of the token that really comes next, rank 1 the likeliest; None where it is not known.
        watched: the watched token's probability.
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
    """Row × token of the prompt: the likeliest token and its probability, and the metrics of `Row`."""

    names: list[str]
    top: list[list[str]]
    p: list[list[float]]
    p_true: list[list[float | None]]
    rank_true: list[list[int | None]]
    entropy: list[list[float]]
    kl: list[list[float]]

    def loss(self, row: int) -> float | None:
        """Mean loss of a row over the tokens whose next one is known, in nats per token."""
        known = [p for p in self.p_true[row] if p is not None]
        return -sum(math.log(max(p, 1e-300)) for p in known) / len(known) if known else None


@dataclass(frozen=True)
class Part:
    """What one part of the model adds to a logit; `heads` are the shares of an attention's heads."""

    name: str
    value: float
    heads: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Attribution:
    """Direct logit attribution: `parts` sum to `logit`, the watched token's, with every norm's scale held as it was.

    `mean_logit` is the mean over the vocabulary: softmax sees only how far a logit lies above the others.
    """

    token: Token
    logit: float
    mean_logit: float
    parts: list[Part]


@dataclass(frozen=True)
class Shape:
    """The sizes that the sentences about a trace need."""

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


@dataclass(frozen=True)
class Reading:
    """One prompt read by several layers, rungs or checkpoints.

    Args:
        origin: where the prompt is from: "typed", or which held-out text.
        truth: for each column of the grid the token that really comes next; None where it is not known.
        classifies: whether classes are predicted: the grid then has one column, the whole prompt.
        at: the column that `rows` is about, from 0.
        notes: what the reader must know, a sentence each.
    """

    prompt: str
    origin: str
    tokens: list[Token]
    truth: list[Token | None]
    classifies: bool
    at: int
    rows: list[Row]
    grid: Grid
    notes: list[str]

    @property
    def prediction(self) -> Guess:
        return self.rows[-1].top[0]


@dataclass(frozen=True)
class Trace(Reading):
    """What one checkpoint predicts after every layer.

    Args:
        run: SWEEP/RUN.
        step: of the checkpoint.
        lengths: the mean length of the stream's vectors after each row but the last, which is read and not made.
        attention: for each layer and head the weights over the prompt's tokens, as seen from `at`; of a classifier
            the mean over all its tokens.
    """

    run: str
    rung: str
    params: int
    step: int
    shape: Shape
    lengths: list[float]
    attribution: Attribution
    attention: list[list[list[float]]]

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        made = _attribution(found["attribution"])
        own = {"shape": Shape(**found["shape"]), "attribution": made}
        return cls(**{**found, **_reading(found), **own})


@dataclass(frozen=True)
class Member:
    """One row of `Across`: a run at a checkpoint."""

    name: str
    run: str
    params: int
    step: int


@dataclass(frozen=True)
class Across(Reading):
    """What several checkpoints predict, a row each: the rungs of a ladder, or one run in time."""

    members: list[Member]

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        return cls(**{**found, **_reading(found), "members": [Member(**member) for member in found["members"]]})


@dataclass(frozen=True)
class Continuation:
    """What a model goes on with. Temperature 0 takes the likeliest token every time."""

    text: str
    tokens: list[Token]
    temperature: float
    seed: int

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        return cls(**{**found, "tokens": [Token(**token) for token in found["tokens"]]})


def _reading(found: Mapping[str, Any]) -> dict[str, Any]:
    rows = [
        Row(**{**row, "top": [Guess(**guess) for guess in row["top"]], "watched": Guess(**row["watched"])})
        for row in found["rows"]
    ]
    return {
        "tokens": [Token(**token) for token in found["tokens"]],
        "truth": [Token(**token) if token else None for token in found["truth"]],
        "rows": rows,
        "grid": Grid(**found["grid"]),
    }


def _attribution(found: Mapping[str, Any]) -> Attribution:
    parts = [Part(**part) for part in found["parts"]]
    return Attribution(**{**found, "token": Token(**found["token"]), "parts": parts})


def as_json(record: Any) -> dict[str, Any]:
    """Any record above as JSON's own types."""
    return dataclasses.asdict(record)
