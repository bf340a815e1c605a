"""Who runs in a study: its strategies, their random twins, the second random arm, and the controls.

A strategy may run in several *arms*: random once more with another draw, random as the twin of a strategy that runs in
a regime of its own, a strategy with its scores shuffled, or with other parameters than it is named with first. The
*key* of an arm, `strategy` or `strategy:arm`, stands wherever runs are told apart: in the store, in links, as a row of
a table.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from engine.data.pool import PoolView
from engine.samplers.base import SAMPLERS, Sampler
from engine.selection.recipes import Recipe, Shuffled, Uniform
from engine.signals.base import Signal, as_known
from engine.strategies.base import STRATEGIES, Strategy

if TYPE_CHECKING:
    from engine.config import StudyConfig

TWIN, AGAIN, SHUFFLED, OPPOSITE, ON_POLICY = "random", "again", "shuffled", "opposite", "on policy"
OFF_POLICY, OF_THE_SFT_MODEL = "off policy", "off policy, SFT model"
"""Random over the file's own responses, where the study's sampler takes those; else over what the SFT model drew."""
Control = Literal[
    "full_labels", "shuffled", "norm_only", "opposite", "largest_oracle_margin", "smallest_oracle_margin",
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


def keys_of(specs: Iterable[Mapping[str, Any]]) -> list[str]:
    """The key of each strategy that a study names, of its `spec`: its name; of one that is named again, and by what its
    parameters differ from the first's: "real:keep similar"."""
    first: dict[str, Mapping[str, Any]] = {}
    keys = []
    for spec in specs:
        name = str(spec["name"])
        plain = first.setdefault(name, spec)
        other = [f"{field} {value}" for field, value in spec.items() if value != plain.get(field)]
        keys.append(key_of(name, ", ".join(other).replace("_", " ").replace(":", " ")))
    return keys


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
    with `none` it adds nothing. Where people answer, only the strategy named first runs.
    """
    named = dict(zip(keys_of(s.spec() for s in config.strategies), config.strategies, strict=True))
    if config.oracle.people:  # a campaign is one run: the others pick in its shadow
        return [Entrant(config.strategies[0], "", {})]
    if config.race == "none":
        alone = [Entrant(strategy, arm_of(key), {}) for key, strategy in named.items()]
        return alone + _controls(config, alone)
    settings = {key: _setting(config, strategy) for key, strategy in named.items()}
    twins: dict[str, Entrant] = {}
    for key, strategy in named.items():
        said = _said(settings[key])
        if key != TWIN and strategy.control != "oracle" and said not in twins:
            twins[said] = _twin(key, settings[key], named.get(TWIN), {twin.arm for twin in twins.values()})
    if TWIN in named:
        twins.setdefault(_said({}), Entrant(named[TWIN], "", {}))
    found = [
        twins[_said({})] if key == TWIN else
        Entrant(strategy, arm_of(key), settings[key], _key(twins.get(_said(settings[key])), strategy))
        for key, strategy in named.items()
    ]  # fmt: skip
    found += [twin for twin in twins.values() if twin.key not in {entrant.key for entrant in found}]
    if config.referee.second_random:
        found += [_again(twin) for twin in twins.values()]
    return found + _controls(config, found)


def in_the_shadow(config: "StudyConfig") -> dict[str, Strategy]:
    """Key → strategy, of a campaign's strategies that only say what they would have picked; nobody labels for them."""
    if not config.oracle.people:
        return {}
    named = zip(keys_of(s.spec() for s in config.strategies), config.strategies, strict=True)
    return dict(list(named)[1:])


def _setting(config: "StudyConfig", strategy: Strategy) -> dict[str, Any]:
    """The paper's own fields where the study races as published and the paper names any that differ.

    Of a sampler, a signal, training: what the paper says, and of the rest what the study says.
    """
    if config.race != "as_published":
        return {}
    built: Mapping[str, Callable[[Any], Any]] = {
        "sampler": lambda value: _from(config, value),
        "regime": lambda value: type(config.regime)(**value),
        "signals": lambda value: _with(config, value),
        "dpo": lambda value: type(config.dpo)(**{**config.dpo.model_dump(), **value}),
    }
    published = {
        name: built[name](value) if name in built else value for name, value in strategy.as_published().items()
    }
    return {name: value for name, value in published.items() if value != getattr(config, name)}


def _from(config: "StudyConfig", sampler: Mapping[str, Any]) -> Sampler:
    """The paper's sampler. Responses that are there are taken as the study takes them, where it draws none itself."""
    if sampler["name"] == "given" and not config.sampler.generates:
        return config.sampler
    longest = {"max_new_tokens": _drawn(config)["max_new_tokens"]}  # no paper's length fits every study's responses
    return SAMPLERS.build({**(longest if SAMPLERS.get(sampler["name"]).generates else {}), **sampler})


def _with(config: "StudyConfig", signals: Sequence[Mapping[str, Any]]) -> tuple[Signal, ...]:
    """The study's signals, with what the paper says of those that it names."""
    own = {
        one["name"]: as_known(one["name"], config.signals).with_fixed({k: v for k, v in one.items() if k != "name"})
        for one in signals
    }
    return (*(signal for signal in config.signals if signal.name not in own), *own.values())


def _drawn_as(setting: Mapping[str, Any]) -> dict[str, Any]:
    """What a twin takes over: random reads no signal."""
    return {name: value for name, value in setting.items() if name != "signals"}


def _said(setting: Mapping[str, Any]) -> str:
    setting = _drawn_as(setting)
    return "; ".join(f"{name} {value!r}" for name, value in sorted(setting.items()))


def _key(twin: Entrant | None, strategy: Strategy) -> str | None:
    return twin.key if twin and strategy.control != "oracle" else None


def _twin(key: str, setting: Mapping[str, Any], random: Strategy | None, taken: set[str]) -> Entrant:
    """Called by the strategy; where that has another twin already, for its switches, by the whole key."""
    strategy, setting = random or STRATEGIES.build(TWIN), _drawn_as(setting)
    arm = f"as {strategy_of(key)}" if f"as {strategy_of(key)}" not in taken else f"as {key}"
    return Entrant(strategy, arm if setting else "", setting)


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
        elif control == "opposite":
            found += _opposites(race)
        elif control == "random_on_policy":
            found.append(_other_pool(config, ON_POLICY, _drawn(config), "regenerated"))
        elif control == "random_off_policy" and config.sampler.generates:
            once = {**_drawn(config), "model": "reference", "once": True}
            found.append(_other_pool(config, OF_THE_SFT_MODEL, once, "fixed"))
        elif control == "random_off_policy":
            found.append(_other_pool(config, OFF_POLICY, {"name": "all_pairs"}, "fixed"))
        else:
            found.append(_alone(STRATEGIES.build(AS_STRATEGY[control]), here))
    return [entrant for entrant in found if entrant.key not in here]


def _drawn(config: "StudyConfig") -> dict[str, Any]:
    """The policy's own responses, drawn as the study's sampler draws where it draws: as many, as warm, as long."""
    own = SAMPLERS.get("policy")
    same = set(own.model_fields) - {"model", "once"} if config.sampler.generates else set()
    taken = {name: getattr(config.sampler, name) for name in sorted(same) if hasattr(config.sampler, name)}
    return {"name": own.name, "max_new_tokens": config.evaluation.max_new_tokens, **taken}


def _other_pool(config: "StudyConfig", arm: str, sampler: Mapping[str, Any], pool: str) -> Entrant:
    """Random over pairs from elsewhere than the study's; it has no twin, for what differs is the pool itself."""
    regime = config.regime.model_copy(update={"pool": pool})
    return Entrant(STRATEGIES.build(TWIN), arm, {"sampler": SAMPLERS.build(dict(sampler)), "regime": regime})


def _opposites(race: Sequence[Entrant]) -> list[Entrant]:
    """The other end of the order of each plain arm that has one: if that is as good, the order tells nothing."""
    ends = [(entrant, entrant.strategy.opposite()) for entrant in race if not entrant.arm]
    found = [replace(entrant, strategy=end, arm=OPPOSITE) for entrant, end in ends if end is not None]
    if not found:
        has = sorted(cls.heading() for cls in STRATEGIES if cls.opposite is not Strategy.opposite)
        raise ValueError(f"controls names 'opposite', which no strategy of the study has; {', '.join(has)} has one")
    return found


def _alone(strategy: Strategy, here: Mapping[str, Entrant]) -> Entrant:
    """A control that is a strategy of its own; what is left of ActiveDPO runs as ActiveDPO does, by the same norm."""
    if strategy.whole_pool:
        return Entrant(strategy, "", {"rounds": 1, "warm_up": False, "prompts_per_round": None})
    if strategy.name == AS_STRATEGY["norm_only"] and "activedpo" in here:
        beside = here["activedpo"]
        return replace(beside, strategy=type(strategy)(**beside.strategy.model_dump(include={"unit_norm"})))
    return Entrant(strategy, "", {}, TWIN if TWIN in here and strategy.control != "oracle" else None)


def recipe_of(strategy: Strategy, arm: str, view: PoolView) -> Recipe:
    """How an arm chooses: as its strategy says; in the shuffled arm the same, its values dealt out to other pairs."""
    recipe = strategy.recipe(view)
    return Shuffled(recipe) if arm == SHUFFLED and not isinstance(recipe, Uniform | Shuffled) else recipe
