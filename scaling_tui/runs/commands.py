"""Commands to suggest: as they work where they are printed, whatever the folder of the sweeps is and its names are."""

import shlex
from pathlib import Path

from scaling_tui.runs.format import runs_folder


def command(runs: Path, name: str = "", *arguments: str, options: tuple[str, ...] = ()) -> str:
    """`scaling-tui NAME ARGUMENT… OPTION…` for the sweeps in `runs`, quoted for a shell; without a name the app.

    `--runs` is left out where `runs` is the folder that a command takes by itself.
    """
    line = ["scaling-tui", *([name] if name else [])]
    if runs.absolute() != runs_folder().absolute():
        options = (*options, "--runs", str(runs))
    if any(argument.startswith("-") for argument in arguments):
        return shlex.join([*line, *options, "--", *arguments])
    return shlex.join([*line, *arguments, *options])


def suggested(runs: Path, name: str = "", *arguments: str, options: tuple[str, ...] = ()) -> str:
    """That command in quotes, as it stands in a sentence."""
    line = command(runs, name, *arguments, options=options)
    return f"`{line}`" if "'" in line else f"'{line}'"
