"""The command line: the app if no command is given, else the command. Wrong input gives one line."""

import os
import re
import signal
import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from scaling_tui import InputError, __version__
from scaling_tui.cli import (
    classroom,
    compare,
    completion,
    doctor,
    imports,
    laws,
    listing,
    prediction_game,
    report,
    schemas,
    serve,
    sweeps,
    tutor,
    why,
)
from scaling_tui.cli import lens as inside
from scaling_tui.cli.options import Runs, say
from scaling_tui.text.visible import harmless

app = typer.Typer(
    name="scaling-tui",
    help="Train ladders of language models, fit their scaling law, predict the next size, and learn why.",
    no_args_is_help=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for part in (sweeps, listing, report, imports, inside, laws, compare, why, tutor, serve, doctor, schemas):
    app.add_typer(part.app)
for part in (prediction_game, classroom):
    tutor.quiz.add_typer(part.app)


@app.callback()
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    runs: Runs = None,
    ascii_signs: Annotated[
        bool | None,
        typer.Option(
            "--ascii/--no-ascii",
            help="Draw the app and plots in ASCII; by default, only if the locale is not UTF-8.",
            show_default=False,
        ),
    ] = None,
    slow_link: Annotated[bool, typer.Option("--slow-link", help="No animation; refresh every two seconds.")] = False,
    theme: Annotated[
        str | None,
        typer.Option(
            envvar="SCALING_TUI_THEME", help="Theme of the app: dark, light, high-contrast, or one of Textual's."
        ),
    ] = None,
    bell: Annotated[
        bool,
        typer.Option(
            "--bell/--no-bell",
            envvar="SCALING_TUI_BELL",
            help="In the app, ring the bell and send desktop notifications when a run fails or a sweep ends.",
        ),
    ] = True,
) -> None:
    """Opens the app on a terminal; otherwise prints help."""
    if version:
        print(f"scaling-tui {__version__}")
        raise typer.Exit
    from scaling_tui.tui import terminal

    plain = terminal.wants_ascii() if ascii_signs is None else ascii_signs
    context.obj = terminal.Appearance(plain, slow_link, theme, bell)
    if context.invoked_subcommand is not None:
        if runs is not None:
            # Before the command it is the same option; one given after the command takes precedence.
            group = getattr(context.command, "commands", {}).get(context.invoked_subcommand)
            subcommands = {name: {"runs": runs} for name in getattr(group, "commands", {})}
            context.default_map = {context.invoked_subcommand: {"runs": runs, **subcommands}}
        return
    if terminal.is_there():
        from scaling_tui.runs import runs_folder

        sweeps.open_tui(context.obj, runs_folder(runs))
    elif sys.stdout.isatty() and terminal.is_dumb():
        from scaling_tui.runs import runs_folder
        from scaling_tui.runs.commands import suggested

        raise InputError(
            f"TERM={os.environ['TERM']}: the app needs a terminal that can move its cursor, such as TERM=xterm; "
            f"commands such as {suggested(runs_folder(runs), 'runs')} work here (--help lists them)"
        )
    else:
        print(context.get_help())


def main() -> None:
    """Entry point. Turns wrong input into one line on stderr and the exit status 2."""
    _open_closed_streams()
    # A closed pipe (`| head`) ends this command silently, as it ends any other.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    with harmless():
        status = _status()
    sys.exit(status)


def _open_closed_streams() -> None:
    """Puts /dev/null where a stream was closed (`>&-`), else the next file that is opened takes its place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            while (descriptor := os.open(os.devnull, os.O_RDWR)) < number:
                pass
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, open(number, "r" if number == 0 else "w", encoding="utf-8"))  # noqa: SIM115, PTH123


# What Typer says of a value, and the same in the words of every other error here.
_WORDS = (
    (re.compile(r"('[^']*') is not a valid int(?: range)?\.$"), r"found \1, want a whole number"),
    (re.compile(r"('[^']*') is not a valid float(?: range)?\.$"), r"found \1, want a number"),
    (re.compile(r"(\S+) is not in the range ([^<>=]+)<=x<=([^<>=]+)\.$"), r"found \1, want \2 to \3"),
    (re.compile(r"(\S+) is not in the range x>=(.+)\.$"), r"found \1, want \2 or more"),
    (re.compile(r"^Got unexpected extra argument\(s\) \((.*)\)$"), r"Got unexpected extra arguments: \1"),
)


def plainly(error: TyperException) -> str:
    """What is wrong with the command line, on one line, with the help that tells what is right."""
    text = " ".join(error.format_message().split())
    for pattern, words in _WORDS:
        text = pattern.sub(words, text)
    path = getattr(getattr(error, "ctx", None), "command_path", "")
    hinted = "(Possible" in text or "Did you mean" in text
    if not path or hinted or not text.startswith(("Missing ", "No such ", "Got ", "Option ")):
        return text
    what = "lists them" if text.startswith("No such ") else "tells what it takes"
    return f"{text.rstrip('.')}; '{path} --help' {what}"


def _status() -> int:
    if any(word.endswith("-completion") for word in sys.argv[1:2]):
        completion.complete_at_first_tab()
    try:
        status = completion.completing(lambda: app(standalone_mode=False, prog_name="scaling-tui"))
    except TyperException as error:
        say(f"scaling-tui: {plainly(error)}")
        status = error.exit_code
    except InputError as error:
        say(f"scaling-tui: {error}")
        status = 2
    except OSError as error:
        say(f"scaling-tui: {error.filename or 'disk'}: {error.strerror or error}")
        status = 1
    except (KeyboardInterrupt, typer.Abort):
        status = 130
    return status if isinstance(status, int) else 0
