"""A callback for Lightning's `Trainer`, of `lightning` or `pytorch_lightning`, which writes its run as a run folder.

trainer = Trainer(..., callbacks=[RunCallback("mine")])
"""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from scaling_tui.integrations.recorder import Recorder, counted
from scaling_tui.runs.writer import tell

try:
    from lightning.pytorch.callbacks import Callback
except ImportError:
    try:
        from pytorch_lightning.callbacks import Callback  # type: ignore[assignment, unused-ignore]
    except ImportError as error:
        raise ImportError(f"{__name__} needs lightning: pip install 'scaling-tui[lightning]'") from error

_HELD_OUT = ("val_loss", "val/loss", "valid_loss", "valid/loss", "validation_loss", "validation/loss", "eval_loss")


def tokens_in(batch: Any) -> int | None:
    """The tokens of a batch: the elements of its `input_ids`, or of its first integers in rows; None without any."""
    if isinstance(batch, Mapping):
        ids = batch.get("input_ids")
        return tokens_in(ids) if ids is not None else _first(batch.values())
    if isinstance(batch, list | tuple):
        return _first(batch)
    if hasattr(batch, "is_floating_point") and not batch.is_floating_point() and batch.ndim >= 2:
        return int(batch.numel())
    return None


def _first(parts: Iterable[Any]) -> int | None:
    return next((count for part in parts if (count := tokens_in(part)) is not None), None)


class RunCallback(Callback):  # type: ignore[misc, unused-ignore]  # a class of Any where Lightning is absent
    """Records params, tokens, the mean training loss since the last record, the learning rate, and all that is logged.

    Every `log_every_n_steps` and after each validation. `scaling-tui stop` ends the training.

    Args:
        sweep, run, runs, config: as of `recorder.Recorder`.
        tokens: of a batch on this process; see `tokens_in`.
    """

    def __init__(
        self,
        sweep: str,
        run: str | None = None,
        *,
        runs: Path | str | None = None,
        tokens: Callable[[Any], int | None] = tokens_in,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._recorder = Recorder(sweep, run, runs, config)
        self._tokens_in = tokens
        self._tokens = 0
        self._began = False
        self._resumed: str | None = None
        self._loss: Any = 0.0  # summed on the device: to read it after every batch would wait for the device
        self._losses = self._logged_step = 0
        self._before: set[str] = set()
        self._validated: set[str] = set()

    # --- what a checkpoint keeps

    def state_dict(self) -> dict[str, Any]:
        writer = self._recorder.writer
        return {"tokens": self._tokens, "run": writer.run.name if writer else None}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._tokens, self._resumed = int(state_dict.get("tokens", 0)), state_dict.get("run")

    # --- the training

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if self._began or not self._records(trainer):
            return
        self._began = True
        with self._recorder.guarded():
            config = counted(pl_module)
            if (seed := os.environ.get("PL_GLOBAL_SEED", "")).isdecimal():
                config["seed"] = int(seed)
            count, steps = self._tokens_in(batch), trainer.estimated_stepping_batches
            if count is None:
                tell("no tokens found in a batch: give tokens=, a function that counts them")
            elif 0 < steps < float("inf"):
                config["tokens"] = round(count * trainer.world_size * trainer.accumulate_grad_batches * steps)
            resumed = self._resumed
            self._recorder.begin(config, None if resumed is None else (lambda name, _: name == resumed))

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        with self._recorder.guarded():
            self._tokens += (self._tokens_in(batch) or 0) * trainer.world_size
            if not self._records(trainer):
                return
            loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
            if loss is not None:
                # Lightning divides the loss by the number of batches that it accumulates.
                self._loss = self._loss + loss.detach() * trainer.accumulate_grad_batches
                self._losses += 1
            if not self._recorder.alive():
                trainer.should_stop = True
            step = trainer.global_step
            if step != self._logged_step and step % trainer.log_every_n_steps == 0:
                self._log_training(trainer)

    def _log_training(self, trainer: Any) -> None:
        self._logged_step = trainer.global_step
        record = {name: trainer.callback_metrics[name] for name in self._others(trainer) - self._validated}
        if self._losses:
            record["loss"] = self._loss / self._losses
        if trainer.optimizers:
            record["lr"] = trainer.optimizers[0].param_groups[0]["lr"]
        self._log(trainer, record)
        self._loss, self._losses = 0.0, 0

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        with self._recorder.guarded():
            self._before = set(trainer.callback_metrics)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        with self._recorder.guarded():
            if trainer.sanity_checking or not self._records(trainer):
                return
            self._validated |= set(trainer.callback_metrics) - self._before
            found = trainer.callback_metrics
            record = {name: found[name] for name in self._others(trainer) & self._validated}
            held_out = next((found[name] for name in _HELD_OUT if name in found), None)
            if held_out is not None:
                record["val_loss"] = held_out
            self._log(trainer, record)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        with self._recorder.guarded():
            if self._losses and self._records(trainer):
                self._log_training(trainer)
            self._recorder.end()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        with self._recorder.guarded():
            self._recorder.end(exception)

    def _records(self, trainer: Any) -> bool:
        return bool(trainer.is_global_zero) and not trainer.fast_dev_run

    @staticmethod
    def _others(trainer: Any) -> set[str]:
        """What the module logs beyond what is recorded of itself."""
        return set(trainer.callback_metrics) - {"loss", "step", "tokens", "time", *_HELD_OUT}

    def _log(self, trainer: Any, record: Mapping[str, Any]) -> None:
        if record:
            counts = {"step": trainer.global_step, "epoch": trainer.current_epoch}
            self._recorder.log({**record, **counts} | ({"tokens": self._tokens} if self._tokens else {}))
