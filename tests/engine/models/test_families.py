"""Every public pass over small random models of many families, against a plain twin that reads one text at a time."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.cache import MemoryCache
from engine.dpo.batches import Example
from engine.dpo.train import rate, train
from engine.errors import ModelError
from engine.models.adapters import adapter_state
from engine.models.embed import embed_responses
from engine.models.generate import generate
from engine.models.gradients import reward_gradients
from engine.models.logps import reference_logps, score_responses
from engine.records import Pair
from engine.seeds import key_for
from engine.settings import DPOSettings
from tests.engine import naive
from tests.engine.models.families import FAMILIES, WINDOW, Family, family_of

BETA = 0.5


@pytest.fixture(scope="module", params=list(FAMILIES))
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Family:
    return family_of(tmp_path_factory.mktemp("family"), request.param)


def test_scores_are_those_of_the_plain_model(family: Family) -> None:
    family.start(moved=True)
    assert min(len(text.prompt_ids) for text in family.encoded) > WINDOW
    found = score_responses(family.policy, family.encoded)
    logp, entropy = naive.scores(family.twin.model, family.encoded)
    np.testing.assert_allclose(found.logp, logp, atol=1e-5, rtol=1e-6)
    np.testing.assert_allclose(found.entropy, entropy, atol=1e-5)
    assert np.ptp(entropy) > 0.01  # a model that says the same everywhere would prove nothing


def test_the_reference_is_the_plain_model_without_an_adapter(family: Family) -> None:
    family.start(moved=True)
    found = reference_logps(family.policy, family.prompts, family.responses, MemoryCache())
    with torch.no_grad(), family.twin.model.disable_adapter():
        wanted = [float(naive.logp(family.twin.model, text)) for text in family.encoded]
    np.testing.assert_allclose([found[response.id] for response in family.responses], wanted, atol=1e-5, rtol=1e-6)
    assert np.abs(score_responses(family.policy, family.encoded).logp - wanted).max() > 0.1


@pytest.mark.parametrize("moved", [False, True])
def test_gradients_are_those_of_autograd_one_response_at_a_time(family: Family, moved: bool) -> None:
    family.start(moved=moved)
    found = reward_gradients(family.policy, family.encoded, dimension=None)
    plain, wanted = (naive.gradients(twin, family.encoded) for twin in (family.twin, family.exact()))
    assert found.shape == wanted.shape and wanted.dtype == np.float64
    largest = np.abs(wanted).max(1)
    # Qwen3-Next's delta rule sharpens float32's rounding so far that the twin itself is out by four times as much.
    allowed = 2 * np.abs(plain - wanted).max(1) if family.name == "qwen3 next" else 1e-5 * largest
    assert (np.abs(found - wanted).max(1) <= allowed).all()
    assert (largest > 1e-3).all()


@pytest.mark.parametrize("text", ["response", "prompt_and_response"])
def test_embeddings_are_those_of_the_plain_model(family: Family, text: str) -> None:
    family.start(moved=True)
    found = embed_responses(family.policy, family.encoded, text=text)  # type: ignore[arg-type]
    for one, row in zip(family.encoded, found, strict=True):
        spoken = one.response_ids[:-1] or one.response_ids
        before = one.prompt_ids if text == "prompt_and_response" else ()
        wanted = naive.mean_hidden(family.twin.model, before + spoken, len(before), -1)
        np.testing.assert_allclose(row, wanted, atol=1e-5, rtol=1e-5)


def test_four_steps_of_training_are_those_of_a_plain_loop(family: Family) -> None:
    """The whole batch in every step, so that the order of an epoch plays no part; prompts have up to three pairs."""
    family.start(moved=True)
    by_prompt = {key: [r for r in family.responses if r.prompt_id == key] for key in family.prompts}
    examples = [
        Example(Pair.of(key, one.id, other.id).id, family.prompts[key], one, other)
        for key, responses in by_prompt.items()
        for one, other in itertools.combinations(responses, 2)
    ]
    reference = reference_logps(family.policy, family.prompts, family.responses, MemoryCache())
    settings = DPOSettings(beta=BETA, learning_rate=1e-3, epochs=4, batch_pairs=len(examples), micro_batch_pairs=3)
    before = adapter_state(family.policy)
    found = train(family.policy, examples, settings, reference_logps=reference, seed=1, round_number=1).steps
    losses = plain_training(family, examples, settings)
    np.testing.assert_allclose([step["loss"] for step in found], losses, rtol=1e-5)
    trained, wanted = adapter_state(family.policy), adapter_state(family.twin)
    for name, weight in wanted.items():
        np.testing.assert_allclose(trained[name], weight, atol=1e-4, err_msg=name)
    assert max(np.abs(wanted[name] - before[name]).max() for name in wanted) > 1e-3


def plain_training(family: Family, examples: list[Example], settings: DPOSettings) -> list[float]:
    """AdamW over the mean loss, one text at a time; the losses of its steps in nats."""
    model = family.twin.model
    text = {r.id: e for r, e in zip(family.responses, family.encoded, strict=True)}
    with torch.no_grad(), model.disable_adapter():
        reference = {r.id: naive.logp(model, text[r.id]) for r in family.responses}
    weights = [p for p in model.parameters() if p.requires_grad]
    optimiser, losses = torch.optim.AdamW(weights, weight_decay=settings.weight_decay), []
    for step in range(settings.epochs):
        optimiser.param_groups[0]["lr"] = settings.learning_rate * rate(step, settings.epochs, settings.warm_up_share)
        moved = {r.id: naive.logp(model, text[r.id]) - reference[r.id] for r in family.responses}
        rows = [-torch.nn.functional.logsigmoid(BETA * (moved[e.chosen.id] - moved[e.rejected.id])) for e in examples]
        loss = sum(rows, torch.zeros(())) / len(examples)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, settings.max_grad_norm)
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses


def test_draws_are_those_of_the_plain_model(family: Family) -> None:
    """Prompts of different lengths side by side, drawn past the window, against the whole text read anew."""
    family.start(moved=True)
    prompts = [prompt for prompt in family.prompts.values() for _ in range(2)]
    keys = [key_for(3, None, "families", number) for number in range(len(prompts))]
    found = generate(family.policy, prompts, keys=keys, temperature=0.8, max_new_tokens=WINDOW + 4)
    rows = {r.prompt_id: e.prompt_ids for r, e in zip(family.responses, family.encoded, strict=True)}
    for prompt, key, draw in zip(prompts, keys, found, strict=True):
        uniform = np.random.default_rng(key).random(WINDOW + 4)
        assert list(draw.token_ids) == naive.draw(family.twin, rows[prompt.id], uniform, 0.8, 1.0)
    assert max(len(draw.token_ids) for draw in found) > WINDOW


@pytest.mark.parametrize("name", ["mixtral", "opt"])
def test_layers_that_see_tokens_without_their_texts(tmp_path: Path, name: str) -> None:
    """Experts and routers: read, trained and drawn rightly, gradients of a response refused. OPT's wide layers see
    tokens only, and in a pack that is all they need."""
    family = family_of(tmp_path / "model", name, everywhere=True)
    test_scores_are_those_of_the_plain_model(family)
    test_four_steps_of_training_are_those_of_a_plain_loop(family)
    test_draws_are_those_of_the_plain_model(family)
    if name == "opt":
        test_gradients_are_those_of_autograd_one_response_at_a_time(family, False)
        return
    with pytest.raises(ModelError, match=r"cannot be told apart by response\. Name lora\.targets without it"):
        reward_gradients(family.policy, family.encoded, dimension=None)
