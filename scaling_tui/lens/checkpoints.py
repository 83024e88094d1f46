"""Checkpoints loaded as models, each with its tokenizer: of runs trained here, and of folders in Hugging Face's layout.

Runs are read on the CPU, whatever device they were trained on.
"""

import gc
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.data.tokenizers import Tokenizer
from scaling_tui.lens.hugging_face.folder import is_model, read_model_folder
from scaling_tui.lens.hugging_face.tokenizer import FolderTokenizer
from scaling_tui.lens.prompts import spelled, tokenizer_of
from scaling_tui.lens.readout import LensModel
from scaling_tui.lens.records import Grid, Guess, Shape, Token
from scaling_tui.lens.trained import TrainedModel
from scaling_tui.runs.config import RunConfig
from scaling_tui.runs.writer import checkpoints, read_config
from scaling_tui.train.checkpoints import read_weights
from scaling_tui.train.trainer import build

KEPT_MODELS = 8  # about as many as a ladder has rungs
KEPT_PROMPTS = 4
FITTING = 0.9  # of a model's embedding are tokens of its tokenizer, or one asks whether it is its tokenizer


@dataclass(frozen=True)
class Source:
    """What is known of a checkpoint besides its weights.

    Args:
        name: SWEEP/RUN, or the folder of a model that was not trained here.
        rung, step: None where there is none.
        corpus: the `corpus` of run.json; None for a model that was not trained here.
        vocabulary: names the tokens; two sources with the same one can be compared.
        notes: caveats: later checkpoints that could not be read, what the lens cannot tell.
    """

    name: str
    rung: str | None
    params: int
    step: int | None
    shape: Shape
    classes: int | None
    tokenizer: Tokenizer
    corpus: Mapping[str, Any] | None
    vocabulary: str
    notes: tuple[str, ...] = ()

    def token(self, number: int) -> Token:
        """The token with this id; of a classifier the class."""
        return Token(number, f"class-{number}" if self.classes else spelled(self.tokenizer, number))

    def guess(self, number: int, p: float) -> Guess:
        return Guess(number, self.token(number).token, p)


class Grids:
    """The grids of the `KEPT_PROMPTS` prompts read last."""

    def __init__(self) -> None:
        self._kept: dict[object, Grid] = {}

    def get(self, key: object) -> Grid | None:
        return self._kept.get(key)

    def put(self, key: object, grid: Grid) -> Grid:
        self._kept[key] = grid
        if len(self._kept) > KEPT_PROMPTS:
            del self._kept[next(iter(self._kept))]
        return grid


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in memory."""

    source: Source
    model: LensModel
    grids: Grids = field(default_factory=Grids)


class CheckpointCache:
    """Keeps the `KEPT_MODELS` checkpoints used last, or as many as the memory holds."""

    def __init__(self) -> None:
        self._kept: OrderedDict[object, Checkpoint] = OrderedDict()

    def load(self, folder: Path, step: int | None = None, device: str = "cpu") -> Checkpoint:
        """The checkpoint of the run in `folder` at `step`, or its latest readable one; or the model in `folder`.

        A live run may delete a checkpoint while we read it. `device` is for a model that was not trained here, such as
        "cpu" or "cuda".

        Raises:
            InputError: no such checkpoint, or none that can be read.
        """
        if not (folder / "run.json").is_file() and (is_model(folder) or not checkpoints(folder)):
            return self._load_model(folder, device)
        found = [(int(path.name.rpartition("-")[2]), path) for path in checkpoints(folder)]
        name = f"run {folder.parent.name}/{folder.name}"
        if not found:
            raise InputError(f"{name}: no checkpoint; want one, which training writes from partway on")
        wanted = [(at, path) for at, path in found if step in (None, at)]
        if not wanted:
            listed = ", ".join(str(at) for at in sorted({at for at, _ in found}))
            raise InputError(f"{name}: no checkpoint of step {step}; available: {listed} (keep_checkpoints keeps more)")
        errors: list[InputError] = []
        for at, path in wanted:
            try:
                checkpoint = self._load_run(folder, at, path)
            except InputError as error:
                errors.append(error)
            else:
                notes = tuple(f"{error}; read step {at} instead" for error in errors)
                return replace(checkpoint, source=replace(checkpoint.source, notes=notes))
        raise errors[0]

    def _load_run(self, run: Path, step: int, path: Path) -> Checkpoint:
        if path not in self._kept:
            config = RunConfig.from_json(read_config(run))
            model = build(config)
            read_weights(model, path)
            self._keep(
                path, trained_here(f"{run.parent.name}/{run.name}", config, step, TrainedModel(model, config.family))
            )
        return self._used(path)

    def _load_model(self, path: Path, device: str) -> Checkpoint:
        from scaling_tui.lens.hugging_face.model import load_model, must_fit_memory

        folder = read_model_folder(path)
        key = (folder.path, folder.written, device)
        if key not in self._kept:
            tokenizer = FolderTokenizer.read(path)
            self._make_room(lambda: must_fit_memory(folder, device))
            model = load_model(folder, device)
            shape, notes = model.shape, []
            if tokenizer.vocab > shape.vocab:
                raise InputError(
                    f"{path}: the tokenizer has {tokenizer.vocab:,} tokens, the embedding {shape.vocab:,} rows; want "
                    "the tokenizer that the model was trained with"
                )
            if tokenizer.vocab < FITTING * shape.vocab:
                notes.append(
                    f"the tokenizer has {tokenizer.vocab:,} tokens and the embedding {shape.vocab:,} rows: check that "
                    "they belong together"
                )
            if shape.parallel:
                notes.append(
                    "attention and MLP of a layer read the same stream: a row 'attention' is that stream plus "
                    "attention alone, which no part reads"
                )
            source = Source(
                folder.name, None, model.params, folder.step, shape, None, tokenizer, None, tokenizer.identity,
                tuple(notes),
            )  # fmt: skip
            self._keep(key, Checkpoint(source, model))
        return self._used(key)

    def _make_room(self, check: Callable[[], None]) -> None:
        """Lets go of the checkpoints used least recently until `check` passes or none is left."""
        while True:
            try:
                return check()
            except InputError:
                if not self._kept:
                    raise
                self._kept.popitem(last=False)
                gc.collect()

    def _keep(self, key: object, checkpoint: Checkpoint) -> None:
        self._kept[key] = checkpoint
        while len(self._kept) > KEPT_MODELS:
            self._kept.popitem(last=False)

    def _used(self, key: object) -> Checkpoint:
        self._kept.move_to_end(key)
        return self._kept[key]


def trained_here(name: str, config: RunConfig, step: int, model: TrainedModel) -> Checkpoint:
    """A run's checkpoint at `step`."""
    vocabulary = f"{config.corpus['tokenizer']} {model.shape.vocab}"
    source = Source(
        name, config.rung, config.params, step, model.shape, model.classes, tokenizer_of(config.corpus), config.corpus,
        vocabulary,
    )  # fmt: skip
    return Checkpoint(source, model)
