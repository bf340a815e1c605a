"""What a study has shown of a strategy against its random twin: better, worse, or not shown, and what it would take."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.analysis.crossed import Crossed, crossed_interval, half_width

Word = Literal["better", "worse", "not shown", "no verdict"]
MOST = 100_000
"""Where the search for enough seeds or prompts ends."""


@dataclass(frozen=True)
class Verdict:
    """The word, and all that stands behind it; differences are strategy minus twin, in units of the statistic.

    `low` and `high` hold for all strategies of the study together. `equal` says that the whole interval lies within
    ± `smallest`: any difference is too small to matter. `seeds_needed` and `prompts_needed` are how many (in all) would
    make the interval's half-width `smallest`, the other number staying as it is; None where no number would. Where
    `both_needed` is not None, so many seeds and prompts together take far less than more of either alone.
    """

    strategy: str
    word: Word
    difference: Crossed
    low: float | None
    high: float | None
    level: float
    smallest: float
    equal: bool = False
    seeds_needed: int | None = None
    prompts_needed: int | None = None
    both_needed: tuple[int, int] | None = None


def verdicts(
    differences: Mapping[str, np.ndarray], smallest: float, level: float = 0.95, each: float | None = None
) -> dict[str, Verdict]:
    """Strategy → verdict. `differences` are tables seeds × prompts of strategy minus twin (`crossed.cells`).

    The intervals are Bonferroni's (1 − level divided by the number of strategies), so that at most a share 1 − level of
    studies in which nothing differs finds anything at all; or `each` has this level. Assumptions: those of
    `crossed_interval`.
    """
    if smallest <= 0:
        raise ValueError(f"The smallest difference that matters must be above 0, not {smallest}.")
    own = 1 - (1 - level) / max(1, len(differences)) if each is None else each
    return {name: _verdict(name, crossed_interval(table, own), smallest, own) for name, table in differences.items()}


def _verdict(name: str, found: Crossed, smallest: float, level: float) -> Verdict:
    if found.low is None or found.high is None:
        return Verdict(name, "no verdict", found, None, None, level, smallest)
    seeds = _enough(lambda n: half_width(found, n, found.prompts, level) <= smallest, 3)
    prompts = _enough(lambda n: half_width(found, found.seeds, n, level) <= smallest, 2)
    word: Word = "better" if found.low > 0 else "worse" if found.high < 0 else "not shown"
    return Verdict(
        name,
        word,
        found,
        found.low,
        found.high,
        level,
        smallest,
        equal=-smallest < found.low and found.high < smallest,
        seeds_needed=seeds,
        prompts_needed=prompts,
        both_needed=_together(found, smallest, level, seeds, prompts),
    )


def _together(
    found: Crossed, smallest: float, level: float, seeds: int | None, prompts: int | None
) -> tuple[int, int] | None:
    """Seeds and prompts, both grown by the same factor in steps of a tenth of what there is.

    None where one of them alone would do with less than twice that factor.
    """

    def grown(tenths: int) -> tuple[int, int]:
        return -(-found.seeds * tenths // 10), -(-found.prompts * tenths // 10)

    tenths = _enough(lambda n: half_width(found, *grown(n), level) <= smallest, 10)
    alone = [needed / there for needed, there in ((seeds, found.seeds), (prompts, found.prompts)) if needed]
    if tenths is None or min(alone, default=np.inf) < 2 * tenths / 10:
        return None
    return grown(tenths)


def sentence(verdict: Verdict, title: str, twin: str, unit: str) -> str:
    """The verdict for people, with its interval; never a word without one."""
    found = verdict.difference
    if (verdict.low is None or verdict.high is None) and found.seeds >= 3:
        return (
            f"{title}: no verdict, because one held-out prompt cannot show how much prompts differ. The mean "
            f"difference from {twin} so far is {_signed(found.mean)} {unit}."
        )
    if verdict.low is None or verdict.high is None:
        return (
            f"{title}: no verdict, because {found.seeds} seed{'s' if found.seeds != 1 else ''} cannot show how much "
            f"seeds differ; it takes 3. The mean difference from {twin} so far is {_signed(found.mean)} {unit}."
        )
    span = f"{_signed(verdict.low)} to {_signed(verdict.high)}"
    by = f"{_signed(found.mean)} {unit} ({span}; {found.seeds} seeds, {found.prompts} prompts)"
    if verdict.word in ("better", "worse"):
        matters = "" if abs(found.mean) >= verdict.smallest else f", less than the {verdict.smallest:g} that matter"
        return f"{title} is {verdict.word} than {twin} by {by}{matters}."
    if verdict.equal:
        return f"{title} differs from {twin} by less than the {verdict.smallest:g} {unit} that matter: {by}."
    ways = [
        f"{needed:,} {what} in all"
        for needed, what in ((verdict.seeds_needed, "seeds"), (verdict.prompts_needed, "held-out prompts"))
        if needed is not None
    ]
    if verdict.both_needed is not None:
        ways = ["{:,} seeds and {:,} held-out prompts in all".format(*verdict.both_needed)]
    more = f" An interval of ± {verdict.smallest:g} would take {' or '.join(ways)}." if ways else ""
    return f"{title}: not shown to differ from {twin}, {by}.{more}"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _enough(holds: Callable[[int], bool], least: int) -> int | None:
    """The least number from `least` on for which it holds; None if it does not at `MOST`."""
    if not holds(MOST):
        return None
    low, high = least, MOST
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
