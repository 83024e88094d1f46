"""What a run's configuration is, from what its log and its user say of it; and a sentence for all that is computed."""

import math
from collections.abc import Mapping
from typing import Any

from scaling_tui.imports.metrics import WHOLE
from scaling_tui.imports.source import Record

CONFIG = ("rung", "seed", "params", "non_embedding", "tokens", "unique_tokens", "flops")
_OUTSIDE = ("params_wte", "params_value_embeds", "params_lm_head")
BITS = math.log(2)  # nats


def settled(said: Mapping[str, float | str], given: Mapping[str, float | str]) -> tuple[dict[str, Any], list[str]]:
    """Facts of a run, the `given` ones before those that the log `said`, and how the computed ones were computed."""
    facts: dict[str, Any] = {**said, **given}
    derived = []
    if "params" not in facts and {"params_decayed", "params_not_decayed"} <= facts.keys():
        facts["params"] = facts["params_decayed"] + facts["params_not_decayed"]
        derived.append("params = those with weight decay and those without, as the log counts them")
    if "params" not in facts and "params_rounded" in facts:
        facts["params"] = facts["params_rounded"]
        derived.append(f"params = {facts['params_rounded'] / 1e6:g}M as the log rounds it, without position embeddings")
    if "non_embedding" not in facts and {"params", *_OUTSIDE} <= facts.keys():
        facts["non_embedding"] = facts["params"] - sum(facts[name] for name in _OUTSIDE)
        derived.append("non_embedding = params less wte, value_embeds and lm_head, as the log counts them")
    if "tokens" not in facts and "steps" in facts and "tokens_per_step" in facts:
        facts["tokens"] = facts["steps"] * facts["tokens_per_step"]
        derived.append(f"D = {facts['steps']:,.0f} steps × {facts['tokens_per_step']:,.0f} tokens per step")
    for name in WHOLE:
        if name in facts:
            facts[name] = round(float(facts[name]))
    return facts, derived


def complete(record: Record, facts: Mapping[str, float | str], bytes_per_token: float | None) -> list[str]:
    """Adds to a record what follows from it and the facts; returns how."""
    derived = []
    per_step = facts.get("tokens_per_step")
    if per_step and "tokens" not in record and "step" in record:
        record["tokens"] = record["step"] * float(per_step)
        derived.append(f"tokens = step × {float(per_step):,.0f} tokens per step")
    seconds = record.pop("seconds_per_step", None)
    if seconds and per_step and "tokens_per_s" not in record:
        record["tokens_per_s"] = float(per_step) / seconds
        derived.append("tokens_per_s = tokens per step / time of the step")
    if bytes_per_token and "bpb" in record and "val_loss" not in record:
        record["val_loss"] = record["bpb"] * BITS * bytes_per_token
        derived.append(f"val_loss = bpb × ln 2 × {bytes_per_token:g} bytes per token")
    return derived
