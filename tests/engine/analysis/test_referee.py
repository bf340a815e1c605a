"""From right and wrong answers to findings: what is planted is found, what is not there is not."""

import numpy as np
import pytest

from engine.analysis.referee import curve, findings
from engine.records import Outcomes

LABELS = (0.0, 60.0, 120.0, 180.0)


def outcomes(chances: dict[str, list[float]], seeds: int = 5, pairs: int = 600, salt: int = 0) -> Outcomes:
    """Pairs come three to a prompt; a prompt is hard or easy for everybody, a seed lucky or not."""
    rng = np.random.default_rng(salt)
    ids = tuple(f"p{n // 3:03}" for n in range(pairs))
    hard = np.repeat(rng.normal(0, 0.1, pairs // 3), 3)
    right = {}
    for name, levels in chances.items():
        right[name] = {}
        for seed in range(1, seeds + 1):
            luck = rng.normal(0, 0.01)
            rows = [rng.random(pairs) < np.clip(level + hard + luck, 0, 1) for level in levels]
            right[name][seed] = np.stack(rows).astype(float)
    return Outcomes(LABELS, ids, right)


LEVELS = [0.5, 0.6, 0.65, 0.7]


def test_a_planted_gain_is_found_and_a_planted_loss() -> None:
    found = findings(
        outcomes({"random": LEVELS, "good": [0.5, 0.7, 0.8, 0.85], "bad": [0.5, 0.52, 0.54, 0.55]}), "random"
    )
    assert found["good"].verdict.word == "better"
    assert found["bad"].verdict.word == "worse"
    assert found["good"].final.mean == pytest.approx(0.15, abs=0.04)
    assert found["good"].reach.labels == pytest.approx(60, abs=15)
    assert found["good"].reach.saved[0] == pytest.approx(0.67, abs=0.09)
    assert found["bad"].reach.labels is None
    assert found["good"].multiplier is not None
    assert found["good"].multiplier > 2


def test_on_a_flat_world_nothing_is_found() -> None:
    """The same curve for all: 5 % of studies may find something, this one (and its neighbours) must not."""
    for salt in range(4):
        found = findings(outcomes({name: LEVELS for name in ("random", "one", "two", "three")}, salt=salt), "random")
        assert {finding.verdict.word for finding in found.values()} == {"not shown"}, salt


def test_the_declared_statistic_decides_the_word() -> None:
    """Ahead all the way and level at the end: better by area, not shown by the last round."""
    world = outcomes({"random": LEVELS, "early": [0.5, 0.75, 0.75, 0.7]})
    assert findings(world, "random", statistic="area")["early"].verdict.word == "better"
    assert findings(world, "random", statistic="final")["early"].verdict.word == "not shown"
    with pytest.raises(ValueError, match="final and area"):
        findings(world, "random", statistic="best")


def test_the_mean_of_the_cells_is_the_accuracy() -> None:
    world = outcomes({"random": LEVELS, "one": LEVELS}, pairs=30)
    found = curve(world, "one", (2, 4))
    for n, seed in enumerate((2, 4)):
        assert found[-1][n].mean() == pytest.approx(world.values["one"][seed][-1].mean())


def test_only_seeds_that_both_have_are_compared() -> None:
    world = outcomes({"random": LEVELS, "one": LEVELS, "two": LEVELS}, seeds=4, pairs=90)
    right = {name: dict(runs) for name, runs in world.values.items()}
    del right["random"][1], right["one"][4]
    right["two"] = {9: right["two"][1]}
    found = findings(Outcomes(LABELS, world.prompt_ids, right), "random")
    assert found["one"].seeds == (2, 3)
    assert found["one"].verdict.word == "no verdict"
    assert "two" not in found
    assert findings(Outcomes((0.0,), world.prompt_ids, world.values), "random") == {}


def test_each_strategy_has_its_own_twin() -> None:
    """As published: another regime has another twin; twins, and keys without one, are not judged."""
    good = [0.5, 0.7, 0.8, 0.85]
    world = outcomes({"random": LEVELS, "one": good, "random:fast": good, "two": good, "random:again": LEVELS})
    found = findings(world, {"one": "random", "two": "random:fast"})
    assert sorted(found) == ["one", "two"]
    assert (found["one"].twin, found["two"].twin) == ("random", "random:fast")
    assert (found["one"].verdict.word, found["two"].verdict.word) == ("better", "not shown")
    assert found["one"].verdict.level == pytest.approx(1 - 0.05 / 2), "only those that are judged share the error"
    assert findings(world, {"one": "nobody"}) == {}


def test_a_look_has_its_own_level() -> None:
    world = outcomes({"random": LEVELS, "one": [0.5, 0.62, 0.66, 0.75]})
    plain, early = (findings(world, "random", each=each)["one"] for each in (None, 0.999))
    assert (plain.verdict.level, early.verdict.level) == pytest.approx((0.95, 0.999))
    assert early.verdict.low is not None
    assert plain.verdict.low is not None
    assert early.verdict.low < plain.verdict.low
    assert early.final == plain.final, "the numbers beside a verdict hold each for itself"


def test_a_verdict_stands_on_the_seeds_of_its_look_and_on_no_other() -> None:
    world = outcomes({"random": LEVELS, "one": [0.5, 0.62, 0.66, 0.75]})
    every = findings(world, "random")["one"].seeds
    few = findings(world, "random", seeds=every[:3])["one"]
    assert few.seeds == every[:3]
    assert few.final.seeds == 3
    assert findings(world, "random", seeds=[77]) == {}


def test_the_bootstrap_stands_beside_the_interval_and_has_the_statistic_of_the_verdict() -> None:
    world = outcomes({"random": LEVELS, "early": [0.5, 0.75, 0.75, 0.7]})
    for statistic in ("final", "area"):
        found = findings(world, "random", statistic=statistic)["early"]
        assert found.bootstrap is not None
        assert found.bootstrap[0] < found.verdict.difference.mean < found.bootstrap[1]
    few = outcomes({"random": LEVELS, "one": LEVELS}, seeds=2, pairs=30)
    assert findings(few, "random")["one"].bootstrap is None


def test_labels_are_counted_to_the_level_that_was_declared() -> None:
    world = outcomes({"random": LEVELS, "one": [0.5, 0.62, 0.66, 0.75]})
    labels = [findings(world, "random", target=target)["one"].reach.labels for target in (0.55, 0.65, None, 0.9)]
    assert labels[0] is not None
    assert labels[1] is not None
    assert labels[0] < labels[1]
    assert labels[3] is None, "a level that is never reached"
    assert labels[2] == pytest.approx(findings(world, "random", target=LEVELS[-1])["one"].reach.labels, abs=10)
