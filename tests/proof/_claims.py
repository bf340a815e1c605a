"""One seed of a claim's world: warm up, train, score, and train again on batches picked in several ways."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from engine.config import StudyConfig
from engine.data.pool import PoolView, PreferenceData
from engine.loop import Inputs, rounds
from engine.models.gradients import reward_gradients
from engine.models.load import load_policy
from engine.models.tokens import encode_responses
from engine.records import Evaluated, Event, Pick, Picked, Scored
from engine.selection.execute import execute, scores_of
from engine.selection.recipes import GreedyLogDet, Recipe, Scores, Uniform
from engine.strategies.base import STRATEGIES
from tests.logbook import ROOT

SIGNALS = ("reward_margin", "reward_gradient", "embedding", "prompt_entropy")
SAMPLE = ROOT / "sample_data"
DIMENSIONS = (64, 512, 4096, 8192)
FEWER = 64
SUBSET = 60
"""Prompts of which gradients are kept whole, to see what projecting them does."""


@dataclass(frozen=True)
class World:
    """Data with its held-out sets, a model, how much is labelled a round, and gold scores if there are any."""

    name: str
    pool: PreferenceData
    held_out: Mapping[str, PreferenceData]
    batch: int
    prompts: int
    model: str = str(SAMPLE / "model")
    gold: bool = True
    dpo: Mapping[str, Any] = field(
        default_factory=lambda: {"learning_rate": 0.002, "beta": 1.0, "epochs": 3, "batch_pairs": 8}
    )

    def study(self, model: str = "") -> StudyConfig:
        """Two rounds of one strategy, all signals recorded; the signals' panel costs what a study's would."""
        return StudyConfig.from_dict({
            "name": self.name, "data": {"pool": "-"}, "race": "none", "sampler": "all_pairs",
            "model": {"path": model or self.model, "device": "cpu", "lora": {"rank": 8, "alpha": 16}},
            "strategies": ["activedpo"], "panel": list(SIGNALS), "warm_up": True, "rounds": 2,
            "signals": [{"name": "prompt_entropy", "samples": 8, "max_new_tokens": 64}],
            "labels_per_round": self.batch, "prompts_per_round": self.prompts, "dpo": dict(self.dpo),
            "evaluation": {"generate": "never", "pairs_per_set": 250},
        })  # fmt: skip


@dataclass(frozen=True)
class Looked:
    """One seed of a world after its warm-up round: the events so far, what can be picked, and what is known of it.

    Arrays have a value a candidate pair: margin (reward units), `right` (1 where its sign is the recorded answer's, 0
    where not, NaN for ties), `error` of the implicit reward difference against the gold one (NaN without gold scores).
    """

    inputs: Inputs
    policy: Any
    done: tuple[Event, ...]
    view: PoolView
    margin: np.ndarray
    right: np.ndarray
    error: np.ndarray
    tokens: np.ndarray


def look(world: World, seed: int, model: str = "") -> Looked:
    """Warm up, train once, score the candidates of round 2."""
    study = world.study(model)
    policy = load_policy(study.model, seed)
    inputs = Inputs.in_memory(study.run(study.strategies[0], seed), world.pool, world.held_out)
    done: list[Event] = []
    for event in rounds(inputs, policy=policy):
        done.append(event)
        if isinstance(event, Scored) and event.round == 2:
            break
    scored = done[-1]
    first = next(event for event in done if isinstance(event, Picked))
    assert isinstance(scored, Scored)
    pairs = [world.pool.pairs.get(i) or _pairs_of(done)[i] for i in _pooled(done)]
    past = [_pairs_of(done)[pick.pair_id] for pick in first.picks]
    signals = {signal.name: signal for signal in scored.signals}
    view = PoolView(
        pairs, signals, k=world.batch, seed=seed, round_number=2, picked=past,
        picked_values={**{name: np.zeros((len(past), 0)) for name in SIGNALS}, **first.features},
    )  # fmt: skip
    margin = view["reward_margin"].astype(np.float64)
    answers = {c.pair_id: c.answer for c in world.pool.comparisons}
    side = np.array([{"a": 1.0, "b": -1.0}.get(answers.get(pair.id, ""), np.nan) for pair in pairs])
    score = world.pool.scores
    gold = np.array([score[p.a] - score[p.b] for p in pairs]) if world.gold else np.full(len(pairs), np.nan)
    count = {r.id: len(policy.tokenizer(r.text).input_ids) for r in world.pool.responses.values()}
    return Looked(
        inputs, policy, tuple(done), view, margin,
        np.where(np.isnan(side), np.nan, (np.sign(margin) * side + 1) / 2), np.abs(margin - gold),
        np.array([count[p.a] + count[p.b] for p in pairs], dtype=np.float64),
    )  # fmt: skip


def _pooled(done: Sequence[Event]) -> tuple[str, ...]:
    return next(event.pair_ids for event in reversed(done) if hasattr(event, "pair_ids"))


def _pairs_of(done: Sequence[Event]) -> dict[str, Any]:
    return {pair.id: pair for event in done for pair in getattr(event, "made_pairs", ())}


def after(looked: Looked, pair_ids: Sequence[str]) -> float:
    """Mean held-out accuracy once these pairs are labelled too and both batches have trained."""
    picks = [Pick(pair_id, rank) for rank, pair_id in enumerate(pair_ids, start=1)]
    looked.inputs.edited = lambda number, own: picks if number == 2 else own
    last = [event for event in rounds(looked.inputs, looked.done, policy=looked.policy) if isinstance(event, Evaluated)]
    return float(np.mean([metric.value for metric in last[-1].metrics if metric.name == "accuracy"]))


def picks(looked: Looked, recipe: Recipe) -> list[str]:
    """What a recipe takes, best first."""
    return [pick.pair_id for pick in execute(recipe, looked.view)]


def recipe(looked: Looked, name: str, **parameters: Any) -> Recipe:
    """A strategy's recipe over the candidates."""
    return STRATEGIES.build({"name": name, **parameters}).recipe(looked.view)


def of_seed(world: World, seed: int, second: str) -> dict[str, float]:
    """Every number of a seed, by the name of its claim."""
    seen = look(world, seed)
    sigma = scores_of(recipe(seen, "activedpo"), seen.view)
    assert sigma is not None
    known, found = ~np.isnan(seen.right), {}
    surprise = np.logaddexp(0.0, -np.where(seen.right == 1, 1, -1) * np.abs(seen.margin))
    if world.gold:
        found["sigma predicts the error"] = _rank(sigma[known], seen.error[known])
    else:  # nobody knows the error of a margin; what its label cost it is the nearest that people's answers tell
        found["sigma predicts the surprise at the label"] = _rank(sigma[known], surprise[known])
    for norm in ("off", "response"):  # on the difference every norm is 1
        raw = scores_of(recipe(seen, "gradient_norm", unit_norm=norm), seen.view)
        assert raw is not None
        found[f"length and gradient norm, unit norm {norm}"] = _rank(raw, seen.tokens)
    found |= projected(seen)
    sure = np.abs(seen.margin) > np.median(np.abs(seen.margin))
    right = seen.right
    found["certain half right more often"] = float(right[known & sure].mean() - right[known & ~sure].mean())
    cosine = -scores_of(recipe(seen, "real"), seen.view)  # type: ignore[operator]
    alike = cosine > np.median(cosine)
    wrong = _mistaken(world, seen)
    what = "label errors" if world.gold else "ties"
    found[f"dissimilar half has fewer {what}"] = float(np.nanmean(wrong[~alike]) - np.nanmean(wrong[alike]))
    return found | retrained(world, seed, seen, second)


def projected(seen: Looked) -> dict[str, float]:
    """Share of the picks that stay when gradients are projected, against whole ones, over a subset of prompts."""
    prompts = sorted({pair.prompt_id for pair in seen.view.pairs})[:SUBSET]
    pairs = [pair for pair in seen.view.pairs if pair.prompt_id in set(prompts)]
    ids = sorted({r for pair in pairs for r in (pair.a, pair.b)})
    data, row = seen.inputs.data, {r: n for n, r in enumerate(ids)}
    texts = encode_responses(seen.policy, data.prompts, [data.responses[r] for r in ids])
    view = PoolView(pairs, {}, k=40, seed=seen.view.seed, round_number=2)
    taken: dict[int | None, set[str]] = {}
    for dimension in (None, *DIMENSIONS):
        unit = reward_gradients(seen.policy, texts, dimension=dimension).astype(np.float64)
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        phi = np.stack([unit[row[pair.a]] - unit[row[pair.b]] for pair in pairs])
        design = GreedyLogDet(phi, np.zeros((0, phi.shape[1])), 0.1)
        taken[dimension] = {pick.pair_id for pick in execute(design, view)}
    return {f"picks kept at d = {d}": len(taken[None] & taken[d]) / 40 for d in DIMENSIONS}


def retrained(world: World, seed: int, seen: Looked, second: str) -> dict[str, float]:
    """Held-out accuracy after a second batch picked in each way, minus that of a random one."""
    uniform = picks(seen, Uniform())
    base, found = after(seen, uniform), {}
    ways = {
        "ActiveDPO": recipe(seen, "activedpo"),
        "ActiveDPO without unit norm": recipe(seen, "activedpo", unit_norm="off"),
        "ActiveDPO, unit norm on the difference": recipe(seen, "activedpo", unit_norm="difference"),
        f"ActiveDPO on {FEWER} numbers": _fewer(seen, FEWER),
        "most certain": recipe(seen, "apl_certainty"),
        "highest entropy alone": recipe(seen, "apl_entropy"),
        "entropy, then certainty": recipe(seen, "apl"),
        "REAL": recipe(seen, "real"),
        "REAL, the opposite end": recipe(seen, "real", keep="similar"),
        "confidently wrong": Scores(np.where(seen.right == 0, np.abs(seen.margin), -1.0)),
        "confidently right": Scores(np.where(seen.right == 1, np.abs(seen.margin), -1.0)),
    }
    level = {way: after(seen, picks(seen, how)) for way, how in ways.items()}
    found = {f"{way} − random": value - base for way, value in level.items()}
    found["two steps − entropy alone"] = level["entropy, then certainty"] - level["highest entropy alone"]
    found["unit norm − none"] = level["ActiveDPO"] - level["ActiveDPO without unit norm"]
    found["unit norm on each − on the difference"] = (
        level["ActiveDPO"] - level["ActiveDPO, unit norm on the difference"]
    )
    found[f"512 numbers − {FEWER}"] = level["ActiveDPO"] - level[f"ActiveDPO on {FEWER} numbers"]
    other = look(world, seed, second)
    own, theirs = picks(other, recipe(other, "activedpo")), picks(seen, recipe(seen, "activedpo"))
    found["another model's picks − its own"] = after(other, theirs) - after(other, own)
    found["the same, models exchanged"] = after(seen, own) - level["ActiveDPO"]
    return found


def _fewer(looked: Looked, numbers: int) -> Recipe:
    """ActiveDPO's on the first numbers of each projected gradient alone: rows of signs, so a projection themselves."""
    now, past = (
        [side[:, :numbers].astype(np.float64) for side in part.sides("reward_gradient")]
        for part in (looked.view, looked.view.picked)
    )
    unit = lambda rows: rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-300)  # noqa: E731
    return GreedyLogDet(unit(now[0]) - unit(now[1]), unit(past[0]) - unit(past[1]), 0.1)


def _mistaken(world: World, seen: Looked) -> np.ndarray:
    """1 where a label is against the gold score, or, where people answered, a tie: neither could be told better."""
    answers = {c.pair_id: c.answer for c in world.pool.comparisons}
    if not world.gold:
        return np.array([float(answers.get(pair.id) == "tie") for pair in seen.view.pairs])
    score = world.pool.scores
    side = [{"a": 1, "b": -1}.get(answers.get(pair.id, ""), 0) for pair in seen.view.pairs]
    gap = [np.sign(score[pair.a] - score[pair.b]) for pair in seen.view.pairs]
    return np.array([float(s != g) if g else np.nan for s, g in zip(side, gap, strict=True)])


def _rank(one: np.ndarray, other: np.ndarray) -> float:
    return float(stats.spearmanr(one, other).statistic)
