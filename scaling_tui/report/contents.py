"""What `quiz check` checks besides the questions of banks: guided experiments and the glossary."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.report.experiment_checks import check_experiment
from scaling_tui.text import show
from scaling_tui.text.files import read_toml
from scaling_tui.tutor.content.bank import Bank, bank_files, read_bank, used_twice
from scaling_tui.tutor.content.experiment import Experiment, experiment_files, read_experiment
from scaling_tui.tutor.content.glossary import Entry, load_glossary, read_glossary


@dataclass(frozen=True)
class Contents:
    """Banks, experiments and a glossary, as far as they could be read; `faults` says what could not, a line each."""

    banks: list[Bank]
    experiments: list[Experiment]
    glossary: list[Entry]
    faults: list[str] = field(default_factory=list)

    @property
    def terms(self) -> int:
        return len(self.glossary)

    @property
    def others(self) -> list[str]:
        """What there is besides banks, in words."""
        counts = ((len(self.experiments), "experiment"), (self.terms, "term"))
        return [show.counted(count, noun) for count, noun in counts if count]


def contents_of(files: Sequence[Path]) -> Contents:
    """What lies in `files`; without any, everything of the package and of the user.

    A file of [[part]] tables is an experiment, one of [[term]] tables a glossary, any other a bank. What cannot be read
    as what it is becomes a fault, so that all are told at once.

    Raises:
        InputError: no such file, or not TOML.
    """
    contents = Contents([], [], [])
    for path in files or [*bank_files(), *experiment_files()]:
        document = read_toml(path, "a bank, an experiment or a glossary (.toml)")
        with _noting(contents.faults):
            if "part" in document:
                contents.experiments.append(read_experiment(path))
            elif "term" in document:
                contents.glossary.extend(read_glossary(path))
            else:
                bank, faults = read_bank(path)
                contents.banks.append(bank)
                contents.faults.extend(faults)
    if not files:
        with _noting(contents.faults):
            contents.glossary.extend(load_glossary())
    if contents.banks:
        contents.faults.extend(used_twice(contents.banks, with_others=bool(files)))
    return contents


@contextmanager
def _noting(faults: list[str]) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        faults.append(str(error))


def check_contents(contents: Contents, lessons: Sequence[str]) -> list[str]:
    """The problems of experiments and glossary, a line each."""
    problems = [problem for each in contents.experiments for problem in check_experiment(each, lessons)]
    problems += [
        f"glossary: term {entry.name!r}: field 'lesson': found {entry.lesson!r}, want one of {', '.join(lessons)}"
        for entry in contents.glossary
        if entry.lesson and entry.lesson not in lessons
    ]
    return problems
