"""The output layer by tiles: log-probability and entropy of tokens from one log-sum-exp, and no logits kept.

A tile of logits is made, read once and dropped. For training the tile also leaves ∂ log p / ∂ h of every position,
Wᵀ(1[y] − p), so that the backward pass is one multiplication and the logits are never made again: the output layer is
frozen. Log-sum-exps are float32 whatever the model is. Wijmans et al. 2024, arXiv:2411.09009 go further, to no logits
in memory at all.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from engine.models.policy import Policy, output_layer
from engine.models.products import product

_LOGITS_AT_ONCE = {"cpu": 1 << 21, "cuda": 1 << 29}
"""Numbers of a tile of logits: what stays in a CPU's cache, and 1 GiB in bfloat16."""
_LOWEST = -1e30
"""A token of probability 0 has log-probability -inf and adds nothing to the entropy."""


@dataclass(frozen=True)
class Head:
    """`weight` (vocabulary, hidden), `bias` (vocabulary,) or None; logits are scaled, then capped: c · tanh(z / c)."""

    weight: torch.Tensor
    bias: torch.Tensor | None
    scale: float = 1.0
    cap: float | None = None

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """(m, vocabulary) float32 from hidden states (m, hidden), without gradient."""
        z = product(hidden, self.weight, self.bias).float()
        if self.scale != 1.0:
            z = z * self.scale
        return z if self.cap is None else self.cap * torch.tanh(z / self.cap)

    def tile(self) -> int:
        """Positions whose logits are made at once."""
        return max(16, _LOGITS_AT_ONCE.get(self.weight.device.type, 1 << 20) // len(self.weight))


class _Logp(torch.autograd.Function):
    """Hidden states (m, hidden), a head, targets (m,), where entropies go (m,) or None → log p of the targets (m,)."""

    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, head: Head, targets: torch.Tensor, entropy: torch.Tensor | None
    ) -> torch.Tensor:
        logp = torch.empty(len(targets), dtype=torch.float32, device=hidden.device)
        slope = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        step = head.tile()
        for start in range(0, len(targets), step):
            part = slice(start, start + step)
            wanted = targets[part, None]
            z = head.logits(hidden[part])
            bend = None if head.cap is None or slope is None else 1 - (z / head.cap) ** 2
            most = z.amax(1, keepdim=True)
            own = (z.gather(1, wanted) - most).squeeze(1)
            chance = z.softmax(1)
            # log Σ exp(z - max): the likeliest token's chance is one over the sum, so that no second pass makes it.
            total = chance.amax(1).log().neg()
            logp[part] = own - total
            if entropy is not None:
                entropy[part] = total - z.sub_(most).clamp_(min=_LOWEST).mul_(chance).sum(1)
            if slope is not None:
                # ∂ log p_y / ∂ h = Wᵀ (1[y] − p); the 1 goes in before anything is rounded to the model's dtype.
                chance.scatter_add_(1, wanted, chance.new_full((len(chance), 1), -1.0))
                if bend is not None:
                    chance.mul_(bend)
                slope[part] = product(chance.to(head.weight.dtype), head.weight.T).mul_(-head.scale)
        if slope is not None:
            ctx.save_for_backward(slope)
        return logp

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        (slope,) = ctx.saved_tensors
        return slope * gradient[:, None].to(slope.dtype), None, None, None


def token_logps(
    head: Head, hidden: torch.Tensor, targets: torch.Tensor, entropy: torch.Tensor | None = None
) -> torch.Tensor:
    """log p of each target, (m,) float32 in nats, from hidden states (m, hidden); with gradient to them alone.

    From the same tile `entropy` (m,), where it is given, gets that of each distribution, in nats.
    """
    found: torch.Tensor = _Logp.apply(hidden, head, targets, entropy)  # type: ignore[no-untyped-call]
    return found


def entropies(logits: torch.Tensor) -> torch.Tensor:
    """Entropy in nats of each row of logits (m, vocabulary) float32."""
    logp = logits.log_softmax(1)
    return -(logp.exp() * logp.clamp_min(_LOWEST)).sum(1)


def head_of(policy: Policy) -> Head | None:
    """The model's output layer as a head; None if the model does more to its logits than a head knows, which is tried
    once a model on a few positions, or if the layer is no plain linear one (an adapter on it, say)."""
    base: Any = policy.model.get_base_model()
    if not hasattr(base, "_workbench_head"):
        base._workbench_head = _found(policy, base)
    found: Head | None = base._workbench_head
    # Somebody who hooked the layer wants it to say something else.
    return None if output_layer(policy.model)._forward_hooks else found


def _found(policy: Policy, base: Any) -> Head | None:
    layer = output_layer(policy.model)
    if type(layer) is not torch.nn.Linear:
        return None
    config = base.config.get_text_config()
    divided = getattr(config, "logits_scaling", None)
    scale = 1.0 / divided if divided else getattr(config, "logit_scale", None)
    head = Head(
        layer.weight.detach(),
        None if layer.bias is None else layer.bias.detach(),
        1.0 if scale is None else float(scale),
        getattr(config, "final_logit_softcapping", None),
    )
    seen: list[torch.Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    ids = [(11 * n + 5) % len(layer.weight) for n in range(8)]
    training = base.training
    try:
        policy.model.eval()
        with torch.no_grad(), policy.reference():
            wanted = base(input_ids=torch.tensor([ids], device=policy.device), use_cache=False).logits[0].float()
            gap = (head.logits(seen[0][0]) - wanted).abs().max()
    finally:
        policy.model.train(training)
        handle.remove()
    return head if bool(gap <= (1e-4 if policy.dtype == torch.float32 else 0.05) * wanted.abs().max()) else None
