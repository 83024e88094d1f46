"""What people note on a sweep: tags, a note, whether it is archived, which runs are deleted. Whoever trained it.

Each change is a new file in the sweep's folder `labels/` with the whole of it; the highest number counts, and none is
deleted. A version gets its number only where nobody else took it, so of two processes that change a sweep at once the
second changes what the first has written, and nothing is lost.
"""

import errno
import json
import os
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.runs import schema
from scaling_tui.text.json_documents import finite
from scaling_tui.text.visible import visible

MOST_TAGS = 64
LONGEST_TAG = 64  # characters
LONGEST_NOTE = 4_000
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


@dataclass(frozen=True)
class Labels:
    """The labels of a sweep. `removed` are runs that were deleted; `others` is what a later version wrote."""

    tags: tuple[str, ...] = ()
    note: str = ""
    archived: bool = False
    others: Mapping[str, Any] = field(default_factory=dict)
    removed: tuple[str, ...] = ()

    def tagged(self, add: Iterable[str], remove: Iterable[str] = ()) -> "Labels":
        """With and without these tags; upper and lower case make no difference.

        Raises:
            InputError: too many tags.
        """
        gone = {tag.casefold() for tag in remove}
        kept = {tag.casefold(): tag for tag in self.tags if tag.casefold() not in gone}
        for tag in add:
            kept.setdefault(tag.casefold(), tag)
        if len(kept) > max(MOST_TAGS, len(self.tags)):
            raise InputError(f"tags: found {len(kept)}, want at most {MOST_TAGS}")
        return replace(self, tags=tuple(kept.values()))

    def as_json(self) -> dict[str, Any]:
        found = {**self.others, "tags": list(self.tags), "note": self.note, "archived": self.archived}
        return found | ({"removed": list(self.removed)} if self.removed else {})


def checked_tag(text: str) -> str:
    """`text`, if it can be a tag.

    Raises:
        InputError: it cannot.
    """
    if not _is_tag(text):
        raise InputError(
            f"tag {visible(text[:70])!r}: want 1 to {LONGEST_TAG} printable characters without blanks, commas, quotes "
            "and a sign in front"
        )
    return text


def read_tags(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """The tags to add and those to take away, of words such as `+base`, `base` and `-old`.

    Raises:
        InputError: one of them can be no tag.
    """
    add: list[str] = []
    remove: list[str] = []
    for word in words:
        (remove if word.startswith("-") else add).append(checked_tag(word[word.startswith(("+", "-")) :]))
    return add, remove


def checked_note(text: str) -> str:
    """`text`, if it can be a note: of several lines, without other control characters.

    Raises:
        InputError: it cannot.
    """
    if len(text) > LONGEST_NOTE:
        raise InputError(f"note: found {len(text):,} characters, want at most {LONGEST_NOTE:,}")
    if not _is_note(text):
        raise InputError(f"note {visible(text[:40])!r}: found a control character, want text")
    return text.strip()


def _is_tag(value: object) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= LONGEST_TAG
        and value.isprintable()
        and not any(one.isspace() or one in ",\"'" for one in value)
        and value[0] not in "+-"
    )


def _is_note(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_NOTE and visible(value) == value


_tag = schema.leaf(f"1 to {LONGEST_TAG} printable characters without blanks", _is_tag)
_note = schema.leaf(f"text of at most {LONGEST_NOTE:,} characters", _is_note)
LABELS = schema.table(
    {
        "tags": schema.list_of(_tag),
        "note": _note,
        "archived": schema.boolean,
        "removed": schema.list_of(schema.leaf("the name of a run", lambda value: isinstance(value, str))),
    }
)
_OWN = ("tags", "note", "archived", "removed", "time")


def read_labels(sweep: Path) -> tuple[Labels, list[str]]:
    """The latest labels of a sweep that can be read, and a line for each fault."""
    found, _, faults = _latest(sweep / "labels")
    return found, faults


def change_labels(sweep: Path, change: Callable[[Labels], Labels]) -> tuple[Labels, Labels]:
    """Applies `change` to the latest labels of a sweep and writes the result; returns what was and what is.

    What does not change is not written. `change` is called again where another process came first.

    Raises:
        InputError: the sweep's folder cannot be written to.
    """
    folder = sweep / "labels"
    while True:
        before, number, _ = _latest(folder)
        after = change(before)
        if after == before:
            return before, before
        try:
            folder.mkdir(exist_ok=True)
            if _claimed(folder, number + 1, {**after.as_json(), "time": time.time()}):
                return before, after
        except OSError as error:
            raise InputError(f"sweep {sweep.name}: labels: cannot be written ({error.strerror})") from error


def _latest(folder: Path) -> tuple[Labels, int, list[str]]:
    """The latest sound version, the highest number that is taken, and the faults of those above it."""
    faults: list[str] = []
    try:
        numbers = sorted((_number(name), name) for name in os.listdir(folder) if _number(name))  # noqa: PTH208 - names
    except OSError:
        return Labels(), 0, []
    for _, name in reversed(numbers):
        file = f"labels/{name}"
        try:
            kept, found = schema.checked(folder / name, LABELS, file)
        except FileNotFoundError:
            continue
        except InputError as error:
            faults.append(f"broken: {file}: {error}")
            continue
        return _of(kept), numbers[-1][0], [*faults, *found]
    return Labels(), numbers[-1][0] if numbers else 0, faults


def _of(kept: Mapping[str, Any]) -> Labels:
    others = {key: value for key, value in kept.items() if key not in _OWN}
    tags = {tag.casefold(): tag for tag in kept.get("tags") or ()}
    removed = tuple(kept.get("removed") or ())
    return Labels(tuple(tags.values()), kept.get("note") or "", bool(kept.get("archived")), others, removed)


def _number(name: str) -> int:
    """The number of a version by the name of its file; 0 of another file."""
    stem = name.removesuffix(".json")
    return int(stem) if stem != name and stem.isascii() and stem.isdecimal() and len(stem) <= 20 else 0


def _claimed(folder: Path, number: int, document: Mapping[str, Any]) -> bool:
    """Writes a version, complete from its first instant; False where somebody else took its number."""
    target = folder / f"{number:08d}.json"
    text = (json.dumps(finite(document), allow_nan=False) + "\n").encode()
    temporary = folder / f".{uuid.uuid4().hex}"
    try:
        with temporary.open("xb") as file:
            file.write(text)
        try:
            os.link(temporary, target)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return _written_alone(target, text)
    finally:
        temporary.unlink(missing_ok=True)
    return True


def _written_alone(target: Path, text: bytes) -> bool:
    """The same where the file system has no hard links: for an instant the file is there and empty."""
    try:
        with target.open("xb", buffering=0) as file:
            file.write(text)
    except FileExistsError:
        return False
    return True
