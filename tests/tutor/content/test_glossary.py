"""The glossary: the words that the lessons need, one meaning each, figures computed, errors with their place."""

from pathlib import Path

import pytest

from scaling_tui import InputError
from scaling_tui.tutor.content.glossary import find_entry, load_glossary, matching, read_glossary
from scaling_tui.tutor.content.lesson import lesson_files

WANTED = (
    "N", "D", "C", "L", "E", "exponent", "loss", "nats", "FLOP", "token", "scaling law", "diminishing returns",
    "compute-bound", "undertrained", "emergent ability",
)  # fmt: skip


@pytest.mark.parametrize("word", WANTED)
def test_a_word_of_the_lessons_is_explained(word: str) -> None:
    entry = find_entry(load_glossary(), word)
    assert len(entry.means.split()) > 8
    assert "undefined" not in entry.means + entry.unit


def test_every_entry_names_a_lesson_that_is_there() -> None:
    lessons = {file.id for file in lesson_files()}
    assert {entry.lesson for entry in load_glossary() if entry.lesson} <= lessons


def test_case_tells_a_symbol_from_another() -> None:
    entries = load_glossary()
    assert find_entry(entries, "B").name == "A"
    assert find_entry(entries, "b").name == "exponent"


def test_what_is_typed_narrows_the_list() -> None:
    entries = load_glossary()
    assert matching(entries, "") == entries
    assert matching(entries, "N")[0].name == "N"
    assert matching(entries, "undertr")[0].name == "undertrained"
    assert matching(entries, "xyzzy") == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[term]]\nname = 'x'", "field 'means': missing"),
        ("[[term]]\nname = 'x'\nmeans = '{1/0}'", "no value"),
        ("[[term]]\nname = 'x'\nmeans = '{log(}'", "formula"),
        ("[[term]]\nname = 'x'\nmeans = 'a'\nsays = 'b'", "field 'says': unknown"),
        ("[[term]]\nname = 'x'\nmeans = 'a'\nalso = [1]", "field 'also': want a list of words"),
        (
            "[[term]]\nname = 'x'\nmeans = 'a'\n[[term]]\nname = 'y'\nalso = ['x']\nmeans = 'b'",
            "'x' is also a word of 'x'",
        ),
        ("term = 3", "field 'term'"),
    ],
)
def test_a_broken_glossary_is_told_with_its_place(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "glossary.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_glossary(path)
    assert "glossary.toml" in str(caught.value)
    assert why in str(caught.value)


def test_a_users_entry_takes_the_place_of_ours(own_folders: Path) -> None:
    folder = own_folders / "config" / "scaling-tui" / "quizzes" / "lessons"
    folder.mkdir(parents=True)
    (folder / "glossary.toml").write_text("[[term]]\nname = 'N'\nmeans = 'mine'\n")
    assert find_entry(load_glossary(), "N").means == "mine"
    assert find_entry(load_glossary(), "D").means != "mine"
