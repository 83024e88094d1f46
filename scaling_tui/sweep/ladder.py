"""Ladders: TOML files that say what is trained. Read, checked to the last key, and resolved into runs."""

import dataclasses
import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import tomli

from scaling_tui import InputError, resources
from scaling_tui.laws.counts import Architecture, Count, count
from scaling_tui.runs.config import RunConfig, Training, check_types, known_keys

# What a model of each family is made of; a ladder gives the sizes and may change the rest.
FAMILIES: dict[str, dict[str, Any]] = {
    "gpt": {"norm": "rms", "final_norm": True, "positions": "rotary", "head": "tied"},
}

_TRAINING_KEYS = [item.name for item in dataclasses.fields(Training)]
_MODEL_KEYS = ["family", *(item.name for item in dataclasses.fields(Architecture))]


@dataclass(frozen=True)
class CorpusChoice:
    """`name` is a corpus of `scaling_tui.data` or a text file beside the ladder; `tokenizer` is `byte` or `bpe-K`."""

    name: str
    tokenizer: str = "byte"


@dataclass(frozen=True)
class FitChoice:
    """The law that a sweep of the ladder is fitted with. `params` says which N the law is fitted in."""

    law: str = "chinchilla-n"
    params: Literal["non-embedding", "all"] = "non-embedding"
    predict: str | None = None


@dataclass(frozen=True)
class Rung:
    """One size: its architecture, its recipe, and what they come to."""

    name: str
    family: str
    architecture: Architecture
    training: Training
    count: Count = field(repr=False)

    @property
    def tokens(self) -> int:
        """D in whole steps."""
        context = self.architecture.context
        return self.training.steps(context) * self.training.batch * context

    @property
    def flops(self) -> float:
        """C by matmuls and attention (`laws.counts.RUN_FLOPS`)."""
        return self.count.flops(self.tokens)


@dataclass(frozen=True)
class Ladder:
    """A ladder as read. `document` is the file's own tables, settings from outside included."""

    name: str
    path: Path
    summary: str
    source: str
    expected: str
    corpus: CorpusChoice
    fit: FitChoice | None
    rungs: tuple[Rung, ...]
    document: Mapping[str, Any] = field(repr=False)

    def configs(self, seed: int, corpus: Mapping[str, Any]) -> Iterator[tuple[str, RunConfig]]:
        """The runs of the ladder at one seed, named `<rung>-s<seed>`. `corpus` is what run.json says of it."""
        for rung in self.rungs:
            yield (
                f"{rung.name}-s{seed}",
                RunConfig(
                    rung=rung.name,
                    seed=seed,
                    params=rung.count.total,
                    non_embedding=rung.count.non_embedding,
                    tokens=rung.tokens,
                    flops=rung.flops,
                    family=rung.family,
                    architecture=dataclasses.asdict(rung.architecture),
                    corpus=dict(corpus),
                    training=rung.training,
                ),
            )


def ladders() -> list[Path]:
    """The files of every ladder that can be launched by name; the user's hide the project's of the same name."""
    return list(resources.found("models"))


def load_ladder(name: str, settings: Sequence[str] = ()) -> Ladder:
    """The ladder called `name`, or the file at that path, with `KEY=VALUE` settings laid over it.

    Raises:
        InputError: no such ladder, not TOML, an unknown key, an impossible size: with file, key and what would do.
    """
    path = _find(name)
    try:
        document = tomli.loads(path.read_text(encoding="utf-8"))
    except tomli.TOMLDecodeError as error:
        raise InputError(f"{path}: not TOML: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    for setting in settings:
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
    if path.is_file():
        return path
    near = difflib.get_close_matches(name, known, 1)
    meant = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}; or give a .toml file"
    raise InputError(f"ladder {name!r}: not found; {meant}")


def _ladder(path: Path, document: dict[str, Any]) -> Ladder:
    tables = ("summary", "source", "expected", "corpus", "model", "training", "fit", "rungs")
    for key in document:
        if key not in tables:
            near = difflib.get_close_matches(key, tables, 1)
            raise InputError(
                f"{key}: not a key here; " + (f"did you mean {near[0]!r}?" if near else f"known: {', '.join(tables)}")
            )
    corpus = CorpusChoice(**known_keys(_table(document, "corpus"), CorpusChoice, "corpus"))
    check_types(corpus, "corpus")
    if (path.parent / corpus.name).is_file():
        corpus = dataclasses.replace(corpus, name=str((path.parent / corpus.name).resolve()))
    rungs = tuple(_rungs(document, corpus))
    fit = None
    if "fit" in document:
        fit = FitChoice(**known_keys(document["fit"], FitChoice, "fit"))
        if fit.predict is not None and fit.predict not in [rung.name for rung in rungs]:
            raise InputError(f"fit.predict: found {fit.predict!r}, want the name of a rung")
    for key in ("summary", "source", "expected"):
        if not isinstance(document.get(key, ""), str):
            raise InputError(f"{key}: found {document[key]!r}, want a text")
    return Ladder(
        name=path.stem,
        path=path,
        summary=document.get("summary", ""),
        source=document.get("source", ""),
        expected=document.get("expected", ""),
        corpus=corpus,
        fit=fit,
        rungs=rungs,
        document=document,
    )


def _table(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    if key not in document:
        raise InputError(f"{key}: missing, want a table [{key}]")
    found = document[key]
    if not isinstance(found, dict):
        raise InputError(f"{key}: found {found!r}, want a table [{key}]")
    return found


def _rungs(document: Mapping[str, Any], corpus: CorpusChoice) -> Iterator[Rung]:
    found = document.get("rungs")
    if not isinstance(found, list) or not found or not all(isinstance(item, dict) for item in found):
        raise InputError("rungs: missing, want one [[rungs]] table or more")
    names: set[str] = set()
    for number, item in enumerate(found, 1):
        name = item.get("name")
        if not isinstance(name, str) or not name or not name.isprintable() or "/" in name:
            raise InputError(f"rungs[{number}].name: found {name!r}, want a name for the rung")
        if name in names:
            raise InputError(f"rungs[{number}].name: {name!r} is there twice")
        names.add(name)
        try:
            yield _rung(name, document, item, corpus)
        except InputError as error:
            raise InputError(f"rung {name!r}: {error}") from error


def _rung(name: str, document: Mapping[str, Any], own: Mapping[str, Any], corpus: CorpusChoice) -> Rung:
    """A rung's own keys go over those of [model] and [training]."""
    model, training = dict(document.get("model", {})), dict(document.get("training", {}))
    for key, value in own.items():
        if key in _MODEL_KEYS:
            model[key] = value
        elif key in _TRAINING_KEYS:
            training[key] = value
        elif key != "name":
            near = difflib.get_close_matches(key, [*_MODEL_KEYS, *_TRAINING_KEYS], 1)
            raise InputError(f"{key}: not a key of a rung; " + (f"did you mean {near[0]!r}?" if near else "see README"))
    family = model.pop("family", "gpt")
    if family not in FAMILIES:
        raise InputError(f"model.family: found {family!r}, want {' or '.join(map(repr, FAMILIES))}")
    model = {**FAMILIES[family], "vocab": vocabulary(corpus.tokenizer), **known_keys(model, Architecture, "model")}
    for key in ("layers", "hidden", "context"):
        if key not in model:
            raise InputError(f"{key}: missing, in the rung or in [model]")
    architecture = Architecture(**model)
    if architecture.context < 1 or architecture.layers < 1:
        raise InputError(f"layers {architecture.layers}, context {architecture.context}: want at least 1 of each")
    if architecture.positions == "rotary" and (architecture.hidden // architecture.heads) % 2:
        raise InputError(
            f"heads: {architecture.heads} heads of {architecture.hidden // architecture.heads} dimensions; "
            "rotary positions want an even number"
        )
    known_keys(training, Training, "training")
    for key in ("tokens", "batch", "lr"):
        if key not in training:
            raise InputError(f"{key}: missing, in the rung or in [training]")
    recipe = Training(**training)
    return Rung(name, family, architecture, recipe, count(architecture))


def vocabulary(tokenizer: str) -> int:
    """The size of the vocabulary that a tokenizer's name promises."""
    if tokenizer == "byte":
        return 256
    kind, _, size = tokenizer.partition("-")
    if kind == "bpe" and size.isdigit():
        return int(size)
    raise InputError(f"corpus.tokenizer: found {tokenizer!r}, want 'byte' or 'bpe-K' with K tokens")


def _set(document: dict[str, Any], setting: str) -> None:
    """Lays `KEY=VALUE` over the document. KEY is `table.key`, `rungs.NAME.key`, or a key alone: then for all rungs."""
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise InputError(f"--set {setting!r}: want KEY=VALUE, such as tokens=200000")
    try:
        value = tomli.loads(f"value = {text}")["value"]
    except tomli.TOMLDecodeError:
        value = text
    table, dot, rest = key.partition(".")
    rungs = [item for item in document.get("rungs", []) if isinstance(item, dict)]
    if table == "rungs":
        name, _, rest = rest.partition(".")
        for rung in rungs:
            if rung.get("name") == name and rest:
                rung[rest] = value
                return
        names = ", ".join(str(rung.get("name")) for rung in rungs)
        raise InputError(f"--set {key}: no rung {name!r}; want rungs.NAME.KEY with NAME of {names}")
    if not dot:
        rest = key
        table = "training" if key in _TRAINING_KEYS else "model" if key in _MODEL_KEYS else "corpus"
        if table == "corpus" and key not in ("tokenizer", "corpus"):
            near = difflib.get_close_matches(key, [*_TRAINING_KEYS, *_MODEL_KEYS, "tokenizer", "corpus"], 1)
            raise InputError(f"--set {key}: not a key of a ladder" + (f"; did you mean {near[0]!r}?" if near else ""))
        rest = "name" if key == "corpus" else key
    target = document.setdefault(table, {})
    if not isinstance(target, dict):
        raise InputError(f"--set {key}: {table} is not a table")
    target[rest] = value
    if table in ("training", "model"):
        # Otherwise a rung's own value would silently win over what the user asked for.
        for rung in rungs:
            rung.pop(rest, None)
