"""The commands: one thin function each. What they print comes from the same functions as the screens."""

import json
import math
import os
import sys
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from scaling_tui import InputError, __version__

app = typer.Typer(
    name="scaling-tui",
    help="Train ladders of language models, fit their scaling law, predict the next size, learn why.",
    no_args_is_help=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AsJson = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document on stdout.")]


def say(text: str) -> None:
    """Words go to stderr; stdout carries data."""
    print(text, file=sys.stderr)


def print_json(document: Any) -> None:
    """Prints one JSON document. A number that JSON cannot hold (nan, inf) becomes null."""
    print(json.dumps(_finite(document), ensure_ascii=False, indent=2))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


@app.callback()
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Opens the app on a terminal; prints help where there is none."""
    if version:
        print(f"scaling-tui {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


def main() -> None:
    """Entry point. Turns every wrong input into one line on stderr and the design's exit status."""
    try:
        status = app(standalone_mode=False)
    except TyperException as error:
        say(f"scaling-tui: {' '.join(error.format_message().split())}")
        status = error.exit_code
    except InputError as error:
        say(f"scaling-tui: {error}")
        status = 2
    except (KeyboardInterrupt, typer.Abort):
        status = 130
    except BrokenPipeError:
        # The reader of our stdout left (`| head`): nothing is wrong, and nothing more can be printed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
