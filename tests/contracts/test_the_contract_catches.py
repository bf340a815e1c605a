"""The contract of strategies can fail: each of these breaks one rule, and the check of that rule finds it."""

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import pytest
from pydantic import Field

from engine.data.pool import PoolView
from engine.errors import SelectionError
from engine.selection.recipes import Recipe, Scores
from engine.strategies.base import Strategy
from tests.contracts import test_strategies as contract


class Signed(Strategy):
    """Picks by which side is better, so that exchanging the sides changes its picks."""

    name: ClassVar[str] = "signed"
    needs: ClassVar[frozenset[str]] = frozenset({"reward_margin"})

    def recipe(self, view: PoolView) -> Recipe:
        return Scores(view["reward_margin"].astype(np.float64))


class FirstComeFirst(Strategy):
    """Picks by the order of the file."""

    name: ClassVar[str] = "first_come_first"

    def recipe(self, view: PoolView) -> Recipe:
        return Scores(-np.arange(len(view), dtype=np.float64))


class Unkeyed(Strategy):
    """Draws from no named stream."""

    name: ClassVar[str] = "unkeyed"

    def recipe(self, view: PoolView) -> Recipe:
        return Scores(np.random.default_rng().random(len(view)))


class Undeclared(Strategy):
    """Reads what it does not declare."""

    name: ClassVar[str] = "undeclared"

    def recipe(self, view: PoolView) -> Recipe:
        return Scores(np.abs(view["reward_margin"]))


class Greedy(Strategy):
    """Declares what it never reads."""

    name: ClassVar[str] = "greedy"
    needs: ClassVar[frozenset[str]] = frozenset({"reward_margin", "token_entropy"})

    def recipe(self, view: PoolView) -> Recipe:
        return Scores(np.abs(view["reward_margin"]))


class Writing(Strategy):
    """Writes into a signal."""

    name: ClassVar[str] = "writing"
    needs: ClassVar[frozenset[str]] = frozenset({"reward_margin"})

    def recipe(self, view: PoolView) -> Recipe:
        values = view["reward_margin"]
        values *= -1
        return Scores(values)


class Hiding(Strategy):
    """Gives a number to what is none."""

    name: ClassVar[str] = "hiding"
    needs: ClassVar[frozenset[str]] = frozenset({"reward_margin"})

    def recipe(self, view: PoolView) -> Recipe:
        return Scores(np.nan_to_num(np.abs(view["reward_margin"])))


class Idle(Strategy):
    """Has a parameter that changes nothing, and says nothing of being tied at the reference."""

    name: ClassVar[str] = "idle"
    needs: ClassVar[frozenset[str]] = frozenset({"reward_margin"})
    exponent: float = Field(1.0, gt=0, le=4, description="keeps the order of every positive number")

    def recipe(self, view: PoolView) -> Recipe:
        return Scores(np.abs(view["reward_margin"].astype(np.float64)) ** self.exponent)


def in_a_later_round(check: Callable[..., None]) -> Callable[[Strategy], None]:
    return lambda strategy: check(strategy, 5)


def spoilt_by_nan(strategy: Strategy) -> None:
    contract.test_a_signal_that_is_not_finite_stops_and_names_a_pair(strategy, np.nan)


BROKEN = [
    (Signed(), in_a_later_round(contract.test_which_response_is_side_a_changes_nothing), AssertionError),
    (FirstComeFirst(), in_a_later_round(contract.test_the_order_of_the_pool_changes_nothing), AssertionError),
    (FirstComeFirst(), contract.test_ties_are_broken_by_the_seed_and_not_by_the_order, AssertionError),
    (Unkeyed(), in_a_later_round(contract.test_same_seed_same_picks), AssertionError),
    (Undeclared(), in_a_later_round(contract.test_same_seed_same_picks), SelectionError),
    (Greedy(), contract.test_it_reads_what_it_declares_and_nothing_else, pytest.fail.Exception),
    (Writing(), contract.test_it_changes_nothing_that_it_is_given, ValueError),
    (Hiding(), spoilt_by_nan, pytest.fail.Exception),
    (Idle(), contract.test_every_parameter_can_change_a_pick, AssertionError),
    (Idle(), contract.test_margin_methods_are_tied_at_the_reference_and_say_so, AssertionError),
    (Idle(), contract.test_its_card_is_complete, AssertionError),
]


@pytest.mark.parametrize(("strategy", "check", "stops"), BROKEN, ids=lambda v: getattr(v, "name", ""))
def test_a_broken_rule_is_found(
    strategy: Strategy, check: Callable[[Strategy], None], stops: type[BaseException]
) -> None:
    with np.errstate(all="ignore"), pytest.raises(stops):
        check(strategy)
