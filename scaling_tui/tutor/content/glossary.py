"""The glossary: words and symbols of the lessons and questions, in one TOML file; a user's file adds to it."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.text import resources
from scaling_tui.text.files import read_toml
from scaling_tui.text.suggest import did_you_mean
from scaling_tui.tutor.content.table import Table
from scaling_tui.tutor.content.template import template

FILE = "glossary.toml"


@dataclass(frozen=True)
class Entry:
    """A word or symbol.

    Args:
        name: the word.
        also: other words that mean it, or that are explained with it.
        means: what it means, with its figures computed.
        unit: of a quantity; empty otherwise.
        lesson: the lesson that explains it.
    """

    name: str
    also: tuple[str, ...]
    means: str
    unit: str
    lesson: str

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.also)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def glossary_files() -> list[Path]:
    """The user's glossary and the packaged one, as far as they are there."""
    folders = (resources.user("quizzes") / "lessons", resources.packaged("quizzes") / "lessons")
    return [folder / FILE for folder in folders if (folder / FILE).is_file()]


def load_glossary() -> list[Entry]:
    """Every entry in alphabetical order. A user's entry hides a packaged one of the same name.

    Raises:
        InputError: not TOML, or a field that does not fit; names file, term and field.
    """
    entries: dict[str, Entry] = {}
    for path in glossary_files():
        for entry in read_glossary(path):
            entries.setdefault(entry.name, entry)
    return sorted(entries.values(), key=lambda entry: (entry.name.casefold(), entry.name))


def read_glossary(path: Path) -> list[Entry]:
    """The entries of one file, in its order.

    Raises:
        InputError: as `load_glossary`; or a name that two entries claim.
    """
    return list(_entries(path))


def _entries(path: Path) -> Iterator[Entry]:
    top = Table(str(path), read_toml(path, "a glossary (.toml)"), "term")
    top.only({"term"})
    taken: dict[str, str] = {}
    for number, found in enumerate(top.tables("term", 1), 1):
        name = found.table.get("name")
        table = Table(f"{path}: term {name!r}" if name else f"{path}: term {number}", found.table, "term")
        table.only(Entry.__dataclass_fields__)
        also = table.get("also", list, [])
        if not all(isinstance(each, str) and each.strip() for each in also):
            raise table.wrong("also", "want a list of words")
        entry = Entry(
            table.get("name", str),
            tuple(also),
            table.read("means", _rendered),
            table.read("unit", _rendered, ""),
            table.get("lesson", str, ""),
        )
        for word in entry.names:
            if word in taken:
                raise table.wrong("also", f"{word!r} is also a word of {taken[word]!r}")
            taken[word] = entry.name
        yield entry


def _rendered(text: str) -> str:
    shown = template(text, set()).render({})
    if "undefined" in shown:
        raise InputError("a number in it has no value")
    return shown


def find_entry(entries: Sequence[Entry], word: str) -> Entry:
    """The entry of a word or symbol: as written first (N is not n), then in any case, then in the singular.

    Raises:
        InputError: no such word; names the nearest.
    """
    wanted = " ".join(word.split())
    for alike in (_same, _in_any_case, _singular):
        for entry in entries:
            if any(alike(name, wanted) for name in entry.names):
                return entry
    known = [name for entry in entries for name in entry.names]
    raise InputError(f"term {word!r}: not known; {did_you_mean(wanted, known, 'learn glossary shows all terms')}")


def _same(name: str, word: str) -> bool:
    return name == word


def _in_any_case(name: str, word: str) -> bool:
    return name.casefold() == word.casefold()


def _singular(name: str, word: str) -> bool:
    return name.casefold().removesuffix("s") == word.casefold().removesuffix("s")


def matching(entries: Sequence[Entry], typed: str) -> list[Entry]:
    """The entries for what is being typed: those with a word that begins so, then those that hold it anywhere."""
    wanted = typed.strip().casefold()
    if not wanted:
        return list(entries)
    begins = [entry for entry in entries if any(name.casefold().startswith(wanted) for name in entry.names)]
    holds = [
        entry for entry in entries
        if entry not in begins and wanted in " ".join((*entry.names, entry.means)).casefold()
    ]  # fmt: skip
    exact = [entry for entry in begins if typed.strip() in entry.names]
    return [*exact, *(entry for entry in begins if entry not in exact), *holds]
