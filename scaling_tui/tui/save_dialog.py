"""Writes what is on a screen to a file of its own in the folder one stands in; never over another one.

In a browser the file is a download: the folder may be on another computer.
"""

import io
import re
from asyncio import to_thread
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.app import App
from textual.screen import Screen

from scaling_tui import InputError
from scaling_tui.plots.figures import Figure, figure_csv
from scaling_tui.plots.pictures import picture as drawn
from scaling_tui.tui.widgets.choose import Choose, lines_of


@dataclass(frozen=True)
class Picture:
    """A plot that can be written: `name` is the sweep's, `what` the plot's."""

    name: str
    what: str
    figure: Figure


FORMATS = [
    ("svg", "This plot as SVG, to scale and to edit"),
    ("pdf", "This plot as PDF, for a paper"),
    ("png", "This plot as PNG, for slides and messages"),
    ("csv", "The points of this plot as CSV"),
    ("screen", "The whole screen as SVG, as it looks"),
]


def save(screen: Screen[Any], picture: Picture) -> None:
    """Asks which format, writes the file, and says where it is. A plot without a point has no format of its own."""
    # Taken now: the question would be in it.
    looks = screen_svg(screen.app, f"scaling-tui {picture.name}")

    async def write(kind: str) -> None:
        try:
            # Away from the screen: matplotlib takes a second to start.
            stem, ending, content = await to_thread(_content, picture, kind, looks)
            if screen.app.is_web:
                name = f"{stem}.{ending}"
                screen.app.deliver_binary(io.BytesIO(content), save_filename=name)
                done = f"Sent to the browser as a download: {name}"
            else:
                done = f"Written: {await to_thread(free_file, stem, ending, content)}"
        except (InputError, OSError) as error:
            screen.notify(f"Not written: {error}", severity="error", markup=False)
        else:
            screen.notify(done, markup=False)

    def chosen(kind: str | None) -> None:
        if kind is not None:
            screen.app.run_worker(write(kind))

    formats = FORMATS if picture.figure.series else FORMATS[-1:]
    screen.app.push_screen(Choose("Write what to a file?", lines_of(formats)), chosen)


def screen_svg(app: App[Any], title: str) -> str:
    """The screen as SVG. Without the attribute some viewers drop the spaces that texts begin with: what is aligned to
    the right then runs into what stands to its left. Fonts that would be fetched from a network are left out."""
    looks = app.export_screenshot(title=title).replace("<svg ", '<svg xml:space="preserve" ', 1)
    return re.sub(r"@font-face \{[^}]*\}\s*", "", looks)


def _content(picture: Picture, kind: str, looks: str) -> tuple[str, str, bytes]:
    """Name, ending and content of the file."""
    stem = f"{picture.name}-{picture.what}"
    match kind:
        case "svg" | "pdf" | "png":
            return stem, kind, drawn([picture.figure], kind)
        case "csv":
            return stem, "csv", figure_csv(picture.figure).encode()
        case _:
            return f"{stem}-screen", "svg", looks.encode()


def free_file(stem: str, ending: str, content: bytes) -> Path:
    """Writes `stem`.`ending` in the working folder, or `stem`-2, -3 … where that is taken.

    Raises:
        OSError: it cannot be written there.
    """
    number = 1
    while True:
        path = Path(f"{stem}{'' if number == 1 else f'-{number}'}.{ending}").resolve()
        try:
            with path.open("xb") as file:
                file.write(content)
        except FileExistsError:
            number += 1
        else:
            return path
