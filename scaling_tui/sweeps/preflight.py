"""Checks for what would make a run fail in its first second, before anything is written or started."""

import time
from dataclasses import dataclass

from scaling_tui import InputError
from scaling_tui.data import Corpus, Progress, Windows, encode, held_out, load_corpus, no_progress, to_download
from scaling_tui.sweeps.data_check import DataCheck, check_data
from scaling_tui.sweeps.devices import check_device, on_gpu
from scaling_tui.sweeps.ladder import Ladder
from scaling_tui.sweeps.limits import address_space, memory
from scaling_tui.sweeps.placement import WORKER_BYTES, check_gpus, fitting, least_memory
from scaling_tui.sweeps.size import Size
from scaling_tui.text import show

WORKER_ADDRESSES = 640_000_000  # address space of a worker before its model, with torch 2.13 for CPUs


@dataclass(frozen=True)
class Checked:
    """The corpus of a ladder that can be trained, with what there is to say of its data.

    Args:
        corpus: what was read.
        data: what there is to say of it.
        tokens: to train on.
        seconds: that it took to load; 0 where it was prepared on the way, which no worker does again.
    """

    corpus: Corpus
    data: DataCheck
    tokens: int
    seconds: float


def check_ladder(
    ladder: Ladder,
    device: str = "auto",
    jobs: int | None = None,
    progress: Progress = no_progress,
    here: bool = True,
) -> Checked:
    """Reads and encodes the corpus of `ladder`, once for all its runs.

    Unless they train `here`, neither the devices nor the memory of this machine count.

    Raises:
        InputError: no such device, or too few of them for a rung; a rung, or `jobs` of them at a time, too large for
            this machine's memory; a corpus or tokenizer that cannot be read or downloaded; a corpus too small for the
            context of a rung.
    """
    if here:
        check_machine(ladder, device, jobs)
    began, prepared = time.perf_counter(), False

    def note(doing: str, done: int, total: int) -> None:
        nonlocal prepared
        prepared = True
        progress(doing, done, total)

    try:
        corpus = load_corpus(ladder.corpus, note)
        tokens = encode(ladder.corpus, corpus, note)
    except InputError as error:
        raise InputError(f"{ladder.path}: {error}") from error
    seconds = 0.0 if prepared else time.perf_counter() - began
    for rung in ladder.rungs:
        context = rung.architecture.context
        try:
            Windows(tokens.train, context, 0, tokens.sample)
            held_out(tokens.held_out, context, context, tokens.sample)
        except InputError as error:
            raise InputError(f"{ladder.path}: rung {rung.name!r}: corpus {corpus.name!r}: {error}") from error
    return Checked(corpus, check_data(ladder, corpus, tokens), len(tokens.train), seconds)


def rehearse(
    ladder: Ladder,
    device: str = "auto",
    jobs: int | None = None,
    progress: Progress = no_progress,
    here: bool = True,
) -> Checked | str:
    """Checks as `check_ladder` does but downloads nothing; returns what it could not check where it would have to."""
    missing = to_download(ladder.corpus)
    if missing is None:
        return check_ladder(ladder, device, jobs, progress, here)
    if here:
        check_machine(ladder, device, jobs)
    return f"{missing} is not on this machine and would be downloaded first, so its content was not checked"


def check_machine(ladder: Ladder, device: str, jobs: int | None = None) -> None:
    """Raises InputError where this machine lacks the device, enough of them for a rung, or memory."""
    check_device(device)
    for rung in ladder.rungs:
        try:
            check_gpus(rung.resources.processes, device)
        except InputError as error:
            raise InputError(f"{ladder.path}: rung {rung.name!r}: {error}") from error
    check_memory(ladder, device, jobs)


def check_memory(ladder: Ladder, device: str, jobs: int | None = None) -> None:
    """Raises InputError where a rung needs more memory than is free, or than a cgroup or `ulimit -v` allows.

    Also where the largest `jobs` do together; the number of runs at a time that is chosen without it fits.
    """
    available, by_cgroup = memory()
    has = f"the cgroup allows {_gb(available)}" if by_cgroup else f"this machine has {_gb(available)} free"
    addresses = address_space()
    models = [least_memory(Size.of_rung(rung), on_gpu(device)) for rung in ladder.rungs]
    for rung, model in zip(ladder.rungs, models, strict=True):
        needs = [(WORKER_BYTES + model, available, has)]
        if addresses is not None:
            needs.append((WORKER_ADDRESSES + model, addresses, f"'ulimit -v' allows {_gb(addresses)}"))
        for least, most, found in needs:
            if least > most:
                raise InputError(
                    f"{ladder.path}: rung {rung.name!r}: {show.count(rung.count.total)} parameters in batches of "
                    f"{show.count(rung.training.batch)} need at least {_gb(least)} of memory, {found}; "
                    "want a smaller hidden, layers, context or batch"
                )
    together = [
        model
        for rung, model in zip(ladder.rungs, models, strict=True)
        if not (ladder.fit and ladder.fit.predict == rung.name)
        for _ in range(rung.runs * len(ladder.seeds))
    ]
    at_once = min(jobs or 1, len(together))
    if at_once > (most := fitting(together, available)):
        least = sum(sorted(together)[-at_once:]) + at_once * WORKER_BYTES
        raise InputError(
            f"--jobs {jobs}: {at_once} runs of {ladder.path} at a time need at least {_gb(least)} of memory, {has}; "
            f"want --jobs {most}"
        )


def _gb(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"
