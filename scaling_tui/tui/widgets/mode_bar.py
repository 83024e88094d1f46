"""The line on top of every screen: the modes with their keys, and the sweep shown."""

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from scaling_tui.text.columns import cut, flush_right
from scaling_tui.tui import signs
from scaling_tui.tui.modes import MODES


class ModeBar(Widget):
    """One line: the modes with their keys, the current one highlighted in capitals, and the sweep shown."""

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
        self.watch(self.app, "sweep", self._set_sweep)

    def _set_sweep(self, sweep: str | None) -> None:
        self.sweep = sweep

    def render(self) -> Content:
        width = self.size.width
        parts = [
            self._mode(width, *names) for names in ((mode.name, mode.key, mode.title, mode.short) for mode in MODES)
        ]
        line = Content(" ").append(Content("  " if width >= 86 else " ").join(parts))
        if signs.wanted(self.app):
            line = self._bracketed(line)
        room = width - line.cell_length - 2
        if self.sweep and room >= 12:
            line = line.append(Content.styled(flush_right(cut(self.sweep, room - 2), room), "$text-muted"))
        return line

    def _bracketed(self, line: Content) -> Content:
        """The current mode in brackets, in place of the blanks around it."""
        title = next(part for part in self._names if part in line.plain)
        start = line.plain.index(title)
        end = start + len(title)
        return Content.assemble(line[: start - 1], "[", line[start:end], "]", line[end + 1 :])

    @property
    def _names(self) -> list[str]:
        """What the current mode may be called here, the longest first."""
        mode = next(mode for mode in MODES if mode.name == self.app.current_mode)
        return [f"{mode.key} {mode.title}".upper(), mode.short.upper()]

    def _mode(self, width: int, name: str, key: str, title: str, short: str) -> Content:
        text = f"{key} {title}" if width >= 77 else short
        if name == self.app.current_mode:
            return Content.styled(text.upper(), "bold $block-cursor-foreground on $block-cursor-background")
        return Content.from_markup(f"[@click=\"app.switch_mode('{name}')\"]$text[/]", text=text)
