"""Is the next batch worth its labels? What the fitted curve predicts, and what two published stopping rules say."""

from collections.abc import Mapping, Sequence

from engine.advice import Advised
from engine.analysis.stopping import Advice
from engine.store.summaries import StrategyRef
from workbench.components.markup import chip, dot, escaped, heading, show, table
from workbench.wording import between, integer, number, signed

READING = (
    "The prediction fits a power law to the mean curve and reads it one batch on; its interval knows of seeds only, "
    "not of a curve that bends later. A rule says stop or go on; neither knows what a label costs you. On simulated "
    "curves both stop late, and cost hardly less than buying all labels; on a curve that falls they do not stop."
)


def advice_table(found: Sequence[Advised], refs: Mapping[str, StrategyRef], where: str) -> None:
    """The panel on the page; nothing before there is anything to advise."""
    if found:
        show(advice_markup(found, refs, where))


def advice_markup(found: Sequence[Advised], refs: Mapping[str, StrategyRef], where: str) -> str:
    """A row a strategy; `found` is not empty, `where` names the held-out set."""
    first = found[0]
    aside = f"after {integer(first.labels)} labels, in accuracy on {where}"
    settled, flat = first.settled[0], first.converged
    head = [
        ("strategy", False), (f"next {integer(first.batch)} labels are predicted to bring", False),
        (f"{settled.rule}", False), (f"{flat.rule}", False),
    ]  # fmt: skip
    rows = [
        [f'<span class="whole">{dot(refs[one.strategy].slot)}{escaped(refs[one.strategy].title)}</span>',
         _predicted(one), _settled(one), _rule(one.converged)]
        for one in found
    ]  # fmt: skip
    sources = f"{settled.rule}: {settled.source}; {flat.rule}: {flat.source}."
    return (
        heading("Is the next batch worth it?", aside)
        + table(head, rows)
        + f"<small><b>How to read this.</b> {escaped(READING)} {escaped(sources)}</small>"
    )


def _predicted(one: Advised) -> str:
    if one.forecast is None:
        return "<small>it takes 2 rounds after round 0</small>"
    gain, low, high = one.forecast.gain
    level, least, most = one.forecast.level
    by = "" if low is None or high is None else f" <small>({signed(low)} to {signed(high)})</small>"
    to = f"to {number(level)}" + ("" if least is None else f" ({between(least, most)})")
    law = ", too few rounds to fit its exponent" if one.forecast.plain else ""
    return f"<b>{signed(gain)}</b>{by}<br><small>{escaped(to + law)}</small>"


def _settled(one: Advised) -> str:
    values = [rule.value for rule in one.settled if rule.value is not None]
    if not values:
        return f"{_word(stop=False)}<br><small>{escaped(one.settled[0].reason)}</small>"
    n, mean = len(one.settled), sum(values) / len(values)
    said = (
        f"{one.stops} of {n} runs have settled; κ between rounds {number(mean)}, stop from {one.settled[0].threshold:g}"
    )
    return f"{_word(stop=one.stops > n / 2)}<br><small>{escaped(said)}</small>"


def _rule(rule: Advice) -> str:
    return f"{_word(stop=rule.stop)}<br><small>{escaped(rule.reason)}</small>"


def _word(*, stop: bool) -> str:
    return chip("stop", "warn") if stop else chip("go on")
