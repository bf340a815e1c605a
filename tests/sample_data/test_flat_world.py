"""On the flat world no prompt is worth more than another: a small real study on it must find nothing."""

from pathlib import Path

from engine.analysis.referee import findings
from engine.analysis.verdict import sentence
from engine.config import StudyConfig
from engine.data.prepare import prepare_study
from engine.store import queries
from engine.store.database import open_store
from engine.store.outcomes import outcomes
from engine.worker import Worker

ROOT = Path(__file__).resolve().parent.parent.parent
SMALL = {
    "name": "flat, small",
    "strategies": ["random", "real"],
    "panel": [],
    "seeds": [1, 2, 3],
    "rounds": 1,
    "warm_up": False,
    "labels_per_round": 30,
    "prompts_per_round": 40,
}


def test_the_verdict_finds_nothing_where_nothing_is(tmp_path: Path) -> None:
    sample = StudyConfig.from_yaml(ROOT / "sample_data" / "study.yaml").model_dump(mode="json")
    flat = ROOT / "sample_data" / "flat"
    data = {"pool": str(flat / "pool.jsonl"), "held_out": {"pool_like": str(flat / "heldout_pool_like.jsonl")}}
    evaluation = {"pairs_per_set": 90, "generate": "never"}
    config = StudyConfig.from_dict({**sample, **SMALL, "data": data, "evaluation": evaluation})
    store = open_store(tmp_path)
    study_id = prepare_study(store, config)
    Worker(store, "cpu").work(until_idle=True)
    assert queries.study(store, study_id).summary.state == "done"
    seen = outcomes(store, study_id, "pool_like")
    assert seen is not None
    assert set(seen.values) == {"random", "real", "random:again"}
    found = findings(seen, {**config.twins(), "random:again": "random"})
    assert set(found) == {"real", "random:again"}
    for key, finding in found.items():
        said = sentence(finding.verdict, key, "random", "accuracy")
        assert finding.verdict.word == "not shown", said
        assert finding.verdict.low is not None
        assert finding.reach.low is None or finding.reach.high is None or finding.reach.low < finding.reach.budget
