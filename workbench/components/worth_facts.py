"""The first line of the page Label quality: answers, what is left, agreement, noise, position, pace, and cost"""

from workbench.components.markup import fact, show
from workbench.wording import NOTHING, between, count, duration, integer, number, percent
from workbench.worth import Worth


def worth_facts(found: Worth) -> None:
    """A key figure each, with its interval or what it is made of; what is not known is not shown."""
    show(f'<div class="facts">{"".join(_facts(found))}</div>')


def _facts(found: Worth) -> list[str]:
    facts = [fact("answers", integer(len(found.votes)), _of(found))]
    if found.left is not None:
        left = found.left
        time = f"about {duration(left.seconds)} of work" if left.seconds is not None else "no answer was timed yet"
        facts.append(fact("left to the budget", integer(left.answers), f"of {count(left.target, 'answer')}; {time}"))
    alpha = found.alpha
    if alpha.alpha is not None:
        aside = f"{between(alpha.low, alpha.high)}, {count(alpha.pairs, 'pair')}"
        facts.append(fact("Krippendorff's α", number(alpha.alpha), aside))
    for what, share, flip in (
        ("differ from oneself", found.noise.itself, found.noise.flip_itself),
        ("two answers differ", found.noise.others, found.noise.flip_others),
    ):
        if share.share is not None:
            rate = f"; a flip rate of {between(flip[1], flip[2])}" if flip else ""
            facts.append(fact(what, percent(share.share), f"of {count(share.n, 'pair')}{rate}"))
    if found.first.share is not None:
        aside = f"{between(found.first.low, found.first.high)}, {count(found.first.n, 'answer')}; ½ is no bias"
        facts.append(fact("took the side shown first", number(found.first.share), aside))
    slot = found.judged.first_slot
    if slot is not None:
        aside = f"{between(slot.low, slot.high)}, {count(slot.n, 'pair')} in both orders; ½ is no bias"
        facts.append(fact("judge took the first slot", number(slot.mean), aside))
    if found.judged.cost:
        each = found.judged.cost / max(found.judged.labels, 1)
        facts.append(fact("paid to models", number(found.judged.cost, 2), f"{number(each, 4)} a label"))
    if found.pace is not None:
        aside = f"median {number(found.pace.median, 1)} s, {count(found.pace.n, 'timed answer')}"
        facts.append(fact("answers an hour of work", integer(found.pace.an_hour), aside))
    return facts


def _of(found: Worth) -> str:
    pairs = found.votes["pair_id"].nunique()
    skips = int((found.votes["answer"] == "skip").sum())
    return f"to {count(pairs, 'pair')}" + (f", {count(skips, 'skip')}" if skips else "") if pairs else NOTHING
