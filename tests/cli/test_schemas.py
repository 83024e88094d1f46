"""Every document that a command prints, and every file of a run folder, fits the schema that `schema` prints."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scaling_tui import InputError
from scaling_tui.report.documents import DOCUMENTS, FILES, described, stamped
from scaling_tui.report.documents.shapes import closed, maybe, number, table
from scaling_tui.runs import create_sweep, make_request
from scaling_tui.runs.fence import put_up
from scaling_tui.runs.format import FORMAT, RecordedRates, claim
from scaling_tui.runs.labels import change_labels
from scaling_tui.runs.writer import append_rates
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import lay_out
from tests.cli.conftest import Command
from tests.conftest import FINISHED, record_grid, record_sweep
from tests.schemas import faults, fitting

# What is printed at once for a recorded sweep; the tests of other commands check theirs by the same fixture.
CALLS = {
    "ladders": "ladders",
    "runs": "runs",
    "run": "attach quickstart",
    "tag": "tag quickstart +paper",
    "note": "note quickstart good",
    "fit": "fit quickstart --bootstrap 4",
    "fit-isoflop": "fit grid --method isoflop",
    "loss": "loss --params 1B --tokens 20B",
    "plan": "plan --flops 1e21 --device h100",
    "plan-allocation": "plan --flops 1e21 --allocation llama3",
    "count": "count --layers 12 --hidden 768",
    "count-ladder": "count quickstart",
    "laws": "laws",
    "hyperparameters": "laws --params 1B --tokens 100B",
    "why": "why quickstart prediction error",
    "compare": "compare quickstart grid",
    "lessons": "learn",
    "lesson": "learn simple-form",
    "glossary": "learn glossary",
    "term": "learn glossary nat",
    "experiments": "learn experiment",
    "questions": "quiz list",
    "question": "quiz show two-term-loss --seed 7 --solution",
    "grade": "quiz grade --question two-term-loss --answer 0.1",
    "progress": "quiz progress",
    "history": "quiz history",
    "mistakes": "quiz mistakes",
    "schemas": "schema",
}


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DATA", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    record_sweep(tmp_path / "runs", FINISHED)
    record_grid(tmp_path / "runs")
    monkeypatch.setenv("SCALING_TUI_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def test_what_commands_print_fits_its_schema(runs: Path, command: Command) -> None:
    for name, call in CALLS.items():
        status, out, err = command(*call.split(), "--json")
        assert status == 0, (call, err)
        document = fitting(json.loads(out))
        assert (document["document"], document["version"]) == (name, DOCUMENTS[name].version)
    status, out, err = command("export", "quickstart", "--format", "json")
    assert status == 0, err
    assert fitting(json.loads(out))["document"] == "export"


def test_what_a_sweep_leaves_on_disk_fits_its_schemas(tmp_path: Path, tiny: Path) -> None:
    recorded = record_sweep(tmp_path / "runs", FINISHED)
    change_labels(recorded, lambda labels: labels.tagged(["paper"]))
    append_rates(recorded, RecordedRates({"d": 0.01}, {"a": 0.02}, "lr · hidden stays constant", 1.7e9))
    make_request(recorded, "next", "r7-s0")
    put_up(claim(recorded / "r7-s0", "attempt"))
    (recorded / "sweep.json").unlink()  # of the tests; the others' are written by a launch
    laid_out = lay_out(tmp_path / "runs", load_ladder(str(tiny)))
    tuned = lay_out(tmp_path / "runs", load_ladder(str(tiny), ["tune=lr"]), name="tuned")
    seen = {name for sweep in (recorded, laid_out, tuned) for name in files_that_fit(sweep)}
    assert seen == FILES.keys() - {"engine.json"}, "an engine is chosen by training alone"


def files_that_fit(sweep: Path) -> Iterator[str]:
    for path in sorted(sweep.rglob("*.json*")):
        folder = {"labels": "labels.json", "requests": "request.json"}.get(path.parent.name, path.name)
        text = path.read_text(encoding="utf-8")
        for document in map(json.loads, text.splitlines()) if path.suffix == ".jsonl" else [json.loads(text)]:
            assert faults(folder, document) == [], path
        yield folder


def test_the_schemas_are_schemas_and_close_on_unknown_keys() -> None:
    from jsonschema import Draft202012Validator

    for name in (*DOCUMENTS, *FILES):
        Draft202012Validator.check_schema(described(name).schema())
    good = {"sweep": "a", "tags": ["b"]}
    assert faults("tag", stamped("tag", good)) == []
    assert faults("tag", stamped("tag", good | {"new": 1}))
    assert Draft202012Validator(described("tag").schema()).is_valid(stamped("tag", good | {"new": 1}))
    assert not Draft202012Validator(described("tag").schema()).is_valid(stamped("tag", {"sweep": "a"}))
    inner = closed(maybe(table({"a": number()})))
    assert not Draft202012Validator(inner).is_valid({"a": 1, "b": 2}), "inside alternatives too"


def test_files_have_the_version_of_the_run_folder(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "one", {})
    assert json.loads((sweep / "sweep.json").read_text())["format"] == FORMAT
    assert {one.version for one in FILES.values()} == {FORMAT}


def test_schema_prints_one_that_says_what_keys_mean(command: Command) -> None:
    status, out, _ = command("schema", "plan")
    schema: dict[str, Any] = json.loads(out)
    assert (status, schema["$schema"]) == (0, "https://json-schema.org/draft/2020-12/schema")
    assert schema["properties"]["version"]["const"] == 1
    assert schema["properties"]["tokens_per_param"]["description"] == "D/N"
    assert {"document", "version", "params", "flops"} <= set(schema["required"])
    listed = command("schema")[1]
    assert all(re.search(rf"^{re.escape(name)} ", listed, re.MULTILINE) for name in (*DOCUMENTS, *FILES))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["schema", "pla"], "did you mean 'plan'?"), (["schema", "plan", "--json"], "--json: found with a name")],
)
def test_a_wrong_name_is_one_line_and_status_2(command: Command, arguments: list[str], says: str) -> None:
    status, out, err = command(*arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert says in err
    with pytest.raises(InputError):
        described("pla")
