"""Learn and quiz as a person or a script meets them, from outside."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scaling_tui.tutor.content.bank import load_banks
from scaling_tui.tutor.course import Course
from tests.cli.conftest import Command
from tests.tutor.conftest import BANK

ROOT = Path(__file__).parents[2]


@pytest.fixture
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders of the learner's own, and a terminal without colours."""
    for name, value in {
        "XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CONFIG_HOME": str(tmp_path / "config"), "TERM": "dumb",
        "NO_COLOR": "1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(command: Command, surroundings: None, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    def call(*arguments: str, given: str = "", status: int = 0) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        done = subprocess.CompletedProcess(arguments, *command(*arguments))
        assert done.returncode == status, done.stderr + done.stdout
        assert "Traceback" not in done.stderr
        return done

    return call


def test_list_names_every_question(run) -> None:  # type: ignore[no-untyped-def]
    found = json.loads(run("quiz", "list", "--json").stdout)["questions"]
    assert len(found) >= 80
    assert set(found[0]) == {"id", "kind", "lesson", "difficulty"}
    lesson = json.loads(run("quiz", "list", "--lesson", "chinchilla", "--json").stdout)["questions"]
    assert {question["lesson"] for question in lesson} == {"chinchilla"}
    assert "two-term-loss" in run("quiz", "list").stdout


def test_show_and_grade_agree_on_the_seed(run) -> None:  # type: ignore[no-untyped-def]
    shown = json.loads(run("quiz", "show", "two-term-loss", "--seed", "7", "--solution", "--json").stdout)
    assert shown["text"] in run("quiz", "show", "two-term-loss", "--seed", "7").stdout
    grade = ("quiz", "grade", "--question", "two-term-loss", "--seed", "7", "--json", "--answer")
    right = json.loads(run(*grade, shown["expected"]).stdout)
    assert right["correct"] is True
    assert right["diagnosis"] is None
    first = re.search(r"= ([0-9.e-]+)$", shown["solution"][0])
    assert first
    wrong = json.loads(run(*grade, first[1]).stdout)
    assert (wrong["correct"], wrong["slip"], wrong["expected"]) == (False, "one-term", right["expected"])
    assert "the data term is missing" in wrong["diagnosis"]
    assert wrong["hint"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("grade", "--question", "two-term-loss", "--answer", "much"), "cannot read 'much' as a number"),
        (("grade", "--question", "two-term-loss", "--answer", ""), "nothing given"),
        (("grade", "--question", "two-term-loss", "--answer", "3 tokens"), "found tokens"),
        (("grade", "--question", "write-two-terms", "--answer", "a/2N"), "write * to multiply"),
        (("show",), "QUESTION: missing"),
        (("grade", "--answer", "1"), "QUESTION: missing"),
        (("grade", "half", "--question", "which", "--answer", "1"), "want one of them"),
        (("grade", "--question", "write-two-terms", "--answer", "__import__('os')"), "has no meaning"),
        (("grade", "--question", "straight-line", "--answer", "z"), "want one of a, b, c, d"),
        (("grade", "--question", "two-term-los", "--answer", "1"), "did you mean 'two-term-loss'"),
        (("grade", "--question", "two-term-loss"), "found neither of --answer and --file"),
        (("show", "nothing-like-it", "--seed", "-1"), "--seed"),
        (("list", "--lesson", "cooking"), "lesson 'cooking'"),
        (("check", "none.toml"), "none.toml: no such file"),
        (("list", "--bank", "none.toml"), "none.toml: no such file"),
        (("take", "--count", "0"), "--count"),
    ],
)
def test_nonsense_is_one_line_and_status_2(run, arguments: tuple[str, ...], why: str) -> None:  # type: ignore[no-untyped-def]
    done = run("quiz", *arguments, status=2)
    assert why in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_an_unknown_lesson_is_status_2(run) -> None:  # type: ignore[no-untyped-def]
    assert "lesson 'cooking': not known" in run("learn", "cooking", status=2).stderr


def test_learn_lists_and_prints_lessons(run) -> None:  # type: ignore[no-untyped-def]
    lessons = json.loads(run("learn", "--json").stdout)["lessons"]
    assert len(lessons) == 12
    page = run("learn", "simple-form").stdout
    assert "0.0947" in page
    assert "┤" in page
    assert "N**-b" in page
    assert max(map(len, page.splitlines())) <= 110
    document = json.loads(run("learn", "simple-form", "--json").stdout)
    assert "positive-exponents" in document["questions"]


def test_a_session_in_a_pipe(run) -> None:  # type: ignore[no-untyped-def]
    take = ("quiz", "take", "--lesson", "power-laws", "--seed", "3", "--count", "2")
    given = "hint\nnonsense\n123456\nsolution\n"
    done = run(*take, given=given)
    assert "Quiz · Power laws on log-log axes · 1 of 2" in done.stdout
    assert "✗ Not yet" in done.stdout or "want " in done.stdout
    assert run("quiz", "take", given="").stdout.rstrip().endswith("Nothing answered, nothing recorded.")
    exported = json.loads(run("quiz", "progress", "--json").stdout)
    assert all(answer["lesson"] == "power-laws" for answer in exported["answers"])
    overview = run("quiz", "progress").stdout
    assert "questions answered" in overview
    assert "the old record is" in run("quiz", "progress", "--reset").stderr or not exported["answers"]
    assert json.loads(run("quiz", "progress", "--json").stdout)["answers"] == []


def test_a_test_gives_no_hints_and_a_score_by_topic(run) -> None:  # type: ignore[no-untyped-def]
    done = run("quiz", "take", "--test", "--seed", "1", "--json", given="hint\n" + "a\n1\n2: a\nskip\n" * 10)
    document = json.loads(done.stdout)
    assert document["test"] is True
    assert document["asked"] >= 3
    assert sum(topic["asked"] for topic in document["topics"]) == document["asked"]
    assert "Right:" not in done.stderr
    assert document["read_next"]


def test_a_function_is_graded_from_a_file_or_stdin(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    program = "def layer(hidden, ffn):\n    return 4*hidden**2 + 2*hidden*ffn\n"
    (tmp_path / "answer.py").write_text(program)
    grade = ("quiz", "grade", "--question", "code-layer-weights", "--json", "--file")
    assert json.loads(run(*grade, "answer.py").stdout)["correct"] is True
    assert json.loads(run(*grade, "-", given=program).stdout)["correct"] is True
    wrong = run(*grade[:4], "--file", "-", given=program.replace("2*", "1/"))
    assert "Case 1:" in wrong.stdout and ", want " in wrong.stdout
    assert "layer(hidden, ffn), 2 lines" in wrong.stdout
    assert "no such file" in run(*grade, "none.py", status=2).stderr
    assert "found both" in run(*grade, "-", "--answer", "1", status=2).stderr
    refused = run(*grade, "-", given="def layer(hidden, ffn):\n    return open('x')(\n", status=2)
    assert refused.stderr == "scaling-tui: answer: line 2: SyntaxError: '(' was never closed\n"
    shown = run("quiz", "show", "code-layer-weights")
    assert "mlp = ..." in shown.stdout and "For example, layer(" in shown.stdout
    assert "--file FILE.py" in shown.stderr


def test_a_function_is_typed_line_by_line_in_a_session(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from scaling_tui.tutor.content.bank import load_banks

    code = [question for bank in load_banks() for question in bank.questions if question.id == "code-layer-weights"]
    assert code
    text = (ROOT / "quizzes" / "laws-in-code.toml").read_text()
    one = text[
        text.index('[[question]]\nid = "code-layer-weights"') : text.index('[[question]]\nid = "code-model-weights"')
    ]
    bank = tmp_path / "mine.toml"
    bank.write_text(
        'title = "Mine"\n' + one.replace("code-layer-weights", "my-layer").replace('"counting"', '"mine-alone"')
    )
    (tmp_path / "answer.py").write_text("def layer(hidden, ffn):\n    return 1\n")
    given = (
        "7\nhint\nfile none.py\nfile answer.py\ndef layer(hidden, ffn):\n    both = 4*hidden**2\n\n"
        "    return both + 2*hidden*ffn\nend\n"
    )
    run("quiz", "check", str(bank), "--seeds", "3", status=1)  # it belongs to no known lesson
    done = run("quiz", "take", "--bank", str(bank), "--lesson", "mine-alone", "--count", "1", given=given)
    assert "want the whole function" in done.stdout
    assert "none.py: no such file" in done.stdout
    assert "returned 1, want" in done.stdout
    assert "✓ Right. One way to write it:" in done.stdout
    assert "0 of 1 right on the first try" in done.stdout


def test_a_plot_is_drawn_or_told_in_words(run) -> None:  # type: ignore[no-untyped-def]
    assert "⠑" in run("quiz", "show", "read-a-valley").stdout
    told = run("quiz", "show", "read-a-valley", "--plain").stdout
    assert "⠑" not in told and "┤" not in told and "L(N)" in told


def test_check_validates_a_bank_of_ones_own(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    bank = tmp_path / "mine.toml"
    bank.write_text(BANK)
    assert "2 questions in 1 bank, 200 seeds each: no problems" in run("quiz", "check", str(bank)).stderr
    table = json.loads(run("quiz", "check", str(bank), "--slips", "--seeds", "3", "--json").stdout)["slips"]
    assert {"question", "slip", "answer", "reads"} == set(table[0])
    bank.write_text(BANK.replace('answer = "2*x"', 'answer = "x/2"'))
    assert "question 'half': field 'mistakes'" in run("quiz", "check", str(bank), status=1).stdout
    bank.write_text(BANK.replace("digits = 3", "digits = 99").replace('hint = "Look."', 'hint = "{b}"'))
    problems = run("quiz", "check", str(bank), status=1).stdout
    assert "question 'half': field 'digits': found 99" in problems
    assert "question 'which': field 'hint': " in problems
    assert len(json.loads(run("quiz", "check", str(bank), "--json", status=1).stdout)["problems"]) == 2
    refused = run("quiz", "list", "--bank", str(bank), status=2).stderr
    assert "field 'digits': found 99" in refused and "(and 1 more; 'scaling-tui quiz check FILE' lists them)" in refused
    bank.write_text(BANK)
    listed = json.loads(run("quiz", "list", "--bank", str(bank), "--json").stdout)["questions"]
    assert [question["id"] for question in listed] == ["half", "which"]  # the built-in ones are left out
    taken = json.loads(run("quiz", "take", "--bank", str(bank), "--json", given="skip\nskip\n").stdout)
    assert (taken["asked"], taken["skipped"]) == (0, 2)
    assert "Use this question bank" in run("quiz", "take", "--help").stdout
    assert json.loads(run("quiz", "show", "half", "--bank", str(bank), "--json").stdout)["text"].startswith(
        "What is half"
    )


def test_the_list_needs_neither_torch_nor_numpy_nor_textual() -> None:
    code = (
        "import sys; sys.argv = ['scaling-tui', 'quiz', 'list']\n"
        "from scaling_tui.cli.app import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(*[name for name in ('torch', 'numpy', 'textual', 'fsrs') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stderr.strip() == ""


MINE = ("--bank", "mine.toml", "--lesson", "mine")  # two questions: half, a number, and which, a choice


@pytest.fixture
def mine(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(BANK.replace('lesson = "power-laws"', 'lesson = "mine"'))


def test_a_session_that_was_left_goes_on_and_shows_in_the_history(run, mine: None) -> None:  # type: ignore[no-untyped-def]
    assert "no session or test is open" in run("quiz", "take", "--resume", status=2).stderr
    left = run("quiz", "take", *MINE, given="0.5\nskip\nquit\n")
    assert "continue with: scaling-tui quiz take --resume" in left.stderr
    (sitting,) = json.loads(run("quiz", "history", "--json").stdout)["sittings"]
    assert (sitting["ended"], sitting["questions"]) == (False, ["half", "which"])
    assert "question 'half' is not known, want --bank" in run("quiz", "take", "--resume", status=2).stderr
    shown = run("quiz", "take", "--resume", "--bank", "mine.toml", given="skip\n").stdout
    assert "2 of 2" in shown
    assert "1 of 2 ·" not in shown
    history = run("quiz", "history").stdout
    assert re.search(r"quiz +0 +1 +2", history)
    assert "1 day, 1 in a row" in history
    assert "--test: found with --resume" in run("quiz", "take", "--resume", "--test", status=2).stderr


def test_mistakes_are_shown_with_what_was_typed_and_asked_again(run, mine: None) -> None:  # type: ignore[no-untyped-def]
    assert "No mistakes to review" in run("quiz", "mistakes").stdout
    run("quiz", "take", *MINE, given="0.5\n0.25\nskip\nquit\n")
    (mistake,) = json.loads(run("quiz", "mistakes", "--bank", "mine.toml", "--json").stdout)["mistakes"]
    assert (mistake["id"], mistake["answer"], mistake["times"]) == ("half", "0.25", 2)
    text = run("quiz", "mistakes", "--bank", "mine.toml").stdout
    assert f"You: 0.25. {mistake['diagnosis']}" in text
    assert f"Right: {mistake['expected']}" in text
    asked = run("quiz", "take", "--mistakes", "--bank", "mine.toml", given="quit\n").stdout
    assert "What is half of" in asked
    assert "1 of 1" in asked


def test_progress_of_another_machine_is_merged(run, mine: None, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    run("quiz", "take", *MINE, given="0.5\nskip\na\n")
    exported = tmp_path / "other.json"
    exported.write_text(run("quiz", "progress", "--json").stdout)
    assert len(json.loads(exported.read_text())["answers"]) == 2
    run("quiz", "progress", "--reset")
    assert re.search("other.json: [34] new records", run("quiz", "progress", "--merge", "other.json").stderr)
    assert "other.json: 0 new records" in run("quiz", "progress", "--merge", "other.json").stderr
    assert len(json.loads(run("quiz", "progress", "--json").stdout)["answers"]) == 2
    assert "none.json: No such file" in run("quiz", "progress", "--merge", "none.json", status=2).stderr


def test_show_and_grade_take_the_question_in_both_forms(run) -> None:  # type: ignore[no-untyped-def]
    shown = [run("quiz", "show", *form, "--seed", "3").stdout for form in (("which-n",), ("--question", "which-n"))]
    assert shown[0] == shown[1]
    for form in (("two-term-loss",), ("--question", "two-term-loss")):
        assert json.loads(run("quiz", "grade", *form, "--answer", "1", "--json").stdout)["correct"] is False
    advice = run("quiz", "show", "two-term-loss", "--seed", "3").stderr
    command = re.search(r"'scaling-tui (.*) ANSWER'", advice)
    assert command
    assert "read as" in run(*command[1].split(), "0.5").stdout


def test_take_with_a_seed_asks_the_same_whatever_was_answered(run) -> None:  # type: ignore[no-untyped-def]
    def asked() -> str:
        return str(run("quiz", "take", "--seed", "11", "--count", "4", given="skip\n" * 4).stdout)

    before = asked()
    run("quiz", "take", "--count", "6", given=("a\n1.234\nskip\n") * 12)
    assert json.loads(run("quiz", "progress", "--json").stdout)["answers"]
    assert asked() == before
    assert str(run("quiz", "take", "--seed", "12", "--count", "4", given="skip\n" * 4).stdout) != before


def test_a_tests_score_is_out_of_all_its_questions(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    questions = [question for bank in load_banks() for question in bank.questions]
    course = Course.load(questions, tmp_path / "none")
    seed = next(seed for seed in map(str, range(99)) if course.test(int(seed)).questions[0].kind == "choice")
    given = "b\n" + "skip\n" * 20
    document = json.loads(run("quiz", "take", "--test", "--seed", seed, "--json", given=given).stdout)
    assert document["asked"] == 10
    assert document["answered"] + document["skipped"] == 10
    assert sum(topic["asked"] for topic in document["topics"]) == 10
    text = run("quiz", "take", "--test", "--seed", seed, given=given).stdout
    assert re.search(r"[01] of 10 right on the first try, 9 not answered", text)
    stopped = json.loads(run("quiz", "take", "--test", "--seed", seed, "--json", given="quit\n").stdout)
    assert (stopped["asked"], stopped["answered"], stopped["right"]) == (10, 0, 0)


def test_a_lesson_is_read_when_its_reader_says_so(run) -> None:  # type: ignore[no-untyped-def]
    run("learn", "simple-form")
    assert json.loads(run("quiz", "progress", "--json").stdout)["lessons_read"] == []
    run("learn", "simple-form", "--read")
    read = json.loads(run("quiz", "progress", "--json").stdout)["lessons_read"]
    assert [one["lesson"] for one in read] == ["simple-form"]
    assert "--read" in run("learn", "--read", status=2).stderr


@pytest.mark.parametrize(
    "arguments",
    [("learn", "simple-form"), ("learn",), ("quiz", "show", "simplified-law", "--solution"),
     ("quiz", "show", "mean-of-seeds", "--solution"), ("quiz", "grade", "which-n", "--answer", "a"),
     ("quiz", "take", "--seed", "2", "--count", "1"), ("quiz", "progress")],
)  # fmt: skip
def test_a_terminal_without_utf_8_gets_ascii(run, arguments: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    done = run("--ascii", *arguments)
    assert done.stdout.isascii(), [character for character in done.stdout if not character.isascii()][:10]
    if "show" in arguments and "simplified-law" in arguments:
        assert "a*N^-b + c*D^-d" in done.stdout


@pytest.mark.parametrize("arguments", [("learn", "simple-form"), ("quiz", "show", "simplified-law", "--solution")])
def test_the_locale_says_it_too(
    surroundings: None, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """In a process of its own, as a locale is set when one starts."""
    monkeypatch.setenv("LC_ALL", "C")
    done = subprocess.run([sys.executable, "-m", "scaling_tui", *arguments], capture_output=True, check=True)
    assert done.stdout
    assert done.stdout.isascii()
