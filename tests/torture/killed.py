"""A worker that is killed at a line of its own code: at random, yet the same line every time, on a busy machine too."""

import os
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import scaling_tui
from scaling_tui.train.worker import work

PACKAGE = Path(scaling_tui.__file__).parent
WATCHED = (*(str(PACKAGE / part) + os.sep for part in ("train", "runs")), shutil.__file__)
CHECKPOINTS = {
    "checkpoint",
    "_to_disk",
    "_clean_up",
    "_remove",
    "rmtree",
    "_rmtree_safe_fd",
    "write_files",
    "checksum",
    "write_checkpoint",
}


def work_until_killed(run: Path, lines: int, in_checkpoints: bool) -> None:
    """Trains `run` and dies by SIGKILL after `lines` lines of trainer, writer and shutil, or of writing checkpoints."""
    left = lines

    def watch(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        code = frame.f_code
        if not code.co_filename.startswith(WATCHED) or (in_checkpoints and code.co_name not in CHECKPOINTS):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return watch

    sys.settrace(watch)
    work(run, "cpu", 1)
