"""The losses of preference training, each a pure function of a pair's margin, and what each is at the reference."""

import math

import torch
from torch.nn.functional import logsigmoid

from engine.errors import TrainingError
from engine.settings import DPOSettings

ROUNDING = {torch.float32: 1e-4, torch.float64: 1e-4}
"""Nats a token by which two passes over one text may differ; of any other dtype `COARSE`."""
COARSE = 2e-2


def sigmoid(margin: torch.Tensor) -> torch.Tensor:
    """−log σ(m) of each margin, in nats, (pairs,). Rafailov et al. 2023, arXiv:2305.18290, eq. 7."""
    return -logsigmoid(margin)


def conservative(margin: torch.Tensor, smoothing: float) -> torch.Tensor:
    """−(1 − ε) log σ(m) − ε log σ(−m), in nats, (pairs,): cross-entropy with labels of which a share ε is wrong.

    Least at m = log((1 − ε) / ε), so a margin never grows without end. Mitchell 2023, "A note on DPO with noisy
    preferences and relationship to IPO".
    """
    return -(1 - smoothing) * logsigmoid(margin) - smoothing * logsigmoid(-margin)


def robust(margin: torch.Tensor, smoothing: float) -> torch.Tensor:
    """[−(1 − ε) log σ(m) + ε log σ(−m)] / (1 − 2ε), in nats, (pairs,): its mean over labels of which a share ε is
    flipped is the sigmoid loss of the labels that were not. It has no lower bound.

    Ray Chowdhury, Kini & Natarajan 2024, arXiv:2403.00409.
    """
    return (-(1 - smoothing) * logsigmoid(margin) + smoothing * logsigmoid(-margin)) / (1 - 2 * smoothing)


def hinge(margin: torch.Tensor) -> torch.Tensor:
    """max(0, 1 − m), in reward units, (pairs,).

    SLiC, Zhao et al. 2023, arXiv:2305.10425, with the likelihood taken relative to the reference as in Liu et al. 2023,
    arXiv:2309.06657.
    """
    return torch.relu(1 - margin)


def ipo(difference: torch.Tensor, beta: float) -> torch.Tensor:
    """(h − 1 / 2β)², in nats a token squared, (pairs,); β is the paper's τ. Azar et al. 2023, arXiv:2310.12036, eq. 17.

    `difference` is h, the log-ratio to the reference of chosen minus that of rejected, each the *mean* over the tokens
    of its response. The paper writes h of whole responses and says nothing of their length; its authors took the
    mean, and so does TRL. With sums the target 1 / 2β would mean another thing for every length.
    """
    return (difference - 1 / (2 * beta)) ** 2


def preference_loss(
    chosen: torch.Tensor,
    rejected: torch.Tensor,
    reference_chosen: torch.Tensor,
    reference_rejected: torch.Tensor,
    settings: DPOSettings,
    *,
    tokens: tuple[torch.Tensor, torch.Tensor],
) -> torch.Tensor:
    """The loss of each pair that the settings name, (pairs,), with gradient.

    The first four are summed log-probabilities over response tokens, (pairs,); `tokens` counts those of chosen and
    rejected, the one that ends a response included, (pairs,) each; only IPO reads them.
    """
    if settings.loss == "ipo":
        won, lost = tokens
        return ipo((chosen - reference_chosen) / won - (rejected - reference_rejected) / lost, settings.beta)
    found = margin(chosen, rejected, reference_chosen, reference_rejected, settings.beta)
    if settings.loss == "conservative":
        return conservative(found, settings.label_smoothing)
    if settings.loss == "robust":
        return robust(found, settings.label_smoothing)
    return hinge(found) if settings.loss == "hinge" else sigmoid(found)


def margin(
    policy_chosen: torch.Tensor,
    policy_rejected: torch.Tensor,
    reference_chosen: torch.Tensor,
    reference_rejected: torch.Tensor,
    beta: float,
) -> torch.Tensor:
    """Implicit reward of chosen minus that of rejected, in reward units, (pairs,)."""
    return beta * ((policy_chosen - reference_chosen) - (policy_rejected - reference_rejected))


def at_reference(settings: DPOSettings, nats: float = 0.0) -> float:
    """The loss where every log-ratio to the reference is 0: ln 2; hinge: 1; IPO: 1 / 4β².

    `nats`: of a chosen response of one token that much above it.
    """
    zero, one = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    return float(preference_loss(zero + nats, zero, zero, zero, settings, tokens=(one, one)))


def _least_at(settings: DPOSettings) -> float:
    """`nats` of `at_reference` where the loss is least; without end where it only falls."""
    if settings.loss == "ipo":
        return 1 / (2 * settings.beta)
    if settings.loss == "conservative":
        return math.log((1 - settings.label_smoothing) / settings.label_smoothing) / settings.beta
    return math.inf


def check_at_reference(loss: float, settings: DPOSettings, tokens: int, dtype: torch.dtype) -> None:
    """TrainingError unless the mean loss of a batch is that of a policy which equals its reference.

    Asked at the first step of an adapter whose B is zero: any other loss says that the two log-probs of a pair are not
    those of the same tokens. `tokens` are the most that the two responses of a pair have together; that many roundings
    of `ROUNDING` may add up.
    """
    off = ROUNDING.get(dtype, COARSE) * (1 if settings.loss == "ipo" else tokens)
    losses = [at_reference(settings, nats) for nats in (-off, off, min(off, _least_at(settings)))]
    low, high = min(losses), max(losses)
    if not low <= loss <= high:
        raise TrainingError(
            f"Training stopped at its first step: the adapter is fresh, so policy and reference are one, and the "
            f"{settings.loss} loss must be {at_reference(settings):.4g} (from {low:.4g} to {high:.4g} with rounding); "
            f"it is {loss:.4g}.",
            "The log-probs of the reference do not belong to these texts, or the model draws at random in training. "
            "Empty the store's cache with `workbench store gc`, or take another model, and retry.",
        )
