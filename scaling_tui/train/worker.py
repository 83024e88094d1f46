"""The process that trains: `python -m scaling_tui.train.worker RUN`, or one run after the other with `--serve FD` or
`--mailbox DIR`.

With `--processes N` so many train the run together; see `scaling_tui.train.group`.

For each run it claims an attempt, continues from the run's last checkpoint, and watches for a request to stop. It
reports through the run's folder and its exit status alone: 0 ended as asked, 1 failed, `YIELDED` another process trains
the run.

To serve, it reads a line of JSON for each run from the socket FD: the `run`'s path, the number of `threads`, its share
of main `memory` in bytes, and the devices `beside` its own on which others train the run together with it; with
descriptors that it keeps open while it trains the run, as locks of the cores; an empty object has it load torch while
it waits. After each run it answers with a line: the `run`'s name and its `status`. A run that fails ends the process,
as it may leave anything behind. When the socket ends, as it does when the supervisor dies, it finishes the run that it
has and leaves. With `--mailbox` the same is said through files, for a worker on another host; see
`scaling_tui.runs.mailbox`.
"""

import argparse
import gc
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

from scaling_tui import InputError
from scaling_tui.runs import Writer, latest_request
from scaling_tui.runs.config import RunConfig
from scaling_tui.runs.fence import SupersededError
from scaling_tui.runs.format import YIELDED, State, claim_if_alone
from scaling_tui.runs.heartbeat import beating
from scaling_tui.runs.mailbox import WorkersEnd
from scaling_tui.runs.writer import checkpoint_at, read_config
from scaling_tui.train.group import Claim, devices_of, train_together

if TYPE_CHECKING:
    from scaling_tui.data import Encoded
    from scaling_tui.train.ranks import Ranks
    from scaling_tui.train.trainer import Trainer

REQUEST_INTERVAL_S = 0.5
# With which schedulers warn, besides SIGTERM; unhandled it would end the process.
SCHEDULERS = (signal.SIGUSR2,) if hasattr(signal, "SIGUSR2") else ()
PR_SET_PDEATHSIG = 1  # of prctl(2)
MOST_DESCRIPTORS = 250  # that a message of a socket may carry, by Linux 253
NICER = 5  # than the app and the commands, so that keys are answered at once while every core trains


class Termination:
    """SIGTERM asks the process to stop the run that it trains, and to take no other; so does any of `signals`."""

    def __init__(self, *signals: signal.Signals) -> None:
        self.asked = False
        self.signals = (signal.SIGTERM, *signals)

    def _on_term(self, number: int, frame: FrameType | None) -> None:
        self.asked = True

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """In the block the signal is noted; outside it ends the process, which has nothing to lose there."""
        before = [(number, signal.signal(number, self._on_term)) for number in self.signals]
        try:
            yield
        finally:
            for number, handler in before:
                signal.signal(number, handler)


def stop_watch(run: Path, writer: Writer, told: Callable[[], bool]) -> Callable[[], bool]:
    """A function that returns whether to stop: on a request in the sweep's folder, or once the process is `told` to.

    It raises SupersededError once another worker has taken over.
    """
    checked_at, requested = -REQUEST_INTERVAL_S, False

    def stop_requested() -> bool:
        nonlocal checked_at, requested
        if time.monotonic() - checked_at >= REQUEST_INTERVAL_S:
            checked_at = time.monotonic()
            writer.check_owner()
            requested = latest_request(run.parent, run.name) == "stop"
        return told() or requested

    return stop_requested


def device_named(name: str) -> "torch.device":  # type: ignore[name-defined] # noqa: F821 - torch is imported late
    """The torch device called `name`; `auto` is the accelerator if there is one, else the CPU; `auto:1` the second.

    Raises:
        InputError: this machine has no such device.
    """
    import torch

    kind, _, number = name.partition(":")
    if kind == "auto":
        cuda = f"cuda:{number}" if number else "cuda"
        name = cuda if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"--device {name!r}: not on this machine ({str(error).splitlines()[0]})") from error
    device = torch.device(name)
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)  # or whatever names no GPU would run, and take memory, on the first one
    return device


@dataclass
class LastCorpus:
    """The corpus that the process has encoded last, for the next run: most runs of a sweep have the same."""

    key: str = ""
    stamp: str | None = None
    tokens: "Encoded | None" = None

    def of(self, corpus: dict[str, Any]) -> "Encoded":
        """The tokens of a run's corpus. Its content is read again unless no file of it has changed since.

        Raises:
            InputError: the corpus has changed since the sweep began, or cannot be read.
        """
        from scaling_tui.data import CorpusChoice, encode, recorded_corpus, stamp

        key = json.dumps({**corpus, "source": None}, sort_keys=True, default=str)
        now = stamp(CorpusChoice.recorded(corpus))
        if self.tokens is None or now is None or (key, now) != (self.key, self.stamp):
            self.tokens = None  # before the next is loaded: two may not fit
            self.tokens = encode(*recorded_corpus(corpus))
            self.key, self.stamp = key, now
        return self.tokens


def load(
    run: Path,
    config: RunConfig,
    corpus: LastCorpus,
    device: str,
    threads: int,
    memory: int | None,
    writer: Writer | None,
    log: Callable[[str], None],
    ranks: "Ranks | None" = None,
) -> "Trainer":
    """The run's trainer, at its last checkpoint or where it branches off its trunk, ready for its next step.

    Of several processes the first has the `writer`.

    Raises:
        InputError: the corpus has changed, the device is not there, or the trunk's checkpoint is missing.
    """
    tokens = corpus.of(config.corpus)

    import torch

    from scaling_tui.train.engine import Engine
    from scaling_tui.train.ranks import ALONE
    from scaling_tui.train.trainer import Trainer

    torch.set_num_threads(threads)
    trainer = Trainer(config, tokens, device_named(device), ranks or ALONE)
    if writer is not None:
        continue_run(run, config, trainer, writer, log)
    trainer.follow_first()
    trainer.prepare(Engine.recorded(run), log, memory)
    return trainer


def continue_run(run: Path, config: RunConfig, trainer: "Trainer", writer: Writer, log: Callable[[str], None]) -> None:
    """Takes the run to its last checkpoint, or to where it branches off its trunk.

    Raises:
        InputError: the trunk's checkpoint is missing.
    """
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


@contextmanager
def output_to(path: Path) -> Iterator[TextIO]:
    """Sends what the process writes, also from C, to the file at `path`.

    Where the block fails it stays so: the process ends, and the traceback belongs there, unless the run is another's.
    """
    with path.open("a", buffering=1, encoding="utf-8") as file:
        kept = [(descriptor, os.dup(descriptor)) for descriptor in (1, 2)]
        for descriptor, _ in kept:
            os.dup2(file.fileno(), descriptor)
        superseded: SupersededError | None = None
        try:
            yield file
        except SupersededError as error:
            superseded = error
        sys.stdout.flush()
        sys.stderr.flush()
    for descriptor, copy in kept:
        os.dup2(copy, descriptor)
        os.close(copy)
    if superseded is not None:
        raise superseded


def work(
    run: Path,
    device: str,
    threads: int,
    corpus: LastCorpus | None = None,
    termination: Termination | None = None,
    memory: int | None = None,
    over: int = 0,
    beside: Sequence[str] = (),
) -> int:
    """Trains `run` from its last checkpoint in `memory` bytes, or in what is free; returns the exit status.

    With devices `beside` this one, a process on each of them trains it together with this one's.
    The writers of the attempts up to `over` count as dead.
    """
    corpus, termination = corpus or LastCorpus(), termination or Termination()
    # First of all, and before the seconds that torch takes to load: what another process sees decides who trains.
    attempt = claim_if_alone(run, "attempt", over)
    if attempt is None:
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {run.name} exits: another worker is training it", flush=True)
        return YIELDED
    try:
        if beside:
            return _train_together(run, attempt, [device, *beside], threads, corpus, termination, memory)
        return _train(run, attempt, device, threads, corpus, termination, memory)
    except SupersededError:
        # Not into the run's log: the run is another's now.
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {run.name} exits: another worker took over", flush=True)
        return YIELDED


def _train(
    run: Path,
    attempt: Path,
    device: str,
    threads: int,
    corpus: LastCorpus,
    termination: Termination,
    memory: int | None,
) -> int:
    """Trains `run` as `attempt`, which this process has claimed.

    Raises:
        SupersededError: another process has claimed a later attempt.
    """
    with termination.heeded(), Writer(run, attempt=attempt) as writer:
        stop_requested = stop_watch(run, writer, lambda: termination.asked)
        config = RunConfig.from_json(read_config(run))
        writer.keep = config.keep
        with output_to(writer.attempt / "worker.log") as file:

            def log(text: str) -> None:
                writer.check_owner()
                print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {run.name} {text}", file=file)

            try:
                with beating(writer.heartbeat):
                    trainer = load(run, config, corpus, device, threads, memory, writer, log)
                where = f"from step {trainer.step}" if trainer.step else f"{config.params:,} parameters"
                log(f"starts on {trainer.device} with {trainer.engine}, {where}")
                end(writer, trainer.train(writer, stop_requested, log), log)
            except Exception as error:
                writer.check_owner()  # if the run is another's by now, this fault is not the run's
                writer.status("failed", fault(error))
                log(f"failed: {fault(error)}")
                raise
    return 0


def _train_together(
    run: Path,
    attempt: Path,
    devices: Sequence[str],
    threads: int,
    corpus: LastCorpus,
    termination: Termination,
    memory: int | None,
) -> int:
    """Trains `run` as `_train` does, by a process on each of `devices`."""
    claim = Claim(attempt)
    with termination.heeded(), output_to(attempt / "worker.log"):
        try:
            with beating(claim.beat):
                corpus.of(RunConfig.from_json(read_config(run)).corpus)  # prepared once, before all want it at once
            train_together(run, claim, devices, threads, memory, lambda: termination.asked)
        except SupersededError:
            raise
        except Exception as error:
            claim.write("failed", fault(error))
            print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {run.name} failed: {fault(error)}", flush=True)
            raise
    return 0


def end(writer: Writer, state: State, log: Callable[[str], None]) -> None:
    """Writes how the attempt ended."""
    writer.status(state, "the loss is not a finite number" if state == "diverged" else "")
    log(state)


def fault(error: BaseException) -> str:
    """What went wrong, as a line for the run's status."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text if isinstance(error, InputError) else f"{type(error).__name__}: {text}"


def serve(supervisor: socket.socket, device: str) -> None:
    """Trains the runs that the supervisor names, one after the other, until it has no more or is gone."""
    corpus, termination = LastCorpus(), Termination()
    for command, locks in commands(supervisor):
        if not command:
            import torch  # noqa: F401 - so that it is there when the first run comes

            continue
        run, threads, beside = Path(command["run"]), command["threads"], command["beside"]
        status = work(run, device, threads, corpus, termination, command["memory"], beside=beside)
        free_memory()
        for descriptor in locks:
            os.close(descriptor)
        answer = json.dumps({"run": run.name, "status": status}) + "\n"
        with suppress(OSError):  # the supervisor is gone: the next one reads the run's folder
            supervisor.sendall(answer.encode())
        if termination.asked:
            return


def serve_mailbox(folder: Path, device: str, memory: int | None) -> None:
    """Trains the runs that it is handed through the mailbox `folder`, each in `memory` bytes.

    Raises:
        InputError: the folder is not on this host.
    """
    corpus, termination = LastCorpus(), Termination(*SCHEDULERS)
    end = WorkersEnd(folder)
    with beating(end.beat):
        for handed in end.commands():
            status = 1  # where it fails, which ends the process
            try:
                own, *beside = devices_of(device, handed.processes)
                threads, over = handed.threads, handed.over
                status = work(handed.run, own, threads, corpus, termination, memory, over, beside)
            finally:
                # Reported as ended by the signal: the scheduler stopped it, not the user.
                end.answer(handed.run.name, -signal.SIGTERM if termination.asked else status)
            free_memory()
            if termination.asked:
                return


def die_with(parent: int) -> None:
    """Has Linux kill this process when the one that started it dies; it ends at once if that is so already."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(f"process {parent}, which started it, is gone")


def commands(supervisor: socket.socket) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """The lines of the supervisor until it is gone, and the descriptors that came with them."""
    said, descriptors = b"", list[int]()
    while True:
        try:
            data, new, _, _ = socket.recv_fds(supervisor, 1 << 16, MOST_DESCRIPTORS)
        except OSError:
            return
        if not data:
            return
        descriptors += new
        *lines, said = (said + data).split(b"\n")
        for line in lines:
            command = json.loads(line)
            # Only a run brings any, and there is never a second one before the first has ended.
            yield command, descriptors if command else []
            if command:
                descriptors = []


def free_memory() -> None:
    """Gives back what the last run used, so that the next finds the device as a new process would."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch._C._cuda_clearCublasWorkspaces()  # of every stream: each run has used streams of its own
        torch.cuda.empty_cache()


def be_nice(own_session: bool) -> None:
    """Makes this process less urgent by NICER; a session of the supervisor's own with all its workers too.

    Linux shares the cores between sessions first, and heeds the niceness of a process only within its session.
    """
    if hasattr(os, "nice"):
        os.nice(NICER)
    if own_session:
        with suppress(OSError):  # not on Linux, or turned off
            Path("/proc/self/autogroup").write_text(str(NICER), encoding="ascii")


def main() -> None:
    parser = argparse.ArgumentParser(prog="scaling_tui.train.worker")
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("--serve", type=int, metavar="FD")
    parser.add_argument("--mailbox", type=Path, metavar="DIR")
    parser.add_argument("--memory", type=int, metavar="BYTES")
    parser.add_argument("--die-with", type=int, metavar="PID")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    if [options.run, options.serve, options.mailbox].count(None) != 2:
        parser.error("want a run, --serve or --mailbox")
    if options.die_with is not None:
        die_with(options.die_with)
    be_nice(own_session=options.serve is not None)
    try:
        status = 0
        if options.mailbox is not None:
            serve_mailbox(options.mailbox, options.device, options.memory)
        elif options.run is None:
            serve(socket.socket(fileno=options.serve), options.device)
        else:
            own, *beside = devices_of(options.device, options.processes)
            status = work(options.run, own, options.threads, beside=beside)
    except (InputError, OSError) as error:
        print(f"{options.run.name}: {error}" if options.run else error, file=sys.stderr)
        status = 1
    sys.exit(status)


if __name__ == "__main__":
    main()
