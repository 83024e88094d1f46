"""Installs the wheel on every Python that is there, with the lowest and the newest dependencies, and tries it.

It also unpacks the sdist, collects all its tests and runs a few there. As many cells as there are cores go on at once.

`python tests/install/matrix.py [PYTHON …]`, which is `make test-install`. It needs `uv` and a package index. It
fetches no Python, and of torch only builds for CPUs: from PyTorch's own index, or a wheel in a folder of
`PIP_FIND_LINKS` or `UV_FIND_LINKS`. Where it finds none, training is skipped and the table says so.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHECKS = Path(__file__).with_name("checks.py")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
RESOLUTIONS = ("lowest-direct", "highest")
FROM_SDIST = [
    "tests/test_project.py", "tests/test_library.py", "tests/laws/test_forms.py", "tests/cli/test_completion.py",
]  # fmt: skip
CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def find_python(version: str) -> str | None:
    """A Python of this version, on the PATH or among those of pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    named = shutil.which(f"python{version}")
    candidates = [sys.executable, *([named] if named else []), *map(str, pyenv.glob(f"{version}.*/bin/python"))]
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    for candidate in candidates:
        done = subprocess.run([candidate, "-I", "-c", code], capture_output=True, text=True, check=False)
        if done.stdout.strip() == version:
            return candidate
    return None


def uv(*arguments: str, most_s: float = 900) -> str:
    """Runs uv; returns what it said if it failed, else nothing."""
    try:
        done = subprocess.run(
            ["uv", *arguments, "--quiet"], capture_output=True, text=True, check=False, timeout=most_s, cwd=ROOT,
            env={"UV_PYTHON_DOWNLOADS": "never", **os.environ},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"uv {arguments[0]} took longer than {most_s:g} s"
    return "" if done.returncode == 0 else done.stderr.strip()[-600:] or f"uv ended with {done.returncode}"


def install_torch(python: str, version: str, lowest: bool) -> str:
    """Installs a torch for CPUs; returns why not, if there is none."""
    wanted = f"torch=={lowest_torch()}.*" if lowest else "torch"
    # No other index, or the build for CUDA could be taken: gigabytes.
    if index_answers() and not uv(
        "pip", "install", "--python", python, "--default-index", CPU_INDEX, wanted, most_s=600
    ):
        return ""
    tag = f"cp{version.replace('.', '')}"
    folders = f"{os.environ.get('UV_FIND_LINKS', '')} {os.environ.get('PIP_FIND_LINKS', '')}".replace(",", " ").split()
    wheels = [wheel for folder in folders for wheel in sorted(Path(folder).glob(f"torch-*cpu-{tag}-{tag}-*.whl"))]
    if not wheels:
        return f"no torch for CPUs for Python {version} can be had here"
    return uv("pip", "install", "--python", python, str(wheels[-1]))


@cache
def index_answers() -> bool:
    """Whether PyTorch's own index can be reached; where not, uv would try for long in every cell."""
    try:
        with urllib.request.urlopen(f"{CPU_INDEX}/torch/", timeout=15):
            return True
    except (OSError, ValueError):
        return False


def lowest_torch() -> str:
    found = re.search(r'"torch>=([\d.]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert found is not None
    return found[1]


def told_versions(python: str) -> str:
    """The versions of what is most likely to matter."""
    code = (
        "from importlib.metadata import distributions as all; v = {d.name: d.version for d in all()}; "
        "print(', '.join(f'{n} {v[n]}' for n in ('textual', 'typer', 'numpy', 'tokenizers', 'rich') if n in v))"
    )
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=False).stdout.strip()


def try_out(python: str, folder: Path, *options: str) -> tuple[bool, str]:
    """The checks, in an empty folder with a home of its own: whether all is well, and what they said."""
    folder.mkdir()
    home = folder / "home"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCALING_TUI", "XDG", "PYTHON"))}
    places = {f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA", "STATE")}
    here = folder / "here"
    here.mkdir()
    command = [sys.executable, str(CHECKS), python, *options]
    done = subprocess.run(
        command, cwd=here, env={**kept, **places, "HOME": str(home)}, check=False, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.returncode == 0, done.stdout


def sdist_row(sdist: Path, folder: Path) -> list[str]:
    """Collects the tests of the sdist, unpacked, and runs those that look at the whole tree; its row of the table."""
    began = time.monotonic()
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    tree = folder / sdist.name.removesuffix(".tar.gz")
    pytest = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider"]
    told, fault = [], ""
    for arguments in (["--collect-only"], FROM_SDIST):
        done = subprocess.run(
            [*pytest, *arguments], cwd=tree, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(tree)},
        )  # fmt: skip
        told += [re.sub(r" in [\d.]+s.*", "", last) for last in done.stdout.strip().splitlines()[-1:]]
        fault = fault or (done.stdout[-2000:] if done.returncode else "")
    if fault:
        print(f"sdist\n{fault}", flush=True)
    verdict = "FAILED" if fault else "ok"
    return ["sdist", "", f"{verdict}: {'; '.join(told)}", "", "", f"{time.monotonic() - began:.0f} s"]


def cell(wheel: Path, base: str, version: str, resolution: str, folder: Path) -> list[str]:
    """Installs and tries one of the matrix; returns its row of the table."""
    row, told = tried_cell(wheel, base, version, resolution, folder)
    print(f"Python {version}, {resolution}\n{told}", flush=True)
    return row


def tried_cell(wheel: Path, base: str, version: str, resolution: str, folder: Path) -> tuple[list[str], str]:
    began = time.monotonic()
    environment = folder / f"{version}-{resolution}"
    python = str(environment / "bin" / "python")
    without_torch = folder / "without-torch.txt"
    wanted = [str(wheel)]
    if resolution != "highest":  # to uv, what a wheel depends on is not direct
        wanted += ["-r", "pyproject.toml"]
    fault = uv("venv", "--python", base, str(environment)) or uv(
        "pip", "install", "--python", python, "--resolution", resolution, "--override", str(without_torch), *wanted
    )
    if fault:
        return [version, resolution, "cannot be installed", "", "", f"{time.monotonic() - began:.0f} s"], f"    {fault}"
    well, told = try_out(python, folder / f"try-{version}-{resolution}")
    missing = install_torch(python, version, resolution == "lowest-direct")
    if missing:
        training = "skipped: no torch for CPUs"
        told += f"    training skipped: {missing.splitlines()[-1]}"
    else:
        trained, told_of_it = try_out(python, folder / f"train-{version}-{resolution}", "--torch")
        told += told_of_it
        code = "from importlib.metadata import version; print(version('torch'))"
        torch = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False).stdout.strip()
        training = f"{'ok' if trained else 'FAILED'}, torch {torch}"
    took = f"{time.monotonic() - began:.0f} s"
    return [version, resolution, "ok" if well else "FAILED", training, told_versions(python), took], told.rstrip()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("pythons", nargs="*", default=PYTHONS, metavar="PYTHON")
    parser.add_argument("--resolution", choices=RESOLUTIONS, action="append")
    options = parser.parse_args()
    if shutil.which("uv") is None:
        sys.exit("uv: not found, want it on the PATH: pip install uv")
    rows = [["Python", "resolution", "without torch", "training", "versions", "time"]]
    with tempfile.TemporaryDirectory(prefix="scaling-tui-install-") as name:
        folder = Path(name)
        if fault := uv("build", "--out-dir", str(folder / "dist"), str(ROOT)):
            sys.exit(fault)
        (wheel,) = (folder / "dist").glob("*.whl")
        for made in sorted((folder / "dist").glob("scaling_tui*")):
            print(f"{made.name}: {made.stat().st_size / 1e6:.2f} MB")
        (folder / "without-torch.txt").write_text("torch ; python_version < '3'\n", encoding="utf-8")
        (sdist,) = (folder / "dist").glob("*.tar.gz")
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            going = []
            for version in options.pythons:
                base = find_python(version)
                if base is None:
                    rows.append([version, "", "skipped: this Python is not here", "", "", ""])
                    continue
                going += [
                    pool.submit(cell, wheel, base, version, resolution, folder)
                    for resolution in options.resolution or RESOLUTIONS
                ]
            going.append(pool.submit(sdist_row, sdist, folder))
            rows[1:1] = [one.result() for one in going]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    failed = sum("FAILED" in text or "cannot" in text for row in rows for text in row)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
