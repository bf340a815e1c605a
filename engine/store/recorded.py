"""What data files say of their pairs: recorded answers and scores. For people to look at; strategies never see it."""

from collections.abc import Sequence

import sqlalchemy as sa

from engine.store import schema as s
from engine.store.database import Store


def votes(store: Store, dataset_ids: Sequence[str]) -> dict[str, list[str]]:
    """Pair id → the answers that the files hold, in their order."""
    of = s.comparisons.c
    found: dict[str, list[str]] = {}
    with store.read() as connection:
        rows = connection.execute(
            sa.select(of.pair_id, of.answer).where(of.dataset_id.in_(list(dataset_ids))).order_by(of.row)
        )
        for pair_id, answer in rows:
            found.setdefault(pair_id, []).append(answer)
    return found


def file_scores(store: Store, dataset_ids: Sequence[str]) -> dict[str, float]:
    """Response id → the score that a file gives it."""
    of = s.dataset_responses.c
    with store.read() as connection:
        rows = connection.execute(
            sa.select(of.response_id, of.score).where(of.dataset_id.in_(list(dataset_ids)) & of.score.is_not(None))
        )
        return {response_id: float(score) for response_id, score in rows}
