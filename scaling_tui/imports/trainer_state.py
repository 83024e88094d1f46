"""The `trainer_state.json` of Hugging Face's Trainer, in a run's folder and in those of its checkpoints."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.imports.metrics import Names, number
from scaling_tui.imports.source import News, Record
from scaling_tui.imports.tables import is_name
from scaling_tui.text.files import read_bytes

FILE = "trainer_state.json"
MOST_BYTES = 512 << 20  # of a file
MOST_HEADER = 64 << 20  # bytes of the header of a safetensors file
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")
# Of the entry that ends a training: averages over all of it, and the speed of evaluations.
NOT_METRICS = ("train_loss", "train_runtime", "eval_runtime", "total_flos", "step_time")


class TrainerState:
    """A run of the Trainer. Each file holds the whole history up to its checkpoint, so the furthest is read.

    Args:
        path: of a trainer_state.json, or of a folder with one or with checkpoints.
        run: what to call it.
        columns: names by metric, of `--columns`.
    """

    def __init__(self, path: Path, run: str, columns: Mapping[str, str]) -> None:
        self.path, self._run = path, run
        self._names = Names(columns, str(path))
        self._seen: list[Any] = []  # step and loss of each entry
        self._read: dict[Path, tuple[int, int, int]] = {}

    def poll(self, last: bool) -> Iterator[News]:
        state = self._latest()
        if state is None:
            return
        history = [entry for entry in state["log_history"] if isinstance(entry, dict)]
        marks = [(entry.get("step"), entry.get("loss"), entry.get("eval_loss")) for entry in history]
        same = 0
        while same < min(len(marks), len(self._seen)) and marks[same] == self._seen[same]:
            same += 1
        news = News(self._run, path=self.path, restarted=same < len(self._seen))
        news.records = [record for entry in history[same:] if (record := self._record(entry))]
        self._seen = marks
        self._names.strict = False
        step, most = number(state.get("global_step")), number(state.get("max_steps"))
        if most:
            news.facts = {"steps": most}
        if step is not None and most and step >= most:
            news.ended = "finished"
        flops = number(state.get("total_flos"))
        if flops:
            news.facts = {**news.facts, "flops_so_far": flops}
            news.derived = ("flops = total_flos, as the Trainer estimates them",)
        seen = number(state.get("num_input_tokens_seen"))
        if seen and step and most:
            news.facts = {**news.facts, "tokens": seen if step >= most else seen / step * most}
            news.derived += () if step >= most else ("D = tokens seen per step × max_steps",)
        if (counted := _params(self.path)) is not None:
            news.facts = {**news.facts, "params": counted[0]}
            news.derived += (f"params = the numbers in {counted[1]}",)
        for name in ("train_batch_size", "num_train_epochs"):
            if number(state.get(name)) is not None:
                news.settings = {**news.settings, name: state[name]}
        yield news

    def left_out(self) -> tuple[str, ...]:
        return self._names.unseen()

    def _record(self, entry: Mapping[str, Any]) -> Record | None:
        record: Record = {}
        for name, value in entry.items():
            found = number(value)
            if found is None or name in NOT_METRICS or name.endswith("_runtime") or "_per_second" in name:
                continue
            key = self._names.metric(name) or (name if is_name(name) else None)
            if key is not None:
                record[key] = found
        speed = number(entry.get("train_tokens_per_second"))
        if speed and "loss" in record:
            record["tokens_per_s"] = speed
        return record if record.keys() - {"step", "epoch", "tokens"} and "step" in record else None

    def _latest(self) -> dict[str, Any] | None:
        """The furthest state among the files; None where none has changed, or one is being written.

        Raises:
            InputError: no file can be read, and none could before.
        """
        best: dict[str, Any] | None = None
        fault, changed = "", False
        for path in self._files():
            try:
                stat = path.stat()
                mark = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
                changed |= self._read.get(path) != mark
                if not changed:
                    continue
                state = json.loads(read_bytes(path, MOST_BYTES))
                if not isinstance(state, dict) or not isinstance(state.get("log_history"), list):
                    raise ValueError("no log_history")
                self._read[path] = mark
            except OSError as error:
                fault = f"{path}: {error.strerror or error}"
            except (ValueError, RecursionError) as error:
                fault = f"{path}: {str(error)[:80]}"
            else:
                if best is None or (number(state.get("global_step")) or 0) > (number(best.get("global_step")) or 0):
                    best = state
        if best is None and fault and not self._seen:
            raise InputError(f"{fault}, want a trainer_state.json")
        return best if changed else None

    def _files(self) -> list[Path]:
        """The file of the run itself and that of its last checkpoint, of which either may be further."""
        if self.path.is_file():
            return [self.path]
        numbered = [
            (int(match[1]), path)
            for path in self.path.glob("checkpoint-*")
            if (match := _CHECKPOINT.fullmatch(path.name))
        ]
        files = [path / FILE for _, path in sorted(numbered) if (path / FILE).is_file()][-1:]
        return [path for path in (self.path / FILE,) if path.is_file()] + files


def _params(path: Path) -> tuple[int, str] | None:
    """The numbers in the safetensors file of a run, by its header, and the file's name; None without one."""
    folder = path if path.is_dir() else path.parent
    for file in (folder / "model.safetensors", *sorted(folder.glob("checkpoint-*/model.safetensors"))):
        try:
            with file.open("rb") as opened:
                length = int.from_bytes(opened.read(8), "little")
                if length > MOST_HEADER:
                    continue
                header = json.loads(opened.read(length))
            count = 0
            for name, tensor in header.items():
                if name != "__metadata__":
                    size = 1
                    for extent in tensor["shape"]:
                        size *= int(extent)
                    count += size
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
        if count:
            return count, str(file.relative_to(folder))
    return None
