"""Training speed beside nanoGPT's: single steps at several shapes, and the whole of quickstart.

    python benchmarks/training_speed.py --nanogpt MODEL_PY [--device D] [--threads K…] [--compiled] [--quickstart]

MODEL_PY is `model.py` of github.com/karpathy/nanoGPT (MIT), which you bring. Its model runs in its own kind of loop:
fused AdamW on a GPU, clipping, bfloat16 autocast on a GPU, batches stacked from an array of uint16. Both sides take
turns in one process, a few steps each, so that what else the machine does falls on both. On a CPU each side runs at
each number of threads, and its better one counts. `--quickstart` runs the ladder against six processes of nanoGPT's
loop, one after the other, with the same shapes, steps and evaluations; the start of Python counts on both sides.
"""

import argparse
import contextlib
import importlib.util
import io
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scaling_tui.data import Encoded
from scaling_tui.laws.counting import Architecture, count
from scaling_tui.runs.config import RunConfig, Training
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.train.engine import Engine
from scaling_tui.train.peak import matmul_peak, wait_for
from scaling_tui.train.trainer import Trainer

CPU_STEP_FLOPS = 1e12  # a larger step is cut to fewer sequences
SECONDS_A_SHAPE = 8.0


@dataclass(frozen=True)
class Shape:
    layers: int
    hidden: int
    heads: int
    batch: int
    context: int
    vocab: int

    @property
    def architecture(self) -> Architecture:
        return Architecture(
            layers=self.layers,
            hidden=self.hidden,
            heads=self.heads,
            vocab=self.vocab,
            context=self.context,
            norm="rms",
            final_norm=True,
            positions="rotary",
            head="tied",
        )

    def __str__(self) -> str:
        return f"{self.layers}×{self.hidden}, {self.batch}×{self.context}, {self.vocab}"


SHAPES = [
    Shape(2, 16, 1, 8, 64, 256),
    Shape(2, 32, 2, 8, 64, 256),
    Shape(2, 64, 4, 8, 64, 256),
    Shape(2, 128, 8, 8, 64, 256),
    Shape(4, 64, 4, 16, 128, 256),
    Shape(6, 256, 8, 16, 128, 256),
    Shape(6, 384, 6, 64, 256, 256),
    Shape(12, 768, 12, 16, 1024, 50304),
]


def peer(model_py: Path) -> Any:
    spec = importlib.util.spec_from_file_location("nanogpt_model", model_py)
    if spec is None or spec.loader is None:
        raise SystemExit(f"--nanogpt: {model_py}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules["nanogpt_model"] = module
    spec.loader.exec_module(module)
    return module


def ids_of(vocab: int) -> "np.ndarray[Any, np.dtype[np.uint16]]":
    return np.random.default_rng(0).integers(0, vocab, 1_000_000).astype(np.uint16)


class Nano:
    """nanoGPT's model in its loop."""

    def __init__(self, module: Any, shape: Shape, device: torch.device, compiled: bool) -> None:
        self.shape, self.device = shape, device
        with contextlib.redirect_stdout(io.StringIO()):
            config = module.GPTConfig(
                block_size=shape.context,
                vocab_size=shape.vocab,
                n_layer=shape.layers,
                n_head=shape.heads,
                n_embd=shape.hidden,
                dropout=0.0,
                bias=False,
            )
            self.model = module.GPT(config).to(device)
            self.optimizer = self.model.configure_optimizers(0.1, 1e-3, (0.9, 0.95), device.type)
        self.call = torch.compile(self.model) if compiled else self.model
        self.data = ids_of(shape.vocab)
        self.next = self.batch()

    def batch(self) -> tuple[Tensor, Tensor]:
        starts = torch.randint(len(self.data) - self.shape.context, (self.shape.batch,))
        x, y = (
            torch.stack(
                [
                    torch.from_numpy(self.data[i + shift : i + shift + self.shape.context].astype(np.int64))
                    for i in starts
                ]
            )
            for shift in (0, 1)
        )
        if self.device.type != "cuda":
            return x, y
        return x.pin_memory().to(self.device, non_blocking=True), y.pin_memory().to(self.device, non_blocking=True)

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        return torch.autocast("cuda", torch.bfloat16) if self.device.type == "cuda" else contextlib.nullcontext()

    def step(self) -> None:
        with self.autocast():
            _, loss = self.call(*self.next)
        self.next = self.batch()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    @torch.no_grad()
    def evaluate(self, windows: int, at_once: int = 32) -> None:
        self.model.eval()
        for _ in range(-(-windows // at_once)):
            with self.autocast():
                _, loss = self.call(*self.batch())
            loss.item()
        self.model.train()


def ours(shape: Shape, device: torch.device, compiled: bool) -> Trainer:
    arch, steps = shape.architecture, 10_000_000
    counted, tokens = count(arch), steps * shape.batch * shape.context
    config = RunConfig(
        rung="r",
        seed=0,
        params=counted.total,
        non_embedding=counted.non_embedding,
        tokens=tokens,
        flops=counted.flops(tokens),
        family="gpt",
        architecture=vars(arch),
        corpus={},
        training=Training(tokens=tokens, batch=shape.batch, lr=1e-3, held_out_tokens=shape.context),
    )
    ids = ids_of(shape.vocab)
    trainer = Trainer(config, Encoded(shape.vocab, ids[:900_000], ids[900_000:], None), device)
    captured = device.type == "cuda"
    trainer.prepare(Engine(device.type, torch.get_num_threads(), 1, captured, compiled))
    return trainer


def seconds_a_step(sides: dict[str, Callable[[], object]], device: torch.device) -> dict[str, float]:
    """The median of each side, all taking turns, after a few steps to warm up."""
    spent = dict.fromkeys(sides, 0.0)
    for name, step in sides.items():
        for _ in range(2):
            wait_for(device)
            began = time.perf_counter()
            step()
            wait_for(device)
            spent[name] = time.perf_counter() - began
    # Several steps a turn where they are short, as a GPU's queue hides what the host does in between.
    at_once = max(1, min(50, round(0.1 / max(spent.values()))))
    turns = max(2, min(60, round(SECONDS_A_SHAPE / sum(spent.values()) / at_once)))
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(turns):
        for name, step in sides.items():
            wait_for(device)
            began = time.perf_counter()
            for _ in range(at_once):
                step()
            wait_for(device)
            times[name].append((time.perf_counter() - began) / at_once)
    return {name: statistics.median(found) for name, found in times.items()}


def fitted(shape: Shape, device: torch.device) -> Shape:
    """`shape`, on a CPU with as many sequences as a step of CPU_STEP_FLOPS has."""
    a_sequence = count(shape.architecture).flops(float(shape.context))
    most = max(1, int(CPU_STEP_FLOPS / a_sequence)) if device.type == "cpu" else shape.batch
    return Shape(shape.layers, shape.hidden, shape.heads, min(shape.batch, most), shape.context, shape.vocab)


def steps_table(module: Any, device: torch.device, threads: list[int], compiled: bool) -> None:
    names = ["nanoGPT", *(["nanoGPT compiled"] if compiled else []), "here", *(["here compiled"] if compiled else [])]
    print("milliseconds a step; ratio: tokens/s here over nanoGPT's, each at its best")
    print(
        f"{'layers×hidden, batch×context, vocab':<38}{'N':>7}" + "".join(f"{n:>18}" for n in names) + "   ratio    MFU"
    )
    for wanted in SHAPES:
        shape, best = fitted(wanted, device), dict.fromkeys(names, math.inf)
        for number in threads:
            torch.set_num_threads(number)
            sides: dict[str, Callable[[], object]] = {"nanoGPT": Nano(module, shape, device, False).step}
            sides["here"] = ours(shape, device, False).take_step
            if compiled:
                sides["nanoGPT compiled"] = Nano(module, shape, device, True).step
                sides["here compiled"] = ours(shape, device, True).take_step
            for name, seconds in seconds_a_step(sides, device).items():
                best[name] = min(best[name], seconds)
            peak = matmul_peak(device, number) or math.nan
        theirs = min(seconds for name, seconds in best.items() if name.startswith("nano"))
        mine = min(seconds for name, seconds in best.items() if name.startswith("here"))
        counted = count(shape.architecture)
        mfu = counted.flops(float(shape.batch * shape.context)) / mine / peak
        cells = "".join(f"{1e3 * best[name]:>18.2f}" for name in names)
        print(f"{shape!s:<38}{counted.total / 1e6:>6.2f}M{cells}{theirs / mine:>8.2f}{mfu:>7.1%}", flush=True)


def nanogpt_rung(module: Any, shape: Shape, device: torch.device, steps: int, evaluations: int, held_out: int) -> None:
    """One rung of quickstart as a script of its own would train it."""
    nano = Nano(module, shape, device, False)
    for step in range(1, steps + 1):
        nano.step()
        if step * evaluations // steps > (step - 1) * evaluations // steps:
            nano.evaluate(held_out // shape.context)
    wait_for(device)


def quickstart(options: argparse.Namespace) -> None:
    """Wall seconds of the ladder and of as many runs of nanoGPT in sequence."""
    rungs = [rung for rung in load_ladder("quickstart").rungs for _ in range(rung.runs)]
    device = options.device if options.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "scaling_tui", "--runs", folder, "run", "quickstart", "--json"]
        began = time.perf_counter()
        printed = subprocess.run([*command, "--device", device], check=True, capture_output=True, text=True).stdout
        here = time.perf_counter() - began
    prediction = json.loads(printed)["prediction"]
    print(f"quickstart here: {here:.1f} s; predicted {prediction['predicted']:.3f}, is {prediction['measured']:.3f}")
    totals = {}
    for number in options.threads or ([1] if device == "cuda" else sorted({1, os.cpu_count() or 1})):
        began = time.perf_counter()
        for rung in rungs:
            arch, training = rung.architecture, rung.training
            shape = Shape(arch.layers, arch.hidden, arch.heads, training.batch, arch.context, arch.vocab)
            plan = [vars(shape), training.steps(arch.context), training.evaluations, training.held_out_tokens]
            again = [sys.executable, __file__, "--nanogpt", str(options.nanogpt), "--device", device]
            subprocess.run([*again, "--threads", str(number), "--rung", json.dumps(plan)], check=True)
        totals[number] = time.perf_counter() - began
        print(f"nanoGPT, {len(rungs)} runs in sequence, {number} threads: {totals[number]:.1f} s", flush=True)
    print(f"ratio {min(totals.values()) / here:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nanogpt", type=Path, required=True, metavar="MODEL_PY")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, nargs="+", default=None)
    parser.add_argument("--compiled", action="store_true", help="torch.compile on both sides too; always on a GPU")
    parser.add_argument("--quickstart", action="store_true", help="the whole ladder instead of single steps")
    parser.add_argument("--rung", help=argparse.SUPPRESS)
    options = parser.parse_args()
    name = options.device if options.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if options.rung:
        torch.set_num_threads(options.threads[0])
        shape, *rest = json.loads(options.rung)
        nanogpt_rung(peer(options.nanogpt), Shape(**shape), device, *rest)
        return
    if options.quickstart:
        quickstart(options)
        return
    what = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{os.cpu_count()} CPU cores"
    print(f"{what}, torch {torch.__version__}")
    threads = options.threads or ([1] if device.type == "cuda" else sorted({1, os.cpu_count() or 1}))
    steps_table(peer(options.nanogpt), device, threads, options.compiled or device.type == "cuda")


if __name__ == "__main__":
    main()
