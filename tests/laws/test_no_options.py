"""The laws are a library: their messages name arguments, and only the commands know options.

Tables are the exception: `fit`, `plan` and the dialog of Law and Plan take the same options by the same names.
"""

from pathlib import Path

import scaling_tui.laws


def test_no_option_of_the_command_line_is_named() -> None:
    folder = Path(scaling_tui.laws.__file__).parent
    files = sorted(folder.rglob("*.py"))
    assert len(files) > 20
    naming = {file.name for file in files if "--" in file.read_text(encoding="utf-8")}
    assert naming <= {
        "messages.py",
        "checkpoints.py",
        "column_names.py",
        "points.py",
        "run_states.py",
        "study.py",
        "tables.py",
        "task_columns.py",
        "units.py",
    }
