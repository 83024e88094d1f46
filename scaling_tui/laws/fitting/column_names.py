"""Which column of a table is N, which D, which the loss: by the names that people use, or as `--columns` says.

Two columns that could be the same thing are a question to the user, never a guess.
"""

import re
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from scaling_tui import InputError
from scaling_tui.tables import Cell, Table
from scaling_tui.text.numbers import read_quantity
from scaling_tui.text.suggest import did_you_mean, nearest

NUMBERS = ("loss", "params", "total_params", "tokens", "flops", "unique_tokens", "non_embedding")
OTHERS = ("run", "step", "state")
ROLES = (*NUMBERS, *OTHERS)
TASK_ROLES = ("task_loss", "accuracy")
"""Of the task that `fit --task` names; `task_columns` finds them."""

# Names as `plain_name` leaves them. docs/commands.md lists them; a test holds the two together.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "loss": (
        "loss", "val_loss", "valid_loss", "validation_loss", "eval_loss", "test_loss", "held_out_loss", "final_loss",
        "final_val_loss", "final_eval_loss", "cross_entropy", "cross_entropy_loss", "ce_loss", "lm_loss", "nll", "l",
    ),
    "params": (
        "params", "n", "n_params", "num_params", "nparams", "param_count", "params_total", "total_params",
        "parameters", "n_parameters", "num_parameters", "total_parameters", "parameter_count", "model_size",
        "model_params", "model_parameters",
    ),
    "total_params": (
        "total_params", "params_total", "total_parameters", "n_total", "num_total_params", "n_total_params",
        "num_params", "n_params", "params", "n",
    ),
    "tokens": (
        "tokens", "d", "n_tokens", "num_tokens", "ntokens", "token_count", "train_tokens", "training_tokens",
        "num_train_tokens", "total_tokens", "tokens_total", "tokens_trained", "trained_tokens", "tokens_seen",
        "seen_tokens", "consumed_tokens",
    ),
    "flops": (
        "flops", "c", "flop", "compute", "total_flops", "flops_total", "train_flops", "training_flops",
        "training_flop", "train_compute", "training_compute", "total_compute", "flops_budget", "flop_budget",
    ),
    "unique_tokens": ("unique_tokens", "u", "n_unique_tokens", "num_unique_tokens", "tokens_unique"),
    "non_embedding": ("non_embedding", "nonembedding"),
    "run": ("run", "run_id", "run_name", "label", "name", "rung", "id", "experiment", "trial", "job", "job_id"),
    "step": (
        "step", "global_step", "current_step", "current_steps", "train_step", "training_step", "iter", "iteration",
        "update", "checkpoint", "checkpoint_step", "ckpt",
    ),
    "state": ("state", "status", "run_state", "run_status", "job_state", "job_status"),
}  # fmt: skip
ACTIVE = (
    "active_params", "activated_params", "active_parameters", "activated_parameters", "params_active",
    "parameters_active", "n_active", "n_act", "n_active_params", "num_active_params",
)  # fmt: skip
"""N of a mixture of experts. Beside it, a column of parameters is the total."""
TRAINING_LOSS = ("train_loss", "training_loss")
"""Taken for the loss where there is no other, and said."""
RATES = ("lr", "learning_rate", "peak_lr", "max_lr", "peak_learning_rate", "max_learning_rate", "base_lr")
STEP_RATES = ("lr", "learning_rate", "current_lr")
"""What the rate of a step is called, in a training's log."""
SETTINGS = (
    *RATES, "min_lr", "lr_schedule", "schedule", "scheduler", "decay", "warmup", "warmup_steps", "batch", "batch_size",
    "global_batch_size", "bs", "bsz", "tokens_per_batch", "seed", "random_seed", "torch_seed", "data_seed",
    "optimizer", "optim", "weight_decay", "wd", "momentum", "beta1", "beta2", "eps", "dropout", "clip", "grad_clip",
    "max_steps", "num_steps", "n_steps", "total_steps", "train_steps", "max_epochs", "total_epochs", "num_epochs",
    "sweep", "group", "model", "model_name", "dataset", "data", "corpus", "arch", "architecture", "width", "depth",
    "d_model", "hidden", "hidden_size", "layers", "n_layers", "num_layers", "heads", "n_heads", "num_heads",
    "context", "seq_len",
)  # fmt: skip
"""What a run is told apart by beside its name and its size."""
SEEDS = ("seed", "random_seed", "torch_seed", "data_seed")
_MULTIPLES = {"k": 1e3, "m": 1e6, "million": 1e6, "millions": 1e6, "b": 1e9, "bn": 1e9, "billion": 1e9,
              "billions": 1e9, "t": 1e12, "trillion": 1e12, "trillions": 1e12}  # fmt: skip
_WITHOUT = re.compile(r"_?(?:non|no|not|without|excl|ex)_?(?:embeddings?|embed|emb)_?")


@dataclass(frozen=True)
class Column:
    """A column of a table with what its numbers are multiplied by; `stated` where the user gave the factor."""

    name: str
    factor: float = 1.0
    stated: bool = False


def plain_name(name: str) -> str:
    """`eval/loss`, `Eval Loss` and `evalLoss` are one name: eval_loss."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip()).lower()).strip("_")


def read_columns(text: str) -> dict[str, str]:
    """`params=n_params,tokens=D*1e9` as roles and what they are given; an empty one means no column.

    Raises:
        InputError: not ROLE=COLUMN, a role that there is not, or one twice.
    """
    given: dict[str, str] = {}
    for part in re.split(r",\s*(?=\w+\s*=)", text.strip()):
        role, equals, column = (item.strip() for item in part.partition("="))
        if role in ROLES and equals and not column and role == "loss":
            raise InputError(f"--columns: found {part.strip()!r}, want the column of the loss, such as loss=eval/loss")
        if not equals or role not in (*ROLES, "lr", *TASK_ROLES):
            near = nearest(role, (*ROLES, "lr", *TASK_ROLES))
            hint = (
                f"did you mean {near}?" if near and equals else f"want ROLE=COLUMN with ROLE one of {', '.join(ROLES)}"
            )
            raise InputError(f"--columns: found {part[:60]!r}, {hint}")
        if role in given:
            raise InputError(f"--columns: {role} is given twice, want it once")
        given[role] = column
    return given


def checked_columns(given: Mapping[str, str]) -> dict[str, str]:
    """Roles and the columns they are given, as somebody's own program says them.

    Raises:
        InputError: a role that there is not.
    """
    for role in given:
        if role not in ROLES:
            raise InputError(f"columns: found {str(role)[:60]!r}, {did_you_mean(str(role), ROLES)}")
    return dict(given)


def choose_columns(table: Table, given: Mapping[str, str]) -> dict[str, Column]:
    """The column of each role that the table has one for.

    Args:
        table: as read.
        given: what `--columns` says, by role.

    Raises:
        InputError: `given` names no column; or several columns could be one role; or none could be the loss, or any
            of N, D and C.
    """
    chosen = {role: _given(table, role, spec) for role, spec in given.items() if spec}
    taken = {column.name for column in chosen.values()}
    for role in ROLES:
        if role not in given:
            found = _candidates([name for name in table.columns if name not in taken], role, chosen)
            if role in NUMBERS and len(found) > 1:
                found = _different(table, found)
                if len(found) > 1:
                    raise InputError(_question(table.where, role, found))
            if found:
                chosen[role] = found[0]
    if "loss" not in chosen:
        fallback = [name for name in table.columns if plain_name(name) in TRAINING_LOSS]
        if not fallback or "loss" in given:
            raise InputError(_no_loss(table))
        chosen["loss"] = Column(fallback[0])
    if not chosen.keys() & {"params", "tokens", "flops", "non_embedding"}:
        names = ", ".join(shown(name) for name in list(table.columns)[:8])
        curve = "step" in chosen and _rates(list(table.columns))
        answer = "say which it is: --columns params=NAME"
        answer = "curves with learning rates take --law multi-power or tissue" if curve else answer
        raise InputError(f"{table.where}: no column of N, D or C, found {names}; {answer}")
    for column in chosen.values():
        if column.name in table.twice:
            raise InputError(f"{table.where}: column {column.name} appears twice, want it once")
    return chosen


def curve_columns(table: Table, given: Mapping[str, str]) -> dict[str, Column]:
    """The columns of training curves: step, lr and, where there are some, loss and run.

    Args:
        table: as read.
        given: what `--columns` says, by role; `lr` is one here.

    Raises:
        InputError: no column of steps or learning rates, or several that could be; or `given` names no column.
    """
    chosen = {role: _given(table, role, spec) for role, spec in given.items() if spec}
    for role in ("step", "lr", "loss", "run"):
        if role in given:
            continue
        taken = {column.name for column in chosen.values()}
        names = [name for name in table.columns if name not in taken]
        found = _rates(names) if role == "lr" else _candidates(names, role, chosen)
        if len(found) > 1 and role not in OTHERS:
            found = _different(table, found)
            if len(found) > 1:
                raise InputError(_question(table.where, role, found))
        if not found and role == "loss":
            found = [Column(name) for name in names if plain_name(name) in TRAINING_LOSS]
        if found:
            chosen[role] = found[0]
    for role, what in (("step", "steps"), ("lr", "learning rates")):
        if role not in chosen:
            there = ", ".join(shown(name) for name in list(table.columns)[:8])
            raise InputError(f"{table.where}: no column of {what}, found {there}; want --columns {role}=NAME")
    return chosen


def find_column(table: Table, name: str, option: str, known: Iterable[str] = ()) -> str:
    """The column that `name` means: as written, or alike but for case and signs, or one of those `known` as it.

    Raises:
        InputError: none, or several; `option` begins the error.
    """
    if name in table.columns:
        return name
    alike = [column for column in table.columns if plain_name(column) == plain_name(name)]
    alike = alike or [column for column in table.columns if plain_name(column) in known]
    if len(alike) == 1:
        return alike[0]
    if alike:
        raise InputError(f"{option}: {name!r} could be {_listed(alike, 'or')}, want one of them")
    near = nearest(name, table.columns) or nearest(plain_name(name), map(plain_name, table.columns))
    if near is None:
        names = [shown(column)[:40] for column in table.columns]
        more = [f"{len(names) - 6} more"] if len(names) > 6 else []
        found = f"{table.where} has {_listed([*names[:6], *more])}"
    else:
        found = f"did you mean {next((c for c in table.columns if near in (c, plain_name(c))), near)!r}?"
    raise InputError(f"{option}: no column {name!r}; {found}")


def settings_of(table: Table, taken: Collection[str]) -> list[str]:
    """The columns of known settings, which tell runs of one size apart."""
    names = [name for name in table.columns if name not in taken]
    return [name for name in names if {plain_name(name), _last_part(name)} & set(SETTINGS) or is_rate(name)]


def is_rate(name: str) -> bool:
    """Whether a column holds learning rates."""
    return plain_name(name) in RATES or plain_name(name).endswith("_lr")


def _rates(names: Sequence[str]) -> list[Column]:
    """The columns of the rate at each step, rather than the highest or lowest of a run."""
    for part in (plain_name, _last_part):
        found = [Column(name) for name in names if part(name) in STEP_RATES]
        if found:
            return found
    return [Column(name) for name in names if is_rate(name) and not re.match("peak|max|min|base", _last_part(name))]


def shown(name: str) -> str:
    """A column's name in a list."""
    return name if name and len(name) <= 60 and "," not in name else repr(name[:60])


def _given(table: Table, role: str, spec: str) -> Column:
    if not isinstance(spec, str):
        raise InputError(f"--columns {role}: found {type(spec).__name__}, want the name of a column")
    if spec in table.columns:
        return Column(spec)
    name, times, factor = spec.rpartition("*")
    if times and name.strip():
        value = read_quantity(factor, what=f"--columns {role}")
        if not 0 < value < float("inf"):
            raise InputError(f"--columns {role}: found {factor.strip()!r} after *, want a positive number such as 1e6")
        return Column(find_column(table, name.strip(), f"--columns {role}"), value, stated=True)
    return Column(find_column(table, spec, f"--columns {role}"))


def _last_part(name: str) -> str:
    return plain_name(re.split(r"[/.:]", name.strip())[-1])


def _candidates(names: Sequence[str], role: str, chosen: Mapping[str, Column]) -> list[Column]:
    """The columns whose name says `role`; those whose whole name does, else those whose last part does."""
    if role == "non_embedding":
        return [Column(name) for name in names if counts_body(name)]
    if role == "params" and (active := [found for name in names if (found := _active(name))]):
        return active
    if role == "total_params" and not ("params" in chosen and _active(chosen["params"].name)):
        return []
    aliases = ALIASES[role]
    whole = [found for name in names if (found := _named(name, plain_name(name), aliases, role))]
    if role in OTHERS:
        whole.sort(key=lambda column: aliases.index(plain_name(column.name)))
    if whole or role == "run":
        return whole
    parts = [name for name in names if not re.match(r"train", name.strip(), re.IGNORECASE) or role != "loss"]
    return [found for name in parts if (found := _named(name, _last_part(name), aliases, role))]


def _active(name: str) -> Column | None:
    return _named(name, plain_name(name), ACTIVE, "params") or _named(name, _last_part(name), ACTIVE, "params")


def _named(name: str, plain: str, aliases: Sequence[str], role: str) -> Column | None:
    if plain in aliases:
        return Column(name)
    stem, _, unit = plain.rpartition("_")
    if role in ("params", "total_params", "tokens") and stem in aliases and unit in _MULTIPLES:
        return Column(name, _MULTIPLES[unit], stated=True)
    if role == "loss" and re.sub(r"_nats?(_(per_)?(token|tok))?$", "", plain) in aliases:
        return Column(name)
    return None


def counts_body(name: str) -> bool:
    """Whether a column counts parameters without embeddings: N_no_emb, non_embedding_params."""
    plain = plain_name(name)
    rest = _WITHOUT.sub("_", plain, count=1).strip("_")
    return rest != plain and (not rest or rest in ALIASES["params"] or rest == "param")


def _different(table: Table, found: Sequence[Column]) -> list[Column]:
    """Of columns that hold the same numbers, the first."""
    kept: list[Column] = []
    numbers: list[list[float | None]] = []
    for column in found:
        own = [_number(cell, column.factor) for cell in table.columns[column.name]]
        if not any(all(map(_same, own, other)) for other in numbers):
            kept.append(column)
            numbers.append(own)
    return kept


def _number(cell: Cell, factor: float) -> float | None:
    try:
        return float(cell) * factor
    except (TypeError, ValueError, OverflowError):
        try:
            return read_quantity(str(cell)) * factor
        except InputError:
            return None


def _same(one: float | None, other: float | None) -> bool:
    return one == other or (one is not None and other is not None and abs(one - other) <= 1e-6 * abs(one))


def _question(where: str, role: str, found: Sequence[Column]) -> str:
    names = _listed([shown(column.name) for column in found], "and")
    answers = _listed([f"--columns {shlex.quote(f'{role}={column.name}')}" for column in found], "or")
    what = {"loss": "the loss", "params": "N", "tokens": "D", "flops": "C", "lr": "the learning rate"}.get(role, role)
    return f"{where}: columns {names} could each be {what}; say which: {answers}"


def _no_loss(table: Table) -> str:
    names = list(table.columns)
    likely = [name for name in names if re.search("loss|entropy|nll", name, re.IGNORECASE)]
    if likely:
        hint = _listed([f"--columns {shlex.quote(f'loss={name}')}" for name in likely[:4]], "or")
        return f"{table.where}: no column loss; say which it is: {hint}"
    bits = next((name for name in names if re.search(r"bpb$|bits_per_byte", plain_name(name))), None)
    if bits is not None:
        answer = shlex.quote(f"loss={bits}*3.05")
        return (
            f"{table.where}: no column loss; {shown(bits)} × ln 2 × bytes per token is one: --columns {answer} "
            "where a token has 4.4 bytes"
        )
    found = ", ".join(shown(name) for name in names[:8])
    if any(re.search(r"perplexity|ppl$", plain_name(name)) for name in names):
        return (
            f"{table.where}: no column loss, found {found}; want a column of its own, the logarithm of the perplexity"
        )
    return f"{table.where}: no column loss, found {found}; want params,tokens,loss, or --columns loss=NAME"


def _listed(names: Sequence[str], word: str = "and") -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"
