"""Guided experiments and the glossary from outside: in a pipe, resumed, in words, with results that contradict."""

import io
import json
from pathlib import Path

import pytest

from scaling_tui.tutor.progress import notes, progress_file
from tests.cli.conftest import Command
from tests.experiments import GROWING, SHRINKING, record_results

NAME = "text-prediction"
SETTINGS = ("seeds=0",)


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("SCALING_TUI_RUNS", str(tmp_path / "runs"))


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    def give(*lines: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))

    return give


def test_the_way_through_an_experiment(command: Command, typed, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    record_results(tmp_path / "runs", NAME, SETTINGS, GROWING)
    typed("hint", "glossary E", "hint", "hint", "much", "60", "0.85", NAME, "", "quit")
    status, out, _ = command("learn", "experiment", NAME)
    assert status == 0
    assert "Best possible accuracy, limited by the noise: 96 %" in out
    assert "Hint 1 of 3" in out
    assert "E (also irreducible loss" in out
    assert "Hint 3 of 3" in out
    assert "cannot parse" in out or "cannot read" in out
    assert "read as 60.0 %" in out
    assert "Solution" not in out  # nobody asked
    assert "1.0 points above your prediction" in out
    assert "61.0 %" in out
    assert "The bigger model predicts better" in out
    assert "contradict" not in out
    assert "These runs existed before you predicted" in out
    document = json.loads(command("learn", "experiment", NAME, "--json")[1])
    assert document["stage"] == "bonus"
    found = document["parts"][0]["results"]["predictions"]
    assert [(one["id"], one["predicted"], one["measured"]) for one in found] == [
        ("small", 0.6, 0.61), ("large", 0.85, 0.86),
    ]  # fmt: skip
    assert document["parts"][1]["solution"] is None


def test_results_that_contradict_the_text_are_told_as_such(  # type: ignore[no-untyped-def]
    command: Command, typed, tmp_path: Path
) -> None:
    record_results(tmp_path / "runs", NAME, SETTINGS, SHRINKING)
    typed("60", "85", "quit")
    out = command("learn", "experiment", NAME, "--sweep", NAME)[1]
    assert "The results contradict the text: the larger model is not clearly better" in " ".join(out.split())
    assert "The bigger model predicts better" not in out


def test_it_goes_on_where_the_learner_stopped(command: Command, typed, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    typed("55")
    _, out, error = command("learn", "experiment", NAME)
    assert "Your steps are saved" in out
    assert f"learn experiment {NAME}' continues from here" in error
    sweep = record_results(tmp_path / "runs", NAME, SETTINGS, {"small": GROWING["small"]})
    typed("80", NAME, "quit")
    out = command("learn", "experiment", NAME)[1]
    assert "small: 55.0 %" in out
    assert "will the small model" not in out  # it has been predicted
    assert "large, medium did not finish" in out
    assert f"resume {sweep.name}" in out
    typed()
    assert "will the small model" in command("learn", "experiment", NAME, "--restart")[1]


def test_a_launch_trains_and_compares(command: Command, typed, tmp_path: Path, tiny: Path) -> None:  # type: ignore[no-untyped-def]
    """A whole experiment of one's own on a ladder of seconds: it launches, waits, and reads the runs."""
    folder = tmp_path / "config" / "scaling-tui"
    (folder / "quizzes" / "experiments").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "models" / "tiny.toml").write_text(tiny.read_text().replace("words.txt", str(tmp_path / "words.txt")))
    (folder / "quizzes" / "experiments" / "mine.toml").write_text(MINE)
    assert command("quiz", "check", folder / "quizzes" / "experiments" / "mine.toml")[0] == 0
    typed("2.5", "", "solution")
    status, out, error = command("learn", "experiment", "mine", "--plain")
    assert status == 0, out + error
    assert "training tiny" in error
    assert "case d: N" in out
    assert "Figure: train loss" in out
    assert "Solution: larger is better" in out
    assert "That is the end of this experiment" in out
    assert not any(0x2500 <= ord(sign) <= 0x28FF for sign in out + error)
    assert [record["step"] for record in notes("experiment", "mine", progress_file())] == [
        "predicted", "launched", "compared", "solution",
    ]  # fmt: skip


MINE = """
title = "Mine"
summary = "Four tiny sizes."
order = 99
minutes = 1
lesson = "power-laws"
[[part]]
title = "Mine"
ladder = "tiny"
settings = ["seeds=0"]
problem = "Which is better?"
known = "a has {params(\\"a\\"):count} parameters."
task = "Predict the loss of d."
hints = ["one", "two", "three"]
solution = "larger is better"
table = ["val_loss"]
results = ["d ends at {measured(\\"d\\", \\"val_loss\\"):3} nats."]
[[part.predictions]]
id = "d"
asks = "Loss of d?"
value = 'measured("d", "val_loss")'
unit = "nats"
low = 0
high = 9
[[part.claims]]
value = 'measured("d", "val_loss")'
at_most = 'measured("a", "val_loss")'
says = "larger wins"
otherwise = "larger loses"
"""


@pytest.mark.parametrize(
    ("old", "new", "where", "why"),
    [
        ('"three"]', "]", "part 1: field 'hints'", "found 2, want 3"),
        ('measured("a"', 'measured("z"', "part 1", "measured: found 'z', want one of a, b, c, d"),
        ('"val_loss")\'\nunit', '"val_los")\'\nunit', "part 1", "found 'val_los'"),
        ('table = ["val_loss"]', 'table = ["speed"]', "part 1: field 'table'", "found 'speed'"),
        ('ladder = "tiny"', 'ladder = "tinny"', "part 1: field 'ladder'", "ladder 'tinny': not found"),
        ("a has {params(", "a has {measured(", "part 1: field 'known'", "takes 2 arguments"),
        ("Which is better?", 'Which? {measured(\\"a\\", \\"val_loss\\")}', "part 1: before the run", "not known yet"),
        ('says = "larger wins"', 'says = "larger loses"', "part 1: field 'claims 1'", "says the same"),
        ("at_most = ", "most = ", "claims 1", "field 'most': unknown"),
        ('unit = "nats"', 'unit = "bits"', "predictions 1: field 'unit'", "found 'bits'"),
        ('lesson = "power-laws"', 'lesson = "cooking"', "field 'lesson'", "found 'cooking'"),
        ('solution = "larger is better"', 'solution = "{1/0}"', "field 'solution'", "no value"),
    ],
)
def test_check_finds_what_is_wrong_with_an_experiment(
    command: Command, tmp_path: Path, tiny: Path, old: str, new: str, where: str, why: str
) -> None:
    folder = tmp_path / "config" / "scaling-tui" / "models"
    folder.mkdir(parents=True)
    (folder / "tiny.toml").write_text(tiny.read_text().replace("words.txt", str(tmp_path / "words.txt")))
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    assert command("quiz", "check", path)[0] == 0
    assert old in MINE
    path.write_text(MINE.replace(old, new, 1))
    status, out, error = command("quiz", "check", path)
    assert status in (1, 2)
    assert where in out + error
    assert why in out + error


def test_lists_and_misspelt_names(command: Command) -> None:
    every = json.loads(command("learn", "experiment", "--json")[1])["experiments"]
    ladders = [each["ladders"][0] for each in every]
    assert ladders == ["text-prediction", "simple-llm", "tiny-shakespeare", "known-law", "emergence", "isoflop"]
    assert command("learn", "experiment", "isoflp")[0] == 2
    assert "did you mean 'isoflop'" in command("learn", "experiment", "isoflp")[2]
    assert "sweep 'nothing': not in" in command("learn", "experiment", "isoflop", "--sweep", "nothing")[2]


def test_the_glossary_finds_words_symbols_and_plurals(command: Command) -> None:
    for word, entry in (
        ("N", "N"),
        ("n", "N"),
        ("nats", "nat"),
        ("FLOP", "FLOP"),
        ("Emergent abilities", "emergent ability"),
    ):
        assert json.loads(command("learn", "glossary", word, "--json")[1])["name"] == entry
    shown = command("learn", "glossary", "E")[1]
    assert shown.startswith("E (also irreducible loss")
    assert "1.817" in shown
    status, _, error = command("learn", "glossary", "undertraned")
    assert status == 2
    assert "did you mean 'undertrained'?" in error


def test_words_alone_for_a_screen_reader(command: Command, typed) -> None:  # type: ignore[no-untyped-def]
    for lesson in json.loads(command("learn", "--json")[1])["lessons"]:
        page = command("learn", lesson["id"], "--plain")[1]
        assert not any(0x2500 <= ord(sign) <= 0x28FF for sign in page), lesson["id"]
        assert "Figure: " in page
        prose = "\n".join(line for line in page.splitlines() if not line.startswith("    "))
        assert "**" not in prose, lesson["id"]
        assert "|" not in page
    typed("glossary", "glossary nats", "a", "hint", "solution", "skip", "quit")
    taken = command("quiz", "take", "--plain", "--lesson", "simple-form", "--seed", "3")[1]
    assert "1 of" in taken
    assert "nat (also nats" in taken
    assert not set(taken) & set("✓✗│┤…")
