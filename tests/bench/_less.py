"""Gradients the way LESS takes them: one text, one backward; gradients stacked to 16, projected by TRAK's projector.

Xia et al. 2024, arXiv:2402.04333; Park et al. 2023, arXiv:2303.14186. Logits of every position, as a model's own loss.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from engine.models.policy import Policy
from engine.models.tokens import Encoded

STACK, BLOCK = 16, 128
"""LESS projects 16 gradients at a time, in blocks of 128 of the d numbers."""


def gradients(policy: Policy, texts: Sequence[Encoded]) -> Iterator[torch.Tensor]:
    """Of each response's summed log-prob by every adapter weight, flat, in the order of the parameters."""
    weights = [weight for name, weight in policy.model.named_parameters() if "lora_" in name]
    for text in texts:
        ids = torch.tensor([text.prompt_ids + text.response_ids], device=policy.device)
        logits = policy.model(input_ids=ids, use_cache=False).logits.float()
        token_logps = logits[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None])
        token_logps[len(text.prompt_ids) - 1 :].sum().backward()
        yield torch.cat([weight.grad.flatten() for weight in weights])
        for weight in weights:
            weight.grad = None


def exact(policy: Policy, texts: Sequence[Encoded]) -> np.ndarray:
    """Whole gradients, float32 (n, weights)."""
    return torch.stack([gradient.float() for gradient in gradients(policy, texts)]).cpu().numpy()


def projected(policy: Policy, texts: Sequence[Encoded], dimension: int, *, pairs: bool) -> np.ndarray:
    """Projected gradients (n, d), or those of chosen minus rejected (n/2, d): two backwards a pair, projected once."""
    from trak.projectors import BasicProjector, ProjectionType

    size = sum(weight.numel() for name, weight in policy.model.named_parameters() if "lora_" in name)
    projector = BasicProjector(size, dimension, 0, ProjectionType.rademacher, policy.device, BLOCK)
    each = gradients(policy, texts)
    rows = (chosen - rejected for chosen, rejected in zip(each, each, strict=True)) if pairs else each
    found: list[torch.Tensor] = []
    stack: list[torch.Tensor] = []
    for row in rows:
        stack.append(row)
        if len(stack) == STACK:
            found.append(projector.project(torch.stack(stack), model_id=0))
            stack = []
    if stack:
        found.append(projector.project(torch.stack(stack), model_id=0))
    return torch.cat(found).float().cpu().numpy() / dimension**0.5
