"""Acceptance tests i, k, l of the methods' plan, and blindness: two rounds on a tiny model, all strategies."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.cache import MemoryCache
from engine.config import RunConfig, StudyConfig
from engine.data.pool import PreferenceData
from engine.loop import Inputs, rounds
from engine.models.adapters import adapter_state
from engine.models.load import load_policy
from engine.records import Event, Picked, Trained, stage_of
from engine.resume import MemoryPlan
from engine.selection.execute import execute
from engine.signals.base import GOLD
from engine.stages import Run
from engine.strategies.base import STRATEGIES, Strategy
from tests.contracts.test_acceptance import ALL, over
from tests.engine import naive
from tests.engine.test_loop import make_data

DATA = make_data(6, "pool")


def study(model: Path) -> StudyConfig:
    """Tuned to be over soon: 18 pairs, 4 labels a round, one step a round, hardly any evaluation."""
    settings: dict[str, Any] = {
        "name": "tiny",
        "data": {"pool": "unused"},
        "model": {"path": str(model), "device": "cpu", "dtype": "float32", "lora": {"rank": 2, "alpha": 4}},
        "sampler": "all_pairs",
        "oracle": "recorded",
        "strategies": ["random"],
        "race": "none",
        "signals": [
            {"name": "prompt_entropy", "samples": 2, "max_new_tokens": 4},
            {"name": "reward_gradient", "dimension": 32},
            {"name": "reward_ensemble", "hidden": 8, "steps": 10},
        ],
        "seeds": [1],
        "rounds": 2,
        "labels_per_round": 4,
        "dpo": {"epochs": 1, "batch_pairs": 4, "learning_rate": 0.01},
        "evaluation": {"pairs_per_set": 2, "generate": "never"},
    }
    return StudyConfig.from_dict(settings)


def inputs(model: Path, strategy: Strategy, memory: MemoryPlan | None = None) -> Inputs:
    own = {"rounds": 1} if strategy.whole_pool else {}
    config: RunConfig = study(model).run(strategy.spec(), 1, setting=own)
    return Inputs(config, DATA, {"near": make_data(2, "near")}, MemoryCache(), memory=memory or MemoryPlan())


def batches(events: Sequence[Event]) -> list[list[str]]:
    return [[pick.pair_id for pick in event.picks] for event in events if isinstance(event, Picked)]


@pytest.fixture(scope="module")
def whole(tiny_model_dir: Path) -> Mapping[str, list[Event]]:
    """Each strategy's undisturbed run, made when it is first asked for."""

    class Runs(dict[str, list[Event]]):
        def __missing__(self, name: str) -> list[Event]:
            self[name] = list(rounds(inputs(tiny_model_dir, STRATEGIES.build(name))))
            return self[name]

    return Runs()


@over(lambda s: True)
def test_l_a_run_that_is_taken_up_again_picks_the_same(
    strategy: Strategy, whole: Mapping[str, list[Event]], tiny_model_dir: Path
) -> None:
    """From the midst of the first round, and from the midst of the second."""
    events = whole[strategy.name]
    assert [stage_of(event) for event in events].count("picked") == (1 if strategy.whole_pool else 2)
    for cut in (3,) if strategy.whole_pool else (3, 8):
        again = list(rounds(inputs(tiny_model_dir, strategy), done=events[:cut]))
        assert batches(events[:cut]) + batches(again) == batches(events)


@over(lambda s: True)
def test_k_how_texts_are_batched_changes_no_pick(
    strategy: Strategy, whole: Mapping[str, list[Event]], tiny_model_dir: Path
) -> None:
    """One text at a time, so without padding, in place of all at once; trained alike."""
    events = whole[strategy.name]
    alone = MemoryPlan(scoring=20, generating=20)
    done: list[Event] = []
    for event in rounds(inputs(tiny_model_dir, strategy, alone)):
        done.append(event)
    assert batches(done) == batches(events)


def of_the_reference(strategy: Strategy) -> str:
    """The signal of the strategy that is made of the reference's log-probs; "" where none is."""
    dropout = strategy.signal_parameters().get("reward_ensemble", {}).get("members") == "dropout"
    return "reward_margin" if "reward_margin" in strategy.needs else "reward_ensemble" if dropout else ""


@over(lambda s: bool(of_the_reference(s)))
def test_i_the_reference_is_the_sft_model_loaded_by_itself(
    strategy: Strategy, whole: Mapping[str, list[Event]], tiny_model_dir: Path
) -> None:
    """Adapter off equals a separate load to 1e-3 nats, and the batch picked from margins of it is the same."""
    events = whole[strategy.name]
    run = Run(inputs(tiny_model_dir, strategy), lambda sentence: None, None)
    cut = next(n for n, event in enumerate(events) if isinstance(event, Trained)) + 3
    for event in events[:cut]:  # up to round 2's pool
        run.apply(event)
    texts = run.signals.texts(run.candidates())
    signals = {name: run.signals.signal(name, texts, 2) for name in sorted(strategy.needs)}
    encoded = {response.id: text for response, text in zip(texts.responses, encoded_of(run, texts), strict=True)}
    model = naive.sft_model(tiny_model_dir)
    reference = {name: float(naive.logp(model, text).detach()) for name, text in encoded.items()}
    assert max(abs(reference[i] - run.reference[i]) for i in reference) < 1e-3
    name = of_the_reference(strategy)
    signal = run.study.signal(name, strategy)
    by_itself = signal.compute(texts, replace(run.signals.on(2, signal), reference_logps=reference))
    assert np.abs(by_itself).min() > 0
    wrong = signal.compute(texts, replace(run.signals.on(2, signal), reference_logps=dict.fromkeys(reference, 0.0)))
    assert np.abs(wrong - by_itself).max() > 1e-2, "it does read the reference"
    margins = replace(signals[name], values=by_itself)
    view, other = (run.view(2, {**signals, name: values}) for values in (signals[name], margins))
    assert [p.pair_id for p in execute(strategy.recipe(view), view)] == [
        p.pair_id for p in execute(strategy.recipe(other), other)
    ]


def encoded_of(run: Run, texts: Any) -> Any:
    from engine.signals._scores import encoded_responses

    return encoded_responses(texts, run.signals.on(2))


class Hidden(dict[str, float]):
    """Answers nobody may look at."""

    def _touched(self, *_: object) -> Any:
        raise AssertionError("a hidden answer was touched")

    __getitem__ = __iter__ = __len__ = __contains__ = get = items = keys = values = _touched  # type: ignore[assignment]


def test_the_hidden_answers_cannot_be_looked_at() -> None:
    for look in (len, list, dict, lambda h: h["r"], lambda h: h.get("r"), lambda h: "r" in h):
        with pytest.raises(AssertionError, match="touched"):
            look(Hidden())


@over(lambda s: True)
def test_blind_hidden_answers_are_not_touched(
    strategy: Strategy, whole: Mapping[str, list[Event]], tiny_model_dir: Path
) -> None:
    """Neither scoring nor picking reads a recorded answer or a gold score, but for the declared oracle controls."""
    run = Run(inputs(tiny_model_dir, strategy), lambda sentence: None, None)
    events, number = whole[strategy.name], 1 if strategy.whole_pool else 2
    for event in events:
        if event.round == number and stage_of(event) == "scored":
            break
        run.apply(event)
    hidden: Any = Hidden()
    data = PreferenceData(run.data.prompts, run.data.responses, run.data.pairs, comparisons=hidden, scores=hidden)
    run.data = run.signals.data = data
    if strategy.control == "oracle":
        assert GOLD in strategy.needs
        with pytest.raises(AssertionError, match="touched"):
            run.scored(number)
        return
    assert GOLD not in strategy.needs
    run.apply(run.scored(number))
    picked = run.picked(number)
    assert [p.pair_id for p in picked.picks] == batches(events)[number - 1]


def test_the_runs_are_not_all_the_same(whole: Mapping[str, list[Event]], tiny_model_dir: Path) -> None:
    """Second batches differ between strategies, and the adapter has moved: the tests above look at something."""
    second = {tuple(batches(whole[s.name])[-1]) for s in ALL if not s.whole_pool}
    assert len(second) > len(ALL) / 2
    fresh = adapter_state(load_policy(study(tiny_model_dir).model, 1))
    trained = next(event for event in whole["random"] if isinstance(event, Trained)).adapter
    assert max(np.abs(trained[name] - fresh[name]).max() for name in fresh) > 1e-3
