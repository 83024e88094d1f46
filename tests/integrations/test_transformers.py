"""The callback for Hugging Face's Trainer, in real trainings of tiny random models."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scaling_tui.runs import make_request, read_sweep
from tests.integrations.conftest import example, library

transformers = library("transformers")
library("accelerate")

import torch  # noqa: E402 - after the skip

from scaling_tui.integrations.transformers import RunCallback  # noqa: E402

VOCAB, LENGTH = 64, 16
torch.set_num_threads(1)  # a tiny model is faster so, above all where others compute too


class Rows(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
    """Sequences that a small model learns soon: each token is the one before plus one."""

    def __init__(self, count: int = 64) -> None:
        starts = torch.arange(count) % VOCAB
        self.rows = (starts[:, None] + torch.arange(LENGTH)) % VOCAB

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> dict[str, torch.Tensor]:
        return {"input_ids": self.rows[place], "labels": self.rows[place]}


def model(width: int = 16) -> Any:
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=VOCAB, n_positions=LENGTH, n_embd=width, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0
    )
    return transformers.GPT2LMHeadModel(config)


def trained(folder: Path, callback: RunCallback, *, width: int = 16, resume: bool = False, **options: Any) -> Any:
    settings: dict[str, Any] = {
        "output_dir": str(folder / f"out{width}"), "max_steps": 20, "logging_steps": 5, "eval_strategy": "steps",
        "eval_steps": 10, "learning_rate": 1e-2, "report_to": [], "use_cpu": True, "disable_tqdm": True,
        "save_strategy": "no", "per_device_train_batch_size": 4, "gradient_accumulation_steps": 2,
    }  # fmt: skip
    trainer = transformers.Trainer(
        model=model(width),
        args=transformers.TrainingArguments(**settings | options),
        train_dataset=Rows(),
        eval_dataset=Rows(8),
        compute_metrics=lambda predicted: {
            "accuracy": float(np.mean(predicted.predictions.argmax(-1)[:, :-1] == predicted.label_ids[:, 1:]))
        },
        callbacks=[callback],
    )
    trainer.train(resume_from_checkpoint=resume)
    return trainer


def test_a_training_becomes_a_run(tmp_path: Path) -> None:
    trainer = trained(tmp_path, RunCallback("mine", runs=tmp_path / "runs"))
    (run,) = read_sweep(tmp_path / "runs" / "mine").runs
    net = trainer.model
    embeddings = net.transformer.wte.weight.numel() + net.transformer.wpe.weight.numel()  # the head shares wte
    assert run.state == "finished"
    assert run.params == net.num_parameters()
    assert run.non_embedding == net.num_parameters() - embeddings
    assert (run.seed, run.tokens) == (42, 20 * 4 * 2 * LENGTH)
    history = trainer.state.log_history
    for metric, key in (("loss", "loss"), ("val_loss", "eval_loss"), ("lr", "learning_rate"), ("eval_accuracy",) * 2):
        wanted = [(entry["step"], entry[key]) for entry in history if key in entry]
        steps, values = run.curve.points("step", metric)
        assert list(zip(steps.tolist(), values.tolist(), strict=True)) == pytest.approx(wanted), metric
    assert run.curve.points("tokens", "loss")[0].tolist() == [step * 4 * 2 * LENGTH for step in (5, 10, 15, 20)]
    assert run.loss == history[-2]["eval_loss"]
    assert not run.lacks_final_evaluation
    assert "grad_norm" in run.curve.metrics
    assert not [name for name in run.curve.metrics if name.endswith(("_runtime", "_per_second", "total_flos"))]


def test_tokens_are_those_that_the_trainer_counts(tmp_path: Path) -> None:
    trainer = trained(tmp_path, RunCallback("mine", runs=tmp_path), include_num_input_tokens_seen=True)
    (run,) = read_sweep(tmp_path / "mine").runs
    assert run.curve.last("tokens") == run.tokens == trainer.state.num_input_tokens_seen > 0


def test_sizes_meet_in_one_sweep_that_can_be_fitted(tmp_path: Path) -> None:
    for width in (4, 8, 16, 32):
        trained(tmp_path, RunCallback("mine", runs=tmp_path / "runs"), width=width, max_steps=10)
    trained(tmp_path, RunCallback("mine", runs=tmp_path / "runs"), width=32, max_steps=10)
    view = read_sweep(tmp_path / "runs" / "mine")
    sizes = [run.params or 0 for run in view.runs]
    assert sizes == sorted(sizes)
    assert [run.name for run in view.runs][-2:] == [f"{view.runs[-1].rung}-s42", f"{view.runs[-1].rung}-s42-2"]
    command = [sys.executable, "-m", "scaling_tui", "fit", "mine", "--runs", str(tmp_path / "runs"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["law"], found["points"], found["loss"]) == ("chinchilla-n", 4, "held-out loss (val_loss)")


def test_a_resumed_training_goes_on_in_its_run(tmp_path: Path) -> None:
    saving: dict[str, Any] = {"save_strategy": "steps", "save_steps": 10}
    trained(tmp_path, RunCallback("mine", runs=tmp_path / "runs"), max_steps=10, **saving)
    trained(tmp_path, RunCallback("mine", runs=tmp_path / "runs"), max_steps=20, resume=True, **saving)
    (run,) = read_sweep(tmp_path / "runs" / "mine").runs
    assert (run.attempts, run.state) == (2, "finished")
    assert run.curve.points("step", "loss")[0].tolist() == [5, 10, 15, 20]


def test_stop_stops_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaling_tui.runs.writer.HEARTBEAT_S", 0.0)

    class Impatient(transformers.TrainerCallback):  # type: ignore[misc, name-defined, unused-ignore]
        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step == 6:
                make_request(tmp_path / "mine", "stop")

    callback = RunCallback("mine", runs=tmp_path)
    trainer = transformers.Trainer(
        model=model(),
        args=transformers.TrainingArguments(
            str(tmp_path / "out"), max_steps=50, logging_steps=1, report_to=[], use_cpu=True, disable_tqdm=True,
            save_strategy="no",
        ),
        train_dataset=Rows(),
        callbacks=[callback, Impatient()],
    )  # fmt: skip
    trainer.train()
    (run,) = read_sweep(tmp_path / "mine").runs
    assert (run.state, trainer.state.global_step) == ("stopped", 7)


def test_a_folder_that_cannot_be_made_ends_no_training(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where the folder should be")
    with pytest.warns(RuntimeWarning, match="cannot record this run"):
        trainer = trained(tmp_path, RunCallback("mine", runs=tmp_path / "runs"))
    assert trainer.state.global_step == 20
    assert math.isfinite(trainer.state.log_history[0]["loss"])


def test_a_data_set_without_length_asks_for_the_tokens(tmp_path: Path) -> None:
    class Stream(torch.utils.data.IterableDataset[dict[str, torch.Tensor]]):
        def __iter__(self) -> Any:
            rows = Rows()
            yield from (rows[place % len(rows)] for place in range(10**6))

    for given, wanted in ((None, None), (640, 640 * 3)):
        callback = RunCallback("mine", f"given-{given}", runs=tmp_path / "runs", tokens_per_step=given)
        trainer = transformers.Trainer(
            model=model(),
            args=transformers.TrainingArguments(
                str(tmp_path / "out"), max_steps=3, logging_steps=1, report_to=[], use_cpu=True, disable_tqdm=True,
                save_strategy="no",
            ),
            train_dataset=Stream(),
            callbacks=[callback],
        )  # fmt: skip
        if given is None:
            with pytest.warns(RuntimeWarning, match="include_num_input_tokens_seen or tokens_per_step"):
                trainer.train()
        else:
            trainer.train()
        run = read_sweep(tmp_path / "runs" / "mine").run(f"given-{given}")
        assert run is not None
        assert run.tokens == wanted


def test_the_example_of_the_documents_runs_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    args = transformers.TrainingArguments(str(tmp_path / "out"), max_steps=2, report_to=[], use_cpu=True)
    given = {"Trainer": transformers.Trainer, "model": model(), "args": args, "data": Rows(), "held_out": Rows(8)}
    exec(example("Hugging Face"), given)
    assert [run.state for run in read_sweep(tmp_path / "runs" / "mine").runs] == ["finished"]
