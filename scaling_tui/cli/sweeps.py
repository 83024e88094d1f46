"""Commands that launch sweeps, watch, steer, list, export and delete them."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from scaling_tui import InputError
from scaling_tui.cli.options import AsJson, Runs, SweepName, ctrl_c_waits, print_json, say

if TYPE_CHECKING:
    from scaling_tui.runs import SweepView
    from scaling_tui.tui.terminal import Looks

app = typer.Typer()
T = TypeVar("T")
Jobs = Annotated[int | None, typer.Option(min=1, help="Runs trained at a time; else one a core, or one on a GPU.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Detach = Annotated[bool, typer.Option("--detach", help="Return at once; the sweep goes on by itself.")]


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
    from scaling_tui.sweeps.ladder import load_ladder
    from scaling_tui.sweeps.launch import lay_out, start_supervisor
    from scaling_tui.tui import terminal

    if on != "local":
        raise InputError(f"--on {on!r}: not known here; want 'local'")
    chosen = load_ladder(ladder, setting or [])
    if dry_run:
        from scaling_tui.report.dry_run import dry_run_document, dry_run_text
        from scaling_tui.sweeps.estimate import estimate, recorded_speeds, workers
        from scaling_tui.sweeps.preflight import rehearse

        if unknown := rehearse(chosen, device):
            say(unknown)
        seeds = chosen.seeds if seed is None else (seed,)
        time = estimate(chosen, recorded_speeds(runs_folder(runs), device), workers(jobs, device), len(seeds))
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
    from scaling_tui.report.sweep import ladder_document, ladders_table
    from scaling_tui.sweeps.ladder import ladders, load_ladder

    found, broken = readable(ladders(), lambda path: load_ladder(str(path)))
    if as_json:
        print_json({"ladders": [ladder_document(ladder) for ladder in found], "broken": broken})
    else:
        print(ladders_table(found))


@app.command(name="runs")
def list_runs(runs: Runs = None, as_json: AsJson = False) -> None:
    """List the sweeps with the state of their runs, the latest first."""
    import time

    from scaling_tui.report.sweep import sweeps_table
    from scaling_tui.runs import list_sweeps, read_sweep, runs_folder
    from scaling_tui.sweeps.summary import sweep_summary

    folder = runs_folder(runs)
    found, broken = readable(list_sweeps(folder), lambda path: sweep_summary(read_sweep(path)))
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
    from scaling_tui.sweeps.launch import resume as resume_sweep

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

    from scaling_tui.runs import find_sweep, runs_folder
    from scaling_tui.runs.glance import trains

    # Nothing of it is read but its states: what is broken can be deleted too.
    path = find_sweep(runs_folder(runs), sweep)
    if trains(path):
        raise InputError(f"sweep {path.name}: is running; 'scaling-tui stop {path.name}' first")
    if not yes:
        if not sys.stdin.isatty():
            raise InputError(f"rm {path.name}: there is no terminal to ask on; give --yes")
        number = len(list(path.glob("*/run.json")))
        what = f"the link {path}" if path.is_symlink() else f"{path} with {number} runs"
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
    from scaling_tui.report.export import export as exported
    from scaling_tui.report.export import write_new
    from scaling_tui.runs import find_sweep, read_sweep, runs_folder

    if kind == "png" and output is None and sys.stdout.isatty():
        raise InputError("--output: missing, a PNG is nothing for a terminal; want a file")
    content = exported(read_sweep(find_sweep(runs_folder(runs), sweep)), kind)
    if output is None:
        sys.stdout.buffer.write(content)
    else:
        write_new(output, content)
        say(f"{output} is written")


def readable(paths: Iterable[Path], read: Callable[[Path], T]) -> tuple[list[T], list[dict[str, str]]]:
    """What `read` makes of each path; what it cannot read is named on stderr and hides no other."""
    found, broken = [], []
    for path in paths:
        try:
            found.append(read(path))
        except InputError as error:
            broken.append({"path": str(path), "reason": str(error)})
            say(f"scaling-tui: {error}")
    return found, broken


def sweep_to_steer(runs: Path | None, sweep: str | None, run: str | None) -> "SweepView":
    """The sweep that a command is to stop or resume; an InputError where it has no run called `run`."""
    from scaling_tui.runs import find_sweep, runs_folder
    from scaling_tui.runs.glance import glance

    view = glance(find_sweep(runs_folder(runs), sweep))
    if run is not None and view.run(run) is None:
        raise InputError(f"--run {run!r}: not in {view.name}; there: {', '.join(r.name for r in view.runs)}")
    return view


def see_through(path: Path, as_json: bool, on_interrupt: str, start: "Callable[[], None] | None" = None) -> None:
    """Starts a sweep, follows it to its end and prints what it came to. Exits 1 where a run did not finish."""
    from scaling_tui.report.progress import follow
    from scaling_tui.report.sweep import report
    from scaling_tui.runs import SweepReader, make_request
    from scaling_tui.sweeps.launch import resumable
    from scaling_tui.sweeps.summary import summary

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
        if resumable(view):
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
