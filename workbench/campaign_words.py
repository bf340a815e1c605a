"""A campaign in sentences: why it has no verdict, what its audit slice and its shadows say"""

from collections import Counter
from collections.abc import Sequence

from engine.analysis.single_run import Apart, Estimate
from engine.store.corrected import Changed
from workbench.campaign_records import Audit, Beside, Bought, Campaign
from workbench.wording import between, count, duration, integer, number, percent, signed

NO_VERDICT = "A campaign gives no verdict."
WHY_NONE = (
    "It is one run of one strategy with one seed, and nothing ran beside it that differs by the strategy alone. "
    "What it gained may be what any labels give."
)
REHEARSAL = (
    "A verdict takes a rehearsal: a study over data like these whose labels are recorded, or given by a simulated "
    "oracle, a reward model or a judge, with {title} and its random twin, and three seeds at least (five by default)."
)
CURVE = (
    "A mark is this run's level, its bar a 95 % interval over prompts, each round by itself. Another seed may lie "
    "elsewhere: one run cannot tell. Higher is better."
)
DRAWS = (
    "Intervals take pairs as the only draws. The slice was answered first, so times also say how people got used to "
    "the task."
)
HASHED = "Sides a and b follow hashes of the texts, so their balance says nothing of the responses."
NOT_YET = "No answer has come in yet. The audit slice and the held-out sample are asked first."


def sentences(found: Campaign) -> list[str]:
    """What the campaign says, for a terminal and for machines; names as they are, not escaped."""
    said = [f"{NO_VERDICT} {WHY_NONE}", REHEARSAL.format(title=found.title), progress(found)]
    said += [agrees(found), by_models(found), *audit_words(found.audit), *(shadow_words(one) for one in found.shadows)]
    return [sentence for sentence in [*said, cost_words(found)] if sentence]


def changed_words(changed: Sequence[Changed]) -> str:
    """ "2 labels that this run trained on were corrected since: 1 of round 1, 1 of round 3."""
    rounds = Counter(one.round for one in changed)
    parts = [
        f"{n} of {'the first sample' if number == 0 else f'round {number}'}" for number, n in sorted(rounds.items())
    ]
    used = "measured by" if set(rounds) == {0} else "used"
    verb = "was" if len(changed) == 1 else "were"
    return f"{count(len(changed), 'label')} that this run {used} {verb} changed since: {', '.join(parts)}."


def before_words(round_number: int) -> str:
    """What a run goes on from the front of, that used labels of that round."""
    return "the first evaluation" if round_number == 0 else f"the training of round {round_number}"


def progress(found: Campaign) -> str:
    """Where the sample's level stands, or that nothing is measured yet."""
    line = next((line for line in found.lines if line.bought), None) or next(iter(found.lines), None)
    if line is None:
        return "No round is measured yet."
    last = line.points[-1]
    where = f"On {line.name!r} the {_figure(found)} is {_estimate(last.level)} after {count(last.labels, 'label')}"
    if last.gain is None:
        return f"{where}."
    ends = f", {between(last.gain.low, last.gain.high)}" if last.gain.low is not None else ""
    return f"{where}; {signed(last.gain.mean)} since round 0 (the same prompts{ends})."


def agrees(found: Campaign) -> str:
    """Whether the level on the audit slice is that of the held-out sample; "" without both."""
    against = found.audit.against
    if against.first is None or against.second is None or against.difference is None:
        return ""
    sides = f"{number(against.first.mean)} on the audit slice, {number(against.second.mean)} on the held-out sample"
    if against.low is None or against.high is None:
        return f"{_figure(found).capitalize()}: {sides}; before any training that is so by construction."
    ends = f"difference {signed(against.difference)}, {between(against.low, against.high)}"
    if against.low <= 0 <= against.high:
        return f"{_figure(found).capitalize()}: {sides}. No difference is shown ({ends})."
    return f"{_figure(found).capitalize()}: {sides}. They differ ({ends}): the sample does not stand for the pool."


def by_models(found: Campaign) -> str:
    """That models gave labels to picks and people those of the slice, so that the two differ by that, too; or ""."""
    picks = next((one for one in found.bought if one.purpose == "label"), None)
    if picks is None or picks.people == picks.answers:
        return ""
    n = picks.answers - picks.people
    return (
        f"Models gave {integer(n)} of the {count(picks.answers, 'label')} of picks, people all of the slice: the two "
        "differ by who answered, too."
    )


def audit_words(audit: Audit) -> list[str]:
    """How much of the slice is answered, recorded answers against people, position bias."""
    if not audit.meant:
        return ["No audit slice was bought (oracle.audit_share is 0), so nothing shows what the pool is like."]
    said = [f"Audit slice: {integer(sum(audit.answers.values()))} of {count(audit.meant, 'pair')} answered."]
    if audit.recorded.share is not None:
        said.append(
            f"Where the file and people both name a side, the file agrees in {percent(audit.recorded.share)} "
            f"({between(audit.recorded.low, audit.recorded.high)}) of {count(audit.recorded.n, 'pair')}."
        )
    for share, what in ((audit.first, "the audit slice"), (audit.first_picks, "the picks")):
        if share.share is not None:
            biased = " No bias is shown." if (share.low or 0) <= 0.5 <= (share.high or 1) else " That is a bias."
            said.append(
                f"On {what} {percent(share.share)} ({between(share.low, share.high)}) of {count(share.n, 'answer')} "
                f"name the side shown first; without bias it is a half.{biased}"
            )
    return said


def shadow_words(one: Beside) -> str:
    """Overlap beside chance, and where its scores put the picks."""
    shared = one.shared
    said = (
        f"{one.title} would have shared {integer(shared.shared)} of {count(shared.of, 'pick')}; two random draws share "
        f"{number(shared.chance, 1)} ({shared.low} to {shared.high})."
    )
    if one.placed is None:
        return said
    reach = f"{number(one.placed.low, 0)} to {number(one.placed.high, 0)}"
    return f"{said} Its scores put the picks at percentile {number(one.placed.mean, 0)}; a random batch: {reach}."


def cost_words(found: Campaign) -> str:
    """Labels and hours in all."""
    if not found.bought:
        return NOT_YET
    answers, seconds, timed = (
        sum(getattr(one, name) for one in found.bought) for name in ("answers", "seconds", "timed")
    )
    time = f", {duration(seconds)} for the {integer(timed)} that were timed" if timed else ", none of them timed"
    return f"{count(answers, 'label')} paid for{time}."


def hours(one: Bought) -> str:
    """ "0.13 h", or – where nothing was timed."""
    return number(one.seconds / 3600, 2) if one.timed else "–"


def told(one: Estimate | None, digits: int = 3) -> str:
    """ "0.700 (0.481 to 0.855)", – without one."""
    return "–" if one is None else _estimate(one, digits)


def difference(one: Apart, digits: int = 3) -> str:
    """ "+0.100 (−0.050 to 0.250)", – where a side is missing."""
    if one.difference is None:
        return "–"
    ends = "" if one.low is None else f" ({between(one.low, one.high, digits)})"
    return f"{signed(one.difference, digits)}{ends}"


def _estimate(one: Estimate, digits: int = 3) -> str:
    return number(one.mean, digits) + ("" if one.low is None else f" ({between(one.low, one.high, digits)})")


def _figure(found: Campaign) -> str:
    return "accuracy" if found.metric == "accuracy" else "log-likelihood"
