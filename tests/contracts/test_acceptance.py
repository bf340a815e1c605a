"""Acceptance tests a to h of the methods' plan, on made signals, each over every registered strategy it applies to.

A strategy that is added later is covered without an edit. `python -m tests.contracts.table` runs these and those of
`test_acceptance_rounds` (i to l) and prints the table methods × tests.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.models.projection import Projection, side_for
from engine.records import Pair, Pick
from engine.seeds import rng_for, uniforms
from engine.selection.execute import execute, scores_of
from engine.selection.recipes import (
    Crowding,
    FacilityLocation,
    FarthestFirst,
    GreedyLogDet,
    KMeansPlusPlus,
    TwoStage,
)
from engine.strategies.base import STRATEGIES, Strategy
from tests.contracts.views import World, frozen, world_for

ALL = [cls() for cls in STRATEGIES]


def over(applies: Callable[[Strategy], bool]) -> pytest.MarkDecorator:
    """The registered strategies that a test applies to."""
    return pytest.mark.parametrize("strategy", [s for s in ALL if applies(s)], ids=lambda s: s.name)


def recipe_is(*kinds: type) -> Callable[[Strategy], bool]:
    return lambda strategy: isinstance(strategy.recipe(world_for(strategy, picked=5).view()), kinds)


def picks(strategy: Strategy, world: World, **where: Any) -> list[Pick]:
    view = world.view(**where)
    return execute(strategy.recipe(view), view)


def ids(found: list[Pick]) -> list[str]:
    return [pick.pair_id for pick in found]


def scores(strategy: Strategy, world: World) -> dict[str, float] | None:
    view = world.view()
    found = scores_of(strategy.recipe(view), view)
    return None if found is None else dict(zip(view.ids, found.tolist(), strict=True))


@over(lambda s: "SHARP" in s.aliases)
@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000))
def test_a_sharp_and_w_sharp_rank_as_the_smallest_margin(strategy: Strategy, seed: int) -> None:
    """From their definitions: γ = |1 − 1/σ(−Δ)| = e^Δ, SHARP = (1+γ)/|1−γ|; W-SHARP weighs both answers by chance."""
    world = world_for(strategy, seed=seed)
    margins = world.signals["reward_margin"]
    delta = dict(zip(margins.ids, margins.values.astype(float), strict=True))

    def sharp(pair_id: str) -> float:
        gamma = abs(1 - 1 / (1 / (1 + np.exp(delta[pair_id]))))
        return (1 + gamma) / abs(1 - gamma)

    def w_sharp(pair_id: str) -> float:
        """Mean over spread of the gradient's length under the policy's own answer."""
        p = 1 / (1 + np.exp(-delta[pair_id]))
        lengths, chances = np.array([1 - p, p]), np.array([p, 1 - p])
        mean = chances @ lengths
        return mean / np.sqrt(chances @ (lengths - mean) ** 2)

    found = ids(picks(strategy, world, k=len(world.pairs)))
    assert found == sorted(delta, key=sharp, reverse=True) == sorted(delta, key=w_sharp, reverse=True)


@over(recipe_is(GreedyLogDet))
@pytest.mark.parametrize("picked", [0, 5, 20])
def test_b_the_dual_picks_what_the_loop_over_v_picks(strategy: Strategy, picked: int) -> None:
    view = world_for(strategy, picked=picked).view()
    recipe = strategy.recipe(view)
    assert isinstance(recipe, GreedyLogDet)
    recipe = replace(recipe, among=None)
    phi = recipe.features
    v = recipe.ridge * np.eye(phi.shape[1]) + recipe.past.T @ recipe.past
    v = v + phi.T @ phi if recipe.whole_pool else v
    left, wanted = list(range(len(view))), []
    for _ in range(view.k):
        inverse = np.linalg.inv(v)
        wanted.append(left.pop(int(np.argmax([phi[row] @ inverse @ phi[row] for row in left]))))
        v = v + np.outer(phi[wanted[-1]], phi[wanted[-1]]) if recipe.in_batch else v
    assert ids(execute(recipe, view)) == [view.ids[row] for row in wanted]


def at_reference(strategy: Strategy, picked: int = 0) -> World:
    """While policy = reference every margin is 0."""
    return world_for(strategy, picked=picked).with_values(lambda n, v: frozen(v * 0) if n == "reward_margin" else v)


@over(lambda s: s.ties_at_reference)
def test_c_at_the_reference_it_ties_and_the_keyed_draw_picks(strategy: Strategy) -> None:
    world, counts = at_reference(strategy), dict.fromkeys([pair.id for pair in at_reference(strategy).pairs], 0)
    assert len(set((scores(strategy, world) or {}).values())) == 1
    for seed in range(300):
        view = world.view(k=4, seed=seed)
        recipe = strategy.recipe(view)
        tie = dict(zip(view.ids, uniforms(seed, view.round, "tie", view.ids), strict=True))
        found = ids(execute(recipe, view))
        assert found == sorted(found, key=lambda i: tie[i])
        if not isinstance(recipe, TwoStage):  # which prompts are kept is no tie
            assert found == sorted(tie, key=lambda i: tie[i])[:4]
            for pair_id in found:
                counts[pair_id] += 1
    seen = np.array(list(counts.values()))
    if seen.any():
        assert ((seen - seen.mean()) ** 2 / seen.mean()).sum() < 66.6  # χ², 35 degrees of freedom, p = 0.001


@over(lambda s: bool(s.needs) and not s.ties_at_reference)
def test_c_at_the_reference_it_does_not_tie(strategy: Strategy) -> None:
    """Round 1 without a warm-up: nothing picked, all margins 0, and still the signal decides."""
    world = at_reference(strategy)
    found = scores(strategy, world)
    assert found is None or len(set(found.values())) > 1
    for seed in range(5):
        tie = dict(zip(found or (), uniforms(seed, 2, "tie", found or ()), strict=True))
        assert set(ids(picks(strategy, world, k=4, seed=seed))) != set(sorted(tie, key=lambda i: tie[i])[:4])


@over(lambda s: True)
@pytest.mark.parametrize("picked", [0, 5])
def test_d_which_response_is_which_side_changes_nothing(strategy: Strategy, picked: int) -> None:
    world = world_for(strategy, picked=picked)
    wanted, known = ids(picks(strategy, world)), scores(strategy, world)
    turned = [world.mirrored(range(len(world.pairs))), world.mirrored(range(0, len(world.pairs), 2))]
    for other in (*turned, world.mirrored_past(), turned[1].mirrored_past()):
        assert ids(picks(strategy, other)) == wanted
        assert scores(strategy, other) == pytest.approx(known)


@over(lambda s: True)
@pytest.mark.parametrize("picked", [0, 5])
def test_e_permuting_the_pool_permutes_the_picks_only(strategy: Strategy, picked: int) -> None:
    world = world_for(strategy, picked=picked)
    rows = rng_for(11, None, "order").permutation(len(world.pairs))
    assert ids(picks(strategy, world.order(rows))) == ids(picks(strategy, world))
    assert scores(strategy, world.order(rows)) == pytest.approx(scores(strategy, world))


@over(lambda s: not s.learns)
def test_f_other_answers_to_past_picks_change_nothing(strategy: Strategy) -> None:
    world = world_for(strategy, picked=60)
    for answers in (["a"] * 60, ["b"] * 60, ["tie", "skip"] * 30):
        assert picks(strategy, world.answered(answers)) == picks(strategy, world)
    assert picks(strategy, replace(world, labels=())) == picks(strategy, world)


@over(lambda s: s.learns)
def test_f_who_learns_from_answers_changes_with_them(strategy: Strategy) -> None:
    """Those are bought; who says that it learns and does not would pass the test above by saying so."""
    world = world_for(strategy, picked=60)
    turned = ["b" if n % 2 else "a" for n in range(60)]
    assert picks(strategy, world.answered(turned)) != picks(strategy, world)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def projected() -> tuple[np.ndarray, np.ndarray]:
    """30 pairs of unit vectors of 4,096 numbers, cosines from −1 to 1, and their inner products at d = 8,192."""
    rng = rng_for(5, None, "unit vectors")
    a, other = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in rng.normal(size=(2, 30, 4096)))
    other = other - (other * a).sum(axis=1, keepdims=True) * a
    other /= np.linalg.norm(other, axis=1, keepdims=True)
    cosine = np.linspace(-1, 1, 30)[:, None]
    both = np.concatenate([a, cosine * a + np.sqrt(1 - cosine**2) * other]).astype(np.float32)
    assert side_for([(512, 8)], 8192) == 512  # of a matrix of that size no side is projected first at such a d
    found = Projection(8192, 0, torch.device("cpu")).dense(torch.from_numpy(both)).numpy().astype(float)
    return cosine[:, 0], (found[:30] * found[30:]).sum(axis=1)


@over(lambda s: bool(s.needs & {"reward_gradient", "gradient_difference"}))
def test_g_the_projection_keeps_inner_products(strategy: Strategy, projected: tuple[np.ndarray, np.ndarray]) -> None:
    """Of the gradients that the strategy reads: within 0.05, and as far off as √((1 + cos²)/d) says."""
    cosine, found = projected
    assert np.abs(found - cosine).max() < 0.05
    assert 0.5 < np.sqrt(np.mean((found - cosine) ** 2 / ((1 + cosine**2) / 8192))) < 1.5


def with_copies(world: World) -> World:
    """Every pair twice: the same numbers under the ids of other responses, of the same prompts."""
    copies = tuple(Pair.of(p.prompt_id, f"{p.a}copy", f"{p.b}copy") for p in world.pairs)
    copy_of = {p.id: c.id for p, c in zip(world.pairs, copies, strict=True)}
    signals = {
        name: s
        if s.axis == "prompt"
        else replace(
            s, ids=(*s.ids, *(copy_of.get(i, f"{i}copy") for i in s.ids)), values=frozen(np.tile(s.values.T, 2).T)
        )
        for name, s in world.signals.items()
    }
    return replace(world, pairs=(*world.pairs, *copies), signals=signals)


def spreads(strategy: Strategy) -> bool:
    recipe = strategy.recipe(world_for(strategy).view())
    greedy = isinstance(recipe, GreedyLogDet) and recipe.in_batch
    return greedy or isinstance(recipe, KMeansPlusPlus | FarthestFirst | FacilityLocation)


def twins_among(strategy: Strategy) -> int:
    """Pairs of the batch whose copy is in it too, over 20 seeds."""
    world = world_for(strategy)
    doubled = with_copies(world)
    original = {p.id: n % len(world.pairs) for n, p in enumerate(doubled.pairs)}
    batches = [[original[i] for i in ids(picks(strategy, doubled, k=4, seed=seed))] for seed in range(20)]
    return sum(len(batch) - len(set(batch)) for batch in batches)


@over(spreads)
def test_h_a_batch_design_never_picks_a_pair_and_its_copy(strategy: Strategy) -> None:
    assert twins_among(strategy) == 0


@over(lambda s: (recipe_is(GreedyLogDet)(s) and not spreads(s)) or s.name == "gradient_norm")
def test_h_a_ranking_of_the_same_norm_may(strategy: Strategy) -> None:
    assert twins_among(strategy) > 0


@over(lambda s: getattr(s, "unit_norm", "") == "response")
@pytest.mark.parametrize("factor", [0.01, 0.5, 640.0])
def test_j_unit_length_per_response_cancels_beta_and_scale(strategy: Strategy, factor: float) -> None:
    """β, or log-probabilities in other units, scales every gradient, those of past picks too."""
    world = world_for(strategy, picked=5)
    scaled = world.with_values(lambda name, values: values * np.float32(factor))
    past = {name: frozen(values * np.float32(factor)) for name, values in (world.picked_values or {}).items()}
    assert ids(picks(strategy, replace(scaled, picked_values=past))) == ids(picks(strategy, world))


def test_no_test_lost_what_it_is_about() -> None:
    """Crowding re-counts after every pick but forbids no copy; it is no design of h."""
    assert {s.name for s in ALL if spreads(s)} >= {
        "activedpo", "adpo", "badge", "k_center", "k_center_gradients", "facility_location",
    }  # fmt: skip
    assert not any(spreads(s) and recipe_is(Crowding)(s) for s in ALL)
