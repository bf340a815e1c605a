"""A small campaign whose first batch waits for people, without a model: what tests of the queue start from."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engine.config import StudyConfig
from engine.records import Answer, Evaluated, Metric, Pick, Picked, Pooled, Scored
from engine.store import campaigns, roles, writer
from engine.store import schema as s
from engine.store.assignments import Said, Shown, answer_and_next, claim_next
from engine.store.database import Store, open_store
from engine.store.texts import add_dataset
from tests.engine.store.test_store import a_worker, world


def campaign(
    folder: Path,
    batch: int = 4,
    gold: int = 0,
    shadow: Mapping[str, Sequence[int]] | None = None,
    called: str = "campaign",
    **oracle: Any,
) -> tuple[Store, str, str]:
    """A store with a campaign in round 1, `batch` pairs in its queue; the store, the study and its run.

    `shadow`: strategy → the places in the pool of the pairs that it would have picked.
    """
    n_more = 10 if shadow else 0
    store, data = open_store(folder), world(batch + gold + n_more)
    config = StudyConfig.from_dict(
        {
            "name": called,
            "data": {"pool": "w.jsonl"},
            "model": {"path": "m"},
            "strategies": ["random"],
            "oracle": {"name": "people", "held_out_pairs": 0, "audit_share": 0, **oracle},
            "rounds": 1,
            "labels_per_round": batch,
        }
    )
    pool = add_dataset(
        store, name="w", path="w.jsonl", format_name="made", sha256=f"{batch:064x}", data=data, rows=batch, refused={}
    )
    study_id = writer.queue_study(store, config, {"pool": pool}, {"data": {}})
    claim = writer.claim_run(store, a_worker(store))
    assert claim is not None
    ids = tuple(data.pairs)
    picks = tuple(Pick(pair_id, rank) for rank, pair_id in enumerate(ids[:batch], start=1))
    events = (
        Evaluated(0, (Metric("accuracy", "held_out", 0.5, 2, "share"),)),
        Pooled(1, ids[:batch]),
        Scored(1, (), None),
        Picked(1, picks, shadow={name: tuple(ids[n] for n in at) for name, at in (shadow or {}).items()}),
    )
    for event in events:
        writer.save_event(store, claim, event)
    campaigns.wait(
        store,
        claim,
        1,
        [(pick.pair_id, "label") for pick in picks],
        {pair_id: "a" for pair_id in ids[batch : batch + gold]},
    )
    return store, study_id, claim.run_id


def finish(made: tuple[Store, str, str], name: str, say: Callable[[Shown], Answer] = lambda shown: "a") -> list[Any]:
    """Somebody answers all that is left for them; the rows of labels."""
    store, study_id, _ = made
    person = roles.at_the_machine(store, name)
    shown = claim_next(store, study_id, person.id)
    while shown is not None:
        shown = answer_and_next(store, study_id, shown.assignment_id, person.id, Said(say(shown)))
    return labels(store)


def labels(store: Store) -> list[Any]:
    return rows(store, s.labels)


def rows(store: Store, table: sa.Table) -> list[Any]:
    with store.read() as connection:
        return list(connection.execute(sa.select(table).order_by(table.c.id)).all())
