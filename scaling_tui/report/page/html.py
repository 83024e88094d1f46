"""A page as one HTML file: no script, nothing from a network, light and dark, for a phone and for paper."""

import html
import re
from collections.abc import Callable, Iterator
from itertools import count

from scaling_tui import InputError, __version__
from scaling_tui.plots.drawing import draw
from scaling_tui.plots.figures import Figure, colour_of
from scaling_tui.report.page.blocks import Block, Bullets, Code, Facts, Page, Paragraph, Plot, Table
from scaling_tui.report.plotted import COLOURS
from scaling_tui.text.visible import visible

WIDTH, HEIGHT = 76, 20  # cells of a plot of characters

Drawn = Callable[[Figure, int], str]
"""Draws the figure of that number as HTML."""

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #5a6472; --line: #d8dde3; --back: #fff; --code: #f4f6f8;
  --warn: #9a5b00; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e3e7eb; --soft: #9aa5b1; --line: #353c45; --back: #14171a; --code: #1e2328; --warn: #e0a040; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif;
  overflow-wrap: anywhere; -webkit-text-size-adjust: 100%; }
main { max-width: 50rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .75rem; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 2.25rem 0 .75rem; padding-top: .5rem;
  border-top: 1px solid var(--line); }
p, ul, figure, pre, dl, .scroll { margin: 0 0 1rem; }
ul { padding-left: 1.25rem; }
.warns li { color: var(--warn); }
.warns li::marker { content: "! "; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
caption { text-align: left; color: var(--soft); padding-bottom: .35rem; }
caption span { display: block; position: sticky; left: 0; max-width: min(48rem, calc(100vw - 2rem)); }
th, td { padding: .25rem .9rem .25rem 0; text-align: left; vertical-align: top; font-weight: normal; }
thead th { color: var(--soft); white-space: nowrap; }
tbody tr { border-top: 1px solid var(--line); }
tbody th { white-space: nowrap; }
td:last-child, th:last-child { padding-right: 0; }
td:last-child { min-width: 6rem; }
.n { text-align: right; white-space: nowrap; }
td.n:last-child { min-width: 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.25rem; font-size: .9rem; }
dt { color: var(--soft); }
dd { margin: 0; }
pre { background: var(--code); padding: .75rem 1rem; overflow-x: auto; border-radius: 4px; overflow-wrap: normal;
  font: .82rem/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
figcaption { color: var(--soft); font-size: .9rem; }
figure svg { display: block; width: 100%; max-width: 44rem; height: auto;
  stroke-linejoin: round; stroke-linecap: butt; }
figure pre { background: none; padding: 0; line-height: 1.2;
  font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: min(.85rem, calc((100vw - 2.5rem) / 46)); }
.strong { font-weight: bold; }
figure pre b { display: inline-flex; justify-content: center; width: 1ch; height: 1.2em; line-height: 1.2;
  vertical-align: top; font-weight: inherit; }
.faint { opacity: .6; }
footer { color: var(--soft); font-size: .85rem; margin-top: 2.5rem; }
@media (max-width: 34rem) {
  dl { display: block; }
  dd { margin-bottom: .5rem; }
}
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --back: #fff; --code: #fff; --warn: #000; }
  main { max-width: none; padding: 0; }
  figure, tr, dl { break-inside: avoid; }
  h2 { break-after: avoid; }
  pre { white-space: pre-wrap; }
  figure pre { white-space: pre; font-size: 8pt; }
  .scroll { overflow: visible; }
}
"""
# What the parser of HTML takes for an error: code points that are no characters.
_OTHER_FONT = re.compile("[\u2190-\u24ff\u2580-\u2bff]")
_NO_CHARACTER = re.compile("[\ufdd0-\ufdef\ufffe\uffff]|[^\x00-\uffff]")


def html_text(page: Page) -> str:
    """The page as a whole HTML document."""
    drawn = drawn_by()
    numbers = count(1)
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f"<title>{_text(page.title)}</title>",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f'<meta name="generator" content="scaling-tui {_text(__version__)}">',
        # Even if something slipped through, a browser would neither run nor fetch it.
        """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">""",
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
        "<main>",
        f"<h1>{_text(page.title)}</h1>",
    ]
    for block in page.lead:
        parts += _block(block, drawn, numbers)
    for section in page.sections:
        parts += ["<section>", f"<h2>{_text(section.title)}</h2>"]
        for block in section.blocks:
            parts += _block(block, drawn, numbers)
        parts.append("</section>")
    parts += [f"<footer>Written by scaling-tui {_text(__version__)}.</footer>", "</main>", "</body>", "</html>", ""]
    return "\n".join(parts)


def drawn_by() -> Drawn:
    """How figures are drawn: by matplotlib where the extra is there, else as characters in colour."""
    from scaling_tui.plots.pictures import page_svg

    def svg(figure: Figure, number: int) -> str:
        try:
            return page_svg(figure, COLOURS, f"f{number}")
        except InputError:
            return characters(figure, number)

    return svg


def characters(figure: Figure, number: int) -> str:
    """A figure as lines of characters, each run of them in its colour."""
    rows = draw(figure, WIDTH, HEIGHT).rows()[1:]  # the first is the title, which the caption says
    lines = []
    for row in rows:
        spans = []
        for part, ink in row:
            style = ""
            if ink.colour != "foreground":
                style = ' style="color: #{:02x}{:02x}{:02x}"'.format(*colour_of(ink.colour, COLOURS))
            weight = "" if ink.weight == "normal" else f' class="{ink.weight}"'
            # Signs that a browser takes from another font, of another width, are held in a cell of their own.
            cells = _OTHER_FONT.sub(r"<b>\g<0></b>", _text(part))
            spans.append(f"<span{weight}{style}>{cells}</span>" if style or weight else cells)
        lines.append("".join(spans))
    # A newline right after <pre> is dropped by the parser: an empty first line needs one more.
    return f'<pre aria-hidden="true">\n{chr(10).join(lines)}</pre>'


def _block(block: Block, drawn: Drawn, numbers: Iterator[int]) -> list[str]:
    match block:
        case Paragraph(text):
            return [f"<p>{_text(text)}</p>"]
        case Bullets(texts, warns):
            marked = ' class="warns"' if warns else ""
            return [f"<ul{marked}>", *(f"<li>{_text(text)}</li>" for text in texts), "</ul>"]
        case Table():
            return _table(block)
        case Facts(pairs):
            return ["<dl>", *(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in pairs), "</dl>"]
        case Code(text):
            return [f'<pre tabindex="0">\n{_text(text)}</pre>']
        case Plot(figure, caption, seen):
            return [
                f'<figure><div role="img" aria-label="{_text(seen)}">',
                drawn(figure, next(numbers)),
                f"</div><figcaption>{_text(caption)}</figcaption></figure>",
            ]


def _table(table: Table) -> list[str]:
    def cell(column: int, text: str, kind: str, scope: str = "") -> str:
        marked = ' class="n"' if column in table.numeric else ""
        return f"<{kind}{scope}{marked}>{_text(text)}</{kind}>"

    head = "".join(cell(column, text, "th", ' scope="col"') for column, text in enumerate(table.head))
    rows = [
        "<tr>"
        + "".join(
            cell(column, text, "td") if column else cell(column, text, "th", ' scope="row"')
            for column, text in enumerate(row)
        )
        + "</tr>"
        for row in table.rows
    ]
    return [
        f'<div class="scroll" role="region" tabindex="0" aria-label="{_text(table.caption)}"><table>',
        f"<caption><span>{_text(table.caption)}</span></caption>",
        f"<thead><tr>{head}</tr></thead>",
        "<tbody>",
        *rows,
        "</tbody>",
        "</table></div>",
    ]


def _text(text: str) -> str:
    """Text of others as text: no markup, and no character that is none."""

    def shown(match: re.Match[str]) -> str:
        code = ord(match[0])
        return match[0] if code > 0xFFFF and code & 0xFFFE != 0xFFFE else f"\\u{code:04x}"

    return html.escape(_NO_CHARACTER.sub(shown, visible(text)))
