"""What every screen of the app has in common: the bar of modes above, the keys below, one line where it is too small.

A screen is a `Page`: it yields its body and follows the sweep in view. Header, footer, digits, help, palette, quit,
another sweep, and the way back are the frame's.
"""

import dataclasses
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Input

from scaling_tui.tui.brief import Brief
from scaling_tui.tui.modes import MODES

if TYPE_CHECKING:
    from scaling_tui.tui.app import ScalingApp

LEAST = (50, 20)


class Page(Screen[None]):
    """A screen of a mode. What a new one does:

    1. Stands in `modes.TABLE` with its module and class; it is imported when it is first shown.
    2. Takes `runs`, the folder of the sweeps, as its only argument (it is `self.runs`).
    3. Yields its widgets in `body`; header, footer and the line for small terminals are there already.
    4. Shows the sweep of `follow(name)`, which is called once mounted and whenever another sweep comes into view, also
       while the page is hidden. None is 'the latest there is': `find_sweep(self.runs, name)` takes both.
       To bring a sweep into view everywhere it sets `self.scaling_app.sweep = name`.
    5. Says in `ABOUT`, in two or three sentences, what it shows and how to read it: F1 shows it above the keys.
    6. Gives each key a `tooltip`: that is what help and palette say. Bindings get the id `<class>.<action>` by which
       the user's keys.toml rebinds them. Digits, o, q, ?, escape, F1, F2, F3, ctrl+p and ctrl+q are the frame's.
    7. Rests while it is hidden: threads stop in `on_screen_suspend` and go on in `on_screen_resume`.
    8. Looks at `self.scaling_app.ascii` and `self.scaling_app.slow_link` where it matters: with `ascii` every sign that
       is not ASCII is replaced on its way to the terminal (`signs.Ascii`), so only what would become unreadable needs
       thought, such as braille; with `slow_link` it looks at files at most once in `self.scaling_app.look_s` seconds.
    """

    ABOUT: ClassVar[str] = ""
    DEFAULT_CSS = """
    Page {
        Footer { dock: bottom; }
        Brief { display: none; }
        &.-tiny > * { display: none !important; }
        &.-tiny > Brief { display: block !important; }
    }
    """

    def __init_subclass__(cls, **options: bool) -> None:
        bindings = Binding.make_bindings(cls.__dict__.get("BINDINGS", []))
        cls.BINDINGS = list(identified(cls.__name__.lower(), bindings))
        super().__init_subclass__(**options)

    def __init__(self, runs: Path) -> None:
        super().__init__()
        self.runs = runs

    @property
    def scaling_app(self) -> "ScalingApp":
        return cast("ScalingApp", self.app)

    def body(self) -> ComposeResult:
        """The page's own widgets."""
        yield from ()

    def follow(self, sweep: str | None) -> None:
        """The sweep in view is another one; None is the latest."""

    def open(self, what: str) -> None:
        """Shows the thing of this page called `what`: a ladder, a lesson. Called once the page is mounted."""

    def compose(self) -> ComposeResult:
        yield ModeBar()
        yield from self.body()
        yield Brief(self.runs)
        yield Keys(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self.watch(self.app, "sweep", self.follow)
        if self.scaling_app.slow_link:
            for field in self.query(Input):
                field.cursor_blink = False

    def on_resize(self) -> None:
        width, height = LEAST
        self.set_class(self.size.width < width or self.size.height < height, "-tiny")


def identified(screen: str, bindings: Iterable[Binding]) -> Iterable[BindingType]:
    """The bindings with ids: `screen.action`, so that every key can be named in the user's key map."""
    for binding in bindings:
        # step(-1) and step(1) are two actions.
        action = re.sub(r"\W+", "-", re.sub(r"-(?=\d)", "minus-", binding.action)).strip("-")
        yield binding if binding.id else dataclasses.replace(binding, id=f"{screen}.{action}")


class Keys(Footer):
    """The keys that work now; help stays in sight at the right, also where there is no room for all."""

    DEFAULT_CSS = "Keys FooterKey.-command-palette { margin-right: 0 !important; }"

    def compose(self) -> ComposeResult:
        for widget in super().compose():
            if getattr(widget, "action", "") == "help":
                widget.add_class("-command-palette")
            yield widget


class ModeBar(Widget):
    """One line: the modes with their keys, the current one in capitals and marked, and the sweep in view."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    ModeBar {
        dock: top; height: 1; background: $panel; color: $foreground; text-wrap: nowrap;
        link-style: none; link-color: $foreground; link-background: $panel;
        link-style-hover: underline; link-color-hover: $foreground; link-background-hover: $panel;
    }
    """
    sweep: reactive[str | None] = reactive(None)

    def on_mount(self) -> None:
        self.watch(self.app, "sweep", self._another)

    def _another(self, sweep: str | None) -> None:
        self.sweep = sweep

    def render(self) -> Content:
        width = self.size.width
        parts = [
            self._mode(width, *names) for names in ((mode.name, mode.key, mode.title, mode.short) for mode in MODES)
        ]
        line = Content(" ").append(Content("  " if width >= 76 else " ").join(parts))
        room = width - line.cell_length - 2
        if self.sweep and room >= 12:
            name = self.sweep if len(self.sweep) <= room - 2 else self.sweep[: room - 3] + "…"
            line = line.append(Content.styled(name.rjust(room), "$text-muted"))
        return line

    def _mode(self, width: int, name: str, key: str, title: str, short: str) -> Content:
        text = f"{key} {title}" if width >= 68 else short
        if name == self.app.current_mode:
            return Content.styled(text.upper(), "bold $block-cursor-foreground on $block-cursor-background")
        return Content.from_markup(f"[@click=\"app.switch_mode('{name}')\"]$text[/]", text=text)
