"""What of the engine the benchmarks measure: one function each."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from engine.models.embed import embed_responses
from engine.models.gradients import difference_gradients as of_differences
from engine.models.gradients import reward_gradients
from engine.models.head import Head, token_logps
from engine.models.logps import score_responses
from engine.models.lora_linear import adapted
from engine.models.passes import read_responses
from engine.models.policy import Policy
from engine.models.tokens import Encoded

D = 512


def separate_passes(policy: Policy, texts: Sequence[Encoded]) -> dict[str, np.ndarray]:
    """Four passes of the policy, one a signal; the reference's log-probs are kept and so no part of it."""
    return {
        "logp": score_responses(policy, texts, with_entropy=False).logp,
        "entropy": score_responses(policy, texts).entropy,
        "embedding": embed_responses(policy, texts, text="prompt_and_response"),
        "gradient": reward_gradients(policy, texts, dimension=D),
    }


def one_pass(policy: Policy, texts: Sequence[Encoded]) -> dict[str, np.ndarray]:
    """The same from one forward and one backward."""
    found = read_responses(policy, texts, hidden=("mean",), gradients=(D, 0))
    assert found.gradients is not None
    return {
        "logp": found.scores.logp,
        "entropy": found.scores.entropy,
        "embedding": found.hidden["mean"],
        "gradient": found.gradients,
    }


def difference_gradients(policy: Policy, texts: Sequence[Encoded]) -> np.ndarray:
    """∇s(chosen) − ∇s(rejected) of each pair (n/2, d), the prompt shared."""
    pairs = list(zip(texts[::2], texts[1::2], strict=True))
    return of_differences(policy, pairs, dimension=D)


def head_scores(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> tuple[Any, Any]:
    """(log p of each target, entropy), each (m,), from hidden states (m, H) and the output layer's weight (V, H)."""
    entropy = torch.empty(len(targets), device=hidden.device)
    return token_logps(Head(weight, None), hidden, targets, entropy), entropy


def lora_linear(x: torch.Tensor, weight: torch.Tensor, a: torch.Tensor, b: torch.Tensor, scale: float) -> torch.Tensor:
    """W x + scale · B (A x) in the engine's own layer, with gradient."""
    return adapted(x, weight, None, a, b, scale)
