"""Who runs in a study: its strategies, their random twins, the second random arm, and the controls.

A strategy may run in several *arms*: random once more with another draw, random as the twin of a strategy that runs in
a regime of its own, a strategy with its scores shuffled. The *key* of an arm, `strategy` or `strategy:arm`, stands
wherever runs are told apart: in the store, in links, as a row of a table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from engine.data.pool import PoolView
from engine.samplers.base import SAMPLERS
from engine.selection.recipes import Recipe, Shuffled, Uniform
from engine.signals.base import SIGNALS, Signal
from engine.strategies.base import STRATEGIES, Strategy

if TYPE_CHECKING:
    from engine.config import StudyConfig

TWIN, AGAIN, SHUFFLED, ON_POLICY, OFF_POLICY = "random", "again", "shuffled", "on policy", "off policy"
Control = Literal[
    "full_labels", "shuffled", "norm_only", "largest_oracle_margin", "smallest_oracle_margin",
    "random_on_policy", "random_off_policy",
]  # fmt: skip
"""What a study can add to its race to be held against; none of them is a method that one would use."""
AS_STRATEGY: Mapping[str, str] = {
    "full_labels": "full_labels",
    "norm_only": "gradient_norm",
    "largest_oracle_margin": "largest_oracle_margin",
    "smallest_oracle_margin": "smallest_oracle_margin",
}
"""Controls that are strategies of their own."""


@dataclass(frozen=True)
class Entrant:
    """One arm of a study; `setting` holds the fields of the study that are different for it: sampler, regime, …

    `twin` is the key of its random twin if it gets a verdict; `repeats` of the random arm whose lottery it draws again.
    """

    strategy: Strategy
    arm: str
    setting: Mapping[str, Any]
    twin: str | None = None
    repeats: str | None = None

    @property
    def key(self) -> str:
        """What it is called wherever runs are told apart."""
        return key_of(self.strategy.name, self.arm)


def key_of(strategy: str, arm: str) -> str:
    """`strategy`, or `strategy:arm` where it is not the plain one."""
    return f"{strategy}:{arm}" if arm else strategy


def strategy_of(key: str) -> str:
    """The strategy's name."""
    return key.partition(":")[0]


def arm_of(key: str) -> str:
    """The arm, "" for the plain one."""
    return key.partition(":")[2]


def second(key: str) -> bool:
    """Whether it is a second random arm: the same lottery drawn again, to see how far apart luck alone takes two."""
    return strategy_of(key) == TWIN and (arm_of(key) == AGAIN or arm_of(key).endswith(f", {AGAIN}"))


def title_of(key: str) -> str:
    """Its name for screens; of a strategy that is not installed, its name."""
    name, arm = strategy_of(key), arm_of(key)
    title = STRATEGIES.get(name).heading() if name in STRATEGIES.names() else name
    if arm.startswith("as "):
        what, _, rest = arm.removeprefix("as ").partition(",")
        return f"{title} as {title_of(what)}{',' if rest else ''}{rest}"
    return f"{title}, {arm}" if arm else title


def buys_all(key: str) -> bool:
    """Whether it buys every label in one round; what is not installed does not."""
    name = strategy_of(key)
    return name in STRATEGIES.names() and STRATEGIES.get(name).whole_pool


def entrants(config: "StudyConfig") -> list[Entrant]:
    """All arms of a study, in the order in which a seed runs them: strategies, twins, second random arms, controls.

    `race: controlled` gives all the study's own regime and sampler, so that one random is the twin of all;
    `as_published` gives each the setting of its paper, and each setting its own random. The study adds what is missing;
    with `none`, or where people answer, it adds nothing.
    """
    if config.race == "none" or config.oracle.people:
        alone = [Entrant(strategy, "", {}) for strategy in config.strategies]
        return alone + _controls(config, alone)
    named = {strategy.name: strategy for strategy in config.strategies}
    settings = {name: _setting(config, strategy) for name, strategy in named.items()}
    twins: dict[str, Entrant] = {}
    for name, strategy in named.items():
        if name != TWIN and strategy.control != "oracle":
            twins.setdefault(_said(settings[name]), _twin(config, name, settings[name], named.get(TWIN)))
    if TWIN in named:
        twins.setdefault(_said({}), Entrant(named[TWIN], "", {}))
    found = [
        twins[_said({})] if name == TWIN else
        Entrant(strategy, "", settings[name], _key(twins.get(_said(settings[name])), strategy))
        for name, strategy in named.items()
    ]  # fmt: skip
    found += [twin for twin in twins.values() if twin.key not in {entrant.key for entrant in found}]
    if config.referee.second_random:
        found += [_again(twin) for twin in twins.values()]
    return found + _controls(config, found)


def _setting(config: "StudyConfig", strategy: Strategy) -> dict[str, Any]:
    """The paper's own fields where the study races as published and the paper names any that differ."""
    if config.race != "as_published" or not strategy.published:
        return {}
    longest = {"max_new_tokens": _drawn(config)["max_new_tokens"]}  # no paper's length fits every study's responses
    built = {
        "sampler": lambda value: SAMPLERS.build((longest if SAMPLERS.get(value["name"]).generates else {}) | value),
        "regime": lambda value: type(config.regime)(**value),
        "signals": lambda value: _with(config, value),
    }
    published = {name: built[name](value) if name in built else value for name, value in strategy.published.items()}
    return {name: value for name, value in published.items() if value != getattr(config, name)}


def _with(config: "StudyConfig", signals: Sequence[Mapping[str, Any]]) -> tuple[Signal, ...]:
    """The study's signals, the paper's in place of those of their name."""
    own = [SIGNALS.build(signal) for signal in signals]
    return (*(s for s in config.signals if s.name not in {one.name for one in own}), *own)


def _drawn_as(setting: Mapping[str, Any]) -> dict[str, Any]:
    """What a twin takes over: random reads no signal."""
    return {name: value for name, value in setting.items() if name != "signals"}


def _said(setting: Mapping[str, Any]) -> str:
    setting = _drawn_as(setting)
    return "; ".join(f"{name} {value!r}" for name, value in sorted(setting.items()))


def _key(twin: Entrant | None, strategy: Strategy) -> str | None:
    return twin.key if twin and strategy.control != "oracle" else None


def _twin(config: "StudyConfig", name: str, setting: Mapping[str, Any], random: Strategy | None) -> Entrant:
    strategy, setting = random or STRATEGIES.build(TWIN), _drawn_as(setting)
    return Entrant(strategy, f"as {name}" if setting else "", setting)


def _again(twin: Entrant) -> Entrant:
    """The same lottery with another draw."""
    other = twin.strategy.model_copy(update={"draw": int(getattr(twin.strategy, "draw", 0)) + 1})
    return Entrant(other, f"{twin.arm}, {AGAIN}" if twin.arm else AGAIN, twin.setting, repeats=twin.key)


def _controls(config: "StudyConfig", race: list[Entrant]) -> list[Entrant]:
    """The controls that are asked for and do not run already."""
    found: list[Entrant] = []
    here = {entrant.key: entrant for entrant in race}
    for control in config.controls:
        if control == "shuffled":
            scored = [e for e in race if e.strategy.needs and not e.arm and not e.strategy.control]
            found += [replace(entrant, arm=SHUFFLED) for entrant in scored]
        elif control == "random_on_policy":
            found.append(_other_pool(config, ON_POLICY, _drawn(config), "regenerated"))
        elif control == "random_off_policy":
            found.append(_other_pool(config, OFF_POLICY, {"name": "all_pairs"}, "fixed"))
        else:
            found.append(_alone(STRATEGIES.build(AS_STRATEGY[control]), here))
    return [entrant for entrant in found if entrant.key not in here]


def _drawn(config: "StudyConfig") -> dict[str, Any]:
    """The policy's own responses, drawn as the study's sampler draws where it draws: as many, as warm, as long."""
    own = SAMPLERS.get("policy")
    same = set(own.model_fields) - {"model"} if config.sampler.generates else set()
    taken = {name: getattr(config.sampler, name) for name in sorted(same) if hasattr(config.sampler, name)}
    return {"name": own.name, "max_new_tokens": config.evaluation.max_new_tokens, **taken}


def _other_pool(config: "StudyConfig", arm: str, sampler: Mapping[str, Any], pool: str) -> Entrant:
    """Random over pairs from elsewhere than the study's; it has no twin, for what differs is the pool itself."""
    regime = config.regime.model_copy(update={"pool": pool})
    return Entrant(STRATEGIES.build(TWIN), arm, {"sampler": SAMPLERS.build(dict(sampler)), "regime": regime})


def _alone(strategy: Strategy, here: Mapping[str, Entrant]) -> Entrant:
    """A control that is a strategy of its own; what is left of ActiveDPO runs as ActiveDPO does."""
    if strategy.whole_pool:
        return Entrant(strategy, "", {"rounds": 1, "warm_up": False, "prompts_per_round": None})
    if strategy.name == AS_STRATEGY["norm_only"] and "activedpo" in here:
        return replace(here["activedpo"], strategy=strategy)
    return Entrant(strategy, "", {}, TWIN if TWIN in here and strategy.control != "oracle" else None)


def recipe_of(strategy: Strategy, arm: str, view: PoolView) -> Recipe:
    """How an arm chooses: as its strategy says; in the shuffled arm the same, its values dealt out to other pairs."""
    recipe = strategy.recipe(view)
    return Shuffled(recipe) if arm == SHUFFLED and not isinstance(recipe, Uniform | Shuffled) else recipe
