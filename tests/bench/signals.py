"""How much faster are margin, entropy, embedding and gradient from one pass; does bfloat16 pay here? (C3, C9)"""

import tempfile
from pathlib import Path

import numpy as np
import torch

from engine.models.device import choose_dtype
from engine.models.logps import score_responses
from tests.bench import _engine, _models, _plain
from tests.bench._harness import Way, agree, agree_at_least, race, row, setting
from tests.bench._models import Shape
from tests.conftest import move

PAIRS, DTYPE_PAIRS = 16, 48
ERROR, CORRELATION = 1e-4, 0.999
PROJECTED = 0.9
"""Of the norms of gradients projected to 512 numbers with those of whole ones."""


def measure() -> list[str]:
    return [setting("transformers", "peft", dtype="float32"), *one_pass(_models.BODY, PAIRS), *dtypes(_models.BODY)]


def one_pass(shape: Shape, count: int, *, quick: bool = False) -> list[str]:
    """C3: all signals of every response from one forward and one backward, against a pass for each signal.

    The passes are the engine's own, which are fast already; and those that one writes without an engine.
    """
    with tempfile.TemporaryDirectory() as name:
        policy = move(_models.load(_models.save_model(Path(name), shape), shape), size=0.02)
        texts = _models.encoded(policy, _models.pairs(count))
        separate, plain, ours = race(
            Way("separate passes", lambda: _engine.separate_passes(policy, texts), turns=3),
            Way("separate padded passes", lambda: _plain.separate_passes(policy, texts), turns=3),
            Way("one pass", lambda: _engine.one_pass(policy, texts)),
            quick=quick,
        )
        error = max(_error(ours.result[name], wanted) for name, wanted in separate.result.items())
        agreed = agree(f"{', '.join(separate.result)}: largest error of a row", error, ERROR)
        forward = [name for name in plain.result if name != "gradient"]
        error = max(_error(ours.result[name], plain.result[name]) for name in forward)
        norms = [np.linalg.norm(found.result["gradient"], axis=1) for found in (plain, ours)]
        near = agree_at_least("correlation of gradient norms", float(np.corrcoef(*norms)[0, 1]), PROJECTED)
        beside = f"{agree(', '.join(forward) + ': largest error of a row', error, ERROR)}, {near}"
        what = f"all signals, float32, {shape}, {2 * count} responses"
        return [row("C3", what, separate, ours, 2.5, agreed), row("C3", what, plain, ours, 2.5, beside)]


def dtypes(shape: Shape, count: int = DTYPE_PAIRS, *, quick: bool = False) -> list[str]:
    """C9: margins in bfloat16 against float32; where the CPU has no bfloat16 of its own, that it is off by itself."""
    chosen = str(choose_dtype("auto", torch.device("cpu"), 4096)[0]).removeprefix("torch.")
    if not _models.fast_bf16() and not quick:
        agree("dtype that auto takes, from float32", float(chosen != "float32"), 0)
        return [f"C9 bfloat16: this CPU has neither AVX512-BF16 nor AMX-BF16, and auto takes {chosen}: reached"]
    with tempfile.TemporaryDirectory() as name:
        folder = _models.save_model(Path(name), shape)
        exact, half = (move(_models.load(folder, shape, dtype=d), size=0.05) for d in ("float32", "bfloat16"))
        texts = _models.encoded(exact, _models.pairs(count))
        slow, fast = race(
            *(
                Way(str(policy.dtype).removeprefix("torch."), lambda policy=policy: score_responses(policy, texts).logp)
                for policy in (exact, half)
            ),
            quick=quick,
        )
        margins = [
            found.result - score_responses(policy, texts, reference=True).logp
            for policy, found in ((exact, slow), (half, fast))
        ]
        agreed = agree_at_least("correlation of margins", float(np.corrcoef(*margins)[0, 1]), CORRELATION)
        return [row("C9", f"scoring in bfloat16, {shape}, auto takes {chosen}", slow, fast, 1.8, agreed)]


def _error(found: np.ndarray, wanted: np.ndarray) -> float:
    """Relative to each row's largest number."""
    found, wanted = found.reshape(len(found), -1), wanted.reshape(len(wanted), -1)
    return float((np.abs(found - wanted).max(1) / np.abs(wanted).max(1)).max())
