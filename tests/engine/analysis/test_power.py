"""What a study can show, said beforehand: against studies that are drawn, and against the interval it rests on."""

import numpy as np
import pytest

from engine.analysis.crossed import crossed_interval, half_width, half_widths, squares
from engine.analysis.power import SAMPLE, Components, chance, components_of, detectable_before
from tests.engine.analysis.simulated import tables

WIDE = Components(0.002, 0.03, 0.1, "the test")


@pytest.mark.parametrize(("seeds", "strategies"), [(3, 1), (5, 3), (10, 9)])
def test_a_difference_is_called_better_as_often_as_was_said(seeds: int, strategies: int) -> None:
    """6,000 studies drawn; three standard errors are two points."""
    said = detectable_before(seeds, 60, strategies, components=WIDE)
    assert said.likely is not None
    found = squares(tables(np.random.default_rng(seeds), 6000, seeds, 60, WIDE.seed, WIDE.prompt, WIDE.rest))
    half = half_widths(found, seeds, 60, 1 - 0.05 / strategies)
    assert float((found.mean + said.likely > half).mean()) == pytest.approx(0.8, abs=0.03)
    assert chance(said.likely, seeds, 60, 1 - 0.05 / strategies, WIDE) == pytest.approx(0.8, abs=1e-6)


def test_the_half_width_is_the_intervals() -> None:
    known = crossed_interval(tables(np.random.default_rng(0), 1, 30, 200, 0.1, 0.2)[0])
    parts = components_of([known], "here")
    assert parts == Components(known.seed, known.prompt, known.rest, "here")
    said = detectable_before(5, 80, 3, components=parts)
    assert said.half_width == pytest.approx(half_width(known, 5, 80, 1 - 0.05 / 3))


def test_more_seeds_more_prompts_and_fewer_strategies_show_more() -> None:
    def likely(seeds: int, prompts: int, strategies: int) -> float:
        found = detectable_before(seeds, prompts, strategies)
        assert found.likely is not None
        return found.likely

    assert likely(10, 84, 3) < likely(5, 84, 3) < likely(3, 84, 3)
    assert likely(5, 250, 3) < likely(5, 84, 3) < likely(5, 84, 6)


def test_two_seeds_show_nothing_and_no_studies_give_no_components() -> None:
    found = detectable_before(2, 84, 3)
    assert (found.half_width, found.likely, found.components) == (None, None, SAMPLE["accuracy"])
    assert components_of([crossed_interval(np.ones((2, 5)))], "nowhere") is None
    still = detectable_before(3, 84, 3, components=Components(0, 0, 0, "nothing varies"))
    assert (still.half_width, still.likely) == (0.0, 0.0)
