"""Draw responses. Each row has a random stream of its own, so a draw is a function of its key and not of its batch.

Equal prompts are read once; rows then share a growing key-value cache until fewer than half of them still speak. Draws
that lean towards or away from the reference (`lean`) read every text twice, with the adapter on and off.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from engine.cache import ArrayCache, MemoryCache, cached, key_of
from engine.models.memory import within_memory
from engine.models.policy import Policy
from engine.models.tokens import TooLong, encode_prompt, encode_prompts
from engine.records import Prompt

MAX_ROWS = 1024
_ROOM = 32
"""Columns a key-value buffer gets beyond what it holds, when it has to grow."""


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


class _Growing(DynamicLayer):
    """Keys and values written in place into a buffer with room; DynamicLayer copies everything at every step."""

    _buffers: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: object, **kwargs: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        held = self.get_seq_length()
        end = held + key_states.shape[-2]
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        if self._buffers is None or end > self._buffers[0].shape[-2]:
            self._buffers = _grown(key_states, self.keys, end), _grown(value_states, self.values, end)
        for buffer, new in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[..., held:end, :] = new
        self.keys, self.values = (buffer[..., :end, :] for buffer in self._buffers)
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        super().batch_select_indices(indices)
        self._buffers = None


def _grown(like: torch.Tensor, old: torch.Tensor | None, end: int) -> torch.Tensor:
    buffer = like.new_empty((*like.shape[:-2], end + _ROOM, like.shape[-1]))
    if old is not None and old.numel():
        buffer[..., : old.shape[-2], :] = old
    return buffer


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
    reference they are the policy's own, so that nothing is read twice. Rows are drawn `max_rows` at a time; with a
    `cache` each such part is kept by its content, so that what was drawn before a stop is not drawn again. TooLong if
    a prompt alone fills the context.
    """
    if lean is not None and policy.equals_reference:
        lean = None
    if len(keys) != len(prompts):
        raise ValueError(f"generate needs a key for each of its {len(prompts)} prompts, got {len(keys)}.")
    encoded = {prompt.id: encode_prompt(policy, prompt) for prompt in prompts}
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
    what = {
        "what": "draws",
        "sampling": [temperature, top_p, max_new_tokens, policy.context_tokens, policy.stop_ids],
        **(policy.fingerprint("reference" if reference else "policy") if cache is not None else {}),
    }
    said_of = [""] * len(rows) if lean is None else [f" lean {weight!r}" for weight in lean]
    at_once = policy.memory.size("generating", max_rows if lean is None else max(1, max_rows // 2))
    with torch.no_grad(), policy.acting_as(reference):
        for start in range(0, len(order), at_once):
            chunk = order[start : start + at_once]

            def compute(chunk: list[int] = chunk) -> np.ndarray:
                said = f"generating {len(chunk):,} responses of up to {max_new_tokens:,} tokens at once"
                with within_memory(policy, "generating", at_once, len(chunk), said, alone=len(chunk) == 1):
                    weights = None if lean is None else [lean[i] for i in chunk]
                    some, theirs = [rows[i] for i in chunk], [keys[i] for i in chunk]
                    return _draw(policy, some, theirs, temperature, top_p, max_new_tokens, weights)

            key = key_of(what, (f"{rows[i]}{keys[i]}{said_of[i]}" for i in chunk))
            found = cached(MemoryCache() if cache is None else cache, key, compute)[0]
            for i, draw in zip(chunk, _as_draws(policy, found), strict=True):
                draws[i] = draw
    return [draw for draw in draws if draw is not None]


def _draw(
    policy: Policy,
    rows: list[tuple[int, ...]],
    keys: list[int],
    temperature: float,
    top_p: float,
    max_new_tokens: int,
    lean: list[float] | None = None,
) -> np.ndarray:
    """One chunk (n, 3 + steps) float64: summed log-prob, whether it ended, its number of tokens, their ids.

    `live` are the rows still in the batch, `done` those among them that have stopped speaking.
    """
    device = policy.device
    lengths = torch.tensor([len(row) for row in rows], device=device)
    room = (policy.context_tokens - lengths).clamp_max(max_new_tokens)
    steps = int(room.max())
    chance = np.stack([np.random.default_rng(key).random(max_new_tokens)[:steps] for key in keys])
    uniform = torch.from_numpy(chance).to(device, torch.float32)
    stops = torch.tensor(policy.stop_ids, device=device)
    tokens = torch.zeros((len(rows), steps), dtype=torch.long, device=device)
    drawn = torch.zeros(len(rows), dtype=torch.long, device=device)
    logp = torch.zeros(len(rows), dtype=torch.float64, device=device)
    ended = torch.zeros(len(rows), dtype=torch.bool, device=device)
    live = torch.arange(len(rows), device=device)
    done = torch.zeros_like(ended)
    logits, cache, mask = _read_prompts(policy, rows)
    behind: DynamicCache | None = None
    weights = torch.zeros(0) if lean is None else torch.tensor(lean, device=device, dtype=torch.float32)[:, None]
    if lean is not None:
        with policy.reference():
            other, behind, _ = _read_prompts(policy, rows)
        logits = (1 + weights) * logits - weights * other
    for step in range(steps):
        token, token_logp = sample(logits, uniform[live, step], temperature, top_p)
        tokens[live, step] = token
        logp[live] += torch.where(done, 0.0, token_logp)
        drawn[live] += ~done
        stopped = torch.isin(token, stops) & ~done
        ended[live] |= stopped
        done = done | stopped | (room[live] <= step + 1)
        speaking = int((~done).sum())
        if not speaking:
            break
        mask = torch.cat([mask, mask.new_ones(len(live), 1)], 1)
        if 2 * speaking < len(live):
            keep = (~done).nonzero().squeeze(1)
            cache.batch_select_indices(keep)
            if behind is not None:
                behind.batch_select_indices(keep)
            live, done, token, mask = live[keep], done[keep], token[keep], mask[keep]
        position = (lengths[live] + step)[:, None]
        logits = _read_token(policy, token, mask, position, cache)
        if behind is not None:
            with policy.reference():
                other = _read_token(policy, token, mask, position, behind)
            logits = (1 + weights[live]) * logits - weights[live] * other
    return torch.column_stack([logp, ended, drawn, tokens]).cpu().numpy()  # float64 holds every token id exactly


def _read_token(
    policy: Policy, token: torch.Tensor, mask: torch.Tensor, position: torch.Tensor, cache: DynamicCache
) -> torch.Tensor:
    """Next-token logits (n, vocabulary) after one more token a row, float32; the cache grows by it."""
    out = policy.model(
        input_ids=token[:, None], attention_mask=mask, position_ids=position, past_key_values=cache, use_cache=True
    )
    return out.logits[:, -1].float()


def _read_prompts(policy: Policy, rows: list[tuple[int, ...]]) -> tuple[torch.Tensor, DynamicCache, torch.Tensor]:
    """Next-token logits (n, vocabulary) after each prompt, float32, the key-value cache, and the mask (n, T)."""
    unique = list(dict.fromkeys(rows))
    number = {row: i for i, row in enumerate(unique)}
    ids, mask = encode_prompts(policy, unique)
    cache = DynamicCache(config=policy.model.config)
    # Only layers that keep every position are replaced; sliding windows and state spaces keep their own kind.
    cache.layers = [_Growing() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    out = policy.model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=(mask.cumsum(1) - 1).clamp_min(0),
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    logits = out.logits[:, -1].float()
    if len(unique) == len(rows):
        return logits, cache, mask
    share = torch.tensor([number[row] for row in rows], device=policy.device)
    cache.batch_select_indices(share)
    return logits[share], cache, mask[share]


def sample(
    logits: torch.Tensor, uniform: torch.Tensor, temperature: float, top_p: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """A token a row by inverse CDF over token ids, and its log-probability at temperature 1 in nats.

    `logits` (n, vocabulary) float32; `uniform` (n,) in [0, 1]. Gives (n,) int64 and (n,) float32.
    """
    centred = logits - logits.amax(1, keepdim=True)
    if temperature == 0:
        token, total_at_1 = logits.argmax(1), centred.exp().sum(1)
    else:
        weights = (centred / temperature).exp_() if temperature != 1 else centred.exp()
        total_at_1 = weights.sum(1) if temperature == 1 else centred.exp().sum(1)
        cdf = (_nucleus(weights, top_p) if top_p < 1 else weights).cumsum(1)
        total = cdf[:, -1]
        # Rounding must not reach the total: no token lies beyond it.
        wanted = torch.minimum(uniform * total, torch.nextafter(total, torch.zeros_like(total)))
        token = torch.searchsorted(cdf, wanted[:, None], right=True).squeeze(1)
    return token, centred.gather(1, token[:, None]).squeeze(1) - total_at_1.log()


def _nucleus(weights: torch.Tensor, top_p: float) -> torch.Tensor:
    """Weights (n, vocabulary) with zeros outside the smallest set of likeliest tokens that holds `top_p` of the sum."""
    ranked, order = weights.sort(dim=1, descending=True, stable=True)
    before = ranked.cumsum(1) - ranked
    kept = ranked.where(before < top_p * ranked.sum(1, keepdim=True), 0.0)
    return torch.zeros_like(weights).scatter_(1, order, kept)


def _as_draws(policy: Policy, chunk: np.ndarray) -> list[Draw]:
    logp, ended = chunk[:, 0].tolist(), chunk[:, 1].astype(bool).tolist()
    ids = [tuple(row[3 : 3 + int(row[2])].astype(int).tolist()) for row in chunk]
    spoken = [list(row[:-1] if stopped else row) for row, stopped in zip(ids, ended, strict=True)]
    texts = policy.tokenizer.batch_decode(spoken, skip_special_tokens=True)
    return [Draw(*parts) for parts in zip(texts, ids, logp, ended, strict=True)]
