"""The tutor as plain text: tables, a question, and a sitting of prompts for a pipe or a dumb terminal."""

import shutil
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from scaling_tui import InputError
from scaling_tui.tutor.content.lesson import Lesson, LessonFile
from scaling_tui.tutor.content.questions import Formula, Numeric, Question
from scaling_tui.tutor.content.variant import Variant
from scaling_tui.tutor.grading.marking import Mark, read
from scaling_tui.tutor.session import Result, Sitting

WIDTH = 80  # of a page where it is not read on a terminal that has fewer columns
COMMANDS = "'hint', 'solution', 'skip', 'quit'"


def questions_table(questions: Sequence[Question]) -> str:
    rows = [(question.id, question.kind, question.difficulty, question.lesson) for question in questions]
    return table(("question", "kind", "grade", "lesson"), rows)


def lessons_table(lessons: Sequence[LessonFile]) -> str:
    rows = [(file.id, f"{file.head['minutes']} min", file.title) for file in lessons]
    return table(("lesson", "", "is about"), rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)]
    return "\n".join(line.rstrip() for line in lines)


def width() -> int:
    """Columns of a page on this terminal."""
    return min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns)


def wrapped(text: str, indent: str = "") -> str:
    """Paragraphs filled to the width; lines that are indented, programs, stay as they are."""
    lines = []
    for line in text.splitlines():
        if line.startswith("    "):
            lines.append(indent + line)
        else:
            lines += textwrap.wrap(line, width() - len(indent), break_on_hyphens=False, break_long_words=False) or [""]
    return "\n".join(indent + line if not line.startswith(indent + "    ") else line for line in lines)


def question_text(asked: Variant) -> str:
    """The question as it is put, with its options or its program."""
    parts = [wrapped(asked.text)]
    parts += [wrapped(f"{option.letter}) {option.text}", "  ") for option in asked.options]
    body = asked.question.body
    if isinstance(body, Formula) and body.code:
        parts += [f"  {number} | {line}" for number, line in enumerate(body.code.splitlines(), 1)]
    return "\n".join(parts)


def mark_text(marked: Mark) -> str:
    if marked.correct:
        return f"✓ Right: {marked.expected}"
    return (
        wrapped(f"✗ Not yet. {marked.read_as}: {marked.diagnosis}") + "\n" + wrapped(f"One step: {marked.step}", "  ")
    )


def solution_text(asked: Variant) -> str:
    steps = [wrapped(f"{number}. {step}", "  ") for number, step in enumerate(asked.steps, 1)]
    lines = [*steps, *(wrapped(line, "  ") for line in (f"Quick check: {asked.check}", f"Answer: {asked.expected}"))]
    return "\n".join([*lines, f"  See it: scaling-tui plan {asked.plan}"] if asked.plan else lines)


def show_document(asked: Variant) -> dict[str, Any]:
    question = asked.question
    body = question.body
    return {
        "id": question.id,
        "kind": question.kind,
        "lesson": question.lesson,
        "difficulty": question.difficulty,
        "seed": asked.seed,
        "text": asked.text,
        "options": {option.letter: option.text for option in asked.options} or None,
        "code": body.code if isinstance(body, Formula) and body.code else None,
        "asks": asked.asks,
        "hint": asked.hint,
        "plan": asked.plan or None,
    }


def lesson_document(lesson: Lesson, questions: Sequence[Question]) -> dict[str, Any]:
    return {
        "id": lesson.id,
        "title": lesson.title,
        "summary": lesson.summary,
        "minutes": lesson.minutes,
        "ladder": lesson.ladder or None,
        "parts": [part if isinstance(part, str) else asdict(part) for part in lesson.parts],
        "questions": [question.id for question in questions],
    }


def grade_document(asked: Variant, marked: Mark) -> dict[str, Any]:
    return {
        "id": asked.question.id,
        "seed": asked.seed,
        "read_as": marked.read_as,
        "correct": marked.correct,
        "slip": marked.slip or None,
        "diagnosis": marked.diagnosis or None,
        "step": marked.step or None,
        "expected": marked.expected,
        "hint": asked.hint,
        "solution": list(asked.steps),
    }


def summary_document(sitting: Sitting, titles: dict[str, str]) -> dict[str, Any]:
    topics = sitting.topics()
    return {
        "asked": len(sitting.results),
        "right": sitting.right,
        "test": sitting.test,
        "topics": [
            {"lesson": topic.lesson, "title": titles.get(topic.lesson), "right": topic.right, "asked": topic.asked}
            for topic in topics
        ],
        "read_next": sitting.weak[:3],
        "results": [
            {
                "id": one.question.id,
                "seed": one.asked.seed,
                "correct": one.correct,
                "slip": one.mark.slip or None,
                "tries": one.tries,
            }
            for one in sitting.results
        ],
    }


def summary_text(sitting: Sitting, titles: dict[str, str]) -> str:
    if not sitting.results:
        return "Nothing answered, nothing recorded."
    skipped = f", {sitting.skipped} skipped" if sitting.skipped > 0 else ""
    lines = [f"{sitting.right} of {len(sitting.results)} right at the first try{skipped}."]
    topics = sitting.topics()
    lines += [f"  {topic.right} of {topic.asked}  {titles.get(topic.lesson, topic.lesson)}" for topic in topics]
    if sitting.test:
        lines += [line for one in sitting.results if not one.correct for line in ("", *_review(one))]
    return "\n".join(lines)


def _review(result: Result) -> list[str]:
    """What was answered wrong in a test, what is right, and why."""
    marked = result.mark
    said = [f"✗ {result.asked.text}", f"You: {marked.read_as}", f"Right: {marked.expected}", marked.diagnosis]
    return [wrapped(said[0]), *(wrapped(line, "  ") for line in said[1:] if line)]


def take(sitting: Sitting, titles: dict[str, str], ask: Callable[[str], str], tell: Callable[[str], None]) -> None:
    """Runs a sitting by prompts; ends early at the end of the input.

    Args:
        sitting: what to ask.
        titles: of the lessons, by name.
        ask: shows a prompt and returns a line; raises EOFError at the end.
        tell: shows text.
    """
    kind = "Test" if sitting.test else "Quiz"
    while not sitting.over:
        question = sitting.asked.question
        place = f"{sitting.index + 1} of {len(sitting.questions)} · {question.difficulty}"
        tell(f"\n{kind} · {titles.get(question.lesson, question.lesson)} · {place}")
        tell(question_text(sitting.asked))
        try:
            if not _answered(sitting, ask, tell):
                return
        except EOFError:
            return
        sitting.next()


def _answered(sitting: Sitting, ask: Callable[[str], str], tell: Callable[[str], None]) -> bool:
    """One question until it is right, given up or left; False to end the sitting."""
    commands = "'skip', 'quit'" if sitting.test else COMMANDS
    while True:
        line = ask(f"({sitting.asked.asks}; {commands}) > ").strip()
        match line.casefold():
            case "quit" | "exit":
                return False
            case "skip" | "next":
                return True
            case "hint" | "?" if not sitting.test:
                tell(wrapped(sitting.hint(), "  "))
                continue
            case "solution" if not sitting.test:
                tell(solution_text(sitting.asked))
                return True
            case "":
                continue
        try:
            if not sitting.asked.options:
                tell(f"  read as {read(sitting.asked, line)}")
            marked = sitting.answer(line)
        except InputError as error:
            tell(f"  {error}")
            continue
        if sitting.test:
            tell("  noted")
            return True
        tell(mark_text(marked))
        if marked.correct:
            return True
        if sitting.asked.options:
            tell(solution_text(sitting.asked))
            return True
        sitting.again()
        if isinstance(sitting.asked.question.body, Numeric):
            tell("\nThe same with fresh numbers ('solution' shows how, 'skip' goes on):")
            tell(question_text(sitting.asked))
