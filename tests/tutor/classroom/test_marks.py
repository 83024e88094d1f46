"""Sittings and marks: what counts, what is late, and what a changed file looks like."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.tutor.classroom.assignment import Exercise
from scaling_tui.tutor.classroom.chain import START as FIRST
from scaling_tui.tutor.classroom.chain import digest, linked, read_receipt, receipt
from scaling_tui.tutor.classroom.marks import Evidence, Mark, earlier_copies, mark_folder, read_receipts
from scaling_tui.tutor.classroom.roster import Student
from scaling_tui.tutor.classroom.sitting import Sitting
from scaling_tui.tutor.classroom.statistics import class_statistics
from scaling_tui.tutor.classroom.submission import read_submission
from tests.tutor.classroom.conftest import START, Clock, first_mistake, sit

Homework = Callable[..., Exercise]


def the_mark(exercise: Exercise, folder: Path, evidence: Evidence | None = None) -> Mark:
    (mark,) = mark_folder(folder, exercise, None, evidence)
    return mark


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def written(path: Path, records: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def rechained(records: list[dict[str, object]]) -> list[dict[str, object]]:
    """As a student with the program's source would: the whole chain computed anew."""
    head, out = digest(FIRST), []
    for record in records:
        out.append(linked(head, {key: value for key, value in record.items() if key != "hash"}))
        head = out[-1]["hash"]
    return out


def test_the_last_answer_counts_and_every_one_is_kept(homework: Homework, tmp_path: Path) -> None:
    exercise = homework()
    path = sit(exercise, "s1", ["17.5", "!", "!", "?"], tmp_path / "in")
    given = read_submission(path).answers
    assert [(each.question, each.correct) for each in given][::3] == [("half", False), ("write-two-terms", False)]
    assert given[3].answer == first_mistake(exercise.asked(exercise.questions[2], "s1"))
    assert given[0].seconds == 30
    assert given[0].read_as == "17.5"
    mark = the_mark(exercise, tmp_path / "in")
    assert (mark.state, mark.points, mark.late, mark.answered) == ("marked", 3.0, None, 3)
    assert mark.questions[0].verdicts == (False, True)
    assert mark.questions[2].slip == "sign-of-exponent"


def test_a_sitting_goes_on_where_it_was_left_with_the_same_numbers(homework: Homework, tmp_path: Path) -> None:
    exercise, folder = homework(), tmp_path / "in"
    path = sit(exercise, "s1", ["17.5", "!", ""], folder)
    sitting = Sitting(exercise, "s1", path, Clock(START + timedelta(days=1)))
    assert [sitting.asked.question.id, sitting.tries_left] == ["which", 1]
    assert sitting.asked == exercise.asked(exercise.questions[1], "s1")
    sitting.answer(sitting.asked.expected)
    sitting.go_on()
    assert sitting.asked.question.id == "write-two-terms"
    with pytest.raises(InputError, match="no tries left"):
        sitting.choose(0)  # it is right, and the student knows
    assert the_mark(exercise, folder).points == 3.0


def test_what_is_not_told_at_once_may_be_changed_while_tries_are_left(homework: Homework, tmp_path: Path) -> None:
    exercise, folder = homework(feedback="after-deadline"), tmp_path / "in"
    path = sit(exercise, "s1", ["17.5", "!", "!"], folder)
    again = Sitting(exercise, "s1", path, Clock(START + timedelta(days=1)))
    assert again.over
    again.choose(0)
    again.answer(again.asked.expected)
    again.next()
    assert the_mark(exercise, folder).points == 3.5
    with pytest.raises(InputError, match="no tries left"):
        again.choose(0)
    closed = Sitting(exercise, "s1", path, Clock(START + timedelta(days=30)))
    assert closed.over
    assert closed.closed
    assert closed.reveals
    with pytest.raises(InputError, match=r"the deadline was 2026-11-30 23:59 \+01:00"):
        closed.choose(2)


def test_late_answers_are_told_apart(homework: Homework, tmp_path: Path) -> None:
    exercise, folder = homework(feedback="never"), tmp_path / "in"
    path = sit(exercise, "s1", ["17.5", "!"], folder)
    late = Sitting(exercise, "s1", path, Clock(START + timedelta(days=11)))
    assert late.asked.question.id == "write-two-terms"
    late.answer(late.asked.expected)
    late.choose(0)
    late.answer(late.asked.expected)
    mark = the_mark(exercise, folder)
    assert (mark.points, mark.points_late) == (1.0, 3.5)
    assert mark.late is not None
    assert timedelta(hours=12) < mark.late < timedelta(days=1)
    assert [question.late for question in mark.questions] == [True, False, True]


def test_an_unreadable_answer_is_no_try_and_two_windows_do_not_mix(homework: Homework, tmp_path: Path) -> None:
    exercise = homework()
    path = sit(exercise, "s1", [], tmp_path / "in")
    one, other = (Sitting(exercise, "s1", path, Clock()) for _ in range(2))
    with pytest.raises(InputError, match="cannot read"):
        one.answer("much")
    one.answer("17.5")
    with pytest.raises(InputError, match="changed since it was opened"):
        other.answer("18.5")
    assert [each.answer for each in read_submission(path).answers] == ["17.5"]


def test_a_line_cut_short_by_a_crash_costs_nothing(homework: Homework, tmp_path: Path) -> None:
    exercise, folder = homework(), tmp_path / "in"
    path = sit(exercise, "s1", ["!"], folder)
    with path.open("ab") as file:
        file.write(b'{"kind": "answer", "time": "2026')
    sit(exercise, "s1", ["!", "!"], folder, Clock(START + timedelta(days=1)))
    assert (the_mark(exercise, folder).state, the_mark(exercise, folder).points) == ("marked", 3.5)


def test_a_file_of_somebody_else_is_not_gone_on_with(homework: Homework, tmp_path: Path) -> None:
    exercise = homework()
    path = sit(exercise, "s1", ["!"], tmp_path)
    with pytest.raises(InputError, match="found the submission of 's1', want 's2'"):
        Sitting(exercise, "s2", path, Clock())
    with pytest.raises(InputError, match="started with other questions or numbers"):
        Sitting(homework(("seed = 7", "seed = 8")), "s1", path, Clock())


@pytest.fixture
def handed_in(homework: Homework, tmp_path: Path) -> tuple[Exercise, Path, str]:
    """An exercise, a submission to it, and its content, which examples of a property begin with anew."""
    exercise = homework()
    path = sit(exercise, "s1", ["17.5", "!", "!", "c", "!"], tmp_path / "in")
    return exercise, path, path.read_text(encoding="utf-8")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_any_change_that_leaves_the_hashes_is_named(data: st.DataObject, handed_in: tuple[Exercise, Path, str]) -> None:
    exercise, path, content = handed_in
    path.write_text(content, encoding="utf-8")
    records = lines(path)
    place = data.draw(st.integers(0, len(records) - 1))
    change = data.draw(st.sampled_from(["value", "drop", "swap", "double", "extra"]))
    if change == "value":
        name = data.draw(st.sampled_from(sorted(set(records[place]) - {"hash"})))
        records[place][name] = data.draw(st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)))
    elif change == "drop":
        del records[min(place, len(records) - 2)]
    elif change == "swap":
        other = (place + 1) % len(records)
        records[place], records[other] = records[other], records[place]
    elif change == "double":
        records.insert(place, records[place])
    else:
        records[place]["note"] = "x"
    same = records == lines(path)
    written(path, records)
    mark = the_mark(exercise, path.parent)
    if not same:
        assert mark.state in ("tampered", "unreadable")
        assert mark.points is None
        assert mark.notes


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(content=st.one_of(st.binary(max_size=300), st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(
        st.sampled_from(["kind", "time", "student", "hash", "assignment", "fingerprint", "seed"]), inner, max_size=5
    )), max_leaves=8,
).map(lambda document: json.dumps(document).encode())))  # fmt: skip
def test_no_file_stops_the_marking(content: bytes, handed_in: tuple[Exercise, Path, str]) -> None:
    exercise, path, _ = handed_in
    (path.parent / "a.jsonl").write_bytes(content)
    marks = {mark.student: mark for mark in mark_folder(path.parent, exercise)}
    assert marks["s1"].points == 3.5
    assert all(mark.state in ("unreadable", "tampered") for name, mark in marks.items() if name != "s1")


def test_a_verdict_is_never_believed_even_in_a_chain_computed_anew(homework: Homework, tmp_path: Path) -> None:
    exercise, folder = homework(), tmp_path / "in"
    path = sit(exercise, "s1", ["17.5"], folder)
    records = lines(path)
    records[1]["correct"] = True
    written(path, rechained(records))
    mark = the_mark(exercise, folder)
    assert (mark.state, mark.points) == ("tampered", None)
    assert "record 2: half recorded as right, but the answer is wrong" in mark.notes[0]
    records[1]["version"] = "0.0.9"  # which may have marked otherwise: the answer is marked anew all the same
    written(path, rechained(records))
    mark = the_mark(exercise, folder)
    assert (mark.state, mark.points) == ("marked", 0.0)
    assert any("0.0.9" in note for note in mark.notes)


def test_numbers_of_another_seed_are_named(homework: Homework, tmp_path: Path) -> None:
    exercise, folder = homework(), tmp_path / "in"
    path = sit(exercise, "s1", ["!"], folder)
    records = lines(path)
    records[0]["student"] = "s2"
    written(path, rechained(records))
    mark = the_mark(exercise, folder)
    assert (mark.student, mark.state) == ("s2", "tampered")
    assert "half with the numbers of seed" in mark.notes[0]


def test_what_was_handed_in_before_shows_a_chain_computed_anew(homework: Homework, tmp_path: Path) -> None:
    exercise, folder, before = homework(), tmp_path / "in", tmp_path / "before"
    path = sit(exercise, "s1", ["17.5"], folder)
    before.mkdir()
    (before / path.name).write_bytes(path.read_bytes())
    evidence = Evidence({"s1": read_receipt(receipt(read_submission(path).head))}, earlier_copies(before))
    sit(exercise, "s1", ["!", "!"], folder, Clock(START + timedelta(days=1)))
    assert the_mark(exercise, folder, evidence).state == "marked"
    records = lines(path)
    del records[1]  # the wrong answer never happened
    written(path, rechained(records))
    assert the_mark(exercise, folder).state == "marked", "a chain cannot show this"
    mark = the_mark(exercise, folder, Evidence(evidence.receipts))
    assert (mark.state, mark.notes) == ("tampered", ("the receipt handed in does not match this file",))
    mark = the_mark(exercise, folder, Evidence({}, evidence.earlier))
    assert mark.state == "tampered"
    assert "does not continue the earlier copy" in mark.notes[0]


def test_two_files_of_a_student_and_answers_of_two_students(homework: Homework, tmp_path: Path) -> None:
    exercise, folder = homework(("seed = 7", 'seed = 7\nnumbers = "same"')), tmp_path / "in"
    first = sit(exercise, "s1", ["17.5", "18.5", "a"], folder)
    (folder / "copy.jsonl").write_bytes(first.read_bytes())
    sit(exercise, "s1", ["!", "!"], tmp_path / "in" / "second", Clock(START + timedelta(hours=1)))
    records = lines(first)
    records[0]["student"] = "s2"
    written(folder / "hw1-s2.submission.jsonl", rechained(records))
    marks = {mark.student: mark for mark in mark_folder(folder, exercise)}
    assert any("another submission; the one started first counts" in note for note in marks["s1"].notes)
    assert marks["s1"].questions[0].answers == ("17.5", "18.5")
    assert any("3 answers at exactly the same times as those of s1" in note for note in marks["s2"].notes)


def test_the_roster_orders_and_names_who_is_missing_or_unknown(homework: Homework, tmp_path: Path) -> None:
    exercise, folder = homework(), tmp_path / "in"
    for student in ("s3", "s1"):
        sit(exercise, student, ["!"], folder)
    marks = mark_folder(folder, exercise, [Student("s2", "Bob"), Student("s1", "Ada")])
    assert [(mark.student, mark.name, mark.state) for mark in marks] == [
        ("s2", "Bob", "missing"), ("s1", "Ada", "marked"), ("s3", "", "marked"),
    ]  # fmt: skip
    assert marks[2].notes == ("not in the roster",)


def test_statistics_count_students_and_not_answers(homework: Homework, tmp_path: Path) -> None:
    exercise, folder = homework(), tmp_path / "in"
    sit(exercise, "s1", ["!", "!", "!"], folder)
    sit(exercise, "s2", ["17.5", "18.5", "!", "?", "?"], folder)
    sit(exercise, "s3", ["", "", "?", "!"], folder)
    found = class_statistics(exercise.assignment, mark_folder(folder, exercise))
    assert (found.states, found.median, found.highest) == ({"marked": 3}, 1.0, 3.5)
    assert found.mean == pytest.approx(5 / 3)
    assert [question.answered for question in found.questions] == [2, 2, 3]
    half, _, terms = found.questions
    assert (half.first_right, half.right, half.mean_tries) == (0.5, 0.5, 1.5)
    assert [(wrong.slip, wrong.students) for wrong in terms.wrong] == [("sign-of-exponent", 2)]
    assert half.discrimination is not None
    assert half.discrimination > 0.5


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("id,receipt\ns1,zzzz\n", "row 2: receipt: found 'zzzz', want 16 digits"),
        ("id\ns1\n", "no column 'receipt': found id"),
        ("id,receipt\ns1,0000000000000000\ns1,1111-1111-1111-1111\n", "row 3: id: found 's1' again"),
    ],
)
def test_every_fault_of_receipts_is_one_line(tmp_path: Path, content: str, why: str) -> None:
    (tmp_path / "r.csv").write_text(content)
    with pytest.raises(InputError) as error:
        read_receipts(tmp_path / "r.csv")
    assert why in str(error.value)


@given(st.text())
def test_a_receipt_is_read_as_it_is_written(text: str) -> None:
    head = digest(text)
    assert read_receipt(receipt(head).upper()) == head[:16]
    assert read_receipt(f" {head[:16]} ") == head[:16]


def test_absurd_times_stop_neither_the_table_nor_the_file(homework: Homework, tmp_path: Path) -> None:
    exercise = homework()
    path = sit(exercise, "s1", ["!"], tmp_path / "in")
    records = lines(path)
    records[1]["seconds"] = 1e308
    written(path, rechained(records))
    mark = the_mark(exercise, tmp_path / "in")
    assert (mark.state, mark.points) == ("tampered", None)
    assert "seconds" in mark.notes[0]


def test_what_a_student_changed_before_starting_is_noted(homework: Homework, tmp_path: Path) -> None:
    sit(homework(), "S1", ["!"], tmp_path / "in")
    exercise = homework(feedback="never")
    (mark, *_) = [each for each in mark_folder(tmp_path / "in", exercise, [Student("s1")]) if each.student == "S1"]
    assert "not in the roster, which has s1: other capitals" in mark.notes
    assert "started with feedback 'now', the assignment has 'never'" in mark.notes


def test_a_device_is_no_submission(homework: Homework) -> None:
    with pytest.raises(InputError, match="not a regular file"):
        Sitting(homework(), "s1", Path("/dev/zero"))
