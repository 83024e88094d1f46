"""Questions about one's own runs: made by the law code, new with every sweep, marked with the fit's interval."""

import json
import math
from pathlib import Path

import pytest

from scaling_tui import InputError
from scaling_tui.cli.app import app
from scaling_tui.report.own_runs import OwnQuestions, own_questions, questions_of
from scaling_tui.runs import create_sweep, read_sweep
from scaling_tui.runs.format import Status, append_line, claim
from scaling_tui.runs.writer import write_run
from scaling_tui.sweeps.sweep_fit import fit_sweep
from scaling_tui.tutor.content.bank import Bank
from scaling_tui.tutor.content.variant import Variant, variant
from scaling_tui.tutor.grading.checking import check_bank
from scaling_tui.tutor.grading.marking import grade
from scaling_tui.tutor.own_runs import LayerSteps, layer_question
from tests.conftest import FINISHED, record_sweep


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def sweep_of(
    runs: Path, points: dict[str, tuple[float, float, float]], law: str = "chinchilla-n", name: str = "mine"
) -> Path:
    """A finished sweep whose runs have these N, D and losses."""
    sweep = create_sweep(runs, name, {"ladder": "own", "fit": {"law": law, "params": "all"}, "runs": list(points)})
    for run, (params, tokens, loss) in points.items():
        folder = sweep / run
        write_run(folder, {"rung": run, "seed": 0, "params": round(params), "tokens": round(tokens)})
        attempt = claim(folder, "attempt")
        append_line(attempt / "metrics.jsonl", {"step": 1, "tokens": round(tokens), "val_loss": loss})
        Status("finished", 1, 0.0, "elsewhere", 1.7e9).write(attempt / "status.json")
    return sweep


def law_of(n: float) -> float:
    return float(1.6 + 30 * n**-0.35)


def asked(found: OwnQuestions, name: str) -> Variant:
    return variant(next(question for question in found.questions if question.id == name), 0)


def test_every_question_made_of_a_sweep_stands_the_checks_of_a_bank(tmp_path: Path) -> None:
    found = questions_of(read_sweep(record_sweep(tmp_path, FINISHED)))
    assert {question.id for question in found.questions} >= {"own-prediction", "own-exponent", "own-params"}
    bank = Bank(tmp_path, "own", found.questions)
    assert check_bank(bank, (), 2) == []
    assert any("checkpoint" in reason for reason in found.missing)


def test_the_prediction_is_the_laws_own_and_hides_what_was_measured(tmp_path: Path) -> None:
    view = read_sweep(record_sweep(tmp_path, FINISHED))
    one = asked(questions_of(view), "own-prediction")
    fitted = fit_sweep(view, leave_out=["r7-s0"])
    run = view.run("r7-s0")
    assert fitted is not None and run is not None
    said = fitted.predict(run)
    assert math.isclose(one.values["answer"], said.value, rel_tol=1e-9)
    assert one.interval == (said.low, said.high)
    assert "1.4479" not in one.text and "?" in one.text
    assert grade(one, f"{said.low:.9g}").correct or grade(one, f"{said.low * 1.0001:.9g}").correct
    assert not grade(one, f"{said.high * 1.01:.6g}").correct
    below = grade(one, "1.5288")
    assert (below.correct, below.slip) == (False, "one-term")
    assert "and any answer from" in below.expected


def test_the_exponent_is_marked_with_the_fits_interval(tmp_path: Path) -> None:
    sizes = [1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7]
    noise = [1.001, 0.999, 1.0005, 0.9995, 1.001, 0.999, 1.0]
    points = {
        f"r{n}": (size, 1e7, law_of(size) * factor)
        for n, (size, factor) in enumerate(zip(sizes, noise, strict=True), 1)
    }
    one = asked(questions_of(read_sweep(sweep_of(tmp_path, points))), "own-exponent")
    low, high = one.interval or (0, 0)
    assert low < 0.35 < high
    assert grade(one, "0.35").correct
    assert grade(one, "-0.35").slip == "sign"
    assert grade(one, f"{high * 2:.4g}").slip == "outside"
    raw = math.log(points["r1"][2] / points["r7"][2]) / math.log(1e3)
    assert grade(one, f"{raw:.4g}").slip == "floor-forgotten"


def test_the_run_off_its_curve_is_the_one_that_was_moved(tmp_path: Path) -> None:
    sizes = [1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7]
    points = {f"r{n}": (size, 1e7, law_of(size) * (1.02 if n == 4 else 1.0)) for n, size in enumerate(sizes, 1)}
    one = asked(questions_of(read_sweep(sweep_of(tmp_path, points))), "own-off-curve")
    right = next(option for option in one.options if option.right)
    assert right.text == "r4"
    assert grade(one, "r4").correct
    wrong = next(option for option in one.options if not option.right)
    assert "the law" in grade(one, wrong.letter).diagnosis


def test_tokens_are_asked_for_where_the_law_knows_them(tmp_path: Path) -> None:
    def loss(n: float, d: float) -> float:
        return float(1.7 + 40 * n**-0.33 + 90 * d**-0.3)

    grid = [(n, d) for n in (1e5, 4e5, 2e6) for d in (1e6, 1e7, 1e8)]
    points = {f"r{k}": (n, d, loss(n, d) * (1 + 0.0005 * (-1) ** k)) for k, (n, d) in enumerate(grid, 1)}
    found = questions_of(read_sweep(sweep_of(tmp_path, points, "chinchilla")))
    one = asked(found, "own-tokens")
    assert "training tokens" in one.text
    low, high = one.interval or (0, 0)
    assert low <= one.values["answer"] <= high
    assert one.values["answer"] > 1e8
    assert any("several" in reason for reason in found.missing)


def test_the_numbers_change_with_the_sweep(tmp_path: Path) -> None:
    sizes = [1e4, 3e4, 1e5, 3e5, 1e6]
    texts = set()
    for number, scale in enumerate((1.0, 1.1)):
        points = {
            f"r{n}": (size, 1e7, scale * law_of(size) * (1 + 0.001 * (-1) ** n)) for n, size in enumerate(sizes, 1)
        }
        found = questions_of(read_sweep(sweep_of(tmp_path, points, name=f"s{number}")))
        texts.add(found.questions[0].text.render({}))
    assert len(texts) == 2


def test_a_plain_sentence_where_no_sweep_allows_one(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"no sweep with a law to ask about; 'scaling-tui run quickstart --runs .*' makes one"
    ):
        own_questions(tmp_path)
    sweep_of(tmp_path, {"r1": (1e4, 1e6, 3.0), "r2": (1e5, 1e6, 2.0)})
    with pytest.raises(InputError, match="sweep mine: no question can be made of it: "):
        own_questions(tmp_path, "mine")


def test_names_of_other_people_are_shown_as_they_are(tmp_path: Path) -> None:
    sizes = [1e4, 3e4, 1e5, 3e5, 1e6]
    points = {f"r{{{n}}}": (size, 1e7, law_of(size) * (1 + 0.001 * (-1) ** n)) for n, size in enumerate(sizes, 1)}
    found = questions_of(read_sweep(sweep_of(tmp_path, points)))
    assert "r{1}" in variant(found.questions[0], 0).text


def test_what_a_layer_adds_is_a_logarithm(tmp_path: Path) -> None:
    steps = LayerSteps(
        "mine", tmp_path, "r1-s0", "to be or", "not", (("embedding", 0.01), ("1", 0.05), ("2", 0.4), ("output", 0.4))
    )
    question = layer_question(steps, 2)
    assert check_bank(Bank(tmp_path, "own", (question,)), (), 2) == []
    one = variant(question, 0)
    assert grade(one, f"{math.log(8):.4g}").correct
    assert grade(one, "0.35").slip == "difference"
    assert grade(one, "8").slip == "logarithm"
    with pytest.raises(InputError, match="too little to ask about"):
        layer_question(steps, 3)


def test_the_command_asks_about_a_sweep(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record_sweep(tmp_path, FINISHED)
    app(["quiz", "list", "--sweep", "latest", "--runs", str(tmp_path), "--json"], standalone_mode=False)
    captured = capsys.readouterr()
    assert json.loads(captured.out)["questions"][0]["id"] == "own-prediction"
    assert "left out for quickstart: " in captured.err
    grading = [
        "quiz",
        "grade",
        "--sweep",
        "quickstart",
        "--runs",
        str(tmp_path),
        "--question",
        "own-prediction",
        "--json",
        "--answer",
    ]
    app([*grading, "1.45"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["correct"] is True
    with pytest.raises(InputError, match="quickstart allows own-prediction"):
        app(["quiz", "show", "own-layer", "--sweep", "latest", "--runs", str(tmp_path)], standalone_mode=False)
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115, PTH123
    with pytest.raises(InputError, match="--test: found with --sweep"):
        app(["quiz", "take", "--sweep", "latest", "--test", "--runs", str(tmp_path)], standalone_mode=False)
