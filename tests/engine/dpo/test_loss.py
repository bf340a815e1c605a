"""Every loss against its formula written out, values and gradients; what it is at the reference; what is refused."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.config import StudyConfig
from engine.dpo.loss import at_reference, check_at_reference, conservative, preference_loss, robust, sigmoid
from engine.dpo.train import train
from engine.errors import ConfigError, TrainingError
from engine.models.adapters import adapter_state, fresh_adapter
from engine.models.policy import Policy
from engine.settings import DPOSettings
from tests.engine.dpo.labelled import labelled, reference_of

SMOOTH = 0.2
LOSSES = {
    name: DPOSettings(loss=name, beta=0.4, label_smoothing=SMOOTH if name in ("conservative", "robust") else 0.0)
    for name in ("sigmoid", "ipo", "conservative", "robust", "hinge")
}


def log_sigma(x: float) -> float:
    return -math.log1p(math.exp(-x))


def sigma(x: float) -> float:
    return 1 / (1 + math.exp(-x))


TWINS: dict[str, Callable[[float, float, float], tuple[float, float]]] = {
    "sigmoid": lambda m, h, b: (-log_sigma(m), -sigma(-m)),
    "conservative": lambda m, h, b: (-0.8 * log_sigma(m) - 0.2 * log_sigma(-m), -0.8 * sigma(-m) + 0.2 * sigma(m)),
    "robust": lambda m, h, b: (
        (-0.8 * log_sigma(m) + 0.2 * log_sigma(-m)) / 0.6,
        (-0.8 * sigma(-m) - 0.2 * sigma(m)) / 0.6,
    ),
    "hinge": lambda m, h, b: (max(0.0, 1 - m), -1.0 if m < 1 else 0.0),
    "ipo": lambda m, h, b: ((h - 1 / (2 * b)) ** 2, 2 * (h - 1 / (2 * b))),
}
"""Loss → its value and its slope, in the margin m; IPO's in the difference h of mean log-ratios."""
numbers = st.floats(-30, 0, allow_nan=False)


@pytest.mark.parametrize("name", LOSSES)
@given(logps=st.tuples(numbers, numbers, numbers, numbers), tokens=st.tuples(st.integers(1, 9), st.integers(1, 9)))
def test_value_and_gradient_are_those_of_the_formula(
    name: str, logps: tuple[float, float, float, float], tokens: tuple[int, int]
) -> None:
    settings = LOSSES[name]
    won, lost, ref_won, ref_lost = logps
    n_won, n_lost = tokens
    m = settings.beta * ((won - ref_won) - (lost - ref_lost))
    h = (won - ref_won) / n_won - (lost - ref_lost) / n_lost
    value, slope = TWINS[name](m, h, settings.beta)
    inputs = [torch.tensor([x], dtype=torch.float64, requires_grad=True) for x in logps]
    counts = (torch.tensor([float(n_won)]), torch.tensor([float(n_lost)]))
    loss = preference_loss(*inputs, settings, tokens=counts)
    assert loss.item() == pytest.approx(value, rel=1e-9, abs=1e-9)
    by_won, by_lost = torch.autograd.grad(loss.sum(), inputs[:2])
    if name == "hinge" and abs(m - 1) < 1e-9:
        return  # at the edge either slope is one
    each = (1 / n_won, 1 / n_lost) if name == "ipo" else (settings.beta, settings.beta)
    assert by_won.item() == pytest.approx(slope * each[0], rel=1e-9, abs=1e-9)
    assert by_lost.item() == pytest.approx(-slope * each[1], rel=1e-9, abs=1e-9)


def test_by_hand() -> None:
    """margin = 0.5·((−1 + 2) − (−3 + 1)) = 1.5; −ln σ(1.5) = 0.201413, −ln σ(−1.5) = 1.701413.

    Conservative: 0.8·0.201413 + 0.2·1.701413 = 0.501413. Robust: (0.8·0.201413 − 0.2·1.701413) / 0.6 = −0.298587.
    IPO with 2 and 4 tokens: h = 1/2 − (−2)/4 = 1, target 1/(2·0.5) = 1, so 0; at one token each (3 − 1)² = 4.
    """
    given_ = [torch.tensor([x]) for x in (-1.0, -3.0, -2.0, -1.0)]
    found = {}
    for name, settings in LOSSES.items():
        half = settings.model_copy(update={"beta": 0.5})
        found[name] = preference_loss(*given_, half, tokens=(torch.tensor([2.0]), torch.tensor([4.0]))).item()
    expected = {"sigmoid": 0.201413, "ipo": 0, "conservative": 0.501413, "robust": -0.298587, "hinge": 0}
    assert found == pytest.approx(expected, abs=1e-5)
    one = torch.ones(1)
    ipo = LOSSES["ipo"].model_copy(update={"beta": 0.5})
    assert preference_loss(*given_, ipo, tokens=(one, one)).item() == pytest.approx(4)
    far = torch.tensor([-1e4])
    assert all(
        torch.isfinite(preference_loss(far, *[torch.zeros(1)] * 3, s, tokens=(one, one))) for s in LOSSES.values()
    )


@given(margin=st.floats(-20, 20))
def test_the_robust_loss_of_flipped_labels_is_on_average_that_of_the_true_ones(margin: float) -> None:
    m = torch.tensor([margin], dtype=torch.float64)
    mean = (1 - SMOOTH) * robust(m, SMOOTH) + SMOOTH * robust(-m, SMOOTH)
    assert mean.item() == pytest.approx(sigmoid(m).item(), abs=1e-9)


def test_the_conservative_loss_is_least_where_the_labels_are_as_sure_as_they_are() -> None:
    m = torch.linspace(-5, 5, 10_001, dtype=torch.float64)
    assert m[conservative(m, SMOOTH).argmin()].item() == pytest.approx(math.log(0.8 / 0.2), abs=1e-3)


def test_what_a_loss_is_at_the_reference() -> None:
    found = {name: at_reference(settings) for name, settings in LOSSES.items()}
    ln2 = math.log(2)
    assert found == pytest.approx({"sigmoid": ln2, "ipo": 1 / 0.64, "conservative": ln2, "robust": ln2, "hinge": 1.0})


@pytest.mark.parametrize("name", LOSSES)
def test_the_first_step_of_a_fresh_adapter_has_it(name: str, tiny_policy: Policy) -> None:
    examples, settings = labelled(6), LOSSES[name].model_copy(update={"epochs": 1, "batch_pairs": 6})
    fresh_adapter(tiny_policy, 1)
    known = reference_of(tiny_policy, examples)
    (step,) = train(tiny_policy, examples, settings, reference_logps=known, seed=1, round_number=1).steps
    assert step["loss"] == pytest.approx(at_reference(settings), rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_a_reference_of_other_texts_stops_training_before_its_first_step(name: str, tiny_policy: Policy) -> None:
    examples, settings = labelled(6), LOSSES[name].model_copy(update={"epochs": 1, "batch_pairs": 6})
    fresh_adapter(tiny_policy, 1)
    known, before = reference_of(tiny_policy, examples), adapter_state(tiny_policy)
    wrong = {**known, examples[2].chosen.id: known[examples[2].chosen.id] - 3.0}
    with pytest.raises(TrainingError, match=f"fresh, .* the {name} loss must be .* it is "):
        train(tiny_policy, examples, settings, reference_logps=wrong, seed=1, round_number=1)
    after = adapter_state(tiny_policy)
    assert all(np.array_equal(before[weight], after[weight]) for weight in before)


def test_rounding_is_allowed_for_in_the_dtype_and_by_the_token() -> None:
    usual, off = DPOSettings(), math.log(2) + 0.0003
    check_at_reference(off, usual, 200, torch.float32)
    with pytest.raises(TrainingError):
        check_at_reference(off, usual, 20, torch.float32)
    check_at_reference(off, usual, 20, torch.bfloat16)
    with pytest.raises(TrainingError):
        check_at_reference(6 * math.log(2), usual, 400, torch.bfloat16)
    with pytest.raises(TrainingError):
        check_at_reference(math.nan, usual, 400, torch.float32)


@pytest.mark.parametrize(
    ("settings", "tokens"),
    [
        (DPOSettings(loss="conservative", label_smoothing=0.3), 1000),  # least at 8.5 nats, 20 nats of rounding
        (DPOSettings(loss="ipo", beta=100.0), 10),  # least at 0.005 nats a token, 0.02 of rounding
    ],
)
def test_rounding_beyond_the_least_loss_leaves_the_loss_at_the_reference_a_right_one(
    settings: DPOSettings, tokens: int
) -> None:
    right = at_reference(settings)
    check_at_reference(right, settings, tokens, torch.bfloat16)
    with pytest.raises(TrainingError):
        check_at_reference(100 * right, settings, tokens, torch.bfloat16)
    with pytest.raises(TrainingError):
        check_at_reference(-1e-9, settings, tokens, torch.bfloat16)


@pytest.mark.parametrize(
    ("dpo", "sentence"),
    [
        ({"loss": "robust"}, "dpo: loss 'robust' needs label_smoothing above 0 and below 0.5"),
        ({"loss": "conservative", "label_smoothing": 0}, "loss 'conservative' needs label_smoothing above 0 and below"),
        ({"label_smoothing": 0.1}, "label_smoothing is 0.1, and loss 'sigmoid' takes none; take 'conservative'"),
        ({"loss": "ipo", "label_smoothing": 0.1}, "label_smoothing is 0.1, and loss 'ipo' takes none"),
        ({"loss": "robust", "label_smoothing": 0.5}, "dpo.label_smoothing: it must be below 0.5 (found 0.5)"),
        ({"loss": "logistic"}, "dpo.loss: it must be 'sigmoid', 'ipo', 'conservative', 'robust' or 'hinge'"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(dpo: dict[str, Any], sentence: str) -> None:
    study = {"name": "one", "data": {"pool": "x"}, "model": {"path": "m"}, "strategies": ["random"], "dpo": dpo}
    with pytest.raises(ConfigError) as error:
        StudyConfig.from_dict(study)
    assert sentence in str(error.value)


def test_what_was_kept_before_there_was_a_choice_of_loss_holds() -> None:
    """The settings as they stood in keys of checkpoints and of trained ensembles, name by name."""
    before = {"beta": 0.1, "learning_rate": 1e-3, "epochs": 4, "batch_pairs": 16, "micro_batch_pairs": None}
    before |= {"warm_up_share": 0.1, "max_grad_norm": 1.0, "weight_decay": 0.0}
    assert DPOSettings().spec() == before
    assert DPOSettings(checkpointing="always").spec() == before, "the same bits"
    assert DPOSettings.model_validate(before).loss == "sigmoid"
    assert DPOSettings(loss="robust", label_smoothing=0.1).spec() == {
        **before, "loss": "robust", "label_smoothing": 0.1,
    }  # fmt: skip
