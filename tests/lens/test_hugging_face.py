"""Models that were not trained here: the last row is the library's own logits, shares sum to it, no code runs."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.lens.attribution import shares
from scaling_tui.lens.checkpoints import Checkpoint, CheckpointCache
from scaling_tui.lens.hugging_face import model as loading
from scaling_tui.lens.hugging_face.folder import find_model, models_by_size, models_in_time, read_model_folder
from scaling_tui.lens.hugging_face.tokenizer import FolderTokenizer
from scaling_tui.lens.readout import generate
from scaling_tui.lens.trace import TraceRequest, across, trace_prompt
from tests.lens.tiny_models import MODELS, TEXT, VOCAB, WORDS, build, edit, logits, save, tokenizer

pytest.importorskip("transformers")

PROMPT = "the cat sat on the log while"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every model of the table, saved once."""
    folder = tmp_path_factory.mktemp("models")
    return {name: save(folder / name.replace(" ", "-"), name) for name in MODELS}


def request(prompt: str | None = PROMPT, at: int | None = None, watch: str | None = None) -> TraceRequest:
    return TraceRequest(prompt, 0, at, watch, 5)


@pytest.mark.parametrize("name", MODELS)
def test_the_last_row_is_the_librarys_own_logits(saved: dict[str, Path], name: str) -> None:
    model = CheckpointCache().load(saved[name]).model
    ids = torch.randint(0, VOCAB, (20,), generator=torch.Generator().manual_seed(3)).tolist()
    forward = model.forward_pass(ids, at=11)
    own = logits(saved[name], ids)
    assert forward.names == [
        "embedding",
        *(f"{k} {part}" for k in (1, 2, 3) for part in ("attention", "MLP")),
        "output",
    ]
    torch.testing.assert_close(forward.logits(7), own, rtol=1e-4, atol=1e-4)
    assert torch.equal(forward.logits(6), forward.logits(7))
    assert not torch.allclose(forward.logits(5), own, atol=1e-2)


@pytest.mark.parametrize("name", MODELS)
def test_shares_sum_to_the_logit_and_heads_to_their_attention(saved: dict[str, Path], name: str) -> None:
    model = CheckpointCache().load(saved[name]).model
    for at, token in ((0, 3), (7, 50), (14, VOCAB - 1)):
        forward = model.forward_pass(torch.arange(15).tolist(), at)
        found = shares(forward, token)
        logit = float(forward.logits(7)[at, token])
        assert sum(part.value for part in found) == pytest.approx(logit, rel=1e-4, abs=1e-4)
        by_head = [part for part in found if part.heads]
        assert [len(part.heads) for part in by_head] == [model.shape.heads] * 3
        weights = torch.tensor(forward.attention())
        assert weights.shape == (3, model.shape.heads, 15)
        torch.testing.assert_close(weights.sum(-1), torch.ones(3, model.shape.heads), rtol=1e-4, atol=1e-4)
        assert not weights[:, :, at + 1 :].any(), "a head looked at a token that comes later"


@pytest.mark.parametrize("name", ["gpt2", "pythia", "qwen3"])
def test_a_share_is_what_the_part_really_wrote(name: str) -> None:
    """A head whose values are cut off from the output has no share, and neither has an MLP that adds nothing."""
    whole = build(name, seed=5)
    model = loading.HuggingFaceModel(whole, loading.LAYOUTS[MODELS[name][0]], MODELS[name][0])
    out = model.layout.attention_out.split(".")
    projection: Any = model.blocks[1]
    for step in out:
        projection = getattr(projection, step)
    width = model.shape.head_dim
    with torch.no_grad():
        matrix = projection.weight if isinstance(projection, torch.nn.Linear) else projection.weight.T
        matrix[:, width : 2 * width] = 0
        for parameter in model.blocks[2].mlp.parameters():  # type: ignore[union-attr]
            parameter.zero_()
    found = {part.name: part for part in shares(model.forward_pass([4, 9, 2, 7], 3), 6)}
    assert found["2 attention"].heads[1] == 0 and found["2 attention"].heads[0] != 0
    assert found["3 MLP"].value == 0 != found["2 MLP"].value


def test_a_row_after_attention_is_what_the_library_has_there() -> None:
    """In series, the stream after attention is what the second norm reads; in parallel, that norm reads the block's."""
    for name, reads in (("neox in series", 1), ("pythia", 0)):
        whole = build(name)
        seen: list[torch.Tensor] = []
        hook = whole.gpt_neox.layers[0].post_attention_layernorm.register_forward_pre_hook(
            lambda _, inputs, seen=seen: seen.append(inputs[0])
        )
        forward = loading.HuggingFaceModel(whole, loading.LAYOUTS["gpt_neox"], "gpt_neox").forward_pass([1, 2, 3], 2)
        hook.remove()
        torch.testing.assert_close(seen[0], forward.streams[reads])


def test_hooks_are_taken_off_again() -> None:
    whole = build("llama")
    model = loading.HuggingFaceModel(whole, loading.LAYOUTS["llama"], "llama")
    model.forward_pass([1, 2, 3], 0)
    hooked = [one for one in whole.modules() if one._forward_hooks or one._forward_pre_hooks]
    assert not hooked


def test_weights_without_a_head_are_those_of_a_tied_model(tmp_path: Path) -> None:
    """As GPT-2 was published: the names lack the prefix, and the masks are among the weights."""
    from safetensors.torch import save_file

    whole = build("gpt2")
    save(tmp_path / "m", "gpt2")
    tensors = {name: value.contiguous() for name, value in whole.transformer.state_dict().items()}
    tensors |= {f"h.{layer}.attn.bias": torch.ones(1, 1, 48, 48).tril() for layer in range(3)}
    save_file(tensors, tmp_path / "m" / "model.safetensors", metadata={"format": "pt"})
    checkpoint = CheckpointCache().load(tmp_path / "m")
    with torch.no_grad():
        own = whole(torch.tensor([[1, 2, 3]])).logits[0]
    torch.testing.assert_close(checkpoint.model.forward_pass([1, 2, 3], 2).logits(7), own, rtol=1e-4, atol=1e-4)
    assert checkpoint.source.params == whole.num_parameters()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shard", [None, "20KB"])
def test_half_precision_is_computed_in_float32_and_shards_are_put_together(
    tmp_path: Path, dtype: torch.dtype, shard: str | None
) -> None:
    folder = save(tmp_path / "half", "qwen2 window", dtype=dtype, shard=shard)
    assert (len(list(folder.glob("model-*.safetensors"))) > 1) == (shard is not None)
    checkpoint = CheckpointCache().load(folder)
    ids = [5, 9, 33, 2, 70]
    forward = checkpoint.model.forward_pass(ids, 4)
    assert forward.streams[-1].dtype == torch.float32
    torch.testing.assert_close(forward.logits(7), logits(folder, ids), rtol=1e-4, atol=1e-4)


def test_weights_that_stay_in_half_precision_are_traced_too() -> None:
    """As on a GPU: shares then sum to the logit as exactly as the weights are."""
    whole = build("llama").to(torch.bfloat16)
    model = loading.HuggingFaceModel(whole, loading.LAYOUTS["llama"], "llama")
    ids = [5, 9, 33, 2, 70]
    forward = model.forward_pass(ids, 4)
    with torch.no_grad():
        own = whole(torch.tensor([ids])).logits[0].float()
    torch.testing.assert_close(forward.logits(7), own)
    total = sum(part.value for part in shares(forward, 8))
    assert total == pytest.approx(float(own[4, 8]), rel=0.03, abs=0.1)


def test_a_trace_tells_of_every_layer_and_of_what_it_does_not_know(saved: dict[str, Path]) -> None:
    traced = trace_prompt(CheckpointCache().load(saved["pythia"]), request())
    own = logits(saved["pythia"], [token.id for token in traced.tokens])
    best = own[-1].softmax(-1).max(-1)
    assert (traced.rows[-1].top[0].id, traced.rows[-1].kl) == (int(best.indices), 0.0)
    assert traced.rows[-1].top[0].p == pytest.approx(float(best.values), rel=1e-4)
    assert (traced.run, traced.rung, traced.step, traced.outputs) == ("pythia", None, None, VOCAB)
    assert traced.params == sum(one.numel() for one in build("pythia").parameters())
    assert "".join(token.token for token in traced.tokens) == PROMPT
    assert traced.truth[-1] is None
    assert (traced.shape.parallel, traced.shape.kv_heads, traced.shape.head_dim) == (True, 3, 8)
    assert any("read the same stream" in note for note in traced.notes)
    llama = trace_prompt(CheckpointCache().load(saved["llama 3"]), request())
    assert (llama.notes, llama.shape.kv_heads, llama.shape.head_dim, llama.shape.tied) == ([], 2, 8, True)


def test_every_position_says_what_a_trace_of_its_own_says(saved: dict[str, Path]) -> None:
    """The grid is computed once for a prompt: a second position is read from it as a fresh process would read it."""
    cache = CheckpointCache()
    for name in ("pythia", "qwen2 window"):
        first = trace_prompt(cache.load(saved[name]), request(at=2))
        second = trace_prompt(cache.load(saved[name]), request(at=4))
        fresh = trace_prompt(CheckpointCache().load(saved[name]), request(at=4))
        assert second.grid is first.grid and second.grid == fresh.grid
        assert (second.rows, second.attribution, second.attention) == (fresh.rows, fresh.attribution, fresh.attention)
        assert second.rows != first.rows and second.attention != first.attention
        for row, name_of_row in enumerate(second.grid.names):
            assert second.rows[row].name == name_of_row
            assert second.rows[row].top[0].p == pytest.approx(second.grid.p[row][4], rel=1e-5)
        assert trace_prompt(cache.load(saved[name]), request("the cat", at=1)).grid is not first.grid


def test_without_a_prompt_there_are_samples(saved: dict[str, Path]) -> None:
    cache = CheckpointCache()
    first, second = (trace_prompt(cache.load(saved["llama"]), TraceRequest(None, n, None, None, 3)) for n in (0, 1))
    assert first.origin == "sample text no. 0" != second.origin
    assert first.prompt != second.prompt


def test_a_model_goes_on_as_the_library_does(saved: dict[str, Path]) -> None:
    import transformers

    model = CheckpointCache().load(saved["qwen3"]).model
    whole = transformers.AutoModelForCausalLM.from_pretrained(saved["qwen3"])
    ids = [3, 14, 15]
    theirs = whole.generate(torch.tensor([ids]), max_new_tokens=8, do_sample=False, eos_token_id=None, pad_token_id=0)
    assert generate(model, ids, 8, 0.0, seed=0) == theirs[0, 3:].tolist()
    drawn = generate(model, ids, 60, 1.5, seed=2)
    assert drawn == generate(model, ids, 60, 1.5, seed=2), "past the context of 48 too"


def test_a_prompt_longer_than_the_context_keeps_its_end_and_says_so(saved: dict[str, Path]) -> None:
    traced = trace_prompt(CheckpointCache().load(saved["gpt2"]), request(TEXT * 6))
    assert len(traced.tokens) == 48
    assert "the model's context is 48" in traced.notes[0]


# --- several models


def load_all(
    folders: list[tuple[str, Path]], cache: CheckpointCache | None = None
) -> list[tuple[str, Callable[[], Checkpoint]]]:
    cache = cache or CheckpointCache()
    return [(name, partial(cache.load, folder)) for name, folder in folders]


def test_checkpoints_of_one_training_are_compared_by_step(tmp_path: Path) -> None:
    for step in (1000, 200, 30):
        save(tmp_path / f"checkpoint-{step}", "llama", seed=step)
    (tmp_path / "checkpoint-200" / "trainer_state.json").write_text('{"global_step": 201}')
    (tmp_path / "runs").mkdir()
    for where in (tmp_path, tmp_path / "checkpoint-30"):
        found = models_in_time(where)
        assert [name for name, _ in found] == ["step 30", "step 201", "step 1000"]
    reading = across(load_all(found), request())
    assert [member.step for member in reading.members] == [30, 201, 1000]
    ids = [token.id for token in reading.tokens]
    for row, (_, folder) in zip(reading.rows, found, strict=True):
        own = logits(folder, ids)[-1].softmax(-1)
        assert row.top[0].p == pytest.approx(float(own.max()), rel=1e-4)
    assert reading.rows[-1].kl == 0 < reading.rows[0].kl
    with pytest.raises(InputError, match="found 0 checkpoints"):
        models_in_time(tmp_path / "runs")


def test_a_family_is_compared_by_size_with_heads_of_other_lengths(tmp_path: Path) -> None:
    save(tmp_path / "big", "pythia", num_hidden_layers=4, vocab_size=VOCAB + 8)
    save(tmp_path / "small", "pythia", num_hidden_layers=1)
    save(tmp_path / "other", "gpt2")
    assert [name for name, _ in models_by_size(tmp_path / "big")] == ["small", "big"]
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "config.json").write_text('{"model_type": "bert"}')
    assert [name for name, _ in models_by_size(tmp_path / "big")] == ["small", "big"], (
        "others beside them do not matter"
    )
    with pytest.raises(InputError, match="model_type 'bert'"):
        models_by_size(tmp_path)
    (tmp_path / "encoder" / "config.json").unlink()
    assert next(name for name, _ in models_by_size(tmp_path)) == "small"
    reading = across(load_all(models_by_size(tmp_path / "big")), request())
    assert [member.name for member in reading.members] == ["small", "big"]
    assert f"the head of small has {VOCAB} rows and that of big {VOCAB + 8}" in " ".join(reading.notes)
    ids = [token.id for token in reading.tokens]
    small, big = (logits(tmp_path / name, ids)[-1, :VOCAB].double().log_softmax(-1) for name in ("small", "big"))
    assert reading.rows[0].kl == pytest.approx(float((big.exp() * (big - small)).sum()), rel=1e-4)


def test_models_of_other_tokens_or_shorter_contexts_are_not_compared(tmp_path: Path, saved: dict[str, Path]) -> None:
    save(tmp_path / "one", "gpt2")
    tokenizer(words=80).save(str(tmp_path / "one" / "tokenizer.json"))
    with pytest.raises(InputError, match="its tokens are not those of llama; want models of one tokenizer"):
        across(load_all([("one", tmp_path / "one"), ("two", saved["llama"])]), request())
    save(tmp_path / "short", "gpt2", n_positions=4)
    with pytest.raises(InputError, match="short: its context is 4 tokens, the prompt has"):
        across(load_all([("short", tmp_path / "short"), ("two", saved["llama"])]), request())


def test_models_that_do_not_fit_together_are_loaded_one_after_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [(name, save(tmp_path / name, "llama", seed=seed)) for seed, name in enumerate(("a", "b", "c"))]
    cache = CheckpointCache()
    size = loading.needed_bytes(read_model_folder(folders[0][1]))
    monkeypatch.setattr(loading, "memory", lambda: (2 * size - size * len(cache._kept), False))
    reading = across(load_all(folders, cache), request())
    assert [member.name for member in reading.members] == ["a", "b", "c"]
    assert len(cache._kept) == 2
    monkeypatch.setattr(loading, "memory", lambda: (size - 1, False))
    with pytest.raises(InputError, match=r"c: .* weights need 0\.0 GB in float32, 0\.0 GB are available"):
        cache.load(folders[2][1])
    assert not cache._kept
    on_gpu = loading.needed_bytes(read_model_folder(folders[2][1]), "cuda")
    assert size * 0.9 < on_gpu < size * 1.2, "stored in float32 here"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (on_gpu - 1, on_gpu))
    with pytest.raises(InputError, match=r"need 0\.0 GB on cuda, .* want a smaller model, or --device cpu"):
        cache.load(folders[2][1], device="cuda")


def test_a_folder_that_is_written_again_is_read_again(tmp_path: Path) -> None:
    import os

    cache = CheckpointCache()
    first = cache.load(save(tmp_path / "m", "gpt2", seed=1)).model.next_logits([1, 2])
    assert torch.equal(cache.load(tmp_path / "m").model.next_logits([1, 2]), first)
    save(tmp_path / "m", "gpt2", seed=2)
    os.utime(tmp_path / "m" / "model.safetensors", ns=(5, 5))
    assert not torch.equal(cache.load(tmp_path / "m").model.next_logits([1, 2]), first)


# --- tokenizers


@given(st.lists(st.sampled_from(sorted(set(TEXT))), max_size=60).map("".join))
@settings(max_examples=60, deadline=None)
def test_tokens_spell_their_text(text: str) -> None:
    """But for a character that is cut across tokens, each of which has one of its bytes."""
    read = FolderTokenizer(tokenizer())
    spelled = "".join(read.spelled(int(one)) for one in read.encode(text.encode()))
    assert spelled.replace("\\xc3\\xa9", "é") == text


def test_a_token_before_the_text_is_part_of_the_prompt_but_not_of_a_watched_token(tmp_path: Path) -> None:
    folder = save(tmp_path / "m", "llama")
    made = tokenizer(special=True)
    made.enable_truncation(3)
    made.enable_padding(length=64)
    made.save(str(folder / "tokenizer.json"))
    traced = trace_prompt(CheckpointCache().load(folder), request(watch=" dog"))
    assert traced.tokens[0].token == "<s>"
    assert "".join(token.token for token in traced.tokens[1:]) == PROMPT, "neither cut nor padded"
    assert traced.rows[0].watched.token == " dog"


def test_pieces_of_sentencepiece_are_spelled_with_their_blanks_and_bytes() -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    made = Tokenizer(
        models.BPE(
            vocab={"<unk>": 0, "<0xC3>": 1, "<0x0A>": 2, "▁": 3, "a": 4, "▁a": 5},
            merges=[("▁", "a")], byte_fallback=True, unk_token="<unk>",
        )
    )  # fmt: skip
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    read = FolderTokenizer(made)
    assert [read.spelled(one) for one in range(7)] == ["<unk>", "\\xc3", "\n", " ", "a", " a", "#6"]


def test_older_files_of_a_tokenizer_are_read_by_transformers(tmp_path: Path) -> None:
    folder = save(tmp_path / "m", "gpt2")
    document = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(document["model"]["vocab"]))
    pairs = [" ".join(pair) if isinstance(pair, list) else pair for pair in document["model"]["merges"]]
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(pairs) + "\n")
    traced = trace_prompt(CheckpointCache().load(folder), request())
    whole = FolderTokenizer(tokenizer())
    assert [token.id for token in traced.tokens] == whole.encode(PROMPT.encode()).tolist()


# --- what cannot be read


def drop(name: str) -> object:
    return lambda folder: (folder / name).unlink()


def write(name: str, text: str) -> object:
    return lambda folder: (folder / name).write_text(text)


def cut(name: str) -> object:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-200])


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def adapter(folder: Path) -> None:
    (folder / "config.json").rename(folder / "adapter_config.json")


def other_head(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    del tensors["lm_head.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def large_tokenizer(folder: Path) -> None:
    made = tokenizer()
    made.add_tokens([f"word{number}" for number in range(20)])
    made.save(str(folder / "tokenizer.json"))


FAULTS = {
    "no configuration": (drop("config.json"), "no config.json, want a model's folder"),
    "broken configuration": (write("config.json", "{"), "config.json: not JSON"),
    "a list": (write("config.json", "[1]"), "config.json: found list, want a model's configuration"),
    "encoder": (lambda f: edit(f, model_type="bert"), "found model_type 'bert', want one of gpt2, gpt_neox, llama"),
    "no type": (write("config.json", "{}"), "found no model_type"),
    "a type that is no name": (lambda f: edit(f, model_type=["llama"]), "found model_type ['llama']"),
    "quantized": (lambda f: edit(f, quantization_config={"bits": 4}), "found quantized weights"),
    "impossible sizes": (lambda f: edit(f, hidden_size=-3), "cannot be read: "),
    "sizes as text": (lambda f: edit(f, hidden_size="wide"), "cannot be read: "),
    "gigantic sizes": (lambda f: edit(f, intermediate_size=10**12), "config.json describes a model of "),
    "endless layers": (lambda f: edit(f, num_hidden_layers=10**9), "a model of 1,000,000,000 layers, the weights are"),
    "a gigantic vocabulary": (lambda f: edit(f, vocab_size=10**11), "config.json describes a model of "),
    "other sizes": (lambda f: edit(f, intermediate_size=64), "weights have another shape than config.json says"),
    "more layers": (lambda f: edit(f, num_hidden_layers=5), "weights are missing: model.layers.3."),
    "no weights": (drop("model.safetensors"), "no model.safetensors, want the weights"),
    "pickled weights": (pickled, "found pytorch_model.bin, a pickle, which can run code; want model.safetensors"),
    "cut weights": (cut("model.safetensors"), "model.safetensors: not safetensors, or cut short"),
    "an error page": (write("model.safetensors", "<html>"), "model.safetensors: not safetensors, or cut short"),
    "a pointer": (
        write("model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 99\n"),
        "not safetensors, or cut short",
    ),
    "no head": (other_head, "weights are missing: lm_head.weight"),
    "adapter": (adapter, "found an adapter"),
    "no tokenizer": (drop("tokenizer.json"), "no tokenizer.json, want the tokenizer"),
    "broken tokenizer": (write("tokenizer.json", "{}"), "tokenizer.json: not a tokenizer"),
    "another tokenizer": (large_tokenizer, f"the tokenizer has {WORDS + 20} tokens, the embedding {VOCAB} rows"),
    "index of elsewhere": (
        write("model.safetensors.index.json", '{"weight_map": {"a": "../../secret.safetensors"}}'),
        "found no weight_map with names of files in this folder",
    ),
    "a missing shard": (
        write("model.safetensors.index.json", '{"weight_map": {"a": "model-1.safetensors", "b": "model.safetensors"}}'),
        "model-1.safetensors is missing",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, fault: str) -> None:
    damage, said = FAULTS[fault]
    folder = save(tmp_path / "m", "llama")
    damage(folder)  # type: ignore[operator]
    with pytest.raises(InputError) as error:
        CheckpointCache().load(folder)
    assert said in str(error.value)
    assert str(error.value).startswith(str(folder)) and "\n" not in str(error.value)


def test_weights_that_diverged_are_told(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = save(tmp_path / "m", "llama")
    tensors = load_file(folder / "model.safetensors")
    tensors["model.layers.1.mlp.down_proj.weight"].fill_(float("nan"))
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match="its logits are not finite"):
        trace_prompt(CheckpointCache().load(folder), request())


def test_no_code_of_a_folder_runs(tmp_path: Path) -> None:
    folder = save(tmp_path / "m", "llama")
    trap = tmp_path / "sprung"
    code = f"open({str(trap)!r}, 'w').close()\nclass Model: pass\ndef generate(*a, **k): pass\n"
    (folder / "modeling.py").write_text(code)
    (folder / "custom_generate").mkdir()
    (folder / "custom_generate" / "generate.py").write_text(code)
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04cposix\nsystem\n")
    (folder / "tokenizer_config.json").write_text('{"auto_map": {"AutoTokenizer": ["modeling.Model", null]}}')
    edit(folder, auto_map={"AutoConfig": "modeling.Model", "AutoModelForCausalLM": "modeling.Model"})
    traced = trace_prompt(CheckpointCache().load(folder), request())
    assert traced.rows and not trap.exists()
    edit(folder, model_type="mine")
    with pytest.raises(InputError, match="model_type 'mine'"):
        CheckpointCache().load(folder)
    assert not trap.exists()


def test_without_transformers_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    folder = save(tmp_path / "m", "llama")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match=r"needs transformers.* pip install 'scaling-tui\[hf\]'"):
        CheckpointCache().load(folder)


def test_a_model_is_found_by_path_and_by_its_name_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached = tmp_path / "hub" / "models--EleutherAI--pythia-14m"
    snapshot = save(cached / "snapshots" / "abc", "pythia")
    save(cached / "snapshots" / "aaa", "gpt2")
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("abc")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert find_model(str(snapshot)) == find_model(str(cached)) == find_model("EleutherAI/pythia-14m") == snapshot
    assert read_model_folder(snapshot).name == "EleutherAI/pythia-14m"
    for name in ("EleutherAI/none", "../hub/x", "", "a\x00b", "~nobody-here/x", str(tmp_path / "nothing")):
        assert find_model(name) is None
    with pytest.raises(InputError, match="a file, want the folder"):
        find_model(str(snapshot / "model.safetensors"))
