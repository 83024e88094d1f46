"""The command that explains a number: where it comes from, its formula with the numbers in it, its lesson."""

from typing import TYPE_CHECKING, Annotated

import typer

from scaling_tui.cli import completion
from scaling_tui.cli.options import AsJson, BestOf, Cluster, Columns, Runs, Where, Which, print_json, say, text_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scaling_tui.report.why import Explanation

app = typer.Typer()


@app.command()
def why(
    source: Annotated[
        str,
        typer.Argument(
            help="A sweep, a table (CSV, TSV, JSONL, Parquet), or - for stdin.", autocompletion=completion.sources
        ),
    ],
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN] [NUMBER]",
            help="Number to explain: 'r5 loss', 'law alpha', 'fit alpha', 'prediction error'; default: list all.",
        ),
    ] = None,
    columns: Columns = None,
    points: Which = None,
    best_of: BestOf = None,
    where: Where = None,
    cluster: Cluster = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Explain a number of a sweep or a fit: its source, conventions, runs, formula, certainty and lesson."""
    from scaling_tui.laws.fitting.tables import TableOptions
    from scaling_tui.report.why.asked import figures_asked

    options = TableOptions.of(columns, points, best_of, where or (), cluster)
    tell(figures_asked(source, what or (), runs, options), as_json)


def tell(found: "Sequence[Explanation]", as_json: bool) -> None:
    """Prints one figure in full; of several, a list to choose from."""
    from scaling_tui.report.why.text import explanation_text, figures_table

    if as_json:
        return print_json("why", {"figures": [one.document() for one in found]})
    if len(found) == 1:
        return print(explanation_text(found[0], text_width()))
    print(figures_table(found))
    say("To explain one, add words from the first two columns.")
    return None
