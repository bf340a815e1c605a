"""How much faster are projected gradients than LESS's way, whole ones than an autograd loop? (C4, C5)

Per response (what ActiveDPO takes by default) and per pair (the difference, where the prompt can be shared) are each
stated. d = 512, random adapter, every weight's gradient computed (B ≠ 0).
"""

import tempfile
from pathlib import Path

import numpy as np

from engine.models.gradients import reward_gradients
from tests.bench import _engine, _less, _models
from tests.bench._harness import Way, agree, agree_at_least, is_there, race, row, setting, skipped
from tests.bench._models import Shape
from tests.conftest import move

PAIRS, EXACT_PAIRS = 16, 8
SPEARMAN, ERROR = 0.9, 1e-5


def measure() -> list[str]:
    lines = projected(_models.BODY, PAIRS)
    if _models.fast_bf16():
        lines += projected(_models.BODY, PAIRS, dtype="bfloat16")
    return [*lines, *whole(_models.BODY, EXACT_PAIRS)]


def projected(shape: Shape, count: int, *, dtype: str = "float32", quick: bool = False) -> list[str]:
    """C4: projected to 512 numbers, per response and per pair, against LESS with TRAK's projector."""
    if not is_there("trak"):
        return [skipped("C4", "gradient signal", "traker")]
    limit, lines = (2 if dtype == "float32" else 4), [setting("traker", "peft", dtype=dtype)]
    with tempfile.TemporaryDirectory() as name:
        folder = _models.save_model(Path(name), shape)
        policy = move(_models.load(folder, shape, dtype=dtype), size=0.02)
        texts = _models.encoded(policy, _models.pairs(count))
        reference = policy if dtype == "float32" else move(_models.load(folder, shape), size=0.02)
        exact = _less.exact(reference, texts)

        def line(what: str, wanted: np.ndarray, *ways: Way) -> str:
            theirs, ours = race(*ways, quick=quick)
            norms = np.linalg.norm(wanted, axis=1)
            said = [
                agree_at_least(f"Spearman of {who} norms with the exact", _spearman(norms, found.result), SPEARMAN)
                for who, found in (("our", ours), ("their", theirs))
            ]
            agreed = f"{1000 * ours.median / count:.0f} ms a pair; {', '.join(said)}"
            return row("C4", f"gradient signal {what}, {dtype}, {shape}", theirs, ours, limit, agreed)

        lines.append(
            line(
                f"per response, {2 * count} responses",
                exact,
                Way("LESS's way", lambda: _less.projected(policy, texts, _engine.D, pairs=False), turns=3),
                Way("ours", lambda: reward_gradients(policy, texts, dimension=_engine.D)),
            )
        )
        lines.append(
            line(
                f"per pair, prompt shared, {count} pairs",
                exact[::2] - exact[1::2],
                Way("LESS's way", lambda: _less.projected(policy, texts, _engine.D, pairs=True), turns=3),
                Way("ours", lambda: _engine.difference_gradients(policy, texts)),
            )
        )
        return lines


def whole(shape: Shape, count: int, *, quick: bool = False) -> list[str]:
    """C5: the gradient by every adapter weight, against one backward a response."""
    with tempfile.TemporaryDirectory() as name:
        policy = move(_models.load(_models.save_model(Path(name), shape), shape), size=0.02)
        texts = _models.encoded(policy, _models.pairs(count))
        loop, ours = race(
            Way("an autograd loop", lambda: _less.exact(policy, texts), turns=3),
            Way("ours", lambda: reward_gradients(policy, texts, dimension=None)),
            quick=quick,
        )
        error = np.abs(ours.result - loop.result).max(1) / np.abs(loop.result).max(1)
        agreed = agree("relative error of a gradient", float(error.max()), ERROR)
        return [row("C5", f"whole gradients, float32, {shape}, {2 * count} responses", loop, ours, 1.3, agreed)]


def _spearman(norms: np.ndarray, found: np.ndarray) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(norms, np.linalg.norm(found, axis=1)).statistic)
