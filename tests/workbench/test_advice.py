"""Advice on going on, and whether the uncertainty is real: worked by hand, and drawn from a real store."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.advice import advice
from engine.analysis.stopping import stabilising
from engine.evidence import advised
from engine.records import Outcomes, Scored, SignalArray
from engine.store import queries, writer
from engine.store.database import Store, open_store
from engine.store.margins import Margins, margins
from engine.store.outcomes import furthest, outcomes
from engine.store.summaries import StrategyRef
from tests.engine.analysis.test_referee import outcomes as world
from tests.workbench import worlds
from tests.workbench.test_foreign_text import read
from tests.workbench.test_pages import app, seen
from workbench.certainty import uncertainty
from workbench.charts.reliability import reliability_figure
from workbench.components.advice_table import advice_markup
from workbench.components.certainty_panel import certainty_markup

REFS = {name: StrategyRef(name, f"<i>{name}</i>", n) for n, name in enumerate(("random", "one"))}


# ---- the next batch ------------------------------------------------------------------------------------------------
def test_every_strategy_with_finished_runs_gets_its_advice():
    kept = world({"random": [0.5, 0.6, 0.7, 0.8], "one": [0.5, 0.52, 0.5, 0.52]})
    found = advice(dict.fromkeys(("random", "one"), kept), ("random", "one", "gone"))
    assert [one.strategy for one in found] == ["random", "one"]
    assert found[0].forecast is not None
    assert found[0].forecast.gain[0] > found[1].forecast.gain[0], "a curve that still rises brings more"
    assert len(found[0].settled) == 5
    said = read(advice_markup(found, REFS, "pool like")).text
    assert "<i>one</i>" in said
    assert "Laws & Schütze 2008" in said


def test_the_rule_is_shown_predictions_and_never_the_labels():
    rng = np.random.default_rng(0)
    sides = np.where(rng.random(200) < 0.5, 1.0, -1.0)
    predicted = np.sign(rng.normal(size=(6, 200)))
    right = (predicted * sides + 1) / 2
    kept = Outcomes(tuple(range(6)), tuple(f"p{n}" for n in range(200)), {"one": {1: right}}, tuple(sides))
    (one,) = advice({"one": kept}, ["one"])
    assert one.settled[0].value == pytest.approx(stabilising(predicted).value)
    (blind,) = advice({"one": replace(kept, sides=())}, ["one"])
    assert blind.settled[0].value != pytest.approx(stabilising(predicted).value)


def test_the_sides_that_were_preferred_come_from_the_store(tmp_path):
    store = worlds.finished(tmp_path / "s", seeds=(1,))
    kept = outcomes(store, queries.studies(store)[0].id, "pool_like")
    assert kept is not None
    assert kept.sides == (1.0,) * worlds.MEASURED, "in this world side a is always preferred"


def test_a_study_that_runs_is_advised_where_it_stands(tmp_path):
    """Seed 1 of random has both rounds; of an arm that has only begun, what there is."""
    store = worlds.running(tmp_path / "s", done=1)
    study = queries.studies(store)[0]
    kept = furthest(store, study.id, "pool_like")
    assert {arm: (len(found.labels) - 1, sorted(found.values[arm])) for arm, found in kept.items()} == {
        "random": (2, [1]),
        "activedpo": (1, [1]),
    }
    found = advised(store, queries.study(store, study.id))
    assert [(one.strategy, one.labels) for one in found] == [("random", 12.0), ("activedpo", 6.0)]


def test_before_two_rounds_there_is_no_prediction():
    kept = Outcomes((0.0, 10.0), ("p", "q"), {"one": {1: np.array([[0.5, 0.5], [1, 0]])}})
    (one,) = advice({"one": kept}, ["one"])
    assert one.forecast is None
    assert "it takes 2 rounds" in advice_markup([one], REFS, "x")
    assert advice({"one": Outcomes((0.0,), ("p",), {"one": {1: np.array([[0.5]])}})}, ["one"]) == ()


# ---- the uncertainty -----------------------------------------------------------------------------------------------
def by_hand() -> Margins:
    picked = pd.DataFrame(
        [(1, 1, "p1", "wool", 0.0, "a"), (1, 2, "p2", "wool", 2.0, "a"), (1, 2, "p3", "<b>tin</b>", -2.0, "a"),
         (2, 2, "p4", "wool", -1.0, "b"), (2, 2, "p5", "wool", 1.0, "tie")],
        columns=["seed", "round", "pair_id", "topic", "margin", "answer"],
    )  # fmt: skip
    candidates = pd.DataFrame(
        [
            (1, 2, "p7", 1.0),
            (1, 2, "p8", -1.0),
            (1, 2, "p9", 1.0),
            (1, 3, "p7", -1.0),
            (1, 3, "p8", -2.0),
            (2, 2, "p7", -1.0),
            (2, 2, "p8", 1.0),
        ],
        columns=["seed", "round", "pair_id", "margin"],
    )
    return Margins(picked, candidates.assign(score=float("nan"), gold=float("nan")))


def test_a_score_is_held_against_the_error_of_the_reward_difference():
    """Round 2 of seed 1: margins 3, −4, 0, 5 are 6/5 of twice the gold ones but for the third; by hand in units of
    their root mean squares."""
    recorded = by_hand()
    margin, gold = np.array([3.0, -4.0, 0.0, 5.0, 1.0]), np.array([1.5, -2.0, 2.0, -2.5, 0.5])
    error = np.abs(margin / np.sqrt((margin**2).mean()) - gold / np.sqrt((gold**2).mean()))
    rows = pd.DataFrame({"seed": 1, "round": 2, "pair_id": list("abcde"), "margin": margin, "gold": gold})
    for score, wanted in ((error, 1.0), (-error, -1.0)):
        found = uncertainty(Margins(recorded.picked, rows.assign(score=score)))
        assert found is not None
        assert found.rounds[1].error is not None
        assert found.rounds[1].error.rho == pytest.approx(wanted)
        assert found.rounds[0].error is None, "nothing of round 1 is recorded"
    still = uncertainty(Margins(recorded.picked, rows.assign(score=error, margin=0.0)))
    assert still is not None
    assert still.rounds[1].error is None, "while policy and reference are the same no difference is claimed"


def test_a_label_agrees_with_the_side_of_the_higher_reward():
    found = uncertainty(by_hand())
    assert found is not None
    first, second = found.rounds
    assert (first.round, first.found.wrong.n) == (1, 0), "a margin of 0 promises nothing"
    assert (second.found.wrong.count, second.found.wrong.n) == (1, 3), "p3 disagrees, p2 and p4 agree, a tie is no side"
    assert {name: part.wrong.n for name, part in found.together.clusters} == {"wool": 2, "<b>tin</b>": 1}
    markup = certainty_markup(found)
    assert "<b>tin</b>" in read(markup).text
    assert "&lt;b&gt;tin" in markup
    assert uncertainty(Margins(by_hand().picked.iloc[:0], by_hand().candidates.iloc[:0])) is None


def test_flips_are_candidates_of_the_same_seed_that_changed_their_sign():
    recorded = by_hand()
    later = pd.concat([recorded.picked, recorded.picked.iloc[1:2].assign(round=3)])
    found = uncertainty(Margins(later, recorded.candidates))
    assert found is not None
    assert found.rounds[1].flips is None, "nothing was recorded before"
    third = found.rounds[2].flips
    assert third is not None
    assert (third.count, third.n) == (1, 2), "p7 of p7 and p8; p9 is no candidate any more"


def with_margins(folder: Path) -> Store:
    """A finished study of two runs, of which ActiveDPO's recorded the reward margin of every candidate."""
    store = open_store(folder)
    _, data = worlds.add_study(store, "margins", seeds=(1,), strategies=("random", "activedpo"))
    me = worlds.worker(store)
    while claim := writer.claim_run(store, me):
        pooled: tuple[str, ...] = ()
        for event in worlds.events(data, claim.config.key, 1, 2):
            pooled = getattr(event, "pair_ids", pooled)
            if isinstance(event, Scored) and claim.config.key == "activedpo":
                ids = tuple(sorted(pooled))
                values = np.array([len(name) + number for number, name in enumerate(ids)], dtype=np.float32)
                margin = SignalArray("reward_margin", "pair", ids, values * (-1) ** event.round, "reward units")
                event = replace(event, signals=(margin,))
            writer.save_event(store, claim, event)
        writer.set_state(store, claim.run_id, "done")
    return store


def test_margins_are_read_for_the_picks_as_they_were_scored_and_labelled(tmp_path, monkeypatch):
    store = with_margins(tmp_path / "s")
    study = queries.studies(store)[0]
    found = margins(store, study.id, "activedpo")
    assert list(found.picked["round"]) == [1] * worlds.BATCH + [2] * worlds.BATCH
    run = next(r for r in queries.study(store, study.id).runs if r.strategy.name == "activedpo")
    for row in found.picked.itertuples():
        pick = next(p for p in queries.batch(store, run.id, row.round) if p.pair_id == row.pair_id)
        scored = queries.scores(store, run.id, row.round).set_index("pair_id")["reward_margin"]
        assert (row.answer, row.margin, row.topic) == (pick.answer, scored[row.pair_id], "wool jumper")
    assert len(found.candidates) == 2 * 96
    flipped = uncertainty(found)
    assert flipped is not None
    assert flipped.rounds[1].flips is not None
    assert flipped.rounds[1].flips.share == 1.0, "every sign was turned"
    assert margins(store, study.id, "random").picked.empty

    said = seen(app(store.folder, monkeypatch, "curves", certainty="true", strategy="ActiveDPO"))
    assert "margin before each label against the label" in said
    assert "by topic: 1 topic" in said
    nothing = seen(app(store.folder, monkeypatch, "curves", certainty="true", strategy="random"))
    assert "No run of this strategy recorded the reward margin." in nothing


def test_a_panel_a_round_holds_its_bins_and_what_was_promised():
    found = uncertainty(by_hand())
    assert found is not None
    figure = reliability_figure([(one.round, one.found) for one in found.rounds], 1, "dark")
    assert [a.text for a in figure.layout.annotations[:-1]] == ["<b>round 2</b>"], "round 1 has no bins"
    promised = next(trace for trace in figure.data if trace.name == "promised")
    assert promised.y[0] == 0.5
    assert np.all(np.diff(promised.y) < 0)
    marks = next(trace for trace in figure.data if trace.name == "round 2")
    assert sum(marks.y) == pytest.approx(sum(part.wrong.share or 0 for part in found.rounds[1].found.bins))
