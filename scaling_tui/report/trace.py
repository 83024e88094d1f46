"""A trace as text, as `trace` prints it."""

import textwrap
from collections.abc import Sequence

from scaling_tui.lens.records import Across, Attribution, Continuation, LensRow, Reading, Token, Trace
from scaling_tui.lens.stages import first_right, quoted, stages, verdict
from scaling_tui.text import show
from scaling_tui.text.columns import columns

WIDTH = 100
LISTED = 4
BAR = 20


def trace_text(trace: Trace, continuation: Continuation | None) -> str:
    """The four stages, the prediction after every layer, and what made it."""
    text = [f"{trace.run}{at_step(trace.step)}, N {show.count(trace.params)}; {_prompt(trace)}"]
    for number, stage in enumerate(stages(trace), 1):
        text += ["", f"{number} {stage.name}  ({' × '.join(f'{size:,}' for size in stage.shape)})"]
        text += textwrap.wrap(stage.says, WIDTH, initial_indent="  ", subsequent_indent="  ")
        if stage.name == "input embedding":
            listed = "  ".join(f"{quoted(token.token)}={token.id}" for token in trace.tokens)
            text += textwrap.wrap(listed, WIDTH, initial_indent="  ", subsequent_indent="  ", max_lines=3)
        if stage.name == "transformer layers":
            text += ["", rows_text(trace.rows, trace.truth[trace.at]), ""]
            text += attribution_text(trace.attribution)
        if stage.name == "output layer":
            text += bars(trace.rows[-1])
    if continuation is not None:
        how = "greedy" if continuation.temperature == 0 else (
            f"sampled at temperature {continuation.temperature:g}, seed {continuation.seed}"
        )  # fmt: skip
        text += [f"  continuation ({how}): {quoted(continuation.text)}"]
    return "\n".join(text)


def at_step(step: int | None) -> str:
    return "" if step is None else f" at step {step:,}"


def _prompt(reading: Reading) -> str:
    shown = show.token(reading.prompt)
    where = "" if reading.at == len(reading.truth) - 1 else f", at position {reading.at + 1}"
    return f"prompt ({reading.origin}{where}) {shown if len(shown) <= 60 else '…' + shown[-60:]}"


def rows_text(rows: Sequence[LensRow], true: Token | None, heads: Sequence[Sequence[str]] = ()) -> str:
    """A line a row: likeliest tokens, metrics, the watched token; `heads` are extra columns after the name."""
    watched = rows[-1].watched.token
    follows = f"p of {quoted(watched)}" + (", true" if true is not None and true.id == rows[-1].watched.id else "")
    names = ["after", *(f"#{number + 1}" for number in range(min(LISTED, len(rows[0].top)))), "entropy", "KL"]
    table = [[*names, follows]]
    for row in rows:
        guesses = [f"{show.token(guess.token)} {show.probability(guess.p)}" for guess in row.top[:LISTED]]
        p = f"{show.probability(row.watched.p)} {show.bar(row.watched.p, BAR)}"
        table.append([row.name, *guesses, show.nats(row.entropy), show.nats(row.kl), p])
    if heads:
        table = [[row[0], *extra, *row[1:]] for row, extra in zip(table, heads, strict=True)]
    right = range(len(table[0]) - 3, len(table[0]) - 1)
    return textwrap.indent(columns(table, numeric=right), "  ")


def attribution_text(attribution: Attribution) -> list[str]:
    """The contribution of each part to a logit, with its three strongest heads."""
    text = [
        f"  logit of {quoted(attribution.token.token)} {attribution.logit:.3f} "
        f"(vocabulary mean {attribution.mean_logit:.3f}) is the sum of"
    ]
    widest = max(abs(part.value) for part in attribution.parts) or 1.0
    rows = []
    for part in attribution.parts:
        strong = sorted(range(len(part.heads)), key=lambda head: -abs(part.heads[head]))[:3]
        heads = ", ".join(f"head {head + 1} {part.heads[head]:+.2f}" for head in strong)
        rows.append([part.name, f"{part.value:+.3f}", show.bar(abs(part.value) / widest, BAR), heads])
    text.append(textwrap.indent(columns(rows, numeric=(1,)), "    "))
    return text


def bars(row: LensRow) -> list[str]:
    """The likeliest tokens as bars."""
    cells = [[show.token(guess.token), show.probability(guess.p), show.bar(guess.p, 2 * BAR)] for guess in row.top]
    return [textwrap.indent(columns(cells, numeric=(1,)), "    ")]


def across_text(trace: Across) -> str:
    """The same prompt through several checkpoints, a line each."""
    true = trace.truth[trace.at]
    text = [_prompt(trace), ""]
    heads = [["N", "step", "loss on prompt"]]
    for row, member in enumerate(trace.members):
        heads.append(
            [
                show.count(member.params),
                "–" if member.step is None else f"{member.step:,}",
                show.loss(trace.grid.loss(row)),
            ]
        )
    text += [rows_text(trace.rows, true, heads), ""]
    text.append(f"  KL is measured from {trace.members[-1].name}; loss is in nats per token over the known next tokens")
    right = first_right(trace.grid, trace.at)
    if true is not None:
        since = f"Right from {trace.members[right].name} on." if right is not None else "Still wrong at the end."
        text.append(f"  {verdict(trace.rows[-1], true)} {since}")
    return "\n".join(text)
