"""The process that traces: `python -m scaling_tui.lens.process`; a line of JSON asks, a line of JSON answers.

It reads checkpoints onto the CPU, works on one thread at low priority beside what trains, and ends when its input
ends. A request names what it asks for (`trace`, `across`, `continue`); an answer is `{"ok": …}`, or `{"error": line}`
where the request was wrong. Records are those of `scaling_tui.lens.records`.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from scaling_tui import InputError
from scaling_tui.lens.checkpoints import Checkpoints
from scaling_tui.lens.records import as_json
from scaling_tui.lens.trace import Question, across, traced, went_on

NICE = 10


def answer(checkpoints: Checkpoints, request: Mapping[str, Any]) -> Any:
    """The record that a request asks for.

    Raises:
        InputError: what was asked cannot be had.
    """
    question = Question.of(request)
    if request["ask"] == "across":
        members = [(str(name), checkpoints.load(Path(run), step)) for name, run, step in request["members"]]
        return across(members, question)
    loaded = checkpoints.load(Path(request["run"]), request.get("step"))
    if request["ask"] == "continue":
        return went_on(loaded, question, request["tokens"], request["temperature"], request["seed"])
    return traced(loaded, question)


def main() -> None:
    os.nice(NICE)
    torch.set_num_threads(1)
    # What a library prints must not come between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    kept = Checkpoints()
    for line in sys.stdin:
        try:
            said: dict[str, Any] = {"ok": as_json(answer(kept, json.loads(line)))}
        except InputError as error:
            said = {"error": str(error)}
        except OSError as error:
            said = {"error": f"{error.filename or 'checkpoint'}: {error.strerror or error}"}
        answers.write(json.dumps(said) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
