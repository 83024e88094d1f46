"""What a shell completes: names of ladders, sweeps, runs, laws, questions, lessons, and files of the right kind.

A shell waits for these at every press of Tab, so they read names alone, and only laws import NumPy. zsh evaluates what
it is handed, so a name that is more than letters, digits and a few signs is not offered: anybody may have named a
folder.
"""

import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

import typer

from scaling_tui import InputError
from scaling_tui.text import resources

SHELL = "_SCALING_TUI_COMPLETE"  # set by the script that --install-completion installs
TABLES = (".csv", ".tsv", ".jsonl", ".json", ".parquet")
LESSON_ASSUMED = "scaling_tui.lesson_assumed"  # in a context's meta: the word may be a command of `learn` as well
MOST_QUESTIONS_BYTES = 1 << 20  # of a bank that is searched for its questions
ZSH_FIRST = """

if [[ $funcstack[1] == _%(prog_name)s ]]; then
  %(complete_func)s "$@"
fi
"""

Names = list[str]
_HARMLESS = re.compile(r"[\w.@%][\w.,+@%:/=-]*")


def complete_at_first_tab() -> None:
    """Mends the script for zsh that `--install-completion` installs and `--show-completion` prints.

    zsh reads the installed file at the first Tab, by running it as the function that is to complete. Typer's script
    only prepares the next Tab then; this one goes on to complete.
    """
    from typer import _completion_shared

    scripts = _completion_shared._completion_scripts
    if "funcstack" not in scripts["zsh"]:
        scripts["zsh"] = scripts["zsh"].rstrip() + ZSH_FIRST


def completing(run: Callable[[], Any]) -> Any:
    """Runs the command line; in bash, which takes a colon for the end of a word, completes what follows it."""
    if os.environ.get(SHELL) != "complete_bash":
        return run()
    before = _joined_at_colons()
    told = io.StringIO()
    try:
        with redirect_stdout(told):
            return run()
    finally:
        for line in told.getvalue().splitlines():
            print(line.removeprefix(before))


def _joined_at_colons() -> str:
    """Puts the words that bash has split at colons together; returns what of the last one bash will not replace."""
    words = os.environ.get("COMP_WORDS", "").split("\n")
    try:
        at = int(os.environ.get("COMP_CWORD", ""))
    except ValueError:
        return ""
    joined: list[str] = []
    current = at
    for number, word in enumerate(words[: at + 1]):
        if joined and number > 1 and (word == ":" or joined[-1].endswith(":")):
            joined[-1] += word
            current -= 1
        else:
            joined.append(word)
    os.environ["COMP_WORDS"], os.environ["COMP_CWORD"] = "\n".join(joined), str(current)
    last = joined[-1] if joined else ""
    return last[: last.rfind(":") + 1]


def ladders(incomplete: str) -> Names:
    return _fitting(incomplete, [*(path.stem for path in resources.found("models")), *_files((".toml",))])


def sweeps(context: typer.Context, incomplete: str) -> Names:
    return _fitting(incomplete, _sweeps(_runs(context)))


def own_sweeps(context: typer.Context, incomplete: str) -> Names:
    return _fitting(incomplete, ["latest", *_sweeps(_runs(context))])


def sources(context: typer.Context, incomplete: str) -> Names:
    """Sweeps, and tables in this folder."""
    return _fitting(incomplete, [*_sweeps(_runs(context)), *_files(TABLES)])


def deleted_sweeps(context: typer.Context, incomplete: str) -> Names:
    from scaling_tui.runs.delete import in_trash

    with suppress(InputError):
        return _fitting(incomplete, [deleted.path.name for deleted in in_trash(_runs(context))])
    return []


def runs(context: typer.Context, incomplete: str) -> Names:
    """`SWEEP/RUN`: the runs of a sweep once it is there, or of the only one that fits."""
    folder = _runs(context)
    found = [sweep for sweep in _sweeps(folder) if sweep.startswith(incomplete.partition("/")[0])]
    if "/" in incomplete:
        found = [incomplete.partition("/")[0]]
    return _fitting(incomplete, [f"{sweep}/{run}" for sweep in found for run in _runs_of(folder / sweep)])


def runs_of_sweep(context: typer.Context, incomplete: str) -> Names:
    """The runs of the sweep that was named before, or of the latest."""
    folder = _runs(context)
    sweep = context.params.get("sweep") or next(iter(_sweeps(folder)), None)
    return _fitting(incomplete, _runs_of(folder / sweep) if sweep else [])


def laws(incomplete: str) -> Names:
    from scaling_tui.laws.forms import LAWS

    return _fitting(incomplete, LAWS)


def published(incomplete: str) -> Names:
    """Laws and their published sets."""
    from scaling_tui.laws import LAWS, SETS

    return _fitting(incomplete, [*LAWS, *(item.title for item in SETS)])


def entries(incomplete: str) -> Names:
    """All that `laws` shows."""
    from scaling_tui.laws import LAWS
    from scaling_tui.laws.atlas import ENTRIES

    return _fitting(incomplete, [*LAWS, *(entry.title for entry in ENTRIES)])


def lessons(context: typer.Context, incomplete: str) -> Names:
    names = _in_quizzes("lessons", ".md")
    if context.meta.get(LESSON_ASSUMED) and context.parent is not None:
        names += getattr(context.parent.command, "commands", {})
    return _fitting(incomplete, names)


def experiments(incomplete: str) -> Names:
    return _fitting(incomplete, _in_quizzes("experiments", ".toml"))


def banks(incomplete: str) -> Names:
    return _fitting(incomplete, _files((".toml",)))


def questions(context: typer.Context, incomplete: str) -> Names:
    """Ids of the questions in the banks that were named before, or in all."""
    given = context.params.get("bank") or [*resources.found("quizzes")]
    return _fitting(incomplete, [question for bank in given for question in _questions(Path(bank))])


def _fitting(incomplete: str, names: Iterable[str]) -> Names:
    """The names that begin so, each once, in their order."""
    return [name for name in dict.fromkeys(names) if name.startswith(incomplete) and _HARMLESS.fullmatch(name)]


def _runs(context: typer.Context) -> Path:
    from scaling_tui.runs import runs_folder

    at: Any = context
    while at is not None:
        if at.params.get("runs"):
            return Path(at.params["runs"])
        at = at.parent
    return runs_folder()


def _sweeps(folder: Path) -> Names:
    from scaling_tui.runs import list_sweeps

    with suppress(InputError):
        return [path.name for path in list_sweeps(folder)]
    return []


def _runs_of(sweep: Path) -> Names:
    with suppress(OSError):
        return sorted(path.parent.name for path in sweep.glob("*/run.json"))
    return []


def _files(suffixes: tuple[str, ...]) -> Iterator[str]:
    with suppress(OSError):
        yield from sorted(path.name for path in Path().iterdir() if path.suffix in suffixes and path.is_file())


def _in_quizzes(kind: str, suffix: str) -> Names:
    folders = (resources.user("quizzes") / kind, resources.packaged("quizzes") / kind)
    paths = {path.stem: path for folder in folders if folder.is_dir() for path in folder.glob(f"*{suffix}")}
    return sorted(paths)


def _questions(bank: Path) -> Iterator[str]:
    import tomllib

    with suppress(OSError, ValueError, RecursionError):
        if bank.stat().st_size > MOST_QUESTIONS_BYTES:
            return
        listed = tomllib.loads(bank.read_text(encoding="utf-8")).get("question")
        for question in listed if isinstance(listed, list) else []:
            if isinstance(question, dict) and isinstance(question.get("id"), str):
                yield question["id"]
