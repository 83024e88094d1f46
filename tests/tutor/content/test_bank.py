"""A bank says what is wrong with it; the project's own banks are sound."""

import re
from collections import Counter
from pathlib import Path

import pytest

from scaling_tui import InputError
from scaling_tui.text import resources
from scaling_tui.tutor.content.bank import load_bank, load_banks
from scaling_tui.tutor.content.lesson import lesson_files
from scaling_tui.tutor.content.questions import DIFFICULTIES, KINDS, Numeric, Question
from scaling_tui.tutor.content.variant import variant
from scaling_tui.tutor.grading.checking import check_bank, diagnosis_table

BANKS = sorted(resources.packaged("quizzes").glob("*.toml"))
LESSONS = [file.id for file in lesson_files()]


@pytest.mark.parametrize("path", BANKS, ids=lambda path: path.stem)
def test_the_projects_banks_hold_what_they_promise(path: Path) -> None:
    assert check_bank(load_bank(path), LESSONS) == []


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
        ('answer = "x/2"', 'anser = "x/2"', "anser", "unknown, want one of"),
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
    with pytest.raises(InputError, match="also in"):
        load_banks([bank_file])


def test_the_example_for_instructors_is_sound(tmp_path: Path) -> None:
    readme = (resources.packaged("quizzes") / "README.md").read_text()
    example = re.search(r"```toml\n(.*?)```", readme, re.DOTALL)
    assert example
    path = tmp_path / "example.toml"
    path.write_text(example[1])
    assert check_bank(load_bank(path), LESSONS) == []
