"""What fits and reports make of runs that somebody else's trainer wrote, with more and with less than ours writes."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from scaling_tui.cli import app as cli
from scaling_tui.runs import Writer, create_sweep
from scaling_tui.text.visible import HARMFUL

SIZES = (1e5, 3e5, 1e6, 3e6, 1e7, 3e7)
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Runs `scaling-tui ARGS… --runs TMP` in this process; returns status, stdout and stderr."""

    def call(*args: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["scaling-tui", *args, "--runs", str(tmp_path)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    return call


def write(
    runs: Path,
    more: Sequence[Mapping[str, Any]] = ({},) * len(SIZES),
    document: Mapping[str, Any] | None = None,
    *,
    tokens: Callable[[int, int], int | None] = lambda number, step: 4096 * step,
    held_out: bool = False,
) -> None:
    """A sweep `mine`; its losses follow a known law. `more` is what the run.json of each run has beside `params`."""
    sweep = create_sweep(runs, "mine", document or {})
    for number, (params, config) in enumerate(zip(SIZES, more, strict=True)):
        with Writer.create(sweep / f"n{number}", {"params": params, **config}) as run:
            for step in range(1, 21):
                loss = 1.7 + 40 / params**0.35 + 2 / step + 1e-4 * ((number * 7 + step) % 5)
                record: dict[str, float] = {"step": step, "loss": loss, "accuracy": step / 20}
                if (seen := tokens(number, step)) is not None:
                    record["tokens"] = seen
                if held_out:
                    record["val_loss"] = loss + 0.1
                run.log(**record)


def fitted(command: Command, *options: str) -> dict[str, Any]:
    status, out, err = command("fit", "mine", "--json", "--bootstrap", "0", *options)
    assert status == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def test_params_alone_are_enough(tmp_path: Path, command: Command) -> None:
    write(tmp_path, tokens=lambda number, step: None)
    found = fitted(command)
    assert (found["law"], found["points"]) == ("chinchilla-n", 6)
    assert found["convention"] == {"params": "all", "flops": "unknown"}
    assert found["coefficients"]["alpha"] == pytest.approx(0.35, abs=0.03)
    assert found["holdout"]["by"] == "params"
    status, out, err = command("fit", "mine", "--law", "chinchilla")
    assert (status, out) == (2, "")
    assert "no run has tokens" in err


def test_tokens_of_the_last_record_give_the_law_its_D(tmp_path: Path, command: Command) -> None:
    write(tmp_path, tokens=lambda number, step: 1000 * step * (1 + number % 3))
    found = fitted(command)
    assert (found["law"], found["points"]) == ("chinchilla", 6)
    assert found["convention"] == {"params": "all", "flops": "6ND"}


def test_what_some_runs_lack_is_named(tmp_path: Path, command: Command) -> None:
    write(tmp_path, [{"tokens": 10**6 * number} if number > 2 else {} for number in range(6)],
          tokens=lambda number, step: None)  # fmt: skip
    status, out, err = command("fit", "mine")
    assert (status, out) == (2, "")
    assert "3 of 6 runs have no tokens: n0, n1, n2; 3 usable, chinchilla has 5 coefficients" in err
    found = fitted(command, "--law", "chinchilla-n")
    assert found["points"] == 6
    assert fitted(command, "--law", "chinchilla-d")["warnings"][1] == "left out: 3 of 6 runs have no tokens: n0, n1, n2"


@pytest.mark.parametrize("fit", [{"law": "chinchilla-n"}, {"law": "chinchilla-n", "params": "non-embedding"}])
def test_without_non_embedding_all_parameters_are_fitted_and_it_is_said(
    tmp_path: Path, command: Command, fit: dict[str, str]
) -> None:
    write(tmp_path, document={"fit": fit})
    assert fitted(command)["convention"]["params"] == "all"
    _, out, _ = command("attach", "mine")
    assert "law chinchilla-n through 6 runs, N all" in out


def test_runs_without_the_count_that_the_sweep_asks_for_are_left_out_by_name(tmp_path: Path, command: Command) -> None:
    more = [{"non_embedding": params * 0.8} if number > 1 else {} for number, params in enumerate(SIZES)]
    write(tmp_path, more, {"fit": {"law": "chinchilla-n", "params": "non-embedding"}})
    found = fitted(command)
    assert (found["convention"]["params"], found["points"]) == ("non-embedding", 4)
    assert found["warnings"][0] == "n0, n1 left out: no non_embedding in run.json"
    _, out, _ = command("attach", "mine")
    assert "law chinchilla-n through 4 runs, N non-embedding" in out
    assert "n0, n1 left out: no non_embedding in run.json" in out


@pytest.mark.parametrize(
    ("held_out", "loss"),
    [(True, "held-out loss (val_loss)"), (False, "mean of the last tenth of the training loss")],
)
def test_the_loss_that_was_fitted_is_said(tmp_path: Path, command: Command, held_out: bool, loss: str) -> None:
    write(tmp_path, held_out=held_out)
    assert fitted(command)["loss"] == loss
    assert f"fitted to the {loss}" in command("fit", "mine", "--bootstrap", "0")[1]


def test_what_else_is_known_is_used(tmp_path: Path, command: Command) -> None:
    more = [{"flops": 7e6 * p, "unique_tokens": 20_000, "tokens": 10**5, "architecture": {"vocab": 64}} for p in SIZES]
    write(tmp_path, more)
    assert fitted(command)["convention"]["flops"] == "as given"
    _, out, _ = command("attach", "mine", "--json")
    assert [run["flops_basis"] for run in json.loads(out)["runs"]] == ["given"] * 6
    assert [case["unique_tokens"] for case in json.loads(out)["outcome"]] == [20_000] * 6


def test_other_metrics_are_printed_and_are_in_json_and_csv(tmp_path: Path, command: Command) -> None:
    write(tmp_path)
    _, out, _ = command("attach", "mine")
    assert "  last value  accuracy\n  n0                 1\n" in out
    _, out, _ = command("runs", "--json")
    assert json.loads(out)["sweeps"][0]["runs"][0]["metrics"]["accuracy"] == 1.0
    _, out, _ = command("export", "mine", "--curves")
    assert "accuracy" in out.splitlines()[0].split(",")
    assert out.splitlines()[1].endswith(",0.05")


def test_names_of_metrics_reach_no_terminal_unfiltered(tmp_path: Path, command: Command) -> None:
    run = Writer.create(tmp_path / "mine" / "n0", {"params": 10})
    odd = {"[red]x": 1, "\x1b]0;owned\x07": 2, "\u202egnp": 3, "a\nb": 4, "x" * 120: 5, "y" * 121: 6}
    (run.attempt / "metrics.jsonl").write_text(json.dumps({"step": 1, "loss": 2.0, **odd}) + "\n")
    run.end()
    for args in (("attach", "mine"), ("attach", "mine", "--json"), ("runs",), ("runs", "--json"), ("export", "mine")):
        status, out, err = command(*args)
        assert status == 0, err
        assert not HARMFUL.search((out + err).replace("\n", "")), args
    assert "[red]x" in command("attach", "mine")[1]
    assert "left out metrics whose name is not 1 to 120 printable characters" in command("attach", "mine")[1]


def test_a_sweep_without_runs_is_told_as_such(tmp_path: Path, command: Command) -> None:
    create_sweep(tmp_path, "mine", {})
    assert command("attach", "mine")[1] == "mine · empty (no runs yet)\n"
    status, _, err = command("fit", "mine")
    assert status == 2
    assert "no finished run yet to fit a law to (it has no runs)" in err
