"""What only a GPU can show, in under two minutes; skipped where there is none."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from scaling_tui.laws.counting import Architecture
from scaling_tui.runs import read_sweep
from scaling_tui.runs.config import Training
from scaling_tui.runs.writer import checkpoints
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import lay_out
from scaling_tui.train.engine import Engine, Maker
from scaling_tui.train.model import GPT
from scaling_tui.train.optimizer import Optimizer
from scaling_tui.train.step import PlainStep, Step
from scaling_tui.train.worker import LastCorpus, free_memory, work

DEVICE = torch.device("cuda")
CAPTURED = Engine("cuda", 1, captured=True)
ARCH = Architecture(
    layers=2, hidden=64, heads=2, vocab=256, context=64, norm="rms", final_norm=True, positions="rotary", head="tied"
)
TRAINING = Training(tokens=10_000, batch=16, lr=0.01)

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU that torch can use")


def made(dropout: float = 0.0, recompute: bool = False, arch: Architecture = ARCH) -> tuple[GPT, Optimizer]:
    torch.manual_seed(0)
    model = GPT(arch, dropout, recompute).to(DEVICE)
    return model, Optimizer(model, TRAINING)


def batches(count: int = 12, batch: int = 16, arch: Architecture = ARCH) -> list[Tensor]:
    generator = torch.Generator().manual_seed(7)
    shape = (batch, arch.context + 1)
    return [torch.randint(0, arch.vocab, shape, generator=generator).to(DEVICE) for _ in range(count)]


def rate(value: float) -> Tensor:
    return torch.tensor(value, device=DEVICE)


def followed(model: GPT, optimizer: Optimizer, log: list[str], batch: int = 16) -> tuple[Engine, Step]:
    generators = [torch.default_generator, torch.cuda.default_generators[torch.cuda.current_device()]]
    make = Maker(model, optimizer, generators, DEVICE, batch, model.recompute, log.append)
    return make.follow(CAPTURED, batches(1, batch, model.arch)[0], rate(0.01))


def losses(step: Step) -> list[tuple[float, float]]:
    return [tuple(value.item() for value in step(windows, rate(0.01 / (k + 1)))) for k, windows in enumerate(batches())]  # type: ignore[misc]


@pytest.mark.parametrize("recompute", [False, True], ids=["kept", "recomputed"])
def test_a_captured_step_is_the_plain_step(recompute: bool) -> None:
    plain = losses(PlainStep(*made(recompute=recompute)))
    log: list[str] = []
    engine, step = followed(*made(recompute=recompute), log)
    assert (engine, log) == (CAPTURED, [])
    assert np.allclose(losses(step), plain, rtol=1e-3)


def test_dropout_differs_between_replays_and_follows_the_seed() -> None:
    def replayed() -> list[float]:
        model, optimizer = made(dropout=0.5)
        log: list[str] = []
        engine, step = followed(model, optimizer, log)
        assert engine.captured, log
        torch.manual_seed(5)
        # Without learning nothing but dropout can change the loss.
        return [step(batches()[0], rate(0.0))[0].item() for _ in range(6)]

    first = replayed()
    assert len(set(first)) == 6
    assert replayed() == first


def test_out_of_memory_halves_the_micro_batch_and_the_loss_stays() -> None:
    arch = Architecture(
        layers=8, hidden=512, heads=8, vocab=256, context=512, norm="rms", final_norm=True, positions="rotary",
        head="tied",
    )  # fmt: skip
    whole = PlainStep(*made(arch=arch))(batches(1, 64, arch)[0], rate(0.01))[0].item()
    free_memory()
    _, total = torch.cuda.mem_get_info()
    room = torch.cuda.memory_reserved() + 2_500_000_000  # the whole batch needs more than 4 GB
    torch.cuda.set_per_process_memory_fraction(min(1.0, room / total))
    try:
        log: list[str] = []
        engine, step = followed(*made(arch=arch), log, batch=64)
        assert engine.micro_batches >= 2
        assert engine.captured
        assert log[0] == "out of memory: splitting each batch into 2 micro-batches"
        assert step(batches(1, 64, arch)[0], rate(0.01))[0].item() == pytest.approx(whole, rel=1e-3)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def worker(run: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-P", "-m", "scaling_tui.train.worker", str(run), "--device", DEVICE.type])


def test_killed_and_resumed_a_captured_run_ends_with_the_same_bits(tiny: Path, tmp_path: Path) -> None:
    ladder = load_ladder(str(tiny), ["tokens=2_000_000", "checkpoints=20", "dropout=0.1"])
    straight, killed = (lay_out(tmp_path / name, ladder, 0, DEVICE.type) / "d-s0" for name in ("straight", "killed"))
    assert worker(straight).wait() == 0
    first = worker(killed)
    while not checkpoints(killed) and first.poll() is None:
        time.sleep(0.005)
    first.kill()
    assert first.wait() != 0, "it ended before it could be killed"
    assert worker(killed).wait() == 0
    assert (killed / "attempt-2").exists()
    engine = json.loads((straight / "attempt-1" / "engine.json").read_text())
    assert engine["captured"] == (DEVICE.type == "cuda")
    runs = [next(run for run in read_sweep(path.parent).runs if run.name == "d-s0") for path in (straight, killed)]
    for name in ("step", "loss", "grad_norm"):
        assert runs[0].curve[name].tolist() == runs[1].curve[name].tolist(), name
    weights = [(checkpoints(path)[0] / "model.safetensors").read_bytes() for path in (straight, killed)]
    assert weights[0] == weights[1]


def test_two_runs_in_one_process_leave_no_memory_behind(tiny: Path, tmp_path: Path) -> None:
    """Neither a model nor a graph, nor what libraries keep for each stream."""
    sweep, corpus = lay_out(tmp_path / "runs", load_ladder(str(tiny)), 0, DEVICE.type), LastCorpus()
    left = []
    for name in ("a-s0", "b-s0", "c-s0", "d-s0"):
        assert work(sweep / name, DEVICE.type, 1, corpus) == 0
        free_memory()
        left.append((torch.cuda.memory_allocated(), torch.cuda.memory_reserved()))
    (allocated, reserved), last = left[0], left[-1]
    assert last[0] - allocated < 1_000_000
    assert last[1] - reserved < 20_000_000
    assert reserved < 200_000_000
