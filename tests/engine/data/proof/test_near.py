"""Near-duplicates: groups against a loop over all pairs, the estimate against Jaccard itself, and the leakage."""

import json

import numpy as np
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.formats.base import ParsedRow
from engine.data.proof import near
from engine.data.proof.leakage import CUT, across, leakage
from engine.data.proof.near import PERMUTATIONS, NearDuplicates, groups, jaccard, near_prompts, shingles, signature
from engine.records import Message, Prompt

LONG = "please tell me in a few words how I can wash a woollen jumper by hand without it shrinking at all in the water"


def prompt(text: str) -> Prompt:
    return Prompt.of((Message("user", text),))


def by_all_pairs(signatures: np.ndarray, threshold: float) -> list[int]:
    """The same chains by comparing everything with everything."""
    group = list(range(len(signatures)))
    for i in range(len(signatures)):
        for j in range(i):
            if (signatures[i] == signatures[j]).mean() >= threshold:
                low, high = sorted((group[i], group[j]))
                group = [low if g == high else g for g in group]
    return group


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 40))
def test_groups_are_those_of_a_loop_over_all_pairs(seed: int, n: int) -> None:
    """Rows that agree in many numbers or in none: between the two, banding is allowed to miss."""
    rng = np.random.default_rng(seed)
    heads = rng.integers(0, 2**32, (4, PERMUTATIONS), dtype=np.uint32)
    found = heads[rng.integers(0, 4, n)]
    for row in found:
        row[rng.choice(PERMUTATIONS, rng.integers(0, 10), replace=False)] = rng.integers(0, 2**32, dtype=np.uint32)
    assert groups(found, 0.8).tolist() == by_all_pairs(found, 0.8)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(2, 9))
def test_chains_join_though_their_ends_are_far_apart(seed: int, n: int) -> None:
    """Each row is an earlier one with a stretch of it changed, so that groups grow together over several bands."""
    rng = np.random.default_rng(seed)
    found = np.zeros((n, PERMUTATIONS), dtype=np.uint32)
    for row in range(1, n):
        found[row] = found[rng.integers(0, row)]
        start = rng.integers(0, PERMUTATIONS - 20)
        found[row, start : start + 20] = row
    found = found[rng.permutation(n)]
    assert groups(found, 0.8).tolist() == by_all_pairs(found, 0.8)


def test_a_bucket_of_any_size_is_compared_with_a_few_heads_only() -> None:
    same = np.zeros((3_000, PERMUTATIONS), dtype=np.uint32)
    same[:, 5:] = np.arange(3_000)[:, None]  # one band in common, nothing else
    assert groups(same, 0.8).tolist() == list(range(3_000))


def test_a_signature_estimates_the_similarity_and_is_datasketchs_own() -> None:
    words = LONG.split()
    for cut in (0, 2, 5, 9):
        other = " ".join(words[: len(words) - cut])
        estimate = float((signature(LONG) == signature(other)).mean())
        assert abs(estimate - jaccard(LONG, other)) < 0.15
    slow = MinHash(num_perm=PERMUTATIONS, seed=1)
    for part in shingles(LONG):
        slow.update(part.encode())
    assert np.array_equal(slow.hashvalues, signature(LONG))


def test_shingles_are_runs_of_three_words_and_of_characters_where_no_blanks_are() -> None:
    assert shingles("How do I  WASH it?") == {"how do i", "do i wash", "i wash it"}
    assert shingles("two words") == {"two words"}
    assert shingles("羊毛を洗う") == {"羊 毛 を", "毛 を 洗", "を 洗 う"}
    assert shingles("") == {""}


def test_the_check_counts_prompts_in_groups_and_names_their_rows() -> None:
    texts = [LONG, "something else entirely, about silk", LONG + " please", LONG, "a third thing, of linen this time"]
    check = NearDuplicates()
    for number, text in enumerate(texts, start=1):
        check.take(number, ParsedRow((Message("user", text),), ()))
    (found,) = check.findings()
    assert (found.found, found.of) == (2, 4), "row 4 is the prompt of row 1 itself"
    assert found.rows == ((1, "first of its group"), (3, "near row 1"))
    assert NearDuplicates().findings()[0].found == 0


def test_groups_of_prompts_do_not_depend_on_their_order() -> None:
    prompts = [prompt(LONG), prompt(LONG + " now"), prompt("and what of silk?")]
    one = near_prompts({p.id: p for p in prompts})
    assert one == near_prompts({p.id: p for p in reversed(prompts)})
    assert one[prompts[0].id] == one[prompts[1].id] == min(prompts[0].id, prompts[1].id)
    assert one[prompts[2].id] == prompts[2].id
    assert near_prompts({}) == {}


def test_it_says_how_far_it_is_and_can_be_stopped(monkeypatch) -> None:
    monkeypatch.setattr(near, "BLOCK", 1)
    heard = []
    near_prompts({p.id: p for p in (prompt("a"), prompt("b"))}, say=heard.append)
    assert heard == ["comparing prompts, 0 of 2", "comparing prompts, 1 of 2"]


def test_leakage_counts_the_same_prompt_and_the_near_one(tmp_path) -> None:
    def write(name: str, *prompts: str) -> str:
        path = tmp_path / name
        path.write_text("".join(json.dumps({"prompt": p, "chosen": "a", "rejected": "b"}) + "\n" for p in prompts))
        return str(path)

    pool = write("pool.jsonl", LONG, "How do I wash silk?", "And linen?")
    held_out = write("held.jsonl", LONG + " thanks", "How do I wash silk?", "Something of its own entirely")
    found = leakage(pool, held_out)
    assert (found["held_out"], found["same"], found["near"]) == (3, 1, 1)
    assert leakage(pool, held_out, near=False)["near"] == 0
    assert found["listed"][1] == [prompt(LONG + " thanks").id, prompt(LONG).id]
    same, near = found["shown"]
    assert same == ["How do I wash silk?"] * 2
    assert near == [(LONG + " thanks")[:CUT], LONG[:CUT]]
    assert across({}, {"p": prompt("x")}, {"p": "p"}) == []
