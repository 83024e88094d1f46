"""In what sweeps differ: ladder, corpus, tokenizer, program versions, machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scaling_tui.report.page.provenance import places_of
from scaling_tui.report.run_settings import bounded, differing, settings_of
from scaling_tui.runs import SweepView

_DEEPEST = 4  # tables within tables that get a name of their own
_MOST_SETTINGS = 2_000  # of a kind, of one sweep that others wrote
# Of sweep.json: what is read from each of its tables. `document` is the ladder, so its keys have no name before them.
_TABLES = {"document": "", "corpus": "corpus.", "data": "data.", "versions": "version of ", "machine": "machine.",
           "launch": "launch."}  # fmt: skip
_WORDS = frozenset(
    (
        "summary",
        "expected",
        "document.summary",
        "document.expected",
        "data.epochs",
        "data.warnings",
        "document.rungs.name",
    )
)


@dataclass(frozen=True)
class Setting:
    """A setting in which sweeps differ; `values` are those of the sources in their order, None where one tells none."""

    name: str
    values: tuple[Any, ...]


def differing_settings(views: Sequence[SweepView | None]) -> tuple[Setting, ...]:
    """The settings in which the sweeps differ, in the order in which they are found; None is a source without any.

    A sweep that tells nothing of a kind, such as logs of their program versions, differs in none of them.
    """
    known = [settings_of_sweep(view) if view is not None else {} for view in views]
    found = []
    for kind in dict.fromkeys(kind for kinds in known for kind in kinds):
        tell = [kinds.get(kind) for kinds in known]
        found += [
            Setting(name, tuple(settings.get(name) if settings else None for settings in tell))
            for name in differing(settings for settings in tell if settings)
        ]
    return tuple(found)


def settings_of_sweep(view: SweepView) -> dict[str, dict[str, Any]]:
    """What a sweep was made with, by kind and name: its ladder, else what all its runs share; corpus, machine, …"""
    document = view.document
    found: dict[str, dict[str, Any]] = {"ladder": {}}
    if isinstance(document.get("ladder"), str):
        found["ladder"]["ladder"] = document["ladder"]
    for key, before in _TABLES.items():
        table = document.get(key)
        if isinstance(table, Mapping):
            found.setdefault("ladder" if key == "document" else key, {}).update(_flat(table, before, f"{key}."))
    if not document.get("document"):
        found["ladder"] |= _shared(view)
    if seeds := sorted({run.seed for run in view.runs}):
        found["seeds"] = {"seeds": seeds}
    if rungs := list(dict.fromkeys(run.rung for run in view.runs)):
        found["rungs"] = {"rungs": rungs}
    places = sorted({" on ".join(filter(None, (device, host))) for host, device in places_of(view.runs)} - {""})
    if places and "imported" not in document:  # the host of an import has trained nothing
        found["places"] = {"trained on": places}
    return {kind: dict(list(table.items())[:_MOST_SETTINGS]) for kind, table in found.items() if table}


def tokenizers(views: Sequence[SweepView | None]) -> list[str]:
    """The tokenizers that the sweeps name, each once, by name and content."""
    found = {}
    for view in views:
        corpus = view.document.get("corpus") if view is not None else None
        if isinstance(corpus, Mapping) and isinstance(corpus.get("tokenizer"), str):
            found[corpus["tokenizer"], str(corpus.get("tokenizer_sha256") or "")] = corpus["tokenizer"]
    return list(found.values())


def corpora(views: Sequence[SweepView | None]) -> list[str]:
    """The corpora that the sweeps name, each once, by content."""
    found = {}
    for view in views:
        corpus = view.document.get("corpus") if view is not None else None
        if isinstance(corpus, Mapping) and isinstance(corpus.get("sha256"), str):
            found[corpus["sha256"]] = str(corpus.get("name") or corpus["sha256"][:12])
    return list(found.values())


def _flat(table: Mapping[str, Any], before: str, full: str, depth: int = _DEEPEST) -> dict[str, Any]:
    """Tables within tables as one, with dotted names; rungs by their own names."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        name = f"{before}{key}"
        if full + key in _WORDS or value is None or value in ({}, []):
            continue
        if isinstance(value, Mapping) and depth:
            found |= _flat(value, f"{name}.", f"{full}{key}.", depth - 1)
        elif key == "rungs" and isinstance(value, list) and all(isinstance(rung, Mapping) for rung in value):
            for rung in value:
                found |= _flat(rung, f"{rung.get('name', '?')}.", f"{full}rungs.", 0)
        else:
            found[name] = bounded(value)
    return found


def _shared(view: SweepView) -> dict[str, Any]:
    """The settings that all runs share, where there is no ladder that says them."""
    own = [settings_of(run) for run in view.runs]
    if not own:
        return {}
    return {
        key: value
        for key, value in own[0].items()
        if all(key in other and other[key] == value for other in own) and not isinstance(value, Mapping)
    }
