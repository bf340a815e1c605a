"""Synthetic pools with signals for any strategy: real `PoolView`s over made numbers, no model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.data.pool import PoolView
from engine.records import Answer, Label, Pair, SignalArray
from engine.seeds import rng_for
from engine.signals.base import SIGNALS
from engine.strategies.base import Strategy

N_PROMPTS, M_RESPONSES = 12, 3

# What cannot be read off a signal's class: how wide a row is, and what happens to it when the two sides change places.
WIDTH = {
    "embedding": 6, "gradient_difference": 8, "hidden_state": 5, "prompt_embedding": 4, "reward_ensemble": 5,
    "reward_gradient": 8,
}  # fmt: skip
CHANGES_SIGN = {"gradient_difference", "reward_margin"}


@dataclass(frozen=True)
class World:
    """Pairs, the signals a strategy declared, and past picks with theirs and with their labels."""

    pairs: tuple[Pair, ...]
    signals: Mapping[str, SignalArray]
    picked: tuple[Pair, ...] = ()
    picked_values: Mapping[str, np.ndarray] | None = None
    labels: tuple[Label, ...] = ()

    def view(self, k: int = 8, seed: int = 1, round_number: int = 2) -> PoolView:
        """The view of a strategy that is to pick k."""
        return PoolView(
            self.pairs,
            self.signals,
            k=k,
            seed=seed,
            round_number=round_number,
            picked=self.picked,
            picked_values=self.picked_values,
            labels=self.labels,
        )

    def order(self, rows: Sequence[int]) -> "World":
        """The pool's pairs in another order; the signals keep theirs."""
        return replace(self, pairs=tuple(self.pairs[row] for row in rows))

    def with_values(self, change: Callable[[str, np.ndarray], np.ndarray]) -> "World":
        """The same with each signal's values changed; what comes out is read-only."""
        return replace(
            self, signals={n: replace(s, values=frozen(change(n, s.values))) for n, s in self.signals.items()}
        )

    def mirrored(self, rows: Sequence[int]) -> "World":
        """The same pairs with sides a and b exchanged in these rows, and with them the sign of a pair's margin."""
        turned = set(rows)
        pairs = tuple(replace(p, a=p.b, b=p.a) if n in turned else p for n, p in enumerate(self.pairs))
        sign = np.array([-1.0 if n in turned else 1.0 for n in range(len(pairs))])
        ids = [p.id for p in self.pairs]

        def change(name: str, values: np.ndarray) -> np.ndarray:
            if name not in CHANGES_SIGN:
                return values
            rows_of_signal = [ids.index(i) for i in self.signals[name].ids]
            return values * sign[rows_of_signal].reshape(-1, *[1] * (values.ndim - 1))

        return replace(self.with_values(change), pairs=pairs)

    def mirrored_past(self) -> "World":
        """The same past picks with sides a and b exchanged, in their signals and their answers too."""
        values = {
            name: frozen(v[:, ::-1]) if SIGNALS.get(name).axis == "response" else -v if name in CHANGES_SIGN else v
            for name, v in (self.picked_values or {}).items()
        }
        other = {"a": "b", "b": "a"}
        labels = tuple(replace(label, answer=other.get(label.answer, label.answer)) for label in self.labels)  # type: ignore[arg-type]
        picked = tuple(replace(p, a=p.b, b=p.a) for p in self.picked)
        return replace(self, picked=picked, picked_values=values or None, labels=labels)

    def answered(self, answers: Sequence[Answer]) -> "World":
        """The same with other answers to its past picks."""
        labels = tuple(Label(p.id, answer, "test") for p, answer in zip(self.picked, answers, strict=True))
        return replace(self, labels=labels)


def world_for(strategy: Strategy, *, picked: int = 0, seed: int = 0) -> World:
    """N prompts × all pairs of M responses, normal noise for every signal that the strategy needs."""
    responses = {f"p{n:02}": [f"r{n:02}{m}" for m in range(M_RESPONSES)] for n in range(N_PROMPTS)}
    pairs = [Pair.of(p, r[i], r[j]) for p, r in responses.items() for i in range(len(r)) for j in range(i)]
    rng = rng_for(seed, None, "contract pool")
    pairs = [pairs[row] for row in rng.permutation(len(pairs))]
    ids = {"prompt": tuple(responses), "response": tuple(r for rs in responses.values() for r in rs)}
    ids["pair"] = tuple(p.id for p in pairs)
    signals, past = {}, {}
    for name in sorted(strategy.needs):
        kind = SIGNALS.get(name)
        width = (WIDTH[name],) if name in WIDTH else ()
        values = rng.normal(size=(len(ids[kind.axis]), *width)).astype(np.float32)
        signals[name] = SignalArray(name, kind.axis, ids[kind.axis], frozen(values), kind.unit)
        sides = (2,) if kind.axis == "response" else ()
        past[name] = frozen(rng.normal(size=(picked, *sides, *width)).astype(np.float32))
    gone = tuple(Pair.of("past", f"past{n}x", f"past{n}y") for n in range(picked))
    answers = ["a" if up else "b" for up in _preferred(past, picked)]
    return World(tuple(pairs), signals, gone, past if picked else None).answered(answers)  # type: ignore[arg-type]


def _preferred(past: Mapping[str, np.ndarray], picked: int) -> np.ndarray:
    """Who wins each past pick, (picked,): what some features tell, so that whoever learns from answers can."""
    wide = [values for values in past.values() if values.ndim == 3]
    return wide[0][:, 0, 0] > wide[0][:, 1, 0] if wide else np.arange(picked) % 2 == 0


def frozen(values: np.ndarray) -> np.ndarray:
    """A copy that nobody can write to."""
    copy = np.array(values, dtype=np.float32)
    copy.flags.writeable = False
    return copy
