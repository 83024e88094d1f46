"""What `quiz check` checks besides the questions of banks: guided experiments and the glossary."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scaling_tui.report.experiments import check_experiment
from scaling_tui.text import show
from scaling_tui.text.files import read_toml
from scaling_tui.tutor.content.bank import Bank, load_bank, load_banks
from scaling_tui.tutor.content.experiment import Experiment, load_experiments, read_experiment
from scaling_tui.tutor.content.glossary import Entry, load_glossary, read_glossary


@dataclass(frozen=True)
class Contents:
    """Banks, experiments and a glossary, read."""

    banks: list[Bank]
    experiments: list[Experiment]
    glossary: list[Entry]

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

    A file of [[part]] tables is an experiment, one of [[term]] tables a glossary, any other a bank.

    Raises:
        InputError: a file that cannot be read as what it is; names file, table and field.
    """
    if not files:
        return Contents(load_banks(), load_experiments(), load_glossary())
    contents = Contents([], [], [])
    for path in files:
        document = read_toml(path, "a bank, an experiment or a glossary (.toml)")
        if "part" in document:
            contents.experiments.append(read_experiment(path))
        elif "term" in document:
            contents.glossary.extend(read_glossary(path))
        else:
            contents.banks.append(load_bank(path))
    return contents


def check_contents(contents: Contents, lessons: Sequence[str]) -> list[str]:
    """The problems of experiments and glossary, a line each."""
    problems = [problem for each in contents.experiments for problem in check_experiment(each, lessons)]
    problems += [
        f"glossary: term {entry.name!r}: field 'lesson': found {entry.lesson!r}, want one of {', '.join(lessons)}"
        for entry in contents.glossary
        if entry.lesson and entry.lesson not in lessons
    ]
    return problems
