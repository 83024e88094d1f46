"""The commands: Typer, one file a group, imports inside.

What they print comes from the functions that the screens call.
"""


def main() -> None:
    """Runs the command line: the entry point of the package."""
    from scaling_tui.cli.app import main as run

    run()
