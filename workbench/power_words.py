"""What difference a study of this size can show, in words, before it starts."""

from typing import Any

from engine.analysis.looks import standing
from engine.analysis.power import SAMPLE, Detectable, detectable_before
from engine.arms import keys_of
from engine.config import StudyConfig
from engine.cost import Sizes
from workbench.campaign_words import NO_VERDICT, WHY_NONE
from workbench.study_words import AXES
from workbench.wording import count, integer


def can_show(config: StudyConfig, held_out: Sizes) -> str:
    """One or two sentences; `held_out` is the set that decides, whole: it is cut as the evaluation cuts it."""
    found = _reckoned(config, held_out)
    if isinstance(found, str):
        return found
    declared = config.referee
    matters, likely = declared.smallest, found.likely or 0.0
    short = f" The {matters:g} that matter would more often be missed than found." if likely > matters else ""
    return (
        f"With {count(found.seeds, 'seed')} and {integer(found.prompts)} held-out prompts a strategy's difference is "
        f"known to some ±\u00a0{found.half_width:.3f} in {AXES[declared.metric]}; a true difference of {likely:.3f} is "
        f"found in four studies of five.{short} Reckoned with what was seen in {found.components.source}."
    )


def can_show_numbers(config: StudyConfig, held_out: Sizes) -> dict[str, Any]:
    """The same for machines; the differences, in the metric's unit, are None where there will be no verdict."""
    found = _reckoned(config, held_out)
    known = None if isinstance(found, str) else found
    return {
        "words": can_show(config, held_out),
        "metric": config.referee.metric,
        "seeds": len(config.seeds),
        "held_out_prompts": held_out.cut(config.evaluation.pairs_per_set).prompts,
        "strategies": known and known.strategies,
        "level": known and known.level,
        "half_width": known and known.half_width,
        "found_in_four_of_five": known and known.likely,
        "smallest": config.referee.smallest,
    }


def _reckoned(config: StudyConfig, held_out: Sizes) -> Detectable | str:
    """What it can show, or why there will be no verdict."""
    if config.oracle.people:
        return f"{NO_VERDICT} {WHY_NONE}"
    if config.race == "none":
        return "This study is no race: no arm has a random twin, so there will be no verdict."
    named, seeds = set(keys_of(strategy.spec() for strategy in config.strategies)), len(config.seeds)
    arms = len(named & set(config.twins()))  # controls get no verdict, so they share no error
    if not arms:
        return "No strategy runs beside random, so there is nothing to give a verdict on."
    if seeds < 3:
        return f"With {count(seeds, 'seed')} there will be no verdict: it takes 3 to see how much seeds differ."
    prompts = held_out.cut(config.evaluation.pairs_per_set).prompts
    declared = config.referee
    claim = standing(config.seeds, [], config.seeds, comparisons=arms, spending=declared.spending,
                     seeds_at_most=declared.seeds_at_most)  # fmt: skip
    found = detectable_before(seeds, prompts, arms, claim.level, SAMPLE[declared.metric])
    if found.half_width is None or found.likely is None:
        return f"{integer(prompts)} held-out prompts are too few for a verdict."
    return found
