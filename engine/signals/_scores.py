"""What several signals share: the texts' tokens, and the policy's pass over the responses, made once a round."""

from typing import TYPE_CHECKING

import numpy as np

from engine.cache import cached, key_of
from engine.signals.base import Pass, Texts

if TYPE_CHECKING:
    from engine.models.logps import ResponseScores
    from engine.models.tokens import Encoded


def encoded_responses(texts: Texts, on: Pass) -> "list[Encoded]":
    """Every response with its prompt, as tokens, in order."""
    from engine.models.tokens import encode_responses

    return encode_responses(on.policy, {prompt.id: prompt for prompt in texts.prompts}, texts.responses)


def policy_scores(texts: Texts, on: Pass) -> "ResponseScores":
    """Log-probs, entropies and lengths of all responses under the policy; one pass serves all signals that ask."""
    from engine.models.logps import ResponseScores, score_responses

    encoded = encoded_responses(texts, on)

    def compute() -> np.ndarray:
        scores = score_responses(on.policy, encoded)
        return np.stack([scores.logp, scores.entropy, scores.tokens])

    key = key_of({"what": "policy response scores", **on.policy.fingerprint()}, (text.key for text in encoded))
    logp, entropy, tokens = cached(on.cache, key, compute)[0]
    return ResponseScores(logp, entropy, tokens.astype(np.int64))
