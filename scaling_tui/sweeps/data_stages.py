"""The data pipeline of a run in six stages: text, tokens, split, model, training, evaluation.

Every count is computed from the corpus and the run's own records.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling_tui import InputError
from scaling_tui.data import Corpus, Encoded, Text, encode, recorded_corpus, tokenizer_for
from scaling_tui.laws.counting import Architecture, count
from scaling_tui.runs import Curve, RunView
from scaling_tui.runs.config import known_keys
from scaling_tui.text import show

if TYPE_CHECKING:
    from scaling_tui.data import Tokenizer

FIRST_TOKENS = 12  # shown as text
FLAT = 0.002  # relative change of the loss below which it counts as flat


@dataclass(frozen=True)
class DataStage:
    """`count` of `unit` come out of the stage; `says` describes it in a sentence, `detail` holds its figures."""

    name: str
    count: int | float | None
    unit: str
    says: str
    detail: dict[str, Any] = field(default_factory=dict)


def stages(run: RunView) -> list[DataStage]:
    """The six stages of one run.

    Raises:
        InputError: run.json, written by another trainer, names no corpus or model; or the corpus is missing or changed.
    """
    recorded, described = run.config.get("corpus"), run.config.get("architecture")
    if not recorded or not described:
        raise InputError(f"run {run.name}: run.json has no corpus and architecture; want a run of 'scaling-tui run'")
    choice, corpus = recorded_corpus(recorded)
    encoded = encode(choice, corpus)
    arch = Architecture(**known_keys(described, Architecture, "run.json: architecture"))
    return [
        _text(corpus),
        _tokens(encoded, tokenizer_for(choice, corpus), Path(choice.tokenizer).name),
        _split(encoded),
        _model(arch, str(run.config.get("family", ""))),
        _training(run, arch),
        _evaluation(run, corpus),
    ]


def _text(corpus: Corpus) -> DataStage:
    if not isinstance(corpus.train, Text):
        parts = [part for part in (corpus.train, corpus.held_out) if not isinstance(part, Text)]
        ids, size = sum(map(len, parts)), sum(len(part) * part.dtype.itemsize for part in parts)
        unit = "drawn ids" if corpus.drawn_from else "token ids"
        return DataStage("raw text", ids, unit, f"{corpus.source}: token ids, not text", {"bytes": size})
    begins = corpus.train.beginning(60).decode(errors="replace")
    detail = {"source": corpus.source, "sha256": corpus.sha256, "begins": begins}
    several = f"{show.counted(corpus.documents, 'document')} in " if corpus.documents > 1 else ""
    return DataStage("raw text", corpus.size, "bytes", f"{several}{corpus.source}, beginning {begins!r}", detail)


def _tokens(encoded: Encoded, tokenizer: "Tokenizer", name: str) -> DataStage:
    total = len(encoded.train) + len(encoded.held_out)
    first = [int(token) for token in encoded.train[:FIRST_TOKENS]]
    examples = [{"id": token, "text": tokenizer.decode([token])} for token in first]
    says = f"{name} tokens of a vocabulary of {encoded.vocab:,}: "
    says += " ".join(f"{item['text']!r}={item['id']}" for item in examples)
    return DataStage(
        "tokens", total, "tokens", says, {"tokenizer": name, "vocabulary": encoded.vocab, "first": examples}
    )


def _split(encoded: Encoded) -> DataStage:
    train, held_out = len(encoded.train), len(encoded.held_out)
    share = held_out / (train + held_out)
    says = f"{train:,} tokens for training, {held_out:,} ({show.percent(share, 1)}) held out, never trained on"
    detail = {"train": train, "held_out": held_out, "held_out_share": share, "sample": encoded.sample}
    return DataStage("split", train, "training tokens", says, detail)


def _model(arch: Architecture, family: str) -> DataStage:
    counted = count(arch)
    parts = {
        "embedding": counted.embedding,
        "positions": counted.positions,
        "layers": counted.layers * counted.per_layer,
        "final norm": counted.final_norm,
        "head": counted.head + counted.head_bias,
    }
    present = {name: size for name, size in parts.items() if size}
    says = ", ".join(f"{name} {size:,} ({show.percent(size / counted.total, 1)})" for name, size in present.items())
    if arch.head == "tied":
        says += "; the head shares the embedding's weights"
    detail = {"family": family, "parts": parts, "non_embedding": counted.non_embedding}
    return DataStage("initialised model", counted.total, "parameters", says, detail)


def _training(run: RunView, arch: Architecture) -> DataStage:
    steps, tokens = run.curve.last("step"), run.curve.last("tokens")
    evaluations = _evaluations(run.curve, math.log(arch.outputs))
    _, losses = run.curve.points("step", "loss")
    epochs = run.curve.last("epoch")
    says = f"{int(steps):,} steps" if steps else "no step yet"
    if epochs is not None and tokens is not None:
        says += f", {epochs:.2f} epochs"
    detail = {
        "steps": steps,
        "epochs": epochs,
        "flops": run.curve.last("flops"),
        "table": evaluations,
        "losses": losses.tolist(),
    }
    return DataStage("training", tokens, "tokens trained on", says, detail)


def evaluations_of(run: RunView) -> list[dict[str, Any]]:
    """One row per evaluation of a run: epoch, step, losses, accuracy, and an observation.

    Raises:
        InputError: run.json, written by another trainer, describes no model.
    """
    described = run.config.get("architecture")
    if not described:
        raise InputError(f"run {run.name}: run.json has no architecture; want a run of 'scaling-tui run'")
    arch = Architecture(**known_keys(described, Architecture, "run.json: architecture"))
    return _evaluations(run.curve, math.log(arch.outputs))


def _evaluations(curve: Curve, uniform: float) -> list[dict[str, Any]]:
    names = ("epoch", "step", "loss", "val_loss", "val_accuracy", "gap")
    rows = (
        {name: None if math.isnan(value) else value for name, value in zip(names, values, strict=True)}
        for values in zip(*(curve[name].tolist() for name in names), strict=True)
    )
    return list(observed((row for row in rows if row["val_loss"] is not None), uniform))


def observed(rows: Iterable[dict[str, Any]], uniform: float) -> Iterator[dict[str, Any]]:
    """Evaluations, each with an observation from its numbers and those of the one before."""
    before: dict[str, Any] | None = None
    for row in rows:
        yield row | {"observation": observe(row, before, uniform)}
        before = row


def observe(row: dict[str, Any], before: dict[str, Any] | None, uniform: float) -> str:
    """A sentence on one evaluation. `uniform` is the loss of a uniform guess, in nats."""
    loss = row["val_loss"]
    if before is None:
        moved = uniform - loss
        if abs(moved) < FLAT * uniform:
            return f"no better than a uniform guess ({uniform:.3f} nats)"
        return f"{abs(moved):.3f} nats {'below' if moved > 0 else 'above'} a uniform guess ({uniform:.3f})"
    change = loss / before["val_loss"] - 1
    learns = row["loss"] is not None and before["loss"] is not None and row["loss"] < before["loss"] * (1 - FLAT)
    if abs(change) < FLAT:
        return "held-out loss is flat" + (" while training loss falls: it memorises" if learns else "")
    if change < 0:
        return f"held-out loss falls by {show.percent(-change, 1)}"
    return f"held-out loss rises by {show.percent(change, 1)}" + (
        " while training loss falls: it overfits" if learns else ""
    )


def _evaluation(run: RunView, corpus: Corpus) -> DataStage:
    figures = {name: run.curve.last(name) for name in ("val_loss", "val_accuracy", "bpb", "exact_match", "gap")}
    source = corpus.drawn_from
    figures |= {"entropy": source.entropy if source else None, "ceiling": source.ceiling if source else None}
    texts: tuple[tuple[str, Callable[[Any], str]], ...] = (
        ("val_loss", lambda loss: f"held-out loss {show.loss(loss)} nats"),
        ("val_accuracy", lambda share: f"accuracy {show.percent(share, 1)}"),
        ("bpb", lambda bits: f"{bits:.3f} bits per byte"),
        ("exact_match", lambda share: f"exact match {show.percent(share, 1)}"),
        ("entropy", lambda loss: f"lowest possible {show.loss(loss)} nats"),
        ("ceiling", lambda share: f"best possible accuracy {show.percent(share, 1)}"),
    )
    described = [text(figures[name]) for name, text in texts if figures[name] is not None]
    says = ", ".join(described) if run.curve.last("val_loss") is not None else "not evaluated yet"
    return DataStage("evaluation", figures["val_loss"], "nats per target", says, figures)
