"""An epoch of DPO with its reference against TRL's. (G4)"""

from tests.bench import _models
from tests.bench._harness import is_there, skipped
from tests.bench.dpo import against_trl
from tests.bench.gpu._machine import ULTRAFEEDBACK, Machine, Model

PAIRS = 32


def model_rows(on: Machine, model: Model) -> list[str]:
    what = f"DPO epoch with reference, {on.dtype}, {model.name}"
    if not is_there("trl"):
        return [skipped("G4", what, "trl")]
    if model.name == "1.5B":
        return []  # the smallest and the largest say enough for the minutes they take
    examples = _models.pairs(8) if on.tiny else _models.pairs(PAIRS, ULTRAFEEDBACK)
    return against_trl("G4", what, model.policy, model.folder, examples, (2, 2), micros=(4, 8), quick=on.tiny)
