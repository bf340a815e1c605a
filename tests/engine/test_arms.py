"""Who runs in a study: the arms that a race adds, worked out by hand, and how each of them picks."""

import json
from typing import Any

import numpy as np
import pytest

from engine import arms
from engine.config import StudyConfig
from engine.errors import ConfigError
from engine.selection.execute import execute, scores_of
from engine.selection.recipes import Band, GreedyLogDet, Scores, Shuffled, TwoStage, Uniform
from engine.strategies.base import STRATEGIES
from engine.strategies.random import Random
from tests.contracts.views import world_for

GOLD = {"oracle": {"name": "gold", "scorer": "howto"}, "sampler": "all_pairs"}


def study(**changes: Any) -> StudyConfig:
    base = {"name": "s", "data": {"pool": "p"}, "model": {"path": "m"}, "seeds": [1, 2, 3]}
    return StudyConfig.from_dict({**base, "strategies": ["random", "activedpo", "real"], **changes})


def keys(config: StudyConfig) -> list[str]:
    return [entrant.key for entrant in config.entrants()]


def test_a_controlled_race_has_one_twin_and_its_second_draw() -> None:
    config = study()
    assert keys(config) == ["random", "activedpo", "real", "random:again"]
    assert config.twins() == {"activedpo": "random", "real": "random"}
    assert config.seconds() == {"random": "random:again"}
    assert [arms.second(key) for key in keys(config)] == [False, False, False, True]
    again = next(entrant for entrant in config.entrants() if entrant.key == "random:again")
    assert (again.strategy, again.twin) == (Random(draw=1), None)


def test_a_twin_that_nobody_named_is_added() -> None:
    assert keys(study(strategies=["real"])) == ["real", "random", "random:again"]
    assert keys(study(strategies=["real"], referee={"second_random": False})) == ["real", "random"]
    assert keys(study(strategies=["real"], race="none")) == ["real"]
    assert study(strategies=["random", "real"], race="none").twins() == {}


def test_as_published_gives_every_setting_its_own_twin() -> None:
    config = study(race="as_published", strategies=["random", "activedpo", "apl", "apl_entropy", "real"], **GOLD)
    assert config.twins() == {
        "activedpo": "random:as activedpo",
        "apl": "random:as apl",
        "apl_entropy": "random:as apl",  # N = 32 draws aside, which random does not read, they are set alike
        "real": "random:as real",
    }
    assert set(config.seconds()) == {"random", "random:as activedpo", "random:as apl", "random:as real"}
    assert all(arms.second(key) for key in config.seconds().values())
    seen = {run.key: run.study for run in config.runs(seeds=[1])}
    assert (seen["activedpo"].sampler.name, seen["activedpo"].regime.weights) == ("policy", "continue")
    assert seen["real"].sampler == config.sampler, "responses that are there are taken as the study takes them"
    assert (seen["real"].regime.pool, seen["real"].dpo.learning_rate, seen["random"].dpo) == ("fixed", 5e-7, config.dpo)
    assert (seen["apl"].dpo.beta, seen["apl"].dpo.loss, seen["apl"].label_share) == (0.2, config.dpo.loss, 1 / 16)
    assert (seen["real"].rounds, seen["real"].label_share, seen["random"].rounds) == (1, 0.5, 6)
    for key, twin in config.twins().items():
        for field in (
            "sampler",
            "regime",
            "dpo",
            "rounds",
            "label_share",
            "labels_per_round",
            "warm_up",
            "one_per_prompt",
        ):
            assert getattr(seen[key], field) == getattr(seen[twin], field), (key, field)
    assert seen["activedpo"].signal("reward_gradient").dimension == 8192  # type: ignore[attr-defined]
    assert not seen["random:as activedpo"].signals, "random reads none"
    assert arms.title_of("random:as activedpo, again") == "random as ActiveDPO, again"


def test_a_switch_that_has_a_setting_of_its_own_has_a_twin_of_its_own() -> None:
    """REAL's two scripts: the half of given pairs, and the least similar pair of every prompt's responses."""
    of_each = {"name": "real", "per_prompt": True}
    config = study(race="as_published", strategies=["random", "real", of_each, "aepo"], **GOLD)
    assert config.twins() == {
        "real": "random:as real", "real:per prompt True": "random:as real:per prompt True", "aepo": "random:as aepo",
    }  # fmt: skip
    seen = {run.key: run.study for run in config.runs(seeds=[1])}
    assert len(seen) == len(config.entrants()) == 11
    found = {key: (one.sampler.name, one.label_share, one.one_per_prompt, one.rounds) for key, one in seen.items()}
    assert found["real"] == found["random:as real"] == ("all_pairs", 0.5, True, 1)
    for key in ("real:per prompt True", "random:as real:per prompt True", "aepo", "random:as aepo, again"):
        assert found[key] == ("all_pairs", 1.0, True, 1)
    assert arms.title_of("random:as real:per prompt True, again") == "random as REAL, per prompt True, again"


@pytest.mark.parametrize("name", ["badge", "k_center", "k_center_gradients", "facility_location", "bal_pm"])
def test_a_design_that_cannot_keep_to_one_pair_a_prompt_is_refused_before_it_starts(name: str) -> None:
    with pytest.raises(ConfigError, match="one_per_prompt is on, and strategy"):
        study(strategies=[name], one_per_prompt=True)


def test_a_setting_that_is_the_studys_own_is_no_other() -> None:
    own = {"sampler": {"name": "policy", "responses": 3}, "oracle": GOLD["oracle"]}
    regime = {"pool": "regenerated", "weights": "continue", "data": "new"}
    training = {"dpo": {"learning_rate": 1e-4, "epochs": 4}, "label_share": 1 / 60}
    config = study(race="as_published", strategies=["random", "activedpo"], regime=regime, **own, **training)
    assert keys(config) == ["random", "activedpo", "random:again"], (
        "another dimension alone asks for no twin of its own"
    )


def test_what_a_paper_leaves_open_stays_the_studys() -> None:
    signals = [{"name": "prompt_entropy", "samples": 4, "max_new_tokens": 9}]
    own = {"dpo": {"micro_batch_pairs": 2, "weight_decay": 0.1}, "signals": signals}
    config = study(race="as_published", strategies=["apl", "badge"], **own, **GOLD)
    seen = {run.key: run.study for run in config.runs(seeds=[1])}
    entropy = seen["apl"].signal("prompt_entropy")
    assert (entropy.samples, entropy.max_new_tokens) == (32, 9)  # type: ignore[attr-defined]
    assert (seen["apl"].dpo.micro_batch_pairs, seen["apl"].dpo.weight_decay) == (2, 0.1)
    assert seen["badge"] == seen["random"] == config, "nothing is published for it"


def test_one_method_with_other_parameters_is_an_arm_of_its_own() -> None:
    real, least = {"name": "real"}, {"name": "real", "keep": "similar", "per_prompt": True}
    config = study(strategies=["random", real, least, {"name": "adpo", "labels": "all"}], controls=["shuffled"])
    assert keys(config)[:4] == ["random", "real", "real:keep similar, per prompt True", "adpo"]
    assert keys(config)[5:] == ["real:shuffled", "adpo:shuffled"]
    assert config.twins()["real:keep similar, per prompt True"] == "random"
    assert arms.title_of(keys(config)[2]) == "REAL, keep similar, per prompt True"
    assert [run.strategy.spec()["keep"] for run in config.runs([1])[1:3]] == ["dissimilar", "similar"]  # by its own
    for run in config.runs():
        assert config.run(**json.loads(json.dumps(run.saved))) == run
    both = study(race="as_published", strategies=[real, least], **GOLD)
    assert both.twins() == {"real": "random:as real", keys(config)[2]: f"random:as {keys(config)[2]}"}
    for twice in (["real", real], ["random", {"name": "random", "draw": 3}]):
        with pytest.raises(ConfigError, match="twice"):
            study(strategies=twice)


def test_the_opposite_end_is_a_control_beside_it() -> None:
    config = study(controls=["opposite"], race="as_published", strategies=["random", "real"], **GOLD)
    by_key = {entrant.key: entrant for entrant in config.entrants()}
    real, turned = by_key["real"], by_key["real:opposite"]
    assert (turned.setting, turned.twin, turned.strategy.spec()["keep"]) == (real.setting, real.twin, "similar")
    world = world_for(real.strategy)
    found = [scores_of(one.strategy.recipe(world.view()), world.view()) for one in (real, turned)]
    assert found[0] == pytest.approx(-np.asarray(found[1]))
    with pytest.raises(ConfigError, match="'opposite', which no strategy of the study has; REAL has one"):
        study(controls=["opposite"], strategies=["random", "activedpo"])


def test_random_off_the_policy_is_drawn_once_from_the_sft_model_where_the_study_draws() -> None:
    drawn = {"name": "policy", "responses": 4, "temperature": 0.7, "max_new_tokens": 20}
    regime = {"pool": "regenerated", "weights": "reset", "data": "cumulative"}
    config = study(controls=["random_off_policy"], sampler=drawn, regime=regime, oracle=GOLD["oracle"])
    off = next(run.study for run in config.runs([1]) if run.key == "random:off policy, SFT model")
    assert off.sampler.spec() == {**config.sampler.spec(), "model": "reference", "once": True}
    assert off.regime.pool == "fixed"
    given = study(controls=["random_off_policy"], **GOLD)
    assert next(run.study for run in given.runs([1]) if run.key == "random:off policy").sampler.name == "all_pairs"


def test_the_norm_alone_has_the_norm_of_the_arm_beside_it() -> None:
    config = study(controls=["norm_only"], strategies=[{"name": "activedpo", "unit_norm": "difference"}])
    norm = next(entrant for entrant in config.entrants() if entrant.key == "gradient_norm")
    assert norm.strategy.spec()["unit_norm"] == "difference"


def test_controls_run_beside_the_race() -> None:
    every = ["full_labels", "shuffled", "norm_only", "largest_oracle_margin", "smallest_oracle_margin",
             "random_on_policy", "random_off_policy"]  # fmt: skip
    config = study(controls=every, **GOLD)
    assert keys(config)[4:] == [
        "full_labels", "activedpo:shuffled", "real:shuffled", "gradient_norm", "largest_oracle_margin",
        "smallest_oracle_margin", "random:on policy", "random:off policy",
    ]  # fmt: skip
    assert set(config.twins()) == {"activedpo", "real", "activedpo:shuffled", "real:shuffled", "gradient_norm"}
    seen = {run.key: run.study for run in config.runs(seeds=[1])}
    whole = seen["full_labels"]
    assert (whole.rounds, whole.warm_up, whole.prompts_per_round) == (1, False, None)
    assert seen["random:on policy"].sampler.name == "policy"
    assert seen["random:on policy"].regime.pool == "regenerated"
    assert "gradient_norm" not in keys(study(controls=["norm_only"], strategies=["random", "gradient_norm"]))[3:]


def test_only_a_declared_oracle_control_may_need_gold_scores() -> None:
    with pytest.raises(ConfigError, match="needs gold scores but is not declared"):
        largest = STRATEGIES.get("largest_oracle_margin")
        sly = type("Sly", (largest,), {"control": "", "__module__": __name__, "__doc__": "x."})
        study(strategies=[sly()])


def test_a_run_is_built_again_from_what_is_saved_of_it() -> None:
    config = study(race="as_published", controls=["full_labels"], strategies=["activedpo", "real"], **GOLD)
    for run in config.runs():
        assert config.run(**json.loads(json.dumps(run.saved))) == run


def test_a_run_that_cannot_be_built_says_so() -> None:
    with pytest.raises(ConfigError, match="No strategy is called 'gone'"):
        study().run({"name": "gone"}, 1)


def test_the_second_draw_is_another_and_the_first_stays_as_it_was() -> None:
    world = world_for(Random())
    view = world.view(k=8)
    first, again = (execute(Random(draw=n).recipe(view), view) for n in (0, 1))
    assert [pick.pair_id for pick in first] != [pick.pair_id for pick in again]
    assert execute(Uniform(), view) == first


@pytest.mark.parametrize("name", ["real", "apl", "activedpo", "apl_certainty"])
def test_shuffled_keeps_the_values_and_loses_whose_they_are(name: str) -> None:
    strategy = STRATEGIES.build({"name": name, "band": "ends"} if name == "apl_certainty" else name)
    world = world_for(strategy, picked=5)
    view = world.view(k=8)
    plain, dealt = strategy.recipe(view), arms.recipe_of(strategy, arms.SHUFFLED, view)
    assert isinstance(plain, Scores | TwoStage | GreedyLogDet | Band)
    assert isinstance(dealt, Shuffled)
    assert type(arms.recipe_of(strategy, "", view)) is type(plain)
    before, after = scores_of(plain, view), scores_of(dealt, view)
    assert before is not None
    assert after is not None
    assert sorted(before) == pytest.approx(sorted(after))
    assert not np.array_equal(before, after)
    picks = [pick.pair_id for pick in execute(dealt, view)]
    assert picks != [pick.pair_id for pick in execute(plain, view)]
    turned = world.order(list(range(len(world.pairs)))[::-1]).view(k=8)
    assert [p.pair_id for p in execute(arms.recipe_of(strategy, arms.SHUFFLED, turned), turned)] == picks


def test_what_is_left_of_activedpo_runs_as_activedpo_does() -> None:
    config = study(race="as_published", controls=["norm_only"], strategies=["activedpo"], **GOLD)
    by_key = {entrant.key: entrant for entrant in config.entrants()}
    norm = by_key["gradient_norm"]
    assert (norm.setting, norm.twin) == (by_key["activedpo"].setting, "random:as activedpo")


def test_every_label_at_once_is_no_strategy_of_a_race() -> None:
    with pytest.raises(ConfigError, match="name it under controls"):
        study(strategies=["random", "full_labels"])


def test_a_held_out_set_that_decides_must_be_there() -> None:
    with pytest.raises(ConfigError, match="the held-out sets are held_out"):
        study(referee={"held_out": "pool_lik"})
    assert study(referee={"held_out": "held_out"}).referee.decides_on(()) == "held_out"
