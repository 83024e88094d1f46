"""What a page consists of, as plain data, whatever it is written as. Texts may hold anything: writers escape them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scaling_tui.plots.figures import Figure


@dataclass(frozen=True)
class Paragraph:
    """A text; or several sentences."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A text each; `warns` marks reasons to doubt what stands above."""

    texts: Sequence[str]
    warns: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under `head`; their first cell names the row. The columns in `numeric` are aligned to the right."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[int] = frozenset()

    @classmethod
    def of(cls, caption: str, rows: Sequence[Sequence[str]], numeric: Sequence[int] = ()) -> "Table":
        """Of rows under a row of names, as `text.columns.columns` takes them."""
        head, *rest = [[cell.strip() for cell in row] for row in rows]
        return cls(caption, head, rest, frozenset(numeric))


@dataclass(frozen=True)
class Facts:
    """Names with what is known under them."""

    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Code:
    """Lines that are meant as they stand, in `language`."""

    text: str
    language: str = ""


@dataclass(frozen=True, eq=False)
class Plot:
    """A figure; `caption` says what it shows, `seen` what there is to see for who does not see it."""

    figure: Figure
    caption: str
    seen: str


Block = Paragraph | Bullets | Table | Facts | Code | Plot


@dataclass(frozen=True)
class Section:
    """A part of a page under a title of its own."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A title, what matters first, and sections."""

    title: str
    lead: Sequence[Block]
    sections: Sequence[Section]


@dataclass(frozen=True)
class Report:
    """A page and the facts behind it, as JSON has them."""

    page: Page
    document: Mapping[str, Any] = field(repr=False)
