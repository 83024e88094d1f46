"""Where torch is missing or cannot be loaded, training and traces say how to get it, and nothing else needs it."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from scaling_tui import InputError
from scaling_tui.lens.client import Tracer
from scaling_tui.sweeps.torch_here import check_torch

ONE_LINE = "scaling-tui: torch: not installed, and training and traces need it; pip install torch"
WITHOUT = "import sys; sys.modules['torch'] = None; from scaling_tui.cli.app import main; main()"


def without_torch(cwd: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", WITHOUT, *words], cwd=cwd, capture_output=True, text=True, check=False)


def test_run_says_how_to_get_torch_and_leaves_nothing(tiny: Path) -> None:
    done = without_torch(tiny.parent, "run", str(tiny))
    assert done.returncode == 2
    assert done.stderr.startswith(ONE_LINE)
    assert done.stderr.count("\n") == 1
    assert not (tiny.parent / "runs").exists()
    if platform.system() == "Linux":
        assert "https://download.pytorch.org/whl/cpu (for CPUs, 0.2 GB to download)" in done.stderr
        assert "(CUDA, 5.3 GB)" in done.stderr


def test_a_trace_says_so_before_it_starts_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with Tracer() as tracer, pytest.raises(InputError, match=r"torch: not installed.*pip install torch"):
        tracer.trace(tmp_path)


@pytest.fixture
def fake_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a torch that is installed here in place of the real one; it loads."""
    package = tmp_path / "site" / "torch"
    package.mkdir(parents=True)
    (package / "version.py").write_text("__version__ = '2.6.0'\n")
    (package / "__init__.py").write_text("def empty(size): return size\n")
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    return package / "__init__.py"


def test_a_torch_that_loads_is_loaded_once(fake_torch: Path) -> None:
    check_torch()
    fake_torch.write_text("raise OSError('it was loaded again')\n")
    check_torch()


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (
            "raise OSError('libcudart.so.12: cannot open shared object file')",
            r"\(OSError: libcudart\.so\.12: cannot open shared object file\)",
        ),
        ("import no_such_part", r"\(ModuleNotFoundError: No module named 'no_such_part'\)"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", r"\(loading it ended with status -11\)"),
        ("def empty(size): raise RuntimeError('no kernel\\nfor this')", r"\(RuntimeError: no kernel\)"),
    ],
)
def test_a_torch_that_does_not_load_is_told_in_a_line(fake_torch: Path, code: str, says: str) -> None:
    fake_torch.write_text(code + "\n")
    with pytest.raises(InputError, match=rf"^torch: installed, but it cannot be loaded {says}; .*pip install torch"):
        check_torch()
