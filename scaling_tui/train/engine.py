"""How a run is computed on this machine: chosen once, recorded in its attempt, and repeated when it resumes.

Another number of threads, other micro-batches or compiled code add up the same numbers in another order, so that only
the same choice ends with the same bits.
"""

import dataclasses
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil
import torch
from torch import Tensor

from scaling_tui import InputError
from scaling_tui.laws.memory import ACTIVATIONS_SHARE, activation_bytes, micro_batches_for
from scaling_tui.runs.format import numbered, read_json, write_json
from scaling_tui.train.model import Transformer
from scaling_tui.train.optimizer import Optimizer
from scaling_tui.train.step import WARM_UP_STEPS, CapturedStep, PlainStep, Rehearsal, Step

FILE = "engine.json"
TIMED_STEPS = 3
# Seconds of training left from which on torch.compile is tried. It takes 10 to 40 s at first. On a GPU it then halves
# most steps; on a CPU it saves a sixth of the smallest models' and loses on others.
COMPILE_FROM_S = {"cuda": 90.0, "cpu": 900.0}
FEW_STEPS = 100  # with fewer left nothing is timed
WORTH_KEEPING = 0.95  # a compiled step, as a share of the plain one's time


@dataclass(frozen=True)
class Engine:
    """How a run is computed.

    Args:
        device: `cpu`, `cuda` or `mps`.
        threads: of the CPU.
        host: the name of the machine.
        micro_batches: parts of a batch that are computed one after the other.
        captured: whether a CUDA graph replays the steps.
        compiled: whether torch.compile made them.
    """

    device: str
    threads: int
    micro_batches: int = 1
    captured: bool = False
    compiled: bool = False
    host: str = field(default_factory=platform.node)

    @classmethod
    def recorded(cls, run: Path) -> Self | None:
        """What the latest attempt of `run` that chose an engine has recorded.

        None where none has, or on another machine: it adds up in an order of its own anyway.
        """
        for _, attempt in reversed(numbered(run, "attempt")):
            document = read_json(attempt / FILE)
            if isinstance(document, dict) and _fits(document):
                engine = cls(**{item.name: document[item.name] for item in dataclasses.fields(cls)})
                here = engine.host == platform.node() and engine.threads <= (os.cpu_count() or 1)
                return engine if here else None
        return None

    def record(self, attempt: Path) -> None:
        write_json(attempt / FILE, dataclasses.asdict(self))

    def __str__(self) -> str:
        words = [f"{self.threads} {'thread' if self.threads == 1 else 'threads'}"] if self.device == "cpu" else []
        if self.micro_batches > 1:
            words.append(f"{self.micro_batches} micro-batches")
        words += ["CUDA graph"] * self.captured + ["compiled"] * self.compiled
        return ", ".join(words) or self.device


def _fits(document: dict[str, Any]) -> bool:
    wanted = {
        "device": str, "threads": int, "micro_batches": int, "captured": bool, "compiled": bool, "host": str,
    }  # fmt: skip
    return all(type(document.get(name)) is kind for name, kind in wanted.items()) and (
        document["threads"] >= 1 and document["micro_batches"] >= 1
    )


class Maker:
    """Makes the step of a run: it chooses an engine, or follows one that was recorded."""

    def __init__(
        self,
        model: Transformer,
        optimizer: Optimizer,
        generators: Sequence[torch.Generator],
        device: torch.device,
        batch: int,
        recomputed: bool,
        log: Callable[[str], None],
    ) -> None:
        self.model, self.optimizer, self.generators, self.log = model, optimizer, generators, log
        self.device, self.batch, self.recomputed = device, batch, recomputed

    def follow(self, engine: Engine, windows: Tensor, rate: float | Tensor) -> tuple[Engine, Step]:
        """The step as `engine` says; without what fails on this machine, torch.compile or the capture."""
        if self.device.type == "cpu":
            torch.set_num_threads(engine.threads)
        try:
            return engine, self._made(engine, windows, rate)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            if engine.compiled:
                failed, simpler = "compiled", dataclasses.replace(engine, compiled=False)
            elif engine.captured:
                failed, simpler = "captured", dataclasses.replace(engine, captured=False)
            else:
                raise
            first = next(iter(str(error).splitlines()), "")
            self.log(f"the step cannot be {failed} here ({type(error).__name__}: {first}); going on without that")
            return self.follow(simpler, windows, rate)

    def choose(self, windows: Tensor, rate: float | Tensor, steps_left: int) -> tuple[Engine, Step]:
        """Chooses for `steps_left` steps on windows like these, by trial steps that leave no trace.

        Raises:
            InputError: not even one sequence fits in memory.
        """
        engine, step = self._fitting(windows, rate)
        compile_from = COMPILE_FROM_S.get(self.device.type)
        if compile_from is None or steps_left < FEW_STEPS:
            return engine, step
        seconds = self._seconds(step, windows, rate)
        if seconds * steps_left < compile_from:
            return engine, step
        began = time.perf_counter()
        compiled, compiled_step = self.follow(dataclasses.replace(engine, compiled=True), windows, rate)
        if not compiled.compiled:
            return engine, step
        took = time.perf_counter() - began
        faster = self._seconds(compiled_step, windows, rate)
        self.log(f"a step takes {1e3 * seconds:.3g} ms, compiled {1e3 * faster:.3g} ms; compiling took {took:.0f} s")
        return (compiled, compiled_step) if faster < WORTH_KEEPING * seconds else (engine, step)

    def _fitting(self, windows: Tensor, rate: float | Tensor) -> tuple[Engine, Step]:
        """The plain step, on a GPU captured, in the fewest micro-batches that fit in memory."""
        captured = self.device.type == "cuda"
        engine = Engine(self.device.type, torch.get_num_threads(), self._micro_batches(), captured)
        while True:
            try:
                return self.follow(engine, windows, rate)
            except torch.OutOfMemoryError as error:
                torch.cuda.empty_cache()
                if engine.micro_batches >= self.batch:
                    raise InputError(
                        "out of memory: not even one sequence fits; want a smaller model or context, "
                        "or training.activation_checkpointing = true"
                    ) from error
                engine = dataclasses.replace(engine, micro_batches=min(self.batch, 2 * engine.micro_batches))
                self.log(f"out of memory: splitting each batch into {engine.micro_batches} micro-batches")

    def _made(self, engine: Engine, windows: Tensor, rate: float | Tensor) -> Step:
        step: Step = PlainStep(self.model, self.optimizer, engine.micro_batches, engine.compiled)
        if not engine.captured and not engine.compiled:
            return step
        with Rehearsal(self.optimizer, self.generators):
            if not engine.captured:
                step(windows, rate)
                return step
            stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(WARM_UP_STEPS):
                    step(windows, rate)
            torch.cuda.current_stream().wait_stream(stream)
            return CapturedStep(step, windows)

    def _micro_batches(self) -> int:
        """On a CPU by what is free, because there out of memory ends the process; on a GPU trial steps tell."""
        if self.device.type != "cpu":
            return 1
        needed = activation_bytes(self.model.arch, self.batch, self.recomputed)
        return micro_batches_for(needed, ACTIVATIONS_SHARE * psutil.virtual_memory().available, self.batch)

    def _seconds(self, step: Step, windows: Tensor, rate: float | Tensor) -> float:
        """Of one step, the fastest of a few."""
        times = []
        with Rehearsal(self.optimizer, self.generators):
            for _ in range(TIMED_STEPS):
                self._wait()
                began = time.perf_counter()
                step(windows, rate)
                self._wait()
                times.append(time.perf_counter() - began)
        return min(times)

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
