"""The cost of a study: worked by hand, and against what a real run puts through a tiny model."""

from pathlib import Path
from typing import Any

import pytest

from engine.config import StudyConfig
from engine.cost import Cost, Pace, Sizes, Work, estimate, pace_of
from engine.loop import rounds
from engine.store.database import open_store
from engine.store.pace import pace
from tests.engine.test_loop import config, inputs, make_data
from tests.workbench import worlds

POOL = Sizes(100, 400, 600)
SETS = (Sizes(50, 150, 150), Sizes(40, 120, 120))
HOWTO = {"name": "gold", "scorer": "howto"}


def study(**changes: Any) -> StudyConfig:
    base: dict[str, Any] = {
        "name": "by hand",
        "data": {"pool": "unused"},
        "model": {"path": "unused"},
        "sampler": "all_pairs",
        "strategies": ["random", "activedpo", "apl", "real"],
        "race": "none",
        "signals": [{"name": "prompt_entropy", "samples": 3}],
        "seeds": [1, 2],
        "rounds": 3,
        "labels_per_round": 10,
        "prompts_per_round": 20,
        "warm_up": True,
        "dpo": {"epochs": 2},
        "evaluation": {"pairs_per_set": 60, "generate": "last", "prompts": 30, "kl_prompts": 8},
    }
    return StudyConfig.from_dict({**base, **changes})


def cost(**changes: Any) -> Cost:
    return estimate(study(**changes), POOL, SETS)


def test_labels_by_hand() -> None:
    found = cost()
    assert found.labels_a_run == 3 * 10
    assert found.labels_asked == 4 * 2 * 30
    assert found.labels_paid == 2 * (10 + 4 * 20), "the warm-up batch of a seed is bought once for four strategies"
    assert cost(warm_up=False).labels_paid == 240
    assert cost(rounds=30, prompts_per_round=None).labels_paid == 600, "there are no more pairs than that"


def test_training_by_hand() -> None:
    assert cost().runs["random"]["trained"] == Work(backwards=2 * 2 * (10 + 20 + 30))
    assert cost(regime={"data": "new"}).runs["random"]["trained"] == Work(backwards=2 * 2 * 30)


def test_scoring_by_hand() -> None:
    runs = cost().runs
    assert runs["random"]["scored"] == Work()
    # 20 of 100 prompts hold 80 of 400 responses; a warm-up batch of 10 pairs, then two scored rounds.
    assert runs["activedpo"]["scored"] == Work(backwards=20 + 2 * 80)
    assert runs["apl"]["scored"] == Work(forwards=2 * 80, generations=3 * (10 + 2 * 20))
    assert runs["real"]["scored"] == Work(), "the reference's embedding is done once for all runs"
    cold = cost(warm_up=False).runs["apl"]["scored"]
    assert cold == Work(forwards=2 * 80, generations=3 * 3 * 20), "before training every margin is 0 without a pass"
    panel = cost(panel=["token_entropy"]).runs
    assert panel["random"]["scored"] == Work(forwards=3 * 80), "the panel is recorded in every round"
    assert panel["apl"]["scored"].forwards == 3 * 80, "signals that read the same log-probs share the pass"
    both = cost(panel=["token_entropy"], strategies=["random", "badge", "activedpo"]).runs
    assert both["badge"]["scored"] == Work(forwards=80, backwards=20 + 2 * 80), "the gradients' pass gives the rest too"
    assert both["activedpo"]["scored"] == Work(forwards=80, backwards=20 + 2 * 80)


def test_strategies_in_the_shadow_of_a_campaign_are_counted() -> None:
    """The one that picks reads 20 responses of the warm-up batch and then two pools of 80; each shadow reads as much,
    and the batch of later rounds once more, for its memory."""
    alone = cost(oracle="people", seeds=[1], strategies=["activedpo"])
    beside = cost(oracle="people", seeds=[1], strategies=["activedpo", "apl", "real"])
    assert list(beside.runs) == ["activedpo"]
    assert alone.runs["activedpo"]["scored"] == Work(backwards=20 + 2 * 80)
    apl = Work(forwards=2 * 80 + 2 * 20, generations=3 * (10 + 2 * 20 + 2 * 10))
    assert beside.runs["activedpo"]["scored"] == Work(backwards=20 + 2 * 80) + apl
    assert beside.once == alone.once + Work(forwards=400), "REAL's embedding of the pool"
    assert beside.labels_asked == alone.labels_asked, "nobody labels for a shadow"


def test_evaluation_by_hand() -> None:
    # Of 3 pairs a prompt, 60 pairs are 20 prompts with 60 responses, in each of the two sets.
    runs = cost().runs
    assert runs["random"]["evaluated"] == Work(forwards=3 * 120 + 2 * 8, generations=20 + 8 + 20)
    every = cost(evaluation={"pairs_per_set": 60, "generate": "every", "prompts": 10, "kl_prompts": 8}).runs
    assert every["random"]["evaluated"] == Work(forwards=3 * 120 + 3 * 2 * 8, generations=3 * (10 + 8) + 10)
    never = cost(evaluation={"pairs_per_set": 1000, "generate": "never"}).runs
    assert never["random"]["evaluated"] == Work(forwards=3 * 270)


def test_a_batch_that_is_a_share_is_counted_as_pairs() -> None:
    """20 prompts of 4 responses a round make 120 pairs; half of them are a batch, or one pair of half the prompts."""
    found = cost(label_share=0.5, warm_up=True)
    arms = len(found.runs)
    assert found.labels_a_run == 3 * 60
    assert found.labels_asked == 2 * arms * 3 * 60
    assert found.labels_paid == min(600, 2 * (60 + arms * 2 * 60)), "no more than the pool has, each once"
    assert cost(label_share=0.5, one_per_prompt=True).labels_a_run == 3 * 10


def test_each_round_takes_its_share_of_what_is_left_of_a_pool_that_stays() -> None:
    """Of 600 pairs a half, then half of 300 and of 150; of fresh ones, and of another subset each time, the same."""
    assert cost(label_share=0.5, prompts_per_round=None).labels_a_run == 300 + 150 + 75
    drawn = {"sampler": {"name": "policy", "responses": 4}, "oracle": HOWTO, "regime": {"pool": "regenerated"}}
    assert cost(label_share=0.5, prompts_per_round=None, **drawn).labels_a_run == 3 * 300
    people = {"name": "people", "held_out_pairs": 0, "audit_share": 0.2}
    asked = cost(label_share=0.5, prompts_per_round=None, oracle=people, seeds=[1], strategies=["random"])
    assert asked.labels_asked == 525 + 105, "the audit slice is a share of what is bought"


def test_once_and_in_all_by_hand() -> None:
    found = cost()
    assert found.once == Work(forwards=400 + 120 + 400), "reference of pool and held-out sets, embedding of the pool"
    a_seed = sum((found.a_run(name) for name in found.runs), Work())
    assert found.total == a_seed.times(2) + found.once


def test_fresh_responses_are_drawn_and_read_by_the_reference_in_every_round() -> None:
    found = cost(
        sampler={"name": "policy", "responses": 3}, oracle=HOWTO, regime={"pool": "regenerated"}, warm_up=False
    )
    assert found.runs["random"]["pooled"] == Work(forwards=3 * 60, generations=3 * 60)
    assert found.runs["real"]["scored"] == Work(forwards=3 * 60)
    assert found.labels_paid == found.labels_asked


@pytest.mark.parametrize("warm_up", [True, False])
@pytest.mark.parametrize("index", range(4), ids=["random", "activedpo", "apl", "real"])
def test_the_estimate_is_what_a_run_puts_through_the_model(
    index: int, warm_up: bool, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted at the model's own doors. Pools of equal prompts, so that only picked pairs can make a difference."""
    import engine.dpo.generations
    import engine.dpo.train
    import engine.models.divergence
    import engine.models.embed
    import engine.models.generate
    import engine.models.logps
    import engine.models.passes

    seen = {"forwards": 0, "backwards": 0, "generations": 0}

    def count(module: Any, name: str, kind: str, place: int, each: int = 1) -> None:
        real = getattr(module, name)

        def counted(*args: Any, **named: Any) -> Any:
            seen[kind] += each * len(args[place])
            return real(*args, **named)

        monkeypatch.setattr(module, name, counted)

    count(engine.models.logps, "score_responses", "forwards", 1)
    read = engine.models.passes.read_responses

    def counted_reads(policy: Any, encoded: Any, **what: Any) -> Any:
        seen["backwards" if what.get("gradients") else "forwards"] += len(encoded)
        return read(policy, encoded, **what)

    monkeypatch.setattr(engine.models.passes, "read_responses", counted_reads)
    count(engine.models.embed, "embed_responses", "forwards", 1)
    count(engine.dpo.generations, "kl_to_reference", "forwards", 1, each=2)
    count(engine.dpo.train, "_step", "backwards", 1, each=2)
    for module in (engine.models.generate, engine.dpo.generations):
        count(module, "generate", "generations", 1)

    data, held_out = make_data(16, "pool"), {"near": make_data(6, "near"), "far": make_data(5, "far")}
    study = config(tiny_model_dir, prompts_per_round=None, labels_per_round=4, warm_up=warm_up)
    list(rounds(inputs(study, index, data, held_out)))
    name = study.strategies[index].name
    found = estimate(study, Sizes(16, 48, 48), [Sizes(6, 18, 18), Sizes(5, 15, 15)])
    alone = estimate(
        study.model_copy(update={"strategies": (study.strategies[index],)}),
        Sizes(16, 48, 48),
        [Sizes(6, 18, 18), Sizes(5, 15, 15)],
    )
    told = found.a_run(name) + alone.once
    # A warm-up batch can hold a response twice; nothing else may differ.
    twice = 2 * study.labels_per_round if warm_up else 0
    assert told.forwards == seen["forwards"]
    assert told.backwards - twice <= seen["backwards"] <= told.backwards
    assert told.generations - twice <= seen["generations"] <= told.generations


def test_the_pace_is_what_explains_the_seconds() -> None:
    measured = [(Work(100, 0, 0), 1.0), (Work(0, 50, 0), 5.0), (Work(10, 0, 20), 0.5)]
    found = pace_of(measured, runs=3)
    assert found is not None
    assert found.seconds(Work(1000, 10, 40)) == pytest.approx(10 + 1 + 0.8)
    assert pace_of([], 0) is None
    assert pace_of([(Work(), 3.0)], 1) is None
    alone = pace_of([(Work(0, 50, 0), 5.0)], 1)
    assert alone == Pace(pytest.approx(0.1), pytest.approx(0.1), pytest.approx(0.1), 1)
    never = pace_of([(Work(1, 1, 0), 1.0), (Work(2, 1, 0), 0.5)], 1)
    assert never is not None
    assert min(never.forward, never.backward, never.generation) >= 0


def test_a_store_knows_the_pace_of_its_finished_runs(tmp_path: Path) -> None:
    assert pace(open_store(tmp_path / "empty"), "model") is None
    store = worlds.finished(tmp_path / "done")
    found = pace(store, "model")
    assert found is not None
    assert found.runs == 12
    assert pace(store, "another model") is None
    assert found.seconds(Work(backwards=100)) > 0
