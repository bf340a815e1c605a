"""What strategies in the shadow of a campaign would have picked in a round, beside what was picked."""

from dataclasses import dataclass

import sqlalchemy as sa

from engine.store import schema as s
from engine.store.database import Store


@dataclass(frozen=True)
class Shadowed:
    """One strategy's picks that nobody labelled for it, best first; `shared` are in the batch, too."""

    strategy: str
    pair_ids: tuple[str, ...]
    shared: int


def shadowed(store: Store, run_id: str, round_number: int) -> list[Shadowed]:
    """A row a strategy, by name; [] where none picks in the shadow, or in a warm-up round."""
    log = s.stages.c
    mine = (log.run_id == run_id) & (log.round == round_number) & (log.stage == "picked")
    with store.read() as connection:
        detail = connection.execute(sa.select(log.detail).where(mine)).scalar() or {}
    batch = {pick[0] for pick in detail.get("picks", ())}
    return [Shadowed(name, tuple(ids), len(batch & set(ids))) for name, ids in sorted(detail.get("shadow", {}).items())]
