"""Panels: the parts that a screen is divided into. Any can fill the screen for a while, and any can be hidden.

A screen yields `Panel`s, and `Group`s of panels that share a column or a row. Which of them are shown, and how large,
is decided here for all screens: `Panels` sets the display and the size of each as inline styles and takes them away
again, so that a screen's own CSS need only tell how its panels lie when nothing is hidden.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.containers import Container
from textual.events import Click
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

if TYPE_CHECKING:
    from textual.screen import Screen

FILLS = {"width": "1fr", "height": "1fr", "max_width": "100%", "max_height": "100%"}


class Panel(Container):
    """A part of a screen under a title, in a border where the screen has room for one or the panel fills it."""

    DEFAULT_CSS = """
    Panel {
        height: 1fr; width: 1fr; layout: vertical;
        border-title-color: $text-muted; border-subtitle-color: $text-muted;
        &.-framed { border: round $foreground 25%; padding: 0 1; }
        &.-framed.-current { border: round $primary; border-title-color: $foreground; border-title-style: bold; }
    }
    """

    class Touched(Message):
        """The mouse clicked into the panel; `again` for the second click of two on its title."""

        def __init__(self, panel: "Panel", again: bool) -> None:
            super().__init__()
            self.panel, self.again = panel, again

    def __init__(self, title: str, *children: Widget, id: str) -> None:
        super().__init__(*children, id=id)
        self.title = title
        self.border_title = title

    def retitle(self, title: str) -> None:
        """Another title; it is not read as markup."""
        if title != self.title:
            self.title = title
            self.border_title = title.replace("[", r"\[")

    def on_click(self, event: Click) -> None:
        on_title = event.widget is self and event.y == 0
        self.post_message(self.Touched(self, on_title and event.chain == 2))


class Group(Container):
    """Panels that share a column or a row, as the screen's CSS says; it goes where all of them are hidden."""

    DEFAULT_CSS = "Group { height: 1fr; width: 1fr; layout: vertical; }"


class Panels:
    """The panels of a screen: which one is current, which are hidden, and whether the current one fills the screen."""

    def __init__(self, screen: "Screen[None]") -> None:
        self._screen = screen
        self.current = ""
        self.hidden: frozenset[str] = frozenset()
        self.zoomed = False
        self._framed = False

    @property
    def all(self) -> list[Panel]:
        return list(self._screen.query(Panel))

    @property
    def shown(self) -> list[Panel]:
        """Those that the user has not hidden."""
        return [panel for panel in self.all if panel.id not in self.hidden]

    @property
    def several(self) -> bool:
        """Whether there are panels to choose from now."""
        panels = self.all
        return len(panels) > 1 and any(map(in_view, panels))

    def frame(self, framed: bool) -> None:
        """Whether the screen has room for borders."""
        self._framed = framed
        self.arrange()

    def choose(self, panel: Panel) -> None:
        """Makes a panel the current one."""
        if panel.id != self.current:
            self.current = panel.id or ""
            self.arrange()

    def step(self, by: int) -> None:
        """Makes the next panel current, and gives what it lists the keyboard; a field keeps it."""
        shown = self._reachable()
        if not shown:
            return
        names = [panel.id for panel in shown]
        at = names.index(self.current) if self.current in names else -1
        panel = shown[(at + by) % len(shown)]
        self.choose(panel)
        if not isinstance(self._screen.focused, Input):
            self._screen.call_after_refresh(self._enter, panel)

    def _reachable(self) -> list[Panel]:
        return self.shown if self.zoomed else [panel for panel in self.shown if in_view(panel)]

    def _enter(self, panel: Panel) -> None:
        for widget in panel.walk_children(Widget):
            if widget.focusable and not isinstance(widget, Input) and in_view(widget):
                widget.focus()
                return

    def zoom(self, name: str = "") -> None:
        """Lets the current panel, or the one of that name, fill the screen, or brings the others back."""
        other = name not in ("", self.current)
        self.zoomed = other or not self.zoomed
        if other:
            self.current, self.hidden = name, self.hidden - {name}
        self.arrange()

    def toggle(self, name: str) -> bool:
        """Hides a panel, or shows it again; returns whether it did, since the last one stays."""
        hidden = self.hidden ^ {name}
        if len(hidden) == len(self.all):
            return False
        self.hidden, self.zoomed = hidden, False
        self.arrange()
        return True

    def show_all(self) -> None:
        self.hidden = frozenset()
        self.arrange()

    def arrange(self) -> None:
        """Gives every panel and group its place."""
        panels = self.all
        if not panels:
            return
        if self.current not in {panel.id for panel in self.shown}:
            self.current = next((panel.id or "" for panel in self.shown), "")
        kept: set[str | None] = {self.current} if self.zoomed else {panel.id for panel in self.shown}
        with self._screen.app.batch_update():
            for panel in panels:
                panel.set_class(self._framed or self.zoomed, "-framed")
                panel.set_class(panel.id == self.current and len(panels) > 1, "-current")
                panel.border_subtitle = self._keys() if panel.id == self.current and len(panels) > 1 else ""
                self._screen.set_class(panel.id in self.hidden, f"-without-{panel.id}")
            for part in [*panels, *self._screen.query(Group)]:
                _place(part, kept, self.zoomed)

    def _keys(self) -> str:
        """The keys of the current panel, for its border."""
        shown = {active.binding.id: active.binding for active in self._screen.active_bindings.values()}
        names = {"zoom": "back" if self.zoomed else "zoom", "panel": "next", "panels": "hide"}
        display = self._screen.app.get_key_display
        return " · ".join(f"{display(shown[key])} {name}" for key, name in names.items() if key in shown)


def _place(part: Widget, kept: set[str | None], zoomed: bool) -> None:
    """Hides a part of which nothing is kept; the one part that is left of several takes their room."""
    stays = _stays(part, kept)
    beside = [other for other in part.parent.children if isinstance(other, Panel | Group)] if part.parent else []
    alone = stays and len(beside) > 1 and not any(_stays(other, kept) for other in beside if other is not part)
    fills = (zoomed and stays) or alone
    _style(part, "display", "block" if zoomed and stays else None if stays else "none")
    for rule, value in FILLS.items():
        _style(part, rule, value if fills else None)
    if isinstance(part, Group):
        parts = [child for child in part.children if isinstance(child, Panel | Group)]
        one = len(parts) > 1 and sum(_stays(child, kept) for child in parts) == 1
        _style(part, "layout", "vertical" if one else None)  # a grid would keep cells for the others


def _stays(part: Widget, kept: set[str | None]) -> bool:
    if isinstance(part, Panel):
        return part.id in kept
    return any(panel.id in kept for panel in part.query(Panel))


def _style(widget: Widget, rule: str, value: str | None) -> None:
    """Sets an inline style, or takes it away."""
    if value is not None:
        setattr(widget.styles, rule, value)
    elif widget.styles.inline.clear_rule(rule):
        widget.refresh(layout=True)


def in_view(widget: Widget) -> bool:
    """Whether neither the widget nor anything around it is hidden: what is not need not be drawn."""
    return all(node.display for node in widget.ancestors_with_self if isinstance(node, Widget))


def panel_of(widget: Widget | None) -> Panel | None:
    """The panel that a widget is in."""
    parts: Iterable[object] = widget.ancestors_with_self if widget is not None else ()
    return next((part for part in parts if isinstance(part, Panel)), None)
