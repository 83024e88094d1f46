"""The process that trains one run: `python -m scaling_tui.train.worker RUN [--device D] [--threads K]`.

It claims an attempt, continues from the run's last checkpoint, and watches for a request to stop. It reports through
the run's folder and its exit status alone: 0 ended as asked, 1 failed, `YIELDED` another process trains the run.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from types import FrameType
from typing import TYPE_CHECKING

from scaling_tui import InputError
from scaling_tui.runs import Writer, latest_request
from scaling_tui.runs.config import RunConfig
from scaling_tui.runs.format import HEARTBEAT_S, YIELDED, claim_if_alone, superseded
from scaling_tui.runs.writer import checkpoint_at, read_config
from scaling_tui.text import show

if TYPE_CHECKING:
    from scaling_tui.train.trainer import Trainer

REQUEST_INTERVAL_S = 0.5


def stop_watch(run: Path, attempt: Path) -> Callable[[], bool]:
    """A function that returns whether to stop: on a request in the sweep's folder, on SIGTERM, or once superseded."""
    terminated = False
    checked_at, requested = -REQUEST_INTERVAL_S, False

    def on_term(number: int, frame: FrameType | None) -> None:
        nonlocal terminated
        terminated = True

    def stop_requested() -> bool:
        nonlocal checked_at, requested
        if time.monotonic() - checked_at >= REQUEST_INTERVAL_S:
            checked_at = time.monotonic()
            requested = latest_request(run.parent, run.name) == "stop" or superseded(attempt)
        return terminated or requested

    signal.signal(signal.SIGTERM, on_term)
    return stop_requested


def device_named(name: str) -> "torch.device":  # type: ignore[name-defined] # noqa: F821 - torch is imported late
    """The torch device called `name`; `auto` is the accelerator if there is one, else the CPU.

    Raises:
        InputError: this machine has no such device.
    """
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"--device {name!r}: not on this machine ({str(error).splitlines()[0]})") from error
    return torch.device(name)


@contextmanager
def beating(writer: Writer) -> Iterator[None]:
    """Shows that the run is alive while the block does: a large corpus or a slow disk can take a minute to load."""
    over = Event()

    def beat() -> None:
        while not over.wait(HEARTBEAT_S):
            with suppress(OSError):  # a full disk fails the run where it writes, with its reason
                writer.heartbeat()

    thread = Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def load(
    run: Path, config: RunConfig, device: str, threads: int, writer: Writer, log: Callable[[str], None]
) -> "Trainer":
    """The run's trainer, at its last checkpoint or where it branches off its trunk, ready for its next step.

    Raises:
        InputError: the corpus has changed, the device is not there, or the trunk's checkpoint is missing.
    """
    from scaling_tui.data import encode, load_corpus

    corpus = load_corpus(config.corpus["name"], parameters=config.corpus.get("parameters"))
    if corpus.sha256 != config.corpus["sha256"]:
        raise InputError(f"corpus {corpus.name!r}: its content has changed since the sweep began")
    tokens = encode(corpus, config.corpus["tokenizer"], config.corpus.get("first_tokens", 0))

    import torch

    from scaling_tui.train.trainer import Trainer

    torch.set_num_threads(threads)
    trainer = Trainer(config, tokens, device_named(device))
    trainer.resume(writer, log)
    if config.trunk and not trainer.step:
        fork = checkpoint_at(run.parent / config.trunk.run, config.trunk.step)
        if fork is None:
            raise InputError(f"trunk {config.trunk.run}: its checkpoint of step {config.trunk.step} is missing")
        try:
            trainer.branch_off(fork)
            log(f"branches off {config.trunk.run} after step {config.trunk.step}")
        except InputError as error:
            log(f"{error}; training the steps of {config.trunk.run} here instead")
    return trainer


def work(run: Path, device: str, threads: int) -> int:
    """Trains `run` from its last checkpoint; returns the exit status."""
    # First of all, and before the seconds that torch takes to load: what another process sees decides who trains.
    attempt = claim_if_alone(run, "attempt")
    if attempt is None:
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {run.name} exits: another worker is training it", flush=True)
        return YIELDED
    stop_requested = stop_watch(run, attempt)
    with Writer(run, attempt=attempt) as writer:
        config = RunConfig.from_json(read_config(run))
        writer.keep = config.keep
        file = (writer.attempt / "worker.log").open("a", buffering=1, encoding="utf-8")
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())

        def log(text: str) -> None:
            print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {run.name} {text}", file=file)

        try:
            with beating(writer):
                trainer = load(run, config, device, threads, writer, log)
            where = f"from step {trainer.step}" if trainer.step else f"{config.params:,} parameters"
            if not superseded(attempt):
                log(f"starts on {trainer.device} with {show.counted(threads, 'thread')}, {where}")
                state = trainer.train(writer, stop_requested, log)
                writer.status(state, "the loss is not a finite number" if state == "diverged" else "")
                log(state)
            if superseded(attempt):
                writer.status("stopped", "another worker took over")
                log("exits: another worker took over")
                return YIELDED
        except Exception as error:
            text = str(error).splitlines()[0] if str(error) else type(error).__name__
            writer.status("failed", text if isinstance(error, InputError) else f"{type(error).__name__}: {text}")
            log(f"failed: {text}")
            raise
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="scaling_tui.train.worker")
    parser.add_argument("run", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    try:
        status = work(options.run, options.device, options.threads)
    except (InputError, OSError) as error:
        print(f"{options.run.name}: {error}", file=sys.stderr)
        status = 1
    sys.exit(status)


if __name__ == "__main__":
    main()
