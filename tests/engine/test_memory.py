"""Memory runs out: batches are halved, the plan is kept, and the figures agree within the tolerance that is stated."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.errors import OutOfMemory
from engine.loop import rounds
from engine.models.divergence import kl_to_reference
from engine.models.embed import embed_responses
from engine.models.generate import generate
from engine.models.gradients import reward_gradients
from engine.models.load import load_policy
from engine.models.logps import score_responses, tokens_a_pack
from engine.models.policy import Policy
from engine.models.tokens import encode_responses
from engine.records import Event, Trained, stage_of
from engine.resume import MemoryPlan, ran_out
from tests.conftest import move
from tests.engine.test_loop import config, inputs, make_data, same

DATA = make_data(16, "pool")
HELD_OUT = {"near": make_data(6, "near"), "far": make_data(5, "far")}
ROOM = 160
"""Tokens: two or three pairs, a few texts."""
TOLERANCE = {"logps": 2e-5, "gradients": 2e-5, "embeddings": 2e-5, "adapter": 2e-4}
FULL = {
    "gpu": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    "cpu": RuntimeError("[enforce fail at alloc_cpu.cpp:119] DefaultCPUAllocator: can't allocate memory"),
    "python": MemoryError("Unable to allocate 2.00 GiB"),
}


@contextmanager
def room_for(policy: Policy, tokens: int, error: Exception = FULL["gpu"]) -> Iterator[list[int]]:
    """Inside, a pass of more tokens at once runs out of memory; gives the sizes of the passes that did not."""
    sizes: list[int] = []

    def seen(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        ids = kwargs.get("input_ids", args[0] if args else None)
        if ids.numel() > tokens:
            raise error
        sizes.append(ids.numel())

    decoder = policy.model.get_base_model().get_decoder()  # type: ignore[operator]
    handle = decoder.register_forward_pre_hook(seen, with_kwargs=True)
    try:
        yield sizes
    finally:
        handle.remove()


@pytest.mark.parametrize(("index", "kind"), [(0, "gpu"), (1, "cpu"), (3, "python")])
def test_a_run_goes_on_with_smaller_batches(index: int, kind: str, tiny_model_dir: Path) -> None:
    study = config(tiny_model_dir, rounds=1)
    policy = load_policy(study.model, 1)
    calm = list(rounds(inputs(study, index, DATA, HELD_OUT), policy=policy))
    given, kept = inputs(study, index, DATA, HELD_OUT), []
    given.keep_memory = kept.append
    with room_for(policy, ROOM, FULL[kind]) as sizes:
        found = list(rounds(given, policy=policy))
    assert max(sizes) <= ROOM
    assert given.memory == kept[-1]
    assert given.memory.scoring and given.memory.training
    assert [stage_of(e) for e in found] == [stage_of(e) for e in calm]
    if index == 0:  # the others' picks may turn on a last bit
        print("ADAPT", adapters_apart(found, calm))
        assert adapters_apart(found, calm) <= TOLERANCE["adapter"]
    # A run that begins with the plan it ended with, in plenty of memory, gives the bits of the stages since.
    planned = inputs(study, index, DATA, HELD_OUT)
    planned.memory = given.memory
    same(list(rounds(planned, policy=policy)), found)


def adapters_apart(one: list[Event], other: list[Event]) -> float:
    pairs = zip(
        [e.adapter for e in one if isinstance(e, Trained)],
        [e.adapter for e in other if isinstance(e, Trained)],
        strict=True,
    )
    return max(float(np.abs(a[name] - b[name]).max()) for a, b in pairs for name in a)


def test_a_run_stopped_after_memory_ran_out_ends_the_same(
    tiny_model_dir: Path,
) -> None:
    """Memory runs out in training; what was computed before stays, what comes after has the smaller plan."""
    study = config(tiny_model_dir, rounds=2)
    policy = load_policy(study.model, 1)

    def run(done: list[Event], plan: MemoryPlan, stop: int) -> tuple[list[Event], MemoryPlan]:
        given = inputs(study, 1, DATA, HELD_OUT)
        given.memory = plan
        found: list[Event] = []
        for event in rounds(given, done, policy=policy):
            found.append(event)
            if len(found) == stop:
                break
        return found, given.memory

    training = policy.model.register_forward_pre_hook(_little_room_in_training, with_kwargs=True)
    try:
        whole, plan = run([], MemoryPlan(), 99)
        assert plan == MemoryPlan(training=1)
        for cut in (5, 6, 8):
            first, at_cut = run([], MemoryPlan(), cut)
            assert at_cut == (MemoryPlan(training=1) if cut > 5 else MemoryPlan())
            rest, _ = run(first, at_cut, 99)
            same([*first, *rest], whole)
    finally:
        training.remove()


def _little_room_in_training(model: Any, args: Any, kwargs: dict[str, Any]) -> None:
    if model.training and kwargs["input_ids"].numel() > 250:
        raise FULL["gpu"]


def test_the_plans_agree_within_the_tolerance(tiny_policy: Policy) -> None:
    """Every pass from the largest batch to one text at a time."""
    made = make_data(12, "plan")
    encoded = encode_responses(move(tiny_policy), made.prompts, list(made.responses.values()))
    prompts = list(made.prompts.values())

    def passes() -> dict[str, np.ndarray]:
        draws = generate(tiny_policy, prompts, keys=range(len(prompts)), max_new_tokens=6)
        scores = score_responses(tiny_policy, encoded)
        return {
            "logps": scores.logp,
            "entropies": scores.entropy,
            "gradients": reward_gradients(tiny_policy, encoded, dimension=32),
            "embeddings": embed_responses(tiny_policy, encoded),
            "draws": np.array([draw.logp for draw in draws]),
            "kl": kl_to_reference(tiny_policy, prompts, draws),
        }

    whole = passes()
    for halvings in (1, 4, 6, 12):
        tiny_policy.memory = MemoryPlan(scoring=halvings, generating=halvings)
        for name, values in passes().items():
            scale = max(1.0, float(np.abs(whole[name]).max()))
            tolerance = TOLERANCE.get(name, 2e-5)
            print(name, halvings, float(np.abs(values - whole[name]).max()), scale)
            assert float(np.abs(values - whole[name]).max()) / scale <= tolerance, (name, halvings)
    assert tokens_a_pack(tiny_policy, 16384) == 1


def test_with_one_text_at_a_time_there_is_nothing_to_halve(
    tiny_model_dir: Path,
) -> None:
    study = config(tiny_model_dir, rounds=1)
    policy = load_policy(study.model, 1)
    with room_for(policy, 0), pytest.raises(OutOfMemory, match="no memory left for scoring 1 texts") as found:
        list(rounds(inputs(study, 0, DATA, HELD_OUT), policy=policy))
    assert found.value.times == 0
    assert "model.context_tokens" in found.value.next_step


def test_a_batch_that_was_not_full_is_halved_as_far_as_it_takes() -> None:
    plan = MemoryPlan().halved("training", 2).halved("scoring", 1).halved("training", 1)
    assert plan == MemoryPlan(scoring=1, training=3)
    assert [plan.size("training", n) for n in (64, 9, 1)] == [8, 1, 1]
    assert plan.size("generating", 1024) == 1024


def test_only_memory_counts_as_memory(tiny_policy: Policy) -> None:
    assert all(ran_out(error) for error in FULL.values())
    assert not ran_out(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    made = make_data(2, "plan")
    encoded = encode_responses(tiny_policy, made.prompts, list(made.responses.values()))
    wrong = RuntimeError("a fault")
    with room_for(tiny_policy, 0, wrong), pytest.raises(RuntimeError, match="a fault"):
        score_responses(tiny_policy, encoded)


@pytest.mark.parametrize("part", ["generating", "scoring"])
def test_another_plan_finds_nothing_in_the_cache(part: Any, tiny_policy: Policy) -> None:
    before = tiny_policy.fingerprint("reference")
    tiny_policy.memory = MemoryPlan().halved(part, 1)
    assert tiny_policy.fingerprint("reference") != before
