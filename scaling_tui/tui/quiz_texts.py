"""What Quiz says: its choices, the line above a question, what came of an answer, and solutions."""

from rich.text import Text

from scaling_tui.report.tutor import verdict_text
from scaling_tui.text import show
from scaling_tui.tui.widgets.learning import shortened
from scaling_tui.tutor.content.questions import Code, Numeric
from scaling_tui.tutor.content.variant import Variant
from scaling_tui.tutor.course import Course
from scaling_tui.tutor.grading.marking import Grade
from scaling_tui.tutor.history import PastSitting
from scaling_tui.tutor.review import SESSION_QUESTIONS
from scaling_tui.tutor.session import Session


def choices(course: Course, left: PastSitting | None) -> list[tuple[str, str]]:
    """What there is to do, each a key with its text; `left` is the sitting that can go on."""
    lines = []
    if left is not None:
        what = "test" if left.test else "questions about your own runs" if left.made else "session"
        lines.append(("resume", f"Continue the {what}: {len(left.answers)} of {len(left.questions)} answered"))
    lines.append(("session", f"Start: {min(SESSION_QUESTIONS, len(course.questions))} questions, those due first"))
    if wrong := len(course.wrong()):
        lines.append(("mistakes", f"Your mistakes: {show.counted(wrong, 'question')} to answer again"))
    lines += [
        ("test", "Test: 10 questions at three levels, no hints, a score by topic"),
        ("lesson", "Questions on one lesson …"),
        ("own", "Questions about your own runs: their law, its exponent, what they would have needed"),
        ("predict", "Predict the loss of your largest run and compare with the law's prediction"),
    ]
    if course.answers:
        lines.append(("history", "Your history: sessions, tests and days"))
    return [*lines, ("assignment", "An assignment of your class …")]


def heading(session: Session, titles: dict[str, str], width: int) -> str:
    """The session, the lesson and the place on the left, the score on the right, in `width` cells."""
    lesson = session.asked.question.lesson
    kind, place = session.name, f" · {session.place}"
    # A test does not show the score as it goes.
    answered = len(session.results)
    right = f"answered {answered}" if session.test else f"right {session.right} of {answered}"
    room = max(12, width)
    title = shortened(titles.get(lesson, lesson), room - len(kind) - 3 - len(place) - len(right) - 2)
    left = f"{kind} · {title}{place}"
    return left + " " * max(2, room - len(left) - len(right)) + right


def feedback(session: Session, marked: Grade) -> Text:
    """What came of an answer, and what enter does then."""
    text = Text()
    if not session.helps:
        then = "enter  try again" if session.tries_left else "enter  next question"
        return text.append(verdict_text(marked, session.tries_left)).append(f"\n\n{then}", "dim")
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
    return text.append(f"\n{then}", "dim")


def solution(variant: Variant) -> Text:
    """The worked solution with the answer at its end."""
    lines = [f"{number}. {step}" for number, step in enumerate(variant.steps, 1)]
    answer = f"Answer:\n{variant.expected}" if isinstance(variant.body, Code) else f"Answer: {variant.expected}"
    return Text("\n".join([*lines, f"Quick check: {variant.check}", answer]))
