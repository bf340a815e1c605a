"""The gradient that training puts into the optimiser, against differences of the loss by its definition."""

import numpy as np
import pytest
import torch

from engine.dpo.batches import Example
from engine.dpo.train import train
from engine.errors import OutOfMemory
from engine.models.adapters import adapter_state
from engine.models.policy import Policy
from engine.models.tokens import encode
from engine.settings import DPOSettings
from tests.conftest import move
from tests.engine.dpo.labelled import labelled, reference_of
from tests.engine.naive import logp

BETA = 0.5


def weights_of(policy: Policy) -> list[torch.nn.Parameter]:
    return [p for p in policy.model.parameters() if p.requires_grad]


def gradient_of_training(
    policy: Policy, examples: list[Example], reference: dict[str, float], micro: int | None
) -> tuple[torch.Tensor, float]:
    """The accumulated gradient (parameters,) of one step before it is clipped, float64, and the loss of that step."""
    held: dict[torch.nn.Parameter, torch.Tensor] = {}

    def keep(weight: torch.Tensor) -> None:
        assert isinstance(weight, torch.nn.Parameter)
        assert weight.grad is not None
        held[weight] = weight.grad.detach().clone()  # the last micro-batch leaves the sum of all

    hooks = [p.register_post_accumulate_grad_hook(keep) for p in weights_of(policy)]
    before = adapter_state(policy)
    settings = DPOSettings(beta=BETA, epochs=1, batch_pairs=len(examples), micro_batch_pairs=micro, max_grad_norm=1e-3)
    row = train(policy, examples, settings, reference_logps=reference, seed=1, round_number=1).steps[0]
    for hook in hooks:
        hook.remove()
    assert not all(np.array_equal(v, before[k]) for k, v in adapter_state(policy).items())
    gradient = torch.cat([held[p].double().ravel() for p in weights_of(policy)])
    assert row["grad_norm"] == pytest.approx(float(gradient.norm()), rel=1e-5)  # the norm before clipping
    return gradient, row["loss"]


@torch.no_grad()
def loss_by_definition(policy: Policy, examples: list[Example], reference: dict[str, float]) -> float:
    """Mean of ln(1 + exp(−margin)), one text at a time, from the model's own logits."""
    losses = []
    for e in examples:
        chosen, rejected = (float(logp(policy.model, encode(policy, e.prompt, r.text))) for r in (e.chosen, e.rejected))
        margin = BETA * ((chosen - reference[e.chosen.id]) - (rejected - reference[e.rejected.id]))
        losses.append(np.logaddexp(0.0, -margin))
    return float(np.mean(losses))


@torch.no_grad()
def difference(
    policy: Policy, examples: list[Example], reference: dict[str, float], direction: torch.Tensor, width: float = 3e-3
) -> float:
    """Central difference of the loss along a unit direction (parameters,); the policy is as it was afterwards.

    Llama takes its norms and softmax in float32 whatever its weights are, so a narrower difference only finds rounding.
    """
    weights = weights_of(policy)
    start = torch.nn.utils.parameters_to_vector(weights)
    found = []
    for sign in (1, -1):
        torch.nn.utils.vector_to_parameters(start + sign * width * direction, weights)
        found.append(loss_by_definition(policy, examples, reference))
    torch.nn.utils.vector_to_parameters(start, weights)
    return (found[0] - found[1]) / (2 * width)


@pytest.mark.parametrize("micro", [None, 2])
def test_the_gradient_is_that_of_the_loss_by_differences(tiny_policy: Policy, micro: int | None) -> None:
    examples = labelled(5)
    reference = reference_of(tiny_policy, examples)
    move(tiny_policy)
    moved = torch.nn.utils.parameters_to_vector(weights_of(tiny_policy)).detach().clone()
    gradient, loss = gradient_of_training(tiny_policy, examples, reference, micro)

    # The step moved the adapter; the differences are taken where the gradient was, in double precision.
    tiny_policy.model.double()
    torch.nn.utils.vector_to_parameters(moved.double(), weights_of(tiny_policy))
    assert loss_by_definition(tiny_policy, examples, reference) == pytest.approx(loss, abs=1e-5)
    rng = np.random.default_rng(0)
    directions = [gradient, *(torch.from_numpy(rng.standard_normal(len(gradient))) for _ in range(3))]
    directions.append(torch.nn.functional.one_hot(gradient.abs().argmax(), len(gradient)).double())
    for direction in (d / d.norm() for d in directions):
        expected = difference(tiny_policy, examples, reference, direction)
        assert float(gradient @ direction) == pytest.approx(expected, rel=1e-3)


def test_gradients_are_given_back_and_dropped_when_memory_runs_out(tiny_policy: Policy) -> None:
    examples = labelled(4)
    reference = reference_of(tiny_policy, examples)
    settings = DPOSettings(epochs=1, batch_pairs=4, micro_batch_pairs=3)
    train(tiny_policy, examples, settings, reference_logps=reference, seed=1, round_number=1)
    assert all(p.grad is None for p in weights_of(tiny_policy))

    before = adapter_state(tiny_policy)

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("Tried to allocate 2.00 GiB")

    hook = tiny_policy.model.register_forward_pre_hook(full)
    with pytest.raises(OutOfMemory, match="cpu has no memory left for 3 pairs in one backward pass of step 1") as found:
        train(tiny_policy, examples, settings, reference_logps=reference, seed=1, round_number=1)
    assert (found.value.kind, found.value.times) == ("training", 1)
    tiny_policy.memory = tiny_policy.memory.halved("training", 1)
    with pytest.raises(OutOfMemory, match=r"no memory left for 1 pair in .* Lower model\.context_tokens") as found:
        train(tiny_policy, examples, settings, reference_logps=reference, seed=1, round_number=1)
    assert found.value.times == 0
    hook.remove()
    assert all(np.array_equal(v, before[k]) for k, v in adapter_state(tiny_policy).items())
    assert not tiny_policy.model.training


def test_memory_that_runs_out_in_the_optimisers_step_counts_as_training(
    tiny_policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AdamW takes room for its moments in its first step."""
    examples = labelled(4)
    reference = reference_of(tiny_policy, examples)

    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("Tried to allocate 2.00 GiB")

    for name in ("step", "clip"):
        with monkeypatch.context() as patch:
            owner = torch.optim.AdamW if name == "step" else torch.nn.utils
            patch.setattr(owner, name if name == "step" else "clip_grad_norm_", full)
            for micro, times in ((3, 1), (1, 0)):
                settings = DPOSettings(epochs=1, batch_pairs=4, micro_batch_pairs=micro)
                with pytest.raises(OutOfMemory, match="no memory left for the optimiser's step 1") as found:
                    train(tiny_policy, examples, settings, reference_logps=reference, seed=1, round_number=1)
                assert (found.value.kind, found.value.times) == ("training", times)
