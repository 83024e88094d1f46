"""A trace in four stages with the run's own shapes and numbers, and the JSON documents of `trace`."""

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from scaling_tui.lens.records import Across, Continuation, Grid, LensRow, Token, Trace, as_json
from scaling_tui.text import show

POSITIONS = {
    "rotary": "Attention sees their positions as rotations (RoPE).",
    "learned": "A learned position vector is added to each.",
    "none": "Nothing encodes their order.",
}


@dataclass(frozen=True)
class TraceStage:
    """`shape` is that of the stage's output; `says` describes it in a few sentences; `detail` holds their figures."""

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
        f"Each of the prompt's {count} tokens looks up its row of a {shape.vocab:,} × {shape.hidden} table: "
        f"{count} vectors of {shape.hidden} numbers with a mean norm of {trace.lengths[0]:.3g}. "
        f"{POSITIONS[shape.positions]}"
    )
    detail = {"tokens": [as_json(token) for token in trace.tokens], "length": trace.lengths[0]}
    return TraceStage("input embedding", [count, shape.hidden], says, detail)


def _layers(trace: Trace) -> TraceStage:
    shape, count = trace.shape, len(trace.tokens)
    heads = f"{shape.heads} heads of dimension {shape.head_dim} attend to " + (
        "all tokens" if trace.classifies else "the tokens so far"
    )
    if shape.kv_heads < shape.heads:
        heads += f" (they share the keys and values of {shape.kv_heads})"
    then = "while" if shape.parallel else "then"
    both = "both read the residual stream before the layer and add to it" if shape.parallel else (
        "both add to the residual stream"
    )  # fmt: skip
    says = (
        f"{shape.layers} layers. In each, {heads}, {then} an MLP of {shape.hidden} → {shape.inner} → {shape.hidden} "
        f"transforms each vector; {both}, whose mean norm ends at {trace.lengths[-1]:.3g}. "
    )
    step = turning_point(trace.rows)
    if step is not None:
        before, after = trace.rows[step - 1], trace.rows[step]
        says += (
            f"The largest step towards the final prediction is '{after.name}': its KL from the output falls from "
            f"{show.nats(before.kl)} to {show.nats(after.kl)} nats."
        )
    if shape.tied and trace.rows[0].top[0].id == trace.tokens[trace.at].id:
        says += " The embedding alone predicts its own token, because embedding and head share one table."
    return TraceStage(
        "transformer layers", [count, shape.hidden], says, {"lengths": trace.lengths, "turning_point": step}
    )


def _output(trace: Trace) -> TraceStage:
    shape, last = trace.shape, trace.rows[-1]
    what = "classes" if trace.classifies else "tokens"
    read = f"The mean of the {len(trace.tokens)} vectors" if trace.classifies else "The last vector"
    if not trace.classifies and trace.at < len(trace.tokens) - 1:
        read = f"Vector {trace.at + 1}"
    table = "the embedding table" if shape.tied else f"a table of {shape.outputs:,} × {shape.hidden}"
    says = (
        f"{read}, normalised, times {table} gives {shape.outputs:,} logits; softmax turns them into probabilities. "
        f"Entropy {show.nats(last.entropy)} nats: as uncertain as {math.exp(last.entropy):.3g} equally likely {what}."
    )
    return TraceStage("output layer", [shape.outputs], says, {"top": [as_json(guess) for guess in last.top]})


def _prediction(trace: Trace) -> TraceStage:
    guess, true, last = trace.prediction, trace.truth[trace.at], trace.rows[-1]
    says = f"The top prediction is {quoted(guess.token)}, p {show.probability(guess.p)}. " + verdict(last, true)
    return TraceStage("prediction", [1], says, {"prediction": as_json(guess), "truth": as_json(true) if true else None})


def verdict(row: LensRow, true: Token | None) -> str:
    """A prediction compared with the true next token."""
    if true is None:
        return "The true next token is unknown."
    if row.rank_true == 1:
        return f"Right: the true token is {quoted(true.token)}."
    return f"The true token is {quoted(true.token)}: p {show.probability(row.p_true)}, rank {row.rank_true}."


def turning_point(rows: list[LensRow]) -> int | None:
    """The row with the largest fall in KL from the row before; None where KL never falls."""
    steps = [(before.kl - after.kl, place) for place, (before, after) in enumerate(pairwise(rows), 1)]
    best = max(steps, default=(0.0, 0))
    return best[1] if best[0] > 0 else None


def first_right(grid: Grid, column: int) -> int | None:
    """The first row of the final streak that ranks the true token first; None where the last row does not."""
    first = None
    for row in range(len(grid.names) - 1, -1, -1):
        if grid.rank_true[row][column] != 1:
            break
        first = row
    return first


def quoted(text: str) -> str:
    """A token between quotes, safe to print."""
    return f"'{show.token(text)}'"


def trace_document(trace: Trace, continuation: Continuation | None = None) -> dict[str, Any]:
    """The JSON of `trace`: the record with its rows as `layers`, the stages and the prediction."""
    document = as_json(trace)
    layers = document.pop("rows")
    return {
        **document,
        "stages": [as_json(stage) for stage in stages(trace)],
        "layers": layers,
        "prediction": as_json(trace.prediction),
        "continuation": as_json(continuation) if continuation else None,
    }


def across_document(trace: Across) -> dict[str, Any]:
    """The JSON of `trace --across`."""
    loss = [trace.grid.loss(row) for row in range(len(trace.rows))]
    right = first_right(trace.grid, trace.at)
    return {
        **as_json(trace),
        "prompt_loss": loss,
        "right_from": trace.members[right].name if right is not None else None,
    }
