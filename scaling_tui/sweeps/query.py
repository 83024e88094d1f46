"""Which sweeps to list, in a few words: `ladder:quickstart -state:finished tag:base long`. One language everywhere.

A word with a colon asks for a field; others are looked for in name, ladder, corpus and tags, where letters may be left
out, and in the note. All words must fit. `-` in front asks for the opposite, commas offer several values, `*` and `?`
stand for any letters, quotes keep blanks.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from scaling_tui import InputError
from scaling_tui.sweeps.row import SweepRow
from scaling_tui.text import show
from scaling_tui.text.fuzzy import fuzzy
from scaling_tui.text.suggest import did_you_mean

FIELDS: dict[str, Callable[[SweepRow], Iterable[str]]] = {
    "name": lambda row: [row.name],
    "ladder": lambda row: [row.ladder or ""],
    "corpus": lambda row: [row.corpus or ""],
    "state": lambda row: [row.state],
    "law": lambda row: [row.law or ""],
    "tag": lambda row: row.tags or [""],
    "note": lambda row: [" ".join(row.note.split())],
    "archived": lambda row: ["yes" if row.archived else "no"],
}
_CHOICES = {"state": tuple(show.SIGNS), "archived": ("yes", "no", "any")}
SORTS: dict[str, Callable[[SweepRow], tuple[object, ...]]] = {
    "latest": lambda row: (-(row.created or 0.0),),
    "active": lambda row: (-(row.active or row.created or 0.0),),
    "name": lambda row: _natural(row.name),
    "ladder": lambda row: (row.ladder is None, row.ladder or "", *_natural(row.name)),
    "state": lambda row: (list(show.SIGNS).index(row.state),),
    "params": lambda row: (-(row.params or 0.0),),
    "runs": lambda row: (-row.runs,),
    "loss": lambda row: (_loss(row) is None, _loss(row) or 0.0),
    "size": lambda row: (-(row.size or 0),),
}
Letters = list[tuple[str, bool]]  # of a word: each character, and whether it was quoted


@dataclass(frozen=True)
class Term:
    """One word of a query.

    Args:
        field: one of `FIELDS`, or "" for a word that is looked for everywhere.
        values: any of them will do; in those of a field `*` and `?` stand for any letters.
        opposite: whether a sweep must not fit.
        unfinished: whether a value is still being typed, so that its beginning will do.
    """

    field: str
    values: tuple[str, ...]
    opposite: bool = False
    unfinished: bool = False

    def score(self, row: SweepRow) -> int | None:
        """How well a sweep fits; None where it does not."""
        found = self._score(row)
        return (0 if found is None else None) if self.opposite else found

    def _score(self, row: SweepRow) -> int | None:
        if not self.field:
            texts = (row.name, row.ladder or "", row.corpus or "", *row.tags)
            found = [fit for value in self.values for text in texts if (fit := fuzzy(value, text)) is not None]
            noted = any(value.casefold() in row.note.casefold() for value in self.values)
            return max([*found, *([1] if noted else [])], default=None)
        texts = tuple(FIELDS[self.field](row))
        return 0 if any(self._fits(value, text) for value in self.values for text in texts) else None

    def _fits(self, value: str, text: str) -> bool:
        wanted, found = value.casefold(), text.casefold()
        if self.field == "archived" and wanted == "any":
            return True
        if self.field == "note" and wanted:
            return fnmatchcase(found, f"*{_pattern(wanted)}*")
        return fnmatchcase(found, _pattern(wanted)) or (self.unfinished and found.startswith(wanted))

    def __str__(self) -> str:
        values = ",".join(map(_quoted, self.values))
        return ("-" if self.opposite else "") + (f"{self.field}:" if self.field else "") + values


@dataclass(frozen=True)
class Query:
    """Which sweeps to list: those that all `terms` fit, and archived ones only where a term asks for them."""

    terms: tuple[Term, ...] = ()

    @property
    def asks_for_archived(self) -> bool:
        return any(term.field == "archived" for term in self.terms)

    def score(self, row: SweepRow) -> int | None:
        """How well a sweep fits, the higher the better; None where it does not."""
        if row.archived and not self.asks_for_archived:
            return None
        total = 0
        for term in self.terms:
            found = term.score(row)
            if found is None:
                return None
            total += found
        return total

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))


def read_query(text: str, typing: bool = False) -> Query:
    """A query as it is typed; `typing` says that its last word may go on.

    Raises:
        InputError: a field or a state that there is not, or a quote without its end.
    """
    words = _words(text, typing)
    goes_on = typing and bool(text) and not text[-1].isspace()
    return Query(tuple(_term(word, goes_on and at == len(words) - 1) for at, word in enumerate(words)))


def select(rows: Iterable[SweepRow], query: Query, sort: str | None = None) -> list[SweepRow]:
    """The rows that fit; sorted by one of `SORTS`, the other way round with `-` in front. Without, as they came.

    Raises:
        InputError: no such order.
    """
    found = [row for row in rows if query.score(row) is not None]
    if sort is None:
        return found
    key = sort.removeprefix("-")
    if key not in SORTS:
        raise InputError(f"sort: found {key[:40]!r}, {did_you_mean(key, SORTS)}")
    return sorted(found, key=SORTS[key], reverse=sort.startswith("-"))


def ranked(rows: Iterable[SweepRow], query: Query) -> list[SweepRow]:
    """The rows that fit, the best first, for a list that filters as one types; equally good ones as they came."""
    scored = [(score, row) for row in rows if (score := query.score(row)) is not None]
    return [row for _, row in sorted(scored, key=lambda pair: -pair[0])]


def _words(text: str, typing: bool) -> list[Letters]:
    words: list[Letters] = []
    inside = quoted = escaped = False
    for one in text:
        if not quoted and one.isspace():
            inside = False
            continue
        if not inside:
            words.append([])
            inside = True
        if escaped or (quoted and one not in '"\\'):
            words[-1].append((one, True))
            escaped = False
        elif quoted and one == "\\":
            escaped = True
        elif one == '"':
            quoted = not quoted
        else:
            words[-1].append((one, False))
    if quoted and not typing:
        raise InputError(f"filter: found a quote without its end in {text[-40:]!r}, want quotes in pairs")
    return words


def _term(word: Letters, unfinished: bool) -> Term:
    opposite = len(word) > 1 and word[0] == ("-", False)
    letters, field = word[opposite:], ""
    if (":", False) in letters:
        at = letters.index((":", False))
        field, letters = _text(letters[:at]).casefold(), letters[at + 1 :]
        if field not in FIELDS:
            raise InputError(f"filter: found {field[:40] + ':'!r}, {did_you_mean(field, FIELDS)}")
    values = []
    while (",", False) in letters:
        at = letters.index((",", False))
        values.append(_text(letters[:at]))
        letters = letters[at + 1 :]
    values.append(_text(letters))
    for value in values if field in _CHOICES else ():
        known = _CHOICES[field]
        begun = unfinished and any(choice.startswith(value.casefold()) for choice in known)
        if value.casefold() not in known and not begun:
            raise InputError(f"filter: {field}: found {value[:40]!r}, {did_you_mean(value, known)}")
    return Term(field, tuple(values), opposite, unfinished)


def _text(letters: Letters) -> str:
    return "".join(one for one, _ in letters)


def _quoted(value: str) -> str:
    """A value as it has to be typed."""
    if value and not re.search(r'[\s",:\\]', value) and not value.startswith("-"):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _pattern(value: str) -> str:
    """A pattern of `fnmatch` with `*` and `?` alone: brackets stand for themselves."""
    return value.replace("[", "[[]")


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """Sorts names with numbers in them by their value."""
    parts = re.findall(r"([0-9]+)|([^0-9]+)", name.casefold())
    return tuple((int(digits[:18]), "") if digits else (-1, text) for digits, text in parts)


def _loss(row: SweepRow) -> float | None:
    loss = row.best["loss"] if row.best else None
    return loss if isinstance(loss, float | int) else None
