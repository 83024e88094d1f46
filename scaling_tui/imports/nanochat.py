"""What nanochat leaves: the results.csv of its scaling laws, a row a finished run, and what its base_train.py prints.

Held-out loss is in bits per byte, and stays so: nats per token take the bytes per token of the held-out text, which are
not in the log.
"""

import re
from collections.abc import Mapping

from scaling_tui.imports.lines import REAL, Dialect, Rule, Told, end, fact, real, record

RESULTS = frozenset(("flops_budget", "depth", "params_total", "tokens_trained", "val_bpb"))
_OUTSIDE = ("params_wte", "params_value_embeds", "params_lm_head")


def is_results(names: "list[str]") -> bool:
    """Whether a table with these columns is a results.csv."""
    return set(names) >= RESULTS


def name_of(row: Mapping[str, str]) -> str:
    """What to call the run of a row: its depth and its budget, as nanochat's own tag has them."""
    return f"d{row['depth']}-{row['flops_budget']}"


def facts_of(row: Mapping[str, float]) -> tuple[dict[str, float | str], tuple[str, ...]]:
    """N, D and C of a row, and what was computed."""
    facts: dict[str, float | str] = {
        "params": row["params_total"], "tokens": row["tokens_trained"], "flops": row["flops_budget"],
    }  # fmt: skip
    if "num_iterations" in row:
        facts["steps"] = row["num_iterations"]
    if not all(name in row for name in _OUTSIDE):
        return facts, ()
    facts["non_embedding"] = row["params_total"] - sum(row[name] for name in _OUTSIDE)
    return facts, ("non_embedding = params_total less params_wte, params_value_embeds and params_lm_head",)


def _train(match: re.Match[str], _: float) -> Told:
    found = {"step": real(match[1]), "loss": real(match[3]), "tokens_per_s": real(match[4])}
    if match[5] is not None:
        found["mfu"] = real(match[5]) / 100
    return Told(record=found, facts={"steps": real(match[2])})


DIALECT = Dialect(
    "nanochat",
    "nanochat",
    (
        Rule(
            re.compile(
                rf"\bstep (\d+)/(\d+) \([\d.]+%\) \| loss: ({REAL}) \| lrm: .*?\| tok/sec: ([\d,]+)"
                rf"(?: \| (?:bf16_)?mfu: ({REAL}))?"
            ),
            _train,
            is_sign=True,
        ),
        Rule(
            re.compile(rf"\bStep (\d+) \| Validation bpb: ({REAL})\s*$"),
            lambda match, _: record(step=real(match[1]), bpb=real(match[2])),
            is_sign=True,
        ),
        Rule(
            re.compile(rf"\bStep (\d+) \| CORE metric: ({REAL})\s*$"),
            lambda match, _: record(step=real(match[1]), core_metric=real(match[2])),
        ),
        fact("params", r"^total +: ([\d,]+)"),
        fact("params_wte", r"^wte +: ([\d,]+)"),
        fact("params_value_embeds", r"^value_embeds +: ([\d,]+)"),
        fact("params_lm_head", r"^lm_head +: ([\d,]+)"),
        fact("tokens_per_step", r"^Total batch size ([\d,]+) => gradient accumulation steps"),
        fact("tokens", r"^Total number of training tokens: ([\d,]+)"),
        fact("flops", rf"^Total training FLOPs estimate: ({REAL})"),
        fact("steps", r"^(?:Calculated|Using user-provided) number of iterations[^:]*: ([\d,]+)"),
        end(r"^Total training time: "),
    ),
)
