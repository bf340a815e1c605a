"""The DPO loss as one pure function."""

import torch
from torch.nn.functional import logsigmoid


def dpo_loss(
    policy_chosen: torch.Tensor,
    policy_rejected: torch.Tensor,
    reference_chosen: torch.Tensor,
    reference_rejected: torch.Tensor,
    beta: float,
) -> torch.Tensor:
    """−log σ(β [(π_w − ref_w) − (π_l − ref_l)]) of each pair, in nats, (pairs,).

    Arguments are summed log-probabilities over response tokens, (pairs,). At policy = reference every loss is ln 2.
    Rafailov et al. 2023, arXiv:2305.18290, eq. 7.
    """
    return -logsigmoid(margin(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta))


def margin(
    policy_chosen: torch.Tensor,
    policy_rejected: torch.Tensor,
    reference_chosen: torch.Tensor,
    reference_rejected: torch.Tensor,
    beta: float,
) -> torch.Tensor:
    """Implicit reward of chosen minus that of rejected, in reward units, (pairs,)."""
    return beta * ((policy_chosen - reference_chosen) - (policy_rejected - reference_rejected))
