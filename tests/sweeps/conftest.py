"""What the tests of engines share: gates that hold a run in the middle of its training."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

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
