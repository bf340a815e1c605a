"""The merged policy is the policy, and afterwards every weight is the very tensor that it was."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.models import generate_merged
from engine.models.adapters import lora_layers
from engine.models.generate import generate
from engine.models.generate_merged import merged, merges
from engine.models.load import load_policy
from engine.models.policy import Policy, input_layer, output_layer
from engine.settings import LoraSettings, ModelSettings
from tests.conftest import move, save_tiny_model
from tests.engine.models.test_generate import KEYS, ROWS, of_many_lengths

IDS = torch.tensor([[1, 40, 50, 60, 70, 80]])


class Stopped(Exception):
    """Somebody wants a stop."""


def weights(policy: Policy) -> dict[str, tuple[int, bytes]]:
    """Which tensor each weight is, and its bytes."""
    return {
        name: (id(w), w.detach().view(torch.uint8).numpy().tobytes()) for name, w in policy.model.named_parameters()
    }


def adapter_is_on(policy: Policy) -> bool:
    return not any(layer.layer.disable_adapters for layer in lora_layers(policy.model))


@torch.no_grad()
def logits(policy: Policy) -> torch.Tensor:
    return policy.model(input_ids=IDS).logits


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen2", "gemma2"])
def test_inside_the_base_is_the_policy_and_afterwards_what_it_was(family: str, tmp_path: Path) -> None:
    changes = {"head_dim": 8} if family == "gemma2" else {}
    folder = save_tiny_model(tmp_path / family, family, **changes)
    policy = move(load_policy(ModelSettings(path=str(folder), lora=LoraSettings(rank=4)), 1))
    before, ours = weights(policy), logits(policy)
    with policy.reference():
        theirs = logits(policy)
    with merged(policy):
        found = logits(policy)
        assert not adapter_is_on(policy)
        assert not any(layer.layer.get_base_layer().weight.requires_grad for layer in lora_layers(policy.model))
    assert float((ours - theirs).abs().max()) > 0.1
    torch.testing.assert_close(found, ours, rtol=1e-5, atol=1e-5 * float(ours.abs().max()))
    assert weights(policy) == before
    assert adapter_is_on(policy)
    assert torch.equal(logits(policy), ours)


def test_a_tied_embedding_keeps_its_weights_where_the_output_layer_is_adapted(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "tied", tie_word_embeddings=True)
    lora = LoraSettings(rank=4, targets=("lm_head", "q_proj"))
    policy = move(load_policy(ModelSettings(path=str(folder), lora=lora), 1))
    embedding = input_layer(policy.model).weight
    assert output_layer(policy.model).get_base_layer().weight is embedding
    before, ours = weights(policy), logits(policy)
    with merged(policy):
        assert input_layer(policy.model).weight is embedding
        assert output_layer(policy.model).get_base_layer().weight is not embedding
        torch.testing.assert_close(logits(policy), ours, rtol=1e-5, atol=1e-4)
    assert weights(policy) == before


@pytest.mark.parametrize("error", [Stopped, KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("when", [0, 3])
def test_a_stop_or_an_error_inside_puts_the_weights_back(
    tiny_policy: Policy, error: type[BaseException], when: int
) -> None:
    before = weights(move(tiny_policy))
    seen: list[bool] = []

    def ask(*_: object) -> None:
        seen.append(adapter_is_on(tiny_policy))
        if len(seen) > when:
            raise error

    handle = tiny_policy.model.register_forward_pre_hook(ask)
    with pytest.raises(Exception if error is MemoryError else error):  # turned into OutOfMemory on its way
        generate(tiny_policy, ROWS, keys=KEYS, max_new_tokens=10)
    handle.remove()
    assert seen == [False] * (when + 1), "the passes were not those of the merged policy"
    assert weights(tiny_policy) == before
    assert adapter_is_on(tiny_policy)


def test_a_weight_that_cannot_be_merged_puts_the_others_back(tiny_policy: Policy) -> None:
    before = weights(move(tiny_policy))
    last = list(lora_layers(tiny_policy.model))[-1]
    good, last.layer.scaling["default"] = last.layer.scaling["default"], float("nan")
    b, last.b.data = last.b.data, last.b.data[:-1]
    with pytest.raises(RuntimeError), merged(tiny_policy):
        raise AssertionError("it was merged")
    last.b.data, last.layer.scaling["default"] = b, good
    assert weights(tiny_policy) == before
    assert adapter_is_on(tiny_policy)


@pytest.mark.parametrize("temperature", [0, 0.7, 1.0])
def test_merged_draws_are_the_unmerged_ones(
    tiny_policy: Policy, temperature: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Log-probs to 1e-5 of their size; tokens differ only where a number lies within a rounding of a boundary."""
    of_many_lengths(move(tiny_policy))
    assert merges(tiny_policy)
    found = generate(tiny_policy, ROWS, keys=KEYS, temperature=temperature, max_new_tokens=20)
    monkeypatch.setattr(generate_merged, "MOST_BYTES", 0)
    assert not merges(tiny_policy)
    wanted = generate(tiny_policy, ROWS, keys=KEYS, temperature=temperature, max_new_tokens=20)
    assert [draw.token_ids for draw in found] == [draw.token_ids for draw in wanted]
    np.testing.assert_allclose([draw.logp for draw in found], [draw.logp for draw in wanted], rtol=1e-5)


def test_what_is_merged_and_what_is_not(tiny_policy: Policy, tiny_model_dir: Path) -> None:
    move(tiny_policy)
    held = sum(layer.layer.get_base_layer().weight.nbytes for layer in lora_layers(tiny_policy.model))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generate_merged, "MOST_BYTES", held)
        assert merges(tiny_policy)
        patch.setattr(generate_merged, "MOST_BYTES", held - 1)
        assert not merges(tiny_policy)
    with tiny_policy.reference():
        assert not merges(tiny_policy)
        off = generate(tiny_policy, ROWS, keys=KEYS, max_new_tokens=6)
    assert off == generate(tiny_policy, ROWS, keys=KEYS, max_new_tokens=6, reference=True)
    half = load_policy(ModelSettings(path=str(tiny_model_dir), dtype="bfloat16"), 1)
    assert not merges(move(half))


def test_bfloat16_would_lose_a_small_change() -> None:
    """Why it is not merged there: ΔW of 0.2 % of W, and what is left of it after W + ΔW is rounded."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(256, 256, generator=generator).bfloat16().float()
    change = torch.randn(256, 8, generator=generator) @ torch.randn(8, 256, generator=generator)
    change *= 0.002 * weight.norm() / change.norm()
    left = (weight + change).bfloat16().float() - weight
    assert float((left - change).norm() / change.norm()) > 0.4
