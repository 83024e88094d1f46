"""Explanations as text: one in full, and many in columns to choose from."""

import textwrap
from collections.abc import Iterable, Sequence

from scaling_tui.report.why.explanation import Explanation
from scaling_tui.text.columns import columns
from scaling_tui.text.list_columns import ListColumn
from scaling_tui.tutor.content.lesson import lesson_files

FIGURE_COLUMNS = (
    ListColumn("of", least=8),
    ListColumn("number", least=8),
    ListColumn("value", right=True, least=8),
    ListColumn("", 1, least=6),
    ListColumn("", 2, least=10),
)
HEADS = ("from", "formula", "convention", "runs", "certainty", "lesson")
MOST_RUNS = 12
WHOLES = ("law", "fit", "prediction", "sweep", "plan", "split", "training", "evaluation")


def figure_cells(one: Explanation) -> tuple[str, ...]:
    """A figure in the columns of `FIGURE_COLUMNS`."""
    return one.of, one.key, one.shown, one.unit, one.what


def figures_table(found: Iterable[Explanation]) -> str:
    """The figures that can be asked, a line each."""
    rows = [("of", "number", "value", "", ""), *(figure_cells(one) for one in found)]
    return columns(rows, numeric=(2,))


def title(one: Explanation) -> str:
    """Which figure it is, in a line."""
    unit = f" {one.unit}" if one.unit else ""
    of = f"the {one.of}" if one.of in WHOLES else one.of
    return f"{one.key} of {of} = {one.shown}{unit}"


def explanation_text(one: Explanation, width: int = 100, title_too: bool = True) -> str:
    """An explanation in full, in lines of at most `width` cells."""
    lines = [title(one), *textwrap.wrap(one.what, width), ""] if title_too else [*textwrap.wrap(one.what, width), ""]
    margin = max(map(len, HEADS)) + 2

    def part(head: str, texts: Sequence[str]) -> None:
        for number, text in enumerate(texts):
            first = (head if number == 0 else "").ljust(margin)
            lines.extend(
                textwrap.wrap(text, width, initial_indent=first, subsequent_indent=" " * margin,
                              break_long_words=True, break_on_hyphens=False) or [first.rstrip()]
            )  # fmt: skip

    part("from", [one.source])
    part("formula", formula_lines(one))
    part("convention", one.conventions)
    more = f" and {len(one.runs) - MOST_RUNS} more" if len(one.runs) > MOST_RUNS else ""
    part("runs", [", ".join(one.runs[:MOST_RUNS]) + more] if one.runs else [])
    part("certainty", [one.uncertainty] if one.uncertainty else [])
    part("lesson", [lesson_title(one)] if one.lesson else [])
    return "\n".join(lines)


def formula_lines(one: Explanation) -> list[str]:
    """Each step in symbols, then with its numbers and what they give."""
    lines = []
    for made in one.steps:
        lines.append(f"{made.symbol} = {made.formula}")
        if made.filled != made.formula:
            lines.append(f"  = {made.filled} = {made.shown}")
    return lines


def lesson_title(one: Explanation) -> str:
    """The title of the lesson that explains it, and its id."""
    named = {file.id: file.title for file in lesson_files()}
    return f"{named.get(one.lesson, one.lesson)} ({one.lesson})"
