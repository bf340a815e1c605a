"""Continuous batching: any order, number of places and company; rows join while others speak; memory is bounded."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.models import generate_slots
from engine.models.generate_slots import Sampling, draw
from engine.models.policy import Policy
from engine.models.tokens import encode_prompt
from engine.seeds import key_for
from tests.conftest import move
from tests.engine import naive
from tests.engine.models.families import family_of
from tests.engine.models.test_generate import PROMPTS, of_many_lengths

T1 = Sampling(temperature=1.0, top_p=1.0, max_new_tokens=30)


def slots(policy: Policy, count: int) -> tuple[list[tuple[int, ...]], list[int]]:
    """`count` rows over four prompts, in no order of length."""
    prompts = [PROMPTS[n % 4] for n in range(count)]
    return [encode_prompt(policy, p) for p in prompts], [key_for(1, 2, "slots", str(n)) for n in range(count)]


@pytest.fixture
def ragged(tiny_policy: Policy) -> Policy:
    return of_many_lengths(move(tiny_policy), 2.0)


@pytest.fixture
def passes(ragged: Policy) -> list[tuple[int, int]]:
    """(rows, columns) of every pass from now on."""
    seen: list[tuple[int, int]] = []
    ragged.model.register_forward_pre_hook(
        lambda _m, _a, how: seen.append(tuple(how["input_ids"].shape)), with_kwargs=True
    )
    return seen


@torch.no_grad()
def test_any_order_and_any_number_of_places_gives_the_same_tokens(ragged: Policy) -> None:
    rows, keys = slots(ragged, 24)
    whole = draw(ragged, rows, keys, T1, 24)
    assert len(set(whole[:, 2])) > 5, "rows end at different times"

    @settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.permutations(range(24)), st.integers(1, 24), st.integers(1, 24), st.booleans())
    def same(order: list[int], count: int, at_once: int, leaning: bool) -> None:
        order = order[:count]
        lean = [0.0] * count if leaning else None
        found = draw(ragged, [rows[i] for i in order], [keys[i] for i in order], T1, at_once, lean)
        width = found.shape[1]
        np.testing.assert_array_equal(found[:, 1:], whole[order, 1:width])
        np.testing.assert_allclose(found[:, 0], whole[order, 0], rtol=1e-5)

    same()


@torch.no_grad()
@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma2", "mistral", "bloom", "lfm2", "bamba"])
def test_in_few_places_draws_equal_the_slow_twin(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With buffers made anew again and again, and windows shorter than a text.

    Where a layer keeps more than keys and values (the last two), rows leave, but none join before all have left.
    """
    monkeypatch.setattr(generate_slots, "_ROOM", 2)
    policy = of_many_lengths(move(family_of(tmp_path, name).policy), 4.0)
    assert generate_slots._Live(policy, 5, twice=False).open == (name not in {"lfm2", "bamba"})
    rows, keys = slots(policy, 16)
    found = draw(policy, rows, keys, T1, 5)
    for row, key, line in zip(rows, keys, found, strict=True):
        slow = naive.draw(policy, row, np.random.default_rng(key).random(30), 1.0, 1.0)
        assert line[3 : 3 + int(line[2])].tolist() == slow
        assert bool(line[1]) == (slow[-1] in policy.stop_ids)


@torch.no_grad()
def test_freed_places_are_taken_while_others_still_speak(ragged: Policy, passes: list[tuple[int, int]]) -> None:
    of_many_lengths(ragged, 2.0)
    rows, keys = slots(ragged, 40)
    lengths = draw(ragged, rows, keys, T1, 8)[:, 2]
    steps = [n for n, columns in passes if columns == 1]
    chunks = sum(int(lengths[start : start + 8].max()) - 1 for start in range(0, 40, 8))
    assert len(steps) < 0.8 * chunks, "as many steps as one group of eight after the other would take"
    assert max(steps) == 8
    assert sum(steps) == int((lengths - 1).sum()), "a row that has spoken is not read again"
    joins = [n for n, columns in passes if columns > 1]
    assert len(joins) > 5
    assert max(joins) <= 4, "equal prompts are read once"


@torch.no_grad()
def test_the_buffers_hold_the_places_and_the_window_of_the_living(ragged: Policy) -> None:
    rows, keys = slots(ragged, 60)
    live = generate_slots._Live(ragged, 6, twice=False)
    made: list[generate_slots._Live] = []
    original = generate_slots._Live.__init__

    def remembered(self: generate_slots._Live, *args: object, **how: object) -> None:
        original(self, *args, **how)  # type: ignore[arg-type]
        made.append(self)

    largest = 0

    def look(*_: object) -> None:
        nonlocal largest
        for layer in made[0]._caches[0].layers:
            largest = max([largest, *(buffer.shape[0] * buffer.shape[2] for buffer in getattr(layer, "buffers", ()))])

    ragged.model.register_forward_pre_hook(look)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generate_slots._Live, "__init__", remembered)
        draw(ragged, rows, keys, T1, 6)
    longest = max(len(row) for row in rows) + T1.max_new_tokens
    assert 0 < largest <= 6 * (longest + generate_slots._ROOM)
    assert len(live) == 0
