"""A dialog with a question: a few answers, or a list that filters as one types."""

from collections.abc import Callable, Sequence
from math import ceil
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from scaling_tui import InputError
from scaling_tui.text.fuzzy import fuzzy_words
from scaling_tui.text.list_columns import ListColumn
from scaling_tui.tui.app_sized import AppSized
from scaling_tui.tui.widgets.line_list import MOVES, Line, LineList
from scaling_tui.tui.widgets.text import PlainText

Find = Callable[[str], Sequence[str]]
PLAIN = (ListColumn(""),)
MOST_ROWS = 24


def lines_of(choices: Sequence[tuple[str, str]]) -> list[Line]:
    """Choices of one column, given as (key, text)."""
    return [Line(key, (text,)) for key, text in choices]


def by_text(lines: Sequence[Line]) -> Find:
    """Finds lines by what can be read in them, the best first; letters may be left out."""

    def find(typed: str) -> Sequence[str]:
        fits = [(fit, line.key) for line in lines if (fit := fuzzy_words(typed, line.cells)) is not None]
        return [key for _, key in sorted(fits, key=lambda pair: -pair[0])]

    return find


class Choose(AppSized, ModalScreen[str | None]):
    """Returns the key of the chosen line, or None for esc.

    With `find`, which returns the keys that fit what is typed, the best first, a field stands above the list. It raises
    InputError where what is typed cannot be understood: that is told, and the list stays as it is.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "back"),
        Binding("enter", "take", "choose", show=False, priority=True),
        Binding("ctrl+o", "other", "other", show=False, priority=True),
        # The list moves while one types.
        *(Binding(how.replace("_", ""), f"move('{how}')", how, show=False, priority=True) for how in MOVES),
    ]
    CSS = """
    Choose {
        align: center middle;
        Vertical { width: 96%; max-width: 110; height: auto; max-height: 90%; border: round $primary; padding: 0 1; }
        Label { width: 100%; height: auto; }
        Input { border: none; height: 1; padding: 0; background: $boost; }
        #problem { height: 1; color: $text-error; display: none; text-wrap: nowrap; text-overflow: ellipsis; }
        #problem.-told { display: block; }
    }
    """

    def __init__(
        self,
        question: str,
        lines: Sequence[Line],
        *,
        columns: Sequence[ListColumn] = PLAIN,
        find: Find | None = None,
        listed: Sequence[str] | None = None,
        now: str | None = None,
        typed: str = "",
        hint: str = "type to filter",
        other: tuple[str, str] | None = None,
    ) -> None:
        """`lines` have a cell for each of `columns`; the cursor begins on `now`.

        `listed` are the keys of those that are there before anything is typed; None is all. `other` is what ctrl+o
        answers, whatever the list holds, and what it does, in words.
        """
        super().__init__()
        self._question, self._columns, self._find = question, columns, find
        self._lines = {line.key: line for line in lines}
        self._listed, self._now, self._hint, self.typed = listed, now, hint, typed
        self._other = other

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(self._question, markup=False)
            if self._find is not None:
                yield Input(self.typed, placeholder=self._hint, select_on_focus=False)
                yield PlainText(id="problem")
            yield LineList()

    def on_mount(self) -> None:
        self._arrange()
        self._list(self._now)

    def on_resize(self) -> None:
        if self.query(LineList):
            self._arrange()

    def offer(self, lines: Sequence[Line], listed: Sequence[str] | None = None) -> None:
        """Offers other lines in place of those that were there; cursor and field stay as they are."""
        self._lines, self._listed = {line.key: line for line in lines}, listed
        if self.query(LineList):  # neither before it is laid out nor once it is answered
            under = self.query_one(LineList).key
            self._arrange()
            self._list(under)

    def _arrange(self) -> None:
        """The list gets the height of all lines, so that it does not jump while one types."""
        shown, box = self.query_one(LineList), self.query_one(Vertical)
        lines = list(self._lines.values())
        shown.set_columns(self._columns, lines)
        inside = max(1, min(round(self.app.size.width * 0.96), 110) - 4)
        above = sum(max(1, ceil(cell_len(part) / inside)) for part in self._question.splitlines())
        above += 0 if self._find is None else 1
        rows = min(max(1, len(lines)), MOST_ROWS) + shown.heads
        box.styles.height = min(rows + above + 2, max(5, round(self.app.size.height * 0.9)))

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.value == self.typed:
            return
        self.typed = event.value
        # Nothing typed: every line as it came, as at first.
        self._list(None if event.value.strip() else self._now)

    def _list(self, under: str | None) -> None:
        box = self.query_one(Vertical)
        problem = ""
        kept = list(self._lines) if self._listed is None else self._listed
        if self._find is not None:
            if self.typed.strip():
                try:
                    kept = [key for key in self._find(self.typed) if key in self._lines]
                except InputError as error:
                    problem, kept = str(error), [line.key for line in self.query_one(LineList).lines]
            say = self.query_one("#problem", PlainText)
            say.set_text(problem)
            say.set_class(bool(problem), "-told")
            other = f" · ctrl+o {self._other[1]}" if self._other else ""
            box.border_subtitle = f"{len(kept):,} of {len(self._lines):,} · enter chooses{other} · esc cancels"
        self.query_one(LineList).show([self._lines[key] for key in kept if key in self._lines], under)

    def action_move(self, how: str) -> None:
        self.query_one(LineList).move(how)

    def action_take(self) -> None:
        key = self.query_one(LineList).key
        if key is not None:
            self.dismiss(key)

    def action_other(self) -> None:
        if self._other is not None:
            self.dismiss(self._other[0])

    def on_line_list_clicked(self, event: LineList.Clicked) -> None:
        self.dismiss(event.key)
