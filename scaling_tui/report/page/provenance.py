"""Where the figures of a sweep come from: programs, machines, corpus, dates, cost, and what N, D and C count."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from scaling_tui.report.run_settings import bounded, setting_text
from scaling_tui.report.sweep import flops_note, loss_note, took_text
from scaling_tui.runs import RunView, Status, SweepView
from scaling_tui.runs.format import numbered, read_json, supervised_seconds
from scaling_tui.text import show

Pairs = list[tuple[str, str]]


def provenance(sweep: SweepView, summary: Mapping[str, Any]) -> tuple[Pairs, dict[str, Any]]:
    """Names with what is known under them, and the same for JSON; what is not known is left out.

    `summary` is the sweep's own, of `scaling_tui.sweeps.summary.summary`.
    """
    document = sweep.document
    began, ended = _times(sweep)
    places, cpu = places_of(sweep.runs), _cpu_seconds(sweep)
    spent = sum(cost for run in sweep.runs if run.state == "finished" and (cost := run.cost))
    took = supervised_seconds(sweep.path)
    created, seeds = document.get("created"), sorted({run.seed for run in sweep.runs})
    facts = {
        "path": str(sweep.path),
        "created": created,
        "first_record": began,
        "last_record": ended,
        "took_s": took,
        "cpu_s": cpu,
        "flops": spent or None,
        "versions": bounded(document.get("versions")),
        "machine": bounded(document.get("machine")),
        "places": [{"host": host, "device": device, "runs": count} for (host, device), count in places.items()],
        "corpus": bounded(document.get("corpus")),
        "data": bounded(document.get("data")),
        "seeds": seeds,
        "launch": bounded(document.get("launch")),
        "imported": bounded(document.get("imported")),
    }
    pairs: Pairs = []

    def tell(name: str, text: str) -> None:
        if text and text != "–":
            pairs.append((name, text))

    tell("launched" if "ladder" in document else "created", show.date_utc(created))
    dates = list(dict.fromkeys((show.date_utc(began), show.date_utc(ended))))
    tell("records", " to ".join(date for date in dates if date != "–"))
    tell("time", took_text(summary["estimate"]) or show.duration(took))
    tell("CPU time", "" if cpu is None else f"{show.duration(cpu)}, all runs and threads")
    tell("compute", f"{show.scientific(spent)} FLOPs, by the runs that finished" if spent else "")
    tell("programs", _versions(document))
    tell("machine", _machine(document))
    tell("trained on", _places(places, len(sweep.runs)))
    for name, text in _corpus(document):
        tell(name, text)
    tell("seeds", show.listed([str(seed) for seed in seeds], 20) if sweep.runs else "")
    tell("imported from", _imported(document.get("imported")))
    if summary["runs"]:
        tell("loss", loss_note(summary["runs"]).removeprefix("loss is "))
        tell("N", "every trainable parameter; N non-emb is without embeddings and head")
        tell("D", "training tokens")
        tell("C", flops_note(summary["runs"]).removeprefix("; ").removeprefix("C ") or "training FLOPs")
    return pairs, facts


def places_of(runs: Iterable[RunView]) -> Counter[tuple[str, str]]:
    """How many runs were trained on each host and device, by their latest attempt; "" where it does not tell."""
    places: Counter[tuple[str, str]] = Counter()
    for run in runs:
        if attempts := numbered(run.path, "attempt"):
            latest = attempts[-1][1]
            engine, status = read_json(latest / "engine.json"), Status.read(latest / "status.json")
            found = engine if isinstance(engine, dict) else {}
            host, device = (
                str(value) if isinstance(value := found.get(key), str) else "" for key in ("host", "device")
            )
            places[host or (status.host if status else ""), device] += 1
    return places


def _times(sweep: SweepView) -> tuple[float | None, float | None]:
    """Of the first and the last record, in Unix s."""
    times = [run.curve["time"] for run in sweep.runs if len(run.curve)]
    known = np.concatenate(times)[~np.isnan(np.concatenate(times))] if times else np.empty(0)
    return (float(known.min()), float(known.max())) if known.size else (None, None)


def _cpu_seconds(sweep: SweepView) -> float | None:
    seconds = [used for run in sweep.runs if (used := run.curve.last("cpu_s")) is not None]
    return sum(seconds) if seconds else None


def _versions(document: Mapping[str, Any]) -> str:
    versions = document.get("versions")
    found = {"Python": (document.get("machine") or {}).get("python")}
    found = {**(versions if isinstance(versions, Mapping) else {}), **found}
    return ", ".join(f"{name} {version}" for name, version in found.items() if isinstance(version, str))


def _machine(document: Mapping[str, Any]) -> str:
    machine = document.get("machine") or {}
    parts = [str(machine[key]) for key in ("host", "system", "processor") if isinstance(machine.get(key), str)]
    cores = machine.get("cores")
    if isinstance(cores, int) and not isinstance(cores, bool):
        parts.append(show.counted(cores, "core"))
    return ", ".join(parts)


def _places(places: Counter[tuple[str, str]], runs: int) -> str:
    parts = []
    for (host, device), count in places.most_common(20):
        if where := " ".join(filter(None, (device, f"on {host}" if host and device else host))):
            parts.append(where if count == runs else f"{where} ({show.counted(count, 'run')})")
    more = len(places) - 20
    return ", ".join(parts) + (f" and {more} more" if more > 0 else "")


def _corpus(document: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    corpus = document.get("corpus") or {}
    if not corpus:
        return
    yield "corpus", ", ".join(str(corpus[key]) for key in ("name", "source") if corpus.get(key))
    yield "corpus sha256", str(corpus.get("sha256") or "")
    tokenizer = ", sha256 ".join(str(corpus[key]) for key in ("tokenizer", "tokenizer_sha256") if corpus.get(key))
    yield "tokenizer", tokenizer
    data = document.get("data")
    if isinstance(data, Mapping):
        named = (("train", "for training"), ("held_out", "held out"), ("evaluated", "of those evaluated"))
        parts = [f"{setting_text(data[key])} {name}" for key, name in named if isinstance(data.get(key), int)]
        yield "tokens of the corpus", ", ".join(parts)


def _imported(imported: object) -> str:
    paths: Sequence[object] = ()
    if isinstance(imported, Mapping) and isinstance(imported.get("paths"), list):
        paths = imported["paths"]
    return show.listed([str(path) for path in paths if isinstance(path, str)])
