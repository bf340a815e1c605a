"""Which clusters of a map pairs lie in: the candidates of a round, its batch, or any pairs of the pool."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from engine.store.database import Store
from engine.store.parquet import ask
from engine.store.tasks import newest_done


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


def newest_map(store: Store, study_id: str) -> tuple[int, Mapping[str, Any]] | None:
    """The newest map of the study's pool that is done: its task's number and answer; None without one."""
    task = newest_done(store, "projection", study_id=study_id)
    return None if task is None or not task.answer else (task.id, task.answer)


def clusters_of(store: Store, answer: Mapping[str, Any], pair_ids: Collection[str]) -> dict[str, str]:
    """Pair → the words of its cluster on that map, of the pairs that are on it. StoreError if its file is gone."""
    names = answer.get("clusters", {}).get("responses")
    if not names or not pair_ids:
        return {}
    found = ask(
        "SELECT pair_id, topic FROM read_parquet(?) WHERE pair_id IN (SELECT unnest(?::VARCHAR[]))",
        [str(store.folder / answer["files"]["pairs"]["path"]), sorted(pair_ids)],
    )
    words = {n: ", ".join(one["words"]) or f"cluster {n}" for n, one in enumerate(names)}
    return {str(i): words[int(n)] for i, n in zip(found["pair_id"], found["topic"], strict=True) if int(n) in words}
