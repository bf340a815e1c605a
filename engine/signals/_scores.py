"""What several signals share: the texts' tokens, and the policy's pass over the responses, made once a round."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
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
    """What a signal reads of the policy's pass over all responses, a row each: scores (n, 3), states or gradients
    (n, d), or a row a pair: differences of gradients (pairs, d). What the other signals of the round read comes from
    the same pass and is kept for them.

    How a pass reads its prompts moves the last bits, so it is part of the key: a run finds what it made itself.
    """
    from engine.models.passes import read_responses

    together = on.reads if mine in on.reads else frozenset({mine})
    slopes = [mine] if mine.backward else sorted((read for read in together if read.backward), key=repr)
    slope = slopes[0] if slopes else None
    encoded = encoded_responses(texts, on)
    place = {response.id: n for n, response in enumerate(texts.responses)}
    pairs = [(place[pair.a], place[pair.b]) for pair in texts.pairs]
    shared = slope is not None and _by_pair(slope, together, pairs, len(encoded))

    made_by, items = on.policy.fingerprint(), [text.key for text in encoded]  # the hash of an adapter takes its time

    def key(read: Reads) -> str:
        what = {"what": "policy reads", "read": asdict(read), "own prompts": slope is not None, **made_by}
        if shared or read.what == "differences":
            what["pairs"] = pairs
        if shared:
            what["own prompts"] = "a pair"
        return key_of(what, items)

    def compute() -> np.ndarray:
        pooled = [read.pooling for read in together if read.what == "hidden" and read.pooling]
        found = read_responses(
            on.policy,
            encoded,
            hidden=pooled,
            gradients=None if slope is None else (slope.dimension, slope.seed),
            pairs=pairs if shared else None,
        )
        rows = {Reads("hidden", how): states for how, states in found.hidden.items()}
        rows[Reads("scores")] = np.stack([found.scores.logp, found.scores.entropy, found.scores.tokens], axis=1)
        if slope is not None and found.gradients is not None:
            each, apart = replace(slope, what="gradients"), replace(slope, what="differences")
            if shared:
                rows[apart] = found.gradients
            else:
                rows[each] = found.gradients
                if apart in together:
                    a, b = np.array(pairs, dtype=int).reshape(-1, 2).T
                    rows[apart] = found.gradients[a] - found.gradients[b]
        for read, values in rows.items():
            if read != mine:
                on.cache.put(key(read), values)
        return rows[mine]

    return cached(on.cache, key(mine), compute)[0]


def _by_pair(slope: Reads, together: Collection[Reads], pairs: Sequence[tuple[int, int]], responses: int) -> bool:
    """Whether gradients are read pair by pair, the prompt once for both: if only their difference is asked for, and
    each response is in one pair. A response of several pairs costs less by itself, and nothing where it is read for
    another signal anyway."""
    if slope.what != "differences" or replace(slope, what="gradients") in together:
        return False
    return sorted(place for pair in pairs for place in pair) == list(range(responses))


def policy_scores(texts: Texts, on: Pass) -> "ResponseScores":
    """Log-probs, entropies and lengths of all responses under the policy."""
    from engine.models.logps import ResponseScores

    logp, entropy, tokens = policy_reads(texts, on, Reads("scores")).T
    return ResponseScores(logp, entropy, tokens.astype(np.int64))
