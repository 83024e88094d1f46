"""`report`: one page of any sweep or table, with the figures of the other commands, that can do nothing to a reader."""

import csv
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from scaling_tui.cli import app as cli
from scaling_tui.report.page.repeat import repeat
from scaling_tui.runs import Writer, create_sweep, read_sweep
from scaling_tui.runs.format import append_line, claim
from scaling_tui.runs.writer import write_run
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import lay_out
from scaling_tui.text.visible import HARMFUL, visible
from tests.conftest import FINISHED, record_grid, record_sweep
from tests.schemas import content

VOID = {"meta", "link", "br", "hr", "img"}
Report = Callable[..., str]


class Html(HTMLParser):
    """A page as it is parsed; fails where elements are not nested, ids are not unique, or something is fetched."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.ids: set[str] = set()
        assert text.startswith("<!DOCTYPE html>\n")
        self.feed(text)
        self.close()
        assert not self.open
        assert not HARMFUL.search(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        assert len(found) == len(attrs), f"an attribute twice in <{tag}>"
        assert tag not in ("script", "iframe", "object", "embed", "form", "base", "link", "img"), tag
        for name, value in found.items():
            assert not name.startswith("on"), name
            if name in ("src", "href"):
                assert value and value.startswith("#"), f"{name}={value}"
            assert "url(" not in (value or "") or "url(#" in (value or "")
        if key := found.get("id"):
            assert key not in self.ids, f"id {key} twice"
            self.ids.add(key)
        self.tags.append((tag, found))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)

    @property
    def text(self) -> str:
        return " ".join(part for tag, parts in self.texts.items() if tag != "style" for part in parts)


def checked(text: str) -> Html:
    """An HTML page that is what every page should be."""
    page = Html(text)
    assert page.count("h1") == page.count("title") == page.count("main") == 1
    assert page.count("figure") == page.count("figcaption")
    assert page.count("table") == page.count("caption") == page.count("thead")
    for tag, attributes in page.tags:
        if tag == "th":
            assert attributes.get("scope") in ("col", "row")
        if attributes.get("role") == "img":
            assert len(attributes.get("aria-label") or "") > 20
    assert ("html", {"lang": "en"}) in page.tags
    assert not re.search(r"<h2>[^<]*</h2>\s*</section>", text), "an empty section"
    assert "@import" not in text
    return page


@pytest.fixture
def command(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Runs `scaling-tui ARGS… --runs TMP` in this process; returns status, stdout and stderr."""

    def call(*args: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["scaling-tui", *map(str, args), "--runs", str(tmp_path)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    return call


@pytest.fixture
def report(command: Callable[..., tuple[int, str, str]], tmp_path: Path) -> Report:
    """The page of a source as HTML, which is checked."""

    def call(*args: object) -> str:
        output = tmp_path / "page.html"
        status, out, err = command("report", *args, "--output", output, "--force")
        assert (status, out) == (0, ""), err
        text = output.read_text(encoding="utf-8")
        checked(text)
        return text

    return call


def test_a_finished_sweep_has_the_figures_of_the_other_commands(
    tmp_path: Path, report: Report, command: Callable[..., tuple[int, str, str]]
) -> None:
    record_sweep(tmp_path, FINISHED)
    text = report("quickstart")
    page = checked(text)
    fitted = content(command("fit", "quickstart", "--json")[1])
    document = json.loads(command("report", "quickstart", "--json")[1])
    assert document["law"] == fitted
    assert document["sweep"] == content(command("attach", "quickstart", "--json")[1])
    shown = page.text
    for name, value in fitted["coefficients"].items():
        low, high = fitted["intervals"][name]
        assert f"{name} {value:.4g} [{low:.4g}, {high:.4g}]" in shown, "in the summary"
    assert all(warning in shown for warning in fitted["warnings"])
    assert "a loss of 1.4590 [1.3846, 1.5224] (90 % interval) was predicted; 1.4479 was measured, -0.8 %" in shown
    assert "inside the interval" in shown
    assert "8b2856895fc2" + "0" * 52 in shown
    titles = page.texts["h2"]
    assert titles[:3] == ["Loss curves", "Law", "Prediction beside measurement"]
    assert {"Runs", "Provenance"} <= set(titles)
    assert page.count("svg") == page.count("figure") == 3
    # Over is over: the page is the same whenever it is made.
    assert report("quickstart") == text


def test_markdown_goes_to_stdout_or_a_file(tmp_path: Path, command: Callable[..., tuple[int, str, str]]) -> None:
    record_sweep(tmp_path, FINISHED)
    status, out, err = command("report")
    assert (status, err) == (0, "")
    assert out.startswith("# quickstart\n")
    assert "⠤" in out
    file = tmp_path / "page.md"
    assert command("report", "--output", file) == (0, "", f"wrote {file}\n")
    assert file.read_text(encoding="utf-8") == out
    tokens = MarkdownIt("commonmark").enable("table").parse(out)
    assert sum(token.type == "table_open" for token in tokens) >= 3
    assert sum(token.type == "fence" for token in tokens) >= 4
    assert not [token for token in tokens if token.type.startswith("html")]
    status, plain, _ = command("--ascii", "report")
    assert status == 0
    assert plain.isascii()


@pytest.mark.parametrize(
    ("states", "says"),
    [
        ([*["finished"] * 4, "running", "queued", "queued"], "is running: 2 queued, 1 running, 4 finished"),
        ([*["finished"] * 5, "stopped", "queued"], "is stopped"),
        ([*["finished"] * 5, "failed", "queued"], "1 failed"),
        (["running"] + ["queued"] * 6, "6 queued, 1 running"),
        ([*["finished"] * 5, "diverged", "lost"], "1 diverged, 1 lost"),
    ],
)
def test_what_is_not_over_says_so_with_its_time(tmp_path: Path, report: Report, states: list[str], says: str) -> None:
    record_sweep(tmp_path, states)
    page = checked(report("quickstart"))
    assert re.search(r"On \d{4}-\d\d-\d\d \d\d:\d\d UTC the sweep is ", page.text)
    assert says in page.text
    if "finished" not in states:
        assert "There is no law: sweep quickstart: no finished run yet" in page.text
        assert "Law" not in page.texts["h2"]
    told = ("There is no prediction yet: r7 is predicted once", "Prediction beside", "r7-s0 is not predicted: ")
    assert sum(text in page.text for text in told) == 1


def test_a_sweep_without_runs_is_a_page_too(tmp_path: Path, report: Report) -> None:
    create_sweep(tmp_path, "mine", {})
    page = checked(report("mine"))
    assert "The sweep mine has no runs yet." in page.text
    assert page.texts["h2"] == ["Provenance", "What is not here"]
    assert "Another trainer wrote these runs: no command of scaling-tui repeats them." in page.text


def test_runs_of_another_trainer_with_one_run(tmp_path: Path, report: Report) -> None:
    sweep = create_sweep(tmp_path, "mine", {"summary": "by hand"})
    with Writer.create(sweep / "only", {"params": 1e6, "lr": 1e-3, "optimiser": {"name": "lion"}}) as run:
        for step in range(1, 30):
            run.log(step=step, tokens=step * 100, loss=5 / step, accuracy=step / 30)
    page = checked(report("mine"))
    assert "by hand" in page.text
    assert "There is no law:" in page.text
    assert "lr 0.001; optimiser {'name': 'lion'}" in page.text
    assert "Last values of other metrics" in page.text


def test_a_grid_has_its_valleys(tmp_path: Path, report: Report) -> None:
    record_grid(tmp_path)
    page = checked(report("grid"))
    assert "isoFLOP profiles" in page.texts["h2"]
    record_sweep(tmp_path, FINISHED)
    assert "isoFLOP profiles" not in checked(report("quickstart")).texts["h2"]


def test_500_runs_stay_a_page(tmp_path: Path, report: Report) -> None:
    sweep = create_sweep(tmp_path, "many", {})
    for number in range(500):
        run = sweep / f"n{number:03}"
        params = round(1e5 * 1.01**number)
        write_run(run, {"params": params, "tokens": 10**6})
        attempt = claim(run, "attempt")
        for step in range(1, 61):
            loss = 2 + 30 / params**0.3 + 3 / step
            append_line(attempt / "metrics.jsonl", {"step": step, "tokens": step * 10**6 / 60, "loss": loss})
    text = report("many")
    page = checked(text)
    assert page.count("tr") > 500
    assert "500 runs: models of 100k to" in page.text
    assert len(text) < 3_000_000


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "]]> --> </style></svg></pre></title>",
    "&lt;b&gt; &amp; &#x3c;",
    "\x1b]0;owned\x07 \x00 \x9b31m \x7f",
    "\u202egnp.exe\u2066 \u2028",
    "\ufffe \U0001ffff \ufdd0",
    "a | b \\| c || `d` ```` e",
    "[x](javascript:alert(1)) ![y](http://evil/z.png) <http://evil> https://evil www.evil.com",
    "# one\n## two\n- three\n1. four\n> five\n```\nsix",
    "*a* _b_ ~~c~~ $d$ ${{ e }} \\",
    "مرحبا 模型 é",
    "$(rm -rf ~); `id` 'q' \"",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_of_others_are_text_in_every_place(
    tmp_path: Path, report: Report, command: Callable[..., tuple[int, str, str]], text: str
) -> None:
    document: dict[str, Any] = {
        "ladder": text,
        "summary": text,
        "source": text,
        "expected": text,
        "document": {"summary": text, text: {text: [text]}, "rungs": [{"name": text}]},
        "cases": {"a": {"rung": text, "expected": {"val_loss": [1, 2]}}},
        "corpus": {"name": text, "source": text, "sha256": text, "tokenizer": text},
        "versions": {text: text},
        "machine": {"host": text, "device": text, "system": text},
        "launch": {"device": text, "on": "slurm", "partition": text},
        "fit": {"law": "chinchilla-n", "params": "all", "predict": text},
    }
    sweep = create_sweep(tmp_path, "mine", document)
    for number in range(5):
        config: Mapping[str, Any] = {"rung": f"{text}{number}", "params": 10 ** (4 + number), text: text + str(number)}
        with Writer.create(sweep / f"n{number}", config) as run:
            for step in range(1, 30):
                run.log(step=step, tokens=step * 100, loss=2 + 5 / step + 10 ** (-number / 5))
    status = sweep / "n4" / "attempt-1" / "status.json"
    status.write_text(json.dumps(json.loads(status.read_text()) | {"state": "failed", "reason": text, "host": text}))
    (status.parent / "engine.json").write_text(json.dumps({"host": text, "device": text}))
    page = checked(report("mine"))
    seen = visible(text)
    if not re.search("[\ufdd0-\ufdef\ufffe\uffff\U0001ffff]", text):
        assert seen in page.text or " ".join(seen.split()) in page.text
    code, out, err = command("report", "mine")
    assert code == 0, err
    assert not HARMFUL.search(out)
    tokens = MarkdownIt("commonmark", {"linkify": False}).enable("table").parse(out)
    inner = [child for token in tokens for child in token.children or ()]
    kinds = {token.type for token in (*tokens, *inner)}
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "em_open", "blockquote_open", "hr"}, kinds
    assert sum(token.type == "heading_open" and token.tag == "h1" for token in tokens) == 1
    levels = [token.tag for token in tokens if token.type == "heading_open"]
    assert set(levels) == {"h1", "h2"}
    words = [child.content for child in inner if child.type == "text"]
    assert not {"two", "four", "six"} & set(words), "no line of it stands by itself"


def test_what_is_large_or_deep_is_cut(
    tmp_path: Path, report: Report, command: Callable[..., tuple[int, str, str]]
) -> None:
    deep: Any = "end"
    for _ in range(60):
        deep = {"in": [deep]}
    sweep = create_sweep(tmp_path, "mine", {"ladder": "deep", "document": deep, "versions": deep, "launch": deep})
    wide = {f"key{number}" * 40: number for number in range(40)}
    for number in range(2):
        with Writer.create(
            sweep / f"n{number}", {"params": 10, "a": deep, "b": 10**400, "c": "x" * 10**5, **wide}
        ) as run:
            run.log(step=1, loss=3.0, **{f"metric/{place}": 1.0 for place in range(30)})
    text = report("mine")
    assert len(text) < 100_000
    assert "The ladder in sweep.json cannot be shown" in text
    assert "22 more metrics" in text
    document = json.loads(command("report", "mine", "--json")[1])
    assert document["repeat"]["command"] is None


def test_a_file_that_is_there_is_replaced_only_on_request(
    tmp_path: Path, command: Callable[..., tuple[int, str, str]]
) -> None:
    record_sweep(tmp_path, FINISHED)
    file = tmp_path / "notes.md"
    file.write_text("mine")
    status, _, err = command("report", "--output", file)
    assert (status, err.count("\n")) == (2, 1)
    assert "exists already, want a new name, or --force to replace it" in err
    assert file.read_text() == "mine"
    assert command("report", "--output", file, "--force")[0] == 0
    assert file.read_text(encoding="utf-8").startswith("# quickstart")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")], "nothing is left over"
    folder = tmp_path / "folder.html"
    folder.mkdir()
    assert command("report", "--output", folder, "--force")[0] == 2
    assert folder.is_dir()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--output", "page.pdf"), "--output page.pdf: found .pdf, want a name that ends in .html or .md"),
        (("--output", "page"), "found no ending"),
        (("--force",), "--force: found without --output"),
        (("--json", "--output", "p.md"), "--json: found with --output"),
        (("nowhere",), "nor is 'nowhere' a table"),
        (("quickstart", "--columns", "loss=l"), "--columns: found with a sweep, want it with a table"),
        (("quickstart", "--law", "nonsense"), "nonsense"),
        (("--output", "/nowhere/at/all.md"), "cannot be written (No such file or directory)"),
    ],
)
def test_wrong_options_are_one_line(
    tmp_path: Path, command: Callable[..., tuple[int, str, str]], args: tuple[str, ...], says: str
) -> None:
    record_sweep(tmp_path, FINISHED)
    status, out, err = command("report", *args)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert says in err


def test_nothing_heavy_is_imported_and_matplotlib_may_be_missing(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        f"sys.argv = ['scaling-tui', 'report', 'quickstart', '--runs', {str(tmp_path)!r}, '--output', sys.argv[1]]\n"
        "from scaling_tui.cli.app import main\n"
        "try: main()\n"
        "except SystemExit as ended: print(ended.code, *sorted({'torch', 'textual', 'scipy'} & set(sys.modules)))"
    )
    file = tmp_path / "page.html"
    done = subprocess.run([sys.executable, "-c", code, str(file)], check=True, capture_output=True, text=True)
    assert done.stdout == "0\n", done.stderr
    text = file.read_text(encoding="utf-8")
    page = checked(text)
    assert page.count("svg") == 0
    assert page.count("figure") == 3
    assert re.search(r'<span style="color: #[0-9a-f]{6}"><b>[⠀-⣿]</b>', text), "curves in colour"
    md = code.replace("sys.modules['matplotlib'] = None", "pass").replace("'scipy'", "'matplotlib'")
    done = subprocess.run(
        [sys.executable, "-c", md, str(tmp_path / "p.md")], check=True, capture_output=True, text=True
    )
    assert done.stdout == "0\n", done.stderr


def sweep_of(runs: Path, **document: Any) -> Path:
    return create_sweep(runs, "again", document)


@pytest.mark.parametrize(
    "settings", [[], ["tokens=20_000"], ["rungs.r1.lr=0.5", "batch=4", "seeds=[1,2]"], ["corpus.first_tokens=5000"]]
)
def test_the_command_to_repeat_gives_the_same_ladder(tmp_path: Path, settings: list[str]) -> None:
    ladder = load_ladder("quickstart", settings)
    launch = {"device": "cuda:1", "jobs": 3, "per_gpu": None}
    path = sweep_of(tmp_path, ladder="quickstart", document=ladder.document, seeds=[7], launch=launch)
    words = shlex.split(repeat(read_sweep(path)).command)
    assert words[:3] == ["scaling-tui", "run", "quickstart"]
    given = [words[place + 1] for place, word in enumerate(words) if word == "--set"]
    assert json.dumps(load_ladder("quickstart", given).document) == json.dumps(ladder.document)
    assert words[-6:] == ["--seed", "7", "--device", "cuda:1", "--jobs", "3"]


def test_a_ladder_of_ones_own_is_repeated_from_its_copy(tiny: Path, tmp_path: Path, report: Report) -> None:
    sweep = lay_out(tmp_path, load_ladder(str(tiny)), seed=5)
    page = checked(report("tiny"))
    found = repeat(read_sweep(sweep))
    assert found.command == f"scaling-tui run tiny.toml --set corpus.name={tmp_path / 'words.txt'} --seed 5"
    assert found.note in page.text
    # The copy that the page shows is the ladder.
    copy = tmp_path / "elsewhere" / "tiny.toml"
    copy.parent.mkdir()
    copy.write_text(next(text for text in page.texts["pre"] if "[[rungs]]" in text), encoding="utf-8")
    own = load_ladder(str(copy), [f"corpus.name={tmp_path / 'words.txt'}"])
    assert own.rungs == load_ladder(str(tiny)).rungs
    assert own.corpus == load_ladder(str(tiny)).corpus


def test_imported_logs_are_imported_again_by_the_command(
    tmp_path: Path, report: Report, command: Callable[..., tuple[int, str, str]]
) -> None:
    log = tmp_path / "my logs" / "run one.csv"
    log.parent.mkdir()
    with log.open("w", newline="") as file:
        csv.writer(file).writerows([("step", "nll"), *((step, 5 / step) for step in range(1, 40))])
    assert (
        command("import", log, "--name", "logs", "--columns", "loss=nll", "--set", "params=10M", "--finished")[0] == 0
    )
    page = checked(report("logs"))
    words = shlex.split(repeat(read_sweep(tmp_path / "logs")).command)
    assert words == [
        "scaling-tui", "import", "--name", "logs", "--columns", "loss=nll", "--set", "params=10000000", str(log),
    ]  # fmt: skip
    assert shlex.join(words) in page.text


@pytest.mark.parametrize("name", ["$(touch owned)", "a\nb", "--app", "x'; id", "\u202eevil", "../../etc/passwd"])
def test_no_name_in_a_file_becomes_a_command(tmp_path: Path, name: str) -> None:
    path = sweep_of(
        tmp_path, ladder=name, document={"corpus": {"name": "./x"}, "rungs": []}, corpus={"name": f"./{name}"}
    )
    found = repeat(read_sweep(path))
    if found.command:
        assert found.command.isprintable()
        words = shlex.split(found.command)
        assert words[:3] == ["scaling-tui", "run", "ladder.toml"]
        assert set(words[3:]) <= {"--set", f"corpus.name=./{name}"}


def test_a_table_is_a_page(tmp_path: Path, report: Report, command: Callable[..., tuple[int, str, str]]) -> None:
    table = tmp_path / "my runs.csv"
    rows = [(n, d, 1.7 + 400 / n**0.34 + 410 / d**0.28) for n in (1e7, 3e7, 1e8, 3e8) for d in (1e9, 3e9, 1e10)]
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([("N", "D", "loss"), *rows])
    page = checked(report(table))
    assert "12 runs of the table my runs.csv, 10.0M to 300M parameters, 1.00B to 10.0B tokens" in page.text
    assert f"scaling-tui report {shlex.quote(str(table))}" in page.text
    document = json.loads(command("report", table, "--json")[1])
    assert document["law"] == content(command("fit", table, "--json")[1])
    assert "There are no loss curves and no predictions: a table holds results alone." in page.text
    status, _, err = command("report", table, "--columns", "loss=nothing")
    assert (status, err.count("\n")) == (2, 1)


def test_published_profiles_are_a_page(shared_data: Path, report: Report) -> None:
    page = checked(report(shared_data / "tables" / "isoflop_decay.csv"))
    assert "isoFLOP profiles" in page.texts["h2"]


def test_tasks_of_a_table_are_on_its_page(
    shared_data: Path, report: Report, command: Callable[..., tuple[int, str, str]]
) -> None:
    table = shared_data / "tables" / "olmo_ladder_tasks.csv"
    page = checked(report(table))
    titles = [title for title in page.texts["h2"] if title.startswith("Task ")]
    assert len(titles) == 5
    first = titles[0].removeprefix("Task ")
    told = command("fit", table, "--task", first, "--no-plot")[1]
    assert told.strip() in "\n".join(page.texts["pre"])
