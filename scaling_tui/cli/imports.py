"""The command that makes sweeps of other trainers' logs, and follows them."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scaling_tui import InputError
from scaling_tui.cli.options import AsJson, Runs, print_json, say

if TYPE_CHECKING:
    from scaling_tui.imports.importing import Import, Request

app = typer.Typer()
POLL_S = 0.5


@app.command(name="import")
def import_logs(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Logs, or folders of logs.")],
    name: Annotated[str | None, typer.Option(help="Name of the sweep; default: that of the first path.")] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(metavar="METRIC=NAME,…", help="What the log calls a metric, such as loss=train/nll,run=exp."),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="What the log does not say, such as params=124M."),
    ] = None,
    table: Annotated[
        Path | None, typer.Option(help="CSV with a column run, and params, tokens, … of each run.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--format", metavar="KIND", help="Kind of log; default: recognised by its content.")
    ] = None,
    bytes_per_token: Annotated[
        float | None,
        typer.Option(help="Bytes per token of the held-out text: turns bits per byte into nats per token."),
    ] = None,
    finished: Annotated[
        bool, typer.Option("--finished", help="Take runs whose log does not say how they ended as finished.")
    ] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Keep reading; ctrl+c ends.")] = False,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Make a sweep of other trainers' logs: CSV, JSONL, TensorBoard, Hugging Face, nanoGPT, llm.c, nanochat, W&B."""
    from scaling_tui.imports.given import Given, read_columns, read_settings, read_table
    from scaling_tui.imports.importing import Import, Request
    from scaling_tui.report.imports import import_document, import_text
    from scaling_tui.runs import read_sweep, runs_folder
    from scaling_tui.text.columns import bullet

    if follow and finished:
        raise InputError("--finished: found with --follow, want one of them")
    if bytes_per_token is not None and not 0 < bytes_per_token < 1000:
        raise InputError(f"--bytes-per-token: found {bytes_per_token:g}, want a positive number such as 4.8")
    given = Given(
        {key: found for text in columns or [] for key, found in read_columns(text).items()},
        read_settings(setting or []),
        read_table(table) if table is not None else {},
        bytes_per_token,
    )
    request = Request(paths, runs_folder(runs), name, kind, given, finished, follow)
    done = Import(request)
    interrupted = follow_logs(done, request) if follow else False
    view = read_sweep(done.path)
    if notes := done.notes():
        say(bullet(notes))
    if as_json:
        print_json("import", import_document(view, done))
    else:
        print(import_text(view, done))
    if interrupted:
        raise typer.Exit(130)


def follow_logs(done: "Import", request: "Request") -> bool:
    """Reads on until every log has ended, or 'stop' or ctrl+c ends it; returns whether the last did."""
    from scaling_tui.text.columns import bullet

    try:
        say(f"{done.path.name}: following {', '.join(map(str, request.paths))}; ctrl+c ends")
        if waiting := done.waits_for():
            say(bullet(f"waiting: {sentence}" for sentence in waiting))
        while not done.is_over:
            time.sleep(POLL_S)
            done.poll()
            if done.is_asked_to_stop:
                say(f"{done.path.name}: asked to stop")
                done.end("asked to stop following its log")
                break
    except KeyboardInterrupt:
        done.end("nobody follows its log any more")
        return True
    except BaseException:
        done.end("following its log failed")
        raise
    return False
