"""The quiz screen: a session of questions, marked as you answer. The tutor has all the rules; this only shows them."""

import textwrap
from asyncio import to_thread
from functools import partial
from pathlib import Path
from random import randrange
from typing import ClassVar, Literal

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.events import Key
from textual.geometry import Size
from textual.widgets import Input, OptionList, Static, TextArea
from textual.widgets.option_list import Option

from scaling_tui import InputError
from scaling_tui.report.classroom.points import worth
from scaling_tui.report.classroom.taking import closing_text, feedback_text, opening_text, standing_text
from scaling_tui.report.lesson import figure
from scaling_tui.report.own_runs import own_questions
from scaling_tui.report.prediction_game import find_challenge
from scaling_tui.report.tutor import PLOT_HEIGHT, PLOT_WIDTH, hidden_cases, summary_text, verdict_text
from scaling_tui.runs import find_sweep
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import launch
from scaling_tui.text.columns import flush_left
from scaling_tui.tui.page import Page
from scaling_tui.tui.screens.prediction_game import PredictionGameScreen
from scaling_tui.tui.widgets.ask import Ask
from scaling_tui.tui.widgets.choose import Choose, by_text, lines_of
from scaling_tui.tui.widgets.code_area import CodeArea
from scaling_tui.tui.widgets.options import Options
from scaling_tui.tui.widgets.panel import Group, Panel, in_view
from scaling_tui.tui.widgets.plot import Plot
from scaling_tui.tui.widgets.text import MadeToSize
from scaling_tui.tutor.classroom.assignment import Assignment, load_assignment
from scaling_tui.tutor.classroom.opening import open_sitting
from scaling_tui.tutor.classroom.sitting import Sitting
from scaling_tui.tutor.content.bank import load_banks
from scaling_tui.tutor.content.questions import Code, Numeric
from scaling_tui.tutor.content.variant import Variant
from scaling_tui.tutor.course import Course
from scaling_tui.tutor.grading.marking import Grade, read_as
from scaling_tui.tutor.review import SESSION_QUESTIONS
from scaling_tui.tutor.session import Session

LADDER = "quickstart"  # for a learner with no sweep to predict yet
PREDICTION_GAME = "prediction-game"
BAR, BARS = 10, 60  # cells of a bar, and of the panel from which it has bars
ASSIGNMENT = "assignment"
OWN_RUNS = "own-runs"
State = Literal["start", "asking", "marked", "over", "assignment"]


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
        #topics-panel { display: none; }
        #body { height: 1fr; padding: 1 1 0 1; }
        #question, #code, #feedback { height: auto; max-width: 100; }
        #code { margin: 1 2 0 2; }
        #choices { height: auto; max-width: 100; max-height: 100%; border: none; padding: 0; margin: 1 0 0 0; }
        #answer { border: none; height: 1; padding: 0 1; margin: 1 0 0 2; max-width: 80; background: $boost; }
        #plot { margin: 1 0 0 0; }
        #program { height: auto; min-height: 4; max-height: 14; max-width: 100; margin: 1 0 0 0; border: none; }
        #read { height: auto; margin: 0 0 0 3; color: $text-muted; max-width: 100; }
        #feedback { margin: 1 0 0 0; }
        &.-roomy {
            #topics-panel { display: block; width: 40%; max-width: 70; }
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
        self._counted: list[tuple[str, int, int]] = []
        self._begun = ""  # the text that the function to complete began with

    def body(self) -> ComposeResult:
        yield Static(id="where")
        with Group(id="panels"):
            with Panel("Question", id="questions-panel"), VerticalScroll(id="body", can_focus=False):
                yield Static(id="question")
                yield Plot(id="plot")
                yield Static(id="code")
                yield CodeArea(id="program")
                yield Options(id="choices")
                yield Input(id="answer", placeholder="your answer", select_on_focus=False)
                yield Static(id="read")
                yield Static(id="feedback")
            yield Panel("Questions answered", MadeToSize(self._topics, id="topics"), id="topics-panel")

    def on_mount(self) -> None:
        plot = self.query_one("#plot", Plot)
        plot.styles.height, plot.styles.max_width = PLOT_HEIGHT, PLOT_WIDTH
        self.start()

    def on_screen_resume(self) -> None:
        if self._state in ("start", "over") and self.is_mounted:
            self.start()

    def open(self, what: str) -> None:
        """Starts a session on the lesson `what`, the prediction game, or questions about the learner's own runs.

        A running test goes on.
        """
        if self._in_test:
            self.notify("A test is running: finish it, or leave it with esc first.")
            return
        if what == PREDICTION_GAME:
            self.action_predict()
        elif what == OWN_RUNS:
            self.ask_own()
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
        number = min(SESSION_QUESTIONS, len(course.questions))
        heading = f"Quiz · due {len(review.due)} · new {len(review.new)} · about {max(1, round(course.minutes))} min"
        self._fill(heading, Text("\n".join(course.overview().splitlines()[1:])))
        self._offer(
            [
                *self._left(course),
                ("session", f"Start: {number} questions, those due first"),
                ("test", "Test: 10 questions at three levels, no hints, a score by topic"),
                ("lesson", "Questions on one lesson …"),
                ("own", "Questions about your own runs: their law, its exponent, what they would have needed"),
                ("predict", "Predict the loss of your largest run and compare with the law's prediction"),
                (ASSIGNMENT, "An assignment of your class …"),
            ]
        )

    def _left(self, course: Course) -> list[tuple[str, str]]:
        """What goes on with the sitting that was left, if there is one."""
        try:
            left = course.left()
        except InputError:  # the page says that the progress cannot be read
            left = None
        if left is None:
            return []
        what = "test" if left.test else "session"
        return [("resume", f"Continue the {what}: {len(left.answers)} of {len(left.questions)} answered")]

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
        variant = session.asked
        body = variant.question.body
        self._fill(self._heading(session, course), Text(variant.text))
        if isinstance(body, Numeric) and body.reading is not None:
            plot = self.query_one("#plot", Plot)
            plot.display = True
            plot.figure = figure(body.reading.plot(variant.values))
        if isinstance(body, Code):
            self._ask_program(variant)
            self.refresh_bindings()
            return
        if variant.code:
            lines = [f"{number} │ {line}" for number, line in enumerate(variant.code.splitlines(), 1)]
            self.query_one("#code", Static).update(Text("\n".join(lines)))
            self.query_one("#code").display = True
        if variant.options:
            self._offer([(option.letter, f"{option.letter}) {option.text}") for option in variant.options])
            self.query_one("#choices", OptionList).highlighted = None  # a stray enter is no answer
            first, last = variant.options[0].letter, variant.options[-1].letter
            self.query_one("#read", Static).update(Text(f"pick {first} to {last}, enter submits"))
        else:
            answer = self.query_one("#answer", Input)
            answer.value = ""
            answer.placeholder = variant.answer_format
            answer.display = True
            answer.focus()
        self.refresh_bindings()

    def _ask_program(self, variant: Variant) -> None:
        """Shows the function to complete; after a wrong try, as the learner left it."""
        self.query_one("#code", Static).update(Text(f"For example, {variant.example}. {hidden_cases(variant)}"))
        self.query_one("#code").display = True
        program = self.query_one("#program", CodeArea)
        if self._begun != variant.code:
            self._begun = variant.code
            program.load_text(variant.code)
            program.move_cursor(program.document.end)
        program.display = True
        program.focus()

    def _heading(self, session: Session, course: Course) -> str:
        question = session.asked.question
        kind = session.name
        title = course.titles.get(question.lesson, question.lesson)
        place = f" · {session.place}"
        # A test does not show the score as it goes.
        answered = len(session.results)
        right = f"answered {answered}" if session.test else f"right {session.right} of {answered}"
        room = max(12, self.size.width - 2)
        title = shortened(title, room - len(kind) - 3 - len(place) - len(right) - 2)
        left = f"{kind} · {title}{place}"
        return left + " " * max(2, room - len(left) - len(right)) + right

    def _fill(self, heading: str, text: Text) -> None:
        """Clears the page down to a heading and a text."""
        self.query_one("#where", Static).update(Text(heading, no_wrap=True))
        self.query_one("#question", Static).update(text)
        for name in ("#plot", "#code", "#program", "#choices", "#answer"):
            self.query_one(name).display = False
        for name in ("#read", "#feedback"):
            self.query_one(name, Static).update("")
        self.query_one("#body").scroll_home(animate=False)
        self._count()
        self.refresh_bindings()

    def _count(self) -> None:
        """Counts anew what was answered, where that is shown."""
        topics = self.query_one("#topics")
        if self._course is not None and in_view(topics):
            self._counted = Course.load(self._course.questions, self._progress).topics()
            topics.refresh()

    def on_resize(self) -> None:
        self.call_after_refresh(self.panels_changed)

    def panels_changed(self) -> None:
        self._count()

    def _topics(self, size: Size) -> Text:
        """How many questions of each lesson have been answered."""
        text = Text(no_wrap=True, overflow="ellipsis")
        for title, answered, number in self._counted:
            told = f"{answered:>3} of {number:>2}"
            bar = BAR if size.width >= BARS else 0
            room = size.width - bar - len(told) - 2
            done = round(bar * answered / number)
            text.append(flush_left(shortened(title, room), room) + " ").append("━" * done, "bold")
            text.append("─" * (bar - done), "dim").append(f" {told}\n")
        return text

    def _offer(self, choices: list[tuple[str, str]]) -> None:
        options = self.query_one("#choices", OptionList)
        options.clear_options()
        room = self.query_one("#body").scrollable_content_region.width or self.size.width - 2
        width = min(room, 98) - 2
        options.add_options([Option(Text(hanging(text, width)), id=key) for key, text in choices])
        options.highlighted = 0
        options.display = True
        options.focus()

    def _end(self) -> None:
        session, course = self._session, self._course
        assert session is not None and course is not None
        if isinstance(session, Sitting):
            self._standings(session, closing_text(session))
            return
        self._state = "over"
        self._fill(f"{session.name} · done", Text(summary_text(session, course.titles)))
        choices = [(f"read:{lesson}", f"Read: {course.titles.get(lesson, lesson)}") for lesson in session.weak[:3]]
        self._offer([*choices, ("again", "Another session")])

    # Assignments

    def _ask_assignment(self) -> None:
        def chosen(assignment: Assignment | None) -> None:
            if assignment is not None:
                name, hint = assignment.title, "the id in your instructor's list · enter continue · esc back"
                self.app.push_screen(
                    Ask(f"{name}: your id in the class", hint, partial(open_sitting, assignment.path)), self._opened
                )

        hint = "the file that your instructor gave you, such as homework-1.toml · enter open · esc back"
        self.app.push_screen(Ask("Path of the assignment", hint, _assignment), chosen)

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
        rows = enumerate(sitting.standings())
        choices = [] if sitting.closed else [
            (f"question:{place}", f"{place + 1}. {titles.get(each.question.lesson, each.question.lesson)} · "
                                  f"{worth(each.item.points)} · {standing_text(each)}")
            for place, each in rows
        ]  # fmt: skip
        self._offer([*choices, ("leave", "Leave; your answers are saved")])
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
        if self._state == "asking" and self._session is not None and self._session.asked.options:
            letters = [option.letter for option in self._session.asked.options]
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
            case _ if key == "session":
                self._begin_due(course)
            case _ if key == "resume":
                self._begin(course.resume())
            case _ if key == "test":
                self._begin(course.test())
            case _ if key == "predict":
                self.action_predict()
            case _ if key == "own":
                self.ask_own()
            case _ if key == "lesson":
                counts = [(lesson, title) for lesson, title in course.titles.items()]
                lines = lines_of(counts)
                self.app.push_screen(Choose("Questions on which lesson?", lines, find=by_text(lines)), self._chosen)
            case _ if key == ASSIGNMENT:
                self._ask_assignment()
            case _ if key.startswith("question:"):
                self._go_to(int(key[9:]))
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
        """Shows how the answer is read as it is typed."""
        if self._state != "asking" or self._session is None:
            return
        self._show_read(event.value)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Says as it is typed whether a function can be run."""
        if self._state == "asking" and self._session is not None and self._session.asked.example:
            self._show_read(event.text_area.text)

    def _show_read(self, answer: str) -> None:
        assert self._session is not None
        text = ""
        if answer.strip():
            try:
                text = f"read as {read_as(self._session.asked, answer)}"
            except InputError as error:
                text = str(error).removeprefix("answer: ").removeprefix("formula: ")
        self.query_one("#read", Static).update(Text(text))

    def action_run(self) -> None:
        self._answer(self.query_one("#program", CodeArea).text)

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
            self.query_one("#read", Static).update(Text(f"not counted: {error}"))
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
        text = Text()
        if not session.helps:
            then = "enter  try again" if session.tries_left else "enter  next question"
            text.append(verdict_text(marked, session.tries_left)).append(f"\n\n{then}", "dim")
            self._show_feedback(text)
            return
        choice = bool(session.asked.options)
        then = "enter  next question"
        if marked.correct:
            text.append("✓ Right. ", "bold")
            if isinstance(session.asked.body, Code):
                text.append(f"One way to write it:\n{marked.expected}")
            elif not choice:
                text.append(marked.expected)
            text.append(f"\nQuick check: {session.asked.check}\n")
        else:
            no = "✗ Not that one. " if choice else "✗ Not yet. "
            text.append(no, "bold").append(f"{marked.diagnosis}\n").append(f"One step: {marked.step}\n")
            if choice:
                text.append(f"Right answer: {marked.expected}\n")
            else:
                fresh = isinstance(session.asked.body, Numeric) and session.asked.question.varies
                then = "enter  try new numbers" if fresh else "enter  try again"
        text.append(f"\n{then}", "dim")
        self._show_feedback(text)

    def _show_feedback(self, text: Text) -> None:
        session, course = self._session, self._course
        assert session is not None and course is not None
        self.query_one("#where", Static).update(Text(self._heading(session, course), no_wrap=True))
        self.query_one("#feedback", Static).update(text)
        self._reveal()

    def _reveal(self) -> None:
        """Scrolls to the feedback; once the question is answered, the arrows scroll through the rest."""
        self.refresh_bindings()
        body = self.query_one("#body", VerticalScroll)
        body.can_focus = self._state == "marked"
        if body.can_focus:
            body.focus()
        self.call_after_refresh(lambda: self.query_one("#feedback").scroll_visible(animate=False))

    def action_go_on(self) -> None:
        session = self._session
        assert session is not None
        session.go_on()
        self._ask()

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer lists only what can be done now."""
        session, state = self._session, self._state
        helps = session is not None and session.helps
        able = {
            "hint": state == "asking" and helps,
            "solution": state in ("asking", "marked") and helps,
            # Before the answer, a plan would give it away.
            "plan": state == "marked" and helps and session is not None and bool(session.asked.plan),
            "run": state == "asking" and session is not None and isinstance(session.asked.body, Code),
            "go_on": state == "marked",
            "skip": state in ("asking", "marked"),
            "back": state != "start",
            "predict": state in ("start", "over"),
        }
        return able.get(action, True)

    def action_hint(self) -> None:
        assert self._session is not None
        self.query_one("#feedback", Static).update(Text(f"Hint: {self._session.hint()}"))
        self._reveal()

    def action_solution(self) -> None:
        """The solution gives the answer away, so a numeric question gets new numbers and any other is over."""
        session = self._session
        assert session is not None
        if session.grade is None:
            session.hinted = True
        variant = session.asked
        lines = [f"{number}. {step}" for number, step in enumerate(variant.steps, 1)]
        answer = f"Answer:\n{variant.expected}" if isinstance(variant.body, Code) else f"Answer: {variant.expected}"
        text = Text("\n".join([*lines, f"Quick check: {variant.check}", answer]))
        if self._state == "asking" and isinstance(variant.body, Numeric) and variant.question.varies:
            session.again()
            self._ask()
            text = Text(
                f"With the previous numbers:\n{text.plain}\n\nNow try the new numbers above, or press f8 to skip."
            )
        elif self._state == "asking":
            self._state = "marked"
            text.append("\n\nenter  next question", "dim")
        self.query_one("#feedback", Static).update(text)
        self._reveal()

    async def action_plan(self) -> None:
        if self._session is not None:
            await self.scaling_app.visit("plan", self._session.asked.plan)

    def action_skip(self) -> None:
        if self._session is not None:
            self._session.next()
            self._ask()

    @work(exclusive=True, group="predict")
    async def ask_own(self) -> None:
        """Asks about the sweep shown if it allows any question, else about the latest that does."""
        shown, course = self.scaling_app.sweep, self._course
        if course is None:
            return
        self.notify("Reading your runs …", timeout=3)
        try:
            try:
                found = await to_thread(own_questions, self.runs, shown, randrange(10**6))
            except InputError:
                found = await to_thread(own_questions, self.runs, None, randrange(10**6))
        except InputError as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        self._begin(course.on(found.questions))

    @work(exclusive=True, group="predict")
    async def action_predict(self) -> None:
        """Plays on the sweep shown if it has finished rungs; else on the latest that has; else offers to launch one."""
        shown = self.scaling_app.sweep
        try:
            challenge = await to_thread(find_challenge, self.runs, shown)
        except InputError as error:
            if shown is None:
                choices = [(LADDER, f"Launch {LADDER}; come back when its first rungs have finished"), ("", "Not now")]
                self.app.push_screen(Choose(str(error), lines_of(choices)), self._launch)
                return
            try:
                challenge = await to_thread(find_challenge, self.runs)
            except InputError:
                self.notify(str(error), severity="warning", markup=False)
                return
        path = find_sweep(self.runs, challenge.sweep)
        self.app.push_screen(PredictionGameScreen(path, challenge, self._progress, self.scaling_app.refresh_s))

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


def _assignment(path: str) -> Assignment:
    try:
        return load_assignment(Path(path).expanduser())
    except (RuntimeError, ValueError) as error:  # ~nobody, or no path at all
        raise InputError(str(error)) from None


def shortened(text: str, width: int) -> str:
    """`text` in at most `width` cells."""
    return text if len(text) <= width else text[: max(1, width - 1)].rstrip() + "…"


def hanging(text: str, width: int) -> str:
    """An option wrapped to `width`, with its later lines indented under the text after its letter."""
    indent = "   " if text[1:3] == ") " else ""
    return "\n".join(textwrap.wrap(text, max(20, width), subsequent_indent=indent)) or text
