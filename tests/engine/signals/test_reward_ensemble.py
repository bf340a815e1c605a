"""The reward ensemble in a run: what it learns from, that it is trained once, that nobody else sees a label."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.cache import MemoryCache
from engine.cost import Sizes, estimate
from engine.dpo.batches import Example
from engine.dpo.train import train
from engine.errors import ModelError
from engine.loop import Inputs
from engine.models import heads
from engine.models.adapters import adapter_state, fresh_adapter, set_adapter
from engine.models.logps import reference_logps, score_responses
from engine.models.policy import Policy
from engine.models.tokens import encode_responses
from engine.records import Label
from engine.scoring import Signals
from engine.seeds import key_for, uniforms
from engine.signals import base
from engine.signals.embedding import Embedding
from engine.signals.reward_ensemble import RewardEnsemble
from engine.signals.reward_margin import RewardMargin
from tests.conftest import move
from tests.engine.test_loop import config, make_data

SMALL = {"size": 3, "hidden": 8, "steps": 15}


def signals_of(policy: Policy, folder: Path, labels: list[tuple[int, Label]], **changes: Any) -> Signals:
    study = config(folder, strategies=["random"], signals=[RewardEnsemble(**{**SMALL, **changes}).spec()])
    data = make_data(8, "pool")
    cache = MemoryCache()
    reference = reference_logps(policy, data.prompts, list(data.responses.values()), cache)
    return Signals(Inputs(study.runs()[0], data, {}, cache), policy, data, reference, lambda _: None, labels)


def labels_of(rounds: int, turned: bool = False, size: int = 6) -> list[tuple[int, Label]]:
    """Of each round `size` labels by the data's own scores; the last of a round is a tie."""
    data = make_data(8, "pool")
    pairs = list(data.pairs.values())
    found = []
    for number in range(rounds):
        for place, pair in enumerate(pairs[number * size : (number + 1) * size]):
            first = (data.scores[pair.a] > data.scores[pair.b]) != turned
            answer = "tie" if place == size - 1 else "a" if first else "b"
            found.append((number + 1, Label(pair.id, answer, "test", {"gold": data.scores[pair.a]})))
    return found


def values(signals: Signals, pairs: int | None = None) -> np.ndarray:
    texts = signals.texts(list(signals.data.pairs.values())[:pairs])
    return signals.signal("reward_ensemble", texts, 3).values


def test_heads_learn_from_the_labels_so_far_and_from_nothing_else(tiny_policy: Policy, tiny_model_dir: Path) -> None:
    none, some, turned = (
        values(signals_of(tiny_policy, tiny_model_dir, labels, steps=200, learning_rate=0.005))
        for labels in ([], labels_of(2), labels_of(2, turned=True))
    )
    assert none.shape == some.shape == (24, 3)
    assert np.ptp(none, axis=1).min() > 0, "without a label the heads are their first weights"
    signals = signals_of(tiny_policy, tiny_model_dir, [])
    row = {name: n for n, name in enumerate(signals.texts(list(signals.data.pairs.values())).ids("response"))}
    for _, label in labels_of(2):
        pair = signals.data.pairs[label.pair_id]
        one, other = ((found[row[pair.a]] - found[row[pair.b]]).mean() for found in (some, turned))
        if label.answer != "tie":
            assert (one > other) == (label.answer == "a"), "a turned label pulls the other way"
    ties = [(number, Label(label.pair_id, "tie", "test")) for number, label in labels_of(2)]
    np.testing.assert_array_equal(values(signals_of(tiny_policy, tiny_model_dir, ties)), none)


def test_its_rewards_are_those_of_heads_on_embeddings_of_the_labelled(
    tiny_policy: Policy, tiny_model_dir: Path
) -> None:
    signals = signals_of(tiny_policy, tiny_model_dir, labels_of(2))
    texts = signals.texts(list(signals.data.pairs.values()))
    features = Embedding(text="prompt_and_response").compute(texts, signals.on(3))
    row = {name: features[n] for n, name in enumerate(texts.ids("response"))}
    better, worse, ids = [], [], []
    for _, label in labels_of(2):
        if label.answer != "tie":
            pair = signals.data.pairs[label.pair_id]
            better.append(row[pair.a if label.answer == "a" else pair.b])
            worse.append(row[pair.b if label.answer == "a" else pair.a])
            ids.append(pair.id)
    known = heads.Preferences(np.array(better), np.array(worse), tuple(ids), np.ones((3, len(ids)), dtype=np.float32))
    wanted = heads.head_rewards(features, known, heads.HeadSettings(3, 8, 15), seed=1)
    np.testing.assert_allclose(values(signals), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("members", ["heads", "adapters", "dropout"])
def test_the_same_bits_again_whatever_was_asked_before(members: str, tiny_policy: Policy, tiny_model_dir: Path) -> None:
    """A run that goes on has an empty memory and perhaps an empty cache, and asks for other texts in another order."""
    move(tiny_policy)
    before = adapter_state(tiny_policy)
    whole = values(signals_of(tiny_policy, tiny_model_dir, labels_of(2), members=members))
    assert whole.shape == (24, 3) and np.ptp(whole, axis=1).min() > 0
    again = signals_of(tiny_policy, tiny_model_dir, labels_of(2)[::-1], members=members)
    part = values(again, pairs=9)
    np.testing.assert_array_equal(values(again), whole)
    texts = again.texts(list(again.data.pairs.values()))
    rows = [texts.ids("response").index(i) for i in again.texts(list(again.data.pairs.values())[:9]).ids("response")]
    np.testing.assert_allclose(part, whole[rows], rtol=0, atol=1e-5 * np.abs(whole).max())
    assert all(np.array_equal(before[name], weight) for name, weight in adapter_state(tiny_policy).items())


def test_it_is_trained_once_a_round_and_read_from_the_cache_then(
    tiny_policy: Policy, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    trained = heads._trained
    monkeypatch.setattr(heads, "_trained", lambda *given: calls.append(1) or trained(*given))
    monkeypatch.setattr("engine.scoring.BLOCK", 3)  # the embeddings come in eight blocks
    signals = signals_of(tiny_policy, tiny_model_dir, labels_of(1))
    first = values(signals)
    assert len(calls) == 1
    np.testing.assert_array_equal(values(signals), first)
    assert len(calls) == 1
    signals.labels += labels_of(2)[6:]
    assert np.abs(values(signals) - first).max() > 1e-3
    assert len(calls) == 2


def test_only_a_signal_that_learns_sees_labels_and_not_what_the_oracle_knows_besides(
    tiny_policy: Policy, tiny_model_dir: Path
) -> None:
    signals = signals_of(tiny_policy, tiny_model_dir, labels_of(2))
    assert not signals.on(3).bought and signals.on(3).tune is None
    for signal in (RewardMargin(), RewardEnsemble(members="dropout"), Embedding()):
        assert not signal.learns
        assert not signals.on(3, signal).bought
    seen = signals.on(3, RewardEnsemble()).bought
    assert [bought.round for bought in seen] == [1, 2]
    assert all(len(bought.texts.pairs) == len(bought.labels) == 6 for bought in seen)
    assert not any(label.detail for bought in seen for label in bought.labels)
    assert all([x.pair_id for x in b.labels] == sorted(x.pair_id for x in b.labels) for b in seen)


def test_each_adapter_is_dpo_on_its_own_bootstrap(tiny_policy: Policy, tiny_model_dir: Path) -> None:
    """The slow twin: a label counts as often as its Poisson(1) draw says; DPO from the member's own fresh start."""
    signals = signals_of(tiny_policy, tiny_model_dir, labels_of(2), members="adapters", size=2)
    found = values(signals)
    data, policy = signals.data, tiny_policy
    responses = [data.responses[i] for i in signals.texts(list(data.pairs.values())).ids("response")]
    encoded = encode_responses(policy, data.prompts, responses)
    reference = np.array([signals.reference[response.id] for response in responses])
    for member in range(2):
        examples = []
        for number in (1, 2):
            labels = sorted((label for n, label in labels_of(2) if n == number), key=lambda label: label.pair_id)
            for label in labels:
                draw = uniforms(1, None, f"bootstrap:{member}", [label.pair_id])[0]
                times = int(np.sum(draw >= np.cumsum(np.exp(-1) / np.cumprod([1, 1, 2, 3, 4, 5, 6, 7]))))
                pair = data.pairs[label.pair_id]
                sides = (data.responses[pair.a], data.responses[pair.b])
                if label.answer != "tie":
                    better, worse = sides if label.answer == "a" else sides[::-1]
                    for _ in range(times):
                        name = f"{pair.id}:{len(examples)}"
                        examples.append(Example(name, data.prompts[pair.prompt_id], better, worse))
        seed = key_for(1, None, "ensemble adapter", str(member))
        fresh_adapter(policy, seed)
        train(policy, examples, signals.study.dpo, reference_logps=signals.reference, seed=seed, round_number=0)
        logps = score_responses(policy, encoded, with_entropy=False).logp
        np.testing.assert_allclose(found[:, member], signals.study.dpo.beta * (logps - reference), atol=1e-6)


def test_adapters_without_a_label_are_all_their_reference(tiny_policy: Policy, tiny_model_dir: Path) -> None:
    signals = signals_of(move(tiny_policy), tiny_model_dir, [], members="adapters")
    assert not values(signals).any()


def test_an_adapter_that_was_trained_is_not_trained_again(
    tiny_policy: Policy, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop between two members costs one training at most."""
    signals = signals_of(tiny_policy, tiny_model_dir, labels_of(1), members="adapters", size=3)
    calls: list[int] = []
    tuned = signals._tuned

    def twice(*given: Any) -> Any:
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(1)
        return tuned(*given)

    monkeypatch.setattr(signals, "_tuned", twice)
    state = adapter_state(tiny_policy)
    with pytest.raises(KeyboardInterrupt):
        values(signals)
    assert all(np.array_equal(state[name], weight) for name, weight in adapter_state(tiny_policy).items())
    monkeypatch.undo()
    trainings: list[int] = []
    monkeypatch.setattr("engine.dpo.train.train", lambda *given, **named: trainings.append(1) or train(*given, **named))
    found = values(signals)
    assert len(trainings) == 1
    set_adapter(tiny_policy, state)
    np.testing.assert_array_equal(found, values(signals_of(tiny_policy, tiny_model_dir, labels_of(1),
                                                           members="adapters", size=3)))  # fmt: skip


def test_a_pass_that_can_train_no_adapter_says_so(tiny_policy: Policy, tiny_model_dir: Path) -> None:
    signals = signals_of(tiny_policy, tiny_model_dir, labels_of(1))
    texts = signals.texts(list(signals.data.pairs.values()))
    on = base.Pass(tiny_policy, 0.1, 1, 3, signals.reference, MemoryCache(), bought=signals.bought())
    with pytest.raises(ModelError, match="can train no adapters"):
        RewardEnsemble(members="adapters").compute(texts, on)


def test_dropout_draws_differ_by_round_and_are_the_implicit_reward_on_average(
    tiny_policy: Policy, tiny_model_dir: Path
) -> None:
    signals = signals_of(move(tiny_policy), tiny_model_dir, [], members="dropout", size=200, dropout=0.01)
    texts = signals.texts(list(signals.data.pairs.values()))
    signal = signals.study.signal("reward_ensemble")
    one, other = (signals.values(signal, texts, number) for number in (2, 3))
    assert np.abs(one - other).max() > 0
    margins = signals.values(RewardMargin(), texts, 2)
    row = {name: n for n, name in enumerate(texts.ids("response"))}
    gaps = np.array([one[row[p.a]].mean() - one[row[p.b]].mean() for p in texts.pairs])
    assert np.corrcoef(gaps, margins)[0, 1] > 0.95


def test_only_heads_may_read_the_reference() -> None:
    assert RewardEnsemble().model == "reference"
    assert RewardEnsemble(members="dropout").model == RewardEnsemble(members="adapters", model="reference").model
    assert [RewardEnsemble(members=m).count for m in ("heads", "adapters", "dropout")] == [20, 4, 5]
    assert RewardEnsemble(members="dropout").model == "policy"


def test_what_adapters_take_is_counted(tiny_model_dir: Path) -> None:
    """Two rounds of 5 labels: 3 adapters trained on the first round's labels, and 3 passes over the pool a round."""
    work = {}
    for members in ("heads", "adapters"):
        signal = RewardEnsemble(**{**SMALL, "members": members}).spec()
        study = config(tiny_model_dir, strategies=["bald"], signals=[signal], prompts_per_round=None)
        work[members] = estimate(study, Sizes(16, 48, 48), [Sizes(6, 18, 18)])
    assert work["adapters"].once.forwards == work["heads"].once.forwards - 48
    scored = {members: found.runs["bald"]["scored"] for members, found in work.items()}
    assert scored["heads"].numbers() == (0, 0, 0)
    assert scored["adapters"].forwards == 2 * 3 * 48
    assert scored["adapters"].backwards == 3 * 2 * 1 * 5
