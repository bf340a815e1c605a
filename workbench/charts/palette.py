"""Colour, dash and marker of a strategy's slot, and the ink of the two modes.

Slot 0 is random, always grey. Ten hues were searched for distance under simulated colour blindness; dash and marker
double each hue, so that no chart depends on colour alone. From the tenth strategy on the hues come again, each time
with another dash and another marker: of the first 81 no two are alike. Ink and paper repeat `.streamlit/config.toml`,
because Plotly takes plain hex values only; a test keeps the two equal.
"""

from dataclasses import dataclass
from typing import Literal

Mode = Literal["light", "dark"]

LIGHT = (
    "#767A80", "#3B6DDB", "#DB7519", "#1F7557", "#610EC3", "#896221", "#941E67", "#0E9DB9", "#5F3E28", "#779873"
)  # fmt: skip
DARK = (
    "#9AA0A8", "#6FC3FF", "#EA7511", "#249F74", "#9569E5", "#F8DD2E", "#FFB7D4", "#41FBF6", "#B3724C", "#B3DBA8"
)  # fmt: skip
DASHES = (
    "2px,3px", "solid", "6px,3px", "3px,2px", "8px,2px,2px,2px",
    "1px,2px", "10px,4px", "4px,1px", "2px,1px", "6px,1px,1px,1px",
)  # fmt: skip
MARKERS = (
    "circle", "circle", "square", "triangle-up", "diamond",
    "cross", "triangle-down", "triangle-right", "triangle-left", "line-ew-open",
)  # fmt: skip


@dataclass(frozen=True)
class Ink:
    """The neutral colours of one mode, as hex; `band` is the opacity of a 95 % band, `luck` fills a luck band."""

    ink: str
    muted: str
    line: str
    paper: str
    band: float
    luck: str


INKS: dict[Mode, Ink] = {
    "light": Ink("#1E2329", "#59606A", "#E2E1DC", "#FFFFFF", 0.13, "rgba(118,122,128,0.28)"),
    "dark": Ink("#E6E7EA", "#A7ADB8", "#31353E", "#15171C", 0.18, "rgba(154,160,168,0.30)"),
}


@dataclass(frozen=True)
class Mark:
    """How a strategy is drawn: hex colour, Plotly dash and marker symbol."""

    colour: str
    dash: str
    marker: str

    def tint(self, opacity: float) -> str:
        """The colour as rgba(), for bands."""
        red, green, blue = (int(self.colour[i : i + 2], 16) for i in (1, 3, 5))
        return f"rgba({red},{green},{blue},{opacity})"


def hue_of(slot: int) -> int:
    """0 for random; 1 to 9 for the others, over again from the tenth on."""
    return 0 if slot <= 0 else (slot - 1) % 9 + 1


def turn_of(slot: int) -> int:
    """How often the hues have been used up before this slot: 0 for the first nine strategies, 1 for the next nine."""
    return max(slot - 1, 0) // 9


def mark_of(slot: int, mode: Mode) -> Mark:
    """The slot's mark; where a hue comes again its dash and marker are those of another, every other time hollow."""
    hue, turn = hue_of(slot), turn_of(slot)
    other = 0 if hue == 0 else (hue - 1 + turn) % 9 + 1
    hollow = "-open" if turn % 2 and not MARKERS[other].endswith("-open") else ""
    return Mark((LIGHT if mode == "light" else DARK)[hue], DASHES[other], MARKERS[other] + hollow)
