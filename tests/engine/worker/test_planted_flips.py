"""A small study on answers of which some are exchanged: the proof `relabel` in full has ten seeds of it."""

from pathlib import Path

from tests.proof.relabel import DECIDES, FIRST, RATE, one, planted


def test_labels_that_were_exchanged_come_first_among_the_suspects(tmp_path: Path) -> None:
    base, precision = one(tmp_path, seed=3, rounds=4, batch=60, prompts=160)
    assert abs(base - RATE) < 0.06
    assert precision[FIRST.index(DECIDES)] > 1.5 * base


def test_flips_are_planted_by_pair_and_seed() -> None:
    from engine.data.read import read
    from tests.logbook import ROOT

    pool = read(ROOT / "sample_data" / "skewed" / "tune_pool.jsonl").data
    noisy, flipped = planted(pool, 1)
    again, same = planted(pool, 1)
    assert flipped == same
    assert noisy.comparisons == again.comparisons
    assert flipped != planted(pool, 2)[1]
    score = pool.scores
    wrong = {
        one.pair_id
        for one in noisy.comparisons
        if (score[noisy.pairs[one.pair_id].a] > score[noisy.pairs[one.pair_id].b]) != (one.answer == "a")
    }
    assert wrong == flipped
    assert abs(len(flipped) / len(noisy.pairs) - RATE) < 0.03
