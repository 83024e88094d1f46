"""What llm.c writes: `main.log` (`s:250 tel:3.2`), and what its CUDA, C and PyTorch programs print.

A step is the number that the line bears. Printed, it counts from 1 where main.log counts from 0, and a printed `val
loss` is one after as many steps as were printed before it.
"""

import re

from scaling_tui.imports.lines import REAL, Dialect, Rule, Told, end, fact, real, record, setting
from scaling_tui.imports.nanogpt import DIALECT as NANOGPT


def _train(match: re.Match[str], _: float) -> Told:
    found = {"step": real(match["step"]), "loss": real(match["loss"])}
    for name, group in (("lr", "lr"), ("grad_norm", "norm")):
        if match[group] is not None:
            found[name] = real(match[group])
    return Told(record=found)


def _printed(match: re.Match[str], _: float) -> Told:
    found = {"step": real(match["step"]), "loss": real(match["loss"])}
    for name, group, scale in (("lr", "lr", 1.0), ("grad_norm", "norm", 1.0), ("mfu", "mfu", 0.01)):
        value = match.groupdict().get(group)
        if value is not None and real(value) >= 0:
            found[name] = real(value) * scale
    found["tokens_per_s"] = real(match["speed"])
    return Told(record=found, facts={"steps": real(match["steps"])})


DIALECT = Dialect(
    "llm.c",
    "llm.c",
    (
        Rule(
            re.compile(rf"^s:(?P<step>\d+) trl:(?P<loss>{REAL})(?: lr:(?P<lr>{REAL}))?(?: norm:(?P<norm>{REAL}))?\s*$"),
            _train,
            is_sign=True,
        ),
        Rule(
            re.compile(rf"^s:(\d+) tel:({REAL})\s*$"),
            lambda match, _: record(step=real(match[1]), val_loss=real(match[2])),
            is_sign=True,
        ),
        Rule(
            re.compile(rf"^s:(\d+) eval:({REAL})\s*$"),
            lambda match, _: record(step=real(match[1]), hellaswag=real(match[2])),
            is_sign=True,
        ),
        Rule(  # train_gpt2.cu
            re.compile(
                rf"\bstep +(?P<step>\d+)/(?P<steps>\d+) \| loss (?P<loss>{REAL}) \([^)]*\) ?\| norm (?P<norm>{REAL}) "
                rf"\([^)]*\) ?\| lr (?P<lr>{REAL}) \| {REAL} ms \| (?P<mfu>{REAL})% bf16 MFU \| (?P<speed>{REAL}) tok/s"
            ),
            _printed,
            is_sign=True,
        ),
        Rule(  # train_gpt2.py of llm.c
            re.compile(
                rf"\bstep +(?P<step>\d+)/(?P<steps>\d+) \| train loss (?P<loss>{REAL}) \| norm (?P<norm>{REAL}) "
                rf"\| lr (?P<lr>{REAL}) \| \({REAL} ms \| (?P<speed>{REAL}) tok/s\)"
            ),
            _printed,
            is_sign=True,
        ),
        Rule(  # train_gpt2.c
            re.compile(rf"^step (\d+): train loss ({REAL}) \(took {REAL} ms\)"),
            lambda match, _: Told(
                record={"step": real(match[1]), "loss": real(match[2])}, steps_done=real(match[1]) + 1
            ),
            is_sign=True,
        ),
        Rule(
            re.compile(rf"^val loss ({REAL})\s*$"),
            lambda match, step: record(step=step, val_loss=real(match[1])),
        ),
        Rule(
            re.compile(rf"^HellaSwag: \d+/\d+ = ({REAL})"),
            lambda match, step: record(step=step, hellaswag=real(match[1])),
        ),
        fact("params", r"^\|? ?num_parameters(?: +\||:) ([\d,]+)"),
        fact("tokens_per_step", r"^\| total batch size +\| (\d+)"),
        fact("tokens_per_step", r"^total desired batch size: (\d+)"),
        fact("steps", r"^\| train_num_batches +\| (\d+)"),
        setting(r"^\| (learning rate \(LR\)|warmup iterations|weight decay|channels C|num_layers L) +\| (\S+)"),
        *(rule for rule in NANOGPT.rules if "decayed" in rule.pattern.pattern),
        end(r"^total average iteration time: "),
        end(r"^final \d+ iters avg: "),
    ),
)
