"""Simulates a sweep on a described cluster, event by event: workers start, take runs, and leave.

`policy` decides what trains next, as for the supervisor, and which workers start and leave, as for the engines. Each
worker is placed on the first node with room; for a run that needs no GPU, nodes without GPUs come first.
"""

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from scaling_tui import InputError
from scaling_tui.sweeps.cluster import Nodes
from scaling_tui.sweeps.ladder import Ladder
from scaling_tui.sweeps.policy import AHEAD_S, Waiting, settlement
from scaling_tui.sweeps.resources import Resources

WHOLE = 10_000  # parts into which a CPU or GPU can be split, as in Ray


@dataclass(frozen=True)
class Task:
    """A run to be simulated.

    Args:
        name: of the run.
        case: its rung and variant.
        asks: what its worker holds.
        seconds: how long it trains on each kind of node, in a worker that is ready.
        flops: which decide its turn.
        trunk: the run that it branches off, and after what share of that run's time.
        last: of the predicted rung, whose runs train once all others are over.
        probe: whether it probes learning rates.
        planned: whether it waits for its learning rate.
        restart: seconds lost each time it continues from a checkpoint.
        moved_up: as `policy.Waiting.add` takes it.
    """

    name: str
    case: str
    asks: Resources
    seconds: tuple[float, ...]
    flops: float
    trunk: tuple[str, float] | None = None
    last: bool = False
    probe: bool = False
    planned: bool = False
    restart: float = 0.0
    moved_up: int = 0


@dataclass(frozen=True)
class Rules:
    """What an engine adds to the policy; times in seconds.

    Args:
        at_a_time: how many runs train at a time.
        start: from when there is room for a worker until it can be handed a run.
        hand_over: from the end of a run to the next one in its worker, or to room for another worker.
        predict: fitting the law before the first predicted run of a case.
        limit: after which a worker has to leave, and its run continues in another worker.
        requeue: from then until the worker can start again.
        alone: whether each predicted run trains alone.
    """

    at_a_time: int
    start: float = 0.0
    hand_over: float = 0.0
    predict: float = 0.0
    limit: float = math.inf
    requeue: float = 0.0
    alone: bool = True


@dataclass(frozen=True)
class Stint:
    """A run, or a part of one, in a worker."""

    run: str
    case: str
    worker: int
    node: int
    began: float
    ended: float


@dataclass(frozen=True)
class Holding:
    """What a worker held while it lived: CPUs, and GPUs of its node, each with the share held, from 0 to 1."""

    worker: int
    node: int
    cpus: float
    gpus: tuple[tuple[int, float], ...]
    began: float
    ended: float


@dataclass(frozen=True)
class Course:
    """What happened: stints and holdings in the order in which they began, and how many events it took."""

    stints: tuple[Stint, ...]
    holdings: tuple[Holding, ...]
    makespan: float
    events: int


def tasks_of(
    ladder: Ladder,
    seeds: Sequence[int],
    asks: Sequence[Resources],
    seconds: Sequence[tuple[float, ...]],
    restart: Sequence[float] = (),
) -> list[Task]:
    """The runs of a ladder in the order in which a launch lays them out; `asks`, `seconds`, `restart` by rung."""
    tasks = []
    steps = {rung.case: rung.training.steps(rung.architecture.context) for rung in ladder.rungs}
    for seed in seeds:
        for index, rung in enumerate(ladder.rungs):
            for own in rung.run_seeds(seed):
                trunk = (f"{rung.trunk.run}-s{own}", rung.trunk.step / steps[rung.trunk.run]) if rung.trunk else None
                tasks.append(
                    Task(
                        name=f"{rung.case}-s{own}",
                        case=rung.case,
                        asks=asks[index],
                        seconds=seconds[index],
                        flops=rung.flops,
                        trunk=trunk,
                        last=bool(ladder.fit and ladder.fit.predict == rung.name),
                        probe=rung.name in ladder.probes,
                        planned=rung.planned,
                        restart=restart[index] if restart else 0.0,
                    )
                )
    return tasks


def simulate(tasks: Sequence[Task], nodes: Sequence[Nodes], rules: Rules) -> Course:
    """The course of these runs on these nodes.

    Raises:
        InputError: a run fits on no node, or a worker has to leave before it can train.
    """
    return _Simulation(tasks, nodes, rules).course()


class Room:
    """What is free on each node, in parts of a CPU and of a GPU."""

    def __init__(self, nodes: Sequence[Nodes], kinds: Sequence[Resources]) -> None:
        self.kind_of_node = [index for index, each in enumerate(nodes) for _ in range(each.count)]
        self.cpus = [None if (cpus := nodes[i].cpus) is None else round(cpus * WHOLE) for i in self.kind_of_node]
        self.gpus = [[WHOLE] * nodes[i].gpus for i in self.kind_of_node]
        self.unused = [nodes[i].gpus for i in self.kind_of_node]
        self.asked = [
            (max(1, round((each.num_cpus or 0) * WHOLE)) if each.num_cpus else 0, round((each.num_gpus or 0) * WHOLE))
            for each in kinds
        ]
        count = len(self.kind_of_node)
        with_gpus_last = sorted(range(count), key=lambda node: bool(self.gpus[node]))
        self._order = [list(range(count)) if gpus else with_gpus_last for _, gpus in self.asked]
        self._place = [[0] * count for _ in kinds]
        for place, order in zip(self._place, self._order, strict=True):
            for at, node in enumerate(order):
                place[node] = at
        self._open = [list(range(count)) for _ in kinds]  # for each kind, a heap of the nodes that may have room
        self._is_open = [[True] * count for _ in kinds]

    def fits(self, kind: int, node: int) -> bool:
        cpus, gpus = self.asked[kind]
        free = self.cpus[node]
        if free is not None and free < cpus:
            return False
        if gpus >= WHOLE:
            return self.unused[node] * WHOLE >= gpus
        return not gpus or max(self.gpus[node], default=0) >= gpus

    def take(self, kind: int) -> tuple[int, tuple[tuple[int, int], ...]] | None:
        """A node with room for a worker of this kind, and the parts of its GPUs that the worker then holds."""
        heap = self._open[kind]
        while heap:
            node = self._order[kind][heap[0]]
            if self.fits(kind, node):
                return node, self._hold(kind, node)
            self._is_open[kind][node] = False
            heapq.heappop(heap)
        return None

    def _hold(self, kind: int, node: int) -> tuple[tuple[int, int], ...]:
        cpus, gpus = self.asked[kind]
        if (free := self.cpus[node]) is not None:
            self.cpus[node] = free - cpus
        devices = self.gpus[node]
        if gpus >= WHOLE:
            chosen = [(gpu, WHOLE) for gpu, free in enumerate(devices) if free == WHOLE][: gpus // WHOLE]
        elif gpus:
            chosen = [(min((free, gpu) for gpu, free in enumerate(devices) if free >= gpus)[1], gpus)]
        else:
            chosen = []
        for gpu, part in chosen:
            self.unused[node] -= devices[gpu] == WHOLE
            devices[gpu] -= part
        return tuple(chosen)

    def free(self, kind: int, node: int, gpus: Sequence[tuple[int, int]]) -> None:
        if (free := self.cpus[node]) is not None:
            self.cpus[node] = free + self.asked[kind][0]
        for gpu, part in gpus:
            self.gpus[node][gpu] += part
            self.unused[node] += self.gpus[node][gpu] == WHOLE
        for other, is_open in enumerate(self._is_open):
            if not is_open[node]:
                is_open[node] = True
                heapq.heappush(self._open[other], self._place[other][node])


State = Literal["pending", "starting", "idle", "busy", "requeued", "gone"]


@dataclass(eq=False)
class _Worker:
    number: int
    kind: int
    state: State = "pending"
    node: int = -1
    gpus: tuple[tuple[int, int], ...] = ()
    born: float = 0.0
    life: int = 0  # how often it was placed: an event of an earlier life is void
    trained: int = 0  # runs in this life


@dataclass(eq=False)
class _Run:
    task: Task
    place: int
    kind: int
    left: float = 1.0
    stints: int = 0
    worker: _Worker | None = None
    began: float = 0.0
    branches: list["_Run"] = field(default_factory=list)
    early: bool = False
    soon: bool = False

    @property
    def lost(self) -> float:
        """Seconds at the beginning of a stint that it needs to catch up."""
        return self.task.restart if self.left < 1 else 0.0


class _Simulation:
    def __init__(self, tasks: Sequence[Task], nodes: Sequence[Nodes], rules: Rules) -> None:
        self.rules, self.now, self.events, self.makespan = rules, 0.0, 0, 0.0
        kinds = list(dict.fromkeys(task.asks for task in tasks))
        self.room = Room(nodes, kinds)
        firsts = list(dict.fromkeys(self.room.kind_of_node))
        for kind, asked in enumerate(kinds):
            if not any(self.room.fits(kind, self.room.kind_of_node.index(first)) for first in firsts):
                name = next(task.case for task in tasks if task.asks == asked)
                raise InputError(f"{name}: no node has room for it")
        self.kinds = kinds
        self.runs = {
            task.name: _Run(task, place, kinds.index(task.asks)) for place, task in enumerate(tasks)
        }  # fmt: skip
        self.waiting: Waiting[int] = Waiting(rules.alone)
        self.tuned = False
        self.planned: list[_Run] = []
        for run in self.runs.values():
            if run.task.trunk is not None and run.task.trunk[0] in self.runs:
                self.runs[run.task.trunk[0]].branches.append(run)
                run.early = True
            self._admit(run)
        self.waiting.planned = len(self.planned)
        self.working = self.working_last = 0
        self.ready = 0  # branches that come soon
        self.usual = min(
            range(len(kinds)), key=lambda kind: (kinds[kind].num_gpus or 0, kinds[kind].num_cpus or 0), default=0
        )
        self.idle: dict[int, list[_Worker]] = defaultdict(list)
        self.queued: dict[int, list[_Worker]] = defaultdict(list)  # asked for and not there yet
        self.made = 0
        self.first: int | None = None  # the kind of the first worker
        self.predicted: set[str] = set()
        self.heap: list[tuple[float, int, str, _Worker | _Run, int]] = []
        self.pushed = 0
        self.stints: list[Stint] = []
        self.holdings: list[Holding] = []

    def course(self) -> Course:
        self._settle()
        while self.heap:
            self.now = self.heap[0][0]
            while self.heap and self.heap[0][0] <= self.now:
                _, _, what, about, life = heapq.heappop(self.heap)
                self.events += 1
                self._happen(what, about, life)
            self._settle()
        if any(run.left for run in self.runs.values()):
            name = next(run.task.name for run in self.runs.values() if run.left)
            raise InputError(f"{name}: never trains, because what it waits for does not")
        for worker in self._alive():
            self._vacate(worker)
        return Course(
            tuple(sorted(self.stints, key=lambda stint: (stint.began, stint.worker))),
            tuple(sorted(self.holdings, key=lambda held: (held.began, held.worker))),
            self.makespan,
            self.events,
        )

    def _alive(self) -> Iterator[_Worker]:
        for group in (self.idle, self.queued):
            for workers in group.values():
                yield from (worker for worker in workers if worker.state in ("idle", "starting"))

    def _push(self, seconds: float, what: str, about: "_Worker | _Run", life: int) -> None:
        self.pushed += 1
        heapq.heappush(self.heap, (self.now + seconds, self.pushed, what, about, life))

    # --- events

    def _happen(self, what: str, about: "_Worker | _Run", life: int) -> None:
        if isinstance(about, _Worker):
            if about.life != life:
                return
            if what == "ready":
                about.state = "idle"
                self.queued[about.kind].remove(about)
                self.idle[about.kind].append(about)
            elif what == "left":
                self._vacate(about)
            elif what == "back":
                about.state = "pending"
        elif what == "ends":
            self._end(about)
        elif what == "cut":
            self._cut(about)
        elif what == "soon":
            if about.early and self._trunk(about).stints == life:
                about.soon = True
                self.ready += 1
        elif what == "branches" and about.early and self._trunk(about).stints == life:
            self._release(about)

    def _trunk(self, branch: _Run) -> _Run:
        assert branch.task.trunk is not None
        return self.runs[branch.task.trunk[0]]

    def _admit(self, run: _Run) -> None:
        """Lets a run train, unless it waits for its trunk or its rate."""
        if run.task.planned and not self.tuned:
            if run not in self.planned:
                self.planned.append(run)
            return
        if run.early:
            return
        self.waiting.probes += run.task.probe and not run.stints
        task = run.task
        self.waiting.add(task.name, task.flops, run.place, run.kind, task.last, task.moved_up)

    def _release(self, branch: _Run) -> None:
        self.ready -= branch.soon
        branch.soon = branch.early = False
        self._admit(branch)

    def _end(self, run: _Run) -> None:
        self._close(run, self.now - self.rules.hand_over)
        run.left = 0.0
        self.waiting.probes -= run.task.probe
        worker = run.worker
        assert worker is not None
        worker.state = "idle"
        self.idle[worker.kind].append(worker)
        for branch in run.branches:
            if branch.early:
                self._release(branch)

    def _cut(self, run: _Run) -> None:
        worker = run.worker
        assert worker is not None
        took = max(0.0, self.now - run.began - run.lost)
        if not took and worker.trained == 1:
            raise InputError(f"{run.task.name}: its job ends before it trains; want a longer time limit")
        self._close(run, self.now)
        run.left -= took / self._seconds(run, worker)
        for branch in run.branches:
            self.ready -= branch.soon
            branch.soon = False
        self._admit(run)
        self._vacate(worker)
        worker.state = "requeued"
        worker.life += 1
        self.queued[worker.kind].append(worker)
        self._push(self.rules.requeue, "back", worker, worker.life)

    def _close(self, run: _Run, ended: float) -> None:
        assert run.worker is not None
        self.working -= 1
        self.working_last -= run.task.last
        if ended > run.began:
            self.makespan = max(self.makespan, ended)
            number, node = run.worker.number, run.worker.node
            self.stints.append(Stint(run.task.name, run.task.case, number, node, run.began, ended))

    def _vacate(self, worker: _Worker) -> None:
        self.room.free(worker.kind, worker.node, worker.gpus)
        cpus, _ = self.room.asked[worker.kind]
        shares = tuple((gpu, part / WHOLE) for gpu, part in worker.gpus)
        self.holdings.append(Holding(worker.number, worker.node, cpus / WHOLE, shares, worker.born, self.now))
        worker.state = "gone"

    # --- decisions

    def _settle(self) -> None:
        if self.waiting.tunes:
            self.tuned, self.waiting.planned = True, 0
            for run in self.planned:
                self._admit(run)
            self.planned = []
        free = max(0, self.rules.at_a_time - self.working)
        for kind, workers in self.idle.items():
            while workers and (name := self.waiting.take(kind, free)):
                self._hand(workers.pop(0), self.runs[name])
                free -= 1
        wanted = self.waiting.among(free)
        for name in self.waiting.last_now(self.working, self.working_last, self.rules.at_a_time):
            kind = self.runs[name].kind
            if self.idle[kind]:
                self.waiting.take_last(name)
                self._hand(self.idle[kind].pop(0), self.runs[name])
            else:
                wanted[kind] += 1
        self._staff(wanted)

    def _hand(self, worker: _Worker, run: _Run) -> None:
        rules, wait = self.rules, 0.0
        if run.task.last and run.task.case not in self.predicted:
            self.predicted.add(run.task.case)
            wait = rules.predict if self.stints else 0.0
        worker.state, worker.trained = "busy", worker.trained + 1
        run.worker, run.stints, run.began = worker, run.stints + 1, self.now + wait
        self.working += 1
        self.working_last += run.task.last
        seconds = self._seconds(run, worker)
        takes = wait + run.lost + run.left * seconds
        left = worker.born + rules.limit - self.now
        if takes <= left:
            self._push(takes + rules.hand_over, "ends", run, run.stints)
        else:
            self._push(max(0.0, left), "cut", run, run.stints)
        for branch in run.branches:
            if not branch.early or branch.task.trunk is None:
                continue
            due = wait + run.lost + max(0.0, branch.task.trunk[1] - (1 - run.left)) * seconds
            if due <= min(takes, left):
                self._push(max(0.0, due - AHEAD_S), "soon", branch, run.stints)
                self._push(due, "branches", branch, run.stints)

    def _seconds(self, run: _Run, worker: _Worker) -> float:
        return run.task.seconds[self.room.kind_of_node[worker.node]]

    def _staff(self, wanted: Counter[int]) -> None:
        idle = sorted((worker for workers in self.idle.values() for worker in workers), key=lambda one: one.number)
        queued = {kind: len(workers) for kind, workers in self.queued.items()}
        settled = settlement(wanted, queued, len(idle), self.ready, self.usual if self.first is None else self.first)
        for worker in idle[len(idle) - settled.leave :]:
            self.idle[worker.kind].remove(worker)
            worker.state = "gone"
            worker.life += 1
            self._push(self.rules.hand_over, "left", worker, worker.life)
        for kind, change in settled.ask.items():
            for worker in self.queued[kind][change:] if change < 0 else []:
                self.queued[kind].remove(worker)
                if worker.state == "starting":
                    self._vacate(worker)
                worker.life += 1
            for _ in range(change):
                self.made += 1
                self.first = kind if self.first is None else self.first
                self.queued[kind].append(_Worker(self.made, kind))
        self._place()

    def _place(self) -> None:
        for kind in dict.fromkeys((*self.waiting.kinds(), *self.queued)):
            for worker in self.queued[kind]:
                if worker.state != "pending":
                    continue
                if (found := self.room.take(kind)) is None:
                    break
                worker.node, worker.gpus = found
                worker.state, worker.born, worker.life, worker.trained = "starting", self.now, worker.life + 1, 0
                self._push(self.rules.start, "ready", worker, worker.life)
