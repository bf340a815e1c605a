"""A campaign from end to end: what people answer first, batch after batch, skips and shadows."""

from pathlib import Path

import pytest

from engine.config import StudyConfig
from engine.cost import Sizes, estimate
from engine.errors import ConfigError, DataError
from engine.records import Evaluated, Labelled, Picked, Pooled
from engine.replay import record_of, with_model
from engine.store import answered, assignments, edits, queries, reviews, roles
from engine.store.assignments import Said
from engine.store.history import load_events
from engine.store.pace import budget_of
from tests.engine.test_loop import make_data
from tests.engine.worker.campaign_runs import begun, errors, everything, labels, state, study, work


def test_a_campaign_buys_its_sample_and_slice_first_and_goes_on_by_itself(tmp_path: Path, tiny_model_dir: Path) -> None:
    store, study_id, run_id = begun(tmp_path, tiny_model_dir)
    mira = roles.at_the_machine(store, "Mira")
    assert state(store, study_id) == "waiting"
    assert load_events(store, run_id)[0] == [], "nothing is evaluated before the held-out sample is answered"
    assert answered.progress(store, study_id, mira.id).asked == 4, "3 held-out pairs, and a quarter of the budget of 4"
    work(store)
    assert load_events(store, run_id)[0] == [], "there is nothing to do for it"
    assert everything(store, study_id, mira) == 4
    assert state(store, study_id) == "queued"
    for number in (1, 2):
        work(store)
        assert state(store, study_id) == "waiting"
        assert answered.progress(store, study_id, mira.id).asked == 2
        assert [type(e) for e in load_events(store, run_id)[0]][-1] is Picked
        assert everything(store, study_id, mira) == 2
        assert answered.progress(store, study_id, mira.id).round == number
    work(store)
    assert state(store, study_id) == "done"
    events = load_events(store, run_id)[0]
    first = next(e for e in events if isinstance(e, Evaluated))
    assert {name: len(rows) for name, rows in first.measured.items()} == {"near": 3, "audit": 1}
    assert {answer for rows in first.measured.values() for _, _, answer in rows} == {"a"}, "people's, not the file's"
    aside = {pair for pair, _, _ in first.measured["audit"]}
    assert not any(aside & set(e.pair_ids) for e in events if isinstance(e, Pooled))
    picked = [pick.pair_id for e in events if isinstance(e, Picked) for pick in e.picks]
    assert len(set(picked)) == len(picked) == 4
    assert [label.oracle for e in events if isinstance(e, Labelled) for label in e.labels] == ["people"] * 4
    assert [e.reused for e in events if isinstance(e, Labelled)] == [0, 0]
    for number in (1, 2):
        assert with_model(store, record_of(store, run_id, number)).same
    assert len(labels(store)) == 8
    assert queries.studies(store)[0].labels_unique == 8, "every answer costs one label"
    assert errors(store) == []


def test_strategies_in_the_shadow_say_what_they_would_have_picked(tmp_path: Path, tiny_model_dir: Path) -> None:
    store, study_id, run_id = begun(tmp_path / "one", tiny_model_dir)
    assert [run.strategy.name for run in queries.study(store, study_id).runs] == ["activedpo"]
    mira = roles.at_the_machine(store, "Mira")
    while state(store, study_id) != "done":
        everything(store, study_id, mira)
        work(store)
    other, other_id, other_run = begun(tmp_path / "two", tiny_model_dir, strategies=["real", "activedpo"])
    mira = roles.at_the_machine(other, "Mira")
    everything(other, other_id, mira)
    work(other)
    mine, theirs = (
        next(e for e in load_events(where, run)[0] if isinstance(e, Picked))
        for where, run in ((store, run_id), (other, other_run))
    )
    assert set(mine.shadow) == {"real", "random"}
    assert set(mine.shadow_ranks) <= {"real"}, "random scores no pair"
    ranks = theirs.shadow_ranks["activedpo"]
    assert set(ranks) == {pick.pair_id for pick in theirs.picks}
    assert all(0 < rank < 100 for rank in ranks.values())
    assert mine.shadow["real"] == tuple(pick.pair_id for pick in theirs.picks), "as it picks when it runs itself"
    assert theirs.shadow["activedpo"] == tuple(pick.pair_id for pick in mine.picks)


def test_a_strategy_with_other_parameters_picks_in_the_shadow_of_itself(tmp_path: Path, tiny_model_dir: Path) -> None:
    real = {"name": "real", "keep": "similar"}
    store, study_id, run_id = begun(tmp_path, tiny_model_dir, strategies=["activedpo", "real", real], rounds=1)
    mira = roles.at_the_machine(store, "Mira")
    while state(store, study_id) != "done":
        everything(store, study_id, mira)
        work(store)
    picked = next(e for e in load_events(store, run_id)[0] if isinstance(e, Picked))
    assert set(picked.shadow) == {"real", "real:keep similar"}
    assert {name.partition(" | ")[0] for name in picked.features if " | " in name} == set(picked.shadow)


def test_what_could_not_pick_in_the_shadow_is_refused_before_anybody_labels(tiny_model_dir: Path) -> None:
    with pytest.raises(ConfigError, match="weighs pairs against each other"):
        study(tiny_model_dir, strategies=["random", "activedpo", "badge"], one_per_prompt=True)


def test_a_skip_goes_to_somebody_else_and_where_nobody_is_left_back_to_the_pool(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    store, study_id, run_id = begun(tmp_path, tiny_model_dir, {"held_out_pairs": 1, "audit_share": 0.0})
    mira = roles.at_the_machine(store, "Mira")
    roles.at_the_machine(store, "a lead who only looks")
    noor, _ = roles.invite(store, "Noor", "labeller", study_id)
    everything(store, study_id, mira)
    work(store)
    assert everything(store, study_id, mira, lambda shown: "skip") == 2
    assert state(store, study_id) == "waiting", "Noor can still answer both"
    assert answered.progress(store, study_id, mira.id).free == 0
    skipped = assignments.claim_next(store, study_id, noor.id)
    assert skipped is not None
    assignments.answer_and_next(store, study_id, skipped.assignment_id, noor.id, Said("skip", note="no idea"))
    everything(store, study_id, noor)
    work(store)
    _first, second = [e for e in load_events(store, run_id)[0] if isinstance(e, Pooled)]
    given = next(e for e in load_events(store, run_id)[0] if isinstance(e, Labelled))
    assert sorted(label.answer for label in given.labels) == ["a", "skip"]
    assert skipped.pair_id not in second.pair_ids, "nobody is left to answer it"
    everything(store, study_id, mira)
    work(store)
    assert state(store, study_id) == "done"
    assert errors(store) == []
    assert len([row for row in labels(store) if row.answer == "skip"]) == 3, "a skip costs a label, too"


def test_a_skipped_pair_is_a_candidate_again_once_there_is_somebody_for_it(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    store, study_id, run_id = begun(tmp_path, tiny_model_dir, {"held_out_pairs": 1, "audit_share": 0.0})
    mira = roles.at_the_machine(store, "Mira")
    everything(store, study_id, mira)
    work(store)
    everything(store, study_id, mira, lambda shown: "skip")
    assert state(store, study_id) == "queued", "there is nobody else"
    roles.invite(store, "Noor", "labeller", study_id)
    work(store)
    first, second = [e for e in load_events(store, run_id)[0] if isinstance(e, Pooled)]
    assert set(first.pair_ids) == set(second.pair_ids)


def test_two_answers_a_pair_are_settled_and_an_even_vote_is_a_tie(tmp_path: Path, tiny_model_dir: Path) -> None:
    store, study_id, run_id = begun(
        tmp_path, tiny_model_dir, {"held_out_pairs": 1, "audit_share": 0.0, "answers_per_pair": 2.0}
    )
    mira, noor = (roles.at_the_machine(store, name) for name in ("Mira", "Noor"))
    assert everything(store, study_id, mira) == 1
    assert state(store, study_id) == "waiting", "a second person is to answer"
    everything(store, study_id, noor)
    work(store)
    everything(store, study_id, mira)
    seen: list[str] = []
    everything(store, study_id, noor, lambda shown: seen.append(shown.pair_id) or ("b" if len(seen) == 1 else "a"))
    work(store)
    given = {x.pair_id: x for e in load_events(store, run_id)[0] if isinstance(e, Labelled) for x in e.labels}
    assert (given[seen[0]].answer, given[seen[0]].detail) == ("tie", {"answers": {"a": 1, "b": 1}})
    assert given[seen[1]].answer == "a"
    assert errors(store) == []


def test_a_campaign_is_one_run(tmp_path: Path, tiny_model_dir: Path) -> None:
    with pytest.raises(ConfigError, match="one seed and no controls"):
        study(tiny_model_dir, seeds=[1, 2])
    made = study(tiny_model_dir).model_dump(mode="json")
    made.pop("seeds")
    assert StudyConfig.from_dict(made).seeds == (1,)
    assert [run.key for run in StudyConfig.from_dict(made).runs()] == ["activedpo"]


def test_gold_questions_need_answers_in_the_file(tmp_path: Path, tiny_model_dir: Path) -> None:
    store, study_id, _ = begun(tmp_path, tiny_model_dir, {"gold_share": 0.3})
    assert state(store, study_id) in ("waiting", "failed")
    from engine.store.campaigns import aside_of

    data = make_data(8, "pool")
    data.comparisons.clear()
    made = study(tiny_model_dir, {"gold_share": 0.3}).runs()[0]
    with pytest.raises(DataError, match="gold_share to 0"):
        aside_of(made, data, {"near": make_data(4, "near")}, made.study.budget)


def test_what_a_campaign_asks_for_is_counted_before_it_starts(tmp_path: Path, tiny_model_dir: Path) -> None:
    made = study(tiny_model_dir, {"answers_per_pair": 1.5})
    found = estimate(made, Sizes(8, 24, 24), [Sizes(3, 9, 9)], 0)
    assert (found.labels_a_run, found.labels_asked, found.labels_paid) == (4, 12, 12), "(4 + 1 + 3) · 1.5"


def test_the_audit_slice_of_a_share_of_the_pool_is_reckoned_from_what_the_run_buys(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    """Of 24 pairs a quarter is 6, of the 18 left 4: 10 labels, of which a quarter is 3."""
    store, study_id, _ = begun(tmp_path, tiny_model_dir, label_share=0.25)
    found = estimate(study(tiny_model_dir, label_share=0.25), Sizes(8, 24, 24), [Sizes(3, 9, 9)], 0)
    assert (found.labels_a_run, found.labels_asked) == (10, 10 + 3 + 3)
    mira = roles.at_the_machine(store, "Mira")
    assert answered.progress(store, study_id, mira.id).asked == 3 + 3
    detail = queries.study(store, study_id)
    assert budget_of(store, detail, detail.runs[0]) == 10


def test_a_batch_is_reviewed_before_people_are_asked(tmp_path: Path, tiny_model_dir: Path) -> None:
    store, study_id, run_id = begun(tmp_path, tiny_model_dir, {"held_out_pairs": 1}, review=True)
    mira = roles.at_the_machine(store, "Mira")
    everything(store, study_id, mira)
    work(store)
    assert state(store, study_id) == "review"
    assert assignments.claim_next(store, study_id, mira.id) is None
    dropped = reviews.review(store, run_id, 1).own[0].pair_id
    edits.drop(store, run_id, 1, dropped)
    edits.release(store, run_id)
    work(store)
    assert state(store, study_id) == "waiting"
    assert everything(store, study_id, mira) == 1, "the other one"
    work(store)
    given = next(e for e in load_events(store, run_id)[0] if isinstance(e, Labelled))
    assert dropped not in {label.pair_id for label in given.labels}
    (picked,) = [e for e in load_events(store, run_id)[0] if isinstance(e, Picked)][:1]
    assert {name.partition(" | ")[0] for name in picked.features if " | " in name} == {"real"}
    assert errors(store) == []
