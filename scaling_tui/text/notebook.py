"""What a notebook shows of an object: small tables in HTML, in which nothing that came from a file is markup."""

from collections.abc import Sequence
from html import escape

from scaling_tui.text.visible import visible


def html_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], above: Sequence[str] = (), below: Sequence[str] = ()
) -> str:
    """A table under its `head`, with lines of text above and below it; all of it plain text, which is escaped."""
    parts = [f"<p>{plain(line)}</p>" for line in above]
    lines = ["".join(f"<th>{plain(cell)}</th>" for cell in head)]
    lines += ["".join(f"<td>{plain(cell)}</td>" for cell in row) for row in rows]
    parts.append("<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>")
    parts += [f"<p>{plain(line)}</p>" for line in below]
    return "<div>" + "".join(parts) + "</div>"


def plain(text: str) -> str:
    """`text` so that HTML shows it as it is, and every character that would be obeyed in its place."""
    return escape(visible(text))
