"""What changed its mind: changes worked by hand."""

import pandas as pd
import pytest

from engine.analysis.minds import Turned, changes, turned


def frame(*rows: tuple[str, str, float]) -> pd.DataFrame:
    """Rows of pair id, answer and margin."""
    return pd.DataFrame(
        [(pair_id, "", 0, answer, margin) for pair_id, answer, margin in rows],
        columns=["pair_id", "held_out", "picked", "answer", "margin"],
    )


BEFORE = frame(("p", "", 1.0), ("q", "", -0.5), ("r", "", 0.25), ("s", "", 0.0), ("only", "", 3.0))
AFTER = frame(("p", "a", -1.0), ("q", "a", 0.5), ("r", "tie", -0.25), ("s", "b", -2.0), ("new", "a", 9.0))


def test_the_greatest_change_comes_first_and_only_pairs_of_both_rounds_count():
    found = changes(BEFORE, AFTER)
    assert found["pair_id"].tolist() == ["p", "s", "q", "r"], "2 and 2 by id, then 1, then a half"
    assert found["change"].tolist() == pytest.approx([-2.0, -2.0, 1.0, -0.5])


def test_a_margin_of_0_has_no_side_to_turn_from():
    found = changes(BEFORE, AFTER).set_index("pair_id")
    assert found["turned"].to_dict() == {"p": True, "s": False, "q": True, "r": True}


def test_what_turned_agrees_with_its_label_or_not_or_has_none():
    found = changes(BEFORE, AFTER)
    agrees = found.set_index("pair_id")["agrees"]
    assert (agrees["p"], agrees["q"], agrees["s"]) == (0.0, 1.0, 1.0)
    assert agrees["r"] != agrees["r"], "a tie prefers no side"
    assert turned(found) == Turned(n=4, turned=3, agree=1, disagree=1, unlabelled=1)


def test_nothing_in_common_is_no_change():
    found = changes(BEFORE[:0], AFTER)
    assert found.empty
    assert turned(found) == Turned(0, 0, 0, 0, 0)
