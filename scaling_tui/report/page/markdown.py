"""A page as Markdown as GitHub reads it; plots are characters in fenced blocks, so that it is one file too."""

import re
from collections.abc import Iterator

from scaling_tui import __version__
from scaling_tui.plots.drawing import draw, plain
from scaling_tui.report.page.blocks import Block, Bullets, Code, Facts, Page, Paragraph, Plot, Table
from scaling_tui.text.visible import visible

WIDTH, HEIGHT = 76, 20  # cells of a plot

# Signs that mean something wherever they stand; `$` begins mathematics, and `&` a character.
_SPECIAL = re.compile(r"[\\`*_\[\]<>|~$&]")
# What begins a heading, a list, a rule or an underline at the beginning of a line, and where an address begins.
_BEGINNING = re.compile(r"^(?:[#+\-=](?=[\s#+\-=]|$)|\d{1,9}(?=[.)](?:\s|$)))")
_ADDRESS = re.compile(r"(?<=www)\.|:(?=//)", re.IGNORECASE)


def markdown_text(page: Page, braille: bool = True) -> str:
    """The page as a whole Markdown document; without `braille` plots are in ASCII signs."""
    parts = [f"# {_text(page.title)}"]
    for block in page.lead:
        parts += _block(block, braille)
    for section in page.sections:
        parts.append(f"## {_text(section.title)}")
        for block in section.blocks:
            parts += _block(block, braille)
    parts.append(f"Written by scaling-tui {_text(__version__)}.")
    return "\n\n".join(parts) + "\n"


def _block(block: Block, braille: bool) -> Iterator[str]:
    match block:
        case Paragraph(text):
            yield _line(text)
        case Bullets(texts, warns):
            mark = "**!** " if warns else ""
            yield "\n".join(f"- {mark}{_line(text)}" for text in texts)
        case Table(caption, head, rows, numeric):
            yield _line(caption)
            rule = ["---:" if column in numeric else ":---" for column in range(len(head))]
            yield "\n".join(
                f"| {' | '.join(cells)} |" for cells in (map(_text, head), rule, *(map(_text, r) for r in rows))
            )
        case Facts(pairs):
            yield "\n".join(f"- {_line(name)}: {_text(value)}" for name, value in pairs)
        case Code(text, language):
            yield _fenced(visible(text), language)
        case Plot(figure, caption, _):
            yield _fenced(plain(draw(figure, WIDTH, HEIGHT, braille).rows()[1:]))
            yield _line(caption)


def _fenced(text: str, language: str = "") -> str:
    """Lines in a fence that nothing in them can close."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    lines = text.strip("\n").split("\n")
    return "\n".join([fence + language, *(line.rstrip() for line in lines), fence])


def _line(text: str) -> str:
    """As `_text`, where it stands at the beginning of a line or of an item of a list."""
    return _BEGINNING.sub(lambda match: match[0] + "\\" if match[0].isdigit() else f"\\{match[0]}", _text(text))


def _text(text: str) -> str:
    """Text of others on one line, as text: no markup, no link, no cell of a table."""
    line = " ".join(visible(text).split())
    return _ADDRESS.sub(lambda match: f"\\{match[0]}", _SPECIAL.sub(lambda match: f"\\{match[0]}", line))
