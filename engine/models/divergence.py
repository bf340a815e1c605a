"""How far the policy has moved from its reference, on its own samples."""

from collections.abc import Sequence

import numpy as np
import torch

from engine.models.generate import Draw
from engine.models.logps import MAX_TOKENS, response_logits, scoring, tokens_a_pack, whole_logits
from engine.models.packs import packs
from engine.models.policy import Policy
from engine.models.tokens import Encoded, encode_prompt
from engine.records import Prompt


def kl_to_reference(
    policy: Policy, prompts: Sequence[Prompt], draws: Sequence[Draw], *, max_tokens: int = MAX_TOKENS
) -> np.ndarray:
    """KL(π‖ref) over the full vocabulary, summed over each draw's positions: (n,) float64, nats a response.

    Its mean over draws from the policy at T = 1 estimates KL(π(·|x)‖ref(·|x)) without bias, with less variance than
    the log-ratio of the drawn tokens (chain rule of the KL). Zeros while the policy equals its reference.
    """
    found = np.zeros(len(draws))
    if policy.equals_reference:
        return found
    prompt_ids = {prompt.id: encode_prompt(policy, prompt) for prompt in prompts}
    encoded = [Encoded(prompt_ids[p.id], draw.token_ids) for p, draw in zip(prompts, draws, strict=True)]
    with torch.no_grad():
        allowed = tokens_a_pack(policy, whole_logits(policy, max_tokens))
        for pack in packs(policy, encoded, allowed, share=True):
            with scoring(policy, allowed, pack):
                logp = response_logits(policy, pack).float().log_softmax(1)
                with policy.reference():
                    reference = response_logits(policy, pack).float().log_softmax(1)
                # Each position's KL is >= 0; rounding may say -1e-8 where the two agree.
                kl = torch.nn.functional.kl_div(reference, logp, log_target=True, reduction="none").sum(1).clamp_min(0)
                found[list(pack.index)] = pack.per_text(kl.double()).cpu().numpy()
    return found
