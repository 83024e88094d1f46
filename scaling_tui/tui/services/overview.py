"""How things stand for the one at the keyboard: what trains, what is due, the last law, what is next. Plain data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.runs import SweepView, list_sweeps
from scaling_tui.runs.glance import glance
from scaling_tui.sweeps.estimate import estimate, workers
from scaling_tui.sweeps.ladder import ladders, load_ladder
from scaling_tui.sweeps.sweep_fit import SweepFit, fit_beforehand
from scaling_tui.text import show
from scaling_tui.tutor.content.bank import load_banks
from scaling_tui.tutor.content.lesson import LessonFile, lesson_files
from scaling_tui.tutor.course import Course
from scaling_tui.tutor.progress import progress_file, read_answers

FIRST = "quickstart"


@dataclass(frozen=True)
class Line:
    """A line that leads somewhere: to `mode`, with the sweep in view, opening `what` there. `bar` is a share done."""

    text: str
    mode: str
    sweep: str | None = None
    what: str = ""
    bar: float | None = None


@dataclass(frozen=True)
class Section:
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Learning:
    """What the tutor has for today. `unread` are lessons in their order."""

    due: int
    new: int
    minutes: float
    unread: tuple[LessonFile, ...]
    begun: bool


class Standing:
    """Looks again and again; what did not change on disk is not read again."""

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self._views: dict[Path, tuple[object, SweepView]] = {}
        self._laws: dict[Path, tuple[SweepView, SweepFit | None]] = {}
        self._learning: tuple[object, Learning] | None = None

    def sections(self) -> tuple[Section, ...]:
        """What Home shows; sections with nothing to say are left out."""
        views, problems = [], []
        for path in list_sweeps(self._runs):
            try:
                views.append(self._view(path))
            except (InputError, OSError) as error:
                # A folder as long as some are would push the reason out of sight.
                problems.append(Line(str(error).replace(str(path), path.name), "home"))
        learning = None
        try:
            learning = self._learned()
        except InputError as error:
            problems.append(Line(str(error), "home"))
        sections = (
            Section("Running", tuple(running_line(view) for view in views if view.trains)),
            Section("Due", tuple(due_lines(learning))),
            Section("Last law", tuple(self._law_lines(views))),
            Section("Next", tuple(next_lines(views, learning))),
            Section("Not readable", tuple(problems)),
        )
        return tuple(section for section in sections if section.lines)

    def _view(self, path: Path) -> SweepView:
        """A sweep at a glance, from before where nothing trains and no state was written since."""
        statuses = [*path.glob("*/status.json"), *path.glob("*/attempt-*/status.json")]
        stamp = sorted((str(status), status.stat().st_mtime_ns) for status in statuses)
        known = self._views.get(path)
        if known is None or known[0] != stamp or known[1].trains:
            known = self._views[path] = (stamp, glance(path))
        return known[1]

    def _learned(self) -> Learning:
        path = progress_file()
        today = datetime.now(UTC)
        stamp = (path.stat().st_mtime_ns if path.exists() else 0, today.replace(minute=0, second=0, microsecond=0))
        if self._learning is None or self._learning[0] != stamp:
            self._learning = (stamp, learned(path, today))
        return self._learning[1]

    def _law_lines(self, views: Sequence[SweepView]) -> Iterator[Line]:
        """The law of the latest finished sweep that has one, and how its prediction came out."""
        for view in views:
            if view.state != "finished":
                continue
            known = self._laws.get(view.path)
            if known is None or known[0] is not view:
                fit = fit_beforehand(view)
                known = self._laws[view.path] = (view, fit)
            if known[1] is not None:
                yield Line(law_in_brief(view.name, known[1]), "law", view.name)
                if told := prediction_in_brief(view):
                    yield Line(told, "live", view.name)
                return


def learned(path: Path, now: datetime) -> Learning:
    """What the tutor has for today, by the answers in the file at `path`."""
    course = Course.load([question for bank in load_banks() for question in bank.questions], path, now)
    answers = read_answers(path)
    read = {answer.lesson for answer in answers if not answer.question}
    unread = tuple(file for file in lesson_files() if file.id not in read)
    state = course.review_state
    return Learning(len(state.due), len(state.new), course.minutes, unread, bool(answers))


def running_line(view: SweepView) -> Line:
    finished = sum(run.state == "finished" for run in view.runs)
    text = f"{show.SIGNS['running']} {view.name}  {finished} of {len(view.runs)} finished"
    if view.seconds_left is not None:
        text += f", {show.duration(view.seconds_left)} left"
    return Line(text, "live", view.name, bar=view.progress)


def due_lines(learning: Learning | None) -> Iterator[Line]:
    if learning is None or not learning.begun:
        return
    if learning.due or learning.new:
        minutes = max(1, round(learning.minutes))
        yield Line(f"{learning.due} questions due, {learning.new} new, about {minutes} min", "quiz")
    else:
        yield Line("No question is due today", "quiz")


def law_in_brief(name: str, fitted: SweepFit) -> str:
    coefficients = "  ".join(f"{key} {show.coefficient(value)}" for key, value in fitted.fit.coefficients.items())
    return f"{name} · {fitted.fit.law.name} · {len(fitted.runs)} runs · {coefficients}"


def prediction_in_brief(view: SweepView) -> str:
    """How the last prediction came out; empty where there is nothing to compare it with."""
    if not view.predictions:
        return ""
    prediction = view.predictions[-1]
    run = view.run(prediction.run)
    if run is None or run.loss is None or run.state != "finished":
        return ""
    error = show.percent(run.loss / prediction.predicted - 1, 1, sign=True)
    told = f"{show.loss(run.loss)} measured, {show.loss(prediction.predicted)} predicted"
    return f"{prediction.rung} {error} from the prediction: {told}"


def next_lines(views: Sequence[SweepView], learning: Learning | None) -> Iterator[Line]:
    """What one could do now, the most useful first."""
    if not views:
        ladder = load_ladder(FIRST)
        time = estimate(ladder, (), workers(None, "auto"), len(ladder.seeds))
        yield Line(f"Train the ladder {FIRST}: about {show.duration(time.total)}", "lab", what=FIRST)
    for view in views[:1]:
        if not view.trains and view.state in ("stopped", "lost", "failed", "diverged"):
            done = show.percent(view.progress)
            yield Line(f"{view.name} is {view.state} at {done}: see why, resume it", "live", view.name)
    if learning is not None and learning.unread:
        lesson, count = learning.unread[0], len(learning.unread)
        minutes = f"{lesson.head['minutes']} min" + (f", {count} lessons unread" if learning.begun else "")
        yield Line(f"Read: {lesson.title} ({minutes})", "learn", what=lesson.id)
    if learning is not None and not learning.begun:
        yield Line(f"Answer first questions, about {max(1, round(learning.minutes))} min", "quiz")
    if views and not any(view.trains for view in views):
        if any(view.state == "finished" for view in views):
            yield Line("Ask what the law says: the best run for a budget", "plan")
        trained = {str(view.document.get("ladder")) for view in views}
        for path in ladders():
            if path.stem not in trained:
                try:
                    yield Line(f"Train {path.stem}: {load_ladder(str(path)).summary}", "lab", what=path.stem)
                except InputError:
                    continue
                return
