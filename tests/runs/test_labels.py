"""Tags, notes and the archive: nothing that somebody noted is lost, whoever else writes."""

import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.runs import labels as module
from scaling_tui.runs.labels import Labels, change_labels, checked_note, checked_tag, read_labels

TAGS = st.text(min_size=1, max_size=64).filter(module._is_tag)
NOTES = st.text(max_size=300).filter(module._is_note).map(str.strip)
OTHERS = st.dictionaries(
    st.text().filter(lambda key: key not in ("tags", "note", "archived", "time")),
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5),
    max_size=3,
)


@given(st.lists(TAGS, unique_by=str.casefold, max_size=8), NOTES, st.booleans(), OTHERS)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, tags: list[str], note: str, archived: bool, others: dict[str, object]
) -> None:
    sweep = tmp_path_factory.mktemp("sweep")
    wanted = Labels(tuple(tags), note, archived, others)
    change_labels(sweep, lambda _: wanted)
    assert read_labels(sweep) == (wanted, [])
    change_labels(sweep, lambda labels: labels.tagged(["more"]))
    found, _ = read_labels(sweep)
    assert (found.note, found.archived, found.others) == (note, archived, others)


def test_of_changes_at_once_none_is_lost(tmp_path: Path) -> None:
    together = threading.Barrier(8)

    def tag(number: int) -> None:
        together.wait()
        for name in (f"t{number}-{turn}" for turn in range(5)):
            change_labels(tmp_path, lambda labels, name=name: labels.tagged([name]))  # type: ignore[misc]

    threads = [threading.Thread(target=tag, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(read_labels(tmp_path)[0].tags) == sorted(f"t{n}-{r}" for n in range(8) for r in range(5))
    assert not [path for path in (tmp_path / "labels").iterdir() if path.name.startswith(".")]


def test_a_change_that_somebody_else_overtakes_is_made_to_what_they_wrote(tmp_path: Path) -> None:
    calls = []

    def slow(labels: Labels) -> Labels:
        calls.append(labels.tags)
        if len(calls) == 1:
            change_labels(tmp_path, lambda labels: labels.tagged(["theirs"]))
        return labels.tagged(["ours"])

    change_labels(tmp_path, slow)
    assert calls == [(), ("theirs",)]
    assert read_labels(tmp_path)[0].tags == ("theirs", "ours")


def test_without_hard_links_it_works_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(source: object, target: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", none)
    change_labels(tmp_path, lambda labels: labels.tagged(["a"]))
    change_labels(tmp_path, lambda labels: replace(labels, note="b"))
    assert read_labels(tmp_path)[0] == Labels(("a",), "b")


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "\x00", "[" * 100_000])
def test_a_broken_version_is_named_and_the_one_before_counts(tmp_path: Path, text: str) -> None:
    change_labels(tmp_path, lambda labels: labels.tagged(["a"]))
    (tmp_path / "labels" / "00000002.json").write_text(text)
    found, (fault,) = read_labels(tmp_path)
    assert found.tags == ("a",)
    assert fault.startswith("broken: labels/00000002.json: ")
    change_labels(tmp_path, lambda labels: labels.tagged(["b"]))
    assert read_labels(tmp_path) == (Labels(("a", "b")), [])
    assert (tmp_path / "labels" / "00000002.json").read_text() == text, "nobody's file is overwritten"


def test_a_field_that_does_not_fit_is_named_and_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    document = {"tags": ["ok", "a b", 7, "\x1b]0;x\x07", "x" * 65], "note": "\x1b[2J", "archived": "yes", "colour": 3}
    (tmp_path / "labels" / "7.json").write_text(json.dumps(document))
    found, faults = read_labels(tmp_path)
    assert found == Labels(("ok",), others={"colour": 3})
    assert [fault.split(": ")[2] for fault in faults] == [
        "tags[1]",
        "tags[2]",
        "tags[3]",
        "tags[4]",
        "note",
        "archived",
    ]


@pytest.mark.parametrize(
    "tag", ["", "a b", "a,b", "+a", "-a", "a\tb", "\x1b[31m", "\u202ea", 'a"b', "x" * 65, "\udce4"]
)
def test_what_cannot_be_a_tag_is_refused(tag: str) -> None:
    with pytest.raises(InputError, match="want 1 to 64 printable characters"):
        checked_tag(tag)


def test_what_cannot_be_a_note_is_refused() -> None:
    assert checked_note("two\nlines ") == "two\nlines"
    for note in ("\x1b]0;x\x07", "\u202eabc", "x" * 4001):
        with pytest.raises(InputError, match="note"):
            checked_note(note)


def test_a_sweep_has_a_bounded_number_of_tags(tmp_path: Path) -> None:
    change_labels(tmp_path, lambda labels: labels.tagged(f"t{n}" for n in range(64)))
    with pytest.raises(InputError, match="found 65, want at most 64"):
        change_labels(tmp_path, lambda labels: labels.tagged(["more"]))
    assert len(change_labels(tmp_path, lambda labels: labels.tagged(["T1"], ["t2"]))[1].tags) == 63


def test_where_nothing_can_be_written_one_line_says_so(tmp_path: Path) -> None:
    (tmp_path / "labels").write_text("a file")
    with pytest.raises(InputError, match=r"labels: cannot be written \(.*\)$"):
        change_labels(tmp_path, lambda labels: labels.tagged(["a"]))
