"""A batch that is edited by hand: what stands, row by row, and what is refused with a sentence."""

from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from engine.config import StudyConfig
from engine.errors import StoreError
from engine.records import Evaluated, Label, Labelled, Metric, Pick, Picked, Pooled, Scored
from engine.store import edits, inbox, queries, reviews, schema, writer
from engine.store.database import Store, open_store
from engine.store.reviews import Edit, left_of, review
from tests.engine.store.test_store import a_worker, add, world

N = 12
"""Pairs of the pool; the batch of a round has four, and the first two were picked in round 1."""
RUN = {"name": "by hand", "race": "none", "data": {"pool": "w"}, "model": {"path": "m"}, "strategies": ["random"],
       "seeds": [1], "rounds": 2, "labels_per_round": 4, "review": True}  # fmt: skip
SCORES = np.array([0.5, 0.1, 0.9, 0.3, 0.3, 0.8, 0.2, 0.7, 0.6, 0.4])


def at_review(folder: Path) -> Store:
    """A run that waits in round 2: picked were pairs 2, 3, 4 and 5 of the pool of all but the first two."""
    store = open_store(folder)
    beyond = world(N + 2)
    held_out = beyond.only_prompts(list(beyond.prompts)[N:])
    datasets = {"pool": add(store, world(N)), "held_out:near": add(store, held_out, sha="e" * 64)}
    writer.queue_study(store, StudyConfig.from_dict(RUN), datasets, {})
    claim = writer.claim_run(store, a_worker(store))
    assert claim is not None
    pairs = list(world(N).pairs.values())
    ids = tuple(pair.id for pair in pairs)
    for event in (
        Evaluated(0, (Metric("accuracy", "near", 0.5, 4, "share"),)),
        Pooled(1, ids[:3], (), tuple(pairs)),
        Scored(1, (), None),
        Picked(1, (Pick(ids[0], 1), Pick(ids[1], 2))),
        Labelled(1, (Label(ids[0], "a", "gold"), Label(ids[1], "b", "gold"))),
        Pooled(2, ids[2:], (), tuple(pairs)),
        Scored(2, (), SCORES),
        Picked(2, tuple(Pick(pair_id, n, SCORES[n - 1]) for n, pair_id in enumerate(ids[2:6], start=1))),
    ):
        assert writer.save_event(store, claim, event)
    writer.set_state(store, claim.run_id, "review", only_from=["running"])
    return store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return at_review(tmp_path / "store")


@pytest.fixture
def run(store: Store) -> str:
    return queries.study(store, queries.studies(store)[0].id).runs[0].id


IDS = list(world(N).pairs)
NOWHERE = list(world(N + 2).pairs)[-1]


def ids(store: Store, run: str) -> list[str]:
    return [pick.pair_id for pick in review(store, run, 2).picks]


def test_nothing_done_the_batch_is_the_strategys(store: Store, run: str) -> None:
    found = review(store, run, 2)
    assert (found.under_way, found.released, found.changed, found.room, found.edits) == (True, False, False, 0, ())
    assert ids(store, run) == IDS[2:6]


def test_drop_swap_and_add_keep_places_and_say_who(store: Store, run: str) -> None:
    edits.drop(store, run, 2, IDS[3], "Ada")
    edits.swap(store, run, 2, IDS[2], Pick(IDS[9], 1, gain=0.25, why={"worth": 2.0}), "Ada")
    edits.add(store, run, 2, [IDS[8]])
    found = review(store, run, 2)
    assert ids(store, run) == [IDS[9], IDS[4], IDS[5], IDS[8]]
    assert [pick.rank for pick in found.picks] == [1, 2, 3, 4]
    assert [pick.pair_id for pick in found.own] == IDS[2:6], "the strategy's own list is kept"
    first, *_, last = found.picks
    # 0.7 is the third highest of the ten scores (0.9, 0.8, 0.7), 0.2 the ninth.
    assert (first.score, first.gain) == (0.7, 0.25)
    assert first.why == {"worth": 2.0, "rank_in_pool": 3.0, "brought_in_by": "Ada", "in_place_of": IDS[2]}
    assert (last.score, last.why) == (0.2, {"rank_in_pool": 9.0, "brought_in_by": "lead"})
    assert [(e.what, e.pair_id, e.other_id, e.person) for e in found.edits] == [
        ("drop", IDS[3], "", "Ada"), ("swap", IDS[2], IDS[9], "Ada"), ("add", IDS[8], "", "lead"),
    ]  # fmt: skip
    assert len(found.changes) == 3


def test_a_pick_that_comes_back_finds_its_place_and_nothing_is_changed(store: Store, run: str) -> None:
    edits.drop(store, run, 2, IDS[3])
    edits.drop(store, run, 2, IDS[4])
    edits.add(store, run, 2, [IDS[4], IDS[3]])
    assert ids(store, run) == IDS[2:6]
    assert not review(store, run, 2).changed


def test_the_places_are_those_of_a_plain_list(store: Store, run: str) -> None:
    """Its twin: a list that is edited as one would by hand, over many random edits."""
    rng = np.random.default_rng(3)
    own = [Pick(f"x{n}", n + 1) for n in range(5)]
    plain: list[str | None] = [pick.pair_id for pick in own]
    made, fresh = [], iter(f"n{n}" for n in range(100))
    for number in range(60):
        there = [pair_id for pair_id in plain if pair_id]
        what = str(rng.choice(["drop", "swap", "add", "back"]))
        out = sorted({pick.pair_id for pick in own} - set(there))
        if what in ("drop", "swap") and there:
            old = str(rng.choice(there))
            new = next(fresh) if what == "swap" else ""
            plain[plain.index(old)] = new or None
            made.append(Edit(number, what, old, new, "x", None, pick=Pick(new, 0) if new else None))  # type: ignore[arg-type]
        else:
            new = out[0] if what == "back" and out else next(fresh)
            made.append(Edit(number, "add", new, "", "x", None, pick=Pick(new, 0)))  # type: ignore[arg-type]
            home = int(new[1:]) if new.startswith("x") else -1
            if home >= 0 and plain[home] is None:
                plain[home] = new
            else:
                plain.append(new)
        assert [pick.pair_id for pick in left_of(own, made)] == [pair_id for pair_id in plain if pair_id]


def test_a_pin_keeps_a_pick_until_it_is_taken_out(store: Store, run: str) -> None:
    assert edits.pin(store, run, 2, IDS[2])
    for refused in (
        lambda: edits.drop(store, run, 2, IDS[2]),
        lambda: edits.swap(store, run, 2, IDS[2], Pick(IDS[9], 1)),
    ):
        with pytest.raises(StoreError, match="is pinned, so it stays"):
            refused()
    assert not review(store, run, 2).changed, "a pin alone changes no list"
    assert not edits.pin(store, run, 2, IDS[2])
    edits.drop(store, run, 2, IDS[2])
    assert ids(store, run) == IDS[3:6]


def test_undo_takes_back_the_last_and_what_was_added_together(store: Store, run: str) -> None:
    edits.drop(store, run, 2, IDS[2])
    edits.drop(store, run, 2, IDS[3])
    edits.add(store, run, 2, [IDS[7], IDS[8]])
    edits.undo(store, run, 2)
    assert ids(store, run) == IDS[4:6]
    edits.undo(store, run, 2)
    edits.undo(store, run, 2, "Ada")
    assert ids(store, run) == IDS[2:6]
    with pytest.raises(StoreError, match="nothing to undo"):
        edits.undo(store, run, 2)
    assert len(review(store, run, 2).edits) == 4 + 4, "every row stays, and an undo is a row"
    for statement in (schema.edits.delete(), schema.edits.update().values(person="x")):
        with store.write() as connection, pytest.raises(sa.exc.IntegrityError, match="append-only"):
            connection.execute(statement)


@pytest.mark.parametrize(
    ("pair_id", "why"),
    [
        (IDS[0], "picked in round 1"),
        (IDS[2], "in the batch already"),
        (NOWHERE, "held out, to evaluate with"),
        ("xnone", "unknown here"),
    ],
)
def test_what_is_no_candidate_is_refused_with_the_reason(store: Store, run: str, pair_id: str, why: str) -> None:
    edits.drop(store, run, 2, IDS[5])
    with pytest.raises(StoreError, match=f"No pair can be added: 1 {why}"):
        edits.add(store, run, 2, [pair_id])
    with pytest.raises(StoreError, match=why):
        edits.swap(store, run, 2, IDS[3], Pick(pair_id, 1))
    added = edits.add(store, run, 2, [pair_id, IDS[10]])
    assert (added.pair_ids, added.left_out) == ((IDS[10],), {why: (pair_id,)})


def test_numbers_are_those_of_the_rounds_candidates_alone(store: Store, run: str) -> None:
    assert edits.numbers(store, run, 1, IDS) == {pair_id: {} for pair_id in IDS[:3]}, "no score, and no others"
    # 0.3 stands twice; 0.5, 0.9, 0.8, 0.7, 0.6 and 0.4 are higher, so both have place 7.
    same = {"score": 0.3, "rank_in_pool": 7.0}
    assert edits.numbers(store, run, 2, [IDS[0], IDS[5], IDS[6]]) == {IDS[5]: same, IDS[6]: same}
    edits.drop(store, run, 2, IDS[5])
    with store.write() as connection:  # known to the store, and in none of its pools
        made = world(N).pairs[IDS[0]]
        connection.execute(schema.pairs.insert().values(id="xother", prompt_id=made.prompt_id, a=made.a, b=made.b))
    with pytest.raises(StoreError, match="No pair can be added: 1 no candidate of this round"):
        edits.add(store, run, 2, ["xother"])


def test_the_batch_never_exceeds_the_round_and_never_empties(store: Store, run: str) -> None:
    with pytest.raises(StoreError, match="1 pair could be added, and the batch has room for 0: it holds 4 of the 4"):
        edits.add(store, run, 2, [IDS[8]])
    for pair_id in IDS[2:5]:
        edits.drop(store, run, 2, pair_id)
    with pytest.raises(StoreError, match="is the last of the batch"):
        edits.drop(store, run, 2, IDS[5])
    with pytest.raises(StoreError, match="4 pairs could be added, and the batch has room for 3"):
        edits.add(store, run, 2, IDS[6:10])
    edits.add(store, run, 2, IDS[6:9])
    assert len(ids(store, run)) == 4


def test_a_release_lets_the_run_go_on_and_marks_it_only_if_the_list_is_another(tmp_path: Path) -> None:
    for name, changed in (("as it was", False), ("pinned", False), ("dropped", True)):
        store = at_review(tmp_path / name)
        study_id = queries.studies(store)[0].id
        run = queries.study(store, study_id).runs[0].id
        if name == "pinned":
            edits.pin(store, run, 2, IDS[2])
        elif changed:
            edits.drop(store, run, 2, IDS[2])
        assert reviews.waits(store, run, 2)
        edits.release(store, run, "Ada")
        after = queries.study(store, study_id).runs[0]
        assert (after.state, after.edited) == ("queued", changed)
        assert not reviews.waits(store, run, 2)
        batches = reviews.edited_batches(store, study_id)
        assert [(b.run_id, b.round, len(b.changes)) for b in batches] == ([(run, 2, 1)] if changed else [])
        with pytest.raises(StoreError, match="does not wait for review: it is queued"):
            edits.release(store, run)
        with pytest.raises(StoreError, match="cannot be changed: it was released"):
            edits.drop(store, run, 2, IDS[3])


def test_only_the_batch_that_waits_can_be_changed(store: Store, run: str) -> None:
    with pytest.raises(
        StoreError, match=r"round 1 of run .* cannot be changed: the run does not wait there for review"
    ):
        edits.drop(store, run, 1, IDS[0])
    with pytest.raises(StoreError, match="has picked nothing in round 3"):
        edits.drop(store, run, 3, IDS[0])
    inbox.command(store, "pause", run_id=run)
    with pytest.raises(StoreError, match="does not wait there for review"):
        edits.drop(store, run, 2, IDS[2])
