"""Filters in a study: labels are bought, some do not train, all are counted; and no strategy sees them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from engine.cost import Sizes, estimate
from engine.models.adapters import set_adapter
from engine.models.load import load_policy
from engine.models.tokens import encode
from engine.records import Event, Labelled, Picked, Pooled, Trained
from engine.store import queries, schema
from engine.store.database import Store
from engine.store.history import load_events
from engine.worker import Worker
from tests.engine import naive
from tests.engine.test_loop import make_data
from tests.engine.worker.lives import left, queue, run_ids, study_of
from tests.engine.worker.test_roots_run import done

HALF = {"name": "difficulty", "share": 0.5}


def events_of(store: Store) -> list[Event]:
    return load_events(store, run_ids(store)[0])[0]


def labels_of(events: list[Event], up_to: int) -> dict[str, str]:
    return {x.pair_id: x.answer for e in events if isinstance(e, Labelled) and e.round <= up_to for x in e.labels}


def test_what_the_formula_leaves_out_does_not_train_and_is_counted(tmp_path: Path, tiny_model_dir: Path) -> None:
    """Round 1 trains on all, for there is no gap yet; round 2 on the half with the smallest gap of round 1's policy."""
    study = study_of("recorded", tiny_model_dir, rounds=2, regime={"weights": "reset"}, filters=[HALF])
    store = done(tmp_path, study)
    events = events_of(store)
    trained = {e.round: e for e in events if isinstance(e, Trained)}
    assert (trained[1].labels_used, dict(trained[1].dropped)) == (3, {})
    assert (trained[2].labels_used, dict(trained[2].dropped)) == (3, {"difficulty": 3})
    assert queries.notes(store, run_ids(store)[0])[-1] == (2, "3 left out of training by the filter difficulty")
    figures = [said for said in queries.notes(store, run_ids(store)[0], figures=True) if "had a gradient" in said[1]]
    assert [number for number, _ in figures] == [1, 2]
    first, last = (trained[2].steps[at]["nonzero_gradients"] for at in (0, -1))
    assert 0 < first < last
    assert figures[1][1].startswith(f"{first:.1%} of the adapter's weights had a gradient that is not 0 in the first")
    assert f"{last:.1%} in the last" in figures[1][1]
    with store.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(schema.labels)).scalar() == 6, "none is lost"

    data, policy = make_data(8, "pool"), load_policy(study.model, 1)
    sft = naive.sft_model(tiny_model_dir)
    set_adapter(policy, trained[1].adapter)
    gaps = {}
    for pair_id, answer in labels_of(events, 2).items():
        pair = next(p for e in events if isinstance(e, Pooled) for p in e.made_pairs if p.id == pair_id)
        ratio = []
        for side in (pair.a, pair.b):
            text = encode(policy, data.prompts[pair.prompt_id], data.responses[side].text)
            ratio.append(float(naive.logp(policy.model, text) - naive.logp(sft, text)))
        gaps[pair_id] = (1 if answer == "a" else -1) * (ratio[0] - ratio[1])
    hardest = set(sorted(gaps, key=gaps.__getitem__)[:3])

    everything = study_of("recorded", tiny_model_dir, rounds=2, regime={"weights": "reset"})
    assert trained_on(tmp_path / "again", everything.model_copy(update={"filters": study.filters})) == hardest


def trained_on(folder: Path, study: Any) -> set[str]:
    """The pairs that the last round trains on, as the training itself sees them."""
    from engine.dpo import train as module

    seen: list[set[str]] = []
    plain = module.train

    def watching(policy: Any, examples: Any, *rest: Any, **named: Any) -> Any:
        seen.append({example.pair_id for example in examples})
        return plain(policy, examples, *rest, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "train", watching)
        done(folder, study)
    return seen[-1]


def test_a_strategy_picks_the_same_whatever_does_not_train(tmp_path: Path, tiny_model_dir: Path) -> None:
    """The filter changes the policy of later rounds, and nothing in the round itself."""
    plain = done(tmp_path / "plain", study_of("recorded", tiny_model_dir, rounds=1))
    external = {"name": "dual_margin", "margins": "external", "share": 0.34}
    filtered = done(tmp_path / "filtered", study_of("recorded", tiny_model_dir, rounds=1, filters=[external]))
    one, other = events_of(plain), events_of(filtered)
    for kind in (Pooled, Picked, Labelled):
        assert [_bare(e) for e in one if isinstance(e, kind)] == [_bare(e) for e in other if isinstance(e, kind)]
    (all_train,), (some_train,) = ([e for e in events if isinstance(e, Trained)] for events in (one, other))
    assert (all_train.labels_used, some_train.labels_used, dict(some_train.dropped)) == (3, 1, {"dual_margin": 2})
    assert any(not np.array_equal(all_train.adapter[name], some_train.adapter[name]) for name in all_train.adapter)


def _bare(event: Any) -> Any:
    return [getattr(event, name, None) for name in ("round", "pair_ids", "picks", "labels")]


def test_a_filtered_run_goes_on_after_a_stop_in_training_to_the_same_end(tmp_path: Path, tiny_model_dir: Path) -> None:
    study = study_of("recorded", tiny_model_dir, rounds=3, filters=[HALF, "dual_margin"])
    calm, store = done(tmp_path / "calm", study), queue(tmp_path / "stopped", study)

    class Stopping(Worker):
        def _say(self, sentence: str) -> None:
            super()._say(sentence)
            if sentence.startswith(("round 2, filtering 6", "round 3, training, step 1,")) and sentence not in said:
                said.append(sentence)
                self.stop()

    said: list[str] = []
    for _ in range(3):
        Stopping(store, "cpu").work(until_idle=True)
    assert len(said) == 2
    assert left(store) == left(calm)


def test_a_margin_that_nobody_can_give_fails_with_a_sentence(tmp_path: Path, tiny_model_dir: Path) -> None:
    study = study_of("generated", tiny_model_dir, filters=["dual_margin"], oracle={"name": "gold", "scorer": "howto"})
    done(tmp_path / "gold", study)
    recorded = study_of("recorded", tiny_model_dir, rounds=1, filters=["dual_margin"])
    data = make_data(8, "pool")
    data.scores.clear()
    store = queue(tmp_path / "none", recorded, pool=data)
    Worker(store, "cpu").work(until_idle=True)
    run = queries.run(store, run_ids(store)[0])
    assert run.state == "failed"
    assert "A gold score is needed of every response" in run.error and "a filter's external margin" in run.error


def test_the_cost_of_a_filter_is_counted(tiny_model_dir: Path) -> None:
    plain = study_of("recorded", tiny_model_dir, rounds=3, regime={"data": "cumulative"})
    gap = plain.model_copy(update={"filters": study_of("recorded", tiny_model_dir, filters=[HALF]).filters})
    costs = [estimate(study, Sizes(8, 24, 24), [Sizes(3, 9, 9)]).runs["activedpo"]["trained"] for study in (plain, gap)]
    assert costs[1].forwards - costs[0].forwards == 2 * 3 * (2 + 3), "both responses of every label, from round 2 on"
