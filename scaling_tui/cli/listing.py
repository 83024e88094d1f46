"""Commands that list sweeps, label, rename and delete them. Each names the command that undoes it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scaling_tui import InputError
from scaling_tui.cli import completion
from scaling_tui.cli.options import AsJson, Runs, print_json, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from scaling_tui.runs.labels import Labels

app = typer.Typer()
Sweep = Annotated[str, typer.Argument(metavar="SWEEP", help="Name of a sweep.", autocompletion=completion.sweeps)]


@app.command(name="runs")
def list_runs(
    words: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            metavar="WORDS",
            help="List only sweeps that fit: 'ladder:quickstart state:failed,lost -tag:old name'; repeatable.",
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            help="Order: latest (default), active, name, ladder, state, params, runs, loss or size; -name reverses it.",
            show_default=False,
        ),
    ] = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """List the sweeps and the state of their runs, the latest first."""
    import time
    from dataclasses import replace

    from scaling_tui.report.sweeps import sweeps_table
    from scaling_tui.runs import runs_folder
    from scaling_tui.runs.commands import suggested
    from scaling_tui.sweeps.listing import rows_of
    from scaling_tui.sweeps.query import read_query, select
    from scaling_tui.text import show

    query, folder = read_query(" ".join(words or [])), runs_folder(runs)
    select([], query, sort)
    rows = rows_of(folder, exact=True)
    found = select(rows, query, sort)
    broken = [row for row in rows if row.broken]
    for row in broken:
        say(f"scaling-tui: {row.broken}")
    sound = [row for row in found if not row.broken]
    for row in sound:
        for fault in row.faults:
            say(f"{row.name}: {fault}")
        if row.state == "running" and row.reason:
            say(f"{row.name}: {row.reason}")
    if as_json:
        from scaling_tui.runs.glance import decided
        from scaling_tui.runs.reader import SweepReader
        from scaling_tui.sweeps.summary import sweep_summary

        documents = []
        for row in sound:
            try:
                view = decided(SweepReader(Path(row.path)))
            except InputError as error:  # it has been deleted or broken since
                say(f"scaling-tui: {error}")
                broken.append(replace(row, broken=str(error)))
                continue
            documents.append(sweep_summary(view) | {"size": row.size, "active": row.active})
        return print_json(
            "runs", {"sweeps": documents, "broken": [{"path": row.path, "reason": row.broken} for row in broken]}
        )
    if sound:
        print(sweeps_table([row.as_json() for row in sound], time.time()))
    elif not rows:
        say(f"no sweep in {folder}; {suggested(folder, 'run', 'quickstart')} starts one")
    elif query.terms:
        say(f"no sweep fits {str(query)!r}, of {len(rows):,} in {folder}")
    hidden = sum(row.archived for row in rows)
    if hidden and not query.asks_for_archived:
        say(f"{show.counted(hidden, 'archived sweep')} not listed; --filter archived:any lists all")
    return None


@app.command()
def rename(
    sweep: Sweep,
    name: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")],
    runs: Runs = None,
) -> None:
    """Rename a sweep that does not train."""
    from scaling_tui.runs import find_sweep, runs_folder
    from scaling_tui.runs.commands import suggested
    from scaling_tui.runs.rename import rename_sweep
    from scaling_tui.tutor.prediction_game import carry_over

    path = find_sweep(runs_folder(runs), sweep)
    renamed = rename_sweep(path, name)
    try:
        carry_over(path.name, renamed.name)
    except InputError as error:
        say(f"scaling-tui: {error}")
    back = suggested(path.parent, "rename", renamed.name, path.name)
    say(f"{path.name} is now called {renamed.name}; {back} undoes it")


@app.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
def tag(
    sweep: Sweep,
    tags: Annotated[
        list[str] | None,
        typer.Argument(metavar="[+TAG|-TAG]…", help="Tags to add and to take away; without any, prints the tags."),
    ] = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Tag a sweep, such as 'tag quickstart +base -old'."""
    from scaling_tui.runs.commands import suggested
    from scaling_tui.runs.labels import read_tags

    add, remove = read_tags(tags or [])
    path, before, after = relabel(runs, sweep, lambda labels: labels.tagged(add, remove))
    if before != after:
        undone = [f"-{one}" for one in after.tags if one not in before.tags]
        undone += [f"+{one}" for one in before.tags if one not in after.tags]
        shown = ", ".join(after.tags) or "none"
        say(f"{path.name}: tags {shown}; {suggested(path.parent, 'tag', path.name, options=tuple(undone))} undoes it")
    elif tags:
        say(f"{path.name}: tags {', '.join(after.tags) or 'none'}, as before")
    if as_json:
        print_json("tag", {"sweep": path.name, "tags": after.tags})
    elif not tags:
        print("".join(f"{one}\n" for one in after.tags), end="")


@app.command()
def note(
    sweep: Sweep,
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT]", help="The note; '' takes it away. Without it, prints the note.")
    ] = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> None:
    """Note something on a sweep, in place of its note."""
    from dataclasses import replace

    from scaling_tui.runs.commands import suggested
    from scaling_tui.runs.labels import checked_note

    new = None if text is None else checked_note(text)
    path, before, after = relabel(runs, sweep, lambda labels: labels if new is None else replace(labels, note=new))
    if before != after:
        done = "noted" if after.note else "its note is gone"
        say(f"{path.name}: {done}; {suggested(path.parent, 'note', path.name, before.note)} undoes it")
    if as_json:
        print_json("note", {"sweep": path.name, "note": after.note})
    elif new is None and after.note:
        print(after.note)


@app.command()
def archive(sweep: Sweep, runs: Runs = None) -> None:
    """Leave a sweep out of the lists; nothing of it is deleted."""
    from dataclasses import replace

    from scaling_tui.runs.commands import suggested

    path, before, after = relabel(runs, sweep, lambda labels: replace(labels, archived=True))
    done = "archived" if before != after else "archived already"
    say(f"{path.name} is {done}; {suggested(path.parent, 'unarchive', path.name)} undoes it")


@app.command()
def unarchive(sweep: Sweep, runs: Runs = None) -> None:
    """List an archived sweep again."""
    from dataclasses import replace

    path, before, after = relabel(runs, sweep, lambda labels: replace(labels, archived=False))
    say(f"{path.name} is listed again" if before != after else f"{path.name} is not archived")


@app.command()
def rm(
    sweep: Annotated[
        str | None,
        typer.Argument(metavar="SWEEP", help="Name of a sweep.", show_default=False, autocompletion=completion.sweeps),
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(
            "--run", help="Delete only this run.", show_default=False, autocompletion=completion.runs_of_sweep
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    for_good: Annotated[
        bool, typer.Option("--for-good", help="Free its disk space at once; it cannot be restored.")
    ] = False,
    empty_trash: Annotated[
        bool, typer.Option("--empty-trash", help="Delete for good what was deleted before.")
    ] = False,
    runs: Runs = None,
) -> None:
    """Delete a sweep, or one of its runs. It moves to the trash; 'restore' brings it back."""
    from scaling_tui.runs import find_sweep, runs_folder
    from scaling_tui.runs.commands import suggested
    from scaling_tui.runs.delete import BY_HAND, delete_sweep, trash_sweep
    from scaling_tui.runs.rename import check_at_rest
    from scaling_tui.runs.stamp import disk_bytes
    from scaling_tui.text import show

    if empty_trash:
        if sweep is not None:
            raise InputError(f"--empty-trash: found with a sweep, {sweep!r}, want one of them")
        if run is not None:
            raise InputError("--empty-trash: found with --run, want one of them")
        return emptied(runs_folder(runs), yes)
    if sweep is None:
        raise InputError("rm: found no sweep, want its name")
    # Only its states are read, so that a broken sweep can be deleted too.
    path = find_sweep(runs_folder(runs), sweep)
    if run is not None:
        return rm_run(path, run, yes, for_good)
    check_at_rest(path, BY_HAND)
    number = len(list(path.glob("*/run.json")))
    what = f"the link {path}" if path.is_symlink() else f"{path} with {show.counted(number, 'run')}"
    confirm(f"Delete {what}{' for good' if for_good else ''}?", f"rm {path.name}", yes)
    if path.is_symlink():
        kept = path.resolve()
        path.unlink()
        say(f"deleted the link {path}; the sweep is still at {kept}")
    elif for_good:
        delete_sweep(path)
        say(f"deleted {path}")
    else:
        size = show.memory(disk_bytes(path))
        trash_sweep(path)
        back = suggested(path.parent, "restore", path.name)
        free = suggested(path.parent, "rm", options=("--empty-trash",))
        say(f"deleted {path}; {back} brings it back, {free} frees {size}")
    return None


@app.command()
def restore(
    sweep: Annotated[
        str | None,
        typer.Argument(
            metavar="[SWEEP]",
            help="Name of a deleted sweep; default: the last deleted.",
            autocompletion=completion.deleted_sweeps,
        ),
    ] = None,
    run: Annotated[str | None, typer.Option("--run", help="The deleted run to bring back.", show_default=False)] = None,
    runs: Runs = None,
) -> None:
    """Bring back a deleted sweep, or a deleted run of a sweep."""
    from scaling_tui.runs import find_sweep, runs_folder
    from scaling_tui.runs.commands import suggested
    from scaling_tui.runs.delete import restore_sweep

    if run is not None:
        from scaling_tui.runs.delete_run import held_back, restore_run

        path = find_sweep(runs_folder(runs), sweep)
        restore_run(path, run)
        back = suggested(path.parent, "rm", path.name, options=("--run", run))
        held = held_back(path, run)
        return say(f"restored {run} of {path.name}; {f'{held}, ' if held else ''}{back} undoes it")
    path = restore_sweep(runs_folder(runs), sweep)
    return say(f"restored {path}; {suggested(path.parent, 'rm', path.name)} undoes it")


def rm_run(sweep: Path, run: str, yes: bool, for_good: bool) -> None:
    """Deletes one run of a sweep."""
    from scaling_tui.runs.commands import suggested
    from scaling_tui.runs.delete_run import deletable, delete_run, trash_run
    from scaling_tui.runs.glance import watched
    from scaling_tui.runs.stamp import disk_bytes
    from scaling_tui.text import show

    deletable(watched(sweep), run)  # before the question
    confirm(f"Delete {sweep / run}{' for good' if for_good else ''}?", f"rm {sweep.name} --run {run}", yes)
    size = show.memory(disk_bytes(sweep / run))
    deleted = trash_run(sweep, run)
    if for_good:
        delete_run(deleted)
        return say(f"deleted {run} of {sweep.name}")
    back = suggested(sweep.parent, "restore", sweep.name, options=("--run", run))
    free = suggested(sweep.parent, "rm", options=("--empty-trash",))
    return say(f"deleted {run} of {sweep.name}; {back} brings it back, {free} frees {size}")


def emptied(runs: Path, yes: bool) -> None:
    """Empties the trash of `runs`, and that of its sweeps."""
    from scaling_tui.runs.delete_run import empty_all_trash, trash_told

    what = trash_told(runs)
    if not what:
        return say(f"the trash of {runs} is empty")
    confirm(f"Delete for good, to free {what}?", "rm --empty-trash", yes)
    empty_all_trash(runs)
    return say(f"freed {what}")


def confirm(question: str, command: str, yes: bool) -> None:
    """Asks before something is deleted, unless `yes`.

    Raises:
        InputError: nobody is there to ask.
        typer.Abort: the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise InputError(f"{command}: no terminal to ask for confirmation; add --yes")
    typer.confirm(question, abort=True, err=True)


def relabel(runs: Path | None, sweep: str, change: "Callable[[Labels], Labels]") -> "tuple[Path, Labels, Labels]":
    """The path of a sweep, its labels before and after a change; says which of its files are broken."""
    from scaling_tui.runs import find_sweep, runs_folder
    from scaling_tui.runs.labels import change_labels, read_labels

    path = find_sweep(runs_folder(runs), sweep)
    for fault in read_labels(path)[1]:
        say(f"{path.name}: {fault}")
    before, after = change_labels(path, change)
    return path, before, after
