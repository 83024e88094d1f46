"""The command that prints the JSON Schemas of what the others print and write."""

from typing import Annotated

import typer

from scaling_tui import InputError
from scaling_tui.cli.options import AsJson, print_json

app = typer.Typer()


@app.command()
def schema(
    name: Annotated[
        str | None, typer.Argument(help="A document or file; without one, lists them.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the JSON Schema of a document that '--json' prints, or of a file of a run folder."""
    from scaling_tui.report.documents import described, schemas_document, schemas_text
    from scaling_tui.text.json_documents import dumps

    if name is not None:
        if as_json:
            raise InputError("--json: found with a name, whose schema is JSON anyway; want one of them")
        print(dumps(described(name).schema(), indent=2))
    elif as_json:
        print_json("schemas", schemas_document())
    else:
        print(schemas_text())
