"""The command `learn`: a lesson by its name, the glossary, and guided experiments."""

import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from scaling_tui import InputError
from scaling_tui.cli import completion
from scaling_tui.cli.options import (
    AsJson,
    Runs,
    ctrl_c_deferred,
    print_json,
    print_rich,
    prompted,
    say,
    show,
    unkept,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from scaling_tui.plots.figures import Figure
    from scaling_tui.sweeps.ladder import Ladder

Plain = Annotated[
    bool,
    typer.Option("--plain", help="Words only, for a screen reader: figures and tables become sentences."),
]
_WIDTH = 100  # columns of a page, at most


class LessonGroup(TyperGroup):
    """A group whose first word may be a lesson: `learn chinchilla` is `learn lesson chinchilla`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        asks_for_help = args[:1] in (["--help"], ["-h"])
        if not asks_for_help and args[:1] not in ([name] for name in self.commands):
            args = ["lesson", *args]
            ctx.meta[completion.LESSON_ASSUMED] = True
        return super().parse_args(ctx, args)


learn = typer.Typer(
    cls=LessonGroup,
    help="Read a lesson, look up a word, or do a guided experiment. 'learn LESSON' opens a lesson.",
    rich_markup_mode=None,
)


@learn.command(name="lesson")
def learn_lesson(
    context: typer.Context,
    lesson: Annotated[
        str | None, typer.Argument(help="A lesson; without one, list them all.", autocompletion=completion.lessons)
    ] = None,
    read: Annotated[
        bool, typer.Option("--read", help="Mark the lesson as read; questions on it that you have forgotten come back.")
    ] = False,
    plain: Plain = False,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Read a lesson with its plots, or list the lessons."""
    from scaling_tui.report import tutor as console
    from scaling_tui.tutor.content.bank import load_banks
    from scaling_tui.tutor.content.lesson import lesson_files, load_lesson

    if lesson is None:
        if read:
            raise InputError("--read: found no lesson, want the one that you have read")
        files = lesson_files()
        if as_json:
            return print_json("lessons", {"lessons": [{"id": file.id, **file.head} for file in files]})
        show(context, console.lessons_table(files))
        return say("'scaling-tui learn LESSON' opens one")
    opened = load_lesson(lesson)
    questions = [question for bank in load_banks() for question in bank.questions if question.lesson == lesson]
    if as_json:
        print_json("lesson", console.lesson_document(opened, questions))
    else:
        from scaling_tui.report.lesson import lesson_page, lesson_words
        from scaling_tui.report.wrapping import width
        from scaling_tui.runs import runs_folder

        folder = runs_folder(runs)
        if plain:
            show(context, lesson_words(opened, questions, width(), folder))
        else:
            print_rich(context, partial(lesson_page, opened, questions, runs=folder), most_width=_WIDTH)
    if read:
        from scaling_tui.tutor.progress import mark_read

        with unkept():
            mark_read(lesson)
    elif sys.stdout.isatty():
        say(f"'scaling-tui learn {lesson} --read' marks it as read")
    return None


@learn.command(name="glossary")
def learn_glossary(
    context: typer.Context,
    term: Annotated[str | None, typer.Argument(help="A word or a symbol, such as N; default: show all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Look up a word or a symbol."""
    from scaling_tui.report.glossary import entry_text, glossary_text
    from scaling_tui.tutor.content.glossary import find_entry, load_glossary

    entries = load_glossary()
    if term is not None:
        entry = find_entry(entries, term)
        return print_json("term", entry.as_json()) if as_json else show(context, entry_text(entry))
    if as_json:
        return print_json("glossary", {"terms": [entry.as_json() for entry in entries]})
    return show(context, glossary_text(entries))


@learn.command(name="experiment")
def learn_experiment(
    context: typer.Context,
    experiment: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="An experiment; without one, list them.", autocompletion=completion.experiments
        ),
    ] = None,
    sweep: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Use this sweep instead of training the ladder again.", show_default=False),
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Start over; sweeps stay as they are.")] = False,
    plain: Plain = False,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Do a guided experiment: predict, train, compare. Continues where you stopped; works in a pipe."""
    from scaling_tui.report import experiments as console
    from scaling_tui.report.guiding import Desk, walk, watch_curves
    from scaling_tui.runs import runs_folder
    from scaling_tui.tutor.content.experiment import load_experiment, load_experiments
    from scaling_tui.tutor.guide import Guide

    if experiment is None:
        every = load_experiments()
        if as_json:
            return print_json("experiments", {"experiments": [console.experiment_summary(each) for each in every]})
        print(console.experiments_table(every))
        return say("'scaling-tui learn experiment NAME' starts one")
    guide = Guide(load_experiment(experiment))
    if restart:
        guide.restart()
    if as_json:
        return print_json("experiment", console.experiment_document(guide))
    folder = runs_folder(runs)

    def start(ladder: "Ladder") -> Path:
        return launched(folder, ladder)

    desk = Desk(
        ask=asked,
        tell=partial(show, context),
        show=partial(show_figure, context, plain),
        launch=start,
        watch=lambda path: watch_curves(path, drawn(context, plain), guide),
        runs=folder,
        plain=plain,
    )
    if not walk(guide, desk, sweep):
        say(f"'scaling-tui learn experiment {experiment}' continues from here")
    return None


def asked(prompt: str) -> str:
    """A line of input, echoed if it comes from a pipe.

    Raises:
        EOFError: the end of input.
    """
    line = prompted(prompt, sys.stdout)
    if not line:
        raise EOFError
    return line


def launched(runs: Path, ladder: "Ladder") -> Path:
    """Starts a sweep of a ladder; says how to come back to it."""
    from scaling_tui.sweeps.launch import launch

    with ctrl_c_deferred():
        path = launch(runs, ladder)
    say(f"training {path.name}; ctrl+c leaves it training")
    return path


def show_figure(context: typer.Context, plain: bool, figure: "Figure") -> None:
    """Prints a figure, or what it shows in words."""
    if plain:
        from scaling_tui.report.plain import figure_text

        print(figure_text(figure))
    else:
        print_rich(context, lambda width, braille: _plotted(figure, width, braille), most_width=_WIDTH)


def drawn(context: typer.Context, plain: bool) -> "Callable[[Figure], RenderableType] | None":
    """How live curves are drawn on this terminal; None where words tell them."""
    if plain:
        return None
    appearance = context.find_root().obj

    def draw(figure: "Figure") -> "RenderableType":
        return _plotted(figure, min(_WIDTH, shutil.get_terminal_size().columns), not appearance.ascii)

    return draw


def _plotted(figure: "Figure", width: int, braille: bool) -> "RenderableType":
    from scaling_tui.report.lesson import HEIGHT
    from scaling_tui.report.plotted import plotted

    return plotted([figure], width, braille, HEIGHT)
