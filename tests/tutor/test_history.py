"""Sittings, mistakes and days from the records; progress of two machines merged without loss."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.tutor.content.bank import load_banks
from scaling_tui.tutor.content.question_tables import question_of
from scaling_tui.tutor.content.questions import KINDS, Question
from scaling_tui.tutor.course import Course
from scaling_tui.tutor.history import Day, days, past_mistakes, past_sittings, read_history, streak
from scaling_tui.tutor.progress import (
    Answer,
    answers_in,
    append,
    export,
    guesses,
    keep_guess,
    merge,
    progress_file,
    read_answers,
    read_records,
)
from scaling_tui.tutor.review import review_state

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
QUESTIONS = [question for bank in load_banks() for question in bank.questions]


def answered(question: str, hours: float, correct: bool = True, seconds: float = 20.0) -> Answer:
    return Answer(START + timedelta(hours=hours), "power-laws", question, correct=correct, seconds=seconds)


def test_a_test_that_was_left_goes_on_with_its_questions_its_numbers_and_its_score(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    course = Course.load(QUESTIONS, path)
    with pytest.raises(InputError, match="--resume: no session or test is open"):
        course.resume()
    left = course.test(seed=3)
    order = [question.id for question in left.questions]
    left.answer(left.asked.expected)
    left.next()
    left.next()  # passed over
    wrong = next(o.letter for o in left.asked.options if not o.right) if left.asked.options else "1: 1"
    try:
        left.answer("0.12345" if left.asked.question.kind == "numeric" else wrong)
    except InputError:
        left.answer(left.asked.expected)
    again = Course.load(QUESTIONS, path).resume()
    assert again.test
    assert again.index == 2
    assert again.right == left.right
    assert [question.id for question in again.questions] == [order[0], order[2], order[1], *order[3:]]
    assert again.asked.seed == 3
    while not again.over:
        again.answer(again.asked.expected)
        again.next()
    (sitting,) = Course.load(QUESTIONS, path).sittings()
    assert sitting.ended
    assert sitting.test
    assert sitting.questions == tuple(order)
    assert sitting.right == again.right
    with pytest.raises(InputError):
        Course.load(QUESTIONS, path).resume()


def test_mistakes_are_reviewed_until_they_are_right(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    answers = [
        answered("two-term-loss", 0, False), answered("why-negative", 1, False), answered("two-term-loss", 2, False),
        answered("simplified-law", 3), answered("why-negative", 4),
    ]  # fmt: skip
    for answer in answers:
        append(answer, path)
    assert [(each.latest.question, each.times) for each in past_mistakes(answers)] == [("two-term-loss", 2)]
    session = Course.load(QUESTIONS, path).mistakes(8)
    assert [question.id for question in session.questions] == ["two-term-loss"]
    session.answer(session.asked.expected)
    with pytest.raises(InputError, match="no question's latest answer was wrong"):
        Course.load(QUESTIONS, path).mistakes(8)
    assert read_answers(path)[-1].text == session.asked.expected


def test_days_count_time_at_questions_and_no_night_in_between() -> None:
    known = days([answered("a", 0), answered("b", 1, False, 90_000.0), answered("c", 30, True, 5.0)])
    assert [(day.answers, day.right, day.seconds) for day in known] == [(2, 1, 620.0), (1, 1, 5.0)]


@pytest.mark.parametrize(
    ("dates", "today", "row"),
    [([1, 2, 3], 3, 3), ([1, 2, 3], 4, 3), ([1, 2, 3], 5, 0), ([1, 3], 3, 1), ([], 3, 0)],
)
def test_a_day_that_is_not_over_breaks_no_row(dates: list[int], today: int, row: int) -> None:
    known = [Day(date(2026, 3, day), 1, 1, 1.0) for day in dates]
    assert streak(known, date(2026, 3, today)) == row


def test_records_that_make_no_sense_are_left_out() -> None:
    nonsense: list[dict[str, Any]] = [
        {"sitting": 3}, {"sitting": "a", "questions": ["x"], "seeds": []},
        {"sitting": "a", "questions": "x", "seeds": 1},
        {"sitting": "b", "questions": ["x"], "seeds": [1], "time": "never"}, {"sitting": "c", "ended": True},
    ]  # fmt: skip
    assert past_sittings(nonsense, []) == []


records = st.lists(
    st.builds(
        lambda hours, question, correct: {
            "time": (START + timedelta(hours=hours)).isoformat(), "lesson": "l", "question": question,
            "correct": correct,
        },
        st.integers(0, 50), st.sampled_from(["two-term-loss", "why-negative", "simplified-law"]), st.booleans(),
    ),
    max_size=12,
)  # fmt: skip


def written(path: Path, each: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in each))
    return path


def known(path: Path) -> set[str]:
    return {json.dumps(record, sort_keys=True) for record in read_records(path)}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(one=records, two=records)
def test_a_merge_loses_nothing_doubles_nothing_and_does_not_depend_on_the_direction(
    one: list[dict[str, Any]], two: list[dict[str, Any]], tmp_path: Path
) -> None:
    a, b = (written(tmp_path / f"{name}.jsonl", each) for name, each in (("a", one), ("b", two)))
    c, d = (written(tmp_path / f"{name}.jsonl", each) for name, each in (("c", one), ("d", two)))
    before = a.read_bytes()
    both = known(a) | known(b)
    if two:
        merge(a, b)
    if one:
        merge(d, c)
    assert a.read_bytes().startswith(before), "what was there stays as it was"
    assert known(a) == known(d) == both
    assert len(read_records(a)) == len(one) + len(both - known(c))
    if two:
        size = a.stat().st_size
        assert merge(a, b) == 0
        assert a.stat().st_size == size
    times = [answer.time for answer in read_answers(a)]
    assert times == sorted(times)


def test_merged_progress_is_what_one_machine_would_have_recorded(tmp_path: Path) -> None:
    answers = [answered("why-negative", hours, hours % 3 != 0) for hours in range(0, 400, 7)]
    whole, a, b = (tmp_path / name for name in ("whole.jsonl", "a.jsonl", "b.jsonl"))
    for number, answer in enumerate(answers):
        append(answer, whole)
        append(answer, b if number % 2 else a)
    merge(a, b)
    late = START + timedelta(days=40)
    assert read_answers(a) == read_answers(whole)
    assert review_state(QUESTIONS, read_answers(a), late) == review_state(QUESTIONS, read_answers(whole), late)


def test_an_export_can_be_merged_with_all_that_is_in_it(tmp_path: Path) -> None:
    path, other = tmp_path / "a.jsonl", tmp_path / "export.json"
    append(answered("why-negative", 0), path)
    keep_guess("prediction:q:r5", 2.5, path)
    other.write_text(json.dumps(export(path)))
    fresh = tmp_path / "fresh.jsonl"
    assert merge(fresh, other) == 2
    assert known(fresh) == known(path)
    assert guesses(fresh) == {"prediction:q:r5": 2.5}


@pytest.mark.parametrize("content", [b"", b"hello", b"[1]", b'{"a": 1}', b"\xff\xfe", b'{"records": [3]}'])
def test_what_is_no_progress_changes_nothing(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)
    append(answered("why-negative", 0), progress_file())
    before = progress_file().read_bytes()
    with pytest.raises(InputError, match="no records of progress"):
        merge(progress_file(), tmp_path / "x")
    assert progress_file().read_bytes() == before


@given(st.dictionaries(
    st.sampled_from(
        ["lesson", "question", "skill", "seed", "correct", "text", "seconds", "sitting", "questions", "ended"]
    ),
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.lists(st.text(max_size=2))),
))  # fmt: skip
def test_no_record_of_another_machine_stops_the_history(record: dict[str, Any]) -> None:
    each = [{"time": START.isoformat(), **record}, {"time": START.isoformat(), "lesson": "l", "question": "q"}]
    answers = answers_in(json.loads(json.dumps(each)))
    assert any(answer.question == "q" for answer in answers)
    assert days(answers)
    assert past_mistakes(answers)
    past_sittings(each, answers)


def test_a_later_version_may_add_to_an_answer(tmp_path: Path) -> None:
    path = written(tmp_path / "p.jsonl", [{"time": START.isoformat(), "lesson": "l", "question": "q", "mood": "good"}])
    assert [answer.question for answer in read_answers(path)] == ["q"]


def own_question(name: str, text: str) -> Question:
    """A question that no bank holds, as those about a sweep are."""
    table = {
        "id": name, "kind": "numeric", "lesson": "planning", "difficulty": "easy", "skill": "own-runs", "text": text,
        "answer": "a", "digits": 3, "hint": "Look.", "steps": ["It is {answer}."], "check": "None.",
        "values": {"a": 2.5},
        "mistakes": [{"slip": "logarithm", "answer": "log(a)", "says": "That is the logarithm.", "step": "Take a."}],
    }  # fmt: skip
    return replace(question_of(table, Path("sweep")), table=table)


def test_a_sitting_on_ones_own_runs_goes_on_though_the_runs_have_changed(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    asked = [own_question("own-prediction", "What is the loss of r6?"), own_question("own-tokens", "How many tokens?")]
    left = Course.load(asked, path).on(asked)
    left.answer("9.99")
    again = Course.load(QUESTIONS, path).resume()
    assert (again.index, again.right, len(again.results)) == (1, 0, 1)
    assert again.asked.text == "How many tokens?"
    assert again.answer("2.50").correct
    again.next()
    assert Course.load(QUESTIONS, path).left() is None
    kept = read_history(path).with_questions(QUESTIONS)
    assert [question.text.render({}) for _, question in kept] == ["What is the loss of r6?"]
    review = Course.load(QUESTIONS, path).mistakes(5)
    assert review.asked.text == "What is the loss of r6?"


@pytest.mark.parametrize("made", [[{"id": "x"}], ["x"], {"id": "x"}, 3, [{"id": "own-prediction", "kind": 3}], None])
def test_questions_kept_with_a_sitting_may_hold_anything(tmp_path: Path, made: object) -> None:
    path = tmp_path / "progress.jsonl"
    record = {"time": START.isoformat(), "sitting": "a", "questions": ["own-prediction"], "seeds": [1], "made": made}
    path.write_text(json.dumps(record) + "\n")
    with pytest.raises(InputError, match="question 'own-prediction' is not known"):
        Course.load(QUESTIONS, path).resume()


def test_every_kind_of_question_may_be_due(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    for kind in KINDS:
        question = next(each for each in QUESTIONS if each.kind == kind)
        append(replace(answered(question.id, 0, correct=False), skill=question.skill), path)
    assert Course.load(QUESTIONS, path).minutes > 0


def test_a_lesson_is_read_and_its_questions_are_mastered(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    concept = next(each for each in QUESTIONS if not each.skill)
    skilled = next(each for each in QUESTIONS if each.skill and each.lesson == concept.lesson)
    for number in range(6):
        given = replace(answered(skilled.id, number), lesson=skilled.lesson, skill=skilled.skill)
        append(given, path)
    append(replace(answered(concept.id, 7, correct=False), lesson=concept.lesson), path)
    append(Answer(START, concept.lesson), path)

    def standing() -> tuple[bool, int, int]:
        here = next(each for each in Course.load(QUESTIONS, path).lessons() if each.lesson == concept.lesson)
        return here.read, here.answered, here.mastered

    assert standing() == (True, 2, 1)
    append(replace(answered(concept.id, 8), lesson=concept.lesson), path)
    assert standing() == (True, 2, 2)
