"""What every screen has in common: the mode bar on top, the footer, and a status line on very small terminals.

A screen is a `Page`: it yields its body and follows the sweep shown. The app provides the rest: mode bar, footer,
digits, help, palette, quitting, choosing another sweep, and going back.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import DescendantFocus
from textual.screen import Screen
from textual.widgets import Footer, Input

from scaling_tui import InputError
from scaling_tui.tui.app_sized import AppSized
from scaling_tui.tui.widgets.mode_bar import ModeBar
from scaling_tui.tui.widgets.panel import Panel, Panels, panel_of
from scaling_tui.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from scaling_tui.report.why import Explanation
    from scaling_tui.sweeps.listing import Listing
    from scaling_tui.tui.services.table_form import Opened, OpenedTable
    from scaling_tui.tui.services.watch import Watches

LEAST = (50, 20)
ROOMY = (110, 34)  # columns and rows from which panels have borders
BROAD = 150  # columns from which long lines fit beside a plot


class Host(Protocol):
    """What a page may ask of the app. `sweep` is the one that every screen shows; None is the latest. `table` is shown
    in its place by Law and Plan.

    `refresh_s` are the seconds between two reads of the files; `visit` switches to a mode and opens `what` there.
    `opened` are the files of this session, `remember` adds one, `keep` is a folder for logs that are read as sweeps;
    `open_file` asks for a file and shows it, `compare` shows sweeps and files side by side."""

    sweep: str | None
    table: "OpenedTable | None"
    runs: Path
    opened: "list[Opened]"
    ascii: bool
    slow_link: bool

    @property
    def refresh_s(self) -> float: ...

    @property
    def watches(self) -> "Watches": ...

    @property
    def listing(self) -> "Listing": ...

    async def visit(self, mode: str, what: str = "") -> None: ...

    @property
    def keep(self) -> Path: ...

    def remember(self, file: "Opened") -> None: ...

    def open_file(self) -> None: ...

    def compare(self, sources: "Sequence[str | Opened]") -> None: ...


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
       Digits, i, o, C, P, V, Z, q, ?, escape, F1 to F4, ctrl+p and ctrl+q belong to the app; i asks `why`.
    7. Pause while hidden: stop threads in `on_screen_suspend` and restart them in `on_screen_resume`.
    8. Check `self.scaling_app.ascii` for what the replacement of non-ASCII characters (`ascii.Ascii`) would make
       unreadable, such as braille. With `slow_link`, read files at most every `self.scaling_app.refresh_s` seconds.
    9. Put what the screen shows into `Panel`s, and those that share a column or a row into a `Group`. The CSS says how
       they lie: from `ROOMY` on the page has the class -roomy, and panels have borders; from `BROAD` on -broad too.
       Zoom and hiding need nothing more than `panels_changed`, which is told to draw what has come into view; what
       is not `in_view` is not drawn.
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
        self.panels = Panels(self)

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

    def why(self) -> "Callable[[], Sequence[Explanation]] | None":
        """What explains the numbers in view, those under the cursor first; it is called in a thread.

        None where there are none.
        """
        return None

    def sources(self) -> "Sequence[str | Opened]":
        """What C compares: the table or the sweep in view, the latest where none is chosen. Called in a thread."""
        from scaling_tui.runs import find_sweep

        if self.scaling_app.table is not None:
            return [self.scaling_app.table]
        try:
            return [self.scaling_app.sweep or find_sweep(self.runs).name]
        except InputError:
            return []

    def panels_changed(self) -> None:
        """Panels came into view, or have another size."""

    def toggle_panel(self, panel: str, name: str) -> None:
        """Hides a panel or shows it; where there is room for few, by the class `name` of the page."""
        if self.has_class("-roomy"):
            self.panels.toggle(panel)
        else:
            self.toggle_class(name)
        self.call_after_refresh(self.panels_changed)

    def zoom_panel(self, panel: str, name: str) -> None:
        """Lets a panel fill the screen, or brings the others back; where panels are few, by the class `name`."""
        if self.has_class("-roomy"):
            self.panels.zoom(panel)
        else:
            self.toggle_class(name)
        self.call_after_refresh(self.panels_changed)

    def arrange_panels(self) -> None:
        """Gives the panels their places anew, and draws what has come into view."""
        self.panels.arrange()
        self.refresh_bindings()
        self.call_after_refresh(self.panels_changed)

    def compose(self) -> ComposeResult:
        yield ModeBar()
        yield from self.body()
        yield StatusLine(self.runs, LEAST)
        yield PageFooter(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self.watch(self.app, "sweep", self.follow)
        if self.scaling_app.slow_link:
            for field in self.query(Input):
                field.cursor_blink = False

    def on_resize(self) -> None:
        width, height = self.size
        self.set_class(width < LEAST[0] or height < LEAST[1], "-tiny")
        roomy = width >= ROOMY[0] and height >= ROOMY[1]
        self.set_class(roomy, "-roomy")
        self.set_class(roomy and width >= BROAD, "-broad")
        self.panels.frame(roomy)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        if (panel := panel_of(event.widget)) is not None:
            self.panels.choose(panel)

    def on_panel_touched(self, event: Panel.Touched) -> None:
        self.panels.choose(event.panel)
        if event.again:
            self.panels.zoom()
            self.arrange_panels()


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
