"""The three papers' own methods against slow versions written straight from their formulas; and none is left out."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.data.pool import PoolView
from engine.selection.execute import execute
from engine.strategies.base import STRATEGIES, Strategy
from tests.contracts.views import world_for
from tests.engine.strategies import test_by_formula, test_ensemble
from tests.engine.strategies.test_by_formula import Slow, greedy, margin, sides, top

GRADIENT = "reward_gradient"


def activedpo(ridge: float, norm: Literal["response", "difference", "off"], per_prompt: bool = False) -> Slow:
    """argmax φᵀV⁻¹φ, V = λI + Σ φφᵀ over past picks and the batch; of the prompts asked about least, if told to."""

    def phi(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        a, b = a.astype(float), b.astype(float)
        if norm == "response":
            a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
        found = a - b
        return found / np.linalg.norm(found) if norm == "difference" else found

    def picks(view: PoolView) -> list[int]:
        features = np.array([phi(a, b) for a, b in zip(*view.sides(GRADIENT), strict=True)])
        v = ridge * np.eye(features.shape[1])
        for a, b in zip(*view.picked.sides(GRADIENT), strict=True):
            v = v + np.outer(phi(a, b), phi(a, b))
        if not per_prompt:
            return greedy(view, features, v, in_batch=True)
        chosen: list[int] = []
        for _ in range(view.k):
            asked = [view.prompt_ids[row] for row in chosen]
            left = [row for row in range(len(view)) if row not in chosen]
            fewest = min(asked.count(view.prompt_ids[row]) for row in left)
            open_ = [row for row in left if asked.count(view.prompt_ids[row]) == fewest]
            inverse = np.linalg.inv(v)
            chosen.append(max(open_, key=lambda row: features[row] @ inverse @ features[row]))
            v = v + np.outer(features[chosen[-1]], features[chosen[-1]])
        return chosen

    return picks


def cosine(view: PoolView, row: int) -> float:
    a, b = sides(view, row, "embedding")
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def in_turns(view: PoolView, ranked: Sequence[int]) -> list[int]:
    """Every prompt's first pair, then every prompt's second."""
    turn = [[view.prompt_ids[r] for r in ranked[:n]].count(view.prompt_ids[row]) for n, row in enumerate(ranked)]
    return [ranked[n] for n in sorted(range(len(ranked)), key=lambda n: (turn[n], n))][: view.k]


def least_alike(view: PoolView) -> list[int]:
    return in_turns(view, sorted(range(len(view)), key=lambda row: cosine(view, row)))


def by_certainty(view: PoolView) -> list[int]:
    return sorted(range(len(view)), key=lambda row: -abs(margin(view, row)))


def middle(view: PoolView) -> list[int]:
    start = (len(view) - view.k) // 2
    return by_certainty(view)[start : start + view.k]


def ends(view: PoolView) -> list[int]:
    ranked, half = by_certainty(view), -(-view.k // 2)
    return ranked[:half] + ranked[::-1][: view.k - half]


def two_steps(share: float, per_prompt: bool = False) -> Slow:
    """The share of prompts of highest entropy, more while they hold too few pairs; then the surest of their pairs."""

    def picks(view: PoolView) -> list[int]:
        entropy = dict(zip(view.prompt_ids, view["prompt_entropy"].astype(float).tolist(), strict=True))
        kept: list[str] = []
        for name in sorted(entropy, key=lambda name: -entropy[name]):
            if len(kept) < max(1, round(share * len(entropy))) or sum(p in kept for p in view.prompt_ids) < view.k:
                kept.append(name)
        ranked = [row for row in by_certainty(view) if view.prompt_ids[row] in kept]
        return in_turns(view, ranked) if per_prompt else ranked[: view.k]

    return picks


BY_FORMULA: Sequence[tuple[Strategy, Slow]] = [
    (STRATEGIES.build(spec), slow)
    for spec, slow in [
        ("activedpo", activedpo(0.1, "response")),
        ({"name": "activedpo", "unit_norm": "difference", "ridge": 1.0}, activedpo(1.0, "difference")),
        ({"name": "activedpo", "unit_norm": "off"}, activedpo(0.1, "off")),
        ("apl_certainty", lambda view: by_certainty(view)[: view.k]),
        ({"name": "apl_certainty", "band": "uncertain"}, lambda view: by_certainty(view)[::-1][: view.k]),
        ({"name": "apl_certainty", "band": "middle"}, middle),
        ({"name": "apl_certainty", "band": "ends"}, ends),
        ({"name": "activedpo", "per_prompt": True}, activedpo(0.1, "response", per_prompt=True)),
        ("apl", two_steps(0.5)),
        ({"name": "apl", "per_prompt": True}, two_steps(0.5, per_prompt=True)),
        ({"name": "apl", "keep_share": 0.2}, two_steps(0.2)),
        ("real", lambda view: top(view, lambda row: -cosine(view, row))),
        ({"name": "real", "keep": "similar"}, lambda view: top(view, lambda row: cosine(view, row))),
        ({"name": "real", "per_prompt": True}, least_alike),
    ]
]


@pytest.mark.parametrize(
    ("strategy", "slow"),
    BY_FORMULA,
    ids=lambda s: "-".join(map(str, s.spec().values())) if isinstance(s, Strategy) else "",
)
@settings(deadline=None, max_examples=12)
@given(st.integers(0, 10_000), st.sampled_from([0, 3, 11]), st.integers(1, 9))
def test_it_picks_what_its_formula_picks(strategy: Strategy, slow: Slow, seed: int, picked: int, k: int) -> None:
    # Differences of unit length are all alike while nothing is picked: the last digit decides there, in both.
    assume(picked or getattr(strategy, "unit_norm", "") != "difference")
    view = world_for(strategy, picked=picked, seed=seed).view(k=k, seed=seed)
    found = [view.ids.index(pick.pair_id) for pick in execute(strategy.recipe(view), view)]
    assert found == slow(view)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.integers(1, 9))
def test_entropy_asks_one_pair_of_each_of_the_most_uncertain_prompts(seed: int, k: int) -> None:
    """Which pair of a prompt is a tie; which prompts, and that none comes twice before each has come, is not."""
    strategy = STRATEGIES.build("apl_entropy")
    view = world_for(strategy, seed=seed).view(k=k, seed=seed)
    entropy = dict(zip(view.prompt_ids, view["prompt_entropy"].astype(float).tolist(), strict=True))
    asked = [view.prompt_ids[view.ids.index(pick.pair_id)] for pick in execute(strategy.recipe(view), view)]
    ranked = sorted(entropy, key=lambda name: -entropy[name])
    assert asked[: len(ranked)] == ranked[:k]


def test_every_method_is_held_against_its_formula() -> None:
    """All but the one that takes everything there is."""
    held = {s.name for s, _ in [*BY_FORMULA, *test_by_formula.BY_FORMULA, *test_ensemble.BY_FORMULA]} | {"apl_entropy"}
    assert held == set(STRATEGIES.names()) - {"full_labels"}
