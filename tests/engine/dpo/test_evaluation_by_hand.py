"""Evaluation with numbers worked by hand: rewards, wins and ties are set, and the metrics follow."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from engine.dpo.generations import generation_metrics, perplexity
from engine.dpo.held_out import HeldOut, held_out_metrics
from engine.errors import ModelError
from engine.models.generate import Draw, generate
from engine.models.logps import score_responses
from engine.models.policy import Policy
from engine.models.tokens import Encoded, encode_prompt, encode_responses
from engine.models.watch import Watch
from engine.records import Message, Metric, Pair, Prompt, Response
from engine.seeds import key_for
from engine.settings import EvaluationSettings
from tests import conftest
from tests.engine import naive
from tests.engine.dpo.scorer import scorer


def values(metrics: Sequence[Metric]) -> dict[str, float]:
    return {metric.name: metric.value for metric in metrics}


def three_responses() -> tuple[HeldOut, list[str], list[float]]:
    """One prompt, three responses with rewards 2, 1 and 1, all three pairs, and each pair's margin a − b."""
    prompt = Prompt.of([Message("user", "which?")])
    best, good, same = (Response.of(prompt.id, text) for text in ("the best one", "good", "as good as that"))
    reward = {best.id: 2.0, good.id: 1.0, same.id: 1.0}
    pairs = tuple(Pair.of(prompt.id, x.id, y.id) for x, y in ((best, good), (same, best), (good, same)))
    right = "a" if pairs[0].a == best.id else "b"
    wrong = "b" if pairs[1].a == best.id else "a"
    held_out = HeldOut(
        "near",
        pairs,
        {prompt.id: prompt},
        {r.id: r for r in (best, good, same)},
        {pairs[0].id: right, pairs[1].id: wrong, pairs[2].id: "a"},  # type: ignore[dict-item]
    )
    return held_out, sorted(reward), [reward[p.a] - reward[p.b] for p in pairs]


def test_held_out_metrics_of_rewards_that_are_given(tiny_policy: Policy) -> None:
    """Signed margins 1 (right), −1 (wrong) and 0 (a tie).

    accuracy (1 + 0 + ½)/3 = ½; margin 0; nll (ln(1 + e⁻¹) + ln(1 + e) + ln 2)/3 = (0.313262 + 1.313262 + 0.693147)/3.
    """
    held_out, ids, margins = three_responses()
    conftest.move(tiny_policy)
    encoded = encode_responses(tiny_policy, held_out.prompts, [held_out.responses[i] for i in ids])
    logps = score_responses(tiny_policy, encoded, with_entropy=False).logp
    best = next(i for i, r in held_out.responses.items() if r.text == "the best one")
    # β = ½ and references that lie 4 and 2 nats below the policy give rewards 2, 1, 1.
    below = {i: float(logp) - (4.0 if i == best else 2.0) for i, logp in zip(ids, logps, strict=True)}
    meter = Watch(tiny_policy)
    metrics, found = held_out_metrics(tiny_policy, held_out, 0.5, below)
    # The prompt once, and each response once, though each stands in two pairs.
    assert meter.tokens == len(encoded[0].prompt_ids) + sum(len(text.response_ids) for text in encoded)
    assert found.dtype == np.float64
    assert found.tolist() == margins
    assert values(metrics) == {
        "accuracy": 0.5,
        "margin": pytest.approx(0.0, abs=1e-12),
        "nll": pytest.approx(0.773224, abs=1e-6),
    }
    assert {(m.split, m.n) for m in metrics} == {("near", 3)}


def test_at_the_reference_no_text_goes_through_the_model(tiny_policy: Policy) -> None:
    held_out, _, _ = three_responses()
    meter = Watch(tiny_policy)
    metrics, margins = held_out_metrics(tiny_policy, held_out, 0.1, {})
    assert meter.tokens == 0
    assert margins.tolist() == [0.0, 0.0, 0.0]
    assert values(metrics) == {"accuracy": 0.5, "margin": 0.0, "nll": pytest.approx(math.log(2), abs=1e-12)}


def test_an_empty_held_out_set_gives_no_metrics(tiny_policy: Policy) -> None:
    metrics, margins = held_out_metrics(tiny_policy, HeldOut("far", (), {}, {}, {}), 0.1, {})
    assert (metrics, margins.shape) == ((), (0,))


def test_wins_ties_and_scores_by_hand(tiny_policy: Policy) -> None:
    """Scores 1, 2, 3, 4 against 1, 0, 5, 0: a tie, a win, a loss, a win, so (½ + 1 + 0 + 1)/4 = 0.625."""
    prompts = [Prompt.of([Message("user", f"say {i}")]) for i in range(4)]
    sft = [Draw(f"the SFT model's answer {i}", (7,) * (i + 1), -1.0, True) for i in range(4)]

    def score(asked: Sequence[Prompt], texts: Sequence[str]) -> list[float]:
        assert list(asked) == prompts
        return [1.0, 0.0, 5.0, 0.0] if list(texts) == [draw.text for draw in sft] else [1.0, 2.0, 3.0, 4.0]

    metrics, _ = generation_metrics(
        tiny_policy, prompts, evaluator=scorer(score), sft=sft, settings=small(), seed=1, round_number=1
    )
    found = values(metrics)
    assert (found["win_rate"], found["win_rate_ties"]) == (0.625, 0.25)
    assert (found["gold_reward"], found["gold_reward_sft"]) == (2.5, 1.5)
    assert found["length_sft"] == 2.5
    assert next(m.n for m in metrics if m.name == "win_rate") == 4


def small(**changes: Any) -> EvaluationSettings:
    return EvaluationSettings(**{"max_new_tokens": 6, "kl_prompts": 3, **changes})


def test_length_end_and_kl_are_those_of_the_draws(tiny_policy: Policy) -> None:
    """KL: full vocabulary, summed over the draw, mean over the first three prompts, by the plain twin."""
    prompts = [Prompt.of([Message("user", f"tell {i}" * (1 + i))]) for i in range(5)]
    conftest.move(tiny_policy)
    metrics, answers = generation_metrics(
        tiny_policy, prompts, evaluator=None, sft=[], settings=small(guardrails=()), seed=3, round_number=2
    )
    found = values(metrics)
    greedy = generate(tiny_policy, prompts, keys=[0] * 5, temperature=0, max_new_tokens=6)
    assert found["length"] == pytest.approx(np.mean([len(draw.token_ids) for draw in greedy]))
    assert found["unended"] == pytest.approx(
        np.mean([draw.token_ids[-1] not in tiny_policy.stop_ids for draw in greedy])
    )
    assert [a.text for a in answers] == [draw.text for draw in greedy]
    assert [a.prompt_id for a in answers] == [prompt.id for prompt in prompts]
    keys = [key_for(3, 2, "kl", prompt.id) for prompt in prompts[:3]]
    samples = generate(tiny_policy, prompts[:3], keys=keys, temperature=1.0, max_new_tokens=6)
    texts = [Encoded(encode_prompt(tiny_policy, p), draw.token_ids) for p, draw in zip(prompts, samples, strict=False)]
    assert found["kl"] == pytest.approx(naive.kl(tiny_policy, texts).mean(), rel=1e-4)
    assert next(m.n for m in metrics if m.name == "kl") == 3


def test_perplexity_of_the_reference_does_not_move_with_the_adapter(tiny_policy: Policy) -> None:
    lines = ["wash it gently", "", "never iron"]
    start = perplexity(tiny_policy, lines)
    conftest.move(tiny_policy)
    moved, still = perplexity(tiny_policy, lines), perplexity(tiny_policy, lines, reference=True)
    assert still.value == start.value
    assert abs(moved.value - start.value) > 1e-3
    assert (moved.name, still.name, still.n) == ("perplexity", "perplexity_reference", 14 + 10)


def test_a_marker_in_the_perplexity_text_is_text(tiny_policy: Policy) -> None:
    """`<|end|>` is 7 bytes there, hence 7 tokens of this tokenizer, and not the one that ends a turn."""
    assert perplexity(tiny_policy, ["a<|end|>"]).n == 8


def test_perplexity_says_which_line_is_too_long_and_refuses_no_text(tiny_policy: Policy) -> None:
    with pytest.raises(ModelError, match=r"Line 2 of the perplexity text takes 128 tokens, the context holds 128\."):
        perplexity(tiny_policy, ["short", "x" * 128])
    perplexity(tiny_policy, ["x" * 127])
    with pytest.raises(ModelError, match=r"has 2 lines and no token in them\. Take a text"):
        perplexity(tiny_policy, ["", ""])
