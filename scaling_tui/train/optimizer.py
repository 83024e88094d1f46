"""AdamW over flat tensors: clipping and updating a model of a hundred tensors takes as few operations as one of two.

Each parameter is a view of its group's flat tensor, and so is its gradient.
"""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from scaling_tui.runs.config import Training

ALIGNED = 64  # elements: 256 bytes, so that every view starts where vector instructions and GPUs like it
EPSILON = 1e-8


class _Group:
    """Parameters with one weight decay, their gradients and moments."""

    def __init__(self, parameters: Sequence[nn.Parameter], weight_decay: float) -> None:
        self.parameters, self.weight_decay = parameters, weight_decay
        length = sum(-(-p.numel() // ALIGNED) * ALIGNED for p in parameters)
        self.values, self.gradients, self.mean, self.square = (parameters[0].new_zeros(length) for _ in range(4))
        self.steps = self.values.new_zeros(())
        with torch.no_grad():
            for parameter, value, gradient in zip(
                parameters, self.views(self.values), self.views(self.gradients), strict=True
            ):
                value.copy_(parameter)
                parameter.data, parameter.grad = value, gradient

    def views(self, flat: Tensor) -> Iterator[Tensor]:
        """The part of `flat` that belongs to each parameter, in its shape."""
        begin = 0
        for parameter in self.parameters:
            yield flat[begin : begin + parameter.numel()].view_as(parameter)
            begin += -(-parameter.numel() // ALIGNED) * ALIGNED


class Optimizer:
    """AdamW with weight decay on matrices but not on embeddings, gains and biases.

    Args:
        model: on its final device; its parameters become views of flat tensors.
    """

    def __init__(self, model: nn.Module, training: Training) -> None:
        self.training = training
        lookups = {id(layer.weight) for layer in model.modules() if isinstance(layer, nn.Embedding)}
        decayed = [p for p in model.parameters() if p.ndim >= 2 and id(p) not in lookups]
        others = [p for p in model.parameters() if p.ndim < 2 or id(p) in lookups]
        groups = [(decayed, training.weight_decay), (others, 0.0)]
        self.groups = [_Group(parameters, decay) for parameters, decay in groups if parameters]

    @property
    def parameters(self) -> list[nn.Parameter]:
        """In the order in which `moments` numbers them."""
        return [parameter for group in self.groups for parameter in group.parameters]

    @torch.no_grad()
    def zero(self) -> None:
        for group in self.groups:
            group.gradients.zero_()

    @torch.no_grad()
    def step(self, rate: float | Tensor) -> Tensor:
        """Clips the gradients and updates the parameters; returns the norm of the gradients before clipping.

        A learning rate that is a tensor is read on the device, so that a CUDA graph can replay the step.
        """
        norms = [torch.linalg.vector_norm(group.gradients) for group in self.groups]
        norm: Tensor = torch.linalg.vector_norm(torch.stack(norms))
        if self.training.clip:
            scale = (self.training.clip / (norm + 1e-6)).clamp_(max=1.0)
            for group in self.groups:
                group.gradients.mul_(scale)
        for group in self.groups:
            adamw(
                [group.values],
                [group.gradients],
                [group.mean],
                [group.square],
                [],
                [group.steps],
                fused=True,
                capturable=isinstance(rate, Tensor),
                amsgrad=False,
                beta1=self.training.beta1,
                beta2=self.training.beta2,
                lr=rate,
                weight_decay=group.weight_decay,
                eps=EPSILON,
                maximize=False,
            )
        return norm

    def state(self) -> list[Tensor]:
        """All that a step changes, to be copied and restored."""
        return [tensor for group in self.groups for tensor in (group.values, group.mean, group.square, group.steps)]

    def moments(self) -> dict[int, dict[str, Tensor]]:
        """`step`, `exp_avg` and `exp_avg_sq` of each parameter by its number; empty before the first step."""
        found: dict[int, dict[str, Tensor]] = {}
        for group in self.groups:
            for mean, square in zip(group.views(group.mean), group.views(group.square), strict=True):
                found[len(found)] = {"step": group.steps.clone(), "exp_avg": mean, "exp_avg_sq": square}
        return found if bool(self.groups[0].steps) else {}

    @torch.no_grad()
    def load_moments(self, moments: Mapping[int, Mapping[str, Tensor]]) -> None:
        for tensor in (tensor for group in self.groups for tensor in (group.mean, group.square, group.steps)):
            tensor.zero_()
        number = 0
        for group in self.groups:
            for mean, square in zip(group.views(group.mean), group.views(group.square), strict=True):
                if number in moments:
                    mean.copy_(moments[number]["exp_avg"])
                    square.copy_(moments[number]["exp_avg_sq"])
                    group.steps.copy_(moments[number]["step"])
                number += 1
