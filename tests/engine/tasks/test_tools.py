"""The tools worker: claimed by lease, answered, failed with a sentence, put back, taken over; nothing done twice."""

import threading
import time
from pathlib import Path

import pytest

from engine import claiming
from engine.store import queries, schema, tasks, writer
from engine.store.database import Store, open_store
from engine.tasks.base import TASKS, ask, asked
from engine.tools import ToolsWorker, memory_bound
from tests.engine.tasks.toys import Toy


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setitem(TASKS._classes, "toy", Toy)
    return open_store(tmp_path)


def a_worker(store: Store, kind: str = "tools") -> str:
    return writer.register_worker(store, kind, "cpu", 1, "here")


def test_a_task_is_done_and_answers(store: Store) -> None:
    number = ask(store, Toy(word="hello"))
    before = queries.task(store, number)
    assert (before.kind, before.state, before.answer, before.error) == ("toy", "queued", None, "")
    assert ToolsWorker(store).work(until_idle=True) == 1
    after = queries.task(store, number)
    assert (after.state, after.answer, after.progress) == ("done", {"said": "hello"}, "")
    assert asked(store, Toy(word="hello")) == after
    assert asked(store, Toy(word="other")) is None
    assert queries.tasks(store) == queries.tasks(store, "toy") == [after]


def test_the_newest_that_is_done_is_found_below_any_number_of_others(store: Store) -> None:
    mine = ask(store, Toy(word="mine"))
    assert tasks.newest_done(store, "toy", word="mine") is None, "it waits"
    ToolsWorker(store).work(until_idle=True)
    for n in range(101):
        ask(store, Toy(word=f"{n}"))
    found = tasks.newest_done(store, "toy", word="mine")
    assert found is not None
    assert found.id == mine
    assert tasks.newest_done(store, "toy", word="0") is None
    assert tasks.newest_done(store, "other", word="mine") is None


def test_the_same_request_is_asked_once_while_its_answer_holds(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ask(store, Toy(parts=(1, 2)))
    assert ask(store, Toy(parts=(1, 2))) == first
    assert ask(store, Toy(parts=(2, 1))) != first
    ToolsWorker(store).work(until_idle=True)
    assert ask(store, Toy(parts=(1, 2))) == first
    monkeypatch.setattr(Toy, "holds", False)
    again = ask(store, Toy(parts=(1, 2)))
    assert again != first
    assert asked(store, Toy(parts=(1, 2))) == queries.task(store, again)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("refuse", "Row 3 holds no prompt. Mend it."),
        ("break", "KeyError: 'x'. This is a fault of the program; its trace is in the log."),
        ("grow", ToolsWorker.out_of_memory),
    ],
)
def test_what_goes_wrong_is_a_sentence_and_the_next_task_is_done(store: Store, word: str, said: str) -> None:
    bad, good = ask(store, Toy(word=word)), ask(store, Toy())
    assert ToolsWorker(store).work(until_idle=True) == 2
    assert (queries.task(store, bad).state, queries.task(store, bad).error) == ("failed", said)
    assert queries.task(store, good).state == "done"
    assert ask(store, Toy(word=word)) != bad, "a failed one is asked anew"


def test_a_request_this_program_cannot_read_fails_with_the_reason(store: Store) -> None:
    from engine.store import inbox

    unknown, wrong = inbox.request_task(store, "gone", {}), inbox.request_task(store, "toy", {"words": 1})
    ToolsWorker(store).work(until_idle=True)
    assert "No task is called 'gone'." in queries.task(store, unknown).error
    assert "words" in queries.task(store, wrong).error


def test_a_lease_is_one_workers_until_it_lapses(store: Store) -> None:
    number = ask(store, Toy())
    first, second = a_worker(store), a_worker(store)
    mine = tasks.claim_task(store, first, lease_s=-1)
    assert mine is not None
    assert tasks.claim_task(store, second, wants="device") is None
    theirs = tasks.claim_task(store, second)
    assert theirs is not None
    assert theirs.task_id == number
    assert tasks.claim_task(store, first) is None, "the second one's lease has not lapsed"
    assert not tasks.task_word(store, mine, "back again")
    assert not tasks.end_task(store, mine, "done", answer={"said": "late"})
    assert tasks.task_word(store, theirs, "mine")
    assert queries.task(store, number).progress == "mine"
    assert tasks.end_task(store, theirs, "done", answer={"said": "mine"})
    assert queries.task(store, number).answer == {"said": "mine"}


def test_a_dead_workers_task_is_taken_over(store: Store) -> None:
    number = ask(store, Toy(word="again"))
    tasks.claim_task(store, a_worker(store), lease_s=-1)
    assert queries.task(store, number).state == "running"
    assert ToolsWorker(store).work(until_idle=True) == 1
    assert queries.task(store, number).answer == {"said": "again"}


def test_a_task_that_is_told_to_stop_goes_back_to_the_queue(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claiming, "WORD_EVERY_S", 0.02)
    number = ask(store, Toy(word="wait"))
    worker = ToolsWorker(store)
    thread = threading.Thread(target=worker.work)
    thread.start()
    for _ in range(500):
        if queries.task(store, number).progress == "wait, 2 of 2":
            break
        time.sleep(0.02)
    assert queries.task(store, number).state == "running"
    worker.stop()
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert queries.task(store, number).state == "queued"
    assert queries.workers(store) == []


def test_a_resting_worker_gets_up_when_somebody_asks(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a dry run would wait for the worker's next look, here an hour away."""
    monkeypatch.setattr("engine.tools.IDLE_S", 3600.0)
    worker = ToolsWorker(store)
    thread = threading.Thread(target=worker.work)
    thread.start()
    for n in range(3):
        number = ask(store, Toy(word=f"turn {n}"))
        for _ in range(1000):
            if queries.task(store, number).state == "done":
                break
            time.sleep(0.02)
        assert queries.task(store, number).answer == {"said": f"turn {n}"}
    worker.stop()
    thread.join(timeout=20)
    assert not thread.is_alive()


def test_a_task_that_was_taken_is_given_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claiming, "WORD_EVERY_S", 0.02)
    number = ask(store, Toy(word="wait"))
    worker = ToolsWorker(store)
    thread = threading.Thread(target=worker.work, kwargs={"until_idle": True})
    thread.start()
    while queries.task(store, number).state != "running":
        time.sleep(0.01)
    with store.write() as connection:
        connection.execute(schema.tasks.update().values(state="cancelled"))
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert queries.task(store, number).state == "cancelled"


def test_only_news_raises_the_revision_of_tasks(store: Store) -> None:
    ask(store, Toy())
    claim = tasks.claim_task(store, a_worker(store))
    assert claim is not None
    tasks.task_word(store, claim, "half")
    before = queries.revision(store, "tasks")
    tasks.task_word(store, claim, "half")
    assert queries.revision(store, "tasks") == before
    tasks.task_word(store, claim, "all")
    assert queries.revision(store, "tasks") == before + 1


def test_memory_is_bounded() -> None:
    assert 2 * 1024**3 <= memory_bound() <= 8 * 1024**3
