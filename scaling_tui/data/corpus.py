"""Text for training and for held-out loss, each corpus with a content hash that names exactly what was read."""

import hashlib
import os
import platform
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from scaling_tui import InputError

TINYSHAKESPEARE = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
TINYSHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"

# Not source that people wrote to be read: tests, tables of other encodings, generated help, and what was installed.
NOT_STDLIB = {"test", "tests", "site-packages", "encodings", "pydoc_data", "idlelib", "lib2to3", "__pycache__"}


@dataclass(frozen=True)
class Corpus:
    """A text in two parts that share nothing. `sha256` is over all of what was read, `source` says what that was."""

    name: str
    source: str
    sha256: str
    train: bytes = field(repr=False)
    held_out: bytes = field(repr=False)


def load_corpus(name: str, folder: Path | None = None) -> Corpus:
    """The corpus called `name`: `stdlib`, `tinyshakespeare`, or the path of a text file (relative to `folder`).

    Raises:
        InputError: no such corpus, or it cannot be read or had.
    """
    if name == "stdlib":
        return stdlib()
    if name == "tinyshakespeare":
        return split_text(name, "tiny_shakespeare of karpathy/char-rnn", tinyshakespeare_bytes())
    path = (folder or Path()) / Path(name).expanduser()
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"corpus {name!r}: cannot read {path} ({error.strerror}); give 'stdlib', 'tinyshakespeare' or a text file"
        ) from error
    return split_text(path.name, str(path), text)


def split_text(name: str, source: str, text: bytes, held_out: float = 0.1) -> Corpus:
    """One text, its last tenth held out, cut at a character's beginning."""
    cut = int(len(text) * (1 - held_out))
    while cut < len(text) and text[cut] & 0xC0 == 0x80:
        cut += 1
    return Corpus(name, source, hashlib.sha256(text).hexdigest(), text[:cut], text[cut:])


def stdlib(root: Path | None = None) -> Corpus:
    """The source of the running Python's standard library, a file to the one part or the other by its path's hash.

    A file keeps its part on every machine and in every version of Python that has it.
    """
    root = root or Path(sysconfig.get_paths()["stdlib"])
    train: list[bytes] = []
    held_out: list[bytes] = []
    digest = hashlib.sha256()
    for relative, text in _sources(root):
        digest.update(relative.encode() + b"\0" + text + b"\0")
        in_held_out = hashlib.sha256(relative.encode()).digest()[0] < 26  # 26 of 256: about a tenth
        (held_out if in_held_out else train).append(text)
    if not train or not held_out:
        raise InputError(f"corpus 'stdlib': no Python source in {root}; this Python was installed without it")
    version = platform.python_version()
    return Corpus(
        "stdlib", f"Python {version} standard library", digest.hexdigest(), b"".join(train), b"".join(held_out)
    )


def _sources(root: Path) -> Iterable[tuple[str, bytes]]:
    for folder, inside, names in os.walk(root):
        inside[:] = sorted(set(inside) - NOT_STDLIB)
        for name in sorted(names):
            if name.endswith(".py"):
                path = Path(folder, name)
                yield path.relative_to(root).as_posix(), path.read_bytes()


def tinyshakespeare_bytes() -> bytes:
    """Found by its hash in the cache or in `$SCALING_TUI_DATA`; else downloaded, checked and kept in the cache."""
    from platformdirs import user_cache_path

    kept = user_cache_path("scaling-tui", appauthor=False) / "corpora" / "tinyshakespeare.txt"
    shared = os.environ.get("SCALING_TUI_DATA")
    for path in (kept, *([Path(shared) / "tinyshakespeare.txt"] if shared else [])):
        if path.is_file():
            text = path.read_bytes()
            if hashlib.sha256(text).hexdigest() == TINYSHAKESPEARE_SHA256:
                return text
    text = _download(TINYSHAKESPEARE, kept)
    if (found := hashlib.sha256(text).hexdigest()) != TINYSHAKESPEARE_SHA256:
        raise InputError(
            f"corpus 'tinyshakespeare': {TINYSHAKESPEARE} has sha256 {found[:12]}…, not {TINYSHAKESPEARE_SHA256[:12]}…"
        )
    kept.parent.mkdir(parents=True, exist_ok=True)
    temporary = kept.with_name(f".{kept.name}.{os.getpid()}")
    temporary.write_bytes(text)
    temporary.replace(kept)
    return text


def _download(address: str, kept: Path) -> bytes:
    from urllib.error import URLError
    from urllib.request import urlopen

    try:
        with urlopen(address, timeout=20) as answer:
            text: bytes = answer.read()
    except (URLError, OSError) as error:
        raise InputError(
            f"corpus 'tinyshakespeare': not on this machine and {address} not reached"
            f" ({getattr(error, 'reason', error)}); put the file at {kept}"
        ) from error
    return text
