"""What earlier parts of a file held: ids as sorted numbers, eight bytes each, and a value beside each if it has one."""

from collections.abc import Collection

import numpy as np


def numbers(ids: Collection[str]) -> np.ndarray:
    """Ids as numbers (16 hexadecimal digits behind a letter): uint64 (n,), in their order."""
    found = np.frombuffer(bytes.fromhex("".join([i[1:] for i in ids])), dtype=">u8")
    return found.astype(np.uint64)


class Earlier:
    """A set of numbers that grows part by part, and a value for each: sorted runs, each over twice the next one.

    To look up n of m numbers takes O(n log² m), to add them O(n log m) spread over all parts.
    """

    def __init__(self) -> None:
        self._runs: list[tuple[np.ndarray, np.ndarray | None]] = []

    def __len__(self) -> int:
        return sum(len(keys) for keys, _ in self._runs)

    def holds(self, keys: np.ndarray) -> np.ndarray:
        """Which of uint64 (n,) are known: bool (n,)."""
        known = np.zeros(len(keys), dtype=bool)
        for run, _ in self._runs:
            known |= run[np.searchsorted(run, keys).clip(max=len(run) - 1)] == keys
        return known

    def values(self, keys: np.ndarray) -> dict[int, float]:
        """Of those numbers that are known, place in `keys` → the value that was added with it."""
        found: dict[int, float] = {}
        for run, values in self._runs:
            at = np.searchsorted(run, keys).clip(max=len(run) - 1)
            places = np.flatnonzero(run[at] == keys)
            if values is not None:
                found.update(zip(places.tolist(), values[at[places]].tolist(), strict=True))
        return found

    def add(self, keys: np.ndarray, values: np.ndarray | None = None) -> None:
        """Different numbers that are not known yet; all with values (n,), or none ever."""
        if not len(keys):
            return
        while self._runs and len(self._runs[-1][0]) <= 2 * len(keys):
            run, beside = self._runs.pop()
            keys = np.concatenate([run, keys])
            values = None if values is None or beside is None else np.concatenate([beside, values])
        if values is None:
            self._runs.append((np.sort(keys), None))
        else:
            order = np.argsort(keys)
            self._runs.append((keys[order], values[order]))
