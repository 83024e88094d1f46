"""Asks processes of `scaling_tui.train.probe` how fast this machine trains the sizes of a ladder."""

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from scaling_tui.laws.memory import training_bytes
from scaling_tui.sweeps.limits import memory
from scaling_tui.sweeps.placement import places
from scaling_tui.sweeps.speeds import Evidence, Speed, Trained, keep
from scaling_tui.sweeps.workers import environment

LONGEST_S = 20.0  # for the whole probe
LEAST_S = 1.0  # for a size: one that does not even fit into this is too large
WINDOW_S = 0.6  # for the steps of one size
MOST_AT_ONCE = 8  # processes: those of more cores slow each other down as these do
MOST_SIZES = 4  # of those that train beside others; the speed of the rest lies between
MEMORY_SHARE = 0.5  # of what is free

Answer = dict[str, float]


def probe(wanted: Sequence[Trained], known: Evidence, device: str, kind: str, tokens: int | None = None) -> Evidence:
    """`known` with the speeds of the `wanted` sizes that it lacks, or of enough of them to tell the others.

    Those that train together are measured together. What was measured is kept for the next probe.

    Args:
        wanted: the runs of a sweep.
        known: what needs no measurement.
        device: the option of that name.
        kind: of the device.
        tokens: of the corpus.
    """
    if not lacking(wanted, known):
        return known
    # What trains together first; then one process is enough for what trains alone.
    order = sorted(_missing(wanted, known), key=lambda trained: (-trained.together, trained.size.flops_a_step))
    together = max((trained.together for trained in order), default=1)
    began = time.monotonic()
    measured, peaks, start, too_large = dict(known.probed), dict(known.peak), known.start, set(known.too_large)
    with _processes(device, min(together, MOST_AT_ONCE)) as processes:
        started = [process for process in processes if process.said() is not None]
        if started:
            start = time.monotonic() - began
        for left, trained in zip(range(len(order), 0, -1), order, strict=True):
            seconds = (LONGEST_S - (time.monotonic() - began)) / left
            answers = _ask(started[: trained.together], trained, seconds, kind == "cuda", tokens)
            if rates := [answer["peak"] for answer in answers if "peak" in answer]:
                peaks[trained.threads] = sum(rates) / len(rates)
            speeds = [answer for answer in answers if "step" in answer]
            if speeds:
                measured[trained] = _mean(speeds)
            elif answers and seconds > LEAST_S:
                too_large.add(trained)
    found = replace(known, probed=measured, peak=peaks, start=start, too_large=frozenset(too_large))
    keep(kind, found)
    return found


def lacking(wanted: Sequence[Trained], known: Evidence) -> bool:
    """Whether there is something to measure."""
    return known.start is None or bool(_missing(wanted, known))


def _missing(wanted: Sequence[Trained], known: Evidence) -> list[Trained]:
    # Of a run in several processes, what one of them computes.
    wanted = [one if one in known.recorded else one.share for one in wanted]
    return [one for one in _chosen(wanted) if known.of(one) is None and one not in known.too_large]


def _chosen(wanted: Sequence[Trained]) -> list[Trained]:
    """At most `MOST_SIZES` for each number that train together: the smallest, the largest and some between."""
    chosen = []
    for together in {trained.together for trained in wanted}:
        group = sorted(
            {trained for trained in wanted if trained.together == together},
            key=lambda trained: trained.size.flops_a_step,
        )
        most = min(MOST_SIZES, len(group))
        chosen += [group[round(index * (len(group) - 1) / max(1, most - 1))] for index in range(most)]
    return chosen


def _ask(
    processes: Sequence["_Process"], trained: Trained, seconds: float, gpu: bool, tokens: int | None
) -> list[Answer]:
    sequences = _fitting(trained, max(1, len(processes))) if not gpu else trained.size.batch
    question = {
        **trained.size.as_json(), "threads": trained.threads, "sequences": sequences, "tokens": tokens or 1_000_000,
        "seconds": seconds, "window": WINDOW_S,
    }  # fmt: skip
    for process in processes:
        process.ask(question)
    answers = [process.said() for process in processes]
    return [answer for answer in answers if answer is not None]


def _fitting(trained: Trained, processes: int) -> int:
    """How many sequences of a batch fit into memory at once, in each of so many processes; 0 if not even one does."""
    size, available = trained.size, MEMORY_SHARE * memory()[0] / processes
    sequences = size.batch
    while sequences and training_bytes(size.architecture, sequences, size.recomputed) > available:
        sequences //= 2
    return sequences


def _mean(answers: Sequence[Answer]) -> Speed:
    def mean(name: str) -> float | None:
        values = [answer[name] for answer in answers if name in answer]
        return sum(values) / len(values) if values else None

    return Speed(mean("step") or 0.0, mean("evaluation"), mean("setup"), mean("checkpoint"))


class _Process:
    def __init__(self, device: str) -> None:
        # -P: a queue.py in the current folder must not shadow the standard library's.
        command = [sys.executable, "-P", "-m", "scaling_tui.train.probe", "--device", device]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment(),
        )  # fmt: skip

    def ask(self, question: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it ended: it will say nothing
            self.process.stdin.write(json.dumps(question).encode() + b"\n")
            self.process.stdin.flush()

    def said(self) -> Answer | None:
        """Its next line; None where it has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return json.loads(line) if line.endswith(b"\n") else None


@contextlib.contextmanager
def _broken_pipes_are_errors() -> Iterator[None]:
    """A process that has ended must not take along the command that asks it; in the app no pipe does that anyway."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGPIPE"):
        yield
        return
    before = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGPIPE, before)


@contextlib.contextmanager
def _processes(device: str, count: int) -> Iterator[list[_Process]]:
    """So many processes on the places that runs would have, which end with the block or after `LONGEST_S`."""
    where = places(device, count)
    started = [_Process(where[number % len(where)].device) for number in range(count)]

    def end() -> None:
        for each in started:
            each.process.kill()

    timer = threading.Timer(LONGEST_S, end)
    timer.daemon = True
    timer.start()
    with _broken_pipes_are_errors():
        try:
            yield started
        finally:
            timer.cancel()
            end()
            for each in started:
                each.process.communicate()
