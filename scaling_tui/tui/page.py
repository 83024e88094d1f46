"""What every screen has in common: the mode bar on top, the footer, and a status line on very small terminals.

A screen is a `Page`: it yields its body and follows the sweep shown. The app provides the rest: mode bar, footer,
digits, help, palette, quitting, choosing another sweep, and going back.
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
from scaling_tui.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from scaling_tui.sweeps.listing import Listing
    from scaling_tui.tui.services.table_form import OpenedTable
    from scaling_tui.tui.services.watch import Watches

LEAST = (50, 20)


class Host(Protocol):
    """What a page may ask of the app. `sweep` is the one that every screen shows; None is the latest. `table` is shown
    in its place by Law and Plan.

    `refresh_s` are the seconds between two reads of the files; `visit` switches to a mode and opens `what` there."""

    sweep: str | None
    table: "OpenedTable | None"
    ascii: bool
    slow_link: bool

    @property
    def refresh_s(self) -> float: ...

    @property
    def watches(self) -> "Watches": ...

    @property
    def listing(self) -> "Listing": ...

    async def visit(self, mode: str, what: str = "") -> None: ...


class Page(AppSized, Screen[None]):
    """The screen of a mode. To add one:

    1. Name its class `…Screen` and list it in `modes.MODES`; it is imported when it is first shown.
    2. Take `runs`, the folder of the sweeps, as the only argument; it becomes `self.runs`.
    3. Yield the widgets in `body`. Mode bar, footer and status line are there already.
    4. Show the sweep passed to `follow(name)`. It is called once the page is mounted and whenever the user chooses
       another sweep, even while the page is hidden. None is the latest sweep; `find_sweep(self.runs, name)` takes both.
       To show another sweep on every screen, set `self.scaling_app.sweep = name`.
    5. Say in `ABOUT`, in two or three sentences, what the screen shows and how to read it. F1 shows it above the keys.
    6. Give each key a `tooltip` in the imperative, for help and palette. Each binding gets the id `<mode>.<action>`,
       by which the user's keys.toml rebinds it: `live.stop` for the action `stop` of `LiveScreen`.
       Digits, o, q, ?, escape, F1 to F4, ctrl+p and ctrl+q belong to the app.
    7. Pause while hidden: stop threads in `on_screen_suspend` and restart them in `on_screen_resume`.
    8. Check `self.scaling_app.ascii` for what the replacement of non-ASCII characters (`ascii.Ascii`) would make
       unreadable, such as braille. With `slow_link`, read files at most every `self.scaling_app.refresh_s` seconds.
    """

    ABOUT: ClassVar[str] = ""
    DEFAULT_CSS = """
    Page {
        Footer { dock: bottom; }
        StatusLine { display: none; }
        &.-tiny > * { display: none !important; }
        &.-tiny > StatusLine { display: block !important; }
    }
    """

    def __init_subclass__(cls, **options: bool) -> None:
        bindings = Binding.make_bindings(cls.__dict__.get("BINDINGS", []))
        cls.BINDINGS = list(identified(cls.__name__.lower().removesuffix("screen"), bindings))
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
        """The app shows another sweep; None is the latest."""

    def open(self, what: str) -> None:
        """Shows `what` on this page, such as a ladder or a lesson. Called once the page is mounted."""

    def compose(self) -> ComposeResult:
        yield ModeBar()
        yield from self.body()
        yield StatusLine(self.runs)
        yield PageFooter(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self.watch(self.app, "sweep", self.follow)
        if self.scaling_app.slow_link:
            for field in self.query(Input):
                field.cursor_blink = False

    def on_resize(self) -> None:
        width, height = LEAST
        self.set_class(self.size.width < width or self.size.height < height, "-tiny")


def identified(screen: str, bindings: Iterable[Binding]) -> Iterable[BindingType]:
    """The bindings with ids, `screen.action`, by which the user's key map can name every key."""
    for binding in bindings:
        # step(-1) and step(1) are two actions.
        action = re.sub(r"\W+", "-", re.sub(r"-(?=\d)", "minus-", binding.action)).strip("-")
        yield binding if binding.id else dataclasses.replace(binding, id=f"{screen}.{action}")


class PageFooter(Footer):
    """The keys that work now. Help stays visible on the right, even where not all fit."""

    DEFAULT_CSS = "PageFooter FooterKey.-command-palette { margin-right: 0 !important; }"

    def compose(self) -> ComposeResult:
        for widget in super().compose():
            if getattr(widget, "action", "") == "help":
                widget.add_class("-command-palette")
            yield widget
