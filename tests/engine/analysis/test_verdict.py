"""Verdicts: the word follows the interval, false alarms stay rare, and the numbers that are asked for suffice."""

import numpy as np
import pytest

from engine.analysis.crossed import half_width
from engine.analysis.verdict import sentence, verdicts
from tests.engine.analysis.test_crossed import drawn


def table(mean: float, seeds: int = 5, prompts: int = 80, salt: int = 0) -> np.ndarray:
    return mean + 0.1 * drawn(np.random.default_rng(salt), seeds, prompts, 0.02, 0.1)


def test_the_word_follows_the_interval_and_never_stands_without_one() -> None:
    found = verdicts({"up": table(0.2), "down": table(-0.2, salt=1), "level": table(0.0, salt=2)}, 0.5)
    assert [found[name].word for name in ("up", "down", "level")] == ["better", "worse", "not shown"]
    for verdict in found.values():
        words = sentence(verdict, "X", "random", "points")
        assert f"{verdict.low:+.3f} to {verdict.high:+.3f}".replace("-", "−") in words
        assert "5 seeds, 80 prompts" in words


def test_two_seeds_are_no_verdict_and_the_sentence_says_why() -> None:
    found = verdicts({"one": table(0.4, seeds=2)}, 0.1)["one"]
    assert (found.word, found.low) == ("no verdict", None)
    assert "it takes 3" in sentence(found, "One", "random", "points")


def test_a_difference_too_small_to_matter_is_said() -> None:
    found = verdicts({"one": table(0.0, salt=2)}, 0.5)["one"]
    assert found.equal
    assert "less than the 0.5 points that matter" in sentence(found, "One", "random", "points")
    small = verdicts({"one": table(0.2)}, 0.5)["one"]
    assert small.word == "better"
    assert "less than the 0.5 that matter" in sentence(small, "One", "random", "points")


def test_more_strategies_make_every_interval_wider() -> None:
    alone = verdicts({"one": table(0.1)}, 0.1)["one"]
    among = verdicts({name: table(0.1, salt=n) for n, name in enumerate(["one", "two", "three"])}, 0.1)["one"]
    assert among.low is not None
    assert alone.low is not None
    assert among.low < alone.low
    assert among.level == pytest.approx(1 - 0.05 / 3)


def test_studies_in_which_nothing_differs_seldom_find_anything() -> None:
    """Two strategies share their twin, as in a study; 300 studies at 5 % find more than 9 % once in a thousand."""
    rng, alarms = np.random.default_rng(3), 0
    for _ in range(300):
        twin = drawn(rng, 3, 40, 0.02, 0.2)
        tables = {name: drawn(rng, 3, 40, 0.02, 0.2) - twin for name in ("one", "two")}
        alarms += any(v.word != "not shown" for v in verdicts(tables, 1.0).values())
    assert alarms / 300 <= 0.09


def test_the_numbers_that_are_asked_for_are_the_least_that_suffice() -> None:
    found = verdicts({"one": table(0.0, seeds=4, salt=6)}, 0.02)["one"]
    assert found.seeds_needed is not None
    prompts = found.difference.prompts
    assert half_width(found.difference, found.seeds_needed, prompts, found.level) <= 0.02
    assert half_width(found.difference, found.seeds_needed - 1, prompts, found.level) > 0.02
    assert f"{found.seeds_needed:,} seeds in all" in sentence(found, "One", "random", "points")


def test_where_neither_alone_would_do_both_are_named() -> None:
    lucky = np.array([[-0.5], [0.1], [0.4]])
    found = verdicts({"one": lucky + drawn(np.random.default_rng(1), 3, 20, 0.0, 0.5)}, 0.05)["one"]
    assert (found.seeds_needed, found.prompts_needed) == (None, None)
    assert found.both_needed is not None
    seeds, prompts = found.both_needed
    assert half_width(found.difference, seeds, prompts, found.level) <= 0.05
    assert half_width(found.difference, int(seeds * 0.9), int(prompts * 0.9), found.level) > 0.05
    assert f"{seeds:,} seeds and {prompts:,} held-out prompts in all" in sentence(found, "One", "random", "points")


def test_where_only_seeds_vary_no_number_of_prompts_is_promised() -> None:
    rows = np.repeat(np.array([[0.5], [-0.4], [0.1]]), 30, axis=1)
    found = verdicts({"one": rows}, 0.01)["one"]
    assert found.prompts_needed is None
    assert found.seeds_needed is not None
    assert "held-out prompts" not in sentence(found, "One", "random", "points")


def test_a_smallest_difference_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        verdicts({}, 0.0)
