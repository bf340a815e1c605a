"""The dry run against the study itself: what it says a strategy would pick is what the run did pick."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import EngineError
from engine.store import queries, tasks
from engine.store.cache import FileCache
from engine.store.database import Store
from engine.store.pool_texts import study_config
from engine.strategies.base import STRATEGIES
from engine.tasks import _at_hand
from engine.tasks._laboratory import kept_pool, signals_for
from engine.tasks.adapter import TakeAdapter
from engine.tasks.base import ask, asked
from engine.tasks.dry_run import DryRun, words_of
from engine.tasks.score_pool import ScorePool
from engine.tools import ToolsWorker
from engine.worker import Worker
from tests.engine.worker.test_real_loop import study_in

ALL = ("activedpo", "apl", "real", "random")


@pytest.fixture(autouse=True)
def nothing_held() -> Iterator[None]:
    _at_hand._HELD.clear()
    yield
    _at_hand._HELD.clear()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> Store:
    """A finished study of two strategies and two rounds."""
    made = study_in(tmp_path_factory.mktemp("lab"), tiny_model_dir)
    Worker(made, "cpu").work(until_idle=True)
    return made


def fields(store: Store, *names: str, **changes: Any) -> dict[str, Any]:
    study = queries.studies(store)[0].id
    config = study_config(store, study)
    signals = signals_for([STRATEGIES.build(name) for name in names], config.signals)
    return {"study_id": study, "signals": [signal.spec() for signal in signals], **changes}


def run_of(store: Store, strategy: str) -> str:
    study = queries.studies(store)[0].id
    return next(run.id for run in queries.study(store, study).runs if run.strategy.name == strategy)


def scored(store: Store, request: dict[str, Any]) -> dict[str, Any]:
    task = ScorePool.model_validate(request)
    ask(store, task)
    Worker(store, "cpu").work(until_idle=True)
    found = asked(store, task)
    assert found is not None
    assert found.state == "done", found.error
    assert found.answer is not None
    return found.answer


@pytest.mark.parametrize("round_number", [1, 2])
@pytest.mark.parametrize("strategy", ["activedpo", "apl"])
def test_it_picks_what_the_study_picked(store: Store, strategy: str, round_number: int) -> None:
    run = run_of(store, strategy)
    request = fields(store, strategy, run_id=run, round=round_number)
    answer = scored(store, request)
    picks = [pick.pair_id for pick in queries.batch(store, run, round_number)]
    pooled = set(queries.scores(store, run, round_number)["pair_id"])
    assert answer["pairs"] == len(pooled)
    assert answer["past"] == answer["labels"] == len(picks) * (round_number - 1)
    dry = DryRun.model_validate({**request, "strategies": [strategy]}).do(store, lambda _: None)
    assert dry["strategies"][0]["picks"] == picks, "as many as the run, too"
    kept = queries.scores(store, run, round_number).set_index("pair_id")["score"]
    matrix = FileCache(store.folder / "cache").get(dry["scores"])
    pool = kept_pool(FileCache(store.folder / "cache"), ScorePool.model_validate(request).pool_key())
    assert matrix is not None
    assert pool is not None
    assert np.array_equal(matrix[:, 0], kept[[pair.id for pair in pool.pairs]].to_numpy())


def test_many_strategies_on_a_run_that_is_not_theirs(store: Store) -> None:
    request = fields(store, *ALL, run_id=run_of(store, "apl"), round=3)
    answer = scored(store, request)
    assert answer["labels"] == 8
    variants: list[Any] = [*ALL, {"name": "activedpo", "ridge": 5.0}]
    dry = DryRun.model_validate({**request, "strategies": variants, "k": 4})
    ask(store, dry)
    assert ToolsWorker(store).work(until_idle=True) == 1
    found = asked(store, dry)
    assert found is not None
    assert found.answer is not None, found.error
    said = found.answer
    assert [words_of(s) for s in said["strategies"]] == ["ActiveDPO", "APL", "REAL", "random", "ActiveDPO, ridge 5.0"]
    before = {pick.pair_id for n in (1, 2) for pick in queries.batch(store, run_of(store, "apl"), n)}
    for strategy in said["strategies"]:
        assert len(set(strategy["picks"])) == 4, strategy["error"]
        assert not before & set(strategy["picks"])
    assert len(said["shared"]) == 10
    assert len(said["ranks"]) == 6, "random gives no scores"
    for row in said["shared"]:
        one, other = (set(said["strategies"][row[side]]["picks"]) for side in ("first", "second"))
        assert row["shared"] == len(one & other)
        assert row["jaccard"] == pytest.approx(len(one & other) / len(one | other))
    names = {row["name"] for row in said["measures"]}
    assert {"length of a response", "size of the margin", "recorded answers that follow the file's scores"} <= names
    assert all(set(row["spaces"]) == {"words", "embedding", "reward_gradient"} for row in said["redundancy"])
    assert said["seconds"].keys() == {"reading", "picking", "comparing"}


def test_the_sft_model_on_a_subset_and_what_is_there_costs_nothing_again(store: Store) -> None:
    request = fields(store, "real", prompts=5)
    task = ScorePool.model_validate(request)
    assert task.there(store, task.signals) == ()
    answer = scored(store, request)
    assert (answer["prompts"], answer["past"], answer["labels"]) == (5, 0, 0)
    assert task.there(store, task.signals) == task.signals
    more = ScorePool.model_validate({**request, "signals": fields(store, "real", "activedpo")["signals"]})
    assert [signal.name for signal in more.there(store, more.signals)] == ["embedding"]
    assert scored(store, more.request())["tokens"] > 0
    assert [signal.name for signal in more.there(store, more.signals)] == ["embedding", "reward_gradient"]
    again = ScorePool.model_validate(more.request()).do(store, lambda _: None)
    assert again["tokens"] == 0
    first = ask(store, more)
    for path in (store.folder / "cache").glob(f"{more.signal_key(more.signals[0], 'past')}.npy"):
        path.unlink()
    assert ask(store, more) != first, "an answer whose arrays are gone does not hold"
    Worker(store, "cpu").work(until_idle=True)


def test_a_subset_of_a_rounds_pool_is_cut_from_that_pool(store: Store) -> None:
    run = run_of(store, "activedpo")
    for round_number in (1, 2, 3):
        request = fields(store, "activedpo", "bald", run_id=run, round=round_number, prompts=3, seed=5)
        answer = scored(store, request)
        # After the last round no pool is recorded: of three prompts one may have had all its pairs picked by then.
        assert answer["prompts"] == 3 or (round_number == 3 and 1 <= answer["prompts"] < 3)
        assert answer["failed"] == {}
        if round_number < 3:
            pool = kept_pool(FileCache(store.folder / "cache"), ScorePool.model_validate(request).pool_key())
            assert pool is not None
            assert {p.id for p in pool.pairs} <= set(queries.scores(store, run, round_number)["pair_id"])
        dry = DryRun.model_validate({**request, "strategies": ["bald", "activedpo"], "k": 2}).do(store, lambda _: None)
        assert ("none was bought yet here" in dry["strategies"][0]["note"]) == (round_number == 1)
        assert all(len(found["picks"]) == 2 for found in dry["strategies"])


def test_a_data_set_with_a_model_folder_needs_no_study(store: Store, tiny_model_dir: Path) -> None:
    dataset = next(d.id for d in queries.datasets(store) if d.name == "near" or "near" in d.path)
    request = {"dataset_id": dataset, "model": str(tiny_model_dir), "signals": ["embedding"]}
    assert scored(store, request)["pairs"] == 12
    dry = DryRun.model_validate({**request, "strategies": ["real", "random"], "k": 3}).do(store, lambda _: None)
    assert [len(s["picks"]) for s in dry["strategies"]] == [3, 3]


def test_another_data_set_under_a_run_knows_its_picks(store: Store) -> None:
    dataset = next(d.id for d in queries.datasets(store) if "near" in d.path)
    request = fields(store, "activedpo", run_id=run_of(store, "activedpo"), round=2, dataset_id=dataset)
    answer = scored(store, request)
    assert (answer["pairs"], answer["past"]) == (12, 4)


def test_what_cannot_be_made_is_a_sentence_and_the_others_go_on(store: Store) -> None:
    request = fields(store, "real")
    scored(store, request)
    dry = DryRun.model_validate({**request, "strategies": ["real", "random"], "k": 10_000}).do(store, lambda _: None)
    assert all("10000 pairs were asked for" in s["error"] for s in dry["strategies"])
    assert dry["shared"] == dry["ranks"] == []
    with pytest.raises(EngineError, match="was not computed over this pool"):
        DryRun.model_validate({**fields(store, "activedpo"), "strategies": ["activedpo"]}).do(store, lambda _: None)
    with pytest.raises(EngineError, match="not, or no longer, in the cache"):
        DryRun.model_validate({**request, "seed": 99, "strategies": ["real"]}).do(store, lambda _: None)
    with pytest.raises(EngineError, match="has not come to round 9"):
        ScorePool.model_validate({**request, "run_id": run_of(store, "apl"), "round": 9}).do(store, lambda _: None)
    with pytest.raises(EngineError, match="There is no run 'gone'"):
        ScorePool.model_validate({**request, "run_id": "gone"}).do(store, lambda _: None)


def test_a_parameter_is_picked_anew_and_the_rest_is_remembered(store: Store) -> None:
    request = fields(store, *ALL)
    scored(store, request)

    def dry(**ridge: float) -> dict[str, Any]:
        strategies = [{"name": "activedpo", **ridge}, "apl", "real"]
        return DryRun.model_validate({**request, "strategies": strategies, "k": 5}).do(store, lambda _: None)

    first = dry()
    held = next(iter(_at_hand._HELD.values()))
    assert (len(held.outcomes), len(held.correlations)) == (3, 3)
    changed = dry(ridge=30.0)
    assert next(iter(_at_hand._HELD.values())) is held
    assert (len(held.outcomes), len(held.correlations)) == (4, 5)
    again = dry()
    for part in ("strategies", "shared", "ranks", "measures", "redundancy"):
        assert without_seconds(first[part]) == without_seconds(again[part])
    assert first["scores"] == again["scores"] != changed["scores"]
    _at_hand._HELD.clear()
    fresh = dry()
    assert without_seconds(fresh["strategies"]) == without_seconds(first["strategies"])


def without_seconds(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def test_only_some_pools_are_held(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in (1, 2, 3):
        request = fields(store, "random", seed=seed, prompts=4)
        scored(store, request)
        DryRun.model_validate({**request, "strategies": ["random"], "k": 2}).do(store, lambda _: None)
    assert len(_at_hand._HELD) == _at_hand.POOLS
    monkeypatch.setattr(_at_hand, "BYTES", 1)
    DryRun.model_validate({**request, "strategies": ["random"], "k": 3}).do(store, lambda _: None)
    assert len(_at_hand._HELD) == 1


def test_scoring_between_two_stages_changes_nothing_of_the_run(tmp_path: Path, tiny_model_dir: Path) -> None:
    from engine.store.history import load_events
    from tests.engine.worker.test_real_loop import without_spent

    calm, busy = (study_in(tmp_path / name, tiny_model_dir) for name in ("calm", "busy"))
    Worker(calm, "cpu").work(until_idle=True)

    class Asked(Worker):
        """Somebody asks in the middle of the second round."""

        def _say(self, sentence: str) -> None:
            super()._say(sentence)
            if sentence.startswith("round 2, picked"):
                ask(busy, ScorePool.model_validate(fields(busy, "activedpo", "apl", seed=7)))

    Asked(busy, "cpu").work(until_idle=True)
    assert [task.state for task in tasks.tasks(busy, "score_pool")] == ["done"]
    for one, other in zip(
        *([run.id for run in queries.study(s, queries.studies(s)[0].id).runs] for s in (calm, busy)), strict=True
    ):
        there, here = load_events(calm, one)[0], load_events(busy, other)[0]
        assert without_spent(there) == without_spent(here)
        assert [event.spent.tokens for event in there] == [event.spent.tokens for event in here], "its own passes alone"


def test_an_adapter_by_its_folder_scores_as_the_run_that_trained_it(store: Store, tmp_path: Path) -> None:
    run, folder = run_of(store, "apl"), tmp_path / "adapter"
    folder.mkdir()
    TakeAdapter(run_id=run, round=1).write(store, folder, lambda _: None)
    of_run = fields(store, "smallest_margin", run_id=run, round=2)
    by_folder = fields(store, "smallest_margin", adapter=str(folder))
    said = [scored(store, request) for request in (of_run, by_folder)]
    assert said[1]["stamp"]["adapter"].startswith("the adapter adapter (")
    assert (said[1]["past"], said[1]["labels"]) == (0, 0)
    margins = []
    for request in (of_run, by_folder):
        task, cache = ScorePool.model_validate(request), FileCache(store.folder / "cache")
        pool, values = kept_pool(cache, task.pool_key()), cache.get(task.signal_key(task.signals[0], "pool"))
        assert pool is not None
        assert values is not None
        margins.append(dict(zip((pair.id for pair in pool.pairs), values, strict=True)))
    assert margins[0].keys() < margins[1].keys(), "without a run nothing was picked yet"
    for pair_id, margin in margins[0].items():
        # In packs of another size sums round elsewhere: log-probs of some 100 nats by 2e-5, times β, twice.
        assert margin == pytest.approx(margins[1][pair_id], abs=4e-6)
    assert max(abs(margin) for margin in margins[1].values()) > 1e-4


@pytest.mark.parametrize(
    ("change", "said"),
    [({"peft_type": "IA3"}, "of the kind 'IA3'"), ({"use_dora": True}, "use_dora True"),
     ({"target_modules": "q_proj|v_proj"}, "a pattern"), ({"r": 7}, "have another shape")],
)  # fmt: skip
def test_an_adapter_of_another_kind_is_refused_with_what_it_is(
    store: Store, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    TakeAdapter(run_id=run_of(store, "apl"), round=1).write(store, tmp_path, lambda _: None)
    file = tmp_path / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **change}), encoding="utf-8")
    task = ScorePool.model_validate(fields(store, "smallest_margin", adapter=str(tmp_path)))
    ask(store, task)
    Worker(store, "cpu").work(until_idle=True)
    found = asked(store, task)
    assert found is not None
    assert found.state == "failed"
    assert said in str(found.error)
