"""Packs: many texts in one row of tokens, a prompt once for all its responses; which texts go together, and how.

A tree is a prompt with responses behind it: each response sees the prompt and itself, and its positions go on from the
prompt's, so every number is that of the response alone behind its prompt. Linear layers see tokens only, and no padding
goes through them; attention is told where the trees lie (`engine.models.attention`). A model whose attention cannot be
told gets its trees padded side by side, one response each.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from engine.models.policy import Policy
from engine.models.tokens import Encoded

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
    """Trees in one row (1, T), or padded side by side (n, W) with `attention_mask`; tensors on the model's device.

    `input_ids` and `position_ids` have the same shape. One entry a response token, text by text in the order of
    `index`: it is `targets[i]` and lies at `rows[i], own[i]`, `rows[i], columns[i]` is the position whose logits say
    what it is, `text[i]` the number of its text in `index`; `counts` (n,) are the response tokens of each text, with
    the end.
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
    counts: tuple[int, ...]

    @property
    def packed(self) -> bool:
        """Whether attention has to be told where the trees lie."""
        return self.attention_mask is None

    def per_text(self, values: torch.Tensor) -> torch.Tensor:
        """Sums of one value a response token (m,) over each text (n,), with gradient; asked twice they have the same
        bits on a GPU too, where adding by index would leave the order to chance."""
        counts = torch.tensor(self.counts, device=values.device)
        place = torch.arange(len(values), device=values.device) - (counts.cumsum(0) - counts)[self.text]
        side_by_side = values.new_zeros(len(counts), max(self.counts, default=0))
        return side_by_side.index_put((self.text, place), values).sum(1)


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
    room: list[int] = []
    for tree in sorted(trees, key=lambda tree: (-tree.length, tree.texts)):
        if padded:
            fits = bool(packs) and (len(packs[-1]) + 1) * packs[-1][0].length <= max_tokens
            at = len(packs) - 1 if fits else None
        else:
            fitting = [n for n, left in enumerate(room) if left >= tree.length]
            at = min(fitting, key=lambda n: (room[n], n), default=None)
        if at is None:
            packs.append([])
            room.append(max_tokens)
            at = len(packs) - 1
        packs[at].append(tree)
        room[at] -= tree.length
    return packs


def pack(encoded: Sequence[Encoded], trees: Sequence[Tree], device: torch.device, *, padded: bool = False) -> Pack:
    """These trees as tensors. Padding is any token: a causal model never looks at what comes later."""
    width = max(tree.length for tree in trees) if padded else 0
    ids: list[int] = []
    positions: list[int] = []
    mask: list[int] = []
    rows: list[int] = []
    columns: list[int] = []
    own: list[int] = []
    targets: list[int] = []
    owners: list[int] = []
    counts: list[int] = []
    for number, tree in enumerate(trees):
        if padded and len(tree.texts) > 1:
            raise ValueError("A padded tree has one response.")
        start, row = (0, number) if padded else (len(ids), 0)
        ids += encoded[tree.texts[0]].prompt_ids
        positions += range(tree.prompt)
        for text, length in zip(tree.texts, tree.responses, strict=True):
            response = encoded[text].response_ids
            before = len(ids) - (number * width if padded else 0)
            ids += response
            positions += range(tree.prompt, tree.prompt + length)
            rows += [row] * length
            columns += [start + tree.prompt - 1, *range(before, before + length - 1)]
            own += range(before, before + length)
            targets += response
            owners += [len(counts)] * length
            counts.append(length)
        if padded:
            empty = width - tree.length
            mask += [1] * tree.length + [0] * empty
            ids += [0] * empty
            positions += [0] * empty
    shape = (len(trees), width) if padded else (1, len(ids))

    def tensor(values: list[int]) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.long, device=device)

    return Pack(
        index=tuple(text for tree in trees for text in tree.texts),
        trees=tuple(trees),
        input_ids=tensor(ids).view(shape),
        position_ids=tensor(positions).view(shape),
        attention_mask=tensor(mask).view(shape) if padded else None,
        rows=tensor(rows),
        columns=tensor(columns),
        own=tensor(own),
        targets=tensor(targets),
        text=tensor(owners),
        counts=tuple(counts),
    )


def packs(policy: Policy, encoded: Sequence[Encoded], max_tokens: int, *, share: bool) -> Iterator[Pack]:
    """All texts in packs of at most `max_tokens`; `share`: texts of one prompt read it once, where the model can."""
    from engine.models.attention import can_be_packed

    padded = not can_be_packed(policy)
    trees = trees_of(encoded, share=share and not padded, longest=min(max_tokens, _LONGEST_TREE))
    for together in plan(trees, max_tokens, padded=padded):
        yield pack(encoded, together, policy.device, padded=padded)
