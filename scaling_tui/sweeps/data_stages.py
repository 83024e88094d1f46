"""The way of a run's data, stage by stage with true counts: text, tokens, split, model, training, evaluation.

Everything is read again from the corpus and the run's records, so that a number here is that of this very run.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scaling_tui import InputError
from scaling_tui.data import Corpus, Encoded, encode, load_corpus, tokenizer_for
from scaling_tui.laws.counting import Architecture, count
from scaling_tui.runs import Curve, RunView
from scaling_tui.text import show

if TYPE_CHECKING:
    from scaling_tui.data import Tokenizer

SPELLED = 12  # tokens spelled out
STILL = 0.002  # a share of the loss below which it counts as not having moved


@dataclass(frozen=True)
class DataStage:
    """`count` of `unit` leave the stage; `says` it in a sentence; `detail` holds the figures behind it."""

    name: str
    count: int | float | None
    unit: str
    says: str
    detail: dict[str, Any] = field(default_factory=dict)


def stages(run: RunView) -> list[DataStage]:
    """The six stages of one run.

    Raises:
        InputError: the run is of another trainer and names no corpus and model, or its corpus is gone or changed.
    """
    told, described = run.config.get("corpus"), run.config.get("architecture")
    if not told or not described:
        raise InputError(f"run {run.name}: run.json names no corpus and architecture; want a run of 'scaling-tui run'")
    corpus = load_corpus(told["name"], parameters=told.get("parameters"))
    if corpus.sha256 != told["sha256"]:
        raise InputError(
            f"corpus {told['name']!r}: sha256 {corpus.sha256[:12]}… here, "
            f"{told['sha256'][:12]}… when {run.name} was trained"
        )
    encoded = encode(corpus, told["tokenizer"], told.get("first_tokens", 0))
    arch = Architecture(**described)
    return [
        _text(corpus),
        _tokens(encoded, tokenizer_for(told["tokenizer"], corpus), told["tokenizer"]),
        _split(encoded),
        _model(arch, str(run.config.get("family", ""))),
        _training(run, arch),
        _evaluation(run, corpus),
    ]


def _text(corpus: Corpus) -> DataStage:
    size = len(corpus.train) + len(corpus.held_out)
    if corpus.drawn_from is not None:
        return DataStage(
            "raw text", size // 2, "drawn ids", f"{corpus.source}: no text, its ids are drawn", {"bytes": size}
        )
    begins = corpus.train[:60].decode(errors="replace")
    detail = {"source": corpus.source, "sha256": corpus.sha256, "begins": begins}
    return DataStage("raw text", size, "bytes", f"{corpus.source}, begins {begins!r}", detail)


def _tokens(encoded: Encoded, tokenizer: "Tokenizer", name: str) -> DataStage:
    total = len(encoded.train) + len(encoded.held_out)
    first = [int(token) for token in encoded.train[:SPELLED]]
    spelled = [{"id": token, "text": tokenizer.decode([token])} for token in first]
    says = f"{name} tokens of a vocabulary of {encoded.vocab:,}: "
    says += " ".join(f"{item['text']!r}={item['id']}" for item in spelled)
    return DataStage(
        "tokens", total, "tokens", says, {"tokenizer": name, "vocabulary": encoded.vocab, "first": spelled}
    )


def _split(encoded: Encoded) -> DataStage:
    train, held_out = len(encoded.train), len(encoded.held_out)
    share = held_out / (train + held_out)
    says = f"{train:,} tokens to train on, {held_out:,} ({show.percent(share, 1)}) held out and never trained on"
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
        says += "; the head is the embedding"
    detail = {"family": family, "parts": parts, "non_embedding": counted.non_embedding}
    return DataStage("initialised model", counted.total, "parameters", says, detail)


def _training(run: RunView, arch: Architecture) -> DataStage:
    steps, tokens = run.curve.last("step"), run.curve.last("tokens")
    rows = list(_rows(run.curve, math.log(arch.outputs)))
    _, losses = run.curve.points("step", "loss")
    epochs = run.curve.last("epoch")
    says = f"{int(steps):,} steps" if steps else "no step yet"
    if epochs is not None and tokens is not None:
        says += f", {epochs:.2f} epochs"
    detail = {
        "steps": steps,
        "epochs": epochs,
        "flops": run.curve.last("flops"),
        "table": rows,
        "losses": losses.tolist(),
    }
    return DataStage("training", tokens, "tokens trained on", says, detail)


def _rows(curve: Curve, uniform: float) -> Iterator[dict[str, Any]]:
    """One row an evaluation, with what can be said of it from the numbers of this one and the one before."""
    before: dict[str, Any] | None = None
    names = ("epoch", "step", "loss", "val_loss", "val_accuracy", "gap")
    for values in zip(*(curve[name].tolist() for name in names), strict=True):
        row: dict[str, Any] = {
            name: None if math.isnan(value) else value for name, value in zip(names, values, strict=True)
        }
        if row["val_loss"] is None:
            continue
        row["observation"] = observe(row, before, uniform)
        yield row
        before = row


def observe(row: dict[str, Any], before: dict[str, Any] | None, uniform: float) -> str:
    """A sentence on one evaluation. `uniform` is the loss of guessing all outcomes alike, in nats."""
    loss = row["val_loss"]
    if before is None:
        moved = uniform - loss
        if abs(moved) < STILL * uniform:
            return f"no better than guessing evenly ({uniform:.3f} nats)"
        return f"{abs(moved):.3f} nats {'below' if moved > 0 else 'above'} guessing evenly ({uniform:.3f})"
    change = loss / before["val_loss"] - 1
    learns = row["loss"] is not None and before["loss"] is not None and row["loss"] < before["loss"] * (1 - STILL)
    if abs(change) < STILL:
        return "held-out loss stands still" + (" while training loss falls: it learns by heart" if learns else "")
    if change < 0:
        return f"held-out loss falls by {show.percent(-change, 1)}"
    return f"held-out loss rises by {show.percent(change, 1)}" + (
        " while training loss falls: it overfits" if learns else ""
    )


def _evaluation(run: RunView, corpus: Corpus) -> DataStage:
    found = {name: run.curve.last(name) for name in ("val_loss", "val_accuracy", "bpb", "exact_match", "gap")}
    source = corpus.drawn_from
    found |= {"entropy": source.entropy if source else None, "ceiling": source.ceiling if source else None}
    words: tuple[tuple[str, Callable[[Any], str]], ...] = (
        ("val_loss", lambda loss: f"held-out loss {show.loss(loss)} nats"),
        ("val_accuracy", lambda share: f"accuracy {show.percent(share, 1)}"),
        ("bpb", lambda bits: f"{bits:.3f} bits per byte"),
        ("exact_match", lambda share: f"exact match {show.percent(share, 1)}"),
        ("entropy", lambda loss: f"least possible {show.loss(loss)} nats"),
        ("ceiling", lambda share: f"best possible accuracy {show.percent(share, 1)}"),
    )
    said = [text(found[name]) for name, text in words if found[name] is not None]
    says = ", ".join(said) if run.curve.last("val_loss") is not None else "not evaluated yet"
    return DataStage("evaluation", found["val_loss"], "nats per target", says, found)
