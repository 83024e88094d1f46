"""Rosters: CSV files with the students of a class. An id is checked here, once, before it names anything."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.text.files import read_text

MOST_STUDENTS = 100_000
LONGEST_ID = 64
WANTED = "a roster (.csv) in UTF-8"
# Letters, digits and what addresses and numbers hold besides; never what separates folders, nor what begins a formula.
_ID = re.compile(r"[^\W_][\w.@+-]*")
_SAFE = re.compile(r"[a-z0-9_-]+")


@dataclass(frozen=True)
class Student:
    """A student of the roster. `name` is as written there, and may hold anything."""

    id: str
    name: str = ""


def student_id(text: str) -> str:
    """An id as every file has it: without blanks around it, in Unicode's composed form.

    Raises:
        InputError: no id.
    """
    name = unicodedata.normalize("NFC", text.strip())
    if not name:
        raise InputError("id: empty")
    if len(name) > LONGEST_ID:
        raise InputError(f"id: found {len(name)} characters, want at most {LONGEST_ID}")
    if not _ID.fullmatch(name):
        raise InputError(f"id: found {name!r}, want a letter or digit first, then letters, digits and . _ - @ +")
    return name


def file_name(student: str) -> str:
    """A name for files of a student: ASCII, the same on disks that tell upper from lower case and that do not.

    An id that has to be changed for it gets a hash, so no two share a name.
    """
    if _SAFE.fullmatch(student):
        return student
    kept = re.sub(r"[^a-z0-9]+", "-", student.casefold().encode("ascii", "ignore").decode()).strip("-")
    return f"{kept or 'student'}-{sha256(student.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def read_roster(path: Path) -> list[Student]:
    """The students of a roster, in its order. It needs a column `id`; a column `name` is optional.

    Raises:
        InputError: no such file, not UTF-8, no column `id`, or a row that is wrong; names the row.
    """
    students: list[Student] = []
    rows: dict[str, int] = {}
    for row, cells in table_rows(path, WANTED, ("id",)):
        if len(students) >= MOST_STUDENTS:
            raise InputError(f"{path}: row {row}: found more than {MOST_STUDENTS:,} students")
        try:
            student = student_id(cells["id"])
        except InputError as error:
            raise InputError(f"{path}: row {row}: {error}") from None
        # Ids that differ in case alone would share a file on some disks, and are a slip of whoever typed them.
        if (other := rows.setdefault(student.casefold(), row)) != row:
            raise InputError(f"{path}: row {row}: id: found {student!r} again, it is in row {other} too")
        students.append(Student(student, " ".join(cells.get("name", "").split())))
    if not students:
        raise InputError(f"{path}: no students, want a row for each under the header")
    return students


def table_rows(path: Path, wanted: str, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a small CSV file by column, names of columns in lower case, each with its number in the file.

    Raises:
        InputError: it cannot be read, lacks one of `columns`, has one twice, or a row has more cells than the header.
    """
    text = read_text(path, wanted)
    head = text.lstrip("\n").split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    try:
        records = list(csv.reader(io.StringIO(text), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise InputError(f"{path}: not CSV ({error}), want {wanted}") from None
    numbered = ((row, cells) for row, cells in enumerate(records, 1) if any(map(str.strip, cells)))
    _, header = next(numbered, (0, []))
    names = [name.strip().casefold() for name in header]
    for column in columns:
        if names.count(column) != 1:
            found = ", ".join(name.strip()[:40] or "''" for name in header[:12]) or "an empty file"
            many = "two columns" if column in names else "no column"
            raise InputError(f"{path}: {many} {column!r}: found {found}, want a header with {', '.join(columns)}")
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: two columns {twice!r}, want one")
    for row, cells in numbered:
        if len(cells) > len(names) and any(map(str.strip, cells[len(names) :])):
            raise InputError(f"{path}: row {row}: found {len(cells)} cells, the header has {len(names)}")
        yield row, dict(zip(names, [*cells, *[""] * (len(names) - len(cells))], strict=False))
