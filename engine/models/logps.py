"""Log-probabilities and entropies of responses, in nats.

Only positions that predict a response token go through the output layer, tile by tile, and a prompt is read once for
all its responses. Both only where the model gives the same that way, which is tried once a model; else it is read text
by text, and does to its logits itself whatever it does.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from engine.cache import ArrayCache, cached, key_of
from engine.errors import ModelError
from engine.models.attention import reading
from engine.models.footprint import Pass, tokens_that_fit
from engine.models.head import entropies, head_of, token_logps
from engine.models.memory import within_memory
from engine.models.packs import Pack, packs
from engine.models.policy import Policy, output_layer
from engine.models.tokens import Encoded, encode_responses
from engine.records import Prompt, Response

MAX_TOKENS = 16384
BLOCK = 512
"""Responses that are scored and kept together: what a kill can cost of a long pass. Which they are never depends on
where the pass was stopped."""


@dataclass(frozen=True)
class ResponseScores:
    """One row a response.

    `logp` (n,): summed log-probability in nats; `entropy` (n,): mean over the response's positions of the next token's
    exact entropy, nats a token (nan if it was not asked for); `tokens` (n,): its tokens, end included.
    """

    logp: np.ndarray
    entropy: np.ndarray
    tokens: np.ndarray


@contextmanager
def _output_layer_sees(policy: Policy, what: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[None]:
    """Inside, the output layer gets what this makes of the hidden states it would get."""
    layer = output_layer(policy.model)
    handle = layer.register_forward_pre_hook(lambda _, inputs: (what(inputs[0]),))
    try:
        yield
    finally:
        handle.remove()


def _run(policy: Policy, pack: Pack, **how: Any) -> Any:
    """One pass of the model."""
    with reading(policy, pack):
        return policy.model(
            input_ids=pack.input_ids,
            attention_mask=pack.attention_mask,
            position_ids=pack.position_ids,
            use_cache=False,
            **how,
        )


@dataclass(frozen=True)
class Reading:
    """What one pass over a pack gives, with gradient: what goes into the output layer for every token (1, T, hidden) or
    (n, W, hidden); and for each response token (m,) float32 its log-probability and, if asked for, the entropy where it
    is drawn, in nats."""

    hidden: torch.Tensor
    logp: torch.Tensor
    entropy: torch.Tensor | None


def read(policy: Policy, pack: Pack, *, entropy: bool = False) -> Reading:
    """One pass of the model, with the output layer by tiles where its head is known."""
    head, kept = head_of(policy), []

    def seen(hidden: torch.Tensor) -> torch.Tensor:
        kept.append(hidden)
        # With a head of our own the model's gets one position, whose logits nobody reads.
        return hidden[pack.rows, pack.columns] if head is None else hidden[:, -1:].detach()

    with _output_layer_sees(policy, seen):
        logits = _run(policy, pack).logits
    (hidden,) = kept
    spread = torch.empty(len(pack.targets), device=policy.device) if entropy else None
    if head is not None:
        return Reading(hidden, token_logps(head, hidden[pack.rows, pack.columns], pack.targets, spread), spread)
    logits = logits.float()
    logp = logits.gather(1, pack.targets[:, None]).squeeze(1) - logits.logsumexp(1)
    return Reading(hidden, logp, entropies(logits.detach()) if entropy else None)


def layer_states(policy: Policy, pack: Pack, layer: int) -> torch.Tensor:
    """Hidden states (1, T, hidden) or (n, W, hidden) of every token after a layer: 0 is the embedding of the tokens, -1
    the last, behind its norm."""
    kept: list[torch.Tensor] = []

    def seen(hidden: torch.Tensor) -> torch.Tensor:
        kept.append(hidden)
        return hidden[:, -1:]  # its logits nobody reads

    with _output_layer_sees(policy, seen):
        states: tuple[torch.Tensor, ...] = _run(policy, pack, output_hidden_states=layer != -1).hidden_states
    return kept[0] if layer == -1 else states[layer]


def response_logits(
    policy: Policy, pack: Pack, change: Callable[[torch.Tensor], torch.Tensor] = lambda hidden: hidden
) -> torch.Tensor:
    """Logits (m, vocabulary) that predict the pack's response tokens, as the model makes them, with gradient; made of
    what `change` makes of their hidden states (m, hidden)."""
    with _output_layer_sees(policy, lambda hidden: change(hidden[pack.rows, pack.columns])):
        logits: torch.Tensor = _run(policy, pack).logits
    return logits


def response_logps(policy: Policy, pack: Pack) -> torch.Tensor:
    """Summed response log-probs (n,) in nats, float32, with gradient: s_θ(x, y) = Σ_t log π_θ(y_t | x, y_<t)."""
    return pack.per_text(read(policy, pack).logp)


def score_responses(
    policy: Policy,
    encoded: Sequence[Encoded],
    *,
    reference: bool = False,
    max_tokens: int = MAX_TOKENS,
    with_entropy: bool = True,
) -> ResponseScores:
    """Score texts under the policy, or with its adapter off. No gradient; order and batch size move only last bits.

    ModelError for a log-probability that is not finite.
    """
    logp = np.zeros(len(encoded))
    entropy = np.full(len(encoded), np.nan)
    tokens = np.array([len(text.response_ids) for text in encoded], dtype=np.int64)
    with torch.no_grad(), policy.acting_as(reference):
        allowed = tokens_a_pack(policy, max_tokens)
        for pack in packs(policy, encoded, allowed, share=True):
            index = list(pack.index)
            with scoring(policy, allowed, pack):
                found = read(policy, pack, entropy=with_entropy)
                logp[index] = pack.per_text(found.logp.double()).cpu().numpy()
                if found.entropy is not None:
                    entropy[index] = pack.per_text(found.entropy.double()).cpu().numpy() / tokens[index]
    check_finite(policy, encoded, logp)
    return ResponseScores(logp, entropy, tokens)


def check_finite(policy: Policy, encoded: Sequence[Encoded], logp: np.ndarray) -> None:
    """ModelError where a response has no finite log-probability: a margin of it would be no number, and an accuracy
    would count it as wrong."""
    bad = np.flatnonzero(~np.isfinite(logp))
    if not len(bad):
        return
    first = encoded[int(bad[0])]
    raise ModelError(
        f"{policy.name} gives {len(bad):,} of {len(encoded):,} responses a log-probability that is not finite, in "
        f"{str(policy.dtype).removeprefix('torch.')} (the first has {len(first.response_ids):,} tokens behind a prompt "
        f"of {len(first.prompt_ids):,}).",
        "Take model.dtype float32; if that is what it has, lower dpo.learning_rate, or look for numbers that are not "
        "finite in the model's weights.",
    )


def tokens_a_pack(policy: Policy, max_tokens: int, kind: Pass = "scoring") -> int:
    """Tokens of a pack: what the memory plan says, and at most `max_tokens` by what was halved."""
    return min(tokens_that_fit(policy, kind), policy.memory.size("scoring", max_tokens))


def whole_logits(policy: Policy, max_tokens: int) -> int:
    """Tokens of a pack whose logits are held whole: a gigabyte of them, a few megabytes on a CPU."""
    vocabulary = int(policy.model.config.get_text_config().vocab_size)
    numbers = 1 << (28 if policy.device.type == "cuda" else 22)
    return min(max_tokens, max(512, numbers // vocabulary))


def scoring(policy: Policy, allowed: int, pack: Pack) -> AbstractContextManager[None]:
    """Inside, OutOfMemory says how far `allowed` tokens a pack must be halved."""
    texts, used = len(pack.index), pack.input_ids.numel()
    what = f"scoring {texts:,} texts, {used:,} tokens at once"
    return within_memory(policy, "scoring", allowed, used, what, alone=texts == 1)


def kept_logps(policy: Policy, encoded: Sequence[Encoded], cache: ArrayCache, *, reference: bool = False) -> np.ndarray:
    """Summed log-probs (n,) float64 in nats, `BLOCK` texts after the other, each block cached by its content."""
    what = {"what": "response logps", **policy.fingerprint("reference" if reference else "policy")}
    found = [np.zeros(0)]
    for start in range(0, len(encoded), BLOCK):
        block = encoded[start : start + BLOCK]

        def compute(block: Sequence[Encoded] = block) -> np.ndarray:
            return score_responses(policy, block, reference=reference, with_entropy=False).logp

        found.append(cached(cache, key_of(what, (text.key for text in block)), compute)[0])
    return np.concatenate(found)


def reference_logps(
    policy: Policy, prompts: Mapping[str, Prompt], responses: Sequence[Response], cache: ArrayCache
) -> dict[str, float]:
    """Response id → summed log-prob in nats under the reference, block by block, each cached by its content."""
    values = kept_logps(policy, encode_responses(policy, prompts, responses), cache, reference=True)
    return {response.id: float(value) for response, value in zip(responses, values, strict=True)}
