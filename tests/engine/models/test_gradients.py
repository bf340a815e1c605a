"""Batched per-response gradients against one autograd call a response; the random projection against its theory."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.models.gradients import reward_gradients
from engine.models.load import load_policy
from engine.models.policy import Policy
from engine.models.projection import Projection
from engine.models.tokens import encode_responses
from engine.settings import LoraSettings, ModelSettings
from tests.conftest import move, save_tiny_model
from tests.engine import naive
from tests.engine.models.texts import some_texts


def close(found: np.ndarray, wanted: np.ndarray, tolerance: float = 1e-5) -> None:
    """Row by row, relative to the row's largest number."""
    assert found.shape == wanted.shape
    assert (np.abs(found - wanted).max(1) <= tolerance * np.abs(wanted).max(1)).all()


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen2"])
def test_equal_to_autograd_one_response_at_a_time(family: str, tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / family, family)
    policy = load_policy(ModelSettings(path=str(folder), device="cpu", lora=LoraSettings(rank=4)), 1)
    encoded = encode_responses(policy, *some_texts())
    close(reward_gradients(policy, encoded, dimension=None), naive.gradients(policy, encoded))
    move(policy)
    close(reward_gradients(policy, encoded, dimension=None), naive.gradients(policy, encoded))


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
def test_projected_is_the_whole_gradient_times_the_sign_matrix(tiny_policy: Policy, b_is_zero: bool) -> None:
    encoded = encode_responses(tiny_policy if b_is_zero else move(tiny_policy), *some_texts())
    whole = torch.from_numpy(reward_gradients(tiny_policy, encoded, dimension=None))
    wanted, start = torch.zeros(len(encoded), 96), 0
    for name, weight in tiny_policy.model.named_parameters():
        if "lora_" in name:
            part = name.removesuffix(".default.weight")
            signs = Projection(96, 3, torch.device("cpu"))
            matrix = torch.zeros(weight.numel(), 96)
            signs.add_to(matrix, part, torch.eye(weight.numel()))
            wanted += whole[:, start : start + weight.numel()] @ matrix
            start += weight.numel()
    close(reward_gradients(tiny_policy, encoded, dimension=96, projection_seed=3), wanted.numpy())
    other = reward_gradients(tiny_policy, encoded, dimension=96, projection_seed=4)
    assert np.abs(other - wanted.numpy()).max() > 0.1


def test_nothing_of_the_policy_is_changed(tiny_policy: Policy) -> None:
    before, encoded = move(tiny_policy).adapter_hash(), encode_responses(tiny_policy, *some_texts())
    reward_gradients(tiny_policy, encoded, dimension=8)
    assert tiny_policy.adapter_hash() == before
    assert all(p.grad is None for p in tiny_policy.model.parameters())
    assert all(p.requires_grad == ("lora_" in n) for n, p in tiny_policy.model.named_parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in tiny_policy.model.modules())


def test_no_responses_give_no_rows(tiny_policy: Policy) -> None:
    assert reward_gradients(tiny_policy, [], dimension=16).shape == (0, 16)


def test_the_signs_are_balanced_and_seeded() -> None:
    def matrix(seed: int, part: str) -> torch.Tensor:
        out = torch.zeros(5000, 16)
        Projection(16, seed, torch.device("cpu")).add_to(out, part, torch.eye(5000))
        return out

    signs = matrix(0, "q")
    assert torch.equal(signs.abs(), torch.full((5000, 16), 0.25))
    assert abs(float(signs.mean()) / 0.25) < 4 / 80000**0.5
    assert torch.equal(matrix(0, "q"), signs)
    for other in (matrix(1, "q"), matrix(0, "k")):
        assert abs(float((other * signs).mean()) * 16) < 4 / 80000**0.5


def test_blocks_that_are_not_kept_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 9000)).astype(np.float32))
    kept, fresh = torch.zeros(2, 24), torch.zeros(2, 24)
    Projection(24, 5, torch.device("cpu")).add_to(kept, "q", vectors)
    Projection._kept.clear()
    monkeypatch.setattr("engine.models.projection._KEPT_BYTES", 0)
    Projection(24, 5, torch.device("cpu")).add_to(fresh, "q", vectors)
    assert torch.equal(kept, fresh)
    assert not Projection._kept


def test_inner_products_err_as_much_as_theory_says() -> None:
    """Var⟨Rx, Ry⟩ = (1 + ⟨x, y⟩² − 2 Σ x_i² y_i²)/d for unit vectors: the mean error is 0, its spread that root."""
    rng, d = np.random.default_rng(1), 64
    x = rng.normal(size=600)
    y = 0.5 * x + rng.normal(size=600)
    x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    vectors = torch.from_numpy(np.stack([x, y]).astype(np.float32))
    errors = []
    for seed in range(400):
        out = torch.zeros(2, d)
        Projection(d, seed, torch.device("cpu")).add_to(out, "q", vectors)
        errors.append(float(out[0] @ out[1]) - x @ y)
    spread = np.sqrt((1 + (x @ y) ** 2 - 2 * (x**2 * y**2).sum()) / d)
    assert abs(np.mean(errors)) < 4 * spread / 400**0.5
    assert np.std(errors) == pytest.approx(spread, rel=0.15)
