"""Run folders, ladders, banks and tables in which every text tries to command the terminal."""

import json
from pathlib import Path

from scaling_tui.runs import RecordedPrediction, append_prediction, create_sweep
from scaling_tui.runs.format import append_line, claim
from scaling_tui.runs.writer import write_run
from tests.conftest import _status

TITLE = "\x1b]0;PWNED\x07"
COLOUR, C1, BIDI, DEL = "\x1b[31m", "\x9b2J", "\u202e", "\x7f"
POISON = f"{TITLE}{COLOUR}{C1}{BIDI}{DEL}\r"
LOSSES = (2.9, 2.6, 2.4, 2.25, 2.15)


def poisoned_sweep(runs: Path) -> Path:
    """A finished sweep of another's making, with `POISON` in its name and in every text of its files."""
    path = create_sweep(runs, "poisoned", {"runs": []})
    sweep = path.rename(runs / f"bad{TITLE.replace('/', '')}")
    rungs = [f"r{number}{POISON}" for number in range(len(LOSSES))]
    document = {
        "ladder": f"ladder{POISON}",
        "summary": f"summary{POISON}",
        "seed": 0,
        "expected": f"expected{POISON}",
        "source": f"source{POISON}",
        "fit": {"law": "chinchilla-n", "params": "all", "predict": rungs[-1]},
        "corpus": {"name": f"corpus{POISON}", "source": f"from{POISON}", "sha256": POISON, "tokenizer": POISON},
        "runs": [f"run{number}" for number in range(len(LOSSES))],
        "cases": {rungs[0]: {"expected": {"val_loss": [1.0, 9.0]}, "claimed": {}, "params": 1000}},
    }
    (sweep / "sweep.json").write_text(json.dumps(document))
    for name, state in (("supervisor", "stopped"),):
        folder = claim(sweep, name)
        _status(state).write(folder / "status.json")
        (folder / "supervisor.log").write_text(f"2026-11-22 16:00:00 line{POISON}\n")
    for number, (rung, loss) in enumerate(zip(rungs, LOSSES, strict=True)):
        run = sweep / f"run{number}"
        size = 1000 * 4**number
        config = {"rung": rung, "seed": 0, "params": size, "non_embedding": size, "tokens": 10**6, "note": POISON}
        write_run(run, config | {"case": rung, "flops": 6e6 * size})
        attempt = claim(run, "attempt")
        status = json.loads((sweep / "supervisor-1" / "status.json").read_text())
        status |= {"state": "failed" if number == 3 else "finished", "reason": f"reason{POISON}"}
        (attempt / "status.json").write_text(json.dumps(status))
        (attempt / "worker.log").write_text(f"2026-11-22 16:00:01 worker{POISON}\n")
        for step in range(1, 11):
            record = {"step": step, "tokens": 10**5 * step, "loss": loss + 1 / step, "val_loss": loss}
            append_line(attempt / "metrics.jsonl", record | {f"metric{POISON}": 1.0})
    prediction = RecordedPrediction(
        rung=rungs[-1], run="run4", law=f"law{POISON}", coefficients={f"E{POISON}": 1.0}, points=[f"run0{POISON}"],
        predicted=2.1, low=2.0, high=2.2, level=0.9, time=1.7e9,
    )  # fmt: skip
    append_prediction(sweep, prediction)
    return sweep


def poisoned_files(folder: Path) -> dict[str, Path]:
    """A ladder, a bank and tables by name, each with `POISON` where it is quoted back."""
    toml = json.dumps(f"text{POISON}")
    texts = {
        "ladder.toml": f'summary = {toml}\n[corpus]\nname = "stdlib"\n[model]\ncontext = 16\n'
        "[training]\ntokens = 1000\n"
        f'[[rungs]]\nname = "a"\nlayers = 1\nhidden = 8\n',
        "key.toml": f'summary = "s"\n[corpus]\nname = "stdlib"\n[training]\n{toml} = 1\n[[rungs]]\nname = "a"\n',
        "corpus.toml": f'summary = "s"\n[corpus]\nname = {json.dumps(f"./no{TITLE}.txt")}\n[model]\ncontext = 16\n'
        f'[training]\ntokens = 1000\n[[rungs]]\nname = "a"\nlayers = 1\nhidden = 8\n',
        "bank.toml": f"title = {toml}\nlesson = {toml}\n[[question]]\nid = {toml}\n",
        "header.csv": f"params{POISON},tokens,loss\n1,2,3\n",
        "value.csv": f"params,tokens,loss\n1e6,1e9,x{POISON}\n",
        "name.csv": "params,tokens,loss,name\n" + "".join(f"{n}e6,1e9,{3 - n / 9},n{TITLE}{n}\n" for n in range(1, 9)),
        "key.jsonl": json.dumps({f"params{POISON}": 1, "tokens": 2, "loss": 3}) + "\n",
    }
    paths = {}
    for name, text in texts.items():
        paths[name] = folder / f"{TITLE}{name}"
        paths[name].write_text(text.replace("\\u007f", "\\u007F"), encoding="utf-8")
    return paths
