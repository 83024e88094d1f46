"""The command that compares sweeps and files."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from scaling_tui import InputError
from scaling_tui.cli import completion
from scaling_tui.cli.options import (
    AsJson,
    BestOf,
    Columns,
    Plot,
    Runs,
    Where,
    Which,
    not_nan,
    number,
    plots_wanted,
    print_json,
    print_plots,
    say,
    text_width,
)

app = typer.Typer()


@app.command()
def compare(
    context: typer.Context,
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE SOURCE…",
            help="Two or more: sweeps by name or folder, tables of runs, logs of other trainers.",
            autocompletion=completion.sources,
        ),
    ],
    law: Annotated[
        str | None,
        typer.Option(
            help="Law to fit to all sources; default: each sweep's own, chinchilla for a table.",
            autocompletion=completion.laws,
        ),
    ] = None,
    flops: Annotated[
        float | None,
        number("Budget C at which to compare the laws; default: the largest of all runs.", "flops"),
    ] = None,
    params_as: Annotated[
        str | None,
        typer.Option(
            help="Parameters that N counts in every source: all or non-embedding; default: as each source does."
        ),
    ] = None,
    draws: Annotated[
        int, typer.Option("--bootstrap", min=0, help="Number of bootstrap refits for the intervals.")
    ] = 200,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, callback=not_nan, help="Level of the intervals.")] = 0.9,
    columns: Columns = None,
    points: Which = None,
    best_of: BestOf = None,
    where: Where = None,
    runs: Runs = None,
    as_json: AsJson = False,
    plot: Plot = None,
) -> None:
    """Compare sweeps and files: laws side by side, differences with intervals, and settings that differ.

    Options for tables apply to every table. Nothing is imported or changed.
    """
    from scaling_tui.laws.fitting.tables import TableOptions
    from scaling_tui.plots.curves import Choice
    from scaling_tui.report.comparison.comparing import compare_sources
    from scaling_tui.report.comparison.sources import open_source, with_own_names
    from scaling_tui.report.comparison.words import (
        comparison_curves,
        comparison_document,
        comparison_figure,
        comparison_text,
        notes_text,
    )
    from scaling_tui.runs import runs_folder
    from scaling_tui.tables.source import STDIN

    with_plot = plots_wanted(plot, as_json)
    if len(sources) < 2:
        raise InputError(f"compare: found one source, {sources[0]!r}, want at least two")
    if sources.count(STDIN) > 1:
        raise InputError("compare: found - more than once, want one table from standard input")
    if params_as not in (None, "all", "non-embedding"):
        raise InputError(f"--params-as: found {params_as!r}, want all or non-embedding")
    if flops is not None and not flops > 0:
        raise InputError(f"--flops: found {flops:g}, want a positive number")
    options = TableOptions.of(columns, points, best_of, where or ())
    folder = runs_folder(runs)
    with TemporaryDirectory(prefix="scaling-tui-") as keep:
        opened = with_own_names([open_source(source, folder, Path(keep), options) for source in sources])
        if options.given and all(source.kind != "table" for source in opened):
            raise InputError(f"{options.given}: found without a table, want one among the sources")
        found = compare_sources(opened, law=law, convention=params_as, flops=flops, draws=draws, level=level)
    if as_json:
        return print_json("compare", comparison_document(found))
    print(comparison_text(found, text_width()))
    if with_plot:
        figures = [comparison_figure(found)]
        if any(source.view is not None for source in opened):
            figures.append(comparison_curves(found, Choice()))
        print_plots(context, figures)
    if told := notes_text(found):
        say(told)
    return None
