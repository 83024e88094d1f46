"""Corpora: what is read, how it is split, what its hash says, what one is told when it cannot be had."""

import dataclasses
import hashlib
import sysconfig
from pathlib import Path

import pytest

from scaling_tui import InputError
from scaling_tui.data import Corpus, CorpusChoice, Text, load_corpus
from scaling_tui.data.corpus import TINYSHAKESPEARE, stdlib


def train(corpus: Corpus) -> bytes:
    assert isinstance(corpus.train, Text)
    return corpus.train.whole()


def held_out(corpus: Corpus) -> bytes:
    assert isinstance(corpus.held_out, Text)
    return corpus.held_out.whole()


def lay_out(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_the_standard_library_is_megabytes_of_source_a_tenth_held_out() -> None:
    corpus = load_corpus(CorpusChoice("stdlib"))
    assert len(train(corpus)) > 5e6
    assert 0.03 < len(held_out(corpus)) / (len(train(corpus)) + len(held_out(corpus))) < 0.2
    assert b"class OrderedDict" in train(corpus) + held_out(corpus)
    assert corpus.source.startswith("Python 3.")
    assert corpus.sha256 == load_corpus(CorpusChoice("stdlib")).sha256


def test_a_file_of_the_library_is_in_one_part_and_stays_there_when_others_come(tmp_path: Path) -> None:
    files = {f"mod{number}.py": f"x = {number}\n" for number in range(200)}
    before = stdlib(lay_out(tmp_path, files))
    assert not set(train(before).splitlines()) & set(held_out(before).splitlines())
    after = stdlib(lay_out(tmp_path, {"another.py": "y = 1\n"}))
    assert set(held_out(before).splitlines()) <= set(held_out(after).splitlines())
    assert before.sha256 != after.sha256


def test_tests_and_what_was_installed_are_not_the_library(tmp_path: Path) -> None:
    files = {f"mod{number}.py": "kept\n" for number in range(60)}
    unwanted = ("test/a.py", "json/tests/b.py", "site-packages/c.py", "encodings/d.py", "idlelib/e.py", "notes.txt")
    corpus = stdlib(lay_out(tmp_path, files | dict.fromkeys(unwanted, "unwanted\n")))
    assert b"unwanted" not in train(corpus) + held_out(corpus)


def test_a_python_without_its_source_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no Python source in"):
        stdlib(tmp_path)


def test_a_text_file_is_a_corpus_its_last_tenth_held_out_between_characters(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("ä" * 501)
    corpus = load_corpus(CorpusChoice(str(tmp_path / "text.txt")))
    assert (train(corpus) + held_out(corpus)).decode() == "ä" * 501
    assert held_out(corpus).decode()
    assert abs(len(held_out(corpus)) - 100) <= 2


def test_a_corpus_that_is_not_there_is_named_with_what_would_do(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"corpus '.*nope.txt': cannot read .*nope.txt \(No such file.*\); want a file"
    ):
        load_corpus(CorpusChoice(str(tmp_path / "nope.txt")))


def test_tinyshakespeare_is_known_by_its_hash(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("SCALING_TUI_DATA", str(shared_data))
    corpus = load_corpus(CorpusChoice("tinyshakespeare"))
    assert hashlib.sha256(train(corpus) + held_out(corpus)).hexdigest() == TINYSHAKESPEARE.sha256
    assert len(train(corpus) + held_out(corpus)) == 1_115_394
    assert train(corpus).startswith(b"First Citizen:")


def test_offline_one_line_says_where_to_put_tinyshakespeare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tinyshakespeare.txt").write_text("not it")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("SCALING_TUI_DATA", str(tmp_path))
    nowhere = dataclasses.replace(TINYSHAKESPEARE, address="http://127.0.0.1:9/input.txt")
    monkeypatch.setattr("scaling_tui.data.corpus.TINYSHAKESPEARE", nowhere)
    with pytest.raises(InputError, match=r"not on this machine, and .* cannot be reached .*; put the file at .*\.txt"):
        load_corpus(CorpusChoice("tinyshakespeare"))


def test_the_library_read_here_is_the_running_pythons() -> None:
    assert Path(sysconfig.get_paths()["stdlib"], "this.py").is_file()
