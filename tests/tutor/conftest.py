"""A learner with empty folders, and a bank to break."""

from pathlib import Path

import pytest

BANK = """
title = "A bank"
lesson = "power-laws"

[[question]]
id = "half"
kind = "numeric"
difficulty = "easy"
skill = "halving"
text = "What is half of {x}?"
answer = "x/2"
digits = 3
hint = "Divide."
steps = ["{x}/2 = {answer}"]
check = "Twice the answer is {x}."
[question.values]
x = { low = 10, high = 90 }
[[question.mistakes]]
slip = "inverse"
answer = "2*x"
says = "This is the double."
step = "Divide by two."

[[question]]
id = "which"
kind = "choice"
difficulty = "easy"
text = "Which is larger?"
right = "{a}"
hint = "Look."
steps = ["{a} is larger."]
check = "Count."
[question.values]
a = { choose = [5, 6, 7] }
[[question.wrong]]
text = "{a - 1}"
says = "One less."
[[question.wrong]]
text = "{a - 2}"
says = "Two less."
"""


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Progress and settings of the tests are not the developer's."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


@pytest.fixture
def bank_file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(BANK)
    return path
