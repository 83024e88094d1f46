"""Ray as an engine: each worker is a process of a Ray task, which holds the CPUs and GPUs of its slot.

Ray starts and ends the tasks. The supervisor decides which run a worker trains, and whether to retry a run that lost
its worker, so Ray's own retries are off. A worker dies with its task.
"""

import logging
import math
import os
import platform
import shutil
import signal
import socket
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.sweeps.cluster import Nodes, of_ray, usual, workers_on
from scaling_tui.sweeps.engines import Order, Where, signal_name
from scaling_tui.sweeps.engines.remote import Gone, start_worker
from scaling_tui.sweeps.limits import cores, memory, oom_kills
from scaling_tui.sweeps.placement import threads_for
from scaling_tui.sweeps.resources import Resources
from scaling_tui.text import show
from scaling_tui.text.visible import visible

EXTRA = "pip install 'scaling-tui[ray]'"
CONNECT_S = 10.0
CHECK_S = 60.0
TRIES = 3  # to start a cluster
OBJECT_STORE = 100_000_000  # bytes, near Ray's least: nothing goes through it
PREEMPTED = 3  # AUTOSCALER_DRAIN_PREEMPTED of Ray's NodeDeathInfo
BEGAN = "began"


class RayCluster:
    """A Ray cluster at an address, or one on this machine alone that ends with the sweep.

    Raises:
        InputError: Ray is not installed, or the cluster cannot be reached.
    """

    name = "Ray"

    def __init__(self, where: Where, device: str) -> None:
        self.ray = connect(where)
        self.device, self.own = device, not where.address
        self.alone = self.own
        self.task = self.ray.remote(max_calls=1, max_retries=0)(hold)
        self._nodes: list[Mapping[str, Any]] = []
        self._dead: set[str] = set()
        self._at: dict[Any, Path] = {}  # the mailbox of each task

    def complete(self, resources: Resources) -> Resources:
        gpu = self.device.startswith("cuda") or (self.device == "auto" and any("GPU" in node for node in self._sizes()))
        return resources.over(usual(gpu))

    def _sizes(self) -> list[Mapping[str, float]]:
        """What each live node has."""
        self._nodes = self.ray.nodes()
        return [node["Resources"] for node in self._nodes if node["Alive"]]

    def capacity(self, least: Resources) -> int:
        return max(1, sum(_fit(least, size) for size in self._sizes()))

    def start(self, mailboxes: Sequence[Path], resources: Resources) -> list[Any]:
        asked = self.task.options(num_cpus=resources.num_cpus, num_gpus=resources.num_gpus)
        tickets = [asked.remote(str(mailbox), self.device, resources.as_json()) for mailbox in mailboxes]
        self._at.update(zip(tickets, mailboxes, strict=True))
        return tickets

    def began(self, ticket: Any) -> bool:
        return (self._at[ticket] / BEGAN).exists()

    def gone(self, tickets: Sequence[Any]) -> dict[int, Gone]:
        if not tickets:
            return {}
        done, _ = self.ray.wait(list(tickets), num_returns=len(tickets), timeout=0)
        found = {place: self._why(ticket) for place, ticket in enumerate(tickets) if ticket in done}
        # Ray notices a silent node within about a minute, but ends its tasks only seven minutes later, when their
        # connections time out.
        dead = {node["NodeID"] for node in self._nodes if not node["Alive"]}
        fresh, self._dead = dead - self._dead, dead
        for place, ticket in enumerate(tickets):
            if place in found or not dead:
                continue
            node = _node_of(self._at[ticket])
            if node in dead:
                found[place] = self._lost(self._at.pop(ticket), False)
            elif fresh and not node:
                # Ray may have sent it to the silent node already, and would wait there for just as long.
                del self._at[ticket]
                self.cancel(ticket)
                found[place] = Gone()
        return found

    def _why(self, ticket: Any) -> Gone:
        errors = self.ray.exceptions
        mailbox = self._at.pop(ticket)
        try:
            return _ended(*self.ray.get(ticket))
        except errors.TaskCancelledError:
            return Gone()
        except errors.OutOfMemoryError:
            return Gone(-9, "out of memory", "was killed by Ray because its node ran out of memory")
        except (errors.NodeDiedError, errors.LocalRayletDiedError, errors.WorkerCrashedError) as error:
            return self._lost(mailbox, isinstance(error, errors.WorkerCrashedError))
        except errors.RayError as error:
            return Gone(1, None, _first_line(error))

    def _lost(self, mailbox: Path, may_be_a_crash: bool) -> Gone:
        """Whether a node or only a process was lost; Ray reports the end of a node after that of its processes."""
        self._sizes()
        name = _node_of(mailbox)
        node = next((node for node in self._nodes if node["NodeID"] == name), None)
        if node is not None and node["Alive"] and may_be_a_crash and _raylet_answers(node):
            return Gone(-9, "crashed", "died with its Ray task")
        if node is not None and node.get("DeathReason") == PREEMPTED:
            return Gone(-9, "preempted", "lost its node, which was preempted")
        return Gone(-9, "lost node", "lost its node")

    def cancel(self, ticket: Any) -> None:
        with suppress(self.ray.exceptions.RayError, ValueError):
            self.ray.cancel(ticket, force=True)

    def threads(self, resources: Resources, order: Order) -> int:
        whole = cores() if self.own and order.alone else math.floor(resources.num_cpus or 1)
        return threads_for(order.size, True, max(1, whole), 1)

    def queue(self, resources: Resources) -> str:
        asked = " and ".join(
            f"{amount:g} {name}"
            for amount, name in ((resources.num_cpus, "CPU"), (resources.num_gpus, "GPU"))
            if amount
        )
        fits = any(_fit(resources, size) for size in self._sizes())
        return f"queued for {asked}" + ("" if fits else "; no node is that large")

    def close(self) -> None:
        self.ray.shutdown()


def _ended(status: int, how: str, out_of_memory: bool) -> Gone:
    """How a worker ended, as its task reports."""
    if out_of_memory:
        return Gone(status, "out of memory", "was killed because its node ran out of memory")
    return Gone(status, "crashed", f"was killed by {signal_name(-status)}") if status < 0 else Gone(status, None, how)


def _fit(resources: Resources, size: Mapping[str, float]) -> int:
    """How many workers of this size fit on a node."""
    return workers_on(resources, size.get("CPU", 0.0), size.get("GPU", 0.0))


def nodes_at(where: Where) -> list[Nodes]:
    """The nodes of a cluster. It is only asked; nothing runs there.

    Raises:
        InputError: Ray is not installed, or the cluster cannot be reached or has no node that trains.
    """
    ray = connect(where)
    try:
        found = of_ray(ray.nodes())
    finally:
        ray.shutdown()
    if not found:
        raise InputError(f"--address {where.address}: no node with a CPU or GPU is alive there")
    return found


def _node_of(mailbox: Path) -> str:
    """Ray's id of the node where the worker of `mailbox` started; "" if it has not."""
    try:
        return (mailbox / BEGAN).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _raylet_answers(node: Mapping[str, Any]) -> bool:
    try:
        socket.create_connection((node["NodeManagerAddress"], node["NodeManagerPort"]), 2.0).close()
    except OSError:
        return False
    return True


def hold(mailbox: str, device: str, asked: dict[str, float]) -> tuple[int, str, bool]:
    """The task: runs a worker until it leaves.

    Returns its exit status, an explanation or "", and whether it was killed because memory ran out.
    """
    import ray

    folder = Path(mailbox)
    if not folder.is_dir():
        how = f"on {platform.node()}: {folder} is not there; want RUNS on storage that every host sees under this path"
        return 1, how, False
    (folder / BEGAN).write_text(ray.get_runtime_context().get_node_id() + "\n", encoding="utf-8")
    own = next((node for node in ray.nodes() if node["NodeID"] == ray.get_runtime_context().get_node_id()), None)
    size = own["Resources"] if own else {}
    shares = [asked[key] / size[name] for key, name in (("num_cpus", "CPU"), ("num_gpus", "GPU")) if size.get(name)]
    share = int(memory()[0] * min(1.0, max(shares, default=1.0)))
    kills = oom_kills()
    status = start_worker(folder, device, share).wait()
    return status, "", status == -signal.SIGKILL and oom_kills() > kills


def connect(where: Where) -> Any:
    """Ray, connected: to the cluster at the address, or to a new one that only this machine can reach.

    Raises:
        InputError: Ray is not installed, or the cluster cannot be reached.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    for waits, long in (("RAY_raylet_start_wait_time_s", "60"), ("RAY_agent_register_timeout_ms", "60000")):
        os.environ.setdefault(waits, long)  # on a busy machine
    if not where.address or where.address.startswith(("127.", "localhost:")):
        # Otherwise Ray uses this machine's external address, and anyone who reaches its ports may run code here.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    ray = installed()
    logging.getLogger("ray").setLevel(logging.ERROR)
    options: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
    if where.address:
        _check_reachable(where.address)
        options |= {"address": where.address}
    else:
        options |= {
            "address": "local", "num_cpus": cores(), "object_store_memory": OBJECT_STORE,
            "include_dashboard": where.dashboard, "dashboard_host": "127.0.0.1",
        }  # fmt: skip
    # A part of Ray gives up after 15 s, which cannot be changed; on a busy machine another try may succeed.
    for left in reversed(range(1 if where.address else TRIES)):
        try:
            ray.init(**options)
            break
        except Exception as error:  # Ray raises many kinds
            ray.shutdown()
            if not left:
                what = f"--address {where.address}: cannot connect" if where.address else "Ray: did not start"
                raise InputError(f"{what} ({_first_line(error)})") from error
    # Ray prints whatever goes wrong anywhere in the cluster on stdout, which is for data, or the supervisor's log of
    # runs. What concerns a run is logged with the run.
    ray._private.worker.print_to_stdstream = lambda *_, **__: None
    return ray


def installed() -> Any:
    """The library.

    Raises:
        InputError: it is not installed.
    """
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise InputError(f"--on ray: Ray is not installed; want {EXTRA}") from error
    return ray


def _check_reachable(address: str) -> None:
    """Raises InputError if nothing listens at the address; Ray itself would retry for minutes."""
    host, _, port = address.rpartition(":")
    if address == "auto":
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that no host can have
        raise InputError(f"--address {address}: nothing answers there ({show.fault(error)})") from error


def check_storage(where: Where, runs: Path) -> None:
    """Checks that every node of the cluster writes into the same `runs` as this machine: a task on each writes a token.

    Raises:
        InputError: one does not, or the cluster cannot be reached.
    """
    if not where.address:
        installed()
        return
    ray = connect(where)
    folder = runs.absolute() / f".scaling-tui-{uuid.uuid4().hex}"
    try:
        runs.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

        write = ray.remote(num_cpus=0, max_retries=0)(write_token)
        nodes = [node for node in ray.nodes() if node["Alive"]]
        said = {
            node["NodeID"]: write.options(scheduling_strategy=On(node["NodeID"], soft=False)).remote(
                str(folder / node["NodeID"])
            )
            for node in nodes
        }
        for node in nodes:
            host = node["NodeManagerHostname"]
            try:
                fault = ray.get(said[node["NodeID"]], timeout=CHECK_S)
            except Exception as error:  # Ray raises many kinds
                raise InputError(f"Ray: node {host} does not run tasks ({_first_line(error)})") from error
            if fault or _token(folder / node["NodeID"]) != node["NodeID"]:
                why = fault or "what it writes does not arrive here"
                raise InputError(
                    f"--runs {runs}: not shared with Ray node {host} ({why}); "
                    "want a folder on storage that every node sees under the same path"
                )
    except OSError as error:
        raise InputError(f"runs folder {runs}: cannot be written to ({error.strerror})") from error
    finally:
        # Folder included, so that a late node finds nothing to write into.
        shutil.rmtree(folder, ignore_errors=True)
        ray.shutdown()


def write_token(path: str) -> str:
    """Writes the file's own name into it; returns what went wrong, or ""."""
    try:
        Path(path).write_text(Path(path).name, encoding="utf-8")
    except OSError as error:
        return f"{error.strerror}"
    return ""


def _token(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return visible(lines[0])[:300] if lines else type(error).__name__
