"""The data of a study, and the view of a round's pool that a strategy gets.

`PreferenceData` is what a file holds: texts, the pairs it gives, and apart from them what is known about the answers
(`comparisons`, `scores`), which goes to oracles and never to strategies. `PoolView` is label-blind by construction.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from engine.errors import SelectionError
from engine.records import Answer, Axis, Label, Pair, Prompt, Response, SignalArray

if TYPE_CHECKING:
    from engine.api.pairs import Pairs


@dataclass(frozen=True)
class Comparison:
    """A recorded answer of the data file; `strength`, `labeller` and `share` are kept if the file has them.

    `share` is the probability, or the share of votes, in [0, 1] that side a is better: a soft label.
    """

    pair_id: str
    answer: Answer
    strength: float | None = None
    labeller: str = ""
    share: float | None = None


@dataclass
class PreferenceData:
    """What one or several files hold. Dictionaries keep the order of the file.

    `scores`: response id → its score overall; `aspects`: response id → name of what is judged → score.
    """

    prompts: dict[str, Prompt] = field(default_factory=dict)
    responses: dict[str, Response] = field(default_factory=dict)
    pairs: dict[str, Pair] = field(default_factory=dict)
    comparisons: list[Comparison] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)
    aspects: dict[str, dict[str, float]] = field(default_factory=dict)

    def responses_of(self) -> dict[str, list[str]]:
        """prompt id → ids of its responses, in the order of the file."""
        found: dict[str, list[str]] = {prompt_id: [] for prompt_id in self.prompts}
        for response in self.responses.values():
            found[response.prompt_id].append(response.id)
        return found

    @property
    def is_label_bank(self) -> bool:
        """Whether the answer of every pair of each prompt is recorded: a strategy can be raced at no label cost."""
        possible = [len(ids) * (len(ids) - 1) // 2 for ids in self.responses_of().values()]
        return bool(possible) and all(possible) and len({c.pair_id for c in self.comparisons}) == sum(possible)

    def preview(self, n: int = 5) -> "Pairs":
        """The first `n` pairs side by side with their recorded answers, to be read in a notebook.

        Where no pair is given, the first two responses of each prompt stand for one.
        """
        from engine.api.pairs import preview

        return preview(self, n)

    def only_prompts(self, keep: Sequence[str]) -> "PreferenceData":
        """The part that belongs to these prompts, in the order given."""
        wanted = set(keep)
        pairs = {i: p for i, p in self.pairs.items() if p.prompt_id in wanted}
        responses = {i: r for i, r in self.responses.items() if r.prompt_id in wanted}
        return PreferenceData(
            prompts={i: self.prompts[i] for i in keep},
            responses=responses,
            pairs=pairs,
            comparisons=[c for c in self.comparisons if c.pair_id in pairs],
            scores={i: s for i, s in self.scores.items() if i in responses},
            aspects={i: named for i, named in self.aspects.items() if i in responses},
        )


class _Signals(ABC):
    """Signals aligned to a list of pairs. Gives only what was declared."""

    def __init__(self, pairs: Sequence[Pair], axes: Mapping[str, Axis], reader: str) -> None:
        self.pairs = tuple(pairs)
        self._axes = dict(axes)
        self._reader = reader

    def __len__(self) -> int:
        return len(self.pairs)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Pair ids, in the order of every array."""
        return tuple(pair.id for pair in self.pairs)

    @cached_property
    def prompt_ids(self) -> tuple[str, ...]:
        """The prompt of each pair."""
        return tuple(pair.prompt_id for pair in self.pairs)

    @abstractmethod
    def _aligned(self, name: str) -> np.ndarray:
        """(n, 2, …) for a response signal, (n, …) otherwise."""

    def _axis(self, name: str) -> Axis:
        if name not in self._axes:
            raise SelectionError(
                f"{self._reader} read signal {name!r} but does not declare it.", f"Add {name!r} to its `needs`."
            )
        return self._axes[name]

    def __getitem__(self, name: str) -> np.ndarray:
        """A pair's value, (n,) or (n, d); a prompt's value is given to each of its pairs."""
        if self._axis(name) == "response":
            raise SelectionError(f"Signal {name!r} belongs to responses.", "Read it by `sides` or `difference`.")
        return _read_only(self._aligned(name))

    def sides(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The values of side a and of side b, each (n,) or (n, d)."""
        if self._axis(name) != "response":
            raise SelectionError(f"Signal {name!r} does not belong to responses.", f"Read it by view[{name!r}].")
        values = _read_only(self._aligned(name))
        return values[:, 0], values[:, 1]

    def difference(self, name: str, unit_norm: Literal["response", "difference", "off"] = "response") -> np.ndarray:
        """φ = g(a) − g(b), float64 (n, d). Unit length is given to each response, to the difference, or to none."""
        a, b = (side.astype(np.float64) for side in self.sides(name))
        if unit_norm == "response":
            a, b = unit(a), unit(b)
        phi = a - b
        return unit(phi) if unit_norm == "difference" else phi


class PastPicks(_Signals):
    """All pairs a run has picked before, in order, each with its signals as they were in the round that picked it."""

    def __init__(
        self, pairs: Sequence[Pair], axes: Mapping[str, Axis], values: Mapping[str, np.ndarray], reader: str
    ) -> None:
        super().__init__(pairs, axes, reader)
        self._values = dict(values)

    def _aligned(self, name: str) -> np.ndarray:
        return self._values[name]


class PoolView(_Signals):
    """What a strategy sees: unlabelled pairs with the declared signals, past picks with theirs, and bought labels.

    Nothing else is reachable. `k` pairs are to be chosen; with `one_per_prompt` selection takes no prompt's second
    before every prompt's first, whatever the recipe says of it.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        signals: Mapping[str, SignalArray],
        *,
        k: int,
        seed: int,
        round_number: int,
        reader: str = "A strategy",
        picked: Sequence[Pair] = (),
        picked_values: Mapping[str, np.ndarray] | None = None,
        labels: Sequence[Label] = (),
        one_per_prompt: bool = False,
    ) -> None:
        axes = {name: signal.axis for name, signal in signals.items()}
        super().__init__(pairs, axes, reader)
        self._signals = dict(signals)
        self.k = k
        self.seed = seed
        self.round = round_number
        if picked_values is None:
            picked_values = {name: _nothing(signal) for name, signal in signals.items()}
        self.picked = PastPicks(picked, axes, picked_values, reader)
        self.labels = tuple(labels)
        self.one_per_prompt = one_per_prompt

    def _aligned(self, name: str) -> np.ndarray:
        signal = self._signals[name]
        array: np.ndarray = signal.values[rows_of(signal, self.pairs)]
        return array


def rows_of(signal: SignalArray, pairs: Sequence[Pair]) -> np.ndarray:
    """Where the pairs' values stand in the signal: (n, 2) for a response signal, (n,) otherwise."""
    row = {item: n for n, item in enumerate(signal.ids)}
    try:
        if signal.axis == "response":
            return np.array([(row[p.a], row[p.b]) for p in pairs], dtype=int).reshape(-1, 2)
        return np.array([row[p.id if signal.axis == "pair" else p.prompt_id] for p in pairs], dtype=int)
    except KeyError as error:
        raise SelectionError(f"Signal {signal.name!r} has no value for {error.args[0]!r}.") from error


def _nothing(signal: SignalArray) -> np.ndarray:
    """The values of no picks at all."""
    sides = (2,) if signal.axis == "response" else ()
    return np.zeros((0, *sides, *signal.values.shape[1:]), dtype=signal.values.dtype)


def _read_only(values: np.ndarray) -> np.ndarray:
    view = values.view()
    view.flags.writeable = False
    return view


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows divided by their length; a zero row stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(length > 0, length, 1.0)
