"""A class from roster to report, by the commands alone."""

import csv
import io
import json
import random
import sys
from pathlib import Path

import pytest

from scaling_tui.tutor.classroom.assignment import Exercise, load_assignment, load_exercise
from scaling_tui.tutor.content.mistakes import SLIPS
from tests.cli.conftest import Command
from tests.tutor.classroom.conftest import first_mistake

ASSIGNMENT = """
id = "week-3"
title = "Week 3: scaling laws"
deadline = 2099-01-31T18:00:00+01:00
seed = 20
tries = 2
feedback = "now"

[[question]]
id = "two-term-loss"
points = 2

[[question]]
id = "simplified-law"
tries = 1

[[question]]
id = "write-two-terms"

[[question]]
id = "positive-exponents"

[[question]]
id = "chinchilla-loss"
points = 3
"""
STUDENTS = 30


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "week3.toml").write_text(ASSIGNMENT)
    rows = [f"s{n:02},Student {n}" for n in range(1, STUDENTS + 1)] + ["s98,Nobody", 's99,"=HYPERLINK(""x"")"']
    (tmp_path / "roster.csv").write_text("id,name\n" + "\n".join(rows) + "\n")
    return tmp_path


def given(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def answers_of(exercise: Exercise, student: str) -> tuple[list[str], float]:
    """What a simulated student types, and the points that this is worth: each knows more than the one before."""
    rng = random.Random(student)
    skill = int(student[1:]) / STUDENTS
    typed, points = [], 0.0
    for item, question in zip(exercise.assignment.items, exercise.questions, strict=True):
        asked = exercise.asked(question, student)
        wrong = {
            "choice": next((o.letter for o in asked.options if not o.right), ""),
            "numeric": "0.123456",
        }.get(question.kind) or first_mistake(asked)
        for _ in range(item.tries):
            right = rng.random() < skill
            typed.append(asked.expected if right else wrong)
            if right:
                points += item.points
                break
    return typed, points


def test_a_class_of_thirty_from_roster_to_report(
    command: Command, monkeypatch: pytest.MonkeyPatch, own_folders: Path
) -> None:
    status, _, told = command("quiz", "exam", "week3.toml", "--students", "roster.csv", "--output", "papers")
    assert (status, told) == (0, "wrote 32 papers in papers/papers; the key is papers/key.html\n")
    assert len(list(own_folders.glob("papers/papers/*.md"))) == STUDENTS + 2
    exercise = load_exercise(load_assignment(own_folders / "week3.toml"))
    key = (own_folders / "papers/key.md").read_text()
    wanted = {}
    folder = own_folders / "collected"
    for number in range(1, STUDENTS + 1):
        student = f"s{number:02}"
        asked = exercise.asked(exercise.questions[0], student)
        assert asked.expected in key
        assert asked.text.splitlines()[0][:60] in (own_folders / f"papers/papers/week-3-{student}.md").read_text()
        typed, wanted[student] = answers_of(exercise, student)
        given(monkeypatch, *typed)
        file = folder / f"upload_{number}" / "week.submission.jsonl"
        status, out, err = command(
            "quiz", "take", "--assignment", "week3.toml", "--student", student, "--output", file, "--json"
        )
        assert (status, "Traceback" in err) == (0, False), err
        assert json.loads(out)["answered"] == 5
    assert len({round(points) for points in wanted.values()}) > 4, "a class of different students"
    # One of them mends a wrong answer afterwards.
    victim = folder / "upload_3" / "week.submission.jsonl"
    assert '"correct": false' in victim.read_text()
    victim.write_text(victim.read_text().replace('"correct": false', '"correct": true'))

    arguments = ("quiz", "mark", folder, "--assignment", "week3.toml", "--students", "roster.csv")
    status, out, err = command(*arguments, "--json")
    assert status == 0
    marks = {mark["id"]: mark for mark in json.loads(out)["marks"]}
    assert len(marks) == STUDENTS + 2
    assert {name: mark["points"] for name, mark in marks.items() if mark["state"] == "marked"} == {
        name: points for name, points in wanted.items() if name != "s03"
    }
    assert (marks["s03"]["state"], marks["s03"]["points"], marks["s99"]["state"]) == ("tampered", None, "missing")
    assert f"tampered: {victim}: record 2 was changed" in err
    assert "29 marked, 1 tampered, 2 missing" in err

    status, out, _ = command(*arguments, "--output", "marks.csv")
    assert (status, out) == (0, "")
    table = list(csv.DictReader(io.StringIO((own_folders / "marks.csv").read_text(encoding="utf-8-sig"))))
    assert [row["id"] for row in table[:3]] == ["s01", "s02", "s03"]
    assert table[-1]["name"] == '\'=HYPERLINK("x")'
    assert [float(row["points"]) for row in table if row["state"] == "marked"] == [
        points for name, points in wanted.items() if name != "s03"
    ]
    assert command(*arguments, "--output", "marks.csv")[0] == 2
    assert command(*arguments, "--output", "marks.csv", "--force")[0] == 0
    _, again, _ = command(*arguments, "--json")
    assert json.loads(again)["marks"] == list(marks.values()), "marking is the same each time"

    status, out, err = command("quiz", "report", folder)
    assert (status, "version of the assignment in most submissions" in err) == (0, True)
    assert "29 marked, 1 tampered" in out
    assert "| 1 | two-term-loss | 29 |" in out
    assert SLIPS["sign-of-exponent"] in out
    assert "mean" in out
    status, out, _ = command("quiz", "report", folder, "--assignment", "week3.toml", "--json")
    document = json.loads(out)
    assert document["mean"] == pytest.approx(
        sum(points for name, points in wanted.items() if name != "s03") / (STUDENTS - 1)
    )
    slips = {wrong["slip"]: wrong["students"] for wrong in document["questions"][2]["wrong"]}
    marked = [each["questions"][2]["answers"] for each in marks.values() if each["state"] == "marked"]
    assert slips == {"sign-of-exponent": sum(any(answer["slip"] for answer in answers) for answers in marked)}
    assert command("quiz", "report", folder, "--students", "roster.csv", "--output", "class.html")[0] == 0
    assert "missing: s98, s99" in (own_folders / "class.html").read_text()


def test_texts_of_students_stay_texts(command: Command, monkeypatch: pytest.MonkeyPatch, own_folders: Path) -> None:
    evil = "<script>alert(1)</script>\x1b]0;owned\x07"
    (own_folders / "roster.csv").write_text(f'id,name\ns1,"{evil}"\ns2,"|x|"\n')
    assert command("quiz", "exam", "week3.toml", "--students", "roster.csv", "--output", "papers")[0] == 0
    for path in own_folders.glob("papers/**/*.*"):
        text = path.read_text()
        assert path.suffix == ".csv" or "<script>" not in text  # which no spreadsheet runs
        assert "\x1b" not in text
    given(monkeypatch, "=1+1", f"{evil}", "a", "@SUM(A1)", "c")
    assert command("quiz", "take", "--assignment", "week3.toml", "--student", "s1", "--output", "in/a.jsonl")[0] == 0
    for output in ("m.csv", "m.json"):
        arguments = ("--assignment", "week3.toml", "--students", "roster.csv", "--output", output)
        assert command("quiz", "mark", "in", *arguments)[0] == 0
        assert "\x1b" not in (own_folders / output).read_text()
    cells = [cell for row in csv.reader((own_folders / "m.csv").open(encoding="utf-8-sig")) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert "\x1b" not in command("quiz", "mark", "in", "--assignment", "week3.toml", "--students", "roster.csv")[1]
    status, out, _ = command("quiz", "report", "in")
    assert status == 0
    assert "<script>" not in out
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("exam", "none.toml", "--students", "roster.csv", "--output", "o"), "none.toml: no such file, want an assign"),
        (("exam", "week3.toml", "--students", "none.csv", "--output", "o"), "none.csv: no such file, want a roster"),
        (("exam", "week3.toml", "--students", "roster.csv", "--output", "."), "--output .: exists already"),
        (("take", "--assignment", "week3.toml"), "--student: missing, want your id"),
        (("take", "--assignment", "week3.toml", "--student", "../x"), "student id: found '../x'"),
        (
            ("take", "--assignment", "week3.toml", "--student", "s1", "--test"),
            "found with --assignment, want one",
        ),
        (("take", "--assignment", "week3.toml", "--student", "s1", "--question", "half"), "not in week-3"),
        (("take", "--student", "s1"), "--student: found without --assignment"),
        (("mark", "none", "--assignment", "week3.toml"), "none: no such folder, want one with submissions"),
        (("mark", ".", "--assignment", "week3.toml"), ".: no submissions, want files that end in .jsonl"),
        (("mark", ".", "--assignment", "week3.toml", "--output", "m.xls"), "found .xls, want a name that ends in .csv"),
        (("report", "none"), "none: no such folder"),
        (("report", ".", "--force"), "--force: found without --output"),
    ],
)
def test_wrong_input_is_one_line(command: Command, arguments: tuple[str, ...], why: str) -> None:
    status, _, err = command("quiz", *arguments)
    assert status == 2
    assert why in err
    assert err.count("\n") == 1


def test_feedback_comes_after_the_deadline_and_no_answer_then(
    command: Command, monkeypatch: pytest.MonkeyPatch, own_folders: Path
) -> None:
    path = own_folders / "week3.toml"
    path.write_text(ASSIGNMENT.replace('"now"', '"after-deadline"'))
    exercise = load_exercise(load_assignment(path))
    typed = [exercise.asked(question, "s1").expected for question in exercise.questions[:2]]
    given(monkeypatch, *typed, "c", "quit")
    take = ("quiz", "take", "--assignment", "week3.toml", "--student", "s1")
    _, out, _ = command(*take)
    assert "recorded" in out
    assert "✓" not in out
    assert "3 of 5 answered.\nCome back after 2099-01-31 18:00 +01:00 to see what was right." in out
    path.write_text(path.read_text().replace("2099", "2020"))
    given(monkeypatch, "c")
    _, out, _ = command(*take)
    assert "✓ You: " in out
    assert "✗ You: c · 0 points." in out
    assert "not answered" in out
    assert "3 of 8 points." in out
    assert command(*take, "--question", "two-term-loss")[2].startswith("scaling-tui: answer: the deadline was 2020-01")


def test_answers_on_paper_are_entered_and_marked_like_any_other(command: Command, own_folders: Path) -> None:
    exercise = load_exercise(load_assignment(own_folders / "week3.toml"))
    assert command("quiz", "exam", "week3.toml", "--students", "roster.csv", "--output", "papers")[0] == 0
    form = (own_folders / "papers/answers.csv").read_text(encoding="utf-8-sig").splitlines()
    assert form[0] == "id,name,two-term-loss,simplified-law,write-two-terms,positive-exponents,chinchilla-loss"
    assert form[1] == "s01,Student 1,,,,," and "'=HYPERLINK" in form[-1]
    right = [exercise.asked(question, "s01").expected for question in exercise.questions]
    rows = [["id", "name", "1", "SIMPLIFIED-LAW", *(item.question for item in exercise.assignment.items[2:])]]
    rows += [["s01", "Ada", *right], ["s02", "Emmy", "0.123456", "", "nonsense (", "", ""], ["s03", "", *[""] * 5]]
    with (own_folders / "answers.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    enter = ("quiz", "enter", "week3.toml", "--answers", "answers.csv", "--output", "collected")
    status, out, err = command(*enter, "--json")
    assert status == 0, err
    assert [(each["student"], each["answers"], each["right"]) for each in json.loads(out)["submissions"]] == [
        ("s01", 5, 5), ("s02", 2, 0),
    ]  # fmt: skip
    assert "row 3: s02: write-two-terms: found nonsense" in err
    status, out, _ = command("quiz", "mark", "collected", "--assignment", "week3.toml", "--json")
    marks = {mark["id"]: mark for mark in json.loads(out)["marks"]}
    assert (marks["s01"]["points"], marks["s01"]["state"]) == (exercise.assignment.points, "marked")
    assert marks["s01"]["notes"] == marks["s02"]["notes"] == ["entered from paper by the instructor"]
    assert marks["s02"]["points"] == 0
    assert command("quiz", "report", "collected", "--json")[0] == 0
    status, _, err = command(*enter)
    assert (status, "want --force to enter it again" in err) == (2, True)
    assert command(*enter, "--force")[0] == 0
    late = ("--force", "--at", "2099-02-01T10:00+01:00")
    assert command(*enter, *late)[0] == 0
    status, out, _ = command("quiz", "mark", "collected", "--assignment", "week3.toml", "--json")
    assert json.loads(out)["marks"][0]["points"] == 0, "handed in after the deadline"


def test_what_a_student_handed_in_is_never_replaced_by_what_is_entered(
    command: Command, monkeypatch: pytest.MonkeyPatch, own_folders: Path
) -> None:
    given(monkeypatch, "quit")
    own = own_folders / "collected" / "week-3-s01.submission.jsonl"
    take = ("quiz", "take", "--assignment", "week3.toml", "--student", "s01", "--output", own)
    assert command(*take)[0] == 0
    before = own.read_bytes()
    (own_folders / "answers.csv").write_text("id,1\ns02,0.1234\ns01,0.1234\n")
    enter = ("quiz", "enter", "week3.toml", "--answers", "answers.csv", "--output", "collected", "--force")
    status, _, err = command(*enter)
    assert (status, "is a student's own" in err) == (2, True)
    assert own.read_bytes() == before
    assert [path.name for path in own.parent.iterdir()] == [own.name], "nothing is written if anything is wrong"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("id,two-terms\ns01,1\n", "column 'two-terms': no question of week-3; did you mean"),
        ("id,1,two-term-loss\ns01,1,1\n", "two-term-loss has two columns"),
        ("id,6\ns01,1\n", "column '6': no question"),
        ("id,1\ns01,1\ns01,2\n", "row 3: id: found 's01' again, it is in row 2 too"),
        ("id,1\n../x,1\n", "row 2: id: found '../x'"),
        ("id,1\ns97,1\n", "row 2: id: found 's97', which is not in the roster"),
        ("id,1\ns01,\n", "no answers"),
        ("name,1\nAda,1\n", "no column 'id'"),
    ],
)  # fmt: skip
def test_a_table_of_answers_that_cannot_be_entered_is_refused(
    command: Command, own_folders: Path, table: str, told: str
) -> None:
    (own_folders / "answers.csv").write_text(table)
    status, _, err = command(
        "quiz", "enter", "week3.toml", "--answers", "answers.csv", "--students", "roster.csv", "--output", "entered"
    )
    assert (status, told in err, err.count("\n")) == (2, True, 1), err
    assert not (own_folders / "entered").exists()
