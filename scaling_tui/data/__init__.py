"""Corpora, tokenizers and batches, without torch."""

from scaling_tui.data.batches import Windows, held_out
from scaling_tui.data.choice import CorpusChoice, is_tokenizer_path
from scaling_tui.data.corpus import load_corpus, recorded_corpus, stamp, to_download
from scaling_tui.data.encoding import Encoded, encode
from scaling_tui.data.finding import NAMED, is_path
from scaling_tui.data.parts import Corpus, Text
from scaling_tui.data.remembered import Progress, no_progress
from scaling_tui.data.tokenizers import Tokenizer, tokenizer_for, tokenizer_sha256, vocabulary

__all__ = [
    "NAMED",
    "Corpus",
    "CorpusChoice",
    "Encoded",
    "Progress",
    "Text",
    "Tokenizer",
    "Windows",
    "encode",
    "held_out",
    "is_path",
    "is_tokenizer_path",
    "load_corpus",
    "no_progress",
    "recorded_corpus",
    "stamp",
    "to_download",
    "tokenizer_for",
    "tokenizer_sha256",
    "vocabulary",
]
