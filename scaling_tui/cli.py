"""The commands: one thin function each. What they print comes from the same functions as the screens."""

import io
import json
import math
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer
from typer.exceptions import TyperException

from scaling_tui import InputError, __version__

if TYPE_CHECKING:
    from scaling_tui.runs import SweepView
    from scaling_tui.tui.terminal import Looks
    from scaling_tui.tutor import Question

app = typer.Typer(
    name="scaling-tui",
    help="Train ladders of language models, fit their scaling law, predict the next size, learn why.",
    no_args_is_help=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AsJson = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document on stdout.")]
Runs = Annotated[Path | None, typer.Option("--runs", help="Folder of the sweeps; else $SCALING_TUI_RUNS, else ./runs.")]
SweepName = Annotated[str | None, typer.Argument(metavar="[SWEEP]", help="Name of a sweep; the latest if not given.")]
Jobs = Annotated[int | None, typer.Option(min=1, help="Runs trained at a time; else one a core, or one on a GPU.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Detach = Annotated[bool, typer.Option("--detach", help="Return at once; the sweep goes on by itself.")]


def say(text: str) -> None:
    """Words go to stderr; stdout carries data."""
    print(text, file=sys.stderr)


def print_json(document: Any) -> None:
    """Prints one JSON document. A number that JSON cannot hold (nan, inf) becomes null."""
    print(json.dumps(_finite(document), ensure_ascii=False, indent=2))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


@app.callback()
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    runs: Runs = None,
    ascii_signs: Annotated[
        bool | None,
        typer.Option(
            "--ascii/--no-ascii", help="The app in ASCII; else where the locale is not UTF-8.", show_default=False
        ),
    ] = None,
    slow_link: Annotated[
        bool, typer.Option("--slow-link", help="The app without animation, a look in two seconds.")
    ] = False,
    theme: Annotated[
        str | None, typer.Option(envvar="SCALING_TUI_THEME", help="The app's theme: light, dark, or one of Textual's.")
    ] = None,
) -> None:
    """Opens the app on a terminal; prints help where there is none."""
    if version:
        print(f"scaling-tui {__version__}")
        raise typer.Exit
    from scaling_tui.tui import terminal

    context.obj = terminal.Looks(terminal.wants_ascii() if ascii_signs is None else ascii_signs, slow_link, theme)
    if context.invoked_subcommand is not None:
        if runs is not None:
            # Given before the command it is the same option, and the one after the command goes before it.
            context.default_map = {context.invoked_subcommand: {"runs": runs}}
        return
    if terminal.is_there():
        from scaling_tui.runs import runs_folder

        open_tui(context.obj, runs_folder(runs))
    elif sys.stdout.isatty() and terminal.is_dumb():
        raise InputError(
            f"TERM={os.environ['TERM']}: the app needs a terminal that can move its cursor, such as TERM=xterm; "
            "'scaling-tui runs', 'attach' and the other commands need none (--help lists them)"
        )
    else:
        print(context.get_help())


# --- sweeps


@app.command()
def run(
    context: typer.Context,
    ladder: Annotated[str, typer.Argument(help="Name of a ladder ('scaling-tui ladders' lists them) or a .toml file.")],
    setting: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change the ladder, such as tokens=200000.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**63 - 1, help="Train with this seed alone; else with all of the ladder's."),
    ] = None,
    jobs: Jobs = None,
    device: Device = "auto",
    on: Annotated[str, typer.Option(help="Where the runs are trained: local.")] = "local",
    detach: Detach = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be trained; write nothing.")] = False,
    open_app: Annotated[bool, typer.Option("--app", help="Watch in the app, where there is a terminal.")] = False,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Train a ladder; fit its law; predict the largest rung before it is trained."""
    from scaling_tui.runs import runs_folder
    from scaling_tui.sweep import load_ladder
    from scaling_tui.sweep.launch import lay_out, start_supervisor
    from scaling_tui.tui import terminal

    if on != "local":
        raise InputError(f"--on {on!r}: not known here; want 'local'")
    chosen = load_ladder(ladder, setting or [])
    if dry_run:
        from scaling_tui.dry_run import dry_run_document, dry_run_text
        from scaling_tui.sweep.estimate import estimate, recorded_speeds, workers
        from scaling_tui.sweep.preflight import rehearse

        if unknown := rehearse(chosen, device):
            say(unknown)
        seeds = chosen.seeds if seed is None else (seed,)
        time = estimate(chosen, recorded_speeds(runs_folder(runs)), workers(jobs, device), len(seeds))
        if as_json:
            return print_json(dry_run_document(chosen, time))
        return print(dry_run_text(chosen, time, seeds))
    sweep = lay_out(runs_folder(runs), chosen, seed, device)

    def start() -> None:
        start_supervisor(sweep, jobs, device)

    if not detach and not (open_app and terminal.is_there()):
        return see_through(sweep, as_json, on_interrupt="ask", start=start)
    with ctrl_c_waits():
        start()
    if detach:
        say(f"{sweep.name} runs by itself; 'scaling-tui attach {sweep.name}' watches, 'scaling-tui stop' stops it")
        return print_json({"sweep": sweep.name, "path": str(sweep)}) if as_json else print(sweep.name)
    return open_tui(context.find_root().obj, sweep.parent, sweep.name)


@app.command()
def ladders(as_json: AsJson = False) -> None:
    """List the ladders that can be launched by name, with their sizes."""
    from scaling_tui.follow import ladder_document, ladders_table
    from scaling_tui.sweep import ladders, load_ladder

    found = [load_ladder(str(path)) for path in ladders()]
    if as_json:
        print_json({"ladders": [ladder_document(ladder) for ladder in found]})
    else:
        print(ladders_table(found))


@app.command(name="runs")
def list_runs(runs: Runs = None, as_json: AsJson = False) -> None:
    """List the sweeps with the state of their runs, the latest first."""
    import time

    from scaling_tui.follow import sweeps_table
    from scaling_tui.runs import list_sweeps, read_sweep, runs_folder
    from scaling_tui.sweep.summary import sweep_summary

    folder = runs_folder(runs)
    found, broken = [], []
    for path in list_sweeps(folder):
        try:
            found.append(sweep_summary(read_sweep(path)))
        except InputError as error:
            broken.append({"path": str(path), "reason": str(error)})
    for one in broken:
        say(f"scaling-tui: {one['reason']}")
    if as_json:
        print_json({"sweeps": found, "broken": broken})
    elif found:
        print(sweeps_table(found, time.time()))
    elif not broken:
        say(f"no sweep in {folder}; 'scaling-tui run quickstart' starts one")


@app.command()
def attach(sweep: SweepName = None, runs: Runs = None, as_json: AsJson = False) -> None:
    """Watch a sweep until it ends; ctrl+c leaves it running."""
    from scaling_tui.runs import find_sweep, runs_folder

    see_through(find_sweep(runs_folder(runs), sweep), as_json, on_interrupt="leave")


@app.command()
def stop(
    sweep: SweepName = None,
    run: Annotated[str | None, typer.Option("--run", help="Stop this run only.")] = None,
    runs: Runs = None,
) -> None:
    """Ask a sweep to stop: each run writes a checkpoint first and can be resumed."""
    from scaling_tui.runs import make_request

    view = sweep_to_steer(runs, sweep, run)
    path = view.path
    if not view.trains:
        return say(f"{view.name} is {view.state}: nothing to stop")
    make_request(path, "stop", run)
    return say(f"{run or view.name} was asked to stop; 'scaling-tui resume {view.name}' goes on with it")


@app.command()
def resume(
    sweep: SweepName = None,
    run: Annotated[str | None, typer.Option("--run", help="Resume this run only.")] = None,
    jobs: Jobs = None,
    device: Device = "auto",
    detach: Detach = False,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Go on with a sweep that was stopped, or whose machine went down, from its checkpoints."""
    from scaling_tui.sweep import resume as resume_sweep

    view = sweep_to_steer(runs, sweep, run)
    path = view.path

    def start() -> None:
        if view.state == "finished":
            say(f"{view.name} is finished: nothing to resume")
        else:
            resume_sweep(path, jobs=jobs, device=device, run=run)

    if not detach:
        return see_through(path, as_json, on_interrupt="ask", start=start)
    with ctrl_c_waits():
        start()
    if view.state != "finished":
        say(f"{path.name} goes on by itself")
    return None


@app.command()
def rm(
    sweep: Annotated[str, typer.Argument(help="Name of a sweep.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    runs: Runs = None,
) -> None:
    """Delete a sweep and all that it recorded."""
    import shutil

    from scaling_tui.runs import find_sweep, read_sweep, runs_folder

    path = find_sweep(runs_folder(runs), sweep)
    view = read_sweep(path)
    if view.trains:
        raise InputError(f"sweep {view.name}: is running; 'scaling-tui stop {view.name}' first")
    if not yes:
        if not sys.stdin.isatty():
            raise InputError(f"rm {view.name}: there is no terminal to ask on; give --yes")
        what = f"the link {path}" if path.is_symlink() else f"{path} with {len(view.runs)} runs"
        typer.confirm(f"Delete {what}?", abort=True, err=True)
    if path.is_symlink():
        kept = path.resolve()
        path.unlink()
        say(f"the link {path} is deleted; the sweep itself stays at {kept}")
    else:
        shutil.rmtree(path)
        say(f"{path} is deleted")


@app.command()
def export(
    sweep: SweepName = None,
    kind: Annotated[str, typer.Option("--format", help="csv, json, svg or png.")] = "csv",
    output: Annotated[Path | None, typer.Option(help="A file that is not there yet; else stdout.")] = None,
    runs: Runs = None,
) -> None:
    """A sweep's points and curves as CSV or JSON; its curves and law as an SVG or PNG picture."""
    from scaling_tui.export import export as exported
    from scaling_tui.export import write_new
    from scaling_tui.runs import find_sweep, read_sweep, runs_folder

    if kind == "png" and output is None and sys.stdout.isatty():
        raise InputError("--output: missing, a PNG is nothing for a terminal; want a file")
    content = exported(read_sweep(find_sweep(runs_folder(runs), sweep)), kind)
    if output is None:
        sys.stdout.buffer.write(content)
    else:
        write_new(output, content)
        say(f"{output} is written")


@app.command()
def pipeline(
    run: Annotated[str, typer.Argument(help="SWEEP/RUN, the path of a run, or a run of the latest sweep.")],
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """The six stages that a run's data goes through, with its true counts."""
    from dataclasses import asdict

    from scaling_tui.pipeline_report import pipeline_text
    from scaling_tui.runs import find_run, runs_folder
    from scaling_tui.sweep.pipeline import stages

    found = find_run(runs_folder(runs), run)
    passed = stages(found)
    if as_json:
        print_json({"run": str(found.path), "stages": [asdict(stage) for stage in passed]})
    else:
        print(pipeline_text(found.name, passed))


# --- traces


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
    from scaling_tui import trace_report
    from scaling_tui.runs import find_run, read_sweep, runs_folder
    from scaling_tui.sweep.trace_stages import across_document, trace_document
    from scaling_tui.sweep.tracer import Tracer, in_time, ladder_of

    found = find_run(runs_folder(runs), run)
    asked = {"prompt": prompt, "example": example, "at": None if at is None else at - 1, "watch": watch, "top": top}
    with Tracer() as tracer:
        if across is not None:
            if across not in ("ladder", "time"):
                raise InputError(f"--across {across!r}: not known, want 'ladder' or 'time'")
            members = in_time(found) if across == "time" else ladder_of(read_sweep(found.path.parent), found)
            several = tracer.across(members, **asked)
            print_json(across_document(several)) if as_json else print(trace_report.across_text(several))
            notes = several.notes
        else:
            one = tracer.trace(found, checkpoint, **asked)
            more = None
            if go_on and not one.classifies:
                more = tracer.go_on(
                    found, one.step, prompt, tokens=go_on, temperature=temperature, seed=seed, example=example
                )
            print_json(trace_document(one, more)) if as_json else print(trace_report.trace_text(one, more))
            notes = one.notes
    for note in notes:
        say(note)


def sweep_to_steer(runs: Path | None, sweep: str | None, run: str | None) -> "SweepView":
    """The sweep that a command is to stop or resume; an InputError where it has no run called `run`."""
    from scaling_tui.runs import find_sweep, read_sweep, runs_folder

    view = read_sweep(find_sweep(runs_folder(runs), sweep))
    if run is not None and view.run(run) is None:
        raise InputError(f"--run {run!r}: not in {view.name}; there: {', '.join(r.name for r in view.runs)}")
    return view


@contextmanager
def ctrl_c_waits() -> Iterator[Callable[[], bool]]:
    """Has a ctrl+c wait for the end of the block: half-started, a sweep would run on without a word to anybody.

    Gives a function that tells whether one came.
    """
    came = False

    def note(number: int, frame: object) -> None:
        nonlocal came
        came = True

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: came
    finally:
        signal.signal(signal.SIGINT, before)


def see_through(path: Path, as_json: bool, on_interrupt: str, start: "Callable[[], None] | None" = None) -> None:
    """Starts a sweep, follows it to its end and prints what it came to. Exits 1 where a run did not finish."""
    from scaling_tui.follow import follow, report
    from scaling_tui.runs import SweepReader, make_request
    from scaling_tui.sweep.launch import to_resume
    from scaling_tui.sweep.summary import summary

    interrupted = False
    if start is not None:
        with ctrl_c_waits() as came:
            start()
        interrupted = came()
    reader = SweepReader(path)
    view: SweepView | None = None
    status = 1
    while view is None:
        try:
            if interrupted:
                interrupted = False
                raise KeyboardInterrupt
            view = follow(reader)
        except KeyboardInterrupt:
            answer = on_interrupt
            if answer == "ask":
                answer = ask_to_stop(path.name)
            if answer == "stop":
                make_request(path, "stop")
                say(f"{path.name}: asked to stop, waiting for checkpoints")
                on_interrupt, status = "leave", 130
            elif answer == "leave":
                say(f"{path.name} goes on; 'scaling-tui attach {path.name}' watches, 'scaling-tui stop' stops it")
                raise
    found = summary(view)
    if as_json:
        print_json(found)
    else:
        print(report(found))
    if view.state != "finished":
        if to_resume(view):
            say(f"'scaling-tui resume {view.name}' goes on with it")
        raise typer.Exit(status)


def ask_to_stop(sweep: str) -> str:
    """What ctrl+c means. Where nobody can be asked it means what it does to any command: stop."""
    if not sys.stdin.isatty():
        return "stop"
    try:
        print(f"\n{sweep}: [s]top it, [l]eave it running, or [w]atch on? ", end="", file=sys.stderr, flush=True)
        answer = input().strip().lower()
    except (EOFError, KeyboardInterrupt):
        return "leave"
    return {"s": "stop", "w": "watch"}.get(answer[:1], "leave")


def open_tui(looks: "Looks", runs: Path, sweep: str | None = None) -> None:
    """Opens the app on Home, or on a sweep that was just launched."""
    from scaling_tui.tui.app import ScalingApp

    app = ScalingApp(runs, sweep, mode="live" if sweep else "home", looks=looks)
    app.run()
    raise typer.Exit(app.return_code or 0)


# --- laws


LawName = Annotated[str, typer.Option("--law", help="A law, or law:set; 'scaling-tui laws' lists them.")]
Coefs = Annotated[
    list[str] | None, typer.Option("--coef", metavar="KEY=VALUE", help="A coefficient, in place of the published one.")
]
Draws = Annotated[int, typer.Option("--bootstrap", min=0, help="Refits that the intervals are made from.")]
Number = float | None


@app.command()
def fit(
    source: Annotated[str, typer.Argument(help="A sweep, or a CSV or JSONL file with params, tokens, loss.")],
    law: Annotated[str | None, typer.Option(help="The law; else the sweep's own, else chinchilla.")] = None,
    draws: Draws = 200,
    holdout_flops: Annotated[Number, typer.Option(help="Judge by the runs with C at or above this.")] = None,
    drop_highest: Annotated[int, typer.Option(min=0, help="Leave out this many runs of highest loss.")] = 0,
    delta: Annotated[
        Number, typer.Option(help="Of Huber's loss, inf for squares; else 0.001 or, of few points, inf.")
    ] = None,
    params_as: Annotated[str | None, typer.Option(help="Which parameters N counts: all or non-embedding.")] = None,
    method: Annotated[str, typer.Option(help="parametric, isoflop or envelope.")] = "parametric",
    valley: Annotated[str, typer.Option(help="Minimum of an isoFLOP profile: parabola or akima.")] = "parabola",
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Of the intervals.")] = 0.9,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Fit a law to the runs of a sweep or a file, with intervals, held-out error and warnings."""
    from scaling_tui import report
    from scaling_tui.sources import fit_source

    found, text = fit_source(
        source,
        runs=runs,
        law=law,
        draws=draws,
        holdout_flops=holdout_flops,
        drop_highest=drop_highest,
        delta=delta,
        params_as=params_as,
        method=method,
        valley=valley,
        level=level,
    )
    print_json(found) if as_json else print(text)
    if not as_json and found["warnings"]:
        say(report.bullet(found["warnings"]))


@app.command()
def loss(
    law: LawName = "chinchilla",
    params: Annotated[Number, typer.Option(help="N.")] = None,
    tokens: Annotated[Number, typer.Option(help="D.")] = None,
    flops: Annotated[Number, typer.Option(help="C in FLOPs.")] = None,
    unique_tokens: Annotated[Number, typer.Option(help="U, tokens seen at least once.")] = None,
    coef: Coefs = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate a law: the loss in nats per token."""
    from scaling_tui.laws import get
    from scaling_tui.sources import coefficients_for

    form, chosen = get(law), coefficients_for(law, coef or [])
    given = {"params": params, "tokens": tokens, "flops": flops, "unique_tokens": unique_tokens}
    value = float(form.loss(chosen, **given))
    if as_json:
        inputs = {key: item for key, item in given.items() if item is not None}
        print_json({"law": law, "form": form.text, "coefficients": chosen, "inputs": inputs, "loss": value})
    else:
        print(f"{value:.6g}")


@app.command()
def plan(
    flops: Annotated[Number, typer.Option(help="Training budget C in FLOPs.")] = None,
    loss: Annotated[Number, typer.Option(help="Target loss in nats per token.")] = None,
    params: Annotated[Number, typer.Option(help="N; with --flops or --tokens, a run off the optimum.")] = None,
    tokens: Annotated[Number, typer.Option(help="D.")] = None,
    tokens_per_param: Annotated[Number, typer.Option(help="Train at this D/N, and see what it costs.")] = None,
    unique_tokens: Annotated[Number, typer.Option(help="Fresh tokens there are (law muennighoff).")] = None,
    served_tokens: Annotated[Number, typer.Option(help="Tokens to be served, at 2N FLOPs each.")] = None,
    law: Annotated[str | None, typer.Option(help="A published law; with --fit, the law to fit.")] = None,
    source: Annotated[str | None, typer.Option("--fit", metavar="SOURCE", help="Plan with this sweep or file.")] = None,
    coef: Coefs = None,
    draws: Draws = 200,
    device: Annotated[str | None, typer.Option(help="A device, such as h100, or its peak FLOP/s.")] = None,
    devices: Annotated[int, typer.Option(min=1, help="How many of them.")] = 1,
    mfu: Annotated[float, typer.Option(help="Share of the peak that training reaches.")] = 0.4,
    price: Annotated[Number, typer.Option(help="Of one device-hour.")] = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """The compute-optimal run for a budget, a loss, an N or a D."""
    from scaling_tui import report
    from scaling_tui.laws.planning import Goal
    from scaling_tui.sources import device_for, plan_source

    goal = Goal(flops, loss, params, tokens, tokens_per_param, unique_tokens, served_tokens)
    machine = device_for(device, devices, mfu, price)
    found, text = plan_source(goal, law=law, source=source, coef=coef or [], draws=draws, runs=runs, machine=machine)
    print_json(found) if as_json else print(text)
    if not as_json and found["notes"]:
        say(report.bullet(found["notes"]))


@app.command()
def count(
    ladder: Annotated[str | None, typer.Argument(help="A ladder; or describe a transformer by the options.")] = None,
    layers: Annotated[int | None, typer.Option(help="Layers.")] = None,
    hidden: Annotated[int | None, typer.Option(help="Width.")] = None,
    ffn: Annotated[int | None, typer.Option(help="Inner width of the MLP; else 4 × hidden.")] = None,
    heads: Annotated[int, typer.Option(help="Attention heads.")] = 1,
    kv_heads: Annotated[int | None, typer.Option(help="Heads of keys and values, where fewer.")] = None,
    gated: Annotated[bool, typer.Option("--gated", help="Three MLP matrices, as SwiGLU has.")] = False,
    vocab: Annotated[int, typer.Option(help="Tokens in the vocabulary.")] = 0,
    context: Annotated[int, typer.Option(help="Tokens of a training sequence.")] = 0,
    positions: Annotated[str, typer.Option(help="none, rotary or learned.")] = "none",
    norm: Annotated[str, typer.Option(help="none, rms or layer.")] = "none",
    final_norm: Annotated[bool, typer.Option("--final-norm", help="A norm after the last layer.")] = False,
    bias: Annotated[bool, typer.Option("--bias", help="Biases in the layers and their norms.")] = False,
    head: Annotated[str, typer.Option(help="none, tied or untied.")] = "none",
    head_bias: Annotated[bool, typer.Option("--head-bias", help="The head adds a bias.")] = False,
    classes: Annotated[int | None, typer.Option(help="The head reads classes, not tokens.")] = None,
    as_json: AsJson = False,
) -> None:
    """Parameters and FLOPs of a transformer or of a ladder's rungs, under every convention."""
    from scaling_tui import report
    from scaling_tui.laws.counts import Architecture, left_out
    from scaling_tui.laws.counts import count as count_parameters

    if ladder is not None:
        from scaling_tui.sweep import load_ladder

        if layers is not None or hidden is not None:
            raise InputError("count: found a ladder and --layers or --hidden, want one of them")
        rungs = [(rung.name, rung.count) for rung in load_ladder(ladder).rungs]
        if as_json:
            return print_json({"ladder": ladder, "rungs": [{"rung": name} | made.as_dict() for name, made in rungs]})
        return print(report.rungs_text(rungs))
    if layers is None or hidden is None:
        raise InputError("count: found neither a ladder nor both --layers and --hidden, want one of them")
    described = Architecture(
        layers, hidden, ffn, heads, kv_heads, gated, vocab, context,
        positions, norm, final_norm, bias, head, head_bias, classes,  # type: ignore[arg-type]
    )  # fmt: skip
    made = count_parameters(described)
    if as_json:
        return print_json(made.as_dict() | {"left_out": left_out(described)})
    return print(report.count_text(made, left_out(described)))


@app.command()
def laws(as_json: AsJson = False) -> None:
    """List the laws with their published coefficients and sources."""
    from scaling_tui.laws.study import published_document
    from scaling_tui.report import laws_text

    found = published_document()
    print_json(found) if as_json else print(laws_text(found))


# --- tutor


quiz = typer.Typer(help="Questions that the law code checks.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(quiz, name="quiz")
Banks = Annotated[list[Path] | None, typer.Option("--bank", help="A bank of your own (.toml), besides the project's.")]
Lesson = Annotated[str | None, typer.Option("--lesson", help="Only this lesson; 'scaling-tui learn' lists them.")]
Seed = Annotated[int, typer.Option(min=0, help="Chooses the question's numbers.")]


@app.command()
def learn(
    lesson: Annotated[str | None, typer.Argument(help="A lesson; without one they are listed.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read a lesson, with its plots; or list the lessons."""
    from scaling_tui.tutor import console, lesson_files, load_banks, load_lesson

    if lesson is None:
        files = lesson_files()
        if as_json:
            return print_json({"lessons": [{"id": file.id, **file.head} for file in files]})
        print(console.lessons_table(files))
        return say("'scaling-tui learn LESSON' opens one")
    read = load_lesson(lesson)
    asked = [one for bank in load_banks() for one in bank.questions if one.lesson == lesson]
    if as_json:
        return print_json(console.lesson_document(read, asked))
    from scaling_tui.tui.page import page

    print(page(read, asked))
    if sys.stdout.isatty():
        from scaling_tui.tutor.progress import mark_read

        mark_read(lesson)
    return None


@quiz.command(name="list")
def quiz_list(bank: Banks = None, lesson: Lesson = None, as_json: AsJson = False) -> None:
    """List the questions."""
    from scaling_tui.tutor import console

    found = find_questions(bank, lesson)
    if as_json:
        fields = ("id", "kind", "lesson", "difficulty")
        print_json({"questions": [{field: getattr(one, field) for field in fields} for one in found]})
    else:
        print(console.questions_table(found))


@quiz.command(name="show")
def quiz_show(
    question: Annotated[str, typer.Argument(help="A question; 'scaling-tui quiz list' lists them.")],
    seed: Seed = 0,
    solution: Annotated[bool, typer.Option("--solution", help="Show the worked solution too.")] = False,
    bank: Banks = None,
    as_json: AsJson = False,
) -> None:
    """Show a question with the numbers that a seed gives it."""
    from scaling_tui.tutor import console, variant

    asked = variant(find_question(question, bank), seed)
    if as_json:
        document = console.show_document(asked)
        if solution:
            document |= {"solution": list(asked.steps), "check": asked.check, "expected": asked.expected}
        return print_json(document)
    print(console.question_text(asked))
    if solution:
        print(console.solution_text(asked))
    return say(
        f"wanted: {asked.asks}; 'scaling-tui quiz grade --question {question} --seed {seed} --answer …' marks it"
    )


@quiz.command(name="grade")
def quiz_grade(
    question: Annotated[str, typer.Option("--question", help="The question.")],
    answer: Annotated[str, typer.Option("--answer", help="The answer as you would type it.")],
    seed: Seed = 0,
    bank: Banks = None,
    as_json: AsJson = False,
) -> None:
    """Mark one answer; status 0 whether right or wrong, 2 where it cannot be read. Records nothing."""
    from scaling_tui.tutor import console, mark, variant

    asked = variant(find_question(question, bank), seed)
    marked = mark(asked, answer)
    if as_json:
        print_json(console.grade_document(asked, marked))
    else:
        print(f"read as {marked.read_as}\n{console.mark_text(marked)}")


@quiz.command(name="take")
def quiz_take(
    lesson: Lesson = None,
    count: Annotated[int, typer.Option(min=1, max=100, help="Questions of the sitting.")] = 8,
    test: Annotated[bool, typer.Option("--test", help="Ten questions of three grades, no hints, a score.")] = False,
    seed: Annotated[int | None, typer.Option(min=0, help="Fixes questions and numbers; else fresh ones.")] = None,
    bank: Banks = None,
    as_json: AsJson = False,
) -> None:
    """A sitting by prompts: what is due first, then what is new. Works in a pipe."""
    from scaling_tui.tutor import console
    from scaling_tui.tutor.course import Course

    course = Course.load(find_questions(bank, lesson))
    sitting = course.examination(seed) if test else course.sitting(count, seed)
    # With --json the dialogue is words, and the one document is the data.
    out = sys.stderr if as_json else sys.stdout

    def ask(prompt: str) -> str:
        line = prompted(prompt, out)
        if not line:
            raise EOFError
        return line

    console.take(sitting, course.titles, ask, lambda text: print(text, file=out))
    if as_json:
        print_json(console.summary_document(sitting, course.titles))
    else:
        print("\n" + console.summary_text(sitting, course.titles))


@quiz.command(name="predict")
def quiz_predict(
    sweep: SweepName = None,
    answer: Annotated[str | None, typer.Option("--answer", help="The loss you foretell; else you are asked.")] = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Foretell the loss of the largest run of a sweep of yours; it is trained if it was not, and the law plays too."""
    from scaling_tui.challenge import find_challenge
    from scaling_tui.follow import follow
    from scaling_tui.runs import SweepReader, find_sweep, runs_folder
    from scaling_tui.sweep import resume as resume_sweep
    from scaling_tui.tutor import foretelling

    asked = find_challenge(runs, sweep)
    out = sys.stderr if as_json else sys.stdout
    if answer is None:
        print(foretelling.question_text(asked), file=out)
        answer = prompted("nats per token > ", out).strip()
    if not answer:
        return print_json(foretelling.document(asked, None)) if as_json else say("nothing answered, nothing recorded")
    guess = foretelling.read_guess(answer)
    print(f"read as {guess:g} nats per token", file=out)
    if asked.measured is None:
        path = find_sweep(runs_folder(runs), asked.sweep)
        reader = SweepReader(path)
        if not reader.poll().trains:
            say(f"{asked.run} is not trained yet: {asked.sweep} goes on")
            with ctrl_c_waits():
                resume_sweep(path)
        say(f"waiting for {asked.run}; ctrl+c leaves it training")
        run = follow(reader).run(asked.run)
        asked = foretelling.ended(asked, run.loss if run is not None and run.state == "finished" else None)
    scored = foretelling.score(asked, guess)
    foretelling.record(asked, scored)
    return (
        print_json(foretelling.document(asked, scored, guess))
        if as_json
        else print(foretelling.score_text(asked, scored))
    )


def prompted(prompt: str, out: TextIO) -> str:
    """A line of the input, shown where it comes from a pipe; empty at its end."""
    print(prompt, end="", file=out, flush=True)
    line = sys.stdin.readline()
    if not sys.stdin.isatty():
        print(line.rstrip("\n"), file=out)
    return line


@quiz.command(name="check")
def quiz_check(
    file: Annotated[
        list[Path] | None, typer.Argument(help="Banks (.toml); all that are found if none is given.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds tried of every question.")] = 200,
    slips: Annotated[bool, typer.Option("--slips", help="Print what a learner reads for every slip.")] = False,
    as_json: AsJson = False,
) -> None:
    """Validate banks: keys, mistakes, diagnoses and worked steps over many seeds. Status 1 where one is unsound."""
    from scaling_tui.tutor import console, lesson_files, load_bank, load_banks
    from scaling_tui.tutor.checking import check_bank, diagnosis_table

    banks = [load_bank(path) for path in file] if file else load_banks()
    lessons = [one.id for one in lesson_files()]
    problems = [problem for bank in banks for problem in check_bank(bank, lessons, seeds)]
    rows = [row for bank in banks for one in bank.questions for row in diagnosis_table(one)] if slips else []
    number = sum(len(bank.questions) for bank in banks)
    if as_json:
        document = {"banks": [str(bank.path) for bank in banks], "questions": number, "seeds": seeds}
        print_json(document | {"problems": problems, "slips": [vars(row) for row in rows] if slips else None})
    else:
        for row in rows:
            print(f"{row.question} · {row.slip} · {row.answer}\n{console.wrapped(row.reads, '    ')}")
        for problem in problems:
            print(problem)
        say(f"{number} questions in {len(banks)} banks, {seeds} seeds each: {len(problems) or 'no'} problems")
    if problems:
        raise typer.Exit(1)


@quiz.command(name="progress")
def quiz_progress(
    reset: Annotated[bool, typer.Option("--reset", help="Start anew; the old record is kept beside it.")] = False,
    as_json: AsJson = False,
) -> None:
    """What is due, and how each skill stands; --json exports every answer."""
    from scaling_tui.tutor import progress
    from scaling_tui.tutor.course import Course

    path = progress.progress_file()
    if reset:
        kept = progress.reset(path)
        return say(f"progress starts anew; the old record is {kept}" if kept else "there was no progress to reset")
    if as_json:
        return print_json(progress.export(path))
    return print(Course.load(find_questions(None, None)).overview())


def find_questions(banks: list[Path] | None, lesson: str | None) -> "list[Question]":
    from scaling_tui.tutor import lesson_files, load_banks

    found = [one for bank in load_banks(banks or []) for one in bank.questions]
    if lesson is not None:
        known = [file.id for file in lesson_files()]
        found = [one for one in found if one.lesson == lesson]
        if not found:
            raise InputError(f"lesson {lesson!r}: has no question, want one of {', '.join(known)}")
    return found


def find_question(name: str, banks: list[Path] | None) -> "Question":
    found = find_questions(banks, None)
    for one in found:
        if one.id == name:
            return one
    from difflib import get_close_matches

    near = get_close_matches(name, [one.id for one in found], 3, 0.4)
    raise InputError(f"question {name!r}: not known" + (f"; near it: {', '.join(near)}" if near else ""))


def main() -> None:
    """Entry point. Turns every wrong input into one line on stderr and the design's exit status."""
    # A reader that leaves (`| head`) ends us as it ends any command, without a word.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        status = app(standalone_mode=False, prog_name="scaling-tui")
    except TyperException as error:
        say(f"scaling-tui: {' '.join(error.format_message().split())}")
        status = error.exit_code
    except InputError as error:
        say(f"scaling-tui: {error}")
        status = 2
    except OSError as error:
        say(f"scaling-tui: {error.filename or 'disk'}: {error.strerror or error}")
        status = 1
    except (KeyboardInterrupt, typer.Abort):
        status = 130
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
