"""Numbers, times and states as words, the same on every page: "3 min 10 s", "1,234", "0.021 to 0.063", "−0.4".

A minus is −, a range says "to", a number that is not there is "–".
"""

from collections.abc import Sequence
from datetime import UTC, datetime

NOTHING = "–"

STATES: dict[str, tuple[str, str]] = {
    "queued": ("waits its turn", "neutral"),
    "running": ("running", "run"),
    "review": ("waits for review", "warn"),
    "waiting": ("waits for labels", "warn"),
    "paused": ("paused", "warn"),
    "done": ("finished", "ok"),
    "failed": ("failed", "bad"),
    "cancelled": ("cancelled", "neutral"),
}
"""State of a run or study → the word on screen and its tone (ok, warn, bad, run, neutral)."""

STAGES = {
    "pooled": "gathering the pool",
    "scored": "scoring the pool",
    "picked": "picking",
    "labelled": "labelling",
    "trained": "training",
    "evaluated": "evaluating",
}
"""Stage of a run → what it does, for "now" lines."""

ANSWERS = {"a": "A is better", "b": "B is better", "tie": "tie", "both_bad": "both bad", "skip": "skipped"}


def integer(value: float) -> str:
    """1234.0 → "1,234"."""
    return f"{round(value):,}".replace("-", "−")


def number(value: float | None, digits: int = 3) -> str:
    """Fixed digits; from 1,000 on and below 0.001 it takes what still says something."""
    if value is None or value != value:
        return NOTHING
    size = abs(value)
    if size >= 1000:
        return integer(value)
    if 0 < size < 0.5 * 10**-digits:
        return f"{value:.1e}".replace("-", "−")
    return f"{value:.{digits}f}".replace("-", "−")


def signed(value: float, digits: int = 3) -> str:
    """ "+0.042", "−0.017"."""
    return f"{value:+.{digits}f}".replace("-", "−")


def percent(share: float) -> str:
    """0.95 → "95 %", 0.9948 → "99.5 %"."""
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def between(low: float | None, high: float | None, digits: int = 3) -> str:
    """ "0.021 to 0.063", or – where there is no interval."""
    return NOTHING if low is None or high is None else f"{number(low, digits)} to {number(high, digits)}"


def listed(names: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def count(n: int, thing: str, things: str | None = None) -> str:
    """ "1 seed", "3 seeds", "1,204 pairs"."""
    return f"{integer(n)} {thing if n == 1 else things or thing + 's'}"


def duration(seconds: float | None) -> str:
    """ "2 s", "3 min 10 s", "1 h 5 min"; – while nothing is known."""
    if seconds is None:
        return NOTHING
    whole = round(max(seconds, 0))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    if whole < 48 * 3600:
        minutes = round(whole / 60) % 60
        hours = round(whole / 60) // 60
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{whole // 86400} days"


def ago(seconds: float) -> str:
    """ "2 s ago", "4 min ago"."""
    return f"{duration(seconds if seconds < 60 else seconds // 60 * 60)} ago"


def moment(when: datetime | None, now: datetime | None = None) -> str:
    """ "today 14:02", "yesterday 17:20", "Tue 09:41", "3 Nov 2026", in the machine's time zone."""
    if when is None:
        return NOTHING
    local = (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone()
    today = (now or datetime.now(UTC)).astimezone().date()
    days = (today - local.date()).days
    if days == 0:
        return f"today {local:%H:%M}"
    if days == 1:
        return f"yesterday {local:%H:%M}"
    if 1 < days < 7:
        return f"{local:%a %H:%M}"
    return f"{local.day} {local:%b %Y}"


def plain(name: str) -> str:
    """A field's name as words: "rank_in_pool" → "rank in pool"."""
    return name.replace("_", " ")


def size(n_bytes: int) -> str:
    """ "812 bytes", "214 KB", "3.1 MB", "80.5 GB"."""
    if n_bytes < 1000:
        return f"{n_bytes} bytes"
    if n_bytes < 1_000_000:
        return f"{n_bytes / 1000:,.0f} KB"
    return f"{n_bytes / 1_000_000:,.1f} MB" if n_bytes < 1_000_000_000 else f"{n_bytes / 1_000_000_000:,.1f} GB"
