"""The widget that shows a figure. It draws anew only when figure, size or theme changed and it can be seen."""

from dataclasses import dataclass, replace
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.color import Color
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from scaling_tui.plots.axes import Axis
from scaling_tui.plots.drawing import Box, Drawing, Frame, Run, draw
from scaling_tui.plots.figures import RAMP, Colour, Figure, Ink, colour_of
from scaling_tui.plots.limits import FREE, Limits, Range, between, moved, zoomed

ZOOM = 1.5  # a key or a notch of the wheel
PAN = 0.25  # of an axis, a key
PANS = {"left": (-PAN, 0.0), "right": (PAN, 0.0), "up": (0.0, PAN), "down": (0.0, -PAN)}
LEAST_BOX = 2  # cells across or down: less is a click with an unsteady hand


class Plot(Widget):
    """Shows a figure, with a crosshair where the mouse is or the keyboard has put it.

    The limits that somebody sets stay, whatever figures follow: those of x for each quantity on the x axis, those of y
    for each on the y axis. The wheel zooms; dragging selects a box to zoom into, with ctrl or the right button it pans.
    """

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
        self._given = self._figure = Figure("", ())
        self._drawing: Drawing | None = None
        self._rows: list[list[Run]] = []
        self._cursor: float | None = None
        self._styles: dict[Ink, Style] = {}
        self._theme = ""
        self._set: dict[tuple[str, str], Range] = {}  # by axis and quantity
        self._whole = False
        self._drag: _Drag | None = None
        self._dragged = False  # the click that follows is none

    @property
    def figure(self) -> Figure:
        """What is shown, with the limits that are set."""
        return self._figure

    @figure.setter
    def figure(self, figure: Figure) -> None:
        if figure is not self._given:
            self._given = figure
            self._apply()

    # --- limits

    @property
    def limits(self) -> Limits:
        """What is set of the axes that are shown."""
        return self._figure.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        for key, found in ((self._x_key, limits.x), (self._y_key, limits.y)):
            if found == FREE:
                self._set.pop(key, None)
            else:
                self._set[key] = found
        self._whole = limits.whole
        self._apply()

    def follow_data(self) -> None:
        """Sets nothing any more, of no quantity."""
        self._set.clear()
        self._whole = False
        self._apply()

    @property
    def _x_key(self) -> tuple[str, str]:
        return "x", self._given.x_name

    @property
    def _y_key(self) -> tuple[str, str]:
        return "y", self._given.y_name

    def _apply(self) -> None:
        """Puts the limits on the figure, and draws it if it can be seen."""
        limits = Limits(self._set.get(self._x_key, FREE), self._set.get(self._y_key, FREE), self._whole)
        given = self._given
        self._figure, self._drawing = given if limits == given.limits else replace(given, limits=limits), None
        if self.is_attached and self.display and self.screen.is_current and self.size:
            self._show_changes()

    def show_whole(self) -> None:
        """Shows values far off too, which would flatten the rest; or cuts them off again."""
        self.limits = replace(self.limits, y=FREE, whole=not self._whole)

    def zoom(self, factor: float) -> None:
        """Zooms x at the crosshair, or at the middle; y follows what is in view, or is zoomed too once it is set."""
        frame = self._drawn().frame
        if frame is not None:
            at = 0.5 if self._cursor is None else frame.data.share(self._cursor)
            y = zoomed(frame.y, factor, 0.5) if self.limits.y != FREE else FREE
            self.limits = replace(self.limits, x=zoomed(frame.data, factor, at), y=y)

    def pan(self, where: str) -> None:
        """Moves what is in view: left, right, up or down."""
        frame = self._drawn().frame
        if frame is not None:
            across, up = PANS[where]
            if across:
                self.limits = replace(self.limits, x=moved(frame.data, across))
            else:
                self.limits = replace(self.limits, y=moved(frame.y, up))

    @property
    def axes(self) -> tuple[Axis, Axis] | None:
        """The axes as they are drawn; None where nothing is."""
        frame = self._drawn().frame
        return (frame.data, frame.y) if frame is not None else None

    # --- the crosshair

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
            self._rows = drawing.rows(self._cursor, self._box)
        return drawing

    @property
    def _box(self) -> Box | None:
        return self._drag.box if self._drag is not None else None

    def _show_changes(self) -> None:
        """Has only those parts of rows painted that are others now: over a slow link that is most of the cost."""
        before = self._rows
        self._rows = self._drawn().rows(self._cursor, self._box)
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

    # --- the mouse

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._drag is not None:
            self._drag_to(event.x, event.y)
            return
        frame = self._drawn().frame
        if frame is not None:
            inside = frame.left <= event.x < frame.left + frame.width
            self.cursor = frame.value_at(event.x) if inside else None

    def on_leave(self) -> None:
        self.cursor = None

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, ZOOM)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, 1 / ZOOM)

    def _wheel(self, event: events.MouseEvent, factor: float) -> None:
        frame = self._drawn().frame
        if frame is not None:
            event.stop()
            x, y = frame.shares_at(event.x, event.y)
            self.limits = replace(self.limits, x=zoomed(frame.data, factor, x), y=zoomed(frame.y, factor, y))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        frame = self._drawn().frame
        if frame is not None and event.button in (1, 2, 3):
            self._drag = _Drag(event.x, event.y, frame, self.limits, event.button != 1 or event.ctrl)
            self.capture_mouse()

    def _drag_to(self, x: int, y: int) -> None:
        drag = self._drag
        assert drag is not None
        self._drag = drag = replace(drag, to=(x, y))
        if drag.moves:
            across, up = drag.by
            self.limits = replace(drag.limits, x=moved(drag.frame.data, -across), y=moved(drag.frame.y, -up))
        else:
            self._show_changes()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        drag, self._drag = self._drag, None
        self.release_mouse()
        if drag is not None and drag.box is not None:
            (left, top), (right, bottom) = (drag.frame.shares_at(*corner) for corner in drag.corners)
            self.limits = replace(
                self.limits, x=between(drag.frame.data, left, right), y=between(drag.frame.y, bottom, top)
            )
        self._dragged = drag is not None and drag.is_drag
        self._show_changes()

    def on_click(self, event: events.Click) -> None:
        frame = self._drawn().frame
        if frame is None or self._dragged or event.button != 1:
            return
        if event.chain == 2:
            self.follow_data()
        share = 1 - (event.y - frame.top + 0.5) / frame.height
        self.post_message(self.Clicked(self, frame.value_at(event.x), frame.y.value(share)))


@dataclass(frozen=True)
class _Drag:
    """The mouse goes from a cell to another one with a button down: to move what is in view, or to select a box."""

    x: int
    y: int
    frame: Frame
    limits: Limits
    moves: bool
    to: tuple[int, int] | None = None

    @property
    def corners(self) -> tuple[tuple[int, int], tuple[int, int]]:
        return (self.x, self.y), self.to or (self.x, self.y)

    @property
    def is_drag(self) -> bool:
        return any(abs(one - other) >= LEAST_BOX for one, other in zip(*self.corners, strict=True))

    @property
    def box(self) -> Box | None:
        return None if self.moves or not self.is_drag else (*self.corners[0], *self.corners[1])

    @property
    def by(self) -> tuple[float, float]:
        """How far it has gone, as shares of the axes of the data."""
        (x, y), (to_x, to_y) = self.corners
        size = (self.frame.x.high - self.frame.x.low) / (self.frame.data.high - self.frame.data.low)
        return (to_x - x) / self.frame.width * size, (y - to_y) / self.frame.height


def theme_colours(variables: dict[str, str]) -> dict[str, Colour]:
    """The theme's inks by name: of our own themes those for curves."""
    inks = (*RAMP, "accent", "secondary", "foreground")
    return {name: Color.parse(variables.get(f"curve-{name}", variables[name])).rgb for name in inks}
