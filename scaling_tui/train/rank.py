"""Torchrun, and each of the processes that it starts to train one run together; see `scaling_tui.train.group`.

`python -m scaling_tui.train.rank RUN …` becomes torchrun, which starts the same command once for each device, with a
rank in its environment.
"""

import argparse
import os
import signal
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from threading import Thread

from scaling_tui.runs import Writer
from scaling_tui.runs.config import RunConfig
from scaling_tui.runs.fence import SupersededError
from scaling_tui.runs.format import YIELDED, Status
from scaling_tui.runs.heartbeat import beating
from scaling_tui.runs.writer import read_config
from scaling_tui.train.group import HELD, Notes
from scaling_tui.train.worker import (
    SCHEDULERS,
    LastCorpus,
    device_named,
    die_with,
    end,
    fault,
    load,
    stop_watch,
)

TORCHRUN = "SCALING_TUI_TORCHRUN"  # its pid


def options_of(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scaling_tui.train.rank")
    parser.add_argument("run", type=Path)
    parser.add_argument("--attempt", type=Path, required=True)
    parser.add_argument("--notes", type=Path, required=True)
    parser.add_argument("--devices", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--memory", type=int)
    parser.add_argument("--worker", type=int, required=True)
    return parser.parse_args(arguments)


def say(run: Path, text: str) -> None:
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {run.name} {text}", flush=True)


def torchrun(arguments: list[str]) -> int:
    """Starts the processes and waits for them; returns its exit status. It dies with the worker, they die with it."""
    options = options_of(arguments)
    die_with(options.worker)
    # A scheduler signals every process of a job; only the worker heeds it, and the first process stops at a step.
    for number in HELD:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
    os.environ[TORCHRUN] = str(os.getpid())
    count = len(options.devices.split(","))

    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import parse_args, run

    # They meet by a file, not a port: whoever reaches a port may send a pickle.
    own = [
        "--rdzv-backend",
        "c10d",
        "--rdzv-conf",
        "store_type=file",
        "--rdzv-endpoint",
        str(options.notes / "meeting"),
    ]
    own += ["--local-addr", "127.0.0.1", "--nproc-per-node", str(count), "--max-restarts", "0"]
    own += ["--signals-to-handle", "SIGHUP", "--log-dir", str(options.notes / "torchrun")]
    try:
        run(parse_args([*own, "-m", "scaling_tui.train.rank", *arguments]))  # type: ignore[no-untyped-call]
    except ChildFailedError as error:
        for rank, failure in sorted(error.failures.items()):
            status = failure.exitcode
            how = f"was killed by {failure.signal_name()}" if status < 0 else f"ended with status {status}"
            say(options.run, f"process {rank + 1} of {count} {how}")
        if all(failure.exitcode >= 0 for failure in error.failures.values()):
            Notes(options.notes).nobody_died()
        return 1
    return 0


def heed_torchrun_alone(torchrun: int) -> None:
    """Ends this process on a SIGTERM from torchrun, sent because another process died; ignores it from others."""
    for number in (signal.SIGINT, *SCHEDULERS):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if not hasattr(signal, "sigwaitinfo"):
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # of all threads to come too

    def wait() -> None:
        while signal.sigwaitinfo({signal.SIGTERM}).si_pid != torchrun:
            pass
        os._exit(128 + signal.SIGTERM)  # the main thread may be waiting for the dead process, deep in a library

    Thread(target=wait, daemon=True).start()


def train(options: argparse.Namespace, rank: int, count: int) -> int:
    """Trains the run as the process of this `rank`; returns its exit status."""
    run, notes, device = options.run, Notes(options.notes), options.devices.split(",")[rank]
    claimed = Status.read(options.attempt / "status.json")
    writer = Writer(run, attempt=options.attempt, status=claimed) if rank == 0 else None

    def log(text: str) -> None:
        if writer is not None:
            writer.check_owner()
            say(run, text)

    if writer is not None:
        notes.begin()
    with beating(writer.heartbeat) if writer else nullcontext():
        config = RunConfig.from_json(read_config(run))

        from scaling_tui.train.ranks import Group

        group = Group(rank, count, device_named(device))
        trainer = load(run, config, LastCorpus(), device, options.threads, options.memory, writer, log, group)
    where = f"from step {trainer.step}" if trainer.step else f"{config.params:,} parameters"
    log(f"starts on {trainer.device.type} × {count} with {trainer.engine}, {where}")
    if writer is None:
        trainer.train(None, lambda: False, log)
    else:
        writer.keep = config.keep
        end(writer, trainer.train(writer, stop_watch(run, writer, lambda: notes.stops), log), log)
    group.leave()
    return 0


def main() -> None:
    arguments = sys.argv[1:]
    if TORCHRUN not in os.environ:
        sys.exit(torchrun(arguments))
    parent = int(os.environ[TORCHRUN])
    die_with(parent)
    heed_torchrun_alone(parent)
    options, rank, count = options_of(arguments), int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    status = 1
    try:
        status = train(options, rank, count)
    except SupersededError:
        say(options.run, "exits: another worker took over")
        status = YIELDED
    except Exception as error:
        if of_another(error):
            told = str(error).strip() or type(error).__name__
            say(options.run, f"process {rank + 1} of {count} lost contact with another process: {told}")
            Notes(options.notes).doubt(rank, fault(error))
        else:
            Notes(options.notes).fail(rank, fault(error))
            sys.excepthook(type(error), error, error.__traceback__)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # library threads that wait for a dead process would keep this one alive


def of_another(error: BaseException) -> bool:
    """Whether `error` is due to the end of another process, as the libraries word it."""
    import torch.distributed as dist

    text = str(error).lower()
    return isinstance(error, dist.DistError) or any(word in text for word in ("gloo", "nccl", "closed by peer"))


if __name__ == "__main__":
    main()
