"""Published data from file to export: read, two rounds with the sample model, the subset read back.

The whole file runs in `make proof` (tests/proof/real_input.py); here its first rows do. None of its text is kept.
"""

import gzip
import itertools
from pathlib import Path

import pytest

from engine.config import StudyConfig
from engine.data.answers import Subset
from engine.data.export.about import about_subset
from engine.data.export.contract import contract
from engine.data.export.files import files_of, write_files
from engine.data.export.make import export
from engine.data.prepare import prepare_study
from engine.data.read import examine, read
from engine.store import queries
from engine.store.database import open_store
from engine.store.labelled import answers_given, asked_pairs, held_out_of, pairs_asked
from engine.worker import Worker
from tests.engine.data.test_read import HH, ROOT, real


def config(pool: Path, **changes: object) -> StudyConfig:
    """A two-round study of a preference file on the sample model."""
    base: dict[str, object] = {
        "name": "published data, two rounds",
        "data": {"pool": str(pool), "skip_refused": True, "held_out_share": 0.25},
        "model": {"path": str(ROOT / "sample_data" / "model"), "device": "cpu", "lora": {"rank": 4, "alpha": 8}},
        "strategies": ["random", "activedpo"],
        "race": "none",
        "signals": [{"name": "reward_gradient", "dimension": 64}],
        "seeds": [1],
        "rounds": 2,
        "labels_per_round": 8,
        "prompts_per_round": 20,
        "dpo": {"epochs": 1, "batch_pairs": 4},
        "evaluation": {"pairs_per_set": 16, "prompts": 4, "kl_prompts": 2, "max_new_tokens": 12},
    }
    return StudyConfig.from_dict({**base, **changes})


def to_the_end(study: StudyConfig, folder: Path) -> None:
    """Run it, export the subset, read it back: the same pairs and answers."""
    store = open_store(folder / "store")
    study_id = prepare_study(store, study)
    Worker(store, "cpu").work(until_idle=True)
    detail = queries.study(store, study_id)
    assert detail.summary.state == "done", detail.summary.error
    curve = queries.curve(store, study_id, "accuracy", "held_out")
    assert sorted(set(curve["round"])) == list(range(study.rounds + 1))
    rows = queries.labelled_pairs(store, study_id)
    subset = Subset(study_id=study_id)
    pairs, about = asked_pairs(store, subset), about_subset(store, subset)
    for container in ("jsonl", "parquet"):
        done = export(pairs, subset, container=container, about=about)  # type: ignore[arg-type]
        files = files_of(done)
        beside = held_out_of(store, study_id), pairs_asked(store, subset), answers_given(store, subset)
        ticks = contract(done, files, *beside)
        assert [tick for tick in ticks if tick.tone == "bad"] == []
        write_files(files, folder / container)
        back = read(next((folder / container / "data").iterdir())).data
        assert set(back.pairs) == {row["pair_id"] for row in rows}
        answers = {c.pair_id: c.answer for c in back.comparisons}
        assert answers == {row["pair_id"]: row["answer"] for row in rows}


@real
def test_the_first_rows_of_the_published_file_go_from_file_to_export(tmp_path: Path) -> None:
    with gzip.open(HH, "rt", encoding="utf-8") as file:
        rows = list(itertools.islice(file, 130))
    path = tmp_path / "first.jsonl"
    path.write_text("".join(rows), encoding="utf-8")
    assert [(r.row, r.reason) for r in examine(path).report.refused] == [(121, "empty last reply")]
    to_the_end(config(path), tmp_path)


def test_the_sample_study_in_small_runs_on_a_store(tmp_path: Path) -> None:
    """Two rounds of the committed study file with all four strategies, through the store and a worker."""
    study = StudyConfig.from_yaml(ROOT / "sample_data" / "study.yaml")
    small = study.model_copy(
        update={
            "seeds": (1,),
            "rounds": 2,
            "labels_per_round": 12,
            "prompts_per_round": 16,
            "dpo": study.dpo.model_copy(update={"epochs": 1}),
            "evaluation": study.evaluation.model_copy(
                update={"pairs_per_set": 30, "prompts": 6, "kl_prompts": 4, "max_new_tokens": 40}
            ),
        }
    )
    store = open_store(tmp_path)
    study_id = prepare_study(store, small)
    assert Worker(store, "cpu").work(until_idle=True) == 5, "four strategies, and random again"
    detail = queries.study(store, study_id)
    assert detail.summary.state == "done", detail.summary.error
    assert detail.summary.labels_bought == 5 * 24
    names = {ref.name: ref.splits for ref in queries.metric_names(store, study_id)}
    assert names["accuracy"] == ("pool_like", "balanced")
    assert {
        "win_rate",
        "win_rate_length_controlled",
        "repetition",
        "gold_reward",
        "kl",
        "length",
        "perplexity",
        "nll",
        "margin",
    } <= set(names)
    warm_ups = {tuple(p.pair_id for p in queries.batch(store, r.id, 1)) for r in detail.runs}
    assert len(warm_ups) == 1
    seconds = queries.stage_log(store, detail.runs[0].id)
    assert (seconds["tokens"] > 0).any()
    start = queries.curve(store, study_id, "accuracy", "pool_like").query("round == 0")["value"]
    assert start.tolist() == pytest.approx([0.5] * 5)
