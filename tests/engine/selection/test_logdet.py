"""The lazy greedy log-determinant against V inverted anew and against every score kept up to date; ties; laziness."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.pool import PoolView
from engine.seeds import uniforms
from engine.selection import logdet
from engine.selection.execute import execute
from engine.selection.logdet import greedy_log_det
from engine.selection.recipes import GreedyLogDet
from engine.selection.rows import ROUNDING
from engine.strategies.base import STRATEGIES
from tests.contracts.views import world_for
from tests.engine.selection.test_execute import view_of

SMALL = st.tuples(
    st.integers(0, 10_000), st.integers(2, 40), st.integers(1, 7), st.sampled_from([0, 2, 12]),
    st.sampled_from(["normal", "unit", "copies", "long"]), st.integers(1, 5),
)  # fmt: skip


@contextmanager
def panels_of(size: int) -> Iterator[None]:
    """Panels so small that a pool of a test needs many, brought up to date in small products."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"_PANEL": size, "_REACH": 2, "_AGES": 2, "_TOGETHER": 3, "_AT_ONCE": 7}.items():
            patch.setattr(logdet, name, value)
        yield


def pool(seed: int, n: int, d: int, m: int, kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, past and the draws that break ties."""
    rng = np.random.default_rng(seed)
    features, past = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    if kind == "unit":
        features /= np.linalg.norm(features, axis=1, keepdims=True)
    elif kind == "copies":  # one way round or the other
        features = features[rng.integers(0, max(1, n // 3), size=n)] * rng.choice([-1.0, 1.0], size=(n, 1))
    elif kind == "long":
        features *= rng.lognormal(0, 1, size=(n, 1))
    return features, past, rng.random(n)


def best_of(scores: dict[int, float], tie: np.ndarray) -> int:
    """Of those equal but for rounding the lowest draw."""
    best = max(scores.values())
    return min((row for row, score in scores.items() if score >= best - ROUNDING * best), key=lambda row: tie[row])


def inverting(features: np.ndarray, past: np.ndarray, ridge: float, k: int, tie: np.ndarray) -> list[int]:
    """argmax φᵀV⁻¹φ, V inverted anew for every pick."""
    v, picked = ridge * np.eye(features.shape[1]) + past.T @ past, list[int]()
    for _ in range(k):
        inverse = np.linalg.inv(v)
        open_ = [row for row in range(len(features)) if row not in picked]
        picked.append(best_of({row: float(features[row] @ inverse @ features[row]) for row in open_}, tie))
        v = v + np.outer(features[picked[-1]], features[picked[-1]])
    return picked


def incremental(
    features: np.ndarray, past: np.ndarray, ridge: float, k: int, tie: np.ndarray
) -> tuple[list[int], list[float]]:
    """Every row's score after every pick: it falls by (φᵀv)², v = V⁻¹φⱼ / √(1 + sⱼ), and V⁻¹ by vvᵀ."""
    inverse = np.linalg.inv(ridge * np.eye(features.shape[1]) + past.T @ past)
    scores, picked, gains = np.einsum("ni,ij,nj->n", features, inverse, features), list[int](), list[float]()
    for _ in range(k):
        row = best_of({row: float(score) for row, score in enumerate(scores) if row not in picked}, tie)
        v = inverse @ features[row] / np.sqrt(1 + scores[row])
        picked.append(row)
        gains.append(float(scores[row]))
        scores, inverse = scores - (features @ v) ** 2, inverse - np.outer(v, v)
    return picked, gains


@settings(deadline=None, max_examples=150)
@given(SMALL, st.sampled_from([0.05, 1.0]))
def test_the_picks_are_those_of_both_slow_versions(small: tuple[int, int, int, int, str, int], ridge: float) -> None:
    seed, n, d, m, kind, size = small
    features, past, tie = pool(seed, n, d, m, kind)
    k = min(n, 9)
    with panels_of(size):
        rows, before, gains = greedy_log_det(features, past, ridge, k, tie)
    other, kept = incremental(features, past, ridge, k, tie)
    assert rows == inverting(features, past, ridge, k, tie) == other
    np.testing.assert_allclose(gains, kept, rtol=1e-7)
    inverse = np.linalg.inv(ridge * np.eye(d) + past.T @ past)
    np.testing.assert_allclose(before, np.einsum("ni,ij,nj->n", features, inverse, features), rtol=1e-7)


@settings(deadline=None, max_examples=40)
@given(SMALL)
def test_without_updates_it_is_the_top_of_the_scores(small: tuple[int, int, int, int, str, int]) -> None:
    seed, n, d, m, kind, size = small
    features, past, tie = pool(seed, n, d, m, kind)
    with panels_of(size):
        rows, before, gains = greedy_log_det(features, past, 0.1, min(n, 9), tie, in_batch=False)
    wanted: list[int] = []
    while len(wanted) < len(rows):
        wanted.append(best_of({row: float(s) for row, s in enumerate(before) if row not in wanted}, tie))
    assert rows == wanted
    assert gains == [before[row] for row in rows]


@settings(deadline=None, max_examples=40)
@given(SMALL)
def test_picked_from_all_that_are_open_it_is_the_same(small: tuple[int, int, int, int, str, int]) -> None:
    seed, n, d, m, kind, size = small
    features, past, tie = pool(seed, n, d, m, kind)
    with panels_of(size):
        straight = greedy_log_det(features, past, 0.1, min(n, 9), tie)
        narrowed = greedy_log_det(features, past, 0.1, min(n, 9), tie, among=lambda open_: open_)
    assert straight[0] == narrowed[0]
    np.testing.assert_allclose(straight[2], narrowed[2], rtol=1e-9)


def unit_view(order: np.ndarray | None = None, mirror: bool = False, seed: int = 1) -> PoolView:
    world = world_for(STRATEGIES.build("activedpo"), seed=3)
    if mirror:
        world = world.mirrored(range(0, len(world.pairs), 2))
    return (world if order is None else world.order(order)).view(k=6, seed=seed)


def test_rounding_does_not_decide_between_scores_that_are_equal() -> None:
    """Differences of unit length and nothing picked: the first pick is the keyed draw's, whatever the last digits."""
    strategy = STRATEGIES.build({"name": "activedpo", "unit_norm": "difference"})
    firsts = set()
    for seed in range(12):
        view = unit_view(seed=seed)
        recipe = strategy.recipe(view)
        assert isinstance(recipe, GreedyLogDet)
        tie = uniforms(seed, view.round, "tie", view.ids)
        found = [pick.pair_id for pick in execute(recipe, view)]
        assert found[0] == view.ids[int(np.argmin(tie))]
        assert [view.ids.index(i) for i in found] == inverting(recipe.features, recipe.past, recipe.ridge, 6, tie)
        for other in (unit_view(np.random.default_rng(seed).permutation(len(view)), seed=seed),
                      unit_view(mirror=True, seed=seed)):  # fmt: skip
            assert [pick.pair_id for pick in execute(strategy.recipe(other), other)] == found
        firsts.add(found[0])
    assert len(firsts) > 3


def test_last_digits_that_differ_are_there_in_the_first_place() -> None:
    """Or the test above would be about nothing."""
    view = unit_view()
    recipe = STRATEGIES.build({"name": "activedpo", "unit_norm": "difference"}).recipe(view)
    assert isinstance(recipe, GreedyLogDet)
    lengths = (recipe.features**2).sum(axis=1)
    assert 0 < np.ptp(lengths) < 1e-12


def test_what_cannot_be_the_best_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 60 × 20,000 scores less than a tenth is ever brought up to date, and the picks are those of all of them."""
    rng = np.random.default_rng(5)
    features, tie = rng.normal(size=(20_000, 24)) * rng.lognormal(0, 0.5, size=(20_000, 1)), rng.random(20_000)
    renewed, real = [0], logdet._Growing._renew

    def counted(self: logdet._Growing, part: slice | np.ndarray) -> None:
        renewed[0] += len(self.worth[part])
        real(self, part)

    monkeypatch.setattr(logdet._Growing, "_renew", counted)
    monkeypatch.setattr(logdet, "_PANEL", 256)
    rows, _, _ = greedy_log_det(features, np.zeros((0, 24)), 0.1, 60, tie)
    assert rows == incremental(features, np.zeros((0, 24)), 0.1, 60, tie)[0]
    assert renewed[0] < 60 * 20_000 / 10


def test_a_pool_of_copies_is_taken_in_the_order_of_the_draws() -> None:
    features, view = np.tile(np.array([[0.6, -0.8, 1e-3]]), (50, 1)), view_of(50, 7)
    features[::2] *= -1
    tie = uniforms(view.seed, view.round, "tie", view.ids)
    found = [view.ids.index(pick.pair_id) for pick in execute(GreedyLogDet(features, features[:0], 1e-3), view)]
    assert found == [int(row) for row in np.argsort(tie)[:7]]
