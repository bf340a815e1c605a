"""A worker tells a study's tracker of every stage, once; and nothing that a tracker does touches the run."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from engine.errors import TrainingError
from engine.loop import Inputs
from engine.records import Event, stage_of
from engine.store import inbox, queries, schema
from engine.store.database import Store, open_store
from engine.trackers.base import TRACKERS, Log, Place, Told, Tracked, Tracker
from engine.worker import Worker
from tests.engine.store.test_store import events, queued, world
from tests.engine.worker.test_worker import rows, scripted

TOLD: list[Told] = []
ENDS: list[str] = []
STAGES = [(event.round, stage_of(event)) for event in events(world())]


class Kept(Log):
    def __init__(self, tracker: "Notebook") -> None:
        self.fails = tracker.fails

    def heard(self) -> Place | None:
        return TOLD[-1].taken if TOLD else None

    def tell(self, told: Told) -> None:
        if "tell" in self.fails or f"{told.taken[0]}/{told.taken[1]}" in self.fails:
            raise OSError("no way to http://me:secret@box:1?token=2")
        TOLD.append(told)

    def end(self, state: str) -> None:
        ENDS.append(state)


class Notebook(Tracker):
    """Keeps all it is told in a list."""

    name: ClassVar[str] = "notebook"
    fails: tuple[str, ...] = ()

    def open(self, run: Tracked) -> Log:
        if "open" in self.fails:
            raise RuntimeError("closed today")
        assert run.facts["dpo.beta"] == "0.1"
        return Kept(self)


@pytest.fixture(autouse=True)
def notebook() -> Iterator[None]:
    TRACKERS.names()
    TRACKERS.register(Notebook)
    yield
    del TRACKERS._classes["notebook"]
    TOLD.clear()
    ENDS.clear()


def tracked(store: Store, *fails: str) -> str:
    """A queued study with that tracker."""
    study_id = queued(store)
    with store.write(study_id) as connection:
        (config,) = connection.execute(schema.studies.select().with_only_columns(schema.studies.c.config)).scalars()
        told = {**config, "tracker": {"name": "notebook", "fails": fails}}
        connection.execute(schema.studies.update().values(config=told))
    return study_id


def said(store: Store) -> list[str]:
    (run,) = queries.study(store, queries.studies(store)[0].id).runs
    return [text for _, text in queries.notes(store, run.id) if "racker" in text]


def test_every_stage_is_told_once_with_its_numbers(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    tracked(store)
    assert Worker(store, "cpu", loop=scripted).work(until_idle=True) == 1
    assert [one.taken for one in TOLD] == STAGES
    assert ENDS == ["done"]
    assert TOLD[-1].figures == {
        "accuracy/near": 0.75, "kl": 0.1, "seconds/evaluated": 0.1, "tokens/evaluated": 7, "peak_bytes/evaluated": 9,
    }  # fmt: skip
    assert {"labels": 2, "labels_reused": 1, "labels_that_train": 1}.items() <= TOLD[4].figures.items()
    assert said(store) == []


def test_a_run_that_goes_on_tells_what_was_not_heard(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    study_id = tracked(store)

    def failing(*given: Any) -> Iterator[Event]:
        yield from events(world())[:4]
        raise TrainingError("The loss is not finite.", "")

    Worker(store, "cpu", loop=failing).work(until_idle=True)
    assert ENDS == ["failed"]
    del TOLD[2:]  # as if the worker had died before it could tell them
    inbox.command(store, "retry", study_id=study_id)
    Worker(store, "cpu", loop=scripted).work(until_idle=True)
    assert [one.taken for one in TOLD] == STAGES
    assert ENDS == ["failed", "done"]


@pytest.mark.parametrize(("fails", "times"), [(("open",), 1), (("tell",), 3), (("1/picked",), 1)])
def test_a_tracker_that_fails_is_counted_and_said_and_touches_nothing(
    tmp_path: Path, fails: tuple[str, ...], times: int
) -> None:
    plain, store = open_store(tmp_path / "plain"), open_store(tmp_path / "told")
    queued(plain)
    tracked(store, *fails)
    for one in (plain, store):
        assert Worker(one, "cpu", loop=scripted).work(until_idle=True) == 1
    assert queries.studies(store)[0].state == "done"
    assert rows(store) == rows(plain)
    (sentence,) = said(store)
    assert "Tracker notebook could not" in sentence
    assert (f"failed {times} times" in sentence) == (times > 1)
    assert "secret" not in sentence and "token" not in sentence
    assert len(TOLD) == {1: 0 if fails == ("open",) else len(STAGES) - 1, 3: 0}[times]


def test_a_paused_run_is_left_as_stopped(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    tracked(store)
    worker: list[Worker] = []

    def stopping(inputs: Inputs, done: Sequence[Event], say: Any, policy: Any) -> Iterator[Event]:
        yield from events(world())[:2]
        worker[0].stop()
        say("next")

    worker.append(Worker(store, "cpu", loop=stopping))
    worker[0].work()
    assert ENDS == ["stopped"]
