"""The process that trains one run: `python -m scaling_tui.train.worker RUN [--device D] [--threads K]`.

It claims an attempt, goes on from the run's last checkpoint, and looks for a request to stop. All that others
learn of it they learn from the run's folder and its exit status: 0 ended as asked, 1 failed.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from scaling_tui import InputError
from scaling_tui.runs import Writer, latest_request
from scaling_tui.runs.config import RunConfig
from scaling_tui.runs.writer import checkpoint_at, checkpoints, read_config

LOOK_FOR_REQUESTS_S = 0.5


def stop_watch(run: Path) -> Callable[[], bool]:
    """A function that tells whether to stop: asked by a file in the sweep's folder, or by SIGTERM."""
    terminated = False
    asked_at, answer = -LOOK_FOR_REQUESTS_S, False

    def on_term(number: int, frame: FrameType | None) -> None:
        nonlocal terminated
        terminated = True

    def stop_requested() -> bool:
        nonlocal asked_at, answer
        if time.monotonic() - asked_at >= LOOK_FOR_REQUESTS_S:
            asked_at = time.monotonic()
            answer = latest_request(run.parent, run.name) == "stop"
        return terminated or answer

    signal.signal(signal.SIGTERM, on_term)
    return stop_requested


def device_named(name: str) -> "torch.device":  # type: ignore[name-defined] # noqa: F821 - torch is imported late
    """The torch device of that name; `auto` is the accelerator where there is one, else the CPU."""
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"--device {name!r}: not on this machine ({str(error).splitlines()[0]})") from error
    return torch.device(name)


def work(run: Path, device: str, threads: int) -> int:
    """Trains `run` from where it stands; returns the exit status."""
    config = RunConfig.from_json(read_config(run))
    stop_requested = stop_watch(run)
    with Writer(run, config.keep) as writer:
        log = (writer.attempt / "worker.log").open("a", buffering=1, encoding="utf-8")
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())

        def say(text: str) -> None:
            print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {run.name} {text}", file=log)

        try:
            from scaling_tui.data import encode, load_corpus

            corpus = load_corpus(config.corpus["name"], parameters=config.corpus.get("parameters"))
            if corpus.sha256 != config.corpus["sha256"]:
                raise InputError(f"corpus {corpus.name!r}: its content changed since the sweep began")
            tokens = encode(corpus, config.corpus["tokenizer"], config.corpus.get("first_tokens", 0))

            import torch

            from scaling_tui.train.trainer import Trainer

            torch.set_num_threads(threads)
            trainer = Trainer(config, tokens, device_named(device))
            for checkpoint in checkpoints(run):
                try:
                    trainer.read_checkpoint(checkpoint)
                    break
                except InputError as error:
                    say(f"{error}; tries the one before")
                    trainer = Trainer(config, tokens, device_named(device))
            if config.trunk and not trainer.step:
                fork = checkpoint_at(run.parent / config.trunk.run, config.trunk.step)
                if fork is None:
                    raise InputError(f"trunk {config.trunk.run}: its checkpoint of step {config.trunk.step} is missing")
                trainer.branch_off(fork)
                say(f"branches off {config.trunk.run} after its step {config.trunk.step}")
            where = f"from step {trainer.step}" if trainer.step else f"{config.params:,} parameters"
            say(f"starts on {trainer.device} with {threads} threads, {where}")
            state = trainer.train(writer, stop_requested, say)
            writer.status(state, "the loss is not a finite number" if state == "diverged" else "")
            say(state)
        except Exception as error:
            text = str(error).splitlines()[0] if str(error) else type(error).__name__
            writer.status("failed", text if isinstance(error, InputError) else f"{type(error).__name__}: {text}")
            say(f"failed: {text}")
            raise
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="scaling_tui.train.worker")
    parser.add_argument("run", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    try:
        status = work(given.run, given.device, given.threads)
    except InputError as error:
        print(f"{given.run.name}: {error}", file=sys.stderr)
        status = 1
    sys.exit(status)


if __name__ == "__main__":
    main()
