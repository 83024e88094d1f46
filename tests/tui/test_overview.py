"""What Home says to do next."""

from pathlib import Path

from scaling_tui.runs import Writer, read_sweep
from scaling_tui.sweeps.summary import row_of
from scaling_tui.tui.services.overview import next_lines


def test_a_sweep_of_another_trainer_is_not_offered_for_resuming(tmp_path: Path) -> None:
    run = Writer.create(tmp_path / "theirs" / "a", {"params": 1000})
    run.log(step=1, tokens=100, loss=3.0)
    run.status("stopped", "asked to")
    line = next(next_lines([row_of(read_sweep(tmp_path / "theirs"))], None))
    assert line.text == "theirs is stopped: see why"
