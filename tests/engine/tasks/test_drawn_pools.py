"""A dry run of a round that draws its pool: the same responses as the round itself will draw, and what they cost."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.errors import EngineError
from engine.store import queries, schema
from engine.store.cache import FileCache
from engine.store.check import check
from engine.store.pace import sizes_of
from engine.store.scoring_price import to_draw
from engine.tasks._laboratory import kept_pool
from engine.tasks.dry_run import DryRun
from engine.tasks.score_pool import ScorePool
from engine.worker import Worker
from tests.engine.tasks.test_laboratory import fields, run_of, scored
from tests.engine.worker.lives import queue, study_of


def test_a_pool_that_no_round_has_drawn_yet_is_drawn_as_the_round_will_draw_it(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    """Before the study has begun, of some of its prompts; the run comes to the same pairs and picks afterwards."""
    study = study_of(
        "recorded", tiny_model_dir, strategies=["apl_certainty"], race="none", rounds=2, labels_per_round=3, seeds=[1],
        oracle={"name": "gold", "scorer": "howto"}, regime={"pool": "regenerated"},
        sampler={"name": "policy", "responses": 3, "max_new_tokens": 6, "unended": "keep"},
    )  # fmt: skip
    store = queue(tmp_path, study)
    run = run_of(store, "apl_certainty")
    with store.write() as connection:
        connection.execute(schema.runs.update().values(state="paused"))
    request = fields(store, "apl_certainty", "real", run_id=run, round=1)
    whole = sizes_of(store, request["study_id"])[1][0]
    where = {"study_id": request["study_id"], "run_id": run, "number": 1}
    some = to_draw(store, whole, prompts=4, **where)
    assert some is not None and (some.pool.prompts, some.draws, some.max_new_tokens) == (4, 12, 6)
    few = scored(store, {**request, "prompts": 4})
    answer = scored(store, request)
    assert few["prompts"] <= 4 < answer["prompts"]
    k = {"strategies": ["real", "apl_certainty"], "k": 3}
    dry = DryRun.model_validate({**request, **k}).do(store, lambda _: None)
    assert [len(one["picks"]) for one in dry["strategies"]] == [3, 3]
    assert {"length of a response"} <= {row["name"] for row in dry["measures"]}, "its texts are there"
    kept = kept_pool(FileCache(store.folder / "cache"), ScorePool.model_validate(request).pool_key())
    with pytest.raises(EngineError, match="has not come to round 2"):
        ScorePool.model_validate({**request, "round": 2}).do(store, lambda _: None)
    with store.write() as connection:
        connection.execute(schema.runs.update().values(state="queued"))
    Worker(store, "cpu").work(until_idle=True)
    assert kept is not None
    assert {pair.id for pair in kept.pairs} == set(queries.scores(store, run, 1)["pair_id"])
    assert dry["strategies"][1]["picks"] == [pick.pair_id for pick in queries.batch(store, run, 1)]
    assert to_draw(store, whole, prompts=4, **where) is None, "it has its pool now"
    assert not check(store.folder)


def test_it_keeps_to_one_pair_a_prompt_where_the_study_does_or_where_that_is_asked_for(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    study = study_of("recorded", tiny_model_dir, strategies=["random"], race="none", seeds=[1], prompts_per_round=None)
    store = queue(tmp_path, study)
    run = run_of(store, "random")
    with store.write() as connection:
        connection.execute(schema.runs.update().values(state="paused"))
    request = fields(store, "real", "k_center", run_id=run, round=1)
    scored(store, request)
    pool = kept_pool(FileCache(store.folder / "cache"), ScorePool.model_validate(request).pool_key())
    assert pool is not None
    prompt = {pair.id: pair.prompt_id for pair in pool.pairs}
    n_prompts = len(set(prompt.values()))
    assert n_prompts < len(prompt)
    request |= {"strategies": ["real", "random", "k_center"], "k": n_prompts}

    def asked_of(**changes: Any) -> list[int]:
        answer = DryRun.model_validate({**request, **changes}).do(store, lambda _: None)
        spreads.append(answer["one_per_prompt"])
        assert ("One pair a prompt is asked for" in answer["strategies"][2]["error"]) is answer["one_per_prompt"]
        return [len({prompt[pick] for pick in one["picks"]}) for one in answer["strategies"][:2]]

    spreads: list[bool] = []
    assert asked_of(one_per_prompt=True) == [n_prompts, n_prompts]
    assert min(asked_of()) < n_prompts, "this study takes any pair"
    runs = schema.runs
    with store.write() as connection:
        was = connection.execute(sa.select(runs.c.config).where(runs.c.id == run)).scalar_one()
        own = {**was, "setting": {**was.get("setting", {}), "one_per_prompt": True}}
        connection.execute(runs.update().where(runs.c.id == run).values(config=own))
    try:
        assert asked_of() == [n_prompts, n_prompts], "this run does not"
        assert min(asked_of(one_per_prompt=False)) < n_prompts
    finally:
        with store.write() as connection:
            connection.execute(runs.update().where(runs.c.id == run).values(config=was))
    assert spreads == [True, False, True, False]
