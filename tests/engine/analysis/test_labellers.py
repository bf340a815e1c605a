"""Labellers of known skill: Dawid–Skene finds it, with an interval that holds; the shares are counted by hand."""

import numpy as np
import pandas as pd
import pytest

from engine.analysis.labellers import dawid_skene, labellers, repeated

COLUMNS = ["pair_id", "labeller", "answer", "kind", "known", "first", "seconds"]


def frame(rows: list[tuple]) -> pd.DataFrame:
    """(pair, labeller, answer) and what differs from a plain answer, as a dict at the end."""
    usual = {"kind": "label", "known": "", "first": "", "seconds": float("nan")}
    full = [dict(zip(COLUMNS, row[:3], strict=False)) | usual | (row[3] if len(row) > 3 else {}) for row in rows]
    return pd.DataFrame(full, columns=COLUMNS)


def planted(rng: np.random.Generator, pairs: int, skills: list[float], each: int) -> pd.DataFrame:
    rows = []
    for n in range(pairs):
        truth = rng.choice(["a", "b"])
        for w in rng.permutation(len(skills))[:each]:
            right = rng.random() < skills[w]
            rows.append((f"p{n}", f"w{w}", truth if right else "b" if truth == "a" else "a"))
    return frame(rows)


def test_dawid_skene_finds_the_planted_skills_and_the_interval_holds_them():
    rng = np.random.default_rng(7)
    skills = [0.95, 0.9, 0.8, 0.7, 0.6]
    held, of, middle = 0, 0, np.zeros(len(skills))
    for _ in range(12):
        found = {one.name: one for one in labellers(planted(rng, 300, skills, 3))}
        for n, truth in enumerate(skills):
            one = found[f"w{n}"]
            assert one.low < one.skill < one.high
            held += one.low <= truth <= one.high
            of += 1
            middle[n] += one.skill / 12
    assert np.abs(middle - skills).max() < 0.03
    assert held / of > 0.85  # 95 % of 60, less three standard errors and a little


def test_a_good_labeller_outvotes_two_bad_ones():
    rng = np.random.default_rng(1)
    votes = planted(rng, 200, [0.97, 0.55, 0.55, 0.9], 4)
    found = dawid_skene(votes)
    assert found.skill["w0"] > found.skill["w1"] + 0.2
    torn = votes.groupby("pair_id").filter(
        lambda pair: (
            dict(zip(pair["labeller"], pair["answer"], strict=True))["w0"]
            == dict(zip(pair["labeller"], pair["answer"], strict=True))["w3"]
            and (pair["answer"] == pair["answer"].iloc[0]).sum() == 2
        )
    )
    for pair, part in torn.groupby("pair_id"):
        said = dict(zip(part["labeller"], part["answer"], strict=True))
        assert found.chances[pair].get(said["w0"], 0.0) > 0.5


def test_shares_are_counted_by_hand():
    votes = frame([
        ("p1", "mia", "a", {"first": "a", "seconds": 10.0}), ("p1", "ole", "a", {"first": "b", "seconds": 4.0}),
        ("p2", "mia", "b", {"first": "a", "seconds": 20.0}), ("p2", "ole", "a", {"first": "a"}),
        ("p3", "mia", "tie", {"first": "b", "seconds": 30.0}), ("p4", "mia", "skip"),
        ("p1", "mia", "b", {"kind": "repeat", "first": "b"}), ("p2", "mia", "b", {"kind": "repeat", "first": "b"}),
        ("g1", "mia", "a", {"kind": "gold", "known": "a"}), ("g2", "mia", "b", {"kind": "gold", "known": "a"}),
        ("g3", "mia", "skip", {"kind": "gold", "known": "a"}),
    ])  # fmt: skip
    mia, ole = labellers(votes)
    assert (mia.name, mia.answers, mia.skips, mia.pairs) == ("mia", 3, 2, 2)
    assert (mia.others.count, mia.others.n) == (1, 2)
    assert (mia.itself.count, mia.itself.n) == (1, 2)
    assert (mia.gold.count, mia.gold.n) == (1, 2)
    assert (mia.first.count, mia.first.n) == (3, 4)  # p1 a of a, p2 b of a, and the two repeats b of b
    assert (mia.neither.count, mia.neither.n) == (1, 3)
    assert mia.seconds == 20.0
    assert mia.low is None, "two pairs are too few for an interval"
    assert (ole.answers, ole.itself.share, ole.gold.share) == (2, None, None)
    assert repeated(votes)[["answer", "before"]].to_numpy().tolist() == [["b", "a"], ["b", "b"]]


def test_without_shared_pairs_there_is_no_skill_and_agreeing_always_is_one_with_wilsons_interval():
    alone = frame([(f"p{n}", "mia", "a") for n in range(30)])
    assert labellers(alone)[0].skill is None
    same = frame([(f"p{n}", who, "a" if n % 2 else "b") for n in range(40) for who in ("mia", "ole")])
    mia = labellers(same)[0]
    assert mia.skill == pytest.approx(1.0, abs=1e-6)
    assert mia.low == pytest.approx(0.912, abs=0.001)  # Wilson for 40 of 40
    one_word = frame([(f"p{n}", who, "a") for n in range(40) for who in ("mia", "ole")])
    assert labellers(one_word)[0].skill == 1.0
    assert labellers(frame([])) == []
