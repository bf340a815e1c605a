"""What the two tasks of a dry run share: what is scored with which model, and the arrays that are kept of it.

Everything lies in the store's cache under keys that need no model to work out, so that the app can say what is there
already. Losing any of it costs the scoring again, never a result.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from engine.cache import key_of
from engine.config import AnySignal
from engine.errors import ConfigError
from engine.findings import findings
from engine.records import Axis, Label, Pair
from engine.signals.base import Signal, as_known
from engine.store.cache import FileCache
from engine.store.database import Store
from engine.strategies.base import Strategy
from engine.tasks.base import Task

PARTS = ("pool", "past", "now")
"""Over the candidates; over the picks so far, each as its round saw it; over the same as the model stands now."""
_VERSION = 1
"""Raised when what is kept means something else than before."""


class Laboratory(Task):
    """A pool, the model that scores it, and the signals: whatever decides the numbers that strategies then read."""

    study_id: str = Field("", description="whose model, β, sampler and signals; none: a data set and a model folder")
    run_id: str = Field("", description="whose adapter, picks and labels so far; none: the SFT model")
    round: int = Field(1, ge=1, description="the run as it stands before it picks in this round")
    dataset_id: str = Field("", description="a data set as the pool; default: the study's own pool")
    model: str = Field("", description="folder or hub id of a model, where no study is named")
    adapter: str = Field(
        "", description="PEFT folder of an adapter for the model, where no run is named; none: without"
    )
    prompts: int | None = Field(None, ge=1, description="a seeded subset of so many prompts; default: all of the pool")
    seed: int = Field(1, description="of the subset, of draws and of ties; a run brings its own")
    signals: tuple[AnySignal, ...] = Field((), description="signals with their parameters")

    @model_validator(mode="after")
    def _names_something(self) -> "Laboratory":
        if not self.study_id and not (self.dataset_id and self.model):
            raise ValueError("name a study, or a data set and a model")
        if self.run_id and not self.study_id:
            raise ValueError("a run belongs to a study; name it too")
        if self.run_id and self.adapter:
            raise ValueError("a run brings its own adapter; leave the adapter out, or the run")
        if self.study_id and self.model:
            raise ValueError("a study brings its own model; leave the model out")
        slots = [slot_of(signal) for signal in self.signals]
        if len(set(slots)) < len(slots):
            raise ValueError("a signal is named twice")
        return self

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> Self:
        """The request of these fields, or one ConfigError that names every finding."""
        try:
            return cls.model_validate(dict(fields))
        except ValidationError as error:
            raise ConfigError("The dry run", findings(error), "Nothing was scored.") from error

    def subject(self) -> dict[str, Any]:
        """What is scored and with what, without the signals; a model folder with its files' sizes and times."""
        what = self.model_dump(mode="json", include=set(_SUBJECT))
        if self.adapter:
            what |= {"adapter": self.adapter, "adapter_files": _stamp(self.adapter)}
        return {**what, "version": _VERSION, "files": _stamp(self.model)}

    def pool_key(self) -> str:
        """Where the pool's ids are kept."""
        return key_of({"laboratory": "pool", **self.subject()}, [])

    def signal_key(self, signal: Signal, part: str) -> str:
        """Where a part (`PARTS`) of a signal is kept."""
        return key_of({"laboratory": part, "signal": signal.spec(), **self.subject()}, [])

    def there(self, store: Store, signals: Sequence[Signal]) -> tuple[Signal, ...]:
        """Those of the signals that are kept already; none if the pool is not."""
        folder = store.folder / "cache"
        if not (folder / f"{self.pool_key()}.npy").is_file():
            return ()
        return tuple(x for x in signals if all((folder / f"{self.signal_key(x, p)}.npy").is_file() for p in PARTS))

    def is_kept(self, store: Store, signals: Sequence[Signal]) -> bool:
        """Whether the pool and all these signals are kept; a random batch needs the pool, though no signal."""
        pool = store.folder / "cache" / f"{self.pool_key()}.npy"
        return pool.is_file() and len(self.there(store, signals)) == len(signals)


_SUBJECT = ("study_id", "run_id", "round", "dataset_id", "model", "prompts", "seed")


def _stamp(model: str) -> list[list[Any]] | None:
    """Name, size and time of change of the files of a model folder; None where there is none here."""
    folder = Path(model).expanduser()
    if not model or not folder.is_dir():
        return None
    return sorted([p.name, p.stat().st_size, p.stat().st_mtime_ns] for p in folder.iterdir() if p.is_file())


@dataclass(frozen=True)
class Made:
    """How a signal's rows are to be read, and what it was made on; `failed` is the sentence of one that could not be.

    `width` numbers a row; `unit` and `made_on` as in `records.SignalArray`.
    """

    axis: Axis
    unit: str
    made_on: str
    failed: str = ""


@dataclass(frozen=True)
class Pool:
    """The candidates in id order, the picks so far in the order of picking, and the labels that the run has bought.

    `made` is by slot (`slot_of`): strategies may fix parameters, so a name can stand for several arrays.
    """

    pairs: tuple[Pair, ...]
    past: tuple[Pair, ...]
    labels: tuple[Label, ...]
    datasets: tuple[str, ...]
    seed: int
    round: int
    beta: float
    stamp: Mapping[str, str]
    dropped: Mapping[str, int]
    made: Mapping[str, Made]


def ids_of(pairs: Sequence[Pair], axis: Axis) -> tuple[str, ...]:
    """The ids of that axis over some pairs, each once and sorted, as `scoring.Signals.texts` orders them."""
    if axis == "pair":
        return tuple(sorted(pair.id for pair in pairs))
    if axis == "prompt":
        return tuple(sorted({pair.prompt_id for pair in pairs}))
    return tuple(sorted({side for pair in pairs for side in (pair.a, pair.b)}))


def keep_pool(cache: FileCache, key: str, pool: Pool) -> None:
    """Keep it as an array of bytes, so that the cache can hold it."""
    value = {
        "pairs": [[p.id, p.prompt_id, p.a, p.b] for p in pool.pairs],
        "past": [[p.id, p.prompt_id, p.a, p.b] for p in pool.past],
        "labels": [[x.pair_id, x.answer, x.oracle] for x in pool.labels],
        "datasets": list(pool.datasets),
        "seed": pool.seed,
        "round": pool.round,
        "beta": pool.beta,
        "stamp": dict(pool.stamp),
        "dropped": dict(pool.dropped),
        "made": {name: vars(made) for name, made in pool.made.items()},
    }
    cache.put(key, np.frombuffer(json.dumps(value).encode(), dtype=np.uint8))


def kept_pool(cache: FileCache, key: str) -> Pool | None:
    """What `keep_pool` kept; None if it is not, or no longer, there."""
    content = cache.get(key)
    if content is None:
        return None
    value = json.loads(content.tobytes())
    pairs, past = (tuple(Pair(*row) for row in value[part]) for part in ("pairs", "past"))
    rest = {name: value[name] for name in ("seed", "round", "beta", "stamp", "dropped")}
    labels = tuple(Label(*row) for row in value["labels"])
    made = {name: Made(**fields) for name, fields in value["made"].items()}
    return Pool(pairs, past, labels, tuple(value["datasets"]), made=made, **rest)


def slot_of(signal: Signal) -> str:
    """Tells a signal with these parameters from all others."""
    return key_of({"signal": signal.spec()}, [])[:20]


def read_by(strategy: Strategy, known: Sequence[Signal]) -> dict[str, Signal]:
    """Name → the signal as this strategy reads it: as it is known, else by default, with what the strategy fixes."""
    fixed = strategy.signal_parameters()
    return {name: as_known(name, known).with_fixed(fixed.get(name, {})) for name in sorted(strategy.needs)}


def signals_for(strategies: Sequence[Strategy], known: Sequence[Signal]) -> tuple[Signal, ...]:
    """All that these strategies read, each once, in the order of names and slots."""
    found = {slot_of(x): x for strategy in strategies for x in read_by(strategy, known).values()}
    return tuple(sorted(found.values(), key=lambda x: (x.name, slot_of(x))))
