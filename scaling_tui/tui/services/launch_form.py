"""What the Lab's form asks for: fields as they were typed become a ladder that can be launched, or a mistake in one."""

from dataclasses import dataclass
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.sweeps.devices import check_device
from scaling_tui.sweeps.ladder import Ladder, load_ladder

FIELDS = {
    "tokens": "as in the ladder; such as 200000",
    "settings": "KEY=VALUE …; such as batch=16 lr=0.01",
    "seeds": "as in the ladder; such as 0 or 0,1,2",
    "jobs": "at a time; else one a core, on a GPU one",
    "device": "auto; or cpu, cuda, cuda:1, mps",
}


@dataclass(frozen=True)
class Form:
    """What was typed into the fields, as text."""

    tokens: str = ""
    settings: str = ""
    seeds: str = ""
    jobs: str = ""
    device: str = ""


@dataclass(frozen=True)
class Order:
    """A form that can be launched."""

    ladder: Ladder
    jobs: int | None
    device: str


class FieldError(InputError):
    """What is wrong with a field of the form."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field, self.text = field, text


def order(path: Path, form: Form) -> Order:
    """The ladder at `path` with the form's settings laid over it, by the same mechanism as `run --set`.

    Raises:
        FieldError: the first field that something is wrong with.
    """
    settings: list[str] = []
    ladder = _loaded(path, settings, "settings")
    fields = {
        "tokens": [f"tokens={form.tokens}"] if form.tokens else [],
        "settings": form.settings.split(),
        "seeds": [f"seeds=[{form.seeds}]"] if form.seeds else [],
    }
    for field, own in fields.items():
        settings += own
        ladder = _loaded(path, settings, field) if own else ladder
    if form.jobs and not (form.jobs.isascii() and form.jobs.isdecimal() and int(form.jobs) > 0):
        raise FieldError("jobs", f"found {form.jobs!r}, want a whole number from 1 on")
    try:
        check_device(form.device or "auto")
    except InputError as error:
        raise FieldError("device", str(error).removeprefix("--device ")) from error
    return Order(ladder, int(form.jobs) if form.jobs else None, form.device or "auto")


def _loaded(path: Path, settings: list[str], field: str) -> Ladder:
    try:
        return load_ladder(str(path), settings)
    except InputError as error:
        raise FieldError(field, str(error).removeprefix(f"{path}: ").removeprefix("--set ")) from error
