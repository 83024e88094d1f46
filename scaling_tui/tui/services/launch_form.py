"""The Lab's form: turns what was typed into a launch request, or names the field that is wrong."""

from dataclasses import dataclass
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.runs.writer import check_free
from scaling_tui.sweeps.devices import check_device
from scaling_tui.sweeps.ladder import Ladder, load_ladder

MOST_PER_GPU = 64  # as of the option --per-gpu

FIELDS = {
    "tokens": "default: the ladder's; e.g. 200000",
    "settings": "KEY=VALUE …, e.g. batch=16 lr=0.01",
    "seeds": "default: the ladder's; e.g. 0 or 0,1,2",
    "jobs": "default: 1 per core; 1+ per GPU",
    "per_gpu": "runs at a time on each GPU; default: as many as suit",
    "device": "default: auto; or cpu, cuda, cuda:1, mps",
    "name": "default: the ladder's, with a number if it is taken",
}


@dataclass(frozen=True)
class LaunchForm:
    """The text typed into the fields."""

    tokens: str = ""
    settings: str = ""
    seeds: str = ""
    jobs: str = ""
    per_gpu: str = ""
    device: str = ""
    name: str = ""


@dataclass(frozen=True)
class LaunchRequest:
    """A valid form: its ladder with the settings, jobs, runs at a time on each GPU, device; no name is the ladder's."""

    ladder: Ladder
    jobs: int | None
    per_gpu: int | None
    device: str
    name: str | None = None


class FieldError(InputError):
    """A field of the form is wrong."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field, self.text = field, text


def launch_request(path: Path, form: LaunchForm, runs: Path) -> LaunchRequest:
    """The ladder at `path` with the form's settings applied, as `run --set` does, for a sweep in `runs`.

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
    jobs, per_gpu = _counted("jobs", form.jobs), _counted("per_gpu", form.per_gpu, MOST_PER_GPU)
    try:
        check_device(form.device or "auto")
    except InputError as error:
        raise FieldError("device", str(error).removeprefix("--device ")) from error
    if form.name:
        try:
            check_free(runs, form.name)
        except InputError as error:
            raise FieldError("name", str(error).removeprefix(f"name {form.name!r}: ")) from error
    return LaunchRequest(ladder, jobs, per_gpu, form.device or "auto", form.name or None)


def _counted(field: str, text: str, most: int | None = None) -> int | None:
    """A number of runs; None for the default.

    Raises:
        FieldError: it is not one.
    """
    if not text:
        return None
    count = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
    if not 0 < count <= (most or count):
        raise FieldError(field, f"found {text!r}, want a whole number, {f'1 to {most}' if most else '1 or more'}")
    return count


def _loaded(path: Path, settings: list[str], field: str) -> Ladder:
    try:
        return load_ladder(str(path), settings)
    except InputError as error:
        raise FieldError(field, str(error).removeprefix(f"{path}: ").removeprefix("--set ")) from error
