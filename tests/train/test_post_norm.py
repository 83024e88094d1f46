"""The sources' models are PyTorch's own layers with the published parameter counts; the wide head's loss is exact."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from scaling_tui.laws.counting import Architecture, count
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.train.loss import head_loss
from scaling_tui.train.post_norm import PostNorm


def classifier(layers: int = 1, hidden: int = 16, ffn: int = 24) -> Architecture:
    return Architecture(
        layers=layers, hidden=hidden, ffn=ffn, heads=4, vocab=30, context=12, norm="layer", bias=True, head="untied",
        head_bias=True, classes=2,
    )  # fmt: skip


def built(arch: Architecture) -> int:
    return sum(p.numel() for p in PostNorm(arch, "gelu").parameters())


@pytest.mark.parametrize(
    ("ladder", "published"),
    [("simple-llm", [131_074, 658_178, 3_419_138]), ("tiny-shakespeare", [3_296_273, 6_691_409, 14_122_321])],
)
def test_sizes_are_those_that_the_sources_print(ladder: str, published: list[int]) -> None:
    rungs = load_ladder(ladder).rungs
    assert [rung.count.total for rung in rungs] == published
    assert [built(rung.architecture) for rung in rungs] == published


@given(layers=st.integers(1, 3), width=st.integers(1, 4), ffn=st.integers(1, 40))
@settings(max_examples=15, deadline=None)
def test_every_trainable_parameter_of_a_classifier_is_counted(layers: int, width: int, ffn: int) -> None:
    arch = classifier(layers, 4 * width, ffn)
    assert built(arch) == count(arch).total


def test_a_block_is_pytorchs_own_encoder_layer() -> None:
    torch.manual_seed(0)
    arch = classifier()
    theirs = nn.TransformerEncoderLayer(arch.hidden, arch.heads, arch.inner, batch_first=True).eval()
    model = PostNorm(arch, "relu", dropout=0.1).eval()
    block: Any = model.blocks[0]
    pairs = (
        (block.attention.qkv.weight, theirs.self_attn.in_proj_weight),
        (block.attention.qkv.bias, theirs.self_attn.in_proj_bias),
        (block.attention.out.weight, theirs.self_attn.out_proj.weight),
        (block.attention.out.bias, theirs.self_attn.out_proj.bias),
        (block.up.weight, theirs.linear1.weight),
        (block.up.bias, theirs.linear1.bias),
        (block.down.weight, theirs.linear2.weight),
        (block.down.bias, theirs.linear2.bias),
    )
    with torch.no_grad():
        for ours, other in pairs:
            ours.copy_(other)
    x = torch.randn(3, 12, arch.hidden)
    assert torch.allclose(block(x)[1], theirs(x), atol=1e-5)


def test_its_weights_begin_as_wide_as_pytorchs() -> None:
    torch.manual_seed(0)
    arch = classifier(hidden=64, ffn=128)
    theirs = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)
    block: Any = PostNorm(arch, "relu").blocks[0]
    assert block.attention.qkv.weight.std().item() == pytest.approx(
        theirs.self_attn.in_proj_weight.std().item(), rel=0.03
    )
    assert block.attention.out.weight.std().item() == pytest.approx(
        theirs.self_attn.out_proj.weight.std().item(), rel=0.03
    )
    assert not block.attention.qkv.bias.any() and not block.attention.out.bias.any()


def test_a_language_model_sees_no_later_token_and_a_classifier_sees_all() -> None:
    torch.manual_seed(0)
    ids = torch.randint(0, 30, (1, 12))
    changed = ids.clone()
    changed[0, 7:] = (changed[0, 7:] + 1) % 30
    language = PostNorm(
        Architecture(
            layers=2, hidden=16, heads=4, vocab=30, context=12, norm="layer", final_norm=True, positions="learned",
            bias=True, head="untied", head_bias=True,
        ),
        "gelu",
    ).eval()  # fmt: skip
    assert torch.allclose(language(ids)[0, :7], language(changed)[0, :7], atol=1e-6)
    assert not torch.allclose(language(ids)[0, 7:], language(changed)[0, 7:], atol=1e-4)
    sees = PostNorm(classifier(), "relu").eval()
    assert sees(ids).shape == (1, 2)
    assert not torch.allclose(sees(ids), sees(changed), atol=1e-4)


@given(positions=st.integers(1, 600), hidden=st.integers(1, 9), bias=st.booleans(), spread=st.floats(0.01, 3.0))
@settings(max_examples=16, deadline=None)
def test_the_wide_head_gives_the_loss_and_the_gradients_of_cross_entropy(
    positions: int, hidden: int, bias: bool, spread: float
) -> None:
    torch.manual_seed(positions)
    head = nn.Linear(hidden, 4099, bias=bias)
    nn.init.normal_(head.weight, std=spread)
    x, targets = torch.randn(positions, hidden), torch.randint(0, 4099, (positions,))
    found = []
    for loss_of in (head_loss, lambda x, head, targets: F.cross_entropy(head(x), targets)):
        given_x = x.clone().requires_grad_()
        head.zero_grad()
        loss = loss_of(given_x, head, targets)
        (3 * loss).backward()  # type: ignore[no-untyped-call]
        gradients = [given_x.grad, *(parameter.grad for parameter in head.parameters())]
        found.append([loss.detach(), *(gradient.clone() for gradient in gradients if gradient is not None)])
        assert len(found[-1]) == 3 + bias
    for ours, exact in zip(*found, strict=True):
        assert (ours - exact).abs().max() <= 2e-6 + 1e-4 * exact.abs().max()


@pytest.mark.parametrize("bias", [True, False])
def test_the_wide_head_of_any_family_never_has_all_logits_in_memory(
    bias: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The memory that a step is estimated to need counts on it."""

    def refused(*arguments: object) -> None:
        raise AssertionError("all logits at once")

    monkeypatch.setattr(F, "cross_entropy", refused)
    head = nn.Linear(8, 5000, bias=bias)
    head_loss(torch.randn(300, 8, requires_grad=True), head, torch.zeros(300, dtype=torch.int64)).backward()  # type: ignore[no-untyped-call]
    assert head.weight.grad is not None


def test_logits_too_large_to_exponentiate_are_still_right() -> None:
    head = nn.Linear(1, 5000)
    nn.init.constant_(head.weight, 0.0)
    nn.init.constant_(head.bias, 0.0)
    with torch.no_grad():
        head.bias[3] = 200.0
    loss = head_loss(torch.ones(2, 1), head, torch.tensor([3, 4]))
    assert loss.item() == pytest.approx(100.0)
