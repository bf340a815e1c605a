"""A log-log plot as a small SVG, dark text on light or light on dark as the reader's page is; no library draws it."""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

COLOURS = ("#0072b2", "#d55e00", "#009e73")
"""Told apart without colour vision too (Okabe and Ito); each line also has a mark of its own and its name beside it."""
_WIDE, _HIGH, _LEFT, _RIGHT, _TOP, _BOTTOM = 340, 300, 62, 108, 34, 46


@dataclass(frozen=True)
class Line:
    """Points (x, y), all above 0, and the name that stands at the end."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


def panels(title: str, drawn: Sequence[tuple[str, str, Sequence[Line]]]) -> str:
    """An SVG of plots side by side, each (label of x, label of y, lines)."""
    step = _LEFT + _WIDE + _RIGHT
    width, height = step * len(drawn), _TOP + _HIGH + _BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="12">',
        f"<title>{html.escape(title)}</title>",
        "<style>text{fill:#24292f}.grid{stroke:#8c959f;stroke-opacity:.35}"
        "@media(prefers-color-scheme:dark){text{fill:#e6edf3}}</style>",
        f'<text x="{_LEFT}" y="18" font-weight="600">{html.escape(title)}</text>',
    ]
    for number, (x, y, lines) in enumerate(drawn):
        parts += [f'<g transform="translate({number * step + _LEFT},{_TOP})">', *_panel(x, y, lines), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _panel(x_label: str, y_label: str, lines: Sequence[Line]) -> list[str]:
    xs, ys = _decades([x for line in lines for x in line.x]), _decades([y for line in lines for y in line.y])

    def place(x: float, y: float) -> tuple[float, float]:
        right = _WIDE * (math.log10(x) - xs[0]) / (xs[1] - xs[0])
        return right, _HIGH * (1 - (math.log10(y) - ys[0]) / (ys[1] - ys[0]))

    parts = []
    for power in range(xs[0], xs[1] + 1):
        at = place(10**power, 10 ** ys[0])[0]
        parts.append(f'<path class="grid" d="M{at:.1f} 0V{_HIGH}"/>')
        parts.append(f'<text x="{at:.1f}" y="{_HIGH + 18}" text-anchor="middle">{10**power:,}</text>')
    for power in range(ys[0], ys[1] + 1):
        at = place(10 ** xs[0], 10**power)[1]
        parts.append(f'<path class="grid" d="M0 {at:.1f}H{_WIDE}"/>')
        parts.append(f'<text x="-8" y="{at + 4:.1f}" text-anchor="end">{10.0**power:,g}</text>')
    parts.append(f'<text x="{_WIDE / 2}" y="{_HIGH + 38}" text-anchor="middle">{html.escape(x_label)}</text>')
    parts.append(
        f'<text transform="translate(-46,{_HIGH / 2}) rotate(-90)" text-anchor="middle">{html.escape(y_label)}</text>'
    )
    drawn = [[place(x, y) for x, y in zip(line.x, line.y, strict=True)] for line in lines]
    named = _apart([points[-1][1] for points in drawn])
    for number, (line, points) in enumerate(zip(lines, drawn, strict=True)):
        colour = COLOURS[number % len(COLOURS)]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [_mark(number, *point, colour) for point in points]
        parts.append(f'<text x="{points[-1][0] + 9:.1f}" y="{named[number] + 4:.1f}">{html.escape(line.name)}</text>')
    return parts


def _apart(heights: Sequence[float]) -> list[float]:
    """The heights of names beside line ends, moved down where two would stand on each other."""
    found, free = list(heights), -math.inf
    for place in sorted(range(len(heights)), key=lambda i: heights[i]):
        found[place] = max(heights[place], free)
        free = found[place] + 14
    return found


def _mark(number: int, x: float, y: float, colour: str) -> str:
    shapes = (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>',
        f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8" fill="{colour}"/>',
        f'<path d="M{x:.1f} {y - 5:.1f}l5 9h-10z" fill="{colour}"/>',
    )
    return shapes[number % len(shapes)]


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """Powers of ten around the values, one at least between them."""
    low, high = math.floor(math.log10(min(values)) + 1e-9), math.ceil(math.log10(max(values)) - 1e-9)
    return low, max(high, low + 1)
