"""The kernels of the CPU compute what the model says, forwards and backwards."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from scaling_tui.laws.counting import Architecture
from scaling_tui.train import kernels
from scaling_tui.train.model import GPT


def model(**changes: object) -> GPT:
    fields = {"layers": 2, "hidden": 32, "heads": 2, "vocab": 50, "context": 16}
    made = {"norm": "rms", "final_norm": True, "positions": "rotary", "head": "tied"}
    torch.manual_seed(0)
    return GPT(Architecture(**{**fields, **made, **changes}))  # type: ignore[arg-type]


def loss_and_gradients(made: GPT, ids: Tensor) -> list[Tensor]:
    made.zero_grad()
    loss = F.cross_entropy(made(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
    loss.backward()  # type: ignore[no-untyped-call]
    return [loss.detach(), *(p.grad.clone() for p in made.parameters() if p.grad is not None)]


@settings(max_examples=20, deadline=None)
@given(
    heads=st.sampled_from([1, 2, 4]),
    half=st.integers(1, 9),
    context=st.integers(1, 20),
    batch=st.integers(1, 5),
    positions=st.sampled_from(["rotary", "learned", "none"]),
    ffn=st.sampled_from([None, 24]),
)
def test_a_model_has_the_same_loss_and_gradients_with_and_without_them(
    heads: int, half: int, context: int, batch: int, positions: str, ffn: int | None
) -> None:
    made = model(heads=heads, hidden=2 * half * heads, context=context, positions=positions, ffn=ffn)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    ids = torch.randint(0, 50, (batch, context + 1))
    fast = loss_and_gradients(made, ids)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "are_for", lambda x: False)
        plain = loss_and_gradients(made, ids)
    assert len(fast) == 1 + len(list(made.parameters()))
    for ours, theirs in zip(fast, plain, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-3, atol=1e-4 * float(theirs.abs().max() + 1e-3))


@pytest.mark.parametrize("faster", [True, False])
def test_a_wide_layer_has_the_same_gradients_by_either_library(faster: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if faster and not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        pytest.skip("this PyTorch was built without oneDNN")
    monkeypatch.setattr(kernels, "_onednn_is_faster", lambda: faster)
    x, weight, bias = torch.randn(3, 70, 96), torch.randn(256, 96), torch.randn(256)
    assert x.numel() * len(weight) > kernels.WORTH_TRANSPOSING
    given = [tensor.requires_grad_() for tensor in (x, weight, bias)]
    outward = torch.randn(3, 70, 256)
    found = torch.autograd.grad(kernels.linear(*given), given, outward)
    wanted = torch.autograd.grad(F.linear(*given), given, outward)
    assert torch.allclose(kernels.linear(*given), F.linear(*given), atol=1e-3)
    for ours, theirs in zip(found, wanted, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-3)


def test_rms_norm_has_the_gradient_of_its_formula() -> None:
    x, gain = torch.randn(4, 5, 24, requires_grad=True), torch.randn(24, requires_grad=True)
    outward = torch.randn(4, 5, 24)
    ours = torch.autograd.grad(kernels.rms_norm(x, gain), (x, gain), outward)
    formula = x * (x.square().mean(-1, keepdim=True) + kernels.RMS_EPSILON).rsqrt() * gain
    theirs = torch.autograd.grad(formula, (x, gain), outward)
    assert all(torch.allclose(a, b, rtol=1e-4, atol=1e-5) for a, b in zip(ours, theirs, strict=True))


def test_dropout_leaves_the_kernels_aside() -> None:
    torch.manual_seed(0)
    made = GPT(model().arch, 0.5)
    ids = torch.randint(0, 50, (2, 17))
    assert not torch.equal(loss_and_gradients(made, ids)[0], loss_and_gradients(made, ids)[0])
    made.eval()
    assert torch.equal(made(ids[:, :-1]), made(ids[:, :-1]))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions_are_left_to_pytorch(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    """oneDNN's product has no float64, and a norm whose squares are summed in bfloat16 keeps two digits."""
    monkeypatch.setattr(kernels, "_onednn_is_faster", lambda: True)
    x, weight, gain = torch.randn(300, 96), torch.randn(128, 96), torch.randn(96)
    found = kernels.linear(kernels.rms_norm(x.to(dtype), gain.to(dtype)), weight.to(dtype))
    wanted = F.linear(F.rms_norm(x.to(dtype), (96,), gain.to(dtype), kernels.RMS_EPSILON), weight.to(dtype))
    assert found.dtype == dtype
    assert torch.equal(found, wanted)


@pytest.mark.parametrize("name", ["qkv", "up", "gain", "embedding"])
def test_frozen_weights_get_no_gradient_and_change_no_other(name: str) -> None:
    made, frozen = model(), model()
    ids = torch.randint(0, 50, (3, 17))
    for key, parameter in frozen.named_parameters():
        parameter.requires_grad_(name not in key)
    loss_and_gradients(made, ids)
    loss_and_gradients(frozen, ids)
    for (key, ours), theirs in zip(frozen.named_parameters(), made.parameters(), strict=True):
        assert (ours.grad is None) == (name in key)
        assert ours.grad is None or (theirs.grad is not None and torch.equal(ours.grad, theirs.grad))
