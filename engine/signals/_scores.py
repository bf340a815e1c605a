"""What several signals share: the texts' tokens, and the policy's pass over the responses, made once a round."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from engine.cache import cached, key_of
from engine.signals.base import Pass, Reads, Texts

if TYPE_CHECKING:
    from engine.models.logps import ResponseScores
    from engine.models.tokens import Encoded


def encoded_responses(texts: Texts, on: Pass) -> "list[Encoded]":
    """Every response with its prompt, as tokens, in order."""
    from engine.models.tokens import encode_responses

    return encode_responses(on.policy, {prompt.id: prompt for prompt in texts.prompts}, texts.responses)


def policy_reads(texts: Texts, on: Pass, mine: Reads) -> np.ndarray:
    """What a signal reads of the policy's pass over all responses, one row each: scores (n, 3), or states or gradients
    (n, d). What the other signals of the round read comes from the same pass and is kept for them.

    Whether a pass shares its prompts moves the last bits, so it is part of the key: a run finds what it made itself.
    """
    from engine.models.passes import read_responses

    together = on.reads if mine in on.reads else frozenset({mine})
    slopes = sorted((read for read in together if read.what == "gradients" and read != mine), key=repr)
    if mine.what == "gradients":
        slopes = [mine]
    encoded = encoded_responses(texts, on)

    def key(read: Reads) -> str:
        what = {"what": "policy reads", "read": asdict(read), "own prompts": bool(slopes), **on.policy.fingerprint()}
        return key_of(what, (text.key for text in encoded))

    def compute() -> np.ndarray:
        first = slopes[:1]
        pooled = [read.pooling for read in together if read.what == "hidden" and read.pooling]
        found = read_responses(
            on.policy, encoded, hidden=pooled, gradients=(first[0].dimension, first[0].seed) if first else None
        )
        rows = {Reads("hidden", how): states for how, states in found.hidden.items()}
        rows[Reads("scores")] = np.stack([found.scores.logp, found.scores.entropy, found.scores.tokens], axis=1)
        if found.gradients is not None:
            rows[first[0]] = found.gradients
        for read, values in rows.items():
            if read != mine:
                on.cache.put(key(read), values)
        return rows[mine]

    return cached(on.cache, key(mine), compute)[0]


def policy_scores(texts: Texts, on: Pass) -> "ResponseScores":
    """Log-probs, entropies and lengths of all responses under the policy."""
    from engine.models.logps import ResponseScores

    logp, entropy, tokens = policy_reads(texts, on, Reads("scores")).T
    return ResponseScores(logp, entropy, tokens.astype(np.int64))
