"""What completes the path of a folder."""

from pathlib import Path

from scaling_tui.tui.widgets.open_folder import FolderSuggester


async def test_folders_are_completed_and_what_is_none_is_not(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "mine.txt").touch()
    suggester = FolderSuggester()
    assert await suggester.get_suggestion(f"{tmp_path}/m") == f"{tmp_path}/models/"
    for none in (f"{tmp_path}/x", f"{tmp_path}/", "~nobody-is-called-so/m", "a\0/m"):
        assert await suggester.get_suggestion(none) is None
