"""The wheel that is built, installed into an empty place, finds its ladders and quizzes."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

from scaling_tui.text import resources

ROOT = Path(__file__).parents[2]


def test_the_wheel_brings_its_ladders_and_quizzes(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    place = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    with zipfile.ZipFile(wheel) as archive:
        nothing_but_the_product(archive.namelist())
    (page,) = place.glob("*.data/data/share/man/man1/scaling-tui.1")
    assert ".SS scaling\\-tui quiz take" in page.read_text(encoding="utf-8")
    (metadata,) = place.glob("*.dist-info/METADATA")
    links = re.findall(r"\]\(([^)\s]+)\)", metadata.read_text(encoding="utf-8"))
    assert len(links) > 10
    assert all(link.startswith("https://") for link in links), "a package index has no tree"
    code = """
import json, sys
import scaling_tui
from scaling_tui.text import resources
from scaling_tui.sweeps.ladder import ladders, load_ladder
print(json.dumps({
    "package": scaling_tui.__file__,
    "ladders": [load_ladder(path.stem).name for path in ladders()],
    "quizzes": sorted(path.name for path in resources.packaged("quizzes").rglob("*") if path.is_file()),
}))
"""
    # The dependencies come from this environment; its editable install of the project does not.
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(place), sysconfig.get_paths()["purelib"]]),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], check=True, capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    found = json.loads(done.stdout)
    assert Path(found["package"]).is_relative_to(place)
    assert sorted(found["ladders"]) == sorted(path.stem for path in (ROOT / "models").glob("*.toml"))
    in_checkout = (path for path in (ROOT / "quizzes").rglob("*") if path.is_file())
    assert found["quizzes"] == sorted(path.name for path in in_checkout)
    assert resources.packaged("models") == ROOT / "models"


def nothing_but_the_product(names: list[str]) -> None:
    tops = {name.split("/")[0].rpartition(".")[2] for name in names}
    assert tops == {"scaling_tui", "dist-info", "data"}, tops
    assert [name for name in names if ".data/" in name] == [name for name in names if name.endswith("/scaling-tui.1")]
    packaged = {name.removeprefix("scaling_tui/") for name in names if name.startswith("scaling_tui/")}
    assert {"py.typed", "models/quickstart.toml"} <= packaged
    package = ROOT / "scaling_tui"
    in_checkout = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    beside = {
        path.relative_to(ROOT).as_posix() for name in ("models", "quizzes") for path in (ROOT / name).rglob("*.*")
    }
    assert packaged == {name for name in in_checkout | beside if "__pycache__" not in name and ".DS_Store" not in name}
    assert not [name for name in packaged if "/." in name or name.startswith((".", "test"))]
