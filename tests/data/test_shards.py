"""Token shards: read as they were written, several as one, and refused where they are not what they seem."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from scaling_tui import InputError
from scaling_tui.data import CorpusChoice, Windows, encode, load_corpus
from scaling_tui.data.shards import Shards, together


def llm_c(
    path: Path, ids: NDArray[np.integer], magic: int = 20240520, version: int = 1, count: int | None = None
) -> Path:
    header = np.zeros(256, "<i4")
    header[:3] = magic, version, len(ids) if count is None else count
    path.write_bytes(header.tobytes() + ids.astype("<u4" if magic == 20240801 else "<u2").tobytes())
    return path


def tokens(size: int, vocab: int = 50_257, seed: int = 0) -> NDArray[np.integer]:
    return np.random.default_rng(seed).integers(vocab, size=size)


def test_nanogpts_two_files_are_the_two_parts(tmp_path: Path) -> None:
    train, val = tokens(5000), tokens(300, seed=1)
    train.astype("<u2").tofile(tmp_path / "train.bin")
    val.astype("<u2").tofile(tmp_path / "val.bin")
    for name in ("train.bin", "", "*.bin"):
        choice = CorpusChoice(str(tmp_path / name), "ids", vocab=50_257)
        encoded = encode(choice, load_corpus(choice))
        assert np.array_equal(encoded.train, train) and np.array_equal(encoded.held_out, val)
        assert isinstance(encoded.train, np.memmap)
        assert encoded.vocab == 50_257


def test_llm_cs_shards_are_one_after_another(tmp_path: Path) -> None:
    ids = [tokens(size, seed=size) for size in (700, 1, 300)]
    for number, some in enumerate(ids[:2]):
        llm_c(tmp_path / f"fineweb_train_{number + 1:06}.bin", some)
    llm_c(tmp_path / "fineweb_val_000000.bin", ids[2])
    choice = CorpusChoice(str(tmp_path / "fineweb_*.bin"), "ids", vocab=50_257)
    encoded = encode(choice, load_corpus(choice))
    assert np.array_equal(np.asarray(encoded.train), np.concatenate(ids[:2]))
    assert np.array_equal(encoded.held_out, ids[2])


@pytest.mark.parametrize(("vocab", "width"), [(50_257, "<u2"), (128_256, "<u4")])
def test_without_a_held_out_file_it_is_the_last_tenth(vocab: int, width: str, tmp_path: Path) -> None:
    ids = tokens(1000, vocab)
    ids.astype(width).tofile(tmp_path / "a.bin")
    np.save(tmp_path / "a.npy", ids.astype(width))
    llm_c(tmp_path / "b.bin", ids, *((20240520, 1) if width == "<u2" else (20240801, 7)))
    for name in ("a.bin", "a.npy", "b.bin"):
        choice = CorpusChoice(str(tmp_path / name), "ids", vocab=vocab)
        encoded = encode(choice, load_corpus(choice))
        assert np.array_equal(encoded.train, ids[:900]) and np.array_equal(encoded.held_out, ids[900:])


@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=6),
    places=st.lists(st.integers(-300, 300), max_size=20),
    ends=st.tuples(st.integers(-50, 250), st.integers(-50, 250)),
    step=st.sampled_from([1, 1, 2, -1]),
)
def test_shards_index_as_one_array_does(sizes: list[int], places: list[int], ends: tuple[int, int], step: int) -> None:
    arrays = [np.arange(size, dtype=np.uint16) + 100 * number for number, size in enumerate(sizes)]
    whole, parted = np.concatenate(arrays), Shards(arrays)
    assert len(parted) == len(whole) and parted.dtype == whole.dtype and parted.shape == whole.shape
    assert np.array_equal(np.asarray(parted), whole)
    assert np.array_equal(np.asarray(parted[ends[0] : ends[1] : step]), whole[ends[0] : ends[1] : step])
    inside = np.array([place for place in places if -len(whole) <= place < len(whole)], np.int64).reshape(-1, 1)
    assert np.array_equal(parted[inside], whole[inside])
    for place in places:
        if -len(whole) <= place < len(whole):
            assert parted[place] == whole[place]
        else:
            with pytest.raises(IndexError):
                parted[place]


@given(cuts=st.lists(st.integers(0, 400), max_size=5), seed=st.integers(0, 9), step=st.integers(0, 40))
@settings(max_examples=40)
def test_batches_do_not_depend_on_where_shards_end(cuts: list[int], seed: int, step: int) -> None:
    ids = np.random.default_rng(1).integers(500, size=400).astype(np.uint16)
    parted = together(np.split(ids, sorted(cuts)), ids.dtype)
    assert np.array_equal(Windows(parted, 8, seed).batch(step, 3), Windows(ids, 8, seed).batch(step, 3))


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda p: tokens(99, 60_000).astype("<u2").tofile(p), r"token \d+ is 5\d,\d{3}, want less than the 50,257"),
        (lambda p: p.write_bytes(b"abc"), "3 bytes are no whole number of 16-bit ids"),
        (lambda p: p.write_bytes(b""), "is empty"),
        (lambda p: tokens(99).astype("<u4").tofile(p), "every second 16-bit id is 0, so these seem to be 32-bit ids"),
        (lambda p: llm_c(p, tokens(99), version=3), "llm.c's format 20240520, version 3, want version 1"),
        (lambda p: llm_c(p, tokens(99), count=100), "its header tells of 100 tokens, found 99; the file is not whole"),
        (lambda p: llm_c(p, tokens(0)), "has no tokens"),
        (lambda p: llm_c(p, tokens(99), magic=20240522), "is an evaluation set of llm.c"),
    ],
)  # fmt: skip
def test_a_shard_that_is_not_what_it_seems_is_named(write: object, says: str, tmp_path: Path) -> None:
    write(tmp_path / "a.bin")  # type: ignore[operator]
    with pytest.raises(InputError, match=rf"a\.bin: {says}"):
        load_corpus(CorpusChoice(str(tmp_path / "a.bin"), "ids", vocab=50_257))


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.array([{"a": 1}], dtype=object), "not a whole .npy file"),
        (np.ones((3, 4), np.uint16), r"found uint16, shape \(3, 4\), want one row"),
        (np.ones(3), "found float64"),
    ],
)
def test_an_array_that_holds_no_ids_is_named_and_no_pickle_is_opened(
    array: NDArray[np.generic], says: str, tmp_path: Path
) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(InputError, match=says):
        load_corpus(CorpusChoice(str(tmp_path / "a.npy"), "ids", vocab=50_257))


@pytest.mark.parametrize("tokenizer", ["byte", "bpe-300"])
def test_tokens_want_their_tokenizer(tokenizer: str, tmp_path: Path) -> None:
    tokens(99).astype("<u2").tofile(tmp_path / "a.bin")
    with pytest.raises(InputError, match=r"holds token ids; want corpus.tokenizer that made them"):
        load_corpus(CorpusChoice(str(tmp_path / "a.bin"), tokenizer))
