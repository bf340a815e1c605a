"""What a backward pass holds: limits kept, pairs whole, nothing read twice; and the largest tried first."""

import pytest
import torch

from engine.dpo import batches
from engine.dpo.batches import Row, micro_batches, together, tokens_of
from engine.dpo.train import _try_largest
from engine.models.policy import Policy
from engine.models.tokens import encode
from engine.settings import DPOSettings
from tests.conftest import move
from tests.engine.dpo.labelled import labelled


def rows_of(policy: Policy, count: int) -> list[Row]:
    return [
        Row(e, encode(policy, e.prompt, e.chosen.text), encode(policy, e.prompt, e.rejected.text), (0.0, 0.0))
        for e in labelled(count)
    ]


def test_limits_are_kept_and_the_longest_come_first(tiny_policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of(tiny_policy, 9)
    longest = max(row.length for row in rows)
    for allowed, pairs in ((1, 9), (longest, 9), (2 * longest, 9), (10_000, 2)):
        monkeypatch.setattr(batches, "tokens_that_fit", lambda *_, allowed=allowed: allowed)
        parts = micro_batches(tiny_policy, rows, pairs)
        assert sorted(row.example.pair_id for part in parts for row in part) == sorted(r.example.pair_id for r in rows)
        assert all(len(part) == 1 or tokens_of(tiny_policy, part) <= allowed for part in parts)
        assert max(map(len, parts)) <= pairs
        lengths = [row.length for part in parts for row in part]
        assert lengths == sorted(lengths, reverse=True)


def test_a_model_that_is_not_packed_counts_its_padding(tiny_policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of(tiny_policy, 4)
    found, _, _ = together(tiny_policy, rows)
    assert found.input_ids.numel() - found.filling <= tokens_of(tiny_policy, rows)
    monkeypatch.setattr(tiny_policy.model.get_base_model(), "_workbench_packs", False)
    found, _, _ = together(tiny_policy, rows)
    assert found.input_ids.numel() <= tokens_of(tiny_policy, rows)


def test_a_response_in_two_pairs_is_read_once(tiny_policy: Policy) -> None:
    (row, *_) = rows_of(tiny_policy, 1)
    other = Row(row.example, row.rejected, row.chosen, (0.0, 0.0))
    found, chosen, rejected = together(tiny_policy, [row, other])
    assert len(found.index) == 2
    assert chosen.tolist() == rejected.tolist()[::-1]


def test_the_largest_is_tried_and_leaves_nothing(tiny_policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, settings = rows_of(move(tiny_policy), 6), DPOSettings(batch_pairs=2)
    optimiser = torch.optim.AdamW([p for p in tiny_policy.model.parameters() if p.requires_grad])
    tried: list[int] = []
    backward = "engine.dpo.train._backward"
    from engine.dpo.train import _backward

    def seen(policy: Policy, part: list[Row], *rest: object) -> object:
        tried.append(tokens_of(policy, part))
        return _backward(policy, part, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(backward, seen)
    before, adapter = torch.get_rng_state(), tiny_policy.adapter_hash()
    plan = [rows[:2], rows[2:4], rows[4:]]
    _try_largest(tiny_policy, plan, settings, optimiser)
    assert tried == [max(tokens_of(tiny_policy, part) for part in plan)]
    assert torch.equal(torch.get_rng_state(), before)
    assert tiny_policy.adapter_hash() == adapter
    assert all(p.grad is None for p in tiny_policy.model.parameters())
