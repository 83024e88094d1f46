"""What the callbacks share: a model is counted, a run joins its sweep, and nothing that goes wrong ends a training."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, Self

from scaling_tui.runs import Writer, join_sweep, runs_folder
from scaling_tui.runs.writer import tell
from scaling_tui.text import show

Accepts = Callable[[str, Mapping[str, Any]], bool]


class Model(Protocol):
    """What is asked of a torch model."""

    def parameters(self) -> Iterable[Any]: ...
    def modules(self) -> Iterable[Any]: ...


def counted(model: Model) -> dict[str, Any]:
    """`params` and, where the model has them, `non_embedding` of embeddings and the vocabulary of a head; for run.json.

    A head is a linear layer from the embeddings' width to the vocabulary. Shared weights count once.
    """
    from torch.nn import Embedding, Linear

    own = {id(p): _size(p) for p in model.parameters() if p.requires_grad}
    embeddings = [module for module in model.modules() if isinstance(module, Embedding)]
    found: dict[str, Any] = {"params": sum(own.values())}
    if embeddings:
        vocab, width = max((module.num_embeddings, module.embedding_dim) for module in embeddings)
        heads = [module for module in model.modules() if isinstance(module, Linear)]
        heads = [head for head in heads if (head.out_features, head.in_features) == (vocab, width)]
        left_out = {id(p): own.get(id(p), 0) for module in (*embeddings, *heads) for p in module.parameters()}
        found["non_embedding"] = sum(own.values()) - sum(left_out.values())
        if heads:  # of a model without one the loss may be anything
            found["architecture"] = {"vocab": vocab}
    return found


def _size(parameter: Any) -> int:
    # DeepSpeed keeps only a part of a parameter on each process, and its whole size here.
    return int(getattr(parameter, "ds_numel", 0) or parameter.numel())


class Recorder:
    """One run of a sweep as a callback sees it.

    Args:
        sweep: its name in `runs`; it is made by whoever comes first.
        run: the name of the run; by default its size and seed. A name that is taken gets a number.
        runs: the folder of all sweeps; by default `$SCALING_TUI_RUNS`, else `./runs`.
        config: what run.json shall say beside, or instead of, what is counted.
    """

    def __init__(self, sweep: str, run: str | None, runs: Path | str | None, config: Mapping[str, Any] | None) -> None:
        self._sweep, self._run, self._runs = sweep, run, runs
        self._given = dict(config or {})
        self.writer: Writer | None = None

    def begin(self, config: Mapping[str, Any], again: Accepts | None = None) -> None:
        """Starts a run, or goes on with the latest one that `again` accepts by its name and run.json."""
        known = {**config, **self._given}
        sweep = join_sweep(runs_folder(None if self._runs is None else Path(self._runs)), self._sweep)
        params = known.get("params")
        rung = str(known.get("rung") or self._run or show.count(params))
        seed = known.get("seed")
        name = self._run or (rung if seed is None else f"{rung}-s{seed}")
        run = _latest(sweep, again) if again else None
        self.writer = Writer.create(run or _free(sweep, name), {"rung": rung, **known})

    def log(self, metrics: Mapping[str, object]) -> None:
        if self.writer is not None:
            self.writer.log(**metrics)

    def alive(self) -> bool:
        """Shows that the run is alive; returns whether it shall go on."""
        if self.writer is None:
            return True
        self.writer.heartbeat()
        return not self.writer.stop_requested()

    def end(self, error: BaseException | None = None) -> None:
        if self.writer is None:
            return
        if error is None and self.writer.stop_requested():
            self.writer.status("stopped")
        else:
            self.writer.end(error)

    def guarded(self) -> "_Guard":
        """Inside this block nothing that goes wrong leaves a callback: it is told once, and the training goes on."""
        return _GUARD


class _Guard:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, Exception):
            return False
        tell(f"scaling-tui cannot record this run ({type(error).__name__}: {error}); the training goes on")
        return True


_GUARD = _Guard()


def _free(sweep: Path, name: str) -> Path:
    """Makes the folder of a run that nobody has; mkdir decides between processes that start at once."""
    number = 1
    while True:
        run = sweep / (name if number == 1 else f"{name}-{number}")
        try:
            run.mkdir()
        except FileExistsError:
            number += 1
        else:
            return run


def _latest(sweep: Path, wanted: Accepts) -> Path | None:
    """The run begun last that is `wanted`; None without any."""
    found = []
    for path in sweep.glob("*/run.json"):
        try:
            document = json.loads(path.read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(document, dict) and wanted(path.parent.name, document):
            found.append((path.stat().st_mtime, path.parent))
    return max(found)[1] if found else None
