"""Commands of quizzes: questions checked by the law code, asked, graded, and remembered."""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from scaling_tui import InputError
from scaling_tui.cli import completion
from scaling_tui.cli.lessons import Plain, learn
from scaling_tui.cli.options import (
    AsJson,
    Runs,
    print_json,
    prompted,
    say,
    saying,
    show,
)

if TYPE_CHECKING:
    from scaling_tui.report.own_runs import OwnQuestions
    from scaling_tui.tutor.content.questions import Question

LATEST = "latest"  # in place of the name of a sweep
MOST_ANSWER = 100_000  # characters that are read of an answer

app = typer.Typer()
quiz = typer.Typer(
    help="Take, list and check quizzes on scaling laws.", invoke_without_command=True, rich_markup_mode=None
)
app.add_typer(quiz, name="quiz")
app.add_typer(learn, name="learn")
Banks = Annotated[
    list[Path] | None,
    typer.Option(
        "--bank",
        metavar="FILE",
        help="Use this question bank (.toml) instead of the built-in ones; repeatable.",
        autocompletion=completion.banks,
    ),
]
Lesson = Annotated[
    str | None,
    typer.Option(
        "--lesson",
        help="Questions on this lesson only; 'scaling-tui learn' lists lessons.",
        autocompletion=completion.lessons,
    ),
]
OwnSweep = Annotated[
    str | None,
    typer.Option(
        "--sweep",
        metavar="SWEEP",
        help="Questions about your own runs: the name of a sweep, or 'latest'.",
        autocompletion=completion.own_sweeps,
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Seed for the question's numbers.")]
QuestionId = Annotated[
    str | None,
    typer.Argument(
        metavar="[QUESTION]",
        help="Id of a question; 'scaling-tui quiz list' lists them.",
        autocompletion=completion.questions,
    ),
]
QuestionOption = Annotated[
    str | None,
    typer.Option("--question", metavar="ID", help="The same, as an option.", autocompletion=completion.questions),
]


@quiz.callback()
def quiz_root(context: typer.Context) -> None:
    """Take, list and check quizzes on scaling laws."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@quiz.command(name="list")
def quiz_list(
    context: typer.Context,
    bank: Banks = None,
    lesson: Lesson = None,
    sweep: OwnSweep = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """List the questions."""
    from scaling_tui.report import tutor as console

    questions: Sequence[Question] = find_questions(bank, lesson) if sweep is None else own(sweep, runs, 0).all_told(say)
    if as_json:
        fields = ("id", "kind", "lesson", "difficulty")
        print_json(
            "questions",
            {"questions": [{field: getattr(question, field) for field in fields} for question in questions]},
        )
    else:
        show(context, console.questions_table(questions))


@quiz.command(name="show")
def quiz_show(
    context: typer.Context,
    question: QuestionId = None,
    question_option: QuestionOption = None,
    seed: Seed = 0,
    solution: Annotated[bool, typer.Option("--solution", help="Show the worked solution too.")] = False,
    bank: Banks = None,
    sweep: OwnSweep = None,
    runs: Runs = None,
    plain: Plain = False,
    as_json: AsJson = False,
) -> None:
    """Show a question with the numbers of a seed."""
    from scaling_tui.report import tutor as console
    from scaling_tui.tutor.content.variant import variant

    chosen = variant(find_question(one_of(question, question_option), bank, sweep, runs, seed), seed)
    if as_json:
        document = console.show_document(chosen)
        if solution:
            document |= {"solution": list(chosen.steps), "check": chosen.check, "expected": chosen.expected}
        return print_json("question", document)
    said = saying(context, plain)
    print(said(console.question_text(chosen, plain, braille(context))))
    if solution:
        print(said(console.solution_text(chosen)))
    how = "--file FILE.py" if chosen.question.kind == "code" else "--answer ANSWER"
    return say(f"answer with {chosen.answer_format}: 'scaling-tui quiz grade {chosen.question.id} --seed {seed} {how}'")


@quiz.command(name="grade")
def quiz_grade(
    context: typer.Context,
    question: QuestionId = None,
    question_option: QuestionOption = None,
    answer: Annotated[str | None, typer.Option("--answer", help="Answer, as you would type it.")] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="File with the answer, such as a function; - is stdin."),
    ] = None,
    seed: Seed = 0,
    bank: Banks = None,
    sweep: OwnSweep = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Grade an answer without recording it. Exit status: 0 whether right or wrong, 2 if it cannot be read."""
    from scaling_tui.report import tutor as console
    from scaling_tui.tutor.content.variant import variant
    from scaling_tui.tutor.grading.marking import grade

    chosen = variant(find_question(one_of(question, question_option), bank, sweep, runs, seed), seed)
    graded = grade(chosen, answer_text(answer, file))
    if as_json:
        print_json("grade", console.grade_document(chosen, graded))
    else:
        show(context, f"read as {graded.read_as}\n{console.grade_text(graded)}")


@quiz.command(name="take")
def quiz_take(
    context: typer.Context,
    lesson: Lesson = None,
    count: Annotated[int, typer.Option(min=1, max=100, help="Largest number of questions to ask.")] = 8,
    test: Annotated[
        bool, typer.Option("--test", help="Take a test: ten questions at three levels, no hints, a score.")
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Picks the questions and their numbers, the same for everyone.",
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the session or test that you left.")] = False,
    mistakes: Annotated[
        bool, typer.Option("--mistakes", help="Review: questions whose latest answer was wrong, with new numbers.")
    ] = False,
    assignment: Annotated[
        Path | None, typer.Option("--assignment", metavar="FILE", help="Take this assignment (.toml) instead.")
    ] = None,
    student: Annotated[
        str | None, typer.Option("--student", metavar="ID", help="Your id in the class, for --assignment.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Your submission; default: a file next to the assignment."),
    ] = None,
    question: Annotated[
        str | None, typer.Option("--question", metavar="ID", help="Answer this question of the assignment first.")
    ] = None,
    bank: Banks = None,
    sweep: OwnSweep = None,
    runs: Runs = None,
    plain: Plain = False,
    as_json: AsJson = False,
) -> None:
    """Answer questions one by one, due ones first, then up to ten new ones a day. Works in a pipe.

    --lesson and --bank ask only the questions of that lesson or bank, however many are new.
    """
    from scaling_tui.report import tutor as console
    from scaling_tui.tutor.course import Course

    one_way({"--assignment": assignment, "--sweep": sweep, "--resume": resume, "--mistakes": mistakes, "--test": test})
    for way in ("--assignment",) * (assignment is not None) + ("--resume",) * resume:
        one_way({way: True, "--lesson": lesson, "--seed": seed})
    one_way({"--sweep": sweep, "--lesson": lesson, "--bank": bank or None} if sweep else {})
    if assignment is not None:
        return take_assignment(context, assignment, student, output, question, bank, plain, as_json)
    with_assignment({"--student": student, "--output": output, "--question": question})
    if sweep is not None:
        asked_of = own(sweep, runs, new_seed() if seed is None else seed).all_told(say)
        course = Course.load(asked_of)
        session = course.on(asked_of[:count], seed)
    else:
        course = Course.load(find_questions(bank, lesson))
        if resume:
            session = course.resume()
        elif mistakes:
            session = course.mistakes(count, seed)
        elif test:
            session = course.test(seed)
        else:
            session = course.session(count, seed, whole=lesson is not None or bool(bank))
    # With --json the dialogue goes to stderr, and stdout gets the one document.
    out = sys.stderr if as_json else sys.stdout
    said = saying(context, plain)
    asked_as = partial(console.question_text, plain=plain, braille=braille(context))
    console.take(session, course.titles, asking(out, said), lambda text: print(said(text), file=out), asked_as)
    if as_json:
        return print_json("quiz", console.summary_document(session, course.titles))
    print("\n" + said(console.summary_text(session, course.titles)))
    if not session.over and session.results and session.keeps:
        say("continue with: scaling-tui quiz take --resume")
    if session.weak:
        print(f"Read next: scaling-tui learn {session.weak[0]}")
    return None


def one_way(options: dict[str, object]) -> None:
    """Refuses options that decide the same in different ways."""
    given = [name for name, value in options.items() if value is not None and value is not False]
    if len(given) > 1:
        raise InputError(f"{given[1]}: found with {given[0]}, want one of them")


def with_assignment(options: dict[str, object]) -> None:
    """Refuses options that mean nothing without an assignment."""
    for name, value in options.items():
        if value is not None:
            raise InputError(f"{name}: found without --assignment, want both")


def take_assignment(
    context: typer.Context,
    file: Path,
    student: str | None,
    output: Path | None,
    first: str | None,
    banks: list[Path] | None,
    plain: bool,
    as_json: bool,
) -> None:
    """Takes an assignment by prompts, from where the student left it."""
    from scaling_tui.report import tutor as console
    from scaling_tui.report.classroom.taking import closing_text, opening_text, sitting_document
    from scaling_tui.tutor.classroom.opening import open_sitting
    from scaling_tui.tutor.content.lesson import lesson_files

    out = sys.stderr if as_json else sys.stdout
    if student is None:
        if not sys.stdin.isatty():
            raise InputError("--student: missing, want your id in the class")
        student = prompted("your id in the class > ", out).strip()
    sitting = open_sitting(file, student, output, tuple(banks or ()))
    if first is not None:
        sitting.choose_named(first)
    said = saying(context, plain)
    print(said(opening_text(sitting)), file=out)
    titles = {lesson.id: lesson.title for lesson in lesson_files()}
    asked_as = partial(console.question_text, plain=plain, braille=braille(context))
    console.take(sitting, titles, asking(out, said), lambda text: print(said(text), file=out), asked_as)
    if as_json:
        print_json("sitting", sitting_document(sitting))
    else:
        print("\n" + said(closing_text(sitting)))


def asking(out: TextIO, said: Callable[[str], str]) -> Callable[[str], str]:
    """Shows a prompt and returns a line; raises EOFError at the end of input."""

    def ask(prompt: str) -> str:
        line = prompted(said(prompt), out)
        if not line:
            raise EOFError
        return line

    return ask


def one_of(argument: str | None, option: str | None) -> str:
    """The question's id, given as an argument or as `--question`.

    Raises:
        InputError: it is given in neither way, or differently in both.
    """
    if argument and option and argument != option:
        raise InputError(f"--question: found {option!r} with QUESTION {argument!r}, want one of them")
    if not (argument or option):
        raise InputError("QUESTION: missing, want the id of a question; 'scaling-tui quiz list' lists them")
    return argument or option or ""


def answer_text(answer: str | None, file: Path | None) -> str:
    """The answer from `--answer` or `--file`.

    Raises:
        InputError: both or neither, or a file that cannot be read.
    """
    from scaling_tui.text.files import read_text

    if (answer is None) == (file is None):
        found = "neither" if answer is None else "both"
        raise InputError(f"quiz grade: found {found} of --answer and --file, want one of them")
    if file is None:
        return answer or ""
    if str(file) == "-":
        return sys.stdin.read(MOST_ANSWER)
    return read_text(file, "an answer", MOST_ANSWER)


def braille(context: typer.Context) -> bool:
    """Whether this terminal shows Braille."""
    return not context.find_root().obj.ascii


@quiz.command(name="check", epilog="Exit status 1: there are problems.")
def quiz_check(
    context: typer.Context,
    file: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE",
            help="Banks, experiments or a glossary (.toml); default: all.",
            autocompletion=completion.banks,
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds to try for each question.")] = 200,
    slips: Annotated[bool, typer.Option("--slips", help="Print the diagnosis for every mistake.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check banks, experiments and the glossary: every field, and every question over many seeds.

    Reports all problems at once; status 1 if there are any.
    """
    from scaling_tui.report.contents import check_contents, contents_of
    from scaling_tui.report.wrapping import wrapped
    from scaling_tui.text.show import counted
    from scaling_tui.tutor.content.lesson import lesson_files
    from scaling_tui.tutor.grading.checking import check_bank, diagnosis_table

    contents = contents_of(file or [])
    banks = contents.banks
    lessons = [lesson.id for lesson in lesson_files()]
    problems = contents.faults + [problem for bank in banks for problem in check_bank(bank, lessons, seeds)]
    problems += check_contents(contents, lessons)
    rows = [row for bank in banks for question in bank.questions for row in diagnosis_table(question)] if slips else []
    number = sum(len(bank.questions) for bank in banks)
    if as_json:
        document = {"banks": [str(bank.path) for bank in banks], "questions": number, "seeds": seeds}
        document |= {"experiments": [each.id for each in contents.experiments], "terms": contents.terms}
        print_json(
            "bank-check", document | {"problems": problems, "slips": [vars(row) for row in rows] if slips else None}
        )
    else:
        for row in rows:
            show(context, f"{row.question} · {row.slip} · {row.answer}\n{wrapped(row.reads, '    ')}")
        for problem in problems:
            print(problem)
        outcome = counted(len(problems), "problem") if problems else "no problems"
        tried = f"{counted(number, 'question')} in {counted(len(banks), 'bank')}"
        others = "".join(f", {text}" for text in contents.others)
        say(f"{tried}, {counted(seeds, 'seed')} each{others}: {outcome}")
    if problems:
        raise typer.Exit(1)


@quiz.command(name="progress")
def quiz_progress(
    context: typer.Context,
    reset: Annotated[
        bool, typer.Option("--reset", help="Start over; the old record is kept beside the new one.")
    ] = False,
    merge: Annotated[
        list[Path] | None,
        typer.Option("--merge", metavar="FILE", help="Add the progress from another machine; nothing counts twice."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what is due and your progress by skill. --json exports every answer."""
    from scaling_tui.tutor import progress
    from scaling_tui.tutor.course import Course

    path = progress.progress_file()
    if reset and merge:
        raise InputError("--merge: found with --reset, want one of them")
    for other in merge or ():
        added = progress.merge(path, other)
        say(f"{other}: {added} new {'record' if added == 1 else 'records'}")
    if reset:
        kept = progress.reset(path)
        return say(f"progress reset; the old record is {kept}" if kept else "there was no progress to reset")
    if as_json:
        return print_json("progress", progress.export(path))
    return show(context, Course.load(find_questions(None, None)).overview())


@quiz.command(name="history")
def quiz_history(context: typer.Context, as_json: AsJson = False) -> None:
    """List your sessions and tests, and for each day your answers and the time spent."""
    from datetime import datetime

    from scaling_tui.report import history as console
    from scaling_tui.tutor.history import read_history
    from scaling_tui.tutor.progress import progress_file

    past, today = read_history(progress_file()), datetime.now().astimezone().date()
    if as_json:
        return print_json("history", console.history_document(past.sittings, past.days, today))
    return show(context, console.history_text(past.sittings, past.days, today))


@quiz.command(name="mistakes")
def quiz_mistakes(context: typer.Context, bank: Banks = None, as_json: AsJson = False) -> None:
    """Show the questions whose latest answer was wrong: what you typed, the slip, and what is right."""
    from scaling_tui.report import history as console
    from scaling_tui.tutor.history import read_history
    from scaling_tui.tutor.progress import progress_file

    rows = console.explained(read_history(progress_file()), find_questions(bank, None))
    if as_json:
        return print_json("mistakes", {"mistakes": [console.mistake_document(row) for row in rows]})
    show(context, console.mistakes_text(rows))
    return say("'scaling-tui quiz take --mistakes' asks them again with new numbers") if rows else None


def find_questions(banks: list[Path] | None, lesson: str | None) -> "list[Question]":
    from scaling_tui.tutor.content.bank import load_banks
    from scaling_tui.tutor.content.lesson import lesson_files

    questions = [question for bank in load_banks(banks) for question in bank.questions]
    if lesson is not None:
        known = [file.id for file in lesson_files()]
        questions = [question for question in questions if question.lesson == lesson]
        if not questions:
            raise InputError(f"lesson {lesson!r}: no questions; want one of {', '.join(known)}")
    return questions


def own(sweep: str, runs: Path | None, seed: int) -> "OwnQuestions":
    """Questions about a sweep of the learner's own."""
    from scaling_tui.report.own_runs import own_questions

    return own_questions(runs, None if sweep == LATEST else sweep, seed)


def new_seed() -> int:
    import random

    return random.randrange(10**6)


def find_question(
    name: str, banks: list[Path] | None, sweep: str | None = None, runs: Path | None = None, seed: int = 0
) -> "Question":
    found = own(sweep, runs, seed) if sweep is not None else None
    questions: Sequence[Question] = find_questions(banks, None) if found is None else found.questions
    for question in questions:
        if question.id == name:
            return question
    if found is not None:
        allowed = ", ".join(question.id for question in questions)
        raise InputError(f"question {name!r}: {found.sweep} allows {allowed}; {'; '.join(found.missing)}")
    from scaling_tui.text.suggest import did_you_mean

    known = [question.id for question in questions]
    raise InputError(f"question {name!r}: not known; {did_you_mean(name, known, 'quiz list shows them all')}")
