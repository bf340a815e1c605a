"""Study files: every mistake is named at once, and what is read is written back the same."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from engine.config import StudyConfig
from engine.data.prepare import a_fixed_pool_stays
from engine.errors import ConfigError
from engine.oracles.gold import Gold
from engine.settings import DataSettings, DPOSettings, EvaluationSettings, LoraSettings, ModelSettings, Regime
from engine.strategies.activedpo import ActiveDPO
from engine.strategies.random import Random

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "sample_data" / "study.yaml"
LEAVES = (DataSettings, DPOSettings, EvaluationSettings, LoraSettings, ModelSettings, Regime)

MEAN = {"name": "reward_margin", "over": "mean"}
ONCE = {"name": "policy", "model": "reference", "once": True}


def study(**changes: Any) -> dict[str, Any]:
    smallest = {"name": "one", "data": {"pool": "pool.jsonl"}, "model": {"path": "model"}, "strategies": ["random"]}
    return {**smallest, **changes}


def test_the_smallest_study_has_defaults_for_the_rest() -> None:
    config = StudyConfig.from_dict(study())
    assert config.strategies == (Random(),)
    assert (config.sampler.name, config.oracle.name, config.evaluator) == ("given", "recorded", None)
    assert config.seeds == (1, 2, 3, 4, 5)
    assert config.budget == 6 * 60
    assert config.regime == Regime(pool="fixed", weights="reset", data="cumulative")


def test_what_is_written_is_read_back_the_same() -> None:
    config = StudyConfig.from_yaml(SAMPLE)
    assert StudyConfig.from_dict(json.loads(config.model_dump_json())) == config
    assert StudyConfig.from_dict(yaml.safe_load(yaml.safe_dump(config.model_dump(mode="json")))) == config
    assert config.model_dump(mode="json")["strategies"][0] == {"name": "random", "draw": 0}


def test_runs_are_seed_major() -> None:
    config = StudyConfig.from_dict(study(strategies=["random", "activedpo"], seeds=[3, 1]))
    arms = ["random", "activedpo", "random:again"]
    assert [(r.seed, r.key) for r in config.runs()] == [(seed, arm) for seed in (3, 1) for arm in arms]
    assert [r.seed for r in config.runs(seeds=[7])] == [7, 7, 7]


def test_plugins_take_parameters_and_keep_them() -> None:
    config = StudyConfig.from_dict(
        study(
            strategies=["random", {"name": "activedpo", "ridge": 0.5}],
            oracle={"name": "gold", "temperature": 2},
            signals=[{"name": "embedding", "layer": 3}],
        )
    )
    assert config.strategies[1] == ActiveDPO(ridge=0.5)
    assert config.oracle == Gold(temperature=2)
    assert config.signal("embedding").spec()["layer"] == 3
    assert config.signal("token_entropy").name == "token_entropy"


def test_three_mistakes_are_named_at_once() -> None:
    wrong = study(strategies=["activdpo"], rounds=0, dpo={"beta": -1, "learning_rat": 1e-3})
    with pytest.raises(ConfigError) as error:
        StudyConfig.from_dict(wrong, "study.yaml")
    text = str(error.value)
    assert text.startswith("study.yaml: 4 things need mending.")
    assert len(error.value.findings) == 4
    for expected in (
        "strategies.0: No strategy is called 'activdpo'. Did you mean 'activedpo'?",
        "rounds: it must be at least 1 (found 0)",
        "dpo.beta: it must be above 0 (found -1)",
        "dpo.learning_rat: there is no such key here (found 0.001)",
    ):
        assert expected in text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"strategies": ["random", "random"]}, "names 'random' twice"),
        ({"strategies": ["real", {"name": "real", "keep": "dissimilar"}]}, "names 'real' twice"),
        ({"strategies": ["badge"], "signals": [MEAN]}, "strategy 'badge' reads it as a sum"),
        ({"panel": ["reward_margin"], "signals": [MEAN]}, "panel reads it as a sum"),
        ({"seeds": [1, 1]}, "names a seed twice"),
        ({"regime": {"pool": "regenerated"}}, "sampler 'given' draws no responses"),
        ({"regime": {"pool": "regenerated"}, "sampler": "policy"}, "no recorded answers; take oracle 'gold'"),
        ({"referee": {"spending": "pocock"}}, "go together"),
        ({"referee": {"spending": "pocock", "seeds_at_most": 4}}, "seeds_at_most is 4, but there are 5 seeds"),
        (
            {"race": "as_published", "strategies": ["activedpo"]},
            "regenerated pool of activedpo has no recorded answers",
        ),
        ({"controls": ["random_on_policy"]}, "regenerated pool of random:on policy has no recorded answers"),
        ({"sampler": "policy"}, "the regenerated pool has no recorded answers"),
        ({"sampler": "pilaf", "oracle": "noisy"}, "the regenerated pool has no recorded answers"),
        ({"sampler": ONCE}, "the drawn pool has no recorded answers"),
        (
            {"sampler": "policy", "regime": {"pool": "streamed"}, "oracle": "gold"},
            "the drawn pool has no recorded scor",
        ),
        ({"sampler": "policy", "oracle": {"name": "routing", "models": ["gold"]}}, "has no recorded scores"),
        ({"strategies": []}, "strategies: it takes at least 1 entry (found [])"),
        ({"budget": 3}, "budget: there is no such key here (found 3)"),
        ({"name": ""}, "name: it is empty; it takes at least 1 character"),
        ({"strategies": [{"name": "activedpo", "ridge": 0}]}, "it must be above 0 (found 0)"),
        ({"data": {"pool": "x", "held_out_share": 1.0}}, "data.held_out_share: it must be below 1"),
    ],
)
def test_a_study_that_cannot_be_is_refused_with_the_reason(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as error:
        StudyConfig.from_dict(study(**changes))
    assert sentence in str(error.value)
    assert error.value.next_step == "Nothing was started."


def test_a_sampler_of_fresh_responses_means_a_regenerated_pool() -> None:
    """Unless the pool is named, or the responses are drawn once."""
    gold = {"name": "gold", "scorer": "howto"}

    def pool(**changes: Any) -> tuple[str, str]:
        found = StudyConfig.from_dict(study(oracle=gold, **changes)).regime
        return found.pool, found.weights

    assert pool() == ("fixed", "reset")
    assert pool(sampler="policy") == ("regenerated", "reset")
    assert pool(sampler={"name": "pilaf"}, regime={"weights": "continue"}) == ("regenerated", "continue")
    assert pool(sampler=ONCE) == ("fixed", "reset")
    for named in ("fixed", "streamed", "regenerated"):
        assert pool(sampler="policy", regime={"pool": named}) == (named, "reset")


def test_a_fixed_pool_of_fresh_responses_is_refused_before_it_starts() -> None:
    """Each round would find other pairs. One from before there was a word against it can still be read."""
    fixed = {"oracle": {"name": "gold", "scorer": "howto"}, "regime": {"pool": "fixed"}}
    config = StudyConfig.from_dict(study(sampler="policy", **fixed))
    with pytest.raises(ConfigError, match="the pool is 'fixed', but sampler 'policy' draws fresh responses in every"):
        a_fixed_pool_stays(config)
    a_fixed_pool_stays(StudyConfig.from_dict(study(sampler="policy", rounds=1, **fixed)))
    a_fixed_pool_stays(StudyConfig.from_dict(study(sampler=ONCE, controls=["random_off_policy"], **fixed)))
    a_fixed_pool_stays(StudyConfig.from_dict(study(sampler="all_pairs", controls=["random_on_policy"], **fixed)))


def test_paths_are_relative_to_the_file_and_hub_ids_stay(tmp_path: Path) -> None:
    (tmp_path / "pool.jsonl").touch()
    (tmp_path / "study.yaml").write_text(
        yaml.safe_dump(study(data={"pool": "pool.jsonl"}, model={"path": "org/model"}))
    )
    config = StudyConfig.from_yaml(tmp_path / "study.yaml")
    assert config.data.pool == str(tmp_path / "pool.jsonl")
    assert config.model.path == "org/model"
    beside = study(
        data={"pool": "./missing.jsonl", "held_out": {"one": "./held.jsonl"}}, evaluation={"text_file": "./t"}
    )
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(beside))
    config = StudyConfig.from_yaml(tmp_path / "study.yaml")
    assert config.data.pool == str(tmp_path / "missing.jsonl")
    assert config.data.held_out == {"one": str(tmp_path / "held.jsonl")}
    assert config.evaluation.text_file == str(tmp_path / "t")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "there is no such file"),
        (b"a: [1,", "it is not YAML"),
        (b"\xff\xfe\x00", "it is not YAML"),
        (b"- 1\n- 2\n", "it holds list, not a mapping"),
        (b"", "it holds NoneType, not a mapping"),
        (b"data: 3\n", "data"),
        (b"!!python/object/apply:os.getcwd []", "it is not YAML"),
    ],
)
def test_a_file_that_is_no_study_is_a_sentence(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    path = tmp_path / "study.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        StudyConfig.from_yaml(path)
    assert str(path) in str(error.value)
    assert sentence in str(error.value)


def test_a_folder_is_no_study_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="it cannot be read: Is a directory"):
        StudyConfig.from_yaml(tmp_path)


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda c: c.__name__)
def test_settings_are_frozen_and_described(leaf: type[BaseModel]) -> None:
    assert leaf.model_config["frozen"]
    assert leaf.model_config["extra"] == "forbid"
    plain = {"lora", "pool", "weights", "data"}  # a group of its own, and the regime's three words
    assert [n for n, f in leaf.model_fields.items() if not f.description and n not in plain] == []


def test_the_sample_study_is_the_one_the_issue_asks_for() -> None:
    config = StudyConfig.from_yaml(SAMPLE)
    assert [s.name for s in config.strategies] == ["random", "activedpo", "apl", "real"]
    assert (len(config.seeds), config.rounds, config.prompts_per_round) == (3, 6, 256)
    assert 50 <= config.labels_per_round <= 70
    assert config.evaluation.pairs_per_set * len(config.data.held_out) == 500
    assert config.evaluation.generate == "last"
    assert config.signal("prompt_entropy").spec()["samples"] == 8
    assert len(config.data.held_out) == 2
    assert all(
        Path(path).is_absolute() for path in (config.data.pool, config.model.path, *config.data.held_out.values())
    )
