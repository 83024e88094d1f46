"""What every screen of the app has in common: the bar of modes above, the keys below, one line where it is too small.

A screen is a `Page`: it yields its body and follows the sweep in view. Header, footer, digits, help, palette, quit,
another sweep, and the way back are the frame's.
"""

import dataclasses
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, Input

from scaling_tui.tui.app_sized import AppSized
from scaling_tui.tui.widgets.mode_bar import ModeBar
from scaling_tui.tui.widgets.status_line import Brief

if TYPE_CHECKING:
    from scaling_tui.tui.services.watch import Watches

LEAST = (50, 20)


class Host(Protocol):
    """What a page may ask of the app that shows it; `sweep` is the one in view, None the latest there is."""

    sweep: str | None
    ascii: bool
    slow_link: bool

    @property
    def look_s(self) -> float: ...

    @property
    def watches(self) -> "Watches": ...

    async def visit(self, mode: str, what: str = "") -> None: ...


class Page(AppSized, Screen[None]):
    """A screen of a mode. What a new one does:

    1. Stands in `modes.MODES` with its module and class; it is imported when it is first shown.
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
    def scaling_app(self) -> "Host":
        return cast("Host", self.app)

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
