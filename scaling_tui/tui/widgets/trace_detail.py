"""One cell of a trace in detail, and a trace as its four stages: text from plain records, for any width."""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from scaling_tui.lens.records import Attribution, Continuation, LensRow, Reading, Token, Trace
from scaling_tui.lens.stages import quoted, stages, verdict
from scaling_tui.text import show
from scaling_tui.text.columns import flush_left
from scaling_tui.tui.widgets.trace_grid import fitted

SIDE_BY_SIDE = 76
LISTED_HEADS = 4
# An attention weight as a character, from this share of the head's total.
WEIGHTS = ((0.65, "█"), (0.35, "▓"), (0.15, "▒"), (0.05, "░"), (0.015, "·"), (0.0, " "))


def titled(title: str) -> Text:
    """A bold title that plain text can be appended to."""
    return Text.assemble((title, "bold"), no_wrap=True)


def cell_text(reading: Reading, row: int, column: int) -> Text:
    """Two lines on the cell under the cursor."""
    grid, true = reading.grid, reading.truth[column]
    place = "the whole prompt" if reading.classifies else f"token {column + 1} {quoted(reading.tokens[column].token)}"
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{grid.names[row]} · after {place}: ")
    text.append(quoted(grid.top[row][column]), "bold").append(f" p {show.probability(grid.p[row][column])}\n")
    if true is not None:
        text.append(f"truth {quoted(true.token)}, p {show.probability(grid.p_true[row][column])}, rank ")
        text.append(f"{grid.rank_true[row][column]} · ")
    text.append(
        f"entropy {show.nats(grid.entropy[row][column])} · KL to the last row {show.nats(grid.kl[row][column])} nats"
    )
    return text


def stages_text(trace: Trace, continuation: Continuation | None, width: int) -> Text:
    """The four stages, for readers new to them."""
    text = Text()
    for number, stage in enumerate(stages(trace), 1):
        shape = " × ".join(f"{size:,}" for size in stage.shape)
        text.append(f"{number} {stage.name}", "bold").append(f"   {shape}\n", "dim").append(f"{stage.says}\n")
        if stage.name == "input embedding":
            text.append_text(_listed(trace.tokens, width)).append("\n")
        elif stage.name == "transformer layers":
            text.append_text(path(trace.rows, width)).append("\n")
        elif stage.name == "output layer":
            text.append_text(top(trace.rows[-1], width, 5)).append("\n")
        text.append("\n" if number < 4 else "")
    if continuation is not None:
        how = "most likely token each time" if continuation.temperature == 0 else (
            f"sampled, temperature {continuation.temperature:g}, seed {continuation.seed}"
        )  # fmt: skip
        text.append(f"Continuation ({how}): ").append(quoted(continuation.text), "bold")
    elif not trace.classifies:
        text.append("Press c to continue the prompt, x to sample a continuation.", "dim")
    return text


def _listed(tokens: Sequence[Token], width: int) -> Text:
    """Tokens with their ids in at most two lines: the last ones, if there are more."""
    shown = [f"{quoted(token.token)}={token.id}" for token in tokens]
    room, kept = 2 * width - 8, []
    for item in reversed(shown):
        room -= cell_len(item) + 1
        if room < 0:
            kept.append("…")
            break
        kept.append(item)
    return Text(" ".join(reversed(kept)), "dim")


def detail_text(trace: Trace, row: int, width: int) -> Text:
    """A row's likeliest tokens, the watched token's path through the rows, its logit by parts, attention weights."""
    narrow = width < SIDE_BY_SIDE
    half = width if narrow else (width - 3) // 2
    name = trace.rows[row].name
    left = titled(f"{name}: most likely\n").append_text(top(trace.rows[row], half))
    right = titled(f"p of {quoted(trace.attribution.token.token)}, row by row\n")
    right.append_text(path(trace.rows, half, here=row))
    text = Text.assemble(left, "\n\n", right) if narrow else beside(left, right, half)
    text.append("\n").append(verdict(trace.rows[row], trace.truth[trace.at]), "dim").append("\n\n")
    text.append_text(logit_parts(trace.attribution, width)).append("\n\n")
    return text.append_text(attention_weights(trace, layer_of(trace, row), width))


def layer_of(trace: Trace, row: int) -> int:
    """The layer whose attention the row shows, counted from 0."""
    return min(max(0, (row - 1) // 2), len(trace.attention) - 1)


def top(row: LensRow, width: int, most: int = 10) -> Text:
    """The likeliest tokens, with bars."""
    text = Text(no_wrap=True)
    room = min(12, max(4, *(cell_len(show.token(guess.token)) for guess in row.top)))
    for guess in row.top[:most]:
        text.append(f"{fitted(guess.token, room)} {show.probability(guess.p):>5} ")
        text.append(show.bar(guess.p, max(4, width - room - 8)) + "\n")
    text.right_crop(1)
    return text


def path(rows: Sequence[LensRow], width: int, here: int | None = None) -> Text:
    """The watched token's probability after each row."""
    text = Text(no_wrap=True)
    room = max(cell_len(row.name) for row in rows) + 2
    for place, row in enumerate(rows):
        mark = "▸ " if place == here else "  "
        text.append(flush_left(f"{mark}{row.name}", room), "bold" if place == here else "")
        text.append(f" {show.probability(row.watched.p):>5} ")
        text.append(show.bar(row.watched.p, max(4, width - room - 8)) + "\n")
    text.right_crop(1)
    return text


def logit_parts(attribution: Attribution, width: int) -> Text:
    """The parts of a logit as bars left and right of zero, with the heads that contribute most."""
    text = titled(f"logit of {quoted(attribution.token.token)}: {attribution.logit:.2f} =")
    if width >= SIDE_BY_SIDE:
        text.append(f"   the mean over all tokens is {attribution.mean_logit:.2f}", "dim")
    text.append("\n")
    widest = max(abs(part.value) for part in attribution.parts) or 1.0
    room = max(len(part.name) for part in attribution.parts)
    half = min(20, max(3, (width - room - 10) // (3 if width >= SIDE_BY_SIDE else 2)))
    for part in attribution.parts:
        bar = show.bar(abs(part.value) / widest, half)
        sides = (
            f"{'':>{half}}│{bar:<{half}}"
            if part.value >= 0
            else f"{'▐' * round(-part.value / widest * half):>{half}}│{'':<{half}}"
        )
        text.append(f"{part.name:<{room}} {part.value:+7.2f} ").append(sides)
        if part.heads and width >= SIDE_BY_SIDE:
            strong = sorted(range(len(part.heads)), key=lambda head: -abs(part.heads[head]))[:LISTED_HEADS]
            text.append(" " + " ".join(f"h{head + 1}{part.heads[head]:+.2f}" for head in strong), "dim")
        text.append("\n")
    text.right_crop(1)
    return text


def attention_weights(trace: Trace, layer: int, width: int) -> Text:
    """A layer's attention weights, a line per head: a character per token, and the token with the most weight."""
    heads, tokens = trace.attention[layer], trace.tokens
    share = [part.heads for part in trace.attribution.parts if part.heads]
    source = "all tokens" if trace.classifies else quoted(tokens[trace.at].token)
    text = titled(f"attention of layer {layer + 1}'s heads, from {source}")
    legend = " ".join(f"{sign} {least:g}" for least, sign in WEIGHTS[:-1])
    text.append(f"   {legend} or more\n", "dim")
    last = len(tokens) if trace.classifies else trace.at + 1
    room = max(8, width - 34)
    first = max(0, last - room)
    line = "".join(fitted(token.token, 1) for token in tokens[first:last])
    text.append(f"{'head adds':>14} ").append(line + "\n", "dim")
    for head, weights in enumerate(heads):
        strip = "".join(next(sign for least, sign in WEIGHTS if weight >= least) for weight in weights[first:last])
        best = max(range(len(weights)), key=weights.__getitem__)
        added = share[layer][head] if layer < len(share) else 0.0
        text.append(f"{head + 1:>4} {added:>+9.2f} ").append(strip.ljust(last - first))
        back = "" if trace.classifies else f", {trace.at - best} back"
        text.append(f" {fitted(tokens[best].token, 4).rstrip()} {weights[best]:.2f}{back}\n", "dim")
    text.right_crop(1)
    return text


def beside(left: Text, right: Text, half: int) -> Text:
    """Two blocks of lines side by side."""
    lefts, rights = left.split("\n"), right.split("\n")
    text = Text(no_wrap=True)
    for place in range(max(len(lefts), len(rights))):
        line = lefts[place] if place < len(lefts) else Text()
        text.append_text(line).append(" " * max(0, half - line.cell_len) + " │ ")
        text.append_text(rights[place] if place < len(rights) else Text()).append("\n")
    return text
