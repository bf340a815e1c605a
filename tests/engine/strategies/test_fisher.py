"""The linear reward of the Fisher methods against a general optimiser and against the matrices written out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from engine.records import Label
from engine.strategies._fisher import bought, fitted, slope, unsure
from engine.strategies.base import STRATEGIES
from tests.contracts.views import world_for


def slow_theta(preferred: np.ndarray, prior: float) -> np.ndarray:
    """All d unknowns at once, by a quasi-Newton method."""

    def loss(theta: np.ndarray) -> float:
        return float(sum(np.log1p(np.exp(-row @ theta)) for row in preferred) + prior / 2 * theta @ theta)

    def slopes(theta: np.ndarray) -> np.ndarray:
        return prior * theta - sum((row / (1 + np.exp(row @ theta)) for row in preferred), np.zeros(len(theta)))

    start = np.zeros(preferred.shape[1])
    return minimize(loss, start, jac=slopes, method="BFGS", options={"gtol": 1e-10, "maxiter": 5000}).x


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(0, 12), st.integers(1, 6), st.sampled_from([0.03, 1.0, 20.0]))
def test_the_fit_and_its_spread_are_those_written_out(seed: int, m: int, d: int, prior: float) -> None:
    rng = np.random.default_rng(seed)
    preferred, phi = rng.normal(size=(m, d)), rng.normal(size=(7, d))
    reward, theta = fitted(preferred, prior), slow_theta(preferred, prior)
    np.testing.assert_allclose(reward.logits(phi), phi @ theta, atol=1e-5)
    mu = 1 / (1 + np.exp(-preferred @ theta))
    hessian = prior * np.eye(d) + (preferred.T * (mu * (1 - mu))) @ preferred
    spread = np.sqrt(np.einsum("ni,ij,nj->n", phi, np.linalg.inv(hessian), phi))
    np.testing.assert_allclose(reward.spread(phi), spread, rtol=1e-5)
    size = np.maximum(np.abs(phi @ theta) - 1.5 * spread, 0)
    np.testing.assert_allclose(reward.information(phi, 1.5), 1 / (2 + np.exp(size) + np.exp(-size)), rtol=1e-4)


def test_it_learns_a_planted_reward() -> None:
    rng = np.random.default_rng(1)
    true, phi = rng.normal(size=8), rng.normal(size=(400, 8))
    up = rng.random(400) < 1 / (1 + np.exp(-3 * phi @ true))
    found = fitted(np.where(up[:, None], phi, -phi), 1.0).logits(np.eye(8))
    assert found @ true / np.linalg.norm(found) / np.linalg.norm(true) > 0.97


def test_separable_labels_and_huge_features_do_not_break_it() -> None:
    reward = fitted(np.full((5, 3), 1e4), 1e-6)
    assert np.isfinite(reward.logits(np.eye(3))).all()
    assert (reward.information(np.full((1, 3), 1e5)) >= 0).all()
    assert slope(np.array([0.0, 800.0, -800.0])) == pytest.approx([0.25, 0.0, 0.0])
    assert np.isnan(unsure(np.array([np.nan, np.inf, -np.inf]))).all()


def test_only_answers_that_train_count_and_the_last_of_a_pair() -> None:
    world = world_for(STRATEGIES.build("adpo"), picked=4)
    world = world.answered(["a", "tie", "b", "skip"])
    view = world.view()
    phi = view.picked.difference("hidden_state", unit_norm="off")
    np.testing.assert_array_equal(bought(view, "hidden_state"), [phi[0], -phi[2]])
    view.labels = (*view.labels, Label(world.picked[0].id, "b", "test"), Label("another pair", "a", "test"))
    np.testing.assert_array_equal(bought(view, "hidden_state"), [-phi[0], -phi[2]])
    view.labels = ()
    assert bought(view, "hidden_state").shape == (0, phi.shape[1])
