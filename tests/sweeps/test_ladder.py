"""Ladder files: what a good one becomes, and the one line for each way of being wrong."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.sweeps.ladder import ladders, load_ladder


def test_every_ladder_of_the_project_is_whole_and_described() -> None:
    for path in ladders():
        ladder = load_ladder(path.stem)
        assert ladder.summary, path
        assert ladder.rungs, path


def test_quickstart_spans_what_a_law_needs() -> None:
    ladder = load_ladder("quickstart")
    sizes = [rung.count.non_embedding for rung in ladder.rungs]
    assert len(sizes) >= 6
    assert sizes == sorted(sizes)
    assert sizes[-1] >= 60 * sizes[0]
    assert sizes[-1] >= 2.5 * sizes[-2]
    assert ladder.fit
    assert ladder.fit.predict == ladder.rungs[-1].name


def test_a_rungs_own_keys_go_over_the_shared_ones(tiny: Path) -> None:
    tiny.write_text(tiny.read_text().replace('name = "c"', 'name = "c"\nlr = 0.5\nbatch = 2'))
    rungs = {rung.name: rung for rung in load_ladder(str(tiny)).rungs}
    assert (rungs["b"].training.lr, rungs["c"].training.lr, rungs["c"].training.batch) == (0.01, 0.5, 2)
    assert rungs["c"].tokens == 4096


def test_several_runs_of_a_rung_have_seeds_of_their_own(tiny: Path) -> None:
    ladder = load_ladder(str(tiny), ["rungs.a.runs=3", "seeds=[0,1,19]"])
    assert ladder.runs == 3 + len(ladder.rungs) - 1
    names = [name for seed in ladder.seeds for name, _ in ladder.configs(seed, {})]
    assert len(set(names)) == len(names) == 3 * ladder.runs
    assert [name for name, _ in ladder.configs(7, {})][:4] == ["a-s7", "a-s1007", "a-s2007", "b-s7"]
    assert [config.seed for _, config in ladder.configs(7, {})][:4] == [7, 1007, 2007, 7]
    largest = 2**63 - 1
    assert all(0 <= config.seed <= largest for _, config in ladder.configs(largest, {}))


@pytest.mark.parametrize(
    ("setting", "wanted"),
    [
        ("rungs.a.runs=0", "runs: found 0, want a whole number from 1 to 100"),
        ("rungs.a.runs=1.5", "runs: found 1.5, want a whole number from 1 to 100"),
        ("rungs.a.runs=true", "runs: found True, want a whole number from 1 to 100"),
        ("rungs.a.runs=101", "runs: found 101, want a whole number from 1 to 100"),
    ],
)
def test_how_many_runs_a_rung_may_have(tiny: Path, setting: str, wanted: str) -> None:
    with pytest.raises(InputError, match=wanted):
        load_ladder(str(tiny), [setting])


def test_one_setting_says_for_all_rungs_how_often_each_is_trained(tiny: Path) -> None:
    tiny.write_text(tiny.read_text().replace('name = "c"', 'name = "c"\nruns = 2'))
    assert [rung.runs for rung in load_ladder(str(tiny)).rungs] == [1, 1, 2, 1]
    assert [rung.runs for rung in load_ladder(str(tiny), ["runs=3"]).rungs] == [3, 3, 3, 3]


def test_seeds_that_would_train_a_run_twice_are_refused(tiny: Path) -> None:
    settings = ["rungs.b.runs=2", "seeds=[0,1000]"]
    with pytest.raises(InputError, match=r"seeds: found 0 and 1000, which both have a run b-s1000.*want seeds below"):
        load_ladder(str(tiny), settings)


def test_tokens_are_whole_steps(tiny: Path) -> None:
    (rung, *_) = load_ladder(str(tiny), ["tokens=4097"]).rungs
    assert rung.tokens == 4096 + 8 * 16
    assert rung.flops == rung.count.flops(rung.tokens)


def test_settings_reach_every_rung_or_one(tiny: Path) -> None:
    tiny.write_text(tiny.read_text().replace('name = "c"', 'name = "c"\nlr = 0.5'))
    rungs = load_ladder(str(tiny), ["lr=0.1", "training.batch=4", "rungs.d.lr=0.2", "tokenizer=bpe-300"]).rungs
    assert [rung.training.lr for rung in rungs] == [0.1, 0.1, 0.1, 0.2]
    assert {rung.training.batch for rung in rungs} == {4}
    assert {rung.architecture.vocab for rung in rungs} == {300}


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("tokens=1M", "tokens=1000000"),
        ("tokens=1.5k", "tokens=1500"),
        ("tokens=1,000,000", "tokens=1000000"),
        ("tokens=1_000_000", "tokens=1000000"),
        ("tokens=4k,8k", "tokens=[4000,8000]"),
        ("lr=0.001,0.003", "lr=[0.001,0.003]"),
        ("seeds=0,1", "seeds=[0,1]"),
        ("seeds=3", "seeds=[3]"),
        ("seeds=1,100", "seeds=[1,100]"),
        ("first_tokens=6k", "first_tokens=6000"),
        ("rungs.d.tokens=8k", "rungs.d.tokens=8000"),
    ],
)
def test_settings_are_written_as_in_the_app(tiny: Path, written: str, plain: str) -> None:
    found, wanted = (load_ladder(str(tiny), [setting]) for setting in (written, plain))
    assert (found.rungs, found.seeds, found.corpus) == (wanted.rungs, wanted.seeds, wanted.corpus)


def test_a_list_that_could_be_one_number_is_a_question(tiny: Path) -> None:
    with pytest.raises(InputError, match=r"--set batch: 128,256 could be 128256 or a list, want 128256 or \[128,256\]"):
        load_ladder(str(tiny), ["batch=128,256"])


def test_names_stay_names(tiny: Path) -> None:
    tiny.write_text(tiny.read_text().replace('"d"', '"124M"'))
    assert load_ladder(str(tiny), ["fit.predict=124M"]).fit.predict == "124M"  # type: ignore[union-attr]


WRONG = [
    ("layers = 1\nhidden = 8", "layers = 1", r"rung 'a': hidden: missing, in the rung or in \[model\]"),
    ("lr = 1e-2", "", "lr: missing"),
    ("lr = 1e-2", 'lr = "fast"', "training.lr: found 'fast', want a number"),
    ("lr = 1e-2", "lr = -1", "training.lr: found -1.0, want more than 0"),
    ("batch = 8", "batch = 0", "training.batch: found 0, want at least 1"),
    ("batch = 8", "batch = 8.5", "training.batch: found 8.5, want a whole number"),
    ("batch = 8", "batsh = 8", "training.batsh: not a key here; did you mean 'batch'?"),
    ("batch = 8", 'batch = 8\nschedule = "wavy"', "training.schedule: found 'wavy', want 'linear'"),
    ("hidden = 8", "hidden = 0", "hidden: found 0, want a whole number of at least 1"),
    ("hidden = 8", "hidden = 7", "1 heads of 7 dimensions; rotary positions need an even number"),
    ("hidden = 8", "hidden = 8\nheads = 3", "heads: 3 does not divide hidden 8"),
    ("hidden = 8", "hiden = 8", "hiden: not a key of a rung; did you mean 'hidden'?"),
    ("context = 16", "context = 0", "context 0: want at least 1"),
    ("context = 16", 'context = 16\nfamily = "rnn"', "model.family: found 'rnn', want 'gpt'"),
    ('predict = "d"', 'predict = "z"', "fit.predict: found 'z', want the name of a rung"),
    ('name = "b"', 'name = "a"', r"rungs\[2\].name: found 'a' twice"),
    ('name = "b"', 'name = "x/y"', "name 'x/y': not usable as a folder name"),
    ("[corpus]", "[corpse]", "corpse: not a key here; did you mean 'corpus'?"),
    ('name = "b"', 'name = ".b"', "name '.b': not usable as a folder name"),
    ('name = "b"', f'name = "{"b" * 61}"', "want a name of at most 60 characters"),
    ('law = "kaplan-n"', 'law = "bogus"', "law: found 'bogus', want one of"),
    ('predict = "d"', 'predict = "d"\nparams = "some"', "fit.params: found 'some', want 'non-embedding' or 'all'"),
    ("[model]\ncontext = 16", "[[model]]", r"model: found .*, want a table \[model\]"),
    ("summary =", "summary = = ", "not TOML"),
    ("lr = 1e-2", "lr = 20", "training.lr: found 20.0, want more than 0 and at most 10"),
    ("hidden = 8", "hidden = 8\ngated = true", "rung 'a': gated: found True, want false in a model of family 'gpt'"),
    ("context = 16", 'context = 16\nbias = "no"', "rung 'a': bias: found 'no', want false in a model of family"),
    ("context = 16", 'context = 16\nnorm = "layer"', "norm: found 'layer', want 'rms' in a model of family 'gpt'"),
    ("context = 16", "context = 16\nkv_heads = 1", "kv_heads: found 1, want no such key in a model of family"),
    ("context = 16", "context = 16\nclasses = 2", "classes: found 2, want no such key in a model of family 'gpt'"),
    ("context = 16", 'context = 16\nfamily = "post-norm"\npositions = "rotary"', "want 'learned' or 'none' in a model"),
    ("context = 16", 'context = 16\nfamily = "post-norm"\nfinal_norm = 1', "want true or false in a model"),
    ("context = 16", "context = 16\nvocab = 100", "vocab: found 100, want at least the 256 tokens of tokenizer 'byte'"),
    ("context = 16", "context = 16\ngatted = true", r"model.gatted: not a key here; did you mean 'gated'\?"),
    ("tokens = 4096", "tokens = 4096.5", "training.tokens: found 4096.5, want a whole number"),
    ("tokens = 4096", "flops = nan", "training.flops: found nan, want a number above 0"),
    (
        'name = "words.txt"',
        'name = "words"',
        "corpus.name: found 'words', want stdlib, .* such as notes.txt or ./notes",
    ),
    ('name = "words.txt"', 'name = "words.txt"\ntokenizer = "bpe-10"', "'bpe-10': not known; .* from 257 to 65536"),
    ('summary = "Four tiny sizes for tests."', "seeds = [1e30]", r"seeds: found \[1e\+30\], want a list"),
    ('summary = "Four tiny sizes for tests."', "summary = 4", "summary: found 4, want a string"),
]


@pytest.mark.parametrize(("found", "instead", "told"), WRONG, ids=[told[:40] for *_, told in WRONG])
def test_what_is_wrong_is_told_with_the_file_and_what_would_be_right(
    tiny: Path, found: str, instead: str, told: str
) -> None:
    assert found in tiny.read_text()
    tiny.write_text(tiny.read_text().replace(found, instead, 1))
    with pytest.raises(InputError, match=told) as error:
        load_ladder(str(tiny))
    assert str(error.value).startswith(str(tiny))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("tokens", "want KEY=VALUE"),
        ("lrr=1", "not a key of a ladder; did you mean 'lr'?"),
        ("rungs.z.lr=1", "no rung 'z'; want rungs.NAME.KEY with NAME of a, b, c, d"),
        ("summary.x=1", "summary is not a table"),
        ("tokens=many", "training.tokens: found 'many', want a whole number"),
    ],
)
def test_a_wrong_setting_is_told(tiny: Path, setting: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        load_ladder(str(tiny), [setting])


def test_a_whole_number_may_be_written_as_people_write_large_ones(tiny: Path) -> None:
    text = (
        tiny.read_text()
        .replace("tokens = 4096", "tokens = 1e6\nheld_out_tokens = 5e2")
        .replace("hidden = 8", "hidden = 8.0")
    )
    tiny.write_text(text.replace("held_out_tokens = 512\n", ""))
    first = load_ladder(str(tiny), ["seeds=[0, 1e3]"])
    assert (first.rungs[0].training.tokens, first.rungs[0].architecture.hidden) == (1_000_000, 8)
    assert type(first.rungs[0].training.tokens) is type(first.rungs[0].architecture.hidden) is int
    assert first.seeds == (0, 1000)


def test_a_byte_order_mark_is_no_part_of_a_ladder(tiny: Path) -> None:
    tiny.write_bytes(b"\xef\xbb\xbf" + tiny.read_bytes())
    assert len(load_ladder(str(tiny)).rungs) == 4


def test_a_path_is_relative_to_the_ladder_and_a_name_is_never_a_path(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stdlib").write_text("a file that happens to be called so")
    (tmp_path / "away").mkdir()
    monkeypatch.chdir(tmp_path / "away")
    assert load_ladder(str(tiny)).corpus.name == str(tmp_path / "words.txt")
    for name, read in (("stdlib", "stdlib"), ("./stdlib", str(tmp_path / "stdlib")), ("/x/y", "/x/y")):
        other = tmp_path / "other.toml"
        other.write_text(tiny.read_text().replace("words.txt", name))
        assert load_ladder(str(other)).corpus.name == read
    # What is typed on a command line is where one stands.
    assert load_ladder(str(tiny), ["corpus=notes.txt"]).corpus.name == str(tmp_path / "away" / "notes.txt")
    assert load_ladder(str(tiny), ["corpus=stdlib"]).corpus.name == "stdlib"


def test_a_name_nearly_right_is_guessed() -> None:
    with pytest.raises(InputError, match="did you mean 'quickstart'"):
        load_ladder("quikstart")


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_file_whatever_is_in_it_raises_anything_else(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("ladder") / "x.toml"
    path.write_bytes(content)
    with pytest.raises(InputError):
        load_ladder(str(path))


def test_a_users_ladder_hides_the_projects_of_its_name(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    mine = tmp_path / "scaling-tui" / "models" / "quickstart.toml"
    mine.parent.mkdir(parents=True)
    mine.write_text(tiny.read_text())
    assert load_ladder("quickstart").summary == "Four tiny sizes for tests."
    assert [path.stem for path in ladders()].count("quickstart") == 1
