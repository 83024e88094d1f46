"""What Home shows: sweeps in training, questions due, the last law, what to do next. Plain data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.report.sweep import faults_in_brief
from scaling_tui.runs import SweepView, list_sweeps
from scaling_tui.runs.glance import glance
from scaling_tui.sweeps.devices import kind_of
from scaling_tui.sweeps.estimate import estimate
from scaling_tui.sweeps.ladder import ladders, load_ladder
from scaling_tui.sweeps.launch import resumable
from scaling_tui.sweeps.speeds import cached
from scaling_tui.sweeps.summary import prediction_summary
from scaling_tui.sweeps.sweep_fit import SweepFit, fit_beforehand
from scaling_tui.text import show
from scaling_tui.tutor.content.bank import load_banks
from scaling_tui.tutor.content.lesson import LessonFile, lesson_files
from scaling_tui.tutor.course import Course
from scaling_tui.tutor.progress import progress_file, read_answers

FIRST = "quickstart"


@dataclass(frozen=True)
class OverviewLine:
    """A line that links to `mode`: it shows `sweep` and opens `what` there. `bar` is the share done, 0 to 1."""

    text: str
    mode: str
    sweep: str | None = None
    what: str = ""
    bar: float | None = None


@dataclass(frozen=True)
class OverviewSection:
    title: str
    lines: tuple[OverviewLine, ...]


@dataclass(frozen=True)
class TutorStatus:
    """Today's questions and lessons; `unread` are lessons in course order, `begun` is whether any was answered."""

    due: int
    new: int
    minutes: float
    unread: tuple[LessonFile, ...]
    begun: bool


class Overview:
    """Reads again and again, but not what has not changed on disk."""

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self._views: dict[Path, tuple[object, SweepView]] = {}
        self._laws: dict[Path, tuple[SweepView, SweepFit | None]] = {}
        self._tutor: tuple[object, TutorStatus] | None = None

    def sections(self) -> tuple[OverviewSection, ...]:
        """Home's sections, without the empty ones."""
        views, problems = [], []
        try:
            paths = list_sweeps(self._runs)
        except InputError as error:
            paths, problems = [], [OverviewLine(str(error), "home")]
        for path in paths:
            try:
                views.append(self._view(path))
            except (InputError, OSError) as error:
                # A folder as long as some are would push the reason out of sight.
                problems.append(OverviewLine(str(error).replace(str(path), path.name), "home"))
        problems += [OverviewLine(text, "live", view.name) for view in views if (text := faults_in_brief(view))]
        learning = None
        try:
            learning = self._tutor_status()
        except InputError as error:
            problems.append(OverviewLine(str(error), "home"))
        sections = (
            OverviewSection("Training", tuple(running_line(view) for view in views if view.trains)),
            OverviewSection("Questions", tuple(due_lines(learning))),
            OverviewSection("Last law", tuple(self._law_lines(views))),
            OverviewSection("Next", tuple(next_lines(views, learning))),
            OverviewSection("Cannot be read", tuple(problems)),
        )
        return tuple(section for section in sections if section.lines)

    def _view(self, path: Path) -> SweepView:
        """A sweep at a glance; cached while nothing trains and no status changed."""
        statuses = [*path.glob("*/status.json"), *path.glob("*/attempt-*/status.json")]
        stamp = sorted((str(status), status.stat().st_mtime_ns) for status in statuses)
        known = self._views.get(path)
        if known is None or known[0] != stamp or known[1].trains:
            known = self._views[path] = (stamp, glance(path))
        return known[1]

    def _tutor_status(self) -> TutorStatus:
        path = progress_file()
        now = datetime.now(UTC)
        # A new day begins at the learner's own midnight.
        stamp = (modified(path), now.astimezone().replace(minute=0, second=0, microsecond=0))
        if self._tutor is None or self._tutor[0] != stamp:
            self._tutor = (stamp, tutor_status(path, now))
        return self._tutor[1]

    def _law_lines(self, views: Sequence[SweepView]) -> Iterator[OverviewLine]:
        """The law of the latest finished sweep that has one, and how its prediction turned out."""
        for view in views:
            if view.state != "finished":
                continue
            known = self._laws.get(view.path)
            if known is None or known[0] is not view:
                fit = fit_beforehand(view)
                known = self._laws[view.path] = (view, fit)
            if known[1] is not None:
                yield OverviewLine(law_line(view.name, known[1]), "law", view.name)
                if result := prediction_line(view):
                    yield OverviewLine(result, "live", view.name)
                return


def modified(path: Path) -> int:
    """Modification time in ns; 0 for what is not there or cannot be seen."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def tutor_status(path: Path, now: datetime) -> TutorStatus:
    """Today's questions and lessons, by the answers in the file at `path`."""
    course = Course.load([question for bank in load_banks() for question in bank.questions], path, now)
    answers = read_answers(path)
    read = {answer.lesson for answer in answers if not answer.question}
    unread = tuple(file for file in lesson_files() if file.id not in read)
    state = course.review_state
    return TutorStatus(len(state.due), len(state.new), course.minutes, unread, bool(answers))


def running_line(view: SweepView) -> OverviewLine:
    finished = sum(run.state == "finished" for run in view.runs)
    text = f"{show.SIGNS['running']} {view.name}  {finished} of {len(view.runs)} finished"
    if view.seconds_left is not None:
        text += f", {show.duration(view.seconds_left)} left"
    if view.copy is not None and view.copy.stale:
        text += f", as of {show.date(view.copy.as_of)}"
    return OverviewLine(text, "live", view.name, bar=view.progress)


def due_lines(learning: TutorStatus | None) -> Iterator[OverviewLine]:
    if learning is None or not learning.begun:
        return
    if learning.due or learning.new:
        minutes = max(1, round(learning.minutes))
        yield OverviewLine(
            f"{show.counted(learning.due, 'question')} due, {learning.new} new, about {minutes} min", "quiz"
        )
    else:
        yield OverviewLine("No questions due today", "quiz")


def law_line(name: str, fitted: SweepFit) -> str:
    coefficients = "  ".join(f"{key} {show.coefficient(value)}" for key, value in fitted.fit.coefficients.items())
    points = f"{len(fitted.trials)} {'points' if len(fitted.trials) < len(fitted.runs) else 'runs'}"
    return f"{name} · {fitted.fit.law.name} · {points} · {coefficients}"


def prediction_line(view: SweepView) -> str:
    """How the last prediction turned out; empty where there is nothing to compare."""
    prediction = prediction_summary(view)
    if prediction is None or prediction["measured"] is None:
        return ""
    error = show.percent(prediction["error"], 1, sign=True)
    result = f"{show.loss(prediction['measured'])} measured, {show.loss(prediction['predicted'])} predicted"
    return f"{prediction['rung']} {error} from the prediction: {result}"


def next_lines(views: Sequence[SweepView], learning: TutorStatus | None) -> Iterator[OverviewLine]:
    """What to do next, the most useful first."""
    if not views:
        ladder = load_ladder(FIRST)
        time = estimate(ladder, replace(cached(kind_of("auto")), gpu_free=0), seeds=len(ladder.seeds))
        yield OverviewLine(f"Train the ladder {FIRST}: about {show.duration(time.total)}", "lab", what=FIRST)
    for view in views[:1]:
        if not view.trains and view.state in ("stopped", "lost", "failed", "diverged"):
            done = f" at {show.percent(view.progress)}" if any(run.tokens for run in view.runs) else ""
            choice = ", or resume" if resumable(view) else ""
            yield OverviewLine(f"{view.name} is {view.state}{done}: see why{choice}", "live", view.name)
    if learning is not None and learning.unread:
        lesson, count = learning.unread[0], len(learning.unread)
        minutes = f"{lesson.head['minutes']} min" + (
            f", {show.counted(count, 'lesson')} unread" if learning.begun else ""
        )
        yield OverviewLine(f"Read: {lesson.title} ({minutes})", "learn", what=lesson.id)
    if learning is not None and not learning.begun:
        yield OverviewLine(f"Try the first questions, about {max(1, round(learning.minutes))} min", "quiz")
    if views and not any(view.trains for view in views):
        if any(view.state == "finished" for view in views):
            yield OverviewLine("Plan the best run for a budget", "plan")
        trained = {str(view.document.get("ladder")) for view in views}
        for path in ladders():
            if path.stem not in trained:
                try:
                    yield OverviewLine(f"Train {path.stem}: {load_ladder(str(path)).summary}", "lab", what=path.stem)
                except InputError:
                    continue
                return
