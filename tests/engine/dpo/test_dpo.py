"""DPO: the loss by hand, training against a plain loop and against TRL, evaluation by hand."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.dpo.batches import Example
from engine.dpo.generations import generation_metrics, perplexity, sft_answers
from engine.dpo.held_out import HeldOut, held_out_metrics
from engine.dpo.train import rate, train
from engine.errors import TrainingError
from engine.models.adapters import adapter_state, fresh_adapter
from engine.models.load import load_policy
from engine.models.logps import score_responses
from engine.models.policy import Policy
from engine.models.tokens import encode
from engine.records import Message, Pair, Prompt, Response
from engine.seeds import rng_for
from engine.settings import DPOSettings, EvaluationSettings, LoraSettings, ModelSettings
from tests.conftest import move
from tests.engine.dpo.labelled import reference_of
from tests.engine.dpo.scorer import scorer


def examples(n: int, salt: str = "") -> list[Example]:
    """Pairs of one kind: the glad response is always the chosen one, so that training has something to learn."""
    found = []
    for i in range(n):
        prompt = Prompt.of([Message("user", f"question {salt}{i}")])
        one = Response.of(prompt.id, f"yes, gladly {i * 7 % 5}")
        other = Response.of(prompt.id, f"no {i}")
        found.append(Example(Pair.of(prompt.id, one.id, other.id).id, prompt, one, other))
    return found


def test_the_schedule() -> None:
    rates = [rate(step, 20, 0.1) for step in range(20)]
    assert rates[:3] == pytest.approx([0.5, 1.0, 1.0])
    assert all(a >= b for a, b in itertools.pairwise(rates[1:]))
    assert 0 < rates[-1] < 0.02
    assert rate(0, 5, 0.0) == 1.0


def test_step_one_of_a_fresh_adapter_has_loss_ln_2(tiny_policy: Policy) -> None:
    given = examples(6)
    settings = DPOSettings(epochs=1, batch_pairs=6)
    result = train(
        tiny_policy, given, settings, reference_logps=reference_of(tiny_policy, given), seed=1, round_number=1
    )
    assert result.steps[0]["loss"] == pytest.approx(math.log(2), abs=1e-6)


def test_how_many_of_the_weights_have_a_gradient_is_recorded(tiny_policy: Policy) -> None:
    """B of a fresh adapter is 0, so A has none at the first step: the share is that of B's weights; then A has, too."""
    given = examples(6)
    fresh_adapter(tiny_policy, 1)
    of_b = sum(v.size for name, v in adapter_state(tiny_policy).items() if "lora_B" in name)
    every = sum(v.size for v in adapter_state(tiny_policy).values())
    assert 0 < of_b < every
    settings = DPOSettings(epochs=2, batch_pairs=6)
    reference = reference_of(tiny_policy, given)
    shares = [
        row["nonzero_gradients"]
        for row in train(tiny_policy, given, settings, reference_logps=reference, seed=1, round_number=1).steps
    ]
    assert shares[0] == pytest.approx(of_b / every, rel=0.02) and shares[0] <= of_b / every
    assert of_b / every < shares[1] <= 1


def run(
    policy: Policy, given: list[Example], seed: int = 1, **changes: object
) -> tuple[dict[str, np.ndarray], list[float]]:
    fresh_adapter(policy, 1)
    settings = DPOSettings(**{"epochs": 2, "batch_pairs": 4, "learning_rate": 5e-3, **changes})  # type: ignore[arg-type]
    result = train(policy, given, settings, reference_logps=reference_of(policy, given), seed=seed, round_number=1)
    return adapter_state(policy), [step["loss"] for step in result.steps]


def test_the_order_of_the_labels_changes_nothing_and_the_seed_does(tiny_policy: Policy) -> None:
    given = examples(9)
    state, losses = run(tiny_policy, given)
    again, same_losses = run(tiny_policy, given[::-1])
    assert losses == same_losses
    assert all(np.array_equal(state[name], again[name]) for name in state)
    other, _ = run(tiny_policy, given, seed=2)
    assert not all(np.array_equal(state[name], other[name]) for name in state)


def test_micro_batches_give_the_step_of_the_whole_batch(tiny_policy: Policy) -> None:
    given = examples(8)
    whole, losses = run(tiny_policy, given, batch_pairs=8)
    parts, part_losses = run(tiny_policy, given, batch_pairs=8, micro_batch_pairs=3)
    assert part_losses == pytest.approx(losses, abs=1e-5)
    for name in whole:
        np.testing.assert_allclose(parts[name], whole[name], atol=2e-4)


def test_training_is_what_a_plain_loop_does(tiny_policy: Policy) -> None:
    """One text at a time, the model's own logits over everything, torch's AdamW."""
    given = examples(5)
    expected_state, expected = run(tiny_policy, given, batch_pairs=5, epochs=3, warm_up_share=0.0, max_grad_norm=1e9)
    fresh_adapter(tiny_policy, 1)
    ref = reference_of(tiny_policy, given)
    parameters = [p for p in tiny_policy.model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=5e-3, weight_decay=0.0)
    losses = []
    for step in range(3):
        for group in optimiser.param_groups:
            group["lr"] = 5e-3 * rate(step, 3, 0.0)
        total = torch.zeros(())
        for e in given:
            logps = []
            for response in (e.chosen, e.rejected):
                text = encode(tiny_policy, e.prompt, response.text)
                ids = torch.tensor([[*text.prompt_ids, *text.response_ids]])
                logits = tiny_policy.model(input_ids=ids).logits[0].log_softmax(-1)
                n = len(text.prompt_ids)
                logps.append(sum(logits[t - 1, ids[0, t]] for t in range(n, ids.shape[1])))
            margin = 0.1 * ((logps[0] - ref[e.chosen.id]) - (logps[1] - ref[e.rejected.id]))
            total = total - torch.nn.functional.logsigmoid(margin) / len(given)
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        losses.append(float(total))
    assert losses == pytest.approx(expected, abs=1e-5)
    state = adapter_state(tiny_policy)
    for name in state:
        np.testing.assert_allclose(state[name], expected_state[name], atol=5e-4)


def test_training_raises_the_margin_on_held_out_pairs_of_the_same_kind(tiny_policy: Policy) -> None:
    given, others = examples(24), examples(12, "other ")
    ref = reference_of(tiny_policy, others)
    run(tiny_policy, given, epochs=6, learning_rate=1e-2)
    held_out = held_out_of(others)
    metrics, _ = held_out_metrics(tiny_policy, held_out, 0.1, ref)
    assert {m.name: m.value for m in metrics}["accuracy"] > 0.9


def held_out_of(given: list[Example]) -> HeldOut:
    pairs = tuple(Pair.of(e.prompt.id, e.chosen.id, e.rejected.id) for e in given)
    return HeldOut(
        "near",
        pairs,
        {e.prompt.id: e.prompt for e in given},
        {r.id: r for e in given for r in (e.chosen, e.rejected)},
        {p.id: "a" if p.a == e.chosen.id else "b" for p, e in zip(pairs, given, strict=True)},
    )


def test_a_loss_that_is_not_finite_stops_with_the_reason_and_keeps_the_last_good_step(tiny_policy: Policy) -> None:
    given = examples(6)
    ref = reference_of(tiny_policy, given)
    ref[given[2].chosen.id] = float("nan")
    before = adapter_state(tiny_policy)
    with pytest.raises(TrainingError, match=r"step 1: the loss is not finite\. Learning rate .*pairs x"):
        train(tiny_policy, given, DPOSettings(batch_pairs=6), reference_logps=ref, seed=1, round_number=1)
    after = adapter_state(tiny_policy)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert not tiny_policy.model.training


def test_without_labels_nothing_changes(tiny_policy: Policy) -> None:
    before = adapter_state(tiny_policy)
    assert train(tiny_policy, [], DPOSettings(), reference_logps={}, seed=1, round_number=1).steps == ()
    assert all(np.array_equal(v, before[k]) for k, v in adapter_state(tiny_policy).items())


def test_dropout_draws_from_the_seed(tiny_model_dir: Path) -> None:
    settings = ModelSettings(
        path=str(tiny_model_dir), device="cpu", dtype="float32", lora=LoraSettings(rank=4, alpha=8, dropout=0.3)
    )
    policy = load_policy(settings, 1)
    given = examples(6)
    torch.manual_seed(123)
    state, losses = run(policy, given)
    torch.manual_seed(456)
    again, same_losses = run(policy, given)
    assert losses == same_losses
    assert all(np.array_equal(state[name], again[name]) for name in state)


def test_held_out_metrics_by_hand(tiny_policy: Policy) -> None:
    given = examples(5)
    ref = reference_of(tiny_policy, given)
    held_out = held_out_of(given)
    at_start, margins = held_out_metrics(tiny_policy, held_out, 0.1, ref)
    assert {m.name: m.value for m in at_start} == {
        "accuracy": 0.5,
        "nll": pytest.approx(math.log(2)),
        "margin": 0.0,
    }
    assert not margins.any()
    move(tiny_policy)
    found, margins = held_out_metrics(tiny_policy, held_out, 0.1, ref)
    signed = []
    for pair, e in zip(held_out.pairs, given, strict=True):
        logps = score_responses(
            tiny_policy, [encode(tiny_policy, e.prompt, held_out.responses[r].text) for r in (pair.a, pair.b)]
        ).logp
        margin = 0.1 * ((logps[0] - ref[pair.a]) - (logps[1] - ref[pair.b]))
        signed.append(margin if held_out.answers[pair.id] == "a" else -margin)
    values = {m.name: m.value for m in found}
    assert values["accuracy"] == pytest.approx(np.mean([x > 0 for x in signed]))
    assert values["margin"] == pytest.approx(np.mean(signed), abs=1e-5)
    assert values["nll"] == pytest.approx(np.mean([math.log1p(math.exp(-x)) for x in signed]), abs=1e-5)
    assert len(margins) == 5


def test_generations_are_compared_with_the_sft_answers_ties_half(tiny_policy: Policy) -> None:
    prompts = [e.prompt for e in examples(6)]
    settings = EvaluationSettings(max_new_tokens=8, kl_prompts=4)
    sft = sft_answers(tiny_policy, prompts, 8)

    def score(of: object, texts: object) -> list[float]:
        return [float(len(t)) for t in texts]  # type: ignore[attr-defined]

    metrics, answers = generation_metrics(
        tiny_policy, prompts, evaluator=scorer(score), sft=sft, settings=settings, seed=1, round_number=1
    )
    values = {m.name: m.value for m in metrics}
    assert (values["win_rate"], values["win_rate_ties"], values["kl"]) == (0.5, 1.0, 0.0)
    assert [r.text for r in answers] == [draw.text for draw in sft]
    move(tiny_policy)
    metrics, answers = generation_metrics(
        tiny_policy, prompts, evaluator=scorer(score), sft=sft, settings=settings, seed=1, round_number=1
    )
    values = {m.name: m.value for m in metrics}
    wins = [len(r.text) > len(s.text) for r, s in zip(answers, sft, strict=True)]
    ties = [len(r.text) == len(s.text) for r, s in zip(answers, sft, strict=True)]
    assert values["win_rate"] == pytest.approx(np.mean(wins) + 0.5 * np.mean(ties))
    assert values["kl"] > 0
    without, _ = generation_metrics(
        tiny_policy, prompts, evaluator=None, sft=sft, settings=settings, seed=1, round_number=1
    )
    assert "win_rate" not in {m.name for m in without}


def test_perplexity_by_hand(tiny_policy: Policy) -> None:
    lines = ["wash it gently", "never iron"]
    total, n = 0.0, 0
    for line in lines:
        ids = [tiny_policy.tokenizer.bos_token_id, *tiny_policy.tokenizer(line, add_special_tokens=False)["input_ids"]]
        with torch.no_grad():
            logps = tiny_policy.model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
        total += sum(float(logps[t - 1, ids[t]]) for t in range(1, len(ids)))
        n += len(ids) - 1
    found = perplexity(tiny_policy, lines)
    assert (found.value, found.n) == (pytest.approx(math.exp(-total / n), rel=1e-4), n)
    assert rng_for(1, 1, "x").random() == rng_for(1, 1, "x").random()


def test_log_probs_are_what_trl_computes(tiny_policy: Policy) -> None:
    """Through TRL's own DPOTrainer with the same model, adapter and texts: template, boundary and end token agree."""
    pytest.importorskip("trl", reason="TRL is a development dependency; `make test` installs it")
    move(tiny_policy)
    from tests.engine.dpo.trl_twin import trl_logps

    given = examples(4)
    ours = [
        np.mean(score_responses(tiny_policy, [encode(tiny_policy, e.prompt, r.text) for e, r in texts]).logp)
        for texts in ([(e, e.chosen) for e in given], [(e, e.rejected) for e in given])
    ]
    assert trl_logps(tiny_policy, given, beta=0.1) == pytest.approx(ours, abs=2e-3)
