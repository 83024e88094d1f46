"""A callback for the `Trainer` of Hugging Face, which writes its run as a run folder.

trainer = Trainer(..., callbacks=[RunCallback("mine")])
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scaling_tui.integrations.recorder import Recorder, counted
from scaling_tui.runs.writer import tell

try:
    from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
except ImportError as error:
    raise ImportError(f"{__name__} needs transformers: pip install 'scaling-tui[hf]'") from error

_NAMES = {"loss": "loss", "eval_loss": "val_loss", "learning_rate": "lr", "grad_norm": "grad_norm", "epoch": "epoch"}
_LOOKED_AT = 64  # examples, for their length
# Speeds of evaluations, and a summary of the whole training in its last record.
_SKIPPED_ENDS = ("_runtime", "_per_second")
_SKIPPED = frozenset(("total_flos", "train_loss", "num_input_tokens_seen"))


class RunCallback(TrainerCallback):  # type: ignore[misc, unused-ignore]  # a class of Any where transformers is absent
    """Records params, tokens, losses, learning rate, gradient norm, and every metric of an evaluation.

    Tokens are `num_input_tokens_seen` where the arguments have `include_num_input_tokens_seen`; else steps times batch
    times the length of the training examples. `scaling-tui stop` ends the training.

    Args:
        sweep, run, runs, config: as of `recorder.Recorder`.
        tokens_per_step: tokens of an optimiser step, over all processes, where neither way gives them.
    """

    def __init__(
        self,
        sweep: str,
        run: str | None = None,
        *,
        runs: Path | str | None = None,
        tokens_per_step: int | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        self._recorder = Recorder(sweep, run, runs, config)
        self._per_step: float | None = tokens_per_step

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **known: Any
    ) -> None:
        if not state.is_world_process_zero:
            return
        with self._recorder.guarded():
            per_step = self._per_step
            if per_step is None and (length := _length(known.get("train_dataloader"))):
                batch = state.train_batch_size or args.train_batch_size
                per_step = batch * args.gradient_accumulation_steps * args.world_size * length
            self._per_step = per_step
            if per_step is None and not _counts_tokens(args):
                tell("the training examples have no length: give include_num_input_tokens_seen or tokens_per_step")
            output = str(Path(args.output_dir or ".").absolute())
            config = counted(known["model"]) | {"seed": args.seed, "output_dir": output}
            if per_step and not _counts_tokens(args):
                config["tokens"] = round(state.max_steps * per_step)
            resumed = state.global_step > 0
            self._recorder.begin(config, (lambda _, run: run.get("output_dir") == output) if resumed else None)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **known: Any,
    ) -> None:
        if not state.is_world_process_zero:
            return
        with self._recorder.guarded():
            found = {_NAMES.get(name, name): value for name, value in (logs or {}).items() if not _is_skipped(name)}
            if found.keys() <= {"epoch"}:
                return
            step, tokens = state.global_step, self._tokens(state)
            record = {"step": step, **found} | ({"tokens": tokens} if tokens else {})
            self._recorder.log(record)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **known: Any) -> None:
        with self._recorder.guarded():
            if not self._recorder.alive():
                control.should_training_stop = True

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **known: Any) -> None:
        with self._recorder.guarded():
            self._recorder.end()

    def _tokens(self, state: TrainerState) -> int | None:
        if state.num_input_tokens_seen:
            return int(state.num_input_tokens_seen)
        return round(state.global_step * self._per_step) if self._per_step else None


def _counts_tokens(args: TrainingArguments) -> bool:
    """Whether the trainer counts tokens; newer versions say how, older ones true or false."""
    return getattr(args, "include_num_input_tokens_seen", "no") not in ("no", False, None)


def _is_skipped(name: str) -> bool:
    return name in _SKIPPED or name.endswith(_SKIPPED_ENDS)


def _length(dataloader: Any) -> float | None:
    """The mean number of tokens of the first training examples; None where they have no `input_ids` to count."""
    try:
        dataset = dataloader.dataset
        lengths = [len(dataset[place]["input_ids"]) for place in range(min(_LOOKED_AT, len(dataset)))]
    except Exception:  # a data set that is only iterated, or holds something else
        return None
    return sum(lengths) / len(lengths) if lengths else None
