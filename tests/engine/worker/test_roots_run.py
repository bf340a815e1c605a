"""The roots' switches through a store and a worker: past picks anew, bands, shares, settings of signals, replayed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.config import StudyConfig
from engine.models.adapters import adapter_state, set_adapter
from engine.models.load import load_policy
from engine.models.tokens import encode
from engine.records import Picked, Pooled, Scored, Trained
from engine.replay import record_of, with_model
from engine.store import queries
from engine.store.check import check
from engine.store.database import Store
from engine.store.history import load_events
from engine.worker import Worker
from tests.engine import naive
from tests.engine.test_loop import make_data
from tests.engine.worker.lives import queue, run_ids, study_of

WHOLE = [{"name": "reward_gradient", "dimension": None}]
THREE = {"name": "policy", "responses": 3, "max_new_tokens": 6, "unended": "keep"}


def done(folder: Path, study: StudyConfig) -> Store:
    store = queue(folder, study)
    Worker(store, "cpu").work(until_idle=True)
    assert [queries.run(store, run).error for run in run_ids(store)] == [""] * len(run_ids(store))
    assert {queries.run(store, run).state for run in run_ids(store)} == {"done"}
    assert not check(store.folder)
    return store


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def slow_picks(store: Store, study: StudyConfig, number: int, past: str) -> tuple[list[str], list[float]]:
    """A round's picks and their scores before the batch, from the formula: autograd, and V solved anew for each."""
    events = load_events(store, run_ids(store)[0])[0]
    data, policy = make_data(8, "pool"), load_policy(study.model, 1)
    pairs = {pair.id: pair for e in events if isinstance(e, Pooled) for pair in e.made_pairs}
    adapters = {0: adapter_state(policy)} | {e.round: e.adapter for e in events if isinstance(e, Trained)}

    def phi(ids: list[str], of_round: int) -> np.ndarray:
        set_adapter(policy, adapters[of_round])
        sides = []
        for side in ("a", "b"):
            responses = [data.responses[getattr(pairs[i], side)] for i in ids]
            texts = [encode(policy, data.prompts[r.prompt_id], r.text) for r in responses]
            sides.append(unit(naive.gradients(policy, texts).astype(np.float64)))
        return np.asarray(sides[0] - sides[1])

    pool = sorted(next(e.pair_ids for e in events if isinstance(e, Pooled) and e.round == number))
    candidates = phi(pool, number - 1)
    v = 0.1 * np.eye(candidates.shape[1])
    for event in events:
        if isinstance(event, Picked) and event.round < number:
            before = phi(
                [pick.pair_id for pick in event.picks], number - 1 if past == "recomputed" else event.round - 1
            )
            v += before.T @ before
    taken: list[int] = []
    scores = before_batch = np.einsum("nd,nd->n", candidates, np.linalg.solve(v, candidates.T).T)
    for _ in range(study.labels_per_round):
        taken.append(max((i for i in range(len(pool)) if i not in taken), key=lambda i: scores[i]))
        v += np.outer(candidates[taken[-1]], candidates[taken[-1]])
        scores = np.einsum("nd,nd->n", candidates, np.linalg.solve(v, candidates.T).T)
    return [pool[i] for i in taken], [float(before_batch[i]) for i in taken]


@pytest.mark.parametrize("past", ["cached", "recomputed"])
def test_activedpo_picks_what_its_formula_says_with_past_picks_as_they_were_or_anew(
    past: str, tmp_path: Path, tiny_model_dir: Path
) -> None:
    strategies = [{"name": "activedpo", "past": past}]
    study = study_of("recorded", tiny_model_dir, rounds=3, strategies=strategies, panel=[], signals=WHOLE)
    store = done(tmp_path, study)
    run = run_ids(store)[0]
    for number in (2, 3):
        ids, scores = slow_picks(store, study, number, past)
        batch = queries.batch(store, run, number)
        assert [pick.pair_id for pick in batch] == ids
        assert [pick.score for pick in batch] == pytest.approx(scores, rel=1e-3)
    other = slow_picks(store, study, 3, "cached" if past == "recomputed" else "recomputed")[1]
    assert scores != pytest.approx(other, rel=1e-2), "the past has moved: the two ask different questions"
    replay = with_model(store, record_of(store, run, 3))
    assert replay.same, replay.differences


def test_past_picks_anew_are_the_same_after_every_stop(tmp_path: Path, tiny_model_dir: Path) -> None:
    from tests.engine.worker.lives import left

    study = study_of("recorded", tiny_model_dir, rounds=3, strategies=[{"name": "activedpo", "past": "recomputed"}])
    calm, store = done(tmp_path / "calm", study), queue(tmp_path / "stopped", study)

    class Stopping(Worker):
        def _say(self, sentence: str) -> None:
            super()._say(sentence)
            if sentence in ("round 3, scored", "round 3, picked", "round 2, trained") and sentence not in said:
                said.append(sentence)
                self.stop()

    said: list[str] = []
    for _ in range(4):
        Stopping(store, "cpu").work(until_idle=True)
    assert len(said) == 3
    assert left(store) == left(calm)


SWITCHES: dict[str, dict[str, Any]] = {
    "activedpo on the difference": {"strategies": [{"name": "activedpo", "unit_norm": "difference", "ridge": 1.0}]},
    "activedpo without unit length": {"strategies": [{"name": "activedpo", "unit_norm": "off"}]},
    "activedpo in 16 dimensions": {"signals": [{"name": "reward_gradient", "dimension": 16}]},
    "activedpo retrained on all": {"regime": {"weights": "reset", "data": "cumulative"}},
    "activedpo trained on": {"regime": {"weights": "continue", "data": "new"}},
    "real, the opposite end": {"strategies": [{"name": "real", "keep": "similar"}]},
    "real, one pair a prompt": {"strategies": [{"name": "real", "per_prompt": True}]},
    "real by a sentence encoder": {"strategies": ["real"], "signals": [{"name": "embedding", "model": "other"}]},
    "real by the policy's middle layer": {
        "strategies": ["real"], "signals": [{"name": "embedding", "model": "policy", "layer": 1}],
    },
    **{f"apl {band}": {"strategies": [{"name": "apl_certainty", "band": band}]}
       for band in ("certain", "uncertain", "middle", "ends")},
}  # fmt: skip


@pytest.mark.parametrize("switch", SWITCHES)
def test_every_switch_runs_to_its_end_and_its_picks_replay(switch: str, tmp_path: Path, tiny_model_dir: Path) -> None:
    study = study_of("recorded", tiny_model_dir, rounds=2, **{"panel": [], **SWITCHES[switch]})
    store = done(tmp_path, study)
    record = record_of(store, run_ids(store)[0], 2)
    assert record.config.strategy == study.strategies[0]
    assert with_model(store, record).same


def test_three_responses_are_drawn_anew_each_round_and_all_their_pairs_scored(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    regime = {"pool": "regenerated", "weights": "continue", "data": "new"}
    study = study_of("generated", tiny_model_dir, rounds=2, strategies=["activedpo"], sampler=THREE, regime=regime)
    store = done(tmp_path, study)
    pooled = [e for e in load_events(store, run_ids(store)[0])[0] if isinstance(e, Pooled)]
    for event in pooled:
        by_prompt = {r.prompt_id: sum(o.prompt_id == r.prompt_id for o in event.made) for r in event.made}
        assert len(event.pair_ids) == sum(m * (m - 1) // 2 for m in by_prompt.values())
        assert max(by_prompt.values()) == 3
    assert not {r.id for r in pooled[0].made} & {r.id for r in pooled[1].made}


@pytest.mark.parametrize(
    ("changes", "kept"), [({}, 3), ({"keep_share": 1 / 3}, 2), ({"pairs_per_label": 2.0}, 2), ({"keep_share": 1.0}, 6)]
)
def test_the_two_step_keeps_the_prompts_of_highest_entropy_at_its_ratio(
    changes: dict[str, float], kept: int, tmp_path: Path, tiny_model_dir: Path
) -> None:
    """Six prompts of three pairs each, three labels: worked from the recorded entropies and margins."""
    signals = [{"name": "prompt_entropy", "samples": 3, "max_new_tokens": 5}]
    study = study_of("recorded", tiny_model_dir, rounds=2, strategies=[{"name": "apl", **changes}], signals=signals)
    store = done(tmp_path, study)
    run = run_ids(store)[0]
    events = load_events(store, run)[0]
    scored = next(e for e in events if isinstance(e, Scored) and e.round == 2)
    values = {s.name: dict(zip(s.ids, s.values.tolist(), strict=True)) for s in scored.signals}
    assert next(s for s in scored.signals if s.name == "prompt_entropy").made_on.startswith("policy, 3 draws at T = 1")
    prompts = sorted(values["prompt_entropy"], key=values["prompt_entropy"].__getitem__, reverse=True)[:kept]
    pooled = next(e for e in events if isinstance(e, Pooled) and e.round == 2)
    pairs = [pair for pair in pooled.made_pairs if pair.prompt_id in prompts]
    wanted = sorted(pairs, key=lambda pair: -abs(values["reward_margin"][pair.id]))[:3]
    assert [pick.pair_id for pick in queries.batch(store, run, 2)] == [pair.id for pair in wanted]
