"""How near the limits of one GPU are scoring, gradients, training, and what they are made of? (G0 to G10)

Every row of the models is also a share of what a matrix product and a copy reach in the same call. Models are random,
of the shapes of 0.5B, 1.5B and 8B models; nothing is downloaded. Without a GPU every row runs on the CPU at a tiny
size, which shows that it runs and agrees, and nothing else. `python -m tests.bench.gpu --device cpu --tiny` prints and
logs nothing.
"""

from collections.abc import Callable
from types import ModuleType

import torch

from engine.errors import EngineError
from engine.models.generate_paged import NotPaged
from tests.bench import generation, selection
from tests.bench._harness import Disagreement, failed, setting
from tests.bench.gpu import attention, gradients, head, launches, lora, scoring, training
from tests.bench.gpu._machine import SHAPES, Machine, ceilings, opened

NONE = "no GPU was at hand: all rows ran on the CPU, tiny, to see that they run and agree; their figures mean nothing"


def measure() -> list[str]:
    if torch.cuda.is_available():
        return run("cuda", tiny=False)
    return [NONE, *run("cpu", tiny=True)]


def run(device: str, *, tiny: bool) -> list[str]:
    """All rows, the small ones first, then each model once for all that needs it, the largest selection last."""
    on = ceilings(device, tiny=tiny)
    lines = [setting("torch", "transformers", "peft", "trl", dtype=on.dtype, device=device), on.sentence()]
    for bench in (attention, head, lora, launches):
        lines += _tried(on, _name(bench), lambda bench=bench: bench.rows(on))
    for size in SHAPES[:1] if tiny else SHAPES:
        with opened(on, size) as model:
            # Draws only of the smallest: how they come does not depend on the size.
            for bench in (scoring, gradients, training, *([generation] if size == SHAPES[0] else [])):
                what = f"{_name(bench)} of {size}"
                lines += _tried(on, what, lambda bench=bench, model=model: bench.model_rows(on, model))
    pool = (300, 8, 6) if tiny else (1_000_000, 512, 1_000)
    return [*lines, *_tried(on, _name(selection), lambda: selection.measure_on(device, *pool, quick=tiny))]


def _tried(on: Machine, what: str, rows: Callable[[], list[str]]) -> list[str]:
    """The rows, or the line of what did not agree, behind which the others still run (the whole has failed then).

    On a GPU, where minutes are dear, also what cannot run is said and the others still run.
    """
    try:
        return rows()
    except Disagreement as error:
        return [failed(error, what)]
    except (EngineError, NotPaged, RuntimeError, ImportError, TypeError, ValueError) as error:
        if on.device == "cpu":
            raise
        return [f"{what}: could not run: {type(error).__name__}: {str(error).partition(chr(10))[0]}"]


def _name(bench: ModuleType) -> str:
    return bench.__name__.rpartition(".")[2]
