"""A campaign's numbers as tables with their sentences, for the page and for the report; names are escaped"""

from engine.analysis.single_run import Estimate
from workbench import campaign_words as words
from workbench.campaign_records import ANSWERS, PURPOSES, Campaign
from workbench.charts.metrics import set_title
from workbench.components.markup import empty_markup, escaped, foreign, heading, table
from workbench.wording import ANSWERS as SAID
from workbench.wording import integer, number, signed
from workbench.wording import percent as share_words

SIDES = {"a": "side a is better", "b": "side b is better"}
DIGITS = {"characters": 0, "seconds": 1}


def no_verdict_markup(found: Campaign) -> str:
    """In place of verdicts: that there is none, why, and what would give one."""
    why = f"{words.WHY_NONE} {words.REHEARSAL.format(title=found.title)}"
    return heading("Verdicts") + empty_markup(words.NO_VERDICT, why)


def levels_markup(found: Campaign) -> str:
    """A row a set and round."""
    head = [("set", False), ("measured by", False), ("labels", True), ("level", True), ("since round 0", True),
            ("prompts", True)]  # fmt: skip
    rows = [
        [foreign(set_title(line.name)), "people, in this campaign" if line.bought else "recorded answers",
         integer(p.labels), words.told(p.level), _gained(p.gain), integer(p.level.n)]
        for line in found.lines for p in line.points
    ]  # fmt: skip
    return table(head, rows)


def audit_markup(found: Campaign) -> str:
    """What people said of the random slice, and how the picks differ from it."""
    audit = found.audit
    head = heading("Audit slice", "random pairs of the pool, asked first, never trained on")
    lines = [*words.audit_words(audit), *filter(None, [words.agrees(found), words.by_models(found)])]
    said = "".join(f"<li>{escaped(line)}</li>" for line in lines)
    n = sum(audit.answers.values())
    parts = f"<ul>{said}</ul>"
    if n:
        rows = [
            [SIDES.get(name, SAID[name]), integer(audit.answers[name]), share_words(audit.answers[name] / n)]
            for name in ANSWERS
        ]
        parts += table([("people said", False), ("pairs", True), ("share", True)], rows)
        parts += f"<p><small>{escaped(words.HASHED)}</small></p>"
    return f"{head}{parts}"


def differs_markup(found: Campaign) -> str:
    """What was picked beside the slice, quantity by quantity; "" before there is anything of either."""
    audit = found.audit
    if not audit.differs:
        return ""
    head = [("quantity", False), ("unit", False), ("picks", True), ("audit slice", True), ("picks − slice", True),
            ("pairs", True)]  # fmt: skip
    rows = []
    for one in audit.differs:
        first, second, digits = one.apart.first, one.apart.second, DIGITS.get(one.unit, 3)
        sizes = f"{integer(first.n) if first else 0} · {integer(second.n) if second else 0}"
        rows.append([escaped(one.what), escaped(one.unit), words.told(first, digits), words.told(second, digits),
                     words.difference(one.apart, digits), sizes])  # fmt: skip
    title = heading("What was picked beside the slice", f"{integer(audit.picks)} labelled picks of the strategy's own")
    return f"{title}{table(head, rows)}<p><small>{escaped(words.DRAWS)}</small></p>"


def shadows_markup(found: Campaign) -> str:
    """A row a strategy in the shadow; nothing where none is."""
    head = heading("In the shadow", "what others would have picked; nobody labels it")
    if not found.shadows:
        return head + "<p>No other strategy has picked in the shadow.</p>"
    titles = [("strategy", False), ("shared", True), ("by lot", True), ("95 % of draws", True),
              ("picks' percentile", True), ("by lot, 95 %", True), ("round by round", False)]  # fmt: skip
    rows = [
        [foreign(one.title), f"{integer(one.shared.shared)} of {integer(one.shared.of)}", number(one.shared.chance, 1),
         f"{one.shared.low} to {one.shared.high}",
         *((number(one.placed.mean, 0), f"{number(one.placed.low, 0)} to {number(one.placed.high, 0)}")
           if one.placed else ("–", "–")),
         escaped(" · ".join(f"{n}: {both} of {k}" for n, both, k in one.rounds))]
        for one in found.shadows
    ]  # fmt: skip
    note = (
        "Shared: picks that its own list of the same round holds. Percentile: where its scores put the picks in the "
        "pool, 100 at the top; – for one that scores no pair. That it would have learnt more is not shown by either."
    )
    return f"{head}{table(titles, rows)}<p><small>{note}</small></p>"


def cost_markup(found: Campaign) -> str:
    """Labels and hours by purpose; every row of labels is one, so they add up to what the study paid for."""
    head = heading("What it cost", "labels by purpose; hours of timed answers, each cut at 15 minutes")
    if not found.bought:
        return f"{head}<p>{escaped(words.NOT_YET)}</p>"
    titles = [("for", False), ("labels", True), ("by people", True), ("timed", True), ("hours", True)]
    rows = [[PURPOSES[one.purpose], integer(one.answers), integer(one.people), integer(one.timed), words.hours(one)]
            for one in found.bought]  # fmt: skip
    total = [sum(getattr(one, name) for one in found.bought) for name in ("answers", "people", "timed")]
    whole = sum(one.seconds for one in found.bought) / 3600
    rows.append(["<b>together</b>", *map(integer, total), number(whole, 2) if total[2] else "–"])
    return head + table(titles, rows)


def _gained(one: Estimate | None) -> str:
    if one is None:
        return "–"
    return signed(one.mean) + ("" if one.low is None else f" ({number(one.low)} to {number(one.high)})")
