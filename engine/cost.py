"""What a study will take before it starts: labels, forwards, backwards, generations. Counted from its config alone.

A forward is one text (a response behind its prompt) through the model, a backward one text there and back (gradient,
training), a generation one response drawn. Counts are the most it can take: what the cache holds is not done again.
Strategies in the shadow of a campaign count to the run that they stand beside.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.arms import Entrant, in_the_shadow
from engine.config import StudyConfig
from engine.data.pool import PreferenceData
from engine.pace import Pace as Pace
from engine.pace import Work as Work
from engine.pace import pace_of as pace_of
from engine.signals.base import Signal, reads_of
from engine.strategies.base import Strategy

PARTS = ("pooled", "scored", "trained", "evaluated")
"""Stages that put texts through the model; what is computed while picking counts as scoring."""


@dataclass(frozen=True)
class Sizes:
    """How many prompts, responses and pairs a set holds."""

    prompts: int
    responses: int
    pairs: int

    @classmethod
    def of(cls, data: PreferenceData) -> "Sizes":
        """Of data at hand."""
        return cls(len(data.prompts), len(data.responses), len(data.pairs))

    def cut(self, n_pairs: int) -> "Sizes":
        """The set cut to whole prompts until `n_pairs` pairs are reached, all prompts alike."""
        if n_pairs >= self.pairs or not self.prompts:
            return self
        a_prompt = self.pairs / self.prompts
        prompts = min(self.prompts, math.ceil(n_pairs / a_prompt))
        share = prompts / self.prompts
        return Sizes(prompts, round(self.responses * share), round(self.pairs * share))


@dataclass(frozen=True)
class Cost:
    """What a study takes. `runs`: strategy → part of a run → work of one run; `once`: done once for all runs."""

    labels_a_run: int
    labels_asked: int
    labels_paid: int
    seeds: int
    once: Work
    runs: Mapping[str, Mapping[str, Work]] = field(default_factory=dict)

    def a_run(self, strategy: str) -> Work:
        """The work of one run of that strategy."""
        return sum(self.runs[strategy].values(), Work())

    @property
    def total(self) -> Work:
        """The work of all runs of the study, and what is done once for all of them."""
        return sum((self.a_run(name).times(self.seeds) for name in self.runs), self.once)


def estimate(config: StudyConfig, pool: Sizes, held_out: Sequence[Sizes], text_lines: int = 0) -> Cost:
    """The cost of a study over a pool and its held-out sets, the primary one first.

    With R rounds, K labels a round, S strategies, s seeds, P prompts and m responses a round (`prompts_per_round` of
    the pool; fresh ones where the sampler generates):

    labels       R K a run (of a share of the pool, less: `budget_in`), S s R K asked; a label is paid for once, so at
                 most s (K + S (R − 1) K) with a warm-up batch, and never more than pairs there are.
    once         one forward a response of pool and held-out sets (the reference), and one for each signal that the
                 policy does not change.
    pooled       where the sampler generates: its draws a prompt, and one forward a draw (the reference), every round.
    scored       signals of a round: m forwards for the log-probs that several share, m backwards for the gradient,
                 P N generations for the prompt's entropy; on the batch alone (2 K responses) in a warm-up round. For a
                 strategy in a campaign's shadow the same, and its signals of the batch once more in every round.
    trained      2 · epochs · Σ n_r backwards, n_r = r K (cumulative) or K (new); where a filter reads the implicit
                 margin, 2 n_r forwards from round 2 on.
    evaluated    R forwards a response of the held-out sets (round 0 needs none: policy = reference), and 2 a pair of
                 the probe panel, r K picks in it; where generations are made, g rounds: g (p + k) + p of them, p greedy
                 ones, k at T = 1, p once by the SFT model; and g (2 k + 2 lines) forwards for KL and perplexity.
    """
    cuts = [found.cut(config.evaluation.pairs_per_set) for found in held_out]
    seen = {entrant.key: as_seen(config, entrant, pool) for entrant in config.entrants()}
    runs = {
        entrant.key: {
            "pooled": _pooled(seen[entrant.key], pool),
            "scored": _scored(seen[entrant.key], entrant.strategy, pool) + _shadowed(seen[entrant.key], pool),
            "trained": _trained(seen[entrant.key]),
            "evaluated": _evaluated(seen[entrant.key], cuts, text_lines),
        }
        for entrant in config.entrants()
    }
    budgets = {entrant.key: budget_in(seen[entrant.key], entrant.strategy, pool) for entrant in config.entrants()}
    asked = config.oracle.asks(len(config.seeds) * sum(budgets.values()))
    there = () if config.oracle.people else (_different(config, seen, budgets, pool),
                                             _labels_there(config, seen, budgets, pool))  # fmt: skip
    return Cost(
        labels_a_run=budget_in(config, None, pool),
        labels_asked=asked,
        labels_paid=min([asked, *there]),
        seeds=len(config.seeds),
        once=_once(config, pool, cuts),
        runs=runs,
    )


def as_seen(config: StudyConfig, entrant: Entrant, pool: Sizes) -> StudyConfig:
    """The study as one of its arms sees it; for an arm that buys every label, a round of that many."""
    arm = config.model_copy(update=dict(entrant.setting))
    if entrant.strategy.whole_pool:
        return arm.model_copy(update={"labels_per_round": _pairs(arm, pool)})
    return _batched(arm, pool)


def budget_in(config: StudyConfig, strategy: Strategy | None, pool: Sizes) -> int:
    """Labels that a run buys at most, of a study as it sees it and out of a pool of that size.

    Where a batch is a share of a pool that stays, each round takes it of what the rounds before have left.
    """
    if strategy is not None and strategy.whole_pool:
        return config.rounds * _pairs(config, pool)
    of = round_pool(config, pool)
    stays = config.regime.pool == "fixed" and of.prompts == pool.prompts
    bought = 0
    for _ in range(config.rounds):
        left = max(0, of.pairs - bought) if stays and config.label_share is not None else of.pairs
        bought += config.batch_of(left, of.prompts)
    return bought


def _batched(config: StudyConfig, pool: Sizes) -> StudyConfig:
    """The same with the batch in numbers, where it is a share of a round's pool."""
    of_round = round_pool(config, pool)
    return config.model_copy(update={"labels_per_round": config.batch_of(of_round.pairs, of_round.prompts)})


def _pairs(config: StudyConfig, pool: Sizes) -> int:
    return pool.pairs if config.sampler.name == "given" else max(pool.pairs, _all_pairs(pool))


def _different(config: StudyConfig, seen: Mapping[str, StudyConfig], budgets: Mapping[str, int], pool: Sizes) -> int:
    """Labels of a study in which no two arms pick the same pair but for the warm-up batch."""
    shared = _batched(config, pool).labels_per_round if config.warm_up else 0
    own = sum(budgets[key] - (arm.labels_per_round if arm.warm_up else 0) for key, arm in seen.items())
    return len(config.seeds) * (shared + own)


def _labels_there(config: StudyConfig, seen: Mapping[str, StudyConfig], budgets: Mapping[str, int], pool: Sizes) -> int:
    """Labels that can be bought at all: one a pair, for a simulated oracle one a pair and seed; fresh pairs besides."""
    fresh = sum(budgets[key] for key, arm in seen.items() if arm.sampler.generates) * len(config.seeds)
    given = max((_pairs(arm, pool) for arm in seen.values() if not arm.sampler.generates), default=0)
    return fresh + given * (len(config.seeds) if config.oracle.simulated else 1)


def _all_pairs(pool: Sizes) -> int:
    each = pool.responses / pool.prompts if pool.prompts else 0
    return round(pool.prompts * each * (each - 1) / 2)


def round_pool(config: StudyConfig, pool: Sizes) -> Sizes:
    """What is scored in a round: its prompts, their responses and pairs."""
    prompts = min(config.prompts_per_round or pool.prompts, pool.prompts)
    if config.sampler.generates:
        drawn = Sizes(prompts, prompts * _draws(config), 0)
        return Sizes(prompts, drawn.responses, _all_pairs(drawn))
    share = prompts / pool.prompts if pool.prompts else 0.0
    responses = pool.responses * share
    most = getattr(config.sampler, "max_responses", None)
    found = Sizes(prompts, round(min(responses, prompts * most) if most else responses), round(pool.pairs * share))
    given = config.sampler.name == "given"
    return found if given else Sizes(found.prompts, found.responses, max(found.pairs, _all_pairs(found)))


def _draws(config: StudyConfig) -> int:
    return int(getattr(config.sampler, "responses", 2))


def _once(config: StudyConfig, pool: Sizes, cuts: Sequence[Sizes]) -> Work:
    work = Work(forwards=pool.responses + sum(cut.responses for cut in cuts))
    if not config.sampler.generates:
        who = [*(arm.strategy for arm in config.entrants()), *in_the_shadow(config).values()]
        read = [config.signal(name, one) for one in who for name in one.needs]
        for signal in {str(x.spec()): x for x in [*read, *map(config.signal, config.panel)]}.values():
            if signal.model != "policy":
                work += _signal(signal, pool.prompts, pool.responses)
    return work


def _pooled(config: StudyConfig, pool: Sizes) -> Work:
    if not config.sampler.generates:
        return Work()
    drawn = config.rounds * round_pool(config, pool).responses
    return Work(forwards=drawn, generations=drawn * config.sampler.passes)


def _scored(config: StudyConfig, strategy: Strategy, pool: Sizes) -> Work:
    work, whole = Work(), round_pool(config, pool)
    batch = _batch(config)
    for number in range(1, config.rounds + 1):
        warm_up = config.warm_up and number == 1
        wide = set(config.panel) | (set() if warm_up else set(strategy.needs))
        work += _signals(config, strategy, wide, whole, trained=number > 1)
        tuned = (number - 1) * sum(config.signal(name, strategy).adapters for name in strategy.needs)
        work += Work(backwards=2 * tuned * config.dpo.epochs * config.labels_per_round)
        if warm_up:
            work += _signals(config, strategy, set(strategy.needs), batch, trained=False)
        elif number > 1 and (anew := set(strategy.recomputed())):
            past = (number - 1) * config.labels_per_round
            work += _signals(config, strategy, anew, Sizes(past, 2 * past, past), trained=True)
    return work


def _shadowed(config: StudyConfig, pool: Sizes) -> Work:
    """What a campaign's other strategies read, to say what they would have picked and to remember what was."""
    work, alone = Work(), config.model_copy(update={"panel": ()})
    for one in in_the_shadow(config).values():
        work += _scored(alone, one, pool)
        for number in range(2 if config.warm_up else 1, config.rounds + 1):
            work += _signals(alone, one, set(one.needs), _batch(config), trained=number > 1)
    return work


def _batch(config: StudyConfig) -> Sizes:
    return Sizes(config.labels_per_round, 2 * config.labels_per_round, config.labels_per_round)


def _signals(config: StudyConfig, strategy: Strategy, names: set[str], of: Sizes, *, trained: bool) -> Work:
    """Signals of the policy over some texts."""
    signals = [config.signal(name, strategy) for name in sorted(names)]
    return _read([s for s in signals if s.model == "policy" or config.sampler.generates], of, trained=trained)


def scoring(signals: Sequence[Signal], of: Sizes, *, trained: bool) -> Work:
    """Signals over a pool once, for a dry run; the reference reads every response first."""
    return Work(forwards=of.responses) + _read(signals, of, trained=trained)


def _read(signals: Sequence[Signal], of: Sizes, *, trained: bool) -> Work:
    """Signals over some texts; those that are made of one pass of the policy share it, those of whole gradients do
    not."""
    read = reads_of(s for s in signals if trained or s.name != "reward_margin")  # at the reference every margin is 0
    slopes = {(one.dimension, one.seed) for one in read if one.backward}
    work = Work(forwards=of.responses if read and not slopes else 0, backwards=of.responses * len(slopes))
    alone = (signal for signal in signals if signal.reads is None or signal.reads.whole)
    return sum((_signal(signal, of.prompts, of.responses) for signal in alone), work)


def _signal(signal: Signal, prompts: int, responses: int) -> Work:
    """One signal over some texts; of one that is not known here, a forward a response."""
    if signal.name == "response_length":  # counted, not passed
        return Work()
    if signal.name == "prompt_entropy":
        return Work(generations=prompts * int(getattr(signal, "samples", 1)))
    passes = Work(backwards=responses) if signal.reads and signal.reads.backward else Work(forwards=responses)
    return passes.times(signal.adapters or 1)


def _trained(config: StudyConfig) -> Work:
    rounds = range(1, config.rounds + 1)
    labels = sum(n * config.labels_per_round if config.regime.data == "cumulative" else config.labels_per_round
                 for n in rounds)  # fmt: skip
    work = Work(backwards=2 * config.dpo.epochs * labels)
    if any("implicit" in one.reads() for one in config.filters):  # round 1 has none
        work += Work(forwards=2 * (labels - config.labels_per_round))
    return work


def _evaluated(config: StudyConfig, cuts: Sequence[Sizes], text_lines: int) -> Work:
    settings, probe = config.evaluation, config.evaluation.probe
    panel = sum(probe + number * config.labels_per_round for number in range(1, config.rounds + 1)) if probe else 0
    work = Work(forwards=config.rounds * sum(cut.responses for cut in cuts) + 2 * panel)
    times = {"never": 0, "last": 1, "every": config.rounds}[settings.generate]
    if times:
        greedy = min(settings.prompts, cuts[0].prompts if cuts else 0)
        sampled = min(settings.kl_prompts, greedy)
        lines = text_lines if settings.text_file else 0
        drawn = times * (greedy + sampled) + greedy
        work += Work(forwards=times * (2 * sampled + 2 * lines), generations=drawn)
    return work
