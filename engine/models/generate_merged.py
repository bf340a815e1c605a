"""The adapter merged into the base weights for as long as a generation takes: W + s·B·A, one product a layer.

Hu et al. 2021, arXiv:2106.09685, section 4.1. The merged weights are new tensors that stand in for the old, and the old
are put back as they were: nothing is ever subtracted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from transformers.pytorch_utils import Conv1D

from engine.models.adapters import lora_layers
from engine.models.policy import Policy

MOST_BYTES = 1 << 30
"""Adapted weights of more bytes are not doubled; beside products of that size the adapter's own hardly count."""


def merges(policy: Policy) -> bool:
    """Whether a generation merges: the adapter on, float32 weights, all adapted ones together within MOST_BYTES.

    Not in bfloat16, where W + ΔW is rounded to 8 bits: of a ΔW of 0.1 to 0.4 % of W, as a gentle training makes it, the
    rounding is 40 to 75 %, and most draws would be the reference's.
    """
    layers = list(lora_layers(policy.model))
    if any(layer.layer.disable_adapters for layer in layers):
        return False
    if not all(isinstance(_base(layer.layer), torch.nn.Linear | Conv1D) for layer in layers):
        return False  # experts of a mixture keep their weights in another form
    weights = [_weight(layer.layer) for layer in layers]
    held = sum(weight.numel() * weight.element_size() for weight in weights)
    return held <= MOST_BYTES and all(weight.dtype == torch.float32 for weight in weights)


@contextmanager
def merged(policy: Policy) -> Iterator[None]:
    """Inside, the base model is the policy and the adapter is off; afterwards both are what they were, bit for bit.

    What needs the reference as well cannot be asked inside.
    """
    before = [(_base(layer.layer), layer, _weight(layer.layer)) for layer in lora_layers(policy.model)]
    with policy.reference():
        try:
            for base, layer, weight in before:
                change = layer.scale * (layer.b.detach() @ layer.a.detach())
                # A new parameter, not new data in the old: a tied embedding keeps the weights it had.
                whole = weight.detach() + (change.T if layer.layer.fan_in_fan_out else change).to(weight.dtype)
                base.weight = torch.nn.Parameter(whole, requires_grad=False)
            yield
        finally:
            for base, _, weight in before:
                base.weight = weight


def _base(layer: torch.nn.Module) -> torch.nn.Module:
    return cast(torch.nn.Module, cast(Any, layer).get_base_layer())


def _weight(layer: torch.nn.Module) -> torch.nn.Parameter:
    return cast(torch.nn.Parameter, _base(layer).weight)
