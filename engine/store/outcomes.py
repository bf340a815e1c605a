"""How well each held-out pair was judged, in the runs of a study, round by round: for the referee and for advice."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from engine.records import Evaluated, Outcomes, PrimaryMetric
from engine.store import schema as s
from engine.store.database import Store
from engine.store.history import load_stage


def outcomes(store: Store, study_id: str, split: str, metric: PrimaryMetric = "accuracy") -> Outcomes | None:
    """The outcomes on one held-out set over the runs of most rounds that have finished; None if there are none.

    None, too, for a study from before its records said which pairs were measured. StoreError if a file is damaged.
    """
    found = every_outcome(store, study_id, split, metric)
    return max(found, key=lambda kept: len(kept.labels), default=None)


def every_outcome(store: Store, study_id: str, split: str, metric: PrimaryMetric = "accuracy") -> tuple[Outcomes, ...]:
    """The same of all that have finished, those together that have bought as many labels by each of their rounds.

    An arm in the setting of its paper may run fewer rounds than its study, or larger ones; so do its twin and controls.
    """
    runs = _runs(store, study_id, s.runs.c.state == "done")
    of_run = _labels(store, runs)
    axes = dict.fromkeys(of_run[run.id] for run in runs)
    found = [_gathered(store, [r for r in runs if of_run[r.id] == axis], split, axis, metric) for axis in axes]
    return tuple(kept for kept in found if kept is not None)


def furthest(store: Store, study_id: str, split: str) -> dict[str, Outcomes]:
    """Arm → the outcomes of its runs that are furthest, finished or not, up to the round they have all been through.

    In accuracy. For advice on going on: there it counts where a strategy stands now. Arms without a round are left out.
    """
    runs = _runs(store, study_id, sa.true())
    of_run = _labels(store, runs)
    evaluated = sa.select(s.stages.c.run_id, sa.func.max(s.stages.c.round)).where(
        s.stages.c.run_id.in_([run.id for run in runs]) & (s.stages.c.stage == "evaluated")
    )
    with store.read() as connection:
        done = dict(connection.execute(evaluated.group_by(s.stages.c.run_id)).all())
    found: dict[str, Outcomes] = {}
    for arm in dict.fromkeys(run.strategy for run in runs):
        mine = [run for run in runs if run.strategy == arm]
        rounds = max(done.get(run.id, 0) for run in mine)
        far = [run for run in mine if done.get(run.id, 0) == rounds]
        kept = _gathered(store, far, split, of_run[far[0].id][: rounds + 1], "accuracy") if rounds else None
        found.update({arm: kept} if kept else {})
    return found


def _runs(store: Store, study_id: str, which: Any) -> Sequence[Any]:
    """Of the study's runs that no person edited those that are wanted."""
    wanted = (s.runs.c.study_id == study_id) & ~s.runs.c.edited & which
    columns = (s.runs.c.id, s.runs.c.strategy, s.runs.c.seed)
    with store.read() as connection:
        return connection.execute(sa.select(*columns).where(wanted).order_by(s.runs.c.position)).all()


def _labels(store: Store, runs: Sequence[Any]) -> dict[str, tuple[float, ...]]:
    """Run → labels asked for up to each of its rounds, round 0 first."""
    picks = s.picks.c
    counted = sa.select(picks.run_id, picks.round, sa.func.count()).where(picks.run_id.in_([run.id for run in runs]))
    found: dict[str, list[float]] = {run.id: [0.0] for run in runs}
    with store.read() as connection:
        for run_id, _, n in connection.execute(
            counted.group_by(picks.run_id, picks.round).order_by(picks.run_id, picks.round)
        ):
            found[run_id].append(found[run_id][-1] + n)
    return {run_id: tuple(labels) for run_id, labels in found.items()}


def _gathered(
    store: Store, runs: Sequence[Any], split: str, labels: tuple[float, ...], metric: PrimaryMetric
) -> Outcomes | None:
    rounds = len(labels) - 1
    values: dict[str, dict[int, np.ndarray]] = {}
    prompts: tuple[str, ...] = ()
    sides: tuple[float, ...] = ()
    saved = load_stage(store, [run.id for run in runs], "evaluated")
    for run in runs:
        events = [saved.get(run.id, {}).get(number) for number in range(rounds + 1)]
        found = [event for event in events if isinstance(event, Evaluated)]
        if len(found) <= rounds or split not in found[0].measured:
            continue
        rows = found[0].measured[split]
        prompts = tuple(prompt_id for _, prompt_id, _ in rows)
        sign = np.array([1.0 if answer == "a" else -1.0 for _, _, answer in rows])
        sides = tuple(sign.tolist())
        margins = np.stack([event.outcomes[split] for event in found]) * sign
        found_well = (np.sign(margins) + 1) / 2 if metric == "accuracy" else -np.logaddexp(0.0, -margins)
        values.setdefault(run.strategy, {})[run.seed] = found_well
    return Outcomes(labels, prompts, values, sides) if values else None
