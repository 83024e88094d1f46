"""Where the runs of a sweep train: on this machine, on a Ray cluster, under SLURM.

An engine has workers, processes that each hold a slot and train one run after the other. The supervisor tells it which
run to train next and learns how each ended. What it decides, and from what, is the same for every engine.
"""

import re
import signal
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

from scaling_tui import InputError
from scaling_tui.runs import SweepView
from scaling_tui.sweeps.resources import UNSAID, Resources
from scaling_tui.sweeps.size import Size
from scaling_tui.text.suggest import did_you_mean

On = Literal["local", "ray", "slurm"]

# Why a worker ended without being asked to. The first three say nothing about the run that it trained.
Cause = Literal["lost node", "preempted", "timed out", "out of memory", "crashed"]
NOT_THE_RUNS: tuple[Cause, ...] = ("lost node", "preempted", "timed out")


# What `--slurm` takes: sbatch options that say what a job gets, not what it runs or where it writes; and our own
# `time` in minutes, `signal_delay` in seconds and `executor`.
SBATCH = (
    "account", "begin", "clusters", "comment", "constraint", "cpus_per_gpu", "exclude", "exclusive", "executor",
    "gpus_per_task", "gres", "hint", "licenses", "mail_type", "mail_user", "mem", "mem_per_cpu", "mem_per_gpu", "nice",
    "nodelist", "priority", "qos", "reservation", "signal_delay", "time", "tmp", "wckey",
)  # fmt: skip
ELSEWHERE = ("auto", "cpu", "cuda", "mps")  # devices; which GPU of a host is its scheduler's to say
LONGEST = 200
MOST_PORT = 65_535
# Ray takes any other protocol for the name of a module, which it imports.
ADDRESS = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})", re.ASCII)


@dataclass(frozen=True)
class Where:
    """Where a sweep trains, as the options of a launch say.

    Args:
        on: the engine.
        address: of a Ray cluster; "" means that of $RAY_ADDRESS, or else a cluster on this machine for this sweep.
        dashboard: whether to start Ray's dashboard with a cluster on this machine.
        partition: of SLURM; "" means its default.
        options: further sbatch options, by name.
    """

    on: On = "local"
    address: str = ""
    dashboard: bool = False
    partition: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.on not in get_args(On):
            raise InputError(f"--on {self.on!r}: not known here; want local, ray or slurm")
        for option, given, engine in (
            ("--address", self.address, "ray"), ("--dashboard", self.dashboard, "ray"),
            ("--partition", self.partition, "slurm"), ("--slurm", self.options, "slurm"),
        ):  # fmt: skip
            if given and self.on != engine:
                raise InputError(f"{option}: found with --on {self.on}, want --on {engine}")
        # They become lines of a batch script.
        for key in self.options:
            if key not in SBATCH:
                raise InputError(f"--slurm {key}: not known here; {did_you_mean(key, SBATCH)}")
        for text in (self.partition, self.address, *self.options.values()):
            if not text.isprintable() or len(text) > LONGEST:
                raise InputError(f"--on {self.on}: found {text[:40]!r}, want at most {LONGEST} printable characters")
        port = ADDRESS.fullmatch(self.address)
        if self.address not in ("", "auto") and not (port and 1 <= int(port[1]) <= MOST_PORT):
            raise InputError(f"--address {self.address!r}: want HOST:PORT such as head:6379, or auto")

    @property
    def here(self) -> bool:
        """Whether the runs train on this machine, so that its devices and its memory count."""
        return self.on == "local"

    def check_device(self, name: str) -> None:
        """Checks whether runs can have such a device there, as far as this machine can tell.

        Raises:
            InputError: no.
        """
        from scaling_tui.sweeps.devices import check_device

        if self.here:
            check_device(name)
        elif name not in ELSEWHERE:
            raise InputError(f"--device {name!r}: found with --on {self.on}, want {', '.join(ELSEWHERE)}")

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def recorded(cls, options: Mapping[str, Any]) -> "Where":
        """What the `launch` of a sweep.json says; local if it names nothing usable."""
        on, further = options.get("on", "local"), options.get("options")
        texts = {key: value for key in ("address", "partition") if isinstance(value := options.get(key), str)}
        try:
            return cls(
                on,
                dashboard=options.get("dashboard") is True,
                options={str(key): str(value) for key, value in further.items()} if isinstance(further, dict) else {},
                **texts,
            )
        except InputError:
            return cls()


@dataclass(frozen=True)
class Order:
    """A run to train now.

    Args:
        run: its folder.
        size: None if run.json does not say.
        alone: whether no other run of the sweep trains beside it.
        resources: what its ladder asks for.
        over: attempts up to this number count as dead.
    """

    run: Path
    size: Size | None
    alone: bool
    resources: Resources = UNSAID
    over: int = 0


@dataclass(frozen=True)
class Ended:
    """A run, or a worker without one, that has ended.

    Args:
        run: its name; None if the worker had no run.
        status: the exit status of the worker, 0 if it lives on; negative if a signal killed it.
        cause: why the worker is gone; None if the run ended by itself, well or badly.
        how: what happened, in words.
        host: the worker's; with its `pid` it tells which attempts of the run are its own.
    """

    run: str | None
    status: int
    cause: Cause | None = None
    how: str = ""
    host: str = ""
    pid: int = 0


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most real-time signals have no name
        return f"signal {number}"


LOCAL = Where()


def check_where(where: Where, runs: Path, asks: Iterable[Resources] = ()) -> None:
    """Checks what a launch needs before anything is written: the library, the cluster, the shared `runs`.

    And whether its scheduler can give what its runs ask for.

    Raises:
        InputError: something is missing; the message says what.
    """
    if where.on == "ray":
        from scaling_tui.sweeps.engines.ray import check_storage

        check_storage(where, runs)
    elif where.on == "slurm":
        from scaling_tui.sweeps.engines.slurm import check_commands, whole_gpus

        for asked in asks:
            whole_gpus(asked)
        check_commands(where)


class Engine(Protocol):
    """Trains the runs that a supervisor orders."""

    @property
    def at_a_time(self) -> int:
        """How many runs train at a time; on a cluster this changes as nodes come and go."""

    @property
    def alone(self) -> bool:
        """Whether a run that trains alone gets the cores of the others, so that a predicted run should."""

    @property
    def training(self) -> set[str]:
        """The runs that workers have."""

    @property
    def is_empty(self) -> bool:
        """Whether no worker is training or ending, so that the next run has the machine to itself."""

    def order(self, order: Order) -> bool:
        """Hands the run to a worker; False if none is ready for it yet, and then it is ordered again."""

    def settle(self, ready: int) -> None:
        """Lets the workers go that no order needs, except `ready` of them, and starts those that are missing."""

    def ended(self) -> list[Ended]:
        """What has ended since the last call."""

    def waits(self) -> str:
        """What an order is waiting for, in words."""

    def wait(self, seconds: float) -> None:
        """Waits at most this long for news of the workers."""

    def close(self) -> None:
        """Releases everything; called once nothing trains any more."""


def engine(where: Where, folder: Path, view: SweepView, device: str, jobs: int | None, per_gpu: int | None) -> Engine:
    """The engine of a sweep; `folder` is its supervisor's.

    Raises:
        InputError: a library is missing, or the cluster cannot be reached.
    """
    if where.on == "ray":
        from scaling_tui.sweeps.engines.ray import RayCluster
        from scaling_tui.sweeps.engines.remote import Remote

        return Remote(RayCluster(where, device), folder, view, jobs)
    if where.on == "slurm":
        from scaling_tui.sweeps.engines.remote import Remote
        from scaling_tui.sweeps.engines.slurm import Slurm

        return Remote(Slurm(where, device, folder, jobs), folder, view, jobs)
    from scaling_tui.sweeps.engines.local import Local

    return Local(view, device, jobs, per_gpu)
