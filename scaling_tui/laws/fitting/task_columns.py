"""The tasks of a table: pairs of columns, bits per byte of the right answer and accuracy, by the names people use.

Evaluations are named by paths such as `eval/downstream_bpb/arc_easy_rc_5shot_bpb`, `arc_easy/acc_norm` or
`bpb_arc_easy`. What says the measure is taken off, and so are parts that say only that it is an evaluation; what is
left names the task.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scaling_tui import InputError
from scaling_tui.laws.fitting.column_names import plain_name, shown
from scaling_tui.text.suggest import nearest

_BITS = ("bits_per_byte", "task_loss", "answer_bpb", "bpb")
_ACCURACY = (
    "acc_norm", "acc_len_norm", "len_norm", "acc_raw", "acc_uncond", "acc_per_char", "acc_per_token", "accuracy",
    "acc", "exact_match",
)  # fmt: skip
_GENERAL = frozenset(
    (
        "eval", "evals", "evaluation", "downstream", "task", "tasks", "metrics", "metric", "results", "benchmark",
        "benchmarks", "bpb", "bits", "per", "byte", "acc", "accuracy", "none", "loss",
    )
)  # fmt: skip
_CHANCE = {
    "piqa": 1 / 2, "boolq": 1 / 2, "winogrande": 1 / 2, "copa": 1 / 2, "wsc": 1 / 2, "socialiqa": 1 / 3, "siqa": 1 / 3,
    "social_iqa": 1 / 3, "csqa": 1 / 5, "commonsense_qa": 1 / 5, "commonsenseqa": 1 / 5, "hellaswag": 1 / 4,
    "arc": 1 / 4, "openbookqa": 1 / 4, "obqa": 1 / 4, "mmlu": 1 / 4, "sciq": 1 / 4, "race": 1 / 4, "lambada": 0.0,
}  # fmt: skip
"""Accuracy of guessing, one over the number of answers."""


@dataclass(frozen=True)
class TaskColumns:
    """A task of a table: its columns, and the accuracy of guessing where the task is known."""

    name: str
    bits: str
    accuracy: str
    chance: float | None


def find_task(names: Sequence[str], task: str, given: Mapping[str, str], where: str) -> TaskColumns:
    """The columns of the task that `task` names: whole, or by a beginning that no other task has.

    Args:
        names: of the table's columns.
        task: as `--task` gives it.
        given: columns of the roles `task_loss` and `accuracy`, in place of those found by name.
        where: the table, for errors.

    Raises:
        InputError: no such task, or several; or several columns could be its accuracy. Lists the tasks there are.
    """
    tasks = tasks_of(names)
    wanted = plain_name(task)
    if {"task_loss", "accuracy"} <= given.keys():
        return TaskColumns(task, given["task_loss"], given["accuracy"], chance_of(wanted))
    named = [name for name in tasks if name == wanted] or [name for name in tasks if _begins(name, wanted)]
    if not named and given:
        missing = "accuracy" if "task_loss" in given else "task_loss"
        raise InputError(f"--columns: found no {missing} for {task!r}, want task_loss=NAME and accuracy=NAME")
    if not tasks:
        raise InputError(
            f"--task: found no task in {where}, want a column of bits per byte and one of accuracy for it, or "
            "--columns task_loss=NAME,accuracy=NAME"
        )
    if len(named) != 1:
        listed = ", ".join(shown(name) for name in (named or tasks))
        beginnings = {"_".join(name.split("_")[:k]): name for name in tasks for k in range(1, name.count("_") + 2)}
        near = nearest(wanted, beginnings) if not named else None
        hint = f"did you mean {beginnings[near]}? {where} has {listed}" if near else f"want one of {listed}"
        raise InputError(f"--task: found {task[:60]!r}, {hint}")
    bits, accuracies = tasks[named[0]]
    if "accuracy" not in given and len(accuracies) > 1:
        choices = " or ".join(f"--columns accuracy={name}" for name in accuracies[:4])
        raise InputError(f"--task {task}: {len(accuracies)} columns could be its accuracy; say which: {choices}")
    return TaskColumns(
        named[0], given.get("task_loss", bits), given.get("accuracy", accuracies[0]), chance_of(named[0])
    )


def tasks_of(names: Sequence[str]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Tasks with a column of bits per byte and at least one of accuracy, in the order of the table."""
    bits = {name: column for column in names if (name := _task(column, _BITS))}
    accuracies: dict[str, list[str]] = {}
    for column in names:
        name = _task(column, _ACCURACY)
        if name:
            accuracies.setdefault(name, []).append(column)
    return {name: (column, tuple(accuracies[name])) for name, column in bits.items() if name in accuracies}


def chance_of(task: str) -> float | None:
    """The accuracy of guessing; None for a task that is not known."""
    words = plain_name(task)
    return next((value for name, value in _CHANCE.items() if re.search(rf"(^|_){name}(_|$)", words)), None)


def _begins(name: str, wanted: str) -> bool:
    return bool(wanted) and f"_{name}_".startswith(f"_{wanted}_")


def _task(column: str, measures: Sequence[str]) -> str:
    """What is left of a column's name without the measure; empty where it does not name one."""
    parts = [plain_name(part) for part in re.split(r"[/:.,]", column)]
    for measure in measures:
        for place in reversed(range(len(parts))):
            part = parts[place]
            left = (
                ""
                if part == measure
                else part.removesuffix(f"_{measure}")
                if part.endswith(f"_{measure}")
                else part.removeprefix(f"{measure}_")
            )
            if left != part:
                rest = [*parts[:place], left, *parts[place + 1 :]]
                name = "_".join(word for word in rest if not set(word.split("_")) <= _GENERAL | {""})
                if name:
                    return name
    return ""
