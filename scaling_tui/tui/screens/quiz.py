"""The quiz screen: a session of questions, marked as you answer. The tutor has all the rules; this only shows them."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Literal

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Key
from textual.widgets import Input, OptionList, Static

from scaling_tui import InputError
from scaling_tui.report.classroom.taking import closing_text, feedback_text, opening_text, standing_lines
from scaling_tui.report.history import explained, history_text, mistakes_text
from scaling_tui.report.tutor import summary_text
from scaling_tui.text import show
from scaling_tui.tui import quiz_texts
from scaling_tui.tui.assignment_dialog import ask_for_assignment
from scaling_tui.tui.page import Page
from scaling_tui.tui.screens.prediction_game import predict_next_run
from scaling_tui.tui.services.own_runs import questions_on_runs
from scaling_tui.tui.widgets.choose import Choose, by_text, lines_of
from scaling_tui.tui.widgets.learning import LearningSide
from scaling_tui.tui.widgets.panel import Group, Panel, in_view
from scaling_tui.tui.widgets.question_sheet import QuestionSheet
from scaling_tui.tutor.classroom.sitting import Sitting
from scaling_tui.tutor.content.bank import load_banks
from scaling_tui.tutor.content.questions import Code, Numeric
from scaling_tui.tutor.course import Course
from scaling_tui.tutor.grading.marking import Grade
from scaling_tui.tutor.history import read_history
from scaling_tui.tutor.review import SESSION_QUESTIONS
from scaling_tui.tutor.session import Session

PREDICTION_GAME = "prediction-game"
OWN_RUNS = "own-runs"
HISTORY, MISTAKES = "history", "mistakes"
State = Literal["start", "asking", "marked", "over", "assignment", "history", "mistakes"]


class QuizScreen(Page):
    """Asks, reads and marks. Each answer is saved at once, so the learner may leave at any time."""

    ABOUT: ClassVar[str] = (
        "Questions on the lessons, those due first. Pick an option with its letter or the arrows and press enter; type "
        "a number or a formula, and see how it is read; f9 runs a function. After a wrong answer you see what went "
        "wrong and try again with new numbers. Every answer is saved at once, so you can leave at any time; the start "
        "page offers to continue. F4 explains a word."
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "hint", "hint", tooltip="Show the hint; a right answer then counts half"),
        Binding("f6", "solution", "solution", tooltip="Show the worked solution"),
        Binding("f7", "plan", "in Plan", tooltip="Open the question's numbers in Plan; esc comes back"),
        Binding("enter", "go_on", "next", False, tooltip="Continue after an answer; the arrows scroll"),
        Binding("m", "mistakes", "mistakes", tooltip="See what you got wrong, and answer it again"),
        Binding("h", "history", "history", tooltip="See your sessions, tests and days"),
        Binding("f9", "run", "run it", tooltip="Run your function on the question's cases"),
        Binding("f8", "skip", "next question", tooltip="Skip to the next question"),
        Binding(
            "f",
            "predict",
            "predict",
            tooltip="Predict the loss of your largest run and compare with the law's prediction",
        ),
        Binding("escape", "back", "back", tooltip="Leave the session; your answers are saved. A test asks first"),
    ]
    CSS = """
    QuizScreen {
        #where { height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        #panels { layout: horizontal; }
        #side { display: none; }
        &.-roomy {
            #side { display: block; width: 42%; max-width: 70; }
            #body { padding: 0; }
        }
    }
    """

    def __init__(self, runs: Path, progress: Path | None = None) -> None:
        super().__init__(runs)
        self._progress = progress
        self._course: Course | None = None
        self._session: Session | None = None
        self._state: State = "start"

    def body(self) -> ComposeResult:
        yield Static(id="where")
        with Group(id="panels"):
            yield Panel("Question", QuestionSheet(id="body"), id="questions-panel")
            yield LearningSide(id="side")

    @property
    def sheet(self) -> QuestionSheet:
        return self.query_one(QuestionSheet)

    def on_mount(self) -> None:
        self.start()

    def on_screen_resume(self) -> None:
        if self._state in ("start", "over") and self.is_mounted:
            self.start()

    def open(self, what: str) -> None:
        """Starts a session on the lesson `what`, or opens another part of the screen by its name.

        A running test goes on.
        """
        if self._in_test:
            self.notify("A test is running: finish it, or leave it with esc first.")
            return
        parts: dict[str, Callable[[], object]] = {
            PREDICTION_GAME: self.action_predict,
            OWN_RUNS: self.ask_own,
            HISTORY: self.action_history,
            MISTAKES: self.action_mistakes,
        }
        if what in parts:
            parts[what]()
        else:
            self.begin_lesson(what)

    # The widgets

    def start(self) -> None:
        """The start page: the learner's progress, and what to do next."""
        try:
            questions = [question for bank in load_banks() for question in bank.questions]
            self._course = Course.load(questions, self._progress)
        except InputError as error:
            self._fill("Quiz", Text(str(error)))
            return
        self._session, self._state = None, "start"
        course, review = self._course, self._course.review_state
        heading = f"Quiz · due {len(review.due)} · new {len(review.new)} · about {max(1, round(course.minutes))} min"
        self._fill(heading, Text("\n".join(course.overview().splitlines()[1:])))
        # Where the progress cannot be read the page says so, and nothing goes on.
        self.sheet.offer(quiz_texts.choices(course, None if course.unread else course.left()))

    def begin_lesson(self, lesson: str) -> None:
        """Starts a session on one lesson."""
        course = self._course
        if course is None:
            return
        here = [question for question in course.questions if question.lesson == lesson]
        if not here:
            self.notify(f"No questions on {lesson} yet.")
            return
        self._begin(Course.load(here, self._progress).session(min(SESSION_QUESTIONS, len(here)), whole=True))

    @property
    def _in_test(self) -> bool:
        return self._session is not None and self._session.test and self._state == "asking"

    def _begin_due(self, course: Course) -> None:
        """Starts a session of what is due and new today, if anything is."""
        try:
            self._begin(course.session(SESSION_QUESTIONS))
        except InputError as error:
            self.notify(str(error).removeprefix("quiz: "), markup=False)

    def _begin(self, session: Session) -> None:
        self._session = session
        self._ask()

    def _ask(self) -> None:
        """Asks the session's current question, or ends the session."""
        session, course = self._session, self._course
        assert session is not None and course is not None
        if session.over:
            self._end()
            return
        self._state = "asking"
        self._title(quiz_texts.heading(session, course.titles, self.size.width - 2))
        self.sheet.ask(session.asked)
        self._count()
        self.refresh_bindings()

    def _title(self, heading: str) -> None:
        self.query_one("#where", Static).update(Text(heading, no_wrap=True))

    def _fill(self, heading: str, text: Text) -> None:
        """Clears the page down to a heading and a text."""
        self._title(heading)
        self.sheet.show(text)
        self._count()
        self.refresh_bindings()

    def _count(self) -> None:
        """Counts anew what was answered, where that is shown."""
        side = self.query_one(LearningSide)
        if self._course is not None and in_view(side):
            side.show(self._session, Course.load(self._course.questions, self._progress))

    def on_resize(self) -> None:
        self.call_after_refresh(self.panels_changed)

    def panels_changed(self) -> None:
        self._count()

    def _end(self) -> None:
        session, course = self._session, self._course
        assert session is not None and course is not None
        if isinstance(session, Sitting):
            self._standings(session, closing_text(session))
            return
        self._state = "over"
        self._fill(f"{session.name} · done", Text(summary_text(session, course.titles)))
        choices = [(f"read:{lesson}", f"Read: {course.titles.get(lesson, lesson)}") for lesson in session.weak[:3]]
        self.sheet.offer([*choices, ("again", "Another session")])

    # Assignments

    def _opened(self, sitting: Sitting | None) -> None:
        if sitting is not None:
            self._session = sitting
            text = opening_text(sitting)
            self._standings(sitting, f"{text}\n\n{feedback_text(sitting)}" if sitting.reveals else text)

    def _standings(self, sitting: Sitting, text: str) -> None:
        """Every question of an assignment with how far the student is with it, to choose from."""
        self._state = "assignment"
        self._fill(sitting.name, Text(text))
        titles = self._course.titles if self._course else {}
        lines = [] if sitting.closed else standing_lines(sitting, titles)
        choices = [(f"question:{place}", line) for place, line in enumerate(lines)]
        self.sheet.offer([*choices, ("leave", "Leave; your answers are saved")])
        first = next((place for place, each in enumerate(sitting.standings()) if sitting.opens(each)), len(choices))
        self.query_one("#choices", OptionList).highlighted = first

    def _go_to(self, place: int) -> None:
        sitting = self._session
        assert isinstance(sitting, Sitting)
        try:
            sitting.choose(place)
        except InputError as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        self._ask()

    # Answers

    def on_key(self, event: Key) -> None:
        """A letter picks the option it labels."""
        if self._state == "asking" and self.sheet.pick(event.key):
            event.stop()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        key = str(event.option_id)
        course = self._course
        assert course is not None
        parts: dict[str, Callable[[], object]] = {
            "session": lambda: self._begin_due(course),
            "resume": lambda: self._begin(course.resume()),
            "test": lambda: self._begin(course.test()),
            "predict": self.action_predict,
            "own": self.ask_own,
            "lesson": self._choose_lesson,
            "assignment": lambda: ask_for_assignment(self.app, self._opened),
            HISTORY: self.action_history,
            MISTAKES: self.action_mistakes,
        }
        what, _, name = key.partition(":")
        if self._state == "asking":
            self._answer(key)
        elif self._state == "marked":
            self.action_go_on()
        elif what == "question":
            self._go_to(int(name))
        elif what == "read":
            self.run_worker(self._read_lesson(name))
        else:
            parts.get(key, self.start)()

    def _choose_lesson(self) -> None:
        assert self._course is not None
        lines = lines_of(list(self._course.titles.items()))
        self.app.push_screen(Choose("Questions on which lesson?", lines, find=by_text(lines)), self._chosen)

    def _chosen(self, lesson: str | None) -> None:
        if lesson is not None:
            self.begin_lesson(lesson)

    async def _read_lesson(self, lesson: str) -> None:
        await self.scaling_app.visit("learn", lesson)

    def action_run(self) -> None:
        self._answer(self.sheet.program)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        # Enter pressed twice is one answer.
        if self._state == "asking" and event.value.strip():
            self._answer(event.value)

    def _answer(self, text: str) -> None:
        session = self._session
        assert session is not None
        try:
            marked = session.answer(text)
        except InputError as error:
            self.sheet.told(f"not counted: {error}")
            return
        if warning := session.unkept_warning():
            self.notify(warning, severity="warning", markup=False)
        if not session.tells:
            session.next()
            self._ask()
            return
        self._state = "marked"
        self._feedback(marked)

    def _feedback(self, marked: Grade) -> None:
        session, course = self._session, self._course
        assert session is not None and course is not None
        self._title(quiz_texts.heading(session, course.titles, self.size.width - 2))
        self.sheet.mark(quiz_texts.feedback(session, marked))
        self._count()
        self.refresh_bindings()

    def action_go_on(self) -> None:
        if self._state == "mistakes":
            self._review()
            return
        session = self._session
        assert session is not None
        session.go_on()
        self._ask()

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer lists only what can be done now."""
        session, state = self._session, self._state
        helps = session is not None and session.helps
        answered = self._course is not None and bool(self._course.answers)
        answered = answered or (session is not None and bool(session.results))
        able = {
            "hint": state == "asking" and helps,
            "solution": state in ("asking", "marked") and helps,
            # Before the answer, a plan would give it away.
            "plan": state == "marked" and helps and session is not None and bool(session.asked.plan),
            "run": state == "asking" and session is not None and isinstance(session.asked.body, Code),
            "go_on": state in ("marked", "mistakes"),
            "mistakes": answered and state in ("start", "over", "history"),
            "history": answered and state in ("start", "over", "mistakes"),
            "skip": state in ("asking", "marked"),
            "back": state != "start",
            "predict": state in ("start", "over"),
        }
        return able.get(action, True)

    def action_hint(self) -> None:
        assert self._session is not None
        self.sheet.comment(Text(f"Hint: {self._session.hint()}"))

    def action_solution(self) -> None:
        """The solution gives the answer away, so a numeric question gets new numbers and any other is over."""
        session = self._session
        assert session is not None
        if session.grade is None:
            session.hinted = True
        variant = session.asked
        text = quiz_texts.solution(variant)
        if self._state == "asking" and isinstance(variant.body, Numeric) and variant.question.varies:
            session.again()
            self._ask()
            text = Text(
                f"With the previous numbers:\n{text.plain}\n\nNow try the new numbers above, or press f8 to skip."
            )
            self.sheet.comment(text)
            return
        if self._state == "asking":
            self._state = "marked"
            text.append("\n\nenter  next question", "dim")
        self.sheet.mark(text)
        self.refresh_bindings()

    async def action_plan(self) -> None:
        if self._session is not None:
            await self.scaling_app.visit("plan", self._session.asked.plan)

    def action_skip(self) -> None:
        if self._session is not None:
            self._session.next()
            self._ask()

    # What was answered before

    def action_history(self) -> None:
        """Shows what `quiz history` prints."""
        try:
            past = read_history(self._course.progress) if self._course else None
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        if past is None or self._course is None:
            return
        self._session, self._state = None, "history"
        self._course = Course.load(self._course.questions, self._progress)
        today = datetime.now().astimezone().date()
        self._fill("Quiz · your history", Text(history_text(past.sittings, past.days, today)))
        self.sheet.read_on()

    def action_mistakes(self) -> None:
        """Shows what `quiz mistakes` prints, and offers to ask it again."""
        course = self._course
        if course is None:
            return
        try:
            rows = explained(read_history(course.progress), course.questions)
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self._session, self._state = None, "mistakes" if rows else "history"
        self._course = Course.load(course.questions, self._progress)
        text = Text(mistakes_text(rows, self.sheet.columns))
        if rows:
            text = Text.assemble(("enter  answer them again, with new numbers\n\n", "dim"), text)
        self._fill(f"Quiz · your mistakes · {show.counted(len(rows), 'question')}", text)
        self.sheet.read_on()

    def _review(self) -> None:
        course = self._course
        assert course is not None
        try:
            self._begin(course.mistakes(SESSION_QUESTIONS))
        except InputError as error:
            self.notify(str(error), severity="warning", markup=False)

    # The learner's own runs

    @work(exclusive=True, group="predict")
    async def ask_own(self) -> None:
        """Asks about the sweep shown if it allows any question, else about the latest that does."""
        course = self._course
        if course is None:
            return
        self.notify("Reading your runs …", timeout=3)
        try:
            found = await questions_on_runs(self.runs, self.scaling_app.sweep)
        except InputError as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        self._begin(course.on(found.questions))

    @work(exclusive=True, group="predict")
    async def action_predict(self) -> None:
        """Plays the prediction game, or offers to launch a ladder for it."""
        await predict_next_run(self, self._progress)

    def action_back(self) -> None:
        session = self._session
        if session is not None and self._in_test:
            left = len(session.questions) - session.index
            choices = [
                ("on", "Continue the test"),
                ("later", "Leave it for now: the start page offers to continue it"),
                ("end", f"End it: the {left} questions left count as wrong"),
            ]
            self.app.push_screen(Choose("Leave the test?", lines_of(choices)), self._leave_test)
            return
        sitting = isinstance(session, Sitting)
        if session is not None and self._state in ("asking", "marked") and (sitting or session.results):
            self._end()
        else:
            self.start()

    def _leave_test(self, choice: str | None) -> None:
        session = self._session
        assert session is not None
        if choice == "later":
            try:
                session.leave()
            except InputError as error:
                self.notify(str(error), severity="warning", markup=False)
            self.start()
        elif choice == "end":
            session.end()
            # Not before the dialog is gone: coming back to a session that is over begins anew.
            self.call_after_refresh(self._end)
