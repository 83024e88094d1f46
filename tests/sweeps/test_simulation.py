"""The simulated course of a sweep: what holds of every one of them, and courses that can be told by hand."""

import math
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.sweeps.cluster import Nodes
from scaling_tui.sweeps.resources import Resources
from scaling_tui.sweeps.simulation import Course, Rules, Task, simulate

GPU = Resources(1.0, 1.0)
ASKS = st.sampled_from(
    [GPU, Resources(2.0, 0.25), Resources(1.0, 0.4), Resources(4.0, 2.0), Resources(1.5, 0.0), Resources(0.5, 1.0)]
)
# Every run fits on the first.
CLUSTERS = st.tuples(
    st.builds(Nodes, count=st.integers(1, 3), gpus=st.integers(2, 4), cpus=st.sampled_from([None, 4.0, 16.0])),
    st.builds(Nodes, count=st.integers(1, 3), cpus=st.sampled_from([1.0, 3.0])),
)
RULES = st.builds(
    Rules,
    at_a_time=st.integers(1, 12),
    start=st.sampled_from([0.0, 3.0]),
    hand_over=st.sampled_from([0.0, 0.1]),
    predict=st.just(0.5),
    limit=st.sampled_from([math.inf, 40.0]),
    requeue=st.sampled_from([0.0, 7.0]),
    alone=st.booleans(),
)


@st.composite
def tasks(draw: st.DrawFn) -> list[Task]:
    count = draw(st.integers(1, 25))
    probes = draw(st.integers(0, 3))
    found: list[Task] = []
    for number in range(count):
        seconds = draw(st.floats(1.0, 60.0))
        trunk = None
        if draw(st.booleans()) and found:
            trunk = (draw(st.sampled_from([one.name for one in found])), draw(st.floats(0.05, 1.0)))
        kind = "probe" if number < probes else draw(st.sampled_from(["", "", "planned", "last"]))
        if kind in ("last", "probe") or (trunk and next(one for one in found if one.name == trunk[0]).last):
            trunk = None
        found.append(
            Task(
                f"r{number}", f"r{number % 4}", draw(ASKS), (seconds, 2 * seconds), draw(st.integers(0, 9)), trunk,
                last=kind == "last", probe=kind == "probe", planned=kind == "planned" and bool(probes), restart=0.5,
            )
        )  # fmt: skip
    return found


def used(course: Course, moment: float) -> tuple[dict[tuple[int, int], float], dict[int, float]]:
    """The shares of GPUs and the CPUs that are held in the instant after a moment."""
    gpus: dict[tuple[int, int], float] = defaultdict(float)
    cpus: dict[int, float] = defaultdict(float)
    for one in course.holdings:
        if one.began <= moment < one.ended:
            cpus[one.node] += one.cpus
            for gpu, share in one.gpus:
                gpus[one.node, gpu] += share
    return gpus, cpus


@settings(deadline=None, max_examples=150)
@given(tasks(), CLUSTERS, RULES)
def test_what_holds_of_every_course(runs: list[Task], nodes: tuple[Nodes, ...], rules: Rules) -> None:
    course = simulate(runs, nodes, rules)
    assert course == simulate(runs, nodes, rules), "the same each time"
    by_name = {task.name: task for task in runs}
    kinds = [kind for kind, each in enumerate(nodes) for _ in range(each.count)]
    each_node = [nodes[kind] for kind in kinds]
    for moment in {one.began for one in course.holdings}:
        gpus, cpus = used(course, moment)
        assert all(share <= 1 + 1e-9 for share in gpus.values()), "no GPU is held twice"
        for node, amount in cpus.items():
            assert amount <= (each_node[node].cpus or math.inf) + 1e-9
    held = {(one.worker, one.began): one for one in course.holdings}
    trained: dict[str, float] = defaultdict(float)
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    for stint in course.stints:
        task = by_name[stint.run]
        whole = task.seconds[kinds[stint.node]]
        lost = task.restart if trained[stint.run] else 0.0
        trained[stint.run] += max(0.0, stint.ended - stint.began - lost) / whole
        first.setdefault(stint.run, stint.began)
        last[stint.run] = stint.ended
        assert any(
            worker == stint.worker and began <= stint.began and stint.ended <= held[worker, began].ended + 1e-9
            for worker, began in held
        ), "a run trains in a worker that lives"
    assert set(trained) == set(by_name)
    assert all(share == pytest.approx(1.0) for share in trained.values()), "every run trains once, and wholly"
    for one in {stint.began for stint in course.stints}:
        assert sum(stint.began <= one < stint.ended for stint in course.stints) <= rules.at_a_time
    others = [last[task.name] for task in runs if not task.last]
    alone = sorted((first[task.name], last[task.name]) for task in runs if task.last)
    assert all(began >= max(others, default=0.0) for began, _ in alone), "predicted runs come after all others"
    if rules.alone:
        assert all(ended <= began for (_, ended), (began, _) in pairwise(alone)), "each by itself"
    probed = max((last[task.name] for task in runs if task.probe), default=0.0)
    assert all(first[task.name] >= probed for task in runs if task.planned)
    for task in runs:
        if task.trunk is not None:
            assert first[task.name] >= first[task.trunk[0]]
    assert course.makespan == max(last.values())
    # Neither faster than any run, nor than all devices at work without a pause.
    assert course.makespan >= max(min(task.seconds) for task in runs)
    devices = sum(each.count * each.gpus for each in nodes)
    assert course.makespan * devices >= sum((task.asks.num_gpus or 0) * min(task.seconds) for task in runs) - 1e-6


@settings(deadline=None)
@given(st.lists(st.floats(1.0, 100.0), min_size=1, max_size=60), st.integers(1, 9), st.integers(1, 9))
def test_it_is_within_the_bound_of_list_scheduling(seconds: list[float], nodes: int, gpus: int) -> None:
    """Graham 1966: no device idles while a run waits, so the last to end began when all were at work."""
    devices = nodes * gpus
    for flops in (seconds, [-took for took in seconds]):
        runs = [Task(f"r{n}", "r", GPU, (took,), by) for n, (took, by) in enumerate(zip(seconds, flops, strict=True))]
        found = simulate(runs, [Nodes(nodes, gpus)], Rules(devices)).makespan
        longest, work = max(seconds), sum(seconds) / devices
        assert max(longest, work) <= found + 1e-6
        assert found <= work + (1 - 1 / devices) * longest + 1e-6


@settings(deadline=None)
@given(st.lists(st.floats(1.0, 100.0), min_size=1, max_size=40), st.integers(1, 4))
def test_more_devices_never_take_longer_for_runs_that_wait_for_nothing(seconds: list[float], gpus: int) -> None:
    """Twice as many: of these each run has begun no later, as those before it in the list have."""
    runs = [Task(f"r{n}", "r", GPU, (took,), took) for n, took in enumerate(seconds)]
    found = [simulate(runs, [Nodes(1, gpus * k)], Rules(gpus * k)).makespan for k in (1, 2)]
    assert found[1] <= found[0] + 1e-6


def run(name: str, seconds: float, asks: Resources = GPU, flops: float = 0.0, **further: object) -> Task:
    return Task(name, name, asks, (seconds, seconds), flops or seconds, **further)  # type: ignore[arg-type]


def began(course: Course) -> dict[str, float]:
    found: dict[str, float] = {}
    for stint in course.stints:
        found.setdefault(stint.run, round(stint.began, 6))
    return found


def test_a_worker_is_loaded_once_for_many_runs() -> None:
    course = simulate([run("a", 10), run("b", 9), run("c", 8)], [Nodes(1, 1)], Rules(1, start=5, hand_over=1))
    assert began(course) == {"a": 5, "b": 16, "c": 26}
    assert (course.makespan, len(course.holdings)) == (34, 1)


def test_runs_are_packed_node_by_node_and_not_over_their_sum() -> None:
    wide = [run("a", 10, Resources(1.0, 2.0)), run("b", 10, Resources(1.0, 2.0))]
    assert simulate(wide, [Nodes(1, 4)], Rules(9)).makespan == 10
    assert simulate(wide, [Nodes(1, 3), Nodes(1, 1)], Rules(9)).makespan == 20
    with pytest.raises(InputError, match="a: no node has room for it"):
        simulate(wide, [Nodes(4, 1)], Rules(9))
    shares = [run(name, 10, Resources(1.0, 0.6)) for name in "abcd"]
    assert simulate(shares, [Nodes(1, 2)], Rules(9)).makespan == 20, "no run takes parts of two GPUs"
    assert simulate(shares, [Nodes(1, 8, 2)], Rules(9)).makespan == 20, "two CPUs are two runs"


def test_runs_without_a_gpu_leave_the_nodes_with_gpus_to_others() -> None:
    cpu = Resources(4.0, 0.0)
    runs = [run("a", 10, cpu, flops=99), run("b", 10, Resources(4.0, 1.0))]
    assert simulate(runs, [Nodes(1, 1, 4), Nodes(1, 0, 4)], Rules(9)).makespan == 10


def test_a_small_run_does_not_wait_behind_a_large_one_that_has_no_room() -> None:
    runs = [run("long", 30), run("large", 10, Resources(1.0, 2.0)), run("small", 5)]
    course = simulate(runs, [Nodes(1, 2)], Rules(9))
    assert began(course) == {"long": 0, "small": 0, "large": 30}


def test_a_job_that_reaches_its_limit_goes_back_into_the_queue() -> None:
    limited = Rules(1, start=10, limit=100, requeue=20)
    course = simulate([run("a", 150, restart=5.0)], [Nodes(1, 1)], limited)
    assert [(one.began, one.ended) for one in course.stints] == [(10, 100), (130, 195)]
    assert [(one.began, one.ended) for one in course.holdings] == [(0, 100), (120, 195)]
    with pytest.raises(InputError, match="a: its job ends before it trains; want a longer time limit"):
        simulate([run("a", 150)], [Nodes(1, 1)], replace(limited, limit=10))


def test_rates_are_chosen_once_every_probe_is_over() -> None:
    runs = [run("p1", 10, probe=True), run("p2", 4, probe=True), run("a", 9, planned=True), run("b", 2)]
    course = simulate(runs, [Nodes(1, 9)], Rules(9))
    assert began(course) == {"p1": 0, "p2": 0, "b": 0, "a": 10}


def test_the_events_of_many_runs_are_a_few_for_each() -> None:
    """So 1,000 runs on 512 GPUs take a moment; `benchmarks/timetable.py --speed` says how long."""
    asks = [GPU, Resources(1.0, 0.25), Resources(4.0, 8.0)]
    for count in (1000, 4000):
        runs = [run(f"r{n}", 60.0 * (1 + n % 97), asks[n % 3]) for n in range(count)]
        course = simulate(runs, [Nodes(64, 8, 96)], Rules(512, start=5, hand_over=0.1))
        assert len(course.stints) == count
        assert course.events < 4 * count


def test_a_run_that_waits_for_one_that_is_not_there_is_not_forgotten() -> None:
    assert began(simulate([run("a", 5, trunk=("gone", 0.5))], [Nodes(1, 1)], Rules(1))) == {"a": 0}


def test_a_run_that_was_moved_up_begins_first_in_a_simulation_too() -> None:
    three = [Task(f"r{n}", f"r{n}", Resources(1.0), (10.0,), flops=n, moved_up=5 * (n == 1)) for n in range(3)]
    course = simulate(three, [Nodes(cpus=1)], Rules(1))
    assert [stint.run for stint in course.stints] == ["r1", "r2", "r0"]
