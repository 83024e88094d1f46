"""Checkpoints loaded as models on the CPU, whatever device they were trained on, each with its tokenizer."""

from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.data.tokenizers import Tokenizer
from scaling_tui.lens.prompts import spelled, tokenizer_of
from scaling_tui.lens.records import Guess, Token
from scaling_tui.runs.config import RunConfig
from scaling_tui.runs.writer import checkpoints, read_config
from scaling_tui.train.checkpoints import read_weights
from scaling_tui.train.model import Transformer
from scaling_tui.train.trainer import build

KEPT_MODELS = 8  # about as many as a ladder has rungs


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in memory with its tokenizer. `notes` name later ones that could not be read."""

    run: Path
    config: RunConfig
    step: int
    model: Transformer
    tokenizer: Tokenizer
    notes: tuple[str, ...] = ()

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
        found = [(int(path.name.rpartition("-")[2]), path) for path in checkpoints(run)]
        name = f"run {run.parent.name}/{run.name}"
        if not found:
            raise InputError(f"{name}: no checkpoint; 'scaling-tui run' writes the first one partway through training")
        wanted = [(at, path) for at, path in found if step in (None, at)]
        if not wanted:
            listed = ", ".join(str(at) for at in sorted({at for at, _ in found}))
            raise InputError(f"{name}: no checkpoint of step {step}; available: {listed} (keep_checkpoints keeps more)")
        errors: list[InputError] = []
        for at, path in wanted:
            try:
                checkpoint = self._read(run, at, path)
            except InputError as error:
                errors.append(error)
            else:
                return replace(checkpoint, notes=tuple(f"{error}; read step {at} instead" for error in errors))
        raise errors[0]

    def _read(self, run: Path, step: int, path: Path) -> Checkpoint:
        if path not in self._kept:
            config = RunConfig.from_json(read_config(run))
            model = build(config)
            read_weights(model, path)
            self._kept[path] = Checkpoint(run, config, step, model.eval(), tokenizer_of(config.corpus))
            while len(self._kept) > KEPT_MODELS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(path)
        return self._kept[path]
