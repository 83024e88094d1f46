"""Figures as text in the colours of a terminal, for commands."""

from collections.abc import Iterable

from rich.style import Style
from rich.text import Text

from scaling_tui.plots.drawing import draw
from scaling_tui.plots.figures import Colour, Figure, colour_of
from scaling_tui.text.visible import visible

HEIGHT = 18
# Light enough on black and dark enough on white: a command does not know which it writes on.
COLOURS: dict[str, Colour] = {
    "primary": (50, 120, 220),
    "success": (40, 150, 80),
    "warning": (210, 130, 20),
    "error": (210, 60, 80),
    "accent": (160, 90, 200),
    "secondary": (0, 145, 155),
    "foreground": (128, 128, 128),
}


def plotted(figures: Iterable[Figure], width: int, braille: bool = True, height: int = HEIGHT) -> Text:
    """The figures under each other, each `height` rows high; without `braille` lines are drawn in ASCII signs."""
    text = Text(no_wrap=True)
    for figure in figures:
        for row in draw(figure, width, height, braille).rows():
            for part, ink in row:
                # Words are written as the terminal writes words.
                colour = None if ink.colour == "foreground" else "rgb({},{},{})".format(*colour_of(ink.colour, COLOURS))
                text.append(visible(part), Style(color=colour, bold=ink.weight == "strong", dim=ink.weight == "faint"))
            text.append("\n")
    return text
