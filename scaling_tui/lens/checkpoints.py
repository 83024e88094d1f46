"""Checkpoints loaded as models on the CPU, whatever device they were trained on, each with its tokenizer."""

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
KEPT_MODELS = 8  # about as many as a ladder has rungs


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in memory with its tokenizer."""

    run: Path
    config: RunConfig
    step: int
    model: Transformer
    tokenizer: Tokenizer

    def token(self, number: int) -> Token:
        """The token with this id; of a classifier the class."""
        return Token(number, f"class-{number}" if self.model.arch.classes else spelled(self.tokenizer, number))

    def guess(self, number: int, p: float) -> Guess:
        return Guess(number, self.token(number).token, p)

    @property
    def name(self) -> str:
        return f"{self.run.parent.name}/{self.run.name}"


class CheckpointCache:
    """Keeps the `KEPT_MODELS` checkpoints used last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Path, Checkpoint] = OrderedDict()

    def load(self, run: Path, step: int | None = None) -> Checkpoint:
        """The checkpoint of `run` at `step`, or its latest readable one: a live run may delete one while we read it.

        Raises:
            InputError: no such checkpoint, or none that can be read.
        """
        steps = {int(path.name.rpartition("-")[2]): path for path in reversed(checkpoints(run))}
        name = f"run {run.parent.name}/{run.name}"
        if not steps:
            raise InputError(f"{name}: no checkpoint yet; the first is written part of the way through training")
        if step is not None and step not in steps:
            listed = ", ".join(map(str, sorted(steps)))
            raise InputError(f"{name}: no checkpoint of step {step}; available: {listed} (keep_checkpoints keeps more)")
        first_error: InputError | None = None
        for at in [step] if step is not None else sorted(steps, reverse=True):
            try:
                return self._read(run, at, steps[at])
            except InputError as error:
                first_error = first_error or error
        assert first_error is not None
        raise first_error

    def _read(self, run: Path, step: int, path: Path) -> Checkpoint:
        if path not in self._kept:
            config = RunConfig.from_json(read_config(run))
            model = build(config)
            try:
                read_weights(model, path, CPU)
            except Exception as error:
                raise InputError(f"checkpoint {path}: cannot be read ({error})") from error
            self._kept[path] = Checkpoint(run, config, step, model.eval(), tokenizer_of(config.corpus))
            while len(self._kept) > KEPT_MODELS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(path)
        return self._kept[path]
