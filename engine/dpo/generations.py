"""What the policy writes: win rate against the SFT model, gold reward, KL, length, perplexity on other text."""

from collections.abc import Sequence

import numpy as np
import torch

from engine.cache import ArrayCache, MemoryCache
from engine.errors import ModelError
from engine.guardrails.base import Written
from engine.models.divergence import kl_to_reference
from engine.models.generate import Draw, generate
from engine.models.logps import kept_logps
from engine.models.policy import Policy
from engine.models.tokens import Encoded
from engine.oracles.base import Desk, Oracle
from engine.records import Metric, Prompt, Response
from engine.seeds import key_for
from engine.settings import EvaluationSettings

REWARD = "score of the evaluator"
"""Unit of a mean reward: a gold score's, or a reward model's own."""


def sft_answers(
    policy: Policy, prompts: Sequence[Prompt], max_new_tokens: int, cache: ArrayCache | None = None
) -> list[Draw]:
    """The SFT model's greedy answers: the adapter is off."""
    keys = [0] * len(prompts)
    return generate(
        policy, prompts, keys=keys, temperature=0, max_new_tokens=max_new_tokens, reference=True, cache=cache
    )


def generation_metrics(
    policy: Policy,
    prompts: Sequence[Prompt],
    *,
    evaluator: Oracle | None,
    sft: Sequence[Draw],
    settings: EvaluationSettings,
    seed: int,
    round_number: int,
    cache: ArrayCache | None = None,
    desk: Desk | None = None,
) -> tuple[tuple[Metric, ...], tuple[Response, ...]]:
    """Metrics of greedy answers and of samples at T = 1, and the greedy answers.

    `evaluator` says which of two texts is better, and if it can gives a number for a text; without it there is no win
    rate and no reward. Ties (equal answers, say) count half; their share is a metric of its own. Prompts of which it
    says nothing that can be used are left out and counted. What was drawn is kept in `cache`.
    """
    if not prompts:
        return (), ()
    longest = settings.max_new_tokens
    draws = generate(policy, prompts, keys=[0] * len(prompts), temperature=0, max_new_tokens=longest, cache=cache)
    texts, n = [draw.text for draw in draws], len(prompts)
    theirs_written = [draw.text for draw in sft]
    ours = theirs = said = None
    metrics = [
        Metric("length", "", float(np.mean([len(d.token_ids) for d in draws])), n, "tokens per response"),
        *_length_of(sft),
        Metric("unended", "", float(np.mean([not d.ended for d in draws])), n, "share of responses"),
    ]
    if evaluator is not None:
        judged, said, ours, theirs = _judged(evaluator, prompts, texts, theirs_written, desk)
        metrics += judged
    lengths = [np.array([len(draw.token_ids) for draw in drawn]) for drawn in (draws, sft)]
    written = Written(tuple(prompts), tuple(texts), lengths[0], tuple(theirs_written), lengths[1], ours, theirs, said)
    for guardrail in settings.guardrails:
        metrics += guardrail.measure(written)
    asked = list(prompts)[: settings.kl_prompts]
    samples = generate(
        policy,
        asked,
        keys=[key_for(seed, round_number, "kl", prompt.id) for prompt in asked],
        max_new_tokens=longest,
        cache=cache,
    )
    kl = kl_to_reference(policy, asked, samples)
    metrics.append(Metric("kl", "", float(kl.mean()), len(asked), "nats per response"))
    answers = [
        Response.of(p.id, t, f"policy, round {round_number}, greedy") for p, t in zip(prompts, texts, strict=True)
    ]
    return tuple(metrics), tuple(answers)


def _judged(
    evaluator: Oracle, prompts: Sequence[Prompt], ours: Sequence[str], theirs: Sequence[str], desk: Desk | None
) -> tuple[list[Metric], np.ndarray, np.ndarray | None, np.ndarray | None]:
    """What the evaluator says of the policy's texts beside the SFT model's: metrics, wins (n,), the scores of both."""
    verdicts = evaluator.compare_texts(prompts, ours, theirs, desk)
    wins = verdicts.wins[np.isfinite(verdicts.wins)]
    metrics = []
    if len(wins):
        metrics += [
            Metric("win_rate", "", float(wins.mean()), len(wins), "share of prompts"),
            Metric("win_rate_ties", "", float((wins == 0.5).mean()), len(wins), "share of prompts"),
        ]
    if left := len(prompts) - len(wins):
        metrics.append(Metric("win_rate_unsaid", "", left / len(prompts), len(prompts), "share of prompts"))
    metrics += [Metric(name, "", value, n, unit) for name, (value, unit, n) in verdicts.facts.items()]
    if not evaluator.scores_texts():
        return metrics, verdicts.wins, None, None
    scores = [np.asarray(evaluator.score_texts(prompts, texts, desk), np.float64) for texts in (ours, theirs)]
    known = np.isfinite(scores[0]) & np.isfinite(scores[1])
    if known.any():
        n = int(known.sum())
        metrics += [
            Metric("gold_reward", "", float(scores[0][known].mean()), n, REWARD),
            Metric("gold_reward_sft", "", float(scores[1][known].mean()), n, REWARD),
        ]
    return metrics, verdicts.wins, scores[0], scores[1]


def _length_of(sft: Sequence[Draw]) -> list[Metric]:
    """What the policy's length is measured against, where the SFT model has answered."""
    tokens = [len(draw.token_ids) for draw in sft]
    return [Metric("length_sft", "", float(np.mean(tokens)), len(tokens), "tokens per response")] if tokens else []


@torch.no_grad()
def perplexity(
    policy: Policy, lines: Sequence[str], *, reference: bool = False, cache: ArrayCache | None = None
) -> Metric:
    """exp of the mean negative log-likelihood per token over plain lines, as `text_of` reads them."""
    encoded = text_of(policy, lines)
    logps = kept_logps(policy, encoded, MemoryCache() if cache is None else cache, reference=reference)
    tokens = sum(len(text.response_ids) for text in encoded)
    value = float(np.exp(-logps.sum() / tokens))
    name = "perplexity_reference" if reference else "perplexity"
    return Metric(name, "", value, tokens, "per token")


def text_of(policy: Policy, lines: Sequence[str]) -> list[Encoded]:
    """Plain lines as tokens, each after the tokenizer's first token.

    A model without a first token starts each line after the token that ends a response. A marker such as "<|end|>"
    written in a line stays text. ModelError for a line longer than the context, with its number, and for no text.
    """
    tokenizer = policy.tokenizer
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else policy.end_id
    encoded = []
    for number, line in enumerate(lines, start=1):
        ids = tuple(tokenizer(line, add_special_tokens=False, split_special_tokens=True)["input_ids"])
        if len(ids) >= policy.context_tokens:
            raise ModelError(
                f"Line {number} of the perplexity text takes {len(ids)} tokens, the context holds "
                f"{policy.context_tokens}.",
                "Break the line.",
            )
        if ids:
            encoded.append(Encoded((start,), ids))
    if not encoded:
        raise ModelError(
            f"The perplexity text has {len(lines)} lines and no token in them.", "Take a text with a passage a line."
        )
    return encoded
