"""Commands that launch, watch, stop, resume and export sweeps."""

import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from scaling_tui import InputError
from scaling_tui.cli import completion
from scaling_tui.cli.options import (
    UNFINISHED,
    AsJson,
    Plot,
    Runs,
    SweepName,
    XLim,
    YLim,
    ctrl_c_deferred,
    limits_of,
    number,
    plots_wanted,
    print_json,
    print_plots,
    say,
)

if TYPE_CHECKING:
    from scaling_tui.plots.limits import Limits
    from scaling_tui.runs import SweepView
    from scaling_tui.sweeps.cluster import Cluster
    from scaling_tui.sweeps.engines import Where
    from scaling_tui.sweeps.ladder import Ladder
    from scaling_tui.sweeps.notify import Notifier
    from scaling_tui.tui.terminal import Appearance

app = typer.Typer()
T = TypeVar("T")
Jobs = Annotated[
    int | None,
    typer.Option(min=1, help="Runs to train at a time; default: one per core, or on GPUs as --per-gpu says."),
]
PerGpu = Annotated[
    int | None,
    typer.Option(
        "--per-gpu", min=1, max=64,
        help="Runs to train on one GPU at a time; default: up to 4 small ones, by size and free memory.",
    ),
]  # fmt: skip
Device = Annotated[str, typer.Option(help="Device: auto, cpu, cuda (every GPU), cuda:1 (one of them) or mps.")]
OpenApp = Annotated[bool, typer.Option("--app", help="Watch in the app, if there is a terminal.")]
Notify = Annotated[
    str,
    typer.Option(
        metavar="CMD",
        show_default=False,
        help="Command to run on events; its last argument is a sentence, and $SCALING_TUI_EVENT names the event.",
    ),
]
Detach = Annotated[bool, typer.Option("--detach", help="Return at once; the sweep keeps training in the background.")]


@app.command(epilog=UNFINISHED)
def run(
    context: typer.Context,
    ladder: Annotated[
        str,
        typer.Argument(
            help="Name of a ladder ('scaling-tui ladders' lists them) or a .toml file.",
            autocompletion=completion.ladders,
        ),
    ],
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a setting of the ladder, such as tokens=200000."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**63 - 1, help="Train with this seed only; default: every seed of the ladder."),
    ] = None,
    jobs: Jobs = None,
    per_gpu: PerGpu = None,
    device: Device = "auto",
    on: Annotated[str, typer.Option(help="Where to train: local, ray or slurm.")] = "local",
    address: Annotated[
        str,
        typer.Option(
            help="Ray cluster to train on, host:port; default: $RAY_ADDRESS, or a cluster on this machine.",
            show_default=False,
        ),
    ] = "",
    dashboard: Annotated[
        bool, typer.Option("--dashboard", help="Start Ray's dashboard with a cluster on this machine.")
    ] = False,
    partition: Annotated[str, typer.Option(help="SLURM partition; default: SLURM's own.", show_default=False)] = "",
    slurm: Annotated[
        list[str] | None,
        typer.Option("--slurm", metavar="KEY=VALUE", help="An sbatch option, such as account=lab or time=240."),
    ] = None,
    detach: Detach = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be trained, and write nothing.")] = False,
    cluster: Annotated[
        str,
        typer.Option(
            metavar="NODESxGPUS|FILE",
            show_default=False,
            help="With --dry-run --on ray or slurm: the cluster to plan for, such as 64x8x80GB or a .toml file.",
        ),
    ] = "",
    throughput: Annotated[
        float | None, number("FLOP/s that a run reaches on one of its GPUs, such as 4e14; default: measured.")
    ] = None,
    price: Annotated[float | None, number("Price of an hour of one of its GPUs.")] = None,
    open_app: OpenApp = False,
    notify: Notify = "",
    name: Annotated[
        str | None, typer.Option(help="Name of the sweep; default: that of the ladder.", show_default=False)
    ] = None,
    runs: Runs = None,
    as_json: AsJson = False,
    plot: Plot = None,
) -> None:
    """Train a ladder and fit its law. Predicts the loss of the largest rung before training it."""
    from scaling_tui.report.dry_run import data_lines
    from scaling_tui.report.preparing import preparing
    from scaling_tui.runs import runs_folder
    from scaling_tui.runs.commands import suggested
    from scaling_tui.runs.writer import check_free
    from scaling_tui.sweeps.engines import check_where
    from scaling_tui.sweeps.ladder import load_ladder
    from scaling_tui.sweeps.launch import lay_out, start_supervisor
    from scaling_tui.sweeps.preflight import check_ladder, rehearse
    from scaling_tui.sweeps.torch_here import check_torch
    from scaling_tui.tui import terminal

    with_plot = plots_wanted(plot, as_json)
    if name is not None:
        check_free(runs_folder(runs), name)
    where = where_of(on, address, dashboard, partition, slurm or [])
    notifier = notifier_of(notify, detach=detach, app=open_app, dry_run=dry_run)
    described = cluster_of_options(dry_run, where, cluster, throughput, price)
    if not where.here:
        where.check_device(device)
    chosen = load_ladder(ladder, setting or [])
    if dry_run and not where.here:
        return plan_beyond(
            context, runs_folder(runs), chosen, seed, jobs, device, where, described, as_json, with_plot
        )  # fmt: skip
    if dry_run:
        from scaling_tui.report.dry_run import dry_run_document, dry_run_text
        from scaling_tui.sweeps.dry_run import dry_run as estimated

        with preparing() as progress:
            rehearsed = rehearse(chosen, device, jobs, progress)
        if isinstance(rehearsed, str):
            say(rehearsed)
        found = None if isinstance(rehearsed, str) else rehearsed
        data = found.data if found else None
        seeds = chosen.seeds if seed is None else (seed,)
        time = estimated(runs_folder(runs), chosen, found, len(seeds), device, jobs, per_gpu, say)
        if as_json:
            return print_json("dry-run", dry_run_document(chosen, time, data))
        return print(dry_run_text(chosen, time, seeds, data))
    check_where(where, runs_folder(runs), (rung.resources for rung in chosen.rungs))
    if where.here:
        check_torch()  # before the corpus, which may take minutes to prepare
    with preparing() as progress:
        checked = check_ladder(chosen, device, jobs, progress, where.here)
    for line in data_lines(checked.data):
        say(line)
    sweep = lay_out(runs_folder(runs), chosen, seed, device, jobs, per_gpu, checked, where, name)

    def start() -> None:
        start_supervisor(sweep, jobs, device, per_gpu, where)

    if not detach and not (open_app and terminal.is_there()):
        return follow_to_end(sweep, as_json, "ask", start, context if with_plot else None, notifier)
    with ctrl_c_deferred():
        start()
    if detach:
        watch, end = (suggested(sweep.parent, name, sweep.name) for name in ("attach", "stop"))
        say(f"{sweep.name} is training; {watch} watches it, {end} stops it")
        return print_json("launch", {"sweep": sweep.name, "path": str(sweep)}) if as_json else print(sweep.name)
    return open_tui(context.find_root().obj, sweep.parent, sweep.name)


@app.command()
def ladders(as_json: AsJson = False) -> None:
    """List the ladders that 'run' takes by name, with their sizes."""
    from scaling_tui.report.sweep import ladder_document, ladders_table
    from scaling_tui.sweeps.ladder import ladders, load_ladder

    loaded, broken = readable(ladders(), lambda path: load_ladder(str(path)))
    if as_json:
        print_json("ladders", {"ladders": [ladder_document(ladder) for ladder in loaded], "broken": broken})
    else:
        print(ladders_table(loaded))


@app.command(epilog=UNFINISHED)
def attach(
    context: typer.Context,
    sweep: SweepName = None,
    open_app: OpenApp = False,
    notify: Notify = "",
    runs: Runs = None,
    as_json: AsJson = False,
    plot: Plot = None,
    xlim: XLim = None,
    ylim: YLim = None,
) -> None:
    """Watch a sweep until it ends; ctrl+c leaves it running."""
    from scaling_tui.runs import find_sweep, runs_folder
    from scaling_tui.tui import terminal

    path = find_sweep(runs_folder(runs), sweep)
    limits = limits_of(xlim, ylim)
    plots = context if plots_wanted(plot, as_json, limits) else None
    if open_app and as_json:
        raise InputError("--app: found with --json, want one of them")
    notifier = notifier_of(notify, app=open_app)
    if open_app and terminal.is_there():
        return open_tui(context.find_root().obj, path.parent, path.name)
    return follow_to_end(path, as_json, on_interrupt="leave", plots=plots, notifier=notifier, limits=limits)


@app.command()
def stop(
    sweep: SweepName = None,
    run: Annotated[
        str | None, typer.Option("--run", help="Stop only this run.", autocompletion=completion.runs_of_sweep)
    ] = None,
    runs: Runs = None,
) -> None:
    """Stop a sweep. Each run writes a checkpoint first and can be resumed."""
    from scaling_tui.runs import make_request
    from scaling_tui.runs.commands import suggested

    view = sweep_to_steer(runs, sweep, run)
    path = view.path
    if not view.trains:
        return say(f"{view.name} is {view.state}: nothing to stop")
    make_request(path, "stop", run)
    return say(f"{run or view.name} was asked to stop; {suggested(path.parent, 'resume', path.name)} resumes it")


@app.command(epilog=UNFINISHED)
def resume(
    sweep: SweepName = None,
    run: Annotated[
        str | None, typer.Option("--run", help="Resume only this run.", autocompletion=completion.runs_of_sweep)
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Runs to train at a time; default: as at the launch.")] = None,
    device: Annotated[
        str | None,
        typer.Option(help="Device: auto, cpu, cuda, cuda:1 or mps; default: as at the launch.", show_default=False),
    ] = None,
    per_gpu: Annotated[
        int | None,
        typer.Option("--per-gpu", min=1, max=64, help="Runs on one GPU at a time; default: as at the launch."),
    ] = None,
    gpus: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="GPUs to train each run on; default: as the ladder says."),
    ] = None,
    address: Annotated[
        str, typer.Option(help="Ray cluster to train on, host:port; default: $RAY_ADDRESS.", show_default=False)
    ] = "",
    take_over: Annotated[
        bool,
        typer.Option("--take-over", help="Resume a copy here, even if it may still train where it was copied from."),
    ] = False,
    detach: Detach = False,
    notify: Notify = "",
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Resume a sweep from its checkpoints after a stop or a crash, with the device and jobs of its launch."""
    from scaling_tui.sweeps.launch import resume as resume_sweep

    view = sweep_to_steer(runs, sweep, run)
    path = view.path
    notifier = notifier_of(notify, detach=detach)

    def start() -> None:
        if view.state == "finished":
            say(f"{view.name} is finished: nothing to resume")
        else:
            chosen = {"jobs": jobs, "per_gpu": per_gpu, "gpus": gpus}
            resume_sweep(path, device=device, run=run, address=address, take_over=take_over, **chosen)
            if view.copy is not None:
                say(f"{view.name}: a copy from {view.copy.host}; from now on it trains here, so stop copying it")

    if not detach:
        return follow_to_end(path, as_json, on_interrupt="ask", start=start, notifier=notifier)
    with ctrl_c_deferred():
        start()
    if view.state != "finished":
        say(f"{path.name} is training in the background")
    return None


@app.command()
def rerun(
    sweep: SweepName = None,
    run: Annotated[str | None, typer.Option("--run", help="The run to train again.", show_default=False)] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Train a finished run again without asking.")] = False,
    address: Annotated[
        str, typer.Option(help="Ray cluster to train on, host:port; default: $RAY_ADDRESS.", show_default=False)
    ] = "",
    take_over: Annotated[
        bool,
        typer.Option("--take-over", help="Train a copy here, even if it may still train where it was copied from."),
    ] = False,
    runs: Runs = None,
) -> None:
    """Train a run again from the start, with the same settings and seed; its earlier attempts stay on disk."""
    from scaling_tui.cli.listing import confirm
    from scaling_tui.runs.commands import suggested
    from scaling_tui.sweeps.rerun import rerun as train_again
    from scaling_tui.sweeps.rerun import why_not_again

    view = sweep_to_steer(runs, sweep, run)
    if run is None:
        could = [one.name for one in view.runs if not why_not_again(view, one)]
        raise InputError(f"--run: missing; can be trained again: {', '.join(could) or 'none'}")
    chosen = view.run(run)
    assert chosen is not None  # sweep_to_steer knows it
    if chosen.state == "finished" and not why_not_again(view, chosen):
        question = (
            f"{run} of {view.name} has finished. Train it again from the start? The law leaves it out until it ends."
        )
        confirm(question, f"rerun {view.name} --run {run}", yes)
    with ctrl_c_deferred():
        train_again(view.path, run, address=address, take_over=take_over)
    watch = suggested(view.path.parent, "attach", view.name)
    say(f"{run} trains again from the start, in the background; {watch} watches it")


@app.command(name="next")
def train_next(
    sweep: SweepName = None,
    run: Annotated[
        str | None, typer.Option("--run", help="The run to train next.", autocompletion=completion.runs_of_sweep)
    ] = None,
    runs: Runs = None,
) -> None:
    """Move a waiting run to the front of the queue; it begins when the next slot is free."""
    from scaling_tui.runs import make_request
    from scaling_tui.sweeps.queue import why_not_next

    view = sweep_to_steer(runs, sweep, run)
    waiting = [one.name for one in view.runs if not why_not_next(view, one)]
    if run is None:
        raise InputError(f"--run: missing; waiting in {view.name}: {', '.join(waiting) or 'none'}")
    chosen = view.run(run)
    assert chosen is not None  # sweep_to_steer knows it
    if why := why_not_next(view, chosen):
        return say(why)
    make_request(view.path, "next", run)
    return say(f"{run} trains next, once a slot is free")


@app.command()
def export(
    sweep: SweepName = None,
    kind: Annotated[
        str,
        typer.Option("--format", help="Format: csv, jsonl, parquet, tensorboard, json, svg, png or pdf."),
    ] = "csv",
    curves: Annotated[
        bool | None,
        typer.Option(
            "--curves/--points",
            help="Of a table: every record, or a row per finished run, which 'fit' takes; default: points.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="File to create, or folder for tensorboard; default: stdout.")
    ] = None,
    xlim: XLim = None,
    ylim: YLim = None,
    runs: Runs = None,
) -> None:
    """Export a sweep. Points or curves as tables, curves for TensorBoard, everything as JSON, plots as pictures."""
    from scaling_tui.report.event_files import write_event_files
    from scaling_tui.report.export import BINARY, PICTURES, TABLES, write_new
    from scaling_tui.report.export import export as exported
    from scaling_tui.runs import find_sweep, read_sweep, runs_folder
    from scaling_tui.text import show

    if kind in BINARY and output is None and sys.stdout.isatty():
        raise InputError(f"--output: missing; a {kind.upper()} cannot be printed on a terminal, want a file")
    if output is not None and kind in {*BINARY, *PICTURES} and output.suffix and output.suffix != f".{kind}":
        raise InputError(f"--output {output}: found with --format {kind}, want a name that ends in .{kind}")
    limits = limits_of(xlim, ylim)
    if limits is not None and kind not in PICTURES:
        raise InputError(f"--xlim, --ylim: found with {kind}, want them with svg, png or pdf")
    if kind == "tensorboard" and curves is False:
        raise InputError("--points: found with tensorboard, which takes curves alone")
    if kind == "tensorboard" and output is None:
        raise InputError("--output: missing; tensorboard takes a folder, want a new one")
    view = read_sweep(find_sweep(runs_folder(runs), sweep))
    for fault in view.all_faults:
        say(f"{view.name}: {fault}")
    if kind == "tensorboard" and output is not None:
        write_event_files(view, output)
        return say(f"wrote {output}; 'tensorboard --logdir {output}' shows it")
    content = exported(view, kind, curves, limits)
    if output is not None:
        write_new(output, content)
    if kind in TABLES and curves is None:
        records = sum(len(run.curve) for run in view.runs)
        say(f"{view.name}: the points, a row per finished run; --curves writes all {show.counted(records, 'record')}")
    if output is None and sys.stdout.isatty():
        print(content.decode(), end="")  # under the filter of the streams; a file or a pipe gets the bytes as they are
    elif output is None:
        sys.stdout.buffer.write(content)
    else:
        say(f"wrote {output}")
    return None


def where_of(on: str, address: str, dashboard: bool, partition: str, slurm: list[str]) -> "Where":
    """Where to train, as the options say.

    Raises:
        InputError: an unknown engine, or an option of another one.
    """
    import os

    from scaling_tui.sweeps.engines import Where

    options = {}
    for option in slurm:
        key, equals, value = option.partition("=")
        if not key or not equals:
            raise InputError(f"--slurm {option!r}: want KEY=VALUE, such as time=240")
        options[key] = value
    if on == "ray":
        address = address or os.environ.get("RAY_ADDRESS", "")
    return Where(on, address, dashboard, partition, options)  # type: ignore[arg-type] # it checks


def cluster_of_options(
    dry_run: bool, where: "Where", cluster: str, throughput: float | None, price: float | None
) -> "Callable[[], Cluster] | None":
    """A function that returns the cluster to plan for; None if there is nothing to plan.

    Raises:
        InputError: options that do not go together.
    """
    for option, given in (("--cluster", cluster), ("--throughput", throughput), ("--price", price)):
        if given and (not dry_run or where.here):
            raise InputError(f"{option}: found without --dry-run --on ray or slurm; want both")
    if not dry_run or where.here:
        return None
    from scaling_tui.sweeps.cluster import described
    from scaling_tui.sweeps.timetable import cluster_of

    return lambda: cluster_of(where, described(cluster) if cluster else None).given(throughput, price)


def plan_beyond(
    context: typer.Context,
    runs: Path,
    ladder: "Ladder",
    seed: int | None,
    jobs: int | None,
    device: str,
    where: "Where",
    described: "Callable[[], Cluster] | None",
    as_json: bool,
    with_plot: bool,
) -> None:
    """Prints the timetable of a ladder on a cluster."""
    from scaling_tui.report.preparing import preparing
    from scaling_tui.report.timetable import timetable_document, timetable_text, use_figure
    from scaling_tui.sweeps.preflight import rehearse
    from scaling_tui.sweeps.timetable import timetable

    assert described is not None
    cluster = described()
    with preparing() as progress:
        rehearsed = rehearse(ladder, device, jobs, progress, here=False)
    if isinstance(rehearsed, str):
        say(rehearsed)
    found = None if isinstance(rehearsed, str) else rehearsed
    seeds = ladder.seeds if seed is None else (seed,)
    time = timetable(runs, ladder, found, seeds, where, cluster, device, jobs, say)
    if as_json:
        print_json("timetable", timetable_document(ladder, time, found.data if found else None))
        return
    print(timetable_text(ladder, time, found.data if found else None))
    if with_plot:
        print_plots(context, [use_figure(time)])


def readable(paths: Iterable[Path], read: Callable[[Path], T]) -> tuple[list[T], list[dict[str, str]]]:
    """What `read` returns for each path; a path it cannot read is named on stderr and hides no other."""
    results, broken = [], []
    for path in paths:
        try:
            results.append(read(path))
        except InputError as error:
            broken.append({"path": str(path), "reason": str(error)})
            say(f"scaling-tui: {error}")
    return results, broken


def sweep_to_steer(runs: Path | None, sweep: str | None, run: str | None) -> "SweepView":
    """The sweep that a command should stop or resume; an InputError if it has no run called `run`."""
    from scaling_tui.runs import find_sweep, runs_folder
    from scaling_tui.runs.glance import watched

    view = watched(find_sweep(runs_folder(runs), sweep))
    if run is not None and view.run(run) is None:
        raise InputError(f"--run {run!r}: not in {view.name}; known: {', '.join(r.name for r in view.runs)}")
    return view


def notifier_of(command: str, **others: bool) -> "Notifier | None":
    """What runs the command of `--notify`; None without one.

    Raises:
        InputError: it is no command, or nobody stays to run it, because of one of the `others`; or these exclude
            each other.
    """
    if others.get("detach") and others.get("app"):
        raise InputError("--app: found with --detach, want one of them")
    if not command:
        return None
    for option, given in others.items():
        if given:
            raise InputError(f"--notify: found with --{option.replace('_', '-')}, want one of them")
    from scaling_tui.sweeps.notify import Notifier

    return Notifier(command, say)


def follow_to_end(
    path: Path,
    as_json: bool,
    on_interrupt: str,
    start: "Callable[[], None] | None" = None,
    plots: typer.Context | None = None,
    notifier: "Notifier | None" = None,
    limits: "Limits | None" = None,
) -> None:
    """Starts a sweep, follows it to its end and prints its summary. Exits 1 if a run did not finish.

    `plots` is the command's context if its curves, within `limits`, and its law are to be drawn. `notifier` is told
    what happens meanwhile.
    """
    from scaling_tui.report.progress import follow
    from scaling_tui.runs import SweepReader, make_request
    from scaling_tui.runs.commands import suggested
    from scaling_tui.runs.glance import glance
    from scaling_tui.sweeps.launch import resumable

    interrupted = False
    if start is not None and notifier is not None:
        notifier.since(glance(path))
    if start is not None:
        with ctrl_c_deferred() as ctrl_c_pressed:
            start()
        interrupted = ctrl_c_pressed()
    reader = SweepReader(path, patient=True)
    view: SweepView | None = None
    status = 1
    while view is None:
        try:
            if interrupted:
                interrupted = False
                raise KeyboardInterrupt
            view = follow(reader, notifier.look) if notifier else follow(reader)
        except KeyboardInterrupt:
            answer = on_interrupt
            if answer == "ask":
                answer = ask_to_stop(path.name)
            if answer == "stop":
                make_request(path, "stop")
                say(f"{path.name}: stopping; waiting for checkpoints")
                on_interrupt, status = "leave", 130
            elif answer == "leave":
                watch, end = (suggested(path.parent, name, path.name) for name in ("attach", "stop"))
                say(f"{path.name} keeps training; {watch} watches it, {end} stops it")
                raise
    if notifier is not None:
        notifier.close()
    print_end(view, as_json, plots, limits)
    if view.state != "finished":
        if resumable(view):
            say(f"{suggested(path.parent, 'resume', path.name)} resumes it")
        raise typer.Exit(status)


def print_end(view: "SweepView", as_json: bool, plots: typer.Context | None, limits: "Limits | None" = None) -> None:
    """Prints the summary of a sweep, and its curves, within `limits`, and law if `plots` asks for them."""
    from scaling_tui.report.export import sweep_figures
    from scaling_tui.report.sweep import report
    from scaling_tui.sweeps.summary import summary

    document = summary(view)
    if as_json:
        print_json("run", document)
    else:
        print(report(document))
    if plots is not None:
        print_plots(plots, [figure for figure in sweep_figures(view) if figure.series], limits)


def ask_to_stop(sweep: str) -> str:
    """Asks what ctrl+c should do. With nobody to ask, it means stop, as for any command."""
    if not sys.stdin.isatty():
        return "stop"
    try:
        print(f"\n{sweep}: [s]top it, [l]eave it running, or [w]atch? ", end="", file=sys.stderr, flush=True)
        answer = input().strip().lower()
    except (EOFError, KeyboardInterrupt):
        return "leave"
    return {"s": "stop", "w": "watch"}.get(answer[:1], "leave")


def open_tui(appearance: "Appearance", runs: Path, sweep: str | None = None) -> None:
    """Opens the app on Home, or on a sweep just launched."""
    from scaling_tui.tui import terminal
    from scaling_tui.tui.app import ScalingApp

    terminal.follow_window_size()
    # A process that the app writes to may die: that is an error to show, not the end of the app.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    app = ScalingApp(runs, sweep, mode="live" if sweep else "home", appearance=appearance)
    app.run()
    raise typer.Exit(app.return_code or 0)
