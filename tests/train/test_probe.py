"""The process that measures: what it answers for the kinds of models, and what it does not try."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from scaling_tui.laws import Architecture
from scaling_tui.sweeps.rung import FAMILIES
from scaling_tui.train.probe import measure, random_tokens
from scaling_tui.train.trainer import Trainer

CPU = torch.device("cpu")


def task(family: str = "gpt", batch: int = 8, seconds: float = 5.0, **changes: Any) -> dict[str, Any]:
    described = {**FAMILIES[family], "layers": 1, "hidden": 16, "context": 16, "vocab": 64, **changes}
    return {
        "family": family, "architecture": dataclasses.asdict(Architecture(**described)), "batch": batch, "dropout": 0.0,
        "recomputed": False, "threads": 1, "sequences": batch, "tokens": 10_000, "seconds": seconds, "window": 0.05,
    }  # fmt: skip


@pytest.mark.parametrize("family", ["gpt", "post-norm", "classifier"])
def test_every_part_of_a_run_is_measured(family: str) -> None:
    found = measure(task(family), CPU)
    assert set(found) == {"peak", "setup", "step", "evaluation", "checkpoint"}
    assert all(0 < value < 60 for name, value in found.items() if name != "peak")
    assert found["peak"] > 1e8


def test_fewer_sequences_at_once_tell_the_time_of_a_whole_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = []

    def step(trainer: Trainer, window: float) -> float:
        trained.append(trainer.config.training.batch)
        return 0.5

    monkeypatch.setattr("scaling_tui.train.probe._step", step)
    assert measure({**task(batch=64), "sequences": 8}, CPU)["step"] == 0.5 * 64 / 8
    assert trained == [8]


def test_what_takes_too_long_is_not_tried() -> None:
    for large in (task(hidden=8192, layers=40, context=2048), task(seconds=0.0)):
        assert set(measure(large, CPU)) == {"peak"}
    assert set(measure({**task(), "sequences": 0}, CPU)) == {"peak"}


def test_random_tokens_fit_the_model() -> None:
    stream = random_tokens(10_000, Architecture(1, 8, vocab=70_000, context=16))
    assert (stream.vocab, stream.sample, 65_536 < int(stream.train.max()) < 70_000) == (70_000, None, True)
    samples = random_tokens(10_000, Architecture(1, 8, vocab=64, context=16, head="untied", classes=2))
    assert (samples.sample, len(samples.train) % 17, int(samples.train.max())) == (17, 0, 1)


def test_the_process_says_when_it_is_ready_and_answers_line_by_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "scaling_tui.train.probe", "--device", "cpu"],
        input=json.dumps(task()) + "\n" + json.dumps(task(seconds=0.0)) + "\n", capture_output=True, text=True,
        check=True, cwd=tmp_path,
    )  # fmt: skip
    ready, first, second = map(json.loads, done.stdout.splitlines())
    assert ready == {"ready": "cpu"}
    assert ("step" in first, "step" in second) == (True, False)
    assert not list(tmp_path.iterdir())
