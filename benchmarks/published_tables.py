"""The fits of published tables that docs/tables.md shows: its commands, read from the page and run.

    SCALING_TUI_DATA=DIR python benchmarks/published_tables.py

DIR/tables holds the tables as their authors published them; a table that is not there is named and left out.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "tables.md"
TABLES = Path(os.environ.get("SCALING_TUI_DATA", ".")) / "tables"
VALLEYS = ("near", "akima", "parabola")
# 13B and 7B of OLMo 2: N, D.
RUNS = ("params=13202396160,tokens=5000088518656", "params=6887575552,tokens=3945065873408")
TASKS = ("hellaswag", "piqa", "arc_easy", "arc_challenge", "boolq")


def fit(*words: str) -> str:
    """What `fit` says of a table, in a line; why not where it fails."""
    command = [sys.executable, "-m", "scaling_tui", "fit", *words, "--json"]
    done = subprocess.run(command, cwd=TABLES, capture_output=True, text=True, check=False)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no output"])[-1]
    found = json.loads(done.stdout)
    if "isoflop" in words:
        return "N ∝ C^{exponent:.3f} [{low:.3f}, {high:.3f}]".format(**found["params"])
    if "--task" in words:
        return "{accuracy:.3f} [{low:.3f}, {high:.3f}]".format(**found["predictions"][0])
    coefficients = ", ".join(f"{name} {value:.4g}" for name, value in found["coefficients"].items())
    return f"{found['points']} points, objective {found['objective']:.8g}: {coefficients}"


def main() -> None:
    text = PAGE.read_text(encoding="utf-8")
    _, _, section = text.partition("## Published tables")
    for line in re.findall(r"^\|[^|]+\| `fit ([^`]+)` \|", section, re.MULTILINE):
        words = shlex.split(line)
        if not (TABLES / words[0]).exists():
            print(f"fit {line}: left out, {words[0]} is not in {TABLES}")
        elif "--task" in words:
            for task in TASKS:
                for run in RUNS:
                    asked = (words[0], "--task", task, "--predict", run)
                    print(f"fit {shlex.join(asked)}: {fit(*asked)}")
        elif "isoflop" in words:
            for valley in VALLEYS:
                print(f"fit {line} --valley {valley}: {fit(*words, '--valley', valley)}")
        else:
            print(f"fit {line}: {fit(*words)}")


if __name__ == "__main__":
    main()
