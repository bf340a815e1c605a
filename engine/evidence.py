"""What a study has shown, gathered once for the page and for the report: who is compared with whom, findings, luck.

It knows no screen: the command line and notebooks ask it as the app does.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from engine.advice import Advised, advice
from engine.analysis.crossed import crossed_interval
from engine.analysis.looks import Standing, standing
from engine.analysis.referee import Finding, curve, findings
from engine.arms import TWIN, keys_of, second
from engine.config import StudyConfig
from engine.errors import ConfigError
from engine.records import Outcomes
from engine.settings import RefereeSettings
from engine.store.database import Store
from engine.store.growth import added_seeds
from engine.store.outcomes import every_outcome, furthest
from engine.store.summaries import StrategyRef, StudyDetail

NOT_YET = "It takes a strategy and random, both finished with the same seeds; three of them for an interval."
UNNAMED = "Its records do not name the held-out pairs; a clone of it will have one."
NO_TWIN = "Nothing in it runs beside a random twin, and a verdict compares a strategy with its twin only."
PAIRED = ["strategy", "round", "labels", "mean", "low", "high", "seeds"]
AS_DECLARED = Standing(0.95)
ENDS = ["strategy", "seed", "value"]


@dataclass(frozen=True)
class Arms:
    """Who stands beside whom: strategy → its random twin, twin → its second random arm, all by key.

    `controls` are there to be held against: they get no verdict, and count in no correction.
    """

    twins: Mapping[str, str] = field(default_factory=dict)
    again: Mapping[str, str] = field(default_factory=dict)
    controls: frozenset[str] = frozenset()

    def without_controls(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows whose `strategy` is none."""
        return frame[~frame["strategy"].isin(self.controls)]


@dataclass(frozen=True, eq=False)
class Evidence:
    """The referee's numbers on the held-out set `where` that decides, by what was `declared` before the start.

    `standing` says what the verdicts may claim at this look, `why_none` why there are none. `paired` has a row a
    strategy and round: mean difference to the twin with its 95 % interval (`crossed_interval`), controls among them;
    `luck` the same of each twin's second arm; `ends` a row a strategy and seed: its difference in the last round.
    All in the unit of the declared metric.
    """

    where: str
    declared: RefereeSettings
    arms: Arms
    found: Mapping[str, Finding] = field(default_factory=dict)
    standing: Standing = AS_DECLARED
    why_none: str = ""
    paired: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=PAIRED))
    luck: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=PAIRED))
    ends: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=ENDS))


def arms_of(detail: StudyDetail) -> Arms:
    """As the config says; where a plugin of it is no longer installed, `random` is everybody's twin.

    Only arms that have runs are named: a study from before there were second arms has none.
    """
    there = {ref.name: None for ref in detail.summary.strategies}  # in the study's order
    try:
        config = StudyConfig.from_dict(detail.config)
    except ConfigError:  # a plugin is gone: only the plain race of one twin can still be told from the names
        named = {strategy["name"] for strategy in detail.config["strategies"]}
        plain = TWIN in there and detail.config.get("race", "controlled") == "controlled"
        return Arms({key: TWIN for key in there if key in named - {TWIN} and plain})
    twins, again = config.twins(), config.seconds()
    twins |= {key: _twin_there(detail, key, there) or twin for key, twin in twins.items() if twin not in there}
    raced = zip(keys_of(strategy.spec() for strategy in config.strategies), config.strategies, strict=True)
    methods = {key for key, strategy in raced if strategy.control != "oracle"}
    return Arms(
        {key: twins[key] for key in there if twins.get(key) in there},
        {twin: other for twin, other in again.items() if twin in there and other in there},
        frozenset(set(there) - methods - set(twins.values()) - set(again) - set(again.values())),
    )


def _twin_there(detail: StudyDetail, key: str, there: Iterable[str]) -> str | None:
    """The random arm that has run in its setting: what a paper's own is may have been settled after the study."""
    own = _setting(detail, key)
    found = (other for other in there if other == TWIN or (other.startswith(f"{TWIN}:as ") and not second(other)))
    return next((other for other in found if own is not None and _setting(detail, other) == own), None)


def _setting(detail: StudyDetail, key: str) -> dict[str, Any] | None:
    """The fields that an arm has had for itself, but for signals: random reads none. None where nothing is kept."""
    own = detail.arms.get(key, {}).get("setting")
    return None if own is None else {name: value for name, value in own.items() if name != "signals"}


def in_slot_order(detail: StudyDetail) -> dict[str, StrategyRef]:
    """Key → strategy, in the order of the colours."""
    return {ref.name: ref for ref in sorted(detail.summary.strategies, key=lambda ref: ref.slot)}


def declared_of(detail: StudyDetail) -> tuple[RefereeSettings, str]:
    """What the study declared, and the held-out set that decides."""
    declared = RefereeSettings.model_validate(detail.config.get("referee") or {})
    return declared, declared.decides_on(detail.config["data"].get("held_out") or ())


def weighed(store: Store, detail: StudyDetail) -> Evidence:
    """All finished runs of a study, weighed; StoreError if a file of theirs is damaged."""
    declared, where = declared_of(detail)
    arms, kept = arms_of(detail), every_outcome(store, detail.summary.id, where, declared.metric)
    methods = {key: twin for key, twin in arms.twins.items() if key not in arms.controls}
    if not methods:
        return Evidence(where, declared, arms, why_none=NO_TWIN)
    if not kept:
        done = sum(run.state == "done" for run in detail.runs)
        return Evidence(where, declared, arms, why_none=UNNAMED if done > 1 else NOT_YET)
    claim = _standing(store, detail, kept, methods, declared)
    found: dict[str, Finding] = {}
    for one in kept:
        found |= findings(
            one,
            methods,
            statistic=declared.statistic,
            smallest=declared.smallest,
            each=claim.each,
            seeds=claim.seeds,
            target=declared.target,
        )
    paired, ends = _every_difference(kept, arms.twins)
    luck, _ = _every_difference(kept, {other: twin for twin, other in arms.again.items()})
    order = [key for key in in_slot_order(detail) if key in found]
    verdicts = {key: found[key] for key in order}
    return Evidence(where, declared, arms, verdicts, claim, "" if found else NOT_YET, paired, luck, ends)


def advised(store: Store, detail: StudyDetail) -> tuple[Advised, ...]:
    """Advice on each strategy and twin, running or finished, controls and second arms left out."""
    arms, (_, where) = arms_of(detail), declared_of(detail)
    shown = [key for key in in_slot_order(detail) if key not in arms.controls and not second(key)]
    return advice(furthest(store, detail.summary.id, where), shown)


def _standing(
    store: Store, detail: StudyDetail, kept: Sequence[Outcomes], methods: Mapping[str, str], declared: RefereeSettings
) -> Standing:
    """What may be claimed with the seeds that every strategy and its twin have finished."""
    seeds = {key: set(runs) for one in kept for key, runs in one.values.items()}
    finished = set.intersection(*(seeds.get(key, set()) for key in {*methods, *methods.values()}))
    return standing(
        detail.config["seeds"], added_seeds(store, detail.summary.id), finished, comparisons=len(methods),
        spending=declared.spending, seeds_at_most=declared.seeds_at_most,
    )  # fmt: skip


def no_verdict(evidence: Evidence) -> str:
    """Whether there is none yet, or will be none."""
    return "There is no verdict yet." if evidence.why_none == NOT_YET else "This study has no verdict."


def _every_difference(kept: Sequence[Outcomes], twins: Mapping[str, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`differences` of all outcomes one below the other."""
    frames = [differences(one, twins) for one in kept]
    paired, ends = ([frame[n] for frame in frames if len(frame[n])] or [frames[0][n]] for n in (0, 1))
    return pd.concat(paired, ignore_index=True), pd.concat(ends, ignore_index=True)


def differences(kept: Outcomes, twins: Mapping[str, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(a row a strategy and round, a row a strategy and seed) of strategy minus twin, on the seeds that both have.

    The first has the columns `PAIRED`, each round's interval by itself at 95 % (`crossed_interval`; None below three
    seeds), the second `ENDS`, of the last round.
    """
    rounds, ends = [], []
    for key, twin in twins.items():
        seeds = tuple(sorted(set(kept.values.get(key, {})) & set(kept.values.get(twin, {}))))
        if not seeds:
            continue
        table = curve(kept, key, seeds) - curve(kept, twin, seeds)
        for number, labels in enumerate(kept.labels):
            at = crossed_interval(table[number])
            rounds.append((key, number, labels, at.mean, at.low, at.high, at.seeds))
        ends += [(key, seed, float(table[-1][n].mean())) for n, seed in enumerate(seeds)]
    return pd.DataFrame(rounds, columns=PAIRED), pd.DataFrame(ends, columns=ENDS)


def config_hash(detail: StudyDetail) -> str:
    """SHA-256 of the config as saved, the hash that was declared at the start (`engine.store.writer`)."""
    return hashlib.sha256(json.dumps(detail.config, sort_keys=True).encode()).hexdigest()
