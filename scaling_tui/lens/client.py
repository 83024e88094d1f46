"""The client of the tracing process: starts it on first use, keeps it for further prompts, ends it.

Only that process loads torch. It reads run folders and writes nothing, so it cannot disturb a live run.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from threading import Lock
from types import TracebackType
from typing import Any, Self

from scaling_tui import InputError
from scaling_tui.lens.records import Across, Continuation, Trace
from scaling_tui.runs import RunView, SweepView
from scaling_tui.runs.writer import checkpoints

ENDS_WITHIN_S = 1.0


class Tracer:
    """One tracing process; its methods block until it answers and may be called from any thread.

    Every method raises InputError for a request that cannot be met and OSError if the process died.
    Common arguments: `prompt`, None for the `example`-th piece of held-out text; `at`, the position to report on,
    from 0, None for the last; `watch`, a token to follow through the rows; `top`, how many tokens a row lists.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as this does
        self._lock = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def trace(self, run: RunView, step: int | None = None, **request: Any) -> Trace:
        """What `run` predicts after each layer, from its checkpoint at `step` or its latest one."""
        return Trace.from_json(self._ask({"ask": "trace", "run": str(run.path), "step": step, **request}))

    def across(self, members: Sequence[tuple[str, RunView, int | None]], **request: Any) -> Across:
        """What several checkpoints (name, run, step) predict; the last is the reference for the others."""
        listed = [(name, str(run.path), step) for name, run, step in members]
        return Across.from_json(self._ask({"ask": "across", "members": listed, **request}))

    def generate(
        self, run: RunView, step: int | None, prompt: str | None, *, tokens: int, temperature: float, seed: int,
        example: int = 0,
    ) -> Continuation:  # fmt: skip
        """What `run` generates after the prompt; the same seed gives the same tokens."""
        answer = self._ask(
            {
                "ask": "continue",
                "run": str(run.path),
                "step": step,
                "prompt": prompt,
                "example": example,
                "tokens": tokens,
                "temperature": temperature,
                "seed": seed,
            }
        )
        return Continuation.from_json(answer)

    def close(self) -> None:
        """Ends the process; the next request would start another."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        try:
            process.stdin.close()
            process.wait(ENDS_WITHIN_S)
        except (OSError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            process = self._process = self._process if self._alive() else self._start()
            assert process is not None and process.stdin is not None and process.stdout is not None
            try:
                process.stdin.write(json.dumps(request) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
            except (OSError, ValueError):
                line = ""
        if not line:
            raise OSError(None, f"the tracing process died ({self._last_words()})", "trace")
        answer = json.loads(line)
        if "error" in answer:
            raise InputError(answer["error"])
        record: dict[str, Any] = answer["ok"]
        return record

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _start(self) -> "subprocess.Popen[str]":
        self._stderr.seek(0)
        self._stderr.truncate()
        return subprocess.Popen(
            # -P: a queue.py in the current folder must not shadow the standard library's.
            [sys.executable, "-P", "-m", "scaling_tui.lens.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
            encoding="utf-8",
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )

    def _last_words(self) -> str:
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "no output"


def can_be_traced(run: RunView) -> bool:
    """Whether `run` has a checkpoint that our trainer wrote."""
    return bool(run.config.get("architecture")) and bool(checkpoints(run.path))


def to_trace(sweep: SweepView) -> RunView | None:
    """The run to trace unless told otherwise: the largest with a checkpoint."""
    ready = [run for run in sweep.runs if can_be_traced(run)]
    return max(ready, key=lambda run: (run.params or 0, -run.seed), default=None)


def ladder_of(sweep: SweepView, run: RunView) -> list[tuple[str, RunView, int | None]]:
    """The rungs with a checkpoint at the seed of `run`, from the smallest to the largest.

    Raises:
        InputError: none has one.
    """
    ready = [other for other in sweep.runs if other.seed == run.seed and can_be_traced(other)]
    if not ready:
        raise InputError(f"sweep {sweep.name}: no rung has a checkpoint yet")
    ready.sort(key=lambda other: (other.params or 0, other.tokens or 0, other.name))
    return [(other.name.removesuffix(f"-s{run.seed}"), other, None) for other in ready]


def in_time(run: RunView) -> list[tuple[str, RunView, int | None]]:
    """The checkpoints of one run, in the order of their steps.

    Raises:
        InputError: it has none yet.
    """
    steps = sorted({int(path.name.rpartition("-")[2]) for path in checkpoints(run.path)})
    if not steps:
        raise InputError(f"run {run.path.parent.name}/{run.name}: no checkpoint yet")
    return [(f"step {step}", run, step) for step in steps]
