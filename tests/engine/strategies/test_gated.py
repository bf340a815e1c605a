"""The gated method where a batch has at most one pair of a prompt."""

import pytest

from engine.seeds import uniforms
from engine.selection.execute import execute
from engine.strategies.base import STRATEGIES
from tests.contracts.views import world_for


@pytest.mark.parametrize("seed", range(8))
def test_where_a_prompt_is_asked_once_the_walk_goes_on_to_the_last_prompt_asked(seed: int) -> None:
    """It passes more sure pairs then than where any pair may be asked."""
    strategy = STRATEGIES.build({"name": "gated", "gamma": 1.0})
    view = world_for(strategy, seed=seed).view(k=4, seed=seed)
    anywhere = strategy.pseudo(view)
    view.one_per_prompt = True
    margins = dict(zip(view.ids, view["reward_margin"], strict=True))
    prompt = dict(zip(view.ids, view.prompt_ids, strict=True))
    draw = dict(zip(view.ids, uniforms(view.seed, view.round, "tie", view.ids), strict=True))
    asked: dict[str, str] = {}
    passed = {}
    for pair_id in sorted(view.ids, key=lambda i: draw[i]):
        if len(asked) == view.k:
            break
        if abs(margins[pair_id]) > 1.0:
            passed[pair_id] = "a" if margins[pair_id] > 0 else "b"
        elif prompt[pair_id] not in asked:
            asked[prompt[pair_id]] = pair_id
    assert len(asked) == view.k, "else the batch is filled up with sure pairs"
    assert {pick.pair_id for pick in execute(strategy.recipe(view), view)} == set(asked.values())
    assert strategy.pseudo(view) == passed
    assert set(anywhere) <= set(passed)
