"""Marks as a table, as CSV and as JSON."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from scaling_tui.report.classroom.points import points_text
from scaling_tui.text import show
from scaling_tui.text.columns import columns
from scaling_tui.text.visible import visible
from scaling_tui.tutor.classroom.assignment import Assignment
from scaling_tui.tutor.classroom.marks import Mark
from scaling_tui.tutor.classroom.roster import Student

# What a spreadsheet takes for a formula where a cell begins with it, in their wide forms too.
_FORMULA = ("=", "+", "-", "@", "|", "%", "＝", "＋", "－", "＠")


def marks_table(marks: Sequence[Mark]) -> str:
    """The marks for a person: a row a student."""
    head = ("id", "name", "state", "points", "of", "late", "notes")
    rows = [
        (
            mark.student or "?", mark.name, mark.state, points_text(mark.points), points_text(mark.most),
            show.duration(mark.late.total_seconds()) if mark.late else "", _noted(mark),
        )
        for mark in marks
    ]  # fmt: skip
    return columns([[visible(" ".join(cell.split())) for cell in row] for row in (head, *rows)], (3, 4, 5))


def _noted(mark: Mark) -> str:
    file = f"{mark.file.name}: " if mark.file and mark.state != "marked" else ""
    return file + "; ".join(mark.notes) if mark.notes else ""


def marks_csv(assignment: Assignment, marks: Sequence[Mark]) -> str:
    """The marks for a spreadsheet, a row a student; texts of others cannot become formulas there."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [item.question for item in assignment.items]
    writer.writerow(
        ["id", "name", "state", "points", "points_late", "of", "late_minutes", "answered", "minutes", "file", "notes"]
        + [f"{name}.{what}" for name in names for what in ("points", "tries", "right", "slip", "seconds")]
    )
    for mark in marks:
        row: list[Any] = [
            cell(mark.student), cell(mark.name), mark.state, _plain(mark.points), _plain(mark.points_late),
            _plain(mark.most), _plain(mark.late.total_seconds() / 60, 1) if mark.late else "",
            mark.answered if mark.questions else "", _plain(mark.seconds / 60, 1) if mark.seconds else "",
            cell(mark.file.name if mark.file else ""), cell("; ".join(mark.notes)),
        ]  # fmt: skip
        for each in mark.questions:
            given = len(each.answers)
            row += [
                _plain(each.points), given, each.right if given else "", cell(each.slip),
                _plain(sum(each.seconds), 1) if any(each.seconds) else "",
            ]  # fmt: skip
        writer.writerow(row + [""] * (11 + 5 * len(names) - len(row)))
    return out.getvalue()


def cell(text: str) -> str:
    """A text for a cell of CSV: harmless to a terminal, and no formula to a spreadsheet."""
    shown = visible(" ".join(text.split()))
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def answers_form(assignment: Assignment, students: Sequence[Student]) -> str:
    """An empty table for the answers on paper: a row a student, a column a question."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "name", *(item.question for item in assignment.items)])
    for student in students:
        writer.writerow([student.id, cell(student.name), *("" for _ in assignment.items)])
    return out.getvalue()


def marks_document(assignment: Assignment, marks: Sequence[Mark]) -> dict[str, Any]:
    """The marks with every answer, as JSON has them."""
    return {
        "assignment": assignment.id,
        "title": assignment.title,
        "deadline": assignment.deadline.isoformat() if assignment.deadline else None,
        "points": assignment.points,
        "marks": [
            {
                "id": mark.student or None,
                "name": mark.name or None,
                "state": mark.state,
                "points": mark.points,
                "points_late": mark.points_late,
                "of": mark.most,
                "late_seconds": mark.late.total_seconds() if mark.late else None,
                "seconds": mark.seconds if mark.questions else None,
                "file": str(mark.file) if mark.file else None,
                "notes": list(mark.notes),
                "questions": [
                    {
                        "id": each.question,
                        "points": each.points,
                        "points_late": each.points_late,
                        "of": each.most,
                        "right": each.right if each.answers else None,
                        "late": each.late,
                        "answers": [
                            {"answer": answer, "read_as": read, "correct": right, "slip": slip or None, "seconds": took}
                            for answer, read, right, slip, took in zip(
                                each.answers, each.read_as, each.verdicts, each.slips, each.seconds, strict=True
                            )
                        ],
                    }
                    for each in mark.questions
                ],
            }
            for mark in marks
        ],
    }


def _plain(value: float | None, digits: int = 6) -> Any:
    """A number with no more digits than it takes; empty for None."""
    if value is None:
        return ""
    value = round(value, digits)
    return int(value) if value == int(value) else value
