"""What a campaign has on record for its report: its audit slice as people settled it, and the pool of each round"""

import sqlalchemy as sa

from engine.oracles.people import People
from engine.records import Label
from engine.store import schema as s
from engine.store.database import Store
from engine.store.votes import settled


def audit_labels(store: Store, oracle: People, run_id: str) -> dict[str, Label]:
    """Pair → what people's answers to it come to, of the audit slice's pairs that nobody has still to answer.

    Of answers that another study lent nobody was asked here, so those pairs are not in it. {} without such a run.
    """
    to = s.assignments.c
    with store.read() as connection:
        run = connection.execute(sa.select(s.runs.c.study_id, s.runs.c.seed).where(s.runs.c.id == run_id)).first()
        asked = sa.select(to.pair_id).where((to.run_id == run_id) & (to.kind == "audit")).distinct()
        pairs = sorted(connection.execute(asked).scalars())
        return settled(connection, oracle, run_id, run.study_id, run.seed, 0, pairs) if run is not None else {}


def pool_sizes(store: Store, run_id: str) -> dict[int, int]:
    """Round → candidate pairs of its pool."""
    of = s.pool_snapshots.c
    with store.read() as connection:
        return dict(connection.execute(sa.select(of.round, of.n_pairs).where(of.run_id == run_id)).all())
