"""The pairs a study asked about: each once, with every answer, whoever gave it and whichever run it was bought by."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.data.answers import Subset, settle
from engine.data.export.make import export
from engine.data.pool import Comparison
from engine.errors import DataError
from engine.oracles.recorded import Recorded
from engine.records import Labelled
from engine.store import campaigns, inbox, outgoing, queries, writer
from engine.store import schema as s
from engine.store.database import Store, now, open_store
from engine.store.labelled import (
    answers_given,
    asked_pairs,
    held_out_of,
    labellers_of,
    pairs_asked,
    salt_of,
    state_of,
    who_answers,
)
from engine.store.sweep import rubbish
from tests.engine.store.campaign_world import campaign, finish
from tests.engine.store.test_store import a_worker
from tests.workbench import worlds


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Two seeds, two strategies, two rounds of six picks; every fifth answer is a tie."""
    folder = tmp_path_factory.mktemp("labelled") / "store"
    return worlds.finished(folder, seeds=(1, 2), strategies=("random", "activedpo"))


def study_of(store: Store) -> str:
    return queries.studies(store)[0].id


def add_label(store: Store, pair_id: str, answer: str, **values: Any) -> int:
    """A person's answer, as the screen will write it."""
    row = {"study_id": study_of(store), "pair_id": pair_id, "answer": answer, "oracle": "people", "detail": {},
           "created": now(), **values}  # fmt: skip
    with store.write(study_of(store)) as connection:
        return int(connection.execute(s.labels.insert().values(**row).returning(s.labels.c.id)).scalar_one())


@pytest.mark.parametrize(
    "part", [{}, {"strategy": "activedpo"}, {"strategy": "activedpo", "seed": 1}, {"upto_round": 1}, {"from_round": 2}]
)
def test_it_is_what_the_runs_picked_each_pair_once(store: Store, part: dict[str, Any]) -> None:
    """Against the plain list of answered picks that the batch page shows."""
    subset = Subset(study_id=study_of(store), **part)
    found = asked_pairs(store, subset)
    rows = queries.labelled_pairs(store, subset.study_id, subset.strategy, subset.seed, subset.upto_round)
    rows = [row for row in rows if row["round"] >= (subset.from_round or 1)]
    assert {pair.pair_id for pair in found} == {row["pair_id"] for row in rows}
    assert len({pair.pair_id for pair in found}) == len(found)
    picks = sorted((p.pair_id, k.run_id, k.round, k.rank, k.score) for p in found for k in p.picks)
    assert picks == sorted((r["pair_id"], r["run_id"], r["round"], r["rank"], r["score"]) for r in rows)
    assert all([k.round for k in pair.picks] == sorted(k.round for k in pair.picks) for pair in found)
    texts = {row["pair_id"]: (row["messages"], row["response_a"], row["response_b"]) for row in rows}
    assert {p.pair_id: (p.messages, p.response_a, p.response_b) for p in found} == texts
    assert answers_given(store, subset) == {v.label: 1 for p in found for v in p.votes}
    assert pairs_asked(store, subset) == {row["pair_id"] for row in rows}


def test_a_recorded_label_is_bought_once_whatever_the_seed(store: Store) -> None:
    found = asked_pairs(store, Subset(study_id=study_of(store)))
    both = [pair for pair in found if {pick.seed for pick in pair.picks} == {1, 2}]
    assert both
    assert all(len(pair.votes) == 1 for pair in found)


def test_a_simulated_oracle_s_answers_are_those_of_the_seeds_that_picked_the_pair(tmp_path: Path) -> None:
    store = worlds.finished(tmp_path / "gold", seeds=(1, 2), strategies=("random", "activedpo"), oracle="gold")
    with store.read() as connection:
        rows = connection.execute(sa.select(s.labels.c.pair_id, s.labels.c.seed)).all()
    for part in ({}, {"seed": 2}):
        subset = Subset(study_id=study_of(store), **part)
        found = asked_pairs(store, subset)
        for pair in found:
            wanted = {(pair.pair_id, seed) for seed in {pick.seed for pick in pair.picks}}
            assert {(pair.pair_id, vote.seed) for vote in pair.votes} == wanted & {tuple(row) for row in rows}
        assert sum(answers_given(store, subset).values()) == sum(len(pair.votes) for pair in found)


def test_people_s_answers_corrections_and_names_are_all_there(tmp_path: Path) -> None:
    store = worlds.finished(tmp_path / "people", seeds=(1,), strategies=("random",))
    subset = Subset(study_id=study_of(store))
    pair = next(p for p in asked_pairs(store, subset) if p.votes[0].answer == "a")
    with store.write() as connection:
        for number in (1, 2):
            person = {"id": f"p{number}", "name": f"Ann {number}", "role": "labeller", "created": now()}
            connection.execute(s.people.insert().values(**person))
    run = pair.picks[0]
    own: dict[str, Any] = {"run_id": run.run_id, "round": run.round}
    first = add_label(store, pair.pair_id, "b", person_id="p1", seconds=4.0, note="long", **own)
    add_label(store, pair.pair_id, "b", person_id="p1", corrects=first, **own)
    add_label(store, pair.pair_id, "b", person_id="p2", side_shown_first="b", **own)
    (now_,) = [p for p in asked_pairs(store, subset) if p.pair_id == pair.pair_id]
    said = [(v.answer, v.labeller, v.person, v.corrected) for v in now_.votes]
    assert said == [("a", "", "", False), ("b", "p1", "Ann 1", True), ("b", "p1", "Ann 1", False),
                    ("b", "p2", "Ann 2", False)]  # fmt: skip
    assert (now_.votes[1].seconds, now_.votes[1].note, now_.votes[3].shown_first) == (4.0, "long", "b")
    settled = {p.pair.pair_id: p for p in settle([now_], subset).preferred}[pair.pair_id]
    assert (settled.answer, settled.agreement) == ("b", pytest.approx(2 / 3))
    assert labellers_of(store, subset.study_id) == ["p1", "p2", "people", "recorded"]
    assert sum(answers_given(store, subset).values()) == sum(len(p.votes) for p in asked_pairs(store, subset))


def test_of_a_recorded_label_every_vote_of_the_file_is_there_with_its_labeller(tmp_path: Path) -> None:
    store = worlds.finished(tmp_path / "votes", seeds=(1,), strategies=("random",))
    subset = Subset(study_id=study_of(store))
    one, other = asked_pairs(store, subset)[:2]
    with store.read() as connection:
        pool = connection.execute(sa.select(s.studies.c.datasets)).scalar_one()["pool"]
    counted = {one.pair_id: {"a": 2, "b": 1}, other.pair_id: {"a": 1, "b": 1}}
    for pair in (one, other):
        own: dict[str, Any] = {"run_id": pair.picks[0].run_id, "round": 1, "oracle": "recorded"}
        add_label(
            store, pair.pair_id, "a", detail={"votes": counted[pair.pair_id]}, corrects=pair.votes[0].label, **own
        )
    with store.write(subset.study_id) as connection:
        connection.execute(s.comparisons.delete().where(s.comparisons.c.pair_id.in_(list(counted))))
        rows = [(one.pair_id, "a", "w1"), (one.pair_id, "b", "w2"), (one.pair_id, "a", "w3")]
        for n, (pair_id, answer, who) in enumerate(rows):
            row = {"dataset_id": pool, "row": 90_000 + n, "pair_id": pair_id, "answer": answer, "labeller": who}
            connection.execute(s.comparisons.insert().values(**row))
    found = {pair.pair_id: pair for pair in asked_pairs(store, subset)}
    said = {key: [(v.answer, v.labeller) for v in pair.votes if not v.corrected] for key, pair in found.items()}
    assert said[one.pair_id] == [("a", "w1"), ("b", "w2"), ("a", "w3")]
    assert said[other.pair_id] == [("a", ""), ("b", "")], "of these the file says only how many"
    settled = settle([found[one.pair_id], found[other.pair_id]], subset)
    assert (settled.counts["exported"], settled.counts["unresolved"]) == (1, 1)
    given = answers_given(store, subset)
    assert (given[found[one.pair_id].votes[-1].label], given[found[other.pair_id].votes[-1].label]) == (3, 2)


def test_a_saved_selection_is_a_part_and_one_that_is_not_there_a_sentence(store: Store) -> None:
    everything = asked_pairs(store, Subset(study_id=study_of(store)))
    wanted = {pair.pair_id for pair in everything[:3]}
    kept = inbox.save_selection(store, study_of(store), [*wanted, "x-never-asked"], {})
    found = asked_pairs(store, Subset(study_id=study_of(store), selection=kept))
    assert {pair.pair_id for pair in found} == wanted
    with pytest.raises(DataError, match="no saved selection 'l0'"):
        asked_pairs(store, Subset(study_id=study_of(store), selection="l0"))


def test_held_out_sets_are_named_and_news_changes_the_state(tmp_path: Path) -> None:
    store = worlds.running(tmp_path / "state", done=1)
    study_id = study_of(store)
    before = state_of(store, study_id)
    assert held_out_of(store, study_id) == {}, "this world names none"
    with store.write(study_id) as connection:
        pool = connection.execute(sa.select(s.studies.c.datasets)).scalar_one()["pool"]
        connection.execute(s.studies.update().values(datasets={"pool": pool, "held_out:near": pool}))
    (near,) = held_out_of(store, study_id).values()
    assert (len(near[0]), len(near[1])) == (96, 16)
    assert state_of(store, study_id) == before
    add_label(store, next(iter(near[0])), "a", run_id=queries.study(store, study_id).runs[0].id, round=1)
    assert state_of(store, study_id) != before


def test_the_salt_is_made_once_is_a_store_s_own_and_is_not_swept(tmp_path: Path) -> None:
    one, other = (open_store(tmp_path / name) for name in ("one", "other"))
    first = salt_of(one)
    assert len(first) == 32
    assert rubbish(one, 0.0) == []
    assert salt_of(open_store(tmp_path / "one")) == first
    assert salt_of(other) != first


def test_a_pick_whose_round_has_no_answers_yet_is_not_asked_about(tmp_path: Path) -> None:
    store = worlds.finished(tmp_path / "store", seeds=(1,), strategies=("random",))
    of = Subset(study_id=study_of(store))
    before = pairs_asked(store, of)
    with store.write() as connection:
        connection.execute(s.stages.delete().where((s.stages.c.round == 2) & (s.stages.c.stage == "labelled")))
    assert pairs_asked(store, of) == {pair.pair_id for pair in asked_pairs(store, of)} < before


def test_who_answers_is_the_oracle_s_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [who_answers(name) for name in ("gold", "recorded", "gone")] == ["synthetic", "", ""]
    monkeypatch.setattr(Recorded, "people", True)
    assert who_answers("recorded") == "human"


@pytest.mark.parametrize("rule", ["majority", "unanimity", "first"])
def test_of_a_campaign_it_is_what_the_run_makes_of_several_answers(tmp_path: Path, rule: str) -> None:
    """By its rule, and without what came when enough had answered; every answer is there all the same."""
    made = campaign(tmp_path / "people", batch=4, answers_per_pair=2, settled_by=rule)
    store, study_id, run_id = made
    ids = [pick.pair_id for pick in queries.batch(store, run_id, 1)]
    for name, answers in (("Ann", "aabb"), ("Bob", "abba")):
        said = dict(zip(ids, answers, strict=True))
        finish(made, name, lambda shown, said=said: said[shown.pair_id])  # type: ignore[misc]
    late = outgoing.take_in(store, study_id, [Comparison(ids[n], "a", labeller="Zoe") for n in (1, 2)])
    assert late == {"late": 2}
    claim = writer.claim_run(store, a_worker(store))
    assert claim is not None
    labels = campaigns.bought(store, claim, ids, 1)
    writer.save_event(store, claim, Labelled(1, tuple(labels[pair_id] for pair_id in ids)))
    subset = Subset(study_id=study_id)
    found = settle(asked_pairs(store, subset), subset)
    trained = {pair_id: label.answer for pair_id, label in labels.items() if label.trains}
    assert {one.pair.pair_id: one.answer for one in found.preferred} == trained
    assert trained == (dict(zip(ids, "aabb", strict=True)) if rule == "first" else {ids[0]: "a", ids[2]: "b"})
    assert found.counts["unresolved"] == (0 if rule == "first" else 2)
    assert [len(one.votes) for one in found.preferred] == [1 if rule == "first" else 2] * len(trained)
    assert {one.agreement for one in found.preferred} == {1.0}
    assert sum(len(pair.votes) for pair in found.pairs) == 10 == sum(answers_given(store, subset).values())
    card = export(found.pairs, subset, salt=b"of the tests").card
    assert {"majority": "Votes: majority;", "unanimity": "Votes: only where all agree;", "first": "the first answer"}[
        rule
    ] in card
