"""A round of training under every loss, against TRL's own: the same values and gradients, step by step.

TRL has no conservative loss of its own any more; its "aot" is that loss where a batch is one pair: nothing is sorted.
"""

from pathlib import Path

import numpy as np
import pytest

from engine.dpo.loss import at_reference
from engine.dpo.train import train
from engine.models.adapters import adapter_state, fresh_adapter
from engine.models.policy import Policy
from engine.seeds import uniforms
from engine.settings import DPOSettings
from tests.engine.dpo.labelled import labelled, reference_of
from tests.engine.dpo.test_trl_trajectory import ROUND, SEED, SETTINGS, by_trl

TOLERANCE = 2e-4
"""Of a loss, relative to what it is at the reference; of an adapter's weight 1e-3, as its largest step is 5e-3."""
CASES = {
    "ipo": ({"loss": "ipo"}, {"loss_type": "ipo"}),
    "conservative": (
        {"loss": "conservative", "label_smoothing": 0.2, "batch_pairs": 1},
        {"loss_type": "aot", "label_smoothing": 0.2},
    ),
    "robust": ({"loss": "robust", "label_smoothing": 0.2}, {"loss_type": "robust", "label_smoothing": 0.2}),
    "hinge": ({"loss": "hinge"}, {"loss_type": "hinge"}),
}


@pytest.mark.parametrize("name", CASES)
def test_training_goes_where_trl_goes(name: str, tiny_policy: Policy, tmp_path: Path) -> None:
    ours, theirs = CASES[name]
    settings = DPOSettings.model_validate({**SETTINGS.model_dump(), **ours})
    examples = labelled(6 if settings.batch_pairs > 1 else 3)
    reference = reference_of(tiny_policy, examples)
    fresh_adapter(tiny_policy, SEED)
    start = adapter_state(tiny_policy)
    steps = train(tiny_policy, examples, settings, reference_logps=reference, seed=SEED, round_number=ROUND).steps
    arrived = adapter_state(tiny_policy)

    fresh_adapter(tiny_policy, SEED)
    draw = uniforms(SEED, ROUND, "order:0", [e.pair_id for e in examples])
    log = by_trl(tiny_policy, [examples[i] for i in np.argsort(draw)], tmp_path, settings, **theirs)

    scale = at_reference(settings)
    assert len(steps) == len(log) >= 2
    assert [s["loss"] for s in steps] == pytest.approx([row["loss"] for row in log], abs=TOLERANCE * scale)
    assert [s["grad_norm"] for s in steps] == pytest.approx([row["grad_norm"] for row in log], rel=5e-3)
    assert abs(steps[-1]["loss"] - scale) > 10 * TOLERANCE * scale, "or the steps after the first say nothing"
    for weight, value in adapter_state(tiny_policy).items():
        np.testing.assert_allclose(arrived[weight], value, atol=1e-3, err_msg=weight)
    assert max(float(np.abs(arrived[weight] - start[weight]).max()) for weight in start) > 5e-3
