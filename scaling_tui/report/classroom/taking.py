"""What a student is told who takes an assignment: at the beginning, of each answer, and at the end."""

from collections.abc import Mapping
from typing import Any

from scaling_tui.report.classroom.points import points_text, worth
from scaling_tui.report.tutor import diagnosis_text, solution_text
from scaling_tui.report.wrapping import wrapped
from scaling_tui.text import show
from scaling_tui.text.columns import columns
from scaling_tui.tutor.classroom.assignment import when
from scaling_tui.tutor.classroom.sitting import Sitting, Standing
from scaling_tui.tutor.grading.marking import grade


def opening_text(sitting: Sitting) -> str:
    """What a student is told at the beginning."""
    assignment = sitting.assignment
    size = f"{show.counted(len(assignment.items), 'question')}, {worth(assignment.points)}"
    lines = [f"{assignment.title} · {sitting.student} · {size}"]
    if assignment.deadline:
        over = " · over" if sitting.closed else ""
        lines.append(f"deadline {when(assignment.deadline)}{over}")
    lines.append(f"answers are saved in {sitting.path}")
    if sitting.answered:
        lines.append(f"{sitting.answered} of {len(assignment.items)} answered so far")
    return "\n".join(lines)


def standing_text(standing: Standing) -> str:
    """How far a student is with a question, in a few words."""
    if not standing.answers:
        return "open"
    left = standing.tries_left
    tries = f" · {left} {'try' if left == 1 else 'tries'} left" if left else ""
    if not standing.told:
        return f"answered{tries}"
    return "✓ right" if standing.answers[-1].correct else f"✗ wrong{tries}"


def standing_lines(sitting: Sitting, titles: Mapping[str, str]) -> list[str]:
    """A line for each question: its lesson, what it is worth, and how far the student is with it."""
    return [
        f"{number}. {titles.get(each.question.lesson, each.question.lesson)} · "
        f"{worth(each.item.points)} · {standing_text(each)}"
        for number, each in enumerate(sitting.standings(), 1)
    ]


def closing_text(sitting: Sitting) -> str:
    """What a student is told at the end: what is answered, the receipt, and, where it is allowed, what was right."""
    standings, assignment = sitting.standings(), sitting.assignment
    lines = [f"{sitting.answered} of {len(standings)} answered."]
    if sitting.reveals:
        lines += ["", feedback_text(sitting)]
    elif sitting.tells:
        rows = [("", "question", "points", ""), *(
            (str(number), each.question.id, points_text(each.item.points), standing_text(each))
            for number, each in enumerate(standings, 1)
        )]  # fmt: skip
        lines.append(columns(rows, (0, 2)))
    elif assignment.feedback == "after-deadline" and assignment.deadline:
        lines.append(f"Come back after {when(assignment.deadline)} to see what was right.")
    if sitting.answered:
        lines += [
            "", f"Hand in {sitting.path}",
            f"receipt {sitting.receipt}: it identifies this file as it is now; keep it, or hand it in too",
        ]  # fmt: skip
    return "\n".join(lines)


def feedback_text(sitting: Sitting) -> str:
    """Every question with the student's last answer, its verdict and the solution; the points of them all."""
    lines: list[str] = []
    total = 0.0
    for number, standing in enumerate(sitting.standings(), 1):
        asked = sitting.exercise.asked(standing.question, sitting.student)
        lines += [f"{number}. {wrapped(asked.text)}"]
        if standing.answers:
            given = standing.answers[-1]
            graded = grade(asked, given.answer)
            total += standing.item.points * graded.correct
            sign, points = ("✓", standing.item.points) if graded.correct else ("✗", 0.0)
            lines.append(wrapped(f"{sign} You: {graded.read_as} · {worth(points)}. {diagnosis_text(graded)}", "  "))
        else:
            lines.append("  not answered")
        lines += [solution_text(asked), ""]
    return "\n".join([*lines, f"{points_text(total)} of {worth(sitting.assignment.points)}."])


def sitting_document(sitting: Sitting) -> dict[str, Any]:
    """The sitting as it ends; verdicts only where the student may know them."""
    assignment = sitting.assignment
    shown = sitting.tells or sitting.reveals
    return {
        "assignment": assignment.id,
        "student": sitting.student,
        "file": str(sitting.path),
        "receipt": sitting.receipt,
        "deadline": assignment.deadline.isoformat() if assignment.deadline else None,
        "answered": sitting.answered,
        "questions": [
            {
                "id": each.item.question,
                "points": each.item.points,
                "answers": len(each.answers),
                "tries_left": each.tries_left,
                "correct": each.answers[-1].correct if shown and each.answers else None,
            }
            for each in sitting.standings()
        ],
    }
