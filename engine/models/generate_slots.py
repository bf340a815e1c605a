"""Continuous batching: a row that has spoken leaves at once, the last one takes its place, and waiting ones follow.

All rows write their next token into the same column of one key-value buffer, whatever their length; a prompt that
joins is put into the columns just before it. So a step is one write and one view, and a row is copied to fill a gap.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from engine.models.generate_sample import sample
from engine.models.policy import Policy
from engine.models.tokens import encode_prompts

_ROOM = 64
"""Columns a key-value buffer gets beyond what it holds, when it has to grow."""
_JOIN = 4
"""Waiting rows join when one in so many places is free: each time a prompt pass is paid for them."""


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn, for all rows alike."""

    temperature: float
    top_p: float
    max_new_tokens: int


class _Columns:
    """Where the live rows lie: rows [0, n) of every buffer, columns [low, end)."""

    n = low = end = 0


class _Layer(DynamicLayer):
    """One layer's keys and values (rows, heads, columns, width), written in place."""

    def __init__(self, at: _Columns) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._at = at
        self.buffers: list[torch.Tensor] = []

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: object, **kwargs: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        n, low, end = self._at.n, self._at.low, self._at.end
        for buffer, new in zip(self.buffers, (key_states, value_states), strict=True):
            buffer[:n, :, end : end + 1] = new
        self.keys, self.values = (buffer[:n, :, low : end + 1] for buffer in self.buffers)
        return self.keys, self.values

    def get_seq_length(self) -> int:
        return self._at.end - self._at.low

    def move(self, source: torch.Tensor, target: torch.Tensor) -> None:
        """Rows `source` take the places `target`."""
        low, end = self._at.low, self._at.end
        for buffer in self.buffers:
            buffer[target, :, low:end] = buffer[source, :, low:end]

    def put(self, read: DynamicLayer, share: torch.Tensor, rows: int, columns: int) -> None:
        """After the live rows: rows `share` of what was read, ending before column `end`, in buffers of that size."""
        if read.keys is None or read.values is None:  # it shares those of another layer
            return
        n, end = self._at.n, self._at.end
        news = (read.keys, read.values)
        if not self.buffers:
            # Zeros: what a mask leaves out is still multiplied by 0, and leftovers in memory may be no numbers.
            self.buffers = [new.new_zeros((rows, new.shape[1], columns, new.shape[3])) for new in news]
            self.is_initialized, self.dtype, self.device = True, read.dtype, read.device
        for buffer, new in zip(self.buffers, news, strict=True):
            buffer[n : n + len(share), :, end - new.shape[2] : end] = new[share]

    def renew(self, rows: int, columns: int, shift: int) -> None:
        """Buffers of that size, the live rows in them, `shift` columns further left."""
        n, low, end = self._at.n, self._at.low, self._at.end
        for number, old in enumerate(self.buffers):
            new = old.new_zeros((rows, old.shape[1], columns, old.shape[3]))
            new[:n, :, low - shift : end - shift] = old[:n, :, low:end]
            self.buffers[number] = new


class _Live:
    """The rows that are speaking: what the model keeps of each, and the columns where its text lies.

    With `twice` every text is read a second time, with the adapter off. A model with a layer whose memory is not keys
    and values by position (a state space, say) keeps transformers' own cache: then rows still leave, but none can join
    before all have left.
    """

    def __init__(self, policy: Policy, at_once: int, *, twice: bool) -> None:
        self._policy, self._at_once, self._twice = policy, at_once, twice
        self._at = _Columns()
        self._columns = 0
        self._starts = torch.zeros(0, dtype=torch.long, device=policy.device)
        self._caches = [self._new_cache() for _ in range(1 + twice)]
        self.open = all(type(layer) in {DynamicLayer, DynamicSlidingWindowLayer} for layer in self._caches[0].layers)

    def __len__(self) -> int:
        return self._at.n

    def join(self, rows: Sequence[tuple[int, ...]]) -> list[torch.Tensor]:
        """Read prompts, equal ones once; their rows come last. Gives each model's next-token logits (n, vocabulary)."""
        at, unique = self._at, list(dict.fromkeys(rows))
        number = {row: i for i, row in enumerate(unique)}
        share = torch.tensor([number[row] for row in rows], device=self._policy.device)
        ids, mask = encode_prompts(self._policy, unique)
        width = ids.shape[1]
        if not at.n:
            at.low, at.end, self._starts = 0, width, self._starts[:0]
        if at.end < width or self._columns <= at.end:
            self._renew(self._at_once, max(at.end - at.low, width))
        lengths = torch.tensor([len(row) for row in rows], device=self._policy.device)
        self._starts = torch.cat([self._starts, at.end - lengths])
        found = []
        for number_of_model in range(1 + self._twice):
            with self._model(number_of_model):
                cache = self._new_cache()
                if self.open:  # sliding windows too are kept whole, so that a row can lie at any column
                    cache.layers = [DynamicLayer() for _ in cache.layers]
                out = self._policy.model(
                    input_ids=ids,
                    attention_mask=mask,
                    position_ids=(mask.cumsum(1) - 1).clamp_min(0),
                    past_key_values=cache,
                    use_cache=True,
                    logits_to_keep=1,
                )
            found.append(out.logits[:, -1].float()[share])
            if self.open:
                self._put(number_of_model, cache, share)
            else:
                cache.reorder_cache(cast(torch.LongTensor, share))  # state spaces know no other name for it
                self._caches[number_of_model] = cache
        at.n += len(rows)
        at.low = int(self._starts.min()) if self.open else 0
        return found

    def step(self, token: torch.Tensor, position: torch.Tensor) -> list[torch.Tensor]:
        """One more token (n,) a row, at its position in its text. Gives each model's next-token logits, as `join`."""
        at = self._at
        if self.open and at.end == self._columns:
            self._renew(self._at_once, at.end - at.low)
        mask = torch.arange(at.low, at.end + 1, device=token.device) >= self._starts[:, None]
        found = []
        for number, cache in enumerate(self._caches):
            with self._model(number):
                out = self._policy.model(
                    input_ids=token[:, None],
                    attention_mask=mask,
                    position_ids=position[:, None],
                    past_key_values=cache,
                    use_cache=True,
                )
            found.append(out.logits[:, -1].float())
        at.end += 1
        return found

    def keep(self, order: torch.Tensor, moved: torch.Tensor) -> None:
        """Rows `order` stay, in that order; it differs from [0, 1, …] only at the places `moved`."""
        self._starts = self._starts[order]
        for cache in self._caches:
            if not self.open:
                cache.reorder_cache(cast(torch.LongTensor, order))
            elif len(moved):
                for layer in cast(list[_Layer], cache.layers):
                    layer.move(order[moved], moved)
        self._at.n = len(order)
        if self.open and self._at.n:
            self._at.low = int(self._starts.min())

    def last(self) -> None:
        """Nobody else will join: the buffers are made for those who are there when they are made anew."""
        self._at_once = 0

    def _new_cache(self) -> DynamicCache:
        return DynamicCache(config=self._policy.model.config)

    def _model(self, number: int) -> AbstractContextManager[None]:
        return self._policy.reference() if number else nullcontext()

    def _put(self, number: int, read: DynamicCache, share: torch.Tensor) -> None:
        cache = self._caches[number]
        if not isinstance(cache.layers[0], _Layer):
            cache.layers = [_Layer(self._at) for _ in read.layers]
        for layer, new in zip(cache.layers, read.layers, strict=True):
            cast(_Layer, layer).put(cast(DynamicLayer, new), share, self._at_once, self._columns)

    def _renew(self, rows: int, end: int) -> None:
        """Wider buffers, the live rows moved so that they end at column `end`."""
        at = self._at
        self._columns, shift = end + _ROOM, at.end - end
        for cache in self._caches:
            for layer in cache.layers:
                if isinstance(layer, _Layer):
                    layer.renew(max(rows, at.n), self._columns, shift)
        at.low, at.end = at.low - shift, end
        self._starts = self._starts - shift


def chances(keys: Sequence[int], count: int) -> torch.Tensor:
    """The first numbers of each key's stream (n, count), float32 in [0, 1], on the CPU."""
    return torch.from_numpy(np.stack([np.random.default_rng(key).random(count) for key in keys])).float()


def draw(
    policy: Policy,
    rows: Sequence[tuple[int, ...]],
    keys: Sequence[int],
    sampling: Sampling,
    at_once: int,
    lean: Sequence[float] | None = None,
) -> np.ndarray:
    """All rows (n, 3 + steps) float64: summed log-prob, whether it ended, its number of tokens, their ids.

    Rows are taken up in their order, `at_once` at the same time. In other company a row's logits differ by rounding: in
    float32 its log-prob by 1e-5 of it, its tokens where a number lies within some 1e-7 of a boundary between two.
    """
    device, n = policy.device, len(rows)
    lengths = torch.tensor([len(row) for row in rows], device=device)
    limits = (policy.context_tokens - lengths).clamp_max(sampling.max_new_tokens)
    steps = int(limits.max())
    uniform = chances(keys, sampling.max_new_tokens).to(device)
    stops = torch.tensor(policy.stop_ids, device=device)
    tokens = torch.zeros((n, steps), dtype=torch.long, device=device)
    drawn = torch.zeros(n, dtype=torch.long, device=device)
    logp = torch.zeros(n, dtype=torch.float64, device=device)
    ended = torch.zeros(n, dtype=torch.bool, device=device)
    weights = None if lean is None else torch.tensor(lean, device=device, dtype=torch.float32)[:, None]
    live = _Live(policy, min(at_once, n), twice=lean is not None)
    which = torch.zeros(0, dtype=torch.long, device=device)
    logits = [torch.zeros(0, device=device)] * (1 + (lean is not None))
    begun = 0
    while begun < n or len(live):
        free = at_once - len(live)
        if begun < n and (not len(live) or (live.open and _JOIN * free >= at_once)):
            more = list(range(begun, min(n, begun + free)))
            begun += len(more)
            joined = live.join([rows[i] for i in more])
            logits = [torch.cat([old, new]) if len(which) else new for old, new in zip(logits, joined, strict=True)]
            which = torch.cat([which, torch.tensor(more, device=device)])
            if begun == n:
                live.last()
        mixed = logits[0] if weights is None else (1 + weights[which]) * logits[0] - weights[which] * logits[1]
        said = drawn[which]
        token, token_logp = sample(mixed, uniform[which, said], sampling.temperature, sampling.top_p)
        tokens[which, said] = token
        logp[which] += token_logp
        said += 1
        drawn[which] = said
        stopped = torch.isin(token, stops)
        ended[which] = stopped
        over = stopped | (said >= limits[which])
        if bool(over.any()):
            order, moved = _closed_up(over)
            live.keep(order, moved)
            which, token, said = which[order], token[order], said[order]
        if len(live):
            logits = live.step(token, lengths[which] + said - 1)
    return torch.column_stack([logp, ended, drawn, tokens]).cpu().numpy()  # float64 holds every token id exactly


def _closed_up(over: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The rows that go on, the last of them in the places of those that do not; and which places those are."""
    stay = int((~over).sum())
    order = torch.arange(stay, device=over.device)
    moved = over[:stay].nonzero().squeeze(1)
    order[moved] = stay + (~over[stay:]).nonzero().squeeze(1)
    return order, moved
