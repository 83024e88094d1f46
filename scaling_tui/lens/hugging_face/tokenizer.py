"""The tokenizer in a model's folder: tokenizer.json, or the older files that transformers can read."""

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scaling_tui import InputError
from scaling_tui.lens.hugging_face.folder import first_line
from scaling_tui.text.files import MOST_TABLE_BYTES, read_bytes

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER = "tokenizer.json"
OLDER = ("tokenizer.model", "vocab.json")
BYTE = re.compile(r"<0x([0-9A-F]{2})>")


class FolderTokenizer:
    """A tokenizer of the `tokenizers` library. `vocab` is one more than its highest id."""

    def __init__(self, inner: "Tokenizer") -> None:
        # A file may say that texts are cut or padded, which is for training.
        inner.no_truncation()
        inner.no_padding()
        self._inner = inner
        ids = inner.get_vocab(with_added_tokens=True)
        self.vocab = max(ids.values(), default=-1) + 1
        self.identity = hashlib.sha256(json.dumps(sorted(ids.items())).encode()).hexdigest()
        self._added = {number: token.content for number, token in inner.get_added_tokens_decoder().items()}
        decoder = json.loads(inner.to_str()).get("decoder")
        self._of_bytes = "ByteLevel" in json.dumps(decoder)

    @classmethod
    def read(cls, folder: Path) -> "FolderTokenizer":
        """The tokenizer of the model in `folder`.

        Raises:
            InputError: no tokenizer there, or one that cannot be read.
        """
        from tokenizers import Tokenizer

        path = folder / TOKENIZER
        if not path.is_file():
            if not any((folder / name).is_file() for name in OLDER):
                raise InputError(
                    f"{folder}: no {TOKENIZER}, want the tokenizer that the model was trained with: "
                    "its save_pretrained, or a copy of its files, puts it there"
                )
            return cls(_older(folder))
        try:
            return cls(Tokenizer.from_buffer(read_bytes(path, MOST_TABLE_BYTES)))
        except OSError as error:
            raise InputError(f"{path}: {error.strerror or error}") from None
        except Exception as error:  # the library raises no narrower class
            raise InputError(f"{path}: not a tokenizer: {first_line(error)}") from None

    def encode(self, text: bytes) -> NDArray[np.unsignedinteger]:
        return self._ids(text, special=False)

    def prompt(self, text: bytes) -> NDArray[np.unsignedinteger]:
        """`text` as the model expects its input: with the tokens that its tokenizer adds, such as <s> before it."""
        return self._ids(text, special=True)

    def _ids(self, text: bytes, special: bool) -> NDArray[np.unsignedinteger]:
        return np.array(self._inner.encode(text.decode("utf-8", "replace"), add_special_tokens=special).ids, np.uint32)

    def decode(self, ids: list[int]) -> str:
        return str(self._inner.decode([number for number in ids if number < self.vocab], skip_special_tokens=False))

    def spelled(self, token: int) -> str:
        """The text of a single token, with the blank before a word; a byte that is no character by itself as \\xNN."""
        if token in self._added:
            return str(self._added[token])
        piece = self._inner.id_to_token(token)
        if piece is None:  # a row of the embedding that was added to make its size a round number
            return f"#{token}"
        if self._of_bytes and all(one in BYTES for one in piece):
            return bytes(BYTES[one] for one in piece).decode("utf-8", "backslashreplace")
        if (match := BYTE.fullmatch(piece)) is not None:
            return bytes.fromhex(match[1]).decode("utf-8", "backslashreplace")
        return str(piece).replace("▁", " ")


def _older(folder: Path) -> "Tokenizer":
    """What transformers makes of the files that came before tokenizer.json."""
    try:
        from transformers import AutoTokenizer
    except ImportError:
        raise InputError(f"{folder}: no {TOKENIZER}; older files need pip install 'scaling-tui[hf]'") from None
    try:
        # Its files alone, never the code of a folder.
        read = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        inner: Tokenizer = read.backend_tokenizer
    except Exception as error:
        raise InputError(f"{folder}: no {TOKENIZER}, and transformers reads no other: {first_line(error)}") from None
    return inner


def _byte_alphabet() -> dict[str, int]:
    """Byte-level tokens write each byte as one visible character: Latin-1's own, and from U+0100 on for the others."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {chr(0x100 + place): byte for place, byte in enumerate(others)}


BYTES = _byte_alphabet()
