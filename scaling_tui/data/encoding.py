"""Corpora as token ids. Text is encoded once per machine, in bounded memory, and then memory-mapped from the cache."""

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import DTypeLike

from scaling_tui import InputError
from scaling_tui.data import cache
from scaling_tui.data.choice import CorpusChoice
from scaling_tui.data.parts import Corpus, Text
from scaling_tui.data.pieces import pieces
from scaling_tui.data.remembered import VERSION, Progress, no_progress
from scaling_tui.data.shards import Ids
from scaling_tui.data.tokenizers import (
    BytePairTokenizer,
    ByteTokenizer,
    IdTokenizer,
    Tokenizer,
    tokenizer_for,
    tokenizer_sha256,
)

IN_MEMORY = 64 << 20  # bytes of a text that is not worth a place in the cache where its tokens are its bytes
AT_ONCE = 1 << 16  # characters encoded at a time for each core
SAMPLED = 1 << 20  # tokens that are decoded to learn how many bytes a token has


@dataclass(frozen=True)
class Encoded:
    """A corpus as token ids.

    Args:
        vocab: how many different ids there may be.
        train: the ids to train on: an array, memory-mapped where it is large; of several token shards
            `scaling_tui.data.shards.Shards`, which is indexed like one.
        held_out: the ids never trained on, likewise.
        bytes_per_token: of the held-out part, to turn nats per token into bits per byte; None where ids have no text.
        sample: tokens in a sample where the corpus is a sequence of independent samples; None for one stream.
        separator: what stands between two documents, in words; empty for one document.
    """

    vocab: int
    train: Ids = field(repr=False)
    held_out: Ids = field(repr=False)
    bytes_per_token: float | None
    sample: int | None = None
    separator: str = ""


@dataclass(frozen=True)
class Written:
    """What was written of one part: its documents, its bytes of text, its tokens."""

    documents: int
    size: int
    tokens: int


@dataclass(frozen=True)
class Separator:
    """The ids that stand between two documents, and how many bytes of text they are."""

    ids: tuple[int, ...]
    size: int
    name: str


def encode(choice: CorpusChoice, corpus: Corpus, progress: Progress = no_progress) -> Encoded:
    """`corpus` as the token ids that `choice` asks for.

    Where `first_tokens` is above 0 it has only the first so many of its training part, a tenth of them held out.

    Raises:
        InputError: no such tokenizer, fewer tokens than `first_tokens`, or the cache cannot be written to.
    """
    tokenizer = tokenizer_for(choice, corpus)
    between = ""
    bytes_per_token: float | None = None
    if isinstance(corpus.train, Text) and isinstance(corpus.held_out, Text):
        separator = separator_for(choice, tokenizer)
        between = separator.name if corpus.documents > 1 else ""
        train, held_out, counts = _encoded(choice, corpus, tokenizer, separator, progress)
        bytes_per_token = counts[1].size / max(1, counts[1].tokens)
    else:
        train, held_out = cast(Ids, corpus.train), cast(Ids, corpus.held_out)
    if choice.first_tokens:
        if len(train) < choice.first_tokens:
            raise InputError(
                f"corpus.first_tokens: found {choice.first_tokens}, want at most the {len(train)} tokens of "
                f"{corpus.name}"
            )
        cut = choice.first_tokens - choice.first_tokens // 10
        train, held_out = train[:cut], train[cut : choice.first_tokens]
    if isinstance(tokenizer, IdTokenizer):
        sample = corpus.drawn_from.sample if corpus.drawn_from else None
        return Encoded(tokenizer.vocab, train, held_out, None, sample)
    if choice.first_tokens or bytes_per_token is None:
        bytes_per_token = _bytes_per_token(tokenizer, held_out)
    return Encoded(tokenizer.vocab, train, held_out, bytes_per_token, separator=between)


def separator_for(choice: CorpusChoice, tokenizer: Tokenizer) -> Separator:
    """What stands between two documents: a token of that name, else the tokens of that text."""
    text = choice.separator
    if isinstance(tokenizer, BytePairTokenizer):
        if text == "auto":
            text = tokenizer.end_of_text or "\n"
        if text and (token := tokenizer.token(text)) is not None and text.strip():
            return Separator((token,), 0, text)
    if text == "auto":
        text = "\n"
    ids = tuple(int(token) for token in tokenizer.encode(text.encode())) if text else ()
    name = {"\n": "a newline", "": "nothing"}.get(text, repr(text))
    return Separator(ids, len(text.encode()), name)


def _encoded(
    choice: CorpusChoice, corpus: Corpus, tokenizer: Tokenizer, separator: Separator, progress: Progress
) -> tuple[Ids, Ids, tuple[Written, Written]]:
    """Both parts as ids: bytes of a small text in memory, else from the cache, where they are written if need be."""
    texts = cast(tuple[Text, Text], (corpus.train, corpus.held_out))
    dtype = np.min_scalar_type(max(0, tokenizer.vocab - 1))
    if isinstance(tokenizer, BytePairTokenizer):
        dtype = np.dtype(np.uint16 if tokenizer.vocab <= 65_536 else np.uint32)
    elif corpus.size <= IN_MEMORY:
        files = io.BytesIO(), io.BytesIO()
        counts = [
            _write(text, tokenizer, separator, dtype, file, lambda _: None)
            for text, file in zip(texts, files, strict=True)
        ]
        train, held_out = (np.frombuffer(file.getbuffer(), dtype) for file in files)
        return train, held_out, (counts[0], counts[1])
    place = _place(choice, corpus, separator)
    if (cached := _cached(place)) is None:
        with cache.alone(place, lambda: progress("waiting for another process, which is encoding", 0, corpus.size)):
            cached = _cached(place)  # another process may have written it meanwhile
            if cached is None:
                _fill(place, corpus, tokenizer, separator, dtype, progress)
                cached = _cached(place)
    if cached is None:
        raise InputError(f"cache {place}: what was written there cannot be read; remove this folder")
    return cached


def _place(choice: CorpusChoice, corpus: Corpus, separator: Separator) -> Path:
    """The folder of a corpus in these tokens, named after the content of both."""
    from importlib.metadata import version

    key: list[Any] = [
        corpus.sha256,
        corpus.rule,
        choice.tokenizer,
        tokenizer_sha256(choice),
        version("tokenizers"),
        VERSION,
    ]
    if corpus.documents > 1:
        key.append(separator.ids)
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
    tokenizer = cache.named(Path(choice.tokenizer).name)
    return cache.folder() / "tokens" / f"{cache.named(corpus.name)}-{tokenizer}-{digest}"


def _cached(place: Path) -> tuple[Ids, Ids, tuple[Written, Written]] | None:
    """What is in the cache, memory-mapped; None where it is missing or not whole."""
    try:
        stored: Any = json.loads((place / "parts.json").read_text(encoding="utf-8"))
        train, held_out = (np.load(place / f"{part}.npy", mmap_mode="r") for part in ("train", "held_out"))
        counts = Written(**stored["train"]), Written(**stored["held_out"])
    except (OSError, ValueError, TypeError, KeyError, EOFError):
        return None
    return (train, held_out, counts) if (len(train), len(held_out)) == (counts[0].tokens, counts[1].tokens) else None


def _fill(
    place: Path, corpus: Corpus, tokenizer: Tokenizer, separator: Separator, dtype: DTypeLike, progress: Progress
) -> None:
    """Writes both parts and, last of all, what is in them."""
    done = 0

    def tick(size: int) -> None:
        nonlocal done
        done += size
        progress("encoding", min(done, corpus.size), corpus.size)

    counts = {}
    for part in ("train", "held_out"):
        with cache.writing(place / f"{part}.npy") as temporary, temporary.open("wb") as file:
            file.write(_header(dtype, 0))
            counts[part] = _write(getattr(corpus, part), tokenizer, separator, dtype, file, tick)
            file.seek(0)
            file.write(_header(dtype, counts[part].tokens))
            file.flush()
            os.fsync(file.fileno())
    with cache.writing(place / "parts.json") as temporary:
        temporary.write_text(json.dumps({part: asdict(count) for part, count in counts.items()}), encoding="utf-8")


def _header(dtype: DTypeLike, count: int) -> bytes:
    """The beginning of a .npy file. NumPy leaves room in it for the count to grow."""
    buffer = io.BytesIO()
    about = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": (count,)}
    np.lib.format.write_array_header_1_0(buffer, about)
    return buffer.getvalue()


def _write(
    text: Text,
    tokenizer: Tokenizer,
    separator: Separator,
    dtype: DTypeLike,
    file: IO[bytes],
    tick: Callable[[int], None],
) -> Written:
    """Writes the ids of one part as they come."""
    write = _byte_ids if isinstance(tokenizer, ByteTokenizer) else _piece_ids
    between = np.array(separator.ids, dtype).tobytes()
    count = size = written = 0
    for begins, ids, length in write(text, tokenizer, dtype, tick):
        if begins:
            count += 1
            if count > 1:
                written += file.write(between)
                size += separator.size
        written += file.write(ids)
        size += length
    return Written(count, size, written // np.dtype(dtype).itemsize)


Some = Iterator[tuple[bool, bytes, int]]  # whether a document begins here, ids, and the bytes of text that they are


def _byte_ids(text: Text, tokenizer: Tokenizer, dtype: DTypeLike, tick: Callable[[int], None]) -> Some:
    for blocks in text.read():
        begins = True
        for block in blocks:
            yield begins, block, len(block)
            tick(len(block))
            begins = False


def _piece_ids(text: Text, tokenizer: Tokenizer, dtype: DTypeLike, tick: Callable[[int], None]) -> Some:
    """Pieces are gathered until there is enough to keep all cores busy, and no more, so that memory stays bounded."""
    assert isinstance(tokenizer, BytePairTokenizer)
    at_once = AT_ONCE * 4 * min(64, os.cpu_count() or 1)
    texts: list[str] = []
    begin: list[bool] = []
    gathered = 0

    def encoded() -> Some:
        for first, piece, ids in zip(begin, texts, tokenizer.encode_each(texts), strict=True):
            size = len(piece.encode())
            yield first, np.array(ids, dtype).tobytes(), size
            tick(size)

    for blocks in text.read():
        first = True
        for piece in pieces(blocks):
            texts.append(piece)
            begin.append(first)
            first = False
            gathered += len(piece)
            if gathered >= at_once or len(texts) >= 1 << 15:
                yield from encoded()
                texts, begin, gathered = [], [], 0
    yield from encoded()


def _bytes_per_token(tokenizer: Tokenizer, ids: Ids) -> float:
    """The mean over `ids`, or over pieces spread evenly where there are more than are quickly decoded."""
    length = 1 << 12
    count = min(len(ids), SAMPLED)
    if count == len(ids):
        starts, length = [0], len(ids)
    else:
        starts = [int(start) for start in np.linspace(0, len(ids) - length, count // length)]
    size = sum(len(tokenizer.decode(np.asarray(ids[start : start + length]).tolist()).encode()) for start in starts)
    return size / max(1, len(starts) * length)
