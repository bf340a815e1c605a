"""Log-probability and entropy of every single token of a response, in nats: what the sums of a pass are made of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from engine.models.logps import MAX_TOKENS, read, scoring, tokens_a_pack
from engine.models.packs import packs
from engine.models.policy import Policy
from engine.models.tokens import Encoded

_PART = "\N{REPLACEMENT CHARACTER}"
_BYTES = 4
"""Bytes of the longest character, and tokens that it may lie in."""


@dataclass(frozen=True)
class TokenScores:
    """Of one response with its end: `logp` (m,) log-probability of each token, `entropy` (m,) of the choice that it was
    drawn from, exact over the vocabulary; both float32, nats."""

    logp: np.ndarray
    entropy: np.ndarray


def token_texts(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> list[str]:
    """What each token adds to the text of those before it. Of the tokens of one character the last shows it, the others
    show nothing; bytes that make no character show as the replacement character."""
    found: list[str] = []
    before: list[int] = []
    held: list[int] = []
    for token in ids:
        held.append(token)
        known, whole = str(tokenizer.decode(before)), str(tokenizer.decode([*before, *held]))
        text = whole[len(known) :] if whole.startswith(known) else str(tokenizer.decode(held))
        if text.endswith(_PART) and len(held) < _BYTES:
            found.append("")
            continue
        found.append(text)
        before, held = held, []
    if held:
        found[-1] = _PART
    return found


def score_tokens(policy: Policy, encoded: Sequence[Encoded], *, reference: bool = False) -> list[TokenScores]:
    """One entry a text, in order; under the policy, or with its adapter off. Their sums are those of `score_responses`
    but for the last bits. OutOfMemory says how far a pack must be halved."""
    none = np.zeros(0, dtype=np.float32)
    found = [TokenScores(none, none)] * len(encoded)
    with torch.no_grad(), policy.acting_as(reference):
        allowed = tokens_a_pack(policy, MAX_TOKENS)
        for pack in packs(policy, encoded, allowed, share=True):
            policy.check()
            with scoring(policy, allowed, pack):
                seen = read(policy, pack, entropy=True)
                spread = torch.zeros_like(seen.logp) if seen.entropy is None else seen.entropy
                logp, entropy = (part.float().cpu().split(pack.counts) for part in (seen.logp, spread))
            for text, one, other in zip(pack.index, logp, entropy, strict=True):
                found[text] = TokenScores(one.numpy(), other.numpy())
    return found
