"""Prompts as token ids: text that a person typed, or a piece of a corpus's held-out part."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from scaling_tui import InputError
from scaling_tui.data.choice import CorpusChoice
from scaling_tui.data.corpus import recorded_corpus
from scaling_tui.data.encoding import encode
from scaling_tui.data.tokenizers import ByteTokenizer, IdTokenizer, Tokenizer, needs_corpus, tokenizer_for
from scaling_tui.lens.hugging_face.tokenizer import FolderTokenizer

LONGEST_EXAMPLE = 128
EXAMPLES = 64  # evenly over the held-out part
# For a model whose training text is not known: what most models have seen, and what shows copying and counting.
SAMPLES = (
    "The Eiffel Tower is in the city of Paris, and the Colosseum is in the city of",
    "Once upon a time there was a little girl who lived in a house near the wood. One day the little girl",
    "1 2 3 4 5 6 7 8 9 10 11",
    "def mean(values):\n    return sum(values) /",
    "When Mary and John went to the shop, John gave the bag to",
)


@dataclass(frozen=True)
class Prompt:
    """`ids`, and the token that comes `after` them in the corpus; None where that is unknown."""

    text: str
    ids: list[int]
    after: int | None
    origin: str


def tokenizer_of(recorded: Mapping[str, Any]) -> Tokenizer:
    """The tokenizer that a run was trained with; `recorded` is the `corpus` of its run.json.

    Raises:
        InputError: it was trained on a text that has changed since.
    """
    choice = CorpusChoice.recorded(recorded)
    return tokenizer_for(choice, recorded_corpus(recorded)[1] if needs_corpus(choice) else None)


def typed(tokenizer: Tokenizer, text: str) -> Prompt:
    """A text as a prompt; for the tokenizer `ids` it lists token ids: "3 14 15".

    Raises:
        InputError: empty, or not in the vocabulary.
    """
    if isinstance(tokenizer, IdTokenizer):
        ids = [token_id(tokenizer, word) for word in text.replace(",", " ").split()]
    elif isinstance(tokenizer, FolderTokenizer):
        ids = [int(token) for token in tokenizer.prompt(_bytes(text))]
    else:
        ids = [int(token) for token in tokenizer.encode(_bytes(text))]
    if not ids:
        raise InputError(f"prompt {text!r}: found no tokens, want at least one")
    return Prompt(text, ids, None, "typed")


def token_id(tokenizer: Tokenizer, text: str, rows: int | None = None) -> int:
    """The id of the token spelled `text`, or of the one named as #ID.

    A model may have more `rows` of logits than its tokenizer has tokens.

    Raises:
        InputError: `text` is no token, or several.
    """
    numbered = isinstance(tokenizer, IdTokenizer) or (len(text) > 1 and text[0] == "#" and text[1:].isdecimal())
    if numbered:
        digits, vocab = text.removeprefix("#"), rows or tokenizer.vocab
        if not (digits.isascii() and digits.isdecimal() and int(digits) < vocab):
            raise InputError(f"token {text!r}: not known, want a whole number from 0 to {vocab - 1}")
        return int(digits)
    ids = [int(token) for token in tokenizer.encode(_bytes(text))]
    if len(ids) != 1:
        parts = ", ".join(repr(spelled(tokenizer, token)) for token in ids[:6]) or "none"
        raise InputError(f"token {text!r}: found {len(ids)} tokens ({parts}), want one; write an id as #104")
    return ids[0]


def _bytes(text: str) -> bytes:
    """Text from a terminal as bytes; those that were not valid UTF-8 come back unchanged."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def spelled(tokenizer: Tokenizer, token: int) -> str:
    """The text of a single token; a byte that is not a character by itself as \\xNN."""
    if isinstance(tokenizer, ByteTokenizer):
        return bytes([token]).decode("utf-8", "backslashreplace")
    if isinstance(tokenizer, FolderTokenizer):
        return tokenizer.spelled(token)
    return tokenizer.decode([token]) if token < tokenizer.vocab else f"#{token}"


def sample(tokenizer: Tokenizer, number: int) -> Prompt:
    """The `number`-th of `SAMPLES`, for a model whose training text is not known."""
    number %= len(SAMPLES)
    return replace(typed(tokenizer, SAMPLES[number]), origin=f"sample text no. {number}")


def example(recorded: Mapping[str, Any], tokenizer: Tokenizer, context: int, number: int) -> Prompt:
    """The `number`-th of `EXAMPLES` pieces of the held-out part, cut at the start of a line where there are lines.

    Raises:
        InputError: the corpus is missing or has changed.
    """
    try:
        choice, corpus = recorded_corpus(recorded)
    except InputError as error:
        raise InputError(f"{error}; give a --prompt, or train again") from error
    encoded = encode(choice, corpus)
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
    """The start of the next line that is not blank; `start` where there is none."""
    for place, (token, after) in enumerate(itertools.pairwise(ids)):
        if spelled(tokenizer, token).endswith("\n") and spelled(tokenizer, after).strip():
            return start + place + 1
    return start
