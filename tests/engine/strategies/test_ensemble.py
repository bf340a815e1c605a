"""Every method on the ensemble against a slow version written straight from its formula, on small random pools."""

from collections.abc import Callable, Sequence
from math import log
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import digamma

from engine.data.pool import PoolView
from engine.seeds import rng_for, uniforms
from engine.selection.execute import execute, scores_of
from engine.strategies import _ensemble
from engine.strategies.base import STRATEGIES, Strategy
from tests.contracts.views import world_for

Slow = Callable[[PoolView], list[int]]
Score = Callable[[PoolView, int], float]


def sigma(z: float) -> float:
    return 1 / (1 + np.exp(-z))


def both(view: PoolView, row: int) -> tuple[np.ndarray, np.ndarray]:
    a, b = view.sides("reward_ensemble")
    return a[row].astype(float), b[row].astype(float)


def gap(view: PoolView, row: int) -> np.ndarray:
    a, b = both(view, row)
    return np.array([x - y for x, y in zip(a, b, strict=True)])


def sample_variance(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)


def entropy(p: float) -> float:
    return -p * log(p) - (1 - p) * log(1 - p)


def bald(view: PoolView, row: int) -> float:
    chances = [sigma(z) for z in gap(view, row)]
    return entropy(sum(chances) / len(chances)) - sum(map(entropy, chances)) / len(chances)


def spread(view: PoolView, row: int) -> float:
    return sample_variance(list(gap(view, row)))


def optimistic(view: PoolView, row: int) -> float:
    a, b = both(view, row)
    (mean_a, s_a), (mean_b, s_b) = ((side.mean(), np.sqrt(sample_variance(list(side)))) for side in (a, b))
    return max((mean_a + s_a) - (mean_b - s_b), (mean_b + s_b) - (mean_a - s_a))


def bounds(kappa: float) -> Score:
    def score(view: PoolView, row: int) -> float:
        sides = [(side.mean(), np.sqrt(sample_variance(list(side)))) for side in both(view, row)]
        return max(m + kappa * s for m, s in sides) - max(m - kappa * s for m, s in sides)

    return score


def settled(view: PoolView, row: int) -> float:
    return sample_variance([sigma(z) for z in gap(view, row)])


def highest(score: Score) -> Slow:
    """Two pairs that share the response that decides (AE-DPO's) tie, and a draw decides between them."""

    def picks(view: PoolView) -> list[int]:
        tie = uniforms(view.seed, view.round, "tie", view.ids)
        return sorted(range(len(view)), key=lambda row: (-score(view, row), tie[row]))[: view.k]

    return picks


def a_prompt(score: Score, prompts: str) -> Slow:
    """Every prompt's best pair before any prompt's second; of k prompts drawn, more while they hold too few pairs."""

    def picks(view: PoolView) -> list[int]:
        names = sorted(set(view.prompt_ids))
        draw = dict(zip(names, uniforms(view.seed, view.round, "tie", names), strict=True))
        kept: list[str] = []
        for name in sorted(names, key=lambda n: draw[n]):
            if prompts == "ranked" or len(kept) < view.k or sum(p in kept for p in view.prompt_ids) < view.k:
                kept.append(name)
        tie = dict(zip(view.ids, uniforms(view.seed, view.round, "tie", view.ids), strict=True))
        rows = [row for row in range(len(view)) if view.prompt_ids[row] in kept]
        ranked = sorted(rows, key=lambda row: (-score(view, row), tie[view.ids[row]]))
        turn = [[view.prompt_ids[r] for r in ranked[:n]].count(view.prompt_ids[row]) for n, row in enumerate(ranked)]
        return [ranked[n] for n in sorted(range(len(ranked)), key=lambda n: (turn[n], n))][: view.k]

    return picks


def by_lot(kind: str, coldness: float) -> Slow:
    """The highest β log s, β s or −β log rank after Gumbel noise."""

    def picks(view: PoolView) -> list[int]:
        scores = [bald(view, row) for row in range(len(view))]
        noise = [-log(-log(u)) for u in uniforms(view.seed, view.round, "gumbel", view.ids)]
        rank = [1 + sum(other > score for other in scores) for score in scores]
        of = {"power": lambda r: log(scores[r]), "softmax": lambda r: scores[r], "softrank": lambda r: -log(rank[r])}
        return sorted(range(len(view)), key=lambda row: -(coldness * of[kind](row) + noise[row]))[: view.k]

    return picks


def rewards(view: PoolView, prompt: str) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for row, pair in enumerate(view.pairs):
        if pair.prompt_id == prompt:
            found[pair.a], found[pair.b] = both(view, row)
    return dict(sorted(found.items()))


def duel_of(view: PoolView, prompt: str, one: str, other: str) -> int:
    return next(row for row, p in enumerate(view.pairs) if p.prompt_id == prompt and {p.a, p.b} == {one, other})


def members(view: PoolView, prompt: str, count: int) -> list[int]:
    return [int(member) for member in rng_for(view.seed, view.round, "thompson", prompt).permutation(count)]


def best_arm(view: PoolView, row: int) -> float:
    """The variance of the difference, where the response that the drawn member likes best is one of the two."""
    z = rewards(view, view.prompt_ids[row])
    member = members(view, view.prompt_ids[row], len(next(iter(z.values()))))[0]
    best = max(z, key=lambda name: z[name][member])
    pair = view.pairs[row]
    return spread(view, row) if best in (pair.a, pair.b) else 0.0


def thompson(view: PoolView, row: int) -> float:
    """1 for what two drawn members like best, the second drawn again while it likes the same."""
    prompt = view.prompt_ids[row]
    z = rewards(view, prompt)
    drawn = members(view, prompt, len(next(iter(z.values()))))
    liked = [max(z, key=lambda name, m=member: z[name][m]) for member in drawn]
    others = [name for name in liked if name != liked[0]]
    second = others[0] if others else sorted(z, key=lambda name: z[name][drawn[0]])[-2]
    return float(duel_of(view, prompt, liked[0], second) == row)


def drts(view: PoolView) -> dict[int, float]:
    """Each prompt's drawn pair and its gap; β = 1."""
    found = {}
    for prompt in set(view.prompt_ids):
        z = rewards(view, prompt)

        def draw(which: str, z: dict[str, np.ndarray] = z) -> dict[str, float]:
            at = dict(zip(z, uniforms(view.seed, view.round, f"drts {which}", list(z)), strict=True))
            return {y: z[y].mean() + (2 * at[y] - 1) * np.sqrt(sample_variance(list(z[y]))) for y in z}

        high = draw("first")
        first = max(high, key=lambda y: high[y])
        for attempt in range(30):
            low = draw(f"second {attempt}")
            second = min(low, key=lambda y: low[y])
            if second != first:
                break
        else:
            rest = sorted(set(z) - {first})
            second = rest[int(uniforms(view.seed, view.round, "drts any", rest).argmax())]
        found[duel_of(view, prompt, first, second)] = high[first] - low[second]
    return found


def by_drts(view: PoolView, row: int) -> float:
    drawn = drts(view)
    return 1 + drawn[row] - min(drawn.values()) if row in drawn else 0.0


def bal_pm(view: PoolView, k: int = 13, weight: float = 0.01, d: float = 1.0, points: Any = None) -> list[int]:
    """`points` are those of the view and of past picks, where they are not those of the signal as they are."""
    points, past = points or [of["prompt_embedding"].astype(float) for of in (view, view.picked)]
    different = {tuple(point) for point in [*points, *past]}
    acquired, chosen = [tuple(point) for point in past], []
    uncertain = [bald(view, row) for row in range(len(view))]
    for _ in range(view.k):

        def score(row: int) -> float:
            away = sorted(float(np.linalg.norm(points[row] - o)) for o in different - {tuple(points[row])})
            reach = away[min(k, len(away)) - 1]
            near = sum(float(np.linalg.norm(points[row] - np.array(o))) < reach for o in acquired)
            return uncertain[row] + weight * (log(2 * reach + 1e-4) - digamma(near + 1) / d)

        chosen.append(max((row for row in range(len(view)) if row not in chosen), key=score))
        acquired.append(tuple(points[chosen[-1]]))
    return chosen


def gate(gamma: float) -> Slow:
    """The unsure in the order of a draw, then the least sure of the others."""

    def picks(view: PoolView) -> list[int]:
        draw = uniforms(view.seed, view.round, "tie", view.ids)
        away = [max(abs(float(z)) - gamma, 0.0) for z in view["reward_margin"]]
        return sorted(range(len(view)), key=lambda row: (away[row], draw[row]))[: view.k]

    return picks


BY_FORMULA: Sequence[tuple[Strategy, Slow]] = [
    (STRATEGIES.build(spec), slow)
    for spec, slow in [
        ("bald", by_lot("power", 1.0)),
        ({"name": "bald", "batch": "softmax", "coldness": 8.0}, by_lot("softmax", 8.0)),
        ({"name": "bald", "batch": "softrank", "coldness": 2.0}, by_lot("softrank", 2.0)),
        ({"name": "bald", "batch": "top_k"}, highest(bald)),
        ("bal_pm", bal_pm),
        ({"name": "bal_pm", "neighbour": 3, "weight": 2.0, "dimension": 4.0}, lambda view: bal_pm(view, 3, 2.0, 4.0)),
        ("ae_dpo", highest(bounds(2.0))),
        ({"name": "ae_dpo", "kappa": 0.5}, highest(bounds(0.5))),
        ("sea", a_prompt(best_arm, "drawn")),
        ({"name": "sea", "by": "thompson"}, a_prompt(thompson, "drawn")),
        ({"name": "sea", "by": "uncertainty", "prompts": "ranked"}, a_prompt(spread, "ranked")),
        ("delta_ucb", a_prompt(optimistic, "drawn")),
        ({"name": "delta_ucb", "prompts": "ranked"}, a_prompt(optimistic, "ranked")),
        ("drts", a_prompt(by_drts, "drawn")),
        ({"name": "drts", "prompts": "ranked"}, a_prompt(by_drts, "ranked")),
        ("enn_variance", a_prompt(settled, "drawn")),
        ({"name": "enn_variance", "prompts": "ranked"}, a_prompt(settled, "ranked")),
        ("gated", gate(1.3)),
        ({"name": "gated", "gamma": 0.4}, gate(0.4)),
    ]
]


@pytest.mark.parametrize(
    ("strategy", "slow"),
    BY_FORMULA,
    ids=lambda s: "-".join(map(str, s.spec().values())) if isinstance(s, Strategy) else "",
)
@settings(deadline=None, max_examples=12)
@given(st.integers(0, 10_000), st.sampled_from([0, 3, 11]), st.integers(1, 14))
def test_it_picks_what_its_formula_picks(strategy: Strategy, slow: Slow, seed: int, picked: int, k: int) -> None:
    view = world_for(strategy, picked=picked, seed=seed).view(k=k, seed=seed)
    found = [view.ids.index(pick.pair_id) for pick in execute(strategy.recipe(view), view)]
    assert found == slow(view)


@pytest.mark.parametrize("by", ["best_arm", "thompson"])
def test_where_a_pair_is_missing_a_duel_is_one_of_those_there_are(by: str) -> None:
    """Given pairs need not be all pairs of a prompt: the picks are k different ones all the same."""
    for name, fields in (("sea", {"by": by}), ("drts", {})):
        strategy = STRATEGIES.build({"name": name, **fields})
        world = world_for(strategy)
        view = world.order([row for row in range(len(world.pairs)) if row % 3]).view(k=8)
        assert len({pick.pair_id for pick in execute(strategy.recipe(view), view)}) == 8
        scores = scores_of(strategy.recipe(view), view)
        assert scores is not None and (scores > 0).any()


def test_disagreement_is_0_where_all_agree_and_ln_2_where_they_are_sure_of_opposites() -> None:
    gaps = np.array([[0.0, 0.0], [3.0, 3.0], [800.0, -800.0], [-700.0, -700.0]])
    np.testing.assert_allclose(_ensemble.disagreement(gaps), [0, 0, np.log(2), 0], atol=1e-12)
    assert np.isnan(_ensemble.disagreement(np.array([[np.inf, 1.0]]))).all()


def test_sea_delta_ucb_and_drts_are_random_over_single_pairs() -> None:
    """As their open points say: with one pair a prompt and drawn prompts there is nothing to choose."""
    batches = []
    for name in ("sea", "delta_ucb", "drts", "enn_variance"):
        strategy = STRATEGIES.build(name)
        world = world_for(strategy)
        first = {pair.prompt_id: row for row, pair in reversed(list(enumerate(world.pairs)))}
        view = world.order(sorted(first.values())).view(k=5)
        batches.append({pick.pair_id for pick in execute(strategy.recipe(view), view)})
    assert all(batch == batches[0] for batch in batches)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 30), st.floats(0.1, 2.5))
def test_pseudo_labels_are_the_sure_pairs_that_a_walk_to_the_last_question_passes(
    seed: int, k: int, gamma: float
) -> None:
    strategy = STRATEGIES.build({"name": "gated", "gamma": gamma})
    view = world_for(strategy, seed=seed).view(k=k, seed=seed)
    margins = dict(zip(view.ids, view["reward_margin"], strict=True))
    asked, passed = set(), {}
    draw = dict(zip(view.ids, uniforms(view.seed, view.round, "tie", view.ids), strict=True))
    for pair_id in sorted(view.ids, key=lambda i: draw[i]):
        if len(asked) == k:
            break
        if abs(margins[pair_id]) <= gamma:
            asked.add(pair_id)
        else:
            passed[pair_id] = "a" if margins[pair_id] > 0 else "b"
    batch = {pick.pair_id for pick in execute(strategy.recipe(view), view)}
    assert asked <= batch
    assert strategy.pseudo(view) == {pair_id: answer for pair_id, answer in passed.items() if pair_id not in batch}
    assert STRATEGIES.build({"name": "gated", "pseudo_labels": False}).pseudo(view) == {}
