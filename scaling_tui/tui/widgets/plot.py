"""The widget that shows a figure. It draws anew only when figure, size or theme changed and it can be seen."""

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.color import Color
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from scaling_tui.plots.drawing import Drawing, Run, draw
from scaling_tui.plots.figures import RAMP, Colour, Figure, Ink, colour_of


class Plot(Widget):
    """Shows a figure, with a crosshair where the mouse is or the keyboard has put it."""

    ALLOW_SELECT: ClassVar[bool] = False
    DEFAULT_CSS = "Plot { height: 1fr; width: 1fr; }"

    class Clicked(Message):
        """Somebody clicked into the plot at (x, y) of its data."""

        def __init__(self, plot: "Plot", x: float, y: float) -> None:
            super().__init__()
            self.plot, self.x, self.y = plot, x, y

        @property
        def control(self) -> "Plot":
            return self.plot

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._figure = Figure("", ())
        self._drawing: Drawing | None = None
        self._rows: list[list[Run]] = []
        self._cursor: float | None = None
        self._styles: dict[Ink, Style] = {}
        self._theme = ""

    @property
    def figure(self) -> Figure:
        return self._figure

    @figure.setter
    def figure(self, figure: Figure) -> None:
        if figure is not self._figure:
            self._figure, self._drawing = figure, None
            if self.is_attached and self.display and self.screen.is_current and self.size:
                self._show_changes()

    @property
    def cursor(self) -> float | None:
        """Where the crosshair is, as an x of the figure; None where there is none."""
        return self._cursor

    @cursor.setter
    def cursor(self, x: float | None) -> None:
        if x != self._cursor:
            self._cursor = x
            self._show_changes()

    def step(self, columns: int) -> None:
        """Moves the crosshair by columns of cells; the first step brings it to the middle."""
        frame = self._drawn().frame
        if frame is not None:
            middle = frame.left + frame.width // 2
            column = middle if self._cursor is None else frame.column_of(self._cursor) + columns
            self.cursor = frame.value_at(min(max(column, frame.left), frame.left + frame.width - 1))

    def _drawn(self) -> Drawing:
        width, height = self.size
        drawing = self._drawing
        if drawing is None or (drawing.cells.width, drawing.cells.height) != (width, height):
            braille = not getattr(self.app, "ascii", False)
            self._drawing = drawing = draw(self._figure, width, height, braille)
            self._rows = drawing.rows(self._cursor)
        return drawing

    def _show_changes(self) -> None:
        """Has only those parts of rows painted that are others now: over a slow link that is most of the cost."""
        before = self._rows
        self._rows = self._drawn().rows(self._cursor)
        regions = []
        for y, row in enumerate(self._rows):
            old = before[y] if y < len(before) else None
            if old != row:
                same = 0
                for one, other in zip(row, old or (), strict=False):
                    if one != other:
                        break
                    same += len(one[0])
                regions.append(Region(same, y, max(0, self.size.width - same), 1))
        if regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        self._drawn()
        if self._theme != self.app.theme:
            self._theme, self._styles = self.app.theme, {}
        base = self.rich_style
        row = self._rows[y] if y < len(self._rows) else []
        strip = Strip([Segment(text, base + self._style(ink)) for text, ink in row])
        return strip.adjust_cell_length(self.size.width, base)

    def _style(self, ink: Ink) -> Style:
        if ink not in self._styles:
            red, green, blue = colour_of(ink.colour, theme_colours(self.app.theme_variables))
            plain = ink.colour == "foreground"
            colour = None if plain else f"rgb({red},{green},{blue})"
            self._styles[ink] = Style(
                color=colour, bold=ink.weight == "strong" or None, dim=ink.weight == "faint" or None
            )
        return self._styles[ink]

    def on_mouse_move(self, event: events.MouseMove) -> None:
        frame = self._drawn().frame
        if frame is not None:
            inside = frame.left <= event.x < frame.left + frame.width
            self.cursor = frame.value_at(event.x) if inside else None

    def on_leave(self) -> None:
        self.cursor = None

    def on_click(self, event: events.Click) -> None:
        frame = self._drawn().frame
        if frame is not None:
            share = 1 - (event.y - frame.top + 0.5) / frame.height
            self.post_message(self.Clicked(self, frame.value_at(event.x), frame.y.value(share)))


def theme_colours(variables: dict[str, str]) -> dict[str, Colour]:
    """The theme's inks by name: of our own themes those for curves."""
    inks = (*RAMP, "accent", "secondary", "foreground")
    return {name: Color.parse(variables.get(f"curve-{name}", variables[name])).rgb for name in inks}
