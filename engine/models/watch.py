"""Watches the passes of a model: counts their tokens, and lets a run be stopped before any of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from engine.models.adapters import adapter_state, set_adapter
from engine.models.attention import filling
from engine.models.policy import Policy
from engine.resume import unasked


class Watch:
    """Sees every forward pass from now on, adapter on or off alike. One watch a policy, the newest.

    `tokens` adds up those that went through, padding left out. `check` is called before each pass (of one micro-batch,
    or of one decoding step) and may raise to end the stage there; what takes long without a pass finds it in the
    policy.
    """

    def __init__(self, policy: Policy, check: Callable[[], None] = unasked) -> None:
        self.tokens = 0
        self.check = check
        self.begin(policy)

    def begin(self, policy: Policy) -> None:
        """See its passes from now on, in the place of whoever saw them before."""
        policy.check = self.check
        decoder = _decoder(policy)
        for _, handle in getattr(decoder, "_watch", ()):
            handle.remove()
        decoder._watch = [(self, decoder.register_forward_pre_hook(self._seen, with_kwargs=True))]

    def _seen(self, module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.check()
        # GPT-2 hands its tokens on by position, the others by name.
        ids, mask = kwargs.get("input_ids", args[0] if args else None), kwargs.get("attention_mask")
        if ids is None:
            return
        # With a key-value cache the mask also covers the tokens of earlier calls; only the new columns count.
        if isinstance(mask, torch.Tensor) and mask.ndim == 2:
            self.tokens += int(mask[:, -ids.shape[-1] :].sum())
        else:  # a pack, or a mask that says which token sees which
            self.tokens += ids.numel() - filling()


@contextmanager
def lent(policy: Policy) -> Iterator[Policy]:
    """Inside, the policy is somebody else's; afterwards adapter, memory plan, check and watch are as they were."""
    state, memory, check = adapter_state(policy), policy.memory, policy.check
    watches = [watch for watch, _ in getattr(_decoder(policy), "_watch", ())]
    try:
        yield policy
    finally:
        set_adapter(policy, state)
        policy.memory, policy.check = memory, check
        for watch in watches:
            watch.begin(policy)


def _decoder(policy: Policy) -> Any:
    return policy.model.get_base_model().get_decoder()  # type: ignore[operator]
