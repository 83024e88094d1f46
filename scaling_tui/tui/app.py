"""The app: screens as modes, keys that work everywhere. It only reads; training never happens in this process."""

import sys
from asyncio import to_thread
from collections.abc import Iterable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.console import RenderableType
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.events import Event, InputEvent
from textual.filter import LineFilter
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import AwaitMount
from textual.widgets import Input

from scaling_tui.text.visible import terminal_of, visible
from scaling_tui.tui import keymap, terminal
from scaling_tui.tui.ascii import Ascii
from scaling_tui.tui.help import Help
from scaling_tui.tui.line_filter import Harmless
from scaling_tui.tui.modes import MODES, Mode
from scaling_tui.tui.page import Page
from scaling_tui.tui.services import clipboard
from scaling_tui.tui.terminal import Looks
from scaling_tui.tui.widgets.choose import Choose

if TYPE_CHECKING:
    from scaling_tui.tui.services.watch import Watches


class ScalingApp(App[None]):
    """Opens on Home, or on `mode`. `sweep` is the sweep in view on every screen; None is the latest in `runs`."""

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
            tooltip="The next screen; also ctrl+pgdn",
            id="next",
        ),
        Binding(
            "f2,ctrl+pageup",
            "go(-1)",
            "before",
            False,
            key_display="F2",
            priority=True,
            tooltip="The screen before; also ctrl+pgup",
            id="before",
        ),
        Binding("o", "open", "open", False, tooltip="Bring another sweep into view, on all screens", id="open"),
        Binding("escape", "back", "back", False, tooltip="Leave the field; else back to where you were", id="back"),
        Binding(
            "f1,question_mark", "help", "help", key_display="?", tooltip="What is this, and what can I do?", id="help"
        ),
        Binding("q", "quit", "quit", tooltip="Close the app; it asks first where something runs", id="quit"),
        Binding(
            "ctrl+q",
            "quit",
            "quit",
            False,
            priority=True,
            tooltip="Close the app, also from a field",
            id="quit-anywhere",
        ),
    ]
    sweep: reactive[str | None] = reactive(None)

    def __init__(
        self,
        runs: Path,
        sweep: str | None = None,
        *,
        mode: str = DEFAULT_MODE,
        looks: Looks = Looks(),  # noqa: B008 - frozen
    ) -> None:
        self.DEFAULT_MODE = mode  # type: ignore[misc]  # Textual reads it from the instance
        super().__init__()
        self.runs, self.ascii, self.slow_link = runs, looks.ascii, looks.slow_link
        self.set_reactive(ScalingApp.sweep, sweep)
        self._ascii = Ascii() if looks.ascii else None
        self._before: list[str] = []
        # What is printed once the app has ended is Textual's own, colours included.
        self.error_console.file = terminal_of(sys.stderr)
        if looks.slow_link:
            self.animation_level = "none"
        if looks.theme:
            self.theme = terminal.theme_named(looks.theme, self.available_themes)
        for one in MODES:
            self.add_mode(one.name, partial(self._page, one))

    def _page(self, mode: Mode) -> Page:
        page = mode.page_class()
        assert issubclass(page, Page)
        return page(self.runs)

    @property
    def look_s(self) -> float:
        """Seconds between two looks at the files."""
        return 2.0 if self.slow_link else 0.5

    @cached_property
    def watches(self) -> "Watches":
        """What reads the sweeps for all screens; imported by the first that wants it."""
        from scaling_tui.tui.services.watch import Watches

        return Watches(self.runs, self.look_s)

    async def on_event(self, event: Event) -> None:
        """Who presses a key or moves the mouse comes before who reads files."""
        if isinstance(event, InputEvent) and "watches" in vars(self):
            self.watches.hold()
        await super().on_event(event)

    def on_mount(self) -> None:
        terminal.end_with_terminal(self)
        keymap.use(self)

    def get_line_filters(self) -> Sequence[LineFilter]:
        filters = list(super().get_line_filters())
        return [*filters, Harmless(), *([self._ascii] if self._ascii else [])]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: every key that works now, by the words of its tooltip, and the theme."""
        for key in keymap.documented(screen):
            action = partial(self.run_action, key.binding.action, key.node)
            title = f"{key.binding.description.capitalize()} ({self.get_key_display(key.binding)}): {key.tooltip}"
            yield SystemCommand(title, key.tooltip, action)
        yield SystemCommand("Change the theme: light, dark, others", "theme", self.action_change_theme)

    def exit(self, result: None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        super().exit(result, return_code, visible(message) if isinstance(message, str) else message)

    def copy_to_clipboard(self, text: str) -> None:
        super().copy_to_clipboard(text)
        self.notify(clipboard.copied(text), markup=False)

    def switch_mode(self, mode: str) -> AwaitMount:
        if mode != self.current_mode:
            self._before = [*(name for name in self._before if name != mode), self.current_mode]
        return super().switch_mode(mode)

    async def visit(self, mode: str, what: str = "") -> None:
        """Goes to a screen and opens `what` there."""
        await self.switch_mode(mode)
        if what and isinstance(self.screen, Page):
            self.screen.open(what)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing leads away from under a question that waits for its answer."""
        return not (action in ("go", "quit") and len(self.screen_stack) > 1)

    def action_go(self, by: int) -> None:
        names = [mode.name for mode in MODES]
        self.switch_mode(names[(names.index(self.current_mode) + by) % len(names)])

    async def action_back(self) -> None:
        if isinstance(self.focused, Input):
            self.screen.set_focus(None)
        elif self._before:
            super().switch_mode(self._before.pop())

    def action_help(self) -> None:
        self.push_screen(Help(self.screen))

    def action_help_quit(self) -> None:
        """ctrl+c where nothing is selected."""
        self.notify("Nothing is selected: drag with the mouse over text, then ctrl+c copies it. ctrl+q quits.")

    async def action_open(self) -> None:
        from scaling_tui.tui import quit_dialog as leave

        choices = await to_thread(leave.sweeps, self.runs)
        if choices:
            self.push_screen(Choose("Bring which sweep into view?", choices), self._open)
        else:
            self.notify(f"No sweep in {self.runs} yet. 2 opens the Lab, which launches one.", markup=False)

    def _open(self, name: str | None) -> None:
        if name is not None:
            self.sweep = name

    async def action_quit(self) -> None:
        from scaling_tui.tui import quit_dialog as leave

        running = await to_thread(leave.running, self.runs)
        if running:
            self.push_screen(leave.question(running), partial(leave.answered, self, running))
        else:
            self.exit()
