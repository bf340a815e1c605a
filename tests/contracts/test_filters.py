"""What every post-label filter must do: keep some labels, the same ones in any order, and say what it is."""

import inspect
import json
from dataclasses import replace

import numpy as np
import pytest

from engine.filters.base import FILTERS, Filter, Judged, through
from engine.seeds import rng_for

ALL = pytest.mark.parametrize("one", [cls() for cls in FILTERS], ids=lambda one: one.name)


def judged(n: int = 40, seed: int = 0, moved: bool = True) -> Judged:
    rng = rng_for(seed, None, "filters")
    ids = tuple(f"x{i:03}" for i in range(n))
    implicit = rng.normal(size=n) if moved else np.zeros(n)
    return Judged(ids, {"implicit": implicit, "external": rng.normal(0, 3, size=n)}, moved, seed, 2)


def kept(one: Filter, labels: Judged) -> set[str]:
    return {labels.pair_ids[row] for row in np.flatnonzero(one.keep(labels))}


def test_all_filters_are_here() -> None:
    assert set(FILTERS.names()) == {"difficulty", "dual_margin"}


@ALL
def test_some_labels_are_kept_and_some_not(one: Filter) -> None:
    found = one.keep(judged())
    assert found.shape == (40,) and found.dtype == bool
    assert 0 < found.sum() < 40
    assert kept(one, judged()) == kept(one, judged())
    assert one.keep(judged(1)).tolist() == [True], "one label alone trains"


@ALL
def test_the_order_of_the_labels_changes_nothing(one: Filter) -> None:
    labels = judged()
    rows = rng_for(1, None, "another order").permutation(len(labels))
    assert kept(one, labels.only(rows)) == kept(one, labels)


@ALL
def test_ties_are_broken_by_seed_and_round_and_not_by_the_order(one: Filter) -> None:
    flat = judged()
    flat = replace(flat, margins={name: np.ones(len(flat)) for name in flat.margins})
    assert len({frozenset(kept(one, replace(flat, seed=seed))) for seed in range(5)}) == 5
    assert kept(one, flat) != kept(one, replace(flat, round=3))
    assert kept(one, flat.only(np.arange(40)[::-1])) == kept(one, flat)


@ALL
def test_it_reads_only_the_margins_that_it_declares(one: Filter) -> None:
    labels = judged()
    some = replace(labels, margins={name: values for name, values in labels.margins.items() if name in one.reads()})
    assert kept(one, some) == kept(one, labels)
    for name in one.reads():
        with pytest.raises(KeyError, match=name):
            one.keep(replace(labels, margins={n: v for n, v in labels.margins.items() if n != name}))


@ALL
def test_margins_that_are_all_0_at_the_reference_decide_nothing(one: Filter) -> None:
    """In round 1 without a warm-up the implicit margin is 0 for every pair: no label may be thrown away for that."""
    if one.reads() == {"implicit"}:
        assert one.keep(judged(moved=False)).all()
    else:
        before, after = judged(moved=False), judged(moved=False)
        after.margins["implicit"][:] = 5.0  # type: ignore[index]
        assert kept(one, before) == kept(one, after)


@ALL
def test_it_survives_json_and_its_card_is_complete(one: Filter) -> None:
    cls = type(one)
    assert FILTERS.build(json.loads(json.dumps(one.spec()))) == one
    _, _, idea = (inspect.getdoc(cls) or "").partition("\n\n")
    assert cls.summary().endswith(".") and len(idea.split()) >= 15
    assert cls.title and cls.formula and cls.source
    assert cls.open_points.startswith("Read")
    for name, field in cls.model_fields.items():
        assert field.description, f"{name} has no description"
        assert not field.is_required(), f"{name} has no default"


def test_each_sees_what_those_before_it_left_and_all_are_counted() -> None:
    labels = judged()
    hard, agreed = FILTERS.build({"name": "difficulty", "share": 0.5}), FILTERS.build({"name": "dual_margin"})
    rows, dropped = through((hard, agreed), labels)
    assert dropped == {"difficulty": 20, "dual_margin": 18}
    assert len(rows) == 2
    first = np.flatnonzero(hard.keep(labels))
    assert set(rows) == set(first[agreed.keep(labels.only(first))])
    assert through((), labels)[1] == {}
    assert through((hard,), judged(0))[1] == {}
