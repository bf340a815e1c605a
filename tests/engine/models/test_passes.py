"""One pass against separate ones, tiles against the whole, and what the cache may not mix."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.cache import MemoryCache
from engine.models.embed import embed_responses
from engine.models.gradients import reward_gradients
from engine.models.head import Head, entropies, head_of, token_logps
from engine.models.load import load_policy
from engine.models.logps import score_responses
from engine.models.lora_linear import adapted
from engine.models.passes import read_responses
from engine.models.policy import Policy
from engine.models.tokens import encode_responses
from engine.records import Message, Pair, Prompt, Response
from engine.scoring import how_prompts_are_read
from engine.settings import LoraSettings, ModelSettings
from engine.signals.base import Pass, Reads, Texts
from engine.signals.gradient_difference import GradientDifference
from engine.signals.reward_gradient import RewardGradient
from engine.signals.token_entropy import TokenEntropy
from tests.conftest import move
from tests.engine.models.texts import some_texts


def close(found: np.ndarray, wanted: np.ndarray) -> None:
    np.testing.assert_allclose(found, wanted, atol=2e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("gradients", [None, (64, 3)])
def test_one_pass_gives_what_separate_passes_give(tiny_policy: Policy, gradients: tuple[int, int] | None) -> None:
    encoded = encode_responses(move(tiny_policy), *some_texts())
    found = read_responses(tiny_policy, encoded, hidden=("mean", "last"), gradients=gradients)
    wanted = score_responses(tiny_policy, encoded)
    close(found.scores.logp, wanted.logp)
    close(found.scores.entropy, wanted.entropy)
    assert found.scores.tokens.tolist() == wanted.tokens.tolist()
    for pooling, states in found.hidden.items():
        close(states, embed_responses(tiny_policy, encoded, text="prompt_and_response", pooling=pooling))
    if gradients is not None:
        assert found.gradients is not None
        close(found.gradients, reward_gradients(tiny_policy, encoded, dimension=64, projection_seed=3))


@pytest.mark.parametrize(("responses", "beside"), [(2, False), (2, True), (3, False)])
def test_differences_come_from_one_pass(tiny_policy: Policy, responses: int, beside: bool) -> None:
    """Pair by pair where each response is in one pair, else by subtraction; what else is read comes with them."""
    prompts = [Prompt.of([Message("user", text)]) for text in ("Say hi", "What is the capital of France?", "Count")]
    texts = [Response.of(p.id, f"{'so ' * n}it goes") for p in prompts for n in range(responses)]
    pairs = [
        Pair.of(p.id, a.id, b.id)
        for p in prompts
        for a, b in combinations(texts, 2)
        if a.prompt_id == b.prompt_id == p.id
    ]
    encoded = encode_responses(move(tiny_policy), {p.id: p for p in prompts}, texts)
    place = {response.id: n for n, response in enumerate(texts)}
    slopes, entropy = GradientDifference(dimension=64), TokenEntropy()
    reads = {slopes.reads, entropy.reads, *([RewardGradient(dimension=64).reads] if beside else [])}
    on = Pass(tiny_policy, 0.1, 1, 1, {}, MemoryCache(), reads=frozenset(read for read in reads if read))
    asked = Texts(tuple(prompts), tuple(texts), tuple(pairs))
    with counted(tiny_policy) as passed:
        found, beside_it = slopes.compute(asked, on), entropy.compute(asked, on)
        if beside:
            RewardGradient(dimension=64).compute(asked, on)
    each = reward_gradients(tiny_policy, encoded, dimension=64)
    close(found, np.stack([each[place[pair.a]] - each[place[pair.b]] for pair in pairs]))
    close(beside_it, score_responses(tiny_policy, encoded).entropy)
    behind = [len(text.prompt_ids) for text in encoded[:: 1 if beside or responses > 2 else 2]]
    tokens = sum(behind) + sum(len(text.response_ids) for text in encoded)
    assert passed == [tokens + -tokens % 8], "one pass, no prompt too often"


@contextmanager
def counted(policy: Policy) -> Iterator[list[int]]:
    """The tokens of each pass of the model inside."""
    passed: list[int] = []
    handle = policy.model.register_forward_pre_hook(
        lambda _, given, named: passed.append(named["input_ids"].numel()), with_kwargs=True
    )
    try:
        yield passed
    finally:
        handle.remove()


@pytest.mark.parametrize(("scale", "cap"), [(1.0, None), (0.5, None), (2.0, 3.0)])
def test_tiles_are_the_whole(monkeypatch: pytest.MonkeyPatch, scale: float, cap: float | None) -> None:
    """Log-probs, entropies and the way back against log-softmax over all logits at once."""
    made = torch.Generator().manual_seed(3)
    weight, bias = torch.randn(50, 8, generator=made), torch.randn(50, generator=made)
    hidden = torch.randn(23, 8, generator=made).requires_grad_()
    targets, slope = torch.randint(50, (23,), generator=made), torch.randn(23, generator=made)
    head = Head(weight, bias, scale, cap)
    logits = (hidden @ weight.T + bias) * scale
    logits = logits if cap is None else cap * torch.tanh(logits / cap)
    wanted = logits.log_softmax(1).gather(1, targets[:, None]).squeeze(1)
    monkeypatch.setattr(Head, "tile", lambda _: 4)
    entropy = torch.empty(23)
    found = token_logps(head, hidden, targets, entropy)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(entropy, entropies(logits.detach()))
    (one,), (other,) = (torch.autograd.grad(x, hidden, slope) for x in (found, wanted))
    torch.testing.assert_close(one, other)


def test_a_token_that_cannot_be_drawn_adds_nothing() -> None:
    """Its logit is −∞; it is no target, and 0 · ∞ would be no number."""
    made = torch.Generator().manual_seed(3)
    weight, hidden = torch.randn(5, 8, generator=made), torch.randn(3, 8, generator=made).requires_grad_()
    bias, entropy, without = torch.zeros(5), torch.empty(3), torch.empty(3)
    bias[4] = float("-inf")
    targets = torch.tensor([0, 1, 2])
    found = token_logps(Head(weight, bias), hidden, targets, entropy)
    wanted = token_logps(Head(weight[:4], bias[:4]), hidden, targets, without)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(entropy, without)
    (one,), (other,) = (torch.autograd.grad(x.sum(), hidden) for x in (found, wanted))
    torch.testing.assert_close(one, other)


def test_a_sure_token_keeps_its_slope_in_half_precision() -> None:
    """p = 0.999 is 1 in bfloat16: 1 − p has to be taken before it is rounded."""
    weight = torch.zeros(4, 8, dtype=torch.bfloat16)
    weight[0, 0] = 1.0
    hidden = torch.zeros(1, 8, dtype=torch.bfloat16)
    hidden[0, 0] = 8.0
    hidden.requires_grad_()
    (slope,) = torch.autograd.grad(token_logps(Head(weight, None), hidden, torch.tensor([0])).sum(), hidden)
    p = torch.softmax(torch.tensor([8.0, 0, 0, 0]), 0)[0]
    assert float(slope[0, 0]) == pytest.approx(float(1 - p), rel=0.02)


def test_the_adapted_layer_in_half_precision_is_near_the_whole() -> None:
    """The base in bfloat16, the adapter in float32: as near as the base's own rounding."""
    made = torch.Generator().manual_seed(5)
    x, w = torch.randn(2, 9, 16, generator=made), torch.randn(12, 16, generator=made)
    a, b = (torch.randn(4, 16, generator=made).requires_grad_(), torch.randn(12, 4, generator=made).requires_grad_())
    half = x.to(torch.bfloat16).requires_grad_()
    y = adapted(half, w.to(torch.bfloat16), None, a, b, 0.5)
    assert y.dtype == torch.bfloat16
    of = torch.autograd.grad(y.float().sum(), (half, a, b))
    exact = x.clone().requires_grad_()
    wanted = exact @ w.T + 0.5 * (exact @ a.T) @ b.T
    for found, one in zip((y, *of), (wanted, *torch.autograd.grad(wanted.sum(), (exact, a, b))), strict=True):
        assert float((found.float() - one).abs().max()) <= 0.03 * float(one.abs().max())
    assert of[1].dtype == of[2].dtype == torch.float32


def texts_of(policy: Policy) -> Texts:
    prompts, responses = some_texts()
    return Texts(tuple(prompts.values()), tuple(responses), ())


def test_what_one_pass_gave_lies_there_for_the_others(tiny_policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    texts, cache = texts_of(move(tiny_policy)), MemoryCache()
    gradient, entropy = RewardGradient(dimension=32), TokenEntropy()
    reads = frozenset({gradient.reads, entropy.reads})
    together = Pass(tiny_policy, 1.0, 1, 1, {}, cache, reads=reads)
    first = entropy.compute(texts, together)
    monkeypatch.setattr("engine.models.passes.read_responses", None)  # no second pass
    slopes = gradient.compute(texts, together)
    monkeypatch.undo()
    alone = Pass(tiny_policy, 1.0, 1, 1, {}, MemoryCache())
    close(slopes, gradient.compute(texts, alone))
    close(first, entropy.compute(texts, alone))


def test_shared_and_own_prompts_are_not_mixed(tiny_policy: Policy) -> None:
    """Last bits differ: a run finds what it would compute itself, whoever was there before."""
    texts = texts_of(move(tiny_policy))
    entropy, reads = TokenEntropy(), frozenset({Reads("scores"), Reads("gradients", dimension=32)})
    cache = MemoryCache()
    by_itself = entropy.compute(texts, Pass(tiny_policy, 1.0, 1, 1, {}, MemoryCache(), reads=reads))
    entropy.compute(texts, Pass(tiny_policy, 1.0, 1, 1, {}, cache))
    assert np.array_equal(entropy.compute(texts, Pass(tiny_policy, 1.0, 1, 1, {}, cache, reads=reads)), by_itself)


def test_one_pass_for_pairs_and_one_for_responses_have_keys_of_their_own() -> None:
    gradients, differences = Reads("gradients", dimension=32), Reads("differences", dimension=32)
    told = [how_prompts_are_read(reads) for reads in ([], [gradients], [differences], [differences, gradients])]
    assert told == ["", "own prompts", "a pair", "own prompts"]


def test_another_alpha_is_another_gradient_in_the_cache(tiny_model_dir: Path) -> None:
    cache, found = MemoryCache(), []
    for alpha in (8, 16):
        settings = ModelSettings(path=str(tiny_model_dir), device="cpu", lora=LoraSettings(rank=4, alpha=alpha))
        policy = load_policy(settings, 1)
        found.append(RewardGradient(dimension=32).compute(texts_of(policy), Pass(policy, 1.0, 1, 1, {}, cache)))
    close(found[1], 2 * found[0])


def test_a_head_is_found_where_the_model_has_one(tiny_policy: Policy) -> None:
    assert head_of(tiny_policy) is not None
