"""The command that makes one page of a sweep or a table of runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scaling_tui import InputError
from scaling_tui.cli import completion
from scaling_tui.cli.options import AsJson, BestOf, Cluster, Columns, Runs, Where, Which, print_json, say

if TYPE_CHECKING:
    from scaling_tui.report.page.blocks import Page
    from scaling_tui.tui.terminal import Appearance

app = typer.Typer()


@app.command()
def report(
    context: typer.Context,
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE",
            help="A sweep, a table of runs, or - for stdin; default: the latest sweep.",
            autocompletion=completion.sources,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="File to create, .html or .md; default: Markdown on stdout.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    law: Annotated[
        str | None,
        typer.Option(help="The law to fit; default: the sweep's own, then chinchilla.", autocompletion=completion.laws),
    ] = None,
    columns: Columns = None,
    points: Which = None,
    best_of: BestOf = None,
    where: Where = None,
    cluster: Cluster = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Write one page of a sweep or a table: curves, law, prediction beside measurement, runs, settings, provenance.

    As HTML it is one file without scripts, with plots by matplotlib where that is installed, else in characters.
    """
    from scaling_tui.laws.fitting.tables import TableOptions
    from scaling_tui.report.export import write_new
    from scaling_tui.report.fit import slow_note
    from scaling_tui.report.page.making import check_output, page_bytes, report_of

    if output is not None:
        if as_json:
            raise InputError("--json: found with --output, want one of them")
        check_output(output, "--output", force)
    elif force:
        raise InputError("--force: found without --output, want both")
    if source is not None and (note := slow_note(source)):
        say(note)
    options = TableOptions.of(columns, points, best_of, where or (), cluster)
    given = {"--law": law, "--columns": columns, "--points": points, "--best-of": best_of, "--cluster": cluster}
    words = [word for name, value in given.items() if value is not None for word in (name, value)]
    words += [word for condition in where or () for word in ("--where", condition)]
    made = report_of(source, runs, law, options, words)
    if as_json:
        return print_json("report", made.document)
    if output is None:
        return print_markdown(context, made.page)
    write_new(output, page_bytes(made.page, output), replace=force)
    return say(f"wrote {output}")


def print_markdown(context: typer.Context, page: "Page") -> None:
    """Prints a page in the characters of the terminal."""
    from scaling_tui.report.page.markdown import markdown_text

    appearance: Appearance = context.find_root().obj
    text = markdown_text(page, not appearance.ascii)
    if appearance.ascii:
        from scaling_tui.tui.ascii import to_ascii

        text = to_ascii(text)
    print(text, end="")
