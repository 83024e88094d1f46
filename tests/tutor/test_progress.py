"""Progress: what is due when, what is mastered, and that nothing is lost."""

import multiprocessing
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scaling_tui import InputError
from scaling_tui.tutor import progress as store
from scaling_tui.tutor.content.bank import load_banks
from scaling_tui.tutor.content.questions import Question
from scaling_tui.tutor.course import Course
from scaling_tui.tutor.progress import Answer, append, read_answers, reset
from scaling_tui.tutor.review import (
    LAPSES,
    NEW_A_DAY,
    TEST,
    interleaved,
    pick_seeded,
    pick_session,
    pick_test,
    review_state,
)
from scaling_tui.tutor.session import Session

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
QUESTIONS = [question for bank in load_banks() for question in bank.questions]
CARD = next(question for question in QUESTIONS if question.kind == "choice")
SKILLED = next(question for question in QUESTIONS if question.kind == "numeric")


def answered(question: Question, days: float, correct: bool = True, hinted: bool = False) -> Answer:
    at = START + timedelta(days=days)
    return Answer(at, question.lesson, question.id, question.skill, question.difficulty, 0, correct, hinted)


def test_a_concept_that_is_remembered_comes_back_later_each_time() -> None:
    answers: list[Answer] = []
    gaps, day = [], 0.0
    for _ in range(6):
        answers.append(answered(CARD, day))
        due = review_state(QUESTIONS, answers, START).cards[CARD.id].due
        gaps.append((due - answers[-1].time).total_seconds() / 86400)
        day += gaps[-1]
    assert gaps[0] < 1 < gaps[2] < gaps[3] < gaps[4] <= 180
    forgotten = [*answers, answered(CARD, day, correct=False)]
    soon = review_state(QUESTIONS, forgotten, START).cards[CARD.id].due - forgotten[-1].time
    assert soon < timedelta(days=1)


def test_after_eight_lapses_it_is_back_to_the_lesson_until_that_is_read() -> None:
    answers = [answered(CARD, 0)] + [answered(CARD, day, correct=False) for day in range(1, LAPSES + 1)]
    late = START + timedelta(days=30)
    state = review_state(QUESTIONS, answers, late)
    assert state.back_to == (CARD.lesson,)
    assert CARD.id not in state.due
    state = review_state(QUESTIONS, [*answers, Answer(START + timedelta(days=20), CARD.lesson)], late)
    assert state.back_to == ()
    assert CARD.id in state.due


def test_a_skill_is_mastered_by_a_moving_average_and_returns() -> None:
    answers = [answered(SKILLED, 0)] * 3
    assert not review_state(QUESTIONS, answers, START).skills[SKILLED.skill].mastered
    answers = [answered(SKILLED, 0)] * 7
    now = review_state(QUESTIONS, answers, START + timedelta(days=1))
    assert now.skills[SKILLED.skill].mastered
    same_skill = {question.id for question in QUESTIONS if question.skill == SKILLED.skill}
    assert not same_skill & set(now.due)
    assert same_skill & set(review_state(QUESTIONS, answers, START + timedelta(days=15)).due)
    hinted = [answered(SKILLED, 0, hinted=True)] * 30
    assert not review_state(QUESTIONS, hinted, START).skills[SKILLED.skill].mastered


def test_new_questions_are_limited_to_some_a_day() -> None:
    assert len(review_state(QUESTIONS, [], START).new) == NEW_A_DAY
    met = [answered(question, 0) for question in QUESTIONS[:7]]
    assert len(review_state(QUESTIONS, met, START + timedelta(hours=1)).new) == NEW_A_DAY - 7
    assert len(review_state(QUESTIONS, met, START + timedelta(days=1)).new) == NEW_A_DAY


def test_a_session_interleaves() -> None:
    state = review_state(QUESTIONS, [], START)
    chosen = pick_session(QUESTIONS, state, 8)
    assert len({question.id for question in chosen}) == 8
    same = [question for question in QUESTIONS if question.skill == "evaluate-a-law"][:3]
    order = [question.skill or question.lesson for question in interleaved([*same, CARD, SKILLED])]
    assert order[0] != order[1]


def test_a_test_has_ten_questions_of_three_difficulties() -> None:
    chosen = pick_test(QUESTIONS, 3)
    difficulties = [question.difficulty for question in chosen]
    assert Counter(difficulties) == TEST
    assert len({question.lesson for question in chosen}) >= 8
    assert pick_test(QUESTIONS, 3) == chosen != pick_test(QUESTIONS, 4)


def test_an_unreadable_answer_is_no_try_and_every_other_is_saved(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    one = Session([SKILLED, CARD], path, lambda _: 4, now=lambda: START)
    with pytest.raises(InputError):
        one.answer("seven")
    assert read_answers(path) == []
    one.answer("123456")
    assert [(answer.question, answer.correct, answer.seed) for answer in read_answers(path)] == [(SKILLED.id, False, 4)]
    one.again()
    one.answer(one.asked.expected)
    assert [answer.seed for answer in read_answers(path)] == [4, 5]
    assert [(result.correct, result.tries) for result in one.results] == [(False, 2)]
    one.next()
    one.answer(one.asked.expected)
    one.next()
    assert one.over
    assert one.right == 1


def _write(path: Path, worker: int) -> None:
    for number in range(50):
        append(Answer(START, "lesson", f"q{worker}-{number}", slip="ä" * 40), path)


def test_two_windows_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write, args=(path, worker)) for worker in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert {answer.question for answer in read_answers(path)} == {f"q{w}-{n}" for w in range(2) for n in range(50)}


def test_a_torn_line_is_left_out_and_the_next_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    append(answered(CARD, 0), path)
    with path.open("ab") as file:
        file.write(b'{"time": "2026-01')
    append(answered(SKILLED, 0), path)
    assert [answer.question for answer in read_answers(path)] == [CARD.id, SKILLED.id]


def test_reset_keeps_the_old_record_beside_the_new(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    assert reset(path) is None
    append(answered(CARD, 0), path)
    kept = reset(path)
    assert kept is not None
    assert read_answers(path) == []
    assert len(read_answers(kept)) == 1


def test_fresh_numbers_each_time(tmp_path: Path) -> None:
    course = Course.load(QUESTIONS, tmp_path / "none.jsonl", START)
    first, second = course.session(8), course.session(8)
    assert [q.id for q in first.questions] == [q.id for q in second.questions]
    seeds = {course.session(8)._seeds[0] for _ in range(20)}
    assert len(seeds) > 1
    assert course.minutes > 3
    assert "due 0 · new 10" in course.overview()


def test_progress_lives_in_the_users_data_folder(own_folders: Path) -> None:
    assert store.progress_file() == own_folders / "data" / "scaling-tui" / "progress.jsonl"


def test_a_seed_fixes_the_questions_and_their_numbers_whatever_was_answered(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    fresh = Course.load(QUESTIONS, path, START).session(8, seed=5)
    for question in fresh.questions[:4]:
        append(answered(question, 0), path)
    later = Course.load(list(reversed(QUESTIONS)), path, START + timedelta(hours=1)).session(8, seed=5)
    assert [question.id for question in later.questions] == [question.id for question in fresh.questions]
    assert later.asked == fresh.asked
    assert pick_seeded(QUESTIONS, 5, 8) != pick_seeded(QUESTIONS, 6, 8)
    assert len(pick_seeded(QUESTIONS[:3], 5, 8)) == 3


def test_ten_new_questions_a_day_are_not_passed_by_padding() -> None:
    for met in (0, 4, NEW_A_DAY):
        answers = [answered(question, 0) for question in QUESTIONS[:met]]
        state = review_state(QUESTIONS, answers, START + timedelta(hours=1))
        chosen = pick_session(QUESTIONS, state, 60)
        unseen = [question for question in chosen if not state.asked[question.id]]
        assert len(unseen) == NEW_A_DAY - met
        assert len({question.id for question in chosen}) == len(chosen) <= NEW_A_DAY
    everything = pick_session(QUESTIONS[:20], state, 20, whole=True)  # a lesson that the learner chose
    assert len(everything) == 20


def test_where_nothing_is_left_today_a_session_says_so(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    for question in QUESTIONS[:NEW_A_DAY]:
        append(answered(question, 0), path)
    course = Course.load(QUESTIONS[NEW_A_DAY:], path, START + timedelta(hours=1))
    with pytest.raises(InputError, match="today's 10 new questions have been asked"):
        course.session(8)
    assert len(course.session(8, whole=True).questions) == 8


def test_a_tests_score_counts_what_was_not_answered(tmp_path: Path) -> None:
    one = Course.load(QUESTIONS, tmp_path / "none.jsonl", START).test(3)
    one.answer(one.asked.expected)
    for _ in range(4):
        one.next()
    assert (one.right, one.asked_in_all, one.skipped) == (1, 10, 9)
    assert sum(topic.asked for topic in one.topics()) == 10
    assert len(one.weak) == len({question.lesson for question in one.questions}) - (
        sum(question.lesson == one.questions[0].lesson for question in one.questions) == 1
    )
    plain = Session(one.questions, None, lambda _: 3)
    plain.answer(plain.asked.expected)
    plain.next()
    plain.next()
    assert (plain.right, plain.asked_in_all, plain.skipped) == (1, 1, 1)


def test_a_test_does_not_tell_a_rounded_right_answer_from_a_wrong_one() -> None:
    question = next(question for question in QUESTIONS if question.id == "read-kaplan-n")
    one = Session([question], None, lambda _: 3, test=True)
    key = one.asked.values["answer"]
    told = set()
    for text in (f"{key:.1f}", f"{key + 1:.1f}", f"{key + 2:.1f} nats"):
        with pytest.raises(InputError) as caught:
            one.answer(text)
        told.add(str(caught.value))
    assert told == {"answer: found 2 significant figures, want 3, such as 1.00"}
    assert one.results == []
    assert one.answer(f"{key:.3g}").correct
    practice = Session([question], None, lambda _: 3)
    with pytest.raises(InputError, match="Right so far"):
        practice.answer(f"{key:.1f}")
    assert not practice.answer(f"{key + 1:.1f}").correct
