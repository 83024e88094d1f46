"""A laboratory and a tutor for the scaling laws of language models, in a terminal."""

__version__ = "1.0.0"


class InputError(ValueError):
    """What the user gave is wrong: an option, a file, a key, a point.

    Its text is one line that names the thing, what was found, and what would be right.
    Commands print that line and exit with status 2; the app shows it where the thing was entered.
    """
