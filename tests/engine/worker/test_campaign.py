"""A campaign from end to end: what people answer first, batch after batch, skips, shadows, a correction after it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.config import StudyConfig
from engine.cost import Sizes, estimate
from engine.errors import ConfigError, DataError, StoreError
from engine.records import STAGES, Answer, Evaluated, Labelled, Picked, Pooled
from engine.replay import record_of, with_model
from engine.store import answered, assignments, queries, roles, writer
from engine.store import schema as s
from engine.store.assignments import Said, Shown
from engine.store.bank import LENT, loan
from engine.store.check import check
from engine.store.database import Store
from engine.store.history import load_events
from engine.store.roles import Person
from engine.worker import Worker
from tests.engine.test_loop import config, make_data
from tests.engine.worker import lives

ASKS = {"name": "people", "held_out_pairs": 3, "audit_share": 0.25}


def study(model: Path, oracle: dict[str, Any] | None = None, **changes: Any) -> StudyConfig:
    more = {
        "rounds": 2, "labels_per_round": 2, "strategies": ["activedpo", "real", "random"], "seeds": [1],
        "evaluation": {"pairs_per_set": 4, "generate": "never"}, "oracle": {**ASKS, **(oracle or {})},
        "data": {"pool": "unused", "held_out": {"near": "unused"}},
    }  # fmt: skip
    return config(model, **{**more, **changes})


def begun(folder: Path, model: Path, oracle: dict[str, Any] | None = None, **changes: Any) -> tuple[Store, str, str]:
    store = lives.queue(folder, study(model, oracle, **changes), make_data(8, "pool"))
    work(store)
    run = queries.study(store, queries.studies(store)[0].id).runs[0]
    return store, run.study_id, run.id


def work(store: Store) -> None:
    Worker(store, "cpu").work(until_idle=True)


def state(store: Store, study_id: str) -> str:
    return queries.study(store, study_id).runs[0].state


def everything(store: Store, study_id: str, person: Person, say: Callable[[Shown], Answer] = lambda shown: "a") -> int:
    """Answer until nothing is left; how many answers."""
    n, shown = 0, assignments.claim_next(store, study_id, person.id)
    while shown is not None:
        n += 1
        shown = assignments.answer_and_next(store, study_id, shown.assignment_id, person.id, Said(say(shown)))
    return n


def errors(store: Store) -> list[str]:
    return [str(finding) for finding in check(store.folder) if finding.severity == "error"]


def labels(store: Store) -> list[Any]:
    with store.read() as connection:
        return list(connection.execute(sa.select(s.labels).order_by(s.labels.c.id)).all())


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
    assert mine.shadow["real"] == tuple(pick.pair_id for pick in theirs.picks), "as it picks when it runs itself"
    assert theirs.shadow["activedpo"] == tuple(pick.pair_id for pick in mine.picks)


def test_a_skip_goes_to_somebody_else_and_where_nobody_is_left_back_to_the_pool(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    store, study_id, run_id = begun(tmp_path, tiny_model_dir, {"held_out_pairs": 1, "audit_share": 0.0})
    mira, noor = (roles.at_the_machine(store, name) for name in ("Mira", "Noor"))
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
    roles.at_the_machine(store, "Ada")
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
    roles.at_the_machine(store, "Noor")
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


def test_a_correction_after_training_is_told_and_the_run_goes_on_from_before_it(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    store, study_id, run_id = begun(tmp_path, tiny_model_dir)
    mira = roles.at_the_machine(store, "Mira")
    while state(store, study_id) != "done":
        everything(store, study_id, mira)
        work(store)
    assert answered.changed_since(store, run_id) == []
    batch = next(e for e in load_events(store, run_id)[0] if isinstance(e, Picked))
    pair_id = batch.picks[0].pair_id
    mine = next(one for one in answered.earlier(store, study_id, mira.id) if one.pair_id == pair_id)
    number = answered.correct(store, study_id, mira.id, mine.assignment_id, Said("b"))
    assert answered.correct(store, study_id, mira.id, mine.assignment_id, Said("b")) == number, "told twice"
    row = labels(store)[-1]
    assert (row.corrects, row.answer, row.assignment_id) == (mine.number, "b", None)
    (changed,) = answered.changed_since(store, run_id)
    assert (changed.round, changed.pair_id, changed.was, changed.now) == (1, pair_id, "a", "b")
    before = load_events(store, run_id)[0]
    answered.go_back(store, run_id, 1)
    kept = load_events(store, run_id)[0]
    assert len(kept) == 4, "evaluated, pooled, scored and picked stand"
    with pytest.raises(StoreError, match="queued"):
        answered.go_back(store, run_id, 1)
    while state(store, study_id) != "done":
        work(store)
        everything(store, study_id, mira)
    after = load_events(store, run_id)[0]
    assert [len(events) for events in (before, after)] == [1 + 2 * len(STAGES)] * 2
    given = next(e for e in after if isinstance(e, Labelled))
    assert {x.pair_id: x.answer for x in given.labels}[pair_id] == "b"
    assert answered.changed_since(store, run_id) == []
    assert errors(store) == []


def test_a_corrected_held_out_answer_is_told_too(tmp_path: Path, tiny_model_dir: Path) -> None:
    store, study_id, run_id = begun(tmp_path, tiny_model_dir)
    mira = roles.at_the_machine(store, "Mira")
    everything(store, study_id, mira)
    work(store)
    oldest = answered.earlier(store, study_id, mira.id)[-1]
    answered.correct(store, study_id, mira.id, oldest.assignment_id, Said("b"))
    assert [(c.round, c.was, c.now) for c in answered.changed_since(store, run_id)] == [(0, "a", "b")]
    answered.go_back(store, run_id, 0)
    work(store)
    measured = next(e for e in load_events(store, run_id)[0] if isinstance(e, Evaluated)).measured
    assert dict((pair, answer) for rows in measured.values() for pair, _, answer in rows)[oldest.pair_id] == "b"
    assert answered.changed_since(store, run_id) == []


def test_a_batch_is_closed_without_the_pairs_that_nobody_answered(tmp_path: Path, tiny_model_dir: Path) -> None:
    store, study_id, run_id = begun(tmp_path, tiny_model_dir)
    mira = roles.at_the_machine(store, "Mira")
    everything(store, study_id, mira)
    work(store)
    shown = assignments.claim_next(store, study_id, mira.id)
    assert shown is not None
    assignments.answer(store, study_id, shown.assignment_id, mira.id, Said("b"))
    late = assignments.claim_next(store, study_id, mira.id)
    assert late is not None
    assert assignments.close_batch(store, run_id) == 1
    work(store)
    given = next(e for e in load_events(store, run_id)[0] if isinstance(e, Labelled))
    assert sorted(label.answer for label in given.labels) == ["b", "skip"]
    assignments.answer(store, study_id, late.assignment_id, mira.id, Said("a"))
    assert labels(store)[-1].detail == {"kind": "label", "late": True}, "late answers are kept"
    assert [(c.was, c.now) for c in answered.changed_since(store, run_id)] == [("skip", "a")]
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
        aside_of(made, data, {"near": make_data(4, "near")})


def test_what_a_campaign_asks_for_is_counted_before_it_starts(tmp_path: Path, tiny_model_dir: Path) -> None:
    made = study(tiny_model_dir, {"answers_per_pair": 1.5})
    found = estimate(made, Sizes(8, 24, 24), [Sizes(3, 9, 9)], 0)
    assert (found.labels_a_run, found.labels_asked, found.labels_paid) == (4, 12, 12), "(4 + 1 + 3) · 1.5"


def test_labels_are_lent_to_a_clone_and_not_asked_again(tmp_path: Path, tiny_model_dir: Path) -> None:
    store, study_id, _ = begun(tmp_path, tiny_model_dir)
    mira = roles.at_the_machine(store, "Mira")
    while state(store, study_id) != "done":
        everything(store, study_id, mira)
        work(store)
    with store.read() as connection:
        datasets = connection.execute(sa.select(s.studies.c.datasets)).scalar_one()
    again = study(tiny_model_dir, {"lease_minutes": 5.0})
    lent = loan(store, study_id, again, datasets["pool"])
    clone = writer.queue_study(store, again, datasets, {LENT: lent})
    work(store)
    assert state(store, clone) == "done", "the same pairs are picked, and all of them are answered"
    given = [e for e in load_events(store, queries.study(store, clone).runs[0].id)[0] if isinstance(e, Labelled)]
    assert [e.reused for e in given] == [2, 2]
    assert len(labels(store)) == 8
    assert queries.study(store, clone).summary.labels_unique == 0
    assert errors(store) == []
