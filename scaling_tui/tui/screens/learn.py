"""The learn screen: lessons with live plots between the paragraphs, linked to the learner's own runs."""

from asyncio import sleep, to_thread
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Markdown, OptionList, Static
from textual.widgets.option_list import Option

from scaling_tui import InputError
from scaling_tui.plots.figures import Figure
from scaling_tui.report.history import today_text
from scaling_tui.report.lesson import Training, figure, own_training, recorded, shown_markdown
from scaling_tui.report.pipeline import evaluations_text
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import launch
from scaling_tui.text import show
from scaling_tui.text.columns import flush_left
from scaling_tui.tui.page import Page
from scaling_tui.tui.screens.experiment import ExperimentScreen
from scaling_tui.tui.screens.quiz import HISTORY, MISTAKES, OWN_RUNS, PREDICTION_GAME
from scaling_tui.tui.widgets.choose import Choose, lines_of
from scaling_tui.tui.widgets.learning import shortened
from scaling_tui.tui.widgets.options import Options
from scaling_tui.tui.widgets.panel import Group, Panel, in_view
from scaling_tui.tui.widgets.plot import Plot
from scaling_tui.tutor.content.bank import load_banks
from scaling_tui.tutor.content.experiment import Experiment, load_experiments
from scaling_tui.tutor.content.lesson import (
    Lesson,
    LessonFile,
    LessonPlot,
    LessonTraining,
    lesson_files,
    load_lesson,
)
from scaling_tui.tutor.course import Course, LessonStanding
from scaling_tui.tutor.progress import mark_read

SCROLLBAR, MARGIN = 2, 9  # columns; the margin holds the cursor's sign, the mark, the number and a free cell
SUMMARIES = 76  # columns from which a list of lessons has their summaries
PREVIEW_AFTER_S = 0.15  # that the cursor rests on a lesson
EXPERIMENT = "experiment:"  # begins the id of an experiment in the list of lessons


class LearnScreen(Page):
    """A list of lessons; enter opens one. `runs` holds the learner's own sweeps."""

    ABOUT: ClassVar[str] = (
        "Lessons of a few minutes each, with plots drawn by the same code that fits your runs. Each lesson ends with "
        "questions, and you can check most lessons in your own runs. Below the lessons are guided experiments: "
        "predict, train, compare. F4 explains a word."
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("z", "questions", "questions", tooltip="Answer this lesson's questions"),
        Binding("y", "own", "your runs", tooltip="See this in your latest sweep, or launch the ladder"),
        Binding(
            "f",
            "predict",
            "predict",
            tooltip="Predict the loss of your largest run and compare with the law's prediction",
            id="learn.foretell",
        ),
        Binding("a", "own_questions", "own", False, tooltip="Answer questions about your own runs"),
        Binding("m", "mistakes", "mistakes", tooltip="See what you got wrong, and answer it again"),
        Binding("h", "history", "history", tooltip="See your sessions, tests and days"),
        Binding("n", "step(1)", "next", tooltip="Go to the next lesson"),
        Binding("p", "step(-1)", "prev", tooltip="Go to the previous lesson"),
        Binding("escape", "back", "lessons", tooltip="Go back to the list of lessons"),
    ]
    CSS = """
    LearnScreen {
        #where { height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        #body { layout: horizontal; }
        #page-panel { display: none; }
        #lessons { height: 1fr; border: none; padding: 1 1 0 1; }
        #page { height: 1fr; padding: 0 1; }
        #page Markdown { max-width: 100; margin: 0; padding: 0 1; background: transparent; height: auto; }
        #page Plot { height: 13; max-width: 100; margin: 0 1 1 1; }
        &.-reading #page-panel { display: block; }
        &.-reading #lessons-panel { display: none; }
        &.-roomy {
            #lessons-panel { display: block; width: 42%; max-width: 80; }
            #page-panel { display: block; }
            #lessons { padding: 0; background: transparent; }
            #page { padding: 0; }
        }
        #page > Static { height: auto; max-width: 100; margin: 0 1 1 1; }
    }
    """

    def __init__(self, runs: Path) -> None:
        super().__init__(runs)
        self._files: list[LessonFile] = []
        self._course: Course | None = None
        self._lesson: Lesson | None = None
        self._previewed = ""  # the lesson on the page
        self._experiments: dict[str, Experiment] = {}
        self._read = False  # whether the end of the lesson has been on the screen

    def body(self) -> ComposeResult:
        yield Static(id="where")
        with Group(id="body"):
            yield Panel("Lessons", Options(id="lessons"), id="lessons-panel")
            yield Panel("Lesson", VerticalScroll(id="page"), id="page-panel")

    def on_mount(self) -> None:
        try:
            self._files = lesson_files()
            self._experiments = {f"{EXPERIMENT}{each.id}": each for each in load_experiments()}
        except InputError as error:
            self.query_one("#where", Static).update(Text(str(error)))
            return
        self._count()
        options = self.query_one("#lessons", OptionList)
        options.highlighted = 0
        options.focus()
        self.watch(self.query_one("#page", VerticalScroll), "scroll_y", self._scrolled, init=False)
        self._head()

    def on_screen_resume(self) -> None:
        """What was answered on Quiz, or in another window, counts here too."""
        if self._files:
            self._count()
            self._head()

    def _count(self) -> None:
        """Reads anew how far the learner is, and lists the lessons."""
        try:
            self._course = Course.load([question for bank in load_banks() for question in bank.questions])
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)
        self._list()

    def _standings(self) -> dict[str, LessonStanding]:
        return {each.lesson: each for each in self._course.lessons()} if self._course else {}

    def _list(self) -> None:
        """The lessons, as wide as there is room for; the highlight stays where it was."""
        options = self.query_one("#lessons", OptionList)
        at, narrow = options.highlighted, self.has_class("-roomy") and options.size.width < SUMMARIES
        lines = []
        # As if there were a scrollbar: a list that gets one would cut off what wraps then.
        room = max(20, options.size.width - SCROLLBAR - MARGIN)
        standings = self._standings()

        def line(mark: str, title: str, detail: str, summary: str, key: str) -> Option:
            if narrow:  # the lesson itself stands beside it
                title, below = shortened(title, room), detail
            else:
                space = room - len(detail) - 2
                title, below = f"{flush_left(shortened(title, space), space)}  {detail}", shortened(summary, room)
            return Option(Text.assemble(f"{mark}  {title}\n", (f"     {below}", "dim")), key)

        for number, file in enumerate(self._files, 1):
            standing = standings.get(file.id)
            read = "✓" if standing is not None and standing.read else " "
            detail = f"{file.head['minutes']} min · {_questions(standing)}"
            lines.append(line(f"{read}{number:>2}", file.title, detail, file.head["summary"], file.id))
        for key, each in self._experiments.items():
            lines.append(line("  ◆", each.title, f"{each.minutes} min · experiment", each.summary, key))
        options.clear_options()
        options.add_options(lines)
        options.highlighted = at

    def on_resize(self) -> None:
        self.call_after_refresh(self.panels_changed)

    def panels_changed(self) -> None:
        self._list()
        self._preview()

    def on_option_list_option_highlighted(self) -> None:
        self._preview()

    def _preview(self) -> None:
        """Beside the list stands the lesson under its cursor, once the cursor rests; it is read only when opened."""
        at = self.query_one("#lessons", OptionList).highlighted
        if self._lesson is None and at is not None and at < len(self._files) and in_view(self.query_one("#page")):
            self._preview_soon(self._files[at])

    @work(exclusive=True, group="preview")
    async def _preview_soon(self, file: LessonFile) -> None:
        await sleep(PREVIEW_AFTER_S)
        if file.id != self._previewed:
            self._previewed = file.id
            with suppress(InputError):
                await self._fill(load_lesson(file.id))

    def _scrolled(self) -> None:
        """A lesson counts as read once its reader has come to its end."""
        page = self.query_one("#page", VerticalScroll)
        if 0 < page.max_scroll_y <= page.scroll_y + 1:
            self._note_read()

    def _note_read(self) -> None:
        if self._lesson is None or self._read:
            return
        self._read = True
        try:
            mark_read(self._lesson.id)
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)

    def _leave_lesson(self) -> None:
        """A lesson that needs no scrolling is at its end all the time: it is read when its reader goes on."""
        if self.has_class("-reading") and self.query_one("#page", VerticalScroll).max_scroll_y == 0:
            self._note_read()

    def _head(self) -> None:
        lesson = self._lesson
        total = sum(int(file.head["minutes"]) for file in self._files)
        standings = self._standings().values()
        read = f"{sum(each.read for each in standings)} of {len(self._files)} lessons read (✓)"
        today = today_text(self._course.days(), datetime.now().astimezone().date()) if self._course else ""
        text = f"Learn · {read} · {today or f'{total} min in all'}"
        if lesson is not None:
            place = [file.id for file in self._files].index(lesson.id) + 1
            text = f"Learn · {place} of {len(self._files)} · {lesson.title} · {lesson.minutes} min"
        self.query_one("#where", Static).update(Text(text, no_wrap=True))
        self.refresh_bindings()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.open(str(event.option_id))

    def open(self, what: str) -> None:
        """Shows a lesson, or begins a guided experiment where it left off."""
        self._leave_lesson()
        if what in self._experiments:
            self._experiment(self._experiments[what])
            return
        try:
            self._lesson = load_lesson(what)
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self._read = True  # what is being taken off the screen is not this lesson's end
        self.run_worker(self._show_lesson(self._lesson), exclusive=True, group="preview")

    async def _show_lesson(self, lesson: Lesson) -> None:
        """Shows a lesson that was opened, and gives its page the keyboard."""
        self._previewed = lesson.id
        await self._fill(lesson)
        self.add_class("-reading")
        self.query_one("#page").focus()
        self._read = False
        self._head()

    def _experiment(self, experiment: Experiment) -> None:
        try:
            screen = ExperimentScreen(self.runs, experiment, refresh_s=self.scaling_app.refresh_s)
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self.app.push_screen(screen)

    async def _fill(self, lesson: Lesson) -> None:
        page = self.query_one("#page", VerticalScroll)
        await page.remove_children()
        widgets: list[Widget] = []
        for part in lesson.parts:
            match part:
                case LessonPlot():
                    widgets.append(_plot(figure(part)))
                case LessonTraining():
                    for training in (recorded(part), await to_thread(own_training, part, self.runs)):
                        widgets += _training(training)
                case _:
                    widgets.append(Markdown(shown_markdown(part)))
        standing = self._standings().get(lesson.id)
        questions = standing.questions if standing else 0
        end = f"---\nPress **z** for the {questions} questions of this lesson"
        if lesson.ladder:
            end += f", **y** to see this in your own runs of `{lesson.ladder}` or launch the ladder"
        end += ", **a** for questions about your own runs, **f** to predict the loss of your largest run."
        end += " **F4** explains a word."
        tried = [each.title for each in self._experiments.values() if each.lesson == lesson.id]
        if tried:
            end += f" Below the lessons is an experiment on it: *{'*, *'.join(tried)}*"
        await page.mount(*widgets, Markdown(end))
        page.scroll_home(animate=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer lists only what can be done now."""
        if action == "own":
            return self._lesson is not None and bool(self._lesson.ladder)
        if action in ("questions", "step", "back"):
            return self._lesson is not None
        if action in ("mistakes", "history"):
            return self._lesson is None and self._course is not None and bool(self._course.answers)
        return True

    def action_back(self) -> None:
        self._leave_lesson()
        self.remove_class("-reading")
        if self._lesson is not None:
            place = [file.id for file in self._files].index(self._lesson.id)
            self.query_one("#lessons", OptionList).highlighted = place
        self._lesson = None
        self.query_one("#lessons", OptionList).focus()
        self._head()

    def action_step(self, by: int) -> None:
        if self._lesson is not None:
            names = [file.id for file in self._files]
            self.open(names[(names.index(self._lesson.id) + by) % len(names)])

    async def action_questions(self) -> None:
        if self._lesson is not None:
            self._leave_lesson()
            await self.scaling_app.visit("quiz", self._lesson.id)

    async def action_own_questions(self) -> None:
        self._leave_lesson()
        await self.scaling_app.visit("quiz", OWN_RUNS)

    async def action_mistakes(self) -> None:
        self._leave_lesson()
        await self.scaling_app.visit("quiz", MISTAKES)

    async def action_history(self) -> None:
        self._leave_lesson()
        await self.scaling_app.visit("quiz", HISTORY)

    async def action_predict(self) -> None:
        await self.scaling_app.visit("quiz", PREDICTION_GAME)

    @work(exclusive=True, group="own")
    async def action_own(self) -> None:
        """Shows the latest sweep of the lesson's ladder on the live screen, or offers to launch one."""
        if self._lesson is None or not self._lesson.ladder:
            return
        ladder = self._lesson.ladder
        with suppress(InputError):
            # In a thread: sweeps that nobody has read yet take seconds.
            listed = await to_thread(self.scaling_app.listing.poll, close=False)
            for row in listed.rows:
                if row.ladder == ladder and not row.archived:
                    self._watch(row.name)
                    return
        choices = [("launch", f"Launch {ladder} now"), ("no", "Not now")]
        self.app.push_screen(Choose(f"You have no sweep of {ladder} yet.", lines_of(choices)), self._launch)

    def _launch(self, choice: str | None) -> None:
        if choice == "launch" and self._lesson is not None:
            self.notify(f"Launching {self._lesson.ladder} …", markup=False)
            self._launch_ladder(self._lesson.ladder)

    @work(thread=True)
    def _launch_ladder(self, ladder: str) -> None:
        """In a thread: reading the corpus and starting a supervisor take a second or more."""
        try:
            sweep = launch(self.runs, load_ladder(ladder))
        except InputError as error:
            self.app.call_from_thread(self.notify, str(error), severity="error", markup=False)
        else:
            self.app.call_from_thread(self._watch, sweep.name)

    def _watch(self, sweep: str) -> None:
        self.run_worker(self._to_live(sweep))

    async def _to_live(self, sweep: str) -> None:
        self.scaling_app.sweep = sweep
        await self.app.switch_mode("live")


def _questions(standing: LessonStanding | None) -> str:
    """How many questions a lesson has; once some are answered, how many of them are mastered."""
    if standing is None:
        return "no questions"
    if not standing.answered:
        return show.counted(standing.questions, "question")
    return f"{standing.mastered} of {standing.questions} mastered"


def _plot(shown: Figure) -> Plot:
    plot = Plot()
    plot.figure = shown
    return plot


def _training(training: Training | str) -> list[Widget]:
    """A training with its table and its curve; or a sentence where there is none."""
    if isinstance(training, str):
        return [Static(Text(training))]
    text = Text.assemble((training.title, "bold"), "\n", evaluations_text(training.table))
    return [Static(text), _plot(training.curve)]
