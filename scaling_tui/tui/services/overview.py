"""What Home shows: sweeps in training, questions due, the last law, what to do next. Plain data."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.report.history import today_text
from scaling_tui.report.sweeps import faults_in_brief
from scaling_tui.runs import SweepView
from scaling_tui.runs.commands import suggested
from scaling_tui.runs.glance import glance
from scaling_tui.sweeps.devices import kind_of
from scaling_tui.sweeps.estimate import estimate
from scaling_tui.sweeps.ladder import ladders, load_ladder
from scaling_tui.sweeps.listing import PATIENCE_S, Listed, Listing
from scaling_tui.sweeps.row import SweepRow
from scaling_tui.sweeps.speeds import cached
from scaling_tui.sweeps.summary import prediction_summary
from scaling_tui.sweeps.sweep_fit import SweepFit, fit_beforehand
from scaling_tui.sweeps.time_left import time_left
from scaling_tui.text import show
from scaling_tui.tutor.content.bank import load_banks
from scaling_tui.tutor.content.lesson import LessonFile, lesson_files
from scaling_tui.tutor.course import Course
from scaling_tui.tutor.progress import progress_file, read_answers

FIRST = "quickstart"
MOST_FITTED = 20  # sweeps to try for the last law
MOST_PROBLEMS = 50  # lines of what cannot be read


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
    """Today's questions and lessons; `unread` are lessons in course order, `begun` is whether any was answered.

    `standing` tells how far the learner is, and `today` of the days; either may be empty.
    """

    due: int
    new: int
    minutes: float
    unread: tuple[LessonFile, ...]
    begun: bool
    standing: str = ""
    today: str = ""


class Overview:
    """Reads again and again, but not what has not changed on disk, and little at a time.

    `last_law` is what the section of that name tells of: the sweep and its fit.
    """

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._laws: dict[str, tuple[SweepRow, SweepView, SweepFit | None]] = {}
        self._tutor: tuple[object, TutorStatus] | None = None
        self.last_law: tuple[SweepView, SweepFit] | None = None

    def sections(self) -> tuple[OverviewSection, ...]:
        """Home's sections, without the empty ones. Of many sweeps that are new here, later calls tell the rest."""
        listed, problems = Listed((), (), {}), []
        try:
            listed = self._listing.poll(PATIENCE_S, close=False)
        except InputError as error:
            problems = [OverviewLine(str(error), "home")]
        # A folder as long as some are would push the reason out of sight.
        problems += [OverviewLine(row.broken.replace(row.path, row.name), "home") for row in listed.rows if row.broken]
        rows = [row for row in listed.rows if not row.broken and not row.archived]
        problems += [
            OverviewLine(text, "live", row.name) for row in rows if (text := faults_in_brief(row.name, row.faults))
        ]
        learning = None
        try:
            learning = self._tutor_status()
        except InputError as error:
            problems.append(OverviewLine(str(error), "home"))
        training = [running_line(listed.live[row.name]) for row in rows if row.name in listed.live]
        if unknown := len(listed.unknown):
            training.append(OverviewLine(f"Reading {show.counted(unknown, 'more sweep')} …", "home"))
        more = len(problems) - MOST_PROBLEMS
        if more > 0:
            names = suggested(self._listing.runs, "runs")
            problems[MOST_PROBLEMS:] = [OverviewLine(f"and {more} more; {names} names all", "home")]
        sections = (
            OverviewSection("Training", tuple(training)),
            OverviewSection("Sweeps", tuple(sweeps_lines(listed))),
            OverviewSection("Questions", tuple(due_lines(learning))),
            OverviewSection("Last law", tuple(self._law_lines(rows))),
            OverviewSection("Next", tuple(next_lines(rows, learning))),
            OverviewSection("Cannot be read", tuple(problems)),
        )
        return tuple(section for section in sections if section.lines)

    def _tutor_status(self) -> TutorStatus:
        path = progress_file()
        now = datetime.now(UTC)
        # A new day begins at the learner's own midnight.
        stamp = (modified(path), now.astimezone().replace(minute=0, second=0, microsecond=0))
        if self._tutor is None or self._tutor[0] != stamp:
            self._tutor = (stamp, tutor_status(path, now))
        return self._tutor[1]

    def _law_lines(self, rows: Sequence[SweepRow]) -> Iterator[OverviewLine]:
        """The law of the latest finished sweep that has one, and how its prediction turned out."""
        self.last_law = None
        finished = [row for row in rows if row.state == "finished" and row.law]
        for row in finished[:MOST_FITTED]:
            known = self._laws.get(row.path)
            if known is None or known[0] is not row:
                try:
                    view = glance(Path(row.path))
                except (InputError, OSError):  # it was deleted since it was listed
                    continue
                known = self._laws[row.path] = (row, view, fit_beforehand(view))
            _, view, fit = known
            if fit is not None:
                self.last_law = view, fit
                yield OverviewLine(law_line(view.name, fit), "law", view.name)
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
    lessons = course.lessons()
    mastered, questions = sum(each.mastered for each in lessons), sum(each.questions for each in lessons)
    standing = f"{sum(each.read for each in lessons)} of {len(lessons)} lessons read, "
    standing += f"{mastered} of {questions} questions mastered"
    today = today_text(course.days(), now.astimezone().date())
    return TutorStatus(len(state.due), len(state.new), course.minutes, unread, bool(answers), standing, today)


def running_line(view: SweepView) -> OverviewLine:
    finished = sum(run.state == "finished" for run in view.runs)
    text = f"{show.SIGNS['running']} {view.name}  {finished} of {len(view.runs)} finished"
    if (left := time_left(view)) is not None:
        text += f", {show.time_left(left.seconds, left.low, left.high)}"
    if view.copy is not None and view.copy.stale:
        text += f", as of {show.date(view.copy.as_of)}"
    return OverviewLine(text, "live", view.name, bar=view.progress)


def sweeps_lines(listed: Listed) -> Iterator[OverviewLine]:
    """How many sweeps there are, and in which states; nothing without any."""
    number = len(listed.rows) + len(listed.unread)
    if number:
        counts = Counter("archived" if row.archived else row.state for row in listed.rows)
        states = ", ".join(f"{counts[state]:,} {state}" for state in (*show.SIGNS, "archived") if counts[state])
        yield OverviewLine(f"{show.counted(number, 'sweep')}: {states}".removesuffix(": "), "sweeps")


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
    yield OverviewLine(learning.standing, "learn")
    if learning.today:
        yield OverviewLine(learning.today, "quiz", what="history")


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


def next_lines(rows: Sequence[SweepRow], learning: TutorStatus | None) -> Iterator[OverviewLine]:
    """What to do next, the most useful first."""
    if not rows:
        ladder = load_ladder(FIRST)
        time = estimate(ladder, replace(cached(kind_of("auto")), gpu_free=0), seeds=len(ladder.seeds))
        yield OverviewLine(f"Train the ladder {FIRST}: about {show.duration(time.total)}", "lab", what=FIRST)
    for row in rows[:1]:
        if not row.trains and row.state in ("stopped", "lost", "failed", "diverged"):
            done = f" at {show.percent(row.progress)}" if row.progress is not None else ""
            choice = ", or resume" if row.resumable else ""
            yield OverviewLine(f"{row.name} is {row.state}{done}: see why{choice}", "live", row.name)
    if learning is not None and learning.unread:
        lesson, count = learning.unread[0], len(learning.unread)
        minutes = f"{lesson.head['minutes']} min" + (
            f", {show.counted(count, 'lesson')} unread" if learning.begun else ""
        )
        yield OverviewLine(f"Read: {lesson.title} ({minutes})", "learn", what=lesson.id)
    if learning is not None and not learning.begun:
        yield OverviewLine(f"Try the first questions, about {max(1, round(learning.minutes))} min", "quiz")
    if rows and not any(row.trains for row in rows):
        if any(row.state == "finished" for row in rows):
            yield OverviewLine("Plan the best run for a budget", "plan")
        trained = {row.ladder for row in rows}
        for path in ladders():
            if path.stem not in trained:
                try:
                    yield OverviewLine(f"Train {path.stem}: {load_ladder(str(path)).summary}", "lab", what=path.stem)
                except InputError:
                    continue
                return
