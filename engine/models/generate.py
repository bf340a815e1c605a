"""Draw responses. Each row has a random stream of its own, so a draw is a function of its key and not of its batch.

The adapter is merged for the while where that loses nothing. Draws that lean towards or away from the reference read
every text twice, with the adapter on and off, and so are never merged.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from engine.cache import ArrayCache, MemoryCache, cached, key_of
from engine.models.footprint import rows_that_fit
from engine.models.generate_merged import merged, merges
from engine.models.generate_slots import Sampling, draw
from engine.models.memory import within_memory
from engine.models.policy import Policy
from engine.models.tokens import TooLong, encode_prompt
from engine.records import Prompt

MAX_ROWS = 1024
"""Rows that are drawn at the same time. On a CPU too, more has been faster up to here (`tests.bench.generation`)."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Draw:
    """One generated response. `token_ids` include the token that ended it, `text` leaves special tokens out.

    `logp`: summed log-probability of `token_ids` at temperature 1, in nats, whatever temperature drew them.
    `ended` is False where the draw reached max_new_tokens or the model's context.
    """

    text: str
    token_ids: tuple[int, ...]
    logp: float
    ended: bool


def generate(
    policy: Policy,
    prompts: Sequence[Prompt],
    *,
    keys: Sequence[int],
    temperature: float = 1.0,
    top_p: float = 1.0,
    max_new_tokens: int,
    reference: bool = False,
    max_rows: int = MAX_ROWS,
    cache: ArrayCache | None = None,
    lean: Sequence[float] | None = None,
) -> list[Draw]:
    """One draw a row, in order: row i answers `prompts[i]` with the stream of `keys[i]` (engine.seeds.key_for).

    `temperature` 0 is greedy (keys are not used). `top_p` below 1 keeps the likeliest tokens that hold that share, at
    that temperature (Holtzman et al. 2020, arXiv:1904.09751). With `lean`, row i is drawn token by token from the
    logits (1 + lean[i]) h_θ − lean[i] h_ref, and its log-probability is that of these; while the policy equals the
    reference they are the policy's own, so that nothing is read twice. At most `max_rows` are drawn at the same time;
    with a `cache` each part of the whole is kept by its content, so that what was drawn before a stop is not drawn
    again. TooLong if a prompt alone fills the context.
    """
    if lean is not None and policy.equals_reference:
        lean = None
    if len(keys) != len(prompts):
        raise ValueError(f"generate needs a key for each of its {len(prompts)} prompts, got {len(keys)}.")
    asked = {prompt.id: prompt for prompt in prompts}  # each goes through the template once, however often drawn for
    encoded = {prompt_id: encode_prompt(policy, prompt) for prompt_id, prompt in asked.items()}
    for prompt_id, ids in encoded.items():
        if len(ids) >= policy.context_tokens:
            raise TooLong(
                f"Prompt {prompt_id} has {len(ids)} tokens, which leaves no room for a response in the "
                f"{policy.context_tokens} of {policy.name}.",
                "Leave it out, or raise model.context_tokens if the model allows.",
            )
    rows = [encoded[prompt.id] for prompt in prompts]
    draws: list[Draw | None] = [None] * len(rows)
    order = sorted(range(len(rows)), key=lambda i: (len(rows[i]), prompts[i].id, i))
    whole = lean is None and not reference and not policy.equals_reference and merges(policy)
    part_rows = MAX_ROWS if policy.device.type == "cpu" else 8 * MAX_ROWS
    what = {
        "what": "draws, merged" if whole else "draws, paged" if _pages(policy, lean) else "draws, in slots",
        "sampling": [temperature, top_p, max_new_tokens, policy.context_tokens, policy.stop_ids],
        **(policy.fingerprint("reference" if reference else "policy") if cache is not None else {}),
    }
    said_of = [""] * len(rows) if lean is None else [f" lean {weight!r}" for weight in lean]
    longest = max((len(row) for row in rows), default=0) + max_new_tokens
    most = min(max_rows, rows_that_fit(policy, longest))
    at_once = policy.memory.size("generating", most if lean is None else max(1, most // 2))
    with torch.no_grad(), merged(policy) if whole else policy.acting_as(reference):
        for start in range(0, len(order), part_rows):
            part = order[start : start + part_rows]

            def compute(part: list[int] = part) -> np.ndarray:
                used = min(at_once, len(part))
                said = f"generating {used:,} responses of up to {max_new_tokens:,} tokens at once"
                with within_memory(policy, "generating", at_once, used, said, alone=used == 1):
                    weights = None if lean is None else [lean[i] for i in part]
                    some, theirs = [rows[i] for i in part], [keys[i] for i in part]
                    return _drawn(policy, some, theirs, Sampling(temperature, top_p, max_new_tokens), at_once, weights)

            key = key_of(what, (f"{rows[i]}{keys[i]}{said_of[i]}" for i in part))
            found = cached(MemoryCache() if cache is None else cache, key, compute)[0]
            for i, one in zip(part, _as_draws(policy, found), strict=True):
                draws[i] = one
    return [one for one in draws if one is not None]


def _pages(policy: Policy, lean: Sequence[float] | None) -> bool:
    """Whether transformers' paged batching is tried: where it is fast, and where one model is enough."""
    if lean is not None or policy.device.type == "cpu":
        return False
    from engine.models.generate_paged import can_page

    return can_page(policy)


def _drawn(
    policy: Policy,
    rows: list[tuple[int, ...]],
    keys: list[int],
    sampling: Sampling,
    at_once: int,
    lean: list[float] | None,
) -> np.ndarray:
    """As `engine.models.generate_slots.draw`, by whichever way suits the device."""
    if _pages(policy, lean):
        from engine.models.generate_paged import NotPaged, draw_paged

        try:
            return draw_paged(policy, rows, keys, sampling, at_once)
        except NotPaged as error:
            _log.warning("%s is not drawn from by transformers' own batching, but by ours: %s", policy.name, error)
    return draw(policy, rows, keys, sampling, at_once, lean)


def _as_draws(policy: Policy, chunk: np.ndarray) -> list[Draw]:
    logp, ended = chunk[:, 0].tolist(), chunk[:, 1].astype(bool).tolist()
    ids = [tuple(row[3 : 3 + int(row[2])].astype(int).tolist()) for row in chunk]
    spoken = [list(row[:-1] if stopped else row) for row, stopped in zip(ids, ended, strict=True)]
    texts = policy.tokenizer.batch_decode(spoken, skip_special_tokens=True)
    return [Draw(*parts) for parts in zip(texts, ids, logp, ended, strict=True)]
