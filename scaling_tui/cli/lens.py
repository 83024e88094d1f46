"""Commands that look inside a run: its data pipeline, and what its model predicts after each layer."""

from typing import Annotated

import typer

from scaling_tui import InputError
from scaling_tui.cli.options import AsJson, Runs, print_json, say

app = typer.Typer()


@app.command()
def pipeline(
    run: Annotated[str, typer.Argument(help="SWEEP/RUN, the path of a run, or a run of the latest sweep.")],
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Show a run's data pipeline in six stages, with counts."""
    from dataclasses import asdict

    from scaling_tui.report.pipeline import pipeline_text
    from scaling_tui.runs import find_run, read_run, runs_folder
    from scaling_tui.sweeps.data_stages import stages

    view = read_run(find_run(runs_folder(runs), run).path)
    data_stages = stages(view)
    if as_json:
        print_json({"run": str(view.path), "stages": [asdict(stage) for stage in data_stages]})
    else:
        print(pipeline_text(view.name, data_stages))


@app.command()
def trace(
    run: Annotated[str, typer.Argument(help="SWEEP/RUN, the path of a run, or a run of the latest sweep.")],
    prompt: Annotated[str | None, typer.Option(help="Prompt to trace; default: a piece of held-out text.")] = None,
    example: Annotated[int, typer.Option(min=0, help="Number of the piece of held-out text.")] = 0,
    top: Annotated[int, typer.Option(min=1, help="Tokens to list for each layer.")] = 5,
    checkpoint: Annotated[
        int | None, typer.Option(metavar="STEP", help="Checkpoint to trace; default: the latest.")
    ] = None,
    at: Annotated[int | None, typer.Option(min=1, help="Position in the prompt to trace; default: the last.")] = None,
    watch: Annotated[
        str | None, typer.Option(help="Token to follow; default: the true next token, or the likeliest.")
    ] = None,
    across: Annotated[
        str | None, typer.Option(metavar="WHAT", help="Trace every rung ('ladder') or checkpoint ('time').")
    ] = None,
    go_on: Annotated[
        int, typer.Option("--continue", min=0, max=1000, help="Number of tokens to continue the prompt with.")
    ] = 16,
    temperature: Annotated[
        float, typer.Option(min=0.0, help="Sampling temperature of the continuation; 0 takes the likeliest.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the continuation.")] = 0,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Show what a checkpoint predicts after every layer. Also shows which parts contribute, and a continuation."""
    from scaling_tui.lens.client import Tracer, in_time, ladder_of
    from scaling_tui.lens.stages import across_document, trace_document
    from scaling_tui.report import trace as trace_report
    from scaling_tui.runs import find_run, runs_folder
    from scaling_tui.runs.glance import glance

    view = find_run(runs_folder(runs), run)
    request = {"prompt": prompt, "example": example, "at": None if at is None else at - 1, "watch": watch, "top": top}
    with Tracer() as tracer:
        if across is not None:
            if across not in ("ladder", "time"):
                raise InputError(f"--across {across!r}: not known, want 'ladder' or 'time'")
            members = in_time(view) if across == "time" else ladder_of(glance(view.path.parent), view)
            reading = tracer.across(members, **request)
            print_json(across_document(reading)) if as_json else print(trace_report.across_text(reading))
            notes = reading.notes
        else:
            traced = tracer.trace(view, checkpoint, **request)
            continuation = None
            if go_on and not traced.classifies:
                continuation = tracer.generate(
                    view, traced.step, prompt, tokens=go_on, temperature=temperature, seed=seed, example=example
                )
            document = trace_document(traced, continuation)
            print_json(document) if as_json else print(trace_report.trace_text(traced, continuation))
            notes = traced.notes
    for note in notes:
        say(note)
