"""The app: screens as modes, and the keys that work on all of them. It only reads; nothing trains in this process."""

import shutil
import sys
from asyncio import to_thread
from collections.abc import Iterable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.console import RenderableType
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.events import Event, InputEvent, Resize
from textual.filter import LineFilter
from textual.geometry import Size
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import AwaitMount
from textual.widgets import Input

from scaling_tui.text.visible import terminal_of, visible
from scaling_tui.tui import keymap, terminal
from scaling_tui.tui.ascii import Ascii
from scaling_tui.tui.help import HelpScreen
from scaling_tui.tui.line_filter import Harmless
from scaling_tui.tui.modes import MODES, Mode
from scaling_tui.tui.page import Page
from scaling_tui.tui.services import clipboard, desktop
from scaling_tui.tui.terminal import Appearance

if TYPE_CHECKING:
    from scaling_tui.sweeps.listing import Listing
    from scaling_tui.tui.services.alerts import Alerts
    from scaling_tui.tui.services.table_form import OpenedTable
    from scaling_tui.tui.services.watch import Watches


ALERTS_EVERY_S = 3.0


class ScalingApp(App[None]):
    """Opens on Home, or on `mode`. `sweep` is the sweep that every screen shows; None is the latest in `runs`."""

    TITLE = "scaling-tui"
    DEFAULT_MODE = "home"
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
        Binding("o", "open", "open", False, tooltip="Show another sweep, on every screen", id="open"),
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
        self._rings = appearance.bell
        self.set_reactive(ScalingApp.sweep, sweep)
        self._ascii = Ascii() if appearance.ascii else None
        self._before: list[str] = []
        self._looking = False
        # What is printed once the app has ended is Textual's own, colours included.
        self.error_console.file = terminal_of(sys.stderr)
        if appearance.slow_link:
            self.animation_level = "none"
        if appearance.theme:
            self.theme = terminal.theme_named(appearance.theme, self.available_themes)
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
        self.set_interval(ALERTS_EVERY_S, self._look_for_alerts)

    async def _look_for_alerts(self) -> None:
        """What happens to any sweep is told on every screen."""
        if not self._looking:
            self._looking = True
            self.run_worker(self._alert(), exit_on_error=False)

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

    def get_line_filters(self) -> Sequence[LineFilter]:
        filters = list(super().get_line_filters())
        return [*filters, Harmless(), *([self._ascii] if self._ascii else [])]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: every key that works now, with its tooltip, and the theme."""
        for key in keymap.documented(screen):
            action = partial(self.run_action, key.binding.action, key.node)
            title = f"{key.binding.description.capitalize()} ({self.get_key_display(key.binding)}): {key.tooltip}"
            yield SystemCommand(title, key.tooltip, action)
        yield SystemCommand("Change the theme: light, dark, and others", "Choose a theme", self.action_change_theme)

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
        """An open dialog must be answered before the app switches screens or quits; the palette asks nothing."""
        dialog = len(self.screen_stack) > 1 and not isinstance(self.screen, CommandPalette)
        return not (dialog and action in ("go", "switch_mode", "open", "quit"))

    def action_go(self, by: int) -> None:
        names = [mode.name for mode in MODES]
        self.switch_mode(names[(names.index(self.current_mode) + by) % len(names)])

    async def action_back(self) -> None:
        if isinstance(self.focused, Input):
            self.screen.set_focus(None)
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
        from scaling_tui.tui.sweep_dialog import choose_sweep

        await choose_sweep(self, self.listing, "Show which sweep?", self._open, now=self.sweep)

    def _open(self, name: str | None) -> None:
        if name is not None:
            self.table = None
            self.sweep = name

    async def action_quit(self) -> None:
        from scaling_tui.tui import quit_dialog

        running = await to_thread(quit_dialog.training_sweeps, self.listing)
        if running:
            self.push_screen(quit_dialog.quit_question(running), partial(quit_dialog.act_on_answer, self, running))
        else:
            self.exit()
