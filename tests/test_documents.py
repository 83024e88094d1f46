"""The documents: short where they promise it, links that lead somewhere, examples that run as printed."""

import json
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from scaling_tui.sweeps.ladder import load_ladder

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md", "quizzes/**/*.md") for path in ROOT.glob(pattern)
)


def command(*args: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scaling_tui", *map(str, args)], cwd=cwd, capture_output=True, text=True, check=False
    )


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The fragments that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_is_a_front_door() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    for link in links:
        if link.startswith("https://"):
            continue
        path, _, fragment = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not fragment or fragment in anchors(target), link


def test_every_page_of_docs_is_in_its_index_and_the_index_in_the_readme() -> None:
    index = ROOT / "docs" / "README.md"
    assert "(docs/README.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
    linked = {
        (index.parent / link).resolve() for link in re.findall(r"\]\(([^)#]+)", index.read_text(encoding="utf-8"))
    }
    whole = {index.parent / name for name in ("reference", "releases")}  # the site lists what is in them
    assert {path for path in index.parent.rglob("*.md") if not whole & {*path.parents}} - {index} <= linked


def test_the_ladder_of_the_documents_can_be_trained(tmp_path: Path) -> None:
    (sample,) = [block for block in blocks("docs/ladders.md", "toml") if "[[rungs]]" in block]
    (tmp_path / "mine.toml").write_text(sample, encoding="utf-8")
    (tmp_path / "notes.txt").write_text("what I learned today and what of it I will know tomorrow\n" * 200)
    done = command("run", "mine.toml", "--dry-run", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["rungs"]) == 4
    assert load_ladder(str(tmp_path / "mine.toml")).fit


@pytest.mark.parametrize("page", ["README.md", "docs/trainers.md"])
def test_a_trainer_of_the_documents_can_be_run_as_printed_and_fitted(tmp_path: Path, page: str) -> None:
    sample = blocks(page, "python")[0]
    done = subprocess.run([sys.executable, "-c", sample], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert not done.stderr, "it warns of nothing"
    for name in ("attach", "fit"):
        done = command(name, "mine", "--json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)
    found = json.loads(done.stdout)
    assert (found["law"], found["points"], found["convention"]["params"]) == ("chinchilla-n", 5, "all")
    if page == "README.md":
        assert found["coefficients"]["alpha"] == pytest.approx(0.35, abs=0.02)
        assert found["loss"] == "mean of the last tenth of the training loss"
    else:
        assert found["loss"] == "held-out loss (val_loss)"
    watched = command("attach", "mine", cwd=tmp_path).stdout
    rungs = [line.split()[1] for line in watched.splitlines() if line.startswith("✓")]
    assert len(rungs) == 5
    assert rungs == sorted(rungs, key=lambda name: float(name[1:])), "sorted by size, not by name"
    assert ("accuracy" if page == "README.md" else "eval/accuracy") in watched


def test_the_guide_for_instructors_leads_from_an_assignment_to_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DATA", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    page = "docs/instructors.md"
    (tmp_path / "homework-1.toml").write_text(blocks(page, "toml")[0], encoding="utf-8")
    (tmp_path / "roster.csv").write_text(blocks(page, "csv")[0], encoding="utf-8")
    text = (ROOT / page).read_text(encoding="utf-8")
    printed = [shlex.split(line) for line in re.findall(r"^    scaling-tui (.*)$", text, re.MULTILINE)]
    assert [words[1] for words in printed] == ["exam", "enter", "take", "mark", "mark", "report"]
    for words in printed:
        if words[1] == "enter":
            form = tmp_path / "papers" / "answers.csv"
            form.write_text(form.read_text(encoding="utf-8-sig").replace("Emmy Noether,", "Emmy Noether,0.0724"))
        if words[1] == "mark":
            for path in tmp_path.glob("*.submission.jsonl"):
                path.rename(tmp_path / "submissions" / path.name)
        done = command(*words, cwd=tmp_path)
        assert done.returncode == 0, (words, done.stderr)
    assert len(list((tmp_path / "papers" / "papers").glob("*.html"))) == 3
    assert (tmp_path / "papers" / "key.html").is_file()
    marks = (tmp_path / "marks.csv").read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[2] for line in marks] == ["state", "marked", "marked", "missing"]
    assert "Homework 1: power laws: the class" in (tmp_path / "class.html").read_text(encoding="utf-8")
    for column in marks[0].split(","):
        if "." not in column and column not in ("id", "name", "of", "answered", "file"):
            assert f"`{column}`" in text, column


def test_the_reference_is_as_fresh_as_the_code() -> None:
    """`python docs/reference.py` writes these pages; they are never edited by hand."""
    found = runpy.run_path(str(ROOT / "docs" / "reference.py"))["pages"]()
    there = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "reference").iterdir()}
    assert there.keys() == found.keys()
    stale = [name for name in found if found[name] != there[name]]
    assert not stale, "run python docs/reference.py"
