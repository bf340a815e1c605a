"""The trial lets the program's own strategies pass and finds each broken rule, in words for the one who wrote it."""

from typing import ClassVar

import numpy as np
import pytest
from pydantic import Field

import engine
from engine.plugins.trial import findings
from engine.selection.recipes import Uniform
from engine.strategies.base import STRATEGIES, Strategy
from tests.contracts import test_the_contract_catches as broken
from tests.engine.plugins.classes import Checked, Short, Whole


@pytest.mark.parametrize("cls", [*STRATEGIES, Short, Whole, Checked], ids=lambda c: c.name)
def test_what_keeps_the_contract_passes(cls: type[Strategy]) -> None:
    assert findings(cls()) == []


class Made(Strategy):
    """Label something. Whatever it is."""

    source: ClassVar[str] = "a test"
    needs: ClassVar[frozenset[str]] = frozenset({"reward_margin"})

    def recipe(self, view):
        return engine.Scores(np.abs(view["reward_margin"]))


class Wordless(Made):
    name = "wordless"
    source = ""
    size: int = Field(1)


class Rambling(Made):
    """Label something

    that has no end"""

    name = "rambling"


class Knowing(Made):
    """Label something."""

    name = "knowing"
    needs = frozenset({"gold_score"})


class Array(Made):
    """Label something."""

    name = "array"

    def recipe(self, view):
        return np.abs(view["reward_margin"])


class TooFew(Made):
    """Label something."""

    name = "too_few"

    def recipe(self, view):
        return engine.Scores(np.abs(view["reward_margin"])[:-1])


class Faulty(Made):
    """Label something."""

    name = "faulty"

    def recipe(self, view):
        return engine.Scores(np.abs(view["reward_margin"]) / len(view.picked.ids[0]))


class Idle(Made):
    """Label something."""

    name = "idle"

    def recipe(self, view):
        return Uniform()


class Remembering(Made):
    """Label something."""

    name = "remembering"
    asked: ClassVar[list[int]] = []

    def recipe(self, view):
        self.asked.append(1)
        return engine.Scores(np.abs(view["reward_margin"]) * (-1.0) ** len(self.asked))


BROKEN = [
    (broken.Signed, "which response is side a"),
    (broken.FirstComeFirst, "the order of the pool"),
    (broken.Unkeyed, "other pairs when it is asked again"),
    (broken.Undeclared, "read signal 'reward_margin' but does not declare it"),
    (broken.Greedy, "needs signal 'token_entropy', which costs a pass of the model, and never reads it"),
    (broken.Writing, "its recipe raised ValueError"),
    (Wordless, "it has no docstring"),
    (Wordless, "it has no source"),
    (Wordless, "parameter 'size' has no description"),
    (Rambling, "does not begin with one sentence"),
    (Knowing, "is not declared control"),
    (Array, "It answers ndarray, not a recipe"),
    (TooFew, "It gives 23 rows for 24 pairs"),
    (Faulty, "its recipe raised IndexError"),
    (Idle, "never reads it"),
    (Remembering, "other pairs when it is asked again"),
]


@pytest.mark.parametrize(("cls", "words"), BROKEN, ids=lambda v: getattr(v, "name", ""))
def test_a_broken_rule_is_said(cls: type[Strategy], words: str) -> None:
    assert [finding for finding in findings(cls()) if words in finding]
