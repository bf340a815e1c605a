"""The worker with the real loop on the tiny model: stopped after every stage, it ends as if never stopped."""

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine import resume
from engine.records import Event, Labelled, Spent
from engine.store import inbox, queries, schema, texts, writer
from engine.store.database import Store, open_store
from engine.store.history import load_events
from engine.store.provenance import provenance_of
from engine.worker import Worker
from tests.engine.store.bits import bits
from tests.engine.test_loop import config, make_data
from tests.engine.test_memory import room_for
from tests.engine.worker.lives import left, queue, run_ids, study_of


def study_in(folder: Path, model: Path) -> Store:
    store = open_store(folder)
    study = config(model, strategies=["activedpo", "apl"], rounds=2, labels_per_round=4, prompts_per_round=8)
    roles = {"pool": make_data(12, "pool"), "held_out:near": make_data(4, "near")}
    ids = {
        role: texts.add_dataset(
            store, name=role, path=role, format_name="made", sha256=role, data=data, rows=len(data.pairs), refused={}
        )
        for role, data in roles.items()
    }
    writer.queue_study(store, study, ids, {})
    return store


def without_spent(events: list[Event]) -> Any:
    return bits([replace(event, spent=Spent()) for event in events])


def test_stopped_after_every_stage_it_ends_the_same(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm = study_in(tmp_path / "calm", tiny_model_dir)
    assert Worker(calm, "cpu").work(until_idle=True) == 2

    store = study_in(tmp_path / "stopped", tiny_model_dir)
    save = writer.save_event
    at_work: list[Worker] = []

    def save_and_stop(*given: Any) -> bool:
        saved = save(*given)
        at_work[-1].stop()
        return saved

    monkeypatch.setattr(writer, "save_event", save_and_stop)
    while queries.studies(store)[0].state != "done" and len(at_work) < 40:
        at_work.append(Worker(store, "cpu"))
        at_work[-1].work(until_idle=True)
        if len(at_work) % 2:
            shutil.rmtree(store.folder / "cache")
    assert len(at_work) >= 2 * 13

    for one, other in zip(_runs(calm), _runs(store), strict=True):
        assert without_spent(load_events(calm, one)[0]) == without_spent(load_events(store, other)[0])
    run = queries.studies(store)[0]
    assert (run.labels_bought, run.labels_unique) == (16, queries.studies(calm)[0].labels_unique)


class Harmed(Worker):
    """A worker whose model gives no finite number in the training of a round."""

    in_round = 2

    def _policy_for(self, claim: writer.Claim) -> Any:
        policy = super()._policy_for(claim)
        assert policy is not None
        self.handle = policy.model.get_base_model().get_decoder().register_forward_hook(self._harm)
        return policy

    def _harm(self, model: Any, given: Any, output: Any) -> Any:
        if model.training and self._doing.startswith(f"round {self.in_round}, "):
            output.last_hidden_state = output.last_hidden_state * float("nan")
        return output


def test_a_loss_that_is_not_finite_keeps_the_finished_rounds_and_can_be_tried_again(
    tmp_path: Path, tiny_model_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    study = study_of("recorded", tiny_model_dir, rounds=2)
    calm, store = (queue(tmp_path / name, study) for name in ("calm", "harmed"))
    Worker(calm, "cpu").work(until_idle=True)
    Harmed(store, "cpu").work(until_idle=True)
    run = queries.run(store, run_ids(store)[0])
    assert (run.state, run.rounds_done) == ("failed", 1)
    done, _ = load_events(store, run.id)
    batch = [label.pair_id for e in done if isinstance(e, Labelled) for label in e.labels]
    found = re.search(r"step 1: the loss is not finite\. Learning rate 0\.01, pairs (x\w+), (x\w+)\.", run.error)
    assert found is not None
    assert set(found.groups()) < set(batch)
    assert f"All pairs: {found[1]}, {found[2]}." in caplog.text
    of_study = queries.studies(store)[0].id
    assert f"`workbench study clone {of_study} --with-labels --set dpo.learning_rate=0.001`" in run.error
    inbox.command(store, "retry", run_id=run.id)
    Worker(store, "cpu").work(until_idle=True)
    assert left(store) == left(calm)


class Crowded(Worker):
    """A worker whose device has no room for more than a few texts at once."""

    def _policy_for(self, claim: writer.Claim) -> Any:
        policy = super()._policy_for(claim)
        self.room = room_for(policy, 120)
        self.sizes = self.room.__enter__()
        return policy


def test_the_memory_plan_is_recorded_and_the_next_worker_begins_with_it(tmp_path: Path, tiny_model_dir: Path) -> None:
    study = study_of("recorded", tiny_model_dir, rounds=1)
    calm, store = (queue(tmp_path / name, study) for name in ("calm", "cut"))
    Crowded(calm, "cpu").work(until_idle=True)
    plan = plan_of(calm)
    assert plan["halved"]["scoring"] > 0 and plan["halved"]["training"] == 1
    assert plan["training_pairs"] == 1
    assert plan["scoring_tokens"] < 512
    kept = {stage: halved_at(calm, stage) for stage in ("scored", "trained")}
    assert kept["scored"]["training"] == 0, "a stage keeps the plan of its own time, for a replay"
    assert kept["trained"] == plan["halved"]

    class Stopping(Crowded):
        def _say(self, sentence: str) -> None:
            super()._say(sentence)
            if sentence.startswith("round 1, training, step 2,"):
                self.stop()

    Stopping(store, "cpu").work(until_idle=True)
    assert plan_of(store) == plan
    assert queries.run(store, run_ids(store)[0]).state == "queued"
    roomy = Worker(store, "cpu")
    roomy.work(until_idle=True)
    assert plan_of(store) == plan
    assert left(store) == left(calm)


def halved_at(store: Store, stage: str) -> Any:
    with store.read() as connection:
        detail = sa.select(schema.stages.c.detail).where(schema.stages.c.round == 1, schema.stages.c.stage == stage)
        return connection.execute(detail).scalar_one()["halved"]


def plan_of(store: Store) -> Any:
    with store.read() as connection:
        return connection.execute(sa.select(schema.runs.c.provenance)).scalar_one()["memory_plan"]


def _runs(store: Store) -> list[str]:
    return [run.id for run in queries.study(store, queries.studies(store)[0].id).runs]


def test_a_run_goes_on_only_with_its_own_model_and_kind_of_device(tmp_path: Path, tiny_model_dir: Path) -> None:
    study = study_of("recorded", tiny_model_dir, rounds=1)
    store = queue(tmp_path / "s", study)

    class Stopping(Worker):
        def _say(self, sentence: str) -> None:
            super()._say(sentence)
            if sentence.startswith("round 1, picked"):
                self.stop()

    Stopping(store, "cpu").work(until_idle=True)
    run_id = run_ids(store)[0]
    assert queries.run(store, run_id).state == "queued"
    begun = provenance_of(store, run_id)
    for changes, sentence in (
        ({"model_sha256": "0" * 64}, "is not the one this run was begun with"),
        ({"device": "cuda:0"}, "was computed on cuda:0 so far; this worker has cpu"),
    ):
        with store.write() as connection:
            connection.execute(schema.runs.update().values(provenance={**begun, **changes}))
        Worker(store, "cpu").work(until_idle=True)
        run = queries.run(store, run_id)
        assert (run.state, sentence in run.error) == ("failed", True), run.error
        with store.write() as connection:
            connection.execute(schema.runs.update().values(provenance=begun))
        inbox.command(store, "retry", run_id=run_id)
    with store.write() as connection:  # as if the machine before had computed it in bfloat16 by itself
        config = connection.execute(sa.select(schema.studies.c.config)).scalar_one()
        automatic = {**config, "model": {**config["model"], "dtype": "auto"}}
        connection.execute(schema.studies.update().values(config=automatic))
        connection.execute(schema.runs.update().values(provenance={**begun, "dtype": "bfloat16"}))
    Worker(store, "cpu").work(until_idle=True)
    assert queries.run(store, run_id).state == "done"
    assert provenance_of(store, run_id)["dtype"] == "bfloat16", "it goes on in the numbers it was begun with"


class Dies(Worker):
    """A worker that is gone when a stage begins, without a word."""

    class Gone(BaseException):
        pass

    at = "round 1, trained"

    def _say(self, sentence: str) -> None:
        if sentence == self.at:
            raise self.Gone
        super()._say(sentence)


@pytest.mark.parametrize("blamed", [True, False])
def test_batches_are_halved_when_the_system_ends_worker_after_worker(
    blamed: bool,
    tmp_path: Path,
    tiny_model_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """At the third and the sixth death over a stage, if the system counts processes that it ended for memory."""
    monkeypatch.setattr(resume, "VMSTAT", tmp_path / "vmstat")
    store = queue(tmp_path / "s", study_of("recorded", tiny_model_dir, rounds=1))
    seen = []
    for death in range(8):
        (tmp_path / "vmstat").write_text(f"nr_free_pages 5\noom_kill {3 + death * blamed}\n")
        with pytest.raises(Dies.Gone):
            Dies(store, "cpu", lease_s=-1.0).work(until_idle=True)
        seen.append(plan_of(store)["halved"]["training"])
    assert seen == ([0, 0, 0, 1, 1, 1, 2, 2] if blamed else [0] * 8)
    assert ("3 workers died over this stage" in caplog.text) is blamed
    Worker(store, "cpu").work(until_idle=True)
    assert queries.run(store, run_ids(store)[0]).state == "done"
    assert halved_at(store, "scored") == dict.fromkeys(("scoring", "generating", "training"), 0)
    assert halved_at(store, "trained") == dict.fromkeys(("scoring", "generating", "training"), 2 * blamed)


def test_a_run_that_was_put_back_in_between_is_not_halved_for_the_same_death_twice(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resume, "VMSTAT", tmp_path / "no such file")  # nobody counts: three deaths are enough
    store = queue(tmp_path / "s", study_of("recorded", tiny_model_dir, rounds=1))
    for _ in range(4):
        with pytest.raises(Dies.Gone):
            Dies(store, "cpu", lease_s=-1.0).work(until_idle=True)
    assert plan_of(store)["halved"]["scoring"] == 1
    inbox.command(store, "pause", run_id=run_ids(store)[0])
    inbox.command(store, "resume", run_id=run_ids(store)[0])
    Worker(store, "cpu").work(until_idle=True)
    assert plan_of(store)["halved"]["scoring"] == 1
