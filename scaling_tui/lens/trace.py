"""A prompt read by layers, rungs or checkpoints: from logits to the plain records of `scaling_tui.lens.records`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from scaling_tui import InputError
from scaling_tui.lens.attribution import looked_at, shares
from scaling_tui.lens.checkpoints import Loaded
from scaling_tui.lens.prompts import Prompt, example, spelled, token_id, typed
from scaling_tui.lens.readout import continued, log_probabilities, measure, walk
from scaling_tui.lens.records import Across, Attribution, Continuation, Grid, Member, Row, Shape, Token, Trace


@dataclass(frozen=True)
class Question:
    """What a request asks, whichever rows it asks for. `at` counts columns from 0; None is the last one."""

    prompt: str | None
    example: int
    at: int | None
    watch: str | None
    top: int

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> "Question":
        names = ("prompt", "example", "at", "watch", "top")
        return cls(**{"prompt": None, "example": 0, "at": None, "watch": None, "top": 10} | {
            name: request[name] for name in names if request.get(name) is not None
        })  # fmt: skip


@dataclass(frozen=True)
class Read:
    """A question made ready for one vocabulary: the prompt's ids and what really comes after each of them."""

    prompt: Prompt
    notes: list[str]
    truth: list[int]
    at: int
    watched: int

    @property
    def ids(self) -> list[int]:
        return self.prompt.ids


def read(question: Question, loaded: Loaded, guess: int | None = None) -> Read:
    """The question's prompt in the tokens of `loaded`; without a token to watch it is the true one, else `guess`."""
    context, classifies = loaded.model.arch.context, loaded.model.arch.classes is not None
    notes = []
    if question.prompt is None:
        prompt = example(loaded.config.corpus, loaded.tokenizer, context, question.example)
    else:
        prompt = typed(loaded.tokenizer, question.prompt)
    if (found := len(prompt.ids)) > context:
        cut = found - context
        notes.append(f"the prompt has {found} tokens and the model reads {context}: the first {cut} are left out")
        prompt = Prompt(prompt.text, prompt.ids[-context:], prompt.after, prompt.origin)
    after = -1 if prompt.after is None else prompt.after
    truth = [after] if classifies else [*prompt.ids[1:], after]
    at = len(truth) - 1 if question.at is None else question.at
    if not 0 <= at < len(truth):
        raise InputError(f"--at {at + 1}: not a place of the prompt, want 1 to {len(truth)}")
    if question.watch is None:
        watched = truth[at] if truth[at] >= 0 else guess if guess is not None else 0
    elif classifies:
        watched = _class(question.watch, loaded.model.arch.outputs)
    else:
        watched = token_id(loaded.tokenizer, question.watch)
    return Read(prompt, notes, truth, at, watched)


def _class(text: str, classes: int) -> int:
    number = text.strip().removeprefix("class-")
    if not (number.isascii() and number.isdecimal() and int(number) < classes):
        raise InputError(f"class {text!r}: not known, want a number from 0 to {classes - 1}")
    return int(number)


class Rows:
    """Collects rows of predictions, each reduced to its metrics as it comes: a wide vocabulary fits no grid."""

    def __init__(self, asked: Read, reference: torch.Tensor, top: int) -> None:
        self._asked, self._reference, self._top = asked, log_probabilities(reference), top
        self._truth = torch.tensor(asked.truth)
        self.rows: list[Row] = []
        self._grid = Grid([], [], [], [], [], [], [])

    def add(self, name: str, logits: torch.Tensor, loaded: Loaded) -> None:
        """Takes in the logits (columns, vocab) of one row."""
        found = measure(logits, self._reference, self._truth)
        known = [token >= 0 for token in self._asked.truth]
        grid, at = self._grid, self._asked.at
        p_true = [p if there else None for p, there in zip(found.p_true.tolist(), known, strict=True)]
        rank_true = [rank if there else None for rank, there in zip(found.rank_true.tolist(), known, strict=True)]
        grid.names.append(name)
        grid.top.append([loaded.token(number).token for number in found.top.tolist()])
        grid.p.append(found.p.tolist())
        grid.p_true.append(p_true)
        grid.rank_true.append(rank_true)
        grid.entropy.append(found.entropy.tolist())
        grid.kl.append(found.kl.tolist())
        said = log_probabilities(logits[at]).exp()
        best = said.topk(min(self._top, len(said)))
        self.rows.append(
            Row(
                name=name,
                top=[loaded.guess(n, p) for p, n in zip(best.values.tolist(), best.indices.tolist(), strict=True)],
                entropy=grid.entropy[-1][at],
                kl=grid.kl[-1][at],
                p_true=p_true[at],
                rank_true=rank_true[at],
                watched=loaded.guess(self._asked.watched, float(said[self._asked.watched])),
            )
        )

    def reading(self, loaded: Loaded) -> dict[str, Any]:
        """The fields of `runs.traces.Reading`."""
        asked = self._asked
        return {
            "prompt": asked.prompt.text,
            "origin": asked.prompt.origin,
            "tokens": [Token(number, spelled(loaded.tokenizer, number)) for number in asked.ids],
            "truth": [loaded.token(number) if number >= 0 else None for number in asked.truth],
            "classifies": loaded.model.arch.classes is not None,
            "at": asked.at,
            "rows": self.rows,
            "grid": self._grid,
            "notes": asked.notes,
        }


@torch.no_grad()
def traced(loaded: Loaded, question: Question) -> Trace:
    """One checkpoint, layer by layer."""
    asked = read(question, loaded)
    walked = walk(loaded.model, asked.ids)
    output = walked.logits(len(walked.names) - 1)
    if question.watch is None:
        asked = read(question, loaded, guess=int(output[asked.at].argmax()))
    rows = Rows(asked, output, question.top)
    for row, name in enumerate(walked.names):
        rows.add(name, walked.logits(row), loaded)
    arch = loaded.model.arch
    logits = output[asked.at].double()
    return Trace(
        **rows.reading(loaded),
        run=loaded.name,
        rung=loaded.config.rung,
        params=loaded.config.params,
        step=loaded.step,
        shape=Shape(
            loaded.config.family, arch.layers, arch.hidden, arch.heads, arch.inner, arch.vocab, arch.outputs,
            arch.context, arch.positions, arch.head == "tied",
        ),
        lengths=[float(stream[0].norm(dim=-1).mean()) for stream in walked.streams],
        attribution=Attribution(
            loaded.token(asked.watched), float(logits[asked.watched]), float(logits.mean()),
            shares(walked, asked.at, asked.watched),
        ),
        attention=looked_at(walked, asked.at),
    )  # fmt: skip


@torch.no_grad()
def across(members: Sequence[tuple[str, Loaded]], question: Question) -> Across:
    """The output of several checkpoints, the last one being what `kl` is taken from.

    Raises:
        InputError: they do not share a vocabulary and a context.
    """
    last = members[-1][1]
    for _, loaded in members:
        for key in ("vocab", "context", "classes"):
            own, other = getattr(loaded.model.arch, key), getattr(last.model.arch, key)
            if own != other or loaded.config.corpus["tokenizer"] != last.config.corpus["tokenizer"]:
                raise InputError(f"{loaded.name}: {key} {own}, {last.name} has {other}; want rungs of one vocabulary")
    asked = read(question, last)

    def output(loaded: Loaded) -> torch.Tensor:
        walked = walk(loaded.model, asked.ids)
        return walked.logits(len(walked.names) - 1)

    reference = output(last)
    if question.watch is None:
        asked = read(question, last, guess=int(reference[asked.at].argmax()))
    rows = Rows(asked, reference, question.top)
    for name, loaded in members:
        rows.add(name, output(loaded), loaded)
    told = [Member(name, loaded.name, loaded.config.params, loaded.step) for name, loaded in members]
    return Across(**rows.reading(last), members=told)


def went_on(loaded: Loaded, question: Question, tokens: int, temperature: float, seed: int) -> Continuation:
    """What the model goes on with after the prompt.

    Raises:
        InputError: it is a classifier.
    """
    if loaded.model.arch.classes is not None:
        raise InputError(f"{loaded.name}: a classifier gives a class, not text; want a language model to continue")
    asked = read(question, loaded)
    made = continued(loaded.model, asked.ids, tokens, temperature, seed)
    return Continuation(loaded.tokenizer.decode(made), [loaded.token(one) for one in made], temperature, seed)
