"""How far a learner is, beside the questions: this session, the lessons, the last days."""

from collections.abc import Sequence
from datetime import date, datetime

from rich.text import Text
from textual.app import ComposeResult
from textual.geometry import Size

from scaling_tui.report.classroom.taking import standing_lines
from scaling_tui.text import show
from scaling_tui.text.columns import cut, flush_left
from scaling_tui.tui.widgets.panel import Group, Panel
from scaling_tui.tui.widgets.text import MadeToSize
from scaling_tui.tutor.classroom.sitting import Sitting
from scaling_tui.tutor.course import Course, LessonStanding
from scaling_tui.tutor.history import Day, streak
from scaling_tui.tutor.session import Session

BAR, BARS = 10, 60  # cells of a bar, and of the panel from which it has bars


class LearningSide(Group):
    """Three panels beside a question: this session, the lessons, the last days."""

    DEFAULT_CSS = """
    LearningSide {
        #session-panel, #lessons-panel { height: auto; max-height: 45%; }
        #session, #lessons { height: auto; }
        #days { height: 1fr; }
    }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._session: Session | None = None
        self._course: Course | None = None

    def compose(self) -> ComposeResult:
        yield Panel("This session", MadeToSize(self._session_text, id="session"), id="session-panel")
        yield Panel("Lessons", MadeToSize(self._lessons_text, id="lessons"), id="lessons-panel")
        yield Panel("Days", MadeToSize(self._days_text, id="days"), id="days-panel")

    def show(self, session: Session | None, course: Course) -> None:
        """Tells of `session`, and of the course as of now."""
        self._session, self._course = session, course
        for panel in ("#session", "#lessons"):  # as high as their lines
            self.query_one(panel).refresh(layout=True)
        self.query_one("#days").refresh()

    def _session_text(self, size: Size) -> Text:
        if self._session is None or self._course is None:
            return Text("No session yet.", "dim")
        if isinstance(self._session, Sitting):
            lines = standing_lines(self._session, self._course.titles)
            return Text("\n".join(lines), no_wrap=True, overflow="ellipsis")
        return session_lines(self._session, self._course.titles, size)

    def _lessons_text(self, size: Size) -> Text:
        return Text() if self._course is None else lesson_lines(self._course.lessons(), size)

    def _days_text(self, size: Size) -> Text:
        today = datetime.now().astimezone().date()
        return Text() if self._course is None else day_lines(self._course.days(), today, size)


def session_lines(session: Session, titles: dict[str, str], size: Size) -> Text:
    """A line a question of the session, in its order, with how it went; a test does not say how."""
    first = {result.question.id: result for result in session.results}
    text = Text(no_wrap=True, overflow="ellipsis")
    for number, question in enumerate(session.questions, 1):
        result, here = first.get(question.id), number - 1 == session.index
        sign, said = ("›", "now") if here else (" ", "")
        if result is not None:
            sign, said = ("✓", "right") if result.correct else ("✗", "wrong")
            if not session.tells:
                sign, said = "·", "answered"
            elif result.tries > 1:
                said = f"{said}, {result.tries} tries"
        elif number - 1 < session.index:
            said = "skipped"
        room = max(8, size.width - len(said) - 6)
        title = f"{question.difficulty:<6}  {titles.get(question.lesson, question.lesson)}"
        title = shortened(title, room)
        text.append(f"{sign} {number:>2} {flush_left(title, room)} {said}\n", "bold" if here else "")
    return text


def lesson_lines(standings: Sequence[LessonStanding], size: Size) -> Text:
    """A line a lesson: whether it was read, how many of its questions were answered, and how many are mastered."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(flush_left("  lesson (✓ read)", max(0, size.width - 20)) + f"{'answered':>10}{'mastered':>10}\n", "dim")
    for each in standings:
        told = f"{each.answered:>4} of {each.questions:>2}{each.mastered:>10}"
        bar = BAR if size.width >= BARS else 0
        room = max(8, size.width - bar - len(told) - 4)
        done = round(bar * each.mastered / each.questions)
        text.append(f"{'✓' if each.read else ' '} {flush_left(shortened(each.title, room), room)} ")
        text.append("━" * done, "bold").append("─" * (bar - done), "dim").append(f" {told}\n")
    return text


def day_lines(days: Sequence[Day], today: date, size: Size) -> Text:
    """The last days, the latest first, as many as fit, and how many in a row."""
    if not days:
        return Text("Nothing answered yet.")
    text = Text(no_wrap=True, overflow="ellipsis")
    row = streak(days, today)
    total = show.duration(sum(day.seconds for day in days))
    text.append(f"{show.counted(len(days), 'day')}, {row} in a row · {total} in all\n", "dim")
    for day in list(reversed(days))[: max(1, size.height - 1)]:
        right = f"{day.right} of {show.counted(day.answers, 'answer')} right"
        text.append(f"{day.date.isoformat()}  {right:<24}{show.duration(day.seconds):>10}\n")
    return text


def shortened(text: str, width: int) -> str:
    """A title in at most `width` cells, without a space before the ellipsis."""
    shown = cut(text, max(1, width))
    return shown if shown == text else shown[:-1].rstrip() + "…"
