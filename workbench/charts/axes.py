"""Axes that end at round numbers, and labels pushed apart."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high` with a tick every `step`; `digits` decimals name each tick."""

    low: float
    high: float
    step: float
    digits: int


def round_axis(values: Sequence[float], ticks: int = 5) -> Axis:
    """The shortest axis around finite `values` whose ends and ticks are multiples of 1, 2, 2.5 or 5 × 10ⁿ."""
    finite = [v for v in values if math.isfinite(v)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if high - low < 1e-9 * max(abs(low), abs(high), 1e-6):
        room = 0.05 * abs(low) or 0.05
        low, high = low - room, high + room
    rough = (high - low) / ticks
    power = 10.0 ** math.floor(math.log10(rough))
    factor = next((f for f in (1, 2, 2.5, 5) if f * power >= rough * (1 - 1e-9)), 10)
    step = factor * power
    digits = max(0, -math.floor(math.log10(step) + 1e-9) + (factor == 2.5))
    return Axis(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, step, digits)


def pushed_apart(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions as near to `wanted` as can be, in the same order, at least `gap` apart, within low…high.

    Neighbours that are too close form a block, spread evenly around the mean of what its members want; blocks that
    touch become one. With more labels than fit, the gap shrinks.
    """
    if not wanted:
        return []
    gap = min(gap, (high - low) / max(len(wanted) - 1, 1))
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    blocks: list[list[int]] = []

    def start(block: list[int]) -> float:
        reach = gap * (len(block) - 1)
        middle = sum(wanted[i] for i in block) / len(block)
        return min(max(middle - reach / 2, low), high - reach)

    for item in order:
        blocks.append([item])
        while len(blocks) > 1 and start(blocks[-1]) < start(blocks[-2]) + gap * len(blocks[-2]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    placed = [0.0] * len(wanted)
    for block in blocks:
        for n, item in enumerate(block):
            placed[item] = start(block) + n * gap
    return placed
