"""The five signals by their definitions, on a tiny model."""

from dataclasses import replace

import numpy as np
import pytest

from engine.cache import MemoryCache
from engine.models.adapters import adapter_state
from engine.models.generate import generate
from engine.models.logps import reference_logps
from engine.models.policy import Policy
from engine.models.tokens import Encoded, encode_prompt, encode_responses
from engine.records import Message, Pair, Prompt, Response
from engine.seeds import key_for
from engine.signals.base import SIGNALS, Pass, Texts
from engine.signals.embedding import Embedding
from engine.signals.prompt_entropy import PromptEntropy
from engine.signals.reward_gradient import RewardGradient
from engine.signals.reward_margin import RewardMargin
from engine.signals.token_entropy import TokenEntropy
from tests.conftest import move
from tests.engine import naive


@pytest.fixture
def texts() -> Texts:
    """Three prompts, three responses each, all pairs."""
    prompts = [Prompt.of([Message("user", f"question {n}" * (n + 1))]) for n in range(3)]
    responses = [Response.of(p.id, f"answer {i} " * (1 + (i * n) % 3)) for n, p in enumerate(prompts) for i in range(3)]
    pairs = [
        Pair.of(a.prompt_id, a.id, b.id)
        for i, a in enumerate(responses)
        for b in responses[i + 1 :]
        if a.prompt_id == b.prompt_id
    ]
    return Texts(tuple(prompts), tuple(responses), tuple(pairs))


def pass_of(policy: Policy, texts: Texts, **changes: object) -> Pass:
    cache = MemoryCache()
    logps = reference_logps(policy, {p.id: p for p in texts.prompts}, texts.responses, cache)
    return replace(Pass(policy, 0.1, 1, 2, logps, cache), **changes)


def encoded(policy: Policy, texts: Texts) -> list[Encoded]:
    return encode_responses(policy, {p.id: p for p in texts.prompts}, texts.responses)


ALL = [RewardMargin(), PromptEntropy(max_new_tokens=8), TokenEntropy(), Embedding(), RewardGradient(dimension=32)]


def test_all_are_found_by_name() -> None:
    assert {signal.name for signal in ALL} <= set(SIGNALS.names())


@pytest.mark.parametrize(
    "signal", [*ALL, Embedding(model="policy"), Embedding(model="other")], ids=lambda s: s.made_on()
)
def test_every_signal_has_one_finite_float32_row_and_no_order(signal, tiny_policy: Policy, texts: Texts) -> None:
    on = pass_of(move(tiny_policy), texts)
    found = signal.compute(texts, on)
    assert found.dtype == np.float32
    assert len(found) == len(texts.ids(signal.axis))
    assert np.isfinite(found).all()
    assert signal.made_on()
    turned = Texts(texts.prompts[::-1], texts.responses[::-1], texts.pairs[::-1])
    scale = np.abs(found).max()
    np.testing.assert_allclose(signal.compute(turned, pass_of(tiny_policy, turned))[::-1], found, atol=1e-5 * scale)


def test_margins_are_exactly_zero_while_the_policy_is_its_reference(tiny_policy: Policy, texts: Texts) -> None:
    nothing_known = pass_of(tiny_policy, texts, reference_logps={})
    assert not RewardMargin().compute(texts, nothing_known).any()
    assert RewardMargin().compute(texts, pass_of(move(tiny_policy), texts)).all()


def test_the_margin_is_beta_times_the_difference_of_log_ratios(
    tiny_policy: Policy, tiny_model_dir, texts: Texts
) -> None:
    found = RewardMargin().compute(texts, pass_of(move(tiny_policy), texts, beta=0.3))
    policy, _ = naive.scores(tiny_policy.model, encoded(tiny_policy, texts))
    reference, _ = naive.scores(naive.sft_model(tiny_model_dir), encoded(tiny_policy, texts))
    ratio = dict(zip(texts.ids("response"), policy - reference, strict=True))
    np.testing.assert_allclose(found, [0.3 * (ratio[p.a] - ratio[p.b]) for p in texts.pairs], rtol=1e-4, atol=1e-6)
    length = {one: len(text.response_ids) for one, text in zip(ratio, encoded(tiny_policy, texts), strict=True)}
    mean = RewardMargin(over="mean").compute(texts, pass_of(move(tiny_policy), texts, beta=0.3))
    by_token = {one: value / length[one] for one, value in ratio.items()}
    np.testing.assert_allclose(mean, [0.3 * (by_token[p.a] - by_token[p.b]) for p in texts.pairs], rtol=1e-4, atol=1e-7)
    assert (RewardMargin().spec(), RewardMargin(over="mean").spec()["over"]) == (
        {"name": "reward_margin", "model": "policy"}, "mean",
    )  # fmt: skip


def test_token_entropy_is_the_twins(tiny_policy: Policy, texts: Texts) -> None:
    found = TokenEntropy().compute(texts, pass_of(move(tiny_policy), texts))
    np.testing.assert_allclose(found, naive.scores(tiny_policy.model, encoded(tiny_policy, texts))[1], rtol=1e-5)


def test_margin_and_entropy_share_one_pass_and_a_moved_adapter_makes_another(tiny_policy: Policy, texts: Texts) -> None:
    on = pass_of(move(tiny_policy), texts)
    margin = RewardMargin().compute(texts, on)
    calls: list[object] = []
    tiny_policy.model.register_forward_pre_hook(lambda *_: calls.append(1))
    TokenEntropy().compute(texts, on)
    np.testing.assert_array_equal(RewardMargin().compute(texts, on), margin)
    assert not calls
    assert np.abs(RewardMargin().compute(texts, replace(on, policy=move(tiny_policy, seed=9))) - margin).min() > 0
    assert calls


def test_prompt_entropy_is_minus_the_mean_logp_of_the_keyed_draws(tiny_policy: Policy, texts: Texts) -> None:
    move(tiny_policy)
    signal = PromptEntropy(samples=4, max_new_tokens=10)
    found = signal.compute(texts, pass_of(tiny_policy, texts))
    for prompt, value in zip(texts.prompts, found, strict=True):
        keys = [key_for(1, 2, "prompt_entropy", f"{prompt.id}:{n}") for n in range(4)]
        draws = generate(tiny_policy, [prompt] * 4, keys=keys, max_new_tokens=10)
        scored = [Encoded(encode_prompt(tiny_policy, prompt), draw.token_ids) for draw in draws]
        assert value == pytest.approx(-naive.scores(tiny_policy.model, scored)[0].mean(), rel=1e-4)
    other_round = signal.compute(texts, pass_of(tiny_policy, texts, round=3))
    assert np.abs(other_round - found).min() > 0


def test_embeddings_of_the_reference_do_not_move_with_the_adapter(tiny_policy: Policy, texts: Texts) -> None:
    before = Embedding().compute(texts, pass_of(tiny_policy, texts))
    move(tiny_policy)
    np.testing.assert_array_equal(Embedding().compute(texts, pass_of(tiny_policy, texts)), before)
    assert np.abs(Embedding(model="policy").compute(texts, pass_of(tiny_policy, texts)) - before).max() > 1e-3


def test_the_sentence_encoder_reads_the_response_or_both(tiny_policy: Policy, texts: Texts) -> None:
    on = pass_of(tiny_policy, texts)
    alone = Embedding(model="other").compute(texts, on)
    both = Embedding(model="other", text="prompt_and_response").compute(texts, on)
    assert alone.shape == both.shape == (9, 384)
    assert np.abs(alone - both).max() > 0.01


def test_gradients_unprojected_are_autograds_and_the_adapter_stays(tiny_policy: Policy, texts: Texts) -> None:
    on, before = pass_of(move(tiny_policy), texts), adapter_state(tiny_policy)
    found = RewardGradient(dimension=None).compute(texts, on)
    wanted = naive.gradients(tiny_policy, encoded(tiny_policy, texts))
    np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())
    assert all(np.array_equal(before[n], w) for n, w in adapter_state(tiny_policy).items())
