"""Token by token against a plain forward, and against the sums of the pass that scores responses."""

import numpy as np
import torch

from engine.models.logps import score_responses
from engine.models.per_token import score_tokens, token_texts
from engine.models.policy import Policy
from engine.models.tokens import encode_responses
from tests.conftest import move
from tests.engine import naive
from tests.engine.models.texts import some_texts


@torch.no_grad()
def test_every_token_equals_the_slow_twin_and_they_sum_to_the_response(tiny_policy: Policy) -> None:
    encoded = encode_responses(move(tiny_policy), *some_texts())
    whole = score_responses(tiny_policy, encoded)
    for n, (text, found) in enumerate(zip(encoded, score_tokens(tiny_policy, encoded), strict=True)):
        table = naive.log_probs(tiny_policy.model, text)
        plain = [float(table[t, token]) for t, token in enumerate(text.response_ids)]
        spread = -(table.exp() * table).sum(-1)
        np.testing.assert_allclose(found.logp, plain, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found.entropy, spread.numpy(), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found.logp.astype(float).sum(), whole.logp[n], rtol=1e-5, atol=1e-5)
    moved = score_tokens(tiny_policy, encoded)[0].logp - score_tokens(tiny_policy, encoded, reference=True)[0].logp
    assert np.abs(moved).max() > 1e-3


def test_the_texts_of_tokens_put_together_are_the_text(tiny_policy: Policy) -> None:
    for text in ("Yes, often 🧶 x\n\tcode", "مرحبا שלום", "plain", ""):
        ids = tiny_policy.tokenizer(text, add_special_tokens=False)["input_ids"]
        parts = token_texts(tiny_policy.tokenizer, ids)
        assert len(parts) == len(ids)
        assert "".join(parts) == tiny_policy.tokenizer.decode(ids)
