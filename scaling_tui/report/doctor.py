"""What `doctor` found, as text in groups and as a JSON document."""

import textwrap
from collections.abc import Mapping
from typing import Any

from scaling_tui.sweeps.looks import Look
from scaling_tui.text import show

GROUPS = {
    "A sweep here uses": ("sweep",),
    "Machine": ("cpu", "memory", "devices", "driver"),
    "torch": ("torch", "bf16", "compile", "gloo", "nccl"),
    "Runs": ("storage", "storage_speed"),
    "Schedulers": ("ray", "slurm"),
    "Terminal": ("terminal", "colours", "utf8", "clipboard"),
    "Versions": ("versions",),
}
LABELS = {
    "cpu": "CPU", "nccl": "NCCL", "storage": "folder", "storage_speed": "speed", "ray": "Ray", "slurm": "SLURM",
    "utf8": "UTF-8",
}  # fmt: skip
WIDEST, NARROWEST = 100, 40


def doctor_text(looks: Mapping[str, Look], width: int = WIDEST) -> str:
    """A line for each look, wrapped at `width` columns, and under it one for each thing to do about it."""
    width = max(NARROWEST, min(width, WIDEST))
    indent = 2 + max(len(LABELS.get(name, name)) for name in looks) + 2
    lines = []
    for group, names in GROUPS.items():
        lines += [group]
        for name in names:
            look = looks[name]
            lines += _wrapped(look.says, f"  {LABELS.get(name, name)}".ljust(indent), indent, width)
            for advice in look.advice:
                lines += _wrapped(advice, " " * (indent - 2) + "! ", indent, width)
        lines += [""]
    problems = sum(len(look.advice) for look in looks.values())
    many = show.counted(problems, "problem")
    return "\n".join([*lines, f"{many}: see the lines that begin with !" if problems else "no problems found"])


def _wrapped(text: str, first: str, indent: int, width: int) -> list[str]:
    text = " ".join(text.split())
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=" " * indent, break_on_hyphens=False
    ) or [first.rstrip()]  # fmt: skip


def doctor_document(looks: Mapping[str, Look]) -> dict[str, Any]:
    """Every look by name: its `status`, what it `says`, `advice`, and values of its own."""
    return {
        name: {
            "status": look.status.replace(" ", "_"), "says": look.says, "advice": list(look.advice), **look.values
        }
        for name, look in looks.items()
    }  # fmt: skip
