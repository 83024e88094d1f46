"""What nanoGPT's train.py prints.

A step counts updates: `iter 10` is the loss of a batch after 10 updates, `step 250` an evaluation after 250. The loss
on training text that an evaluation prints is an average over many batches, unlike that of an iteration: it is kept as
`gap`.
"""

import re
from typing import Any

from scaling_tui.imports.lines import REAL, Dialect, Rule, Told, fact, real, setting


def _iteration(match: re.Match[str], _: float) -> Told:
    found = {"step": real(match[1]), "loss": real(match[2])}
    seconds = real(match[3]) / 1000
    if match[4] is not None and real(match[4]) > 0:  # -100 % stands for not measured yet
        found["mfu"] = real(match[4]) / 100
    return Told(record=found | {"seconds_per_step": seconds})


def _evaluation(match: re.Match[str], _: float) -> Told:
    step, train, held_out = map(real, match.groups())
    return Told(record={"step": step, "val_loss": held_out, "gap": held_out - train})


def _rounded(match: re.Match[str], _: float) -> Told:
    return Told(facts={"params_rounded": real(match[1]) * 1e6})


def _override(match: re.Match[str], _: float) -> Told:
    name, value = match[1], match[2].strip().strip("'\"")[:100]
    facts: dict[str, Any] = {"steps": real(value)} if name == "max_iters" and re.fullmatch(REAL, value) else {}
    return Told(facts=facts, settings={name: value})


DIALECT = Dialect(
    "nanogpt",
    "nanoGPT",
    (
        Rule(
            re.compile(rf"\biter (\d+): loss ({REAL}), time ({REAL})ms(?:, mfu ({REAL})%)?"), _iteration, is_sign=True
        ),
        Rule(re.compile(rf"\bstep (\d+): train loss ({REAL}), val loss ({REAL})(?=,|\s*$)"), _evaluation, is_sign=True),
        fact("tokens_per_step", r"tokens per iteration will be: ([\d,]+)", is_sign=True),
        Rule(re.compile(r"number of parameters: ([\d.]+)M"), _rounded),
        fact("params_decayed", r"num decayed parameter tensors: \d+, with ([\d,]+) parameters"),
        fact("params_not_decayed", r"num non-decayed parameter tensors: \d+, with ([\d,]+) parameters"),
        Rule(re.compile(r"^Overriding: (\w+) = (.+)"), _override),
        Rule(re.compile(r"^(max_iters|learning_rate|batch_size|block_size|n_layer|n_embd)\s*= *([^#]+)"), _override),
        setting(r"^(found vocab_size) = (\d+)"),
    ),
)
