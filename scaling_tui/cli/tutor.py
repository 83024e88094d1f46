"""Commands of the tutor: lessons, and questions that the law code checks."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from scaling_tui import InputError
from scaling_tui.cli.options import AsJson, Runs, SweepName, ctrl_c_waits, print_json, say

if TYPE_CHECKING:
    from scaling_tui.tutor.content.questions import Question

app = typer.Typer()
quiz = typer.Typer(help="Questions that the law code checks.", invoke_without_command=True, rich_markup_mode=None)
app.add_typer(quiz, name="quiz")
Banks = Annotated[list[Path] | None, typer.Option("--bank", help="A bank of your own (.toml), besides the project's.")]
Lesson = Annotated[str | None, typer.Option("--lesson", help="Only this lesson; 'scaling-tui learn' lists them.")]
Seed = Annotated[int, typer.Option(min=0, help="Chooses the question's numbers.")]


@app.command()
def learn(
    lesson: Annotated[str | None, typer.Argument(help="A lesson; without one they are listed.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read a lesson, with its plots; or list the lessons."""
    from scaling_tui.report import tutor as console
    from scaling_tui.tutor.content.bank import load_banks
    from scaling_tui.tutor.content.lesson import lesson_files, load_lesson

    if lesson is None:
        files = lesson_files()
        if as_json:
            return print_json({"lessons": [{"id": file.id, **file.head} for file in files]})
        print(console.lessons_table(files))
        return say("'scaling-tui learn LESSON' opens one")
    read = load_lesson(lesson)
    asked = [one for bank in load_banks() for one in bank.questions if one.lesson == lesson]
    if as_json:
        return print_json(console.lesson_document(read, asked))
    from scaling_tui.report.lesson import page

    print(page(read, asked))
    if sys.stdout.isatty():
        from scaling_tui.tutor.progress import mark_read

        mark_read(lesson)
    return None


@quiz.callback()
def quiz_root(context: typer.Context) -> None:
    """Questions that the law code checks."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@quiz.command(name="list")
def quiz_list(bank: Banks = None, lesson: Lesson = None, as_json: AsJson = False) -> None:
    """List the questions."""
    from scaling_tui.report import tutor as console

    found = find_questions(bank, lesson)
    if as_json:
        fields = ("id", "kind", "lesson", "difficulty")
        print_json({"questions": [{field: getattr(one, field) for field in fields} for one in found]})
    else:
        print(console.questions_table(found))


@quiz.command(name="show")
def quiz_show(
    question: Annotated[str, typer.Argument(help="A question; 'scaling-tui quiz list' lists them.")],
    seed: Seed = 0,
    solution: Annotated[bool, typer.Option("--solution", help="Show the worked solution too.")] = False,
    bank: Banks = None,
    as_json: AsJson = False,
) -> None:
    """Show a question with the numbers that a seed gives it."""
    from scaling_tui.report import tutor as console
    from scaling_tui.tutor.content.variant import variant

    asked = variant(find_question(question, bank), seed)
    if as_json:
        document = console.show_document(asked)
        if solution:
            document |= {"solution": list(asked.steps), "check": asked.check, "expected": asked.expected}
        return print_json(document)
    print(console.question_text(asked))
    if solution:
        print(console.solution_text(asked))
    return say(
        f"answer with {asked.answer_format}: 'scaling-tui quiz grade --question {question} --seed {seed} --answer …'"
    )


@quiz.command(name="grade")
def quiz_grade(
    question: Annotated[str, typer.Option("--question", help="The question.")],
    answer: Annotated[str, typer.Option("--answer", help="The answer as you would type it.")],
    seed: Seed = 0,
    bank: Banks = None,
    as_json: AsJson = False,
) -> None:
    """Grade one answer; status 0 whether right or wrong, 2 where it cannot be read. Records nothing."""
    from scaling_tui.report import tutor as console
    from scaling_tui.tutor.content.variant import variant
    from scaling_tui.tutor.grading.marking import grade

    asked = variant(find_question(question, bank), seed)
    graded = grade(asked, answer)
    if as_json:
        print_json(console.grade_document(asked, graded))
    else:
        print(f"read as {graded.read_as}\n{console.grade_text(graded)}")


@quiz.command(name="take")
def quiz_take(
    lesson: Lesson = None,
    count: Annotated[int, typer.Option(min=1, max=100, help="Questions of the sitting.")] = 8,
    test: Annotated[bool, typer.Option("--test", help="Ten questions of three grades, no hints, a score.")] = False,
    seed: Annotated[int | None, typer.Option(min=0, help="Fixes questions and numbers; else fresh ones.")] = None,
    bank: Banks = None,
    as_json: AsJson = False,
) -> None:
    """A sitting by prompts: what is due first, then what is new. Works in a pipe."""
    from scaling_tui.report import tutor as console
    from scaling_tui.tutor.course import Course

    course = Course.load(find_questions(bank, lesson))
    sitting = course.test(seed) if test else course.session(count, seed)
    # With --json the dialogue is words, and the one document is the data.
    out = sys.stderr if as_json else sys.stdout

    def ask(prompt: str) -> str:
        line = prompted(prompt, out)
        if not line:
            raise EOFError
        return line

    console.take(sitting, course.titles, ask, lambda text: print(text, file=out))
    if as_json:
        print_json(console.summary_document(sitting, course.titles))
    else:
        print("\n" + console.summary_text(sitting, course.titles))
        if sitting.weak:
            print(f"Read next: scaling-tui learn {sitting.weak[0]}")


@quiz.command(name="predict")
def quiz_predict(
    sweep: SweepName = None,
    answer: Annotated[str | None, typer.Option("--answer", help="The loss you foretell; else you are asked.")] = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Foretell the loss of the largest run of a sweep of yours; it is trained if it was not, and the law plays too."""
    from scaling_tui.report.prediction_game import find_challenge, prediction_document, question_text, score_text
    from scaling_tui.report.progress import follow
    from scaling_tui.runs import SweepReader, find_sweep, runs_folder
    from scaling_tui.sweeps.launch import resume as resume_sweep
    from scaling_tui.tutor import prediction_game

    asked = find_challenge(runs, sweep)
    out = sys.stderr if as_json else sys.stdout
    waiting = prediction_game.kept(asked)
    # A number given now that the run has ended is no prediction; one that was kept is.
    counts = asked.measured is None or (waiting is not None and answer is None)
    if answer is None and waiting is not None:
        print(f"{question_text(asked)}\nyou said {waiting:g} before it ended", file=out)
        answer = f"{waiting:g}"
    if answer is None:
        print(question_text(asked), file=out)
        answer = prompted("nats per token > ", out).strip()
    if not answer:
        return print_json(prediction_document(asked, None)) if as_json else say("nothing answered, nothing recorded")
    guess = prediction_game.read_guess(answer)
    print(f"read as {guess:g} nats per token", file=out)
    if asked.measured is None:
        prediction_game.keep(asked, guess)
        path = find_sweep(runs_folder(runs), asked.sweep)
        reader = SweepReader(path)
        if not reader.poll().trains:
            say(f"{asked.run} is not trained yet: {asked.sweep} goes on")
            with ctrl_c_waits():
                resume_sweep(path)
        say(f"waiting for {asked.run}; ctrl+c leaves it training")
        run = follow(reader).run(asked.run)
        asked = prediction_game.ended(asked, run.loss if run is not None and run.state == "finished" else None)
    scored = prediction_game.score(asked, guess)
    if counts:
        prediction_game.record(asked, scored)
    return (
        print_json(prediction_document(asked, scored, guess)) if as_json else print(score_text(asked, scored, counts))
    )


def prompted(prompt: str, out: TextIO) -> str:
    """A line of the input, shown where it comes from a pipe; empty at its end."""
    print(prompt, end="", file=out, flush=True)
    line = sys.stdin.readline()
    if not sys.stdin.isatty():
        print(line.rstrip("\n"), file=out)
    return line


@quiz.command(name="check")
def quiz_check(
    file: Annotated[
        list[Path] | None, typer.Argument(help="Banks (.toml); all that are found if none is given.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds tried of every question.")] = 200,
    slips: Annotated[bool, typer.Option("--slips", help="Print what a learner reads for every slip.")] = False,
    as_json: AsJson = False,
) -> None:
    """Validate banks: keys, mistakes, diagnoses and worked steps over many seeds. Status 1 where one is unsound."""
    from scaling_tui.report import tutor as console
    from scaling_tui.tutor.content.bank import load_bank, load_banks
    from scaling_tui.tutor.content.lesson import lesson_files
    from scaling_tui.tutor.grading.checking import check_bank, diagnosis_table

    banks = [load_bank(path) for path in file] if file else load_banks()
    lessons = [one.id for one in lesson_files()]
    problems = [problem for bank in banks for problem in check_bank(bank, lessons, seeds)]
    rows = [row for bank in banks for one in bank.questions for row in diagnosis_table(one)] if slips else []
    number = sum(len(bank.questions) for bank in banks)
    if as_json:
        document = {"banks": [str(bank.path) for bank in banks], "questions": number, "seeds": seeds}
        print_json(document | {"problems": problems, "slips": [vars(row) for row in rows] if slips else None})
    else:
        for row in rows:
            print(f"{row.question} · {row.slip} · {row.answer}\n{console.wrapped(row.reads, '    ')}")
        for problem in problems:
            print(problem)
        say(f"{number} questions in {len(banks)} banks, {seeds} seeds each: {len(problems) or 'no'} problems")
    if problems:
        raise typer.Exit(1)


@quiz.command(name="progress")
def quiz_progress(
    reset: Annotated[bool, typer.Option("--reset", help="Start anew; the old record is kept beside it.")] = False,
    as_json: AsJson = False,
) -> None:
    """What is due, and how each skill stands; --json exports every answer."""
    from scaling_tui.tutor import progress
    from scaling_tui.tutor.course import Course

    path = progress.progress_file()
    if reset:
        kept = progress.reset(path)
        return say(f"progress starts anew; the old record is {kept}" if kept else "there was no progress to reset")
    if as_json:
        return print_json(progress.export(path))
    return print(Course.load(find_questions(None, None)).overview())


def find_questions(banks: list[Path] | None, lesson: str | None) -> "list[Question]":
    from scaling_tui.tutor.content.bank import load_banks
    from scaling_tui.tutor.content.lesson import lesson_files

    found = [one for bank in load_banks(banks or []) for one in bank.questions]
    if lesson is not None:
        known = [file.id for file in lesson_files()]
        found = [one for one in found if one.lesson == lesson]
        if not found:
            raise InputError(f"lesson {lesson!r}: has no question, want one of {', '.join(known)}")
    return found


def find_question(name: str, banks: list[Path] | None) -> "Question":
    found = find_questions(banks, None)
    for one in found:
        if one.id == name:
            return one
    from scaling_tui.text.suggest import did_you_mean

    known = [question.id for question in found]
    raise InputError(f"question {name!r}: not known; {did_you_mean(name, known, 'quiz list shows them all')}")
