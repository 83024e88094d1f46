"""Slips that no bank lists: the question's own formula worked wrongly, told only where it can be told apart."""

import math
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scaling_tui.tutor.content.bank import load_bank, load_banks
from scaling_tui.tutor.content.questions import Numeric
from scaling_tui.tutor.content.variant import Variant, variant
from scaling_tui.tutor.grading.checking import check_bank, diagnosis_table
from scaling_tui.tutor.grading.marking import grade
from scaling_tui.tutor.parsing.expressions import parse
from scaling_tui.tutor.parsing.numbers import apart, figures

QUESTION = """
title = "A bank"
lesson = "power-laws"
[[question]]
id = "one"
kind = "numeric"
difficulty = "easy"
skill = "s"
text = "What comes out of {N} and {D}?"
answer = "ANSWER"
digits = 4
UNIT
hint = "Think."
steps = ["It is {answer}"]
check = "Look."
[question.values]
N = { low = 1000, high = 90000, log = true, digits = 3, whole = true }
D = { low = 1e6, high = 9e6, log = true, digits = 3 }
b = { low = 0.3, high = 0.5, digits = 3 }
d = { low = 0.2, high = 0.28, digits = 3 }
[[question.mistakes]]
slip = "one-term"
answer = "7*(ANSWER)"
says = "Seven times too much."
step = "Divide."
"""


def asking(tmp_path: Path, answer: str, unit: str = "") -> Variant:
    path = tmp_path / "one.toml"
    path.write_text(QUESTION.replace("ANSWER", answer).replace("UNIT", unit))
    return variant(load_bank(path).questions[0], 3)


@pytest.mark.parametrize(
    ("answer", "unit", "slip", "wrong"),
    [
        ("N**-b + 3*D**-d", 'unit = "nats"', "nats-bits", lambda v: v["answer"] / math.log(2)),
        ("(N**-b + 3*D**-d)/log(2)", 'unit = "bits"', "nats-bits", lambda v: v["answer"] * math.log(2)),
        ("term(2, b, N)", "", "nats-bits", lambda v: v["answer"] / math.log(2)),
        ("N**-b + 3*D**-d", "", "swapped", lambda v: v["D"] ** -v["b"] + 3 * v["N"] ** -v["d"]),
        ("N**-b + 3*D**-d", "", "sign-of-exponent", lambda v: v["N"] ** v["b"] + 3 * v["D"] ** v["d"]),
        ("training_flops(N, D)", 'unit = "flops"', "forward-only", lambda v: 2 * v["N"] * v["D"]),
        ("log(N)", "", "log-base", lambda v: math.log10(v["N"])),
        ("total_params(2, 64, 256, N)", "", "embeddings", lambda v: 2 * (4 * 64 * 64 + 2 * 64 * 256)),
        ("1000*(N**-b - 0.9*N**-b)", "", "rounded-early", None),
        ("N**-b + 3*D**-d", "", "power-of-ten", lambda v: v["answer"] * 1000),
    ],
)
def test_a_slip_that_the_bank_does_not_list_is_named(
    tmp_path: Path, answer: str, unit: str, slip: str, wrong: object
) -> None:
    asked = asking(tmp_path, answer, unit)
    if wrong is None:
        (N, b) = (asked.values[name] for name in ("N", "b"))
        power = float(f"{N**-b:.2g}")
        value = 1000 * float(f"{power - float(f'{0.9 * power:.2g}'):.2g}")
    else:
        value = wrong(asked.values)  # type: ignore[operator]
    graded = grade(asked, figures(value, 4))
    assert (graded.correct, graded.slip) == (False, slip)
    assert len(graded.diagnosis) > 20 and graded.step


def test_a_bank_says_it_better_and_has_the_first_word(tmp_path: Path) -> None:
    asked = asking(tmp_path, "N**-b + 3*D**-d", 'unit = "nats"')
    assert grade(asked, figures(7 * asked.values["answer"], 4)).diagnosis == "Seven times too much."


def test_no_slip_stands_so_near_another_that_they_cannot_be_told_apart() -> None:
    found = set()
    for bank in load_banks():
        for question in bank.questions:
            if isinstance(question.body, Numeric):
                for seed in range(5):
                    asked = variant(question, seed)
                    answers = [asked.values["answer"], *(value for _, value in asked.wrong)]
                    answers += [one.answer for one in asked.common]
                    assert apart(answers, question.body.tolerance), question.id
                    found |= {one.slip for one in asked.common}
    assert {"nats-bits", "rounded-early", "swapped", "sign-of-exponent", "log-base"} <= found


def test_every_numeric_question_knows_a_wrong_power_of_ten_and_check_says_so(bank_file: Path) -> None:
    question = load_bank(bank_file).questions[0]
    assert "power-of-ten" in [row.slip for row in diagnosis_table(question)]
    # A listed mistake that is graded as another one is no longer told as itself.
    bank_file.write_text(bank_file.read_text().replace('answer = "2*x"', 'answer = "500*x"'))
    assert check_bank(load_bank(bank_file), (), 5) == []


def test_threads_that_read_formulas_at_once_do_not_disturb_each_other() -> None:
    text = "+".join(f"a*N**-{number}" for number in range(1, 18))
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: parse(text, {"a", "N"}), range(400)))
    finally:
        sys.setswitchinterval(before)
