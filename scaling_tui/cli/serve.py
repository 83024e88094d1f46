"""The command that shows the app in a browser."""

import getpass
import socket
import sys
from typing import Annotated

import typer

from scaling_tui.cli.options import Runs, say

app = typer.Typer()


@app.command()
def serve(
    context: typer.Context,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of 127.0.0.1 to listen on; 0 is any that is free.")
    ] = 8000,
    runs: Runs = None,
) -> None:
    """Show the app in a browser, on this computer only, to whoever has the address that it prints."""
    from scaling_tui.runs import runs_folder
    from scaling_tui.tui import terminal
    from scaling_tui.web import serve

    root = context.find_root()
    appearance: terminal.Appearance = root.obj
    command = [sys.executable, "-m", "scaling_tui", "--runs", str(runs_folder(runs).absolute())]
    # A browser takes UTF-8 whatever the locale here is, so only an option asks for ASCII.
    if root.params.get("ascii_signs"):
        command.append("--ascii")
    if appearance.slow_link:
        command.append("--slow-link")
    if not appearance.bell:
        command.append("--no-bell")
    if appearance.theme:
        terminal.check_theme(appearance.theme)
        command += ["--theme", appearance.theme]

    def announce(port: int, token: str) -> None:
        print(f"http://127.0.0.1:{port}/?token={token}", flush=True)
        here = f"{_user()}@{socket.gethostname()}"
        say(
            f"Open this address in a browser on this computer. On another one, first run there\n"
            f"    ssh -N -L {port}:127.0.0.1:{port} {here}\n"
            f"Who has the address has the app; ctrl+c ends it for all. What trains goes on training."
        )

    raise typer.Exit(serve(command, port, announce))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return "user"
