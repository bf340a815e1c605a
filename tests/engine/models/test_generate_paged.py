"""Transformers' continuous batching with our draws: token for token ours, on the CPU at a tiny size."""

import logging
import threading

import numpy as np
import pytest
import torch

from engine.models import generate as generating
from engine.models.adapters import lora_layers
from engine.models.generate import generate
from engine.models.generate_paged import NotPaged, can_page, draw_paged
from engine.models.generate_slots import Sampling, draw
from engine.models.policy import Policy
from engine.models.tokens import encode_prompt
from tests.conftest import move
from tests.engine.models.test_generate import KEYS, ROWS, of_many_lengths

SMALL = {"num_blocks": 32, "page_size": 16, "max_batch_tokens": 64}


class Stopped(Exception):
    """Somebody wants a stop."""


@pytest.fixture
def ragged(tiny_policy: Policy) -> Policy:
    return of_many_lengths(move(tiny_policy))


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.7, 0.8), (0, 1.0)])
@torch.no_grad()
def test_paged_draws_are_ours(ragged: Policy, temperature: float, top_p: float) -> None:
    """More rows than places, a pool that is too small for all: prompts wait, are read in parts, rows are put back."""
    rows = [encode_prompt(ragged, prompt) for prompt in ROWS]
    sampling = Sampling(temperature, top_p, 24)
    found = draw_paged(ragged, rows, KEYS, sampling, 6, **SMALL)
    wanted = draw(ragged, rows, KEYS, sampling, 20)
    assert len(set(wanted[:, 2])) > (3 if temperature else 1)
    np.testing.assert_array_equal(found[:, 1:], wanted[:, 1:])
    np.testing.assert_allclose(found[:, 0], wanted[:, 0], rtol=1e-5)


@torch.no_grad()
def test_the_context_is_the_end(ragged: Policy) -> None:
    rows = [encode_prompt(ragged, prompt) for prompt in ROWS]
    ragged.context_tokens = max(len(row) for row in rows) + 3
    found = draw_paged(ragged, rows, KEYS, Sampling(1.0, 1.0, 24), 20, **SMALL)
    np.testing.assert_array_equal(found[:, 1:], draw(ragged, rows, KEYS, Sampling(1.0, 1.0, 24), 20)[:, 1:])


@torch.no_grad()
@pytest.mark.parametrize("where", ["between", "in a pass"])
def test_a_stop_goes_through_and_leaves_nothing_behind(ragged: Policy, where: str) -> None:
    rows = [encode_prompt(ragged, prompt) for prompt in ROWS]
    attention, threads = ragged.model.config._attn_implementation, threading.active_count()
    asked: list[int] = []

    def check(*_: object) -> None:
        asked.append(1)
        if len(asked) > 2:
            raise Stopped

    if where == "between":
        ragged.check = check
    else:
        ragged.model.get_base_model().register_forward_pre_hook(check)
    with pytest.raises(Stopped):
        draw_paged(ragged, rows, KEYS, Sampling(1.0, 1.0, 90), 2, **SMALL)
    assert threading.active_count() == threads
    assert ragged.model.config._attn_implementation == attention
    assert not any(layer.layer.disable_adapters for layer in lora_layers(ragged.model))


def test_what_transformers_cannot_is_drawn_by_ours(
    ragged: Policy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = generate(ragged, ROWS, keys=KEYS, max_new_tokens=10)
    assert not can_page(ragged), "this machine has no GPU"
    monkeypatch.setattr(generating, "_pages", lambda policy, lean: lean is None)

    def refuse(**_: object) -> None:
        raise ValueError("flex_attention is not supported")

    monkeypatch.setattr(ragged.model.get_base_model(), "init_continuous_batching", refuse, raising=False)
    with caplog.at_level(logging.WARNING, "engine.models.generate"):
        found = generate(ragged, ROWS, keys=KEYS, max_new_tokens=10)
    assert [one.token_ids for one in found] == [one.token_ids for one in wanted]
    assert "but by ours: flex_attention is not supported" in caplog.text


def test_a_pass_that_fails_there_is_said_to_be_theirs(ragged: Policy) -> None:
    rows = [encode_prompt(ragged, prompt) for prompt in ROWS]

    def fail(*_: object) -> None:
        raise ValueError("no such kernel")

    ragged.model.get_base_model().register_forward_pre_hook(fail)
    with torch.no_grad(), pytest.raises(NotPaged, match="no such kernel"):
        draw_paged(ragged, rows, KEYS, Sampling(1.0, 1.0, 5), 2, **SMALL)


def test_a_lack_of_memory_there_is_one_here(ragged: Policy) -> None:
    rows = [encode_prompt(ragged, prompt) for prompt in ROWS]

    def fail(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    ragged.model.get_base_model().register_forward_pre_hook(fail)
    with torch.no_grad(), pytest.raises(torch.OutOfMemoryError):
        draw_paged(ragged, rows, KEYS, Sampling(1.0, 1.0, 5), 2, **SMALL)
