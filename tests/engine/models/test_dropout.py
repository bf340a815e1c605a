"""Dropout draws by their definition: one text at a time, its mask drawn by hand, the output layer applied to it."""

from pathlib import Path

import numpy as np
import torch

from engine.models.dropout import dropout_logps
from engine.models.load import load_policy
from engine.models.logps import score_responses
from engine.models.policy import Policy
from engine.models.tokens import Encoded, encode_responses
from engine.seeds import key_for
from engine.settings import LoraSettings, ModelSettings
from tests.conftest import move, save_tiny_model
from tests.contracts.texts import small_world

DRAWS = 3


def encoded_and_keys(policy: Policy) -> tuple[list[Encoded], list[list[int]]]:
    data = small_world()
    encoded = encode_responses(policy, data.prompts, list(data.responses.values()))
    return encoded, [[key_for(1, 2, "draw", f"{name}:{draw}") for draw in range(DRAWS)] for name in data.responses]


@torch.no_grad()
def by_hand(policy: Policy, text: Encoded, key: int, share: float) -> float:
    ids = torch.tensor([text.prompt_ids + text.response_ids])
    body = policy.model(input_ids=ids, output_hidden_states=True).hidden_states[-1][0]
    hidden = body[len(text.prompt_ids) - 1 : -1]
    kept = np.random.default_rng(key).random(tuple(hidden.shape), dtype=np.float32) >= share
    logits = policy.model.get_output_embeddings()(hidden * torch.from_numpy(kept) / (1 - share))
    table = logits.double().log_softmax(1)
    return float(sum(table[t, token] for t, token in enumerate(text.response_ids)))


def test_each_draw_is_that_of_its_own_mask_whatever_the_company(tiny_policy: Policy) -> None:
    encoded, keys = encoded_and_keys(move(tiny_policy))
    found = dropout_logps(tiny_policy, encoded, keys, share=0.3)
    wanted = [[by_hand(tiny_policy, text, key, 0.3) for key in row] for text, row in zip(encoded, keys, strict=True)]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    turned = dropout_logps(tiny_policy, encoded[::-1], keys[::-1], share=0.3, max_tokens=40)[::-1]
    np.testing.assert_allclose(turned, found, rtol=1e-5)
    np.testing.assert_array_equal(dropout_logps(tiny_policy, encoded, keys, share=0.3), found)
    assert found.std(axis=1).min() > 0
    assert dropout_logps(tiny_policy, [], [], share=0.3).shape == (0, 0)


def test_what_the_model_does_to_its_logits_is_done_to_every_draw(tmp_path: Path) -> None:
    """Gemma caps its logits; with next to nothing dropped a draw is the plain log-probability."""
    folder = save_tiny_model(tmp_path / "gemma2", "gemma2", head_dim=8, final_logit_softcapping=1.0)
    policy = load_policy(ModelSettings(path=str(folder), device="cpu", lora=LoraSettings(rank=2, alpha=4)), seed=1)
    encoded, keys = encoded_and_keys(policy)
    found = dropout_logps(policy, encoded, keys, share=1e-9)
    plain = score_responses(policy, encoded, with_entropy=False).logp
    np.testing.assert_allclose(found, np.repeat(plain[:, None], DRAWS, axis=1), rtol=1e-5)
