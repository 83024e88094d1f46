"""Predict, then run: asked from what is known, answered, trained where it is not, scored against the law's own."""

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from scaling_tui import InputError
from scaling_tui.cli.app import app
from scaling_tui.report.prediction_game import challenge_of, find_challenge, question_text, score_text
from scaling_tui.runs import create_sweep, read_sweep
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import lay_out
from scaling_tui.tutor.prediction_game import KnownRun, keep, read_guess, score, shape
from scaling_tui.tutor.progress import progress_file, read_answers
from tests.conftest import FINISHED, record_sweep


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def test_the_largest_run_is_asked_from_those_below_it_and_its_loss_is_not_shown(tmp_path: Path) -> None:
    asked = challenge_of(read_sweep(record_sweep(tmp_path, FINISHED)))
    assert (asked.run, asked.measured) == ("r7-s0", 1.4479)
    assert [one.run for one in asked.known] == [f"r{number}-s0" for number in range(1, 7)]
    assert asked.low is not None and asked.high is not None
    assert asked.low < asked.predicted < asked.high
    assert "1.4479" not in question_text(asked)
    assert "1.5288" in question_text(asked)


def test_the_law_has_seen_no_more_than_the_learner(tmp_path: Path) -> None:
    finished = challenge_of(read_sweep(record_sweep(tmp_path / "a", FINISHED)))
    under_way = challenge_of(read_sweep(record_sweep(tmp_path / "b", [*["finished"] * 6, "running"])))
    assert (under_way.predicted, under_way.known) == (finished.predicted, finished.known)
    assert under_way.measured is None
    with pytest.raises(InputError, match="has not ended"):
        score(under_way, 1.4)


@pytest.mark.parametrize(
    ("guess", "nearer", "says"),
    [(1.448, "you", "You were nearer"), (2.0, "law", "extend it by one step"), (None, "equal", "equally near")],
)
def test_the_nearer_one_is_told(tmp_path: Path, guess: float | None, nearer: str, says: str) -> None:
    asked = challenge_of(read_sweep(record_sweep(tmp_path, FINISHED)))
    scored = score(asked, guess or asked.predicted)
    assert scored.nearer == nearer
    assert says in score_text(asked, scored)
    assert scored.law == pytest.approx(1.4479 / asked.predicted - 1)
    assert scored.below == pytest.approx(1.4479 / 1.5288 - 1)
    assert scored.inside == (guess != 2.0)


@pytest.mark.parametrize("text", ["", "much", "0", "-1", "1000", "1.4 bits"])
def test_what_no_loss_can_be_is_not_read(text: str) -> None:
    with pytest.raises(InputError):
        read_guess(text)
    assert read_guess("1,45 nats".replace(",", ".")) == 1.45


def test_sweeps_that_leave_nothing_to_go_by_are_passed_over(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'scaling-tui run quickstart --runs .*' makes one"):
        find_challenge(tmp_path)
    record_sweep(tmp_path, FINISHED, "whole")
    record_sweep(tmp_path, ["finished", "finished", "running", *["queued"] * 4], "young")
    create_sweep(tmp_path, "theirs", {})
    assert find_challenge(tmp_path).sweep == "whole"
    with pytest.raises(InputError, match="fewer than 3 finished sizes below r7"):
        find_challenge(tmp_path, "young")
    with pytest.raises(InputError, match=r"its ladder has no \[fit\] table"):
        find_challenge(tmp_path, "theirs")


def predict(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[str, str]:
    app(["quiz", "predict", *map(str, arguments)], standalone_mode=False)
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_the_command_asks_and_scores_and_remembers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record_sweep(tmp_path, FINISHED)
    out, _ = predict(capsys, "--runs", tmp_path, "--answer", "1.46")
    assert "r7 measured: 1.4479" in out
    assert "practice and does not count" in out
    found = json.loads(predict(capsys, "quickstart", "--runs", tmp_path, "--answer", "1.6", "--json")[0])
    assert (found["measured"], found["nearer"]) == (1.4479, "law")
    assert found["errors"]["yours"] == pytest.approx(1.4479 / 1.6 - 1)
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    out, err = predict(capsys, "--runs", tmp_path, "--json")
    assert "1.4479" not in out + err
    asked = json.loads(out)
    assert (asked["measured"], asked["predicted"], len(asked["known"])) == (None, None, 6)
    assert read_answers(progress_file()) == []


def test_a_run_that_is_not_trained_yet_is_trained(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from scaling_tui.runs.format import Status, append_line, claim

    sweep = lay_out(tmp_path / "runs", load_ladder(str(tiny), ["rungs.d.tokens=256"]))
    for run in read_sweep(sweep).runs[:3]:
        attempt = claim(run.path, "attempt")
        Status("finished", 1, 0.0, "elsewhere", 1.7e9).write(attempt / "status.json")
        append_line(attempt / "metrics.jsonl", {"step": 1, "val_loss": 9.0 * (run.params or 1) ** -0.1})
    out, err = predict(capsys, "--runs", tmp_path / "runs", "--answer", "3.9", "--json")
    found = json.loads(out)
    assert "d-s0 is not trained yet: resuming tiny" in err
    assert found["measured"] == next(run.loss for run in read_sweep(sweep).runs if run.rung == "d")
    assert found["nearer"] in ("you", "law")
    assert [one.skill for one in read_answers(progress_file())] == ["predict-a-rung"]


def test_a_kept_answer_is_scored_when_the_run_has_ended_and_a_later_one_is_practice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record_sweep(tmp_path, FINISHED)
    keep(find_challenge(tmp_path), 1.6)
    out, _ = predict(capsys, "--runs", tmp_path, "--answer", "1.4479")
    assert "is practice" in out
    out, _ = predict(capsys, "--runs", tmp_path)
    assert "you predicted 1.6 before it ended" in out
    assert "-9.51 %" in out
    assert [one.question for one in read_answers(progress_file())] == ["predict:quickstart/r7-s0"]


def test_the_folder_of_sweeps_may_be_named_before_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record_sweep(tmp_path / "mine", FINISHED)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    app(["--runs", str(tmp_path / "mine"), "quiz", "predict"], standalone_mode=False)
    assert "r7" in capsys.readouterr().out


def test_a_typo_is_asked_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record_sweep(tmp_path, FINISHED)
    monkeypatch.setattr(sys, "stdin", io.StringIO("1.4o\n-3\nL = 1.46 nats\n"))
    out, _ = predict(capsys, "--runs", tmp_path)
    assert "cannot parse 'o'" in out
    assert "found -3" in out
    assert "read as 1.46 nats per token" in out
    assert "r7 measured: 1.4479" in out
    with pytest.raises(InputError, match="cannot parse 'o'"):
        predict(capsys, "--runs", tmp_path, "--answer", "1.4o")


def runs_of(losses: list[float]) -> tuple[KnownRun, ...]:
    return tuple(KnownRun(f"r{n}", int(6000 * 2.3**n), 1000, loss) for n, loss in enumerate(losses))


def test_noise_is_not_called_a_bend() -> None:
    sizes = [run.params for run in runs_of([1.0] * 6)]
    noise = [0.03, -0.035, 0.02, 0.03, -0.03, 0.01]
    assert shape(runs_of([2.0 + off for off in noise])) == "scattered"
    assert shape(runs_of([9 * n**-0.1 + off for n, off in zip(sizes, noise, strict=True)])) in ("straight", "scattered")
    assert shape(runs_of([2.0, 2.1, 2.2, 2.3])) == "scattered"
    assert shape(runs_of([9 * n**-0.1 for n in sizes])) == "straight"
    assert shape(runs_of([1 + 50 * n**-0.5 for n in sizes])) == "bent"
    assert shape(runs_of([2 * 0.99 ** (n * n) for n in range(6)])) == "steepening"
    assert shape(runs_of([2.0, 1.9, 1.85])) == "unclear"


def test_what_the_law_warns_of_is_told_with_its_prediction(tmp_path: Path) -> None:
    asked = replace(challenge_of(read_sweep(record_sweep(tmp_path, FINISHED))), warnings=("E is at its bound 0",))
    assert "E is at its bound" not in question_text(asked)
    assert "! the law: E is at its bound 0" in score_text(asked, score(asked, 1.5))
    scattered = replace(asked, known=runs_of([2.0, 2.05, 1.96, 2.03, 1.99]))
    assert "follow no line" in score_text(scattered, score(scattered, 3.0))
    assert "flattens" not in score_text(scattered, score(scattered, 3.0))
