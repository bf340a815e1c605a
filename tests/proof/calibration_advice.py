"""What the referee promises before a study and advises during one: power, forecasts, when to stop; all simulated.

    python -m tests.proof.calibration_advice [DRAWS]

Required: the share of studies that call a true difference better is what `power.chance` said beforehand, within a point
and three standard errors. The rest is printed as tables: how often the percentile bootstrap holds, by variance of the
seeds; how often the forecast of the next batch holds, by shape of the curve; accuracy lost and labels wasted by each
stopping rule, at two prices of a label.
"""

import sys
from itertools import product

import numpy as np

from engine.analysis.bootstrap import crossed_bootstrap
from engine.analysis.crossed import half_widths, squares
from engine.analysis.forecast import forecast
from engine.analysis.power import SAMPLE, chance
from engine.analysis.stopping import converged, regret, stabilising
from tests.engine.analysis.simulated import LABELS, SHAPES, answers, arms, in_parts, tables

SEEDS, PROMPTS = (3, 5, 10), (84, 250, 1000)
TRUE = (0.0, 0.02, 0.05, 0.1, 0.15)
LONG = np.arange(13) * 60.0
SEEN = SAMPLE["accuracy"]
PRICES = (2e-5, 1e-4)
"""Accuracy that a label must bring: 500 labels a point, and 100."""
ROWS = ("stabilising", "converged", "all labels")


def main() -> str:
    """What was seen, for the log; SystemExit if a limit was passed."""
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    rng = np.random.default_rng(20261123)
    off = power_table(rng, draws)
    print("percentile bootstrap over seeds and prompts, 95 %: holds, by variance of seeds (a cell's own is 1)")
    for seeds in SEEDS:
        row = [bootstrap_holds(rng, max(1, draws // 20), seeds, share) for share in (0.0, 0.02, 0.3, 2.0)]
        print(f"  {seeds:2d} seeds: " + ", ".join(f"{share:.3f}" for share in row))
    print("forecast of the next batch: level holds, gain holds, mean error of the level (points)")
    for name, seeds in product(SHAPES, SEEDS):
        level, gain, error = forecasts(rng, max(1, draws // 20), name, seeds)
        print(f"  {name:12s} {seeds:2d} seeds: {level:.3f}  {gain:.3f}  {error * 100:+.1f}")
    print("stopping, 12 rounds of 60: rule, labels bought, accuracy lost (points), labels too many, regret (points)")
    for price, name, memory in product(PRICES, SHAPES, (0.8, 0.999)):
        for rule, (bought, lost, wasted, cost) in stops(rng, max(1, draws // 50), name, memory, price).items():
            print(f"  {price:.0e} a label  {name:12s} memory {memory:<5g}  {rule:12s} "
                  f"{bought:4.0f}  {lost * 100:+5.1f}  {wasted:+5.0f}  {cost * 100:4.1f}")  # fmt: skip
    said = f"{draws:,} studies a place: the share called better is at most {off:.1%} from what was said beforehand"
    if off > 0.01 + 3 * (0.25 / draws) ** 0.5:
        sys.exit(said)
    return said


def power_table(rng: np.random.Generator, draws: int) -> float:
    """Prints the share of studies called better by true difference, seeds, prompts; the largest error of `chance`."""
    print(f"called better, of one strategy, components of {SEEN.source}; then of one of three strategies")
    print("seeds  prompts  " + "  ".join(f"{true:+11.2f}" for true in TRUE))
    off = 0.0
    for seeds, prompts in product(SEEDS, PROMPTS):
        parts = [
            squares(tables(rng, n, seeds, prompts, SEEN.seed, SEEN.prompt, SEEN.rest))
            for n in in_parts(draws, seeds * prompts)
        ]
        cells = []
        for true in TRUE:
            shares = []
            for level in (0.95, 1 - 0.05 / 3):
                called = sum(int((p.mean + true > half_widths(p, seeds, prompts, level)).sum()) for p in parts) / draws
                off = max(off, abs(called - chance(true, seeds, prompts, level)))
                shares.append(called)
            cells.append("{:.3f} {:.3f}".format(*shares))
        print(f"{seeds:5d}  {prompts:7d}  " + "  ".join(cells))
    return off


def bootstrap_holds(rng: np.random.Generator, draws: int, seeds: int, seed: float) -> float:
    """The share of bootstrap intervals that hold 0."""
    spans = [crossed_bootstrap(t, draws=1000, seed=n) for n, t in enumerate(tables(rng, draws, seeds, 60, seed, 0.1))]
    return sum(span is not None and span[0] <= 0 <= span[1] for span in spans) / draws


def forecasts(rng: np.random.Generator, draws: int, name: str, seeds: int) -> tuple[float, float, float]:
    """Shares of forecasts whose intervals hold the true level after the next batch, and its gain; the mean error."""
    ahead = np.append(LABELS, LABELS[-1] + 60)
    truth = SHAPES[name](np.minimum(ahead, LABELS[-1]) if name == "crossing" else ahead)
    level = gain = error = 0.0
    for n in in_parts(draws, len(LABELS) * seeds * 84 * 3):
        for cells in arms(rng, n, [truth[:-1]], seeds, 84)[:, 0]:
            found = forecast(LABELS, cells.mean(axis=-1), 60)
            assert found is not None
            level += found.level[1] <= truth[-1] <= found.level[2]
            gain += found.gain[1] <= truth[-1] - truth[-2] <= found.gain[2]
            error += found.level[0] - truth[-1]
    return level / draws, gain / draws, error / draws


def stops(
    rng: np.random.Generator, draws: int, name: str, memory: float, price: float
) -> dict[str, tuple[float, float, float, float]]:
    """Rule → means of labels bought, accuracy lost, labels wasted, regret; three seeds, the first one's predictions."""
    truth = SHAPES[name](np.minimum(LONG, 360) if name == "crossing" else LONG)
    seen = np.zeros((len(ROWS), 4))
    for _ in range(draws):
        right = answers(rng, 1, [truth], 3, 84, memory=memory)[0, 0].reshape(len(LONG), 3, -1)
        side = rng.random(right.shape[-1]) < 0.5
        predictions, values = np.where(right[:, 0] == side, 1.0, -1.0), right.mean(axis=(1, 2))
        ends = (
            next((n for n in range(len(LONG)) if stabilising(predictions[: n + 1]).stop), len(LONG) - 1),
            next((n for n in range(len(LONG)) if converged(LONG[: n + 1], values[: n + 1]).stop), len(LONG) - 1),
            len(LONG) - 1,
        )
        for row, at in enumerate(ends):
            found = regret(LONG, truth, at, price)
            seen[row] += LONG[at], found.accuracy, found.labels, found.cost
    return {name: tuple(row / draws) for name, row in zip(ROWS, seen, strict=True)}


if __name__ == "__main__":
    print(main())
