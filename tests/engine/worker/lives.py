"""A worker with the real loop in a process of its own, whose life ends at a chosen moment; and what a study leaves.

A moment is a statement of SQL, a file synced or renamed, a word said, or a pass of the model that is about to begin.
"""

import json
import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

import engine.stages  # with torch: a process forked from here need not import it  # noqa: F401
from engine import claiming, resume
from engine.config import StudyConfig
from engine.data.pool import PreferenceData
from engine.records import STAGES, Spent
from engine.seeds import rng_for
from engine.store import queries, schema, texts, writer
from engine.store.database import Store, open_store
from engine.store.history import load_events
from engine.worker import Worker
from tests.engine.store.bits import bits
from tests.engine.test_loop import config, make_data
from tests.engine.worker.test_worker import rows

Place = tuple[int, str]
"""Round and stage; before the first stage of a life: (-1, "start")."""
START: Place = (-1, "start")


@dataclass(frozen=True)
class End:
    """Where a life ends: at that moment of a stage, or at the first later one if the stage had fewer."""

    place: Place
    moment: int
    number: int = signal.SIGKILL


class Mortal(Worker):
    """A worker that counts its moments and sends itself a signal at one of them."""

    def __init__(self, store: Store, end: End | None) -> None:
        super().__init__(store, "cpu", lease_s=-1.0)
        self.end, self.place = end, START
        self.moments: Counter[Place] = Counter()

    def moment(self, *given: Any) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # the word that is said every second comes when it likes
        self.moments[self.place] += 1
        if self.end is None:
            return
        here, there = (order(self.place), self.moments[self.place]), (order(self.end.place), self.end.moment)
        if here >= there:
            number, self.end = self.end.number, None
            os.kill(os.getpid(), number)

    def _say(self, sentence: str) -> None:
        found = re.fullmatch(r"round (\d+), (\w+)", sentence)
        if found:
            self.place = (int(found[1]), found[2])
        super()._say(sentence)

    def _check(self) -> None:
        self.moment()
        super()._check()


def order(place: Place) -> int:
    return 0 if place == START else 1 + place[0] * len(STAGES) + STAGES.index(place[1])


def live(folder: str, end: End | None, told: str = "", every_s: float = 0.0) -> None:
    """Do what there is to do, until the end; write into the file `told` how many moments every stage had."""
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()  # its lock would be left behind by every kill
    torch.set_num_threads(1)
    resume.EVERY_S = every_s
    claiming.WORD_EVERY_S = 0.2
    store = open_store(folder)
    worker = Mortal(store, end)
    worker.stop_when_asked()
    for name in ("fsync", "replace"):
        setattr(os, name, before(getattr(os, name), worker.moment))
    sa.event.listen(store.engine, "before_cursor_execute", worker.moment)
    worker.work(until_idle=True)
    if told:
        Path(told).write_text(json.dumps([[*place, count] for place, count in worker.moments.items()]))


def before(function: Callable[..., Any], moment: Callable[[], None]) -> Callable[..., Any]:
    def called(*args: Any, **named: Any) -> Any:
        moment()
        return function(*args, **named)

    return called


# ---- the studies -----------------------------------------------------------------------------------------------------
SMALL = {"prompts_per_round": 6, "labels_per_round": 3, "dpo": {"epochs": 2, "batch_pairs": 2, "learning_rate": 0.01}}
WORLDS: dict[str, dict[str, Any]] = {
    "recorded": {
        **SMALL,
        "strategies": ["activedpo"],
        "panel": ["token_entropy", "reward_margin"],
        "regime": {"weights": "continue"},
    },
    "generated": {
        **SMALL,
        "strategies": ["apl"],
        "sampler": {"name": "policy", "responses": 2, "max_new_tokens": 8, "unended": "keep"},
        "oracle": {"name": "gold", "scorer": "howto"},
        "regime": {"pool": "regenerated"},
        "evaluation": {"pairs_per_set": 6, "generate": "every", "prompts": 3, "kl_prompts": 2, "max_new_tokens": 4},
    },
}


def study_of(name: str, model: Path, **changes: Any) -> StudyConfig:
    """With dropout, so that training draws at random, and generation after every round or the last."""
    study = config(model, **{**WORLDS[name], **changes})
    lora = study.model.lora.model_copy(update={"dropout": 0.2})
    return study.model_copy(update={"model": study.model.model_copy(update={"lora": lora})})


def queue(folder: Path, study: StudyConfig, pool: PreferenceData | None = None) -> Store:
    store = open_store(folder)
    roles = {"pool": pool or make_data(8, "pool"), "held_out:near": make_data(3, "near")}
    ids = {
        role: texts.add_dataset(
            store, name=role, path=role, format_name="made", sha256=role, data=data, rows=len(data.pairs), refused={}
        )
        for role, data in roles.items()
    }
    writer.queue_study(store, study, ids, {})
    return store


def run_ids(store: Store) -> list[str]:
    return [run.id for run in queries.study(store, queries.studies(store)[0].id).runs]


def left(store: Store) -> Any:
    """All that a study leaves but times, costs, worker ids and the number of its runs' names."""
    with store.read() as connection:
        r = schema.responses.c
        made = connection.execute(
            sa.select(r.id, r.prompt_id, r.text, r.source, r.round).where(r.round.is_not(None)).order_by(r.id)
        ).all()
    events = [[replace(event, spent=Spent()) for event in load_events(store, run)[0]] for run in run_ids(store)]
    assert all(len(found) for found in events)
    return bits([rows(store), [list(row) for row in made], events])


# ---- many lives ------------------------------------------------------------------------------------------------------
def ends(calm: "Counter[Place]", count: int, seed: int) -> list[End]:
    """Moments spread over all stages of all rounds, in their order; which, the seed decides."""
    rng = rng_for(seed, None, "kills")
    places = sorted(calm, key=order)
    chosen = [places[i % len(places)] for i in range(count - count % len(places))]
    chosen += [places[i] for i in rng.choice(len(places), count % len(places), replace=False)]
    drawn = [End(place, int(rng.integers(1, calm[place] + 1))) for place in chosen]
    return sorted(drawn, key=lambda end: (order(end.place), end.moment))


def kill(processes: Any, folder: Path, end: End) -> bool:
    """One life; whether it ended by the signal (and not because all was done before)."""
    process = processes.Process(target=live, args=(str(folder), end))
    process.start()
    process.join(timeout=120)
    assert process.exitcode in (0, -end.number), f"{end}: code {process.exitcode}"
    return bool(process.exitcode)


def to_the_end(processes: Any, folder: Path) -> "Counter[Place]":
    """A life without a kill."""
    told = folder.with_name(f"{folder.name} moments.json")
    process = processes.Process(target=live, args=(str(folder), None, str(told)))
    process.start()
    process.join(timeout=120)
    assert process.exitcode == 0
    return Counter({(number, stage): count for number, stage, count in json.loads(told.read_text())})
