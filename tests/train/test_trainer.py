"""The trainer learns, resumes where it was, tells a divergence, and leaves records that mean what they say."""

import dataclasses
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.data import Encoded
from scaling_tui.laws.counting import Architecture, count
from scaling_tui.runs import Writer, create_sweep, read_sweep
from scaling_tui.runs.config import RunConfig, Training
from scaling_tui.train.engine import Engine
from scaling_tui.train.feed import learning_rate
from scaling_tui.train.trainer import Trainer, is_due

CPU = torch.device("cpu")
ARCH = Architecture(
    layers=1, hidden=16, heads=2, vocab=16, context=8, norm="rms", final_norm=True, positions="rotary", head="tied"
)


def tokens() -> Encoded:
    """A source with two nats to lose: after token k comes k + 1, or k + 2 with a coin."""
    steps = np.random.default_rng(0).integers(1, 3, 4000)
    ids = (np.cumsum(steps) % 16).astype(np.uint8)
    return Encoded(16, ids[:3600], ids[3600:], 1.0)


def configured(**recipe: object) -> RunConfig:
    training = Training(**{"tokens": 8000, "batch": 8, "lr": 0.02, "held_out_tokens": 400, **recipe})  # type: ignore[arg-type]
    counted = count(ARCH)
    total = training.steps(8) * 64
    return RunConfig(
        rung="a",
        seed=0,
        params=counted.total,
        non_embedding=counted.non_embedding,
        tokens=total,
        flops=counted.flops(total),
        family="gpt",
        architecture=dataclasses.asdict(ARCH),
        corpus={"name": "here", "tokenizer": "byte", "sha256": "", "source": ""},
        training=training,
    )


def writer(tmp_path: Path, config: RunConfig) -> Writer:
    return Writer.create(create_sweep(tmp_path, "sweep", {}) / "a", config.as_json())


def never() -> bool:
    return False


def test_it_learns_the_source_down_to_its_entropy(tmp_path: Path) -> None:
    config = configured(tokens=40_000)
    with writer(tmp_path, config) as out:
        assert Trainer(config, tokens(), CPU).train(out, never, print) == "finished"
    (run,) = read_sweep(out.run.parent).runs
    assert run.loss is not None
    assert run.loss == pytest.approx(math.log(2), abs=0.03)
    assert run.curve.last("bpb") == pytest.approx(run.loss / math.log(2))
    assert run.curve.last("val_accuracy") == pytest.approx(0.5, abs=0.08)
    assert run.curve.last("tokens") == config.tokens
    assert run.curve.last("flops") == pytest.approx(config.flops)
    assert run.curve.last("epoch") == pytest.approx(config.tokens / (8 * 449), rel=0.01)


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_stopped_and_resumed_it_ends_with_the_very_same_weights(tmp_path: Path, dropout: float) -> None:
    config = configured(dropout=dropout)
    straight = Trainer(config, tokens(), CPU)
    straight.train(writer(tmp_path, config), never, print)

    out = writer(tmp_path, config)
    first = Trainer(config, tokens(), CPU)
    asked = iter(range(1000))
    assert first.train(out, lambda: next(asked) == 40, print) == "stopped"
    (checkpoint,) = sorted(out.attempt.glob("checkpoint-40"))
    second = Trainer(config, tokens(), CPU)
    torch.manual_seed(99)
    second.read_checkpoint(checkpoint)
    second.train(Writer(out.run), never, print)

    for (name, a), (_, b) in zip(straight.model.named_parameters(), second.model.named_parameters(), strict=True):
        assert torch.equal(a, b), name


@pytest.mark.parametrize(
    "engine",
    [
        Engine("cpu", 1, micro_batches=4),
        Engine("cpu", 2),
        pytest.param(Engine("cpu", 1, compiled=True), marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_a_resume_repeats_the_engine_that_was_chosen(tmp_path: Path, engine: Engine) -> None:
    config = configured()
    straight = Trainer(config, tokens(), CPU)
    straight.prepare(engine)
    straight.train(writer(tmp_path, config), never, print)

    out = writer(tmp_path, config)
    first = Trainer(config, tokens(), CPU)
    first.prepare(engine)
    asked = iter(range(1000))
    assert first.train(out, lambda: next(asked) == 40, print) == "stopped"
    torch.set_num_threads(1)
    second = Trainer(config, tokens(), CPU)
    again = Writer(out.run)
    second.resume(again, print)
    second.train(again, never, print)
    assert second.step == straight.step
    assert second.engine == engine
    assert Engine.recorded(out.run) == engine
    torch.set_num_threads(1)
    for a, b in zip(straight.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_record_after_a_resume_averages_its_whole_interval(tmp_path: Path) -> None:
    config = configured(records=5, evaluations=5, dropout=0.1)
    straight = writer(tmp_path, config)
    Trainer(config, tokens(), CPU).train(straight, never, print)
    out = writer(tmp_path, config)
    asked = iter(range(1000))
    Trainer(config, tokens(), CPU).train(out, lambda: next(asked) == 40, print)
    assert 40 not in read_sweep(out.run.parent).runs[0].curve["step"]
    out.status("stopped")
    second = Trainer(config, tokens(), CPU)
    again = Writer(out.run)
    second.resume(again, print)
    second.train(again, never, print)
    resumed, whole = (read_sweep(path.run.parent).runs[0].curve for path in (out, straight))
    assert resumed["loss"].tolist() == whole["loss"].tolist()


def test_the_generator_of_every_device_is_saved_and_restored(tmp_path: Path) -> None:
    """Dropout on a GPU draws from the GPU's generator; a second one of the CPU stands in for it."""

    def trainer(seed: int) -> Trainer:
        made = Trainer(configured(), tokens(), CPU)
        made.generators["cuda"] = torch.Generator().manual_seed(seed)
        return made

    folder = tmp_path / "checkpoint-0"
    folder.mkdir()
    first, second = trainer(1), trainer(2)
    torch.rand(5, generator=first.generators["cuda"])
    first.write_checkpoint(folder)
    drawn = torch.rand(5, generator=first.generators["cuda"])
    second.read_checkpoint(folder)
    assert torch.equal(torch.rand(5, generator=second.generators["cuda"]), drawn)
    Trainer(configured(), tokens(), CPU).read_checkpoint(folder)  # on a machine without that device


POST_NORM = {"norm": "layer", "bias": True, "head": "untied", "head_bias": True}


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("gpt", {"head": "untied"}),
        ("gpt", {"positions": "learned"}),
        ("post-norm", {**POST_NORM, "positions": "learned"}),
        ("classifier", {**POST_NORM, "positions": "none", "final_norm": False, "classes": 16}),
    ],
)
def test_a_checkpoint_of_every_family_is_read_back(tmp_path: Path, family: str, changes: dict[str, Any]) -> None:
    """A check that wants moments of every parameter must not refuse a model."""
    arch = dataclasses.replace(ARCH, **changes)
    counted = count(arch)
    config = dataclasses.replace(
        configured(), family=family, architecture=dataclasses.asdict(arch), params=counted.total
    )
    trainer = Trainer(config, tokens(), CPU)
    trainer.prepare()
    trainer.take_step()
    folder = tmp_path / "checkpoint-1"
    folder.mkdir()
    trainer.write_checkpoint(folder)
    other = Trainer(dataclasses.replace(config, seed=1), tokens(), CPU)
    other.read_checkpoint(folder)
    assert all(torch.equal(a, b) for a, b in zip(trainer.model.parameters(), other.model.parameters(), strict=True))


def test_the_generators_of_a_gpu_are_those_that_its_dropout_draws_from() -> None:
    from scaling_tui.train.trainer import generators_of

    assert generators_of(CPU) == {"cpu": torch.default_generator}
    if torch.cuda.is_available():
        device = torch.device("cuda")
        assert torch.equal(generators_of(device)["cuda"].get_state(), torch.cuda.get_rng_state(device))


def test_choosing_an_engine_draws_nothing_from_the_generators_of_the_run() -> None:
    from scaling_tui.train.peak import matmul_peak

    matmul_peak.cache_clear()
    trainer = Trainer(configured(), tokens(), CPU)
    drawn = torch.get_rng_state()
    trainer.prepare()
    assert torch.equal(torch.get_rng_state(), drawn)
    assert trainer.peak is not None
    assert trainer.peak > 1e8


def test_no_memory_to_measure_the_peak_costs_the_run_its_mfu_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("scaling_tui.train.trainer.matmul_peak", refused)
    config = configured()
    with writer(tmp_path, config) as out:
        assert Trainer(config, tokens(), CPU).train(out, never, print) == "finished"
    assert read_sweep(out.run.parent).runs[0].curve.last("mfu") is None


def test_a_broken_checkpoint_leaves_the_trainer_as_it_was(tmp_path: Path) -> None:
    trainer = Trainer(configured(), tokens(), CPU)
    folder = tmp_path / "checkpoint-0"
    folder.mkdir()
    trainer.write_checkpoint(folder)
    (folder / "optimizer.safetensors").unlink()
    other = Trainer(dataclasses.replace(configured(), seed=5), tokens(), CPU)
    weights = [p.clone() for p in other.model.parameters()]
    drawn = torch.get_rng_state()
    with pytest.raises(InputError, match=r"optimizer\.safetensors is missing"):
        other.read_checkpoint(folder)
    assert all(torch.equal(a, b) for a, b in zip(weights, other.model.parameters(), strict=True))
    assert torch.equal(torch.get_rng_state(), drawn)


def test_a_device_that_is_not_there_is_told() -> None:
    from scaling_tui.train.worker import device_named

    assert device_named("cpu") == CPU
    with pytest.raises(InputError, match="--device 'cuda:7': not on this machine"):
        device_named("cuda:7")


def test_a_loss_that_is_no_number_ends_the_run_as_diverged(tmp_path: Path) -> None:
    config = configured()
    trainer = Trainer(config, tokens(), CPU)
    with torch.no_grad():
        trainer.model.embedding.weight.fill_(float("nan"))
    with writer(tmp_path, config) as out:
        state = trainer.train(out, never, print)
        out.status(state)
    assert read_sweep(out.run.parent).runs[0].state == "diverged"


def test_a_checkpoint_is_no_code_and_a_broken_one_is_named(tmp_path: Path) -> None:
    trainer = Trainer(configured(), tokens(), CPU)
    folder = tmp_path / "checkpoint-0"
    folder.mkdir()
    trainer.write_checkpoint(folder)
    assert {path.suffix for path in folder.iterdir()} == {".safetensors", ".json"}
    (folder / "model.safetensors").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(InputError, match=r"checkpoint .*: cannot be read"):
        trainer.read_checkpoint(folder)


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused() -> None:
    found = tokens()
    with pytest.raises(InputError, match="found 16, the tokenizer has 17"):
        Trainer(configured(), dataclasses.replace(found, vocab=17), CPU)


@given(
    steps=st.integers(1, 5000),
    warmup=st.floats(0, 1),
    final=st.floats(0, 1),
    schedule=st.sampled_from(["linear", "cosine", "constant", "wsd"]),
)
def test_the_rate_rises_then_never_rises_again_and_stays_within_its_peak(
    steps: int, warmup: float, final: float, schedule: str
) -> None:
    training = Training(tokens=1, batch=1, lr=0.01, warmup=warmup, final_lr=final, schedule=schedule)  # type: ignore[arg-type]
    rates = [learning_rate(step, steps, training) for step in range(steps)]
    top = rates.index(max(rates))
    assert all(a < b for a, b in pairwise(rates[:top]))
    assert all(a >= b for a, b in pairwise(rates[top:]))
    assert 0 < max(rates) <= 0.01 * (1 + 1e-12)
    assert min(rates[top:]) >= 0.01 * final * (1 - 1e-9)


@given(steps=st.integers(10, 2000), longer=st.integers(1, 2000), cooldown=st.floats(0, 1))
def test_two_wsd_runs_are_one_until_the_shorter_cools_down(steps: int, longer: int, cooldown: float) -> None:
    short, long = (
        Training(tokens=length, batch=1, lr=0.01, warmup=5 / length, schedule="wsd", cooldown=cooldown)
        for length in (steps, steps + longer)
    )
    for step in range(short.cooldown_from(context=1)):
        assert learning_rate(step, steps, short) == learning_rate(step, steps + longer, long)


@given(steps=st.integers(1, 3000), times=st.integers(1, 400))
def test_moments_are_spread_and_the_last_step_is_one(steps: int, times: int) -> None:
    due = [step for step in range(1, steps + 1) if is_due(step, steps, times)]
    assert due[-1] == steps
    assert len(due) == min(steps, times)
    gaps = np.diff([0, *due])
    assert gaps.max() - gaps.min() <= 1
