"""Packs: many texts in one row of tokens, a prompt once for all its responses; which texts go together, and how.

A tree is a prompt with responses behind it: each response sees the prompt and itself, and its positions go on from the
prompt's, so every number is that of the response alone behind its prompt. Linear layers see tokens only, and no padding
goes through them but up to seven tokens at a row's end; attention is told where the trees lie
(`engine.models.attention`). A model whose attention cannot be told gets its trees padded side by side, one response
each.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch

from engine.models.policy import Policy
from engine.models.tokens import Encoded

_EVEN = 8
"""Tokens of a row are a multiple of it: with 31 · 59 of them products take a quarter longer."""
_LONGEST_TREE = 1024
"""Tokens of a tree of several responses: who sees whom in it is held as a square."""


@dataclass(frozen=True)
class Tree:
    """A prompt of `prompt` tokens and its responses: `texts` says which of the whole, `responses` how long each is."""

    texts: tuple[int, ...]
    prompt: int
    responses: tuple[int, ...]

    @property
    def length(self) -> int:
        """Tokens that go through the model, the prompt once."""
        return self.prompt + sum(self.responses)

    @property
    def reach(self) -> int:
        """The longest text in it."""
        return self.prompt + max(self.responses)


@dataclass(frozen=True)
class Pack:
    """Trees in one row (1, T), its last tokens `filling`, or padded side by side (n, W) with `attention_mask`; tensors
    on the model's device.

    `input_ids` and `position_ids` have the same shape. One entry a response token, text by text in the order of
    `index`: it is `targets[i]` and lies at `rows[i], own[i]`, `rows[i], columns[i]` is the position whose logits say
    what it is, `text[i]` the number of its text in `index` and `within[i]` its place in that response, from 0;
    `counts` (n,) are the response tokens of each text, with the end.
    """

    index: tuple[int, ...]
    trees: tuple[Tree, ...]
    input_ids: torch.Tensor
    position_ids: torch.Tensor
    attention_mask: torch.Tensor | None
    rows: torch.Tensor
    columns: torch.Tensor
    own: torch.Tensor
    targets: torch.Tensor
    text: torch.Tensor
    within: torch.Tensor
    counts: tuple[int, ...]

    @property
    def filling(self) -> int:
        """Tokens at the end of a row that are nobody's."""
        return self.input_ids.numel() - sum(tree.length for tree in self.trees) if self.packed else 0

    @property
    def packed(self) -> bool:
        """Whether attention has to be told where the trees lie."""
        return self.attention_mask is None

    def per_text(self, values: torch.Tensor) -> torch.Tensor:
        """Sums of one value a response token (m,) over each text (n,), with gradient; asked twice they have the same
        bits on a GPU too, where adding by index would leave the order to chance."""
        side_by_side = values.new_zeros(len(self.counts), max(self.counts, default=0))
        return side_by_side.index_put((self.text, self.within), values).sum(1)


def trees_of(encoded: Sequence[Encoded], *, share: bool, longest: int | None = None) -> list[Tree]:
    """Texts of one prompt as one tree while `share` and while it has at most `longest` tokens; else one tree a text."""
    found: list[Tree] = []
    open_: dict[tuple[int, ...], int] = {}
    for number, text in enumerate(encoded):
        at = open_.get(text.prompt_ids) if share and text.prompt_ids else None
        if at is not None and (longest is None or found[at].length + len(text.response_ids) <= longest):
            tree = found[at]
            found[at] = Tree((*tree.texts, number), tree.prompt, (*tree.responses, len(text.response_ids)))
            continue
        open_[text.prompt_ids] = len(found)
        found.append(Tree((number,), len(text.prompt_ids), (len(text.response_ids),)))
    return found


def plan(trees: Sequence[Tree], max_tokens: int, *, padded: bool = False) -> list[list[Tree]]:
    """Trees that go together, at most `max_tokens` a pack (or a single tree): longest first, so that what needs the
    most memory is tried first.

    Packed, each goes where the least room is left for it (best fit, decreasing); padded, it lies beside its like, and
    padding counts. Ties by the first text, so that the order of `trees` changes nothing but the texts' numbers.
    """
    packs: list[list[Tree]] = []
    rooms: list[tuple[int, int]] = []  # what is left in each pack, and which it is, in that order
    for tree in sorted(trees, key=lambda tree: (-tree.length, tree.texts)):
        if padded:
            if not packs or (len(packs[-1]) + 1) * packs[-1][0].length > max_tokens:
                packs.append([])
            packs[-1].append(tree)
            continue
        least = bisect_left(rooms, (tree.length, -1))
        if least < len(rooms):
            room, at = rooms.pop(least)
        else:
            room, at = max_tokens, len(packs)
            packs.append([])
        packs[at].append(tree)
        insort(rooms, (room - tree.length, at))
    return packs


def pack(encoded: Sequence[Encoded], trees: Sequence[Tree], device: torch.device, *, padded: bool = False) -> Pack:
    """These trees as tensors. Padding is any token: a causal model never looks at what comes later."""
    if padded and any(len(tree.texts) > 1 for tree in trees):
        raise ValueError("A padded tree has one response.")
    index = tuple(text for tree in trees for text in tree.texts)
    sizes, prompts = _whole([tree.length for tree in trees]), _whole([tree.prompt for tree in trees])
    counts = _whole([length for tree in trees for length in tree.responses])
    tree_of = np.repeat(np.arange(len(trees)), _whole([len(tree.texts) for tree in trees]))
    width = int(sizes.max()) if padded else 0
    in_row = np.cumsum(sizes) - sizes
    starts = np.arange(len(trees)) * width if padded else in_row
    text, within = np.repeat(np.arange(len(counts)), counts), _steps(counts)
    # In a row a response lies behind all responses before it and all prompts up to its own.
    first = np.cumsum(counts) - counts + (np.cumsum(prompts) + starts - in_row)[tree_of]
    own, of_prompt = first[text] + within, np.repeat(starts, prompts) + _steps(prompts)
    shape = (len(trees), width) if padded else (1, -(-int(sizes.sum()) // _EVEN) * _EVEN)
    targets = _flat([encoded[number].response_ids for number in index], len(own))
    ids, positions, mask = (np.zeros(shape[0] * shape[1], np.int64) for _ in range(3))
    ids[of_prompt] = _flat([encoded[tree.texts[0]].prompt_ids for tree in trees], len(of_prompt))
    ids[own], mask[of_prompt], mask[own] = targets, 1, 1
    positions[of_prompt], positions[own] = _steps(prompts), prompts[tree_of][text] + within
    rows = tree_of[text] if padded else np.zeros_like(text)
    columns = np.where(within > 0, own - 1, (starts + prompts - 1)[tree_of][text])

    def tensor(values: np.ndarray) -> torch.Tensor:
        return sent(values, device)

    return Pack(
        index=index,
        trees=tuple(trees),
        input_ids=tensor(ids).view(shape),
        position_ids=tensor(positions).view(shape),
        attention_mask=tensor(mask).view(shape) if padded else None,
        rows=tensor(rows),
        columns=tensor(columns - rows * width),
        own=tensor(own - rows * width),
        targets=tensor(targets),
        text=tensor(text),
        within=tensor(within),
        counts=tuple(counts.tolist()),
    )


def sent(values: np.ndarray, device: torch.device) -> torch.Tensor:
    """The values on the device."""
    return torch.from_numpy(values).to(device)


def _whole(numbers: list[int]) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)


def _steps(counts: np.ndarray) -> np.ndarray:
    """0, 1, … up to each count, one after the other."""
    array: np.ndarray = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    return array


def _flat(rows: Iterable[tuple[int, ...]], count: int) -> np.ndarray:
    return np.fromiter(chain.from_iterable(rows), np.int64, count)


def packs(policy: Policy, encoded: Sequence[Encoded], max_tokens: int, *, share: bool) -> Iterator[Pack]:
    """All texts in packs of at most `max_tokens`; `share`: texts of one prompt read it once, where the model can."""
    from engine.models.attention import can_be_packed

    padded = not can_be_packed(policy)
    trees = trees_of(encoded, share=share and not padded, longest=min(max_tokens, _LONGEST_TREE))
    for together in plan(trees, max_tokens, padded=padded):
        yield pack(encoded, together, policy.device, padded=padded)
