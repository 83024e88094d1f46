"""The lens reads as the model does, its metrics are what hand and definition say, and shares sum to the logit."""

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from scaling_tui import InputError
from scaling_tui.laws.counting import Architecture
from scaling_tui.lens.attribution import shares
from scaling_tui.lens.readout import ForwardPass, generate, measure
from scaling_tui.lens.trained import TrainedModel
from scaling_tui.train.model import GPT, Transformer
from scaling_tui.train.post_norm import PostNorm

KINDS = ("gpt", "gpt learned", "gpt untied", "post-norm", "classifier")


def model_of(kind: str, seed: int = 0, layers: int = 2) -> Transformer:
    """A small model with every weight, gain and bias drawn at random: nothing holds by being one or zero."""
    torch.manual_seed(seed)
    sizes: dict[str, Any] = {"layers": layers, "hidden": 24, "heads": 3, "vocab": 31, "context": 12}
    if kind.startswith("gpt"):
        made = {"norm": "rms", "final_norm": True, "positions": "rotary", "head": "tied"}
        made |= {"positions": "learned"} if "learned" in kind else {}
        made |= {"head": "untied"} if "untied" in kind else {}
        model: Transformer = GPT(Architecture(**sizes, **made))  # type: ignore[arg-type]
    else:
        made = {"norm": "layer", "bias": True, "head": "untied", "head_bias": True}
        own = {"classes": 3} if kind == "classifier" else {"final_norm": True, "positions": "learned"}
        model = PostNorm(Architecture(**sizes, **made, **own), "gelu", dropout=0.3)  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.normal_(1.0 if parameter.mean() > 0.5 else 0.0, 0.5)
            else:
                parameter.mul_(2.0)
    return model.eval()


def forward_pass(model: Transformer, ids: list[int], at: int = 8) -> ForwardPass:
    return TrainedModel(model, "gpt").forward_pass(ids, 0 if model.arch.classes is not None else at)


def prompt(seed: int, length: int = 9) -> list[int]:
    return torch.randint(0, 31, (length,), generator=torch.Generator().manual_seed(seed)).tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_row_is_the_models_own_prediction_to_the_bit(kind: str) -> None:
    model, ids = model_of(kind), prompt(1)
    forward = forward_pass(model, ids)
    assert forward.names == ["embedding", "1 attention", "1 MLP", "2 attention", "2 MLP", "output"]
    with torch.no_grad():
        own = model(torch.tensor([ids]))
    own = own[0] if model.arch.classes is None else own
    assert torch.equal(forward.logits(5), own)
    assert torch.equal(forward.logits(4), own)
    assert not torch.allclose(forward.logits(3), own, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 10_000), at=st.integers(0, 8))
@settings(max_examples=12, deadline=None)
def test_shares_sum_to_the_logit(kind: str, seed: int, at: int) -> None:
    model = model_of(kind, seed)
    forward = forward_pass(model, prompt(seed), at)
    token = seed % model.arch.outputs
    logit = float(forward.logits(5)[forward.at, token])
    found = shares(forward, token)
    assert sum(part.value for part in found) == pytest.approx(logit, rel=1e-4, abs=1e-5)
    by_head = [part for part in found if part.heads]
    assert [len(part.heads) for part in by_head] == [3, 3]
    if isinstance(model, GPT):
        for part in by_head:
            assert sum(part.heads) == pytest.approx(part.value, rel=1e-9, abs=1e-12)


def test_a_share_is_what_the_part_really_wrote() -> None:
    """Without the second layer's MLP, and with the norm's scale held, the logit is less by just its share."""
    model = model_of("gpt", seed=3)
    forward = forward_pass(model, prompt(3))
    share = {part.name: part.value for part in shares(forward, 5)}
    final, before = forward.streams[-1][0, 8].double(), forward.streams[-2][0, 8].double()
    scale = (final.square().mean() + 1e-5).rsqrt()
    gain: Any = model.final_norm.gain
    by_hand = ((final - before) * scale * gain.double()) @ model.head.weight[5].double()
    assert share["2 MLP"] == pytest.approx(float(by_hand.detach()), rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_each_head_looks_at_the_prompt_with_weights_that_sum_to_one(kind: str) -> None:
    model = model_of(kind)
    forward = forward_pass(model, prompt(2), at=4)
    found = torch.tensor(forward.attention())
    assert found.shape == (2, 3, 9)
    assert torch.allclose(found.sum(-1), torch.ones(2, 3), atol=1e-5)
    if not forward.classifies:
        assert not found[:, :, 5:].any(), "a head looked at a token that comes later"


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_a_layer_that_adds_nothing_shows_no_change(layer: int) -> None:
    model = model_of("gpt", layers=3)
    block: Any = model.blocks[layer]
    with torch.no_grad():
        block.attention.out.weight.zero_()
        block.mlp.down.weight.zero_()
    forward = forward_pass(model, prompt(4))
    rows = [forward.logits(row) for row in range(len(forward.names) - 1)]
    unchanged = [torch.equal(one, other) for one, other in pairwise(rows)]
    assert unchanged == [place // 2 == layer for place in range(6)]
    by_name = {part.name: part for part in shares(forward, 0)}
    assert by_name[f"{layer + 1} MLP"].value == 0
    assert by_name[f"{layer + 1} attention"].value == 0


def test_metrics_are_those_that_a_hand_computes() -> None:
    logits = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, math.log(2), 0.0]])
    reference = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, math.log(2), 0.0]])
    found = measure(logits, reference, torch.tensor([1, -1]))
    first, others = math.e / (math.e + 3), 1 / (math.e + 3)
    assert found.top.tolist() == [0, 2]
    assert found.p.tolist() == pytest.approx([first, 0.4])
    assert found.p_true[0] == pytest.approx(others) and found.p_true[1].isnan()
    assert found.rank_true.tolist() == [2, 0]
    by_hand = -(first * math.log(first) + 3 * others * math.log(others))
    second = -(0.4 * math.log(0.4) + 3 * 0.2 * math.log(0.2))
    assert found.entropy.tolist() == pytest.approx([by_hand, second])
    # From four equal quarters to what was said: a quarter of each ln ratio.
    from_uniform = 0.25 * math.log(0.25 / first) + 0.75 * math.log(0.25 / others)
    assert found.kl.tolist() == pytest.approx([from_uniform, 0.0], abs=1e-6)


@given(seed=st.integers(0, 10_000), spread=st.floats(0.1, 50))
@settings(max_examples=40, deadline=None)
def test_metrics_keep_their_bounds(seed: int, spread: float) -> None:
    drawn = torch.Generator().manual_seed(seed)
    logits, other = spread * torch.randn(2, 5, 17, generator=drawn)
    truth = torch.randint(0, 17, (5,), generator=drawn)
    found = measure(logits, other, truth)
    assert bool((found.kl >= 0).all()) and bool((found.entropy >= -1e-12).all())
    assert bool((found.entropy <= math.log(17) + 1e-9).all())
    order = logits.argsort(-1, descending=True)
    assert found.rank_true.tolist() == [int((order[i] == truth[i]).nonzero()) + 1 for i in range(5)]
    assert measure(other, other, truth).kl.max() == 0


def test_equal_logits_share_a_rank_and_certainty_has_no_entropy() -> None:
    found = measure(torch.tensor([[0.0, 0.0], [1e4, 0.0]]), torch.zeros(2, 2), torch.tensor([1, 0]))
    assert found.rank_true.tolist() == [1, 1]
    assert found.entropy.tolist() == pytest.approx([math.log(2), 0.0])


def test_going_on_is_drawn_by_the_seed_and_may_run_past_the_context() -> None:
    model = model_of("gpt")
    greedy = generate(TrainedModel(model, "gpt"), prompt(5), 20, 0.0, seed=1)
    assert len(greedy) == 20
    assert greedy == generate(TrainedModel(model, "gpt"), prompt(5), 20, 0.0, seed=2)
    with torch.no_grad():
        assert greedy[0] == int(model(torch.tensor([prompt(5)]))[0, -1].argmax())
    drawn = generate(TrainedModel(model, "gpt"), prompt(5), 20, 2.0, seed=1)
    assert drawn == generate(TrainedModel(model, "gpt"), prompt(5), 20, 2.0, seed=1)
    assert drawn != generate(TrainedModel(model, "gpt"), prompt(5), 20, 2.0, seed=2)


def test_a_model_that_diverged_is_told() -> None:
    model = model_of("gpt")
    nn.init.constant_(model.blocks[1].mlp.down.weight, math.nan)  # type: ignore[union-attr, arg-type]
    with pytest.raises(InputError, match="not finite"):
        forward_pass(model, prompt(1))
