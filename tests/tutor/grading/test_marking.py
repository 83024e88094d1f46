"""Marking tells what was read, whether it is right, and which slip it shows."""

import math
from pathlib import Path

import pytest

from scaling_tui import InputError
from scaling_tui.laws import get
from scaling_tui.tutor.content.bank import load_bank, load_banks
from scaling_tui.tutor.content.questions import Question
from scaling_tui.tutor.content.variant import Variant, variant
from scaling_tui.tutor.grading.marking import grade
from scaling_tui.tutor.parsing.numbers import figures

QUESTIONS = {question.id: question for bank in load_banks() for question in bank.questions}


def asked(name: str, seed: int = 0) -> Variant:
    return variant(QUESTIONS[name], seed)


def test_the_key_is_what_the_law_code_says() -> None:
    for seed in range(20):
        one = asked("two-term-loss", seed)
        v = one.values
        law = get("sum-of-powers").loss({k: v[k] for k in "abcd"}, params=v["N"], tokens=v["D"])
        assert math.isclose(v["answer"], float(law), rel_tol=1e-12)


def test_the_printed_call_gives_0_0947() -> None:
    one = asked("printed-call")
    right = next(option for option in one.options if option.right)
    assert right.text == "0.0947"
    assert grade(one, right.letter).correct
    assert grade(one, "0.0947").correct


def test_one_term_alone_is_named_with_the_missing_step() -> None:
    one = asked("two-term-loss", 7)
    a, b, N = (one.values[name] for name in ("a", "b", "N"))
    graded = grade(one, figures(a * N**-b, 4))
    assert (graded.correct, graded.slip) == (False, "one-term")
    assert "the data term is missing" in graded.diagnosis
    assert graded.step.startswith("c·D^-d = ")


@pytest.mark.parametrize(
    ("change", "slip", "says"),
    [
        (lambda key: 1000 * key, "power-of-ten", "10^3"),
        (lambda key: key / 100, "power-of-ten", "10^-2"),
        (lambda key: -key, "sign", "sign"),
        (lambda key: 1.02 * key, "near", "2.0 % off"),
        (lambda key: 3.3 * key, "", "not one of the common mistakes"),
    ],
)
def test_slips_that_no_bank_needs_to_list(change: object, slip: str, says: str) -> None:
    one = asked("read-kaplan-n", 3)
    graded = grade(one, f"{change(one.values['answer']):.12g}")  # type: ignore[operator]
    assert (graded.correct, graded.slip) == (False, slip)
    assert says in graded.diagnosis
    assert graded.step


def test_too_few_figures_are_not_taken_for_a_mistake_in_thinking() -> None:
    one = asked("two-term-loss", 0)
    graded = grade(one, f"{one.values['answer']:.1e}")
    assert graded.slip == "few-figures"


def test_whole_numbers_must_be_exact() -> None:
    one = asked("layer-by-hand")
    key = int(one.values["answer"])
    assert grade(one, f"{key:,}").correct
    assert not grade(one, str(key + 1)).correct


def test_any_equivalent_formula_is_right() -> None:
    one = asked("write-two-terms")
    for text in ("c/D^d + a/N^b", "a*exp(-b*log(N)) + c*D^(−d)", "(a*D**d + c*N**b)/(N**b*D**d)"):
        assert grade(one, text).correct, text
    assert grade(one, "a*N**b + c*D**d").slip == "sign-of-exponent"
    assert grade(one, "2*a*N**-b + 2*c*D**-d").slip == "factor"
    assert grade(one, "c*D**-d + 1").slip == "unused"
    assert "no value" in grade(one, "a*N**-b + c*D**-d + log(0-N)").diagnosis


def test_code_is_mended_by_line_and_formula() -> None:
    one = asked("positive-exponents")
    assert grade(one, "3: a*N**-b").correct
    assert grade(one, "Line 3: size_term = a / N ** b").correct
    assert grade(one, "2: c*D**-d").slip == "wrong-line"
    assert grade(one, "3: a * N ** b").slip == "unchanged"
    for wrong in ("a*N**-b", "9: a", "3:", "x: a"):
        with pytest.raises(InputError):
            grade(one, wrong)


def test_a_wrong_option_names_its_misconception() -> None:
    one = asked("straight-line")
    for option in one.options:
        graded = grade(one, f" {option.letter.upper()}) ")
        assert graded.correct == option.right
        assert bool(graded.diagnosis) != option.right
    with pytest.raises(InputError, match="want one of a, b, c, d"):
        grade(one, "e")


def test_what_cannot_be_read_is_an_input_error_for_every_question() -> None:
    for question in QUESTIONS.values():
        with pytest.raises(InputError):
            grade(variant(question, 0), "?!")


def test_a_question_without_possible_numbers_says_so(bank_file: Path) -> None:
    text = bank_file.read_text().replace('answer = "x/2"', "answer = 'loss(\"kaplan-n\", 0*x)'")
    bank_file.write_text(text)
    question: Question = load_bank(bank_file).questions[0]
    with pytest.raises(InputError, match=r"question 'half'.*positive"):
        variant(question, 0)
