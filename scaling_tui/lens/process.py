"""The tracing process: `python -m scaling_tui.lens.process`; one line of JSON a request, one line an answer.

It loads checkpoints onto the CPU and runs at low priority so that live runs keep their speed: on one thread, and on
half the cores once it has loaded a model that was not trained here, which may be large. It exits at the end of its
input. A request names its kind under `ask` (`trace`, `across`, `continue`); an answer is `{"ok": …}` with a record of
`scaling_tui.lens.records`, or `{"error": line}` for a request that cannot be met.
"""

import json
import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from scaling_tui import InputError
from scaling_tui.lens.checkpoints import CheckpointCache
from scaling_tui.lens.records import as_json
from scaling_tui.lens.trace import TraceRequest, across, continue_prompt, trace_prompt

NICE = 10


def answer(checkpoints: CheckpointCache, document: Mapping[str, Any]) -> Any:
    """The record that a request asks for.

    Raises:
        InputError: the request cannot be met.
    """
    request, device = TraceRequest.from_json(document), document.get("device", "cpu")
    if document["ask"] == "across":
        members = [
            (str(name), partial(checkpoints.load, Path(folder), step, device))
            for name, folder, step in document["members"]
        ]
        return across(members, request)
    checkpoint = checkpoints.load(Path(document["folder"]), document.get("step"), device)
    if document["ask"] == "continue":
        return continue_prompt(checkpoint, request, document["tokens"], document["temperature"], document["seed"])
    return trace_prompt(checkpoint, request)


def main() -> None:
    os.nice(NICE)
    torch.set_num_threads(1)
    # What a library prints must not end up among the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    checkpoints = CheckpointCache()
    for line in sys.stdin:
        try:
            reply: dict[str, Any] = {"ok": as_json(answer(checkpoints, json.loads(line)))}
        except InputError as error:
            reply = {"error": str(error)}
        except MemoryError:
            reply = {"error": "memory: not enough for this trace; want a shorter prompt or a smaller model"}
        except OSError as error:
            reply = {"error": f"{error.filename or 'checkpoint'}: {error.strerror or error}"}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
