"""Bytes of memory that training a model takes, from its description alone, and how to make a batch fit."""

from scaling_tui.laws.counting import Architecture, count

# Weight, gradient and AdamW's two moments, each in float32.
BYTES_A_PARAMETER = 16
BYTES_A_LOGIT = 12  # on a CPU logits, softmax and gradient; on a GPU logits in bfloat16 and float32, and their gradient
# Outputs from which on a CPU computes the loss in blocks, without all logits in memory.
WIDE = 4096
BYTES_A_HEAD_WEIGHT = 12  # then: the head's matrix, the same across, and its gradient
# Layers' worth of activations that computing one layer again takes, beside the inputs of all: measured on a CPU.
RECOMPUTING = 3.5
ACTIVATIONS_SHARE = 0.6  # of the free memory, for the activations of a micro-batch


def blockwise(arch: Architecture, gpu: bool) -> bool:
    """Whether the loss is computed without all logits in memory."""
    return not gpu and arch.outputs >= WIDE


def activation_bytes(arch: Architecture, sequences: int, recomputed: bool = False, gpu: bool = False) -> int:
    """About the bytes that the backward pass of so many sequences needs from the forward pass.

    Args:
        arch: of the model.
        sequences: of `arch.context` tokens, computed at once.
        recomputed: activation checkpointing: of each layer only its input is kept until it is computed again.
        gpu: activations are bfloat16 there, float32 on a CPU.
    """
    a_layer = 11 * arch.hidden + 2 * arch.inner
    kept = arch.layers * arch.hidden + RECOMPUTING * a_layer if recomputed else arch.layers * a_layer
    a_token = int((2 if gpu else 4) * kept)
    a_read = 8 * arch.hidden if blockwise(arch, gpu) else BYTES_A_LOGIT * arch.outputs
    reads = arch.context if arch.classes is None else 1
    return sequences * (arch.context * a_token + reads * a_read)


def training_bytes(arch: Architecture, sequences: int, recomputed: bool = False, gpu: bool = False) -> int:
    """About the bytes that training needs where its model is, with so many sequences at once; without its process."""
    head = BYTES_A_HEAD_WEIGHT * arch.hidden * arch.outputs if blockwise(arch, gpu) else 0
    return BYTES_A_PARAMETER * count(arch).total + head + activation_bytes(arch, sequences, recomputed, gpu)


def least_bytes(arch: Architecture, gpu: bool = False) -> int:
    """About the least `training_bytes` that any recipe has: one sequence at a time, layers computed again or not."""
    return min(training_bytes(arch, 1, recomputed, gpu) for recomputed in (False, True))


def micro_batches_for(needed: int, available: float, batch: int) -> int:
    """Parts, a power of two and at most one sequence each, so that a part of `needed` bytes fits `available` ones."""
    parts = 1
    while parts < batch and needed / parts > available:
        parts *= 2
    return min(parts, batch)
