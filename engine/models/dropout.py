"""Monte-Carlo dropout: log-probabilities of responses with the last hidden state dropped at random.

The state that goes into the output layer is multiplied by a mask that keeps a number with chance 1 − p, and divided by
1 − p; the rest of the model is as in evaluation. So one pass of the model's body serves all draws. Gal & Ghahramani
2016, arXiv:1506.02142; on the last hidden layer as Mehta et al. 2023, arXiv:2312.00267.
"""

from collections.abc import Sequence

import numpy as np
import torch

from engine.models.logps import MAX_TOKENS, response_logits, scoring, tokens_a_pack, whole_logits
from engine.models.packs import Pack, packs
from engine.models.policy import Policy
from engine.models.tokens import Encoded


def dropout_logps(
    policy: Policy,
    encoded: Sequence[Encoded],
    keys: Sequence[Sequence[int]],
    *,
    share: float,
    max_tokens: int = MAX_TOKENS,
) -> np.ndarray:
    """Summed log-probs (n, draws) float64 in nats; `keys[i][k]` decides the mask of text i's draw k, `share` is p.

    Order and batch size move only last bits: a mask belongs to its text.
    """
    draws = len(keys[0]) if keys else 0
    found = np.zeros((len(encoded), draws))
    if not draws:
        return found
    with torch.no_grad(), policy.acting_as(reference=False):
        allowed = tokens_a_pack(policy, whole_logits(policy, max_tokens))
        for pack in packs(policy, encoded, max(1, allowed // draws), share=True):
            with scoring(policy, allowed, pack):
                logp = _token_logps(policy, pack, [keys[i] for i in pack.index], share)
                found[list(pack.index)] = torch.stack([pack.per_text(row) for row in logp], dim=1).cpu().numpy()
    return found


def _token_logps(policy: Policy, pack: Pack, keys: Sequence[Sequence[int]], share: float) -> torch.Tensor:
    """log p of the pack's response tokens under each draw, (draws, m) float64."""

    def drop(hidden: torch.Tensor) -> torch.Tensor:
        kept = torch.from_numpy(_masks(pack.counts, hidden.shape[1], keys, share)).to(hidden.device)
        return (hidden * kept.to(hidden.dtype) / (1 - share)).reshape(-1, hidden.shape[1])

    rows = [
        part.float().log_softmax(1).gather(1, pack.targets[:, None]).squeeze(1).double()
        for part in response_logits(policy, pack, drop).split(len(pack.targets))
    ]
    return torch.stack(rows)


def _masks(counts: Sequence[int], width: int, keys: Sequence[Sequence[int]], share: float) -> np.ndarray:
    """What is kept: (draws, response tokens of all texts, width), the rows of a text from its own keys."""
    texts = [
        np.stack([np.random.default_rng(key).random((count, width), dtype=np.float32) >= share for key in row])
        for count, row in zip(counts, keys, strict=True)
    ]
    return np.concatenate(texts, axis=1)
