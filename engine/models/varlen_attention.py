"""Attention of a pack by torch's variable-length flash kernel: queries are the row, keys are gathered a response.

The prompt with the first response behind it is one block of queries; each further response is one, with the prompt's
keys before its own, aligned at the end. The gradient of a shared key is the sum over who gathered it.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from engine.models.packs import Tree, sent

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Blocks:
    """`keys` are places in the row, gathered block after block; `query_edges` and `key_edges` (blocks + 1,) int32 where
    each block begins among queries and among keys; and the longest of each."""

    keys: torch.Tensor
    query_edges: torch.Tensor
    key_edges: torch.Tensor
    longest_query: int
    longest_key: int


def blocks_of(trees: Sequence[Tree], device: torch.device) -> Blocks:
    """The blocks of a row of trees."""
    keys: list[np.ndarray] = []
    queries: list[int] = []
    seen: list[int] = []
    start = 0
    for tree in trees:
        prompt, at = np.arange(start, start + tree.prompt), start + tree.prompt
        for number, length in enumerate(tree.responses):
            keys += [prompt, np.arange(at, at + length)]
            queries.append(length + (tree.prompt if number == 0 else 0))
            seen.append(tree.prompt + length)
            at += length
        start += tree.length
    edges = [sent(np.cumsum([0, *sizes]).astype(np.int32), device) for sizes in (queries, seen)]
    return Blocks(sent(np.concatenate(keys), device), edges[0], edges[1], max(queries), max(seen))


def is_there(query: torch.Tensor, value: torch.Tensor) -> bool:
    """Whether the device runs the kernel on heads like these, there and back; tried once for each kind."""
    if query.device.type != "cuda" or query.dtype not in (torch.bfloat16, torch.float16):
        return False
    return query.shape[-1] == value.shape[-1] and _runs(str(query.device), query.dtype, query.shape[-1])


@lru_cache(maxsize=64)
def _runs(device: str, dtype: torch.dtype, width: int) -> bool:
    blocks = blocks_of([Tree((0, 1), 3, (2, 2))], torch.device(device))
    try:
        q, k, v = torch.randn(3, 1, 2, 7, width, device=device, dtype=dtype).requires_grad_().unbind()
        attend(blocks, q, k, v, None, 4).sum().backward()
    except (ImportError, RuntimeError, TypeError) as error:
        _log.warning("Variable-length attention does not run on %s (%s); trees are attended one by one.", device, error)
        return False
    return True


def attend(
    blocks: Blocks,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    scaling: float | None,
    window: int | None,
) -> torch.Tensor:
    """(1, T, heads, d) from queries (1, heads, T, d) and keys and values (1, fewer heads, T, d)."""
    from torch.nn.attention.varlen import varlen_attn  # torch ≥ 2.10

    groups = query.shape[1] // key.shape[1]
    k, v = key[0].transpose(0, 1), value[0].transpose(0, 1)
    if groups > 1:  # grouped heads are a newer argument of the kernel
        k, v = k.repeat_interleave(groups, dim=1), v.repeat_interleave(groups, dim=1)
    found: Any = varlen_attn(
        query[0].transpose(0, 1).contiguous(),
        k.index_select(0, blocks.keys),
        v.index_select(0, blocks.keys),
        blocks.query_edges,
        blocks.key_edges,
        blocks.longest_query,
        blocks.longest_key,
        scale=scaling,
        window_size=(-1 if window is None else window - 1, 0),
    )
    return torch.unsqueeze(found, 0)
