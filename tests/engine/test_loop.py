"""The loop on a tiny random model: the order of events, resuming, fairness between strategies, blindness to labels."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.cache import MemoryCache
from engine.config import StudyConfig
from engine.data.pool import Comparison, PreferenceData
from engine.errors import ConfigError, ModelError, SelectionError
from engine.loop import Inputs, rounds
from engine.records import Event, Label, Message, Pair, Picked, Pooled, Prompt, Response, records, stage_of
from engine.samplers.all_pairs import AllPairs
from engine.seeds import rng_for

WORDS = "wash cold warm dry iron fold soap brush rinse soak never always gently twice slowly".split()


def make_data(n_prompts: int, name: str, m: int = 3) -> PreferenceData:
    data = PreferenceData()
    for i in range(n_prompts):
        rng = rng_for(7, i, name)
        prompt = Prompt.of([Message("user", f"How do I {rng.choice(WORDS)} it, {name} {i}?")])
        data.prompts[prompt.id] = prompt
        made = []
        for j in range(m):
            words = " ".join(rng.choice(WORDS, size=int(rng.integers(2, 9))))
            response = Response.of(prompt.id, f"{words} {j}", "test")
            data.responses[response.id] = response
            data.scores[response.id] = float("gently" in words) * 2 - len(words) / 40
            made.append(response.id)
        for x in range(m):
            for y in range(x + 1, m):
                pair = Pair.of(prompt.id, made[x], made[y])
                data.pairs[pair.id] = pair
                better = "a" if data.scores[pair.a] > data.scores[pair.b] else "b"
                data.comparisons.append(Comparison(pair.id, better))
    return data


@pytest.fixture(scope="module")
def data() -> PreferenceData:
    return make_data(16, "pool")


@pytest.fixture(scope="module")
def held_out() -> dict[str, PreferenceData]:
    return {"near": make_data(6, "near"), "far": make_data(5, "far")}


def config(model: Path, **changes: Any) -> StudyConfig:
    base: dict[str, Any] = {
        "name": "tiny",
        "data": {"pool": "unused"},
        "model": {"path": str(model), "device": "cpu", "dtype": "float32", "lora": {"rank": 2, "alpha": 4}},
        "sampler": "all_pairs",
        "oracle": "recorded",
        "strategies": ["random", "activedpo", "apl", "real"],
        "race": "none",
        "signals": [
            {"name": "prompt_entropy", "samples": 2, "max_new_tokens": 6},
            {"name": "reward_gradient", "dimension": 32},
        ],
        "seeds": [1],
        "rounds": 2,
        "labels_per_round": 5,
        "prompts_per_round": 10,
        "dpo": {"epochs": 1, "batch_pairs": 4, "learning_rate": 0.01},
        "evaluation": {"pairs_per_set": 12, "generate": "last", "prompts": 3, "kl_prompts": 2, "max_new_tokens": 6},
    }
    return StudyConfig.from_dict({**base, **changes})


def inputs(study: StudyConfig, index: int, data: PreferenceData, held_out: Mapping[str, PreferenceData]) -> Inputs:
    return Inputs(study.runs()[index], data, held_out, MemoryCache())


def same(one: Sequence[Event], other: Sequence[Event]) -> None:
    """Equal to the last bit, but for what was spent."""
    assert [(e.round, stage_of(e)) for e in one] == [(e.round, stage_of(e)) for e in other]
    for a, b in zip(one, other, strict=True):
        for name in a.__dataclass_fields__:
            if name != "spent":
                _same_value(getattr(a, name), getattr(b, name), f"{stage_of(a)}.{name}, round {a.round}")


def _same_value(a: Any, b: Any, where: str) -> None:
    if isinstance(a, np.ndarray):
        assert np.array_equal(a, b), where
    elif isinstance(a, Mapping):
        assert a.keys() == b.keys(), where
        for key in a:
            _same_value(a[key], b[key], f"{where}[{key}]")
    elif isinstance(a, tuple):
        assert len(a) == len(b), where
        for x, y in zip(a, b, strict=True):
            _same_value(x, y, where)
    elif hasattr(a, "__dataclass_fields__"):
        for name in a.__dataclass_fields__:
            _same_value(getattr(a, name), getattr(b, name), f"{where}.{name}")
    else:
        assert a == b or (a != a and b != b), where


@pytest.mark.parametrize("index", range(4), ids=["random", "activedpo", "apl", "real"])
def test_every_strategy_runs_to_the_end_and_resuming_changes_nothing(
    index: int, tiny_model_dir: Path, data: PreferenceData, held_out: dict[str, PreferenceData]
) -> None:
    study = config(tiny_model_dir)
    whole = list(rounds(inputs(study, index, data, held_out)))
    assert [stage_of(e) for e in whole] == ["evaluated"] + 2 * [
        "pooled", "scored", "picked", "labelled", "trained", "evaluated",
    ]  # fmt: skip
    for cut in range(0, len(whole), 2):
        rest = list(rounds(inputs(study, index, data, held_out), done=whole[:cut]))
        same(rest, whole[cut:])
    picked = [p.pair_id for r in records(whole) if r.picked for p in r.picked.picks]
    assert len(picked) == len(set(picked)) == 10


def test_round_0_is_chance_and_every_seed_starts_alike(
    tiny_model_dir: Path, data: PreferenceData, held_out: dict[str, PreferenceData]
) -> None:
    first = next(iter(rounds(inputs(config(tiny_model_dir), 0, data, held_out))))
    accuracy = {m.split: m.value for m in first.metrics if m.name == "accuracy"}  # type: ignore[union-attr]
    nll = {m.split: m.value for m in first.metrics if m.name == "nll"}  # type: ignore[union-attr]
    assert accuracy == {"near": 0.5, "far": 0.5}
    assert nll["near"] == pytest.approx(np.log(2))


def test_the_warm_up_batch_is_the_same_for_every_strategy_of_a_seed(
    tiny_model_dir: Path, data: PreferenceData, held_out: dict[str, PreferenceData]
) -> None:
    study = config(tiny_model_dir, warm_up=True, rounds=2)
    batches, later = [], []
    for index in range(4):
        done = records(list(rounds(inputs(study, index, data, held_out))))
        assert done[1].picked is not None and done[1].picked.warm_up
        assert done[2].picked is not None and not done[2].picked.warm_up
        batches.append([p.pair_id for p in done[1].picked.picks])
        later.append(tuple(p.pair_id for p in done[2].picked.picks))
        if index == 1:  # the warm-up pairs enter V
            assert done[1].picked.features["reward_gradient"].shape == (5, 2, 32)
            assert all("nearest_pair" in p.why for p in done[2].picked.picks)
    assert len({tuple(b) for b in batches}) == 1
    assert len(set(later)) > 1


def test_a_margin_strategy_says_that_it_ties_at_the_reference(
    tiny_model_dir: Path, data: PreferenceData, held_out: dict[str, PreferenceData]
) -> None:
    done = records(list(rounds(inputs(config(tiny_model_dir), 2, data, held_out))))
    assert done[1].scored is not None and "every margin is 0" in done[1].scored.notes[0]
    assert done[1].scored.scores is not None and not done[1].scored.scores.any()
    assert done[2].scored is not None and not done[2].scored.notes
    assert done[2].scored.scores is not None and done[2].scored.scores.any()


def test_picks_do_not_depend_on_hidden_answers(
    tiny_model_dir: Path, data: PreferenceData, held_out: dict[str, PreferenceData]
) -> None:
    """Round 1's picks are the same when every recorded answer and every gold score is turned round."""
    turned = PreferenceData(
        data.prompts,
        data.responses,
        data.pairs,
        [Comparison(c.pair_id, "b" if c.answer == "a" else "a") for c in data.comparisons],
        {r: -s for r, s in data.scores.items()},
    )
    study = config(tiny_model_dir, rounds=1)
    for index in range(4):
        a = records(list(rounds(inputs(study, index, data, held_out))))[1]
        b = records(list(rounds(inputs(study, index, turned, held_out))))[1]
        assert a.picked is not None and b.picked is not None
        assert [p.pair_id for p in a.picked.picks] == [p.pair_id for p in b.picked.picks]
        assert a.labelled is not None and b.labelled is not None
        assert [x.answer for x in a.labelled.labels] != [x.answer for x in b.labelled.labels]


def test_a_label_bought_before_is_not_bought_again(
    tiny_model_dir: Path, data: PreferenceData, held_out: dict[str, PreferenceData]
) -> None:
    study = config(tiny_model_dir, rounds=1)
    given = inputs(study, 0, data, held_out)
    first = records(list(rounds(given)))[1]
    assert first.labelled is not None and first.labelled.reused == 0
    bank = {label.pair_id: Label(label.pair_id, "tie", "bank") for label in first.labelled.labels[:2]}
    given.bought = lambda ids: {i: bank[i] for i in ids if i in bank}
    again = records(list(rounds(given)))[1]
    assert again.labelled is not None and again.labelled.reused == 2
    assert [x.oracle for x in again.labelled.labels[:2]] == ["bank", "bank"]
    assert again.trained is not None and again.trained.labels_used == 3  # ties are counted and do not train


def test_fresh_responses_from_the_policy_are_saved_and_never_drawn_again(
    tiny_model_dir: Path, data: PreferenceData, held_out: dict[str, PreferenceData]
) -> None:
    study = config(
        tiny_model_dir,
        sampler={"name": "policy", "responses": 3, "max_new_tokens": 12, "unended": "keep"},
        oracle={"name": "gold", "scorer": "howto"},
        regime={"pool": "regenerated"},
        strategies=["activedpo"],
        labels_per_round=3,
    )
    whole = list(rounds(inputs(study, 0, data, held_out)))
    made = [e for e in whole if stage_of(e) == "pooled"]
    assert all(e.made for e in made)  # type: ignore[union-attr]
    rest = list(rounds(inputs(study, 0, data, held_out), done=whole[:8]))
    same(rest, whole[8:])


def test_a_pool_smaller_than_the_batch_says_both_numbers(
    tiny_model_dir: Path, data: PreferenceData, held_out: dict[str, PreferenceData]
) -> None:
    study = config(tiny_model_dir, labels_per_round=31, strategies=["random"])
    with pytest.raises(SelectionError, match="30 candidate pairs; 31 are to be labelled"):
        list(rounds(inputs(study, 0, data, held_out)))


def test_a_line_too_long_for_perplexity_is_refused_before_the_first_round(
    tiny_model_dir: Path, data: PreferenceData, held_out: dict[str, PreferenceData], tmp_path: Path
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("short\n" + "word " * 100, encoding="utf-8")
    study = config(tiny_model_dir, evaluation={"generate": "last", "text_file": str(text)})
    with pytest.raises(ModelError, match="Line 2 of the perplexity text takes"):
        next(rounds(inputs(study, 0, data, held_out)))
    text.write_bytes("gr\u00fcn".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"text\.txt is no text in UTF-8: .* Save it as UTF-8"):
        next(rounds(inputs(study, 0, data, held_out)))


def test_a_run_from_when_badge_read_both_gradients_goes_on(
    tiny_model_dir: Path, data: PreferenceData, held_out: dict[str, PreferenceData]
) -> None:
    study = config(tiny_model_dir, strategies=["badge"])
    assert study.signal("gradient_difference").dimension == 32, "as the study says of the gradients"  # type: ignore[attr-defined]
    given = inputs(study, 0, data, held_out)
    done = list(rounds(given))
    sides = np.random.default_rng(1).normal(size=(5, 2, 32)).astype(np.float32)
    older = [
        replace(event, features={"reward_gradient": sides, "reward_margin": event.features["reward_margin"]})
        if isinstance(event, Picked)
        else event
        for event in done
        if event.round < 2
    ]
    same(list(rounds(given, older)), done[len(older) :])


def test_a_run_that_began_with_the_first_responses_of_the_file_goes_on_with_them(
    tiny_model_dir: Path, data: PreferenceData, held_out: dict[str, PreferenceData], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`max_responses` cut by the file's order once; today it cuts by hashes, in a run that begins today."""
    run = config(tiny_model_dir, sampler={"name": "all_pairs", "max_responses": 2}, strategies=["random"]).runs()[0]

    def pools(done: Sequence[Event] = ()) -> tuple[list[Event], list[set[str]]]:
        events = list(rounds(Inputs.in_memory(run, data, held_out), done))
        return events, [set(event.pair_ids) for event in events if isinstance(event, Pooled)]

    with monkeypatch.context() as then:
        then.setattr(AllPairs, "_kept", lambda self, responses: responses[: self.max_responses])
        events, old = pools()
    begun = [event for event in events if event.round < 2]
    _, gone_on = pools(begun)
    assert gone_on == old[1:]
    _, today = pools()
    assert today[0] != old[0] and today[1] != old[1]
    by_prompt = data.responses_of()
    for pool, kept in ((old, lambda ids: ids[:2]), (today, lambda ids: sorted(ids)[:2])):
        sides = {side for pair in pool[0] for side in (data.pairs[pair].a, data.pairs[pair].b)}
        asked = {data.responses[side].prompt_id for side in sides}
        assert sides == {side for prompt in asked for side in kept(by_prompt[prompt])}
