"""One prompt through layers, rungs or checkpoints: from logits to the records of `scaling_tui.lens.records`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from scaling_tui import InputError
from scaling_tui.lens.attribution import attention_weights, shares
from scaling_tui.lens.checkpoints import Checkpoint
from scaling_tui.lens.prompts import Prompt, example, spelled, token_id, typed
from scaling_tui.lens.readout import forward_pass, generate, log_probabilities, measure
from scaling_tui.lens.records import Across, Attribution, Continuation, Grid, LensRow, Member, Shape, Token, Trace


@dataclass(frozen=True)
class TraceRequest:
    """The prompt and what to report about it, as the client sends them. `at` counts from 0; None is the last column."""

    prompt: str | None
    example: int
    at: int | None
    watch: str | None
    top: int

    @classmethod
    def from_json(cls, request: Mapping[str, Any]) -> "TraceRequest":
        names = ("prompt", "example", "at", "watch", "top")
        return cls(**{"prompt": None, "example": 0, "at": None, "watch": None, "top": 10} | {
            name: request[name] for name in names if request.get(name) is not None
        })  # fmt: skip


@dataclass(frozen=True)
class EncodedPrompt:
    """A request in the tokens of one vocabulary. `truth` holds the id that follows each column, -1 where unknown."""

    prompt: Prompt
    notes: list[str]
    truth: list[int]
    at: int
    watched: int

    @property
    def ids(self) -> list[int]:
        return self.prompt.ids


def encode_prompt(request: TraceRequest, checkpoint: Checkpoint, guess: int | None = None) -> EncodedPrompt:
    """The request's prompt in the tokens of `checkpoint`; it watches the true token, else `guess`, unless told which.

    Raises:
        InputError: the prompt, the position or the watched token does not fit the model.
    """
    context, classifies = checkpoint.model.arch.context, checkpoint.model.arch.classes is not None
    notes = [*checkpoint.notes]
    if request.prompt is None:
        prompt = example(checkpoint.config.corpus, checkpoint.tokenizer, context, request.example)
    else:
        prompt = typed(checkpoint.tokenizer, request.prompt)
    if (length := len(prompt.ids)) > context:
        cut = length - context
        notes.append(f"the prompt has {length} tokens but the model's context is {context}: the first {cut} are cut")
        prompt = Prompt(prompt.text, prompt.ids[-context:], prompt.after, prompt.origin)
    after = -1 if prompt.after is None else prompt.after
    truth = [after] if classifies else [*prompt.ids[1:], after]
    at = len(truth) - 1 if request.at is None else request.at
    if not 0 <= at < len(truth):
        raise InputError(f"--at {at + 1}: not a position in the prompt, want 1 to {len(truth)}")
    if request.watch is None:
        watched = truth[at] if truth[at] >= 0 else guess if guess is not None else 0
    elif classifies:
        watched = _class(request.watch, checkpoint.model.arch.outputs)
    else:
        watched = token_id(checkpoint.tokenizer, request.watch)
    return EncodedPrompt(prompt, notes, truth, at, watched)


def _class(text: str, classes: int) -> int:
    number = text.strip().removeprefix("class-")
    if not (number.isascii() and number.isdecimal() and int(number) < classes):
        raise InputError(f"class {text!r}: not known, want a number from 0 to {classes - 1}")
    return int(number)


class LensTable:
    """Collects predictions row by row and keeps only their metrics: every logit of a wide vocabulary would not fit."""

    def __init__(self, prompt: EncodedPrompt, reference: torch.Tensor, top: int) -> None:
        self._prompt, self._reference, self._top = prompt, log_probabilities(reference), top
        self._truth = torch.tensor(prompt.truth)
        self.rows: list[LensRow] = []
        self._grid = Grid([], [], [], [], [], [], [])

    def add(self, name: str, logits: torch.Tensor, checkpoint: Checkpoint) -> None:
        """Adds one row from its logits, (columns, vocab)."""
        metrics = measure(logits, self._reference, self._truth)
        known = [token >= 0 for token in self._prompt.truth]
        grid, at, watched = self._grid, self._prompt.at, self._prompt.watched
        p_true = [p if there else None for p, there in zip(metrics.p_true.tolist(), known, strict=True)]
        rank_true = [rank if there else None for rank, there in zip(metrics.rank_true.tolist(), known, strict=True)]
        grid.names.append(name)
        grid.top.append([checkpoint.token(number).token for number in metrics.top.tolist()])
        grid.p.append(metrics.p.tolist())
        grid.p_true.append(p_true)
        grid.rank_true.append(rank_true)
        grid.entropy.append(metrics.entropy.tolist())
        grid.kl.append(metrics.kl.tolist())
        p = log_probabilities(logits[at]).exp()
        best = p.topk(min(self._top, len(p)))
        self.rows.append(
            LensRow(
                name=name,
                top=[
                    checkpoint.guess(number, share)
                    for share, number in zip(best.values.tolist(), best.indices.tolist(), strict=True)
                ],
                entropy=grid.entropy[-1][at],
                kl=grid.kl[-1][at],
                p_true=p_true[at],
                rank_true=rank_true[at],
                watched=checkpoint.guess(watched, float(p[watched])),
            )
        )

    def reading(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """The fields of `records.Reading`."""
        prompt = self._prompt
        return {
            "prompt": prompt.prompt.text,
            "origin": prompt.prompt.origin,
            "tokens": [Token(number, spelled(checkpoint.tokenizer, number)) for number in prompt.ids],
            "truth": [checkpoint.token(number) if number >= 0 else None for number in prompt.truth],
            "classifies": checkpoint.model.arch.classes is not None,
            "at": prompt.at,
            "rows": self.rows,
            "grid": self._grid,
            "notes": prompt.notes,
        }


@torch.no_grad()
def trace_prompt(checkpoint: Checkpoint, request: TraceRequest) -> Trace:
    """One checkpoint, layer by layer."""
    prompt = encode_prompt(request, checkpoint)
    forward = forward_pass(checkpoint.model, prompt.ids)
    output = forward.logits(len(forward.names) - 1)
    if request.watch is None:
        prompt = encode_prompt(request, checkpoint, guess=int(output[prompt.at].argmax()))
    table = LensTable(prompt, output, request.top)
    for row, name in enumerate(forward.names):
        table.add(name, forward.logits(row), checkpoint)
    arch = checkpoint.model.arch
    logits = output[prompt.at].double()
    return Trace(
        **table.reading(checkpoint),
        run=checkpoint.name,
        rung=checkpoint.config.rung,
        params=checkpoint.config.params,
        step=checkpoint.step,
        shape=Shape(
            checkpoint.config.family, arch.layers, arch.hidden, arch.heads, arch.inner, arch.vocab, arch.outputs,
            arch.context, arch.positions, arch.head == "tied",
        ),
        lengths=[float(stream[0].norm(dim=-1).mean()) for stream in forward.streams],
        attribution=Attribution(
            checkpoint.token(prompt.watched), float(logits[prompt.watched]), float(logits.mean()),
            shares(forward, prompt.at, prompt.watched),
        ),
        attention=attention_weights(forward, prompt.at),
    )  # fmt: skip


@torch.no_grad()
def across(members: Sequence[tuple[str, Checkpoint]], request: TraceRequest) -> Across:
    """The final predictions of several checkpoints; `kl` is measured from the last one.

    Raises:
        InputError: they do not share a vocabulary and a context.
    """
    last = members[-1][1]
    for _, checkpoint in members:
        for key in ("vocab", "context", "classes"):
            own, other = getattr(checkpoint.model.arch, key), getattr(last.model.arch, key)
            if own != other or checkpoint.config.corpus["tokenizer"] != last.config.corpus["tokenizer"]:
                raise InputError(f"{checkpoint.name}: {key} {own}, {last.name} has {other}; want the same vocabulary")
    prompt = encode_prompt(request, last)

    def output(checkpoint: Checkpoint) -> torch.Tensor:
        forward = forward_pass(checkpoint.model, prompt.ids)
        return forward.logits(len(forward.names) - 1)

    reference = output(last)
    if request.watch is None:
        prompt = encode_prompt(request, last, guess=int(reference[prompt.at].argmax()))
    prompt.notes.extend(note for _, checkpoint in members[:-1] for note in checkpoint.notes)
    table = LensTable(prompt, reference, request.top)
    for name, checkpoint in members:
        table.add(name, output(checkpoint), checkpoint)
    listed = [Member(name, item.name, item.config.params, item.step) for name, item in members]
    return Across(**table.reading(last), members=listed)


def continue_prompt(
    checkpoint: Checkpoint, request: TraceRequest, tokens: int, temperature: float, seed: int
) -> Continuation:
    """What the model generates after the prompt.

    Raises:
        InputError: it is a classifier.
    """
    if checkpoint.model.arch.classes is not None:
        raise InputError(f"{checkpoint.name}: a classifier predicts a class, not text; want a language model")
    prompt = encode_prompt(request, checkpoint)
    ids = generate(checkpoint.model, prompt.ids, tokens, temperature, seed)
    return Continuation(
        checkpoint.tokenizer.decode(ids), [checkpoint.token(number) for number in ids], temperature, seed
    )
