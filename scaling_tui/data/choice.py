"""What a ladder says of its corpus, and what a run recorded of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self, get_args

from scaling_tui import InputError
from scaling_tui.data.finding import is_path

Format = Literal["auto", "text", "jsonl", "parquet", "dataset", "tokens"]


@dataclass(frozen=True)
class CorpusChoice:
    """A corpus and how to read it as tokens.

    Args:
        name: `stdlib`, `tinyshakespeare`, `plays`, a synthetic source (`parity`, `language`, `markov`), or the path of
            a file or folder, or a glob; a path contains a `/`, a suffix or a wildcard, and is relative to the ladder.
        tokenizer: `byte` (vocabulary 256), `bpe-K` (byte-pair encoding with K tokens, trained on the training part),
            `gpt2`, the path of a tokenizer.json or of a folder that has one, or `ids` for what is token ids already.
        first_tokens: use only the first so many tokens, the last tenth of them held out; 0 uses all.
        parameters: of a synthetic source.
        format: what the files hold; `auto` goes by their names.
        text: the key or column of the text in JSON Lines, Parquet and datasets.
        vocab: the vocabulary size of token shards whose tokenizer is not given; 0 where it is.
        separator: what stands between two documents; `auto` is the tokenizer's end of text, else a newline.
    """

    name: str
    tokenizer: str = "byte"
    first_tokens: int = 0
    parameters: dict[str, Any] = field(default_factory=dict)
    format: Format = "auto"
    text: str = "text"
    vocab: int = 0
    separator: str = "auto"

    @classmethod
    def recorded(cls, corpus: Mapping[str, Any]) -> Self:
        """The choice that a sweep.json or run.json recorded.

        Before formats were recorded, every file was read as plain text, and it still is when such a run resumes.

        Raises:
            InputError: what was recorded has no name, or a value of the wrong type.
        """
        known = {item.name: corpus[item.name] for item in fields(cls) if corpus.get(item.name) is not None}
        if not isinstance(known.get("name"), str):
            raise InputError(f"run.json: corpus.name: found {known.get('name')!r}, want a string")
        if "format" not in known and is_path(known["name"]):
            known["format"] = "text"
        choice = cls(**known)
        wrong = [
            name
            for name, kind in (("tokenizer", str), ("first_tokens", int), ("parameters", dict), ("text", str),
                               ("vocab", int), ("separator", str))
            if not isinstance(getattr(choice, name), kind)
        ]  # fmt: skip
        if wrong or choice.format not in get_args(Format):
            name = wrong[0] if wrong else "format"
            raise InputError(f"run.json: corpus.{name}: found {getattr(choice, name)!r}, want what a ladder may say")
        return choice

    @property
    def names_a_tokenizer_file(self) -> bool:
        """Whether `tokenizer` is the path of a tokenizer.json or of a folder that has one."""
        return is_tokenizer_path(self.tokenizer)


def is_tokenizer_path(name: str) -> bool:
    return "/" in name or Path(name).suffix == ".json"
