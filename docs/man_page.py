"""Writes the man page from the commands themselves: `python docs/man_page.py > scaling-tui.1`.

The build of the wheel calls `man_page`, so the page that is installed is that of the version it comes with.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

ENVIRONMENT = {
    "SCALING_TUI_RUNS": "Folder of the sweeps; default: ./runs.",
    "SCALING_TUI_THEME": "Theme of the app.",
    "SCALING_TUI_BELL": "0 keeps the app from ringing the bell and sending notifications.",
}


def man_page() -> str:
    """The page in roff, UTF-8: every command with its arguments and options."""
    import typer

    from scaling_tui import __version__
    from scaling_tui.cli.app import app

    command: Any = typer.main.get_command(app)
    with typer.Context(command, info_name="scaling-tui") as context:
        lines = [
            '.\\" Generated from the commands by docs/man_page.py.',
            f'.TH SCALING\\-TUI 1 "" "scaling\\-tui {__version__}" "User commands"',
            ".SH NAME",
            "scaling\\-tui \\- a laboratory and a tutor for the scaling laws of language models",
            ".SH SYNOPSIS",
            ".B scaling\\-tui",
            "[OPTIONS] [COMMAND] [ARGUMENTS]",
            ".SH DESCRIPTION",
            *_paragraphs(command.help or ""),
            ".PP",
            _escaped(
                "Without a command it opens the app on a terminal. Every command explains itself: COMMAND --help."
            ),
            ".SH OPTIONS",
            *_parameters(command, context),
            ".SH COMMANDS",
            *_commands(command, context),
            ".SH ENVIRONMENT",
            *(line for name, told in ENVIRONMENT.items() for line in (".TP", f".B {name}", _escaped(told))),
            ".SH EXIT STATUS",
            _escaped("0 if all went well, 2 for wrong input, with a line on stderr, 130 after ctrl+c, 1 otherwise."),
        ]
    return "\n".join(lines) + "\n"


def _commands(group: Any, context: Any) -> Iterator[str]:
    import typer

    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        with typer.Context(command, info_name=name, parent=context) as inner:
            usage = " ".join([inner.command_path, *command.collect_usage_pieces(inner)])
            yield f".SS {_escaped(usage)}"
            yield from _paragraphs(command.help or "")
            yield from _parameters(command, inner)
            if getattr(command, "commands", None):
                yield from _commands(command, inner)


def _parameters(command: Any, context: Any) -> Iterator[str]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and "--help" not in parameter.opts:
            yield from (".TP", f".B {_escaped(record[0])}", _escaped(" ".join((record[1] or "").split())))


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text.strip().replace("\b", "")):
        yield from (".PP", _escaped(" ".join(paragraph.split())))


def _escaped(text: str) -> str:
    told = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{told}" if told[:1] in (".", "'") else told


if __name__ == "__main__":
    sys.stdout.write(man_page())
