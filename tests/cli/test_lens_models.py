"""`trace` of models that were not trained here: a folder, its family, its training; what is wrong is one line."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

from scaling_tui.cli import app as cli
from scaling_tui.lens.client import Tracer
from tests.lens.tiny_models import VOCAB, edit, logits, save

pytest.importorskip("transformers")

Command = Callable[..., tuple[int, str, str]]
PROMPT = "the dog sat on the"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sizes of one family, another model of the same tokens, and a training with three checkpoints."""
    folder = tmp_path_factory.mktemp("models")
    save(folder / "pythia-small", "pythia", num_hidden_layers=1)
    save(folder / "pythia-large", "pythia", dtype=torch.bfloat16, shard="20KB")
    save(folder / "qwen", "qwen3")
    for step in (10, 200, 3000):
        save(folder / "out" / f"checkpoint-{step}", "llama", seed=step)
    return folder


@pytest.fixture(scope="module")
def tracer() -> Iterator[Tracer]:
    with Tracer() as one:
        yield one


@pytest.fixture
def command(
    models: Path, tracer: Tracer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """`scaling-tui trace ARGS…` in the folder of the models, with one tracing process for all."""
    monkeypatch.setattr("scaling_tui.lens.client.Tracer", lambda: nullcontext(tracer))
    monkeypatch.chdir(models)
    monkeypatch.setenv("HF_HUB_CACHE", str(models / "hub"))

    def run(*args: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["scaling-tui", "trace", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


def test_the_last_row_is_the_librarys_prediction_in_the_terminal_too(command: Command, models: Path) -> None:
    status, out, err = command("pythia-large", "--prompt", PROMPT, "--json", "--continue", 3)
    found = json.loads(out)
    assert (status, found["version"], found["run"], found["step"], found["rung"]) == (0, 1, "pythia-large", None, None)
    own = logits(models / "pythia-large", [token["id"] for token in found["tokens"]])[-1].softmax(-1)
    best = own.topk(5)
    assert [guess["id"] for guess in found["layers"][-1]["top"]] == best.indices.tolist()
    assert [guess["p"] for guess in found["layers"][-1]["top"]] == pytest.approx(best.values.tolist(), rel=1e-3)
    assert found["continuation"]["tokens"][0]["id"] == best.indices[0]
    assert [layer["name"] for layer in found["layers"]][:3] == ["embedding", "1 attention", "1 MLP"]
    parts = found["attribution"]["parts"]
    assert sum(part["value"] for part in parts) == pytest.approx(found["attribution"]["logit"], rel=1e-4, abs=1e-4)
    assert (found["shape"]["parallel"], found["outputs"]) == (True, VOCAB)
    assert "attention and MLP of a layer read the same stream" in err


def test_the_text_tells_the_same(command: Command) -> None:
    status, out, err = command("qwen", "--prompt", PROMPT, "--watch", " the")
    assert (status, err) == (0, "")
    for said in (
        "qwen, N ", "prompt (typed) the␣dog␣sat␣on␣the", "6 heads of dimension 8 attend to the tokens so far (they",
        "p of '␣the'", "1 attention", "head ", "continuation (greedy)",
    ):  # fmt: skip
        assert said in out
    status, out, _ = command("pythia-small", "--example", 1)
    assert status == 0 and "prompt (sample text no. 1)" in out
    assert "both read the residual stream before the layer" in " ".join(out.split())


def test_a_training_of_another_trainer_is_read_at_its_last_or_any_step(command: Command, models: Path) -> None:
    for args, step in ((["out"], 3000), (["out", "--checkpoint", 200], 200), (["out/checkpoint-10"], 10)):
        status, out, _ = command(*args, "--prompt", PROMPT, "--json", "--continue", 0)
        assert (status, json.loads(out)["step"]) == (0, step)
    for where in ("out", "out/checkpoint-10"):
        status, out, _ = command(where, "--across", "time", "--prompt", PROMPT, "--json")
        found = json.loads(out)
        assert (status, [member["step"] for member in found["members"]]) == (0, [10, 200, 3000])
        assert found["rows"][0]["kl"] > found["rows"][-1]["kl"] == 0
    status, _, err = command("out", "--checkpoint", 7)
    assert (status, err.count("\n")) == (2, 1)
    assert "no checkpoint of step 7; available: 10, 200, 3000" in err


def test_a_family_and_chosen_models_are_compared(command: Command) -> None:
    status, out, _ = command("pythia-large", "--across", "ladder", "--prompt", PROMPT)
    lines = [line.split() for line in out.splitlines() if line.startswith("  pythia")]
    assert (status, [line[0] for line in lines]) == (0, ["pythia-small", "pythia-large"])
    assert [line[2] for line in lines] == ["–", "–"], "their folders tell no step"
    status, out, _ = command("qwen", "--across", "pythia-small", "--across", "out", "--prompt", PROMPT, "--json")
    found = json.loads(out)
    assert status == 0
    assert [member["name"] for member in found["members"]] == ["qwen", "pythia-small", "checkpoint-3000"]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["nothing-here"], "nor is there a model's folder of that name"),
        (["Eleuther/pythia"], "nor is there a model's folder of that name"),
        (["."], "no config.json, want a model's folder in Hugging Face's layout; models are in pythia-large"),
        (["out/.."], "no config.json"),
        (["qwen/model.safetensors"], "a file, want the folder that holds config.json"),
        (["qwen", "--at", "99", "--prompt", "the"], "--at 99: not a position in the prompt, want 1 to 1"),
        (["qwen", "--watch", "the dog"], "token 'the dog': found 2 tokens"),
        (["qwen", "--watch", f"#{VOCAB}"], f"want a whole number from 0 to {VOCAB - 1}"),
        (["qwen", "--prompt", ""], "prompt '': found no tokens"),
        (["qwen", "--across", "time"], "found 0 checkpoints, want two or more"),
        (["qwen", "--across", "ladder"], "found 1 model of its family beside it, want two or more"),
        (["qwen", "--across", "ladder", "--across", "out"], "--across ladder: found with other names, want it alone"),
        (["qwen", "--across", "moon"], "--across 'moon': neither 'ladder' nor 'time', nor a run or a model"),
        (["qwen", "--across", "out", "--checkpoint", "3"], "--checkpoint: found with --across, want one of them"),
        (["qwen", "--device", "moon"], "--device moon: not available here"),
    ],
)
def test_what_is_wrong_is_one_line(command: Command, args: list[str], told: str) -> None:
    status, out, err = command(*args)
    assert (status, out) == (2, "")
    assert told in err and err.count("\n") == 1


def test_names_and_tokens_of_a_folder_can_do_nothing_to_the_terminal(command: Command, models: Path) -> None:
    folder = save(models / "evil\x1b[31m\u202e", "llama")
    path = folder / "tokenizer.json"
    document = json.loads(path.read_text())
    document["added_tokens"] = [
        {"id": 0, "content": "\x1b]0;mine\x07", "special": False, "single_word": False, "lstrip": False,
         "rstrip": False, "normalized": False}
    ]  # fmt: skip
    path.write_text(json.dumps(document))
    for args in (["--watch", "#0"], ["--across", "ladder"]):
        status, out, _ = command(folder, "--prompt", "the cat", *args)
        assert not set(out) & {"\x1b", "\x07", "\u202e"}, args
    edit(folder, model_type="\x1b[2J")
    status, _, err = command(folder, "--prompt", "the cat")
    assert (status, set(err) & {"\x1b", "\u202e"}) == (2, set())


def test_a_run_keeps_its_name_and_takes_no_device(command: Command, models: Path) -> None:
    from tests.conftest import record_sweep

    record_sweep(models / "runs", ["queued"] * 7, name="qwen")
    status, _, err = command("qwen/r1-s0", "--device", "cuda")
    assert status == 2 and "--device cuda: found with a run" in err
    status, _, err = command("runs/qwen")
    assert status == 2 and "known: qwen" in err, "a sweep's folder is no model"
