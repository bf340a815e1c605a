"""Stores for the page Label quality: a study whose file names its labellers, and a campaign of three people."""

from pathlib import Path

import numpy as np
import sqlalchemy as sa

from engine.records import Evaluated, Label, Labelled, Metric, Trained
from engine.seeds import uniforms
from engine.store import queries, roles, writer
from engine.store import schema as s
from engine.store.assignments import Said, answer_and_next, claim_next
from engine.store.database import Store
from tests.engine.store.campaign_world import campaign
from tests.engine.store.test_store import a_worker
from tests.workbench import worlds

SKILLS = {"Mia <b>M</b>": 0.95, "Ole": 0.9, "Ida": 0.6}
"""How often each gives the right answer, which is a."""


def right(who: str, pair_id: str, again: str = "") -> bool:
    """Whether somebody answers a pair rightly."""
    return bool(uniforms(0, None, f"lead world:{who}{again}", [pair_id])[0] < SKILLS[who])


def recorded(folder: Path) -> Store:
    """A finished study of four strategies; of each pair the file has three answers, by name."""
    store = worlds.finished(folder, seeds=(1, 2))
    with store.write() as connection:
        of = s.comparisons
        rows = connection.execute(sa.select(of).order_by(of.c.row)).all()
        connection.execute(of.delete())
        for n, who in enumerate(SKILLS):
            for row in rows:
                other = "b" if row.answer == "a" else "a"
                said = row.answer if right(who, row.pair_id) else other
                place = {"dataset_id": row.dataset_id, "row": n * len(rows) + row.row, "pair_id": row.pair_id}
                connection.execute(of.insert().values(**place, answer=said, labeller=who))
    return store


def answered(folder: Path, pairs: int = 40) -> tuple[Store, str, str]:
    """A finished campaign: three people, two answers a pair, hidden repeats, times, and margins after training.

    Every label is a where the people are right; the margins are on their side, but for every tenth pair.
    """
    store, study_id, run_id = campaign(
        folder, batch=pairs, called="Answered by people", answers_per_pair=2, repeat_share=0.2
    )
    roles.write_guideline(store, study_id, "Prefer what is true.")
    guideline = roles.guideline(store, study_id).id
    turn = [roles.at_the_machine(store, who) for who in SKILLS]
    left = {person.id: claim_next(store, study_id, person.id) for person in turn[:1]}
    while turn:
        person = turn.pop(0)
        shown = left.pop(person.id, None) or claim_next(store, study_id, person.id)
        if shown is None:
            continue
        place = str(shown.assignment_id)
        seconds = 5 + (len(shown.text_a) + len(shown.text_b)) / 10 + 4 * uniforms(0, None, "seconds", [place])[0]
        answer = "a" if right(person.name, shown.pair_id, shown.side_first) else "b"
        said = Said(answer, seconds=float(seconds), guideline_id=guideline, note="<b>sure</b>")
        left[person.id] = answer_and_next(store, study_id, shown.assignment_id, person.id, said)
        if left[person.id] is not None:
            turn.append(person)
    claim = writer.claim_run(store, a_worker(store))
    assert claim is not None
    picked = [pick.pair_id for pick in queries.batch(store, run_id, 1)]
    with store.read() as connection:
        given = sa.select(s.labels.c.pair_id, s.labels.c.answer).order_by(s.labels.c.id.desc())
        first = {pair_id: answer for pair_id, answer in connection.execute(given)}
    labels = tuple(Label(pair_id, first[pair_id], "people") for pair_id in picked)
    margins = {pair_id: (-1.0 if n % 10 == 0 else 1.0) * (1 + 0.1 * n / pairs) for n, pair_id in enumerate(picked)}
    adapter = {"lora_A": np.ones((2, 2), np.float32)}
    writer.save_event(store, claim, Labelled(1, labels))
    writer.save_event(store, claim, Trained(1, adapter, ({"step": 1.0, "loss": 0.69},), len(labels), "h1"))
    writer.save_event(store, claim, Evaluated(1, (Metric("accuracy", "held_out", 0.5, 2, "share"),), probed=margins))
    writer.set_state(store, claim.run_id, "done")
    return store, study_id, run_id
