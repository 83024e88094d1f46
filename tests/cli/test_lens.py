"""`trace` from outside: four stages, a row a part, across the ladder and in time, and every wrong prompt told."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from scaling_tui import InputError
from scaling_tui.cli import app as cli
from scaling_tui.lens.client import Tracer, ladder_of, to_trace
from scaling_tui.runs import find_run, read_sweep
from scaling_tui.text import show
from tests.conftest import trained_sweep

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rungs of a small model that learned a few sentences, all their checkpoints, and a classifier."""
    return trained_sweep(tmp_path_factory.mktemp("traced"))


@pytest.fixture(scope="module")
def tracer() -> Iterator[Tracer]:
    with Tracer() as one:
        yield one


@pytest.fixture
def command(runs: Path, tracer: Tracer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """`scaling-tui trace ARGS…` in this process, with one tracing process for all: torch takes seconds to import."""
    monkeypatch.setattr("scaling_tui.lens.client.Tracer", lambda: nullcontext(tracer))

    def run(*args: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["scaling-tui", "trace", *map(str, args), "--runs", str(runs)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


def test_the_document_holds_the_stages_the_layers_and_the_prediction(command: Command) -> None:
    status, out, _ = command("words/large-s0", "--prompt", "the cat sat on the", "--json", "--top", 3, "--seed", 4)
    found = json.loads(out)
    assert (status, found["version"]) == (0, 1)
    assert [stage["name"] for stage in found["stages"]] == [
        "input embedding", "transformer layers", "output layer", "prediction",
    ]  # fmt: skip
    names = ["embedding", "1 attention", "1 MLP", "2 attention", "2 MLP", "output"]
    assert [layer["name"] for layer in found["layers"]] == found["grid"]["names"] == names
    assert all(len(layer["top"]) == 3 for layer in found["layers"])
    last = found["layers"][-1]
    assert found["prediction"] == last["top"][0]
    assert found["prediction"]["token"] == " ", "it has learned that a word is over"
    assert (last["kl"], found["layers"][0]["kl"] > 0.1) == (0.0, True)
    assert found["layers"][0]["p_true"] is None, "nobody knows what comes after a prompt that was typed"
    assert len(found["tokens"]) == len(found["grid"]["kl"][0]) == 18
    assert found["grid"]["rank_true"][-1][-1] is None
    parts = found["attribution"]["parts"]
    assert sum(part["value"] for part in parts) == pytest.approx(found["attribution"]["logit"], rel=1e-4)
    assert len(found["continuation"]["tokens"]) == 16


def test_without_a_prompt_it_reads_held_out_text_and_knows_the_truth(command: Command) -> None:
    status, out, _ = command("words/large-s0", "--json", "--example", 2)
    found = json.loads(out)
    assert status == 0
    assert found["origin"].startswith("held out of") and found["origin"].endswith("no. 2")
    assert found["truth"][:-1] == found["tokens"][1:]
    assert found["truth"][-1] is not None
    p = found["grid"]["p_true"][-1]
    assert sum(p) / len(p) > 0.3, "the sentences were learned"
    watched = found["layers"][-1]["watched"]
    assert watched["p"] == pytest.approx(found["layers"][-1]["p_true"])


def test_the_text_tells_the_same(command: Command) -> None:
    status, out, err = command("words/large-s0", "--prompt", "the cat sat on the", "--watch", "t", "--at", 17)
    assert (status, err) == (0, "")
    for said in (
        "words/large-s0 at step 240", "1 input embedding  (18 × 24)", "2 transformer layers", "3 output layer",
        "4 prediction", "logit of 't'", "p of 't'", "at position 17", "continuation (greedy)",
    ):  # fmt: skip
        assert said in out
    assert "The true token is 'e'" in out or "Right: the true token is 'e'" in out


def test_the_same_prompt_through_the_ladder_and_through_time(command: Command) -> None:
    status, out, _ = command("words/small-s0", "--across", "ladder", "--json")
    ladder = json.loads(out)
    assert status == 0
    assert [member["name"] for member in ladder["members"]] == ["small", "large"]
    assert ladder["rows"][-1]["kl"] == 0.0 < ladder["rows"][0]["kl"]
    status, out, _ = command("words/large-s0", "--across", "time", "--json")
    time = json.loads(out)
    assert [member["step"] for member in time["members"]] == [60, 120, 180, 240], "keep_checkpoints = 4"
    assert time["prompt_loss"][-1] < time["prompt_loss"][0] - 0.1, "training made the text likelier"
    status, out, _ = command("words/large-s0", "--across", "time")
    assert status == 0 and "step 60" in out and "nats per token" in out


def test_an_early_checkpoint_can_be_asked_for(command: Command) -> None:
    status, out, _ = command("words/large-s0", "--checkpoint", 60, "--json")
    assert (status, json.loads(out)["step"]) == (0, 60)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--prompt", ""], "prompt '': found no tokens, want at least one"),
        (["--checkpoint", "7"], "no checkpoint of step 7; available: 60, 120, 180, 240"),
        (["--at", "99", "--prompt", "cat"], "--at 99: not a position in the prompt, want 1 to 3"),
        (["--watch", "the", "--prompt", "cat"], "token 'the': found 3 tokens ('t', 'h', 'e'), want one"),
        (["--watch", "#256", "--prompt", "cat"], "token '#256': not known, want a whole number from 0 to 255"),
        (["--across", "space"], "--across 'space': neither 'ladder' nor 'time', nor a run or a model"),
    ],
)
def test_what_is_wrong_is_one_line(command: Command, args: list[str], told: str) -> None:
    status, out, err = command("words/large-s0", *args)
    assert (status, out) == (2, "")
    assert told in err and err.count("\n") == 1


def test_a_prompt_longer_than_the_context_keeps_its_end_and_says_so(command: Command) -> None:
    status, out, err = command("words/large-s0", "--prompt", "x" * 40 + "the cat", "--json")
    assert status == 0
    assert len(json.loads(out)["tokens"]) == 32
    assert "the prompt has 47 tokens but the model's context is 32: the first 15 are cut" in err


@pytest.mark.parametrize("prompt", ["a\x1b[31mb\x07\r\n", "שלום", "e\u0301\u202eevil", "\udcff\udc00", "日本 🙂"])
def test_no_prompt_can_do_anything_to_the_terminal(command: Command, prompt: str) -> None:
    status, out, err = command("words/large-s0", "--prompt", prompt)
    assert (status, err) == (0, "")
    assert not set(out) & {"\x1b", "\x07", "\r", "\u202e"}
    assert all(one == "\n" or one.isprintable() or one in "\u2068\u2069" for one in out)


def test_a_classifier_gives_classes_by_layer(command: Command) -> None:
    status, out, _ = command("classes/one-s0", "--json")
    found = json.loads(out)
    assert status == 0
    assert {guess["token"] for layer in found["layers"] for guess in layer["top"]} == {"class-0", "class-1"}
    assert (found["classifies"], found["continuation"], len(found["truth"])) == (True, None, 1)
    assert sum(part["value"] for part in found["attribution"]["parts"]) == pytest.approx(
        found["attribution"]["logit"], rel=1e-4, abs=1e-6
    )
    status, out, _ = command("classes/one-s0", "--prompt", "3 1 4 1 5")
    assert status == 0 and "class-1" in out
    status, _, err = command("classes/one-s0", "--prompt", "3 one 4")
    assert status == 2 and "token 'one': not known, want a whole number from 0 to 19" in err


def test_it_reads_a_run_that_still_trains_and_one_process_answers_all(runs: Path, tracer: Tracer) -> None:
    run = find_run(runs, "words/large-s0").path
    first = tracer.trace(run, step=60, prompt="the dog")
    second = tracer.trace(run, prompt="the dog")
    assert (first.step, second.step) == (60, 240)
    process = tracer._process
    assert process is not None
    sweep = read_sweep(runs / "words")
    chosen = to_trace(sweep)
    assert chosen is not None and chosen.rung == "large"
    assert [name for name, *_ in ladder_of(sweep, chosen)] == ["small", "large"]
    with pytest.raises(InputError, match="found no token"):
        tracer.trace(run, prompt="")
    assert tracer._process is process and process.poll() is None, "a wrong prompt ends nothing"


def test_the_process_ends_with_its_owner_and_another_answers_after_it_fell(runs: Path) -> None:
    run = find_run(runs, "words/small-s0").path
    with Tracer() as tracer:
        tracer.trace(run, prompt="a")
        process = tracer._process
        assert process is not None
        process.kill()
        process.wait()
        assert tracer.trace(run, prompt="a").step == 240
        process = tracer._process
    assert process is not None and process.poll() is not None


def test_a_checkpoint_that_is_broken_gives_way_to_the_one_before(runs: Path, tmp_path: Path, tracer: Tracer) -> None:
    import shutil

    shutil.copytree(runs / "words", tmp_path / "words")
    run = find_run(tmp_path, "words/large-s0")
    weights = run.path / "attempt-1" / "checkpoint-240" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    assert tracer.trace(run.path, prompt="a").step == 180
    for folder in (run.path / "attempt-1").glob("checkpoint-*"):
        shutil.rmtree(folder)
    with pytest.raises(InputError, match="no checkpoint"):
        tracer.trace(run.path, prompt="a")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a b\n", "a␣b↵"), ("\t\x00\x7f", "⇥␀␡"), ("\x85\xa0", "\\x85\\xa0"),
        ("\u202e", "\\u202e"), ("\u0301", "◌\u0301"),
        ("é", "é"), ("א", "\u2068א\u2069"), ("\u200d", "\\u200d"),
    ],
)  # fmt: skip
def test_tokens_are_shown_safely(text: str, shown: str) -> None:
    assert show.token(text) == shown
