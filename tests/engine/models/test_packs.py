"""Packs against single texts: every token in its place, each text once, prompts shared, limits kept."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.models import attention
from engine.models.attention import can_be_packed
from engine.models.gradients import reward_gradients
from engine.models.logps import score_responses
from engine.models.packs import Tree, pack, packs, plan, trees_of
from engine.models.policy import Policy
from engine.models.short_attention import Sides, attend, sides_of
from engine.models.tokens import Encoded, encode_responses
from tests.conftest import move
from tests.engine import naive
from tests.engine.models.texts import some_texts

CPU = torch.device("cpu")
texts = st.lists(
    st.builds(
        Encoded,
        st.sampled_from([(3,), (3, 4), (5, 6, 7), (8, 9, 10, 11)]),
        st.lists(st.integers(20, 99), min_size=1, max_size=6).map(tuple),
    ),
    max_size=12,
)


@given(texts, st.booleans(), st.integers(1, 40))
def test_a_plan_holds_every_text_once_and_keeps_its_limit(encoded: Sequence[Encoded], share: bool, limit: int) -> None:
    trees = trees_of(encoded, share=share, longest=limit)
    assert sorted(text for tree in trees for text in tree.texts) == list(range(len(encoded)))
    assert share or all(len(tree.texts) == 1 for tree in trees)
    for padded in (False, True):
        together = plan(trees, limit, padded=padded)
        assert sorted(tree.texts for part in together for tree in part) == sorted(tree.texts for tree in trees)
        for part in together:
            assert len(part) == 1 or sum(tree.length for tree in part) <= limit
            assert not padded or len(part) == 1 or len(part) * part[0].length <= limit
        longest = [part[0].length for part in together]
        assert longest == sorted(longest, reverse=True)  # what needs the most memory is tried first


@given(texts, st.booleans())
def test_every_token_is_told_its_place(encoded: Sequence[Encoded], share: bool) -> None:
    for padded in (False, True):
        trees = trees_of(encoded, share=share and not padded)
        if not trees:
            continue
        found = pack(encoded, trees, CPU, padded=padded)
        assert sorted(found.index) == list(range(len(encoded)))
        assert found.targets.tolist() == [token for i in found.index for token in encoded[i].response_ids]
        assert found.input_ids[found.rows, found.own].tolist() == found.targets.tolist()
        before = [token for i in found.index for token in (encoded[i].prompt_ids[-1], *encoded[i].response_ids[:-1])]
        assert found.input_ids[found.rows, found.columns].tolist() == before
        places = [len(encoded[i].prompt_ids) + n for i in found.index for n in range(len(encoded[i].response_ids))]
        assert found.position_ids[found.rows, found.own].tolist() == places
        assert found.counts == tuple(len(encoded[i].response_ids) for i in found.index)
        real = found.input_ids.numel() if found.attention_mask is None else int(found.attention_mask.sum())
        assert real - found.filling == sum(tree.length for tree in trees)
        assert 0 <= found.filling < 8
        assert padded or real % 8 == 0


def test_a_prompt_is_read_once_and_a_tree_is_cut_at_the_limit() -> None:
    encoded = [Encoded((1, 2, 3), (9,) * n) for n in (2, 3, 4)]
    (tree,) = trees_of(encoded, share=True)
    assert (tree.prompt, tree.responses, tree.length, tree.reach) == (3, (2, 3, 4), 12, 7)
    assert [tree.texts for tree in trees_of(encoded, share=True, longest=8)] == [(0, 1), (2,)]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 30)), max_size=30), st.integers(1, 60))
def test_a_plan_is_that_of_looking_at_every_pack(sizes: list[tuple[int, int]], limit: int) -> None:
    trees = [Tree((n,), prompt, (response,)) for n, (prompt, response) in enumerate(sizes)]
    packs: list[list[Tree]] = []
    for tree in sorted(trees, key=lambda tree: (-tree.length, tree.texts)):
        room = [limit - sum(held.length for held in one) for one in packs]
        fits = [n for n, left in enumerate(room) if left >= tree.length]
        if fits:
            packs[min(fits, key=lambda n: (room[n], n))].append(tree)
        else:
            packs.append([tree])
    assert plan(trees, limit) == packs


def test_the_least_room_is_filled_first() -> None:
    trees = [Tree((n,), 1, (length - 1,)) for n, length in enumerate((6, 5, 4, 3, 2))]
    assert [[tree.length for tree in part] for part in plan(trees, 10)] == [[6, 4], [5, 3, 2]]


def test_the_same_numbers_packed_and_padded(tiny_policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = encode_responses(move(tiny_policy), *some_texts())
    assert can_be_packed(tiny_policy)
    packed = score_responses(tiny_policy, encoded), reward_gradients(tiny_policy, encoded, dimension=None)
    logps, entropies = naive.scores(tiny_policy.model, encoded)
    np.testing.assert_allclose(packed[0].logp, logps, rtol=1e-5)
    np.testing.assert_allclose(packed[0].entropy, entropies, rtol=1e-5)
    monkeypatch.setattr(tiny_policy.model.get_base_model(), "_workbench_packs", False)
    assert [one.packed for one in packs(tiny_policy, encoded, 200, share=True)].count(True) == 0
    padded = score_responses(tiny_policy, encoded), reward_gradients(tiny_policy, encoded, dimension=None)
    np.testing.assert_allclose(padded[0].logp, packed[0].logp, rtol=1e-5)
    np.testing.assert_allclose(padded[0].entropy, packed[0].entropy, rtol=1e-5)
    np.testing.assert_allclose(padded[1], packed[1], atol=1e-5 * np.abs(packed[1]).max())


def test_a_model_whose_attention_sees_other_tokens_is_not_packed(
    tiny_policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Responses that see each other are caught by the trial, and so is a layer that asks for what packs do not know."""

    def everything(tree: Tree, device: torch.device, window: int | None) -> torch.Tensor:
        return torch.ones(tree.length, tree.length, dtype=torch.bool).tril()

    base = tiny_policy.model.get_base_model()
    del base._workbench_packs  # it was tried when it was loaded
    with monkeypatch.context() as patched:
        patched.setattr(attention, "_mask", everything)
        assert not can_be_packed(tiny_policy)
    del base._workbench_packs
    with monkeypatch.context() as patched:
        patched.setattr(base.config, "sliding_window", 5, raising=False)  # Llama's layers name no window
        patched.setattr(base.config, "layer_types", ["sliding_attention"] * 2, raising=False)
        assert not can_be_packed(tiny_policy)
    del base._workbench_packs
    assert can_be_packed(tiny_policy)


@pytest.mark.parametrize("window", [None, 3])
def test_attention_by_blocks_of_a_shared_row_is_the_same(tiny_policy: Policy, window: int | None) -> None:
    """What the CUDA kernel is told, executed slowly: queries of a block see its keys up to their own, aligned at the
    end, and so far back."""
    encoded = [Encoded((1, 2, 3), (9,) * n) for n in (2, 3, 4)] + [Encoded((5,), (6, 7))]
    trees = trees_of(encoded, share=True)
    layout = attention.Layout(pack(encoded, trees, CPU))
    assert sum(layout.sizes) == 16, "one token to fill the row"
    blocks = layout.varlen()
    keys, q_edge, k_edge = blocks.keys, blocks.query_edges, blocks.key_edges
    longest_q, longest_k = blocks.longest_query, blocks.longest_key
    tokens = sum(layout.sizes)
    sees = torch.zeros(tokens, tokens, dtype=torch.bool)
    for block in range(len(q_edge) - 1):
        queries, its = range(int(q_edge[block]), int(q_edge[block + 1])), keys[k_edge[block] : k_edge[block + 1]]
        assert len(queries) <= longest_q and len(its) <= longest_k
        for n, query in enumerate(queries):
            last = len(its) - len(queries) + n
            first = 0 if window is None else max(0, last - window + 1)
            sees[query, its[first : last + 1]] = True
    wanted = torch.block_diag(*[attention._mask(tree, CPU, window).int() for tree in layout.trees]).bool()
    assert torch.equal(sees, wanted)


@pytest.mark.parametrize("window", [None, 3])
def test_short_trees_side_by_side_are_attended_as_one_by_one(window: int | None) -> None:
    """Values and gradients against scaled-dot-product attention with the same masks, trees of very different length."""
    encoded = [Encoded((1, 2, 3), (9,) * n) for n in (2, 3, 4)] + [Encoded((5,), (6,) * n) for n in (1, 30, 2)]
    masks = [attention._mask(tree, CPU, window) for tree in trees_of(encoded, share=True, longest=12)]
    sides = sides_of(masks, 4, 2)
    assert len(sides.groups) > 1
    tokens = sum(map(len, masks))
    made = torch.Generator().manual_seed(1)
    shapes = [(4, 8), (2, 8), (2, 6), (4, 6)]  # two queries a key, and values of another width
    q, k, v, g = (torch.randn(tokens, *shape, generator=made, dtype=torch.float64) for shape in shapes)
    for x in (q, k, v):
        x.requires_grad_()
    one = dataclasses.replace
    exact = Sides(tuple(one(s, real=s.real.double(), hidden=s.hidden.double()) for s in sides.groups), sides.back)
    found = attend(q, k, v, exact, 0.3)
    whole = torch.block_diag(*[mask.int() for mask in masks]).bool()
    heads = [x.transpose(0, 1) for x in (q, k.repeat_interleave(2, 1), v.repeat_interleave(2, 1))]
    wanted = torch.nn.functional.scaled_dot_product_attention(*heads, whole, scale=0.3).transpose(0, 1)
    torch.testing.assert_close(found, wanted)
    for a, b in zip(torch.autograd.grad(found, (q, k, v), g), torch.autograd.grad(wanted, (q, k, v), g), strict=True):
        torch.testing.assert_close(a, b)


def test_short_trees_in_bfloat16_are_as_close_as_a_flash_kernel_s() -> None:
    """Scores and chances are float32; what goes in and out has bfloat16's 8 bits."""
    masks = [attention._mask(Tree((0, 1), 9, (n, 2 * n)), CPU, None) for n in (12, 14, 31)]
    tokens = sum(map(len, masks))
    made = torch.Generator().manual_seed(1)
    exact = [4 * torch.randn(2, tokens, 16, generator=made).bfloat16().double() for _ in range(4)]
    whole = torch.block_diag(*[mask.int() for mask in masks]).bool()

    def passed(how: Callable[..., torch.Tensor], dtype: torch.dtype) -> list[torch.Tensor]:
        q, k, v = (x.to(dtype).requires_grad_() for x in exact[:3])
        out = how(q, k, v)
        assert out.dtype == dtype
        return [x.double() for x in (out, *torch.autograd.grad(out, (q, k, v), exact[3].to(dtype)))]

    def plain(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        how = torch.nn.functional.scaled_dot_product_attention
        return how(q[None], k[None], v[None], whole, scale=0.3)[0]  # without the batch it would be no flash kernel

    wanted = passed(plain, torch.float64)
    theirs = passed(plain, torch.bfloat16)
    sides = sides_of(masks, 2)

    def short(*heads: torch.Tensor) -> torch.Tensor:
        q, k, v = (x.transpose(0, 1) for x in heads)
        return attend(q, k, v, sides, 0.3).transpose(0, 1)

    ours = passed(short, torch.bfloat16)
    for found, other, right in zip(ours, theirs, wanted, strict=True):
        assert (found - right).norm() <= 1.5 * (other - right).norm()
        assert (found - right).norm() <= 0.02 * right.norm()
