"""The files of a corpus: a file, the files in a folder, or those that match a glob; and which of them are held out."""

import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scaling_tui import InputError
from scaling_tui.data.synthetic import SOURCES
from scaling_tui.text import show
from scaling_tui.text.files import MOST_BYTES, read_bytes

# Named corpora. Anything else is a path and has to look like one, so that a file never shadows a name.
NAMED = ("stdlib", "tinyshakespeare", "plays", *SOURCES)

MOST_FILES = 200_000  # of one corpus
MOST_ENTRIES = 2_000_000  # looked at in a folder

Kind = Literal["text", "jsonl", "parquet", "arrow", "tokens"]
KINDS: dict[str, Kind] = {
    ".txt": "text", ".text": "text", ".md": "text", ".rst": "text", ".tex": "text",
    ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".bin": "tokens", ".npy": "tokens",
}  # fmt: skip
COMPRESSED = (".gz", ".zst")
DATASET = "state.json"  # beside the .arrow files of a Hugging Face dataset saved to disk

TRAIN = ("train", "training")
HELD_OUT = ("val", "valid", "validation", "dev", "eval", "heldout")  # else "test"


@dataclass(frozen=True)
class Found:
    """The files of a corpus, in the order in which they are read.

    Args:
        held_out: the files that are held out by their names; empty where none is.
        left_out: other files of the folder, which are not read.
    """

    kind: Kind
    files: tuple[Path, ...]
    held_out: tuple[Path, ...] = ()
    left_out: int = 0

    @property
    def every(self) -> tuple[Path, ...]:
        return self.files + self.held_out


def is_path(name: str) -> bool:
    """Whether `name` is the path of a file or folder, or a glob: it has a folder, a suffix or a wildcard."""
    looks = "/" in name or os.sep in name or bool(Path(name).suffix) or is_glob(name)
    return name not in NAMED and looks


def is_glob(name: str) -> bool:
    return any(character in name for character in "*?[")


def find(path: Path, format_: str = "auto") -> Found:
    """The files of the corpus at `path`: of one kind, split by their names where those tell the parts.

    Args:
        path: of a file or a folder; or a glob, in which `**` stands for any folders.
        format_: what the files hold (`CorpusChoice.format`); `auto` goes by their suffixes.

    Raises:
        InputError: nothing there, several kinds, too many files, or a name that does not tell its part beside
            others that do.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        if is_glob(str(path)):
            return _split(_of_one_kind(path, list(_globbed(path)), format_))
        why = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        raise InputError(f"cannot read {path} ({why}); want a file, a folder or a glob") from error
    if stat.S_ISDIR(mode):
        files = list(_inside(path, lambda _: True))
        if not files:
            raise InputError(f"{path}: found no file in this folder, want text, JSON Lines, Parquet or tokens")
        return _split(_of_one_kind(path, files, format_))
    if not stat.S_ISREG(mode):
        raise InputError(f"{path} is not a file; want a file, a folder or a glob")
    kind = _named(format_) or kind_of(path) or "text"
    if kind == "tokens" and _words(Path(path.name)) & set(TRAIN):
        return Found(kind, (path,), _beside([path]))
    return Found(kind, (path,))


def kind_of(path: Path) -> Kind | None:
    """The kind of a file by its suffixes; None where they tell none."""
    suffix, inner = path.suffix.lower(), Path(path.stem).suffix.lower()
    if suffix not in COMPRESSED:
        return KINDS.get(suffix)
    # What is called .json is one document, but .json.gz is how C4 and Dolma call their JSON Lines.
    kind: Kind | None = "jsonl" if inner == ".json" else KINDS.get(inner, "text" if not inner else None)
    return kind if kind in ("text", "jsonl") else None


def _named(format_: str) -> Kind | None:
    if format_ == "auto":
        return None
    kind: Kind = "arrow" if format_ == "dataset" else format_  # type: ignore[assignment]
    return kind


def _of_one_kind(path: Path, files: list[Path], format_: str) -> Found:
    """Of `files`, those that hold the data: all of `format_` if that is given, else of the one kind that is there.

    A README beside Parquet or tokens is not data; text counts only where there is nothing else.
    """
    if not files:
        raise InputError(f"{path}: found no file that matches")
    if (kind := _named(format_)) is not None:
        own = [file for file in files if kind_of(file) == kind] or (files if kind in ("text", "jsonl") else [])
        if not own:
            raise InputError(f"{path}: found no file of format {format_!r}")
        return Found(kind, tuple(own), left_out=len(files) - len(own))
    kinds: dict[Kind | None, list[Path]] = {}
    for file in files:
        kinds.setdefault(kind_of(file), []).append(file)
    structured = [kind for kind in kinds if kind not in (None, "text")]
    if len(structured) > 1:
        found = ", ".join(f"{len(kinds[kind])} {kinds[kind][0].suffix}" for kind in structured)
        raise InputError(f"{path}: found files of several kinds ({found}), want one; give a glob such as '*.jsonl'")
    chosen: Kind = structured[0] or "text" if structured else "text"
    own = kinds.get(chosen) or files
    if chosen == "arrow":
        own = [file for file in own if _saved(file)]
    return Found(chosen, tuple(own), left_out=len(files) - len(own))


def _saved(path: Path) -> bool:
    """Whether an .arrow file belongs to the dataset saved in its folder, not to the cache of its library."""
    try:
        state = json.loads(read_bytes(path.with_name(DATASET), MOST_BYTES))
        return path.name in [file["filename"] for file in state["_data_files"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return not path.name.startswith(("cache-", "indices"))


def _split(found: Found) -> Found:
    """`found` with the files held out that are named so: train.jsonl and val.jsonl, *_train_*.bin and *_val_*.bin.

    Folders name a part as well: a dataset saved to disk has train/ and validation/. Files named test stay unread
    where others are named val.
    """
    common = Path(os.path.commonpath([file.parent for file in found.files]))
    words = {file: _words(file.relative_to(common)) for file in found.files}
    train = [file for file in found.files if words[file] & set(TRAIN)]
    named = [file for file in found.files if words[file] & set(HELD_OUT) and file not in train]
    test = [file for file in found.files if "test" in words[file] and file not in (*train, *named)]
    held_out = named or test
    if not train:
        return found
    if not held_out:
        return Found(found.kind, found.files, _beside(train) if found.kind == "tokens" else (), found.left_out)
    if others := [file for file in found.files if file not in {*train, *named, *test}]:
        raise InputError(
            f"{others[0]}: its name tells no part, beside {train[0].name} and {held_out[0].name}; "
            "want 'train' or 'val' in every name, or a glob that leaves it out"
        )
    unread = len(test) if named else 0
    return Found(found.kind, tuple(train), tuple(held_out), found.left_out + unread)


def _words(path: Path) -> set[str]:
    """The words of a relative path that may name its part: its folders, and the first and the last word of its name.

    Numbers do not count: those of data/fineweb_val_000001-of-000010.bin are data, fineweb and val.
    """
    stem = re.sub(r"\.?\d+-of-\d+|\.\d+", "", path.name.lower()).split(".", 1)[0]
    words = re.findall(r"[a-z]+", stem)
    return {part.lower() for part in path.parts[:-1]} | {*words[:1], *words[-1:]}


def _beside(train: list[Path]) -> tuple[Path, ...]:
    """Files that are named as those of `train` are, but for the part: val.bin beside train.bin."""

    def shape(path: Path, parts: tuple[str, ...]) -> str | None:
        words = re.findall(r"[a-z]+|[^a-z0-9]+", path.name.lower())
        return "".join("*" if word in parts else word for word in words) if set(words) & set(parts) else None

    shapes = {(path.parent, shape(path, TRAIN)) for path in train}
    beside: list[Path] = []
    for folder in {path.parent for path in train}:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file())
        beside += [folder / name for name in names if (folder, shape(folder / name, HELD_OUT)) in shapes]
    return tuple(sorted(beside))


def _globbed(pattern: Path) -> Iterator[Path]:
    parts = pattern.parts
    first = next(place for place, part in enumerate(parts) if is_glob(part))
    base = Path(*parts[:first])
    matches = re.compile(_expression(parts[first:]), re.DOTALL).fullmatch
    if not base.is_dir():
        raise InputError(f"cannot read {base}: no such folder")
    yield from _inside(base, lambda relative: matches(relative.as_posix()) is not None)


def _expression(parts: tuple[str, ...]) -> str:
    """A glob as a regular expression: `**` is any folders, `*` and `?` stay within a name, `[…]` is a class."""
    whole = ""
    for place, part in enumerate(parts):
        if part == "**":
            whole += ".*" if place == len(parts) - 1 else "(?:.*/)?"
            continue
        for piece in re.findall(r"\*+|\?|\[!?\]?[^\]]*\]|.", part, re.DOTALL):
            if piece[0] == "*":
                whole += "[^/]*"
            elif piece == "?":
                whole += "[^/]"
            elif len(piece) > 1:
                inner = re.sub(r"([\\\[\]&~|^])", r"\\\1", piece[1:-1].removeprefix("!"))
                whole += f"[{'^' if piece[1] == '!' else ''}{inner}]"
            else:
                whole += re.escape(piece)
        whole += "/" if place < len(parts) - 1 else ""
    return whole


def _inside(folder: Path, wanted: Callable[[Path], bool]) -> Iterator[Path]:
    """The regular files under `folder` that are `wanted` by their relative path, sorted, each once.

    Hidden files are passed over. Links to files are followed, links to folders are not, so no link leads in a circle.
    """
    seen: set[tuple[int, int]] = set()
    entries = 0
    for inside, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__pycache__")))
        entries += len(names)
        if entries > MOST_ENTRIES:
            raise InputError(f"{folder}: found more than {MOST_ENTRIES:,} files; want a smaller folder or a glob")
        for name in sorted(names):
            path = Path(inside, name)
            if name.startswith(".") or not wanted(path.relative_to(folder)):
                continue
            try:
                status = path.stat()
            except OSError as error:
                raise InputError(f"cannot read {path} ({error.strerror})") from error
            if not stat.S_ISREG(status.st_mode) or (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            if len(seen) > MOST_FILES:
                raise InputError(
                    f"{folder}: found more than {show.count(MOST_FILES)} files, want fewer and larger ones"
                )
            yield path
