"""A learner's way through an experiment: what is kept, what stays hidden, what a damaged record does."""

import json
from pathlib import Path

import pytest

from scaling_tui import InputError
from scaling_tui.tutor.content.experiment import load_experiment
from scaling_tui.tutor.guide import Guide, Launched
from scaling_tui.tutor.progress import progress_file, read_answers


def test_every_step_is_kept_and_another_front_end_goes_on() -> None:
    experiment = load_experiment("text-prediction")
    guide = Guide(experiment)
    assert (guide.stage, guide.begun) == ("predict", False)
    assert guide.predict("55 %") == pytest.approx(0.55)
    assert guide.hint({}).startswith("1 of 3")
    again = Guide(experiment)
    assert again.here.predictions == {"small": pytest.approx(0.55)}
    assert (again.here.hints, again.begun) == (1, True)
    again.predict("0.85")
    assert again.stage == "launch"
    again.launched(Launched("/runs", "mine"))
    assert Guide(experiment).stage == "run"
    again.compared()
    assert Guide(experiment).stage == "bonus"
    again.go_on()
    bonus = Guide(experiment)
    assert (bonus.at, bonus.stage) == (1, "predict")
    bonus.restart()
    assert Guide(experiment).begun is False
    assert read_answers(progress_file()) == []  # steps are no answers to questions


@pytest.mark.parametrize("typed", ["much", "", "-3", "140", "nan", "1e400"])
def test_what_is_no_prediction_is_not_kept(typed: str) -> None:
    guide = Guide(load_experiment("text-prediction"))
    with pytest.raises(InputError):
        guide.predict(typed)
    assert guide.here.predictions == {}


@pytest.mark.parametrize(
    ("typed", "value"), [("60", 0.6), ("60 %", 0.6), ("0.6", 0.6), ("1", 1.0), ("0.5 %", 0.005), ("60 percent", 0.6)]
)
def test_a_share_is_read_as_people_write_it(typed: str, value: float) -> None:
    assert Guide(load_experiment("text-prediction")).predict(typed) == pytest.approx(value)


def test_records_that_do_not_fit_change_nothing() -> None:
    experiment = load_experiment("isoflop")
    Guide(experiment).predict("9k")
    odd: list[dict[str, object]] = [
        {"part": 7, "step": "hint"},
        {"part": "x", "step": "hint"},
        {"part": 0, "step": "predicted", "id": "gone", "value": 1},
        {"part": 0, "step": "predicted", "id": "exponent", "value": "a"},
        {"part": 0, "step": "launched", "runs": 3},
        {"part": 0},
    ]
    with progress_file().open("a") as file:
        for record in odd:
            file.write(json.dumps({"experiment": "isoflop", **record}) + "\n")
        file.write('{"experiment": "isoflop", "part": 0, "st')
    guide = Guide(experiment)
    assert guide.here.predictions == {"best-size": 9000.0}
    assert (guide.here.hints, guide.here.launched) == (0, None)


def test_a_step_that_cannot_be_saved_is_told_and_taken(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    guide = Guide(load_experiment("text-prediction"), tmp_path / "file" / "progress.jsonl")
    guide.predict("60")
    assert "not saved" in guide.unkept_warning()
    assert guide.unkept_warning() == ""
    assert guide.here.predictions
