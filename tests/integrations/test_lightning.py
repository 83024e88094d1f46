"""The callback for Lightning, in real trainings of a tiny model with both packages that it comes in."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from scaling_tui.runs import make_request, read_sweep
from tests.integrations.conftest import example, library

library("lightning")

import torch  # noqa: E402 - after the skip
from torch.utils.data import DataLoader  # noqa: E402

from scaling_tui.integrations.lightning import RunCallback, tokens_in  # noqa: E402

VOCAB, LENGTH, WIDTH, BATCH, ROWS = 64, 16, 8, 4, 40
torch.set_num_threads(1)  # a tiny model is faster so, above all where others compute too


@pytest.fixture(params=["lightning.pytorch", "pytorch_lightning"])
def lightning(request: pytest.FixtureRequest) -> ModuleType:
    library(request.param.split(".")[0])
    return importlib.import_module(request.param)


def loader() -> "DataLoader[Any]":
    rows = (torch.arange(ROWS)[:, None] + torch.arange(LENGTH)) % VOCAB
    return DataLoader([{"input_ids": row} for row in rows], batch_size=BATCH)  # type: ignore[arg-type]


def module(lightning: ModuleType) -> Any:
    class Bigrams(lightning.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embed = torch.nn.Embedding(VOCAB, WIDTH)
            self.body = torch.nn.Linear(WIDTH, WIDTH)
            self.head = torch.nn.Linear(WIDTH, VOCAB, bias=False)
            self.seen: list[float] = []
            self.raises_at = self.asks_at = -1

        def loss(self, batch: Any) -> Any:
            ids = batch["input_ids"]
            logits = self.head(self.body(self.embed(ids[:, :-1])))
            return torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())

        def training_step(self, batch: Any, place: int) -> Any:
            if self.global_step == self.raises_at:
                raise ZeroDivisionError("no")
            loss = self.loss(batch)
            self.seen.append(float(loss.detach()))
            self.log("train_loss", loss)
            return loss

        def validation_step(self, batch: Any, place: int) -> None:
            self.log_dict({"val_loss": self.loss(batch), "val/accuracy": 0.25})

        def configure_optimizers(self) -> Any:
            return torch.optim.AdamW(self.parameters(), lr=1e-2)

    torch.manual_seed(0)
    return Bigrams()


def fit(
    lightning: ModuleType, folder: Path, net: Any, callback: RunCallback, ckpt: str | None = None, **more: Any
) -> Any:
    settings: dict[str, Any] = {
        "max_epochs": 1, "log_every_n_steps": 2, "accelerator": "cpu", "logger": False, "enable_progress_bar": False,
        "enable_model_summary": False, "enable_checkpointing": False, "val_check_interval": 5,
    }  # fmt: skip
    trainer = lightning.Trainer(default_root_dir=folder, callbacks=[callback], **settings | more)
    trainer.fit(net, loader(), loader(), ckpt_path=ckpt)
    return trainer


@pytest.fixture(autouse=True)
def no_seed_of_others(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")
    yield


def test_a_training_becomes_a_run(lightning: ModuleType, tmp_path: Path) -> None:
    net = module(lightning)
    fit(lightning, tmp_path, net, RunCallback("mine", runs=tmp_path))
    (run,) = read_sweep(tmp_path / "mine").runs
    body = WIDTH * WIDTH + WIDTH
    assert run.state == "finished"
    assert (run.params, run.non_embedding, run.seed) == (body + 2 * VOCAB * WIDTH, body, 7)
    assert run.tokens == run.curve.last("tokens") == ROWS * LENGTH
    steps, losses = run.curve.points("step", "loss")
    pairs = zip(net.seen[::2], net.seen[1::2], strict=True)
    assert steps.tolist() == [2, 4, 6, 8, 10]
    assert losses.tolist() == pytest.approx([(first + second) / 2 for first, second in pairs], rel=1e-5)
    assert run.curve.points("step", "val_loss")[0].tolist() == [5, 10]
    assert run.loss_is_held_out
    assert not run.lacks_final_evaluation
    assert run.curve.points("step", "val/accuracy")[1].tolist() == [0.25, 0.25]
    assert run.curve.points("step", "train_loss")[0].tolist() == [2, 4, 6, 8, 10]
    assert run.curve.last("lr") == 1e-2


def test_accumulated_batches_are_one_step_and_their_loss_is_not_divided(lightning: ModuleType, tmp_path: Path) -> None:
    net = module(lightning)
    fit(lightning, tmp_path, net, RunCallback("mine", runs=tmp_path), accumulate_grad_batches=5, log_every_n_steps=1)
    (run,) = read_sweep(tmp_path / "mine").runs
    assert run.curve.points("step", "loss")[0].tolist() == [1, 2]
    assert run.curve.points("step", "loss")[1].tolist() == pytest.approx(
        [sum(net.seen[:5]) / 5, sum(net.seen[5:]) / 5], rel=1e-5
    )
    assert run.tokens == run.curve.last("tokens") == ROWS * LENGTH


def test_an_error_is_the_reason_of_the_failed_run(lightning: ModuleType, tmp_path: Path) -> None:
    net = module(lightning)
    net.raises_at = 3
    with pytest.raises(ZeroDivisionError):
        fit(lightning, tmp_path, net, RunCallback("mine", runs=tmp_path))
    (run,) = read_sweep(tmp_path / "mine").runs
    assert (run.state, run.reason) == ("failed", "ZeroDivisionError: no")


def test_a_resumed_training_goes_on_in_its_run(lightning: ModuleType, tmp_path: Path) -> None:
    trainer = fit(lightning, tmp_path, module(lightning), RunCallback("mine", runs=tmp_path))
    trainer.save_checkpoint(tmp_path / "half.ckpt")
    half = str(tmp_path / "half.ckpt")
    fit(lightning, tmp_path, module(lightning), RunCallback("mine", runs=tmp_path), half, max_epochs=2)
    (run,) = read_sweep(tmp_path / "mine").runs
    assert (run.attempts, run.state) == (2, "finished")
    assert run.curve.points("tokens", "loss")[0].tolist() == [2 * BATCH * LENGTH * number for number in range(1, 11)]


def test_stop_stops_it(lightning: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaling_tui.runs.writer.HEARTBEAT_S", 0.0)

    class Impatient(lightning.Callback):  # type: ignore[misc, name-defined]
        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            if batch_idx == 3:
                make_request(tmp_path / "mine", "stop")

    trainer = lightning.Trainer(
        default_root_dir=tmp_path, callbacks=[RunCallback("mine", runs=tmp_path), Impatient()], max_epochs=9,
        accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=False,
    )  # fmt: skip
    trainer.fit(module(lightning), loader())
    (run,) = read_sweep(tmp_path / "mine").runs
    assert (run.state, trainer.global_step) == ("stopped", 4)


def test_a_dry_run_leaves_nothing(lightning: ModuleType, tmp_path: Path) -> None:
    fit(lightning, tmp_path, module(lightning), RunCallback("mine", runs=tmp_path), fast_dev_run=True)
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("batch", "count"),
    [
        (torch.zeros(2, 3, dtype=torch.long), 6), (torch.zeros(2, 3), None), (torch.zeros(2, dtype=torch.long), None),
        ([torch.zeros(2, 5), torch.zeros(2, 3, dtype=torch.int32)], 6), ({"a": "x", "b": (None,)}, None),
        ("text", None),
        ({"labels": torch.zeros(1, 9, dtype=torch.long), "input_ids": torch.zeros(1, 4, dtype=torch.long)}, 4),
    ],
)  # fmt: skip
def test_tokens_are_found_in_whatever_a_batch_is(batch: Any, count: int | None) -> None:
    assert tokens_in(batch) == count


def test_the_example_of_the_documents_runs_as_printed(
    lightning: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"Trainer": lightning.Trainer, "module": module(lightning), "train": loader(), "held_out": loader()}
    exec(example("Lightning"), given)
    assert [run.state for run in read_sweep(tmp_path / "runs" / "mine").runs] == ["finished"]
