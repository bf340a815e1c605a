"""Every method's picks against a slow version written straight from its formula, on small random pools."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.pool import PoolView
from engine.seeds import rng_for, uniforms
from engine.selection.execute import execute, scores_of
from engine.strategies.base import STRATEGIES, Strategy
from tests.contracts.views import world_for
from tests.engine.selection.test_distances import apart, slow_d2_sampling, slow_farthest_first
from tests.engine.selection.test_facility import slow as slow_facility
from tests.engine.strategies.test_fisher import slow_theta

Slow = Callable[[PoolView], list[int]]


def sides(view: PoolView, row: int, signal: str) -> tuple[np.ndarray, np.ndarray]:
    a, b = view.sides(signal)
    return a[row].astype(float), b[row].astype(float)


def differences(of: PoolView, signal: str) -> np.ndarray:
    a, b = of.sides(signal)
    return np.array([x.astype(float) - y.astype(float) for x, y in zip(a, b, strict=True)]).reshape(a.shape)


def sigma(z: float) -> float:
    return 1 / (1 + np.exp(-z))


def margin(view: PoolView, row: int) -> float:
    return float(view["reward_margin"][row])


def top(view: PoolView, score: Callable[[int], float]) -> list[int]:
    return sorted(range(len(view)), key=lambda row: -score(row))[: view.k]


def greedy(view: PoolView, features: np.ndarray, v: np.ndarray, in_batch: bool, among: int | None = None) -> list[int]:
    """argmax φᵀV⁻¹φ over those left, V inverted anew for every pick, and grown by it."""
    by_id = sorted(range(len(view)), key=lambda row: view.ids[row])
    stream, chosen = rng_for(view.seed, view.round, "subset"), []
    for _ in range(view.k):
        open_ = [row for row in by_id if row not in chosen]
        if among:
            places = stream.choice([by_id.index(r) for r in open_], min(among, len(open_)), replace=False)
            open_ = [by_id[place] for place in places]
        inverse = np.linalg.inv(v)
        chosen.append(max(open_, key=lambda row: features[row] @ inverse @ features[row]))
        if in_batch:
            v = v + np.outer(features[chosen[-1]], features[chosen[-1]])
    return chosen


def preferred(view: PoolView) -> np.ndarray:
    phi = differences(view.picked, "hidden_state")  # type: ignore[arg-type]
    answers = [label.answer for label in view.labels]
    return np.array([p if answer == "a" else -p for p, answer in zip(phi, answers, strict=True)]).reshape(phi.shape)


def apo(ridge: float = 1e-5, *, in_batch: bool = False, slope: bool = False) -> Slow:
    """V of past picks, each by 1 or by σ̇(φᵀθ̂), θ̂ of all labels with prior 1."""

    def picks(view: PoolView) -> list[int]:
        theta, v = slow_theta(preferred(view), 1.0), ridge * np.eye(5)
        for phi in differences(view.picked, "hidden_state"):  # type: ignore[arg-type]
            v = v + (sigma(phi @ theta) * sigma(-phi @ theta) if slope else 1.0) * np.outer(phi, phi)
        return greedy(view, differences(view, "hidden_state"), v, in_batch)

    return picks


def adpo(stabiliser: float, doubling: bool) -> Slow:
    """λ = 1, the best of 10 random pairs; θ̂ of the first 2^i labels, or of all."""

    def picks(view: PoolView) -> list[int]:
        known = preferred(view)
        while doubling and len(known) & (len(known) - 1):
            known = known[:-1]
        theta = slow_theta(known, 1.0)
        slopes = np.array([sigma(row @ theta) * sigma(-row @ theta) for row in known])
        covariance = np.linalg.inv(np.eye(5) + sum(s * np.outer(r, r) for s, r in zip(slopes, known, strict=True)))

        def v(phi: np.ndarray) -> np.ndarray:
            z = max(abs(phi @ theta) - stabiliser * np.sqrt(phi @ covariance @ phi), 0.0)
            return np.sqrt(sigma(z) * sigma(-z)) * phi

        information = np.eye(5)
        for phi in differences(view.picked, "hidden_state"):  # type: ignore[arg-type]
            information += np.outer(v(phi), v(phi))
        return greedy(view, np.array([v(phi) for phi in differences(view, "hidden_state")]), information, True, 10)

    return picks


def leverage(selector: str, *, in_batch: bool = False, ridge: float = 1e-6) -> Slow:
    def picks(view: PoolView) -> list[int]:
        theta = slow_theta(preferred(view), 1.0)

        def weight(phi: np.ndarray) -> float:
            return 1.0 if selector == "xtx" else sigma(phi @ theta) * sigma(-phi @ theta)

        pool, past = differences(view, "hidden_state"), differences(view.picked, "hidden_state")  # type: ignore[arg-type]
        counted = [*pool, *past] if selector == "past_aware" else pool
        m = ridge * np.eye(5) + sum(weight(phi) * np.outer(phi, phi) for phi in counted)
        if in_batch:
            return greedy(view, np.array([np.sqrt(weight(phi)) * phi for phi in pool]), m, in_batch=True)
        return top(view, lambda row: weight(pool[row]) * pool[row] @ np.linalg.inv(m) @ pool[row])

    return picks


def badge(view: PoolView) -> list[int]:
    phi = view["gradient_difference"].astype(float)
    p = [sigma(margin(view, row)) for row in range(len(view))]
    features = np.array([(1 - max(p[r], 1 - p[r])) * np.sign(margin(view, r)) * phi[r] for r in range(len(view))])
    return slow_d2_sampling(features, view, drawn_first=False, either_sign=True)


def expected_length(view: PoolView) -> list[int]:
    """The mean of ‖∇L‖ over both answers, term by term."""
    phi = view["gradient_difference"].astype(float)

    def score(row: int) -> float:
        p = sigma(margin(view, row))
        return p * np.linalg.norm((1 - p) * phi[row]) + (1 - p) * np.linalg.norm(p * phi[row])

    return top(view, score)


def aepo(diversity: float) -> Slow:
    return lambda view: standing_apart(view, diversity)


def standing_apart(view: PoolView, diversity: float) -> list[int]:
    """½[ρ(y₁) + ρ(y₂)] − λ cos(y₁, y₂); every prompt's best before any prompt's second."""
    vectors: dict[str, dict[str, np.ndarray]] = {}
    for row, pair in enumerate(view.pairs):
        a, b = sides(view, row, "embedding")
        vectors.setdefault(pair.prompt_id, {}).update({pair.a: a, pair.b: b})

    def cosine(x: np.ndarray, y: np.ndarray) -> float:
        return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))

    def score(row: int) -> float:
        pair = view.pairs[row]
        mine = vectors[pair.prompt_id]
        rho = [np.mean([cosine(mine[y], mine[other]) for other in mine if other != y]) for y in (pair.a, pair.b)]
        return float(np.mean(rho)) - diversity * cosine(mine[pair.a], mine[pair.b])

    ranked = sorted(range(len(view)), key=lambda row: -score(row))
    turn = [[view.prompt_ids[r] for r in ranked[:n]].count(view.prompt_ids[row]) for n, row in enumerate(ranked)]
    return [ranked[n] for n in sorted(range(len(ranked)), key=lambda n: (turn[n], n))][: view.k]


def covered(signal: str, unit: bool) -> Slow:
    def picks(view: PoolView) -> list[int]:
        def places(of: PoolView) -> np.ndarray:
            a, b = of.sides(signal)
            pairs = [(x.astype(float), y.astype(float)) for x, y in zip(a, b, strict=True)]
            if unit:
                pairs = [(x / np.linalg.norm(x), y / np.linalg.norm(y)) for x, y in pairs]
            return np.array([x - y for x, y in pairs]).reshape(a.shape)

        return slow_farthest_first(places(view), places(view.picked), view.k, either_sign=True)  # type: ignore[arg-type]

    return picks


def represented_by_the_middle(view: PoolView) -> list[int]:
    """The same of the middle between both responses, likeness max(cos, 0)."""
    here, past = ((np.asarray(a, float) + np.asarray(b, float)) / 2 for a, b in
                  (view.sides("embedding"), view.picked.sides("embedding")))  # fmt: skip
    tie = uniforms(view.seed, view.round, "tie", view.ids)
    return slow_facility(here, past, view.k, tie, either_sign=False)[0]


def represented(view: PoolView) -> list[int]:
    """argmax of the rise of Σᵢ maxⱼ |cos(φᵢ, φⱼ)| over labelled pairs and the batch."""
    past = differences(view.picked, "embedding")  # type: ignore[arg-type]
    tie = uniforms(view.seed, view.round, "tie", view.ids)
    return slow_facility(differences(view, "embedding"), past, view.k, tie, either_sign=True)[0]


def scored(signal: str, sign: int) -> Slow:
    return lambda view: top(view, lambda row: sign * float(np.abs(np.subtract(*sides(view, row, signal)))))


def unit_length(view: PoolView) -> list[int]:
    def score(row: int) -> float:
        a, b = sides(view, row, "reward_gradient")
        return float(np.linalg.norm(a / np.linalg.norm(a) - b / np.linalg.norm(b)))

    return top(view, score)


def drawn(view: PoolView) -> list[int]:
    draw = uniforms(view.seed, view.round, "tie", view.ids)
    return top(view, lambda row: -draw[row])


BY_FORMULA: Sequence[tuple[Strategy, Slow]] = [
    (STRATEGIES.build(spec), slow)
    for spec, slow in [
        ("apo", apo()),
        ({"name": "apo", "in_batch": True, "ridge": 0.1}, apo(0.1, in_batch=True)),
        ({"name": "apo", "weight": "slope", "ridge": 0.01}, apo(0.01, slope=True)),
        ({"name": "adpo", "among": 10}, adpo(3.0, doubling=True)),
        ({"name": "adpo", "among": 10, "stabiliser": 0.2}, adpo(0.2, doubling=True)),
        ({"name": "adpo", "among": 10, "stabiliser": 0.2, "labels": "all"}, adpo(0.2, doubling=False)),
        ("d_optimal", leverage("past_aware")),
        ({"name": "d_optimal", "selector": "d_optimal"}, leverage("d_optimal")),
        ({"name": "d_optimal", "selector": "xtx"}, leverage("xtx")),
        ({"name": "d_optimal", "in_batch": True, "ridge": 0.1}, leverage("past_aware", in_batch=True, ridge=0.1)),
        ("badge", badge),
        ("expected_gradient_length", expected_length),
        ("aepo", aepo(1.0)),
        ({"name": "aepo", "diversity": 0.3}, aepo(0.3)),
        ({"name": "aepo", "diversity": 4.0}, aepo(4.0)),
        ("k_center", covered("embedding", unit=False)),
        ("k_center_gradients", covered("reward_gradient", unit=True)),
        ("facility_location", represented),
        ({"name": "facility_location", "of": "mean"}, represented_by_the_middle),
        ("smallest_margin", lambda view: top(view, lambda row: -abs(margin(view, row)))),
        ("length_difference", scored("response_length", 1)),
        ("largest_oracle_margin", scored("gold_score", 1)),
        ("smallest_oracle_margin", scored("gold_score", -1)),
        ("gradient_norm", unit_length),
        ("random", drawn),
    ]
]


@pytest.mark.parametrize(("strategy", "slow"), BY_FORMULA, ids=lambda s: getattr(s, "name", ""))
@settings(deadline=None, max_examples=12)
@given(st.integers(0, 10_000), st.sampled_from([0, 3, 11]), st.integers(1, 9))
def test_it_picks_what_its_formula_picks(strategy: Strategy, slow: Slow, seed: int, picked: int, k: int) -> None:
    view = world_for(strategy, picked=picked, seed=seed).view(k=k, seed=seed)
    found = [view.ids.index(pick.pair_id) for pick in execute(strategy.recipe(view), view)]
    assert found == slow(view)


def test_with_two_responses_a_prompt_aepo_says_nothing() -> None:
    """As its open points say: ρ(y₁) = ρ(y₂) = cos, and λ = 1."""
    strategy = STRATEGIES.build("aepo")
    world = world_for(strategy)
    first = {pair.prompt_id: row for row, pair in reversed(list(enumerate(world.pairs)))}
    view = world.order(sorted(first.values())).view(k=3)
    assert scores_of(strategy.recipe(view), view) == pytest.approx(np.zeros(len(view)), abs=1e-12)


def test_the_middle_between_two_responses_is_another_place() -> None:
    strategy = STRATEGIES.build({"name": "k_center", "of": "mean"})
    view = world_for(strategy).view(k=5)
    a, b = view.sides("embedding")
    middle = (a.astype(float) + b.astype(float)) / 2
    rows = [view.ids.index(pick.pair_id) for pick in execute(strategy.recipe(view), view)]
    assert rows == slow_farthest_first(middle, middle[:0], 5, either_sign=False)
    assert apart(middle[rows[0]], -middle[rows[0]], either_sign=False) > 0
