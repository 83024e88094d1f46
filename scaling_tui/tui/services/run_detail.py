"""A run in detail: how far it is, and how it was set up."""

from collections.abc import Sequence
from itertools import zip_longest

from rich.cells import cell_len

from scaling_tui.report.run_settings import setting_text, settings_of
from scaling_tui.runs import RunView
from scaling_tui.text import show
from scaling_tui.text.columns import cut, flush_left

WIDEST = 15  # cells of a name, and of a value
GAP = 3


def run_text(run: RunView, width: int) -> str:
    """Progress and settings as name and value, in as many columns as `width` cells hold."""
    done = run.curve.last("tokens")
    pairs = {
        "state": run.state,
        "attempts": str(run.attempts),
        "step": _whole(run.curve.last("step")),
        "tokens": f"{show.count(done)} of {show.count(run.tokens)}",
        "C": f"{show.scientific(run.flops)} FLOPs",
        "grad norm": show.value(run.curve.last("grad_norm")),
        "speed": f"{show.count(run.curve.last('tokens_per_s'))} tok/s",
        "seed": str(run.seed),
    } | {name: setting_text(value) for name, value in settings_of(run).items() if value is not False}
    if run.reason:
        pairs["reason"] = run.reason
    return in_columns(pairs, width)


def _whole(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def in_columns(pairs: dict[str, str], width: int) -> str:
    """Names and values down the columns: as many of these as fit."""
    cells = list(pairs.items())
    for rows in range(1, len(cells) + 1):
        blocks = [_block(cells[at : at + rows]) for at in range(0, len(cells), rows)]
        if sum(cell_len(block[0]) + GAP for block in blocks) - GAP <= width or len(blocks) == 1:
            return "\n".join((" " * GAP).join(line).rstrip() for line in zip_longest(*blocks, fillvalue=""))
    return ""


def _block(cells: Sequence[tuple[str, str]]) -> list[str]:
    """A column: the names, and the values under each other."""
    names = max(cell_len(cut(name, WIDEST)) for name, _ in cells)
    values = [cut(value, WIDEST) for _, value in cells]
    widest = max(map(cell_len, values))
    return [
        f"{flush_left(cut(name, WIDEST), names)} {flush_left(value, widest)}"
        for (name, _), value in zip(cells, values, strict=True)
    ]
