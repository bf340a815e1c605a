"""The inner terms of every strategy's score: put together they are the score that selection ranks by."""

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from engine.data.pool import PoolView
from engine.selection.composed import not_the_score, terms_of
from engine.selection.execute import scores_of
from engine.selection.recipes import Recipe, Scores, Shuffled, Uniform
from engine.selection.terms import Term, Terms
from engine.strategies.base import Strategy
from tests.contracts.test_strategies import ALL, PAST, others
from tests.contracts.views import world_for


def settings(strategy: Strategy) -> Iterator[Strategy]:
    """The strategy as it comes, and with every other value of each of its parameters."""
    yield strategy
    for name in type(strategy).model_fields:
        for value in others(strategy, name):
            yield type(strategy)(**{**strategy.model_dump(), name: value})


@ALL
@PAST
def test_the_terms_of_every_pair_come_to_its_score(strategy: Strategy, picked: int) -> None:
    view = world_for(strategy, picked=picked).view()
    for one in settings(strategy):
        recipe = one.recipe(view)
        terms, scores = terms_of(one.terms(view), recipe, view), scores_of(recipe, view)
        if scores is None:
            assert terms is None
            continue
        assert terms is not None, f"{one.spec()} ranks by a score and says nothing of what it is made of"
        assert terms.composed() == pytest.approx(scores, rel=1e-9, abs=1e-9 * np.abs(scores).max())
        assert not_the_score(terms, scores, "it") == ""


@ALL
@PAST
def test_a_placebos_terms_are_those_of_the_pair_that_its_values_came_from(strategy: Strategy, picked: int) -> None:
    view = world_for(strategy, picked=picked).view()
    recipe = strategy.recipe(view)
    if isinstance(recipe, Uniform | Shuffled):
        pytest.skip("it has no values to deal out")
    dealt = Shuffled(recipe)
    terms, scores = terms_of(strategy.terms(view), dealt, view), scores_of(dealt, view)
    assert terms is not None
    assert scores is not None
    assert terms.composed() == pytest.approx(scores, rel=1e-9, abs=1e-9 * np.abs(scores).max())
    straight = scores_of(recipe, view)
    assert straight is not None
    assert not np.allclose(scores, straight), "else nothing was dealt out"


@ALL
def test_every_term_has_a_name_a_symbol_and_a_say_in_the_score(strategy: Strategy) -> None:
    view = world_for(strategy, picked=60).view()
    terms = terms_of(strategy.terms(view), strategy.recipe(view), view)
    if terms is None:
        pytest.skip("it ranks by no score")
    assert len({term.symbol for term in terms.of}) == len({term.name for term in terms.of}) == len(terms.of)
    assert terms.says.startswith("a = ")
    for place, term in enumerate(terms.of):
        assert np.asarray(term.values).shape == (len(view),), term.name
        around = [
            replace(terms, of=(*terms.of[:place], replace(term, values=values), *terms.of[place + 1 :]))
            for values in (np.asarray(term.values) * 100 + 100, np.asarray(term.values) / 100)
        ]
        assert any(not np.array_equal(one.composed(), terms.composed()) for one in around), f"{term.name} is idle"


class Lying(Strategy):
    """Names terms that are none of its score."""

    name: ClassVar[str] = "lying"
    needs: ClassVar[frozenset[str]] = frozenset({"reward_margin"})

    def recipe(self, view: PoolView) -> Recipe:
        return Scores(np.abs(view["reward_margin"].astype(np.float64)))

    def terms(self, view: PoolView) -> Terms:
        return Terms((Term("margin", "Δ", view["reward_margin"]),), "a = Δ", lambda delta: delta)


def test_terms_that_are_none_of_the_score_are_found() -> None:
    strategy = Lying()
    view = world_for(strategy).view()
    scores = scores_of(strategy.recipe(view), view)
    assert scores is not None
    with pytest.raises(AssertionError):
        test_the_terms_of_every_pair_come_to_its_score(strategy, 0)
    terms = strategy.terms(view)
    assert "lying names come to other scores than its recipe" in not_the_score(terms, scores, "lying")
    (margin,) = terms.of
    for broken in (margin.values[:3], np.full(len(view), np.nan)):
        short = replace(terms, of=(replace(margin, values=broken),))
        assert "has not one finite number for each of 36 pairs" in not_the_score(short, scores, "lying")
