"""Commands for a class: papers of an assignment, the marks of its submissions, and how the class did."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from scaling_tui import InputError
from scaling_tui.cli.options import AsJson, print_json, say
from scaling_tui.cli.report import print_markdown
from scaling_tui.cli.tutor import Banks
from scaling_tui.text.columns import columns
from scaling_tui.text.visible import visible

if TYPE_CHECKING:
    from scaling_tui.tutor.classroom.assignment import Exercise
    from scaling_tui.tutor.classroom.marks import Evidence, Mark
    from scaling_tui.tutor.classroom.roster import Student

app = typer.Typer()
ANSWERS = "answers.csv"  # the form for what students write
Students = Annotated[
    Path | None,
    typer.Option("--students", metavar="ROSTER", help="The class: a CSV file with a column id and optionally name."),
]
Submissions = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of submissions; subfolders are searched too.")]
Receipts = Annotated[
    Path | None,
    typer.Option("--receipts", metavar="FILE", help="Receipts handed in: a CSV with columns id and receipt."),
]
Earlier = Annotated[
    Path | None,
    typer.Option("--earlier", metavar="DIR", help="Submissions collected earlier, which these must continue."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")]


@app.command(name="exam")
def quiz_exam(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An assignment (.toml).")],
    students: Annotated[
        Path,
        typer.Option(
            "--students", metavar="ROSTER", help="The class: a CSV file with a column id, and optionally name."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="Folder to create.")],
    form: Annotated[
        Literal["html", "md", "both"], typer.Option("--format", help="Papers as HTML, Markdown, or both.")
    ] = "both",
    bank: Banks = None,
    as_json: AsJson = False,
) -> None:
    """Write a paper for each student, with their own numbers, a key, and a form for their answers."""
    from scaling_tui.report.classroom.marks import answers_form
    from scaling_tui.report.classroom.papers import key, paper
    from scaling_tui.report.page.making import page_bytes
    from scaling_tui.text import show
    from scaling_tui.text.new_folder import new_folder
    from scaling_tui.tutor.classroom.assignment import load_assignment, load_exercise
    from scaling_tui.tutor.classroom.roster import file_name, read_roster

    exercise = load_exercise(load_assignment(file), tuple(bank or ()))
    roster = read_roster(students)
    endings = {"html": [".html"], "md": [".md"], "both": [".html", ".md"]}[form]
    papers = {student.id: f"{exercise.assignment.id}-{file_name(student.id)}" for student in roster}
    with new_folder(output, "--output") as folder:
        (folder / "papers").mkdir()
        for student in roster:
            page = paper(exercise, student)
            for ending in endings:
                path = folder / "papers" / (papers[student.id] + ending)
                path.write_bytes(page_bytes(page, path))
        page = key(exercise, roster)
        for ending in endings:
            path = folder / f"key{ending}"
            path.write_bytes(page_bytes(page, path))
        (folder / ANSWERS).write_text(answers_form(exercise.assignment, roster), encoding="utf-8-sig")
    if as_json:
        return print_json(
            "exam",
            {
                "assignment": exercise.assignment.id,
                "folder": str(output),
                "answers": str(output / ANSWERS),
                "key": [str(output / f"key{ending}") for ending in endings],
                "papers": {
                    name: [str(output / "papers" / (stem + e)) for e in endings] for name, stem in papers.items()
                },
            },
        )
    written = f"wrote {show.counted(len(roster), 'paper')} in {output / 'papers'}"
    return say(f"{written}; the key is {output / f'key{endings[0]}'}")


@app.command(name="enter")
def quiz_enter(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An assignment (.toml).")],
    answers: Annotated[
        Path,
        typer.Option(
            "--answers", metavar="CSV", help="What the students wrote: columns id and one for each question, by its id."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="Folder for the submissions.")],
    students: Students = None,
    at: Annotated[
        datetime | None,
        typer.Option(
            "--at",
            metavar="TIME",
            formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"],
            help="When the papers were written, such as 2026-11-30T10:00+01:00; default: now, or the deadline if it is "
            "over.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what was entered before.")] = False,
    bank: Banks = None,
    as_json: AsJson = False,
) -> None:
    """Enter answers that students wrote on paper: each student's become a submission, marked like any other."""
    from datetime import UTC

    from scaling_tui.text import show
    from scaling_tui.tutor.classroom.assignment import load_assignment, load_exercise
    from scaling_tui.tutor.classroom.paper_answers import enter, read_answers_table
    from scaling_tui.tutor.classroom.roster import read_roster

    exercise = load_exercise(load_assignment(file), tuple(bank or ()))
    assignment, now = exercise.assignment, datetime.now(UTC)
    table = read_answers_table(answers, assignment, read_roster(students) if students else None)
    written = at or (min(now, assignment.deadline) if assignment.deadline else now)
    entered = enter(exercise, table, output, written, now, force)
    for note in (note for each in entered for note in each.notes):
        say(note)
    if as_json:
        fields = ("student", "answers", "right")
        return print_json("entered", {
            "assignment": assignment.id,
            "at": written.isoformat(),
            "submissions": [
                {**{name: getattr(each, name) for name in fields}, "file": str(each.path), "notes": list(each.notes)}
                for each in entered
            ],
        })  # fmt: skip
    print(columns([("id", "answers", "right", "file"), *(
        (each.student, str(each.answers), str(each.right), visible(str(each.path))) for each in entered
    )], (1, 2)))  # fmt: skip
    return say(f"entered {show.counted(len(entered), 'submission')}; 'scaling-tui quiz mark {output}' marks them")


@app.command(name="mark")
def quiz_mark(
    folder: Submissions,
    assignment: Annotated[Path, typer.Option("--assignment", metavar="FILE", help="The assignment (.toml).")],
    students: Students = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="File to create, .csv or .json; default: a table on stdout."),
    ] = None,
    force: Force = False,
    receipts: Receipts = None,
    earlier: Earlier = None,
    bank: Banks = None,
    as_json: AsJson = False,
) -> None:
    """Grade every submission of a class: points, lateness, slips, and which files were tampered with."""
    from scaling_tui.report.classroom.marks import marks_csv, marks_document, marks_table
    from scaling_tui.report.documents import stamped
    from scaling_tui.report.export import write_new
    from scaling_tui.text.json_documents import dumps

    writable(output, (".csv", ".json"), force, as_json)
    exercise, marks, _ = marked(folder, assignment, students, receipts, earlier, bank)
    if as_json:
        print_json("marks", marks_document(exercise.assignment, marks))
    elif output is None:
        print(marks_table(marks))
    else:
        document = stamped("marks", marks_document(exercise.assignment, marks))
        csv = output.suffix.lower() == ".csv"
        # A spreadsheet takes UTF-8 for something else unless a mark of the order of bytes stands first.
        content = marks_csv(exercise.assignment, marks).encode("utf-8-sig") if csv else dumps(document, 2).encode()
        write_new(output, content, replace=force)
        say(f"wrote {output}")
    say_states(marks)


@app.command(name="report")
def quiz_report(
    context: typer.Context,
    folder: Submissions,
    assignment: Annotated[
        Path | None,
        typer.Option("--assignment", metavar="FILE", help="The assignment; default: the version in most submissions."),
    ] = None,
    students: Students = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="File to create, .html or .md; default: Markdown on stdout."),
    ] = None,
    force: Force = False,
    receipts: Receipts = None,
    earlier: Earlier = None,
    bank: Banks = None,
    as_json: AsJson = False,
) -> None:
    """Show how a class did: points, each question, the slips made, the time taken."""
    from scaling_tui.report.classroom.overview import class_document, class_page
    from scaling_tui.report.export import write_new
    from scaling_tui.report.page.making import PAGES, page_bytes
    from scaling_tui.tutor.classroom.statistics import class_statistics

    writable(output, PAGES, force, as_json)
    exercise, marks, known = marked(folder, assignment, students, receipts, earlier, bank)
    if not known:
        say("using the version of the assignment in most submissions; --assignment FILE uses yours")
    statistics = class_statistics(exercise.assignment, marks)
    if as_json:
        return print_json("class", class_document(exercise.assignment, statistics))
    page = class_page(exercise, statistics, marks)
    if output is None:
        return print_markdown(context, page)
    write_new(output, page_bytes(page, output), replace=force)
    return say(f"wrote {output}")


def marked(
    folder: Path,
    file: Path | None,
    students: Path | None,
    receipts: Path | None,
    earlier: Path | None,
    banks: list[Path] | None,
) -> "tuple[Exercise, list[Mark], bool]":
    """The assignment, the marks of the submissions in `folder`, and whether the assignment was given."""
    from scaling_tui.tutor.classroom.assignment import assignment_from, load_assignment, load_exercise
    from scaling_tui.tutor.classroom.marks import common_assignment, mark_folder
    from scaling_tui.tutor.classroom.roster import read_roster

    assignment = load_assignment(file) if file else assignment_from(common_assignment(folder), folder)
    exercise = load_exercise(assignment, tuple(banks or ()))
    roster: list[Student] | None = read_roster(students) if students else None
    return exercise, mark_folder(folder, exercise, roster, evidence(receipts, earlier)), file is not None


def evidence(receipts: Path | None, earlier: Path | None) -> "Evidence":
    """What was handed in besides the submissions."""
    from scaling_tui.tutor.classroom.marks import Evidence, earlier_copies, read_receipts

    return Evidence(read_receipts(receipts) if receipts else {}, earlier_copies(earlier) if earlier else {})


def writable(output: Path | None, endings: tuple[str, ...], force: bool, as_json: bool) -> None:
    """Refuses what cannot be written before anything is computed."""
    if output is None:
        if force:
            raise InputError("--force: found without --output, want both")
        return
    if as_json:
        raise InputError("--json: found with --output, want one of them")
    from scaling_tui.report.page.making import check_output

    check_output(output, "--output", force, endings)


def say_states(marks: "list[Mark]") -> None:
    """Names on stderr what is not marked, and how many of each there are."""
    from collections import Counter

    for mark in marks:
        if mark.state in ("tampered", "unreadable", "other-assignment"):
            say(f"{mark.state.replace('-', ' ')}: {mark.file}: {'; '.join(mark.notes)}")
    say(", ".join(f"{count} {state.replace('-', ' ')}" for state, count in Counter(m.state for m in marks).items()))
