"""The quiz screen: a sitting of questions, marked as one answers. All rules are the tutor's; this only shows them."""

import textwrap
from asyncio import to_thread
from pathlib import Path
from typing import ClassVar, Literal

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.events import Key
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from scaling_tui import InputError
from scaling_tui.report.prediction_game import find_challenge
from scaling_tui.report.tutor import summary_text
from scaling_tui.runs import find_sweep
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import launch
from scaling_tui.tui.page import Page
from scaling_tui.tui.screens.prediction_game import Foretell
from scaling_tui.tui.widgets.choose import Choose
from scaling_tui.tutor.content.bank import load_banks
from scaling_tui.tutor.content.questions import Formula, Numeric
from scaling_tui.tutor.course import Course
from scaling_tui.tutor.grading.marking import Grade, read_as
from scaling_tui.tutor.review import SESSION_QUESTIONS
from scaling_tui.tutor.session import Session

LADDER = "quickstart"  # for whoever has no sweep to foretell yet
FORETELL = "foretell"
State = Literal["start", "asking", "marked", "over"]


class Quiz(Page):
    """Asks, reads, marks; what is answered is written down at once, so one may leave at any time."""

    ABOUT: ClassVar[str] = (
        "Questions on the lessons, what is due first. Of options a letter or the arrows choose one, and enter answers; "
        "a number or a formula is read as you type it. Of a wrong answer you are told what went wrong, and it is asked "
        "again with fresh numbers. Every answer is kept at once: leave at any time."
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "hint", "hint", tooltip="Show the hint; a right answer then counts half"),
        Binding("f6", "solution", "solution", tooltip="Show the worked solution"),
        Binding("f7", "plan", "in Plan", tooltip="Put the question's numbers into Plan; esc comes back"),
        Binding("enter", "go_on", "next", False, tooltip="After an answer: go on; the arrows scroll meanwhile"),
        Binding("f8", "skip", "next question", tooltip="Go on to the next question"),
        Binding("f", "predict", "foretell", tooltip="Foretell the largest run of your own sweep; the law plays too"),
        Binding("escape", "back", "back", tooltip="Leave the sitting; what was answered is kept"),
    ]
    CSS = """
    Quiz {
        #where { height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        #body { height: 1fr; padding: 1 1 0 1; }
        #question, #code, #feedback { height: auto; max-width: 100; }
        #code { margin: 1 2 0 2; }
        #choices { height: auto; max-width: 100; max-height: 100%; border: none; padding: 0; margin: 1 0 0 0; }
        #answer { border: none; height: 1; padding: 0 1; margin: 1 0 0 2; max-width: 80; background: $boost; }
        #read { height: auto; margin: 0 0 0 3; color: $text-muted; max-width: 100; }
        #feedback { margin: 1 0 0 0; }
    }
    """

    def __init__(self, runs: Path, progress: Path | None = None) -> None:
        super().__init__(runs)
        self._progress = progress
        self._course: Course | None = None
        self._sitting: Session | None = None
        self._state: State = "start"

    def body(self) -> ComposeResult:
        yield Static(id="where")
        with VerticalScroll(id="body", can_focus=False):
            yield Static(id="question")
            yield Static(id="code")
            yield OptionList(id="choices")
            yield Input(id="answer", placeholder="your answer", select_on_focus=False)
            yield Static(id="read")
            yield Static(id="feedback")

    def on_mount(self) -> None:
        self.start()

    def on_screen_resume(self) -> None:
        if self._state in ("start", "over") and self.is_mounted:
            self.start()

    def open(self, what: str) -> None:
        """Begins a sitting on the lesson `what`; FORETELL asks for the loss of a run of one's own."""
        if what == FORETELL:
            self.action_predict()
        else:
            self.begin_lesson(what)

    # What is shown

    def start(self) -> None:
        """The way in: where one stands, and what can be done."""
        try:
            questions = [question for bank in load_banks() for question in bank.questions]
            self._course = Course.load(questions, self._progress)
        except InputError as error:
            self._fill("Quiz", Text(str(error)))
            return
        self._sitting, self._state = None, "start"
        course, standing = self._course, self._course.review_state
        number = min(SESSION_QUESTIONS, len(course.questions))
        heading = (
            f"Quiz · due {len(standing.due)} · new {len(standing.new)} · about {max(1, round(course.minutes))} min"
        )
        self._fill(heading, Text("\n".join(course.overview().splitlines()[1:])))
        self._offer(
            [
                ("sitting", f"Begin: {number} questions, what is due first"),
                ("test", "Test: 10 questions of three grades, no hints, a score by topic"),
                ("lesson", "Questions of one lesson …"),
                ("predict", "Predict the loss of the largest run of your own sweep; the law plays too"),
            ]
        )

    def begin_lesson(self, lesson: str) -> None:
        """A sitting on one lesson."""
        course = self._course
        if course is None:
            return
        here = [question for question in course.questions if question.lesson == lesson]
        if not here:
            self.notify(f"No questions on {lesson} yet.")
            return
        self._begin(Course.load(here, self._progress).session(min(SESSION_QUESTIONS, len(here))))

    def _begin(self, sitting: Session) -> None:
        self._sitting = sitting
        self._ask()

    def _ask(self) -> None:
        """Puts the question of the sitting, or ends it."""
        sitting, course = self._sitting, self._course
        assert sitting is not None and course is not None
        if sitting.over:
            self._end()
            return
        self._state = "asking"
        asked = sitting.asked
        body = asked.question.body
        self._fill(self._heading(sitting, course), Text(asked.text))
        if isinstance(body, Formula) and body.code:
            lines = [f"{number} │ {line}" for number, line in enumerate(body.code.splitlines(), 1)]
            self.query_one("#code", Static).update(Text("\n".join(lines)))
            self.query_one("#code").display = True
        if asked.options:
            self._offer([(option.letter, f"{option.letter}) {option.text}") for option in asked.options])
            self.query_one("#choices", OptionList).highlighted = None  # an enter too many is no answer
            first, last = asked.options[0].letter, asked.options[-1].letter
            self.query_one("#read", Static).update(Text(f"{first} to {last} chooses, enter answers"))
        else:
            answer = self.query_one("#answer", Input)
            answer.value = ""
            answer.placeholder = asked.answer_format
            answer.display = True
            answer.focus()
        self.refresh_bindings()

    def _heading(self, sitting: Session, course: Course) -> str:
        question = sitting.asked.question
        kind = "Test" if sitting.test else "Quiz"
        title = course.titles.get(question.lesson, question.lesson)
        place = f" · {sitting.index + 1} of {len(sitting.questions)} · {question.difficulty}"
        # A test does not tell how it goes.
        answered = len(sitting.results)
        right = f"answered {answered}" if sitting.test else f"right {sitting.right} of {answered}"
        room = max(12, self.size.width - 2)
        title = shortened(title, room - len(kind) - 3 - len(place) - len(right) - 2)
        left = f"{kind} · {title}{place}"
        return left + " " * max(2, room - len(left) - len(right)) + right

    def _fill(self, heading: str, text: Text) -> None:
        """A fresh page with nothing but a heading and a text."""
        self.query_one("#where", Static).update(Text(heading, no_wrap=True))
        self.query_one("#question", Static).update(text)
        for name in ("#code", "#choices", "#answer"):
            self.query_one(name).display = False
        for name in ("#read", "#feedback"):
            self.query_one(name, Static).update("")
        self.query_one("#body").scroll_home(animate=False)
        self.refresh_bindings()

    def _offer(self, choices: list[tuple[str, str]]) -> None:
        options = self.query_one("#choices", OptionList)
        options.clear_options()
        width = min(self.size.width, 100) - 4
        options.add_options([Option(Text(hanging(text, width)), id=key) for key, text in choices])
        options.highlighted = 0
        options.display = True
        options.focus()

    def _end(self) -> None:
        sitting, course = self._sitting, self._course
        assert sitting is not None and course is not None
        self._state = "over"
        kind = "Test" if sitting.test else "Quiz"
        self._fill(f"{kind} · done", Text(summary_text(sitting, course.titles)))
        choices = [(f"read:{lesson}", f"Read: {course.titles.get(lesson, lesson)}") for lesson in sitting.weak[:3]]
        self._offer([*choices, ("again", "Another sitting")])

    # What is answered

    def on_key(self, event: Key) -> None:
        """Letters choose an option, as they are printed before it."""
        if self._state == "asking" and self._sitting is not None and self._sitting.asked.options:
            letters = [option.letter for option in self._sitting.asked.options]
            if event.key in letters:
                event.stop()
                self.query_one("#choices", OptionList).highlighted = letters.index(event.key)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        key = str(event.option_id)
        course = self._course
        assert course is not None
        match self._state:
            case "asking":
                self._answer(key)
            case "marked":
                self.action_go_on()
            case _ if key == "sitting":
                self._begin(course.session(SESSION_QUESTIONS))
            case _ if key == "test":
                self._begin(course.test())
            case _ if key == "predict":
                self.action_predict()
            case _ if key == "lesson":
                counts = [(lesson, title) for lesson, title in course.titles.items()]
                self.app.push_screen(Choose("Questions of which lesson?", counts), self._chosen)
            case _ if key.startswith("read:"):
                self.run_worker(self._read_lesson(key[5:]))
            case _:
                self.start()

    def _chosen(self, lesson: str | None) -> None:
        if lesson is not None:
            self.begin_lesson(lesson)

    async def _read_lesson(self, lesson: str) -> None:
        await self.scaling_app.visit("learn", lesson)

    def on_input_changed(self, event: Input.Changed) -> None:
        """How the answer is read, while it is typed."""
        if self._state != "asking" or self._sitting is None:
            return
        said = ""
        if event.value.strip():
            try:
                said = f"read as {read_as(self._sitting.asked, event.value)}"
            except InputError as error:
                said = str(error).removeprefix("answer: ").removeprefix("formula: ")
        self.query_one("#read", Static).update(Text(said))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self._answer(event.value)

    def _answer(self, text: str) -> None:
        sitting = self._sitting
        assert sitting is not None
        try:
            marked = sitting.answer(text)
        except InputError as error:
            self.query_one("#read", Static).update(Text(f"not counted: {error}"))
            return
        if sitting.test:
            sitting.next()
            self._ask()
            return
        self._state = "marked"
        self._feedback(marked)

    def _feedback(self, marked: Grade) -> None:
        sitting, course = self._sitting, self._course
        assert sitting is not None and course is not None
        said = Text()
        choice = bool(sitting.asked.options)
        then = "enter  next question"
        if marked.correct:
            said.append("✓ Right. ", "bold").append("" if choice else marked.expected)
            said.append(f"\nQuick check: {sitting.asked.check}\n")
        else:
            no = "✗ Not that one. " if choice else "✗ Not yet. "
            said.append(no, "bold").append(f"{marked.diagnosis}\n").append(f"One step: {marked.step}\n")
            if choice:
                said.append(f"Right is {marked.expected}\n")
            else:
                fresh = isinstance(sitting.asked.question.body, Numeric)
                then = "enter  the same with fresh numbers" if fresh else "enter  try again"
        said.append(f"\n{then}", "dim")
        self.query_one("#where", Static).update(Text(self._heading(sitting, course), no_wrap=True))
        self.query_one("#feedback", Static).update(said)
        self._reveal()

    def _reveal(self) -> None:
        """Brings the feedback into sight; where nothing is left to answer, the arrows scroll to the rest of it."""
        self.refresh_bindings()
        body = self.query_one("#body", VerticalScroll)
        body.can_focus = self._state == "marked"
        if body.can_focus:
            body.focus()
        self.call_after_refresh(lambda: self.query_one("#feedback").scroll_visible(animate=False))

    def action_go_on(self) -> None:
        sitting = self._sitting
        assert sitting is not None
        if sitting.grade is not None and not sitting.grade.correct and not sitting.asked.options:
            sitting.again()
        else:
            sitting.next()
        self._ask()

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done now stands in the footer."""
        sitting, state = self._sitting, self._state
        test = sitting is not None and sitting.test
        able = {
            "hint": state == "asking" and not test,
            "solution": state in ("asking", "marked") and not test,
            # Before the answer a plan would give it away.
            "plan": state == "marked" and sitting is not None and bool(sitting.asked.plan),
            "go_on": state == "marked",
            "skip": state in ("asking", "marked"),
            "back": state != "start",
            "predict": state in ("start", "over"),
        }
        return able.get(action, True)

    def action_hint(self) -> None:
        assert self._sitting is not None
        self.query_one("#feedback", Static).update(Text(f"Hint: {self._sitting.hint()}"))
        self._reveal()

    def action_solution(self) -> None:
        """The solution gives the answer away, so the question is over for now."""
        sitting = self._sitting
        assert sitting is not None
        if sitting.grade is None:
            sitting.hinted = True
        asked = sitting.asked
        lines = [f"{number}. {step}" for number, step in enumerate(asked.steps, 1)]
        said = Text("\n".join([*lines, f"Quick check: {asked.check}", f"Answer: {asked.expected}"]))
        if self._state == "asking" and isinstance(asked.question.body, Numeric):
            sitting.again()
            self._ask()
            said = Text(
                f"With the numbers before:\n{said.plain}\n\nNow with the fresh ones above, or f8 for the next question."
            )
        elif self._state == "asking":
            self._state = "marked"
            said.append("\n\nenter  next question", "dim")
        self.query_one("#feedback", Static).update(said)
        self._reveal()

    async def action_plan(self) -> None:
        if self._sitting is not None:
            await self.scaling_app.visit("plan", self._sitting.asked.plan)

    def action_skip(self) -> None:
        if self._sitting is not None:
            self._sitting.next()
            self._ask()

    @work(exclusive=True, group="predict")
    async def action_predict(self) -> None:
        """The sweep in view, where it has rungs to go by; else the latest that has; else the offer of one."""
        in_view = self.scaling_app.sweep
        try:
            asked = await to_thread(find_challenge, self.runs, in_view)
        except InputError as error:
            if in_view is None:
                choices = [(LADDER, f"Launch {LADDER}; come back when its first rungs are finished"), ("", "Not now")]
                self.app.push_screen(Choose(str(error), choices), self._launch)
                return
            try:
                asked = await to_thread(find_challenge, self.runs)
            except InputError:
                self.notify(str(error), severity="warning", markup=False)
                return
        path = find_sweep(self.runs, asked.sweep)
        self.app.push_screen(Foretell(path, asked, self._progress, self.scaling_app.look_s))

    def _launch(self, ladder: str | None) -> None:
        if ladder:
            self.run_worker(self._launched(ladder), exclusive=True, group="predict")

    async def _launched(self, ladder: str) -> None:
        try:
            sweep = await to_thread(launch, self.runs, load_ladder(ladder))
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self.scaling_app.sweep = sweep.name
        await self.app.switch_mode("live")

    def action_back(self) -> None:
        if self._sitting is not None and self._state in ("asking", "marked") and self._sitting.results:
            self._end()
        else:
            self.start()


def shortened(text: str, width: int) -> str:
    """`text` in at most `width` cells."""
    return text if len(text) <= width else text[: max(1, width - 1)].rstrip() + "…"


def hanging(text: str, width: int) -> str:
    """An option filled to `width`, its further lines set under the first word after its letter."""
    indent = "   " if text[1:3] == ") " else ""
    return "\n".join(textwrap.wrap(text, max(20, width), subsequent_indent=indent)) or text
