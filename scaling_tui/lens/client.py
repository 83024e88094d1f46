"""Asks the tracing process: starts it when first asked, keeps it for further prompts, ends it.

torch is loaded there and never here. The process reads run folders alone, so it harms no run that trains.
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
    """One tracing process; its methods wait for the answer and may be called from any thread.

    Every method raises InputError where what was asked cannot be had, and OSError where the process fell over.
    Common arguments: `prompt`, None for the `example`-th piece of held-out text; `at`, the place that is looked at,
    from 0, None for the last; `watch`, a token whose probability is followed; `top`, how many tokens a row lists.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as this does
        self._one_at_a_time = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def trace(self, run: RunView, step: int | None = None, **question: Any) -> Trace:
        """What `run` predicts after each layer, from its checkpoint at `step` or its latest one."""
        found = self._ask({"ask": "trace", "run": str(run.path), "step": step, **question})
        return Trace.from_json(found)

    def across(self, members: Sequence[tuple[str, RunView, int | None]], **question: Any) -> Across:
        """What several checkpoints (name, run, step) predict, the last being the one that others are held against."""
        asked = [(name, str(run.path), step) for name, run, step in members]
        return Across.from_json(self._ask({"ask": "across", "members": asked, **question}))

    def go_on(
        self, run: RunView, step: int | None, prompt: str | None, *, tokens: int, temperature: float, seed: int,
        example: int = 0,
    ) -> Continuation:  # fmt: skip
        """What `run` goes on with after the prompt; the same seed gives the same tokens."""
        found = self._ask(
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
        return Continuation.from_json(found)

    def close(self) -> None:
        """Ends the process; the next question would start another."""
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
        with self._one_at_a_time:
            process = self._process = self._process if self._alive() else self._start()
            assert process is not None and process.stdin is not None and process.stdout is not None
            try:
                process.stdin.write(json.dumps(request) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
            except (OSError, ValueError):
                line = ""
        if not line:
            raise OSError(None, f"its process ended ({self._last_words()})", "trace")
        answer = json.loads(line)
        if "error" in answer:
            raise InputError(answer["error"])
        found: dict[str, Any] = answer["ok"]
        return found

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _start(self) -> "subprocess.Popen[str]":
        self._said.seek(0)
        self._said.truncate()
        return subprocess.Popen(
            # -P: a queue.py in the folder that one stands in is not Python's.
            [sys.executable, "-P", "-m", "scaling_tui.lens.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            encoding="utf-8",
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )

    def _last_words(self) -> str:
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "without a word"


def can_be_traced(run: RunView) -> bool:
    """Whether it has a checkpoint of a model of ours."""
    return bool(run.config.get("architecture")) and bool(checkpoints(run.path))


def to_trace(sweep: SweepView) -> RunView | None:
    """The run that is most worth a look: the largest that has a checkpoint."""
    ready = [run for run in sweep.runs if can_be_traced(run)]
    return max(ready, key=lambda run: (run.params or 0, -run.seed), default=None)


def ladder_of(sweep: SweepView, run: RunView) -> list[tuple[str, RunView, int | None]]:
    """The sweep's rungs at the seed of `run`, from the smallest to the largest, those that have a checkpoint.

    Raises:
        InputError: none has one.
    """
    ready = [other for other in sweep.runs if other.seed == run.seed and can_be_traced(other)]
    if not ready:
        raise InputError(f"sweep {sweep.name}: no rung has a checkpoint yet")
    ready.sort(key=lambda other: (other.params or 0, other.tokens or 0, other.name))
    return [(other.name.removesuffix(f"-s{run.seed}"), other, None) for other in ready]


def in_time(run: RunView) -> list[tuple[str, RunView, int | None]]:
    """The checkpoints of one run, from the first that was kept to the last.

    Raises:
        InputError: it has none yet.
    """
    steps = sorted({int(path.name.rpartition("-")[2]) for path in checkpoints(run.path)})
    if not steps:
        raise InputError(f"run {run.path.parent.name}/{run.name}: no checkpoint yet")
    return [(f"step {step}", run, step) for step in steps]
