"""Does time grow in line with the pool, and does memory stay bounded, from 1,000 to 100,000 pairs?

The sample study's model, adapter moved; short texts of random letters, so that the largest pool takes minutes. Scoring
(log-prob and entropy of both responses), the gradient signal (per response, d = 256) and 60 picks by log-determinant
of its differences. Draws `PICTURE`, which the README shows.
"""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from engine.models.gradients import reward_gradients
from engine.models.load import load_policy
from engine.models.logps import score_responses
from engine.models.policy import Policy
from engine.selection.logdet import greedy_log_det
from engine.settings import LoraSettings, ModelSettings
from tests.bench import _models
from tests.bench._harness import Outcome, Way, agree, race, setting
from tests.bench._models import Lengths
from tests.bench._svg import Line, panels
from tests.conftest import move
from tests.logbook import ROOT

PICTURE = ROOT / ".github" / "pictures" / "scaling.svg"
POOLS = (1_000, 10_000, 100_000)
SHORT = Lengths(12, 8, 0.4)
D, RIDGE, PICKS = 256, 0.1, 60
STAGES = ("scoring", "gradient signal", "selection")
MOST_GROWTH = 1.1
"""Exponent of time in the size of the pool from which on it is no longer called linear."""


def measure() -> list[str]:
    found = pools(POOLS)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(picture(POOLS, found), encoding="utf-8")
    return report(POOLS, found)


def pools(sizes: Sequence[int], *, dimension: int = D) -> dict[str, list[Outcome]]:
    """Each stage's outcome at each size; one turn, the smallest after a warm-up. Scores must not depend on the pool."""
    with _models.quiet():
        settings = ModelSettings(path=str(ROOT / "sample_data" / "model"), device="cpu", lora=LoraSettings(rank=8))
        policy = move(load_policy(settings, seed=1), size=0.02)
    found: dict[str, list[Outcome]] = {stage: [] for stage in STAGES}
    for size in sizes:
        for stage, outcome in zip(STAGES, _stages(policy, size, dimension, warm_up=size == sizes[0]), strict=True):
            found[stage].append(outcome)
    first, last = found["scoring"][0].result, found["scoring"][-1].result[: 2 * sizes[0]]
    agree("log-probs in other company, relative error", float((np.abs(first - last) / np.abs(first)).max()), 1e-5)
    return found


def _stages(policy: Policy, size: int, dimension: int, *, warm_up: bool) -> Iterator[Outcome]:
    def timed(stage: str, work: Callable[[], np.ndarray]) -> Outcome:
        return race(Way(stage, work, turns=1, warm_up=int(warm_up)))[0]

    texts = _models.encoded(policy, _models.pairs(size, SHORT))
    yield timed("scoring", lambda: score_responses(policy, texts).logp)
    gradient = timed("gradient signal", lambda: reward_gradients(policy, texts, dimension=dimension))
    yield gradient
    differences = (gradient.result[::2] - gradient.result[1::2]).astype(np.float64)
    k, order = min(PICKS, size), np.arange(size)
    yield timed("selection", lambda: np.array(greedy_log_det(differences, differences[:0], RIDGE, k, order)[0]))


def report(sizes: Sequence[int], found: dict[str, list[Outcome]]) -> list[str]:
    """A line a stage: seconds and memory at each size, and the exponent."""
    lines = [setting("transformers", dtype="float32"), f"pairs: {', '.join(f'{size:,}' for size in sizes)}"]
    for stage, outcomes in found.items():
        growth = exponent(sizes, outcomes)
        judged = "reached" if growth <= MOST_GROWTH else "NOT reached"
        seconds = ", ".join(f"{outcome.median:.3g}" for outcome in outcomes)
        lines.append(
            f"{stage}: {seconds} s; time as pairs to the {growth:.2f} (limit ≤ {MOST_GROWTH:g}: {judged}); "
            f"memory {', '.join(_mb(outcome) for outcome in outcomes)}"
        )
    return lines


def exponent(sizes: Sequence[int], outcomes: Sequence[Outcome]) -> float:
    """Of time in pairs, from the smallest pool to the largest."""
    return math.log(outcomes[-1].median / outcomes[0].median) / math.log(sizes[-1] / sizes[0])


def picture(sizes: Sequence[int], found: dict[str, list[Outcome]]) -> str:
    """Seconds and peak memory against pairs; what was not measured is left out."""
    time = [Line(stage, sizes, [o.median for o in outcomes]) for stage, outcomes in found.items()]
    memory = []
    for stage, outcomes in found.items():
        seen = [(size, max(1.0, o.peak_mb)) for size, o in zip(sizes, outcomes, strict=True) if o.peak_mb is not None]
        if seen:
            memory.append(Line(stage, *zip(*seen, strict=True)))
    title = "Sample model, short texts, CPU"
    more = "peak memory beyond what stood before, MB (1 or less as 1)"
    return panels(title, [("pairs", "seconds", time), *([("pairs", more, memory)] if memory else [])])


def _mb(outcome: Outcome) -> str:
    size = outcome.result.nbytes / 1e6
    return "not measured" if outcome.peak_mb is None else f"+{outcome.peak_mb:,.0f} MB ({size:,.0f} of them the result)"
