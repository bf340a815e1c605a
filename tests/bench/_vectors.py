"""Made features of pairs, as strategies hand them to a design, for the benchmarks of selection."""

import numpy as np

from engine.seeds import rng_for


def unit_differences(n: int, d: int) -> np.ndarray:
    """Differences of two vectors of unit length, float64 (n, d), as ActiveDPO reads them.

    The two responses of a pair share a part, their prompt's, of lognormal length; so the differences' lengths vary.
    """
    rng = rng_for(1, None, "bench vectors")
    shared = rng.normal(size=(n, d)) * rng.lognormal(0, 0.5, size=(n, 1))
    a, b = (_unit(shared + rng.normal(size=(n, d))) for _ in range(2))
    return np.asarray(a - b)


def of_one_length(n: int, d: int) -> np.ndarray:
    """Unit length, in all directions alike, float64 (n, d): before the first pick every pair is as good as another."""
    return _unit(rng_for(2, None, "bench vectors").normal(size=(n, d)))


def of_topics(n: int, d: int, topics: int = 200) -> np.ndarray:
    """Around the centres of topics, some large and some small, as embeddings lie, float64 (n, d)."""
    rng = rng_for(4, None, "bench vectors")
    share = rng.lognormal(0, 1, size=topics)
    of = rng.choice(topics, size=n, p=share / share.sum())
    spread = rng.uniform(0.3, 1.2, size=(n, 1))
    return np.asarray(rng.normal(size=(topics, d))[of] + spread * rng.normal(size=(n, d)))


def of_clusters(n: int, d: int, clusters: int) -> np.ndarray:
    """Close around centres, some of many and some of few, float64 (n, d): to draw evenly leaves small ones out."""
    rng = rng_for(5, None, "bench vectors")
    share = rng.lognormal(0, 1, size=clusters)
    of = rng.choice(clusters, size=n, p=share / share.sum())
    return np.asarray(rng.normal(size=(clusters, d))[of] + 0.1 * rng.normal(size=(n, d)))


def draws(n: int) -> np.ndarray:
    """What breaks ties, (n,)."""
    return rng_for(3, None, "bench vectors").random(n)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
