"""Counts the tokens that go through a model, padding left out."""

from typing import Any

import torch

from engine.models.policy import Policy


class TokenMeter:
    """Adds up the tokens of every forward pass from now on, adapter on or off alike. One meter a policy."""

    def __init__(self, policy: Policy) -> None:
        self.tokens = 0
        decoder: Any = policy.model.get_base_model().get_decoder()  # type: ignore[operator]
        for handle in getattr(decoder, "_token_meter", ()):
            handle.remove()
        decoder._token_meter = [decoder.register_forward_pre_hook(self._count, with_kwargs=True)]

    def _count(self, module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        # GPT-2 hands its tokens on by position, the others by name.
        ids, mask = kwargs.get("input_ids", args[0] if args else None), kwargs.get("attention_mask")
        if ids is None:
            return
        # With a key-value cache the mask also covers the tokens of earlier calls; only the new columns count.
        self.tokens += ids.numel() if mask is None else int(mask[..., -ids.shape[-1] :].sum())
