"""The tutor as plain text: tables, questions, and a session by prompts that works in a pipe or a dumb terminal."""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.report.glossary import with_glossary
from scaling_tui.report.wrapping import width, wrapped
from scaling_tui.text import show
from scaling_tui.text.columns import columns
from scaling_tui.text.files import read_text
from scaling_tui.tutor.content.lesson import Lesson, LessonFile
from scaling_tui.tutor.content.questions import Code, Numeric, Question
from scaling_tui.tutor.content.variant import Variant
from scaling_tui.tutor.grading.marking import Grade, read_as
from scaling_tui.tutor.session import Result, Session

COMMANDS = "'hint', 'solution', 'glossary WORD', 'skip', 'quit'"
BEGINNINGS = ("def ", "import ", "from ", "#")  # of a program
END = "end"  # the line after the last one of a program
PLOT_WIDTH, PLOT_HEIGHT = 72, 15  # of a plot to be read: `readings.ROWS` and `readings.COLUMNS` fit inside its axes


_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")


def ascii_formulas(text: str) -> str:
    """`text` with the signs spelt out that would lose their meaning in ASCII: h² is h^2, √10 is sqrt 10."""
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+", lambda match: "^" + match[0].translate(_RAISED), text)
    return text.replace("√(", "sqrt(").replace("√", "sqrt ").replace("∝", "~").replace("→", "->")


def questions_table(questions: Sequence[Question]) -> str:
    rows = [(question.id, question.kind, question.difficulty, question.lesson) for question in questions]
    return columns([("question", "kind", "difficulty", "lesson"), *rows])


def lessons_table(lessons: Sequence[LessonFile]) -> str:
    rows = [(file.id, f"{file.head['minutes']} min", file.title) for file in lessons]
    return columns([("lesson", "time", "topic"), *rows])


def question_text(asked: Variant, plain: bool = False, braille: bool = True) -> str:
    """The question with its options, its code or its plot; with `plain` the plot's points in words instead."""
    parts = [wrapped(asked.text)]
    parts += [wrapped(f"{option.letter}) {option.text}", "  ") for option in asked.options]
    if isinstance(asked.body, Code):
        parts += [f"    {line}" for line in asked.code.splitlines()]
        parts += ["", wrapped(f"For example, {asked.example}. {hidden_cases(asked)}")]
    elif asked.code:
        parts += [f"  {number} | {line}" for number, line in enumerate(asked.code.splitlines(), 1)]
    if isinstance(asked.body, Numeric) and asked.body.reading is not None:
        parts.append(plot_words(asked) if plain else plot_text(asked, braille))
    return "\n".join(parts)


def hidden_cases(asked: Variant) -> str:
    """What a program is tried on."""
    return f"Your function is also run on {show.counted(len(asked.cases) - 1, 'hidden case')}."


def plot_text(asked: Variant, braille: bool = True) -> str:
    """The plot of a question, drawn from the law."""
    from scaling_tui.plots.drawing import draw, plain
    from scaling_tui.report.lesson import figure

    assert isinstance(asked.body, Numeric) and asked.body.reading is not None
    plot = figure(asked.body.reading.plot(asked.values))
    return plain(draw(plot, min(PLOT_WIDTH, width()), PLOT_HEIGHT, braille).rows())


def plot_words(asked: Variant) -> str:
    """Points of a question's plot in three figures, a line each, for those who cannot see it."""
    from scaling_tui.tutor.parsing.numbers import figures

    assert isinstance(asked.body, Numeric) and asked.body.reading is not None
    reading = asked.body.reading
    sizes, curves = reading.table(asked.values)
    lines = [f"Plot: {reading.title.render(asked.values)}"]
    for number, size in enumerate(sizes):
        values = ", ".join(f"{label or 'y'} {figures(y[number], 3)}" for label, y in curves)
        lines.append(f"  at {reading.name} {show.count(size) if 1e3 <= size < 1e15 else figures(size, 3)}: {values}")
    return "\n".join(lines)


def grade_text(graded: Grade) -> str:
    if graded.correct:
        return (
            f"✓ Right: {graded.expected}"
            if "\n" not in graded.expected
            else "✓ Right. One way to write it:\n" + code(graded.expected)
        )
    return (
        wrapped(f"✗ Not yet. {graded.read_as}: {graded.diagnosis}") + "\n" + wrapped(f"One step: {graded.step}", "  ")
    )


def code(text: str) -> str:
    """A program, indented, so that nothing wraps it."""
    return "\n".join(f"    {line}" for line in text.splitlines())


def verdict_text(graded: Grade, tries_left: int) -> str:
    """What is said of an answer to a question that stays as it is: never a step, which could give it away."""
    if graded.correct:
        return "✓ Right."
    left = f"{tries_left} {'try' if tries_left == 1 else 'tries'} left." if tries_left else "No tries left."
    diagnosis = diagnosis_text(graded)
    joint = "\n" if "\n" in diagnosis else " "
    return wrapped(f"✗ Wrong. {graded.read_as}: {diagnosis}{joint}{left}")


def diagnosis_text(graded: Grade) -> str:
    """The diagnosis without the words that announce a step."""
    return graded.diagnosis.removesuffix("The solution starts like this:").strip()


def solution_text(asked: Variant) -> str:
    steps = [wrapped(f"{number}. {step}", "  ") for number, step in enumerate(asked.steps, 1)]
    answer = f"Answer:\n{code(asked.expected)}" if isinstance(asked.body, Code) else f"Answer: {asked.expected}"
    lines = [*steps, *(wrapped(line, "  ") for line in (f"Quick check: {asked.check}", answer))]
    return "\n".join([*lines, f"  See it: scaling-tui plan {asked.plan}"] if asked.plan else lines)


def show_document(asked: Variant) -> dict[str, Any]:
    question, body = asked.question, asked.body
    reading = body.reading if isinstance(body, Numeric) else None
    sizes, curves = reading.table(asked.values) if reading is not None else ([], [])
    points = {"x": {reading.name: sizes}, "y": dict(curves)} if reading is not None else None
    return {
        "id": question.id,
        "kind": question.kind,
        "lesson": question.lesson,
        "difficulty": question.difficulty,
        "seed": asked.seed,
        "text": asked.text,
        "options": {option.letter: option.text for option in asked.options} or None,
        "code": asked.code or None,
        "example": asked.example or None,
        "points": points,
        "asks": asked.answer_format,
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


def grade_document(asked: Variant, graded: Grade) -> dict[str, Any]:
    return {
        "id": asked.question.id,
        "seed": asked.seed,
        "read_as": graded.read_as,
        "correct": graded.correct,
        "slip": graded.slip or None,
        "diagnosis": graded.diagnosis or None,
        "step": graded.step or None,
        "expected": graded.expected,
        "hint": asked.hint,
        "solution": list(asked.steps),
    }


def summary_document(session: Session, titles: dict[str, str]) -> dict[str, Any]:
    topics = session.topics()
    return {
        "asked": session.asked_in_all,
        "answered": len(session.results),
        "skipped": session.skipped,
        "right": session.right,
        "test": session.test,
        "topics": [
            {"lesson": topic.lesson, "title": titles.get(topic.lesson), "right": topic.right, "asked": topic.asked}
            for topic in topics
        ],
        "read_next": session.weak[:3],
        "results": [
            {
                "id": result.question.id,
                "seed": result.asked.seed,
                "correct": result.correct,
                "slip": result.grade.slip or None,
                "tries": result.tries,
            }
            for result in session.results
        ],
    }


def summary_text(session: Session, titles: dict[str, str]) -> str:
    if not session.results:
        score = f"0 of {session.asked_in_all} right. " if session.test else ""
        return f"{score}Nothing answered, nothing recorded."
    passed = "not answered" if session.test else "skipped"
    skipped = f", {session.skipped} {passed}" if session.skipped > 0 else ""
    lines = [f"{session.right} of {session.asked_in_all} right on the first try{skipped}."]
    topics = session.topics()
    lines += [f"  {topic.right} of {topic.asked}  {titles.get(topic.lesson, topic.lesson)}" for topic in topics]
    if session.test:
        lines += [line for result in session.results if not result.correct for line in ("", *_review(result))]
    return "\n".join(lines)


def _review(result: Result) -> list[str]:
    """A wrong answer of a test, the right one, and the diagnosis."""
    graded = result.grade
    lines = [f"✗ {result.asked.text}", f"You: {graded.read_as}", f"Right: {graded.expected}", graded.diagnosis]
    return [wrapped(lines[0]), *(wrapped(line, "  ") for line in lines[1:] if line)]


def take(
    session: Session,
    titles: dict[str, str],
    ask: Callable[[str], str],
    tell: Callable[[str], None],
    show_question: Callable[[Variant], str] = question_text,
) -> None:
    """Runs a session by prompts; stops early at the end of input.

    Args:
        session: the session to run.
        titles: lesson titles by id.
        ask: shows a prompt and returns a line; raises EOFError at the end of input.
        tell: shows text.
        show_question: the question as text.
    """
    while not session.over:
        question = session.asked.question
        tell(f"\n{session.name} · {titles.get(question.lesson, question.lesson)} · {session.place}")
        tell(show_question(session.asked))
        try:
            if not _answered(session, ask, tell, show_question):
                return
        except EOFError:
            return
        finally:
            if warning := session.unkept_warning():
                tell(f"  {warning}")
        session.next()


def _program(first: str, ask: Callable[[str], str]) -> str:
    """The lines of a program, from the first one to the line `END` or the end of input; or the file that it names.

    Raises:
        InputError: the first line begins no program, so that what follows is not swallowed; or no such file.
    """
    if first.startswith("file "):
        return read_text(Path(first[5:].strip()), "a program (.py)")
    if not first.lstrip().startswith(BEGINNINGS):
        raise InputError(f"answer: found {first.strip()[:40]!r}, want the whole function, from its first line 'def …'")
    lines = [first]
    while True:
        try:
            line = ask("... ").rstrip("\n")
        except EOFError:
            break
        if line.strip() == END:
            break
        lines.append(line)
    return "\n".join(lines)


def _answered(
    session: Session,
    ask: Callable[[str], str],
    tell: Callable[[str], None],
    show_question: Callable[[Variant], str],
) -> bool:
    """Asks one question until it is answered, solved or skipped; False ends the session."""
    commands = COMMANDS if session.helps else "'glossary WORD', 'skip', 'quit'"
    if isinstance(session.asked.body, Code):
        commands = f"end it with a line '{END}'; {commands}, 'file PATH' reads it"
    while True:
        line = with_glossary(ask, tell)(f"({session.asked.answer_format}; {commands}) > ")
        first, line = line.rstrip("\n"), line.strip()
        match line.casefold():
            case "quit" | "exit":
                return False
            case "skip" | "next":
                return True
            case "hint" | "?" if session.helps:
                tell(wrapped(session.hint(), "  "))
                continue
            case "solution" if session.helps:
                tell(solution_text(session.asked))
                return True
            case "":
                continue
        try:
            if isinstance(session.asked.body, Code):
                line = _program(first, ask)
            if not session.asked.options:
                tell(f"  read as {read_as(session.asked, line)}")
            graded = session.answer(line)
        except InputError as error:
            tell(f"  {error}")
            continue
        if _told(session, graded, tell, show_question):
            return True


def _told(
    session: Session, graded: Grade, tell: Callable[[str], None], show_question: Callable[[Variant], str]
) -> bool:
    """Says what may be said of an answer, and asks anew where there is more to try; whether the question is over."""
    if not session.helps:
        if not session.tells:
            tell("  recorded" if session.keeps else "  noted")
            return True
        tell(verdict_text(graded, session.tries_left))
        return not session.tries_left
    tell(grade_text(graded))
    if graded.correct:
        return True
    if session.asked.options:
        tell(solution_text(session.asked))
        return True
    session.again()
    if isinstance(session.asked.body, Numeric):
        fresh = "The same question with new numbers" if session.asked.question.varies else "Once more"
        tell(f"\n{fresh} ('solution' shows how, 'skip' moves on):")
        tell(show_question(session.asked))
    return False
