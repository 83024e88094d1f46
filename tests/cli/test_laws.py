"""`fit`, `loss`, `plan`, `count` and `laws` as a user meets them: status, stdout, stderr, JSON."""

import gzip
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scaling_tui.cli.app import main
from scaling_tui.laws import find_law, get
from tests.conftest import record_sweep


class Ran:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def json(self) -> Any:
        assert self.status == 0, self.err
        return json.loads(self.out)


Command = Callable[..., Ran]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["scaling-tui", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Ran(int(ended.value.code or 0), out, err)

    return run


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    """Forty runs of a known law with half a per cent of noise."""
    rng = np.random.default_rng(0)
    N, D = 10 ** rng.uniform(7, 10, 40), 10 ** rng.uniform(8, 11, 40)
    loss = find_law("chinchilla").loss(get("chinchilla:besiroglu2024").coefficients, params=N, tokens=D)
    rows = [f"{n},{d},{y}" for n, d, y in zip(N, D, loss * np.exp(0.005 * rng.standard_normal(40)), strict=True)]
    path = tmp_path / "runs.csv"
    path.write_text("\n".join(["params,tokens,loss", *rows]))
    return path


def test_fit_as_the_issue_shows_it(command: Command, shared_data: Path) -> None:
    found = command(
        "fit", shared_data / "chinchilla_points.csv", "--drop-highest", 5, "--bootstrap", 1000,
        "--holdout-flops", 1e21, "--json",
    ).json  # fmt: skip
    assert found["law"] == "chinchilla" and found["points"] == 240
    assert found["objective"] == pytest.approx(1.0182740178e-3, abs=1e-11)
    assert found["coefficients"]["B"] == pytest.approx(2143.42, rel=1e-5)
    assert found["holdout"]["points"] == 23
    assert found["holdout"]["mape"] == pytest.approx(0.01051, abs=1e-5)
    for name, (low, high) in found["intervals"].items():
        assert low < found["coefficients"][name] < high
    assert found["bootstrap"] == {"draws": 1000, "unconverged": 0}


def test_fit_in_words_says_conventions_and_method(command: Command, csv: Path) -> None:
    ran = command("fit", csv)
    assert ran.status == 0
    for words in ("N all", "C 6ND", "90 % interval", "held out: 4", "alpha"):
        assert words in ran.out
    assert ran.err == ""


def test_fit_of_a_sweep_uses_its_ladders_law(command: Command, tmp_path: Path) -> None:
    record_sweep(tmp_path, ["finished"] * 6 + ["running"])
    found = command("fit", "quickstart", "--runs", tmp_path, "--json").json
    assert (found["law"], found["points"], found["convention"]["params"]) == ("chinchilla-n", 6, "non-embedding")
    assert {item["convention"] for item in found["conventions"]} == {"N all", "N non-embedding"}
    assert "6 points" in command("fit", "quickstart", "--runs", tmp_path, "--law", "kaplan-n").out
    ran = command("plan", "--fit", "quickstart", "--runs", tmp_path, "--flops", 1e14)
    assert ran.status == 2 and "no D term" in ran.err


def test_warnings_go_to_stderr_and_into_json(command: Command, csv: Path) -> None:
    lines = csv.read_text().splitlines()
    csv.write_text("\n".join([*lines, lines[-1]]))
    assert "listed more than once" in command("fit", csv, "--bootstrap", 20).err
    assert any("more than once" in item for item in command("fit", csv, "--bootstrap", 20, "--json").json["warnings"])


def test_compare_says_which_law_is_best_within_and_beyond(command: Command, csv: Path) -> None:
    document = command("fit", csv, "--compare", "--json").json
    laws = {row["law"]: row for row in document["compare"]}
    assert {"chinchilla", "kaplan", "sum-of-powers"} <= set(laws)
    for row in laws.values():
        assert {"objective", "aicc", "loo", "holdout_mape"} <= set(row)
    assert laws["chinchilla"]["objective"] == document["objective"]
    assert document["compare"][0]["aicc"] == min(row["aicc"] for row in laws.values())
    how = document["compared"]
    assert how["best_within"] == "chinchilla"
    best = min(laws.values(), key=lambda row: row["holdout_mape"])
    assert how["best_beyond"] == best["law"]
    assert how["not_compared"]["kaplan-n"] == "D varies too"
    assert [origin["fitted"] for origin in how["origins"]] == [20, 24, 28, 32, 36]
    ran = command("fit", csv, "--compare")
    assert "best in the sample: chinchilla, AICc" in ran.out
    assert f"best beyond it: {best['law']}, {best['holdout_mape']:.2%}".replace("%", " %") in ran.out
    assert "fitted to the 20 to 36 runs of lowest C" in ran.out
    assert ": D varies too" in ran.out


def test_fit_names_the_runs_it_depends_on_and_the_coefficients_that_are_correlated(command: Command, csv: Path) -> None:
    lines = csv.read_text().splitlines()
    n, d, y = lines[7].split(",")
    lines[7] = f"{n},{d},{float(y) * 1.1}"
    csv.write_text("\n".join(lines))
    ran = command("fit", csv, "--delta", "inf")
    assert "without row 8: loss at N" in ran.out
    assert "A and alpha are correlated (rank correlation +" in ran.out
    document = command("fit", csv, "--delta", "inf", "--json").json
    first = document["influence"]["runs"][0]
    assert first["runs"] == ["row 8"]
    assert set(first["coefficients"]) == {"E", "A", "B", "alpha", "beta"}
    residual = next(row for row in document["residuals"] if row["run"] == "row 8")
    assert residual["residual"] == max(row["residual"] for row in document["residuals"]) > 0.05
    assert residual["flops"] == pytest.approx(6 * float(n) * float(d))
    pairs = {tuple(row["coefficients"]): row["rank_correlation"] for row in document["correlations"]}
    assert pairs["A", "alpha"] > 0.95


@pytest.mark.parametrize("method", ["isoflop", "envelope"])
def test_other_ways_to_fit(command: Command, tmp_path: Path, method: str) -> None:
    N, C = (a.ravel() for a in np.meshgrid(np.geomspace(1e8, 1e10, 9), np.geomspace(1e19, 1e21, 5)))
    loss = find_law("chinchilla").loss(get("chinchilla:besiroglu2024").coefficients, params=N, tokens=C / 6 / N)
    path = tmp_path / "iso.csv"
    path.write_text("params,flops,loss\n" + "\n".join(f"{n},{c},{y}" for n, c, y in zip(N, C, loss, strict=True)))
    found = command("fit", path, "--method", method, "--json").json
    assert 0.4 < found["params"]["exponent"] < 0.6
    assert "C^" in command("fit", path, "--method", method).out


def test_profiles_tell_what_each_shape_of_the_valley_finds(command: Command, shared_data: Path) -> None:
    path = shared_data / "tables" / "isoflop_head.csv"
    ran = command("fit", path, "--method", "isoflop")
    assert "minimum by a skewed parabola near the valley" in ran.out
    assert "by a parabola through all sizes: N as C^0.7795" in ran.out
    found = command("fit", path, "--method", "isoflop", "--json").json
    assert {other["shape"] for other in found["disagreement"]} == {"parabola", "akima"}
    assert found["valleys"][-1]["beyond"] == 1
    assert any("N grows as C^0.698" in warning for warning in found["warnings"])
    assert "next to the edge" in ran.out
    wrong = command("fit", path, "--method", "isoflop", "--valley", "cubic")
    assert wrong.status == 2 and "--valley: found 'cubic', want one of near, parabola, akima" in wrong.err


def test_a_task_in_two_steps(command: Command, shared_data: Path) -> None:
    path = shared_data / "tables" / "olmo_ladder_tasks.csv"
    given = ("fit", path, "--task", "hellaswag", "--bootstrap", 40, "--predict", "params=7B,tokens=4T")
    ran = command(*given)
    assert ran.status == 0
    assert "hellaswag_val_rc_5shot in two steps, 24 runs" in ran.out and "guessing gives 0.25" in ran.out
    assert "held out: the 6 runs of N 1.28B" in ran.out and "N 7.00B D 4.00T" in ran.out
    assert "of the best run: the accuracy there depends on" in " ".join(ran.err.split())
    found = command(*given, "--json").json
    (predicted,) = found["predictions"]
    assert predicted["inputs"] == {"params": 7e9, "tokens": 4e12}
    assert 0.75 < predicted["low"] < predicted["accuracy"] < predicted["high"] < 0.9
    assert found["columns"]["accuracy"] == "eval/downstream/hellaswag_val_rc_5shot_len_norm"
    assert found["chance"] == 0.25 and found["holdout"]["points"] == 6 and found["residual_sd"]["accuracy"] < 0.005
    assert found["sigmoid"].keys() == {"floor", "ceiling", "steepness", "midpoint"}
    assert found["intervals"].keys() == found["sigmoid"].keys() | found["coefficients"].keys()
    assert "accuracy · x bits per byte" in command(*given, "--plot").out


def test_a_table_without_a_loss_has_tasks_too(command: Command, tmp_path: Path) -> None:
    N, D = (a.ravel() for a in np.meshgrid([1e8, 3e8, 1e9], [2e9, 6e9, 2e10]))
    bpb = find_law("chinchilla").loss({"E": 0.4, "A": 255, "B": 22, "alpha": 0.37, "beta": 0.19}, params=N, tokens=D)
    percent = 100 * (0.25 + 0.75 / (1 + np.exp(5 * (bpb - 0.8))))
    path = tmp_path / "tasks.csv"
    lines = [f"{n:.6g},{d:.6g},{x:.6f},{y:.4f}" for n, d, x, y in zip(N, D, bpb, percent, strict=True)]
    lines[-1] = lines[-1].rsplit(",", 1)[0] + ","
    path.write_text("\n".join(["params,tokens,bits,right", *lines]))
    columns = ("--columns", "task_loss=bits,accuracy=right")
    ran = command("fit", path, "--task", "mine", *columns, "--bootstrap", 20)
    assert ran.status == 0, ran.err
    assert "mine in two steps, 9 runs" in ran.out
    assert "read as per cent" in ran.err and "1 of 9 runs have no accuracy" in ran.err
    path.write_text("\n".join(["params,tokens,bits,right", "1e8,1e9,1.0,good", *lines]))
    wrong = command("fit", path, "--task", "mine", *columns)
    assert wrong.status == 2 and "column right: found 'good', want an accuracy" in wrong.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--task", "helaswag"), "did you mean hellaswag_val_rc_5shot?"),
        (("--task", "nothing"), "want one of hellaswag_val_rc_5shot, arc_easy_test_rc_5shot"),
        (("--task", "piqa", "--predict", "7B"), "--predict: found '7B', want NAME=NUMBER"),
        (("--task", "piqa", "--predict", "param=7B"), "did you mean 'params'?"),
        (("--task", "piqa", "--predict", "params=7B"), "--predict: found no tokens"),
        (("--task", "piqa", "--predict", "params=0,tokens=1T"), "want a positive number"),
        (("--task", "piqa", "--predict", "params=1B,params=1B"), "params is given twice"),
        (("--task", "piqa", "--method", "isoflop"), "--method: found with --task"),
        (("--task", "piqa", "--tie", "alpha=beta"), "--tie: found with --task"),
        (("--predict", "long"), "--predict: found 'long', want NAME=NUMBER"),
        (("--predict", "params=7B"), "--predict: found no tokens"),
        (("--task", "piqa", "--columns", "accuracy=nope"), "--columns: no column 'nope'"),
    ],
)
def test_what_a_task_cannot_be_asked(
    command: Command, shared_data: Path, options: tuple[str, ...], message: str
) -> None:
    ran = command("fit", shared_data / "tables" / "olmo_ladder_tasks.csv", *options)
    assert ran.status == 2 and message in " ".join(ran.err.split()), ran.err


def rows(csv: Path) -> list[dict[str, str]]:
    head, *lines = csv.read_text().splitlines()
    return [dict(zip(head.split(","), line.split(","), strict=True)) for line in lines]


@pytest.mark.parametrize("kind", ["tsv", "semicolons", "jsonl", "json", "utf-16", "gz", "comments", "parquet"])
def test_a_table_in_any_format_gives_the_same_fit(command: Command, csv: Path, kind: str) -> None:
    wanted = command("fit", csv, "--bootstrap", 0, "--json").json
    text, path = csv.read_text(), csv.with_name(f"other.{kind}")
    records = [{name: float(value) for name, value in row.items()} for row in rows(csv)]
    match kind:
        case "parquet":
            pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
            parquet.write_table(pyarrow.Table.from_pylist(records), path)
        case "gz":
            path.write_bytes(gzip.compress(text.encode()))
        case "utf-16":
            path.write_text(text, encoding="utf-16")
        case "jsonl":
            path.write_text("\n\n".join(map(json.dumps, records)))
        case "json":
            path.write_text(json.dumps(records))
        case "comments":
            path.write_text("# ours\n" + text.replace("\n", '\n# and "so on\n'))
        case _:
            path.write_text(text.replace(",", {"tsv": "\t", "semicolons": ";"}[kind]))
    found = command("fit", path, "--bootstrap", 0, "--json").json
    assert found["coefficients"] == wanted["coefficients"] and found["source"] == str(path)


def test_a_table_from_standard_input(command: Command, csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = command("fit", csv, "--bootstrap", 0, "--json").json
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(csv.read_bytes())))
    assert command("fit", "-", "--bootstrap", 0, "--json").json["coefficients"] == wanted["coefficients"]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(csv.read_bytes())))
    assert command("plan", "--fit", "-", "--flops", "1e21", "--json").json["columns"]["loss"] == "loss"


def test_names_of_columns_are_known_or_given(command: Command, csv: Path) -> None:
    wanted = command("fit", csv, "--bootstrap", 0, "--json").json
    body = csv.read_text().partition("\n")[2]
    csv.write_text("N,train_tokens,eval/loss\n" + body)
    found = command("fit", csv, "--bootstrap", 0, "--json").json
    assert found["coefficients"] == wanted["coefficients"]
    assert found["columns"] == {"params": "N", "tokens": "train_tokens", "loss": "eval/loss"}
    csv.write_text("size,how much,C4 Eval Loss\n" + body)
    ran = command("fit", csv)
    assert ran.status == 2 and "--columns 'loss=C4 Eval Loss'" in ran.err
    given = "params=size,tokens=how much,loss=c4 eval loss"
    assert command("fit", csv, "--bootstrap", 0, "--columns", given, "--json").json["points"] == 40
    assert command("plan", "--fit", csv, "--columns", given, "--flops", "1e21", "--json").json["params"] > 0


def test_three_crashed_runs_of_twenty_do_not_move_the_law(command: Command, csv: Path) -> None:
    lines = csv.read_text().splitlines()
    finished = [f"{line},finished" for line in lines[1:21]]
    csv.write_text("\n".join(["params,tokens,loss,state", *finished]))
    wanted = command("fit", csv, "--bootstrap", 0, "--json").json
    crashed = [f"1e9,1e10,{7 + i},{word}" for i, word in enumerate(("crashed", "PREEMPTED", "odd"))]
    csv.write_text("\n".join(["params,tokens,loss,state", *finished[:9], *crashed, *finished[9:]]))
    found = command("fit", csv, "--bootstrap", 0, "--json").json
    assert found["coefficients"] == wanted["coefficients"]
    assert [item["row"] for item in found["left_out"]] == [11, 12, 13]
    assert found["left_out"][0]["why"] == "state crashed"
    err = command("fit", csv, "--bootstrap", 0).err
    assert "row 11 left out: state crashed" in err and "row 13 left out: state 'odd'" in err


def test_checkpoints_are_not_runs(command: Command, csv: Path) -> None:
    wanted = command("fit", csv, "--bootstrap", 0, "--json").json
    lines = [
        f"r{number},{row['params']},{float(row['tokens']) * share!r},{float(row['loss']) + 1 - share!r}"
        for number, row in enumerate(rows(csv))
        for share in (0.25, 0.5, 0.75, 1.0)
    ]
    csv.write_text("\n".join(["run,params,tokens,loss", *lines]))
    found = command("fit", csv, "--bootstrap", 0, "--json").json
    assert found["coefficients"] == pytest.approx(wanted["coefficients"]) and len(found["left_out"]) == 120
    assert any("checkpoints of 40 runs" in item for item in found["warnings"])
    assert command("fit", csv, "--bootstrap", 0, "--points", "all", "--json").json["points"] == 160


def test_what_was_computed_is_said(command: Command, csv: Path) -> None:
    lines = [
        "N,C,loss",
        *(f"{r['params']},{6 * float(r['params']) * float(r['tokens'])!r},{r['loss']}" for r in rows(csv)),
    ]
    csv.write_text("\n".join(lines))
    assert command("fit", csv, "--bootstrap", 0, "--json").json["derived"] == ["no column tokens: D = C/(6N)"]
    assert "D = C/(6N)" in command("fit", csv, "--bootstrap", 0).err


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("plan --flops 10B", "plan --flops 1e10"),
        ("plan --params 70B --tokens 1.4T", "plan --params 7e10 --tokens 1.4e12"),
        ("plan --params 1,279,395,840", "plan --params 1279395840"),
        ("loss --params 124M --tokens 2.5_B", ""),
        ("loss --params 124M --tokens 2.5B", "loss --params 124e6 --tokens 2.5e9"),
        ("loss --law sum-of-powers --params 1k --tokens 10k --coef a=1 --coef b=0.5 --coef c=1 --coef d=0.3",
         "loss --law sum-of-powers --params 1000 --tokens 10000 --coef a=1 --coef b=0.5 --coef c=1 --coef d=0.3"),
        ("count --layers 12 --hidden 1k --vocab 50k", "count --layers 12 --hidden 1000 --vocab 50000"),
        ("plan --flops 5%", ""),
        ("count --layers 1.5 --hidden 8", ""),
    ],
)  # fmt: skip
def test_options_take_numbers_as_the_app_does(command: Command, written: str, plain: str) -> None:
    ran = command(*written.split())
    if plain:
        assert (ran.status, ran.out) == (0, command(*plain.split()).out)
    else:
        assert (ran.status, ran.out, ran.err.count("\n")) == (2, "", 1)


def test_loss(command: Command) -> None:
    ran = command("loss", "--law", "sum-of-powers", "--params", 1000, "--tokens", 10000, *coefs("a=1 b=0.5 c=1 d=0.3"))
    assert ran.out == "0.0947185\n"
    found = command("loss", "--law", "kaplan-c", "--flops", 8.64e19, "--json").json
    assert found["loss"] == pytest.approx(3.1e8**0.05)
    assert set(found) >= {"law", "coefficients", "loss"}


def coefs(text: str) -> list[str]:
    return [part for item in text.split() for part in ("--coef", item)]


@pytest.mark.parametrize(
    ("law", "N", "ratio", "note"),
    [("besiroglu2024", 7.22e10, 18.4, False), ("hoffmann2022", 3.22e10, 92.6, True)],
)
def test_plan_for_gophers_budget(command: Command, law: str, N: float, ratio: float, note: bool) -> None:
    arguments = ("plan", "--flops", 5.76e23, "--law", f"chinchilla:{law}")
    found = command(*arguments, "--json").json
    assert found["params"] == pytest.approx(N, rel=1e-3)
    assert found["tokens_per_param"] == pytest.approx(ratio, abs=0.05)
    assert set(found) >= {"params", "tokens", "flops", "loss", "tokens_per_param"}
    assert ("averaged the Huber loss" in " ".join(command(*arguments).err.split())) == note


def test_plan_from_a_fit_has_intervals_hours_and_cost(command: Command, csv: Path) -> None:
    arguments = ("plan", "--fit", csv, "--flops", 1e21, "--device", "h100", "--devices", 8, "--price", 2)
    found = command(*arguments, "--json").json
    low, high = found["intervals"]["params"]
    assert low < found["params"] < high
    assert found["device"]["hours"] == pytest.approx(1e21 / (989.4e12 * 0.4 * 8) / 3600)
    assert found["device"]["cost"] == pytest.approx(found["device"]["hours"] * 16)
    assert "90 % interval" in command(*arguments).out


def test_count(command: Command) -> None:
    found = command("count", "--layers", 12, "--hidden", 768, "--vocab", 30522, "--json").json
    assert (found["per_layer"], found["total"]) == (7_077_888, 108_375_552)
    assert set(found["flops_per_token"]) == {"6N", "6N-non-embedding", "matmul+attention"}
    assert "left out: biases, norms, positions, head" in command("count", "--layers", 12, "--hidden", 768).out


def test_count_of_a_ladder(command: Command, tiny: Path) -> None:
    rungs = command("count", tiny, "--json").json["rungs"]
    assert [rung["rung"] for rung in rungs] == ["a", "b", "c", "d"]
    assert all(rung["total"] > rung["non_embedding"] for rung in rungs)
    assert "non-embedding" in command("count", tiny).out


def test_laws_list_sources_and_round_trip_into_loss(command: Command) -> None:
    listed = command("laws", "--json").json["laws"]
    names = {item["name"] for item in listed}
    assert {"chinchilla:hoffmann2022", "chinchilla:besiroglu2024", "kaplan:kaplan2020", "sum-of-powers"} <= names
    for item in listed:
        assert item["form"] and item["source"]
        assert item["kind"] in ("loss", "allocation", "hyperparameter")
        if item["coefficients"] is not None and item["name"].startswith("chinchilla:"):
            found = command("loss", "--law", item["name"], "--params", 1e9, "--tokens", 1e10, "--json").json
            assert found["unit"] == item["unit"]
            assert found["loss"] > (1.6 if item["unit"] == "nats per token" else 0.5)


def test_laws_is_a_table_in_which_every_entry_has_a_row(command: Command) -> None:
    out = command("laws").out
    assert max(map(len, out.splitlines())) <= 100
    rows = {line.split()[0]: line.split() for line in out.splitlines() if line}
    for item in command("laws", "--json").json["laws"]:
        if item["coefficients"] is not None:
            assert item["arxiv"] == rows[item["name"]][-1]
    assert rows["chinchilla:besiroglu2024"][1:6] == ["all", "0.348", "0.366", "0.51", "21.6"]
    assert rows["allocation:llama3"][1:4] == ["all", "0.46", "19.2"]
    assert "sum-of-powers" in out, "a law without a published set"


def test_laws_name_shows_an_entry_in_full(command: Command) -> None:
    out = " ".join(command("laws", "allocation:llama3").out.split())
    for part in (
        "arXiv:2407.21783",
        "figure 3",
        "D = 0.299·C^0.537",
        "6.0e18 to 1.0e22",
        "16.55T",
        "16.3T, -1.55 % off",
    ):
        assert part in out
    found = command("laws", "allocation:llama3", "--json").json["laws"]
    assert [item["name"] for item in found] == ["allocation:llama3"]
    assert found[0]["scope"]["flops"] == [6e18, 1e22]
    assert found[0]["stated"]["reproduced"] == pytest.approx(found[0]["stated"]["value"], rel=0.03)
    family = [item["name"] for item in command("laws", "chinchilla", "--json").json["laws"]]
    assert len(family) >= 5 and all(name.startswith("chinchilla:") for name in family)
    assert "no published set" in command("laws", "sum-of-powers").out


def test_laws_evaluates_hyperparameter_laws(command: Command) -> None:
    found = command("laws", "--params", "1B", "--tokens", "100B", "--json").json["laws"]
    values = {item["name"]: item["value"] for item in found}
    assert values["learning-rate:li2025"] == pytest.approx(1.79 * 1e9**-0.713 * 1e11**0.307)
    assert values["batch-size:deepseek2024"] == pytest.approx(0.2920 * 6e20**0.3271)
    out = command("laws", "learning-rate", "--params", "1B").out.splitlines()
    assert [line.split()[0] for line in out] == ["learning-rate:porian2024"], "the others need D or C"


def test_a_loss_per_byte_is_not_called_nats_per_token(command: Command) -> None:
    ran = command("loss", "--law", "chinchilla:minicpm2024", "--params", "2B", "--tokens", "1T")
    assert "per byte" in ran.err
    notes = command("plan", "--law", "chinchilla:minicpm2024", "--flops", 1e21, "--json").json["notes"]
    assert any("per byte" in note for note in notes)


def test_plan_shows_the_published_band(command: Command) -> None:
    found = command("plan", "--flops", 1e21, "--json").json["published"]
    low, high = found["tokens_per_param"]
    assert low < 20 < high
    names = {item["name"] for item in found["sets"]}
    assert {"allocation:llama3", "allocation:deepseek2024", "chinchilla:besiroglu2024"} <= names
    assert "allocation:porian2024-head" not in names, "shown to be wrong by the paper that has it"
    assert all(low <= item["tokens"] / item["params"] <= high for item in found["sets"])
    printed = command("plan", "--flops", 1e21).out.splitlines()[-1]
    assert printed.startswith("published: N ") and f"({len(found['sets'])} sets)" in printed
    for_size = command("plan", "--params", "70B", "--json").json["published"]
    assert for_size["params"] == pytest.approx([7e10, 7e10])


def test_fit_says_where_it_stands_among_the_published(command: Command, csv: Path) -> None:
    arguments = ("fit", csv, "--bootstrap", 20)
    found = command(*arguments, "--json").json
    among = found["published"]
    assert among["exponents"]["alpha"]["own"] == pytest.approx(found["coefficients"]["alpha"])
    low, high = among["params_exponent"]["published"]
    assert 0.4 < low < 0.5 < high < 0.75
    plan = command("plan", "--fit", csv, "--flops", among["flops"], "--bootstrap", 20, "--json").json
    assert among["tokens_per_param"]["own"] == pytest.approx(plan["tokens_per_param"], rel=1e-6)
    out = command(*arguments).out
    assert "published, N all: alpha " in out and "N ∝ C^" in out


def test_a_mixture_of_experts_by_its_total_parameters(command: Command, tmp_path: Path) -> None:
    at = ("--law", "moe", "--params", "1B", "--total-params", "8B", "--tokens", "20B")
    by_hand = 16612.5 / 8e9**0.5962 + 5455.67 / 2e10**0.3954 + 0.4598 / 8**0.1666 + 0.94
    by_hand += 17.26 * 8**0.1603 / 8e9**0.1595
    assert command("loss", *at, "--json").json["loss"] == pytest.approx(by_hand)
    made = command("plan", "--law", "moe", "--flops", "1e21", "--active-share", 0.125, "--json").json
    assert made["total_params"] == pytest.approx(8 * made["params"])
    assert 6 * made["params"] * made["tokens"] == pytest.approx(1e21)
    shown = command("plan", "--law", "moe", "--flops", "1e21", "--total-params", "8B", "--plot")
    assert "N_total" in shown.out and "8.00B" in shown.out
    rng = np.random.default_rng(0)
    N, D = 10 ** rng.uniform(7, 9, 60), 10 ** rng.uniform(9, 11, 60)
    total = N * rng.choice([1, 4, 16, 64], 60)
    loss = find_law("moe").loss(get("moe").coefficients, params=N, total_params=total, tokens=D)
    loss = loss * np.exp(0.002 * rng.standard_normal(60))
    rows = [f"{n},{t},{d},{y}" for n, t, d, y in zip(N, total, D, loss, strict=True)]
    table = tmp_path / "experts.csv"
    table.write_text("\n".join(["n_active,n_total,tokens,loss", *rows]))
    options = ("--law", "moe", "--bootstrap", 20)
    fitted = command("fit", table, *options, "--json").json
    assert fitted["columns"]["total_params"] == "n_total" and fitted["residual_sd"] < 0.0025
    assert command("fit", table, *options, "--plot").status == 0
    own = command("plan", "--fit", table, *options, "--flops", "1e20", "--active-share", 0.25, "--json").json
    published = command("plan", "--law", "moe", "--flops", "1e20", "--active-share", 0.25, "--json").json
    assert own["loss"] == pytest.approx(published["loss"], rel=0.01) and "loss" in own["intervals"]


def test_a_published_allocation_is_no_law(command: Command) -> None:
    made = command("plan", "--allocation", "kaplan2020", "--flops", "1e23", "--device", "h100", "--json").json
    assert made["params"] == pytest.approx(224e9, rel=2e-3) and made["law"] is None
    assert made["device"]["hours"] == pytest.approx(made["training_flops"] / (0.4 * 989.4e12) / 3600)
    shown = command("plan", "--allocation", "kaplan2020", "--flops", "1e23", "--plot")
    assert "224B" in shown.out and "table 6" in shown.out and "C_min" in shown.err and "88.2B" in shown.err
    assert "224B" in command("plan", "--law", "kaplan", "--flops", "1e23").err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("fit no-such.csv", "no-such.csv: no such file"),
        ("fit no-such-sweep --runs .", "nor is 'no-such-sweep' a table"),
        ("fit CSV --law chinchila", "law: found 'chinchila'"),
        ("fit CSV --method guess", "--method: found 'guess'"),
        ("fit CSV --compare --method isoflop", "--compare: found with --method isoflop, want --method parametric"),
        ("fit CSV --compare --drop-highest 34", "6 runs for 5 coefficients, want at least 8, to compare chinchilla"),
        ("fit CSV --params-as some", "--params-as: found 'some'"),
        ("fit CSV --params-as non-embedding", "no column non_embedding"),
        ("fit CSV --drop-highest 40", "--drop-highest 40"),
        ("fit CSV --holdout-flops 1e40", "--holdout-flops 1e+40"),
        ("fit CSV --law muennighoff --delta -1", "--delta: found -1"),
        ("fit CSV --columns loss=los", "--columns loss: no column 'los'; did you mean 'loss'?"),
        ("fit CSV --points some", "--points: found 'some', want last or all"),
        ("fit CSV --best-of lr", "--best-of: no column 'lr'"),
        ("fit CSV --where params", "--where: found 'params'"),
        ("plan --flops 1e20 --columns loss=L", "--columns: found without --fit"),
        ("loss --params 1e9", "tokens: missing"),
        ("loss --params x", "--params"),
        ("loss --law kaplan-n --params 1e9 --tokens 1e9", "tokens: not an input of"),
        ("loss --law kaplan-n --params 1e9 --coef Nc", "--coef: found 'Nc'"),
        ("loss --law sum-of-powers --params 1 --tokens 1", "--coef: sum-of-powers has no published set"),
        ("loss --law sum-of-powers --params 1 --tokens 1 --coef a=1", "needs b, c, d too"),
        ("plan", "nothing given"),
        ("plan --loss 1.5", "below E"),
        ("plan --flops 1e20 --law kaplan-n", "no D term"),
        ("plan --flops 1e20 --device abacus", "--device: found 'abacus'"),
        ("plan --flops 1e20 --price 2", "--price: found without --device"),
        ("plan --flops 1e20 --mfu 2", "--mfu: found 2"),
        ("plan --flops 1e20 --unique-tokens 1e9", "unique_tokens: not an input of"),
        ("plan --fit CSV --law chinchilla-n --flops 1e20", "no D term"),
        (
            "laws chincilla:besiroglu2024",
            "laws: found 'chincilla:besiroglu2024', did you mean 'chinchilla:besiroglu2024'?",
        ),
        ("laws chinchilla --params 1e9", "laws: found 'chinchilla' with params, want learning-rate or batch-size"),
        ("laws learning-rate:li2025 --tokens 1e9", "learning-rate:li2025 takes params and tokens"),
        ("laws --params -1", "--params"),
        ("laws zzz", "laws: found 'zzz', want a name that laws lists"),
        ("plan --fit CSV --law bnsl-d --flops 1e20", "no N term"),
        ("plan --fit CSV --law multiplicative --flops 1e20", "has no compute-optimal run"),
        ("plan --fit CSV --law moe --flops 1e20", "no column total_params"),
        ("plan --law moe --flops 1e20", "wants either total_params or active_share, found neither"),
        ("plan --flops 1e20 --active-share 0.1", "active_share: not an input of chinchilla"),
        ("plan --allocation hoffmann --flops 1e20", "--allocation: found 'hoffmann', want one of kaplan2020"),
        ("plan --allocation kaplan2020 --flops 1e20 --law kaplan", "--allocation: found with --law"),
        ("plan --allocation kaplan2020 --fit CSV --flops 1e20", "--allocation: found with --fit"),
        ("plan --allocation kaplan2020 --flops 1e20 --params 1e9", "found flops, params"),
        ("loss --law moe --params 1e9 --tokens 1e9", "total_params: missing"),
        ("loss --law bnsl-d --tokens 1e9", "--coef: bnsl-d has no published set"),
        ("count", "neither a ladder"),
        ("count --layers 2 --hidden 9 --heads 2", "heads: 2 does not divide hidden 9"),
        ("count quickstart --layers 2", "want one of them"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(command: Command, csv: Path, arguments: str, says: str) -> None:
    ran = command(*(str(csv) if word == "CSV" else word for word in arguments.split()))
    assert (ran.status, ran.out) == (2, "")
    assert says in ran.err and ran.err.count("\n") == 1


def test_fit_as_a_process_prints_one_document(csv: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scaling_tui", "fit", str(csv), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["points"] == 40
    assert done.stderr == ""


@pytest.mark.parametrize(("module", "limit"), [("scaling_tui.laws", "textual torch typer rich scipy")])
def test_laws_import_little(module: str, limit: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not set(limit.split()) & set(loaded)


def test_too_few_points_say_also_what_was_left_out(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_text("params,tokens,loss,state\n1e6,1e8,4,finished\n1e7,1e9,3.2,crashed\n")
    for arguments in (("fit", path), ("fit", path, "--method", "isoflop"), ("plan", "--fit", path, "--flops", 1e18)):
        ran = command(*arguments)
        assert ran.status == 2
        assert "row 3 left out: state crashed" in ran.err, arguments


@pytest.mark.parametrize("goal", ["params 70B", "tokens 1.4T", "flops 5.8e23", "loss 2"])
def test_a_plan_repeats_what_was_given_to_the_last_digit(command: Command, goal: str) -> None:
    name, value = goal.split()
    wanted = {"params": 70e9, "tokens": 1.4e12, "flops": 5.8e23, "loss": 2.0}[name]
    assert command("plan", f"--{name}", value, "--json").json[name] == wanted


# --- what is known beforehand, clusters, predictions


@pytest.fixture
def losses(tmp_path: Path) -> Path:
    path = tmp_path / "losses.csv"
    rows = ["params,tokens,loss,machine"]
    for k, (N, D) in enumerate((n, d) for n in (1e7, 4e7, 1.6e8, 6.4e8) for d in (1e9, 4e9, 1.6e10)):
        loss = 1.8 + 480 / N**0.35 + 2000 / D**0.366 + 0.004 * ((k * 7) % 5 - 2)
        rows.append(f"{N:.0f},{D:.0f},{loss:.5f},{'ab'[k % 2]}")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_fit_with_ties_fixed_values_and_priors(command: Command, losses: Path) -> None:
    tied = command("fit", losses, "--tie", "alpha=beta", "--json").json
    assert tied["coefficients"]["alpha"] == tied["coefficients"]["beta"] and tied["restrictions"] == "alpha = beta"
    fixed = command("fit", losses, "--fix", "E=1.8", "--json").json
    assert fixed["coefficients"]["E"] == 1.8 and fixed["intervals"]["E"] == [None, None]
    for text in ("E=1.8±0.01", "E=1.8+-0.01"):
        prior = command("fit", losses, "--prior", text, "--json").json
        assert abs(prior["coefficients"]["E"] - 1.8) < 0.05 and prior["restrictions"] == "E = 1.8 ± 0.01"
    assert "given: alpha = beta, E = 1.8" in command("fit", losses, "--tie", "alpha=beta", "--fix", "E=1.8").out


@pytest.mark.parametrize("law", ["multiplicative", "sum-of-powers", "kaplan"])
def test_every_law_of_size_and_data_is_fitted_to_a_table(command: Command, losses: Path, law: str) -> None:
    assert command("fit", losses, "--law", law, "--bootstrap", "2").status == 0


def test_sizes_beyond_every_number_are_refused(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    path.write_text("params,tokens,loss\n" + "".join(f"{n}e298,{n * n}e298,{3 - n / 10}\n" for n in range(1, 9)))
    done = command("fit", path)
    assert done.status == 2 and "want a product 6ND that is a number" in done.err and "Warning" not in done.err


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--tie", "alpha"), "--tie: found 'alpha'"),
        (("--tie", "alpha=gamma"), "--tie: found 'gamma'"),
        (("--fix", "E=x"), "--fix E=x: cannot read 'x'"),
        (("--fix", "E=-1"), "--fix E: found -1"),
        (("--fix", "E=1", "--fix", "E=2"), "--fix E: found it twice"),
        (("--prior", "E=1±.1", "--prior", "E=1±.2"), "--prior E: found it twice"),
        (("--prior", "E=0.9"), "--prior: found 'E=0.9'"),
        (("--cluster", "nothing"), "--cluster: no column 'nothing'"),
        (("--predict", "params=7B"), "--predict: found no tokens"),
        (("--method", "isoflop", "--fix", "E=1"), "found with --method isoflop"),
    ],
)
def test_restrictions_that_cannot_be_read(command: Command, losses: Path, options: tuple[str, ...], named: str) -> None:
    result = command("fit", losses, *options)
    assert result.status == 2 and named in result.err and "Traceback" not in result.err


def test_a_predicted_run_has_the_law_interval_and_a_wider_one_of_its_own(command: Command, losses: Path) -> None:
    document = command("fit", losses, "--predict", "N=2.5B,D=50B", "--json").json["prediction"]
    (low, high), (least, most) = document["law"], document["run"]
    assert least < low < document["loss"] < high < most
    assert document["inputs"] == {"params": 2.5e9, "tokens": 5e10}
    text = command("fit", losses, "--predict", "params=2.5B,tokens=50B")
    assert "at N 2.50B, D 50.0B: loss" in text.out and "of one run [" in text.out


def test_clusters_by_a_column_are_told(command: Command, losses: Path) -> None:
    document = command("fit", losses, "--cluster", "machine", "--json").json
    assert "shared by points of equal machine (2 of them)" in document["noise"]


def test_plan_from_a_fit_says_what_the_fit_warns_of(command: Command, losses: Path, tmp_path: Path) -> None:
    ray = tmp_path / "ray.csv"
    rows = [f"{N},{20 * N},{1.8 + 480 / N**0.35 + 2000 / (20 * N) ** 0.366}" for N in (10**7 * 2**k for k in range(7))]
    ray.write_text("params,tokens,loss\n" + "\n".join(rows) + "\n", encoding="utf-8")
    document = command("plan", "--fit", ray, "--flops", "1e21", "--bootstrap", "10", "--json").json
    assert any("all runs have D = 20 N" in note for note in document["notes"])
    assert document["tokens_per_param"] == pytest.approx(20)
    drawn = command("plan", "--fit", ray, "--flops", "1e21", "--plot")
    assert drawn.status == 0 and "N of the optimal run" in drawn.out, drawn.err
    tied = command("plan", "--fit", losses, "--flops", "1e20", "--tie", "alpha=beta", "--json").json
    assert tied["run_interval"] is not None
    assert "--tie" in command("plan", "--flops", "1e20", "--tie", "alpha=beta").err
