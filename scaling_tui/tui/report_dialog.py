"""Writes the report of a sweep to a file, as the command `report` does. In a browser the file is a download."""

import io
from asyncio import to_thread
from pathlib import Path
from typing import Any

from textual.binding import Binding
from textual.screen import Screen

from scaling_tui import InputError
from scaling_tui.tui.widgets.ask import Ask

REPORT = Binding("E", "report", "report", show=False, tooltip="Write a report of the sweep: one page with everything")


def ask_for_report(screen: Screen[Any], sweep: Path) -> None:
    """Asks for a file, writes the report of `sweep` there, and says where it is. No file is written over."""

    def read(typed: str) -> Path:
        from scaling_tui.report.page.making import check_output

        try:
            path = Path(typed).expanduser()
        except RuntimeError:
            raise InputError(f"file {typed[:60]!r}: this user has no home folder here") from None
        check_output(path, "file")
        return path

    async def write(path: Path) -> None:
        screen.notify(f"Writing the report of {sweep.name} …", markup=False)
        try:
            # Away from the screen: law, intervals and plots take seconds.
            content = await to_thread(report_bytes, sweep, path)
            if screen.app.is_web:
                screen.app.deliver_binary(io.BytesIO(content), save_filename=path.name)
                done = f"Sent to the browser as a download: {path.name}"
            else:
                await to_thread(_write, path, content)
                done = f"Written: {path.resolve()}"
        except (InputError, OSError) as error:
            screen.notify(f"Not written: {error}", severity="error", markup=False, timeout=8)
        else:
            screen.notify(done, markup=False, timeout=8)

    def chosen(path: Path | None) -> None:
        if path is not None:
            screen.app.run_worker(write(path))

    hint = "One page with curves, law, prediction, runs and settings. .html opens in a browser, .md is Markdown."
    screen.app.push_screen(Ask("Write the report to which file?", hint, read, free_name(sweep.name)), chosen)


def free_name(sweep: str) -> str:
    """`SWEEP-report.html`, with a number where that is there already."""
    number = 1
    while Path(name := f"{sweep}-report{'' if number == 1 else f'-{number}'}.html").exists():
        number += 1
    return name


def report_bytes(sweep: Path, path: Path) -> bytes:
    """The report as the ending of `path` says.

    Raises:
        InputError: the sweep cannot be read.
    """
    from scaling_tui.laws.fitting.tables import TableOptions
    from scaling_tui.report.page.making import page_bytes, report_of

    return page_bytes(report_of(sweep.name, sweep.parent, None, TableOptions()).page, path)


def _write(path: Path, content: bytes) -> None:
    from scaling_tui.report.export import write_new

    write_new(path, content)
