"""The laws are a library: their messages name arguments, and only the commands know options."""

from pathlib import Path

import scaling_tui.laws


def test_no_option_of_the_command_line_is_named() -> None:
    folder = Path(scaling_tui.laws.__file__).parent
    files = sorted(folder.rglob("*.py"))
    assert len(files) > 20
    assert [file.name for file in files if "--" in file.read_text(encoding="utf-8")] == []
