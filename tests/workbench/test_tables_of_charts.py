"""The numbers of figures as tables and in words: against frames by hand."""

import re

import numpy as np
import pandas as pd

from engine.analysis.certainty import of_margins
from engine.store.summaries import StrategyRef
from workbench.charts.levels import levels
from workbench.components.certainty_panel import bins_markup
from workbench.components.lab_tables import _mark
from workbench.components.levels_table import levels_words, rounds_markup

RANDOM, ACTIVE = StrategyRef("random", "random", 0), StrategyRef("activedpo", "<b>Active", 1)


def frame() -> pd.DataFrame:
    """Random in two rounds with three seeds, the other in one with one."""
    rows = [
        ("random", "random", 0, seed, n, 10.0 * n, 0.5 + 0.1 * n + 0.01 * seed) for seed in (1, 2, 3) for n in (0, 1)
    ]
    rows.append(("activedpo", "<b>Active", 1, 1, 0, 0.0, 0.25))
    table = pd.DataFrame(rows, columns=["strategy", "title", "slot", "seed", "round", "labels", "value"])
    return table.assign(n=40)


def cells(markup: str) -> list[list[str]]:
    """The cells of each row of a table, markup taken out."""
    rows = re.findall(r"<tr>(.*?)</tr>", markup, re.DOTALL)
    return [
        [re.sub(r"<[^>]+>", " ", cell).strip() for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row)]
        for row in rows
    ]


def test_every_round_of_a_curve_stands_in_its_table() -> None:
    found = rounds_markup(levels(frame()), "share")
    head, first, second = cells(found)
    assert head == ["round", "labels bought", "random", "&lt;b&gt;Active"]
    assert first[:2] == ["0", "0"]
    assert first[2].startswith("0.520"), "the mean of 0.51, 0.52 and 0.53"
    assert "to" in first[2], "three seeds have an interval"
    assert first[3] == "0.250"
    assert (second[:2], second[2][:5], second[3]) == (["1", "10"], "0.620", "–")
    assert "every round as a table, share" in found


def test_a_curve_in_words_names_the_last_mean_of_each_strategy() -> None:
    assert levels_words(levels(frame())) == "last means: random 0.620 and <b>Active 0.250"
    assert levels_words(levels(frame()[:0])) == "nothing is measured yet"


def test_every_mark_of_reliability_stands_in_its_table() -> None:
    margins = np.repeat([0.5, 1.0, 2.0, 4.0, 8.0], 4)
    agrees = np.array([0, 1, 1, 1] * 5)
    found = of_margins(margins, agrees)
    rows = cells(bins_markup([(2, found), (3, found)]))
    assert len(rows) == 1 + 2 * len(found.bins)
    first = rows[1]
    assert first[:3] == ["2", "0.50", "4"]
    assert first[3].startswith("0.250")
    assert first[4] == "0.378", "σ(−0.5)"


def test_a_strip_in_numbers() -> None:
    number = {"kind": "number", "unit": "tokens"}
    assert "3.00" in _mark(number, {"n": 4, "quantiles": [1, 2, 3, 4, 5]})
    assert "2.00 to 4.00" in _mark(number, {"n": 4, "quantiles": [1, 2, 3, 4, 5]})
    assert _mark(number, {"n": 0}) == "–"
    share = _mark({"kind": "share"}, {"n": 4, "share": 0.5, "low": 0.25, "high": 0.75})
    assert share.startswith("50")
    assert "25" in share
    assert "75" in share
    kinds = _mark({"kind": "kinds"}, {"n": 4, "distance": 0.5, "chance": 0.125})
    assert kinds.startswith("50")
