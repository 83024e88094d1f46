"""Ladders: TOML files that describe what to train. They are read, checked key by key, and resolved into runs."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import tomli

from scaling_tui import InputError
from scaling_tui.data import NAMED, CorpusChoice, is_path, is_tokenizer_path
from scaling_tui.laws import find_law
from scaling_tui.runs.config import MOST, RunConfig, check_types, known_keys, whole
from scaling_tui.sweeps.branches import branched
from scaling_tui.sweeps.resources import KEYS as RESOURCE_KEYS
from scaling_tui.sweeps.rung import MODEL_KEYS, MOST_RUNS, SEEDS, SEEDS_APART, TRAINING_KEYS, Rung, rungs_of
from scaling_tui.sweeps.tuning import TuneChoice, probes_of, tune_choice, with_probes
from scaling_tui.text import resources
from scaling_tui.text.files import read_toml
from scaling_tui.text.numbers import read_quantity
from scaling_tui.text.suggest import did_you_mean

LARGEST_SEED = SEEDS - 1


# The keys of a ladder's file, and what they mean.
KEYS = {
    "summary": "one line, shown in lists and in the Lab",
    "source": "the paper or repository that the ladder follows",
    "expected": "the expected result, shown with the results",
    "seeds": "every rung is trained once with each of these whole numbers from 0 to 2^63 - 1; `[0]` by default",
    "runs": "how many runs of each rung to train at each seed, 1 to 100; 1 by default",
    "corpus": "where the tokens come from",
    "model": "the architecture that the rungs share",
    "training": "the recipe that the rungs share",
    "tune": 'finds the learning rates on the smallest rungs: `"lr"`, or a table',
    "resources": "on how many GPUs each run trains, and what it asks a cluster for",
    "fit": "the law to fit, and the rung to predict; without it a ladder is trained and reported but not fitted",
    "rungs": "the sizes: one table or more",
}


@dataclass(frozen=True)
class FitChoice:
    """The law to fit to a sweep of the ladder.

    Args:
        law: any name that `scaling-tui laws` lists.
        params: which parameters N counts in the fit.
        predict: the rung to predict; it starts after all others have ended and its prediction has been written.
    """

    law: str = "chinchilla-n"
    params: Literal["non-embedding", "all"] = "non-embedding"
    predict: str | None = None


@dataclass(frozen=True)
class Ladder:
    """A ladder as read. `document` holds the tables of its file with `--set` applied.

    `probes` are the rungs at which `tune` tries learning rates; the others are planned.
    """

    name: str
    path: Path
    summary: str
    source: str
    expected: str
    corpus: CorpusChoice
    fit: FitChoice | None
    seeds: tuple[int, ...]
    rungs: tuple[Rung, ...]
    document: Mapping[str, Any] = field(repr=False)
    tune: TuneChoice | None = None
    probes: tuple[str, ...] = ()

    @property
    def runs(self) -> int:
        """How many runs it has at one seed."""
        return sum(rung.runs for rung in self.rungs)

    @property
    def resources(self) -> dict[str, dict[str, float]]:
        """What each rung asks a cluster for, by its name; without those that say nothing."""
        return {rung.name: asked for rung in self.rungs if (asked := rung.resources.as_json())}

    def configs(self, seed: int, corpus: Mapping[str, Any]) -> Iterator[tuple[str, RunConfig]]:
        """The runs of the ladder at one seed, named `<rung>[-<variant>]-s<seed>`. `corpus` goes into run.json."""
        for rung, own in ((each, own) for each in self.rungs for own in each.run_seeds(seed)):
            yield (
                f"{rung.case}-s{own}",
                RunConfig(
                    rung=rung.name,
                    seed=own,
                    params=rung.count.total,
                    non_embedding=rung.count.non_embedding,
                    tokens=rung.tokens,
                    flops=rung.flops,
                    family=rung.family,
                    architecture=dataclasses.asdict(rung.architecture),
                    corpus=dict(corpus),
                    training=rung.training,
                    trunk=rung.trunk and dataclasses.replace(rung.trunk, run=f"{rung.trunk.run}-s{own}"),
                    keep=rung.keep,
                ),
            )


def ladders() -> list[Path]:
    """Every ladder that can be launched by name; a user's ladder hides a packaged one of the same name."""
    return list(resources.found("models"))


def load_ladder(name: str, settings: Sequence[str] = ()) -> Ladder:
    """The ladder called `name`, or the file at that path, with the `KEY=VALUE` settings applied.

    Raises:
        InputError: no such ladder, not TOML, an unknown key or an impossible value.
    """
    path = _find(name)
    document = read_toml(path, "a ladder (.toml)")
    once: set[str] = set()
    for setting in settings:
        key = setting.partition("=")[0]
        if key in once:
            raise InputError(f"--set {key}: found it twice, want one value")
        once.add(key)
        _set(document, setting)
    try:
        return _ladder(path, document)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _find(name: str) -> Path:
    known = {path.stem: path for path in ladders()}
    if name in known:
        return known[name]
    path = Path(name)
    # What is there but no file, such as a folder or a pipe, is refused where it is read, for what it is.
    if path.is_file() or ((path.suffix == ".toml" or len(path.parts) > 1) and path.exists()):
        return path
    if name and path.exists():
        raise InputError(f"ladder {name!r}: not a file, want the name of a ladder or a .toml file")
    known_ladders = f"known: {', '.join(known)}; or give a .toml file"
    raise InputError(f"ladder {name!r}: not found; {did_you_mean(name, known, known_ladders)}")


def _ladder(path: Path, document: dict[str, Any]) -> Ladder:
    for key in document:
        if key not in KEYS:
            raise InputError(f"{key}: not a key here; {did_you_mean(key, KEYS)}")
    for key in ("model", "training", "fit"):
        _table({key: {}, **document}, key)
    corpus = _corpus(_table(document, "corpus"), path.parent.absolute())
    seeds = _seeds(document.get("seeds", [0]))
    tune = _tune(document)
    rungs = branched(_bounded(rungs_of(document, corpus), len(seeds)))
    _check_apart(rungs, seeds)
    fit = None
    if "fit" in document:
        fit = FitChoice(**known_keys(document["fit"], FitChoice, "fit"))
        if not isinstance(fit.law, str):
            raise InputError(f"fit.law: found {fit.law!r}, want the name of a law")
        find_law(fit.law)
        if fit.params not in ("non-embedding", "all"):
            raise InputError(f"fit.params: found {fit.params!r}, want 'non-embedding' or 'all'")
        if fit.predict is not None and fit.predict not in [rung.name for rung in rungs]:
            raise InputError(f"fit.predict: found {fit.predict!r}, want the name of a rung")
    probes: list[str] = []
    if tune is not None:
        probes = probes_of(rungs, tune, fit.predict if fit else None)
        rungs = branched(_bounded(rungs_of(with_probes(document, rungs, probes, tune), corpus), len(seeds)))
        rungs = tuple(dataclasses.replace(rung, planned=rung.name not in probes) for rung in rungs)
    for key in ("summary", "source", "expected"):
        if not isinstance(document.get(key, ""), str):
            raise InputError(f"{key}: found {document[key]!r}, want a string")
    return Ladder(
        name=path.stem,
        path=path,
        summary=document.get("summary", ""),
        source=document.get("source", ""),
        expected=document.get("expected", ""),
        corpus=corpus,
        fit=fit,
        seeds=seeds,
        rungs=rungs,
        document=document,
        tune=tune,
        probes=tuple(probes),
    )


def _corpus(table: dict[str, Any], folder: Path) -> CorpusChoice:
    """The corpus of a ladder in `folder`, which its paths are relative to: it means the same from everywhere."""
    corpus = CorpusChoice(**known_keys(table, CorpusChoice, "corpus"))
    check_types(corpus, "corpus")
    for key in ("first_tokens", "vocab"):
        if not 0 <= getattr(corpus, key) <= MOST:
            raise InputError(f"corpus.{key}: found {getattr(corpus, key)}, want 0 to {MOST:.0e}")
    if is_path(corpus.name):
        corpus = dataclasses.replace(corpus, name=str(folder / _home_expanded(corpus.name)))
    elif corpus.name not in NAMED:
        raise InputError(
            f"corpus.name: found {corpus.name!r}, want {', '.join(NAMED)}, or the path of a file or folder with a "
            f"folder or a suffix, such as notes.txt or ./notes, or a glob"
        )
    if is_tokenizer_path(corpus.tokenizer):
        corpus = dataclasses.replace(corpus, tokenizer=str(folder / _home_expanded(corpus.tokenizer)))
    if corpus.vocab and table.get("tokenizer", "ids") != "ids":
        raise InputError(f"corpus.vocab: found together with tokenizer {corpus.tokenizer!r}, want only one of them")
    return dataclasses.replace(corpus, tokenizer="ids") if corpus.vocab else corpus


def _home_expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InputError(f"corpus: found {path!r}, and this user has no home folder here") from error


def _tune(document: dict[str, Any]) -> TuneChoice | None:
    """How the rates are tuned; `tune` may also stand with the settings that the rungs share."""
    training = document.get("training", {})
    if "tune" in training:
        if "tune" in document:
            raise InputError("training.tune: found together with tune, want only one of them")
        document["tune"] = training.pop("tune")
    return tune_choice(document["tune"]) if "tune" in document else None


def _seeds(value: Any) -> tuple[int, ...]:
    if isinstance(value, list) and len(value) > MOST_RUNS:
        raise InputError(f"seeds: found {len(value):,}, want at most {MOST_RUNS:,}")
    seeds = [whole(seed) for seed in value] if isinstance(value, list) else []
    valid = all(isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed <= LARGEST_SEED for seed in seeds)
    if not valid or not seeds or len(set(seeds)) < len(seeds):
        raise InputError(f"seeds: found {value!r}, want a list of distinct whole numbers, such as [0, 1, 2]")
    return tuple(seeds)


def _check_apart(rungs: Sequence[Rung], seeds: Sequence[int]) -> None:
    """Raises InputError where two seeds would train the same run, because a rung has several runs at each."""
    most = max(rungs, key=lambda rung: rung.runs)
    taken: dict[int, int] = {}
    for seed in seeds:
        for own in most.run_seeds(seed):
            if own in taken:
                raise InputError(
                    f"seeds: found {taken[own]} and {seed}, which both have a run {most.case}-s{own}, "
                    f"since rung {most.name!r} has {most.runs} runs at each; want seeds below {SEEDS_APART}"
                )
            taken[own] = seed


def _bounded(rungs: Iterator[Rung], seeds: int) -> tuple[Rung, ...]:
    """`rungs`, if they and the seeds make at most `MOST_RUNS` runs; no more of them is resolved than that takes."""
    kept: list[Rung] = []
    runs = 0
    for rung in rungs:
        kept.append(rung)
        runs += rung.runs
        if runs * seeds > MOST_RUNS:
            raise InputError(f"rungs: {runs:,} runs or more at {seeds:,} seeds each, want at most {MOST_RUNS:,} runs")
    return tuple(kept)


def _table(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    if key not in document:
        raise InputError(f"{key}: missing, want a table [{key}]")
    table = document[key]
    if not isinstance(table, dict):
        raise InputError(f"{key}: found {table!r}, want a table [{key}]")
    return table


# Keys whose values are names: a rung or a corpus may be called 1M.
_TEXT_KEYS = ("corpus", "corpus.name", "tokenizer", "corpus.tokenizer", "fit.law", "fit.params", "fit.predict")


def _set(document: dict[str, Any], setting: str) -> None:
    """Applies `KEY=VALUE` to the document. KEY is `table.key`, `rungs.NAME.key`, or a bare key for all rungs."""
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise InputError(f"--set {setting!r}: want KEY=VALUE, such as tokens=200000")
    value = _value(key, text)
    table, dot, rest = key.partition(".")
    tables = document.get("rungs", [])
    rungs = [item for item in tables if isinstance(item, dict)] if isinstance(tables, list) else []
    if table == "rungs":
        _set_rung(rungs, key, rest, value)
        return
    if key in ("seeds", "runs", "tune"):
        document[key] = value
        for rung in rungs if key == "runs" else []:
            rung.pop(key, None)
        return
    if not dot:
        table, rest = _home(key)
    is_given_path = {"name": is_path, "tokenizer": is_tokenizer_path}.get(rest) if table == "corpus" else None
    if is_given_path and isinstance(value, str) and is_given_path(value):
        # On the command line a path is relative to the working directory, not to the ladder.
        value = str(_home_expanded(value).absolute())
    if table == "tune" and isinstance(document.get("tune"), str):
        document["tune"] = {"setting": document["tune"]}
    target: Any = document
    for part in (table, *rest.split(".")[:-1]):
        target = target.setdefault(part, {})
        if not isinstance(target, dict):
            raise InputError(f"--set {key}: {part} is not a table")
    target[rest.split(".")[-1]] = value
    if (table, rest) == ("corpus", "vocab") and value:
        target.pop("tokenizer", None)  # the ladder's own; one given after it is an error
    if table in ("training", "model", "resources"):
        # A rung's own value would otherwise silently override the user's.
        for rung in rungs:
            rung.pop(rest, None)


def _set_rung(rungs: list[dict[str, Any]], key: str, rest: str, value: Any) -> None:
    name, _, rest = rest.partition(".")
    rung = next((rung for rung in rungs if rung.get("name") == name), None)
    if rung is None or not rest:
        names = ", ".join(str(rung.get("name")) for rung in rungs)
        raise InputError(f"--set {key}: no rung {name!r}; want rungs.NAME.KEY with NAME of {names}")
    rung[rest] = value


def _value(key: str, text: str) -> Any:
    """What `text` sets: a TOML value, a number as in the app (1M), a list of such (0,1), or else the text itself."""
    with suppress(ValueError, RecursionError):
        value = tomli.loads(f"value = {text}")["value"]
        return [value] if key == "seeds" and isinstance(value, int) and not isinstance(value, bool) else value
    if key in _TEXT_KEYS:
        return text
    parts = text.split(",")
    numbers = [number for part in parts if (number := _number(part)) is not None]
    grouped = _number(text) if len(parts) > 1 and key != "seeds" else None
    if len(numbers) < len(parts):
        return text
    if grouped is not None and any(part.startswith("0") for part in parts[1:]):
        return grouped  # 1,000: no item of a list begins so
    if grouped is not None:
        listed = ",".join(map(str, numbers))
        raise InputError(f"--set {key}: {text} could be {grouped} or a list, want {grouped} or [{listed}]")
    return numbers if len(parts) > 1 else numbers[0]


def _number(text: str) -> int | float | None:
    try:
        value = read_quantity(text)
    except InputError:
        return None
    return int(value) if value == int(value) else value


def _home(key: str) -> tuple[str, str]:
    """The table of a bare key, and its name in that table."""
    if key in TRAINING_KEYS or key == "flops":
        return "training", key
    if key in MODEL_KEYS:
        return "model", key
    if key in RESOURCE_KEYS:
        return "resources", key
    own = {"corpus": "name", **{name: name for name in ("tokenizer", "first_tokens", "format", "text", "separator")}}
    if key in own:
        return "corpus", own[key]
    known = [*TRAINING_KEYS, *MODEL_KEYS, *own, *RESOURCE_KEYS, "seeds", "runs", "tune"]
    raise InputError(f"--set {key}: not a key of a ladder; {did_you_mean(key, known)}")
