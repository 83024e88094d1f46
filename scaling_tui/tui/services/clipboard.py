"""Copied text goes to the terminal or browser, which may not take it and does not say so, and to a file for certain."""

from pathlib import Path


def copies() -> Path:
    """The file that holds what was copied last."""
    from platformdirs import user_state_path

    return Path(user_state_path("scaling-tui", appauthor=False)) / "copied.txt"


def keep_copy(text: str, in_browser: bool) -> str:
    """Writes `text` to a file too; returns where the copy is, claiming no more than is known."""
    path = copies()
    sent = (
        "Sent to the clipboard, if the browser allows it"
        if in_browser
        else "Sent to the terminal's clipboard, if it takes OSC 52"
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        return f"{sent}; not saved: {path}: {error.strerror}"
    return f"{sent}; saved in {path}"
