"""What a learner did, in print: sittings, days, and mistakes with their explanation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from scaling_tui import InputError
from scaling_tui.report.tutor import diagnosis_text
from scaling_tui.report.wrapping import wrapped
from scaling_tui.text import show
from scaling_tui.text.columns import columns
from scaling_tui.tutor.content.questions import Question
from scaling_tui.tutor.content.variant import Variant, variant
from scaling_tui.tutor.grading.marking import Grade, grade
from scaling_tui.tutor.history import Day, History, PastMistake, PastSitting, streak

SHOWN = 14  # days and sittings


@dataclass(frozen=True)
class Explained:
    """A mistake with its question as it was asked. `graded` is None where the answer was not kept."""

    mistake: PastMistake
    asked: Variant
    graded: Grade | None


def history_text(sittings: Sequence[PastSitting], known: Sequence[Day], today: date) -> str:
    if not known:
        return "Nothing answered yet."
    lines = []
    if sittings:
        rows = [("started", "", "right", "answered", "of", "time", "")]
        rows += [
            (
                f"{each.begun.astimezone():%Y-%m-%d %H:%M}", "test" if each.test else "quiz", str(each.right),
                str(len(each.answers)), str(len(each.questions)), show.duration(each.seconds),
                "" if each.ended else "open",
            )
            for each in sittings[-SHOWN:]
        ]  # fmt: skip
        lines += [columns(rows, (2, 3, 4, 5)), ""]
    rows_of_days = [("day", "answers", "right", "time")]
    rows_of_days += [
        (day.date.isoformat(), str(day.answers), str(day.right), show.duration(day.seconds)) for day in known[-SHOWN:]
    ]
    lines.append(columns(rows_of_days, (1, 2, 3)))
    row = streak(known, today)
    total = show.duration(sum(day.seconds for day in known))
    lines.append(f"{show.counted(len(known), 'day')}, {row} in a row; {total} spent on questions")
    return "\n".join(lines)


def today_text(known: Sequence[Day], today: date) -> str:
    """Today's answers and time, and days in a row; empty where there are neither."""
    row = streak(known, today)
    parts = [f"{show.counted(row, 'day')} in a row"] if row > 1 else []
    if known and known[-1].date == today:
        parts.append(f"{show.counted(known[-1].answers, 'answer')}, {show.duration(known[-1].seconds)} today")
    return " · ".join(parts)


def history_document(sittings: Sequence[PastSitting], known: Sequence[Day], today: date) -> dict[str, Any]:
    return {
        "sittings": [
            {
                "id": each.id,
                "test": each.test,
                "begun": each.begun.isoformat(),
                "questions": list(each.questions),
                "answered": len(each.answers),
                "right": each.right,
                "seconds": each.seconds,
                "ended": each.ended,
            }
            for each in sittings
        ],
        "days": [
            {"date": day.date.isoformat(), "answers": day.answers, "right": day.right, "seconds": day.seconds}
            for day in known
        ],
        "days_in_a_row": streak(known, today),
    }


def explained(past: History, questions: Sequence[Question]) -> list[Explained]:
    """The mistakes in questions that are known, each graded again to say what went wrong."""
    rows = []
    for mistake, question in past.with_questions(questions):
        try:
            asked = variant(question, mistake.latest.seed)
            rows.append(Explained(mistake, asked, grade(asked, mistake.latest.text)))
        except InputError:
            rows.append(Explained(mistake, variant(question, mistake.latest.seed), None))
    return rows


def mistakes_text(rows: Sequence[Explained], wide: int = 0) -> str:
    """Each mistake with its question, what went wrong and what is right, in lines of at most `wide` columns."""
    if not rows:
        return "No mistakes to review: the latest answer to every question was right."
    parts = []
    for row in rows:
        latest, graded = row.mistake.latest, row.graded
        times = f" · wrong {row.mistake.times} times" if row.mistake.times > 1 else ""
        parts.append(f"{latest.time.astimezone():%Y-%m-%d} · {latest.question} · {latest.lesson}{times}")
        parts.append(wrapped(row.asked.text, "  ", wide))
        if graded is not None:
            parts.append(wrapped(f"You: {graded.read_as}. {diagnosis_text(graded)}", "  ", wide))
        parts += [wrapped(f"Right: {row.asked.expected}", "  ", wide), ""]
    return "\n".join(parts).rstrip()


def mistake_document(row: Explained) -> dict[str, Any]:
    latest = row.mistake.latest
    return {
        "id": latest.question,
        "lesson": latest.lesson,
        "seed": latest.seed,
        "time": latest.time.isoformat(),
        "times": row.mistake.times,
        "answer": latest.text or None,
        "slip": latest.slip or None,
        "diagnosis": diagnosis_text(row.graded) if row.graded else None,
        "expected": row.asked.expected,
    }
