"""Tokenizers give back what they were given; windows cover the text once an epoch and depend on seed and step alone."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.data import CorpusChoice, Text, Windows, encode, held_out
from scaling_tui.data.corpus import split_text
from scaling_tui.data.tokenizers import BytePairTokenizer, ByteTokenizer, tokenizer_for

TEXT = ("def twice(x):\n    return x + x  # à peu près\n\n" * 300).encode()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@given(st.text())
def test_bytes_go_there_and_back(text: str) -> None:
    ids = ByteTokenizer().encode(text.encode())
    assert ByteTokenizer().decode(ids.tolist()) == text


BPE_300 = CorpusChoice("./twice", "bpe-300")
BPE = BytePairTokenizer.trained_on(Text.of(TEXT), 300)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_byte_pairs_go_there_and_back(text: str) -> None:
    ids = BPE.encode(text.encode())
    assert BPE.decode(ids.tolist()) == text
    assert all(ids < BPE.vocab)


def test_byte_pairs_are_trained_on_the_training_part_and_kept(cache: Path) -> None:
    corpus = split_text("twice", "here", TEXT)
    first = encode(BPE_300, corpus)
    assert first.vocab <= 300
    assert len(first.train) < len(TEXT) / 2
    assert isinstance(corpus.held_out, Text)
    assert first.bytes_per_token == len(corpus.held_out.whole()) / len(first.held_out)
    kept = {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}
    again = encode(BPE_300, corpus)
    assert np.array_equal(first.train, again.train)
    assert kept == {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}


def test_another_text_under_the_same_name_is_not_taken_from_the_cache(cache: Path) -> None:
    encode(BPE_300, split_text("twice", "here", TEXT))
    other = encode(BPE_300, split_text("twice", "here", TEXT[:4000]))
    assert len(other.train) < 4000


@pytest.mark.parametrize("name", ["bytes", "bpe-", "bpe-0", "bpe-100000000", "gpt9"])
def test_a_tokenizer_that_is_not_known_is_said_so(name: str, cache: Path) -> None:
    with pytest.raises(InputError, match="not known; give 'byte', 'gpt2', 'bpe-K'"):
        tokenizer_for(CorpusChoice("./twice", name), split_text("twice", "here", TEXT))


@given(
    tokens=st.integers(20, 3000),
    context=st.integers(1, 16),
    size=st.integers(1, 9),
    seed=st.integers(0, 2**31),
)
def test_an_epoch_reads_every_window_once(tokens: int, context: int, size: int, seed: int) -> None:
    windows = Windows(np.arange(tokens, dtype=np.uint32), context, seed)
    steps = -(-windows.per_epoch // size)
    seen = np.concatenate([windows.batch(step, size) for step in range(steps)])[: windows.per_epoch]
    assert sorted(seen[:, 0]) == [context * place for place in range(windows.per_epoch)]
    assert (np.diff(seen, axis=1) == 1).all()


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    ids = np.arange(1000, dtype=np.uint32)
    straight = [Windows(ids, 8, 1).batch(step, 4) for step in range(100)]
    assert np.array_equal(Windows(ids, 8, 1).batch(77, 4), straight[77])
    assert not np.array_equal(Windows(ids, 8, 2).batch(77, 4), straight[77])


def test_held_out_windows_are_spread_and_always_the_same() -> None:
    ids = np.arange(10_000, dtype=np.uint16)
    found = held_out(ids, 16, 800)
    assert found.shape == (50, 17)
    assert (found[0, 0], found[-1, -1]) == (0, 9999)
    assert np.array_equal(found, held_out(ids, 16, 800))


def test_too_little_text_is_said_so() -> None:
    short = np.arange(8, dtype=np.uint8)
    with pytest.raises(InputError, match="8 training tokens, too few for a context of 8"):
        Windows(short, 8, 0)
    with pytest.raises(InputError, match="8 held-out tokens"):
        held_out(short, 8, 100)


def test_a_window_of_samples_is_a_sample() -> None:
    ids = np.arange(60, dtype=np.uint16)
    windows = Windows(ids, 5, 0, sample=6)
    assert windows.per_epoch == 10
    seen = np.concatenate([windows.batch(step, 5) for step in range(2)])
    assert sorted(map(tuple, seen.tolist())) == [tuple(range(6 * k, 6 * k + 6)) for k in range(10)]
    assert held_out(ids, 5, 1000, sample=6).tolist() == ids.reshape(10, 6).tolist()
    with pytest.raises(InputError, match=r"model.context: found 4, want 5: the length of a sample"):
        Windows(ids, 4, 0, sample=6)


def test_repeats_see_what_a_fresh_run_begins_with_again_and_again() -> None:
    ids = np.arange(801, dtype=np.uint16)
    fresh, repeated = Windows(ids, 8, 3), Windows(ids, 8, 3, unique=12)
    first = repeated.batch(0, 12)
    assert np.array_equal(first, fresh.batch(0, 12))
    for epoch in (1, 2, 5):
        again = repeated.batch(epoch, 12)
        assert sorted(again[:, 0]) == sorted(first[:, 0])
        assert not np.array_equal(again, first)
    assert set(fresh.batch(1, 12)[:, 0]).isdisjoint(first[:, 0])


def test_the_large_order_that_repeats_are_taken_from_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    generator = np.random.default_rng

    class Counted:
        def __init__(self, seed: tuple[int, int]) -> None:
            self.generator = generator(seed)

        def permutation(self, count: int) -> object:
            made.append(count)
            return self.generator.permutation(count)

    monkeypatch.setattr(np.random, "default_rng", Counted)
    Windows(np.arange(8009, dtype=np.uint16), 8, seed=41, unique=12).batch(0, 12 * 20)
    assert made.count(1001) == 1
    assert made.count(12) == 19
