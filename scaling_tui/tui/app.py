"""The app: screens as modes, and the keys that work on all of them. It only reads; nothing trains in this process."""

import shutil
import sys
from asyncio import to_thread
from collections.abc import Iterable, Sequence
from functools import cached_property, partial
from inspect import isawaitable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar

from rich.console import RenderableType
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.events import Event, InputEvent, Resize
from textual.filter import LineFilter
from textual.geometry import Size
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import AwaitMount
from textual.widgets import Input
from textual.worker import WorkerFailed

from scaling_tui import InputError
from scaling_tui.text import show
from scaling_tui.text.settings import read_thousands, settings_file
from scaling_tui.text.visible import terminal_of, visible
from scaling_tui.tui import keymap, palette, settings, signs, terminal
from scaling_tui.tui.ascii import Ascii
from scaling_tui.tui.help import HelpScreen
from scaling_tui.tui.line_filter import Harmless
from scaling_tui.tui.modes import MODES, Mode
from scaling_tui.tui.page import Page
from scaling_tui.tui.services import clipboard, desktop
from scaling_tui.tui.services.failures import keep_failure
from scaling_tui.tui.terminal import Appearance
from scaling_tui.tui.themes import THEMES

if TYPE_CHECKING:
    from scaling_tui.sweeps.listing import Listing
    from scaling_tui.tui.services.alerts import Alerts
    from scaling_tui.tui.services.table_form import Opened, OpenedTable
    from scaling_tui.tui.services.watch import Watches


ALERTS_EVERY_S = 3.0
TABLE_MODES = ("law", "plan")  # that show a table in place of a sweep


class ScalingApp(App[None]):
    """Opens on Home, or on `mode`. `sweep` is the sweep that every screen shows; None is the latest in `runs`."""

    TITLE = "scaling-tui"
    DEFAULT_MODE = "home"
    CSS = signs.CSS
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(m.key, f"switch_mode('{m.name}')", m.title, False, tooltip=m.help, id=m.name) for m in MODES),
        Binding(
            "f3,ctrl+pagedown",
            "go(1)",
            "next",
            False,
            key_display="F3",
            priority=True,
            tooltip="Go to the next screen; also ctrl+pgdn",
            id="next",
        ),
        Binding(
            "f2,ctrl+pageup",
            "go(-1)",
            "previous",
            False,
            key_display="F2",
            priority=True,
            tooltip="Go to the previous screen; also ctrl+pgup",
            id="before",
        ),
        Binding("o", "open", "open", False, tooltip="Show another sweep or a file, on every screen", id="open"),
        Binding(
            "C",
            "compare",
            "compare",
            False,
            tooltip="Compare with other sweeps and files: laws, settings",
            id="compare",
        ),
        Binding("i", "why", "why", False, tooltip="Explain a number in view: its source, formula and lesson", id="why"),
        Binding("P", "panel", "next panel", False, tooltip="Go to the next panel", id="panel"),
        Binding(
            "Z", "zoom", "zoom", False, tooltip="Zoom the panel to fill the screen, or restore the others", id="zoom"
        ),
        Binding("V", "panels", "panels", False, tooltip="Hide or show panels", id="panels"),
        Binding("f4", "glossary", "glossary", False, tooltip="Look up a word or a symbol", id="glossary"),
        Binding("escape", "back", "back", False, tooltip="Leave the field, or go back to the last screen", id="back"),
        Binding(
            "f1,question_mark", "help", "help", key_display="?", tooltip="Explain this screen and its keys", id="help"
        ),
        Binding("q", "quit", "quit", tooltip="Quit; the app asks first if a sweep is training", id="quit"),
        Binding(
            "ctrl+q",
            "quit",
            "quit",
            False,
            priority=True,
            tooltip="Quit, even from a field",
            id="quit-anywhere",
        ),
    ]
    sweep: reactive[str | None] = reactive(None)
    table: "reactive[OpenedTable | None]" = reactive(None)

    def __init__(
        self,
        runs: Path,
        sweep: str | None = None,
        *,
        mode: str = DEFAULT_MODE,
        appearance: Appearance = Appearance(),  # noqa: B008 - frozen
    ) -> None:
        self.DEFAULT_MODE = mode  # type: ignore[misc]  # Textual reads it from the instance
        super().__init__()
        self.runs, self.ascii, self.slow_link = runs, appearance.ascii, appearance.slow_link
        self.set_class(self.no_color or self.ascii, "-signs")
        self._rings = appearance.bell
        self.set_reactive(ScalingApp.sweep, sweep)
        self._ascii = Ascii() if appearance.ascii else None
        self._before: list[str] = []
        self.opened: list[Opened] = []  # files of this session, the latest first
        self._looking = False
        self._failures: set[str] = set()  # told already
        # What is printed once the app has ended is Textual's own, colours included.
        self.error_console.file = terminal_of(sys.stderr)
        if appearance.slow_link:
            self.animation_level = "none"
        for theme, _ in THEMES.values():
            self.register_theme(theme)
        self._problem = ""
        try:
            known = self.available_themes
            given, file = appearance.theme, settings_file()
            self.theme = terminal.theme_named(given, known) if given else settings.read_theme(file, known)
        except InputError as error:
            if appearance.theme:
                raise
            self._problem, self.theme = str(error), terminal.theme_named(settings.DEFAULT_THEME, known)
        try:
            read_thousands(file)
        except InputError as error:
            self._problem = self._problem or str(error)
        for entry in MODES:
            self.add_mode(entry.name, partial(self._page, entry))

    def _page(self, mode: Mode) -> Page:
        page = mode.page_class()
        assert issubclass(page, Page)
        return page(self.runs)

    @property
    def refresh_s(self) -> float:
        """Seconds between two reads of the files."""
        return 2.0 if self.slow_link else 0.5

    @cached_property
    def watches(self) -> "Watches":
        """The readers of sweeps that all screens share; imported by the first screen that needs them."""
        from scaling_tui.tui.services.watch import Watches

        return Watches(self.runs, self.refresh_s)

    @cached_property
    def keep(self) -> Path:
        """A folder for logs that are read as sweeps; it goes when the app ends."""
        self._kept = TemporaryDirectory(prefix="scaling-tui-", ignore_cleanup_errors=True)
        return Path(self._kept.name)

    @cached_property
    def alerts(self) -> "Alerts":
        """What has happened to sweeps since the app was opened."""
        from scaling_tui.tui.services.alerts import Alerts

        return Alerts(self.listing)

    @cached_property
    def listing(self) -> "Listing":
        """The list of sweeps that Home and the dialogs share."""
        from scaling_tui.sweeps.listing import Listing

        return Listing(self.runs)

    async def on_event(self, event: Event) -> None:
        """A key or a mouse movement goes before reading files."""
        if isinstance(event, InputEvent) and "watches" in vars(self):
            self.watches.hold()
        await super().on_event(event)

    def on_resize(self, event: Resize) -> None:
        """Asks the terminal: of two signals close together, the later one can tell its size first."""
        if not (self.is_headless or self.is_web):
            event.size = event.virtual_size = Size(*shutil.get_terminal_size())

    def on_mount(self) -> None:
        terminal.end_with_terminal(self)
        keymap.apply(self)
        if self._problem:
            self.notify(self._problem, severity="warning", markup=False, timeout=10)
        self.set_interval(ALERTS_EVERY_S, self._look_for_alerts)

    async def _look_for_alerts(self) -> None:
        """What happens to any sweep is told on every screen."""
        if not self._looking:
            self._looking = True
            self.run_worker(self._alert())

    async def _alert(self) -> None:
        try:
            for alert in await to_thread(self.alerts.look):
                self.notify(visible(alert.text), severity=alert.severity, markup=False, timeout=10)
                if self._rings and alert.calls:
                    self.bell()
                    if sequence := await to_thread(desktop.notification, alert.text, self.is_web):
                        self._send(sequence)
        finally:
            self._looking = False

    def _send(self, sequence: str) -> None:
        """Sends a sequence of our own to the terminal, past the widgets."""
        if self._driver is not None and not self.is_headless:
            self._driver.write(sequence)

    def _handle_exception(self, error: Exception) -> None:
        """What a worker raises is told in a line, and the app goes on; all else ends it, as Textual has it.

        The one place for what work in the background did not foresee: nothing is lost by it but that piece of work.
        """
        if not isinstance(error, WorkerFailed):
            super()._handle_exception(error)
        elif (told := visible(show.fault(error.error))) not in self._failures:
            self._failures.add(told)  # once: a clock would repeat it every second
            if not isinstance(error.error, InputError | OSError):
                told = f"A fault of scaling-tui: {told}; {keep_failure(error.error)}"
            self.notify(told, severity="error", markup=False, timeout=15)

    def get_line_filters(self) -> Sequence[LineFilter]:
        filters = list(super().get_line_filters())
        return [*filters, Harmless(), *([self._ascii] if self._ascii else [])]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: every key that works now, with its tooltip, and the theme."""
        for key in keymap.documented(screen):
            action = partial(self.run_action, key.binding.action, key.node)
            title = f"{key.binding.description.capitalize()} ({self.get_key_display(key.binding)}): {key.tooltip}"
            yield SystemCommand(title, key.tooltip, action)
        about = "Change the theme: dark, light, high contrast, and others"
        yield SystemCommand(about, "Choose a theme", self.action_change_theme)

    def action_command_palette(self) -> None:
        """All that can be done here, in place of Textual's own list, which marks its line by colour alone."""
        page = self.screen
        if len(self.screen_stack) > 1:
            return
        commands = list(self.get_system_commands(page))

        def do(key: str | None) -> None:
            if key is not None and (made := commands[int(key)].callback()) is not None and isawaitable(made):
                self.run_worker(made)

        self.push_screen(palette.palette(commands), do)

    def search_themes(self) -> None:
        def take(name: str | None) -> None:
            if name is not None:
                self.theme = name
                called = next((short for short, (theme, _) in THEMES.items() if theme.name == name), name)
                self.notify(f'To keep it, write theme = "{called}" in {settings_file()}.', markup=False)

        self.push_screen(palette.theme_dialog(self.available_themes, self.theme), take)

    def exit(self, result: None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        super().exit(result, return_code, visible(message) if isinstance(message, str) else message)

    def copy_to_clipboard(self, text: str) -> None:
        super().copy_to_clipboard(text)
        self.notify(clipboard.keep_copy(text, self.is_web), markup=False)

    def switch_mode(self, mode: str) -> AwaitMount:
        if mode != self.current_mode:
            self._before = [*(name for name in self._before if name != mode), self.current_mode]
        return super().switch_mode(mode)

    async def visit(self, mode: str, what: str = "") -> None:
        """Switches to a screen and opens `what` there."""
        await self.switch_mode(mode)
        if what and isinstance(self.screen, Page):
            self.screen.open(what)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """An open dialog must be answered before the app switches screens or quits."""
        dialog = len(self.screen_stack) > 1
        if action in ("panel", "zoom", "panels"):
            page = self._page_shown
            return not dialog and page is not None and page.panels.several
        return not (dialog and action in ("go", "switch_mode", "open", "quit"))

    @property
    def _page_shown(self) -> Page | None:
        """The page in view, under the palette too."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, Page)), None)

    def action_panel(self) -> None:
        if (page := self._page_shown) is not None:
            page.panels.step(1)
            page.arrange_panels()

    def action_zoom(self) -> None:
        if (page := self._page_shown) is not None:
            page.panels.zoom()
            page.arrange_panels()

    def action_panels(self) -> None:
        from scaling_tui.tui.panel_dialog import choose_panel

        if (page := self._page_shown) is not None:
            choose_panel(self, page)

    def action_go(self, by: int) -> None:
        names = [mode.name for mode in MODES]
        self.switch_mode(names[(names.index(self.current_mode) + by) % len(names)])

    async def action_back(self) -> None:
        if isinstance(self.focused, Input):
            self.screen.set_focus(None)
        elif (page := self._page_shown) is not None and page.panels.zoomed:
            self.action_zoom()
        elif self._before:
            super().switch_mode(self._before.pop())

    def action_glossary(self) -> None:
        from scaling_tui.tui.glossary import GlossaryScreen

        self.push_screen(GlossaryScreen())

    def action_help(self) -> None:
        self.push_screen(HelpScreen(self.screen))

    def action_help_quit(self) -> None:
        """ctrl+c with nothing selected."""
        self.notify("Nothing is selected. Drag over text with the mouse, then press ctrl+c to copy. ctrl+q quits.")

    async def action_open(self) -> None:
        from scaling_tui.tui.source_dialog import choose_source

        await choose_source(self.screen, "Show which sweep or file?", self._open, now=self.sweep)

    def open_file(self) -> None:
        """Asks for a file and shows it."""
        from scaling_tui.tui.open_dialog import OpenFile

        self.push_screen(OpenFile(self.keep, self.slow_link), self._opened)

    def _opened(self, file: "Opened | None") -> None:
        if file is not None:
            self.remember(file)
            self._open(file)

    def remember(self, file: "Opened") -> None:
        """Keeps what was opened in the lists of this session, and tells what is missing in it."""
        self.opened = [file, *(one for one in self.opened if one.path != file.path)]
        for note in getattr(file, "notes", ()):
            self.notify(f"{file.name}: {note}", markup=False, timeout=8)

    def _open(self, what: "str | Opened | None") -> None:
        """Shows a sweep on every screen, or a table on those that show tables."""
        from scaling_tui.tui.services.table_form import OpenedTable

        if isinstance(what, OpenedTable):
            self.table = what
            if self.current_mode not in TABLE_MODES:
                self.switch_mode(TABLE_MODES[0])
        elif what is not None:
            self.table = None
            self.sweep = what if isinstance(what, str) else what.path

    async def action_compare(self) -> None:
        """Compares what is in view with other sweeps and files."""
        page = self.screen
        self.compare(await to_thread(page.sources) if isinstance(page, Page) else ())

    def compare(self, sources: "Sequence[str | Opened]") -> None:
        """Shows sweeps, by name or path, and files side by side; asks for another where there is only one."""
        from scaling_tui.tui.compare_dialog import CompareDialog

        files = {one.path: one for one in self.opened}
        self.push_screen(CompareDialog([files.get(one, one) if isinstance(one, str) else one for one in sources]))

    def action_why(self) -> None:
        """Asks which of the numbers in view to explain."""
        if isinstance(self.screen, Page):
            self.run_worker(self._ask_why(self.screen), exclusive=True, group="why")

    async def _ask_why(self, page: Page) -> None:
        explain = page.why()
        try:
            figures = await to_thread(explain) if explain is not None else ()
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        if self.screen is not page:
            return
        if not figures:
            self.notify("There is no number to explain here yet.")
            return
        from scaling_tui.tui.why_dialog import ask_why

        lesson = await ask_why(self, figures)
        if lesson is not None:
            await self.visit("learn", lesson)

    async def action_quit(self) -> None:
        from scaling_tui.tui import quit_dialog

        running = await to_thread(quit_dialog.training_sweeps, self.listing)
        if running:
            self.push_screen(quit_dialog.quit_question(running), partial(quit_dialog.act_on_answer, self, running))
        else:
            self.exit()
