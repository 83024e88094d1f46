"""Prompts: text that a person typed, or a piece of a corpus that no model was trained on, as token ids."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scaling_tui import InputError
from scaling_tui.data.corpus import Corpus, load_corpus
from scaling_tui.data.synthetic import SOURCES
from scaling_tui.data.tokenizers import ByteTokenizer, IdTokenizer, Tokenizer, encode, tokenizer_for

LONGEST_EXAMPLE = 128
EXAMPLES = 64  # evenly over the held-out part
NEEDS_NO_CORPUS = ("byte", "gpt2")


@dataclass(frozen=True)
class Prompt:
    """`ids` with the token `after` them, where it is known: the truth that a prediction is held against."""

    text: str
    ids: list[int]
    after: int | None
    origin: str


def tokenizer_of(told: Mapping[str, Any]) -> Tokenizer:
    """The tokenizer that a run was trained with; `told` is the `corpus` of its run.json.

    Raises:
        InputError: it is made from a text that is no longer what it was.
    """
    if told["tokenizer"] in NEEDS_NO_CORPUS and told["name"] not in SOURCES:
        return tokenizer_for(told["tokenizer"], Corpus(told["name"], "", "", b"", b""))
    return tokenizer_for(told["tokenizer"], _corpus(told))


def _corpus(told: Mapping[str, Any]) -> Corpus:
    corpus = load_corpus(told["name"], parameters=told.get("parameters"))
    if corpus.sha256 != told["sha256"]:
        raise InputError(
            f"corpus {corpus.name!r}: its content changed since the run was trained; give --prompt a text, "
            "or train again"
        )
    return corpus


def typed(tokenizer: Tokenizer, text: str) -> Prompt:
    """A text as a prompt. Where tokens stand for no text, it is their numbers: "3 14 15".

    Raises:
        InputError: empty, or not of the vocabulary.
    """
    if isinstance(tokenizer, IdTokenizer):
        ids = [token_id(tokenizer, word) for word in text.replace(",", " ").split()]
    else:
        ids = [int(token) for token in tokenizer.encode(_bytes(text))]
    if not ids:
        raise InputError(f"prompt {text!r}: found no token, want at least one")
    return Prompt(text, ids, None, "typed")


def token_id(tokenizer: Tokenizer, text: str) -> int:
    """The one token that `text` is, or the one whose id it names as #ID.

    Raises:
        InputError: it is none, or several.
    """
    numbered = isinstance(tokenizer, IdTokenizer) or (len(text) > 1 and text[0] == "#" and text[1:].isdecimal())
    if numbered:
        digits = text.removeprefix("#")
        if not (digits.isascii() and digits.isdecimal() and int(digits) < tokenizer.vocab):
            raise InputError(f"token {text!r}: not known, want a whole number from 0 to {tokenizer.vocab - 1}")
        return int(digits)
    ids = [int(token) for token in tokenizer.encode(_bytes(text))]
    if len(ids) != 1:
        parts = ", ".join(repr(spelled(tokenizer, one)) for one in ids[:6]) or "none"
        raise InputError(f"token {text!r}: found {len(ids)} tokens ({parts}), want one; an id is given as #104")
    return ids[0]


def _bytes(text: str) -> bytes:
    """Text as it came from a terminal: bytes that were no character are those bytes again."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def spelled(tokenizer: Tokenizer, token: int) -> str:
    """A token as it stands alone; a byte that is no character of its own as \\xNN."""
    if isinstance(tokenizer, ByteTokenizer):
        return bytes([token]).decode("utf-8", "backslashreplace")
    return tokenizer.decode([token]) if token < tokenizer.vocab else f"#{token}"


def example(told: Mapping[str, Any], tokenizer: Tokenizer, context: int, number: int) -> Prompt:
    """A piece of the held-out part: the `number`-th of `EXAMPLES`, from the beginning of a line where it has lines.

    Raises:
        InputError: the corpus is gone or is another one.
    """
    corpus = _corpus(told)
    encoded = encode(corpus, told["tokenizer"], told.get("first_tokens", 0))
    ids, length = encoded.held_out, min(context, LONGEST_EXAMPLE)
    number %= EXAMPLES
    if encoded.sample is not None:
        rows = len(ids) // encoded.sample
        start, length = number * rows // EXAMPLES * encoded.sample, encoded.sample - 1
    else:
        length = min(length, len(ids) - 1)
        start = number * (len(ids) - length - 1) // EXAMPLES
        if not isinstance(tokenizer, IdTokenizer):
            start = _line_after(tokenizer, [int(token) for token in ids[start : len(ids) - length - 1][:512]], start)
    window = [int(token) for token in ids[start : start + length + 1]]
    source = corpus.source if corpus.drawn_from is None else f"the source {corpus.name!r}"
    return Prompt(tokenizer.decode(window[:-1]), window[:-1], window[-1], f"held out of {source}, no. {number}")


def _line_after(tokenizer: Tokenizer, ids: list[int], start: int) -> int:
    """`start`, moved on to where the next line begins that is not blank."""
    for place, (token, after) in enumerate(itertools.pairwise(ids)):
        if spelled(tokenizer, token).endswith("\n") and spelled(tokenizer, after).strip():
            return start + place + 1
    return start
