"""Marking tells what was read, whether it is right, and which slip it shows."""

import math
from pathlib import Path

import pytest

from scaling_tui import InputError
from scaling_tui.laws import find_law
from scaling_tui.tutor.content.bank import load_bank, load_banks
from scaling_tui.tutor.content.questions import Formula, Question
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
        law = find_law("sum-of-powers").loss({k: v[k] for k in "abcd"}, params=v["N"], tokens=v["D"])
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


@pytest.mark.parametrize(
    "more", ["1/N^2", "1e-8", "1e-9", "exp(-N)", "1e-16", "1e-20", "1/(N*D)", "E*1e-15", "0.0000001*alpha"]
)
def test_a_formula_with_something_small_added_is_another(more: str) -> None:
    graded = grade(asked("chinchilla-form"), f"E + A/N^alpha + B/D^beta + {more}")
    assert (graded.correct, graded.slip) == (False, "near")
    assert "something is added" in graded.diagnosis
    assert not grade(asked("write-two-terms"), "a*N**-b + c*D**-d + 1e-9").correct
    assert not grade(asked("write-two-terms"), "a*N**-b + c*D**-d*1.000000001").correct


@pytest.mark.parametrize(
    ("question", "answer", "slip", "says"),
    [
        ("chinchilla-form", "E + A/D^alpha + B/N^beta", "swapped", "D and N are swapped"),
        ("chinchilla-form", "E + B/N^alpha + A/D^beta", "swapped", "A and B are swapped"),
        ("chinchilla-form", "E - A/N^alpha + B/D^beta", "sign-of-term", "want + A / N ** alpha"),
        ("chinchilla-form", "E + A/N^alpha - B/D^beta", "sign-of-term", "want + B / D ** beta"),
        ("chinchilla-form", "E + A/N^alpha + B*D^beta", "product", "Divide here"),
        ("chinchilla-form", "E + A/N^alpha + B/D^(1/beta)", "exponent", "upside down: the exponent of D is beta"),
        ("chinchilla-form", "E + A/N^alpha + B/D^1/beta", "exponent", "divides by beta"),
        ("chinchilla-form", "E + 1/N^alpha + B/D^beta", "coefficient", "factor A is missing"),
        ("chinchilla-form", "E + A/N^alpha + B/D", "exponent", "An exponent is missing"),
        ("chinchilla-form", "E + B/D^beta", "one-term", "missing"),
        ("chinchilla-form", "(E + A/N^alpha)*B/D^beta", "product", "Add these"),
        ("tokens-formula", "(B/(L - E + A/N^alpha))^(1/beta)", "sign-of-term", "want - A / N ** alpha"),
        ("tokens-formula", "(B/(L - E - A/N^alpha))^1/beta", "exponent", "Without brackets"),
        ("layer-formula", "2*h**2 + 4*h*f", "", ""),
        ("write-two-terms", "-(a*N**-b + c*D**-d)", "sign", "sign is wrong"),
    ],
)
def test_one_thing_wrong_in_a_formula_is_named(question: str, answer: str, slip: str, says: str) -> None:
    graded = grade(asked(question), answer)
    assert (graded.correct, graded.slip) == (False, slip)
    assert says in graded.diagnosis


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("smooth-through-sharp", "e^(-k*L)"),
        ("smooth-through-sharp", "P = e^(-kL)"),
        ("smooth-through-sharp", "(e^-L)^k"),
        ("layer-formula", "4h²+2hf"),
        ("layer-formula", "2h(2h + f)"),
        ("write-two-terms", "a N^-b + c D^-d"),
        ("write-two-terms", "L(N, D) = a·N^{-b} + c·D^{-d}"),
        ("slope-by-eye", "-log10(L2/L1)/log10(N2/N1)"),
        ("slope-by-eye", "(ln L1 - ln L2)/(ln N2 - ln N1)".replace("ln L1", "ln(L1)").replace("ln L2", "ln(L2)")
         .replace("ln N2", "ln(N2)").replace("ln N1", "ln(N1)")),
        ("chinchilla-form", "(E*N^alpha + A)/N^alpha + exp(ln(B) - beta*ln(D))"),
        ("chinchilla-form", "1e20 + E + A/N^alpha + B/D^beta - 1e20"),
        ("tokens-formula", "exp(log(B/(L - E - A*N^-alpha))/beta)"),
    ],
)  # fmt: skip
def test_natural_and_unusual_ways_to_write_it_are_right(question: str, answer: str) -> None:
    assert grade(asked(question), answer).correct


def test_left_out_signs_are_shown_as_they_were_read() -> None:
    assert grade(asked("layer-formula"), "4h²+2hf").read_as == "4*h**2+2*h*f"
    assert grade(asked("write-two-terms"), "a*N^-b  + c*D^-d").read_as == "a*N^-b + c*D^-d"


@pytest.mark.parametrize(
    "answer",
    ["3: a*N**-b", "3 - a*N**-b", "3 – a/N^b", "3, a*N**-b", "3; a*N**-b", "3. a*N**-b", "3) a*N**-b", "line 3 a N^-b",
     "Line 3 - size_term = a*N**-b", "in line 3: a*N**-b", "3 a*N**-b", "3-a*N**-b", "#3: a*N**-b", "L3: a*N**-b"],
)  # fmt: skip
def test_a_line_and_its_formula_may_be_parted_in_many_ways(answer: str) -> None:
    assert grade(asked("positive-exponents"), answer).correct


@pytest.mark.parametrize("answer", ["3: -a*N**b", "3 -a*N**b", "3 - -a*N**b", "3, -a*N**b"])
def test_a_minus_of_the_formula_is_no_dash(answer: str) -> None:
    assert grade(asked("positive-exponents"), answer).slip == "sign-of-exponent"


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("two-term-loss", "L = {key}"),
        ("two-term-loss", "{key} nats"),
        ("two-term-loss", "{key} nats/token"),
        ("doubling-one-term", "{key} nats"),
        ("days-on-gpus", "{key} hrs"),
        ("optimal-ratio", "{key} tokens per parameter"),
        ("size-to-lower-loss", "{key} times"),
        ("nats-to-bits", "{key} b"),
    ],
)
def test_units_and_names_around_a_number_are_read(question: str, answer: str) -> None:
    one = asked(question, 2)
    key = f"{one.values['answer']:.5g}"
    assert grade(one, answer.format(key=key)).correct


def test_arithmetic_in_a_numeric_field() -> None:
    one = asked("training-compute", 1)
    N, D = one.values["N"], one.values["D"]
    assert grade(one, f"6*{N:g}*{D:g}").correct
    assert grade(one, f"2*{N:g}*{D:g} flops").slip == "forward-only"


def test_fewer_figures_than_asked_are_right_only_if_no_figure_is_lost() -> None:
    one = next(one for one in (asked("embedding-share", seed) for seed in range(60)) if one.expected == "0.970")
    graded = grade(one, "1")
    assert (graded.correct, graded.slip) != (True, "") and graded.slip != "few-figures"
    assert grade(one, "0.97").correct
    assert not grade(one, "1.0").correct
    accuracy = next(
        one for one in (asked("token-accuracy-needed", seed) for seed in range(60)) if one.values["answer"] > 0.98
    )
    assert not grade(accuracy, "1").correct
    assert grade(accuracy, "1").slip != "few-figures"
    assert grade(accuracy, f"{accuracy.values['answer']:.3f}").slip == "few-figures"


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


@pytest.mark.parametrize("answer", ["A/(2^alpha", "ln p/(1-p)", "N^b^", "1/2 N"])
def test_what_could_mean_two_things_is_no_try(answer: str) -> None:
    with pytest.raises(InputError):
        grade(asked("chinchilla-form"), answer)


@pytest.mark.parametrize(
    "answer",
    [
        "{l}. {f}",
        "line {l} → {f}",
        "{l} => {f}",
        "({l}) {f}",
        "line {l} should be size = {f}",
        "{l}: `size = {f}`",
        "size = {f}",
    ],
)
def test_a_mended_line_may_be_named_in_words_or_typed_as_it_stands(answer: str) -> None:
    one = asked("mend-the-count", 0)
    assert isinstance(one.body, Formula)
    name = one.code.splitlines()[one.body.line - 1].split("=")[0].strip()
    right = one.expected.split(": ", 1)[1]
    text = answer.format(l=one.body.line, f=right).replace("size", name)
    assert grade(one, text).correct, text


def test_a_rounded_constant_is_close_and_no_factor_of_one() -> None:
    graded = grade(asked("nats-to-bits-per-byte"), "L/0.6931*T/B")
    assert (graded.correct, graded.slip) == (False, "near")


@pytest.mark.parametrize(
    "program",
    ["```python\n{}\n```", ">>> {}", "\ufeff{}", "loss = lambda N, D, a, b, c, d: a*N**−b + c*D**−d"],
)
def test_a_copied_program_is_read(program: str) -> None:
    code = "def loss(N, D, a, b, c, d):\n    return a*N**-b + c*D**-d"
    if program.startswith(">>>"):
        code = code.replace("\n", "\n... ")
    assert grade(asked("code-two-terms"), program.format(code)).correct
