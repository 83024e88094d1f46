"""A page of the tutor: a text, what is picked or typed below it, how that is read, and what is said of it."""

import textwrap

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Input, OptionList, Static, TextArea
from textual.widgets.option_list import Option

from scaling_tui import InputError
from scaling_tui.report.lesson import figure
from scaling_tui.report.tutor import PLOT_HEIGHT, PLOT_WIDTH, hidden_cases
from scaling_tui.text.settings import in_own_thousands
from scaling_tui.tui.widgets.code_area import CodeArea
from scaling_tui.tui.widgets.options import Options
from scaling_tui.tui.widgets.plot import Plot
from scaling_tui.tutor.content.questions import Code, Numeric
from scaling_tui.tutor.content.variant import Variant
from scaling_tui.tutor.grading.marking import read_as

WIDEST = 98  # columns of an option


class QuestionSheet(VerticalScroll, can_focus=False):
    """Shows one thing at a time: a text with choices, or a question until its answer is marked.

    What is picked or submitted the screen hears as the events of the widgets inside.
    """

    DEFAULT_CSS = """
    QuestionSheet {
        height: 1fr; padding: 1 1 0 1;
        #question, #code, #feedback { height: auto; max-width: 100; }
        #code { margin: 1 2 0 2; }
        #choices { height: auto; max-width: 100; max-height: 100%; border: none; padding: 0; margin: 1 0 0 0; }
        #answer { border: none; height: 1; padding: 0 1; margin: 1 0 0 2; max-width: 80; background: $boost; }
        #plot { margin: 1 0 0 0; }
        #program { height: auto; min-height: 4; max-height: 14; max-width: 100; margin: 1 0 0 0; border: none; }
        #read { height: auto; margin: 0 0 0 3; color: $text-muted; max-width: 100; }
        #feedback { margin: 1 0 0 0; }
    }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._open: Variant | None = None  # the question that takes answers now
        self._begun = ""  # the text that the function to complete began with

    def compose(self) -> ComposeResult:
        yield Static(id="question")
        yield Plot(id="plot")
        yield Static(id="code")
        yield CodeArea(id="program")
        yield Options(id="choices")
        yield Input(id="answer", placeholder="your answer", select_on_focus=False)
        yield Static(id="read")
        yield Static(id="feedback")

    def on_mount(self) -> None:
        plot = self.query_one("#plot", Plot)
        plot.styles.height, plot.styles.max_width = PLOT_HEIGHT, PLOT_WIDTH

    @property
    def program(self) -> str:
        """The function as it is written now."""
        return self.query_one("#program", CodeArea).text

    @property
    def columns(self) -> int:
        """The room for a line of text."""
        return min(WIDEST, self.scrollable_content_region.width or self.app.size.width - 2)

    def show(self, text: Text) -> None:
        """Clears the sheet down to a text."""
        self._open = None
        self.can_focus = False
        self.query_one("#question", Static).update(_own(text))
        for name in ("#plot", "#code", "#program", "#choices", "#answer"):
            self.query_one(name).display = False
        for name in ("#read", "#feedback"):
            self.query_one(name, Static).update("")
        self.scroll_home(animate=False)

    def offer(self, choices: list[tuple[str, str]]) -> None:
        """Lists choices below the text, each a key with what it does."""
        options = self.query_one("#choices", OptionList)
        options.clear_options()
        width = self.columns - 2
        options.add_options([Option(_own(Text(hanging(text, width))), id=key) for key, text in choices])
        options.highlighted = 0
        options.display = True
        options.focus()

    def ask(self, variant: Variant) -> None:
        """Shows a question with the field for its answer."""
        self.show(Text(variant.text))
        self._open = variant
        body = variant.question.body
        if isinstance(body, Numeric) and body.reading is not None:
            plot = self.query_one("#plot", Plot)
            plot.display = True
            plot.figure = figure(body.reading.plot(variant.values))
        if isinstance(body, Code):
            self._ask_program(variant)
            return
        if variant.code:
            lines = [f"{number} │ {line}" for number, line in enumerate(variant.code.splitlines(), 1)]
            self.query_one("#code", Static).update(Text("\n".join(lines)))
            self.query_one("#code").display = True
        if variant.options:
            self.offer([(option.letter, f"{option.letter}) {option.text}") for option in variant.options])
            self.query_one("#choices", OptionList).highlighted = None  # a stray enter is no answer
            first, last = variant.options[0].letter, variant.options[-1].letter
            self.told(f"pick {first} to {last}, enter submits")
        else:
            answer = self.query_one("#answer", Input)
            answer.value = ""
            answer.placeholder = variant.answer_format
            answer.display = True
            answer.focus()

    def _ask_program(self, variant: Variant) -> None:
        """Shows the function to complete; after a wrong try, as the learner left it."""
        self.query_one("#code", Static).update(_own(Text(f"For example, {variant.example}. {hidden_cases(variant)}")))
        self.query_one("#code").display = True
        program = self.query_one("#program", CodeArea)
        if self._begun != variant.code:
            self._begun = variant.code
            program.load_text(variant.code)
            program.move_cursor(program.document.end)
        program.display = True
        program.focus()

    def pick(self, letter: str) -> bool:
        """Moves to the option with that letter; whether there is one."""
        letters = [option.letter for option in self._open.options] if self._open is not None else []
        if letter in letters:
            self.query_one("#choices", OptionList).highlighted = letters.index(letter)
        return letter in letters

    def on_input_changed(self, event: Input.Changed) -> None:
        """Shows how the answer is read as it is typed."""
        if self._open is not None:
            self._show_read(self._open, event.value)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Says as it is typed whether a function can be run."""
        if self._open is not None and self._open.example:
            self._show_read(self._open, event.text_area.text)

    def _show_read(self, variant: Variant, answer: str) -> None:
        text = ""
        if answer.strip():
            try:
                text = f"read as {read_as(variant, answer)}"
            except InputError as error:
                text = str(error).removeprefix("answer: ").removeprefix("formula: ")
        self.told(text)

    def told(self, text: str) -> None:
        """Says right below the field how the answer is read, or why it is not."""
        self.query_one("#read", Static).update(_own(Text(text)))

    def comment(self, text: Text) -> None:
        """Says something below the question, which still takes answers."""
        self.query_one("#feedback", Static).update(_own(text))
        self._into_view()

    def mark(self, text: Text) -> None:
        """Says what came of the answer; it takes none any more, and the arrows scroll."""
        self._open = None
        self.query_one("#feedback", Static).update(_own(text))
        self.read_on()
        self._into_view()

    def read_on(self) -> None:
        """Nothing is left to pick or type: the arrows scroll."""
        self.can_focus = True
        self.focus(scroll_visible=False)

    def _into_view(self) -> None:
        self.call_after_refresh(lambda: self.query_one("#feedback").scroll_visible(animate=False))


def _own(text: Text) -> Text:
    """The text with the thousands of its numbers as the user's settings have them."""
    return Text(in_own_thousands(text.plain), spans=text.spans, no_wrap=text.no_wrap, overflow=text.overflow)


def hanging(text: str, width: int) -> str:
    """An option wrapped to `width`, with its later lines indented under the text after its letter."""
    indent = "   " if text[1:3] == ") " else ""
    return "\n".join(textwrap.wrap(text, max(20, width), subsequent_indent=indent)) or text
