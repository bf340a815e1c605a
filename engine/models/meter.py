"""Counts the tokens that go through a model, padding left out."""

from typing import Any

import torch

from engine.models.policy import Policy


class TokenMeter:
    """Adds up the tokens of every forward pass from now on (adapter on or off alike)."""

    def __init__(self, policy: Policy) -> None:
        self.tokens = 0
        for handle in getattr(policy.model, "_token_meter", ()):
            handle.remove()
        policy.model._token_meter = [policy.model.register_forward_pre_hook(self._count, with_kwargs=True)]

    def _count(self, module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        ids = kwargs.get("input_ids", args[0] if args else None)
        mask = kwargs.get("attention_mask")
        if ids is None:
            return
        # With a key-value cache the mask also covers tokens of earlier calls; only the new columns count.
        new = ids if mask is None else mask[..., -ids.shape[-1] :]
        self.tokens += int(new.sum()) if mask is not None else ids.numel()
