"""The harness of the benchmarks: it takes turns, demands agreement, watches memory, says what is missing."""

import numpy as np
import pytest

from tests.bench._harness import (
    Disagreement,
    Outcome,
    Way,
    agree,
    agree_at_least,
    is_there,
    race,
    row,
    same,
    setting,
    skipped,
)


def test_ways_take_turns_and_only_the_work_is_timed() -> None:
    seen: list[str] = []

    def way(name: str, turns: int) -> Way:
        def prepare() -> int:
            seen.append(f"prepare {name}")
            return len(seen)

        return Way(name, lambda given: seen.append(name) or given, prepare, turns=turns)

    quick, slow = race(way("quick", 3), way("slow", 2))
    assert [name for name in seen if " " not in name] == "quick slow quick slow slow quick quick".split()
    assert seen[0::2] == [f"prepare {name}" for name in seen[1::2]]
    assert (len(quick.seconds), len(slow.seconds)) == (3, 2)
    assert quick.result == 13  # what the last prepare gave
    seen.clear()
    assert [len(found.seconds) for found in race(way("quick", 3), way("slow", 2), quick=True)] == [1, 1]
    assert len(seen) == 4


def test_memory_that_is_taken_and_given_back_is_seen() -> None:
    def take(megabytes: int) -> Way:
        return Way(str(megabytes), lambda: float(np.ones(megabytes * 125_000).sum()), turns=1, warm_up=1)

    large, small = race(take(200), take(20))
    if large.peak_mb is None or small.peak_mb is None:
        pytest.skip("this system keeps no high-water mark that can be set back")
    assert 190 < large.peak_mb < 260
    assert 15 < small.peak_mb < 60  # not hidden by what the large one gave back


def test_a_row_says_the_ratio_of_medians_and_whether_it_is_enough() -> None:
    slow, fast = Outcome("the peer", (9.0, 1.0, 8.0), 300.0, None), Outcome("ours", (2.0, 50.0, 1.0), None, None)
    assert row("C1", "DPO epoch", slow, fast, 4, "losses agree") == (
        "C1 DPO epoch: 4.0 × the peer (limit ≥ 4 ×: reached); 2 s (median of 3) against 8 s (median of 3); "
        "peak memory not measured against +300 MB; losses agree"
    )
    assert "NOT reached" in row("C1", "DPO epoch", slow, fast, 4.5, "")
    assert "limit" not in row("C1", "DPO epoch", slow, fast, None, "")


def test_what_does_not_agree_fails() -> None:
    assert agree("error", 1e-6, 1e-5) == "error 1.0e-06 (≤ 1e-05)"
    assert agree_at_least("Spearman", 0.95, 0.9) == "Spearman 0.9500 (≥ 0.9)"
    assert same("picks", [1, 2], [1, 2]) == "the same picks"
    for wrong in (
        lambda: agree("error", 2e-5, 1e-5),
        lambda: agree("error", float("nan"), 1e-5),
        lambda: agree_at_least("Spearman", 0.8, 0.9),
        lambda: agree_at_least("Spearman", float("nan"), 0.9),
        lambda: same("picks", [1, 2], [2, 1]),
    ):
        with pytest.raises(Disagreement):
            wrong()


def test_a_missing_peer_is_said() -> None:
    assert is_there("numpy")
    assert not is_there("no_such_package")
    assert skipped("C4", "gradient", "traker") == "C4 gradient: skipped: traker is not installed"
    assert "no-such-package not installed" in setting("numpy", "no-such-package", dtype="float32")
