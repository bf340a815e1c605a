"""The contract of a strategy; read this before adding one.

A file in this room registers one class. It declares the signals it `needs` and answers `recipe(view)`. It holds no
model, no file, no clock, no randomness but draws keyed by the view's seed and round, and no state between calls; what
must persist is a signal. **Higher score = label sooner**, always.
"""

import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from engine.data.pool import PoolView
from engine.records import Answer
from engine.registry import Plugin, Registry
from engine.selection.recipes import Recipe
from engine.selection.terms import Terms


class Strategy(Plugin):
    """A published acquisition method: signals in, picks out; it never sees a label it has not bought."""

    needs: ClassVar[frozenset[str]] = frozenset()
    control: ClassVar[Literal["", "baseline", "oracle"]] = ""
    """"oracle" is handed gold scores, is marked everywhere and gets no verdict."""
    formula: ClassVar[str] = ""
    """LaTeX of the score."""
    open_points: ClassVar[str] = ""
    """What the paper leaves open and how it is settled here: sentences behind "Read:", "Inferred:", "Ours:"."""
    cost: ClassVar[str] = ""
    """What scoring one pair takes, in passes of a model, draws and numbers kept, and what choosing a batch takes."""
    aliases: ClassVar[tuple[str, ...]] = ()
    """Other names in the field for the same ranking of the same pairs; empty where none is in use."""
    ties_at_reference: ClassVar[bool] = False
    """True for margin methods: while policy = reference all their scores are equal."""
    takes_logits: ClassVar[bool] = False
    """True: it reads the margin as DPO's own logit, σ(Δ) a chance or Δ in reward units, so it must be one of sums."""
    learns: ClassVar[bool] = False
    """True: its recipe reads the answers this run has bought, not only which pairs they are of."""

    published: ClassVar[Mapping[str, Any]] = {}
    """The paper's own setting, field of a study → value: its `sampler`, its whole `regime`, parameters of its
    `signals`, what it says of `dpo`, the share of a pool or the labels that are a batch. What a paper leaves open is
    the study's, as `open_points` says; where this is empty its source publishes nothing, and all of it is."""
    published_with: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """What is published otherwise where a switch of its own is on: field of the strategy → as in `published`."""
    spreads: ClassVar[bool] = True
    """False: its design has no order of pairs of its own, so it cannot keep to one pair a prompt (`one_per_prompt`)."""
    whole_pool: ClassVar[bool] = False
    """True: it buys every label there is, in one round."""

    @abstractmethod
    def recipe(self, view: PoolView) -> Recipe:
        """How to choose `view.k` pairs of the view."""

    def terms(self, view: PoolView) -> Terms | None:
        """What the score of each pair is made of, so that a page can say why it was picked; they come to the score of
        `recipe` exactly, but for rounding. None: the terms that the recipe has by itself, or none.
        """
        return None

    def pseudo(self, view: PoolView) -> Mapping[str, Answer]:
        """Answers that it gives pairs itself instead of asking: pair id → a or b. They train in this round, cost
        nothing and are no labels; a pair that is picked is asked about all the same.
        """
        return {}

    def as_published(self) -> dict[str, Any]:
        """`published`, with what its switches change in it."""
        switched = [own for field, own in self.published_with.items() if getattr(self, field)]
        return {**self.published, **{name: value for own in switched for name, value in own.items()}}

    @classmethod
    def as_queued(cls, saved: Mapping[str, Any], signals: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        """What a run was queued with, and for parameters that there were not then, what it went by; `signals` are
        those that its study sets, name → parameter → value."""
        return saved

    def recomputed(self) -> frozenset[str]:
        """Signals of past picks that are computed anew in each round, by the policy as it then stands."""
        return frozenset()

    def opposite(self) -> "Strategy | None":
        """The same with its order turned round, to be held against as a control; None where that is no control."""
        return None

    def signal_parameters(self) -> dict[str, dict[str, Any]]:
        """Parameters of its signals that the strategy fixes itself: signal name → field → value."""
        return {}


STRATEGIES: Registry[Strategy] = Registry("strategy", "engine.strategies")


def find(name: str) -> type[Strategy]:
    """The strategy of that name or title, or the one that goes by it besides: "SHARP" is `smallest_margin`.

    Capitals, blanks, hyphens and underscores do not matter, nor what stands behind an alias in brackets. UnknownName if
    there is none.
    """
    if name not in STRATEGIES.names():
        for cls in STRATEGIES:
            if bare(name) in answers_to(cls):
                return cls
    return STRATEGIES.get(name)


def answers_to(cls: type[Strategy]) -> set[str]:
    """The bare names that find it: of its name, its title and its aliases, with what is in brackets and without."""
    said = [part for name in (cls.name, cls.title, *cls.aliases) for part in (name, name.partition(" (")[0])]
    return {bare(part) for part in said if part}


def bare(name: str) -> str:
    """A name without what is written now so, now so: "BAL-PM", "bal_pm" and "balpm" are one."""
    return re.sub(r"[\s_-]+", "", name.casefold())
