"""What pages ask of workers beside runs: a task, to wait for it, to stop it; a selection to keep."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from engine.errors import EngineError
from engine.store import inbox, queries
from engine.store.summaries import TaskSummary
from engine.tasks.base import TASKS, Task, ask
from workbench import cache, messages, session
from workbench.components.task_card import task_card
from workbench.components.task_table import task_table


def ask_task(task: Task) -> None:
    """Leave the request for a worker; what goes wrong is said when the page is drawn again."""
    _said(lambda: ask(cache.store(), task))


def stop_task(task_id: int) -> None:
    """Nobody wants its answer any more; a worker that is at it stops at its next word."""
    _said(lambda: inbox.stop_task(cache.store(), task_id))


def keep_selection(study_id: str, pair_ids: Sequence[str], made_from: Mapping[str, Any]) -> bool:
    """Save the pairs, and look at them: their id is then in the link. Whether it went well."""
    return _said(lambda: session.choose("sel", inbox.save_selection(cache.store(), study_id, pair_ids, made_from)))


def asked(task: Task) -> TaskSummary | None:
    """What became of exactly this request; None if nobody has asked."""
    return _asked(str(cache.store_folder()), task.name, json.dumps(task.request()), cache.revision("tasks"))


def answered(task: Task) -> Mapping[str, Any] | None:
    """Its answer, if it is done and still holds (its files are there, its source is unchanged)."""
    found = asked(task)
    return found.answer if found is not None and found.answer is not None and holds(task, found.answer) else None


def holds(task: Task, answer: Mapping[str, Any]) -> bool:
    """Whether the answer may still be shown."""
    return task.still_holds(cache.store(), answer)


def tasks() -> list[TaskSummary]:
    """What was asked for, the newest first, a hundred at most."""
    return _tasks(str(cache.store_folder()), cache.revision("tasks"))


def alive(kind: str) -> bool:
    """Whether a worker of that kind is here."""
    return any(w.alive and w.kind == kind for w in cache.workers(str(cache.store_folder())))


def wait_for(
    task: Task,
    what: str,
    before: tuple[str, str],
    button: str,
    done: Callable[[Mapping[str, Any]], bool] | None = None,
    every: str = "2s",
    primary: bool = True,
) -> None:
    """Where the answer will stand: offers to ask, says what became of it, and draws the page again when it is done.

    `done` says of an answer whether it is one to show; by default whether it holds. `every`: between two looks.
    `primary`: asking is the page's step forward.
    """
    st.fragment(_wait_for, run_every=every)(task, what, before, button, done, primary=primary)


def _wait_for(
    task: Task,
    what: str,
    before: tuple[str, str],
    button: str,
    done: Callable[[Mapping[str, Any]], bool] | None,
    *,
    primary: bool,
) -> None:
    with messages.frame(f"The state of {what[0].lower()}{what[1:]}"):
        found = asked(task)
        if found is not None and found.answer is not None:
            if (done or partial(holds, task))(found.answer):
                st.rerun()
            found = None  # it does not hold any more
        said = session.said()
        if said and said.error:
            messages.error_card(said.error)
        task_card(found, what=what, before=before, button=button, alive=alive(task.wants), kind=task.wants,
                  on_ask=partial(ask_task, task), on_stop=stop_task, primary=primary)  # fmt: skip


@st.fragment(run_every="2s")
def task_list() -> None:
    """All that was asked of the tools worker, with its state; nothing while nobody has asked."""
    with messages.frame("The list of tasks"):
        if found := tasks():
            task_table(found, {name: TASKS.get(name).heading() for name in TASKS.names()}, stop_task)


def _said(do: Callable[[], object]) -> bool:
    try:
        do()
    except EngineError as error:
        session.say(error=error)
        return False
    return True


@st.cache_data(max_entries=64, show_spinner=False)
def _asked(folder: str, kind: str, request: str, revision: int) -> TaskSummary | None:
    return queries.find_task(cache.store(), kind, json.loads(request))


@st.cache_data(max_entries=8, show_spinner=False)
def _tasks(folder: str, revision: int) -> list[TaskSummary]:
    return queries.tasks(cache.store())
