"""The probe panel: drawn once, grown by the picks, its margins those of a slow and obvious pass; nothing else moves."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine import cost
from engine.data.pool import PreferenceData
from engine.loop import rounds
from engine.models.adapters import set_adapter
from engine.models.load import load_policy
from engine.models.tokens import encode_responses
from engine.probe import probe_panel
from engine.records import Evaluated, Event, Message, Pair, Picked, Prompt, Trained
from engine.store.codec import detail_of, event_of, files_of
from tests.engine.test_loop import config, data, held_out, inputs, same

__all__ = ["data", "held_out"]


def pool(*prompts: int) -> PreferenceData:
    """A pool in which prompt n has as many pairs as the nth number says."""
    found = PreferenceData()
    for n, pairs in enumerate(prompts):
        prompt = Prompt.of([Message("user", f"number {n}")])
        found.prompts[prompt.id] = prompt
        for m in range(pairs):
            pair = Pair.of(prompt.id, f"x{n}a{m}", f"x{n}b{m}")
            found.pairs[pair.id] = pair
    return found


def test_a_panel_takes_a_pair_of_every_prompt_before_a_second_of_any():
    of = pool(1, 5, 3)
    first, more = probe_panel(of, [], 3), probe_panel(of, [], 5)
    assert len({pair.prompt_id for pair in first}) == 3
    assert set(first) < set(more), "a larger panel holds the smaller one"
    assert sorted(sum(p.prompt_id == q for p in more) for q in of.prompts) == [1, 2, 2]
    assert len(probe_panel(of, [], 99)) == 9


def test_a_panel_holds_every_pick_once_and_does_not_depend_on_the_order_of_the_file():
    of = pool(2, 2)
    pairs = list(of.pairs.values())
    turned = PreferenceData(prompts=of.prompts, pairs={p.id: p for p in reversed(pairs)})
    assert probe_panel(of, pairs[:3], 2) == probe_panel(turned, pairs[:3], 2)
    assert {*pairs[:3], *probe_panel(of, [], 2)} == set(probe_panel(of, pairs[:3], 2))
    assert probe_panel(PreferenceData(), pairs[:1], 4) == (pairs[0],)


@pytest.fixture(scope="module")
def runs(tiny_model_dir: Path, data: PreferenceData, held_out: dict[str, PreferenceData]) -> Mapping[int, list[Event]]:
    """The same run without a panel and with one of six pairs."""

    def events(size: int) -> list[Event]:
        evaluation = {"pairs_per_set": 12, "generate": "never", "probe": size}
        asked = config(tiny_model_dir, evaluation=evaluation)
        return list(rounds(inputs(asked, 2, data, held_out)))

    return {size: events(size) for size in (0, 6)}


def test_a_panel_changes_nothing_else(runs):
    same(runs[0], [_without(event) for event in runs[6]])
    assert not any(event.probed for event in runs[0] if isinstance(event, Evaluated))


def test_the_panel_grows_by_the_picks_and_is_0_before_training(runs):
    panels = [event.probed for event in runs[6] if isinstance(event, Evaluated)]
    picked = [{pick.pair_id for pick in event.picks} for event in runs[6] if isinstance(event, Picked)]
    assert [len(panel) >= 6 for panel in panels] == [True] * 3
    assert set(panels[0].values()) == {0.0}
    assert set(panels[1]) == set(panels[0]) | picked[0]
    assert set(panels[2]) == set(panels[1]) | picked[1]


def test_the_margins_are_those_of_an_obvious_pass(runs, tiny_model_dir, data):
    policy = load_policy(config(tiny_model_dir).model, 1)
    adapter = [event.adapter for event in runs[6] if isinstance(event, Trained)][-1]
    last = [event for event in runs[6] if isinstance(event, Evaluated)][-1]

    def logp(response_id: str, *, reference: bool) -> float:
        set_adapter(policy, {name: rows * 0 for name, rows in adapter.items()} if reference else adapter)
        one = encode_responses(policy, data.prompts, [data.responses[response_id]])[0]
        ids = torch.tensor([[*one.prompt_ids, *one.response_ids]])
        with torch.no_grad():
            found = policy.model(ids).logits.log_softmax(-1)[0]
        start = len(one.prompt_ids)
        return sum(float(found[start + n - 1, token]) for n, token in enumerate(one.response_ids))

    beta = config(tiny_model_dir).dpo.beta
    for pair_id, margin in list(last.probed.items())[:4]:
        pair = data.pairs[pair_id]
        ratio = {s: logp(s, reference=False) - logp(s, reference=True) for s in (pair.a, pair.b)}
        assert margin == pytest.approx(beta * (ratio[pair.a] - ratio[pair.b]), abs=2e-4)
        assert abs(margin) > 1e-3


def test_a_panel_comes_back_from_the_store_to_the_bit(runs):
    for event in runs[6]:
        if isinstance(event, Evaluated):
            again = event_of("evaluated", event.round, detail_of(event), event.spent, files_of(event))
            assert isinstance(again, Evaluated)
            assert again.probed == event.probed
    assert "probe.json" not in files_of(runs[0][0])


def test_the_cost_counts_two_texts_a_pair(tiny_model_dir):
    pool_of, held = cost.Sizes(10, 40, 60), [cost.Sizes(5, 20, 30)]

    def forwards(probe: int) -> float:
        asked = config(tiny_model_dir, evaluation={"generate": "never", "probe": probe}, strategies=["random"])
        return cost.estimate(asked, pool_of, held).runs["random"]["evaluated"].forwards

    assert forwards(8) - forwards(0) == 2 * (8 + 5) + 2 * (8 + 10), "two rounds of 5 labels"


def _without(event: Event) -> Event:
    return replace(event, probed={}) if isinstance(event, Evaluated) else event
