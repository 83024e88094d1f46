"""The commands: one thin function each. What they print comes from the same functions as the screens."""

import json
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.exceptions import TyperException

from scaling_tui import InputError, __version__

if TYPE_CHECKING:
    from scaling_tui.runs import SweepView

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
) -> None:
    """Opens the app on a terminal; prints help where there is none."""
    if version:
        print(f"scaling-tui {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is not None:
        return
    if sys.stdout.isatty() and sys.stdin.isatty() and os.environ.get("TERM") != "dumb":
        from scaling_tui.runs import runs_folder

        open_tui(runs_folder(runs))
    else:
        print(context.get_help())


# --- sweeps


@app.command()
def run(
    ladder: Annotated[str, typer.Argument(help="Name of a ladder ('scaling-tui ladders' lists them) or a .toml file.")],
    setting: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change the ladder, such as tokens=200000.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides the initial weights and the order of the data.")] = 0,
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
    from scaling_tui.follow import ladder_document, ladder_table
    from scaling_tui.runs import runs_folder
    from scaling_tui.sweep import launch, load_ladder

    if on != "local":
        raise InputError(f"--on {on!r}: not known here; want 'local'")
    chosen = load_ladder(ladder, setting or [])
    if dry_run:
        return print_json(ladder_document(chosen)) if as_json else print(ladder_table(chosen))
    sweep = launch(runs_folder(runs), chosen, seed=seed, jobs=jobs, device=device)
    if detach:
        say(f"{sweep.name} runs by itself; 'scaling-tui attach {sweep.name}' watches, 'scaling-tui stop' stops it")
        return print_json({"sweep": sweep.name, "path": str(sweep)}) if as_json else print(sweep.name)
    if open_app and sys.stdout.isatty() and sys.stdin.isatty():
        return open_tui(sweep.parent, sweep.name)
    return see_through(sweep, as_json, on_interrupt="ask")


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
    from scaling_tui.follow import sweeps_table
    from scaling_tui.runs import list_sweeps, read_sweep, runs_folder
    from scaling_tui.sweep.summary import run_summary

    folder = runs_folder(runs)
    views = [read_sweep(path) for path in list_sweeps(folder)]
    if as_json:
        documents = [
            {
                "name": view.name,
                "state": view.state,
                "path": str(view.path),
                "runs": [run_summary(r) for r in view.runs],
            }
            for view in views
        ]
        print_json({"sweeps": documents})
    elif views:
        print(sweeps_table(views))
    else:
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
    from scaling_tui.runs import find_sweep, make_request, read_sweep, runs_folder

    path = find_sweep(runs_folder(runs), sweep)
    view = read_sweep(path)
    if run is not None and view.run(run) is None:
        raise InputError(f"--run {run!r}: not in {view.name}; there: {', '.join(r.name for r in view.runs)}")
    if view.state != "running" and not any(one.state == "running" for one in view.runs):
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
    from scaling_tui.runs import find_sweep, read_sweep, runs_folder
    from scaling_tui.sweep import resume as resume_sweep

    path = find_sweep(runs_folder(runs), sweep)
    view = read_sweep(path)
    if run is not None and view.run(run) is None:
        raise InputError(f"--run {run!r}: not in {view.name}; there: {', '.join(r.name for r in view.runs)}")
    if view.state == "finished":
        say(f"{view.name} is finished: nothing to resume")
    else:
        resume_sweep(path, jobs=jobs, device=device, run=run)
    if detach:
        say(f"{path.name} goes on by itself")
    else:
        see_through(path, as_json, on_interrupt="ask")


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
    if view.state == "running" or any(run.state == "running" for run in view.runs):
        raise InputError(f"sweep {view.name}: is running; 'scaling-tui stop {view.name}' first")
    if not yes:
        if not sys.stdin.isatty():
            raise InputError(f"rm {view.name}: there is no terminal to ask on; give --yes")
        typer.confirm(f"Delete {path} with {len(view.runs)} runs?", abort=True, err=True)
    shutil.rmtree(path)
    say(f"{path} is deleted")


def see_through(path: Path, as_json: bool, on_interrupt: str) -> None:
    """Follows a sweep to its end and prints what it came to. Exits 1 where a run did not finish."""
    from scaling_tui.follow import follow, report
    from scaling_tui.runs import SweepReader, make_request
    from scaling_tui.sweep.summary import summary

    reader = SweepReader(path)
    view: SweepView | None = None
    status = 1
    while view is None:
        try:
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
        say(f"'scaling-tui resume {view.name}' goes on with it")
        raise typer.Exit(status)


def ask_to_stop(sweep: str) -> str:
    """What ctrl+c means. Where nobody can be asked it means what it does to any command: stop."""
    if not sys.stdin.isatty():
        return "stop"
    try:
        answer = input(f"\n{sweep}: [s]top it, [l]eave it running, or [w]atch on? ").strip().lower()
    except (EOFError, KeyboardInterrupt):
        return "leave"
    return {"s": "stop", "w": "watch"}.get(answer[:1], "leave")


def open_tui(runs: Path, sweep: str | None = None) -> None:
    from scaling_tui.tui.app import ScalingApp

    app = ScalingApp(runs, sweep)
    app.run()
    raise typer.Exit(app.return_code or 0)


def main() -> None:
    """Entry point. Turns every wrong input into one line on stderr and the design's exit status."""
    try:
        status = app(standalone_mode=False)
    except TyperException as error:
        say(f"scaling-tui: {' '.join(error.format_message().split())}")
        status = error.exit_code
    except InputError as error:
        say(f"scaling-tui: {error}")
        status = 2
    except (KeyboardInterrupt, typer.Abort):
        status = 130
    except BrokenPipeError:
        # The reader of our stdout left (`| head`): nothing is wrong, and nothing more can be printed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
