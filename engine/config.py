"""A study, as a person writes it in `study.yaml`. Every field has a unit or a choice; unknown keys are refused.

`StudyConfig.from_yaml` reports all findings at once. Paths in the file are relative to the file.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationError, model_validator

from engine import arms
from engine.arms import Control, Entrant
from engine.errors import ConfigError, EngineError
from engine.filters.base import FILTERS, Filter
from engine.findings import findings
from engine.oracles.base import ORACLES, Oracle
from engine.registry import spec_of
from engine.samplers.base import SAMPLERS, Sampler
from engine.settings import (
    DataSettings,
    DPOSettings,
    EvaluationSettings,
    ModelSettings,
    RefereeSettings,
    Regime,
    Settings,
)
from engine.signals.base import GOLD, SIGNALS, Signal, as_known
from engine.strategies.base import STRATEGIES, Strategy
from engine.study_file import read
from engine.trackers.base import TRACKERS, Tracker

AnyStrategy = Annotated[Strategy, BeforeValidator(STRATEGIES.build), PlainSerializer(spec_of)]
AnyOracle = Annotated[Oracle, BeforeValidator(ORACLES.build), PlainSerializer(spec_of)]
AnySampler = Annotated[Sampler, BeforeValidator(SAMPLERS.build), PlainSerializer(spec_of)]
AnyFilter = Annotated[Filter, BeforeValidator(FILTERS.build), PlainSerializer(spec_of)]
AnyTracker = Annotated[Tracker, BeforeValidator(TRACKERS.build), PlainSerializer(spec_of)]
AnySignal = Annotated[Signal, BeforeValidator(SIGNALS.build), PlainSerializer(spec_of)]


class StudyConfig(Settings):
    """The runs that are compared: strategies × seeds over one data set, one model, one budget."""

    name: str = Field(min_length=1, max_length=120, description="what the study is called on screen")
    data: DataSettings
    model: ModelSettings
    sampler: AnySampler = Field(default_factory=lambda: SAMPLERS.build("given"), validate_default=True)
    oracle: AnyOracle = Field(default_factory=lambda: ORACLES.build("recorded"), validate_default=True)
    evaluator: AnyOracle | None = Field(None, description="scores generations; must give a number for any text")
    filters: tuple[AnyFilter, ...] = Field(
        (), description="labels that do not train though they are bought; each filter sees what those before it left"
    )
    strategies: tuple[AnyStrategy, ...] = Field(min_length=1)
    signals: tuple[AnySignal, ...] = Field((), description="parameters of signals that differ from their defaults")
    panel: tuple[str, ...] = Field((), description="scalar signals every run records, whatever its strategy needs")
    race: Literal["controlled", "as_published", "none"] = Field(
        "controlled",
        description="one sampler and regime for all strategies, or each in its paper's, each with its random twin; "
        "none: only what is named, no twin, no verdict",
    )
    controls: tuple[Control, ...] = Field((), description="what runs beside the strategies to be held against")
    seeds: tuple[int, ...] = Field(
        (1, 2, 3, 4, 5), min_length=1, description="every strategy runs once with each; intervals take at least 3"
    )
    rounds: int = Field(6, ge=1, description="rounds after round 0")
    labels_per_round: int = Field(60, ge=1, description="pairs in a batch")
    label_share: float | None = Field(
        None, gt=0, le=1, description="share of a round's pool that is its batch, in place of labels_per_round"
    )
    one_per_prompt: bool = Field(
        False, description="a batch has at most one pair of a prompt; label_share is then a share of the prompts"
    )
    prompts_per_round: int | None = Field(
        None, ge=1, description="seeded subset of prompts scored in a round; default all"
    )
    warm_up: bool = Field(False, description="round 1 is a random batch, the same for every strategy of a seed")
    review: bool = Field(
        False, description="every batch waits to be looked at, and changed, before it is labelled; off: nobody is asked"
    )
    regime: Regime = Regime()
    dpo: DPOSettings = DPOSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    referee: RefereeSettings = RefereeSettings()
    tracker: AnyTracker | None = Field(
        None, description="where else runs are logged, stage by stage, as numbers; a tracker that fails stops no run"
    )

    @model_validator(mode="before")
    @classmethod
    def _one_seed(cls, given: Any) -> Any:
        """A campaign is one run: where no seeds are named it has one."""
        if isinstance(given, dict) and "seeds" not in given:
            oracle = given.get("oracle")
            name = oracle.get("name") if isinstance(oracle, dict) else getattr(oracle, "name", oracle)
            known = isinstance(name, str) and name in ORACLES.names()
            return {**given, "seeds": (1,)} if known and ORACLES.get(name).people else given
        return given

    @model_validator(mode="before")
    @classmethod
    def _fresh_pool(cls, given: Any) -> Any:
        """Where no pool is named, one that the sampler draws anew in every round is called so."""
        regime = given.get("regime") or {} if isinstance(given, dict) else None
        if not isinstance(regime, dict) or "pool" in regime or not given.get("sampler"):
            return given
        try:
            stays = SAMPLERS.build(given["sampler"]).stays()
        except (EngineError, ValueError):  # its own field says what is wrong with it
            return given
        return given if stays else {**given, "regime": {**regime, "pool": "regenerated"}}

    @model_validator(mode="after")
    def _consistent(self) -> "StudyConfig":
        keys = arms.keys_of(strategy.spec() for strategy in self.strategies)
        doubled = sorted({k for k in keys if keys.count(k) > 1 or k.startswith(f"{arms.TWIN}:")})
        if doubled:
            raise ValueError(
                f"strategies names {arms.strategy_of(doubled[0])!r} twice; each runs once a seed, random and, with any "
                "one set of parameters, every other"
            )
        whole = [s.name for s in self.strategies if s.whole_pool]
        if whole:
            raise ValueError(f"{whole[0]!r} is no strategy to race; name it under controls")
        if len({one.name for one in self.filters}) < len(self.filters):
            raise ValueError("filters names a filter twice; its count could not be told apart")
        if self.oracle.people and (len(self.seeds) > 1 or self.controls):
            raise ValueError(
                f"oracle is {self.oracle.name!r}, so the study is a campaign of one run: name one seed and no controls"
            )
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds names a seed twice")
        if self.referee.held_out and self.referee.held_out not in (self.data.held_out or ("held_out",)):
            known = ", ".join(self.data.held_out or ("held_out",))
            raise ValueError(f"referee.held_out is {self.referee.held_out!r}; the held-out sets are {known}")
        if (self.referee.spending == "none") != (self.referee.seeds_at_most is None):
            raise ValueError("referee.spending and referee.seeds_at_most go together: name both, or neither")
        if (self.referee.seeds_at_most or len(self.seeds)) < len(self.seeds):
            raise ValueError(
                f"referee.seeds_at_most is {self.referee.seeds_at_most}, but there are {len(self.seeds)} seeds"
            )
        readers = {
            "panel": "reward_margin" in self.panel,
            "evaluation.probe": self.evaluation.probe > 0,
            "a filter by the implicit margin": any("implicit" in one.reads() for one in self.filters),
        }
        for reader in (name for name, reads in readers.items() if reads):
            self._margins_are_sums(reader)
        beside = [Entrant(strategy, "", {}) for strategy in arms.in_the_shadow(self).values()]
        for entrant in [*self.entrants(), *beside]:
            self._can_run(entrant)
        return self

    def _can_run(self, entrant: Entrant) -> None:
        regime, sampler = (entrant.setting.get(name, getattr(self, name)) for name in ("regime", "sampler"))
        which = f" of {entrant.key}" if entrant.setting else ""
        one_each = entrant.setting.get("one_per_prompt", self.one_per_prompt)
        if one_each and not entrant.strategy.spreads:
            raise ValueError(f"one_per_prompt is on, and strategy {entrant.key!r} weighs pairs against each other only")
        if GOLD in entrant.strategy.needs and entrant.strategy.control != "oracle":
            raise ValueError(f"strategy {entrant.key!r} needs gold scores but is not declared an oracle control")
        if entrant.strategy.takes_logits and "reward_margin" in entrant.strategy.needs:
            self._margins_are_sums(f"strategy {entrant.key!r}")
        if regime.pool == "regenerated" and not sampler.generates:
            raise ValueError(f"regime.pool{which} is 'regenerated', but sampler {sampler.name!r} draws no responses")
        missing = self.oracle.reads_of_file()
        if missing and sampler.generates:
            kind = "regenerated" if regime.pool == "regenerated" else "drawn"
            raise ValueError(
                f"the {kind} pool{which} has no recorded {missing}; take oracle 'gold' with scorer 'howto' (the sample "
                "worlds' rule), 'reward_model', 'judge', 'people' or another that can answer any text"
            )

    def _margins_are_sums(self, reader: str) -> None:
        if getattr(self.signal("reward_margin"), "over", "sum") != "sum":
            raise ValueError(
                f"signal reward_margin is a mean over tokens, and {reader} reads it as a sum; leave `over` out"
            )

    @property
    def budget(self) -> int:
        """Labels a run may buy."""
        return self.rounds * self.labels_per_round

    def batch_of(self, n_pairs: int, n_prompts: int) -> int:
        """Pairs that a round labels out of a pool of so many, of so many prompts."""
        whole = n_prompts if self.one_per_prompt else n_pairs
        return self.labels_per_round if self.label_share is None else share_of(self.label_share, whole)

    def signal(self, name: str, strategy: Strategy | None = None) -> Signal:
        """The signal with this study's parameters, and with those that a strategy which reads it fixes itself."""
        found = as_known(name, self.signals)
        return found.with_fixed(strategy.signal_parameters().get(name, {})) if strategy else found

    def entrants(self) -> list[Entrant]:
        """The arms of the study: its strategies, and what the race adds to them (`engine.arms`)."""
        return arms.entrants(self)

    def twins(self) -> dict[str, str]:
        """Key of an arm → key of its random twin, for the arms that get a verdict."""
        return {e.key: e.twin for e in self.entrants() if e.twin is not None}

    def seconds(self) -> dict[str, str]:
        """Key of a random arm → key of its second draw."""
        return {e.repeats: e.key for e in self.entrants() if e.repeats is not None}

    def runs(self, seeds: Iterable[int] | None = None) -> list["RunConfig"]:
        """Every run (of these seeds), seed-major, so that the curves of all strategies appear together."""
        wanted = self.seeds if seeds is None else seeds
        return [self.run(e.strategy, seed, e.arm, e.setting) for seed in wanted for e in self.entrants()]

    def run(self, strategy: Any, seed: int, arm: str = "", setting: Mapping[str, Any] | None = None) -> "RunConfig":
        """One run, its own fields of the study in `setting`; takes what `RunConfig.saved` gives, or ConfigError."""
        own = dict(setting or {})
        own |= {name: SAMPLERS.build(own[name]) for name in own if name == "sampler"}
        own |= {name: Regime.model_validate(own[name]) for name in own if name == "regime"}
        own |= {name: DPOSettings.model_validate(own[name]) for name in own if name == "dpo"}
        own |= {name: tuple(map(SIGNALS.build, own[name])) for name in own if name == "signals"}
        seen, names = self.model_copy(update=own), tuple(sorted(own))
        if isinstance(strategy, Mapping) and strategy.get("name") in STRATEGIES.names():
            strategy = STRATEGIES.get(strategy["name"]).as_queued(
                strategy, {s.name: s.model_dump() for s in seen.signals}
            )
        try:
            return RunConfig(study=seen, strategy=strategy, seed=seed, arm=arm, own=names)
        except ValidationError as error:
            raise ConfigError(f"A run of {self.name}", findings(error), "Nothing was started.") from error

    @classmethod
    def from_dict(cls, value: Mapping[str, Any], where: str = "The study") -> "StudyConfig":
        """A checked config, or one ConfigError that names every finding."""
        try:
            return cls.model_validate(dict(value))
        except ValidationError as error:
            raise ConfigError(where, findings(error), "Nothing was started.") from error

    @classmethod
    def from_yaml(cls, path: Path | str) -> "StudyConfig":
        """Read a study file; its relative paths become absolute."""
        return cls.from_dict(read(Path(path)), str(path))


def share_of(label_share: float, whole: int) -> int:
    """Pairs of a batch that is a share of a pool with so many pairs (or prompts, one pair each)."""
    return max(1, int(label_share * whole + 1e-9))


class RunConfig(Settings):
    """One strategy, one regime, one seed. `study` is the study as this run sees it; the fields in `own` are its own."""

    study: StudyConfig
    strategy: AnyStrategy
    seed: int
    arm: str = ""
    own: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What its arm is called."""
        return arms.key_of(self.strategy.name, self.arm)

    @property
    def saved(self) -> dict[str, Any]:
        """All that tells it from the other runs of its study; `StudyConfig.run` builds it again."""
        whole = self.study.model_dump(mode="json", include=set(self.own))
        return {"strategy": self.strategy.spec(), "seed": self.seed, "arm": self.arm, "setting": whole}
