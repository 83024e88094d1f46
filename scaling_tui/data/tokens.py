"""Tokenizers, and a corpus as token ids, kept in the cache so that it is encoded once a machine."""

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from scaling_tui import InputError
from scaling_tui.data.corpus import Corpus

if TYPE_CHECKING:
    from tokenizers import Tokenizer as HuggingFaceTokenizer

Ids = NDArray[np.unsignedinteger]


class Tokenizer(Protocol):
    """Text to token ids and back."""

    vocab: int

    def encode(self, text: bytes) -> Ids: ...
    def decode(self, ids: list[int]) -> str: ...


class ByteTokenizer:
    """A token a byte: vocabulary 256, nothing to train, every text can be written."""

    vocab = 256

    def encode(self, text: bytes) -> Ids:
        return np.frombuffer(text, np.uint8)

    def decode(self, ids: list[int]) -> str:
        return bytes(ids).decode("utf-8", errors="replace")


class BytePairTokenizer:
    """Byte-level byte-pair encoding (as GPT-2's), by the `tokenizers` library."""

    def __init__(self, inner: "HuggingFaceTokenizer") -> None:
        self._inner = inner
        self.vocab: int = inner.get_vocab_size()

    @classmethod
    def trained_on(cls, text: bytes, vocab: int) -> "BytePairTokenizer":
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        inner = Tokenizer(models.BPE())
        inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        inner.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocab, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
        )
        inner.train_from_iterator(_pieces(text), trainer)
        return cls(inner)

    @classmethod
    def read(cls, path: Path) -> "BytePairTokenizer":
        from tokenizers import Tokenizer

        return cls(Tokenizer.from_file(str(path)))

    def save(self, path: Path) -> None:
        self._inner.save(str(path))

    def encode(self, text: bytes) -> Ids:
        ids = [np.array(piece.ids, np.uint32) for piece in self._inner.encode_batch(_pieces(text))]
        return np.concatenate(ids) if ids else np.empty(0, np.uint32)

    def decode(self, ids: list[int]) -> str:
        return self._inner.decode(ids, skip_special_tokens=False)


@dataclass(frozen=True)
class Encoded:
    """A corpus as token ids. `bytes_per_token` is of the held-out part: it turns nats per token into bits per byte."""

    vocab: int
    train: Ids = field(repr=False)
    held_out: Ids = field(repr=False)
    bytes_per_token: float


def tokenizer_for(name: str, corpus: Corpus) -> Tokenizer:
    """The tokenizer called `name`: `byte`, or `bpe-K` with K tokens, trained on the training part of `corpus`.

    Raises:
        InputError: no such tokenizer.
    """
    if name == "byte":
        return ByteTokenizer()
    kind, _, size = name.partition("-")
    if kind != "bpe" or not size.isdigit() or not 257 <= int(size) <= 65_536:
        raise InputError(f"tokenizer {name!r}: not known; give 'byte' or 'bpe-K' with K from 257 to 65536")
    kept = _cache(corpus, name) / "tokenizer.json"
    if not kept.is_file():
        tokenizer = BytePairTokenizer.trained_on(corpus.train, int(size))
        with _Whole(kept) as temporary:
            tokenizer.save(temporary)
    return BytePairTokenizer.read(kept)


def encode(corpus: Corpus, tokenizer_name: str) -> Encoded:
    """`corpus` as token ids. Bytes need no encoding; other ids are made once and then mapped from the cache."""
    tokenizer = tokenizer_for(tokenizer_name, corpus)
    parts = {}
    for part, text in (("train", corpus.train), ("held_out", corpus.held_out)):
        if isinstance(tokenizer, ByteTokenizer):
            parts[part] = tokenizer.encode(text)
            continue
        kept = _cache(corpus, tokenizer_name) / f"{part}.npy"
        if not kept.is_file():
            smallest = np.uint16 if tokenizer.vocab <= 65_536 else np.uint32
            with _Whole(kept) as temporary:
                np.save(temporary, tokenizer.encode(text).astype(smallest))
        parts[part] = np.load(kept, mmap_mode="r")
    per_token = len(corpus.held_out) / max(1, len(parts["held_out"]))
    return Encoded(tokenizer.vocab, parts["train"], parts["held_out"], per_token)


def _pieces(text: bytes, size: int = 1 << 16) -> list[str]:
    """`text` cut at line ends into pieces that are encoded in parallel and in bounded memory."""
    pieces, lines, held = [], text.decode("utf-8", errors="replace").splitlines(keepends=True), 0
    start = 0
    for index, line in enumerate(lines):
        held += len(line)
        if held >= size:
            pieces.append("".join(lines[start : index + 1]))
            start, held = index + 1, 0
    if start < len(lines):
        pieces.append("".join(lines[start:]))
    return pieces


def _cache(corpus: Corpus, tokenizer: str) -> Path:
    """The cache folder of one corpus under one tokenizer, named by what was really read and by what encodes it."""
    from importlib.metadata import version

    from platformdirs import user_cache_path

    named = f"{corpus.sha256} {len(corpus.train)} {tokenizer} {version('tokenizers')}"
    key = hashlib.sha256(named.encode()).hexdigest()[:16]
    return user_cache_path("scaling-tui", appauthor=False) / "tokens" / f"{corpus.name}-{tokenizer}-{key}"


class _Whole:
    """A path to write to that becomes `path` when it is whole, so that two workers may make it at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary = path.with_name(f".{os.getpid()}-{path.name}")

    def __enter__(self) -> Path:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return self._temporary

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._temporary.replace(self._path)
        else:
            self._temporary.unlink(missing_ok=True)
