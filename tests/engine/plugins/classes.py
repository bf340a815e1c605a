"""Strategies as somebody writes them in a notebook or a script: good ones, and each wrong in one way."""

import math
from typing import ClassVar, Literal

import numpy as np
import numpy as numbers
from pydantic import Field, field_validator

import engine
import tests.engine.naive as my_file
from engine.data.pool import PoolView
from engine.selection.recipes import Recipe, Scores
from engine.strategies.base import Strategy

FLOOR = 0.25
NAMES = ("token_entropy",)
TABLE = np.zeros(3)
a = object()


def spread(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(one - other), FLOOR)


def changed(cls: type) -> type:
    return cls


class Named:
    unit = "nats"


class Short(engine.Strategy):
    """Label pairs of whose two responses the policy is unevenly sure."""

    name, title, source = "short", "Short", "a test"
    needs = frozenset({"token_entropy"})
    formula = r"a = |\bar H(y_1) - \bar H(y_2)|"

    def recipe(self, view):
        a, b = view.sides("token_entropy")
        return engine.Scores(np.abs(a - b))


class Whole(Strategy):
    """Label pairs along whose responses the policy is unevenly sure.

    With parameters of every kind that a form has.
    """

    name: ClassVar[str] = "whole"
    title: ClassVar[str] = "Whole + more"
    needs: ClassVar[frozenset[str]] = frozenset(NAMES)
    source: ClassVar[str] = f"a test, {Named.unit}"
    aliases: ClassVar[tuple[str, ...]] = ("all of it", "everything")
    published: ClassVar[dict] = {"regime": {"pool": "fixed"}}

    power: float = Field(1.0, gt=0, le=4, description="exponent")
    seen: int = Field(3, ge=1, lt=9, description="how many")
    few: int | None = Field(None, ge=2, description="how many, if any")
    low: bool = Field(False, description="the lowest first")
    end: Literal["high", "low"] = Field("high", description="which end")
    rank: Literal[1, 2] = Field(2, description="which")
    word: str = Field("", max_length=8, pattern="^[a-z]*$", description="a word")
    sizes: tuple[int, ...] = Field((1, 2), max_length=3, description="some numbers")
    names: dict[str, str] = Field({}, description="names")
    half: float | Literal["auto"] = Field("auto", description="a share, or found out")

    def recipe(self, view: PoolView) -> Recipe:
        """Nats."""
        one, other = view.sides("token_entropy")
        values = spread(numbers.float64(one), other) ** self.power
        return Scores(-values if self.low or math.isnan(self.power) else values)


class UsesATable(Short):
    name = "uses_a_table"

    def recipe(self, view):
        return Scores(np.abs(np.subtract(*view.sides("token_entropy"))) + TABLE.sum())


class UsesMyFile(Strategy):
    name = "uses_my_file"

    def recipe(self, view):
        return my_file


@changed
class Decorated(Short):
    name = "decorated"

    def recipe(self, view):
        return super().recipe(view)


class NoMethod(Short):
    name = "no_method"


class Checked(Short):
    """Label pairs, a parameter checked in a way of its own."""

    name = "checked"
    even: int = Field(2, description="an even number")

    @field_validator("even")
    @classmethod
    def _even(cls, value):
        if value % 2:
            raise ValueError("it must be even")
        return value

    def recipe(self, view):
        return Scores(np.abs(np.subtract(*view.sides("token_entropy"))) ** self.even)
