"""A bank says what is wrong with it; the project's own banks are sound."""

import re
from collections import Counter
from pathlib import Path

import pytest

from scaling_tui import InputError
from scaling_tui.laws import find_law, get
from scaling_tui.text import resources
from scaling_tui.tutor.content.bank import load_bank, load_banks, read_bank, used_twice
from scaling_tui.tutor.content.faults import FaultyBank
from scaling_tui.tutor.content.lesson import lesson_files
from scaling_tui.tutor.content.questions import DIFFICULTIES, KINDS, Numeric, Question
from scaling_tui.tutor.content.variant import variant
from scaling_tui.tutor.grading.checking import SEEDS, check_bank, diagnosis_table
from scaling_tui.tutor.grading.marking import grade

BANKS = sorted(resources.packaged("quizzes").glob("*.toml"))
LESSONS = [file.id for file in lesson_files()]


@pytest.mark.parametrize("seeds", [pytest.param(20, id="few"), pytest.param(SEEDS, id="all", marks=pytest.mark.slow)])
@pytest.mark.parametrize("path", BANKS, ids=lambda path: path.stem)
def test_the_projects_banks_hold_what_they_promise(path: Path, seeds: int) -> None:
    assert check_bank(load_bank(path), LESSONS, seeds) == []


def test_there_are_questions_of_every_kind_and_grade_in_every_lesson() -> None:
    questions = [question for bank in load_banks() for question in bank.questions]
    assert len(questions) >= 80
    assert {question.kind for question in questions} == set(KINDS)
    by_lesson: dict[str, list[Question]] = {lesson: [] for lesson in LESSONS}
    for question in questions:
        by_lesson[question.lesson].append(question)
    for lesson, here in by_lesson.items():
        assert len(here) >= 6, lesson
        assert {question.difficulty for question in here} == set(DIFFICULTIES), lesson
        assert {"choice", "numeric"} <= {question.kind for question in here}, lesson


def test_every_numeric_question_knows_at_least_two_slips() -> None:
    for bank in load_banks():
        for question in bank.questions:
            if isinstance(question.body, Numeric):
                rows = diagnosis_table(question)
                assert len(rows) >= 2, question.id
                assert all(len(row.reads) > 20 for row in rows)


def test_numbers_change_with_the_seed_and_only_with_it() -> None:
    for bank in load_banks():
        for question in bank.questions:
            assert variant(question, 5) == variant(question, 5)
            if isinstance(question.body, Numeric):
                drawn = [variant(question, seed) for seed in range(12)]
                plotted = question.body.reading is not None  # then the numbers are in the plot
                texts = Counter(str(one.values) if plotted else one.text for one in drawn)
                assert len(texts) >= 4, question.id


def test_right_options_stand_at_every_place() -> None:
    question = next(one for bank in load_banks() for one in bank.questions if one.kind == "choice")
    places = {next(o.letter for o in variant(question, seed).options if o.right) for seed in range(40)}
    assert len(places) >= 3


@pytest.mark.parametrize(
    ("old", "new", "field", "why"),
    [
        ('kind = "numeric"', 'kind = "essay"', "kind", "found 'essay'"),
        ('difficulty = "easy"', "", "difficulty", "missing"),
        ("digits = 3", "digits = 0", "digits", "found 0"),
        ("digits = 3", 'digits = "three"', "digits", "want a whole number"),
        ("digits = 3", "digits = 3\ntolerance = 0.001", "tolerance", "found 0.001"),
        ("digits = 3", 'digits = 3\nunit = "feet"', "unit", "found 'feet'"),
        ('answer = "x/2"', 'answer = "y/2"', "answer", "'y' is not a name"),
        ('answer = "x/2"', 'answer = "x/"', "answer", "missing, or there is one too many"),
        ('answer = "x/2"', 'answer = "x.real"', "answer", "not allowed"),
        ('answer = "x/2"', 'anser = "x/2"', "anser", "unknown, did you mean 'answer'?"),
        ("half of {x}?", "half of {x?", "text", "an unmatched brace"),
        ("half of {x}?", "half of {x:long}?", "text", "format 'long'"),
        ('slip = "inverse"', 'slip = "oops"', "slip", "found 'oops'"),
        ("low = 10, high = 90", "low = 90, high = 10", "low", "want low below high"),
        ("low = 10, high = 90", "low = 10", "high", "missing"),
        ('steps = ["{x}/2 = {answer}"]', "steps = []", "steps", "at least one"),
        ('id = "half"', 'id = "Half!"', "id", "lower-case"),
        ('hint = "Divide."', 'hint = ""', "hint", "empty"),
        ('hint = "Divide."', 'hint = "Divide."\nplan = { days = "x" }', "days", "unknown, want one of"),
        ('hint = "Divide."', 'hint = "Divide."\nplan = { flops = "y" }', "flops", "'y' is not a name"),
        (
            'hint = "Divide."',
            'hint = "Divide."\nplan = { flops = "x", loss = "x", params = "x" }',
            "plan",
            "found 3 fields, want one, or two",
        ),
    ],
)
def test_an_error_names_file_question_and_field(bank_file: Path, old: str, new: str, field: str, why: str) -> None:
    bank_file.write_text(bank_file.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=re.escape(why)) as caught:
        load_bank(bank_file)
    assert str(bank_file) in str(caught.value)
    assert "question" in str(caught.value)
    assert f"field {field!r}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"title = ", "not TOML"),
        (b"\xff\xfe", "not UTF-8"),
        (b'title = "x"', "want at least one [[question]]"),
        (b'title = "x"\nquestion = 3', "want at least one [[question]]"),
    ],
)
def test_what_is_no_bank_is_refused(bank_file: Path, content: bytes, why: str) -> None:
    bank_file.write_bytes(content)
    with pytest.raises(InputError, match=re.escape(why)):
        load_bank(bank_file)


@pytest.mark.parametrize(
    ("old", "new", "field", "why"),
    [
        ('answer = "2*x"', 'answer = "x*0.5"', "mistakes", "too close to the key"),
        ("{x}/2 = {answer}", "{x}/2 = {x/3:3}", "steps", "does not end in the key"),
        ('text = "{a - 2}"', 'text = "{a - 1}"', "wrong", "two options have the same text"),
        ('answer = "x/2"', 'answer = "log(-x)"', "answer", "has no value"),
        ('lesson = "power-laws"', 'lesson = "cooking"', "lesson", "found 'cooking'"),
        ('says = "Two less."', 'says = "One less."', "mistakes", "have the same diagnosis"),
        ('answer = "2*x"', 'answer = "x/0"', "mistakes", "too close to the key"),
        ('hint = "Divide."', 'hint = "Divide."\nplan = { loss = "-x" }', "plan", "want a positive number"),
    ],
)
def test_check_finds_what_loads_but_does_not_hold(bank_file: Path, old: str, new: str, field: str, why: str) -> None:
    text = bank_file.read_text().replace(old, new, 1)
    bank_file.write_text(text)
    problems = check_bank(load_bank(bank_file), LESSONS, 20)
    assert any(f"field {field!r}" in problem and why in problem for problem in problems), problems


def test_a_users_banks_are_found_and_names_must_not_clash(own_folders: Path, bank_file: Path) -> None:
    folder = own_folders / "config" / "scaling-tui" / "quizzes"
    folder.mkdir(parents=True)
    (folder / "own.toml").write_text(bank_file.read_text())
    assert any(bank.path == folder / "own.toml" for bank in load_banks())
    assert [bank.path for bank in load_banks([bank_file])] == [bank_file]  # the built-in ones are left out
    with pytest.raises(InputError, match="also in"):
        load_banks([bank_file, folder / "own.toml"])
    assert "also in" in used_twice([load_bank(bank_file)], with_others=True)[0]


def test_the_example_for_instructors_is_sound(tmp_path: Path) -> None:
    readme = (resources.packaged("quizzes") / "README.md").read_text()
    example = re.search(r"```toml\n(.*?)```", readme, re.DOTALL)
    assert example
    path = tmp_path / "example.toml"
    path.write_text(example[1])
    assert check_bank(load_bank(path), LESSONS) == []


QUESTIONS = [question for bank in load_banks() for question in bank.questions]


def texts(question: Question, seed: int) -> list[str]:
    """All that a learner can read of a question."""
    asked = variant(question, seed)
    told = [asked.text, asked.hint, asked.check, asked.expected, *asked.steps]
    told += [f"{option.text} {option.diagnosis}" for option in asked.options]
    return told + [f"{m.diagnosis.render(asked.values)} {m.step.render(asked.values)}" for m, _ in asked.wrong]


def test_the_longest_option_is_not_the_right_one_more_often_than_by_chance() -> None:
    choices = [variant(question, 0).options for question in QUESTIONS if question.kind == "choice"]
    for picks in (max, min):
        picked = sum(picks(options, key=lambda option: len(option.text)).right for options in choices)
        assert picked <= 0.4 * len(choices), picks


def test_a_loss_that_a_question_calls_a_laws_is_that_laws() -> None:
    question = next(question for question in QUESTIONS if question.id == "nats-to-bits")
    law, published = find_law("kaplan-n"), get("kaplan-n:kaplan2020").coefficients
    shown = set()
    for seed in range(60):
        asked = variant(question, seed)
        loss = float(law.loss(published, params=asked.values["N"]))
        assert f"gives {loss:.3f} nats" in asked.text
        shown.add(asked.text)
    assert len(shown) >= 8
    assert any("3.371" in text and "10.0M" in text for text in shown)


def test_no_number_ends_in_padding() -> None:
    for question in QUESTIONS:
        for seed in range(20):
            for text in texts(question, seed):
                assert not re.search(r"\d\.0{4,}(?!\d)|\d\.\d{1,3}0{4,}(?!\d)", text), (question.id, seed, text)


def test_steps_of_an_epoch_are_a_whole_number() -> None:
    question = next(question for question in QUESTIONS if question.id == "steps-of-an-epoch")
    for seed in range(20):
        assert re.fullmatch(r"\d+ steps", variant(question, seed).expected)


def test_the_options_of_the_printed_call_do_not_differ_in_decimals() -> None:
    question = next(question for question in QUESTIONS if question.id == "printed-call")
    assert len({variant(question, seed).text for seed in range(40)}) > 5
    for seed in range(40):
        asked = variant(question, seed)
        N, D = asked.values["N"], asked.values["D"]
        right = next(option for option in asked.options if option.right)
        assert right.text == repr(round(N**-0.5 + D**-0.3, 4))
        assert all(len(option.text.partition(".")[2]) >= 2 for option in asked.options)


def test_questions_that_practise_a_skill_do_not_stay_the_same() -> None:
    for question in QUESTIONS:
        if question.kind in ("numeric", "fix"):
            seen = {(variant(question, seed).text, str(variant(question, seed).question.body)) for seed in range(8)}
            assert len(seen) > 1, question.id
    mended = next(question for question in QUESTIONS if question.id == "positive-exponents")
    lines = {variant(mended, seed).expected for seed in range(4)}
    assert len(lines) == 4


def test_who_is_asked_by_a_published_fit_is_given_its_coefficients() -> None:
    for question in QUESTIONS:
        asked = variant(question, 0)
        if re.search(r"what compute-optimal budget|What loss does it predict|How many tokens does it need", asked.text):
            for coefficient in ("1.8172", "482.01", "2085.43", "0.3478", "0.3658"):
                assert coefficient in asked.text, question.id


FORMS = """
[[question.form]]
text = "What is a third of {x}?"
answer = "x/3"
steps = ["{x}/3 = {answer}"]
check = "Three times the answer is {x}."
[[question.form.mistakes]]
slip = "inverse"
answer = "3*x"
says = "This is three times as much."
step = "Divide by three."

[[question]]
id = "which\""""


def test_forms_of_a_question_take_turns(bank_file: Path) -> None:
    bank_file.write_text(bank_file.read_text().replace('\n[[question]]\nid = "which"', FORMS))
    bank = load_bank(bank_file)
    assert check_bank(bank, LESSONS, 40) == []
    asked = [variant(bank.questions[0], seed) for seed in range(4)]
    assert ["third" in one.text for one in asked] == [False, True, False, True]
    assert {one.question.id for one in asked} == {"half"}
    assert all(grade(one, one.expected).correct for one in asked)
    bank_file.write_text(bank_file.read_text().replace('answer = "3*x"', 'answer = "3*y"'))
    with pytest.raises(InputError, match=r"question 'half': form 1: mistakes 1: field 'answer': .*'y'"):
        load_bank(bank_file)
    bank_file.write_text(bank_file.read_text().replace("[[question.form]]", '[[question.form]]\nkind = "fix"'))
    assert "the same for all forms" in "".join(read_bank(bank_file)[1])


def test_all_faults_of_a_bank_are_told_at_once(bank_file: Path) -> None:
    text = bank_file.read_text()
    for old, new in [
        ('id = "half"', 'id = "Half"'), ("digits = 3", "digits = 99"), ('hint = "Divide."', 'hint = "{y}"'),
        ('slip = "inverse"', 'slip = "oops"'), ('says = "This is the double."', "sayz = 3"),
        ("low = 10, high = 90", "low = 90, high = 10"), ('text = "{a - 1}"', 'text = "{b}"'),
    ]:  # fmt: skip
        assert old in text
        text = text.replace(old, new, 1)
    bank_file.write_text(text)
    bank, faults = read_bank(bank_file)
    assert bank.questions == ()
    told = "\n".join(faults)
    for field in ("id", "digits", "hint", "slip", "sayz", "says", "low", "text"):
        assert f"field {field!r}" in told, field
    assert len(faults) == 8
    with pytest.raises(FaultyBank, match="and 7 more; 'scaling-tui quiz check FILE' lists them") as caught:
        load_bank(bank_file)
    assert caught.value.faults == faults


def test_all_faults_of_a_sound_bank_file_are_told_too(bank_file: Path) -> None:
    text = bank_file.read_text().replace('answer = "2*x"', 'answer = "x*0.5"')
    text = text.replace("{x}/2 = {answer}", "{x}/2 = {x/3:3}").replace('lesson = "power-laws"', 'lesson = "cooking"')
    bank_file.write_text(text.replace('says = "Two less."', 'says = "One less."'))
    problems = "\n".join(check_bank(load_bank(bank_file), LESSONS, 20))
    for told in ("found 'cooking'", "too close to the key", "does not end in the key", "have the same diagnosis"):
        assert told in problems


def test_a_right_option_told_by_its_decimals_is_a_problem(bank_file: Path) -> None:
    bank_file.write_text(bank_file.read_text().replace('right = "{a}"', 'right = "{a + 0.125:4}"'))
    assert "gives it away" in "".join(check_bank(load_bank(bank_file), LESSONS, 20))


def test_numbers_that_never_change_are_a_problem(bank_file: Path) -> None:
    bank_file.write_text(bank_file.read_text().replace("x = { low = 10, high = 90 }", "x = 46"))
    assert "the same numbers at every seed" in "".join(check_bank(load_bank(bank_file), LESSONS))
