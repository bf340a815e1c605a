"""Models first, people where they doubt: only what is open waits in the queue, and the split is told afterwards."""

from pathlib import Path

from engine.records import Labelled
from engine.store import queries, roles
from engine.store.assignments import Shown
from engine.store.history import load_events
from engine.store.labelled import who_answers
from tests.engine.worker.campaign_runs import begun, errors, everything, labels, state, work
from workbench.asked_words import asked_models, rows_of
from workbench.components.asked_panel import asked_markup
from workbench.worth import worth

MODELS = [{"name": "gold", "temperature": 0.0}, {"name": "reward_model", "draw": "argmax", "device": "cpu"}]


def test_models_keep_what_they_agree_on_and_people_get_the_rest(tmp_path: Path, tiny_model_dir: Path) -> None:
    store, study_id, run_id = begun(
        tmp_path, tiny_model_dir,
        {"name": "routing", "models": MODELS, "check_share": 0.2, "held_out_pairs": 2, "audit_share": 0.0},
        labels_per_round=8,
    )  # fmt: skip
    mira = roles.at_the_machine(store, "Mira")
    assert everything(store, study_id, mira) == 2, "the held-out sample is people's alone"
    left = worth(store, study_id).left
    assert left is not None
    assert (left.target, left.given, left.answers) == (18, 2, 16), "before the models have answered, all are people's"
    shown: list[str] = []

    def say(one: Shown) -> str:
        shown.append(one.pair_id)
        return "b"

    assert asked_models(store, study_id).splits == {}, "nothing is expected before the first round is labelled"
    after_first = None
    while state(store, study_id) != "done":
        work(store)
        assert state(store, study_id) in ("waiting", "done")
        after_first = after_first or asked_models(store, study_id)
        everything(store, study_id, mira, say)  # type: ignore[arg-type]
    given = [label for e in load_events(store, run_id)[0] if isinstance(e, Labelled) for label in e.labels]
    assert len(given) == 16
    people = [label for label in given if label.detail["by"] == "people"]
    assert sorted(label.pair_id for label in people) == sorted(shown), "nobody is asked about the others"
    assert 0 < len(people) < 16
    assert {label.answer for label in people} == {"b"}
    assert "conflict" in {label.detail["routed"] for label in people}
    rows = labels(store)
    assert len(rows) == 2 + 16, "one row a label, whoever gave it"
    assert {row.oracle for row in rows if row.person_id is None} == {"routing"}
    assert sum(row.person_id is None for row in rows) == 16 - len(people)
    assert (who_answers("routing"), who_answers("people")) == ("synthetic", "human")
    assert queries.studies(store)[0].labels_unique == 18
    assert errors(store) == []
    facts = asked_models(store, study_id).oracles["routing"]
    assert facts.by == {"people": len(people), "models": 16 - len(people)}
    assert sum(facts.routed.values()) == 16
    assert after_first is not None
    (first,) = after_first.splits["routing"].rounds
    assert first[0] == 1 and first[2] == 8 == after_first.splits["routing"].left
    said = dict(after_first.rows("routing"))
    assert said["people so far"].startswith(f"{first[1]} of 8 labels (")
    assert said["people to come"].startswith(f"about {first[1]} of 8 labels left (")
    assert "people to come" in asked_markup(after_first)
    last = asked_models(store, study_id)
    assert "people to come" not in dict(last.rows("routing")), "the study is done"
    assert last.splits["routing"].people == len(people)
    assert last.numbers()["splits"]["routing"]["rounds"][0] == first
    told = dict(rows_of(facts))
    assert f"people {len(people)} (" in told["answered by"]
    found = worth(store, study_id)
    assert found.left is not None and found.judged.by == facts.by
    assert (found.left.target, found.left.given, found.left.answers) == (2 + len(people), 2 + len(people), 0)
    random = [label for label in people if label.detail["routed"] == "random share"]
    assert (facts.checked is None) == (not random)
    if random:
        agree = [label.detail["models_said"] == "b" for label in random]
        assert facts.checked is not None and facts.checked.mean == sum(agree) / len(agree)


def test_where_models_agree_on_everything_nobody_waits(tmp_path: Path, tiny_model_dir: Path) -> None:
    store, study_id, _ = begun(
        tmp_path, tiny_model_dir,
        {"name": "routing", "models": ["recorded"], "check_share": 0.0, "held_out_pairs": 0, "audit_share": 0.0},
    )  # fmt: skip
    assert state(store, study_id) == "done"
    assert {row.oracle for row in labels(store)} == {"routing"}
    assert errors(store) == []
