"""`import` of every kind of log: what comes out as runs, what is computed, what is said."""

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scaling_tui.runs import SweepView
from tests.imports import logs
from tests.imports.conftest import Command
from tests.imports.event_files import event, event_file, start

Imported = Callable[..., tuple[SweepView, dict[str, Any]]]


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_nanogpt(imported: Imported, tmp_path: Path) -> None:
    sweep, document = imported(written(tmp_path / "shakespeare.log", logs.text(logs.nanogpt())))
    (run,) = sweep.runs
    assert (sweep.name, run.name, run.state) == ("shakespeare", "shakespeare", "finished")
    assert (run.params, run.tokens) == (10_740_096 + 4_992, 200 * 16_384)
    assert run.curve.points("step", "loss")[0].tolist() == list(range(0, 201, 10))
    assert run.curve.points("tokens", "val_loss")[0].tolist() == [0, 100 * 16_384, 200 * 16_384]
    assert run.loss == pytest.approx(logs.loss_at(200) + 0.05, abs=1e-4)
    assert run.curve.last("mfu") == pytest.approx(0.1729)
    assert run.curve.last("tokens_per_s") == pytest.approx(16_384 / 0.02437)
    assert np.isnan(run.curve["mfu"][run.curve["step"] == 0]).all(), "-100 % is no measurement"
    assert run.curve.last("gap") == pytest.approx(0.05)
    assert "tokens = step × 16,384 tokens per step (shakespeare)" in document["notes"]
    assert document["formats"] == ["nanogpt"]


def test_a_nanogpt_log_that_was_resumed_goes_on_from_the_checkpoint(imported: Imported, tmp_path: Path) -> None:
    lines = [*logs.nanogpt(150), *logs.nanogpt(200, begin=100)]
    sweep, _ = imported(written(tmp_path / "a.log", logs.text(iter(lines))))
    (run,) = sweep.runs
    assert run.attempts == 2
    steps = run.curve.points("step", "loss")[0]
    assert steps.tolist() == list(range(0, 201, 10)), "what was trained twice counts once"


def test_lines_of_a_log_come_with_colours_prefixes_and_carriage_returns(imported: Imported, tmp_path: Path) -> None:
    lines = [f"12:00:01 [rank0]: \x1b[32m{line}\x1b[0m" if "iter" in line else line for line in logs.nanogpt()]
    text = "\r\n".join(lines) + "\r\nprogress 1%\rprogress 2%\riter 201: loss 2.0001, time 1.00ms, mfu 3.00%\r\n"
    sweep, _ = imported(written(tmp_path / "a.log", text))
    assert sweep.runs[0].curve.last("step") == 201


def test_a_traceback_at_the_end_is_a_failure(imported: Imported, tmp_path: Path) -> None:
    lines = [*list(logs.nanogpt())[:30], "Traceback (most recent call last):", '  File "train.py", line 3, in <module>']
    lines += ["torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB"]
    sweep, _ = imported(written(tmp_path / "a.log", logs.text(iter(lines))))
    assert sweep.runs[0].state == "failed"
    assert "OutOfMemoryError" in sweep.runs[0].reason


def test_a_loss_that_is_not_a_number_is_a_divergence(imported: Imported, tmp_path: Path) -> None:
    text = logs.text(logs.nanogpt(100)) + "iter 110: loss nan, time 24.37ms, mfu 17.29%\n"
    sweep, _ = imported(written(tmp_path / "a.log", text))
    assert sweep.runs[0].state == "diverged"


def test_llmc_main_log(imported: Imported, tmp_path: Path) -> None:
    path = written(tmp_path / "gpt2_124M" / "main.log", logs.text(logs.llmc_main()))
    given = ("--set", "params=124M", "--set", "tokens_per_step=524,288", "--set", "steps=200")
    sweep, document = imported(path, *given)
    (run,) = sweep.runs
    assert (run.name, run.state, run.params, run.tokens) == ("gpt2_124M", "finished", 124_000_000, 200 * 524_288)
    assert run.curve.points("step", "val_loss")[0].tolist() == [0, 50, 100, 150, 200]
    assert (run.curve.last("lr"), run.curve.last("grad_norm")) == (6e-4, 1.23)
    assert run.curve.last("hellaswag") == pytest.approx(0.3)
    assert document["formats"] == ["llm.c"]
    # What was given stays so when the log is imported again.
    again, document = imported(path)
    assert (again.runs[0].params, document["is_update"], document["added"]) == (124_000_000, True, 0)


def test_what_a_log_lacks_is_named_and_its_state_is_honest(command: Command, tmp_path: Path) -> None:
    status, out, err = command("import", written(tmp_path / "big" / "main.log", logs.text(logs.llmc_main())))
    assert status == 0
    assert "no params in the log: --set params=124M" in err
    assert "tokens_per_step" in err
    assert "stopped" in out


def test_llmc_cuda(imported: Imported, tmp_path: Path) -> None:
    sweep, _ = imported(written(tmp_path / "d12.txt", logs.text(logs.llmc_cuda())))
    (run,) = sweep.runs
    assert (run.state, run.params, run.tokens) == ("finished", 124_475_904, 200 * 524_288)
    assert run.curve.points("step", "val_loss")[0].tolist() == [0, 50, 100, 150, 200]
    assert run.curve.points("step", "loss")[0].tolist() == list(range(1, 201))
    assert run.curve.last("mfu") == pytest.approx(0.483)
    assert run.curve.last("tokens_per_s") == 1_732_541


def test_nanochat_prints(imported: Imported, tmp_path: Path) -> None:
    sweep, _ = imported(written(tmp_path / "d12_train.log", logs.text(logs.nanochat())), "--bytes-per-token", "4.8")
    (run,) = sweep.runs
    assert (run.state, run.params, run.tokens) == ("finished", 286_262_424, 200 * 524_288)
    assert run.non_embedding == 84_935_808 + 24
    assert run.flops == pytest.approx(7.5e8 * 200 * 524_288)
    bpb = run.curve.last("bpb")
    assert bpb is not None
    assert run.loss == pytest.approx(bpb * np.log(2) * 4.8)


def test_nanochat_results_stay_in_bits_per_byte_unless_bytes_per_token_are_given(
    command: Command, imported: Imported, tmp_path: Path
) -> None:
    path = written(tmp_path / "jan26" / "results.csv", logs.text(logs.nanochat_results()))
    status, out, err = command("import", path, "--name", "bits")
    assert status == 0
    assert "bits/byte" in out
    assert "--bytes-per-token" in err
    sweep, _ = imported(path, "--name", "nats", "--bytes-per-token", "4.6")
    assert len(sweep.runs) == 12
    assert {run.state for run in sweep.runs} == {"finished"}
    run = sweep.run("d12-1e18")
    assert run is not None
    assert (run.params, run.flops) == (32768 * 768 * 8 + 12 * 12 * 768 * 768 + 24, 1e18)
    assert run.non_embedding == 12 * 12 * 768 * 768 + 24
    assert run.loss == pytest.approx((run.curve.last("bpb") or 0) * np.log(2) * 4.6)
    status, out, err = command("fit", "nats", "--json", "--bootstrap", "0")
    assert status == 0, err
    assert json.loads(out)["points"] == 12
    status, _, err = command("fit", "bits")
    assert (status, err.count("\n")) == (2, 1)


CSV = "run,step,train/loss,eval/loss,lr,n_params\n" + "".join(
    f"{run},{step},{3 - step / 100 + shift},{3.1 - step / 100 + shift if step % 20 == 0 else ''},0.001,{params}\n"
    for run, shift, params in (("small", 0.5, "10M"), ("large", 0.0, "85M"))
    for step in range(0, 101, 10)
)


def test_a_csv_with_a_column_of_runs(imported: Imported, tmp_path: Path) -> None:
    sweep, _ = imported(written(tmp_path / "history.csv", CSV), "--set", "tokens_per_step=1M", "--finished")
    assert [(run.name, run.params, run.tokens) for run in sweep.runs] == [
        ("small", 10_000_000, 100_000_000),
        ("large", 85_000_000, 100_000_000),
    ]
    small = sweep.runs[0]
    assert small.curve.points("step", "val_loss")[0].tolist() == [0, 20, 40, 60, 80, 100]
    assert small.loss == pytest.approx(2.6)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_csv_from_other_programs(imported: Imported, tmp_path: Path, encoding: str) -> None:
    text = "# exported\r\n" + CSV.replace(",", ";").replace("\n", "\r\n")
    (tmp_path / "history.csv").write_bytes(text.encode(encoding))
    sweep, _ = imported(tmp_path / "history.csv")
    assert [run.name for run in sweep.runs] == ["small", "large"]
    assert {len(run.curve) for run in sweep.runs} == {11}


def test_a_packed_log_is_read(imported: Imported, tmp_path: Path) -> None:
    path = tmp_path / "old.log.gz"
    path.write_bytes(gzip.compress(logs.text(logs.nanogpt()).encode()))
    sweep, _ = imported(path)
    assert (sweep.runs[0].name, sweep.runs[0].state) == ("old", "finished")


def test_a_folder_of_one_csv_a_run(imported: Imported, tmp_path: Path) -> None:
    for name in ("n1", "n2"):
        rows = "".join(f"{step},{4 - step / 50}\n" for step in range(1, 50))
        written(tmp_path / "csv" / name / "metrics.csv", "step,loss\n" + rows)
    written(tmp_path / "csv" / "n1" / "run.json", json.dumps({"n_params": "1.5M", "max_tokens": 1e6, "seed": 3}))
    table = written(tmp_path / "sizes.csv", "run,params\nn2,3M\n")
    sweep, _ = imported(tmp_path / "csv", "--table", table)
    assert [(run.name, run.params, run.seed) for run in sweep.runs] == [("n1", 1_500_000, 3), ("n2", 3_000_000, 0)]


def test_rows_without_steps_are_finished_runs_and_a_state_is_heeded(imported: Imported, tmp_path: Path) -> None:
    text = "name,N,D,final_loss,status\na,1e6,2e7,4.1,finished\nb,2e6,4e7,3.8,crashed\nc,4e6,8e7,3.5,running\n"
    sweep, _ = imported(written(tmp_path / "runs.csv", text))
    states = {run.name: run.state for run in sweep.runs}
    assert states == {"a": "finished", "b": "failed", "c": "stopped"}
    run = sweep.run("a")
    assert run is not None
    assert (run.params, run.tokens, run.loss) == (1_000_000, 20_000_000, 4.1)


def test_two_names_for_one_metric_are_a_question(command: Command, imported: Imported, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "iteration,global_step,train_loss\n1,10,3.0\n2,20,2.9\n")
    status, out, err = command("import", path)
    assert (status, out) == (2, "")
    assert "iteration and global_step could both be step, want --columns step=iteration or step=global_step" in err
    sweep, _ = imported(path, "--columns", "step=global_step")
    assert sweep.runs[0].curve["step"].tolist() == [10, 20]


def test_named_columns(command: Command, imported: Imported, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "it,objective,which\n1,3.0,x\n2,2.9,x\n1,3.5,y\n")
    sweep, _ = imported(path, "--format", "csv", "--columns", "step=it,loss=objective,run=which")
    assert {run.name: run.curve["loss"].tolist() for run in sweep.runs} == {"x": [3.0, 2.9], "y": [3.5]}
    status, _, err = command("import", path, "--format", "csv", "--columns", "loss=nothing")
    assert (status, "no column nothing" in err) == (2, True)


def test_jsonl_as_wandb_writes_histories(imported: Imported, tmp_path: Path) -> None:
    lines = [
        {"_step": step, "_timestamp": 1.7e9 + step, "train": {"loss": 3 - step / 100}, "optim/lr": 1e-3, "tag": "x"}
        | ({"eval/loss": 3.1 - step / 100} if step % 10 == 0 else {})
        for step in range(50)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    sweep, document = imported(written(tmp_path / "wandb-history.jsonl", text + "not json\n" + '{"torn": '))
    (run,) = sweep.runs
    assert run.curve.points("step", "loss")[1][-1] == pytest.approx(2.51)
    assert run.curve.points("time", "val_loss")[0][-1] == 1.7e9 + 40
    assert any("2 lines that are no JSON objects" in note for note in document["notes"])


def test_wandb_chart_exports(imported: Imported, tmp_path: Path) -> None:
    head = '"Step","small - train/loss","small - train/loss__MIN","small - train/loss__MAX","large - train/loss"\n'
    rows = "".join(f'"{step}","{3 - step / 10}","{2}","{4}","{"" if step % 2 else 2.5}"\n' for step in range(10))
    first = written(tmp_path / "loss.csv", head + rows)
    second = written(tmp_path / "val.csv", '"Step","small - val/loss","large - val/loss"\n"0","3.3","2.8"\n')
    sweep, _ = imported(first, second, "--name", "chart")
    assert sorted(run.name for run in sweep.runs) == ["large", "small"]
    small, large = sweep.run("small"), sweep.run("large")
    assert small is not None
    assert large is not None
    assert small.curve.metrics == ("step", "loss", "val_loss")
    assert len(large.curve.points("step", "loss")[0]) == 5
    assert large.curve.last("val_loss") == 2.8


HISTORY = [
    {"epoch": 0.25, "grad_norm": 0.8, "learning_rate": 4e-05, "loss": 3.9, "num_input_tokens_seen": 256, "step": 4},
    {"epoch": 0.25, "eval_loss": 3.95, "eval_runtime": 0.006, "eval_samples_per_second": 10033.8, "step": 4},
    {"epoch": 0.75, "grad_norm": 0.7, "learning_rate": 4e-06, "loss": 3.2, "num_input_tokens_seen": 768, "step": 12},
    {"epoch": 0.75, "eval_loss": 3.3, "eval_runtime": 0.006, "num_input_tokens_seen": 768, "step": 12},
    {"epoch": 0.75, "step": 12, "total_flos": 1.5e7, "train_loss": 3.6, "train_runtime": 0.11},
]
TRAINER_STATE = {
    "best_metric": None, "epoch": 0.75, "global_step": 12, "log_history": HISTORY, "max_steps": 12,
    "num_input_tokens_seen": 768, "num_train_epochs": 1, "total_flos": 1.5e7, "train_batch_size": 4,
}  # fmt: skip


def test_trainer_state_of_a_run_with_checkpoints(imported: Imported, tmp_path: Path) -> None:
    early = TRAINER_STATE | {"global_step": 4, "log_history": HISTORY[:2]}
    written(tmp_path / "out" / "checkpoint-4" / "trainer_state.json", json.dumps(early, indent=2))
    written(tmp_path / "out" / "checkpoint-12" / "trainer_state.json", json.dumps(TRAINER_STATE, indent=2))
    header = json.dumps({"a": {"dtype": "F32", "shape": [64, 16], "data_offsets": [0, 4096]}, "__metadata__": {}})
    tensors = len(header).to_bytes(8, "little") + header.encode()
    (tmp_path / "out" / "checkpoint-12" / "model.safetensors").write_bytes(tensors)
    sweep, document = imported(tmp_path / "out")
    (run,) = sweep.runs
    assert (run.name, run.state, run.params, run.tokens, run.flops) == ("out", "finished", 1024, 768, 1.5e7)
    assert run.curve.points("step", "loss")[1].tolist() == [3.9, 3.2], "the average over the training is no record"
    assert run.loss == 3.3
    assert any("total_flos" in note for note in document["notes"])
    sweep, _ = imported(tmp_path / "out" / "checkpoint-4" / "trainer_state.json", "--name", "early")
    assert (sweep.runs[0].name, sweep.runs[0].state) == ("out", "stopped")


def test_tensorboard(imported: Imported, tmp_path: Path) -> None:
    for name, floor in (("small", 3.0), ("large", 2.5)):
        (tmp_path / "tb" / name).mkdir(parents=True)
        events = [event(step, {"train/loss": floor + 1 / (step + 1), "train/lr": 1e-3}) for step in range(40)]
        events += [event(step, {"val/loss": floor + 1.1 / (step + 1)}, double=True) for step in range(0, 40, 10)]
        (tmp_path / "tb" / name / "events.out.tfevents.1700000000.host.1.0").write_bytes(event_file(events))
    sweep, _ = imported(tmp_path / "tb")
    assert [run.name for run in sweep.runs] == ["large", "small"]
    run = sweep.runs[1]
    assert run.curve["step"].tolist() == sorted(run.curve["step"].tolist()), "tags come one after the other"
    assert run.curve.points("step", "val_loss")[1].tolist() == [3.0 + 1.1 / (step + 1) for step in range(0, 40, 10)]
    assert run.curve.points("time", "loss")[0][0] == 1.7e9


def test_tensorboard_files_that_are_damaged_or_cut_off(imported: Imported, tmp_path: Path) -> None:
    folder = tmp_path / "tb"
    folder.mkdir()
    events = [event(step, {"loss": 3.0 - step / 100}) for step in range(20)]
    broken = bytearray(events[5])
    broken[20] ^= 0xFF
    picture = event(7, {"x" * 20_000: 1.0})  # larger than any scalar
    content = event_file([*events[:5], bytes(broken), picture, *events[6:]])
    (folder / "events.out.tfevents.1.h").write_bytes(content[:-7])
    sweep, document = imported(folder)
    assert sweep.runs[0].curve.points("step", "loss")[0].tolist() == [s for s in range(19) if s != 5]
    assert any("1 damaged records" in note for note in document["notes"])


def test_tensorboard_of_a_training_that_was_resumed(imported: Imported, tmp_path: Path) -> None:
    folder = tmp_path / "tb"
    folder.mkdir()
    first = event_file(event(step, {"loss": 9.0}) for step in range(20))
    second = event_file([start(10), *(event(step, {"loss": 2.0}) for step in range(10, 30))])
    (folder / "events.out.tfevents.1.h").write_bytes(first)
    (folder / "events.out.tfevents.2.h").write_bytes(second)
    sweep, _ = imported(folder)
    assert sweep.runs[0].curve["loss"].tolist() == [9.0] * 10 + [2.0] * 20


def test_what_torch_writes_is_read(imported: Imported, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(tmp_path / "tb"))
    writer.add_text("config", "lr 1e-3")
    for step in range(30):
        writer.add_scalar("Loss/train", 3 - step / 100, step)
        writer.add_scalar("Loss/val", 3.1 - step / 100, step, new_style=True)
        writer.add_scalar("accuracy", step / 100, step, double_precision=True)
    writer.close()
    sweep, _ = imported(tmp_path / "tb")
    (run,) = sweep.runs
    assert run.curve["step"].tolist() == list(range(30))
    assert run.curve["loss"].tolist() == [pytest.approx(3 - step / 100) for step in range(30)]
    assert run.curve["val_loss"].tolist() == [pytest.approx(3.1 - step / 100) for step in range(30)]
    assert run.curve.column("accuracy").tolist() == [pytest.approx(step / 100) for step in range(30)]


def test_what_wandb_writes_offline_is_read(imported: Imported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_SILENT", "true")
    run = wandb.init(
        mode="offline", project="p", name="tiny run", dir=str(tmp_path), config={"n_params": 124_000_000, "lr": 6e-4}
    )
    for step in range(600):
        run.log({"train/loss": 10 / (step + 1) + 2, **({"val/loss": 2.5} if step % 100 == 0 else {})})
    run.finish()
    sweep, _ = imported(tmp_path / "wandb", "--format", "wandb")
    (found,) = sweep.runs
    assert (found.name, found.state, found.params) == ("tiny-run", "finished", 124_000_000)
    assert found.curve["step"].tolist() == list(range(600))
    assert found.curve["loss"].tolist() == [10 / (step + 1) + 2 for step in range(600)]


def test_without_wandb_one_line_says_what_to_install(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("wandb", "wandb.proto"):
        monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / "run-a.wandb").write_bytes(b":W&B\xe1\xbe\x00")
    status, out, err = command("import", tmp_path / "run-a.wandb")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "pip install 'scaling-tui[wandb]'" in err


def test_what_is_not_known_says_what_was_found_and_what_is(command: Command, tmp_path: Path, runs: Path) -> None:
    status, out, err = command("import", written(tmp_path / "notes.txt", "dear diary\n"))
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "found 'dear diary', want CSV or JSON lines with a loss, TensorBoard" in err
    (tmp_path / "blob").write_bytes(bytes(range(256)) * 100)
    for path in (tmp_path / "blob", tmp_path / "nowhere", tmp_path):
        status, out, err = command("import", path)
        assert (status, out, err.count("\n")) == (2, "", 1), path
    assert not runs.exists(), "nothing is left behind"


def test_several_kinds_in_one_folder_are_a_question(command: Command, imported: Imported, tmp_path: Path) -> None:
    written(tmp_path / "out" / "trainer_state.json", json.dumps(TRAINER_STATE))
    (tmp_path / "out" / "runs").mkdir()
    (tmp_path / "out" / "runs" / "events.out.tfevents.1.h").write_bytes(event_file([event(1, {"loss": 3.0})]))
    status, _, err = command("import", tmp_path / "out")
    assert (status, err.count("\n")) == (2, 1)
    assert "found tensorboard (1), trainer-state (1)" in err
    sweep, _ = imported(tmp_path / "out", "--format", "trainer-state")
    assert len(sweep.runs) == 1


UNUSUAL = "experiment;it;nll/train\n" + "".join(f"{run};{it};{5 - it / 10}\n" for run in "ab" for it in range(10))


def test_a_table_of_unusual_names_asks_for_the_loss_and_takes_the_answer(
    command: Command, imported: Imported, tmp_path: Path
) -> None:
    path = written(tmp_path / "hist.csv", UNUSUAL)
    status, _, err = command("import", path)
    assert status == 2
    assert "no column of a loss, found experiment, it, nll/train; want --columns loss=NAME" in " ".join(err.split())
    sweep, _ = imported(path, "--columns", "run=experiment,step=it,loss=nll/train")
    assert [(run.name, run.curve.last("loss")) for run in sweep.runs] == [("a", 4.1), ("b", 4.1)]


def test_json_lines_of_unusual_names_ask_for_the_loss_and_take_the_answer(
    command: Command, imported: Imported, tmp_path: Path
) -> None:
    path = written(
        tmp_path / "h.jsonl", "".join(json.dumps({"_step": i, "obj": {"a": 5 - i}}) + "\n" for i in range(4))
    )
    status, _, err = command("import", path)
    assert status == 2
    assert "no column of a loss, found _step, obj/a; want --columns loss=NAME" in " ".join(err.split())
    sweep, _ = imported(path, "--columns", "loss=obj/a")
    assert sweep.runs[0].curve.last("loss") == 2


def test_a_loss_in_camel_case_is_a_usual_name(imported: Imported, tmp_path: Path) -> None:
    line = '{{"_step": {0}, "train/CrossEntropyLoss": 3.5, "eval/CrossEntropyLoss": 3.75}}\n'
    sweep, _ = imported(written(tmp_path / "h.jsonl", "".join(map(line.format, range(4)))))
    assert (sweep.runs[0].curve.last("loss"), sweep.runs[0].curve.last("val_loss")) == (3.5, 3.75)


def test_a_given_name_that_nothing_has_is_named(command: Command, tmp_path: Path) -> None:
    history = written(tmp_path / "h.jsonl", "".join(json.dumps({"step": i, "loss": 5 - i}) + "\n" for i in range(4)))
    status, _, err = command("import", history, "--columns", "val_loss=eval/nll")
    assert status == 0
    assert "nothing in it is called eval/nll" in " ".join(err.split())
    status, _, err = command(
        "import", written(tmp_path / "train.log", logs.text(logs.nanogpt())), "--columns", "loss=x"
    )
    assert status == 2
    assert "--columns: found with a log of nanogpt, which has no columns to name" in " ".join(err.split())


def test_a_log_without_an_end_says_how_to_take_it_as_finished(command: Command, tmp_path: Path) -> None:
    path = written(tmp_path / "big" / "main.log", logs.text(logs.llmc_main()))
    status, out, _ = command("import", path, "--name", "big", "--set", "params=124M")
    assert status == 0
    says = "the log does not say that it finished; import it with --finished if it did"
    assert f"1 run stopped: {says}" in " ".join(out.split())
    status, _, err = command("fit", "big")
    assert status == 2
    assert f"no finished run yet to fit a law to (1 stopped): {says}" in " ".join(err.split())
