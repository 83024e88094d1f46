"""The command `quiz predict`: a guess at the largest run of a sweep before it is trained, against the law's."""

import sys
from typing import Annotated

import typer

from scaling_tui import InputError
from scaling_tui.cli.options import (
    AsJson,
    Runs,
    SweepName,
    ctrl_c_deferred,
    print_json,
    prompted,
    say,
    show,
    unkept,
)

app = typer.Typer()


@app.command(name="predict")
def quiz_predict(
    context: typer.Context,
    sweep: SweepName = None,
    answer: Annotated[str | None, typer.Option("--answer", help="Your prediction of the loss; default: ask.")] = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Predict the loss of a sweep's largest run. Trains it if necessary, and compares with the law's prediction."""
    from scaling_tui.report.prediction_game import find_challenge, prediction_document, question_text, score_text
    from scaling_tui.report.progress import follow
    from scaling_tui.runs import SweepReader, find_sweep, runs_folder
    from scaling_tui.sweeps.launch import resume as resume_sweep
    from scaling_tui.tutor import prediction_game

    challenge = find_challenge(runs, sweep)
    guess: float | None = None
    out = sys.stderr if as_json else sys.stdout
    waiting = prediction_game.kept(challenge)
    # A number given now that the run has ended is no prediction; one that was kept is.
    counts = challenge.measured is None or (waiting is not None and answer is None)
    if answer is None and waiting is not None:
        show(context, f"{question_text(challenge)}\nyou predicted {waiting:g} before it ended", out)
        answer = f"{waiting:g}"
    if answer is None:
        show(context, question_text(challenge), out)
        while guess is None and (line := prompted("nats per token > ", out).strip()):
            try:
                guess = prediction_game.read_guess(line)
            except InputError as error:  # a typo: asks again
                print(f"  {error}", file=out)
    elif answer:
        guess = prediction_game.read_guess(answer)
    if guess is None:
        return (
            print_json("guess", prediction_document(challenge, None)) if as_json else say("no answer, nothing recorded")
        )
    print(f"read as {guess:g} nats per token", file=out)
    if challenge.measured is None:
        with unkept():
            prediction_game.keep(challenge, guess)
        path = find_sweep(runs_folder(runs), challenge.sweep)
        reader = SweepReader(path)
        if not reader.poll().trains:
            say(f"{challenge.run} is not trained yet: resuming {challenge.sweep}")
            with ctrl_c_deferred():
                resume_sweep(path)
        say(f"waiting for {challenge.run}; ctrl+c leaves it training")
        run = follow(reader).run(challenge.run)
        challenge = prediction_game.ended(challenge, run.loss if run is not None and run.state == "finished" else None)
    scored = prediction_game.score(challenge, guess)
    if counts:
        with unkept():
            prediction_game.record(challenge, scored)
    return (
        print_json("guess", prediction_document(challenge, scored, guess))
        if as_json
        else show(context, score_text(challenge, scored, counts))
    )
