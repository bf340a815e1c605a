"""A stop is obeyed in what takes long without a pass of the model: loading, tokenising, projecting, picking, asking."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.loop import Stopped
from engine.models import tokens
from engine.models.fit import unusable
from engine.models.load import load_policy
from engine.models.policy import Policy
from engine.models.projection import Projection
from engine.oracles.base import Question
from engine.oracles.gold import Gold
from engine.seeds import rng_for
from engine.selection import logdet
from engine.selection.execute import execute
from engine.selection.logdet import greedy_log_det
from engine.selection.recipes import GreedyLogDet
from engine.settings import ModelSettings
from engine.store import texts
from engine.store.database import open_store
from tests.engine.selection.test_execute import view_of
from tests.engine.test_loop import make_data


class Asked:
    """A check that counts, and asks for a stop at one of them (None: never)."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.times, self.stop_at = 0, stop_at

    def __call__(self) -> None:
        self.times += 1
        if self.times == self.stop_at:
            raise Stopped


def stopped_halfway(work: Callable[[Asked], Any], least: int) -> Asked:
    """Work to its end, and then again with a stop asked for in the middle: it must end there."""
    whole = Asked()
    work(whole)
    assert whole.times >= least
    half = Asked(whole.times // 2)
    with pytest.raises(Stopped):
        work(half)
    return half


def counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[int]:
    """Counts the calls of a function, which does what it did before."""
    real, calls = getattr(owner, name), []

    def count(*given: Any, **named: Any) -> Any:
        calls.append(1)
        return real(*given, **named)

    monkeypatch.setattr(owner, name, count)
    return calls


def test_greedy_selection(monkeypatch: pytest.MonkeyPatch) -> None:
    features = rng_for(1, None, "features").normal(size=(60, 6))
    recipe = GreedyLogDet(features, np.zeros((0, 6)), 0.1)
    view = view_of(60, 40)
    half = stopped_halfway(lambda check: execute(recipe, view, check), least=40)
    assert half.times == 20
    calls = counted(monkeypatch, np, "argmin")  # one a pick
    execute(recipe, view)
    assert len(calls) == 40
    calls.clear()
    with pytest.raises(Stopped):
        execute(recipe, view, Asked(5))
    assert len(calls) == 4


def test_what_comes_before_the_first_pick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Block by block; the blocks change no pick."""
    rng = rng_for(2, None, "features")
    features, past = rng.normal(size=(60, 6)), rng.normal(size=(9, 6))
    order = np.arange(60)
    whole = greedy_log_det(features, past, 0.1, 10, order)
    monkeypatch.setattr(logdet, "_AT_ONCE", 7)
    parts = greedy_log_det(features, past, 0.1, 10, order)
    assert whole[0] == parts[0]
    np.testing.assert_allclose(whole[1], parts[1], rtol=1e-12)
    stopped_halfway(lambda check: greedy_log_det(features, past, 0.1, 0, order, check=check), least=9)


def test_tokenising(tiny_policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "AT_ONCE", 4)
    monkeypatch.setattr("engine.models.fit.AT_ONCE", 4)
    data = make_data(20, "pool")
    responses = list(data.responses.values())

    def encode(check: Asked) -> Any:
        tiny_policy.check = check
        return tokens.encode_responses(tiny_policy, data.prompts, responses)

    def fit(check: Asked) -> Any:
        tiny_policy.check = check
        return unusable(tiny_policy, data)

    for work in (encode, fit):
        calls = counted(monkeypatch, tokens, "_response_ids")
        work(Asked())
        all_of_it = len(calls)
        calls.clear()
        stopped_halfway(work, least=len(responses) // 4)
        assert len(calls) - all_of_it < all_of_it
    tiny_policy.check = Asked()
    in_parts = tokens.encode_responses(tiny_policy, data.prompts, responses)
    assert in_parts == [tokens.encode(tiny_policy, data.prompts[r.prompt_id], r.text) for r in responses]


def test_loading_a_model(tiny_model_dir: Path) -> None:
    settings = ModelSettings(path=str(tiny_model_dir), device="cpu")
    stopped_halfway(lambda check: load_policy(settings, 1, check), least=20)
    with pytest.raises(Stopped):
        load_policy(settings, 1, Asked(3))  # in the midst of the tensors, long before the files are hashed


def test_projecting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.models.projection._ROWS", 8)
    vectors = torch.ones(2, 100)

    def project(check: Asked) -> None:
        Projection(4, 977, torch.device("cpu"), check).dense(vectors)

    blocks = counted(monkeypatch, Projection, "_signs")
    half = stopped_halfway(project, least=13)
    assert len(blocks) == 13 + half.times - 1


def test_reading_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "AT_ONCE", 8)
    store, data = open_store(tmp_path), make_data(20, "pool")
    what = {"name": "pool", "path": "pool", "format_name": "made", "sha256": "0", "rows": 20, "refused": {}}
    dataset = texts.add_dataset(store, data=data, **what)  # type: ignore[arg-type]
    stopped_halfway(lambda check: texts.load_dataset(store, dataset, check), least=18)
    assert texts.load_dataset(store, dataset) == data


def test_asking_an_oracle() -> None:
    data = make_data(20, "pool")
    pairs = tuple(data.pairs.values())
    gold = Gold(scorer="howto")
    stopped_halfway(lambda check: gold.label(Question(pairs, data, 1, check)), least=len(pairs))
