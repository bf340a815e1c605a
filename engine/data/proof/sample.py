"""A keyed sample of rows: those with the smallest hashes, whatever their order."""

import heapq
from collections.abc import Callable
from typing import Generic, TypeVar

from engine.seeds import key_for

T = TypeVar("T")


class Sample(Generic[T]):
    """At most `size` items with different keys. The key decides alone, so that copies count once."""

    def __init__(self, purpose: str, size: int) -> None:
        self._purpose, self._size = purpose, size
        self._heap: list[int] = []  # minus the draws: the first is the largest draw, the one to give up
        self._kept: dict[int, T] = {}

    def offer(self, key: str, item: Callable[[], T]) -> None:
        """Take it if its draw is among the smallest so far; `item` is made only then."""
        draw = key_for(0, None, self._purpose, key)
        if draw in self._kept or (len(self._heap) == self._size and draw >= -self._heap[0]):
            return
        self._kept[draw] = item()
        if len(self._heap) < self._size:
            heapq.heappush(self._heap, -draw)
        else:
            del self._kept[-heapq.heappushpop(self._heap, -draw)]

    def items(self) -> list[T]:
        """In the order of their draws."""
        return [self._kept[draw] for draw in sorted(self._kept)]
