"""Signals as one writes them without an engine: padded batches of the model's own forward, one backward a response."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from engine.models.policy import Policy
from engine.models.tokens import Encoded
from tests.bench import _less

BATCH = 8


def separate_passes(policy: Policy, texts: Sequence[Encoded]) -> dict[str, np.ndarray]:
    """The four signals of each response, a pass each; the gradient is not projected, which spares this side work."""
    return {
        "logp": _forward(policy, texts, lambda out, target, mine: (_logps(out, target) * mine).sum(1)),
        "entropy": _forward(policy, texts, lambda out, _, mine: (_entropies(out) * mine).sum(1) / mine.sum(1)),
        "embedding": _forward(policy, texts, _mean, states=True),
        "gradient": _less.exact(policy, texts),
    }


def _forward(
    policy: Policy, texts: Sequence[Encoded], read: Callable[..., torch.Tensor], *, states: bool = False
) -> np.ndarray:
    """A number or a row of each response; batches are of like lengths, so that little is padding."""
    order = sorted(range(len(texts)), key=lambda i: len(texts[i].prompt_ids) + len(texts[i].response_ids))
    found: list[np.ndarray | None] = [None] * len(texts)
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        ids, there, response = _padded([texts[i] for i in batch])
        with torch.no_grad():
            out = policy.model(input_ids=ids, attention_mask=there, use_cache=False, output_hidden_states=states)
            rows = read(out, ids[:, 1:], (response if states else response[:, 1:]).float())
        for i, one in zip(batch, rows.float().numpy(), strict=True):
            found[i] = one
    return np.stack([one for one in found if one is not None])


def _padded(texts: Sequence[Encoded]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(token ids, 1 where a token is, 1 where it is the response's), each (n, longest), padded at the right."""
    longest = max(len(text.prompt_ids) + len(text.response_ids) for text in texts)
    ids, there, response = (torch.zeros(len(texts), longest, dtype=torch.long) for _ in range(3))
    for row, text in enumerate(texts):
        end = len(text.prompt_ids) + len(text.response_ids)
        ids[row, :end] = torch.tensor(text.prompt_ids + text.response_ids)
        there[row, :end] = 1
        response[row, len(text.prompt_ids) : end] = 1
    return ids, there, response


def _logps(out: Any, target: torch.Tensor) -> torch.Tensor:
    return out.logits[:, :-1].float().log_softmax(-1).gather(2, target[..., None])[..., 0]


def _entropies(out: Any) -> torch.Tensor:
    logp = out.logits[:, :-1].float().log_softmax(-1)
    return -(logp.exp() * logp).sum(-1)


def _mean(out: Any, _: torch.Tensor, mine: torch.Tensor) -> torch.Tensor:
    """Over the response without the token that ends it."""
    mine = mine * (mine.cumsum(1) < mine.sum(1, keepdim=True))
    return (out.hidden_states[-1] * mine[..., None]).sum(1) / mine.sum(1)[:, None]
