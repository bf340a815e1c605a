"""Every random act has a named stream, so that order, batch size and resuming change nothing.

Draws about a whole use `rng_for(seed, round, purpose)`. Draws about one pair or response use a hash of
(seed, round, purpose, its id): `uniforms`. For labels the round is None, so that two strategies of a seed
that buy the same pair, in whatever round, get the same answer.
"""

import hashlib
from collections.abc import Iterable

import numpy as np


def key_for(seed: int, round_number: int | None, purpose: str, item: str = "") -> int:
    """A 63-bit integer that depends on all four, the same on every machine."""
    text = f"{seed}\x1f{'' if round_number is None else round_number}\x1f{purpose}\x1f{item}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def rng_for(seed: int, round_number: int | None, purpose: str, item: str = "") -> np.random.Generator:
    """The generator of one named stream."""
    return np.random.default_rng(key_for(seed, round_number, purpose, item))


def uniforms(seed: int, round_number: int | None, purpose: str, items: Iterable[str]) -> np.ndarray:
    """One draw in [0, 1) an item, float64 (n,), a function of the item's id alone."""
    return np.array([key_for(seed, round_number, purpose, item) / 2.0**63 for item in items], dtype=np.float64)
