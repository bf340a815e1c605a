"""How near the limits of one GPU are scoring, gradients, training, and what they are made of? (G0 to G6, G10)

Every row is also a share of what a matrix product and a copy reach in the same call. Models are random, of the shapes
of 0.5B, 1.5B and 8B models; nothing is downloaded. Without a GPU every row runs on the CPU at a tiny size, which shows
that it runs and agrees, and nothing else. `python -m tests.bench.gpu --device cpu --tiny` prints and logs nothing.
"""

from collections.abc import Callable
from types import ModuleType

import torch

from tests.bench._harness import setting
from tests.bench.gpu import attention, gradients, head, launches, lora, scoring, training
from tests.bench.gpu._machine import SHAPES, Machine, ceilings, opened

NONE = "no GPU was at hand: all rows ran on the CPU, tiny, to see that they run and agree; their figures mean nothing"


def measure() -> list[str]:
    if torch.cuda.is_available():
        return run("cuda", tiny=False)
    return [NONE, *run("cpu", tiny=True)]


def run(device: str, *, tiny: bool) -> list[str]:
    """All rows, the small ones first, then each model once for all that needs it."""
    on = ceilings(device, tiny=tiny)
    lines = [setting("torch", "transformers", "peft", "trl", dtype=on.dtype, device=device), on.sentence()]
    for bench in (attention, head, lora, launches):
        lines += _tried(on, _name(bench), lambda bench=bench: bench.rows(on))
    for size in SHAPES[:1] if tiny else SHAPES:
        with opened(on, size) as model:
            for bench in (scoring, gradients, training):
                what = f"{_name(bench)} of {size}"
                lines += _tried(on, what, lambda bench=bench, model=model: bench.model_rows(on, model))
    return lines


def _tried(on: Machine, what: str, rows: Callable[[], list[str]]) -> list[str]:
    """The rows; on a GPU, where minutes are dear, what cannot run is said and the others still run."""
    try:
        return rows()
    except (RuntimeError, ImportError, TypeError, ValueError) as error:
        if on.device == "cpu":
            raise
        return [f"{what}: could not run: {type(error).__name__}: {str(error).partition(chr(10))[0]}"]


def _name(bench: ModuleType) -> str:
    return bench.__name__.rpartition(".")[2]
