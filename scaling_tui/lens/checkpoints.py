"""Checkpoints of runs as models on the CPU, whatever device they were trained on, with what their tokens mean."""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import torch

from scaling_tui import InputError
from scaling_tui.data.tokenizers import Tokenizer
from scaling_tui.lens.prompts import spelled, tokenizer_of
from scaling_tui.lens.records import Guess, Token
from scaling_tui.runs.config import RunConfig
from scaling_tui.runs.writer import checkpoints, read_config
from scaling_tui.train.model import Transformer
from scaling_tui.train.trainer import build, read_weights

CPU = torch.device("cpu")
KEPT_MODELS = 8  # as many as a ladder has rungs, about


@dataclass(frozen=True)
class Loaded:
    """A checkpoint in memory, with what its tokens mean."""

    run: Path
    config: RunConfig
    step: int
    model: Transformer
    tokenizer: Tokenizer

    def token(self, number: int) -> Token:
        """A token of the vocabulary, or a class."""
        return Token(number, f"class-{number}" if self.model.arch.classes else spelled(self.tokenizer, number))

    def guess(self, number: int, p: float) -> Guess:
        return Guess(number, self.token(number).token, p)

    @property
    def name(self) -> str:
        return f"{self.run.parent.name}/{self.run.name}"


class Checkpoints:
    """The checkpoints that were asked for lately."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Path, Loaded] = OrderedDict()

    def load(self, run: Path, step: int | None = None) -> Loaded:
        """The checkpoint of `run` at `step`, or its latest. While the run trains an old one may go as it is read.

        Raises:
            InputError: there is none, or none that can be read.
        """
        steps = {int(path.name.rpartition("-")[2]): path for path in reversed(checkpoints(run))}
        name = f"run {run.parent.name}/{run.name}"
        if not steps:
            raise InputError(f"{name}: no checkpoint yet; the first comes when a part of the training is done")
        if step is not None and step not in steps:
            there = ", ".join(map(str, sorted(steps)))
            raise InputError(f"{name}: no checkpoint of step {step}; there: {there} (keep_checkpoints keeps more)")
        wrong: InputError | None = None
        for at in [step] if step is not None else sorted(steps, reverse=True):
            try:
                return self._read(run, at, steps[at])
            except InputError as error:
                wrong = wrong or error
        assert wrong is not None
        raise wrong

    def _read(self, run: Path, step: int, path: Path) -> Loaded:
        if path not in self._kept:
            config = RunConfig.from_json(read_config(run))
            model = build(config)
            try:
                read_weights(model, path, CPU)
            except Exception as error:
                raise InputError(f"checkpoint {path}: cannot be read ({error})") from error
            self._kept[path] = Loaded(run, config, step, model.eval(), tokenizer_of(config.corpus))
            while len(self._kept) > KEPT_MODELS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(path)
        return self._kept[path]
