"""Is the uncertainty real? What a signal says of a pair against what was seen of it: errors, disagreement, flips."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import expit

BINS = 10


@dataclass(frozen=True)
class Share:
    """`count` of `n`, as a share with Wilson's (1927) interval; all three are None of nothing."""

    count: int
    n: int
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Bin:
    """Pairs of about the same score: the mean score, and how many of them were wrong."""

    score: float
    wrong: Share


@dataclass(frozen=True)
class Rank:
    """Spearman's ρ with its interval; None where there is none (fewer than four pairs, or all the same)."""

    rho: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Certainty:
    """A round's predicted uncertainty against what happened.

    `bins` by rising score; `rank` of score and error; `wrong` over all pairs; `calibration` the expected calibration
    error of what the margin promises, 0 to 1, None for a score that promises no probability; `clusters` the same for
    each topic cluster, without clusters of its own.
    """

    bins: tuple[Bin, ...]
    rank: Rank
    wrong: Share
    calibration: float | None
    clusters: tuple[tuple[str, "Certainty"], ...] = ()


def of_margins(
    margins: np.ndarray, agrees: np.ndarray, clusters: Sequence[str] | None = None, bins: int = BINS
) -> Certainty:
    """`of_scores` for margins of the implicit reward: the score is |margin|, the error that its sign disagrees.

    `margins` (n,) towards side a; `agrees` (n,): 1 where the label is the side with the higher reward, 0 where the
    other, NaN where neither was chosen: those pairs are left out, as are margins of exactly 0, which promise nothing.
    σ(|margin|) is the share of labels that the model expects to agree (Bradley & Terry 1952); `calibration` is the
    mean over bins of |that − the share that did|, weighted by pairs (Guo et al. 2017, arXiv:1706.04599).
    """
    margins, agrees = np.asarray(margins, dtype=np.float64), np.asarray(agrees, dtype=np.float64)
    return _of(np.abs(margins), 1 - agrees, np.where(margins == 0, np.nan, expit(np.abs(margins))), clusters, bins)


def of_scores(
    scores: np.ndarray,
    errors: np.ndarray,
    wrong: np.ndarray | None = None,
    clusters: Sequence[str] | None = None,
    bins: int = BINS,
) -> Certainty:
    """Any predicted uncertainty `scores` (n,) against `errors` (n,), such as |implicit − true reward difference|.

    `rank` is that of scores and errors. `wrong` (n,), 0 or 1, says which pairs count as wrong in the bins; without it
    those whose error is above the median. NaN in any leaves the pair out.
    """
    errors = np.asarray(errors, dtype=np.float64)
    if wrong is None:
        known = errors[np.isfinite(errors)]
        wrong = np.where(np.isfinite(errors), errors > (np.median(known) if len(known) else 0.0), np.nan)
    return _of(np.asarray(scores, dtype=np.float64), np.asarray(wrong, dtype=np.float64), None, clusters, bins, errors)


def _of(
    scores: np.ndarray,
    wrong: np.ndarray,
    promised: np.ndarray | None,
    clusters: Sequence[str] | None,
    bins: int,
    errors: np.ndarray | None = None,
) -> Certainty:
    errors = wrong if errors is None else errors
    names = None if clusters is None else np.asarray(clusters)
    sizes = {len(array) for array in (scores, wrong, errors, promised, names) if array is not None}
    if len(sizes) != 1:
        raise ValueError(f"One value is needed for every pair; these have {', '.join(map(str, sorted(sizes)))}.")
    good = np.isfinite(scores) & np.isfinite(wrong) & np.isfinite(errors)
    good &= True if promised is None else np.isfinite(promised)
    inside = tuple(
        (str(name), _of(scores[at], wrong[at], None if promised is None else promised[at], None, bins, errors[at]))
        for name in (() if names is None else np.unique(names))
        for at in [names == name]
    )
    scores, wrong, errors = scores[good], wrong[good], errors[good]
    place = bins_of(scores, bins)
    parts = [place == n for n in np.unique(place)]
    found = tuple(Bin(float(scores[part].mean()), share_of(wrong[part])) for part in parts)
    gap = None
    if promised is not None and len(scores):
        kept = promised[good]
        gap = sum(part.sum() * abs(kept[part].mean() - (1 - wrong[part].mean())) for part in parts) / len(scores)
    return Certainty(found, rank_of(scores, errors), share_of(wrong), None if gap is None else float(gap), inside)


def bins_of(scores: np.ndarray, bins: int = BINS) -> np.ndarray:
    """(n,) → the bin of each, int: as equal in number as ties allow; pairs of one score always share a bin."""
    rank = stats.rankdata(scores, method="min") - 1
    array: np.ndarray = (rank * bins // max(1, len(scores))).astype(int)
    return array


def share_of(wrong: np.ndarray, level: float = 0.95) -> Share:
    """How many of these are 1, with Wilson's interval."""
    n, count = len(wrong), int(np.sum(wrong))
    if not n:
        return Share(0, 0, None, None, None)
    span = stats.binomtest(count, n).proportion_ci(level, method="wilson")
    return Share(count, n, count / n, float(span.low), float(span.high))


def rank_of(scores: np.ndarray, errors: np.ndarray, level: float = 0.95) -> Rank:
    """Spearman's ρ; its interval by Fisher's z with standard error √((1 + ρ²/2) / (n − 3)) (Bonett & Wright 2000)."""
    n = len(scores)
    if n < 4 or np.ptp(scores) == 0 or np.ptp(errors) == 0:
        return Rank(None, None, None, n)
    rho = float(stats.spearmanr(scores, errors).statistic)
    middle = np.arctanh(np.clip(rho, -1 + 1e-12, 1 - 1e-12))
    reach = stats.norm.ppf(0.5 + level / 2) * np.sqrt((1 + rho**2 / 2) / (n - 3))
    return Rank(rho, float(np.tanh(middle - reach)), float(np.tanh(middle + reach)), n)


def flips(before: np.ndarray, after: np.ndarray) -> Share:
    """How many margins (n,) changed their sign between two rounds, of those that had one in both."""
    one, other = np.sign(np.asarray(before, dtype=np.float64)), np.sign(np.asarray(after, dtype=np.float64))
    both = (np.abs(one) == 1) & (np.abs(other) == 1)
    return share_of((one != other)[both])
