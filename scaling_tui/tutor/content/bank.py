"""Banks: TOML files of questions. Every error names the file, question and field."""

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from scaling_tui.text import resources
from scaling_tui.text.files import read_toml
from scaling_tui.tutor.content.faults import Faults, FaultyBank, only
from scaling_tui.tutor.content.question_tables import question_with_forms
from scaling_tui.tutor.content.questions import Question
from scaling_tui.tutor.content.table import Table


@dataclass(frozen=True)
class Bank:
    """The questions of one file, in its order."""

    path: Path
    title: str
    questions: tuple[Question, ...]


def load_bank(path: Path) -> Bank:
    """Reads a bank.

    Raises:
        InputError: no such file, not TOML, or an invalid field; names file, question and field.
    """
    bank, faults = read_bank(path)
    if faults:
        raise FaultyBank(faults)
    return bank


def read_bank(path: Path) -> tuple[Bank, list[str]]:
    """The sound questions of a bank, and all faults of the others, each with file, question and field.

    Raises:
        InputError: no such file, or not TOML.
    """
    top = Table(str(path), read_toml(path, "a bank of questions (.toml)"))
    faults = Faults()
    faults.of(lambda: only(top, {"title", "lesson", "question"}), None)
    title, lesson = faults.of(lambda: top.get("title", str), ""), faults.of(lambda: top.get("lesson", str, ""), "")
    tables = top.table.get("question")
    if not isinstance(tables, list) or not tables:
        faults.found.append(str(top.wrong("question", "missing, want at least one [[question]]")))
        return Bank(path, title, ()), faults.found
    questions: list[Question] = []
    taken: set[str] = set()
    for number, table in enumerate(tables, 1):
        if not isinstance(table, dict):
            faults.found.append(f"{path}: question {number}: found {table!r}, want a table [[question]]")
            continue
        name = table.get("id")
        where = f"{path}: question {name!r}" if name else f"{path}: question {number}"
        if isinstance(name, str) and name in taken:
            faults.found.append(f"{where}: field 'id': used twice")
        taken.add(str(name))
        question = faults.of(lambda where=where, table=table: question_with_forms(where, table, lesson, path), None)  # type: ignore[misc]
        if question is not None:
            questions.append(question)
    return Bank(path, title, tuple(questions)), faults.found


def bank_files() -> list[Path]:
    """The packaged banks and the user's in the configuration folder."""
    return sorted(resources.found("quizzes"), key=lambda path: path.stem)


def load_banks(only: Collection[Path] | None = None) -> list[Bank]:
    """The packaged banks and the user's in the configuration folder; or only those given by path.

    Raises:
        InputError: as `load_bank`; or two banks use the same question id.
    """
    banks = [load_bank(path) for path in only or bank_files()]
    if twice := used_twice(banks):
        raise FaultyBank(twice)
    return banks


def used_twice(banks: Iterable[Bank], with_others: bool = False) -> list[str]:
    """Question ids that two banks use, one line each; `with_others` counts the banks of `bank_files` too."""
    banks = list(banks)
    owner: dict[str, Path] = {}
    if with_others:
        given = {os.path.realpath(bank.path) for bank in banks}
        for path in bank_files():
            if os.path.realpath(path) not in given:
                owner |= {question.id: path for question in read_bank(path)[0].questions}
    faults = []
    for bank in banks:
        for question in bank.questions:
            if question.id in owner:
                faults.append(f"{bank.path}: question {question.id!r}: field 'id': also in {owner[question.id]}")
            owner[question.id] = bank.path
    return faults
