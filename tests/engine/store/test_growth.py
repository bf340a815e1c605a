"""Seeds that are added later: what is queued, what is refused, and what a verdict may then claim."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.analysis.looks import Standing, standing
from engine.analysis.spending import nominal_levels
from engine.errors import StoreError
from engine.store import queries, schema
from engine.store.database import open_store
from engine.store.growth import add_seeds, added_seeds
from engine.store.writer import claim_run
from engine.strategies.base import STRATEGIES
from tests.engine.store.campaign_world import campaign
from tests.workbench import worlds


def test_every_arm_runs_with_the_seeds_that_were_added(tmp_path: Path) -> None:
    store = worlds.running(tmp_path, done=1)
    before = queries.study(store, queries.studies(store)[0].id)
    arms = {run.strategy.name for run in before.runs}
    assert add_seeds(store, before.summary.id, [11, 12]) == 2 * len(arms)
    after = queries.study(store, before.summary.id)
    assert after.runs[: len(before.runs)] == before.runs
    new = after.runs[len(before.runs) :]
    assert [(run.seed, run.strategy.name) for run in new] == [
        (seed, run.strategy.name) for seed in (11, 12) for run in before.runs[: len(arms)]
    ]
    assert {run.state for run in new} == {"queued"}
    assert (after.config, after.summary.seeds) == (before.config, (*before.summary.seeds, 11, 12))
    add_seeds(store, before.summary.id, [13])
    assert added_seeds(store, before.summary.id) == ((11, 12), (13,))
    me = worlds.worker(store)
    claimed = []
    while (claim := claim_run(store, me)) is not None:
        claimed.append(claim.config.seed)
    assert claimed[-1] == 13


def test_a_campaign_stays_one_run(tmp_path: Path) -> None:
    store, study_id, run_id = campaign(tmp_path)
    with pytest.raises(StoreError, match="Nothing was added: a campaign is one run"):
        add_seeds(store, study_id, [2])
    assert [run.id for run in queries.study(store, study_id).runs] == [run_id]
    assert added_seeds(store, study_id) == ()


def test_an_arm_goes_on_in_the_setting_it_was_queued_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a method's published setting has changed since."""
    store = open_store(tmp_path)
    study_id, _ = worlds.add_study(
        store, "as published", seeds=(1,), strategies=("random", "real"), race="as_published"
    )
    monkeypatch.setattr(STRATEGIES.get("real"), "published", {})
    add_seeds(store, study_id, [11])
    with store.read() as connection:
        rows = connection.execute(sa.select(schema.runs.c.config).order_by(schema.runs.c.position)).scalars().all()
    of_seed = {seed: [row["setting"] for row in rows if row["seed"] == seed] for seed in (1, 11)}
    assert of_seed[1] == of_seed[11]
    assert any("label_share" in setting for setting in of_seed[11])


@pytest.mark.parametrize(
    ("ensemble", "then"),
    [
        ({"members": "dropout", "size": 9, "dropout": 0.2}, (9, 0.2)),
        ({"members": "heads", "dropout": 0.3}, (5, 0.3)),
        (None, (5, 0.05)),
    ],
)
def test_a_run_from_before_a_parameter_goes_on_by_what_it_then_went_by(
    tmp_path: Path, ensemble: dict[str, Any] | None, then: tuple[int, float]
) -> None:
    """AE-DPO took its draws from the study's ensemble before it had its own; one queued today has its own."""
    store = open_store(tmp_path)
    signals = [{"name": "reward_ensemble", **ensemble}] if ensemble else []
    worlds.add_study(store, "old", seeds=(1, 2), strategies=("ae_dpo",), race="none", signals=signals)
    with store.write() as connection:
        row = connection.execute(sa.select(schema.runs).order_by(schema.runs.c.position)).first()
        assert row is not None
        old = {k: v for k, v in row.config["strategy"].items() if k not in ("draws", "dropout")}
        connection.execute(
            schema.runs.update().where(schema.runs.c.id == row.id).values(config={**row.config, "strategy": old})
        )
    me, claims = worlds.worker(store), []
    while (claim := claim_run(store, me)) is not None:
        claims.append(claim.config)
    read = [config.study.signal("reward_ensemble", config.strategy) for config in claims]
    assert [(signal.members, signal.count, signal.dropout) for signal in read] == [
        ("dropout", *then), ("dropout", 5, 0.05),
    ]  # fmt: skip


def test_seeds_that_cannot_be_added_are_refused_and_nothing_changes(tmp_path: Path) -> None:
    store = worlds.running(tmp_path, done=1)
    study = queries.studies(store)[0]
    runs = queries.study(store, study.id).runs
    for seeds, sentence in (([study.seeds[0]], "runs already"), ([9, 9], "named twice"), ([], "no seed is named")):
        with pytest.raises(StoreError, match=sentence):
            add_seeds(store, study.id, seeds)
    with pytest.raises(StoreError, match="There is no study"):
        add_seeds(store, "s-nothing", [9])
    assert queries.study(store, study.id).runs == runs
    assert added_seeds(store, study.id) == ()


def test_a_study_never_gets_more_seeds_than_it_declared(tmp_path: Path) -> None:
    changes = {"referee": {"spending": "pocock", "seeds_at_most": 4, "second_random": False}}
    store = open_store(tmp_path)
    study_id, _ = worlds.add_study(store, "declared", strategies=("random", "real"), **changes)
    with pytest.raises(StoreError, match="at most 4 seeds; it has 3, and 2 more are too many"):
        add_seeds(store, study_id, [4, 5])
    assert add_seeds(store, study_id, [4]) == 2


def test_a_verdict_is_declared_only_at_the_looks_that_were() -> None:
    planned = [1, 2, 3, 4, 5]
    assert standing(planned, [], planned) == Standing(0.95, "", 0.95, (1, 2, 3, 4, 5))
    assert "only 3 of the 5 declared seeds" in standing(planned, [], [1, 2, 3]).exploratory
    assert standing(planned, [[6, 7]], planned).exploratory == "", "a look at the added ones was not taken yet"
    for finished in ([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6, 7]):
        assert "no spending" in standing(planned, [[6, 7]], finished).exploratory
    swapped = standing(planned, [[6]], [1, 2, 4, 5, 6])
    assert "only 4 of the 5" in swapped.exploratory, "as many seeds, but not the declared ones"


def test_with_a_spending_each_look_has_its_own_level_and_its_own_seeds() -> None:
    first, last = [1, 2, 3, 4, 5], [6, 7, 8, 9, 10]
    declared = {"spending": "obrien_fleming", "seeds_at_most": 10, "comparisons": 3}
    each = 1 - 0.05 / 3
    levels = nominal_levels([0.5, 1.0], "obrien_fleming", each, seeds=[5, 10])
    alone = standing(first, [], first, **declared)
    assert (alone.each, alone.exploratory, alone.seeds) == (pytest.approx(levels[0]), "", tuple(first))
    assert alone.level == pytest.approx(1 - 3 * (1 - levels[0]))
    between = standing(first, [last], [*first, 6, 7], **declared)
    assert between == alone, "the next look is taken when all that were added are in"
    both = standing(first, [last], [*first, *last], **declared)
    assert (both.each, both.seeds) == (pytest.approx(levels[1]), (*first, *last))
    assert each <= both.each < alone.each
