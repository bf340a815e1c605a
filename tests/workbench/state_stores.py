"""Stores to see the states of components over: one a state, each with a map, an import and a dry run in it."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from engine.store import queries, tasks, writer
from engine.store.browse import pair_texts
from engine.store.database import Store, open_store
from engine.strategies.base import STRATEGIES
from engine.tasks.base import ask
from engine.tasks.dry_run import DryRun
from engine.tasks.projection import Projection
from engine.tasks.prove_data import ProveData
from engine.tasks.score_pool import ScorePool
from engine.tools import ToolsWorker
from tests.engine.tasks.toys import vectors
from tests.workbench import lab_worlds, worlds
from tests.workbench.test_explore import scored_world

ROWS = ('{"prompt": "How do I wash wool?", "chosen": "By hand.", "rejected": "Boil it."}', "not json {")


def state_stores(folder: Path) -> dict[str, Store]:
    """A store a state under `folder`: empty, one just queued, one under way, one with a failed run, a finished one."""
    path = folder / "mine.jsonl"
    path.write_text("\n".join(ROWS), encoding="utf-8")
    made = {
        "empty": open_store(folder / "empty"),
        "queued": open_store(folder / "queued"),
        "running": scored_world(folder / "running", stop_after=9),
        "failed": worlds.failed(folder / "failed"),
        "finished": scored_world(folder / "finished"),
    }
    worlds.add_study(made["queued"], "just queued", seeds=(1,), strategies=("random", "activedpo"))
    writer.register_worker(made["queued"], "device", "cpu", 1, "here", lease_s=-1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.models.embed.embed_sentences", vectors)
        for state, store in made.items():
            if state in ("running", "finished"):
                writer.register_worker(store, "device", "cpu", os.getpid(), "here", lease_s=3600)
            if state != "empty":
                _asked(store, state, path)
                _dry(store, state)
    return made


def _asked(store: Store, state: str, path: Path) -> None:
    """A map and an import in that state."""
    ask(store, Projection(study_id=queries.studies(store)[0].id))
    ask(store, ProveData(path=str(path)))
    if state == "finished":
        ToolsWorker(store).work(until_idle=True)
    elif state != "queued":
        me = writer.register_worker(store, "tools", "cpu", 1, "here", lease_s=3600)
        for word, error in (("reading responses, 16 of 64", "The disk is full: <b>x</b>."),
                            ("12,000 rows read", "It could not be read: <b>x</b>.")):  # fmt: skip
            claim = tasks.claim_task(store, me, lease_s=3600)
            assert claim is not None
            tasks.task_word(store, claim, word)
            if state == "failed":
                tasks.end_task(store, claim, "failed", error=error)


def _dry(store: Store, state: str) -> None:
    """A dry run of the SFT model over the study's pool in that state."""
    names = ("random", "real")
    if state == "finished":
        task = lab_worlds.scored(store, lab_worlds.request(store, *names, seed=1))
        chosen = tuple(STRATEGIES.build(name) for name in names)
        ask(store, DryRun.model_validate({**task.request(), "strategies": chosen}))
        ToolsWorker(store).work(until_idle=True)
        return
    ask(store, ScorePool.model_validate(lab_worlds.request(store, *names, seed=1)))
    if state == "queued":
        return
    me = writer.register_worker(store, "device", "cpu", os.getpid(), "here", lease_s=3600)
    claim = tasks.claim_task(store, me, wants="device", lease_s=3600)
    assert claim is not None
    tasks.task_word(store, claim, "round 1, embedding, 16 of 64 responses")
    if state == "failed":
        tasks.end_task(store, claim, "failed", error="The disk is full: <b>x</b>.")


def filled(query: Mapping[str, str], store: Store) -> dict[str, str]:
    """The query with what this store has: a file, and the first pick of a run with its prompt."""
    if not any("{" in value for value in query.values()):
        return dict(query)
    run = queries.study(store, queries.studies(store)[0].id).runs[0]
    pick = queries.batch(store, run.id, 1)[0] if queries.study(store, run.study_id).summary.rounds_done else None
    known = {"path": str(store.folder.parent / "mine.jsonl"), "pair": pick.pair_id if pick else "", "prompt": ""}
    if pick is not None:
        known["prompt"] = pair_texts(store, [pick.pair_id])[0].prompt_id
    return {name: value.format(**known) for name, value in query.items()}
