"""Adapters: seeded, exact to read and set, saved as PEFT reads them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel

from engine.errors import ModelError
from engine.models.adapters import adapter_state, fresh_adapter, hash_of, save_adapter, set_adapter
from engine.models.logps import score_responses
from engine.models.policy import Policy
from engine.models.products import by_onednn
from engine.models.tokens import encode_responses
from tests.conftest import move
from tests.engine import naive
from tests.engine.models.texts import some_texts


def test_a_fresh_adapter_is_the_seeds_and_the_globals_are_left_alone(tiny_policy: Policy) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first = adapter_state(tiny_policy)
    fresh_adapter(tiny_policy, 2)
    assert hash_of(adapter_state(tiny_policy)) != hash_of(first)
    fresh_adapter(move(tiny_policy), 1)
    assert hash_of(adapter_state(tiny_policy)) == hash_of(first) == tiny_policy.adapter_hash()
    assert torch.rand(1) == expected


def test_its_a_is_uniform_as_pefts_default_and_its_b_zero(tiny_policy: Policy) -> None:
    for name, weight in adapter_state(tiny_policy).items():
        assert weight.dtype == np.float32
        if "lora_B" in name:
            assert not weight.any()
        else:
            bound = weight.shape[1] ** -0.5
            assert np.abs(weight).max() <= bound
            assert weight.std() == pytest.approx(bound / 3**0.5, rel=0.2)


def test_equal_to_the_reference_until_one_b_is_not_zero(tiny_policy: Policy) -> None:
    assert tiny_policy.equals_reference
    state = adapter_state(tiny_policy)
    name = next(n for n in state if "lora_B" in n)
    state[name][0, 0] = 1e-30
    set_adapter(tiny_policy, state)
    assert not tiny_policy.equals_reference


def test_read_and_set_again_is_exact(tiny_policy: Policy) -> None:
    state = adapter_state(move(tiny_policy))
    encoded = encode_responses(tiny_policy, *some_texts())
    before = score_responses(tiny_policy, encoded).logp
    fresh_adapter(tiny_policy, 9)
    set_adapter(tiny_policy, state)
    assert tiny_policy.adapter_hash() == hash_of(state)
    np.testing.assert_array_equal(score_responses(tiny_policy, encoded).logp, before)


def test_the_state_is_a_copy(tiny_policy: Policy) -> None:
    state = adapter_state(tiny_policy)
    before = tiny_policy.adapter_hash()
    for weight in state.values():
        weight += 1
    assert tiny_policy.adapter_hash() == before


def test_an_adapter_of_another_model_is_refused_whole(tiny_policy: Policy) -> None:
    state, before = adapter_state(move(tiny_policy)), tiny_policy.adapter_hash()
    names = sorted(state)
    wrong = {n: w + 1 for n, w in state.items() if n != names[0]}
    wrong |= {"strange": np.zeros(1, np.float32), names[1]: np.zeros((1, 1), np.float32)}
    with pytest.raises(ModelError, match="1 weights are missing, 1 are unknown, 1 have another shape"):
        set_adapter(tiny_policy, wrong)
    assert tiny_policy.adapter_hash() == before


def test_the_hash_sees_names_shapes_and_every_bit() -> None:
    zero = {"a": np.zeros((2, 3), np.float32)}
    assert hash_of(zero) == hash_of({"a": np.zeros((2, 3), np.float32)})
    others = [{"b": zero["a"]}, {"a": zero["a"].T}, {"a": zero["a"] + np.float32(1e-45)}]
    assert len({hash_of(zero), *map(hash_of, others)}) == 4


def test_a_saved_adapter_is_one_that_peft_loads(tiny_policy: Policy, tiny_model_dir: Path, tmp_path: Path) -> None:
    encoded = encode_responses(move(tiny_policy), *some_texts())
    save_adapter(tiny_policy, tmp_path / "adapter")
    assert sorted(p.name for p in (tmp_path / "adapter").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    assert str(tiny_model_dir.parent) not in (tmp_path / "adapter" / "adapter_config.json").read_text()
    theirs = PeftModel.from_pretrained(naive.sft_model(tiny_model_dir), str(tmp_path / "adapter")).eval()
    wanted, _ = naive.scores(theirs, encoded)
    np.testing.assert_allclose(score_responses(tiny_policy, encoded).logp, wanted, rtol=1e-5)


def test_the_fingerprint_names_the_adapter_only_where_it_matters(tiny_policy: Policy) -> None:
    policy, reference = tiny_policy.fingerprint("policy"), tiny_policy.fingerprint("reference")
    assert policy == {**reference, "adapter": tiny_policy.adapter_hash(), "scales": [2.0]}
    move(tiny_policy)
    assert tiny_policy.fingerprint("reference") == reference
    assert tiny_policy.fingerprint("policy") != policy
    known = {"base", "tokenizer", "template", "dtype", "device", "torch", "threads", "passes"}
    assert reference.keys() == known | ({"products"} if by_onednn() else set())


def test_another_number_of_threads_finds_nothing_in_the_cache(tiny_policy: Policy) -> None:
    """They move the last bits of a float, and a run promises all bits for one number of threads."""
    before, threads = tiny_policy.fingerprint("reference"), torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        assert tiny_policy.fingerprint("reference") == {**before, "threads": threads + 1}
    finally:
        torch.set_num_threads(threads)
    assert tiny_policy.fingerprint("reference") == before
