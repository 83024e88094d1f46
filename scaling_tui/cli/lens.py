"""Commands that look inside a run: its data pipeline, and what its model predicts after each layer."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from scaling_tui import InputError
from scaling_tui.cli import completion
from scaling_tui.cli.options import AsJson, Runs, not_nan, print_json, say

app = typer.Typer()


@app.command()
def pipeline(
    run: Annotated[
        str,
        typer.Argument(
            help="SWEEP/RUN, the path of a run, or a run of the latest sweep.", autocompletion=completion.runs
        ),
    ],
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
        print_json("pipeline", {"run": str(view.path), "stages": [asdict(stage) for stage in data_stages]})
    else:
        print(pipeline_text(view.name, data_stages))


@app.command()
def trace(
    run: Annotated[
        str,
        typer.Argument(
            help="SWEEP/RUN, the path of a run, a run of the latest sweep, or the folder of another model.",
            autocompletion=completion.runs,
        ),
    ],
    prompt: Annotated[
        str | None, typer.Option(help="Prompt to trace; default: held-out text; for another model a sample text.")
    ] = None,
    example: Annotated[int, typer.Option(min=0, help="Number of the piece of held-out text or sample.")] = 0,
    top: Annotated[int, typer.Option(min=1, help="Tokens to list for each layer.")] = 5,
    checkpoint: Annotated[
        int | None, typer.Option(metavar="STEP", help="Checkpoint to trace; default: the latest.")
    ] = None,
    at: Annotated[int | None, typer.Option(min=1, help="Position in the prompt to trace; default: the last.")] = None,
    watch: Annotated[
        str | None, typer.Option(help="Token to follow; default: the true next token, or the likeliest.")
    ] = None,
    across: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT",
            help="Trace every size ('ladder') or checkpoint ('time'); or this run or model too; can be repeated.",
        ),
    ] = None,
    go_on: Annotated[
        int, typer.Option("--continue", min=0, max=1000, help="Number of tokens to continue the prompt with.")
    ] = 16,
    temperature: Annotated[
        float,
        typer.Option(
            min=0.0, callback=not_nan, help="Sampling temperature of the continuation; 0 takes the likeliest."
        ),
    ] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the continuation.")] = 0,
    device: Annotated[
        str, typer.Option(help="Device of a model that was not trained here, such as cuda; runs are traced on the CPU.")
    ] = "cpu",
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Show what a checkpoint predicts after every layer. Also shows which parts contribute, and a continuation."""
    from scaling_tui.lens.client import Tracer, members, to_be_traced
    from scaling_tui.lens.hugging_face.folder import model_at
    from scaling_tui.lens.stages import across_document, trace_document
    from scaling_tui.report import trace as trace_report
    from scaling_tui.runs import runs_folder

    where = runs_folder(runs)
    found = to_be_traced(where, run)
    if device != "cpu" and not isinstance(found, Path):
        raise InputError(f"--device {device}: found with a run, which is traced on the CPU; want the folder of a model")
    piece = {"example": example, "device": device}
    request = {"prompt": prompt, "at": None if at is None else at - 1, "watch": watch, "top": top, **piece}
    with Tracer() as tracer:
        if across:
            if checkpoint is not None:
                raise InputError("--checkpoint: found with --across, want one of them")
            reading = tracer.across(members(where, found, across), **request)
            print_json("trace-across", across_document(reading)) if as_json else print(
                trace_report.across_text(reading)
            )
            notes = reading.notes
        else:
            if isinstance(found, Path):
                folder, step = found if checkpoint is None else model_at(found, checkpoint), None
                if sys.stderr.isatty():
                    say(f"Loading {folder} …")
            else:
                folder, step = found.path, checkpoint
            traced = tracer.trace(folder, step, **request)
            continuation = None
            if go_on and not traced.classifies:
                if not isinstance(found, Path):  # which may have written another checkpoint meanwhile
                    step = traced.step
                continuation = tracer.generate(
                    folder, step, prompt, tokens=go_on, temperature=temperature, seed=seed, **piece
                )
            document = trace_document(traced, continuation)
            print_json("trace", document) if as_json else print(trace_report.trace_text(traced, continuation))
            notes = traced.notes
    for note in notes:
        say(note)
