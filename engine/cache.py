"""Arrays cached by content: the value is a pure function of the key, so a hit equals computing again, bit for bit.

A key covers a whole set of texts in one order, never single rows: how rows are batched together changes the last bits
of a float, so rows computed in different company are not the same value.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np

PAID = "paid-"
"""How the keys of answers begin that somebody may have paid for: a cache lets go of everything else first."""


class ArrayCache(Protocol):
    """Where arrays are kept between passes."""

    def get(self, key: str) -> np.ndarray | None:
        """The array, or None if it is not (or no longer) there."""

    def put(self, key: str, value: np.ndarray) -> None:
        """Keep it as long as there is room."""


class MemoryCache:
    """For notebooks and tests."""

    def __init__(self) -> None:
        self._arrays: dict[str, np.ndarray] = {}

    def get(self, key: str) -> np.ndarray | None:
        """The array, or None."""
        return self._arrays.get(key)

    def put(self, key: str, value: np.ndarray) -> None:
        """Keep it."""
        self._arrays[key] = value


def key_of(what: dict[str, Any], items: Iterable[str]) -> str:
    """sha256 over all parameters (defaults and falsy ones included) and the items in their order."""
    digest = hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode())
    for item in items:
        digest.update(b"\x1f" + item.encode())
    return digest.hexdigest()


def cached(cache: ArrayCache, key: str, compute: Callable[[], np.ndarray]) -> tuple[np.ndarray, bool]:
    """The array and whether it was there already."""
    found = cache.get(key)
    if found is not None:
        return found, True
    value = compute()
    cache.put(key, value)
    return value, False
