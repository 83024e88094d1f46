"""Corpora, tokenizers and batches, without torch."""

from scaling_tui.data.batches import Windows, held_out
from scaling_tui.data.corpus import NAMED, Corpus, is_path, load_corpus, stamp
from scaling_tui.data.tokenizers import Encoded, Tokenizer, encode, to_download, tokenizer_for, vocabulary

__all__ = [
    "NAMED",
    "Corpus",
    "Encoded",
    "Tokenizer",
    "Windows",
    "encode",
    "held_out",
    "is_path",
    "load_corpus",
    "stamp",
    "to_download",
    "tokenizer_for",
    "vocabulary",
]
