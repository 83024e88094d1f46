"""The client of the tracing process: a request that is no longer wanted can be ended."""

import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from scaling_tui.lens.client import Tracer

STUCK = "import sys, time; sys.stdin.readline(); print('begun', file=sys.stderr, flush=True); time.sleep(600)"


def test_a_request_can_be_interrupted_and_the_next_starts_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[str]] = []

    def stuck(tracer: Tracer) -> "subprocess.Popen[str]":
        pipe = subprocess.PIPE
        started.append(subprocess.Popen([sys.executable, "-c", STUCK], stdin=pipe, stdout=pipe, stderr=pipe, text=True))
        return started[-1]

    monkeypatch.setattr(Tracer, "_start", stuck)
    failed: list[BaseException] = []

    def ask(tracer: Tracer) -> None:
        try:
            tracer.trace(tmp_path)
        except OSError as error:
            failed.append(error)

    with Tracer() as tracer:
        tracer.interrupt()  # of nothing
        for number in (1, 2):
            thread = Thread(target=ask, args=(tracer,))
            thread.start()
            while len(started) < number and thread.is_alive():
                thread.join(0.01)
            assert len(started) == number, failed
            assert started[-1].stderr is not None and started[-1].stderr.readline() == "begun\n"
            tracer.interrupt()
            thread.join(30)
            assert len(failed) == number and "the tracing process died" in str(failed[-1])
    for process in started:
        process.wait(30)
        assert process.stderr is not None
        process.stderr.close()
