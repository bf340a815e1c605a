"""The setting of each method's paper: whole, one that a study takes, its numbers by hand; or said to be none."""

import json
import re

import pytest

from engine.config import StudyConfig
from engine.strategies.base import STRATEGIES, Strategy

HOWTO = {"name": "gold", "scorer": "howto"}
ALL = pytest.mark.parametrize("strategy", [cls() for cls in STRATEGIES], ids=lambda s: s.name)


@ALL
def test_its_papers_setting_is_one_that_a_study_takes(strategy: Strategy) -> None:
    """Sampler, regime and whatever else it publishes; only full labels, which is no racer, is named elsewhere."""
    racers = ["random"] if strategy.whole_pool else list(dict.fromkeys(["random", strategy.name]))
    study = {"name": "s", "data": {"pool": "p"}, "model": {"path": "m"}, "sampler": "all_pairs", "oracle": HOWTO}
    config = StudyConfig.from_dict({**study, "strategies": racers, "race": "as_published"})
    setting = next(e.setting for e in config.entrants() if e.strategy.name == racers[-1] and e.arm == "")
    assert set(setting) <= set(strategy.published)
    run = config.run(strategy, 1, "", setting)
    assert config.run(**json.loads(json.dumps(run.saved))) == run
    for name, value in strategy.published.items():
        if isinstance(value, dict) and value.get("name") != "given":  # a study that draws none has its own responses
            assert {key: getattr(getattr(run.study, name), key) for key in value} == value
        elif name == "signals":
            for one in value:
                assert {key: getattr(run.study.signal(one["name"]), key) for key in one} == one
        elif name != "sampler":
            assert getattr(run.study, name) == value


@ALL
def test_its_papers_setting_is_whole_or_said_to_be_none(strategy: Strategy) -> None:
    """Sampler and regime of every paper's method; who names no training, or nothing at all, says who decides it."""
    published, said = strategy.published, strategy.open_points
    if published:
        assert {"sampler", "regime"} <= set(published)
        assert set(published["regime"]) == {"pool", "weights", "data"}
        assert "dpo" in published or re.search(r"the study('s| sets)", said)
    elif not strategy.control and "arXiv" in strategy.source:
        assert "Nothing is published" in said and "the study's setting" in said


def test_the_papers_numbers_are_those_of_the_papers() -> None:
    """The key numbers, by hand; what stands in no paper that was read is in no preset."""
    found = {cls.name: dict(cls.published) for cls in STRATEGIES}
    signals = {name: preset["signals"][0] for name, preset in found.items() if "signals" in preset}
    shares = {
        "activedpo": 50 / 3000, "apl_certainty": 64 / 1024, "smallest_margin": 64 / 384, "real": 0.5, "ae_dpo": 1 / 3,
    }  # fmt: skip
    assert {name: found[name]["label_share"] for name in shares} == shares
    assert found["activedpo"]["dpo"] == {"learning_rate": 1e-4, "epochs": 4}
    for name in ("apl", "apl_certainty", "apl_entropy"):
        assert [found[name]["dpo"][key] for key in ("beta", "learning_rate", "epochs", "batch_pairs")] == [
            0.2, 1e-6, 50, 64,
        ]  # fmt: skip
    assert [signals[name]["samples"] for name in ("apl", "apl_entropy")] == [32, 32]
    assert [signals[n]["size"] for n in ("bal_pm", "sea", "drts", "delta_ucb", "enn_variance")] == [5, 20, 20, 20, 100]
    assert [found[n]["sampler"]["responses"] for n in ("activedpo", "apl", "sea", "enn_variance")] == [3, 2, 20, 16]
    assert (found["bal_pm"]["labels_per_round"], found["apo"]["labels_per_round"]) == (320, 20)
    assert [found[name]["dpo"]["learning_rate"] for name in ("smallest_margin", "gated", "real")] == [5e-7] * 3
    regimes = {tuple(found[name]["regime"].values()) for name in ("sea", "activedpo", "enn_variance")}
    assert regimes == {("regenerated", "continue", "new")}
