"""Bytes a token: the arithmetic by hand, what autograd keeps of a real pass, and a stage's own peak; the plan."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from engine.dpo.train import train
from engine.errors import ModelError
from engine.models import footprint
from engine.models.adapters import adapter_state, fresh_adapter
from engine.models.footprint import (
    AT_LEAST,
    AT_MOST,
    ON_CPU,
    Shape,
    bytes_a_token,
    checkpointed,
    fits_without_checkpointing,
    halved_to,
    shape_of,
    tokens_that_fit,
    whole_pack,
)
from engine.models.load import load_policy
from engine.models.memory import forget_peak, peak_bytes
from engine.models.policy import Policy
from engine.resume import MemoryPlan
from engine.settings import DPOSettings, LoraSettings, ModelSettings
from tests.conftest import move, save_byte_tokenizer
from tests.engine.dpo.labelled import labelled, reference_of

EIGHT = Shape(layers=32, hidden=4096, query=4096, feed=14336, gated=True, rank=16, number=2, parameters=16 << 30)
"""A Llama of 8B in bfloat16."""
MB = 1e6


def test_eight_billion_by_hand() -> None:
    """live 2·(20480 + 12288 + 43008) = 151,552; a layer 32768 + 2·(8192 + 20480 + 57344) + 448 = 205,248, 32 of them.

    Counted without the norms' float32 copies, with keys and values at their own width and no copy behind attention,
    4.5 MB is the least that training can do with (reference/performance.md, section 1).
    """
    assert bytes_a_token(EIGHT, "scoring") == 151_552
    assert bytes_a_token(EIGHT, "training") == 151_552 + 32 * 205_248
    assert 4.5 * MB <= bytes_a_token(EIGHT, "training") <= 1.5 * 4.5 * MB
    assert bytes_a_token(EIGHT, "gradients") == bytes_a_token(EIGHT, "training")


def grouped(folder: Path) -> Path:
    """A Llama with grouped heads, wide enough that no constant hides a layer's numbers."""
    config = LlamaConfig(
        vocab_size=save_byte_tokenizer(folder), hidden_size=128, intermediate_size=352, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=1024, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(str(folder))
    return folder


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    """Of that model, away from its reference."""
    lora = LoraSettings(rank=4, alpha=8)
    return move(load_policy(ModelSettings(path=str(grouped(tmp_path)), device="cpu", lora=lora), 1))


def test_the_shape_is_read_off_the_model(policy: Policy) -> None:
    found = shape_of(policy)
    assert replace(found, parameters=0) == Shape(4, 128, 128, 352, gated=True, rank=4, number=4, parameters=0)
    assert found.parameters == sum(p.numel() * 4 for p in policy.model.parameters())


def kept_for_the_way_back(policy: Policy, run: Callable[[], object]) -> int:
    """Bytes that autograd keeps of a pass, weights left out, each storage once."""
    weights = {p.untyped_storage().data_ptr() for p in policy.model.parameters()}
    held: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        held[tensor.untyped_storage().data_ptr()] = tensor  # held on to, so that no address is used twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        run()
    return sum(t.untyped_storage().nbytes() for address, t in held.items() if address not in weights)


def test_what_a_real_pass_keeps_is_what_was_reckoned(policy: Policy) -> None:
    examples = labelled(8)
    settings = DPOSettings(epochs=1, batch_pairs=8)
    known, seen = reference_of(policy, examples), []
    handle = policy.model.get_base_model().get_decoder().register_forward_pre_hook(  # type: ignore[operator]
        lambda _, args, kwargs: seen.append(kwargs.get("input_ids", args[0] if args else None).numel()),
        with_kwargs=True,
    )  # fmt: skip
    found = kept_for_the_way_back(
        policy, lambda: train(policy, examples, settings, reference_logps=known, seed=1, round_number=1)
    )
    handle.remove()
    shape = shape_of(policy)
    without_live = bytes_a_token(shape, "training") - bytes_a_token(shape, "scoring")
    print("kept a token", found / sum(seen), "reckoned", without_live)
    assert 0.8 <= found / sum(seen) / without_live <= 1.25


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_checkpointing_changes_no_bit(dropout: float, tmp_path: Path) -> None:
    lora = LoraSettings(rank=4, alpha=8, dropout=dropout)
    policy = load_policy(ModelSettings(path=str(grouped(tmp_path)), device="cpu", lora=lora), 1)
    examples = labelled(6)
    known, found = reference_of(policy, examples), []
    for choice in ("never", "always"):
        fresh_adapter(policy, 3)
        settings = DPOSettings(epochs=2, batch_pairs=3, learning_rate=5e-3, checkpointing=choice)
        done = train(policy, examples, settings, reference_logps=known, seed=2, round_number=1)
        found.append((adapter_state(policy), [dict(step) for step in done.steps]))
    (once, steps), (twice, again) = found
    assert steps == again
    assert all(np.array_equal(value, twice[name]) for name, value in once.items())


def test_checkpointing_keeps_less(policy: Policy) -> None:
    examples = labelled(6)
    known = reference_of(policy, examples)

    def kept(choice: str) -> int:
        settings = DPOSettings(epochs=1, batch_pairs=6, checkpointing=choice)
        return kept_for_the_way_back(
            policy, lambda: train(policy, examples, settings, reference_logps=known, seed=2, round_number=1)
        )

    whole = kept("never")
    assert kept("always") < 0.4 * whole
    assert kept("auto") == pytest.approx(whole, rel=0.1), "it is off again"


def test_it_is_made_only_where_it_does_not_fit(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fits_without_checkpointing(policy, 4096)
    with checkpointed(policy, "auto", 4096) as on:
        assert not on
    a_token, weights = bytes_a_token(shape_of(policy), "training"), shape_of(policy).parameters
    needed = weights + footprint.HEAD_BYTES + 4096 * a_token
    monkeypatch.setattr(footprint, "memory_of", lambda device: int(needed / footprint.SHARE) + 2)
    assert fits_without_checkpointing(policy, 4096)
    assert not fits_without_checkpointing(policy, 4097)
    with checkpointed(policy, "auto", 4097) as on:
        assert on
    with checkpointed(policy, "never", 4097) as on:
        assert not on


def test_a_model_that_cannot_is_refused_where_it_is_asked_for(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    base: Any = policy.model.get_base_model()  # type: ignore[operator]
    monkeypatch.setattr(type(base), "supports_gradient_checkpointing", False)
    with (
        pytest.raises(ModelError, match=r"'always', and .* cannot compute its layers twice"),
        checkpointed(policy, "always", 1),
    ):
        pass


def test_packs_on_a_cpu_have_one_size_and_halve_by_the_plan(policy: Policy) -> None:
    assert {tokens_that_fit(policy, kind) for kind in ("scoring", "gradients", "training")} == {ON_CPU}  # type: ignore[arg-type]
    policy.memory = MemoryPlan(scoring=1, training=2)
    assert tokens_that_fit(policy, "scoring") == tokens_that_fit(policy, "gradients") == ON_CPU // 2
    assert tokens_that_fit(policy, "training") == ON_CPU // 4


def test_packs_are_what_the_room_holds() -> None:
    """80 GB · 0.85 − 17.2 GB − 1.1 GB = 49.7 GB hold 7,397 tokens of 6.7 MB: 7,168 by steps of 256."""
    there = int(80e9 * 0.85) - EIGHT.parameters - footprint.HEAD_BYTES
    assert whole_pack(EIGHT, there, "training") == 7_168
    assert whole_pack(EIGHT, there, "scoring") == AT_MOST
    assert whole_pack(EIGHT, 0, "training") == AT_LEAST


def test_a_run_that_begins_beside_others_is_halved_and_one_that_is_alone_is_not() -> None:
    alone = int(80e9 * 0.85) - EIGHT.parameters - footprint.HEAD_BYTES
    free = int(80e9) - EIGHT.parameters - footprint.HEAD_BYTES - (1 << 29)
    plan = MemoryPlan()
    assert halved_to(plan, EIGHT, alone, free) == plan
    half = halved_to(plan, EIGHT, alone, alone // 3)
    assert half == MemoryPlan(scoring=2, training=2)
    assert halved_to(half, EIGHT, alone, alone // 3) == half, "asked again it stays"
    assert halved_to(MemoryPlan(generating=1, training=4), EIGHT, alone, free) == MemoryPlan(generating=1, training=4)
    assert halved_to(plan, EIGHT, alone, -1) == MemoryPlan(scoring=8, training=8)


def test_the_peak_of_a_stage_is_its_own(tiny_policy: Policy) -> None:
    block = np.ones(50_000_000)
    forget_peak(tiny_policy)
    with_block = peak_bytes(tiny_policy)
    del block
    forget_peak(tiny_policy)
    assert with_block - peak_bytes(tiny_policy) > 0.9 * 400e6
