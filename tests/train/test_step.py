"""A step is the same step however it is computed: in parts, replayed from a recording, compiled."""

import dataclasses
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from scaling_tui import InputError
from scaling_tui.data import Windows
from scaling_tui.laws.counting import Architecture
from scaling_tui.laws.memory import activation_bytes
from scaling_tui.runs.config import Training
from scaling_tui.train.engine import Engine, Maker
from scaling_tui.train.feed import Feed, learning_rate
from scaling_tui.train.model import GPT
from scaling_tui.train.optimizer import Optimizer
from scaling_tui.train.step import CapturedStep, PlainStep, Rehearsal, Step

CPU = torch.device("cpu")
ARCH = Architecture(
    layers=2, hidden=32, heads=2, vocab=64, context=16, norm="rms", final_norm=True, positions="rotary", head="tied"
)
TRAINING = Training(tokens=1000, batch=8, lr=0.01)
GENERATORS = [torch.default_generator]


def made(recompute: bool = False, dropout: float = 0.0) -> tuple[GPT, Optimizer]:
    torch.manual_seed(0)
    model = GPT(ARCH, dropout, recompute)
    return model, Optimizer(model, TRAINING)


def batches(count: int = 12) -> list[Tensor]:
    generator = torch.Generator().manual_seed(7)
    return [torch.randint(0, 64, (8, 17), generator=generator) for _ in range(count)]


def losses(step: Step, rates: Callable[[int], float | Tensor] = lambda k: 0.01 / (k + 1)) -> list[tuple[float, float]]:
    return [tuple(value.item() for value in step(windows, rates(k))) for k, windows in enumerate(batches())]  # type: ignore[misc]


def recorded(work: Callable[[], None]) -> Callable[[], None]:
    """Stands in for a CUDA graph on the CPU: all that Python decides is fixed, and only tensors can change."""

    def traced() -> int:
        work()
        return 0

    graph = make_fx(traced)()

    def replay() -> None:
        with torch.no_grad():
            graph()

    return replay


def test_a_recorded_step_replays_with_its_own_windows_rate_and_weights() -> None:
    plain = losses(PlainStep(*made()))
    model, optimizer = made()
    with Rehearsal(optimizer, GENERATORS):
        step = CapturedStep(PlainStep(model, optimizer), batches()[0], recorded)
    replayed = losses(step, lambda k: torch.tensor(0.01 / (k + 1)))
    assert np.allclose(plain, replayed, rtol=1e-5)
    assert len({loss for loss, _ in replayed}) == len(replayed)


@pytest.mark.parametrize("parts", [2, 3, 8])
def test_micro_batches_add_up_to_the_batch(parts: int) -> None:
    assert np.allclose(losses(PlainStep(*made())), losses(PlainStep(*made(), micro_batches=parts)), rtol=1e-4)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_activation_checkpointing_changes_no_bit(dropout: float) -> None:
    assert losses(PlainStep(*made(dropout=dropout))) == losses(PlainStep(*made(recompute=True, dropout=dropout)))


def test_activation_checkpointing_reads_no_generator_without_dropout(monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA refuses to tell a generator's state while it captures, and the step would go on uncaptured."""

    def refused() -> Tensor:
        raise RuntimeError("Cannot call CUDAGeneratorImpl::get_state during CUDA graph capture")

    step = PlainStep(*made(recompute=True))
    monkeypatch.setattr(torch, "get_rng_state", refused)
    step(batches()[0], 0.01)


def test_flat_adamw_is_the_adamw_of_pytorch() -> None:
    model, optimizer = made()
    step = PlainStep(model, optimizer)
    reference, _ = made()
    reference = GPT(ARCH)
    reference.load_state_dict(model.state_dict())
    decayed = [p for name, p in reference.named_parameters() if p.ndim == 2 and "embedding" not in name]
    others = [p for name, p in reference.named_parameters() if p.ndim < 2 or "embedding" in name]
    theirs = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}], betas=(0.9, 0.95), lr=0.01
    )
    for windows in batches():
        step(windows, 0.01)
        theirs.zero_grad()
        logits = reference(windows[:, :-1])
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten()).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(reference.parameters(), 1.0)
        theirs.step()
    for ours, wanted in zip(model.parameters(), reference.parameters(), strict=True):
        assert torch.allclose(ours, wanted, rtol=1e-3, atol=2e-5)


def test_a_rehearsal_leaves_no_trace() -> None:
    model, optimizer = made()
    before = [p.clone() for p in model.parameters()]
    state = torch.get_rng_state()
    with Rehearsal(optimizer, GENERATORS):
        PlainStep(model, optimizer)(batches()[0], 0.1)
        torch.rand(3)
        assert not torch.equal(before[0], next(model.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert torch.equal(torch.get_rng_state(), state)
    assert optimizer.moments() == {}


def test_the_feed_gives_each_step_the_windows_and_the_rate_of_that_step() -> None:
    windows = Windows(np.arange(500, dtype=np.uint16), 16, seed=3)
    training = Training(tokens=40 * 8 * 16, batch=8, lr=0.01)
    steps = training.steps(16)
    feed = Feed(windows, steps, training, CPU)
    for step in [*range(steps), 5, 6, steps - 1]:
        found, rate = feed.at(step)
        assert found.tolist() == windows.batch(step, 8).tolist()
        assert rate == learning_rate(step, steps, training)


def maker(log: list[str], batch: int = 8) -> tuple[Maker, Optimizer]:
    model, optimizer = made()
    return Maker(model, optimizer, GENERATORS, CPU, batch, False, log.append), optimizer


def test_what_fails_on_a_machine_is_left_out_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_compiler(function: object) -> object:
        raise RuntimeError("no C++ compiler\nsecond line")

    monkeypatch.setattr(torch, "compile", no_compiler)
    log: list[str] = []
    make, _ = maker(log)
    engine, step = make.follow(Engine("cpu", 1, compiled=True), batches()[0], 0.01)
    assert engine == Engine("cpu", 1)
    assert log == ["the step cannot be compiled here (RuntimeError: no C++ compiler); going on without that"]
    assert losses(step) == losses(PlainStep(*made()))


def test_out_of_memory_splits_the_batch_until_it_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU raises; here the forward pass does as soon as a part has more than two sequences."""
    whole = losses(PlainStep(*made()))
    log: list[str] = []
    make, optimizer = maker(log)
    step_before = PlainStep._loss_of

    def fits_two(self: PlainStep, windows: Tensor) -> Tensor:
        if len(windows) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return step_before(self, windows)

    monkeypatch.setattr(PlainStep, "_loss_of", fits_two)

    def _tried(self: Maker, engine: Engine, windows: Tensor, rate: float | Tensor) -> Step:
        step = PlainStep(self.model, self.optimizer, engine.micro_batches)
        with Rehearsal(self.optimizer, self.generators):
            step(windows, rate)
        return step

    monkeypatch.setattr(Maker, "_made", _tried)
    engine, step = make.choose(batches()[0], 0.01, steps_left=10)
    assert engine.micro_batches == 4
    assert log == [f"out of memory: splitting each batch into {parts} micro-batches" for parts in (2, 4)]
    assert optimizer.moments() == {}
    assert np.allclose(losses(step), whole, rtol=1e-4)
    monkeypatch.setattr(PlainStep, "_loss_of", lambda self, windows: fits_two(self, windows.repeat(3, 1)))
    with pytest.raises(InputError, match="not even one sequence fits"):
        make.choose(batches()[0], 0.01, steps_left=10)


class Made:
    """A step that holds memory."""

    def __call__(self, windows: Tensor, rate: float | Tensor) -> tuple[Tensor, Tensor]:
        raise AssertionError


@pytest.mark.parametrize(("compiled_s", "compiled"), [(0.5, True), (2.0, False)])
def test_only_one_step_is_in_memory_while_a_compiled_one_is_tried(
    monkeypatch: pytest.MonkeyPatch, compiled_s: float, compiled: bool
) -> None:
    """The graph of each holds all activations: two would need twice the memory that training needs."""
    alive = weakref.WeakSet[Made]()

    def _made(self: Maker, engine: Engine, windows: Tensor, rate: float | Tensor) -> Step:
        if len(alive):
            raise torch.OutOfMemoryError("CUDA out of memory")
        alive.add(step := Made())
        return step

    monkeypatch.setattr(Maker, "_made", _made)
    seconds = iter([1.0, compiled_s])
    monkeypatch.setattr(Maker, "_seconds", lambda self, step, windows, rate: next(seconds))
    log: list[str] = []
    make, _ = maker(log)
    chosen, step = make.choose(batches()[0], 0.01, steps_left=10_000)
    assert (chosen.micro_batches, chosen.compiled, list(alive)) == (1, compiled, [step])
    assert not any("memory" in line for line in log)


def test_a_resume_where_less_memory_is_free_splits_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the library, or the end of a failed capture, has other words for it."""

    def _made(self: Maker, engine: Engine, windows: Tensor, rate: float | Tensor) -> Step:
        try:
            if engine.micro_batches == 1:
                raise torch.OutOfMemoryError("CUDA out of memory")
        finally:
            if engine.micro_batches <= 2:
                raise RuntimeError("CUBLAS_STATUS_ALLOC_FAILED" if engine.micro_batches == 2 else "capture failed")
        return PlainStep(self.model, self.optimizer, engine.micro_batches)

    monkeypatch.setattr(Maker, "_made", _made)
    log: list[str] = []
    make, _ = maker(log)
    engine, _ = make.follow(Engine("cuda", 1, captured=True), batches()[0], 0.01)
    assert engine == Engine("cuda", 1, 4, captured=True)
    assert log == [f"out of memory: splitting each batch into {parts} micro-batches" for parts in (2, 4)]


def test_a_record_with_more_parts_than_sequences_is_followed_as_far_as_it_makes_sense() -> None:
    make, _ = maker([])
    engine, step = make.follow(Engine("cpu", 1, micro_batches=10**9), batches()[0], 0.01)
    assert engine.micro_batches == 8
    assert np.isfinite(losses(step)).all()


def test_a_run_that_shares_memory_with_others_splits_its_batch_to_its_share() -> None:
    model, optimizer = made()
    needed = activation_bytes(ARCH, 8)
    for memory, parts in ((100 * needed, 1), (needed, 2), (1, 8)):
        make = Maker(model, optimizer, GENERATORS, CPU, 8, False, print, memory)
        assert make.choose(batches()[0], 0.01, steps_left=1)[0].micro_batches == parts


def test_an_engine_is_recorded_and_read_back(tmp_path: Path) -> None:
    assert Engine.recorded(tmp_path) is None
    for number, parts in ((1, 2), (2, 4), (10, 8)):
        (tmp_path / f"attempt-{number}").mkdir()
        Engine("cpu", 1, parts).record(tmp_path / f"attempt-{number}")
    assert Engine.recorded(tmp_path) == Engine("cpu", 1, 8)
    (tmp_path / "attempt-11").mkdir()
    assert Engine.recorded(tmp_path) == Engine("cpu", 1, 8)
    (tmp_path / "attempt-11" / "engine.json").write_text('{"device": "cpu", "threads": "3"}')
    assert Engine.recorded(tmp_path) == Engine("cpu", 1, 8)
    Engine("cpu", 1, host="elsewhere").record(tmp_path / "attempt-11")
    assert Engine.recorded(tmp_path) is None


@pytest.mark.slow
def test_a_compiled_step_agrees_and_repeats_itself() -> None:
    plain = losses(PlainStep(*made()))
    first, second = (losses(PlainStep(*made(), compiled=True)) for _ in range(2))
    assert first == second
    assert np.allclose(plain, first, rtol=1e-4)


@pytest.mark.slow
def test_a_compiled_run_does_not_depend_on_what_its_process_compiled_before() -> None:
    """A resume starts in a new process, or after other runs, and has to end with the same bits."""

    def trained(hidden: int, batch: int, context: int) -> list[float]:
        torch.manual_seed(0)
        model = GPT(dataclasses.replace(ARCH, hidden=hidden, context=context))
        step = PlainStep(model, Optimizer(model, TRAINING), compiled=True)
        windows = torch.randint(0, 64, (6, batch, context + 1))
        return [step(each, 0.01)[0].item() for each in windows]

    first = trained(32, 8, 16)
    torch._dynamo.reset()
    trained(16, 6, 24)
    trained(48, 6, 24)
    assert trained(32, 8, 16) == first


@pytest.mark.slow
def test_a_wide_head_is_compiled_too() -> None:
    def trained(compiled: bool) -> list[tuple[float, float]]:
        torch.manual_seed(0)
        model = GPT(dataclasses.replace(ARCH, vocab=5000))
        return losses(PlainStep(model, Optimizer(model, TRAINING), compiled=compiled))

    assert np.allclose(trained(True), trained(False), rtol=1e-4)
