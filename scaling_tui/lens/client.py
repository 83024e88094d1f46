"""The client of the tracing process: starts it on first use, keeps it for further prompts, ends it.

Only that process loads torch. It reads run folders and models and writes nothing, so it cannot disturb a live run.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Literal, Self

from scaling_tui import InputError
from scaling_tui.lens.hugging_face.folder import find_model, models_by_size, models_in_time, read_model_folder
from scaling_tui.lens.records import Across, Continuation, Trace
from scaling_tui.runs import RunView, SweepView, find_run
from scaling_tui.runs.glance import glance
from scaling_tui.runs.writer import checkpoints
from scaling_tui.sweeps.torch_here import check_torch

ENDS_WITHIN_S = 1.0

Member = tuple[str, Path, int | None]  # of a comparison: its name, the folder of a run or a model, the step


class Tracer:
    """One tracing process; its methods block until it answers and may be called from any thread.

    Every method raises InputError for a request that cannot be met, as without torch, and OSError if the process died.
    Common arguments: `folder`, of a run or of a model in Hugging Face's layout; `step`, of a run's checkpoint, None for
    the latest; `device`, which a model that was not trained here is computed on; `prompt`, None for the `example`-th
    piece of held-out text, or of our own for a model that was not trained here; `at`, the position to report on,
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

    def trace(self, folder: Path, step: int | None = None, **request: Any) -> Trace:
        """What the checkpoint predicts after each layer."""
        return Trace.from_json(self._ask({"ask": "trace", "folder": str(folder), "step": step, **request}))

    def across(self, members: Sequence[Member], **request: Any) -> Across:
        """What several checkpoints predict; the last is the reference for the others."""
        listed = [(name, str(folder), step) for name, folder, step in members]
        return Across.from_json(self._ask({"ask": "across", "members": listed, **request}))

    def generate(
        self, folder: Path, step: int | None, prompt: str | None, *, tokens: int, temperature: float, seed: int,
        **request: Any,
    ) -> Continuation:  # fmt: skip
        """What the checkpoint generates after the prompt; the same seed gives the same tokens."""
        answer = self._ask(
            {
                "ask": "continue",
                "folder": str(folder),
                "step": step,
                "prompt": prompt,
                "tokens": tokens,
                "temperature": temperature,
                "seed": seed,
                **request,
            }
        )
        return Continuation.from_json(answer)

    def interrupt(self) -> None:
        """Ends the process in the midst of a request, which then raises OSError; the next request starts another."""
        # What was killed may look alive for a moment: the next request must not be sent to it.
        process, self._process = self._process, None
        if process is not None:
            process.kill()

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
                process.kill()
                process.wait()
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
        check_torch()
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
            # Offline: whatever a model's folder lacks, nothing is fetched.
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
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


def why_untraceable(sweep: SweepView) -> str:
    """Why no run of `sweep` can be traced, in one line."""
    if "ladder" not in sweep.document:
        return f"sweep {sweep.name}: another trainer wrote it; want a sweep trained here, or the folder of a model"
    if sweep.trains or sweep.state in ("queued", "empty"):
        return f"sweep {sweep.name}: no run has a checkpoint yet; the first is written after part of the training"
    return f"sweep {sweep.name}: it is {sweep.state} and no run has a checkpoint; want a sweep that kept some"


def ladder_of(sweep: SweepView, run: RunView) -> list[Member]:
    """The rungs with a checkpoint at the seed of `run`, from the smallest to the largest.

    Raises:
        InputError: none has one.
    """
    ready = [other for other in sweep.runs if other.seed == run.seed and can_be_traced(other)]
    if not ready:
        raise InputError(f"sweep {sweep.name}: no rung has a checkpoint")
    ready.sort(key=lambda other: (other.params or 0, other.tokens or 0, other.name))
    return [(other.name.removesuffix(f"-s{run.seed}"), other.path, None) for other in ready]


def in_time(run: RunView) -> list[Member]:
    """The checkpoints of one run, in the order of their steps.

    Raises:
        InputError: it has none yet.
    """
    steps = sorted({int(path.name.rpartition("-")[2]) for path in checkpoints(run.path)})
    if not steps:
        raise InputError(f"run {run.path.parent.name}/{run.name}: no checkpoint")
    return [(f"step {step}", run.path, step) for step in steps]


def models_of(folder: Path, rows: Literal["ladder", "time"]) -> list[Member]:
    """The models of a family by size, or of one training by step, in `folder` or beside it.

    Raises:
        InputError: fewer than two, or one that cannot be read.
    """
    found = models_by_size(folder) if rows == "ladder" else models_in_time(folder)
    return [(name, path, None) for name, path in found]


def to_be_traced(runs: Path, name: str) -> RunView | Path:
    """The run called `name`, as `find_run` finds it, or the folder of a model: by path, or by its name in Hugging
    Face's cache.

    Raises:
        InputError: neither.
    """
    try:
        return find_run(runs, name)
    except InputError as error:
        folder = find_model(name)
        if folder is None:
            raise InputError(f"{error}; nor is there a model's folder of that name") from None
        if _is_ours(folder):
            raise
        return folder


def _is_ours(folder: Path) -> bool:
    return (folder / "sweep.json").is_file() or (folder / "run.json").is_file()


def members(runs: Path, first: RunView | Path, names: Sequence[str]) -> list[Member]:
    """What `--across` compares with the run or model `first`: "ladder", "time", or named runs and models after it.

    Raises:
        InputError: a name is neither a run nor a model, or fewer than two would be compared.
    """
    match list(names):
        case ["ladder"]:
            return (
                models_of(first, "ladder") if isinstance(first, Path) else ladder_of(glance(first.path.parent), first)
            )
        case ["time"]:
            return models_of(first, "time") if isinstance(first, Path) else in_time(first)
    chosen = [first]
    for name in names:
        if name in ("ladder", "time"):
            raise InputError(f"--across {name}: found with other names, want it alone")
        try:
            chosen.append(to_be_traced(runs, name))
        except InputError as error:
            raise InputError(
                f"--across {name!r}: neither 'ladder' nor 'time', nor a run or a model ({error})"
            ) from None
    return [
        (read_model_folder(one).name, one, None) if isinstance(one, Path)
        else (f"{one.path.parent.name}/{one.name}", one.path, None)
        for one in chosen
    ]  # fmt: skip
