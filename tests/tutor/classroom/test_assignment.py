"""Assignments and rosters as people write them: every fault is one line that names its place."""

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.tutor.classroom.assignment import Exercise, load_assignment
from scaling_tui.tutor.classroom.roster import file_name, read_roster, student_id

Homework = Callable[..., Exercise]


def test_an_assignment_is_read_as_it_stands(homework: Homework) -> None:
    exercise = homework()
    assignment = exercise.assignment
    assert [(item.question, item.points, item.tries) for item in assignment.items] == [
        ("half", 2.0, 2), ("which", 1.0, 1), ("write-two-terms", 0.5, 2),
    ]  # fmt: skip
    assert [question.id for question in exercise.questions] == ["half", "which", "write-two-terms"]
    assert assignment.points == 3.5
    assert assignment.deadline is not None
    assert assignment.deadline.isoformat() == "2026-11-30T23:59:00+01:00"


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("+01:00", "", "field 'deadline': found 2026-11-30 23:59:00 without a timezone, want one, such as 2026-"),
        ("2026-11-30T23:59:00+01:00", "2026-11-30", "field 'deadline': found 2026-11-30, want a date with a time"),
        ('"half"', '"hafl"', "question 1: id 'hafl': not known; did you mean 'half'?"),
        ('"which"', '"half"', "question 2: field 'id': found 'half' twice"),
        ("points = 2", "points = -1", "question 1: field 'points': found -1, want a number from 0"),
        ("points = 2", "pionts = 2", "question 1: field 'pionts': unknown, did you mean 'points'?"),
        ("tries = 2", "tries = 0", "field 'tries': found 0, want 1 to 100"),
        ("tries = 2", "tries = true", "field 'tries': found True, want a whole number"),
        ('"now"', '"later"', "field 'feedback': found 'later', want one of now, after-deadline, never"),
        ('id = "hw1"', 'id = "../hw"', "field 'id': found '../hw', want lower-case words"),
        ('"mine.toml"', '"none.toml"', "none.toml: no such file, want a bank"),
        ('"mine.toml"', "3", "field 'bank': found 3, want the name of a file"),
        ("seed = 7", "seed = -7", "field 'seed': found -7, want 0 or more"),
        ("[[question]]", "[[questions]]", "field 'questions': unknown, did you mean 'question'?"),
    ],
)
def test_every_fault_is_one_line(homework: Homework, before: str, after: str, why: str) -> None:
    with pytest.raises(InputError) as error:
        homework((before, after))
    assert why in str(error.value)
    assert "\n" not in str(error.value)


def test_feedback_after_a_deadline_needs_one(homework: Homework) -> None:
    with pytest.raises(InputError, match="without a deadline"):
        homework(("deadline = 2026-11-30T23:59:00+01:00", ""), feedback="after-deadline")


def test_own_numbers_differ_between_students_and_the_same_do_not(homework: Homework) -> None:
    own = homework()
    seen = {own.asked(own.questions[0], f"s{n}").text for n in range(40)}
    assert len(seen) > 20
    assert own.asked(own.questions[0], "s1") == own.asked(own.questions[0], "s1")
    same = homework(("seed = 7", 'seed = 7\nnumbers = "same"'))
    assert len({same.asked(same.questions[0], f"s{n}").text for n in range(40)}) == 1


def test_the_fingerprint_changes_with_the_numbers_alone(homework: Homework) -> None:
    before = homework().assignment.fingerprint
    assert homework(("points = 2", "points = 3"), ("23:59", "12:00")).assignment.fingerprint == before
    assert homework(("seed = 7", "seed = 8")).assignment.fingerprint != before
    assert homework(('[[question]]\nid = "which"\ntries = 1', "")).assignment.fingerprint != before


def roster(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "class.csv"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        b"id,name\ns1,Ada\ns2,Bob\n",
        b"\xef\xbb\xbfid,name\r\ns1,Ada\r\ns2,Bob\r\n",
        b"Name;ID\nAda; s1\nBob;s2 \n\n",
        b'"id"\t"name"\ns1\tAda\n\ns2\tBob\n',
    ],
)
def test_rosters_as_spreadsheets_write_them(tmp_path: Path, content: bytes) -> None:
    assert [(each.id, each.name) for each in read_roster(roster(tmp_path, content))] == [("s1", "Ada"), ("s2", "Bob")]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"id\ns1\ns2\ns1\n", "row 4: id: found 's1' again, it is in row 2 too"),
        (b"id\ns1\nS1\n", "row 3: id: found 'S1' again"),
        ("id,name\ns1,Bjö\n".encode("latin-1"), "not UTF-8 at byte 13, want a roster (.csv) in UTF-8"),
        (b"number,name\n1,Ada\n", "no column 'id': found number, name, want a header with id"),
        (b"id,id\n1,2\n", "two columns 'id'"),
        (b"s1\ns2\n", "no column 'id': found s1"),
        (b"", "no column 'id': found an empty file"),
        (b"id,name\n", "no students"),
        (b"id,name\n,Ada\n", "row 2: id: empty"),
        (b"id,name\n../../etc/passwd,Eve\n", "row 2: id: found '../../etc/passwd', want a letter or digit first"),
        (b"id,name\na/b,Eve\n", "row 2: id: found 'a/b'"),
        (b"id,name\n=1+1,Eve\n", "row 2: id: found '=1+1'"),
        (b"id,name\ns1,Ada,x\n", "row 2: found 3 cells, the header has 2"),
        (b'id,name\ns1,"Ada\n', "not CSV"),
        (b"id,name\n" + b"a" * 65 + b",Ada\n", "row 2: id: found 65 characters, want at most 64"),
        (b"id\ns1\x1b[2J\n", "row 2: id: found 's1\\x1b[2J'"),
    ],
)
def test_every_fault_of_a_roster_is_one_line(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(InputError) as error:
        read_roster(roster(tmp_path, content))
    assert why in str(error.value)
    assert "\n" not in str(error.value)


@given(st.text(max_size=70))
def test_no_id_leads_out_of_its_folder(text: str) -> None:
    try:
        student = student_id(text)
    except InputError as error:
        assert "\n" not in str(error)
        return
    name = file_name(student)
    assert student == unicodedata.normalize("NFC", text.strip())
    assert Path(name).name == name
    assert name.isascii()
    assert not name.startswith((".", "~"))
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-")


@given(st.lists(st.from_regex(r"[A-Za-z0-9é][A-Za-z0-9_.@+-]{0,6}", fullmatch=True), max_size=30, unique=True))
def test_no_two_students_share_a_file(names: list[str]) -> None:
    ids = [student_id(name) for name in names]
    if len({each.casefold() for each in ids}) == len(ids):
        assert len({file_name(each).casefold() for each in ids}) == len(ids)


def test_a_missing_assignment_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.toml: no such file, want an assignment \(.toml\)"):
        load_assignment(tmp_path / "none.toml")
