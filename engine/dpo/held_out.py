"""How well the implicit reward agrees with the labels of pairs that are never picked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.cache import ArrayCache, MemoryCache
from engine.models.logps import kept_logps
from engine.models.policy import Policy
from engine.models.tokens import encode_responses
from engine.records import Answer, Metric, Pair, Prompt, Response


@dataclass(frozen=True)
class HeldOut:
    """Labelled pairs for evaluation only; `answers` maps every pair id to a or b."""

    name: str
    pairs: tuple[Pair, ...]
    prompts: Mapping[str, Prompt]
    responses: Mapping[str, Response]
    answers: Mapping[str, Answer]


def held_out_metrics(
    policy: Policy,
    held_out: HeldOut,
    beta: float,
    reference_logps: Mapping[str, float],
    cache: ArrayCache | None = None,
) -> tuple[tuple[Metric, ...], np.ndarray]:
    """accuracy, nll and margin, and every pair's margin a − b in reward units, float64 (n,).

    Accuracy: share of pairs whose margin has the label's sign, exact ties half. NLL: mean −log σ(signed margin), nats a
    pair. Each response is scored once, block by block, each block kept in `cache`. At policy = reference
    margins are exactly 0 and no pass is made.
    """
    margins = margins_of(policy, held_out.pairs, held_out.prompts, held_out.responses, beta, reference_logps, cache)
    sign = np.array([1.0 if held_out.answers[pair.id] == "a" else -1.0 for pair in held_out.pairs])
    signed, n = margins * sign, len(margins)
    if n == 0:
        return (), margins
    accuracy = float(((signed > 0) + 0.5 * (signed == 0)).mean())
    name = held_out.name
    metrics = (
        Metric("accuracy", name, accuracy, n, "share of pairs"),
        Metric("nll", name, float(np.logaddexp(0.0, -signed).mean()), n, "nats per pair"),
        Metric("margin", name, float(signed.mean()), n, "reward units"),
    )
    return metrics, margins


def margins_of(
    policy: Policy,
    pairs: Sequence[Pair],
    prompts: Mapping[str, Prompt],
    responses: Mapping[str, Response],
    beta: float,
    reference_logps: Mapping[str, float],
    cache: ArrayCache | None = None,
) -> np.ndarray:
    """Every pair's margin a − b in reward units, float64 (n,): β times the difference of the sides' log-ratios.

    `responses` are those of the pairs, and no others. Each is scored once. Source: Rafailov et al. 2023,
    arXiv:2305.18290, eq. 5.
    """
    ids = sorted(responses)
    if policy.equals_reference:
        return np.zeros(len(pairs), dtype=np.float64)
    encoded = encode_responses(policy, prompts, [responses[i] for i in ids])
    logps = kept_logps(policy, encoded, MemoryCache() if cache is None else cache)
    reward = {i: beta * (float(logp) - reference_logps[i]) for i, logp in zip(ids, logps, strict=True)}
    return np.array([reward[pair.a] - reward[pair.b] for pair in pairs], dtype=np.float64)
