"""One prompt through layers, rungs or checkpoints: from logits to the records of `scaling_tui.lens.records`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from scaling_tui import InputError
from scaling_tui.lens.attribution import shares
from scaling_tui.lens.checkpoints import Checkpoint, Source
from scaling_tui.lens.prompts import Prompt, example, sample, spelled, token_id, typed
from scaling_tui.lens.readout import ForwardPass, LensModel, generate, log_probabilities, measure
from scaling_tui.lens.records import Across, Attribution, Continuation, Grid, LensRow, Member, Token, Trace

MOST_LOGITS = 1 << 27  # of one row, tokens × vocabulary: half a gigabyte in float32


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

    @property
    def key(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """What the grid depends on."""
        return tuple(self.prompt.ids), tuple(self.truth)


def encode_prompt(request: TraceRequest, source: Source, guess: int | None = None) -> EncodedPrompt:
    """The request's prompt in the tokens of `source`; it watches the true token, else `guess`, unless told which.

    Raises:
        InputError: the prompt, the position or the watched token does not fit the model.
    """
    classifies = source.classes is not None
    context = min(source.shape.context, max(1, MOST_LOGITS // source.shape.outputs))
    notes = [*source.notes]
    if request.prompt is not None:
        prompt = typed(source.tokenizer, request.prompt)
    elif source.corpus is not None:
        prompt = example(source.corpus, source.tokenizer, context, request.example)
    else:
        prompt = sample(source.tokenizer, request.example)
    if (length := len(prompt.ids)) > context:
        cut = length - context
        limit = "the model's context is" if context == source.shape.context else "a trace holds at most"
        notes.append(f"the prompt has {length} tokens but {limit} {context}: the first {cut} are cut")
        prompt = Prompt(prompt.text, prompt.ids[-context:], prompt.after, prompt.origin)
    after = -1 if prompt.after is None else prompt.after
    truth = [after] if classifies else [*prompt.ids[1:], after]
    at = len(truth) - 1 if request.at is None else request.at
    if not 0 <= at < len(truth):
        raise InputError(f"--at {at + 1}: not a position in the prompt, want 1 to {len(truth)}")
    if request.watch is None:
        watched = truth[at] if truth[at] >= 0 else guess if guess is not None else 0
    elif source.classes is not None:
        watched = _class(request.watch, source.classes)
    else:
        watched = token_id(source.tokenizer, request.watch, source.shape.outputs)
    return EncodedPrompt(prompt, notes, truth, at, watched)


def _class(text: str, classes: int) -> int:
    number = text.strip().removeprefix("class-")
    if not (number.isascii() and number.isdecimal() and int(number) < classes):
        raise InputError(f"class {text!r}: not known, want a number from 0 to {classes - 1}")
    return int(number)


class LensTable:
    """Collects predictions row by row and keeps only their metrics: every logit of a wide vocabulary would not fit.

    `reference` are the logits that KL is measured from, (columns, vocab); `truth` as of `EncodedPrompt`.
    """

    def __init__(self, source: Source, truth: Sequence[int], reference: torch.Tensor) -> None:
        self._source, self._truth, self._reference = source, torch.tensor(truth), reference
        self.grid = Grid([], [], [], [], [], [], [])

    def add(self, name: str, logits: torch.Tensor) -> None:
        """Adds one row from its logits, (columns, vocab); where a head is longer, the tokens of both are compared."""
        shared = min(logits.shape[-1], self._reference.shape[-1])
        metrics = measure(logits[:, :shared], self._reference[:, :shared], self._truth)
        known = (self._truth >= 0).tolist()
        grid = self.grid
        grid.names.append(name)
        grid.top.append([self._source.token(number).token for number in metrics.top.tolist()])
        grid.p.append(metrics.p.tolist())
        grid.p_true.append([p if there else None for p, there in zip(metrics.p_true.tolist(), known, strict=True)])
        grid.rank_true.append(
            [rank if there else None for rank, there in zip(metrics.rank_true.tolist(), known, strict=True)]
        )
        grid.entropy.append(metrics.entropy.tolist())
        grid.kl.append(metrics.kl.tolist())


def reading(
    source: Source, prompt: EncodedPrompt, grid: Grid, here: Sequence[torch.Tensor], top: int
) -> dict[str, Any]:
    """The fields of `records.Reading`; `here` are the logits of each row at the column of the prompt, (vocab,)."""
    return {
        "prompt": prompt.prompt.text,
        "origin": prompt.prompt.origin,
        "tokens": [Token(number, spelled(source.tokenizer, number)) for number in prompt.ids],
        "truth": [source.token(number) if number >= 0 else None for number in prompt.truth],
        "classifies": source.classes is not None,
        "at": prompt.at,
        "outputs": len(here[-1]),
        "rows": [lens_row(source, prompt, grid, row, logits, top) for row, logits in enumerate(here)],
        "grid": grid,
        "notes": prompt.notes,
    }


def lens_row(source: Source, prompt: EncodedPrompt, grid: Grid, row: int, logits: torch.Tensor, top: int) -> LensRow:
    """One row at the column of the prompt, from its logits there, (vocab,)."""
    p, at, watched = log_probabilities(logits).exp(), prompt.at, prompt.watched
    best = p.topk(min(top, len(p)))
    return LensRow(
        name=grid.names[row],
        top=[
            source.guess(number, share)
            for share, number in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ],
        entropy=grid.entropy[row][at],
        kl=grid.kl[row][at],
        p_true=grid.p_true[row][at],
        rank_true=grid.rank_true[row][at],
        watched=source.guess(watched, float(p[watched]) if watched < len(p) else 0.0),
    )


@torch.no_grad()
def trace_prompt(checkpoint: Checkpoint, request: TraceRequest) -> Trace:
    """One checkpoint, layer by layer.

    The grid of a prompt is the same at every position, so it is computed once: in a wide vocabulary it is most of the
    work, and a cursor moves from position to position.
    """
    source, model = checkpoint.source, checkpoint.model
    prompt = encode_prompt(request, source)
    forward = model.forward_pass(prompt.ids, prompt.at)
    here = forward.column()
    if request.watch is None:
        prompt = encode_prompt(request, source, guess=int(here[-1].argmax()))
    grid = checkpoint.grids.get(prompt.key)
    if grid is None:
        grid = checkpoint.grids.put(prompt.key, _grid(source, forward, prompt.truth))
    logits = here[-1].double()
    return Trace(
        **reading(source, prompt, grid, list(here), request.top),
        run=source.name,
        rung=source.rung,
        params=source.params,
        step=source.step,
        shape=source.shape,
        lengths=forward.lengths,
        attribution=Attribution(
            source.token(prompt.watched), float(logits[prompt.watched]), float(logits.mean()),
            shares(forward, prompt.watched),
        ),
        attention=forward.attention(),
    )  # fmt: skip


def _grid(source: Source, forward: ForwardPass, truth: Sequence[int]) -> Grid:
    last = len(forward.streams) - 1
    output = forward.logits(last)
    table = LensTable(source, truth, output)
    for row, name in enumerate(forward.names):
        table.add(name, forward.logits(row) if row < last else output)
    return table.grid


@torch.no_grad()
def across(members: Sequence[tuple[str, Callable[[], Checkpoint]]], request: TraceRequest) -> Across:
    """The final predictions of several checkpoints; `kl` is measured from the last one.

    They are loaded one after another, the last one first, so that large ones need not fit the memory together.

    Raises:
        InputError: they do not share a vocabulary, or the prompt is longer than a context.
    """
    loaded = members[-1][1]()
    last, model = loaded.source, loaded.model
    prompt = encode_prompt(request, last)
    reference = final_logits(model, prompt)
    if request.watch is None:
        prompt = encode_prompt(request, last, guess=int(reference[prompt.at].argmax()))
    table = LensTable(last, prompt.truth, reference)
    listed, here = [], []
    del loaded, model
    for name, load in members[:-1]:
        checkpoint = load()
        source = checkpoint.source
        _must_share(source, last, len(prompt.ids))
        logits = final_logits(checkpoint.model, prompt)
        table.add(name, logits)
        here.append(logits[prompt.at].clone())
        listed.append(Member(name, source.name, source.params, source.step))
        prompt.notes.extend(note for note in source.notes if note not in prompt.notes)
        if (rows := source.shape.outputs) != last.shape.outputs:
            prompt.notes.append(
                f"the head of {name} has {rows:,} rows and that of {members[-1][0]} {last.shape.outputs:,}: KL is over "
                "those of both"
            )
        del checkpoint
    table.add(members[-1][0], reference)
    here.append(reference[prompt.at])
    listed.append(Member(members[-1][0], last.name, last.params, last.step))
    return Across(**reading(last, prompt, table.grid, here, request.top), members=listed)


def final_logits(model: LensModel, prompt: EncodedPrompt) -> torch.Tensor:
    """The model's own prediction of every column, (columns, outputs)."""
    forward = model.forward_pass(prompt.ids, prompt.at)
    return forward.logits(len(forward.names) - 1)


def _must_share(source: Source, last: Source, length: int) -> None:
    """Only predictions over the same tokens can be compared."""
    if source.vocabulary != last.vocabulary or source.classes != last.classes:
        raise InputError(f"{source.name}: its tokens are not those of {last.name}; want models of one tokenizer")
    if length > source.shape.context:
        raise InputError(
            f"{source.name}: its context is {source.shape.context} tokens, the prompt has {length}; want a shorter one"
        )


def continue_prompt(
    checkpoint: Checkpoint, request: TraceRequest, tokens: int, temperature: float, seed: int
) -> Continuation:
    """What the model generates after the prompt.

    Raises:
        InputError: it is a classifier.
    """
    source = checkpoint.source
    if source.classes is not None:
        raise InputError(f"{source.name}: a classifier predicts a class, not text; want a language model")
    prompt = encode_prompt(request, source)
    ids = generate(checkpoint.model, prompt.ids, tokens, temperature, seed)
    return Continuation(source.tokenizer.decode(ids), [source.token(number) for number in ids], temperature, seed)
