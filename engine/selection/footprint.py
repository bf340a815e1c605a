"""What a batch design holds at most, by arithmetic, before it begins."""

from engine.data.pool import PoolView
from engine.selection.recipes import (
    Crowding,
    FacilityLocation,
    FarthestFirst,
    GreedyLogDet,
    KMeansPlusPlus,
    Recipe,
    Shuffled,
)

_CELLS = 1 << 22
"""Numbers of a block that is computed at once, whatever the design."""


def held(recipe: Recipe, k: int) -> int:
    """Bytes that choosing k pairs holds beside the strategy's own arrays; 0 for what only ranks.

    n pairs of d numbers, m past picks, all float64 unless said.
    """
    if isinstance(recipe, Shuffled):
        recipe = recipe.inner
    if not isinstance(recipe, GreedyLogDet | KMeansPlusPlus | FarthestFirst | FacilityLocation | Crowding):
        return 0
    n, d = (int(size) for size in recipe.features.shape)
    m = 0 if isinstance(recipe, KMeansPlusPlus) else len(recipe.past)
    rows = 8 * n * d  # in id order
    if isinstance(recipe, GreedyLogDet):
        whitened = recipe.whole_pool or m > d
        known = 3 * d * d if whitened else m * (2 * m + d)
        block = min(n, 16384) * 2 * (d if whitened else max(d, m)) + min(n, 8192) * (d + 2 * k)
        return rows * (2 if whitened else 1) + 8 * (known + k * d + 8 * n + block)
    if isinstance(recipe, FacilityLocation):
        kernel = 4 * n * n + 4 * k * n if n <= recipe.dense else 24 * n * recipe.neighbours
        return 2 * rows + kernel + 8 * (m * d + 4 * n + 2 * min(n * n, _CELLS))
    if isinstance(recipe, Crowding):
        return 3 * rows + 8 * (2 * 512 * (n + m) + 6 * n)
    return rows + rows // 2 + 8 * (m * d + 8 * n + 4 * min(n * m, _CELLS))  # and once in float32


def told(recipe: Recipe, view: PoolView) -> str:
    """The sentence: how many of how many pairs, how wide, how many bytes."""
    inner = recipe.inner if isinstance(recipe, Shuffled) else recipe
    features = getattr(inner, "features", None)
    wide = "" if features is None else f", d = {features.shape[1]:,}, at most {held(recipe, view.k) / 1e6:,.0f} MB"
    return f"picking {view.k:,} of {len(view):,} pairs{wide}"
