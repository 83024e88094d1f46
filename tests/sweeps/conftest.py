"""What the tests of sweeps share: gates that hold a run in the middle of its training, and two cores to pin to."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaling_tui.sweeps.limits import cores
from tests.sweeps.gate import HOOK, Gates


@pytest.fixture(scope="module")
def hooked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Workers that are started from here on heed the gates of their runs."""
    folder = tmp_path_factory.mktemp("hook")
    (folder / "sitecustomize.py").write_text(HOOK)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]))
        yield


@pytest.fixture
def gates(hooked: None, tmp_path: Path) -> Gates:
    return Gates(tmp_path / "runs")


@pytest.fixture
def two_cores() -> Iterator[int]:
    """What the test starts sees two cores at most; how many there are."""
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system pins no process to cores")
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:2])
    try:
        yield cores()
    finally:
        os.sched_setaffinity(0, before)
