"""The trace screen: grid, metrics, detail, stages, ladder and time, by keys; how it looks. Its answers are recorded."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import ContentSwitcher, Input, Static
from textual.widgets._footer import FooterKey

from scaling_tui import InputError
from scaling_tui.lens import records as plain
from scaling_tui.lens.client import Member, Tracer
from scaling_tui.runs import read_run
from scaling_tui.runs.writer import write_run
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.screens.trace import TraceScreen
from scaling_tui.tui.widgets.choose import Choose
from scaling_tui.tui.widgets.open_folder import OpenFolder
from scaling_tui.tui.widgets.trace_grid import METRICS, TokenGrid, fitted, strided
from tests.conftest import record_sweep, trained_sweep
from tests.lens.tiny_models import logits, save
from tests.tui.conftest import missing_torch, settled, until


class Recorded:
    """Answers at once from closed forms, as a tracing process would: letter after letter, surer row by row."""

    def __init__(self, layers: int = 2, text: str = "the cat sat on the mat\n") -> None:
        self.layers, self.text = layers, text
        self.asked: list[dict[str, Any]] = []

    def reading(self, names: Sequence[str], question: dict[str, Any]) -> dict[str, Any]:
        text = question["prompt"] or self.text
        tokens = [plain.Token(ord(one), one) for one in text]
        truth = [*tokens[1:], None if question["prompt"] else plain.Token(ord("t"), "t")]
        at = len(tokens) - 1 if question["at"] is None else question["at"]
        # Right with a share that grows with the row, and is smaller where a word begins.
        p = [
            [(row + 0.5) / (len(names) + 0.5) * (0.4 if token.token == " " else 0.95) for token in tokens]
            for row in range(len(names))
        ]
        said = [[after.token if after and one > 0.3 else "e" for after, one in zip(truth, of, strict=True)] for of in p]
        grid = plain.Grid(
            names=list(names),
            top=said,
            p=p,
            p_true=[[one if after else None for after, one in zip(truth, of, strict=True)] for of in p],
            rank_true=[
                [1 + round((1 - one) * 9) if after else None for after, one in zip(truth, of, strict=True)] for of in p
            ],
            entropy=[[-math.log(one) * 2 for one in of] for of in p],
            kl=[[max(0.0, math.log(last / one)) for one, last in zip(of, p[-1], strict=True)] for of in p],
        )
        rows = []
        for place, name in enumerate(names):
            share = p[place][at]
            best = [plain.Guess(ord(one), one, share * 0.5**k) for k, one in enumerate("teaoinshrd")]
            rows.append(
                plain.LensRow(
                    name, best, grid.entropy[place][at], grid.kl[place][at], grid.p_true[place][at],
                    grid.rank_true[place][at], plain.Guess(ord("t"), "t", share),
                )
            )  # fmt: skip
        return {
            "prompt": text, "origin": "typed" if question["prompt"] else "held out of a text, no. 0", "tokens": tokens,
            "truth": truth, "classifies": False, "at": at, "outputs": 256, "rows": rows, "grid": grid, "notes": [],
        }  # fmt: skip

    def trace(self, folder: Path, step: int | None = None, **question: Any) -> plain.Trace:
        run = read_run(folder) if (folder / "run.json").is_file() else None
        self.asked.append({"run": folder.name, "step": step, **question})
        if question["prompt"] == "nonsense":
            raise InputError("prompt 'nonsense': found no token, want at least one")
        layers = [f"{k} {part}" for k in range(1, self.layers + 1) for part in ("attention", "MLP")]
        found = self.reading(["embedding", *layers, "output"], question)
        count = len(found["tokens"])
        heads = [[0.5, -0.25], [0.125, 0.0625]]
        parts = [plain.Part("embedding", 0.25)]
        for layer in range(self.layers):
            parts.append(plain.Part(f"{layer + 1} attention", sum(heads[layer % 2]), heads[layer % 2]))
            parts.append(plain.Part(f"{layer + 1} MLP", 2.0 - 3.0 * (layer % 2)))
        looks = [[(1 + k % (3 + head)) / sum(1 + j % (3 + head) for j in range(count)) for k in range(count)]
                 for head in range(2)]  # fmt: skip
        return plain.Trace(
            **found, run=f"{folder.parent.name}/{run.name}" if run else folder.name, rung=run.rung if run else None,
            params=(run.params if run else None) or 70_400_000, step=1954 if run else None,
            shape=plain.Shape("gpt", self.layers, 16, 2, 64, 256, 256, 64, "rotary", True, 2, 8),
            lengths=[1.0 + k for k in range(2 * self.layers + 1)],
            attribution=plain.Attribution(plain.Token(116, "t"), sum(part.value for part in parts), -1.5, parts),
            attention=[looks] * self.layers,
        )  # fmt: skip

    def across(self, members: Sequence[Member], **question: Any) -> plain.Across:
        self.asked.append({"members": [name for name, *_ in members], **question})
        told = [plain.Member(name, str(folder), 70_400_000, step or 1954) for name, folder, step in members]
        return plain.Across(**self.reading([name for name, *_ in members], question), members=told)

    def generate(self, folder: Path, step: int | None, prompt: str | None, **how: Any) -> plain.Continuation:
        text = ("and the dog " * 9)[: how["tokens"]]
        return plain.Continuation(text, [plain.Token(ord(one), one) for one in text], how["temperature"], how["seed"])

    def interrupt(self) -> None:
        pass

    def close(self) -> None:
        pass


def prepared(runs: Path) -> None:
    """A recorded sweep whose runs have two checkpoints each, as far as their folders' names tell."""
    sweep = record_sweep(runs, ["finished"] * 7)
    for path in sweep.glob("*/run.json"):
        text = path.read_text()
        path.unlink()
        described = {"architecture": {"vocab": 256, "classes": None}}
        write_run(path.parent, {**json.loads(text), **described})
        for step in (1466, 1954):
            (path.parent / "attempt-1" / f"checkpoint-{step}").mkdir()


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Recorded:
    answers = Recorded()
    monkeypatch.setattr("scaling_tui.tui.screens.trace.Tracer", lambda: answers)
    prepared(tmp_path)
    return answers


async def shown(pilot: Pilot[None]) -> TokenGrid:
    """Waits for the first answer."""
    await until(pilot, lambda: isinstance(pilot.app.screen, TraceScreen))
    grid = pilot.app.screen.query_one(TokenGrid)
    await until(pilot, lambda: grid.reading is not None)
    await pilot.pause()
    return grid


def said(pilot: Pilot[None], selector: str) -> str:
    return str(pilot.app.screen.query_one(selector, Static).render())


def lines(grid: TokenGrid) -> list[str]:
    return [grid.render_line(y).text for y in range(grid.size.height)]


async def test_it_opens_on_the_largest_run_with_the_cursor_at_the_end(recorded: Recorded, tmp_path: Path) -> None:
    async with ScalingApp(tmp_path, mode="trace").run_test(size=(80, 24)) as pilot:
        grid = await shown(pilot)
        assert "quickstart/r7-s0 · step 1,954 · N 468k" in said(pilot, "#about")
        assert grid.cursor == (5, 22)
        heads = lines(grid)
        assert heads[0].split()[-2:] == ["t", "↵"] and heads[1].split()[-2:] == ["↵", "t"]
        assert "truth 't', p 0.804, rank 3" in said(pilot, "#cell")


async def test_without_torch_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    missing_torch(monkeypatch)
    prepared(tmp_path)
    async with ScalingApp(tmp_path, mode="trace").run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "pip install torch" in said(pilot, "#note"))
        assert said(pilot, "#note").startswith("torch: not installed")
        assert isinstance(pilot.app.screen, TraceScreen)


async def test_moving_scrolls_the_tokens_and_keeps_the_heads(recorded: Recorded, tmp_path: Path) -> None:
    async with ScalingApp(tmp_path, mode="trace").run_test(size=(50, 20)) as pilot:
        grid = await shown(pilot)
        await pilot.press("home")
        assert grid.cursor == (5, 0) and grid.span[0] == 1
        assert lines(grid)[0].split()[:4] == ["token", "t", "h", "e"]
        assert [line.split()[0] for line in lines(grid)[2:4]] == ["embedding", "1"]
        await pilot.press("up", "right", "right")
        assert grid.cursor == (4, 2)
        assert "2 MLP · after token 3 'e'" in said(pilot, "#cell")
        await until(pilot, lambda: recorded.asked[-1].get("at") == 2)


async def test_without_colour_the_cell_under_the_cursor_stands_in_brackets(
    recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with ScalingApp(tmp_path, mode="trace").run_test(size=(80, 24)) as pilot:
        grid = await shown(pilot)
        for keys, row in (((), 5), (("home",), 5), (("up", "right"), 4)):
            await pilot.press(*keys)
            found = [
                (y, line[line.index("[") + 1 : line.index("]")]) for y, line in enumerate(lines(grid)) if "[" in line
            ]
            assert [y for y, _ in found] == [row + 2]
            assert len(found[0][1]) == grid.cell_width - 1
            assert {len(line) for line in lines(grid)} == {grid.size.width}


async def test_a_key_cycles_the_metric_in_words_digits_and_shade(recorded: Recorded, tmp_path: Path) -> None:
    async with ScalingApp(tmp_path, mode="trace").run_test(size=(80, 24)) as pilot:
        grid = await shown(pilot)
        seen = []
        for metric in METRICS:
            assert metric.name in said(pilot, "#about")
            seen.append(lines(grid)[7].rstrip()[-3:])
            await pilot.press("m")
        assert seen == [".80", "  3", "0.4", "0.0", ".80"]
        assert grid.metric == 0
        light, deep = ({one.style.bgcolor for one in grid.render_line(y) if one.style} for y in (2, 6))
        assert light - deep and deep - light, "the rows are shaded differently"


async def test_enter_shows_what_stands_behind_a_cell(recorded: Recorded, tmp_path: Path) -> None:
    async with ScalingApp(tmp_path, mode="trace").run_test(size=(120, 40)) as pilot:
        await shown(pilot)
        await pilot.press("up", "up", "enter")
        await pilot.pause()
        told = said(pilot, "#detail-text")
        for text in (
            "2 attention: most likely", "p of 't', row by row", "▸ 2 attention", "logit of 't': 1.69 =",
            "1 attention   +0.25", "h1+0.50 h2-0.25", "attention of layer 2's heads, from '↵'",
        ):  # fmt: skip
            assert text in told
        for back in ("g", "escape"):
            await pilot.press(back)
            assert pilot.app.screen.query_one("#shown", ContentSwitcher).current == "grid-panel"
            await pilot.press("enter")
            await pilot.pause()


async def test_a_typed_prompt_is_read_and_a_wrong_one_told_until_mended(recorded: Recorded, tmp_path: Path) -> None:
    async with ScalingApp(tmp_path, mode="trace").run_test(size=(80, 24)) as pilot:
        grid = await shown(pilot)
        await pilot.press("p", *"nonsense", "enter")
        await until(pilot, lambda: "found no token" in said(pilot, "#note"))
        await pilot.press("p")
        pilot.app.screen.query_one(Input).value = "a cat"
        await pilot.press("enter")
        await until(pilot, lambda: grid.reading is not None and grid.reading.prompt == "a cat")
        assert said(pilot, "#note") == ""
        assert "really" not in said(pilot, "#cell"), "nobody knows what comes after it"
        await pilot.press("e")
        await until(pilot, lambda: grid.reading is not None and grid.reading.prompt != "a cat")
        assert recorded.asked[-1]["example"] == 1


async def test_ladder_and_time_stand_side_by_side_and_enter_looks_into_one(recorded: Recorded, tmp_path: Path) -> None:
    async with ScalingApp(tmp_path, mode="trace").run_test(size=(80, 24)) as pilot:
        grid = await shown(pilot)
        await pilot.press("l")
        await until(pilot, lambda: isinstance(grid.reading, plain.Across))
        assert grid.reading is not None
        assert grid.reading.grid.names == ["r1", "r2", "r3", "r4", "r5", "r6", "r7"]
        assert "loss of the row" in said(pilot, "#cell")
        await pilot.press("up", "up", "enter")
        await until(pilot, lambda: isinstance(grid.reading, plain.Trace))
        assert recorded.asked[-1]["run"] == "r5-s0"
        await pilot.press("t")
        await until(pilot, lambda: recorded.asked[-1].get("members") == ["step 1466", "step 1954"])
        await until(pilot, lambda: grid.reading is not None and grid.reading.grid.names[0] == "step 1466")
        await pilot.press("up", "enter")
        await until(pilot, lambda: recorded.asked[-1].get("step") == 1466)


async def test_the_stages_explain_it_and_a_key_goes_on(recorded: Recorded, tmp_path: Path) -> None:
    async with ScalingApp(tmp_path, mode="trace").run_test(size=(120, 40)) as pilot:
        await shown(pilot)
        await pilot.press("s")
        await pilot.pause()
        for name in ("1 input embedding", "2 transformer layers", "3 output layer", "4 prediction"):
            assert name in said(pilot, "#stages-text")
        await pilot.press("c")
        await until(pilot, lambda: "and␣the␣dog␣and␣" in said(pilot, "#stages-text"))
        await pilot.press("c")
        await until(pilot, lambda: "and␣the␣dog␣and␣the␣dog␣and" in said(pilot, "#stages-text"))
        await pilot.press("x")
        await until(pilot, lambda: "temperature 0.8, seed 1" in said(pilot, "#stages-text"))


async def test_another_token_is_followed(recorded: Recorded, tmp_path: Path) -> None:
    async with ScalingApp(tmp_path, mode="trace").run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("w")
        await pilot.pause()
        await pilot.press("down", "enter")
        await until(pilot, lambda: recorded.asked[-1].get("watch") == "#101")


async def test_deep_models_are_shown_in_strides_that_keep_the_last_row(recorded: Recorded, tmp_path: Path) -> None:
    recorded.layers = 24
    async with ScalingApp(tmp_path, mode="trace").run_test(size=(80, 24)) as pilot:
        grid = await shown(pilot)
        names = [line[:12].strip() for line in lines(grid)[2:]]
        assert (names[0], names[-1]) == ("embedding", "output") and len(names) == grid.size.height - 2
        assert f"{len(names)} of 50 rows, a: all" in said(pilot, "#about")
        await pilot.press("a")
        assert [line[:12].strip() for line in lines(grid)[2:]][-3:] == ["24 attention", "24 MLP", "output"]


def test_strides_and_cells() -> None:
    assert strided(6, 10) == [0, 1, 2, 3, 4, 5]
    for rows in (7, 26, 98):
        for room in (2, 5, 6):
            found = strided(rows, room)
            assert (found[0], found[-1]) == (0, rows - 1) and len(found) <= room and found == sorted(set(found))
    assert fitted("\\xce", 2) == "ce"
    assert fitted("abcdef", 4) == "abc…"
    assert fitted("日本", 3) == "日…"
    assert fitted("א", 3) == "\u2068א\u2069  "


async def test_without_a_checkpoint_it_says_what_to_do_and_finds_the_first_one(tmp_path: Path) -> None:
    record_sweep(tmp_path, ["running", *["queued"] * 6])
    async with ScalingApp(tmp_path, mode="trace").run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, TraceScreen))
        await until(pilot, lambda: "no run has a checkpoint yet" in said(pilot, "#note"))
        assert "Press 2 for the Lab" in said(pilot, "#cell")


async def test_a_real_process_answers_the_screen_and_ends_with_it(tmp_path: Path) -> None:
    app = ScalingApp(trained_sweep(tmp_path), "words", mode="trace")
    async with app.run_test(size=(80, 24)) as pilot:
        grid = await shown(pilot)
        assert isinstance(grid.reading, plain.Trace) and grid.reading.run == "words/large-s0"
        await pilot.press("t")
        await until(pilot, lambda: isinstance(grid.reading, plain.Across))
        assert grid.reading.grid.names == ["step 60", "step 120", "step 180", "step 240"]
        screen = app.screen
        assert isinstance(screen, TraceScreen)
        tracer: Tracer = screen._tracer
        process = tracer._process
        assert process is not None and process.poll() is None
    assert process.poll() is not None


@pytest.mark.parametrize("keys", [(), ("s",), ("enter",), ("l",), ("t",)], ids=lambda keys: "".join(keys) or "grid")
async def test_the_footer_is_not_cut_at_80_columns(recorded: Recorded, tmp_path: Path, keys: tuple[str, ...]) -> None:
    async with ScalingApp(tmp_path, mode="trace").run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press(*keys)
        await until(pilot, lambda: ("l" not in keys and "t" not in keys) or "members" in recorded.asked[-1])
        await settled(pilot)
        listed = {key.action: key.region for key in pilot.app.screen.query(FooterKey)}
        assert {"run", "quit"} <= listed.keys(), "the last keys of the footer"
        edge = next(region.x for action, region in listed.items() if action.endswith("help"))
        for action, region in listed.items():
            assert region.right <= edge or action.endswith("help"), (action, region)


async def test_a_sweep_without_checkpoints_does_not_keep_the_grid_of_another(
    recorded: Recorded, tmp_path: Path
) -> None:
    record_sweep(tmp_path, ["running", *["queued"] * 6], name="fresh")
    app = ScalingApp(tmp_path, "quickstart", mode="trace")
    async with app.run_test(size=(80, 24)) as pilot:
        grid = await shown(pilot)
        await pilot.press("enter")
        app.sweep = "fresh"
        await until(pilot, lambda: "no run has a checkpoint yet" in said(pilot, "#note"))
        assert grid.reading is None and said(pilot, "#about") == "Trace: nothing to show yet"
        assert "Press 2 for the Lab" in said(pilot, "#cell")
        assert pilot.app.screen.query_one("#shown", ContentSwitcher).current == "grid-panel"
        await pilot.press("up", "enter", "m", "w", "c")
        app.sweep = "quickstart"
        await until(pilot, lambda: grid.reading is not None)
        await until(pilot, lambda: "quickstart/r7-s0" in said(pilot, "#about"))
        assert said(pilot, "#note") == ""


def below(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one("#below").render())


def seen(pilot: Pilot[None]) -> str:
    """What is painted, as a reader of the terminal sees it."""
    return "\n".join(strip.text.rstrip() for strip in pilot.app.screen._compositor.render_strips())


@pytest.mark.parametrize("size", [(80, 24), pytest.param((120, 40), marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "keys",
    [
        ("enter", "escape"), ("s", "g"), ("l", "g"), ("t", "s", "g"), ("enter", "g"),
        ("s", "enter", "g"), ("l", "enter", "g"),
    ],
    ids=" ".join,
)  # fmt: skip
async def test_the_grid_comes_back_as_it_was_left(
    recorded: Recorded, tmp_path: Path, size: tuple[int, int], keys: tuple[str, ...]
) -> None:
    recorded.text = "the cat sat on the mat and the dog sat on the log\n"
    async with ScalingApp(tmp_path, mode="trace").run_test(size=size) as pilot:
        await shown(pilot)
        await settled(pilot)
        before = seen(pilot)
        assert "output: most likely" in before and "of 6 rows" not in before
        for key in keys:
            await pilot.press(key)
            await settled(pilot)
        assert seen(pilot) == before


async def test_a_trace_that_comes_while_the_stages_are_shown_is_in_view_afterwards(
    recorded: Recorded, tmp_path: Path
) -> None:
    """The prompt's first tokens stood under the numbers of its last."""
    recorded.text = "the cat sat on the mat and the dog sat on the log\n"
    async with ScalingApp(tmp_path, mode="trace").run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, TraceScreen))
        await pilot.press("s")
        grid = await shown(pilot)
        await pilot.press("g")
        await settled(pilot)
        painted = seen(pilot)
        first, last, count = grid.span
        assert first > 1 and last == count and f"{first}–{last} of " in painted
        heads = next(line for line in painted.splitlines() if line.strip().startswith("token"))
        assert heads.split()[-4:] == ["l", "o", "g", "↵"]


async def test_all_rows_are_all_rows_in_the_header_too(recorded: Recorded, tmp_path: Path) -> None:
    recorded.layers = 24
    async with ScalingApp(tmp_path, mode="trace").run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await until(pilot, lambda: "16 of 50 rows" in said(pilot, "#about"))
        await pilot.press("a")
        await until(pilot, lambda: "of 50 rows" not in said(pilot, "#about"))
        await pilot.press("a")
        await until(pilot, lambda: "16 of 50 rows" in said(pilot, "#about"))


async def test_a_continuation_belongs_to_the_run_and_the_prompt_that_it_goes_on_from(
    recorded: Recorded, tmp_path: Path
) -> None:
    async with ScalingApp(tmp_path, mode="trace").run_test(size=(80, 24)) as pilot:
        grid = await shown(pilot)
        await pilot.press("c")
        await until(pilot, lambda: "continues: " in said(pilot, "#cell"))
        await pilot.press("l")
        await until(pilot, lambda: isinstance(grid.reading, plain.Across))
        await until(pilot, lambda: "loss of the row" in said(pilot, "#cell"))
        assert "continues: " not in said(pilot, "#cell")
        await pilot.press("up", "up", "enter")
        await until(pilot, lambda: "quickstart/r5-s0" in said(pilot, "#about"))
        await pilot.press("g")
        await settled(pilot)
        assert "continues: " not in said(pilot, "#cell"), "it is r7's"


async def test_no_detail_of_another_cell_stands_while_a_cell_is_traced(recorded: Recorded, tmp_path: Path) -> None:
    async with ScalingApp(tmp_path, mode="trace").run_test(size=(120, 40)) as pilot:
        grid = await shown(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "output: most likely" in said(pilot, "#detail-text"))
        await pilot.press("g", "l")
        await until(pilot, lambda: isinstance(grid.reading, plain.Across))
        held, trace = Event(), recorded.trace

        def slowly(*arguments: Any, **question: Any) -> plain.Trace:
            held.wait(30)
            return trace(*arguments, **question)

        recorded.trace = slowly  # type: ignore[method-assign]
        await pilot.press("up", "enter")
        await pilot.pause()
        assert said(pilot, "#detail-text") == "Tracing its layers …"
        held.set()
        await until(pilot, lambda: "output: most likely" in said(pilot, "#detail-text"))
        assert "quickstart/r6-s0" in said(pilot, "#about")


async def test_what_cannot_be_traced_leaves_what_is_shown_in_charge(recorded: Recorded, tmp_path: Path) -> None:
    async with ScalingApp(tmp_path, mode="trace").run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("p", *"nonsense", "enter")
        await until(pilot, lambda: "found no token" in said(pilot, "#note"))
        await pilot.press("c")
        await until(pilot, lambda: "continues: " in said(pilot, "#cell"))
        await pilot.press("l")
        await until(pilot, lambda: "members" in recorded.asked[-1])
        assert recorded.asked[-1]["prompt"] is None, "the prompt that is shown"


@pytest.mark.parametrize(
    ("states", "says"),
    [
        (["finished"] * 7, "it is finished and no run has a checkpoint"),
        (["stopped"] * 7, "it is stopped and no run has a checkpoint"),
        (["running", *["queued"] * 6], "the first is written after part of the training"),
    ],
)
async def test_it_says_whether_a_checkpoint_will_come(tmp_path: Path, states: list[str], says: str) -> None:
    record_sweep(tmp_path, states)
    async with ScalingApp(tmp_path, mode="trace").run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, TraceScreen))
        await until(pilot, lambda: says in said(pilot, "#note"))


def folder_of(where: Path, name: str, step: bool = False) -> Path:
    """A model as far as its folder tells; the double answers for it."""
    import numpy as np
    from safetensors.numpy import save_file

    folder = where / name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "gpt_neox"}')
    size = int(name.rsplit("-", maxsplit=1)[-1].removesuffix("m")) if not step else 4
    save_file({"w": np.zeros(size, np.float32)}, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_model_is_opened_by_its_path(
    recorded: Recorded, tmp_path: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models"
    for name in ("pythia-70m", "pythia-160m"):
        folder_of(models, name)
    monkeypatch.chdir(models)
    async with ScalingApp(tmp_path, mode="trace").run_test(size=size) as pilot:
        grid = await shown(pilot)
        await pilot.press("f", *"pythia-9", "enter")
        await until(pilot, lambda: "pythia-9: no such folder" in said(pilot, "#mistake"))
        await pilot.press("backspace", "7")
        field = pilot.app.screen.query_one("#path", Input)
        await until(pilot, lambda: field._suggestion == "pythia-70m/")
        await pilot.press("right", "enter")
        await until(pilot, lambda: grid.reading is not None and recorded.asked[-1]["run"] == "pythia-70m")
        await until(pilot, lambda: said(pilot, "#about").startswith("pythia-70m · N 70.4M"))
        # Its family, from small to large; enter looks into one.
        await pilot.press("l")
        await until(pilot, lambda: isinstance(grid.reading, plain.Across))
        assert grid.reading is not None and grid.reading.grid.names == ["pythia-70m", "pythia-160m"]
        await until(pilot, lambda: grid.cursor[0] == 1)
        await pilot.press("enter")
        await until(pilot, lambda: recorded.asked[-1].get("run") == "pythia-160m")
        await pilot.press("escape", "t")
        await until(pilot, lambda: "found 0 checkpoints, want two or more" in said(pilot, "#note"))
        # And back to the runs.
        await pilot.press("r")
        await until(pilot, lambda: isinstance(pilot.app.screen, Choose))
        await pilot.press("home", "enter")
        await until(pilot, lambda: recorded.asked[-1].get("run") == "r1-s0")
        await until(pilot, lambda: "quickstart/r1-s0" in said(pilot, "#about"))


async def test_a_model_that_is_being_loaded_keeps_no_run_waiting(recorded: Recorded, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "models", "pythia-160m")
    interrupted, trace, began = Event(), recorded.trace, Event()

    def loading(where: Path, *rest: Any, **question: Any) -> plain.Trace:
        if where != folder:
            return trace(where, *rest, **question)
        began.set()
        assert interrupted.wait(60), "nobody ended it"
        raise OSError(None, "the tracing process died", "trace")

    recorded.trace, recorded.interrupt = loading, interrupted.set  # type: ignore[method-assign, assignment]
    app = ScalingApp(tmp_path, mode="home")
    async with app.run_test(size=(80, 24)) as pilot:
        await app.visit("trace", str(folder))
        await until(pilot, lambda: began.is_set() and said(pilot, "#about").startswith("Loading pythia-160m"))
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await pilot.press("home", "enter")
        grid = await shown(pilot)
        assert grid.reading is not None and "quickstart/r1-s0" in said(pilot, "#about")
        assert said(pilot, "#note") == ""


async def test_the_checkpoints_of_another_trainer_are_compared_and_opened(recorded: Recorded, tmp_path: Path) -> None:
    for step in (500, 1000):
        folder_of(tmp_path / "out", f"checkpoint-{step}", step=True)
    app = ScalingApp(tmp_path / "none", mode="home")
    async with app.run_test(size=(80, 24)) as pilot:
        await app.visit("trace", str(tmp_path / "out" / "checkpoint-1000"))
        grid = await shown(pilot)
        assert recorded.asked[-1]["run"] == "checkpoint-1000"
        await pilot.press("t")
        await until(pilot, lambda: isinstance(grid.reading, plain.Across))
        assert grid.reading is not None and grid.reading.grid.names == ["step 500", "step 1000"]
        await until(pilot, lambda: grid.cursor[0] == 1)
        await pilot.press("up", "enter")
        await until(pilot, lambda: recorded.asked[-1].get("run") == "checkpoint-500")


async def test_a_dialog_can_be_left_and_a_run_list_offers_a_model_without_any_run(
    recorded: Recorded, tmp_path: Path
) -> None:
    async with ScalingApp(tmp_path / "none", mode="trace").run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, TraceScreen))
        await pilot.press("r")
        await until(pilot, lambda: isinstance(pilot.app.screen, Choose))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, OpenFolder))
        await pilot.press("enter")
        await until(pilot, lambda: "want the path of a folder" in said(pilot, "#mistake"))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, TraceScreen))
        assert not recorded.asked


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_real_model_of_another_trainer_is_loaded_and_read(tmp_path: Path, size: tuple[int, int]) -> None:
    pytest.importorskip("transformers")
    folder = save(tmp_path / "models" / "tiny-llama", "llama")
    app = ScalingApp(tmp_path, mode="home")
    async with app.run_test(size=size) as pilot:
        await app.visit("trace", str(folder))
        assert said(pilot, "#about").startswith("Loading tiny-llama into memory")
        grid = await shown(pilot)
        assert isinstance(grid.reading, plain.Trace)
        assert grid.reading.grid.names[-2:] == ["3 MLP", "output"]
        await pilot.press("p", *"the cat sat on the mat", "enter")
        await until(pilot, lambda: grid.reading is not None and grid.reading.prompt == "the cat sat on the mat")
        ids = [token.id for token in grid.reading.tokens]
        best = logits(folder, ids)[-1].softmax(-1).max(-1)
        assert grid.reading.rows[-1].top[0].p == pytest.approx(float(best.values), rel=1e-3)
        await pilot.press("enter")
        await until(pilot, lambda: "attention of layer 3's heads" in said(pilot, "#detail-text"))
        await pilot.press("g", "s")
        await until(pilot, lambda: "they share the keys and values of 2" in said(pilot, "#stages-text"))
        (folder / "model.safetensors").unlink()
        await pilot.press("g", "f")
        await until(pilot, lambda: isinstance(app.screen, OpenFolder))
        app.screen.query_one("#path", Input).value = str(folder)
        await pilot.press("enter")
        await until(pilot, lambda: "no model.safetensors, want the weights" in said(pilot, "#note"))
        assert grid.reading is None


LOOKS = [
    ("grid", (80, 24), (), 2),
    ("wide", (120, 40), ("home", "m", "m", "m"), 2),
    ("narrow", (50, 20), (), 2),
    ("deep", (80, 24), (), 24),
    ("ladder", (80, 24), ("l",), 2),
    ("stages", (80, 24), ("s",), 2),
    ("detail", (120, 40), ("enter",), 2),
]


@pytest.mark.parametrize(("size", "keys", "layers"), [look[1:] for look in LOOKS], ids=[look[0] for look in LOOKS])
def test_it_looks_as_it_did(
    snap_compare: Any, recorded: Recorded, tmp_path: Path, size: tuple[int, int], keys: tuple[str, ...], layers: int
) -> None:
    recorded.layers = layers

    async def prepare(pilot: Pilot[None]) -> None:
        grid = await shown(pilot)
        for key in keys:
            await pilot.press(key)
        await until(pilot, lambda: grid.reading is not None and grid.reading.at == grid.cursor[1])
        await until(pilot, lambda: "l" not in keys or isinstance(grid.reading, plain.Across))
        await pilot.pause()

    assert snap_compare(ScalingApp(tmp_path, mode="trace"), terminal_size=size, run_before=prepare)
