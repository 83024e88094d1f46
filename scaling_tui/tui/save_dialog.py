"""Writes what is on a screen to a file of its own in the folder one stands in; never over another one."""

from asyncio import to_thread
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.screen import Screen

from scaling_tui import InputError
from scaling_tui.plots.figures import Figure, figure_csv
from scaling_tui.plots.pictures import picture as drawn
from scaling_tui.tui.widgets.choose import Choose


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
    looks = screen.app.export_screenshot(title=f"scaling-tui {picture.name}")

    async def write(kind: str) -> None:
        try:
            # Away from the screen: matplotlib takes a second to start.
            path = await to_thread(_write, picture, kind, looks)
        except (InputError, OSError) as error:
            screen.notify(f"Not written: {error}", severity="error", markup=False)
        else:
            screen.notify(f"Written: {path}", markup=False)

    def chosen(kind: str | None) -> None:
        if kind is not None:
            screen.app.run_worker(write(kind))

    formats = FORMATS if picture.figure.series else FORMATS[-1:]
    screen.app.push_screen(Choose("Write what to a file?", formats), chosen)


def _write(picture: Picture, kind: str, looks: str) -> Path:
    stem = f"{picture.name}-{picture.what}"
    match kind:
        case "svg" | "pdf" | "png":
            return free_file(stem, kind, drawn([picture.figure], kind))
        case "csv":
            return free_file(stem, "csv", figure_csv(picture.figure).encode())
        case _:
            return free_file(f"{stem}-screen", "svg", looks.encode())


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
