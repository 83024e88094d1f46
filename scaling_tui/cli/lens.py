"""Commands that look inside: the way of a run's data, and what a model predicts after each layer."""

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
    """The six stages that a run's data goes through, with its true counts."""
    from dataclasses import asdict

    from scaling_tui.report.pipeline import pipeline_text
    from scaling_tui.runs import find_run, read_run, runs_folder
    from scaling_tui.sweeps.data_stages import stages

    found = read_run(find_run(runs_folder(runs), run).path)
    passed = stages(found)
    if as_json:
        print_json({"run": str(found.path), "stages": [asdict(stage) for stage in passed]})
    else:
        print(pipeline_text(found.name, passed))


@app.command()
def trace(
    run: Annotated[str, typer.Argument(help="SWEEP/RUN, the path of a run, or a run of the latest sweep.")],
    prompt: Annotated[str | None, typer.Option(help="Text to read; else a piece of held-out text.")] = None,
    example: Annotated[int, typer.Option(min=0, help="Which piece of held-out text.")] = 0,
    top: Annotated[int, typer.Option(min=1, help="Tokens listed for each layer.")] = 5,
    checkpoint: Annotated[
        int | None, typer.Option(metavar="STEP", help="Read this checkpoint; else the latest.")
    ] = None,
    at: Annotated[int | None, typer.Option(min=1, help="Look at this place of the prompt; else at the last.")] = None,
    watch: Annotated[str | None, typer.Option(help="Follow this token; else the true next or the likeliest.")] = None,
    across: Annotated[
        str | None, typer.Option(metavar="WHAT", help="Read it with every rung ('ladder') or checkpoint ('time').")
    ] = None,
    go_on: Annotated[int, typer.Option("--continue", min=0, max=1000, help="Go on with so many tokens.")] = 16,
    temperature: Annotated[float, typer.Option(min=0.0, help="Of what it goes on with; 0 is the likeliest.")] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Of what it goes on with.")] = 0,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """What a checkpoint predicts after every layer, which part made it so, and how it goes on."""
    from scaling_tui.lens.client import Tracer, in_time, ladder_of
    from scaling_tui.lens.stages import across_document, trace_document
    from scaling_tui.report import trace as trace_report
    from scaling_tui.runs import find_run, runs_folder
    from scaling_tui.runs.glance import glance

    found = find_run(runs_folder(runs), run)
    asked = {"prompt": prompt, "example": example, "at": None if at is None else at - 1, "watch": watch, "top": top}
    with Tracer() as tracer:
        if across is not None:
            if across not in ("ladder", "time"):
                raise InputError(f"--across {across!r}: not known, want 'ladder' or 'time'")
            members = in_time(found) if across == "time" else ladder_of(glance(found.path.parent), found)
            several = tracer.across(members, **asked)
            print_json(across_document(several)) if as_json else print(trace_report.across_text(several))
            notes = several.notes
        else:
            one = tracer.trace(found, checkpoint, **asked)
            more = None
            if go_on and not one.classifies:
                more = tracer.generate(
                    found, one.step, prompt, tokens=go_on, temperature=temperature, seed=seed, example=example
                )
            print_json(trace_document(one, more)) if as_json else print(trace_report.trace_text(one, more))
            notes = one.notes
    for note in notes:
        say(note)
