"""A run is deleted as a whole and brought back as it was; whatever reads its sweep knows nothing of it meanwhile."""

import json
from pathlib import Path

import pytest

from scaling_tui import InputError
from scaling_tui.runs import SweepReader, latest_request, read_sweep
from scaling_tui.runs.delete_run import bring_run_back, delete_run, restore_run, runs_in_trash, trash_run
from scaling_tui.runs.labels import read_labels
from scaling_tui.runs.rename import rename_sweep
from scaling_tui.sweeps.sweep_fit import fit_beforehand
from tests.cli.conftest import Command, command
from tests.conftest import FINISHED, record_sweep

__all__ = ["command"]  # the fixture
UNDER_WAY = ["finished", "finished", "running", "failed", *["queued"] * 3]


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(sweep: Path) -> list[str]:
    return [run.rung for run in read_sweep(sweep).runs]


def test_the_law_and_the_tables_know_nothing_of_it_until_it_is_brought_back(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    was, reader = files_of(sweep / "r3-s0"), SweepReader(sweep)
    assert len(reader.poll().runs) == 7
    deleted = trash_run(sweep, "r3-s0")
    for view in (reader.poll(), read_sweep(sweep)):
        assert [run.rung for run in view.runs] == ["r1", "r2", "r4", "r5", "r6", "r7"]
        assert view.state == "finished"
        assert not view.all_faults
        fitted = fit_beforehand(view)
        assert fitted is not None
        assert list(fitted.fit.points.labels) == ["r1-s0", "r2-s0", "r4-s0", "r5-s0", "r6-s0"]
    bring_run_back(deleted)
    assert names(sweep) == ["r1", "r2", "r3", "r4", "r5", "r6", "r7"]
    assert files_of(sweep / "r3-s0") == was
    assert [run.rung for run in reader.poll().runs][2] == "r3"
    assert read_labels(sweep)[0].removed == ()
    assert not list(sweep.glob(".trash/*"))


def test_of_a_deleted_rung_nothing_stays_predicted(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    assert len(read_sweep(sweep).predictions) == 1
    trash_run(sweep, "r7-s0")
    assert read_sweep(sweep).predictions == ()


def test_what_could_not_be_finished_and_is_deleted_does_not_keep_a_sweep_unfinished(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, ["finished"] * 6 + ["stopped"])
    assert read_sweep(sweep).state == "stopped"
    trash_run(sweep, "r7-s0")
    assert read_sweep(sweep).state == "finished"


def test_what_trains_is_not_deleted(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, UNDER_WAY)
    was = files_of(sweep)
    with pytest.raises(
        InputError, match=r"^run r3-s0: still training; stop it first with 'scaling-tui stop quickstart"
    ):
        trash_run(sweep, "r3-s0")
    with pytest.raises(InputError, match=r"^run 'r9': not in sweep quickstart; known: r1-s0, "):
        trash_run(sweep, "r9")
    assert files_of(sweep) == was


def test_what_waits_in_a_sweep_that_trains_is_held_back_first_and_waits_again(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, UNDER_WAY)
    deleted = trash_run(sweep, "r5-s0")
    assert latest_request(sweep, "r5-s0") == "stop"
    bring_run_back(deleted)
    assert latest_request(sweep, "r5-s0") == "resume"
    assert latest_request(sweep, "r6-s0") is None


def test_what_cannot_be_noted_waits_as_before(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, UNDER_WAY)
    (sweep / "labels").write_text("in the way")
    with pytest.raises(InputError, match="labels: cannot be written"):
        trash_run(sweep, "r5-s0")
    assert latest_request(sweep, "r5-s0") == "resume"
    assert len(names(sweep)) == 7


def test_what_cannot_be_asked_for_is_one_line(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, UNDER_WAY)
    (sweep / "requests").write_text("in the way")
    with pytest.raises(InputError, match=r"sweep quickstart: cannot be written to .*nothing was asked"):
        trash_run(sweep, "r5-s0")
    assert len(names(sweep)) == 7
    assert read_labels(sweep)[0].removed == ()


def test_no_other_folder_is_looked_into(tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    monkeypatch.setattr("scaling_tui.runs.stamp.disk_bytes", lambda path: pytest.fail(f"looked into {path}"))
    status, _, err = command("rm", "quickstart", "--run", "../..", "--yes", "--runs", tmp_path)
    assert status == 2
    assert "run '../..': not in sweep quickstart" in err
    assert sweep.exists()


def test_one_that_has_begun_since_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = record_sweep(tmp_path, ["finished", "running", *["queued"] * 5])
    monkeypatch.setattr("scaling_tui.runs.delete_run.deletable", lambda view, name: view.run(name))
    was = files_of(sweep / "r2-s0")
    with pytest.raises(InputError, match="r2-s0: has just begun to train; nothing was deleted"):
        trash_run(sweep, "r2-s0")
    assert files_of(sweep / "r2-s0") == was
    assert len(names(sweep)) == 7
    assert read_labels(sweep)[0].removed == ()


def test_a_branch_needs_its_trunk(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, ["finished", "finished", "stopped", *["finished"] * 4])
    path = sweep / "r3-s0" / "run.json"
    document = json.loads(path.read_text()) | {"trunk": {"run": "r2-s0", "step": 4, "tokens": 100}}
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match="run r2-s0: r3-s0 branches off it, and must finish first"):
        trash_run(sweep, "r2-s0")
    trash_run(sweep, "r3-s0")
    trash_run(sweep, "r2-s0")


def test_a_run_without_a_folder_is_left_out_too(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    (sweep / "r2-s0").rename(tmp_path / "gone")
    assert read_sweep(sweep).run("r2-s0").state == "unreadable"  # type: ignore[union-attr]
    deleted = trash_run(sweep, "r2-s0")
    assert "r2" not in names(sweep)
    bring_run_back(deleted)
    assert len(names(sweep)) == 7


def test_a_run_that_gets_its_folder_only_later_is_restored(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    document = json.loads((sweep / "sweep.json").read_text())
    document["planned"] = {"r2-s0": json.loads((sweep / "r2-s0" / "run.json").read_text())}
    (sweep / "sweep.json").write_text(json.dumps(document))
    (sweep / "r2-s0").rename(tmp_path / "gone")
    trash_run(sweep, "r2-s0")
    assert "r2" not in names(sweep)
    restore_run(sweep, "r2-s0")
    assert len(names(sweep)) == 7


def test_it_is_in_the_trash_of_its_sweep_wherever_that_goes(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    trash_run(sweep, "r2-s0")
    moved = rename_sweep(sweep, "other")
    assert len(names(moved)) == 6
    assert [one.name for one in runs_in_trash(tmp_path)] == ["r2-s0"]
    restore_run(moved, "r2-s0")
    assert len(names(moved)) == 7


def test_a_run_put_back_by_hand_is_there_again(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    deleted = trash_run(sweep, "r2-s0")
    assert deleted.path is not None
    deleted.path.rename(sweep / "r2-s0")
    assert len(names(sweep)) == 7
    with pytest.raises(InputError, match="sweep quickstart has a run of that name"):
        bring_run_back(deleted)


def test_for_good_it_is_gone_and_stays_left_out(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    delete_run(trash_run(sweep, "r2-s0"))
    assert len(names(sweep)) == 6
    assert not list(sweep.glob(".trash/*"))
    with pytest.raises(InputError, match="run 'r2-s0': deleted from sweep quickstart for good"):
        restore_run(sweep, "r2-s0")
    assert len(names(sweep)) == 6


def test_one_that_was_held_back_says_how_it_comes_to_train(command: Command, tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, UNDER_WAY)
    trash_run(sweep, "r5-s0")
    status, _, err = command("restore", "quickstart", "--run", "r5-s0", "--runs", tmp_path)
    assert status == 0
    assert "it is held back, 'scaling-tui resume quickstart --run r5-s0" in err


def test_the_commands_say_what_undoes_them(command: Command, tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    status, _, err = command("rm", "quickstart", "--run", "r2-s0", "--runs", tmp_path)
    assert (status, err) == (
        2,
        "scaling-tui: rm quickstart --run r2-s0: no terminal to ask for confirmation; add --yes\n",
    )
    status, _, err = command("rm", "quickstart", "--run", "r2-s0", "--yes", "--runs", tmp_path)
    assert status == 0
    assert f"'scaling-tui restore quickstart --run r2-s0 --runs {tmp_path}' brings it back" in err
    status, out, _ = command("runs", "--json", "--runs", tmp_path)
    assert len(json.loads(out)["sweeps"][0]["runs"]) == 6
    status, _, err = command("restore", "quickstart", "--run", "r2-s0", "--runs", tmp_path)
    assert (status, len(names(sweep))) == (0, 7)
    assert "undoes it" in err
    status, _, err = command("restore", "quickstart", "--run", "r2-s0", "--runs", tmp_path)
    assert (status, err) == (2, "scaling-tui: run 'r2-s0': not deleted from sweep quickstart; deleted: none\n")
    command("rm", "quickstart", "--run", "r2-s0", "--yes", "--runs", tmp_path)
    status, _, err = command("rm", "--empty-trash", "--yes", "--runs", tmp_path)
    assert status == 0
    assert "1 deleted run, r2-s0" in err
    assert len(names(sweep)) == 6
    assert "is empty" in command("rm", "--empty-trash", "--runs", tmp_path)[2]


def test_rerun_asks_before_a_finished_run_and_says_which_could_be(command: Command, tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, UNDER_WAY)
    was = files_of(sweep)
    status, _, err = command("rerun", "--runs", tmp_path)
    assert (status, err) == (2, "scaling-tui: --run: missing; can be trained again: r1-s0, r2-s0, r4-s0\n")
    status, _, err = command("rerun", "--run", "r1-s0", "--runs", tmp_path)
    assert (status, "no terminal to ask for confirmation; add --yes" in err) == (2, True)
    status, _, err = command("rerun", "--run", "r3-s0", "--yes", "--runs", tmp_path)
    assert (status, "run r3-s0: still training; stop it first" in err) == (2, True)
    assert files_of(sweep) == was
