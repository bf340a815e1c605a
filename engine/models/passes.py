"""One pass over responses for all the signals that are made of it: log-probs, entropies, hidden states, gradients.

A forward pass gives the first three, and a backward pass behind it the gradients; read one signal after the other, the
same forward is paid for again each time. With a gradient each, every response is read behind a prompt of its own; with
gradients of differences, a prompt is read once for the two of a pair.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from engine.models.embed import pooled
from engine.models.gradients import difference_gradients, reward_gradients
from engine.models.logps import MAX_TOKENS, Reading, ResponseScores, check_finite, read, scoring, tokens_a_pack
from engine.models.packs import Pack, packs
from engine.models.policy import Policy
from engine.models.tokens import Encoded

Pooling = Literal["mean", "last"]


@dataclass(frozen=True)
class Readings:
    """One row a response: its scores; its hidden state behind the prompt (n, hidden) for each pooling asked for; and
    its gradient (n, d), or that of each pair's difference (pairs, d), or None."""

    scores: ResponseScores
    hidden: dict[Pooling, np.ndarray]
    gradients: np.ndarray | None


def read_responses(
    policy: Policy,
    encoded: Sequence[Encoded],
    *,
    hidden: Collection[Pooling] = (),
    gradients: tuple[int | None, int] | None = None,
    pairs: Sequence[tuple[int, int]] | None = None,
    max_tokens: int = MAX_TOKENS,
) -> Readings:
    """Everything asked for from one pass under the policy; `gradients` is (dimension, seed of the projection), and with
    `pairs`, two places in `encoded` each and every place once, of the first's log-prob minus the second's.

    The same as `score_responses`, `embed_responses` (prompt and response, last layer), `reward_gradients` and
    `difference_gradients` give, each by itself, but for rounding.
    """
    width = policy.model.config.get_text_config().hidden_size
    tokens = np.array([len(text.response_ids) for text in encoded], dtype=np.int64)
    logp, entropy = np.zeros(len(encoded)), np.zeros(len(encoded))
    states: dict[Pooling, np.ndarray] = {how: np.zeros((len(encoded), width), np.float32) for how in hidden}

    order = range(len(encoded)) if pairs is None else [place for pair in pairs for place in pair]

    def heard(pack: Pack, found: Reading) -> None:
        index = [order[place] for place in pack.index]
        assert found.entropy is not None  # noqa: S101 - always asked for here
        logp[index] = pack.per_text(found.logp.detach().double()).cpu().numpy()
        entropy[index] = pack.per_text(found.entropy.double()).cpu().numpy() / tokens[index]
        for how, rows in states.items():
            rows[index] = pooled(pack, found.hidden.detach(), how).cpu().numpy()

    slopes = None
    if gradients is not None:
        dimension, seed = gradients
        if pairs is None:
            slopes = reward_gradients(
                policy, encoded, dimension=dimension, projection_seed=seed, max_tokens=max_tokens, listen=heard
            )
        else:
            slopes = difference_gradients(
                policy,
                [(encoded[a], encoded[b]) for a, b in pairs],
                dimension=dimension,
                projection_seed=seed,
                max_tokens=max_tokens,
                listen=heard,
            )
    else:
        with torch.no_grad(), policy.acting_as(reference=False):
            allowed = tokens_a_pack(policy, max_tokens)
            for pack in packs(policy, encoded, allowed, share=True):
                with scoring(policy, allowed, pack):
                    heard(pack, read(policy, pack, entropy=True))
    check_finite(policy, encoded, logp)
    return Readings(ResponseScores(logp, entropy, tokens), states, slopes)
