"""Corpora and tokenizers: where tokens come from. Without torch."""

from scaling_tui.data.corpus import Corpus, load_corpus
from scaling_tui.data.tokens import Encoded, Tokenizer, encode, tokenizer_for, vocabulary
from scaling_tui.data.windows import Windows, held_out

__all__ = [
    "Corpus",
    "Encoded",
    "Tokenizer",
    "Windows",
    "encode",
    "held_out",
    "load_corpus",
    "tokenizer_for",
    "vocabulary",
]
