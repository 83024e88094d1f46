"""The process that measures how fast models train here: `python -m scaling_tui.train.probe --device D`.

It says a line when it is ready, then reads a line of JSON for each model and answers with one. It trains on random
tokens; of what it writes, a checkpoint in a temporary folder, nothing is left.

A model is asked for by the `family`, `architecture`, `batch`, `dropout` and `recomputed` of `scaling_tui.sweeps.size`,
the number of `threads`, the most `sequences` that memory holds, the length of a corpus in `tokens`, and `seconds` that
it may take. The answer holds the device's `peak` in FLOP/s, and in seconds a `step`, the `evaluation` of one token, the
`setup` before the first step and a `checkpoint`; without these four the model is too large to try, within the time or
the memory.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from scaling_tui.data import Encoded
from scaling_tui.laws.counting import Architecture, count
from scaling_tui.runs import Writer
from scaling_tui.runs.config import RunConfig, Training
from scaling_tui.train.engine import TIMED_STEPS
from scaling_tui.train.peak import matmul_peak, wait_for
from scaling_tui.train.trainer import Trainer
from scaling_tui.train.worker import be_nice, device_named

STEPS = 10_000  # of the run that is never trained to its end
BLOCK_S = 0.03  # steps are timed in blocks: those of a GPU run ahead of the clock
EVALUATED = 32  # windows
LIKELY = 0.3  # share of the peak that a model reaches, to tell beforehand what takes too long
INITIALISED_A_SECOND = 5e7  # parameters
WRITTEN_A_SECOND = 1e8  # parameters, of a checkpoint
CHECKPOINTS = 2  # the faster counts: a disk may be busy for a moment
MOST_TOKENS = 4_000_000


def measure(task: Mapping[str, Any], device: torch.device) -> dict[str, float]:
    """What the module's docstring says of an answer to `task`."""
    began = time.perf_counter()
    torch.set_num_threads(task["threads"])
    peak = matmul_peak(device, task["threads"])
    found = {} if peak is None else {"peak": peak}
    arch, batch, seconds = Architecture(**task["architecture"]), task["batch"], task["seconds"]
    counted = count(arch)
    sequences = min(batch, task["sequences"])
    setup = counted.total / INITIALISED_A_SECOND
    if peak is not None:
        a_sequence = counted.flops(arch.context) / (LIKELY * peak)
        # Two steps and an evaluation, at the least.
        sequences = min(sequences, int((seconds - setup) / (2.5 * a_sequence)))
    if sequences < 1 or setup > seconds:
        return found
    trainer = Trainer(_config(task, arch, sequences), random_tokens(task["tokens"], arch), device)
    # A few steps from its end nothing is tried out that takes longer than a probe may.
    trainer.step = trainer.steps - 1
    trainer.prepare(log=lambda text: None)
    trainer.step = 0
    found["setup"] = time.perf_counter() - began
    step = _step(trainer, min(task["window"], seconds))
    found["step"] = step * batch / sequences
    found["setup"] += TIMED_STEPS * found["step"]  # those that a run tries out
    trainer.evaluate(trainer.held_out[:1])
    windows = trainer.held_out[: max(1, min(EVALUATED, sequences))]
    took, _ = _timed(device, lambda: trainer.evaluate(windows))
    found["evaluation"] = took / (len(windows) * arch.context)
    if CHECKPOINTS * counted.total / WRITTEN_A_SECOND < seconds:
        with tempfile.TemporaryDirectory() as folder:
            writer = Writer.create(Path(folder) / "run", {})
            written = [
                _timed(device, lambda: writer.checkpoint(1, trainer.write_checkpoint))[0] for _ in range(CHECKPOINTS)
            ]
            found["checkpoint"] = min(written)
    return found


def _config(task: Mapping[str, Any], arch: Architecture, sequences: int) -> RunConfig:
    training = Training(
        tokens=STEPS * sequences * arch.context, batch=sequences, lr=1e-4, dropout=task["dropout"],
        activation_checkpointing=task["recomputed"], held_out_tokens=EVALUATED * arch.context, evaluations=1,
        checkpoints=1, records=1,
    )  # fmt: skip
    counted = count(arch)
    return RunConfig(
        rung="probe", seed=0, params=counted.total, non_embedding=counted.non_embedding, tokens=training.tokens,
        flops=counted.flops(training.tokens), family=task["family"], architecture=task["architecture"], corpus={},
        training=training,
    )  # fmt: skip


def random_tokens(length: int, arch: Architecture) -> Encoded:
    """A corpus of about `length` tokens for a model: of a classifier independent samples, else one stream."""
    vocab, sample = arch.vocab, arch.context + 1
    if arch.classes is not None:
        vocab = min(vocab, arch.classes)  # the last token of a sample is its class
    whole = max(2 * EVALUATED, min(length, MOST_TOKENS) // sample) * sample
    ids = np.random.default_rng(0).integers(0, vocab, whole).astype(np.uint32)
    return Encoded(vocab, ids, ids[: 2 * EVALUATED * sample], 1.0, None if arch.classes is None else sample)


def _step(trainer: Trainer, window: float) -> float:
    """Seconds of a step: the mean of the middle of what was measured within `window` seconds."""
    took, _ = _timed(trainer.device, trainer.take_step)
    once, _ = _timed(trainer.device, trainer.take_step)
    if once > window:
        return min(took, once)
    size = max(1, round(BLOCK_S / once))

    def block() -> None:
        if trainer.step + size > trainer.steps:
            trainer.step = 0
        for _ in range(size):
            trainer.take_step()

    end, times = time.perf_counter() + window, []
    while time.perf_counter() < end:
        times.append(_timed(trainer.device, block)[0] / size)
    times.sort()
    cut = len(times) // 10
    return float(np.mean(times[cut : len(times) - cut]))


def _timed(device: torch.device, work: Callable[[], Any]) -> tuple[float, Any]:
    """The seconds that `work` took to its end on the device, and what it returned."""
    began = time.perf_counter()
    result = work()
    wait_for(device)
    return time.perf_counter() - began, result


def main() -> None:
    parser = argparse.ArgumentParser(prog="scaling_tui.train.probe")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    be_nice(own_session=False)
    device = device_named(options.device)
    print(json.dumps({"ready": device.type}), flush=True)
    for line in sys.stdin:
        try:
            found = measure(json.loads(line), device)
        except Exception as error:  # out of memory above all: the next may fit
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            found = {}
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
