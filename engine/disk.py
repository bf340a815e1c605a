"""How many bytes a study will keep, before it starts: counted from its config, its sizes and the shapes of its model.

Measured on the sample study (12 runs of 6 rounds): files 36.7 MB, counted 37.4; cache 34 MB, counted 34.4; database
7.4 MB, counted 8.9. It is the most a study can take, within a factor of 1.5 where texts are as long as is said below.
"""

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.arms import in_the_shadow
from engine.config import StudyConfig
from engine.cost import Sizes, as_seen, round_pool
from engine.settings import ModelSettings
from engine.signals.base import Signal
from engine.strategies.base import Strategy

ID = 20
"""Bytes of an id in a list: 17 characters, quotes and a comma."""
PICK_ROWS, ROUND_ROWS, PAIR_ROWS, RESPONSE_ROWS = 500, 4_000, 350, 600
"""Bytes in the database for a pick with its label, for a round, and for a pair and a response of the data."""
STEP, TOKEN, HEADER = 180, 4, 500
"""Bytes of a training step in its list, of a generated token, and of the head of an array file."""
SENTENCE_WIDTH = 384
"""Numbers in an embedding of the sentence encoder."""


@dataclass(frozen=True)
class Shapes:
    """What of a model decides sizes: the numbers in its adapter, and the width of its hidden states."""

    adapter: int
    width: int


@dataclass(frozen=True)
class Disk:
    """Bytes on disk. `files` and `rows` (the database) are kept for good; `passing` is cache and checkpoints at most,
    and goes again. `whole` says whether the model's shapes were known."""

    files: float
    rows: float
    passing: float
    whole: bool = True

    @property
    def most(self) -> float:
        """All of it together."""
        return self.files + self.rows + self.passing


def shapes_of(model: ModelSettings) -> Shapes | None:
    """Read from the heads of the weight files alone; None where the folder is not here or its files say nothing."""
    folder = Path(model.path)
    try:
        width = int(json.loads((folder / "config.json").read_text(encoding="utf-8")).get("hidden_size") or 0)
        numbers = 0
        for file in sorted(folder.glob("*.safetensors")):
            for name, shape in _tensors(file):
                layer = name.split(".")[-2] if name.count(".") else ""
                if len(shape) == 2 and _adapted(layer, model.lora.targets):
                    numbers += model.lora.rank * sum(shape)
                if not width and layer in _EMBEDDINGS:
                    width = shape[-1]
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return None
    return Shapes(numbers, width) if numbers else None


_EMBEDDINGS = ("embed_tokens", "wte", "embed_in", "word_embeddings")
_NOT_LINEAR = (*_EMBEDDINGS, "wpe", "embed_positions", "lm_head", "embed_out")


def _adapted(layer: str, targets: Sequence[str]) -> bool:
    return layer not in _NOT_LINEAR if targets == "all-linear" else layer in targets


def _tensors(file: Path) -> list[tuple[str, list[int]]]:
    """(name, shape) of a safetensors file: eight bytes say how long its head is, JSON."""
    with file.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        head = json.loads(stream.read(min(length, 100_000_000)))
    return [(name, found["shape"]) for name, found in head.items() if name != "__metadata__"]


def kept(config: StudyConfig, pool: Sizes, held_out: Sequence[Sizes], shapes: Shapes | None, cache_cap: int) -> Disk:
    """The bytes of a study over a pool and its held-out sets. Without `shapes` what hangs on the model is left out."""
    arms = [(as_seen(config, entrant, pool), entrant.strategy) for entrant in config.entrants()]
    files = sum(_run(seen, strategy, round_pool(seen, pool), held_out, shapes) for seen, strategy in arms)
    texts = pool.responses + sum(found.responses for found in held_out)
    pairs = _all_pairs(config, pool) + sum(found.pairs for found in held_out)
    rows = sum(seen.rounds * (ROUND_ROWS + PICK_ROWS * seen.labels_per_round + _drawn(seen, pool)) for seen, _ in arms)
    cached = sum(_cached(seen, strategy, round_pool(seen, pool), shapes) for seen, strategy in arms)
    seeds = len(config.seeds)
    files, rows, cached = files * seeds, rows * seeds, cached * seeds + _cached_once(config, pool, shapes)
    rows += RESPONSE_ROWS * texts + PAIR_ROWS * pairs
    checkpoint = 3 * 4 * shapes.adapter if shapes else 0  # the adapter and the two moments of AdamW
    return Disk(files, rows, min(cached, cache_cap) + checkpoint, shapes is not None)


def _drawn(config: StudyConfig, pool: Sizes) -> float:
    """Rows of what a round draws."""
    if not config.sampler.generates:
        return 0.0
    drawn = round_pool(config, pool)
    return drawn.responses * (RESPONSE_ROWS + 4 * ID + TOKEN * _longest(config)) + drawn.pairs * (PAIR_ROWS + ID)


def _all_pairs(config: StudyConfig, pool: Sizes) -> int:
    """Pairs of the whole pool."""
    return round_pool(config.model_copy(update={"prompts_per_round": None}), pool).pairs


def _run(
    config: StudyConfig, strategy: Strategy, pool: Sizes, held_out: Sequence[Sizes], shapes: Shapes | None
) -> float:
    """All files of one run."""
    made = pool.responses * (4 * ID + TOKEN * _longest(config)) if config.sampler.generates else 0
    pooled = 5 * ID * pool.pairs + 2 * pool.pairs + made
    total = float(config.rounds * pooled)
    for number in range(1, config.rounds + 1):
        warm_up = config.warm_up and number == 1
        wide = {*config.panel, *(() if warm_up else strategy.needs)}
        for signal in (config.signal(name, strategy) for name in sorted(wide)):
            if width_of(signal, shapes) == 1:
                total += (4 + ID) * _rows(signal, pool)
        total += 8 * pool.pairs if strategy.needs and not warm_up else 0
        total += _trained(config, number, shapes) + 5 * HEADER
        read = [(one, name) for one in (strategy, *in_the_shadow(config).values()) for name in sorted(one.needs)]
        for signal in (config.signal(name, one) for one, name in read):
            sides = 2 if signal.axis == "response" else 1
            total += 4 * sides * config.labels_per_round * width_of(signal, shapes)
    return total + _evaluated(config, held_out)


def _trained(config: StudyConfig, number: int, shapes: Shapes | None) -> float:
    labels = config.labels_per_round * (number if config.regime.data == "cumulative" else 1)
    steps = config.dpo.epochs * math.ceil(labels / config.dpo.batch_pairs)
    return STEP * steps + (4 * shapes.adapter if shapes else 0)


def _evaluated(config: StudyConfig, held_out: Sequence[Sizes]) -> float:
    settings = config.evaluation
    pairs = sum(found.cut(settings.pairs_per_set).pairs for found in held_out)
    rounds, probe = config.rounds, settings.probe
    panel = (ID + 24) * sum(probe + r * config.labels_per_round for r in range(rounds + 1)) if probe else 0
    margins, names = 8 * pairs, (2 * ID + 8) * pairs  # round 0 names the pairs of the margins, once
    answers = settings.prompts * (4 * ID + TOKEN * settings.max_new_tokens)
    times = {"never": 0, "last": 1, "every": config.rounds}[settings.generate]
    return (rounds + 1) * (margins + HEADER) + names + times * answers + panel


def _cached(config: StudyConfig, strategy: Strategy, pool: Sizes, shapes: Shapes | None) -> float:
    """What the passes of one run leave in the cache: signals of the policy, anew every round."""
    signals = [config.signal(name, strategy) for name in sorted({*strategy.needs, *config.panel})]
    signals += [config.signal(name, one) for one in in_the_shadow(config).values() for name in sorted(one.needs)]
    policy = [signal for signal in signals if signal.model == "policy" or signal.learns or config.sampler.generates]
    batch = Sizes(config.labels_per_round, 2 * config.labels_per_round, config.labels_per_round)
    rounds = [pool] * config.rounds
    if config.warm_up and not config.panel:
        rounds[0] = batch
    return sum(4 * width_of(signal, shapes) * _rows(signal, of) for signal in policy for of in rounds)


def _cached_once(config: StudyConfig, pool: Sizes, shapes: Shapes | None) -> float:
    who = [*(entrant.strategy for entrant in config.entrants()), *in_the_shadow(config).values()]
    names = {name for one in who for name in one.needs} | set(config.panel)
    signals = [config.signal(name) for name in sorted(names)]
    fixed = [s for s in signals if s.model != "policy" and not config.sampler.generates]
    hidden = shapes.width if shapes else 1  # what reads frozen hidden states to learn from them leaves these here
    wide = [hidden if signal.learns else width_of(signal, shapes) for signal in fixed]
    return 8 * pool.responses + sum(4 * n * _rows(signal, pool) for n, signal in zip(wide, fixed, strict=True))


def _rows(signal: Signal, of: Sizes) -> int:
    return {"response": of.responses, "pair": of.pairs, "prompt": of.prompts}[signal.axis]


def width_of(signal: Signal, shapes: Shapes | None) -> int:
    """Numbers a row of a signal; 1 for a scalar, and where a model whose shapes are not known would have to say."""
    if signal.name in ("reward_gradient", "gradient_difference"):
        dimension = getattr(signal, "dimension", None)
        return int(dimension) if dimension else (shapes.adapter if shapes else 1)
    if signal.name == "reward_ensemble":
        return int(getattr(signal, "count", 1))
    if signal.name in ("embedding", "hidden_state", "prompt_embedding"):
        return SENTENCE_WIDTH if signal.model == "other" else (shapes.width if shapes else 1)
    return 1


def _longest(config: StudyConfig) -> int:
    return int(getattr(config.sampler, "max_new_tokens", 0))
