"""A trace told in four stages, with this run's own shapes and numbers; and the JSON document of `trace`."""

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from scaling_tui.lens.records import VERSION, Across, Continuation, Grid, Row, Token, Trace, as_json
from scaling_tui.text import show

POSITIONS = {
    "rotary": "Attention learns their places by rotation.",
    "learned": "A learned vector for its place is added to each.",
    "none": "Nothing tells their order.",
}


@dataclass(frozen=True)
class TraceStage:
    """`shape` of what leaves the stage; `says` it in a few sentences; `detail` holds the figures behind them."""

    name: str
    shape: list[int]
    says: str
    detail: dict[str, Any] = field(default_factory=dict)


def stages(trace: Trace) -> list[TraceStage]:
    """Input embedding, transformer layers, output layer, prediction."""
    return [_embedding(trace), _layers(trace), _output(trace), _prediction(trace)]


def _embedding(trace: Trace) -> TraceStage:
    shape, count = trace.shape, len(trace.tokens)
    says = (
        f"Each of the prompt's {count} tokens picks its row in a table of {shape.vocab:,} × {shape.hidden}: "
        f"{count} vectors of {shape.hidden} numbers, {trace.lengths[0]:.3g} long on average. "
        f"{POSITIONS[shape.positions]}"
    )
    detail = {"tokens": [as_json(token) for token in trace.tokens], "length": trace.lengths[0]}
    return TraceStage("input embedding", [count, shape.hidden], says, detail)


def _layers(trace: Trace) -> TraceStage:
    shape, count = trace.shape, len(trace.tokens)
    heads = f"{shape.heads} heads of {shape.hidden // shape.heads} numbers look " + (
        "at all tokens" if trace.classifies else "back over the tokens"
    )
    says = (
        f"{shape.layers} layers. In each, {heads}, then an MLP of {shape.hidden} → {shape.inner} → {shape.hidden} "
        f"works on every vector alone; both add to the stream, which grows to {trace.lengths[-1]:.3g} long. "
    )
    step = turning_point(trace.rows)
    if step is not None:
        before, after = trace.rows[step - 1], trace.rows[step]
        says += (
            f"The largest step to the final prediction is '{after.name}': KL to the output falls from "
            f"{show.nats(before.kl)} to {show.nats(after.kl)} nats."
        )
    if shape.tied and trace.rows[0].top[0].id == trace.tokens[trace.at].id:
        says += " The embedding alone says the token that it is: the head is its own table."
    return TraceStage(
        "transformer layers", [count, shape.hidden], says, {"lengths": trace.lengths, "turning_point": step}
    )


def _output(trace: Trace) -> TraceStage:
    shape, last = trace.shape, trace.rows[-1]
    what = "classes" if trace.classifies else "tokens"
    read = f"The mean of the {len(trace.tokens)} vectors" if trace.classifies else "The last vector"
    if not trace.classifies and trace.at < len(trace.tokens) - 1:
        read = f"Vector {trace.at + 1}"
    table = "the embedding's own table" if shape.tied else f"a table of {shape.outputs:,} × {shape.hidden}"
    says = (
        f"{read}, normed, times {table} gives {shape.outputs:,} scores; softmax makes probabilities of them. "
        f"Entropy {show.nats(last.entropy)} nats: as undecided as between {math.exp(last.entropy):.3g} {what} alike."
    )
    return TraceStage("output layer", [shape.outputs], says, {"top": [as_json(guess) for guess in last.top]})


def _prediction(trace: Trace) -> TraceStage:
    said, true, last = trace.prediction, trace.truth[trace.at], trace.rows[-1]
    says = f"Likeliest is {quoted(said.token)} with p {show.probability(said.p)}. " + verdict(last, true)
    return TraceStage("prediction", [1], says, {"prediction": as_json(said), "truth": as_json(true) if true else None})


def verdict(row: Row, true: Token | None) -> str:
    """A prediction held against what really comes next."""
    if true is None:
        return "What really comes next is not known."
    if row.rank_true == 1:
        return f"Right: what really comes is {quoted(true.token)}."
    return f"What really comes is {quoted(true.token)}: p {show.probability(row.p_true)}, rank {row.rank_true}."


def turning_point(rows: list[Row]) -> int | None:
    """The row whose prediction came nearest to the last one's in one step; None where no row came nearer."""
    steps = [(before.kl - after.kl, place) for place, (before, after) in enumerate(pairwise(rows), 1)]
    best = max(steps, default=(0.0, 0))
    return best[1] if best[0] > 0 else None


def first_right(grid: Grid, column: int) -> int | None:
    """The first row from which on the true token is ranked first to the last row; None where it is not at the end."""
    found = None
    for row in range(len(grid.names) - 1, -1, -1):
        if grid.rank_true[row][column] != 1:
            break
        found = row
    return found


def quoted(text: str) -> str:
    """A token between quotes, safe to print."""
    return f"'{show.token(text)}'"


def trace_document(trace: Trace, continuation: Continuation | None = None) -> dict[str, Any]:
    """The JSON of `trace`: the record with its rows as `layers`, the stages and the prediction."""
    found = as_json(trace)
    layers = found.pop("rows")
    return {
        "version": VERSION,
        **found,
        "stages": [as_json(stage) for stage in stages(trace)],
        "layers": layers,
        "prediction": as_json(trace.prediction),
        "continuation": as_json(continuation) if continuation else None,
    }


def across_document(found: Across) -> dict[str, Any]:
    """The JSON of `trace --across`."""
    loss = [found.grid.loss(row) for row in range(len(found.rows))]
    right = first_right(found.grid, found.at)
    return {
        "version": VERSION,
        **as_json(found),
        "prompt_loss": loss,
        "right_from": found.members[right].name if right is not None else None,
    }
