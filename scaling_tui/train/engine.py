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
from scaling_tui.train.peak import wait_for
from scaling_tui.train.ranks import ALONE, Ranks
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
        micro_batches: parts of a batch, or of a process's share of it, that are computed one after the other.
        captured: whether a CUDA graph replays the steps.
        compiled: whether torch.compile made them.
        processes: that train the run together.
    """

    device: str
    threads: int
    micro_batches: int = 1
    captured: bool = False
    compiled: bool = False
    host: str = field(default_factory=platform.node)
    processes: int = 1

    @classmethod
    def recorded(cls, run: Path) -> Self | None:
        """What the latest attempt of `run` that chose an engine has recorded.

        None where none has, or on another machine: it adds up in an order of its own anyway.
        """
        for _, attempt in reversed(numbered(run, "attempt")):
            document = read_json(attempt / FILE)
            if isinstance(document, dict) and _fits(document := {"processes": 1, **document}):
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
        "processes": int,
    }  # fmt: skip
    return all(type(document.get(name)) is kind for name, kind in wanted.items()) and (
        document["threads"] >= 1 and document["micro_batches"] >= 1 and document["processes"] >= 1
    )


def ran_out_of_memory(error: BaseException | None) -> bool:
    """Whether `error` tells of too little memory, or came up while one was handled that does.

    Libraries tell it in their own words, and ending a failed capture raises an error of its own.
    """
    while error is not None:
        text = str(error).lower()
        if isinstance(error, torch.OutOfMemoryError) or "out of memory" in text or "alloc_failed" in text:
            return True
        error = error.__cause__ or error.__context__
    return False


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
        memory: int | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        self.model, self.optimizer, self.generators, self.log = model, optimizer, generators, log
        self.device, self.batch, self.recomputed, self.memory, self.ranks = device, batch, recomputed, memory, ranks

    def follow(self, engine: Engine, windows: Tensor, rate: float | Tensor) -> tuple[Engine, Step]:
        """The step as `engine` says; in more micro-batches where memory is short, and without what fails here.

        Raises:
            InputError: not even one sequence fits in memory.
        """
        if self.device.type == "cpu":
            torch.set_num_threads(engine.threads)
        engine = self._agreed(dataclasses.replace(engine, micro_batches=min(self.batch, engine.micro_batches)))
        while True:
            step = None
            try:
                step, simpler = self._made(engine, windows, rate), engine
            except Exception as error:
                simpler = self._simpler(engine, error)
            simpler = self._agreed(simpler)
            if step is not None and simpler == engine:
                return engine, step
            del step
            if self.device.type == "cuda":
                torch.cuda.empty_cache()  # not before the error is gone, whose frames hold the tensors of the step
            engine = simpler

    def choose(self, windows: Tensor, rate: float | Tensor, steps_left: int) -> tuple[Engine, Step]:
        """Chooses for `steps_left` steps on windows like these, by trial steps that leave no trace.

        Raises:
            InputError: not even one sequence fits in memory.
        """
        # A graph that holds messages of NCCL has to be captured and replayed by all processes as one.
        captured = self.device.type == "cuda" and self.ranks.count == 1
        threads, processes = torch.get_num_threads(), self.ranks.count
        first = Engine(self.device.type, threads, self._micro_batches(), captured, processes=processes)
        engine, step = self.follow(first, windows, rate)
        compile_from = COMPILE_FROM_S.get(self.device.type)
        if compile_from is None or steps_left < FEW_STEPS:
            return engine, step
        seconds = self._seconds(step, windows, rate)
        if seconds * steps_left < compile_from:
            return engine, step
        del step  # its graph holds the memory of a whole step
        began = time.perf_counter()
        compiled, step = self.follow(dataclasses.replace(engine, compiled=True), windows, rate)
        if not compiled.compiled:
            return compiled, step
        took = time.perf_counter() - began
        faster = self._seconds(step, windows, rate)
        self.log(f"a step takes {1e3 * seconds:.3g} ms, compiled {1e3 * faster:.3g} ms; compiling took {took:.0f} s")
        if faster < WORTH_KEEPING * seconds:
            return compiled, step
        del step
        return self.follow(engine, windows, rate)

    def _agreed(self, engine: Engine) -> Engine:
        """What works in all processes, by what each of them would try next."""
        found = self.ranks.each([engine.micro_batches, engine.captured, engine.compiled])
        parts, captured, compiled = zip(*found, strict=True)
        return dataclasses.replace(
            engine, micro_batches=max(parts), captured=bool(min(captured)), compiled=bool(min(compiled))
        )

    def _simpler(self, engine: Engine, error: Exception) -> Engine:
        """What to try after `engine` failed with `error`; raises it, or an InputError, where nothing is left to try."""
        if ran_out_of_memory(error):
            if engine.micro_batches >= self.batch:
                raise InputError(
                    "out of memory: not even one sequence fits; want a smaller model or context, "
                    "or training.activation_checkpointing = true"
                ) from error
            parts = min(self.batch, 2 * engine.micro_batches)
            self.log(f"out of memory: splitting each batch into {parts} micro-batches")
            return dataclasses.replace(engine, micro_batches=parts)
        if engine.compiled:
            failed, simpler = "compiled", dataclasses.replace(engine, compiled=False)
        elif engine.captured:
            failed, simpler = "captured", dataclasses.replace(engine, captured=False)
        else:
            raise error
        first = next(iter(str(error).splitlines()), "")
        self.log(f"the step cannot be {failed} here ({type(error).__name__}: {first}); going on without that")
        return simpler

    def _made(self, engine: Engine, windows: Tensor, rate: float | Tensor) -> Step:
        step: Step = PlainStep(self.model, self.optimizer, engine.micro_batches, engine.compiled, self.ranks)
        if self.device.type == "cpu" and not engine.captured and not engine.compiled:
            return step  # nothing in it can fail that a trial would tell
        # Apart, because what fails in one process would have the others wait for it.
        with Rehearsal(self.optimizer, self.generators), self.ranks.apart():
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
        free = psutil.virtual_memory().available
        # What is free may be more than a container allows, or wanted by runs that start at the same time.
        available = free if self.memory is None else min(free, self.memory)
        return micro_batches_for(needed, ACTIVATIONS_SHARE * available, self.batch)

    def _seconds(self, step: Step, windows: Tensor, rate: float | Tensor) -> float:
        """Of one step, the fastest of a few; without what the processes tell each other, and by all of them."""
        times = []
        with Rehearsal(self.optimizer, self.generators), self.ranks.apart():
            for _ in range(TIMED_STEPS):
                wait_for(self.device)
                began = time.perf_counter()
                step(windows, rate)
                wait_for(self.device)
                times.append(time.perf_counter() - began)
        return self.ranks.totals([min(times)])[0] / self.ranks.count
