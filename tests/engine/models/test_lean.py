"""Draws that lean towards or away from the reference, against two models read anew for every token."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.models.generate import generate
from engine.models.policy import Policy
from engine.models.tokens import Encoded, encode_prompt
from tests.conftest import move
from tests.engine import naive
from tests.engine.models.test_generate import KEYS, ROWS, of_many_lengths

LEAN = [0.0, 0.4, -0.4, 1.5, -1.0] * 4


@torch.no_grad()
def next_logits(policy: Policy, sft: torch.nn.Module, ids: list[int], weight: float) -> torch.Tensor:
    """(1 + w) h_θ − w h_ref over the vocabulary, of the policy and a reference that was loaded by itself."""
    ours, theirs = (model(input_ids=torch.tensor([ids])).logits[0, -1].double() for model in (policy.model, sft))
    return (1 + weight) * ours - weight * theirs


def slow_draw(policy: Policy, sft: torch.nn.Module, prompt: tuple[int, ...], uniform: np.ndarray, weight: float,
              temperature: float) -> list[int]:  # fmt: skip
    ids = list(prompt)
    for u in uniform:
        p = (next_logits(policy, sft, ids, weight) / temperature).softmax(-1).numpy()
        ids.append(int(np.searchsorted(np.cumsum(p), u * p.sum(), side="right")))
        if ids[-1] in policy.stop_ids:
            break
    return ids[len(prompt) :]


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_leaning_draws_equal_the_slow_twin(tiny_policy: Policy, tiny_model_dir: Path, temperature: float) -> None:
    policy, sft = move(tiny_policy), naive.sft_model(tiny_model_dir)
    found = generate(policy, ROWS, keys=KEYS, temperature=temperature, max_new_tokens=16, lean=LEAN)
    for prompt, key, draw, weight in zip(ROWS, KEYS, found, LEAN, strict=True):
        uniform = np.random.default_rng(key).random(16)
        ids = encode_prompt(policy, prompt)
        assert list(draw.token_ids) == slow_draw(policy, sft, ids, uniform, weight, temperature)
        table = [
            next_logits(policy, sft, [*ids, *draw.token_ids[:t]], weight).log_softmax(-1)
            for t in range(len(draw.token_ids))
        ]
        assert draw.logp == pytest.approx(
            sum(float(row[token]) for row, token in zip(table, draw.token_ids, strict=True)), rel=1e-4
        )


def test_the_first_token_has_exactly_the_distribution_of_the_formula(tiny_policy: Policy, tiny_model_dir: Path) -> None:
    """π⁺ ∝ π_θ (π_θ / π_ref)^β, worked out from both models' probabilities; uniforms on a grid give the shares."""
    policy, sft = move(tiny_policy), naive.sft_model(tiny_model_dir)
    text = Encoded(encode_prompt(policy, ROWS[0]), (5,))
    p, q = (naive.log_probs(model, text)[0].exp().detach().numpy() for model in (policy.model, sft))
    from engine.models.generate_sample import sample

    grid = torch.linspace(0, 1, 20001)
    for beta in (0.5, -0.5):
        wanted = p * (p / q) ** beta
        logits = next_logits(policy, sft, list(text.prompt_ids), beta).float().expand(20001, -1)
        token, _ = sample(logits, grid, 1.0, 1.0)
        shares = torch.bincount(token, minlength=len(wanted)) / 20001
        np.testing.assert_allclose(shares.numpy(), wanted / wanted.sum(), atol=2e-4)


def test_alone_in_company_and_in_parts_a_leaning_draw_is_the_same(tiny_policy: Policy) -> None:
    of_many_lengths(move(tiny_policy))
    whole = generate(tiny_policy, ROWS, keys=KEYS, max_new_tokens=16, lean=LEAN)
    assert len({len(draw.token_ids) for draw in whole}) > 3, "rows leave the batch while others go on"
    parts = generate(tiny_policy, ROWS, keys=KEYS, max_new_tokens=16, lean=LEAN, max_rows=6)
    alone = [generate(tiny_policy, [p], keys=[k], max_new_tokens=16, lean=[w])[0]
             for p, k, w in zip(ROWS, KEYS, LEAN, strict=True)]  # fmt: skip
    for other in (parts, alone):
        assert [draw.token_ids for draw in other] == [draw.token_ids for draw in whole]


def test_at_the_reference_and_without_weight_it_is_the_plain_draw(tiny_policy: Policy) -> None:
    plain = generate(tiny_policy, ROWS, keys=KEYS, max_new_tokens=10)
    assert generate(tiny_policy, ROWS, keys=KEYS, max_new_tokens=10, lean=LEAN) == plain
    move(tiny_policy)
    plain = generate(tiny_policy, ROWS, keys=KEYS, max_new_tokens=10)
    found = generate(tiny_policy, ROWS, keys=KEYS, max_new_tokens=10, lean=[0.0] * len(ROWS))
    assert [draw.token_ids for draw in found] == [draw.token_ids for draw in plain]
    leaning = generate(tiny_policy, ROWS, keys=KEYS, max_new_tokens=10, lean=[2.0] * len(ROWS))
    assert [draw.token_ids for draw in leaning] != [draw.token_ids for draw in plain]


def test_what_was_drawn_is_kept_by_its_weights(tiny_policy: Policy) -> None:
    from engine.cache import MemoryCache

    cache = MemoryCache()
    move(tiny_policy)
    one = generate(tiny_policy, ROWS, keys=KEYS, max_new_tokens=8, lean=LEAN, cache=cache)
    other = generate(tiny_policy, ROWS, keys=KEYS, max_new_tokens=8, lean=[-w for w in LEAN], cache=cache)
    plain = generate(tiny_policy, ROWS, keys=KEYS, max_new_tokens=8, cache=cache)
    assert len({tuple(d.token_ids for d in found) for found in (one, other, plain)}) == 3
    assert generate(tiny_policy, ROWS, keys=KEYS, max_new_tokens=8, lean=LEAN, cache=cache) == one
