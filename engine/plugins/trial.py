"""Tries a strategy on small made pools before a store keeps it, so that what is wrong with it is said at once.

What every strategy must hold: the same picks again, in another order of the pool, and with sides exchanged; k different
pairs; the signals that it declares, all of them and no other. The program's own are held to more in the tests.
"""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from engine.data.pool import PoolView
from engine.errors import EngineError, SelectionError
from engine.plugins.imported import said
from engine.records import Label, Pair, SignalArray
from engine.seeds import rng_for
from engine.selection.execute import execute
from engine.selection.recipes import Recipe
from engine.signals.base import GOLD, SIGNALS
from engine.strategies.base import Strategy

PROMPTS, RESPONSES, WIDTH, BATCH = 8, 3, 5, 6
"""A made pool: prompts, responses of each, numbers in a row of a vector signal; and the picks asked of it."""


@dataclass(frozen=True)
class _Pool:
    pairs: tuple[Pair, ...]
    signals: Mapping[str, SignalArray]
    picked: tuple[Pair, ...] = ()
    picked_values: Mapping[str, np.ndarray] | None = None
    first_wins: bool = True

    def picks(self, strategy: Strategy, k: int = BATCH) -> list[str]:
        labels = [
            Label(pair.id, "a" if n % 2 == self.first_wins else "b", "made") for n, pair in enumerate(self.picked)
        ]
        view = PoolView(
            self.pairs, self.signals, k=k, seed=1, round_number=2, reader=f"Strategy {strategy.name!r}",
            picked=self.picked, picked_values=self.picked_values, labels=labels,
        )  # fmt: skip
        recipe = strategy.recipe(view)
        if not isinstance(recipe, get_args(Recipe)):
            raise SelectionError(f"It answers {type(recipe).__name__}, not a recipe such as Scores(array).")
        rows = [len(array) for array in (getattr(recipe, name, None) for name in ("values", "features"))
                if array is not None]  # fmt: skip
        if rows and rows[0] != len(self.pairs):
            raise SelectionError(f"It gives {rows[0]:,} rows for {len(self.pairs):,} pairs; one a pair is asked for.")
        return [pick.pair_id for pick in execute(recipe, view)]

    def reversed(self) -> "_Pool":
        return replace(self, pairs=self.pairs[::-1])

    def exchanged(self) -> "_Pool":
        """Sides a and b of every other pair exchanged, and of all past picks: in name, measures and answers."""
        turned = {pair.id for pair in self.pairs[::2]}
        pairs = tuple(replace(pair, a=pair.b, b=pair.a) if pair.id in turned else pair for pair in self.pairs)
        signals = {
            name: _turned(signal, turned) if SIGNALS.get(name).signed else signal
            for name, signal in self.signals.items()
        }
        past = {
            name: _frozen(v[:, ::-1])
            if SIGNALS.get(name).axis == "response"
            else _frozen(-v)
            if SIGNALS.get(name).signed
            else v
            for name, v in (self.picked_values or {}).items()
        }
        picked = tuple(replace(pair, a=pair.b, b=pair.a) for pair in self.picked)
        return _Pool(pairs, signals, picked, past if picked else None, not self.first_wins)

    def without(self, name: str) -> "_Pool":
        return replace(self, signals={other: signal for other, signal in self.signals.items() if other != name})


def findings(strategy: Strategy) -> list[str]:
    """What is wrong with it, a sentence each; [] if nothing was found. Whatever it raises is a finding."""
    wrong = _says(type(strategy))
    if GOLD in strategy.needs and strategy.control != "oracle":
        return [*wrong, 'it needs gold scores, which are part of the answer, but is not declared control = "oracle"']
    for picked in (0, 4):
        pool = _pool(sorted(strategy.needs), picked)
        try:
            wrong += _of_picks(strategy, pool)
        except EngineError as error:
            return [*wrong, error.what]
        except Exception as error:  # noqa: BLE001 - foreign code: whatever it raises is what is wrong with it
            return [*wrong, f"its recipe raised {said(error)}"]
    return list(dict.fromkeys(wrong))


def _says(cls: type[Strategy]) -> list[str]:
    wrong = []
    if not cls.__doc__ or inspect.getdoc(cls) == inspect.getdoc(Strategy):
        wrong.append("it has no docstring; its first sentence is what the browser shows")
    elif not cls.summary().endswith("."):
        wrong.append("its docstring does not begin with one sentence, an empty line behind it")
    if not cls.source:
        wrong.append('it has no source: where it comes from, a citation or a name: source = "…"')
    wrong += [f"parameter {name!r} has no description" for name, field in cls.model_fields.items()
              if not field.description]  # fmt: skip
    return wrong


def _of_picks(strategy: Strategy, pool: _Pool) -> list[str]:
    picks, again, wrong = pool.picks(strategy), pool.picks(strategy), []
    if len(set(picks)) != BATCH or not set(picks) <= {pair.id for pair in pool.pairs}:
        wrong.append(f"asked for {BATCH} pairs, it picks {len(set(picks))} different ones of the pool")
    if sorted(pool.picks(strategy, len(pool.pairs))) != sorted(pair.id for pair in pool.pairs):
        wrong.append("asked for as many pairs as there are, it does not pick all")
    if again != picks:
        wrong.append(
            "it picks other pairs when it is asked again; draws come from recipes and signals, which are keyed"
        )
    elif pool.reversed().picks(strategy) != picks:
        wrong.append("its picks depend on the order of the pool")
    elif pool.exchanged().picks(strategy) != picks:
        wrong.append("its picks depend on which response is side a, which means nothing")
    for name in pool.signals:
        if _stops(strategy, pool.without(name)):
            continue
        wrong.append(f"it needs signal {name!r}, which costs a pass of the model, and never reads it")
    return wrong


def _stops(strategy: Strategy, pool: _Pool) -> bool:
    try:
        pool.picks(strategy)
    except SelectionError:
        return True
    return False


def _pool(needs: Sequence[str], picked: int) -> _Pool:
    """All pairs of the responses of a few prompts, normal noise for every signal."""
    responses = {f"p{n}": [f"r{n}{m}" for m in range(RESPONSES)] for n in range(PROMPTS)}
    pairs = [Pair.of(p, rs[i], rs[j]) for p, rs in responses.items() for i in range(RESPONSES) for j in range(i)]
    ids = {"prompt": list(responses), "response": [r for rs in responses.values() for r in rs],
           "pair": [pair.id for pair in pairs]}  # fmt: skip
    signals, past = {}, {}
    for name in needs:
        kind, rng = SIGNALS.get(name), rng_for(0, picked, "trial", name)
        width = (WIDTH,) if kind.vector else ()
        rows = ids[kind.axis]
        signals[name] = SignalArray(name, kind.axis, tuple(rows), _frozen(rng.normal(size=(len(rows), *width))), "")
        sides = (2,) if kind.axis == "response" else ()
        past[name] = _frozen(rng.normal(size=(picked, *sides, *width)))
    gone = tuple(Pair.of("past", f"past{n}x", f"past{n}y") for n in range(picked))
    return _Pool(tuple(pairs), signals, gone, past if picked else None)


def _turned(signal: SignalArray, turned: set[str]) -> SignalArray:
    sign = np.array([-1 if row in turned else 1 for row in signal.ids]).reshape(-1, *[1] * (signal.values.ndim - 1))
    return replace(signal, values=_frozen(signal.values * sign))


def _frozen(values: np.ndarray) -> np.ndarray:
    made = values.astype(np.float32)
    made.flags.writeable = False
    return made
