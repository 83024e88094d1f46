"""The Lab's form: turns what was typed into a launch request, or names the field that is wrong."""

from dataclasses import dataclass
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.sweeps.devices import check_device
from scaling_tui.sweeps.ladder import Ladder, load_ladder

FIELDS = {
    "tokens": "default: the ladder's; e.g. 200000",
    "settings": "KEY=VALUE …, e.g. batch=16 lr=0.01",
    "seeds": "default: the ladder's; e.g. 0 or 0,1,2",
    "jobs": "default: 1 per core; 1+ per GPU",
    "device": "default: auto; or cpu, cuda, cuda:1, mps",
}


@dataclass(frozen=True)
class LaunchForm:
    """The text typed into the fields."""

    tokens: str = ""
    settings: str = ""
    seeds: str = ""
    jobs: str = ""
    device: str = ""


@dataclass(frozen=True)
class LaunchRequest:
    """A valid form: the ladder with the form's settings, jobs and device."""

    ladder: Ladder
    jobs: int | None
    device: str


class FieldError(InputError):
    """A field of the form is wrong."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field, self.text = field, text


def launch_request(path: Path, form: LaunchForm) -> LaunchRequest:
    """The ladder at `path` with the form's settings applied, as `run --set` does.

    Raises:
        FieldError: the first field that is wrong.
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
        raise FieldError("jobs", f"found {form.jobs!r}, want a whole number, 1 or more")
    try:
        check_device(form.device or "auto")
    except InputError as error:
        raise FieldError("device", str(error).removeprefix("--device ")) from error
    return LaunchRequest(ladder, int(form.jobs) if form.jobs else None, form.device or "auto")


def _loaded(path: Path, settings: list[str], field: str) -> Ladder:
    try:
        return load_ladder(str(path), settings)
    except InputError as error:
        raise FieldError(field, str(error).removeprefix(f"{path}: ").removeprefix("--set ")) from error
