"""The first line of the page Label quality: answers, what is left, agreement, noise, position, pace, and cost"""

from engine.analysis.labelling import Left
from workbench.components.markup import fact, show
from workbench.wording import NOTHING, between, count, duration, integer, number, percent
from workbench.worth import Worth


def worth_facts(found: Worth, an_hour: float = 0.0) -> None:
    """A key figure each, with its interval or what it is made of; `an_hour` is what an hour of labelling costs."""
    show(f'<div class="facts">{"".join(_facts(found, an_hour))}</div>')


def _facts(found: Worth, an_hour: float) -> list[str]:
    facts = [fact("answers", integer(len(found.votes)), _of(found))]
    if found.left is not None:
        facts.append(fact("left to the budget", integer(found.left.answers), _left(found.left)))
        money = found.left.cost(an_hour)
        if money is not None:
            aside = "at most, at the mean price of a label so far" if found.left.at_most else "for the answers left"
            facts.append(fact("cost left", number(money, 2), aside))
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
    if found.noise.itself.share is None and found.noise.others.share is None:
        facts.append(fact("noise of the answers", NOTHING, "not known: no pair was answered twice"))
    if found.first.share is not None:
        aside = f"{between(found.first.low, found.first.high)}, {count(found.first.n, 'answer')}; ½ is no bias"
        facts.append(fact("took the side shown first", number(found.first.share), aside))
    slot = found.judged.first_slot
    if slot is not None:
        aside = f"{between(slot.low, slot.high)}, {count(slot.n, 'pair')}; ½ is no bias"
        facts.append(fact("judge took the first slot", number(slot.mean), aside))
    if (same := found.judged.consistency) is not None:
        aside = f"{between(same.low, same.high)}, {count(same.n, 'pair')} in both orders"
        facts.append(fact("judge's consistency", number(same.mean), aside))
    if (agree := found.judged.checked) is not None:
        aside = f"{between(agree.low, agree.high)}, {count(agree.n, 'pair')} at random"
        facts.append(fact("people agree with models", number(agree.mean), aside))
    if found.judged.cost:
        each = found.judged.cost / max(found.judged.labels, 1)
        facts.append(fact("paid to models", number(found.judged.cost, 2), f"{number(each, 4)} a label"))
    if found.pace is not None:
        aside = f"median {number(found.pace.median, 1)} s, {count(found.pace.n, 'timed answer')}"
        facts.append(fact("answers an hour of work", integer(found.pace.an_hour), aside))
    return facts


def _left(left: Left) -> str:
    """What it is of, and the time that it takes."""
    if left.at_most:
        return f"of {count(left.target, 'pick')} at most; a pair that several runs pick is paid for once"
    if not left.answers:
        return f"of {count(left.target, 'answer')}"
    time = f"about {duration(left.seconds)} of work" if left.seconds is not None else "no answer was timed yet"
    return f"of {count(left.target, 'answer')}; {time}"


def _of(found: Worth) -> str:
    pairs = found.votes["pair_id"].nunique()
    skips = int((found.votes["answer"] == "skip").sum())
    return f"to {count(pairs, 'pair')}" + (f", {count(skips, 'skip')}" if skips else "") if pairs else NOTHING
