"""What others call the metrics of a run. Two names for one metric are a question, never a guess."""

import math
from collections.abc import Mapping

from scaling_tui import InputError
from scaling_tui.laws.fitting.column_names import ALIASES as OF_TABLES
from scaling_tui.laws.fitting.column_names import SEEDS, counts_body, plain_name
from scaling_tui.runs.metrics import METRICS
from scaling_tui.text.numbers import LONGEST, read_quantity

# Names as `plain_name` leaves them.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "step": (
        "steps", "global_step", "iter", "iters", "iteration", "iterations", "iter_num", "train_step", "training_step",
        "train_global_step", "trainer_global_step", "update", "updates", "n_iter", "optimizer_step",
    ),
    "epoch": ("epochs", "train_epoch"),
    "tokens": (
        "tokens_seen", "seen_tokens", "n_tokens", "num_tokens", "total_tokens", "train_tokens", "tokens_trained",
        "trained_tokens", "consumed_tokens", "consumed_train_tokens", "num_input_tokens_seen", "train_tokens_seen",
        "train_num_input_tokens_seen", "training_tokens", "throughput_total_tokens", "d",
    ),
    "flops": ("total_flops", "train_flops", "training_flops", "total_training_flops", "total_flos", "train_total_flos"),
    "loss": (
        "train_loss", "training_loss", "loss_train", "loss_training", "lm_loss", "train_lm_loss", "train_loss_step",
        "loss_step", "cross_entropy", "train_cross_entropy", "ce_loss", "train_ce_loss",
        "nll",
        "train_nll", "lm_loss_training", "cross_entropy_loss", "train_cross_entropy_loss", "nll_loss", "train_nll_loss",
    ),
    "val_loss": (
        "valid_loss", "validation_loss", "eval_loss", "dev_loss", "held_out_loss", "heldout_loss", "loss_val",
        "loss_valid", "loss_validation", "loss_eval", "lm_loss_validation", "val_lm_loss", "eval_lm_loss", "final_loss",
        "val_cross_entropy", "eval_cross_entropy", "val_ce_loss", "val_nll", "val_cross_entropy_loss",
        "eval_cross_entropy_loss", "test_loss",
    ),
    "bpb": ("val_bpb", "eval_bpb", "valid_bpb", "validation_bpb", "bits_per_byte", "val_bits_per_byte"),
    "val_accuracy": (
        "val_acc", "valid_accuracy", "valid_acc", "validation_accuracy", "eval_accuracy", "eval_acc", "accuracy_val",
    ),
    "lr": ("learning_rate", "train_lr", "train_learning_rate", "lr_adamw", "lr_adam", "optim_learning_rate_group0"),
    "grad_norm": (
        "gradient_norm", "train_grad_norm", "train_gradient_norm", "gnorm", "grad_l2_norm", "total_grad_norm",
        "optim_total_grad_norm",
    ),
    "tokens_per_s": (
        "tokens_per_sec", "tokens_per_second", "tok_per_sec", "tok_s", "train_tokens_per_second", "train_tok_per_sec",
    ),
    "time": ("timestamp", "wall_time", "unix_time"),
}  # fmt: skip
FALLBACK = {"_step": "step", "_timestamp": "time"}
"""What W&B counts itself: calls of `log`, which are steps where the trainer logs none."""

FACTS: Mapping[str, tuple[str, ...]] = {
    **{role: OF_TABLES[role] for role in ("params", "tokens", "flops", "unique_tokens", "state", "run")},
    "non_embedding": ("non_embedding", "nonembedding", "n_non_embedding", "num_non_embedding_params"),
    "steps": ("steps", "max_steps", "max_iters", "total_steps", "num_steps", "num_iterations", "train_steps"),
    "tokens_per_step": (
        "tokens_per_step", "tokens_per_iter", "tokens_per_iteration", "tokens_per_batch", "global_batch_tokens",
    ),
    "seed": SEEDS,
    "rung": ("rung", "size"),
}  # fmt: skip
WHOLE = ("params", "non_embedding", "tokens", "unique_tokens", "steps", "seed")

_METRIC_OF = {alias: key for key, names in ALIASES.items() for alias in (key, *names)} | {key: key for key in METRICS}
_FACT_OF = {alias: key for key, names in FACTS.items() for alias in names}


def metric_of(name: str) -> str | None:
    """The metric that others call `name`; None where it is no usual name of one. D is tokens, d may be anything."""
    if len(name) == 1 and name.islower():
        return None
    return FALLBACK.get(name.strip()) or _METRIC_OF.get(plain_name(name))


def fact_of(name: str) -> str | None:
    """What of a run's configuration others call `name`. N, D and C are sizes, n, d and c may be anything."""
    if len(name) == 1 and name.islower():
        return None
    return "non_embedding" if counts_body(name) else _FACT_OF.get(plain_name(name))


class Names:
    """Which of a source's names is which metric. Given ones come first, then a metric's own name, then the usual ones.

    Args:
        given: names by metric, of `--columns`.
        where: begins the errors: the file.
    """

    def __init__(self, given: Mapping[str, str], where: str) -> None:
        self._given = {name: key for key, name in given.items()}
        self._where = where
        self._taken: dict[str, str] = {}  # name by metric
        self._metric: dict[str, str | None] = {}  # metric by name
        self.strict = True  # afterwards a second name for a metric is a metric of its own

    def metric(self, name: str) -> str | None:
        """The metric called `name`; None where it is none that is known.

        Raises:
            InputError: another name stands for that metric already.
        """
        if name not in self._metric:
            self._metric[name] = self._decide(name)
        return self._metric[name]

    def _decide(self, name: str) -> str | None:
        if name in self._given:
            self._taken[self._given[name]] = name
            return self._given[name]
        key = metric_of(name)
        if key is None or key in self._given.values():
            return None
        taken = self._taken.setdefault(key, name)
        if taken == name:
            return key
        ranks = (_rank(taken, key), _rank(name, key))
        if ranks[0] == ranks[1] and self.strict:
            raise InputError(
                f"{self._where}: {taken} and {name} could both be {key}, want --columns {key}={taken} or {key}={name}"
            )
        if ranks[1] >= ranks[0]:
            return None
        self._taken[key], self._metric[taken] = name, None
        return key

    def unseen(self) -> tuple[str, ...]:
        """A sentence for each given name that has not been met."""
        return tuple(
            f"{self._where}: {key}={name} of --columns, as nothing in it is called {name}"
            for name, key in self._given.items()
            if name not in self._metric
        )

    def missing_given(self, names: "list[str]") -> list[str]:
        """The given names that are not among `names`."""
        return [name for name in self._given if name not in names]


def _rank(name: str, key: str) -> int:
    return 0 if name == key else 2 if name in FALLBACK else 1


def number(value: object) -> float | None:
    """A cell, a JSON value: a number or a text that is one, also NaN and infinite; else None."""
    if isinstance(value, str):
        return _number_of(value) if 0 < len(value) <= LONGEST else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _number_of(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return read_quantity(text) if text.strip()[:1].isdigit() else None
    except InputError:
        return None


def facts_from(table: Mapping[str, object], where: str) -> dict[str, float | str]:
    """What is understood of a configuration: sizes and counts, by the names of `FACTS`.

    Raises:
        InputError: two of its keys could be the same fact with different values.
    """
    found: dict[str, float | str] = {}
    by: dict[str, str] = {}
    for name, value in table.items():
        key = fact_of(name)
        if key is None:
            continue
        fact: float | str | None = str(value) if key in ("run", "rung", "state") else number(value)
        if fact is None or (isinstance(fact, float) and not (math.isfinite(fact) and fact >= 0)):
            continue
        if key in found and found[key] != fact:
            if by[key] == key or name == key:
                found[key], by[key] = (found[key], by[key]) if by[key] == key else (fact, name)
                continue
            raise InputError(f"{where}: {by[key]} and {name} could both be {key}, want --set {key}=…")
        found[key], by[key] = fact, name
    return found
