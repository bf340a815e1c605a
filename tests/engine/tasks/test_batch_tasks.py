"""What Batch asks workers for, on a small study with the tiny model, against what the rounds kept of themselves."""

from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from engine.analysis.redundancy import word_vectors
from engine.data.pool import PoolView
from engine.errors import EngineError
from engine.records import Pooled
from engine.selection.execute import execute
from engine.selection.recipes import Uniform
from engine.selection.terms import Term, Terms
from engine.store import queries, schema
from engine.store.browse import pair_texts
from engine.store.database import Store
from engine.store.history import load_event
from engine.store.picked import picked_before
from engine.store.scored import pairs_of
from engine.strategies.apl import Apl
from engine.tasks import why_batch
from engine.tasks._at_hand import _HELD
from engine.tasks.base import ask, asked
from engine.tasks.batch_meters import BatchMeters
from engine.tasks.token_ratios import TokenRatios, strips_of
from engine.tasks.why_batch import WhyBatch
from engine.worker import Worker
from tests.engine.worker.test_real_loop import study_in
from tests.workbench import worlds


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> Store:
    """A finished study of two strategies and two rounds."""
    made = study_in(tmp_path_factory.mktemp("batch"), tiny_model_dir)
    Worker(made, "cpu").work(until_idle=True)
    return made


def batch_of(store: Store, strategy: str, number: int) -> tuple[str, tuple[str, ...]]:
    study = queries.studies(store)[0].id
    run = next(run.id for run in queries.study(store, study).runs if run.strategy.name == strategy)
    return run, tuple(pick.pair_id for pick in queries.batch(store, run, number))


def test_the_strips_of_a_pair_sum_to_the_margin_that_its_round_kept(store: Store) -> None:
    run, picks = batch_of(store, "apl", 2)
    task = TokenRatios(run_id=run, after=1, pair_ids=picks)
    ask(store, task)
    Worker(store, "cpu").work(until_idle=True)
    found = asked(store, task)
    assert found is not None
    assert found.answer is not None, found.error
    kept = queries.scores(store, run, 2).set_index("pair_id")["reward_margin"]
    strips = strips_of(store, found.answer)
    assert not found.answer["same"]
    assert set(strips) == set(picks)
    texts = {pair.pair_id: pair for pair in pair_texts(store, picks)}
    for pair_id, (a, b) in strips.items():
        for strip in (a, b):
            assert sum(strip.ratios) == pytest.approx(strip.total, abs=1e-4)
            assert len(strip.tokens) == len(strip.ratios) == len(strip.entropies)
            assert min(strip.entropies) >= 0
        margin = found.answer["beta"] * (a.total - b.total)
        assert margin == pytest.approx(kept[pair_id], abs=1e-4)
        assert "".join(a.tokens).startswith(texts[pair_id].response_a)
    assert np.abs(kept[list(picks)]).max() > 1e-3, "else there is nothing to compare"


def test_before_any_label_every_ratio_is_nothing(store: Store) -> None:
    run, picks = batch_of(store, "apl", 1)
    answer = TokenRatios(run_id=run, after=0, pair_ids=picks[:1]).do(store, lambda _: None)
    ((a, b),) = strips_of(store, answer).values()
    assert answer["same"]
    assert a.total == b.total == 0.0
    assert max(a.entropies) > 0


def test_what_is_not_there_is_said(store: Store) -> None:
    run, picks = batch_of(store, "apl", 1)
    for wrong, words in (
        (TokenRatios(run_id="gone", after=0, pair_ids=picks), "There is no run 'gone'"),
        (TokenRatios(run_id=run, after=9, pair_ids=picks), "Round 9 of run"),
        (TokenRatios(run_id=run, after=0, pair_ids=("x0",)), "There is no pair 'x0'"),
        (BatchMeters(run_id=run, round=7, picks=picks), "Round 7 of run"),
    ):
        with pytest.raises(EngineError, match=words):
            wrong.do(store, lambda _: None)
    with pytest.raises(EngineError, match="no longer"):
        strips_of(store, {"kept": "gone"})


@pytest.mark.parametrize("strategy", ["activedpo", "apl"])
def test_the_terms_of_each_pick_come_to_the_score_that_its_round_kept(store: Store, strategy: str) -> None:
    _HELD.clear()
    run, picks = batch_of(store, strategy, 2)
    answer = WhyBatch(run_id=run, round=2, picks=picks).do(store, lambda _: None)
    assert answer["why_not"] == ""
    assert set(answer["picks"]) == set(picks)
    for pick in queries.batch(store, run, 2):
        found = answer["picks"][pick.pair_id]
        assert found["instead"]["pair_id"] not in picks
        terms = [part["value"] for part in found["parts"] if not part["read"]]
        read = {part["name"]: part["value"] for part in found["parts"] if part["read"]}
        assert answer["says"].startswith("a = ")
        if strategy == "activedpo":
            assert sum(terms) == pytest.approx(pick.score, rel=1e-5)
            assert len(read) == 1
        else:
            assert abs(terms[-1]) == pytest.approx(pick.score, rel=1e-5), "behind the prompt's rank"
            assert abs(read["implicit-reward margin, a minus b"]) == pytest.approx(pick.score, rel=1e-5)
            assert len(read) == 2


@pytest.mark.parametrize(("strategy", "number"), [("apl", 1), ("random", 2)])
def test_a_drawn_batch_has_no_terms_but_a_next_in_line(tmp_path: Path, strategy: str, number: int) -> None:
    made = worlds.finished(tmp_path / "s", seeds=(1,))
    run, picks = batch_of(made, strategy, number)
    answer = WhyBatch(run_id=run, round=number, picks=picks).do(made, lambda _: None)
    assert len({entry["instead"]["pair_id"] for entry in answer["picks"].values()} - set(picks)) == 1
    assert all(entry["parts"] == [] for entry in answer["picks"].values())
    assert answer["says"] == ""


def test_of_a_random_batch_of_one_pair_a_prompt_the_next_is_of_no_other_picks_prompt(tmp_path: Path) -> None:
    made = worlds.finished(tmp_path / "s", seeds=(1,))
    run, _ = batch_of(made, "random", 2)
    of = schema.runs
    with made.write() as connection:
        was = connection.execute(sa.select(of.c.config).where(of.c.id == run)).scalar_one()
        own = {**was, "setting": {**was.get("setting", {}), "one_per_prompt": True}}
        connection.execute(of.update().where(of.c.id == run).values(config=own))
    pooled = load_event(made, run, 2, "pooled")
    assert isinstance(pooled, Pooled)
    pairs = list(pairs_of(made, pooled.pair_ids).values())
    for k in range(2, 13):
        view = PoolView(pairs, {}, k=k, seed=1, round_number=2, one_per_prompt=True)
        prompt = dict(zip(view.ids, view.prompt_ids, strict=True))
        batch = tuple(pick.pair_id for pick in execute(Uniform(), view))
        answer = WhyBatch(run_id=run, round=2, picks=batch).do(made, lambda _: None)
        for pick, entry in answer["picks"].items():
            assert prompt[entry["instead"]["pair_id"]] not in {prompt[i] for i in batch if i != pick}


def test_terms_that_are_none_of_the_score_are_not_shown_and_why(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run, picks = batch_of(store, "apl", 2)
    monkeypatch.setattr(
        Apl, "terms", lambda self, view: Terms((Term("margin", "Δ", np.ones(len(view))),), "a = Δ", lambda one: one)
    )
    answer = WhyBatch(run_id=run, round=2, picks=picks).do(store, lambda _: None)
    assert "terms that APL names come to other scores than its recipe" in answer["why_not"]
    assert answer["says"] == ""
    for entry in answer["picks"].values():
        assert "Δ" not in {part["symbol"] for part in entry["parts"]}
        assert entry["instead"]["pair_id"] not in picks, "what does not hang on the terms is said all the same"


def test_an_answer_from_before_terms_were_said_is_asked_for_anew(store: Store) -> None:
    run, picks = batch_of(store, "apl", 2)
    task = WhyBatch(run_id=run, round=2, picks=picks)
    assert not task.still_holds(store, {"pairs": 3, "picks": {}, "why_not": ""})
    assert task.still_holds(store, {"pairs": 3, "picks": {}, "why_not": "", "says": ""})


def test_scores_that_do_not_come_out_again_are_not_explained(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run, picks = batch_of(store, "apl", 2)
    monkeypatch.setattr(why_batch, "scores_of", lambda recipe, view: np.full(len(view), 99.0))
    answer = WhyBatch(run_id=run, round=2, picks=picks).do(store, lambda _: None)
    assert answer["picks"] == {}
    assert "other scores than it kept" in answer["why_not"]


def test_the_meters_and_neighbours_are_those_of_a_plain_loop(store: Store) -> None:
    run, picks = batch_of(store, "apl", 2)
    answer = BatchMeters(run_id=run, round=2, picks=picks).do(store, lambda _: None)
    pool = sorted(queries.scores(store, run, 2)["pair_id"])
    past = list(picked_before(store, run, 2))
    assert len(past) == 4
    texts = pair_texts(store, [*pool, *past])
    said = [f"{' '.join(t for _, t in x.messages)} {x.response_a} {x.response_b}" for x in texts]
    rows = word_vectors(said).toarray()
    of = dict(zip([x.pair_id for x in texts], rows, strict=True))
    near = answer["near"]
    for pick in picks:
        best = max(past, key=lambda other: of[pick] @ of[other])
        assert near[pick]["labelled"][0]["cosine"] == pytest.approx(of[pick] @ of[best])
        assert near[pick]["labelled"][0]["round"] == 1
        others = [other for other in picks if other != pick]
        assert near[pick]["picks"][0]["cosine"] == pytest.approx(max(of[pick] @ of[other] for other in others))
    redundancy = answer["meters"]["redundancy"]
    assert redundancy["value"] == pytest.approx(np.mean([near[pick]["picks"][0]["cosine"] for pick in picks]))
    prompt = {x.pair_id: x.prompt_id for x in texts}
    assert answer["meters"]["prompts"]["value"] == len({prompt[pick] for pick in picks})
    words = {x.pair_id: (len(x.response_a.split()) + len(x.response_b.split())) / 2 for x in texts}
    length = answer["meters"]["length"]
    assert length["value"] == pytest.approx(np.mean([words[pick] for pick in picks]))
    assert length["low"] <= length["mean"] <= length["high"]
    assert abs(length["mean"] - np.mean([words[i] for i in pool])) < 3 * np.std([words[i] for i in pool])
    assert answer["drawn_from"] == answer["candidates"] == len(pool)
