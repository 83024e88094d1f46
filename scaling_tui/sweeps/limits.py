"""What this process may use of the machine: cores and memory, under affinity, cgroups and ulimit."""

import os
from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")
COUNTERS = Path("/proc/vmstat")
UNLIMITED = 1 << 60  # cgroup v1 writes the largest multiple of a page for no limit


def cores() -> int:
    """CPU cores that this process may use, at least 1: a quota of half a core counts as one, of 2.5 as two."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    return allowed if quota is None else max(1, min(allowed, int(quota)))


def core_numbers() -> list[int]:
    """The system's numbers of the cores that this process may use, `cores` of them."""
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else range(cores())
    return list(allowed)[: cores()]


def cpu_quota() -> float | None:
    """Cores by the tightest cgroup quota, such as 0.5; None without one."""
    quotas = []
    for folder in _groups("cpu"):
        both = _words(folder / "cpu.max") or [
            *_words(folder / "cpu.cfs_quota_us"),
            *_words(folder / "cpu.cfs_period_us"),
        ]
        if len(both) == 2 and all(word.isdecimal() for word in both) and int(both[1]):
            quotas.append(int(both[0]) / int(both[1]))
    return min(quotas, default=None)


def memory() -> tuple[int, bool]:
    """The bytes of memory that a new process can use here, and whether a cgroup limits them, not what is free."""
    import psutil

    found = [(int(psutil.virtual_memory().available), False)]
    for folder in _groups("memory"):
        words = _words(folder / "memory.max") or _words(folder / "memory.limit_in_bytes")
        if words and words[0].isdecimal() and int(words[0]) < UNLIMITED:
            found.append((int(words[0]), True))
    return min(found)


def oom_kills() -> int:
    """How many processes of this host Linux has killed since it started because memory ran out; 0 where none tells."""
    words = _words(COUNTERS)
    counts = dict(zip(words[::2], words[1::2], strict=False))
    return int(counts.get("oom_kill", "0"))


def address_space() -> int | None:
    """The bytes of address space that a process may map, `ulimit -v`; None without a limit."""
    try:
        import resource
    except ImportError:  # not a POSIX system
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else soft


def _groups(controller: str) -> Iterator[Path]:
    """The folders of this process's cgroup and of those above it, of version 2 and of version 1.

    A container sees its own group as the root of the mount but may be told the path that the host knows; so a folder
    may not exist.
    """
    try:
        lines = OWN_CGROUPS.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        hierarchy, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if hierarchy == "0":
            roots = [CGROUPS, CGROUPS / "unified"]
        elif controller in controllers.split(","):
            roots = [CGROUPS / controller, CGROUPS / controllers]
        else:
            continue
        group = Path(path.lstrip("/"))
        for root in roots:
            yield from (root / folder for folder in (group, *group.parents))


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return []
