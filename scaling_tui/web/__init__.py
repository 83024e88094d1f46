"""The app in a browser: a server on this computer alone that starts an app for each tab and relays between them."""

from collections.abc import Callable, Sequence

from scaling_tui import InputError

EXTRA = "pip install 'scaling-tui[serve]'"


def serve(command: Sequence[str], port: int, announce: Callable[[int, str], None]) -> int:
    """Shows the app that `command` starts to browsers on this computer, until SIGINT or SIGTERM.

    Args:
        command: program and arguments of the app; every tab starts its own.
        port: of 127.0.0.1 to listen on; 0 is any that is free.
        announce: is called once the server listens, with its port and the token that lets a browser in.

    Returns:
        128 and the number of the signal, as a shell has it.

    Raises:
        InputError: the extra is not installed, or the port cannot be had.
    """
    try:
        from scaling_tui.web.server import run
    except ModuleNotFoundError as error:
        raise InputError(f"serve: needs {error.name}, which is not installed; run {EXTRA}") from None
    return run(command, port, announce)
