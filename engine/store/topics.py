"""Which clusters of a map the candidates of a round lie in, and which its batch does."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from engine.store.database import Store
from engine.store.parquet import ask


def topics_of_round(
    store: Store, points: Mapping[str, Any], table: Path, picks: Collection[str]
) -> tuple[dict[int, int], dict[int, int]]:
    """Number of a topic → pairs of it, among the candidates of the round's `table`, and among the picks.

    `points` is the file of pairs that a projection wrote. Pairs that the map left out are in neither. StoreError if a
    file is gone or damaged.
    """
    file = str(store.folder / points["path"])
    every = ask(
        """SELECT m.topic AS topic, count(*) AS n FROM read_parquet(?) m
           WHERE m.pair_id IN (SELECT pair_id FROM read_parquet(?)) GROUP BY m.topic""",
        [file, str(table)],
    )
    picked = ask(
        """SELECT m.topic AS topic, count(*) AS n FROM read_parquet(?) m
           WHERE m.pair_id IN (SELECT unnest(?::VARCHAR[])) GROUP BY m.topic""",
        [file, list(picks)],
    )
    both = [dict(zip(map(int, x["topic"]), map(int, x["n"]), strict=True)) for x in (every, picked)]
    return both[0], both[1]
