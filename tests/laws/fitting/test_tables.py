"""Files of points, good and bad: a fit, or one line that names row and column."""

import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.laws import fit
from scaling_tui.laws.fitting.column_names import ACTIVE, ALIASES, RATES
from scaling_tui.laws.fitting.tables import TableOptions, TablePoints, read_points, table_points

GOOD = [(1e6, 1e8, 4.0), (1e7, 1e9, 3.2), (1e8, 1e10, 2.6)]


def write(folder: Path, text: str, name: str = "runs.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_any_usual_delimiter_with_or_without_bom(tmp_path: Path, delimiter: str, start: str, end: str) -> None:
    rows = [delimiter.join(("Params", " tokens", "loss"))] + [delimiter.join(map(str, row)) for row in GOOD]
    points = read_points(write(tmp_path, start + end.join(rows) + end))
    assert points.params is not None and points.tokens is not None
    assert list(zip(points.params, points.tokens, points.loss, strict=True)) == GOOD
    assert points.warnings == ()


def test_json_lines_and_json_list(tmp_path: Path) -> None:
    records = [{"params": N, "tokens": D, "loss": L, "run": f"r{i}"} for i, (N, D, L) in enumerate(GOOD)]
    lines = read_points(write(tmp_path, "\n".join(map(json.dumps, records)), "a.jsonl"))
    whole = read_points(write(tmp_path, json.dumps(records), "b.json"))
    assert lines.labels == whole.labels == ("r0", "r1", "r2")
    assert np.array_equal(lines.loss, whole.loss)


def test_what_two_columns_give_of_the_third(tmp_path: Path) -> None:
    points = read_points(write(tmp_path, "params,flops,loss\n1e6,6e14,4\n1e7,6e16,3\n"))
    assert points.tokens is not None and points.tokens == pytest.approx([1e8, 1e9])
    assert points.warnings == ("no column tokens: D = C/(6N)",)


def test_runs_that_did_not_finish_are_left_out_and_named(tmp_path: Path) -> None:
    text = "params,tokens,loss,state\n1e6,1e8,4,finished\n1e7,1e8,,running\n1e8,1e8,nan,finished\n1e9,1e8,9,diverged\n"
    points = read_points(write(tmp_path, text))
    assert len(points) == 1
    assert "row 5 left out: state diverged" in points.warnings
    assert "row 4 left out: no finite loss (diverged or unfinished)" in points.warnings


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("params,tokens,loss\n", "header without rows"),
        ("params,tokens\n1,2\n", "no column loss, found params, tokens"),
        ("params,tokens,loss\n1e6,1e8,4\n1e7,many,3\n", "row 3, column tokens: found 'many'"),
        ("params,tokens,loss\n1e6,1e8,4\n0,1e9,3\n", "row 3, column params: found 0"),
        ("params,tokens,loss\n1e6,1e8,4\n1e7,1e9,-3\n", "row 3, column loss: found -3"),
        ("params,tokens,loss\n1e6,inf,4\n", "row 2, column tokens: found inf"),
        ("params,tokens,loss\n1e6,1e8\n", "row 2 has 2 values, the header has 3"),
        ("params,params,loss\n1,2,3\n", "column params appears twice"),
        ('{"params": 1, "tokens": 2, "loss": 3}\n{"params": \n', "row 2 is not JSON"),
        ('{"params": 1, "tokens": 2, "loss": 3}\n[1]\n', "row 2 is list"),
        ('{"params": true, "tokens": 2, "loss": 3}\n', "row 1, column params: found True"),
    ],
)
def test_bad_files_name_row_and_column(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError) as raised:
        read_points(write(tmp_path, text))
    assert says in str(raised.value) and "\n" not in str(raised.value)


def test_files_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"params,tokens,loss\n\xff\xfe\n")
    for path, says in (
        (tmp_path / "x.csv", "not UTF-8"),
        (tmp_path, "directory"),
        (tmp_path / "no.csv", "no such file"),
    ):
        with pytest.raises(InputError, match=f"(?i){says}"):
            read_points(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(alphabet="params,tokenls\n\r\t;|\"'{}[]:0123456789.e+-naif \ufeffµ", max_size=120), head=st.booleans()
)
def test_any_text_is_a_fit_or_one_line(tmp_path: Path, text: str, head: bool) -> None:
    path = tmp_path / "fuzz.csv"
    path.write_bytes((("params,tokens,loss\n" if head else "") + text).encode())
    try:
        fit("chinchilla-n", read_points(path))
    except InputError as error:
        assert "\n" not in str(error)


def read(folder: Path, text: str, name: str = "runs.csv", **options: Any) -> TablePoints:
    return table_points(write(folder, text, name), TableOptions.of(**options))


# --- columns


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        ("N,D,val_loss", ["N", "D", "val_loss"]),
        ("n_params,train_tokens,eval/loss", ["n_params", "train_tokens", "eval/loss"]),
        ("Model Size,Total Tokens,Final Loss", ["Model Size", "Total Tokens", "Final Loss"]),
        ("config.numParams,throughput/total_tokens,val/loss", None),
        ("params (M),tokens_B,loss", None),
        ("parameters,tokens_trained,eval/c4/CrossEntropyLoss", None),
    ],
)
def test_the_usual_names_are_known(tmp_path: Path, head: str, wanted: list[str] | None) -> None:
    found = read(tmp_path, f"{head}\n1e8,2e9,3\n1e9,2e10,2.5\n")
    assert [found.columns[role] for role in ("params", "tokens", "loss")] == (wanted or head.split(","))


def test_units_in_a_name_are_taken_and_said(tmp_path: Path) -> None:
    found = read(tmp_path, "params (M),tokens_B,loss\n124,2.5,3\n1300,26,2.5\n")
    assert found.points.column("params").tolist() == [124e6, 1300e6]
    assert found.points.column("tokens").tolist() == [2.5e9, 26e9]
    assert found.derived == ("params = params (M) × 1e6", "tokens = tokens_B × 1e9")


def test_counts_without_embeddings_by_their_names(tmp_path: Path) -> None:
    for name in ("N_no_emb", "non_embedding", "non_embedding_params", "nonEmbeddingParameters", "params_non_embedding"):
        found = read(tmp_path, f"N,D,loss,{name}\n1e8,2e9,3,9e7\n")
        assert found.points.non_embedding is not None and found.points.non_embedding.tolist() == [9e7], name
    alone = read(tmp_path, "N_no_emb,D,loss\n9e7,2e9,3\n")
    assert alone.points.column("params").tolist() == [9e7]
    assert alone.derived == ("no column of all parameters: N = N_no_emb",)


@pytest.mark.parametrize(
    ("head", "names"),
    [
        ("params,tokens,loss,val_loss", ("loss", "val_loss")),
        ("params,tokens,eval/loss,val/loss", ("eval/loss", "val/loss")),
        ("params,tokens,a/loss,b/loss", ("a/loss", "b/loss")),
    ],
)
def test_two_candidates_are_a_question_with_its_answers(tmp_path: Path, head: str, names: tuple[str, str]) -> None:
    text = f"{head}\n1e8,2e9,3,3.1\n1e9,2e10,2.5,2.6\n"
    with pytest.raises(InputError) as raised:
        read(tmp_path, text)
    for name in names:
        assert f"--columns loss={name}" in str(raised.value)
    assert read(tmp_path, text, columns=f"loss={names[1]}").points.loss.tolist() == [3.1, 2.6]
    same = text.replace("3.1", "3").replace("2.6", "2.5")
    assert read(tmp_path, same).points.loss.tolist() == [3, 2.5]


def test_training_loss_is_the_loss_where_there_is_no_other(tmp_path: Path) -> None:
    found = read(tmp_path, "N,D,train/loss\n1e8,2e9,3\n")
    assert "training loss" in found.warnings[0]
    assert read(tmp_path, "N,D,train/loss,val/loss\n1e8,2e9,3,4\n").points.loss.tolist() == [4]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ("loss=val", "--columns loss: no column 'val'; did you mean 'val_ce'?"),
        ("lss=val_ce", "did you mean loss?"),
        ("loss=val_ce,tokns=D", "did you mean tokens?"),
        ("loss", "want ROLE=COLUMN"),
        ("", "want ROLE=COLUMN"),
        ("loss=val_ce,loss=D", "given twice"),
        ("params=N*0,loss=val_ce", "positive number"),
        ("params=N*big,loss=val_ce", "--columns params: cannot read 'big'"),
        ("loss=", "found 'loss=', want the column of the loss"),
        ("loss=val_ce,params=,tokens=", "no column of N, D or C, found N, D, val_ce"),
    ],
)
def test_columns_that_cannot_be_are_one_line(tmp_path: Path, columns: str, says: str) -> None:
    with pytest.raises(InputError) as raised:
        read(tmp_path, "N,D,val_ce\n1e8,2e9,3\n", columns=columns)
    assert says in str(raised.value) and "\n" not in str(raised.value)


def test_every_alias_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "tables.md").read_text(encoding="utf-8")
    for names in (*ALIASES.values(), ACTIVE, RATES):
        for name in names:
            assert f"`{name}`" in page, name


def test_the_active_parameters_of_a_mixture_of_experts_are_n(tmp_path: Path) -> None:
    found = read(tmp_path, "active_params,total_params,D,loss\n1e8,8e8,2e9,3\n1e8,,2e9,3.2\n").points
    assert found.column("params").tolist() == [1e8, 1e8]
    assert found.column("total_params").tolist() == [8e8, 1e8]  # a run without a total is dense
    assert found.column("flops").tolist() == [1.2e18, 1.2e18]
    found = read(tmp_path, "N_active (M),params (M),D,loss\n100,800,2e9,3\n").points
    assert found.column("params") == pytest.approx([1e8]) and found.column("total_params") == pytest.approx([8e8])
    dense = read(tmp_path, "total_params,D,loss\n8e8,2e9,3\n").points
    assert dense.column("params").tolist() == [8e8] and dense.total_params is None
    with pytest.raises(InputError, match=r"row 2, column total_params: found 5e.07, want at least the 1e.08 active"):
        read(tmp_path, "active_params,total_params,D,loss\n1e8,5e7,2e9,3\n")


# --- values


def test_values_as_people_write_them(tmp_path: Path) -> None:
    found = read(tmp_path, 'N,D,loss\n124M,1.4T,3.2\n"1,279,395,840",1_000_000_000,2.9\n1.5 B,6e11,2.5\n')
    assert found.points.column("params").tolist() == [124e6, 1_279_395_840, 1.5e9]
    assert found.points.column("tokens").tolist() == [1.4e12, 1e9, 6e11]


@pytest.mark.parametrize("cell", ["5%", "1.279.395", "many", "-3", "0", "1e400", "3 nats"])
def test_values_that_are_no_size_name_row_and_column(tmp_path: Path, cell: str) -> None:
    with pytest.raises(InputError, match="row 4, column N: found"):
        read(tmp_path, f"N,D,loss\n1e8,2e9,3\n\n{cell},2e9,3\n")


def test_a_decimal_comma_is_no_thousand(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="row 2, column loss: found '3,217', want a number with a point"):
        read(tmp_path, "N;D;loss\n1e8;2e9;3,217\n")


MILLIONS = "N,D,loss\n124,2.5,3.2\n1300,26,2.5\n"


@pytest.mark.parametrize(
    "text",
    [
        MILLIONS,
        "N,D,loss\n0.124,2.5,3.2\n1.3,26,2.5\n",
        "N,D,loss\n124e6,2.5,3.2\n1300e6,26,2.5\n",
        "N,D,loss\n124,2.5e9,3.2\n1300,26e9,2.5\n",
        "N,C,loss\n124,2e18,3.2\n1300,2e20,2.5\n",
    ],
)
def test_sizes_in_a_unit_that_nobody_said_are_questioned(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"as they stand, --columns '.*N\*1"):
        read(tmp_path, text)


def test_either_answer_to_the_question_is_taken(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        read(tmp_path, MILLIONS)
    answers = re.findall(r"--columns '([^']+)'", str(raised.value))
    assert answers == ["params=N*1e6,tokens=D*1e9", "params=N*1,tokens=D*1"]
    scaled, meant = (read(tmp_path, MILLIONS, columns=answer).points for answer in answers)
    assert scaled.column("params").tolist() == [124e6, 1300e6] and scaled.column("tokens").tolist() == [2.5e9, 26e9]
    assert meant.column("params").tolist() == [124, 1300]


# --- states


@pytest.mark.parametrize("word", ["finished", "COMPLETED", "success", "Done", "complete"])
def test_words_for_an_end(tmp_path: Path, word: str) -> None:
    assert len(read(tmp_path, f"N,D,loss,status\n1e8,2e9,3,{word}\n").points) == 1


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("crashed", "state crashed"), ("Killed", "state killed"), ("preempted", "state preempted"),
        ("TIMEOUT", "state timeout"), ("FAILED", "state failed"), ("running", "state running"), ("oom", "state oom"),
        ("OUT_OF_MEMORY", "state out of memory"), ("cancelled", "state cancelled"), ("diverged", "state diverged"),
        ("CANCELLED by 1000", "state cancelled"), ("node-fail", "state node fail"),
        ("frobbed", "state 'frobbed', not a known word for an end"), ("", "no state"),
    ],
)  # fmt: skip
def test_what_did_not_finish_is_left_out_and_named(tmp_path: Path, word: str, why: str) -> None:
    found = read(tmp_path, f"name,N,D,loss,State\na,1e8,2e9,3,finished\nb,1e9,2e9,2.5,{word}\n")
    assert found.points.labels == ("a",)
    assert found.warnings == (f"row 3 (b) left out: {why}",)
    assert [(item.row, item.why) for item in found.left_out] == [(3, why)]


def test_a_column_that_is_no_state_is_a_question(tmp_path: Path) -> None:
    text = "N,D,loss,state\n1e8,2e9,3,Ohio\n1e9,2e10,3,Utah\n"
    with pytest.raises(InputError, match="--columns state= ignores"):
        read(tmp_path, text)
    assert len(read(tmp_path, text, columns="state=").points) == 2
    with pytest.raises(InputError, match="no row has finished"):
        read(tmp_path, text.replace("Ohio", "failed").replace("Utah", "running"))


# --- conditions, best of, repeats


RATED = "N,D,loss,peak_lr,seed\n" + "".join(
    f"{n},{20 * n},{2 + 50 / n**0.3 + off},{lr},0\n"
    for n in (1e7, 1e8, 1e9)
    for lr, off in ((0.001, 0.1), (0.002, 0.0), (0.004, 0.2))
)


def test_several_rates_at_one_size_are_told_and_the_best_can_be_had(tmp_path: Path) -> None:
    every = read(tmp_path, RATED)
    assert len(every.points) == 9
    assert "3 pairs (N, D)" in every.warnings[0] and "--best-of peak_lr" in every.warnings[0]
    for name in ("lr", "peak_lr", "Peak LR"):
        best = read(tmp_path, RATED, best_of=name)
        assert best.points.loss.tolist() == [2 + 50 / n**0.3 for n in (1e7, 1e8, 1e9)]
        assert len(best.left_out) == 6 and all("peak_lr" in item.why for item in best.left_out)
    with pytest.raises(InputError, match="--best-of: no column 'batch'"):
        read(tmp_path, RATED, best_of="batch")


def test_repeats_are_told(tmp_path: Path) -> None:
    found = read(tmp_path, "N,D,loss,seed\n1e8,2e9,3,0\n1e8,2e9,3.01,1\n1e9,2e10,2.5,0\n")
    assert found.warnings == (
        "1 pair (N, D) with several rows (2 rows): repeats with other seeds, each is fitted as a point",
    )


@pytest.mark.parametrize(
    ("where", "size"),
    [("params<3e8", 6), ("N>=100M", 6), ("lr=2e-3", 3), ("peak_lr != 0.002", 6), ("tokens>1B", 6), ("seed=0", 9)],
)
def test_conditions_choose_rows(tmp_path: Path, where: str, size: int) -> None:
    found = read(tmp_path, RATED, where=[where])
    assert len(found.points) == size and len(found.left_out) == 9 - size


@pytest.mark.parametrize("where", ["params", "nope<3", "params<x", "params>1e12"])
def test_conditions_that_cannot_be(tmp_path: Path, where: str) -> None:
    with pytest.raises(InputError, match="--where"):
        read(tmp_path, RATED, where=[where])


# --- the published tables


def test_the_published_tables_are_read_as_they_are(shared_data: Path) -> None:
    tables = shared_data / "tables"
    best: dict[str, Any] = {"best_of": "lr", "where": ["params<3e8"]}
    for name, size, options in (
        ("misfitting_last_checkpoints.csv", 72, best),
        ("misfitting_last_checkpoints.csv", 261, {}),
        ("isoflop_head.csv", 131, {}),
        ("isoflop_decay.csv", 88, {}),
        ("gadre_rw.csv", 35, {}),
        ("olmo_ladder_tasks.csv", 24, {"columns": "loss=eval/c4_en-validation/CrossEntropyLoss"}),
    ):
        found = table_points(tables / name, TableOptions.of(**options))
        assert len(found.points) == size, name
        assert not any("checkpoints" in item for item in found.warnings), name
    points = table_points(tables / "misfitting_last_checkpoints.csv", TableOptions.of(**best)).points
    assert fit("sum-of-powers", points, delta=1e-3).objective == pytest.approx(8.447379e-4, abs=1e-10)
    ladder = read_points(tables / "olmo_ladder_tasks.csv")
    assert fit("chinchilla", ladder, delta=1e-3).objective == pytest.approx(7.69946e-5, abs=1e-9)


def test_a_million_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    N, D = 10 ** rng.uniform(7, 10, 1_000_000), 10 ** rng.uniform(8, 12, 1_000_000)
    loss = (1.8 + 480 / N**0.35 + 2000 / D**0.37) * np.exp(0.01 * rng.standard_normal(N.size))
    path = tmp_path / "many.csv"
    np.savetxt(
        path, np.stack([N, D, loss], axis=1), delimiter=",", header="params,tokens,loss", comments="", fmt="%.7g"
    )
    began = time.process_time()
    found = fit("chinchilla", read_points(path))
    assert found.coefficients["alpha"] == pytest.approx(0.35, abs=0.003)
    assert time.process_time() - began < 60


def test_a_row_without_a_size_is_left_out_and_named(tmp_path: Path) -> None:
    text = "params,tokens,loss\n1e6,1e8,4\n,1e9,3.5\n1e7,n/a,3.2\n1e8,1e10,2.6\n"
    found = table_points(write(tmp_path, text))
    assert found.points.loss.tolist() == [4, 2.6]
    assert [(item.row, item.why) for item in found.left_out] == [(3, "no params"), (4, "no tokens")]
    assert found.warnings == found.dropped == ("row 3 left out: no params", "row 4 left out: no tokens")


def test_a_size_that_c_gives_is_computed_row_by_row(tmp_path: Path) -> None:
    found = table_points(write(tmp_path, "params,tokens,flops,loss\n1e6,1e8,,4\n,1e9,6e16,3.5\n1e7,,6e16,3.2\n"))
    assert found.points.params is not None and found.points.tokens is not None and found.points.flops is not None
    assert found.points.params == pytest.approx([1e6, 1e7, 1e7])
    assert found.points.tokens == pytest.approx([1e8, 1e9, 1e9])
    assert found.points.flops == pytest.approx([6e14, 6e16, 6e16])


def test_an_empty_column_is_none(tmp_path: Path) -> None:
    found = table_points(write(tmp_path, "params,tokens,flops,unique_tokens,loss\n1e6,1e8,,,4\n1e7,1e9,,,3.2\n"))
    assert found.points.flops is None and found.points.unique_tokens is None
    assert "column flops: empty, read as if it were not there" in found.warnings


@pytest.mark.parametrize(
    "name", ["Val loss (nats)", "eval/loss_nats", "loss (nats/token)", "test loss [nats per token]"]
)
def test_a_loss_may_name_its_unit(tmp_path: Path, name: str) -> None:
    points = read_points(write(tmp_path, f"params,tokens,{name}\n1e6,1e8,4\n1e7,1e9,3.2\n"))
    assert points.loss.tolist() == [4, 3.2]


@pytest.mark.parametrize(
    ("name", "says"),
    [("val_bpb", "val_bpb × ln 2 × bytes per token is one: --columns 'loss=val_bpb*3.05'"),
     ("perplexity", "the logarithm of the perplexity")],
)  # fmt: skip
def test_what_is_no_loss_says_how_to_get_one(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(InputError, match=re.escape(says)):
        table_points(write(tmp_path, f"params,tokens,{name}\n1e6,1e8,4\n1e7,1e9,3.2\n"))


def test_a_program_is_told_arguments_where_the_command_line_is_told_options(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=re.escape('columns={"loss": "val_bpb*3.05"}')):
        read_points(write(tmp_path, "params,tokens,val_bpb\n1e6,1e8,4\n1e7,1e9,3.2\n"))


@pytest.mark.parametrize("word", ["diverged", "OOM", "crashed", "CANCELLED by 1021"])
def test_a_word_in_place_of_a_loss_leaves_the_row_out(tmp_path: Path, word: str) -> None:
    found = table_points(write(tmp_path, f"params,tokens,loss\n1e6,1e8,4\n1e7,1e9,{word}\n"))
    assert found.points.loss.tolist() == [4]
    assert [(item.row, item.why) for item in found.left_out] == [(3, "no finite loss (diverged or unfinished)")]
