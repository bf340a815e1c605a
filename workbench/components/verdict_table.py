"""What the study has shown of each strategy against random: a word, never without its interval."""

from collections.abc import Mapping

from engine.analysis.crossed import Crossed
from engine.analysis.looks import Standing
from engine.analysis.referee import Finding
from engine.analysis.saved import Reach
from engine.store.summaries import StrategyRef
from engine.verdict_words import NO_TWINS, UNITS, sentences
from workbench.components.markup import chip, dot, escaped, heading, show, table
from workbench.study_words import AXES, statistic_words
from workbench.wording import NOTHING, count, integer, percent, signed

TONES = {"better": "ok", "worse": "bad", "not shown": "neutral", "no verdict": "warn"}
DECLARED = Standing(0.95)
REACH, DIFFERENCE = "labels to a level", "difference in "
HEAD = tuple(
    (title, False)
    for title in (
        "strategy", "verdict", DIFFERENCE, "difference in mean level", REACH,
        "one label counts as",
    )
)  # fmt: skip


def verdict_table(
    found: Mapping[str, Finding],
    strategies: Mapping[str, StrategyRef],
    declared: Mapping[str, object],
    where: str,
    twins: Mapping[str, str] = NO_TWINS,
    claim: Standing = DECLARED,
) -> None:
    """The verdicts on the page."""
    show(verdict_markup(found, strategies, declared, where, twins, claim))


def verdict_markup(
    found: Mapping[str, Finding],
    strategies: Mapping[str, StrategyRef],
    declared: Mapping[str, object],
    where: str,
    twins: Mapping[str, str] = NO_TWINS,
    claim: Standing = DECLARED,
) -> str:
    """A row a strategy, and each verdict as a sentence; `found` is not empty.

    `declared` is the study's `referee` as saved, empty for one from before studies had one; `where` names the held-out
    set, `twins` says strategy → its twin by key, `claim` whether the verdicts are the declared ones, and at which level
    of this look.
    """
    how = f"by the {statistic_words(str(declared.get('statistic', 'final')))}"
    when = "declared before the start" if declared else "which this study did not declare before its start"
    metric = str(declared.get("metric", "accuracy"))
    said = sentences(found, strategies, twins, UNITS[metric])
    rows = [_row(strategies[name], finding) for name, finding in found.items() if name in strategies]
    words = "".join(f"<li>{escaped(sentence)}</li>" for sentence in said.values())
    together = count(len(found), "strategy", "strategies")
    return (
        heading("Verdicts", f"against random on {where}, {how}, {when}")
        + _exploratory(claim)
        + table(_head(metric, declared.get("target")), rows)
        + f"<ul>{words}</ul><small><b>How to read this.</b> The verdict's interval holds for all {together} "
        f"together at {percent(claim.level)}, the others each for itself. Seeds and prompts both "
        "count as draws. Not shown is not the same as equal.</small>"
    )


def _head(metric: str, target: object) -> tuple[tuple[str, bool], ...]:
    """The titles; labels are counted to random's last level, or to the level that was declared."""
    to = "random's last level" if target is None else f"{target:g} in {AXES[metric]}".replace("-0", "−0")
    said = {REACH: f"labels to {to}", DIFFERENCE: DIFFERENCE + AXES[metric]}
    return tuple((said.get(title, title), right) for title, right in HEAD)


def _exploratory(claim: Standing) -> str:
    """A verdict that is not the declared one says so, and why."""
    if not claim.exploratory:
        return ""
    return f"<p>{chip('exploratory', 'warn')} {escaped(claim.exploratory)}: not the verdict that was declared.</p>"


def _row(ref: StrategyRef, found: Finding) -> tuple[str, ...]:
    verdict = found.verdict
    return (
        f"{dot(ref.slot)}{escaped(ref.title)}",
        chip(verdict.word, TONES[verdict.word]),
        _difference(verdict.difference),
        _difference(found.area),
        _reach(found.reach),
        f"{found.multiplier:.1f} of random" if found.multiplier is not None else NOTHING,
    )


def _difference(found: Crossed) -> str:
    """Mean over interval; the interval is missing with fewer than three seeds, and it says so."""
    if found.low is None or found.high is None:
        return f"{signed(found.mean)}<br><small>no interval, {count(found.seeds, 'seed')}</small>"
    return f"{signed(found.mean)}<br><small>{signed(found.low)} to {signed(found.high)}</small>"


def _reach(found: Reach) -> str:
    point = "not reached" if found.labels is None else f"{integer(round(found.labels))}"
    low = f"more than {integer(round(found.budget))}" if found.low is None else integer(round(found.low))
    if found.low is None and found.high is None and found.labels is not None:
        return f"{point}<br><small>no interval, {count(found.n_seeds, 'seed')}</small>"
    high = "" if found.low is None else " or more" if found.high is None else f" to {integer(round(found.high))}"
    saved = f", {found.saved[0]:.0%} saved".replace("%", " %") if found.labels is not None else ""
    return f"{point}{saved}<br><small>{low}{high}</small>"
