"""Attention within a pack: each response sees its prompt and itself. Kernels are chosen by what the device can do.

`reading(policy, pack)` puts it in place of the model's own attention; models of transformers ask one interface for it,
and those that do not (state spaces, ALiBi, attention sinks) are read unpacked. Variable-length flash kernels on CUDA:
queries are the shared row, keys and values gathered a response, [prompt | response], aligned at the end (the idea of
prefix sharing: Wang & Hegde 2024, arXiv:2410.20305). Elsewhere scaled-dot-product attention, a tree after the other.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from engine.models import varlen_attention as varlen
from engine.models.packs import Pack, Tree
from engine.models.policy import Policy
from engine.models.short_attention import LONGEST, Sides, attend, sides_of, takes
from engine.resume import ran_out

NAME = "packed"
_QUIET = frozenset({"position_ids", "cache_position", "layer_idx", "position_embeddings"})
"""What models hand on beside their numbers, and yes and no, attention here need not look at."""


class NotPackable(Exception):
    """A layer asks attention for something that packs do not know."""


class Layout:
    """Where the trees of a pack lie, in the forms the kernels ask for; each is made once a pack.

    `windows` collects the sliding windows that layers named, one entry a layer and pass.
    """

    def __init__(self, pack: Pack) -> None:
        self.filling = pack.filling
        rest = [Tree((), 0, (pack.filling,))] if pack.filling else []
        self.trees: Sequence[Tree] = [*pack.trees, *rest]
        self.positions = pack.position_ids[0]
        self.sizes = [tree.length for tree in self.trees]
        self.windows: list[int | None] = []
        self.short = max(self.sizes) <= LONGEST
        self._sides: dict[tuple[int | None, int, int], Sides] = {}
        self._masks: dict[int | None, list[torch.Tensor | None]] = {}
        self._varlen: varlen.Blocks | None = None

    def masks(self, window: int | None) -> list[torch.Tensor | None]:
        """For each tree who sees whom, bool (W, W); None where that is everything before."""
        if window not in self._masks:
            self._masks[window] = [
                _mask(tree, self.positions.device, window)
                if len(tree.texts) > 1 or (window is not None and window < tree.reach)
                else None
                for tree in self.trees
            ]
        return self._masks[window]

    def sides(self, window: int | None, heads: int, shared: int) -> Sides:
        """The trees padded side by side, for so many heads of queries of which `shared` have keys in common."""
        key = window, heads, shared
        if key not in self._sides:
            masks = [_mask(tree, self.positions.device, window) for tree in self.trees]
            self._sides[key] = sides_of(masks, heads, shared)
        return self._sides[key]

    def varlen(self) -> varlen.Blocks:
        """The trees as blocks of queries and of the keys they see."""
        if self._varlen is None:
            self._varlen = varlen.blocks_of(self.trees, self.positions.device)
        return self._varlen


def _mask(tree: Tree, device: torch.device, window: int | None) -> torch.Tensor:
    """Bool (W, W): a token sees what stands before it in its own text, in a sliding window so far back."""
    lengths = torch.tensor([tree.prompt, *tree.responses])
    branch = torch.arange(len(lengths)).repeat_interleave(lengths)
    # A response's positions go on from the prompt's: those of the responses before it are taken back.
    place = torch.arange(tree.length) - (lengths.cumsum(0) - lengths - tree.prompt).clamp_min_(0)[branch]
    sees = (branch[:, None] == branch[None, :]) | (branch[None, :] == 0)
    back = place[:, None] - place[None, :]
    sees &= back >= 0
    if window is not None:
        sees &= back < window
    return sees.to(device)


_reading: list[Layout] = []
"""The pack that is being read, innermost last; a process reads one at a time."""


def filling() -> int:
    """Tokens of the pack that is being read that are nobody's; 0 while none is."""
    return _reading[-1].filling if _reading else 0


@contextmanager
def reading(policy: Policy, pack: Pack) -> Iterator[None]:
    """Inside, the model's attention is that of the pack; a backward pass belongs inside as well."""
    if not pack.packed:
        yield
        return
    base: Any = policy.model.get_base_model()
    config = base.config
    before = config._attn_implementation
    _reading.append(Layout(pack))
    config._attn_implementation = NAME
    try:
        yield
    finally:
        config._attn_implementation = before
        _reading.pop()


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of one row of trees: `query` (1, heads, T, d), `key` and `value` (1, fewer heads, T, d) give
    (1, T, heads, d).

    NotPackable if the layer asks for more than scale, dropout, a sliding window and a soft cap.
    """
    strange = [n for n, given in others.items() if n not in _QUIET and not (given is None or isinstance(given, bool))]
    if strange or attention_mask is not None or not _reading:
        raise NotPackable(f"{type(module).__name__} asks for {', '.join(strange) or 'a mask of its own'}")
    layout = _reading[-1]
    layout.windows.append(sliding_window)
    plain = softcap is None and dropout == 0.0
    if plain and varlen.is_there(query, value):
        return varlen.attend(layout.varlen(), query, key, value, scaling, sliding_window), None
    groups = query.shape[1] // key.shape[1]
    if plain and layout.short and takes(query):
        scale = query.shape[-1] ** -0.5 if scaling is None else scaling
        sides = layout.sides(sliding_window, query.shape[1], groups)
        q, k, v = (x[0].transpose(0, 1) for x in (query, key, value))  # as the linear layers left them
        return attend(q, k, v, sides, scale)[None], None
    if groups > 1:
        key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    parts = zip(
        query.split(layout.sizes, 2),
        key.split(layout.sizes, 2),
        value.split(layout.sizes, 2),
        layout.masks(sliding_window),
        strict=True,
    )
    if softcap is not None:
        found = [_capped(*part, scaling, softcap, dropout) for part in parts]
    else:
        found = [
            scaled_dot_product_attention(q, k, v, m, dropout, is_causal=m is None, scale=scaling)
            for q, k, v, m in parts
        ]
    return torch.cat(found, 2).transpose(1, 2), None


def _capped(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    scaling: float | None,
    softcap: float,
    dropout: float,
) -> torch.Tensor:
    """Attention whose scores are capped smoothly, c · tanh(score / c), before the mask (Gemma 2, arXiv:2408.00118)."""
    scores = query @ key.mT * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    scores = softcap * torch.tanh(scores / softcap)
    if mask is None:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    weights = scores.masked_fill(~mask, float("-inf")).float().softmax(-1).to(query.dtype)
    return torch.nn.functional.dropout(weights, dropout) @ value


AttentionInterface.register(NAME, packed_attention)  # no mask is registered beside it: the layout is the mask


def can_be_packed(policy: Policy) -> bool:
    """Whether the model gives in a pack what it gives text by text; tried once a model, on a prompt of two responses.

    Its class must hand attention to transformers' interface and know flash kernels, which have no mask either; every
    layer that the config calls sliding must name its window.
    """
    base: Any = policy.model.get_base_model()
    known = getattr(base, "_workbench_packs", None)
    if known is None:
        known = base._workbench_packs = _agrees(policy, base)
    return bool(known)


def _agrees(policy: Policy, base: Any) -> bool:
    from engine.models.packs import pack, trees_of
    from engine.models.tokens import Encoded

    if not (base._supports_attention_backend and base._supports_flash_attn) or base._is_stateful:
        return False
    rows = int(base.get_input_embeddings().num_embeddings)
    ids = [(7 * n + 3) % rows for n in range(14)]
    texts = [Encoded(tuple(ids[:6]), tuple(ids[6:10])), Encoded(tuple(ids[:6]), tuple(ids[10:]))]
    training = base.training
    with torch.no_grad(), policy.reference():
        policy.model.eval()
        try:
            row = pack(texts, trees_of(texts, share=True), policy.device)
            with reading(policy, row):
                layout = _reading[-1]
                found = base(input_ids=row.input_ids, position_ids=row.position_ids, use_cache=False).logits[0]
            alone = [
                base(input_ids=torch.tensor([[*t.prompt_ids, *t.response_ids]], device=policy.device), use_cache=False)
                for t in texts
            ]
        except (NotPackable, TypeError, ValueError, RuntimeError) as error:
            if ran_out(error):
                raise
            return False
        finally:
            policy.model.train(training)
    wanted = torch.cat([alone[0].logits[0], alone[1].logits[0, 6:]]).float()
    gap = (found[: len(wanted)].float() - wanted).abs().max() / wanted.std().clamp_min(1e-6)
    return bool(gap < (1e-3 if policy.dtype == torch.float32 else 0.25)) and _windows_named(base, layout)


def _windows_named(base: Any, layout: Layout) -> bool:
    """Whether as many layers named a window as the config says slide."""
    config = base.config.get_text_config()
    kinds = getattr(config, "layer_types", None)
    if kinds is None:
        slides = config.num_hidden_layers if getattr(config, "sliding_window", None) else 0
        if not getattr(config, "use_sliding_window", True):
            slides = 0
    elif set(kinds) - {"full_attention", "sliding_attention"}:
        return False
    else:
        slides = sum(kind == "sliding_attention" for kind in kinds)
    return sum(window is not None for window in layout.windows) == slides
