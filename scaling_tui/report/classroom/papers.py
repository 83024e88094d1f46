"""Papers to print, one a student, and their key."""

from collections.abc import Sequence

from scaling_tui.report.classroom.points import points_text, worth
from scaling_tui.report.lesson import figure
from scaling_tui.report.page.blocks import Block, Bullets, Code, Facts, Page, Paragraph, Plot, Section, Table
from scaling_tui.report.tutor import hidden_cases, plot_words, show_document
from scaling_tui.text import show
from scaling_tui.tutor.classroom.assignment import Assignment, Exercise, when
from scaling_tui.tutor.classroom.roster import Student
from scaling_tui.tutor.content.questions import Numeric
from scaling_tui.tutor.content.variant import Variant

_LINES = {"choice": 0, "numeric": 1, "figure": 1, "expression": 1}  # to write on; other kinds take more


def paper(exercise: Exercise, student: Student) -> Page:
    """What a student gets: the questions with the student's numbers, and room to answer."""
    assignment = exercise.assignment
    lead: list[Block] = [Facts(_facts(assignment, student))]
    sections = []
    for number, (item, question) in enumerate(zip(assignment.items, exercise.questions, strict=True), 1):
        asked = exercise.asked(question, student.id)
        sections.append(Section(f"Question {number} ({worth(item.points)})", _asked(asked)))
    return Page(assignment.title, lead, sections)


def _facts(assignment: Assignment, student: Student) -> list[tuple[str, str]]:
    facts = [("Student", " · ".join(filter(None, (student.name, student.id))))]
    if assignment.deadline:
        facts.append(("Deadline", when(assignment.deadline)))
    return [*facts, ("Questions", f"{len(assignment.items)}, {worth(assignment.points)} in all")]


def _asked(asked: Variant) -> list[Block]:
    """A question of any kind, as its JSON document has it."""
    document = show_document(asked)
    blocks = _text(document["text"])
    if document["options"]:
        blocks.append(Bullets([f"{letter}) {text}" for letter, text in document["options"].items()]))
    if document["code"]:
        code = str(document["code"]).splitlines()
        if document["kind"] == "fix":  # the answer names a line
            code = [f"{number} | {line}" for number, line in enumerate(code, 1)]
        blocks.append(Code("\n".join(code)))
    if document["example"]:
        blocks.append(Paragraph(f"For example, {document['example']}. {hidden_cases(asked)}"))
    if isinstance(asked.body, Numeric) and asked.body.reading is not None:
        plot = asked.body.reading.plot(asked.values)
        blocks.append(Plot(figure(plot), plot.title, plot_words(asked)))
    lines = _LINES.get(asked.question.kind, 3)
    blocks.append(Paragraph(f"Answer ({document['asks']}): " + ("…" * 30 if lines < 2 else "")))
    if lines > 1:
        blocks += [Paragraph("…" * 40) for _ in range(lines)]
    return blocks


def _text(text: str) -> list[Block]:
    """Paragraphs, and indented lines as code."""
    blocks: list[Block] = []
    lines = text.splitlines()
    while lines:
        code = lines[0].startswith("    ")
        count = next((n for n, line in enumerate(lines) if line.startswith("    ") != code), len(lines))
        part, lines = lines[:count], lines[count:]
        if code:
            blocks.append(Code("\n".join(line[4:] for line in part)))
        else:
            blocks += [Paragraph(line) for line in part if line.strip()]
    return blocks


def key(exercise: Exercise, students: Sequence[Student]) -> Page:
    """What the instructor keeps: the right answers to every paper, and how to see the worked solutions."""
    assignment = exercise.assignment
    seed = exercise.assignment.seed_of(exercise.questions[0].id, students[0].id)
    example = f"scaling-tui quiz show {exercise.questions[0].id} --seed {seed} --solution"
    lead: list[Block] = [
        Facts(_facts(assignment, Student("key", show.counted(len(students), "student")))[1:]),
        Paragraph("To print the worked solution of a question, give its seed to 'quiz show':"),
        Code(example),
    ]
    if assignment.numbers == "same":
        return Page(f"Key: {assignment.title}", lead, [Section("All students", _answers(exercise, students[0]))])
    sections = [
        Section(" · ".join(filter(None, (student.id, student.name))), _answers(exercise, student))
        for student in students
    ]
    return Page(f"Key: {assignment.title}", lead, sections)


def _answers(exercise: Exercise, student: Student) -> list[Block]:
    rows = [("no.", "question", "points", "seed", "answer")]
    programs: list[Block] = []
    for number, (item, question) in enumerate(zip(exercise.assignment.items, exercise.questions, strict=True), 1):
        asked = exercise.asked(question, student.id)
        program = "\n" in asked.expected
        answer = "below" if program else asked.expected
        rows.append((str(number), question.id, points_text(item.points), str(asked.seed), answer))
        if program:
            programs += [Paragraph(f"{number}. {question.id}:"), Code(asked.expected, "python")]
    return [Table.of("Right answers", rows, (2, 3)), *programs]
