"""The order in which runs begin: what the supervisor is told at once, a simulation is told one by one."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from scaling_tui.sweeps.policy import Decision, Settlement, Waiting, settlement

RUNS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=40)


def waiting(runs: list[tuple[int, int]], alone: bool = True) -> Waiting[int]:
    found: Waiting[int] = Waiting(alone)
    for place, (flops, kind) in enumerate(runs):
        found.add(f"r{place}", flops, place, kind)
    return found


@given(RUNS, st.integers(0, 50))
def test_taking_one_by_one_gives_what_is_decided_at_once(runs: list[tuple[int, int]], free: int) -> None:
    at_once = waiting(runs).decide(0, 0, free).start
    assert list(at_once) == [
        f"r{place}" for place in sorted(range(len(runs)), key=lambda place: (-runs[place][0], place))
    ][:free]  # fmt: skip
    one_by_one, taken, left = waiting(runs), [], free
    among = one_by_one.among(free)
    for kind in one_by_one.kinds():
        while (name := one_by_one.take(kind, left)) is not None:
            taken.append(name)
            left -= 1
    assert sorted(taken) == sorted(at_once)
    assert among == Counter(runs[int(name[1:])][1] for name in at_once)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 4)), max_size=40), st.integers(0, 50))
def test_what_was_moved_up_last_begins_first_whatever_it_asks_for(runs: list[tuple[int, int, int]], free: int) -> None:
    found: Waiting[int] = Waiting()
    for place, (flops, kind, moved_up) in enumerate(runs):
        found.add(f"r{place}", flops, place, kind, moved_up=moved_up)
    ordered = sorted(range(len(runs)), key=lambda place: (-runs[place][2], -runs[place][0], place))
    assert found.decide(0, 0, free).start == tuple(f"r{place}" for place in ordered)[:free]
    taken, left = [], free
    for kind in found.kinds():
        while (name := found.take(kind, left)) is not None:
            taken.append(name)
            left -= 1
    assert sorted(taken) == sorted(f"r{place}" for place in ordered[:free])


def test_a_predicted_run_that_was_moved_up_still_waits_for_all_others() -> None:
    runs = waiting([(1, 0)])
    runs.add("last", 9, 4, 0, last=True)
    runs.add("urgent", 9, 5, 0, last=True, moved_up=7)
    assert runs.decide(0, 0, 2).start == ("r0",)
    assert runs.take(0, 1) == "r0"
    assert runs.decide(0, 0, 2) == Decision(("urgent",), alone="urgent")


def test_the_predicted_runs_train_one_by_one_after_all_others() -> None:
    runs = waiting([(1, 0)])
    runs.add("last", 9, 5, 0, last=True)
    runs.add("first", 9, 4, 0, last=True)
    assert runs.decide(0, 0, 2).start == ("r0",)
    assert (runs.take(0, 1), runs.last_now(1, 0, 2)) == ("r0", ())
    assert runs.decide(1, 0, 2) == Decision()
    assert runs.decide(0, 0, 2) == Decision(("first",), alone="first")
    runs.take_last("first")
    assert runs.decide(1, 1, 2) == Decision()
    assert runs.decide(0, 0, 2) == Decision(("last",), alone="last")
    runs.take_last("last")
    assert runs.decide(0, 0, 2) == Decision(end=True)


def test_the_predicted_runs_train_beside_each_other_where_that_takes_no_cores_from_them() -> None:
    runs = waiting([(1, 0)], alone=False)
    for place, name in enumerate(("first", "second", "third"), 4):
        runs.add(name, 9, place, 0, last=True)
    assert runs.decide(0, 0, 8).start == ("r0",)
    assert runs.take(0, 1) == "r0"
    assert runs.decide(1, 0, 8) == Decision(), "the law is fitted to all others"
    assert runs.decide(0, 0, 2) == Decision(("first", "second"))
    for name in ("first", "second"):
        runs.take_last(name)
    assert runs.decide(2, 2, 2) == Decision()
    assert runs.decide(1, 1, 2) == Decision(("third",))


def test_workers_that_nobody_wants_leave_and_those_in_the_queue_are_taken_back() -> None:
    assert settlement({"a": 3, "b": 1}, {"a": 1, "c": 2}, 2, 0, "a") == Settlement({"a": 2, "b": 1, "c": -2}, 2)
    assert settlement({}, {}, 0, 2, "a") == Settlement({"a": 2}, 0), "for branches that come soon"
    assert settlement({}, {}, 3, 2, "a") == Settlement({}, 1)
    assert settlement({"b": 2}, {"b": 2}, 0, 1, "a") == Settlement({}, 0)
