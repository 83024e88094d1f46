"""The memory of training: against what a process really takes, and how a batch is made to fit."""

import dataclasses
import json
import subprocess
import sys

import pytest

from scaling_tui.laws import Architecture
from scaling_tui.laws.memory import activation_bytes, least_bytes, micro_batches_for, training_bytes

GPT = Architecture(
    6, 192, heads=6, vocab=256, context=128, norm="rms", final_norm=True, positions="rotary", head="tied"
)
ENCODER = Architecture(
    4, 192, heads=6, vocab=5_000, context=128, norm="layer", final_norm=True, positions="learned", bias=True,
    head="untied", head_bias=True,
)  # fmt: skip

# Trains a few steps; prints the resident memory before the model is there, and at most.
PROCESS = """
import json, resource, sys
import psutil, torch
from scaling_tui.laws.counting import Architecture
from scaling_tui.runs.config import Training
from scaling_tui.train import probe
from scaling_tui.train.engine import Engine
from scaling_tui.train.trainer import Trainer

task = json.loads(sys.argv[1])
torch.set_num_threads(1)
def trainer(arch, sequences):
    made = Trainer(probe._config({**task, "architecture": arch}, Architecture(**arch), sequences),
                   probe.random_tokens(100_000, Architecture(**arch)), torch.device("cpu"))
    made.prepare(Engine("cpu", 1))
    for _ in range(3):
        made.take_step()
trainer({**task["architecture"], "layers": 1, "hidden": 24}, 1)  # what torch loads at its first step
before = psutil.Process().memory_info().rss
trainer(task["architecture"], task["batch"])
try:  # Linux hands the peak of the process that started this one down in ru_maxrss
    status = open("/proc/self/status").read()
    most = 1024 * int(status.partition("VmHWM:")[2].split()[0])
except OSError:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(before, most)
"""


@pytest.mark.parametrize(
    ("family", "arch", "batch", "recomputed"),
    [
        ("gpt", GPT, 48, False),
        ("gpt", GPT, 64, True),
        ("post-norm", ENCODER, 24, False),
        ("gpt", dataclasses.replace(GPT, vocab=40_000), 16, False),
    ],
    ids=["gpt", "recomputed", "wide", "wide gpt"],
)
def test_the_memory_of_a_real_run_is_within_30_per_cent(
    family: str, arch: Architecture, batch: int, recomputed: bool
) -> None:
    task = {
        "family": family, "architecture": dataclasses.asdict(arch), "batch": batch, "dropout": 0.0,
        "recomputed": recomputed,
    }  # fmt: skip
    command = [sys.executable, "-c", PROCESS, json.dumps(task)]
    before, most = map(int, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    estimated = training_bytes(arch, batch, recomputed)
    assert estimated > 150e6
    assert 0.7 < (most - before) / estimated < 1.3


def test_activations_grow_with_the_sequences_and_shrink_where_they_are_computed_again() -> None:
    assert activation_bytes(GPT, 6) == 3 * activation_bytes(GPT, 2)
    deep = dataclasses.replace(GPT, layers=48)
    assert activation_bytes(deep, 8, recomputed=True) < activation_bytes(deep, 8) / 5
    assert least_bytes(deep) < training_bytes(deep, 1)
    assert least_bytes(GPT) <= training_bytes(GPT, 1)


def test_a_wide_head_never_holds_all_its_logits_on_a_cpu() -> None:
    wide = dataclasses.replace(ENCODER, vocab=50_000)
    logits = 4 * wide.context * wide.vocab
    assert activation_bytes(wide, 1) < logits < activation_bytes(wide, 1, gpu=True)
    # But it holds its weights three times more, however small the batch.
    assert training_bytes(wide, 0) - training_bytes(wide, 0, gpu=True) == 12 * wide.hidden * wide.vocab
    classifier = dataclasses.replace(wide, classes=2)
    assert activation_bytes(classifier, 1) < activation_bytes(wide, 1)


def test_micro_batches_are_as_few_as_fit() -> None:
    assert micro_batches_for(100, 100, 8) == 1
    assert micro_batches_for(101, 100, 8) == 2
    assert micro_batches_for(10_000, 1, 6) == 6
