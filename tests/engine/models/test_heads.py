"""Reward heads: a planted reward is found, doubt is small where labels lie, and one head alone is what it is in K."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.models.heads import HeadSettings, Preferences, first_weights, head_rewards
from engine.seeds import rng_for, uniforms

WIDTH = 12
SMALL = HeadSettings(size=6, hidden=32)


def planted(labels: int, seed: int = 0, noise: bool = True) -> tuple[np.ndarray, np.ndarray, Preferences]:
    """Features (400, d), their reward, linear, and labels about the first 300 by Bradley–Terry."""
    rng = rng_for(seed, None, "planted")
    features = rng.normal(size=(400, WIDTH)).astype(np.float32)
    reward = features @ rng.normal(size=WIDTH) / 2
    pairs = rng.integers(0, 300, (labels, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    chance = 1 / (1 + np.exp(-(reward[pairs[:, 0]] - reward[pairs[:, 1]])))
    first = rng.random(len(pairs)) < chance if noise else chance > 0.5
    better, worse = np.where(first, *pairs.T), np.where(first, *pairs.T[::-1])
    return features, reward, known_of(features, better, worse)


def known_of(features: np.ndarray, better: np.ndarray, worse: np.ndarray) -> Preferences:
    ids = tuple(f"x{row:04}" for row in range(len(better)))
    return Preferences(features[better], features[worse], ids, np.ones((SMALL.size, len(ids)), dtype=np.float32))


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    ranks = [values.argsort().argsort() for values in (one, other)]
    return float(np.corrcoef(*ranks)[0, 1])


def test_a_planted_linear_reward_is_learned_and_more_labels_learn_it_better() -> None:
    """Of responses that no label is about: rank correlation above 0.8 with 300 noisy labels, above 0.4 with 30."""
    found = {}
    for labels in (30, 300):
        features, reward, known = planted(labels)
        rewards = head_rewards(features, known, SMALL, seed=1)
        found[labels] = rank_correlation(rewards[300:].mean(axis=1), reward[300:])
    assert found[300] > 0.8 > found[30] > 0.4
    without = head_rewards(features, known_of(features, np.zeros(0, int), np.zeros(0, int)), SMALL, seed=1)
    assert abs(rank_correlation(without[300:].mean(axis=1), reward[300:])) < 0.4


def test_heads_disagree_less_about_what_labels_are_about() -> None:
    """Labels lie in one half of the space; the variance of a difference there is below a third of that elsewhere."""
    rng = rng_for(2, None, "halves")
    features = rng.normal(size=(400, WIDTH)).astype(np.float32)
    features[:200, : WIDTH // 2] *= 0.05
    features[200:, WIDTH // 2 :] *= 0.05
    reward = features.sum(axis=1)
    pairs = rng.integers(0, 150, (200, 2))
    first = reward[pairs[:, 0]] > reward[pairs[:, 1]]
    known = known_of(features, np.where(first, *pairs.T), np.where(first, *pairs.T[::-1]))
    found = head_rewards(features, known, replace(SMALL, anchor=5.0), seed=1)
    there, elsewhere = found[150:200] - found[150:200].mean(axis=0), found[200:] - found[200:].mean(axis=0)
    assert there.var(axis=1).mean() < elsewhere.var(axis=1).mean() / 3


def test_turned_labels_turn_the_sign_of_the_mean() -> None:
    features, _, known = planted(200, noise=False)
    turned = Preferences(known.worse, known.better, known.ids, known.weights)
    one, other = (head_rewards(features, labels, SMALL, seed=1).mean(axis=1) for labels in (known, turned))
    centred = [values - values.mean() for values in (one, other)]
    assert np.corrcoef(*centred)[0, 1] < -0.9


def test_the_order_of_labels_changes_nothing_and_the_seed_does() -> None:
    features, _, known = planted(200)
    rows = rng_for(3, None, "another order").permutation(len(known.ids))
    other = Preferences(known.better[rows], known.worse[rows], tuple(known.ids[row] for row in rows),
                        known.weights[:, rows])  # fmt: skip
    settings = replace(SMALL, steps=40)
    found = head_rewards(features, known, settings, seed=1)
    np.testing.assert_array_equal(head_rewards(features, known, settings, seed=1), found)
    np.testing.assert_allclose(head_rewards(features, other, settings, seed=1), found, atol=1e-5 * np.abs(found).max())
    assert np.abs(head_rewards(features, known, settings, seed=2) - found).max() > 0.01


def test_check_may_end_it_before_any_step() -> None:
    features, _, known = planted(30)
    calls: list[int] = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        head_rewards(features, known, SMALL, seed=1, check=check)


@pytest.mark.parametrize("labels", [7, 300])
def test_each_head_is_trained_as_if_it_were_alone(labels: int) -> None:
    """The slow twin: one network at a time, layer by layer, the loss summed by hand, torch's own Adam."""
    features, _, known = planted(labels)
    weights = rng_for(4, None, "weights").poisson(1, (3, len(known.ids))).astype(np.float32)
    known = Preferences(known.better, known.worse, known.ids, weights)
    settings = HeadSettings(size=3, hidden=9, steps=25, learning_rate=3e-3, anchor=0.7)
    found = head_rewards(features, known, settings, seed=5)
    for head in range(3):
        np.testing.assert_allclose(found[:, head], alone(features, known, settings, 5, head), rtol=1e-3, atol=1e-3)


def alone(features: np.ndarray, known: Preferences, settings: HeadSettings, seed: int, head: int) -> np.ndarray:
    both = np.concatenate([known.better, known.worse]).astype(np.float64)
    shift, scale = both.mean(axis=0), both.std(axis=0)
    start = [weight[head].double() for weight in first_weights(WIDTH, settings, seed)]
    moving = [weight.clone().requires_grad_() for weight in start]

    def reward(rows: np.ndarray) -> torch.Tensor:
        hidden = torch.tensor((rows - shift) / scale)
        for weight, bias in ((moving[0], moving[1]), (moving[2], moving[3])):
            hidden = torch.clamp(hidden @ weight + bias, min=0)
        return (hidden @ moving[4])[:, 0]

    optimiser = torch.optim.Adam(moving, lr=settings.learning_rate)
    n, batches, epoch = len(known.ids), [], 0
    while len(batches) < settings.steps:
        order = np.argsort(uniforms(seed, None, f"head order:{epoch}", known.ids))
        batches += [order[at : at + 128] for at in range(0, n, 128)]
        epoch += 1
    for batch in batches[: settings.steps]:
        optimiser.zero_grad()
        gap = reward(known.better[batch]) - reward(known.worse[batch])
        weighed = torch.tensor(known.weights[head, batch], dtype=torch.float64) * torch.log(1 + torch.exp(-gap))
        away = sum(((now - then) ** 2).sum() for now, then in zip(moving, start, strict=True))
        (weighed.sum() / len(batch) + settings.anchor / n * away).backward()
        optimiser.step()
    return reward(features).detach().numpy()
