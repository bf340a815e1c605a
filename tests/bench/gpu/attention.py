"""Attention over a pack of pairs that share prompts: kernels of varying length, one mask, FlexAttention, a loop. (G2)

A pack holds [prompt | chosen | rejected] of each pair, one after the other; both responses see the prompt and
themselves. Everything is compared with the loop over pairs, which is written straight from that sentence.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention as sdpa

from tests.bench._harness import Way, agree, race, row
from tests.bench.gpu._machine import Machine

PAIRS, HEADS, WIDTH = 24, 16, 64


@dataclass(frozen=True)
class _Pack:
    """q, k, v (heads, tokens, width); each pair's (start, prompt, chosen, rejected) in tokens."""

    q: torch.Tensor
    k: torch.Tensor
    v: torch.Tensor
    pairs: tuple[tuple[int, int, int, int], ...]

    def see(self) -> torch.Tensor:
        """Which token sees which, (tokens, tokens)."""
        allowed = torch.zeros(self.q.shape[1], self.q.shape[1], dtype=torch.bool)
        for start, prompt, chosen, rejected in self.pairs:
            size = prompt + chosen + rejected
            block = torch.ones(size, size, dtype=torch.bool).tril()
            block[prompt + chosen :, prompt : prompt + chosen] = False
            allowed[start : start + size, start : start + size] = block
        return allowed.to(self.q.device)


def rows(on: Machine) -> list[str]:
    pack = _pack(on)
    allowed = pack.see()
    others: dict[str, Callable[[], torch.Tensor]] = {
        "one mask": lambda: sdpa(pack.q[None], pack.k[None], pack.v[None], attn_mask=allowed)[0]
    }
    if on.device != "cpu":
        others |= {"varying length": _varying(pack), "FlexAttention": _flex(pack, allowed)}
    loop, *found = race(
        Way("a loop over pairs", lambda: _loop(pack), warm_up=3),
        *(Way(name, work, warm_up=3) for name, work in others.items()),
        quick=on.tiny,
    )
    tokens = f"{pack.q.shape[1]:,} tokens of {len(pack.pairs)} pairs, forward"
    lines = []
    for way in found:
        error = float((way.result - loop.result).abs().max())
        agreed = agree("largest difference", error, 1e-5 if on.tiny else 3e-2)
        lines.append(row("G2", f"attention by {way.name}, {tokens}", loop, way, None, agreed))
    return lines if on.device != "cpu" else [*lines, "G2 varying length and FlexAttention: skipped: they need CUDA"]


def _pack(on: Machine) -> _Pack:
    rng = np.random.default_rng(0)
    scale = 0.1 if on.tiny else 1.0
    pairs, start = [], 0
    for prompt, chosen, rejected in rng.lognormal(np.log([110, 260, 260]), 0.6, (4 if on.tiny else PAIRS, 3)):
        sizes = [max(1, int(scale * size)) for size in (prompt, chosen, rejected)]
        pairs.append((start, *sizes))
        start += sum(sizes)
    q, k, v = (torch.randn(HEADS, start, WIDTH, device=on.device, dtype=on.torch_dtype) for _ in range(3))
    return _Pack(q, k, v, tuple(pairs))


def _loop(pack: _Pack) -> torch.Tensor:
    out = torch.empty_like(pack.q)
    for start, prompt, chosen, rejected in pack.pairs:
        asked = slice(start, start + prompt)
        out[:, asked] = sdpa(*(x[None, :, asked] for x in (pack.q, pack.k, pack.v)), is_causal=True)[0]
        for first, size in ((start + prompt, chosen), (start + prompt + chosen, rejected)):
            own = slice(first, first + size)
            keys, values = (torch.cat([x[:, asked], x[:, own]], 1)[None] for x in (pack.k, pack.v))
            mask = torch.ones(size, prompt + size, dtype=torch.bool, device=out.device).tril(prompt)
            out[:, own] = sdpa(pack.q[None, :, own], keys, values, attn_mask=mask)[0]
    return out


def _varying(pack: _Pack) -> Callable[[], torch.Tensor]:
    """Three queries a pair; keys of a response are its prompt's and its own. Causal must mean: ends aligned."""
    from torch.nn.attention.varlen import varlen_attn

    gather: list[int] = []
    q_sizes, k_sizes = [], []
    for start, prompt, chosen, rejected in pack.pairs:
        asked = range(start, start + prompt)
        own = range(start + prompt, start + prompt + chosen)
        other = range(start + prompt + chosen, start + prompt + chosen + rejected)
        gather += [*asked, *asked, *own, *asked, *other]
        q_sizes += [prompt, chosen, rejected]
        k_sizes += [prompt, prompt + chosen, prompt + rejected]
    device = pack.q.device
    q_ends, k_ends = (
        torch.tensor([0, *np.cumsum(sizes)], dtype=torch.int32, device=device) for sizes in (q_sizes, k_sizes)
    )
    index = torch.tensor(gather, device=device)

    def work() -> torch.Tensor:
        q, k, v = (x.transpose(0, 1).contiguous() for x in (pack.q, pack.k, pack.v))
        out = varlen_attn(
            q, k[index], v[index], q_ends, k_ends, max(q_sizes), max(k_sizes), window_size=(-1, 0)
        )  # fmt: skip
        return out.transpose(0, 1)

    return work


def _flex(pack: _Pack, allowed: torch.Tensor) -> Callable[[], torch.Tensor]:
    """Compiled, with its block mask made beforehand, in its favour."""
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    size = pack.q.shape[1]
    mask = create_block_mask(lambda b, h, i, j: allowed[i, j], None, None, size, size, device=str(pack.q.device))
    compiled = torch.compile(flex_attention)
    return lambda: compiled(pack.q[None], pack.k[None], pack.v[None], block_mask=mask)[0]
