"""A token from logits by inverse CDF, so that one number in [0, 1) decides it."""

import torch


def sample(
    logits: torch.Tensor, uniform: torch.Tensor, temperature: float, top_p: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """A token a row by inverse CDF over token ids, and its log-probability at temperature 1 in nats.

    `logits` (n, vocabulary) float32; `uniform` (n,) in [0, 1]. Gives (n,) int64 and (n,) float32. `temperature` 0 takes
    the likeliest; `top_p` below 1 keeps the likeliest tokens that hold that share (Holtzman et al. 2020,
    arXiv:1904.09751).
    """
    centred = logits - logits.amax(1, keepdim=True)
    if temperature == 0:
        token, total_at_1 = logits.argmax(1), centred.exp().sum(1)
    else:
        weights = (centred / temperature).exp_() if temperature != 1 else centred.exp()
        total_at_1 = weights.sum(1) if temperature == 1 else centred.exp().sum(1)
        cdf = (_nucleus(weights, top_p) if top_p < 1 else weights).cumsum(1)
        total = cdf[:, -1]
        # Rounding must not reach the total: no token lies beyond it.
        wanted = torch.minimum(uniform * total, torch.nextafter(total, torch.zeros_like(total)))
        token = torch.searchsorted(cdf, wanted[:, None], right=True).squeeze(1)
    return token, centred.gather(1, token[:, None]).squeeze(1) - total_at_1.log()


def _nucleus(weights: torch.Tensor, top_p: float) -> torch.Tensor:
    """Weights (n, vocabulary) with zeros outside the smallest set of likeliest tokens that holds `top_p` of the sum."""
    ranked, order = weights.sort(dim=1, descending=True, stable=True)
    before = ranked.cumsum(1) - ranked
    kept = ranked.where(before < top_p * ranked.sum(1, keepdim=True), 0.0)
    return torch.zeros_like(weights).scatter_(1, order, kept)
