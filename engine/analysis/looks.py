"""Whether a verdict is the one that was declared or exploratory: how many looks there were, what each may spend."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from engine.analysis.spending import nominal_levels


@dataclass(frozen=True)
class Standing:
    """What may be claimed at a look: the confidence `level` of all comparisons together, and of `each`.

    `seeds` are those that the verdict stands on, None for all that there are; `exploratory` says why it is not the
    declared verdict, "" if it is.
    """

    level: float
    exploratory: str = ""
    each: float = 0.95
    seeds: tuple[int, ...] | None = None


def standing(
    planned: Sequence[int],
    added: Sequence[Sequence[int]],
    finished: Collection[int],
    *,
    comparisons: int = 1,
    spending: Literal["none", "obrien_fleming", "pocock"] = "none",
    seeds_at_most: int | None = None,
    level: float = 0.95,
) -> Standing:
    """What a verdict may claim of a study with the `planned` seeds, `added` ones later, of which some are `finished`.

    A look is taken when the planned seeds are in, and again each time all that were added are; it stands on exactly
    these. Without a declared spending only the first look is the declared verdict, because a study that is added to
    until it shows something will. With one, each look has its own level by its share of the seeds at most
    (`spending.nominal_levels`, solved for the share of the error that falls to one of the `comparisons`: Bonferroni).
    """
    each = 1 - (1 - level) / max(1, comparisons)
    looks = [tuple(look) for look in accumulate(added, lambda seeds, more: [*seeds, *more], initial=list(planned))]
    complete = [n for n, look in enumerate(looks) if set(look) <= set(finished)]
    if not complete:
        here = len(set(planned) & set(finished))
        one = len(planned) == 1
        none = "the declared seed is not in yet" if one else f"none of the {len(planned)} declared seeds is in yet"
        some = f"only {here} of the {len(planned)} declared seeds {'is' if here == 1 else 'are'} in"
        return Standing(level, some if here else none, each)
    at = complete[-1]
    if spending == "none" or seeds_at_most is None:
        if at or set(finished) & {seed for more in added for seed in more}:
            return Standing(level, "seeds were added after a look, and no spending of the error was declared", each)
        return Standing(level, "", each, looks[0])
    sizes = [len(look) for look in looks[: at + 1]]
    own = nominal_levels([size / seeds_at_most for size in sizes], spending, each, seeds=sizes)[at]
    return Standing(1 - (1 - own) * max(1, comparisons), "", own, looks[at])
