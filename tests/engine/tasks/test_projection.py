"""The projection, token counts and the token view, on a small study with the tiny model."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from engine.errors import EngineError
from engine.store import queries
from engine.store.database import Store
from engine.store.pool_texts import round_pool
from engine.store.projected import marks, read_points, selection, write_points
from engine.tasks import _places
from engine.tasks import projection as module
from engine.tasks.base import ask, asked
from engine.tasks.preview import Preview
from engine.tasks.projection import Projection
from engine.tasks.token_counts import TokenCounts
from engine.tools import ToolsWorker
from tests.engine.tasks.toys import vectors, whole_pool
from tests.engine.worker.test_real_loop import study_in
from workbench.processes import start_tools


@pytest.fixture
def store(tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr("engine.models.embed.embed_sentences", vectors)
    return study_in(tmp_path, tiny_model_dir)


def test_the_points_are_those_of_a_plain_loop(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    study = queries.studies(store)[0].id
    monkeypatch.setattr(module, "BLOCK", 7)
    monkeypatch.setattr(_places, "ROWS", 5)
    said: list[str] = []
    answer = Projection(study_id=study).do(store, said.append)
    assert any("7 of 36" in sentence for sentence in said)
    pool = whole_pool(store, study)
    of = dict(zip([r.id for r in pool.responses], vectors([r.text for r in pool.responses]), strict=True))
    pairs = read_points(store, answer["files"]["pairs"])
    assert (answer["pairs"], answer["responses"], answer["left_out"]) == (len(pool.pairs), len(pool.responses), 0)
    differences = np.array([of[p.a] - of[p.b] for p in pool.pairs], dtype=np.float64)
    _, singular, right = np.linalg.svd(differences)
    assert answer["explained"]["pairs"] == pytest.approx((singular[:2] ** 2 / (singular**2).sum()).tolist())
    expected = differences @ right[:2].T
    expected *= np.where(expected[:, :1] < 0, -1, 1)  # turned to one side
    across = np.sign((expected[:, 1] * pairs["y"]).sum())  # of the second axis an SVD fixes no sign
    assert np.column_stack([pairs["x"], across * pairs["y"]]) == pytest.approx(expected, abs=1e-4)
    assert pairs.names(range(len(pairs))) == [pair.id for pair in pool.pairs]
    responses = read_points(store, answer["files"]["responses"])
    for n, pair in enumerate(pool.pairs):
        a, b = of[pair.a].astype(float), of[pair.b].astype(float)
        assert pairs["dissimilarity"][n] == pytest.approx(1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b), abs=1e-5)
        assert responses.names([pairs["row_a"][n], pairs["row_b"][n]]) == [pair.a, pair.b]
    for what, points in (("pairs", pairs), ("responses", responses)):
        named = answer["clusters"][what]
        assert [one["n"] for one in named] == np.bincount(points["cluster"], minlength=len(named)).tolist()
        assert all(one["words"] for one in named)
        middle = np.median(points["x"][points["cluster"] == 0])
        assert named[0]["x"] == pytest.approx(float(middle))
    assert set(pairs["topic"]) <= set(range(len(answer["clusters"]["responses"])))
    with store.read() as connection:
        kept = connection.exec_driver_sql("SELECT count(*) FROM artefacts WHERE run_id IS NULL").scalar()
    assert kept == 2


def test_an_answer_holds_while_its_files_are_there(store: Store) -> None:
    task = Projection(study_id=queries.studies(store)[0].id)
    first = ask(store, task)
    ToolsWorker(store).work(until_idle=True)
    found = asked(store, task)
    assert found is not None
    assert found.answer is not None
    assert found.answer["stamp"]["model"] == "sentence encoder all-MiniLM-L6-v2"
    assert ask(store, task) == first
    (store.folder / found.answer["files"]["pairs"]["path"]).unlink()
    assert ask(store, task) != first


def test_the_models_own_vectors_before_and_after_a_round(store: Store) -> None:
    from engine.worker import Worker

    study = queries.studies(store)[0].id
    Worker(store, "cpu").work(until_idle=True)
    run = queries.study(store, study).runs[0].id

    def points(**fields: object) -> tuple[np.ndarray, str]:
        answer = Projection.model_validate({"study_id": study, **fields}).do(store, lambda _: None)
        found = read_points(store, answer["files"]["responses"])
        return np.column_stack([found["x"], found["y"]]), answer["stamp"]["adapter"]

    before, words = points(vectors="reference")
    assert words == "reference (adapter off)"
    first, words = points(vectors="policy", run_id=run, round=1)
    assert words == "policy before round 1 (as the reference)"
    assert np.array_equal(before, first)
    second, words = points(vectors="policy", run_id=run, round=2)
    assert words == "policy after round 1"
    assert not np.allclose(before, second)
    with pytest.raises(EngineError, match=r"Round 7 of run .* is not trained yet"):
        points(vectors="policy", run_id=run, round=8)
    with pytest.raises(EngineError, match="Name a run and a round"):
        points(vectors="policy")

    pool = round_pool(store, run, 1)
    drawn = pool.records(0, len(pool.pairs))
    assert {p.id for p in drawn} <= {p.id for p in whole_pool(store, study).pairs}
    assert {r.decode() for r in pool.responses} == {side for p in drawn for side in (p.a, p.b)}
    picks = marks(store, study, 1)
    assert set(picks["answer"]) <= {"a", "b"}
    of_seed = [r.id for r in queries.study(store, study).runs if r.seed == 1]
    assert len(picks) == sum(len(queries.batch(store, run_id, n)) for run_id in of_seed for n in (1, 2))


def test_responses_that_do_not_fit_are_left_out_with_their_pairs(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.models import tokens

    real, pool = tokens.encode, whole_pool(store, queries.studies(store)[0].id)
    long = pool.responses[0]

    def encode(policy: object, prompt: object, text: str) -> tokens.Encoded:
        if text == long.text:
            raise tokens.TooLong("too long")
        return real(policy, prompt, text)  # type: ignore[arg-type]

    monkeypatch.setattr(tokens, "encode", encode)
    study = queries.studies(store)[0].id
    answer = Projection(study_id=study, vectors="reference").do(store, lambda _: None)
    lost = sum(long.id in (p.a, p.b) for p in pool.pairs)
    assert (answer["left_out"], answer["pairs"], answer["responses"]) == (lost, len(pool.pairs) - lost, 35)
    counts = TokenCounts(study_id=study).do(store, lambda _: None)
    assert (counts["n"], counts["over_length"]) == (36, 1)


def test_token_counts_and_the_token_view_agree_with_the_policy(store: Store, tiny_policy: object) -> None:
    from engine.models.tokens import encode

    study = queries.studies(store)[0].id
    pool = whole_pool(store, study)
    expected = [encode(tiny_policy, pool.data.prompts[r.prompt_id], r.text) for r in pool.responses]  # type: ignore[arg-type]
    lengths = [len(e.response_ids) for e in expected]
    counts = TokenCounts(study_id=study).do(store, lambda _: None)
    assert (counts["n"], counts["max"], counts["over_length"]) == (36, max(lengths), 0)
    assert counts["mean"] == pytest.approx(sum(lengths) / 36)
    view = Preview(study_id=study, response_id=pool.responses[3].id).do(store, lambda _: None)
    assert [part for _, part in view["tokens"]] == ["prompt"] * len(expected[3].prompt_ids) + ["response"] * lengths[3]
    assert pool.responses[3].text in "".join(token for token, _ in view["tokens"])
    with pytest.raises(EngineError, match="There is no response"):
        Preview(study_id=study, response_id="gone").do(store, lambda _: None)


def test_umap_needs_its_package_and_leaves_the_map_by_pca_as_it_is(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = queries.studies(store)[0].id
    by_pca = Projection(study_id=study).do(store, lambda _: None)
    monkeypatch.setattr(_places, "umap_places", lambda rows, seed, purpose: rows[:][:, :2] + 1)
    by_umap = Projection(study_id=study, method="umap").do(store, lambda _: None)
    assert by_umap["explained"] is None
    assert by_umap["stamp"]["method"].startswith("UMAP")
    one, other = (read_points(store, answer["files"]["pairs"]) for answer in (by_pca, by_umap))
    assert np.allclose(other["x"], one["x"] + 1)
    assert np.array_equal(other["cluster"], one["cluster"]), "clusters are those of the vectors, not of the plane"


def test_points_are_found_by_id_and_values_are_put_beside_them(store: Store, tmp_path: Path) -> None:
    frame = pd.DataFrame({"pair_id": ["x1", "x3", "x5"], "prompt_id": "m", "x": [1.0, 2, 3], "cluster": [0, 1, 0]})
    points = read_points(store, write_points(store, "made", pa.Table.from_pandas(frame, preserve_index=False)))
    rows, there = points.find(["x3", "x4", "x9", "x30", "ä", "x1"])
    assert [int(row) if known else None for row, known in zip(rows, there, strict=True)] == [1, *[None] * 4, 0]
    assert points.has(["x5", "x2"]).tolist() == [False, False, True]
    assert points.names([2, 0]) == ["x5", "x1"]
    pd.DataFrame({"pair_id": ["x0", "x3", "x5"], "score": [9.0, 0.5, None]}).to_parquet(tmp_path / "round.parquet")
    values = points.aligned(tmp_path / "round.parquet", "score")
    assert values.tolist() == pytest.approx([np.nan, 0.5, np.nan], nan_ok=True)
    pd.DataFrame({"pair_id": ["x", "x3", "x30"], "score": [1.0, 2, 3]}).to_parquet(tmp_path / "uneven.parquet")
    assert points.aligned(tmp_path / "uneven.parquet", "score").tolist() == pytest.approx(
        [np.nan, 2, np.nan], nan_ok=True
    )
    with pytest.raises(ValueError, match="read-only"):
        points["x"][0] = 5
    none = read_points(store, write_points(store, "none", pa.Table.from_pandas(frame[:0], preserve_index=False)))
    assert (len(none), none.has(["x1"]).tolist()) == (0, [])


def test_a_selection_holds_so_many_pairs_at_most(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.store import inbox

    monkeypatch.setattr(inbox, "SELECTED", 2)
    with pytest.raises(EngineError, match="at most 2 pairs; this one has 3"):
        inbox.save_selection(store, queries.studies(store)[0].id, ["x1", "x2", "x3"], {})


def test_a_selection_is_kept_once_and_read_by_its_study_only(store: Store) -> None:
    from engine.store import inbox

    study = queries.studies(store)[0].id
    one = inbox.save_selection(store, study, ["x2", "x1", "x2"], {"what": "pairs"})
    assert inbox.save_selection(store, study, ["x1", "x2"], {}) == one
    assert selection(store, study, one) == ("x1", "x2")
    assert selection(store, "other", one) == selection(store, study, "none") == ()


def test_the_worker_of_the_command_line_answers_and_ends_when_told(store: Store) -> None:
    study = queries.studies(store)[0].id
    number = ask(store, TokenCounts(study_id=study))
    process = start_tools(store.folder)
    try:
        for _ in range(1200):
            if queries.task(store, number).state not in ("queued", "running"):
                break
            time.sleep(0.05)
        assert queries.task(store, number).answer == TokenCounts(study_id=study).do(store, lambda _: None)
        alive = queries.workers(store)
        assert [(w.kind, w.alive) for w in alive] == [("tools", True)]
        process.terminate()
        assert process.wait(timeout=30) == 0
        assert queries.workers(store) == []
    finally:
        process.kill()
