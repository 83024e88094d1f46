"""The command that checks what this machine, its disk and its terminal can do."""

import shutil
import sys

import typer

from scaling_tui.cli.options import AsJson, Runs, print_json, say

app = typer.Typer()


@app.command()
def doctor(runs: Runs = None, as_json: AsJson = False) -> None:
    """Check what this machine, its disk and this terminal can do, and what a sweep would use. Changes nothing."""
    from scaling_tui.report.doctor import doctor_document, doctor_text
    from scaling_tui.runs.format import runs_path
    from scaling_tui.sweeps.looks import take
    from scaling_tui.sweeps.machine_looks import longest, machine_looks
    from scaling_tui.tui.terminal_looks import terminal_looks

    if sys.stderr.isatty():
        say("checking, which takes a few seconds, most of them to load torch …")
    found = take({**machine_looks(runs_path(runs)), **terminal_looks()}, longest)
    if as_json:
        print_json("doctor", doctor_document(found))
    else:
        print(doctor_text(found, shutil.get_terminal_size((100, 24)).columns))
