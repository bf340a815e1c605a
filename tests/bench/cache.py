"""How much faster does a second strategy choose from a pool that is scored already than with scoring it again?"""

import tempfile
from collections.abc import Callable
from pathlib import Path

from engine.cache import ArrayCache
from engine.config import StudyConfig
from engine.loop import Inputs
from engine.models.load import load_policy
from engine.records import Pick
from engine.stages import Run
from engine.store.cache import FileCache
from tests.bench._harness import Way, race, row, same, setting
from tests.bench.load import _data
from tests.conftest import save_tiny_model

PROMPTS, RESPONSES, K = 150, 2, 20
FIRST, SECOND = "activedpo", "gradient_norm"
"""Both read gradients of the same responses; they choose differently."""


def measure(prompts: int = PROMPTS, *, quick: bool = False) -> list[str]:
    """C10: from candidates to picks, with the cache of a store; the model loaded and the pool made before, in both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = save_tiny_model(folder / "model", max_position_embeddings=512)
        scored = FileCache(folder / "scored")
        _choosing(model, prompts, FIRST, scored)()

        def empty() -> ArrayCache:
            return FileCache(Path(tempfile.mkdtemp(dir=folder)))

        known, anew = race(
            Way("from the cache", lambda work: work(), lambda: _choosing(model, prompts, SECOND, scored)),
            Way("scoring again", lambda work: work(), lambda: _choosing(model, prompts, SECOND, empty())),
            quick=quick,
        )
    agreed = same("picks, scores and gains", known.result, anew.result)
    what = f"{SECOND} after {FIRST}, {prompts:,} pairs, files of the store's cache"
    return [f"C10 {setting('transformers', 'peft', dtype='float32')}", row("C10", what, anew, known, 100, agreed)]


def _choosing(model: Path, prompts: int, strategy: str, cache: ArrayCache) -> Callable[[], tuple[Pick, ...]]:
    """What scores the candidates of a run's first round and picks."""
    config = StudyConfig.from_dict({
        "name": "bench", "race": "none", "data": {"pool": "pool"}, "oracle": "recorded", "warm_up": False,
        "model": {"path": str(model), "device": "cpu", "lora": {"rank": 4, "alpha": 8}},
        "strategies": [strategy], "seeds": [1], "rounds": 1, "labels_per_round": K,
    })  # fmt: skip
    inputs = Inputs(config.runs()[0], _data(prompts, RESPONSES, "pool"), {}, cache)
    run = Run(inputs, lambda _: None, load_policy(config.model, 1))
    run.apply(run.pooled(1))

    def choose() -> tuple[Pick, ...]:
        run.apply(run.scored(1))
        return run.picked(1).picks

    return choose
