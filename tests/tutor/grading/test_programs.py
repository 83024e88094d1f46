"""Functions to complete: right by any way of writing, wrong with a call that shows it; hidden cases are kept."""

import ast
import re
from pathlib import Path

import pytest

from scaling_tui import InputError
from scaling_tui.tutor.content.bank import load_bank, load_banks
from scaling_tui.tutor.content.variant import Variant, called, variant
from scaling_tui.tutor.grading.checking import check_bank
from scaling_tui.tutor.grading.marking import grade, read_as

QUESTIONS = {question.id: question for bank in load_banks() for question in bank.questions}
HEAD = "def loss(N, D, a, b, c, d):\n"


def asked(name: str = "code-two-terms", seed: int = 3) -> Variant:
    return variant(QUESTIONS[name], seed)


@pytest.mark.parametrize(
    "program",
    [
        HEAD + "    return a*N**-b + c*D**-d",
        HEAD + "    first = a / pow(N, b)\n    second = c / D**d\n    return sum([first, second])",
        "import math\n" + HEAD + "    return a*math.exp(-b*math.log(N)) + c*math.exp(-d*math.log(D))",
        "    " + HEAD.replace("\n", "\n    ") + "    # as in the lesson\n        return a*N**-b + c*D**-d\n\n",
        "def term(k, e, x): return k*x**-e\n\n" + HEAD + "    return term(a, b, N) + term(c, d, D)",
    ],
)
def test_any_way_of_writing_it_is_right(program: str) -> None:
    assert grade(asked(), program).correct


@pytest.mark.parametrize(
    ("body", "slip", "says"),
    [
        ("return a*N**-b", "one-term", "The data term c·D^-d is missing."),
        ("return 3*(a*N**-b + c*D**-d)", "factor", "3 times too large"),
        ("return a*N^-b + c*D^-d", "raises", "a power is written **"),
        ("return a*N**-b + c*D**-e", "raises", "NameError: name 'e' is not defined"),
        ("while True: pass", "endless", "Stopped: after"),
        ("return -(a*N**-b + c*D**-d)", "sign", "the sign is wrong"),
        ("x = a*N**-b + c*D**-d", "returns-nothing", "does every branch end in return?"),
        ("return ...", "unchanged", "as it was given"),
        ("return a*N**-b + c*D**-d if N > 20000 else 0", "some-cases", "returned 0, want"),
        ("return [a, N]", "", "want 0."),
        ("print('N is', N)\n    return 1", "", "It printed:\n    N is"),
        ("return True", "", "returned True"),
        ("return 'x'", "", "returned 'x'"),
    ],
)
def test_what_is_wrong_is_named_with_one_case(body: str, slip: str, says: str) -> None:
    one = asked()
    graded = grade(one, HEAD + "    " + body)
    assert not graded.correct
    assert slip in ("", graded.slip)
    assert says in graded.diagnosis
    assert graded.diagnosis.count("    loss(") + graded.diagnosis.count(", loss(") == 1
    assert graded.step


def test_a_failing_case_names_its_inputs_what_came_and_what_was_wanted() -> None:
    one = asked("code-layer-weights")
    graded = grade(one, "def layer(hidden, ffn):\n    return 7")
    hidden, ffn = one.cases[0].arguments
    assert f"layer({hidden}, {ffn}) returned 7, want {4 * hidden**2 + 2 * hidden * ffn:.6g}" in graded.diagnosis


def test_no_number_of_tries_gathers_what_the_hidden_cases_want() -> None:
    """A table of everything that was shown, wrong calls with what they should return, still does not pass."""
    one = asked()
    known = {one.cases[0].arguments: one.cases[0].wanted[0]}
    for _ in range(12):
        program = f"{HEAD}    return {known!r}.get((N, D, a, b, c, d), 0)"
        graded = grade(one, program)
        assert not graded.correct
        call, wanted = re.search(r"loss(\(.*\)) returned .*, want (.*)", graded.diagnosis).groups()  # type: ignore[union-attr]
        known[ast.literal_eval(call)] = float(wanted)
    assert len(known) == 13
    assert known.keys() & {case.arguments for case in one.cases} == {one.cases[0].arguments}


def test_a_hidden_case_that_alone_is_wrong_is_shown_without_what_it_wants() -> None:
    one = asked()
    size, tokens = one.cases[3].arguments[:2]
    graded = grade(one, HEAD + f"    return a*N**-b + c*D**-d if (N, D) != ({size}, {tokens}) else 0")
    assert graded.slip == "some-cases"
    told = f"5 of 6 cases are right. Case 4:\n    {called('loss', one.cases[3])} returned 0, which is wrong"
    assert told in graded.diagnosis


def test_only_the_first_case_is_shown_with_the_question() -> None:
    one = asked()
    assert one.example.startswith("loss(")
    shown = one.text + one.code + one.example + one.hint + " ".join(one.steps)
    assert all(str(case.wanted[0])[:6] not in shown for case in one.cases[1:])
    assert len({case.arguments for case in one.cases}) == 6


def test_cases_differ_by_seed_and_are_the_same_on_every_machine() -> None:
    assert asked(seed=1).cases == asked(seed=1).cases
    assert asked(seed=1).cases[1:] != asked(seed=2).cases[1:]
    assert asked("code-huber").cases[0].arguments[1] == 0.001


def test_a_tuple_is_compared_item_by_item() -> None:
    one = asked("code-optimum")
    turned = one.expected.replace("return N, D", "return D, N")
    assert grade(one, one.expected).correct
    assert grade(one, one.expected.replace("return N, D", "return [N, D]")).correct
    assert not grade(one, turned).correct


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("def loss(N", "line 1: SyntaxError: '(' was never closed"),
        ("def los(N): return 1", "found no function loss, want def loss(N, D, a, b, c, d):"),
        ("import os\n" + HEAD + "    return 1", "line 1: only math can be imported here"),
        ("", "nothing given"),
    ],
)
def test_what_cannot_be_run_is_no_try(answer: str, why: str) -> None:
    with pytest.raises(InputError) as refused:
        grade(asked(), answer)
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


def test_it_is_said_how_a_program_is_read() -> None:
    assert read_as(asked(), HEAD + "    return 1") == "loss(N, D, a, b, c, d), 2 lines"


BANK = """
title = "A bank"
lesson = "power-laws"
[[question]]
id = "half"
kind = "code"
difficulty = "easy"
skill = "halving"
text = "Halve x."
function = "half"
arguments = ["x"]
answer = "x/2"
code = '''
def half(x):
    return x'''
typed = '''
def half(x):
    return x/2'''
hint = "Divide."
steps = ["return x/2"]
check = "Twice it is x."
[question.values]
x = { low = 10, high = 90 }
[[question.mistakes]]
slip = "inverse"
answer = '''
def half(x):
    return 2*x'''
says = "This is the double."
step = "Divide by two."
"""


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("return x/2'''\nhint", "return x/3'''\nhint"), "field 'typed': seed 0: the reference does not pass"),
        (("    return x'''", "    return x*0.5'''"), "field 'code': seed 0: the starting text already passes"),
        (
            ("return 2*x", "return x/2.0"),
            "field 'mistakes': seed 0: inverse (def half(x): return x/2.0) is accepted as right",
        ),
        (("return 2*x", "return 1/0"), "is diagnosed as raises"),
        (("x = { low = 10, high = 90 }", "x = 4"), "field 'values': seed 0: all cases are the same"),
    ],
)
def test_check_finds_what_is_wrong_with_such_a_question(tmp_path: Path, change: tuple[str, str], says: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(BANK)
    assert check_bank(load_bank(path), (), 5) == []
    path.write_text(BANK.replace(*change))
    [problem] = check_bank(load_bank(path), (), 5)
    assert says in problem


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('arguments = ["x"]', 'arguments = ["y"]'), "field 'arguments': found ['y']"),
        (('function = "half"', 'function = "a b"'), "field 'function': found 'a b'"),
        (('answer = "x/2"', 'answer = "z/2"'), "field 'answer': formula: 'z' is not a name"),
        (('kind = "code"', 'kind = "code"\ncases = 1'), "field 'cases': found 1, want 2 to 20"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, change: tuple[str, str], says: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(BANK.replace(*change, 1))
    with pytest.raises(InputError) as refused:
        load_bank(path)
    assert says in str(refused.value)
