"""A run's margins round by round, read back from a store: held-out pairs, the probe panel and candidates."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.records import Evaluated, Pooled, Scored, SignalArray
from engine.store import writer
from engine.store.database import Store, open_store
from engine.store.picked import batch
from engine.store.probed import course, margins_after, scored_margins
from tests.workbench import worlds

ROUNDS = 3


def margin_of(pair_id: str, number: int) -> float:
    """A made margin under the policy after round `number`; 0 before any training."""
    return number * (int(pair_id[1:4], 16) - 2048) / 1024


def probed_events(events, panel: int, scored: bool):
    """The world's events: a panel of its first pairs and all picks, and `reward_margin` of all candidates."""
    picked: list[str] = []
    pairs: tuple[str, ...] = ()
    for event in events:
        if isinstance(event, Pooled):
            pairs = tuple(p for p in event.pair_ids if p not in picked)
            event = replace(event, pair_ids=pairs)
        elif isinstance(event, Scored) and scored:
            margins = np.array([margin_of(p, event.round - 1) for p in pairs], dtype=np.float32)
            event = replace(event, signals=(SignalArray("reward_margin", "pair", pairs, margins, "reward units", "x"),))
        elif hasattr(event, "picks"):
            picked += [pick.pair_id for pick in event.picks]
        elif isinstance(event, Evaluated) and panel:
            known = [*(pairs[:panel]), *picked]
            event = replace(event, probed={p: margin_of(p, event.round) for p in known})
        yield event


def probed_world(
    folder: Path, panel: int = 4, *, scored: bool = True, stop_after: int | None = None
) -> tuple[Store, str]:
    """One run of three rounds; `panel` 0 is a store from before there was a probe panel."""
    store = open_store(folder)
    worlds.add_study(store, "Probed", seeds=(1,), rounds=ROUNDS, strategies=("real",), race="none")
    claim = writer.claim_run(store, worlds.worker(store), lease_s=3600)
    assert claim is not None
    for event in list(probed_events(worlds.events(worlds.preference_data(), "real", 1, ROUNDS), panel, scored))[
        :stop_after
    ]:
        writer.save_event(store, claim, event)
    if stop_after is None:
        writer.set_state(store, claim.run_id, "done")
    return store, claim.run_id


def taken_over(store: Store) -> writer.Claim:
    """The run that was left there, in the hands of another worker."""
    with store.write("all") as connection:
        connection.exec_driver_sql("UPDATE runs SET lease_until = 0, worker_id = NULL, state = 'queued'")
    claim = writer.claim_run(store, worlds.worker(store), lease_s=3600)
    assert claim is not None
    return claim


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> tuple[Store, str]:
    return probed_world(tmp_path_factory.mktemp("probed"))


def test_a_round_has_its_held_out_pairs_and_its_panel(world):
    store, run = world
    found = margins_after(store, run, 2)
    assert set(found["held_out"]) == {"pool_like", "balanced", ""}
    assert (found["held_out"] == "pool_like").sum() == worlds.MEASURED
    panel = found[found["held_out"] == ""].set_index("pair_id")
    picks = {n: batch(store, run, n) for n in (1, 2, 3)}
    for number in (1, 2):
        for pick in picks[number]:
            assert panel.loc[pick.pair_id, "picked"] == number
            assert panel.loc[pick.pair_id, "answer"] == pick.answer
            assert panel.loc[pick.pair_id, "margin"] == margin_of(pick.pair_id, 2)
    later = [p.pair_id for p in picks[3] if p.pair_id in panel.index]
    assert all(panel.loc[pair_id, "picked"] == 0 for pair_id in later), "round 2 knows nothing of round 3"


def test_a_round_that_is_not_evaluated_has_no_rows(tmp_path):
    store, run = probed_world(tmp_path, stop_after=9)
    assert len(margins_after(store, run, 1))
    assert margins_after(store, run, 2).empty


def test_a_picked_pair_has_its_margin_in_every_round(world):
    store, run = world
    measured = [margins_after(store, run, number) for number in range(ROUNDS + 1)]
    pick = batch(store, run, 2)[0]
    found = course(store, run, pick.pair_id, measured)
    assert found.margins == pytest.approx({n: margin_of(pick.pair_id, n) for n in range(ROUNDS + 1)})
    assert (found.picked, found.answer, found.held_out) == (2, pick.answer, "")


def test_a_course_knows_nothing_of_rounds_that_are_not_looked_at(world):
    store, run = world
    pick = batch(store, run, 3)[0]
    found = course(store, run, pick.pair_id, [margins_after(store, run, number) for number in (0, 1)])
    assert set(found.margins) <= {0, 1}
    assert (found.picked, found.answer) == (None, "")


def test_without_a_panel_a_pair_has_the_margins_its_candidacy_left(tmp_path):
    store, run = probed_world(tmp_path, panel=0)
    measured = [margins_after(store, run, number) for number in range(ROUNDS + 1)]
    pick = batch(store, run, 2)[0]
    found = course(store, run, pick.pair_id, measured)
    assert found.margins == pytest.approx({0: 0.0, 1: margin_of(pick.pair_id, 1)}), "picked in round 2, and gone"
    held_out = course(store, run, "m000", measured)
    assert set(held_out.margins) == set(range(ROUNDS + 1))
    assert held_out.held_out in ("pool_like", "balanced")


def test_what_no_round_recorded_is_not_there(tmp_path):
    store, run = probed_world(tmp_path, panel=0, scored=False)
    measured = [margins_after(store, run, number) for number in range(ROUNDS + 1)]
    assert course(store, run, batch(store, run, 1)[0].pair_id, measured).margins == {}
    assert scored_margins(store, run, "gone", {1, 2, 3}) == {}
