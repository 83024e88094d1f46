"""Commands of the tutor: lessons, and questions checked by the law code."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from scaling_tui import InputError
from scaling_tui.cli.options import AsJson, Runs, SweepName, ctrl_c_deferred, print_json, print_rich, say

if TYPE_CHECKING:
    from scaling_tui.report.own_runs import OwnQuestions
    from scaling_tui.tutor.content.questions import Question

PAGE_WIDTH = 100
LATEST = "latest"  # in place of the name of a sweep
MOST_ANSWER = 100_000  # characters that are read of an answer

app = typer.Typer()
quiz = typer.Typer(
    help="Take, list and check quizzes on scaling laws.", invoke_without_command=True, rich_markup_mode=None
)
app.add_typer(quiz, name="quiz")
Banks = Annotated[
    list[Path] | None,
    typer.Option("--bank", metavar="FILE", help="A question bank (.toml) to use besides the built-in ones."),
]
Lesson = Annotated[
    str | None, typer.Option("--lesson", help="Questions on this lesson only; 'scaling-tui learn' lists lessons.")
]
OwnSweep = Annotated[
    str | None,
    typer.Option("--sweep", metavar="SWEEP", help="Questions about your own runs: the name of a sweep, or 'latest'."),
]
Plain = Annotated[bool, typer.Option("--plain", help="Show a table of points in place of a plot, for screen readers.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed for the question's numbers.")]


@app.command()
def learn(
    context: typer.Context,
    lesson: Annotated[str | None, typer.Argument(help="A lesson; without one, list them all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read a lesson with its plots, or list the lessons."""
    from scaling_tui.report import tutor as console
    from scaling_tui.tutor.content.bank import load_banks
    from scaling_tui.tutor.content.lesson import lesson_files, load_lesson

    if lesson is None:
        files = lesson_files()
        if as_json:
            return print_json({"lessons": [{"id": file.id, **file.head} for file in files]})
        print(console.lessons_table(files))
        return say("'scaling-tui learn LESSON' opens one")
    opened = load_lesson(lesson)
    questions = [question for bank in load_banks() for question in bank.questions if question.lesson == lesson]
    if as_json:
        return print_json(console.lesson_document(opened, questions))
    from scaling_tui.report.lesson import lesson_page

    print_rich(context, partial(lesson_page, opened, questions), most_width=PAGE_WIDTH)
    if sys.stdout.isatty():
        from scaling_tui.tutor.progress import mark_read

        with unkept():
            mark_read(lesson)
    return None


@quiz.callback()
def quiz_root(context: typer.Context) -> None:
    """Take, list and check quizzes on scaling laws."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@quiz.command(name="list")
def quiz_list(
    bank: Banks = None, lesson: Lesson = None, sweep: OwnSweep = None, runs: Runs = None, as_json: AsJson = False
) -> None:
    """List the questions."""
    from scaling_tui.report import tutor as console

    questions: Sequence[Question] = find_questions(bank, lesson) if sweep is None else own(sweep, runs, 0).all_told(say)
    if as_json:
        fields = ("id", "kind", "lesson", "difficulty")
        print_json({"questions": [{field: getattr(question, field) for field in fields} for question in questions]})
    else:
        print(console.questions_table(questions))


@quiz.command(name="show")
def quiz_show(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="Id of a question; 'scaling-tui quiz list' lists them.")],
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

    chosen = variant(find_question(question, bank, sweep, runs, seed), seed)
    if as_json:
        document = console.show_document(chosen)
        if solution:
            document |= {"solution": list(chosen.steps), "check": chosen.check, "expected": chosen.expected}
        return print_json(document)
    print(console.question_text(chosen, plain, braille(context)))
    if solution:
        print(console.solution_text(chosen))
    how = "--file FILE.py" if chosen.question.kind == "code" else "--answer …"
    return say(
        f"answer with {chosen.answer_format}: 'scaling-tui quiz grade --question {question} --seed {seed} {how}'"
    )


@quiz.command(name="grade")
def quiz_grade(
    question: Annotated[str, typer.Option("--question", help="Id of the question.")],
    answer: Annotated[str | None, typer.Option("--answer", help="Answer, as you would type it.")] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="File that holds the answer, such as a function; - is stdin."),
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

    chosen = variant(find_question(question, bank, sweep, runs, seed), seed)
    graded = grade(chosen, answer_text(answer, file))
    if as_json:
        print_json(console.grade_document(chosen, graded))
    else:
        print(f"read as {graded.read_as}\n{console.grade_text(graded)}")


@quiz.command(name="take")
def quiz_take(
    context: typer.Context,
    lesson: Lesson = None,
    count: Annotated[int, typer.Option(min=1, max=100, help="Number of questions.")] = 8,
    test: Annotated[
        bool, typer.Option("--test", help="Take a test: ten questions at three levels, no hints, a score.")
    ] = False,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed for questions and numbers; default: random.")] = None,
    bank: Banks = None,
    sweep: OwnSweep = None,
    runs: Runs = None,
    plain: Plain = False,
    as_json: AsJson = False,
) -> None:
    """Answer questions one by one, due ones first, then new ones. Works in a pipe."""
    from scaling_tui.report import tutor as console
    from scaling_tui.tutor.course import Course

    if sweep is not None:
        if test or lesson is not None:
            raise InputError("--sweep: found with --test or --lesson, want it alone")
        own_questions = own(sweep, runs, new_seed() if seed is None else seed).all_told(say)
        course = Course.load(own_questions)
        session = course.on(own_questions[:count], seed)
    else:
        course = Course.load(find_questions(bank, lesson))
        session = course.test(seed) if test else course.session(count, seed)
    # With --json the dialogue goes to stderr, and stdout gets the one document.
    out = sys.stderr if as_json else sys.stdout

    def ask(prompt: str) -> str:
        line = prompted(prompt, out)
        if not line:
            raise EOFError
        return line

    asked_as = partial(console.question_text, plain=plain, braille=braille(context))
    console.take(session, course.titles, ask, lambda text: print(text, file=out), asked_as)
    if as_json:
        print_json(console.summary_document(session, course.titles))
    else:
        print("\n" + console.summary_text(session, course.titles))
        if session.weak:
            print(f"Read next: scaling-tui learn {session.weak[0]}")


@quiz.command(name="predict")
def quiz_predict(
    sweep: SweepName = None,
    answer: Annotated[str | None, typer.Option("--answer", help="Your prediction of the loss; default: ask.")] = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Predict the loss of a sweep's largest run. Trains it if necessary, and compares with the law's prediction."""
    from scaling_tui.report.prediction_game import find_challenge, prediction_document, question_text, score_text
    from scaling_tui.report.progress import follow
    from scaling_tui.runs import SweepReader, find_sweep, runs_folder
    from scaling_tui.sweeps.launch import resume as resume_sweep
    from scaling_tui.tutor import prediction_game

    challenge = find_challenge(runs, sweep)
    out = sys.stderr if as_json else sys.stdout
    waiting = prediction_game.kept(challenge)
    # A number given now that the run has ended is no prediction; one that was kept is.
    counts = challenge.measured is None or (waiting is not None and answer is None)
    if answer is None and waiting is not None:
        print(f"{question_text(challenge)}\nyou predicted {waiting:g} before it ended", file=out)
        answer = f"{waiting:g}"
    if answer is None:
        print(question_text(challenge), file=out)
        answer = prompted("nats per token > ", out).strip()
    if not answer:
        return print_json(prediction_document(challenge, None)) if as_json else say("no answer, nothing recorded")
    guess = prediction_game.read_guess(answer)
    print(f"read as {guess:g} nats per token", file=out)
    if challenge.measured is None:
        with unkept():
            prediction_game.keep(challenge, guess)
        path = find_sweep(runs_folder(runs), challenge.sweep)
        reader = SweepReader(path)
        if not reader.poll().trains:
            say(f"{challenge.run} is not trained yet: resuming {challenge.sweep}")
            with ctrl_c_deferred():
                resume_sweep(path)
        say(f"waiting for {challenge.run}; ctrl+c leaves it training")
        run = follow(reader).run(challenge.run)
        challenge = prediction_game.ended(challenge, run.loss if run is not None and run.state == "finished" else None)
    scored = prediction_game.score(challenge, guess)
    if counts:
        with unkept():
            prediction_game.record(challenge, scored)
    return (
        print_json(prediction_document(challenge, scored, guess))
        if as_json
        else print(score_text(challenge, scored, counts))
    )


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


@contextmanager
def unkept() -> Iterator[None]:
    """Says that something could not be recorded, and goes on: a lesson is read and a guess is scored without a home."""
    try:
        yield
    except InputError as error:
        say(f"{error}: not saved")


def prompted(prompt: str, out: TextIO) -> str:
    """A line of input, echoed if it comes from a pipe; empty at the end of input."""
    print(prompt, end="", file=out, flush=True)
    line = sys.stdin.readline()
    if not sys.stdin.isatty():
        print(line.rstrip("\n"), file=out)
    return line


@quiz.command(name="check")
def quiz_check(
    file: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE", help="Question banks (.toml); default: all.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds to try for each question.")] = 200,
    slips: Annotated[bool, typer.Option("--slips", help="Print the diagnosis for every mistake.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check question banks. Tries answers, mistakes, diagnoses and steps over many seeds; status 1 on a problem."""
    from scaling_tui.report import tutor as console
    from scaling_tui.text import show
    from scaling_tui.tutor.content.bank import load_bank, load_banks
    from scaling_tui.tutor.content.lesson import lesson_files
    from scaling_tui.tutor.grading.checking import check_bank, diagnosis_table

    banks = [load_bank(path) for path in file] if file else load_banks()
    lessons = [lesson.id for lesson in lesson_files()]
    problems = [problem for bank in banks for problem in check_bank(bank, lessons, seeds)]
    rows = [row for bank in banks for question in bank.questions for row in diagnosis_table(question)] if slips else []
    number = sum(len(bank.questions) for bank in banks)
    if as_json:
        document = {"banks": [str(bank.path) for bank in banks], "questions": number, "seeds": seeds}
        print_json(document | {"problems": problems, "slips": [vars(row) for row in rows] if slips else None})
    else:
        for row in rows:
            print(f"{row.question} · {row.slip} · {row.answer}\n{console.wrapped(row.reads, '    ')}")
        for problem in problems:
            print(problem)
        outcome = show.counted(len(problems), "problem") if problems else "no problems"
        tried = f"{show.counted(number, 'question')} in {show.counted(len(banks), 'bank')}"
        say(f"{tried}, {show.counted(seeds, 'seed')} each: {outcome}")
    if problems:
        raise typer.Exit(1)


@quiz.command(name="progress")
def quiz_progress(
    reset: Annotated[
        bool, typer.Option("--reset", help="Start over; the old record is kept beside the new one.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is due and your progress by skill. --json exports every answer."""
    from scaling_tui.tutor import progress
    from scaling_tui.tutor.course import Course

    path = progress.progress_file()
    if reset:
        kept = progress.reset(path)
        return say(f"progress reset; the old record is {kept}" if kept else "there was no progress to reset")
    if as_json:
        return print_json(progress.export(path))
    return print(Course.load(find_questions(None, None)).overview())


def find_questions(banks: list[Path] | None, lesson: str | None) -> "list[Question]":
    from scaling_tui.tutor.content.bank import load_banks
    from scaling_tui.tutor.content.lesson import lesson_files

    questions = [question for bank in load_banks(banks or []) for question in bank.questions]
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
