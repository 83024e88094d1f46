"""What the commands share: options, and where messages and data go."""

import math
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from scaling_tui import InputError
from scaling_tui.cli import completion
from scaling_tui.text.json_documents import dumps
from scaling_tui.text.visible import terminal_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from scaling_tui.plots.figures import Figure
    from scaling_tui.plots.limits import Limits
    from scaling_tui.tui.terminal import Appearance

EXIT_STATUSES = {
    0: "done",
    1: "failed: the disk was full, a process ended, or what the command says of it",
    2: "wrong input: one line says what was found and what is wanted",
    130: "interrupted with ctrl+c",
}
UNFINISHED = "Exit status 1: a run did not finish."

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Runs = Annotated[
    Path | None, typer.Option("--runs", help="Folder of the sweeps; default: $SCALING_TUI_RUNS, then ./runs.")
]
Plot = Annotated[
    bool | None,
    typer.Option("--plot/--no-plot", help="Draw plots after the text; default: on a terminal.", show_default=False),
]
XLim = Annotated[
    str | None,
    typer.Option(
        "--xlim",
        metavar="LOW:HIGH",
        help="Limits of the x axis, in the first plot if there are several: 1e5:10M, or one end.",
        show_default=False,
    ),
]
YLim = Annotated[
    str | None,
    typer.Option(
        "--ylim", metavar="LOW:HIGH", help="Limits of the y axis in the same plot: 2:3.5.", show_default=False
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="ROLE=COLUMN,…",
        help="Which columns of a table to read, such as params=n_params,tokens=D*1e9,loss=eval/loss.",
    ),
]
Which = Annotated[
    str | None,
    typer.Option(
        "--points",
        metavar="last|all",
        help="Rows of a table to fit: the last of each run, or all; default: the last if they are checkpoints.",
    ),
]
BestOf = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Keep the best of this column, such as lr, at each N and D of a table."),
]
Where = Annotated[
    list[str] | None,
    typer.Option(metavar="CONDITION", help="Read only such rows of a table: 'params<3e8'; repeatable."),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Column of a table that groups rows with a shared error, such as run; default: found automatically.",
    ),
]
Tie = Annotated[
    list[str] | None, typer.Option(metavar="A=B", help="Make coefficients equal, such as alpha=beta; repeatable.")
]
Fix = Annotated[
    list[str] | None, typer.Option(metavar="KEY=VALUE", help="Fix a coefficient, such as E=0.9; repeatable.")
]
Prior = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=VALUE±SD", help="A coefficient measured elsewhere, such as E=0.9±0.2; repeatable."),
]
SweepName = Annotated[
    str | None,
    typer.Argument(metavar="SWEEP", help="Name of a sweep; default: the latest.", autocompletion=completion.sweeps),
]


def number(text: str, unit: str = "", whole: bool = False) -> Any:
    """An option that takes a number as the app does: 70B, 1.4T, 1,000,000, 6e20.

    Args:
        text: what `--help` says of it.
        unit: one of `text.numbers.UNITS`, which may follow the number.
        whole: whether it must be a whole number.
    """

    def read(given: str | float) -> float | int:
        from scaling_tui.text.numbers import read_quantity

        if not isinstance(given, str):
            return given  # a default
        try:
            value = read_quantity(given, unit, "number")
        except InputError as error:
            raise typer.BadParameter(str(error).removeprefix("number: ")) from None
        if whole and value != int(value):
            raise typer.BadParameter(f"found {given!r}, want a whole number")
        return int(value) if whole else value

    return typer.Option(parser=read, metavar="NUMBER", help=text)


def not_nan(value: float) -> float:
    """A callback of options with a range: NaN passes any range, and infinity one without an upper end."""
    if not math.isfinite(value):
        raise typer.BadParameter(f"found {value:g}, want a number")
    return value


def say(text: str) -> None:
    """Prints a message on stderr; stdout is for data."""
    print(text, file=sys.stderr)


def prompted(prompt: str, out: TextIO) -> str:
    """A line of input, echoed if it comes from a pipe; empty at the end of input."""
    print(prompt, end="", file=out, flush=True)
    line = sys.stdin.readline()
    if not sys.stdin.isatty():
        print(line.rstrip("\n"), file=out)
    return line


def plots_wanted(option: bool | None, as_json: bool = False, limits: "Limits | None" = None) -> bool:
    """Whether plots follow the text; without the option, on a terminal or where their limits are given.

    Raises:
        InputError: the option or limits come with --json, or limits with --no-plot.
    """
    if (option or limits) and as_json:
        raise InputError(f"--{'plot' if option else 'xlim, --ylim'}: found with --json, want one of them")
    if limits and option is False:
        raise InputError("--xlim, --ylim: found with --no-plot, want one of them")
    return not as_json and (sys.stdout.isatty() or limits is not None) if option is None else option


def limits_of(xlim: str | None, ylim: str | None) -> "Limits | None":
    """The limits that options give; None without any.

    Raises:
        InputError: they cannot be read.
    """
    if xlim is None and ylim is None:
        return None
    from scaling_tui.plots.limits import FREE, Limits, read_range

    x, y = (FREE if text is None else read_range(text, option) for option, text in (("--xlim", xlim), ("--ylim", ylim)))
    return Limits(x, y)


def print_plots(context: typer.Context, figures: "Iterable[Figure]", limits: "Limits | None" = None) -> None:
    """Prints figures as wide as the terminal, the first within the `limits`."""
    from scaling_tui.plots.figures import limited
    from scaling_tui.report.plotted import plotted

    print_rich(context, lambda width, braille: plotted(limited(figures, limits), width, braille))


def print_rich(
    context: typer.Context, render: "Callable[[int, bool], RenderableType]", most_width: int | None = None
) -> None:
    """Prints what `render(width, braille)` gives, in the terminal's colours and characters."""
    from rich.console import Console

    appearance: Appearance = context.find_root().obj
    # The colours are sequences of our own, so they pass under the filter of the streams.
    console = Console(file=terminal_of(sys.stdout), highlight=False)
    console.width = min(console.width, most_width or console.width)
    with console.capture() as captured:
        console.print()
        console.print(render(console.width, not appearance.ascii), end="")
    text = captured.get()
    if appearance.ascii:
        from scaling_tui.tui.ascii import to_ascii

        text = to_ascii(text)
    console.file.write(text)
    console.file.flush()


def saying(context: typer.Context, plain: bool = False) -> Callable[[str], str]:
    """How a text is put: with `plain` as a screen reader can read it, and in ASCII where the terminal takes no more."""
    ascii_only = context.find_root().obj.ascii

    def said(text: str) -> str:
        if "\u00a0" in text:
            from scaling_tui.text.settings import in_thousands, read_thousands, settings_file

            text = in_thousands(text, read_thousands(settings_file()))
        if plain:
            from scaling_tui.report.plain import spoken

            text = spoken(text)
        if ascii_only:
            from scaling_tui.report.tutor import ascii_formulas
            from scaling_tui.tui.ascii import to_ascii

            text = to_ascii(ascii_formulas(text))
        return text

    return said


def show(context: typer.Context, text: str, out: TextIO | None = None) -> None:
    """Prints a text, in ASCII where the terminal takes no more."""
    print(saying(context)(text), file=out or sys.stdout)


def print_json(name: str, document: Mapping[str, Any]) -> None:
    """Prints one JSON document, which `name` has a schema of. Numbers that JSON cannot hold (nan, inf) become null."""
    from scaling_tui.report.documents import stamped

    print(dumps(stamped(name, document), indent=2))


@contextmanager
def ctrl_c_deferred() -> Iterator[Callable[[], bool]]:
    """Defers ctrl+c to the end of the block: a half-started sweep would run on without anyone knowing.

    Yields a function that returns whether ctrl+c was pressed.
    """
    pressed = False

    def note(number: int, frame: object) -> None:
        nonlocal pressed
        pressed = True

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)


def text_width() -> int:
    """The columns that text may take: those of the terminal, and a hundred at most or without one."""
    import shutil

    return min(100, shutil.get_terminal_size().columns) if sys.stdout.isatty() else 100


@contextmanager
def unkept() -> Iterator[None]:
    """Says that something could not be recorded, and goes on: a lesson is read and a guess is scored without a home."""
    try:
        yield
    except InputError as error:
        say(f"{error}: not saved")
