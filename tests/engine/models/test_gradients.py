"""Batched per-response gradients against one autograd call a response; the random projection against its theory."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.models.gradients import _Segments, difference_gradients, reward_gradients
from engine.models.load import load_policy
from engine.models.packs import pack, trees_of
from engine.models.policy import Policy
from engine.models.projection import SIDE, Projection, side_for
from engine.models.tokens import Encoded, encode_responses
from engine.settings import LoraSettings, ModelSettings
from tests.conftest import move, save_tiny_model
from tests.engine import naive
from tests.engine.models.texts import some_texts


def close(found: np.ndarray, wanted: np.ndarray, tolerance: float = 1e-5) -> None:
    """Row by row, relative to the row's largest number."""
    assert found.shape == wanted.shape
    assert (np.abs(found - wanted).max(1) <= tolerance * np.abs(wanted).max(1)).all()


def in_double(policy: Policy) -> Policy:
    """A copy that computes in float64."""
    found = copy.deepcopy(policy)
    found.model.double()
    return found


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen2"])
def test_equal_to_autograd_one_response_at_a_time(family: str, tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / family, family)
    policy = load_policy(ModelSettings(path=str(folder), device="cpu", lora=LoraSettings(rank=4)), 1)
    encoded = encode_responses(policy, *some_texts())
    for start in (policy, move(policy)):
        found, wanted = reward_gradients(start, encoded, dimension=None), naive.gradients(start, encoded)
        exact = naive.gradients(in_double(start), encoded)
        largest = np.abs(exact).max(1)
        # As near as autograd in the same precision, which on a model this sharp is off by 2e-5 itself.
        own = (np.abs(wanted - exact).max(1) / largest).max()
        assert (np.abs(found - exact).max(1) / largest).max() <= max(1e-5, 2 * own)
        assert own < 1e-4


def test_a_fresh_adapter_has_no_gradient_in_a_and_some_in_b(tiny_policy: Policy) -> None:
    encoded = encode_responses(tiny_policy, *some_texts())
    sizes = [(n, p.numel()) for n, p in tiny_policy.model.named_parameters() if "lora_" in n]
    is_a = np.concatenate([np.full(size, "lora_A" in name) for name, size in sizes])
    found = reward_gradients(tiny_policy, encoded, dimension=None)
    assert not found[:, is_a].any()
    assert (np.abs(found[:, ~is_a]).max(1) > 0).all()


@pytest.mark.parametrize("b_is_zero", [True, False])
@pytest.mark.parametrize("dimension", [None, 64])
def test_order_padding_and_batches_change_nothing(
    tiny_policy: Policy, dimension: int | None, b_is_zero: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = encode_responses(tiny_policy if b_is_zero else move(tiny_policy), *some_texts())
    whole = reward_gradients(tiny_policy, encoded, dimension=dimension)
    close(reward_gradients(tiny_policy, encoded, dimension=dimension, max_tokens=1), whole)
    order = [5, 0, 3, 7, 1, 6, 2, 4]
    close(reward_gradients(tiny_policy, [encoded[i] for i in order], dimension=dimension), whole[order])
    monkeypatch.setattr("engine.models.gradients._rows_at_once", lambda *_: 3)
    close(reward_gradients(tiny_policy, encoded, dimension=dimension), whole)


@pytest.mark.parametrize("b_is_zero", [True, False])
def test_projected_is_the_whole_gradient_projected_side_by_side_and_then_as_a_whole(
    tiny_policy: Policy, b_is_zero: bool
) -> None:
    encoded = encode_responses(tiny_policy if b_is_zero else move(tiny_policy), *some_texts())
    whole = torch.from_numpy(reward_gradients(tiny_policy, encoded, dimension=None))
    weights = [(max(w.shape), min(w.shape)) for n, w in tiny_policy.model.named_parameters() if "lora_" in n]
    k = side_for(weights, 6)
    assert k == SIDE
    signs, start, parts = Projection(6, 3, torch.device("cpu"), k=k), 0, []
    for name, weight in tiny_policy.model.named_parameters():
        if "lora_" not in name:
            continue
        matrix = whole[:, start : start + weight.numel()].view(len(encoded), *weight.shape)
        start += weight.numel()
        side = signs.side(name.removesuffix(".default.weight"), max(weight.shape))
        if side is None:  # no wider than k: as it is
            side = torch.eye(max(weight.shape))
        assert side.shape[1] <= max(SIDE, min(weight.shape), 16)
        parts.append((matrix @ side if "lora_A" in name else side.T @ matrix).flatten(1))
    wanted = signs.dense(torch.cat(parts, 1))
    close(reward_gradients(tiny_policy, encoded, dimension=6, projection_seed=3), wanted.numpy())
    other = reward_gradients(tiny_policy, encoded, dimension=6, projection_seed=4)
    assert np.abs(other - wanted.numpy()).max() > 0.1


@pytest.mark.parametrize("dimension", [None, 64])
@pytest.mark.parametrize("b_is_zero", [True, False])
def test_a_pair_read_behind_one_prompt_gives_the_difference(
    tiny_policy: Policy, dimension: int | None, b_is_zero: bool
) -> None:
    encoded = encode_responses(tiny_policy if b_is_zero else move(tiny_policy), *some_texts())
    pairs = [(a, b) for a in encoded for b in encoded if a is not b and a.prompt_ids == b.prompt_ids]
    assert len(pairs) >= 4
    rows = reward_gradients(tiny_policy, encoded, dimension=dimension)
    each = {text.key: row for text, row in zip(encoded, rows, strict=True)}
    wanted = np.stack([each[a.key] - each[b.key] for a, b in pairs])
    for tokens in (16384, 1):
        close(difference_gradients(tiny_policy, pairs, dimension=dimension, max_tokens=tokens), wanted, 1e-4)


def test_a_pair_of_two_prompts_has_no_shared_one(tiny_policy: Policy) -> None:
    with pytest.raises(ValueError, match="same prompt"):
        difference_gradients(tiny_policy, [(Encoded((3,), (4,)), Encoded((5,), (4,)))], dimension=8)


def test_nothing_of_the_policy_is_changed(tiny_policy: Policy) -> None:
    before, encoded = move(tiny_policy).adapter_hash(), encode_responses(tiny_policy, *some_texts())
    reward_gradients(tiny_policy, encoded, dimension=8)
    assert tiny_policy.adapter_hash() == before
    assert all(p.grad is None for p in tiny_policy.model.parameters())
    assert all(p.requires_grad == ("lora_" in n) for n, p in tiny_policy.model.named_parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in tiny_policy.model.modules())


@pytest.mark.parametrize("padded", [True, False])
def test_texts_are_summed_the_same_one_by_one_and_side_by_side(padded: bool) -> None:
    draws = torch.Generator().manual_seed(3)
    encoded = [Encoded((3,) * (n % 3 + 1), (5,) * length) for n, length in enumerate((4, 1, 7, 2))]
    together = pack(encoded, trees_of(encoded, share=False), torch.device("cpu"), padded=padded)
    left, right = (torch.randn(together.input_ids.numel(), width, generator=draws) for width in (6, 5))
    start = torch.randn(4, 30, generator=draws)
    wanted = start.double()
    for number, (tree, at) in enumerate(zip(together.trees, (0, 10, 20, 30) if padded else (0, 5, 8, 18), strict=True)):
        span = slice(at, at + tree.length)
        wanted[number] += (left[span].double().T @ right[span].double()).flatten() * 0.3
    for side_by_side in (True, False):
        found = start.clone()
        _Segments.of(together, side_by_side=side_by_side).add_outer(found, left, right, 0.3)
        close(found.numpy(), wanted.numpy(), 1e-6)


def test_no_responses_give_no_rows(tiny_policy: Policy) -> None:
    assert reward_gradients(tiny_policy, [], dimension=16).shape == (0, 16)


def test_the_signs_are_balanced_and_seeded() -> None:
    def matrix(seed: int, part: str) -> torch.Tensor:
        found = Projection(16, seed, torch.device("cpu")).side(part, 5000)
        assert found is not None
        return found

    signs = matrix(0, "q")
    assert torch.equal(signs.abs(), torch.full((5000, 16), 0.25))
    assert abs(float(signs.mean()) / 0.25) < 4 / 80000**0.5
    assert torch.equal(matrix(0, "q"), signs)
    for other in (matrix(1, "q"), matrix(0, "k")):
        assert abs(float((other * signs).mean()) * 16) < 4 / 80000**0.5


def test_the_first_stage_is_wide_enough_for_the_second() -> None:
    weights = [(4096, 16)] * 224 + [(32, 4)]
    assert side_for(weights, 512) == SIDE
    assert sum(rank * min(side, SIDE) for side, rank in weights) >= 8 * 512
    assert side_for([(352, 8), (128, 8)], 64) == 32  # 8 (32 + 32) = 8 · 64
    assert side_for([(352, 8), (128, 8)], 8192) == 352  # all there is: nothing is projected in the first stage


def test_what_was_kept_while_b_was_zero_stays_comparable(tiny_policy: Policy) -> None:
    """ActiveDPO keeps gradients of past picks: those of round 1 have no A half and meet others that have one."""
    encoded = encode_responses(tiny_policy, *some_texts())
    first = (
        reward_gradients(tiny_policy, encoded, dimension=4096),
        reward_gradients(tiny_policy, encoded, dimension=None),
    )
    move(tiny_policy)
    then = (
        reward_gradients(tiny_policy, encoded, dimension=4096),
        reward_gradients(tiny_policy, encoded, dimension=None),
    )
    projected, exact = (
        np.sum(a * b, 1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        for a, b in zip(first, then, strict=True)
    )
    assert np.abs(exact).max() > 0.1
    assert np.abs(projected - exact).max() < 5 / 4096**0.5


def test_a_narrow_side_stays_as_it_is() -> None:
    assert Projection(16, 0, torch.device("cpu")).side("q", SIDE) is None


def test_inner_products_err_as_much_as_theory_says() -> None:
    """Dense: Var⟨Rx, Ry⟩ = (1 + ⟨x, y⟩² − 2 Σ x_i² y_i²)/d for unit vectors; the mean error is 0."""
    rng, d = np.random.default_rng(1), 64
    x = rng.normal(size=600)
    y = 0.5 * x + rng.normal(size=600)
    x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    vectors = torch.from_numpy(np.stack([x, y]).astype(np.float32))
    errors = []
    for seed in range(400):
        out = Projection(d, seed, torch.device("cpu")).dense(vectors)
        errors.append(float(out[0] @ out[1]) - x @ y)
    spread = np.sqrt((1 + (x @ y) ** 2 - 2 * (x**2 * y**2).sum()) / d)
    assert abs(np.mean(errors)) < 4 * spread / 400**0.5
    assert np.std(errors) == pytest.approx(spread, rel=0.15)


def test_one_side_of_a_matrix_errs_as_much_as_theory_says() -> None:
    """Var⟨PM, PN⟩ = (‖K‖² + tr K² − 2 Σ K_ii²)/k with K = M Nᵀ."""
    rng = np.random.default_rng(2)
    m = rng.normal(size=(90, 4))
    n = 0.5 * m + rng.normal(size=(90, 4))
    errors = []
    for seed in range(600):
        side = Projection(8, seed, torch.device("cpu")).side("q", 90)
        assert side is not None
        p = side.numpy().T
        errors.append(float(((p @ m) * (p @ n)).sum()) - float((m * n).sum()))
    k = m @ n.T
    spread = np.sqrt(((k**2).sum() + np.trace(k @ k) - 2 * (np.diag(k) ** 2).sum()) / SIDE)
    assert abs(np.mean(errors)) < 4 * spread / 600**0.5
    assert np.std(errors) == pytest.approx(spread, rel=0.15)
