"""The command that makes a sweep again, for a shell: from its sweep.json, checked against the ladders known here."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scaling_tui import InputError
from scaling_tui.data import is_path
from scaling_tui.imports.given import Given
from scaling_tui.report.page.settings import ladder_toml
from scaling_tui.runs import SweepView
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import launched_with
from scaling_tui.text.toml import toml_value

_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_DEVICE = re.compile(r"[a-z]{1,16}(:\d{1,4})?")


@dataclass(frozen=True)
class Repeat:
    """A command that makes a sweep again; empty where there is none. `note` says what it needs, or why it is missing.

    `command` is one line of a shell, with everything that files say quoted.
    """

    command: str
    note: str = ""


def repeat(sweep: SweepView) -> Repeat:
    """How to make `sweep` again."""
    if "ladder" in sweep.document:
        return _launched(sweep)
    if isinstance(imported := sweep.document.get("imported"), Mapping):
        return _imported(sweep, imported)
    return Repeat("", "Another trainer wrote these runs: no command of scaling-tui repeats them.")


def _launched(sweep: SweepView) -> Repeat:
    name, document = str(sweep.document["ladder"]), sweep.document.get("document")
    if not isinstance(document, Mapping) or not document:
        return Repeat("", "sweep.json does not hold the ladder, so no command to repeat it can be given.")
    known = _known(name, document)
    if known is not None:
        return _checked(["scaling-tui", "run", name, *known, *_options(sweep)])
    if not ladder_toml(sweep):
        return Repeat("", "The ladder in sweep.json cannot be shown, so no command to repeat it can be given.")
    file = f"{name}.toml" if _FILE.fullmatch(name) else "ladder.toml"
    note = f"Before that, save the ladder above as {file}: no ladder of this machine is the same."
    return _checked(["scaling-tui", "run", file, *_corpus(sweep, document), *_options(sweep)], note)


def _known(name: str, document: Mapping[str, Any]) -> list[str] | None:
    """The `--set` options that make the ladder known as `name` the one that was launched; None where none do."""
    if not _FILE.fullmatch(name):
        return None
    try:
        own = load_ladder(name)
        given = list(_settings(_plain(own.document), _plain(document)))
        again = load_ladder(name, given) if given else own
    except (InputError, RecursionError):
        return None
    if _plain(again.document) != _plain(document):
        return None
    return [part for setting in given for part in ("--set", setting)]


def _settings(own: Any, launched: Any) -> Iterator[str]:
    """`KEY=VALUE` for each value in which the launched ladder differs, as far as `--set` can say it."""
    for table, value in launched.items():
        before = own.get(table)
        if table == "rungs" and isinstance(value, list) and isinstance(before, list):
            for rung, old in zip(value, before, strict=False):
                yield from (f"rungs.{rung['name']}.{item}" for item in _changed(old, rung))
        elif isinstance(value, dict):
            yield from (f"{table}.{item}" for item in _changed(before if isinstance(before, dict) else {}, value))
        elif value != before:
            yield f"{table}={toml_value(value)}"


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{key}={toml_value(value)}" for key, value in new.items() if old.get(key) != value)


def _plain(document: Any) -> Any:
    return json.loads(json.dumps(document, default=str))


def _corpus(sweep: SweepView, document: Mapping[str, Any]) -> list[str]:
    """A corpus beside the ladder's own file is named by its path, for the copy of the ladder lies elsewhere."""
    given, found = document.get("corpus"), (sweep.document.get("corpus") or {}).get("name")
    relative = isinstance(given, Mapping) and isinstance(given.get("name"), str) and is_path(given["name"])
    return ["--set", f"corpus.name={found}"] if relative and isinstance(found, str) and is_path(found) else []


def _options(sweep: SweepView) -> list[str]:
    seeds, launched = sweep.document.get("seeds"), launched_with(sweep)
    options: list[str] = []
    if isinstance(seeds, list) and len(seeds) == 1 and isinstance(seeds[0], int):
        options += ["--seed", str(seeds[0])]
    if launched.device != "auto" and _DEVICE.fullmatch(launched.device):
        options += ["--device", launched.device]
    options += ["--jobs", str(launched.jobs)] if launched.jobs else []
    options += ["--per-gpu", str(launched.per_gpu)] if launched.per_gpu else []
    where = launched.where
    if not where.here:
        options += ["--on", where.on, *(["--partition", where.partition] if where.partition else [])]
        options += [part for key, value in where.options.items() for part in ("--slurm", f"{key}={value}")]
    return options


def _imported(sweep: SweepView, imported: Mapping[str, Any]) -> Repeat:
    paths = imported.get("paths")
    if not isinstance(paths, list) or not paths or not all(isinstance(path, str) for path in paths):
        return Repeat("", "sweep.json does not say which logs were imported.")
    given = Given.from_json(imported.get("given"))
    options = [part for key, name in given.columns.items() for part in ("--columns", f"{key}={name}")]
    options += [part for key, value in given.facts.items() for part in ("--set", f"{key}={_number(value)}")]
    options += ["--bytes-per-token", f"{given.bytes_per_token:g}"] if given.bytes_per_token else []
    note = "The table of what each run is, which --table gave, has to be given again." if given.of_run else ""
    # After `--` nothing is an option, whatever a file is called.
    apart = ["--"] if any(path.startswith("-") for path in paths) else []
    return _checked(["scaling-tui", "import", "--name", sweep.name, *options, *apart, *paths], note)


def _number(value: float | str) -> str:
    return repr(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _checked(words: Sequence[str], note: str = "") -> Repeat:
    """The words as a line of a shell, if they are all what they look like."""
    if not all(word.isprintable() for word in words):
        return Repeat("", "The names in it hold characters that cannot be seen, so no command is given to copy.")
    return Repeat(shlex.join(words), note)
