"""What a study will take, before it starts: labels, texts through the model, and time on this machine."""

from collections.abc import Sequence

from engine.cost import Cost, Pace
from engine.disk import Disk
from engine.oracles.base import Bill
from engine.store.files import Room, megabytes
from workbench.bill_words import UNKNOWN as UNKNOWN_PRICE
from workbench.bill_words import bill_cells, warning
from workbench.components.markup import escaped, fact, foreign, heading, show, table
from workbench.disk_words import said, too_much
from workbench.wording import count, duration, integer

UNKNOWN = "not known yet"


def cost_card(
    cost: Cost | None,
    pace: Pace | None,
    titles: dict[str, str],
    why_not: str = "",
    disk: tuple[Disk, Room] | None = None,
) -> None:
    """The cost with its time; `why_not` says why there is none. `titles`: strategy → its name on screen.

    `disk` is what the study will keep, and the room there is for it.
    """
    show(heading("What it will take", "counted before it starts; the cache can only make it less"))
    if cost is None:
        show(f'<p class="muted">{escaped(why_not)}</p>')
        return
    time = about(pace.seconds(cost.total)) if pace else UNKNOWN
    total = cost.total
    facts = [
        fact("labels a run", integer(cost.labels_a_run)),
        fact("labels asked", integer(cost.labels_asked), "in all"),
        fact("paid for", integer(cost.labels_paid), "at most"),
        fact("time here", time, "one worker"),
    ]
    if disk is not None:
        facts.append(fact("disk", megabytes(disk[0].files + disk[0].rows), "kept, about"))
    show(f'<div class="facts">{"".join(facts)}</div>')
    rows = [
        [
            escaped(titles.get(name, name)),
            *[integer(n) for n in cost.a_run(name).numbers()],
            about(pace.seconds(cost.a_run(name)), "") if pace else "–",
        ]
        for name in cost.runs
    ]
    rows.append(["once for all runs", *[integer(n) for n in cost.once.numbers()],
                 about(pace.seconds(cost.once), "") if pace else "–"])  # fmt: skip
    rows.append([f"<b>{count(len(cost.runs) * cost.seeds, 'run')}</b>",
                 *[f"<b>{integer(n)}</b>" for n in total.numbers()], f"<b>{time if pace else '–'}</b>"])  # fmt: skip
    head = [("a run of", False), ("forwards", True), ("backwards", True), ("generations", True), ("time", True)]
    show(table(head, rows))
    show(f"<small>{escaped(basis(pace))} A forward is one text through the model, a backward one there and back, a "
         "generation one response drawn.</small>")  # fmt: skip
    if disk is not None:
        show(f"<small>{escaped(said(*disk))}</small>")
        if warning := too_much(*disk):
            show(f'<div class="note">{escaped(warning)}</div>')


def bill_card(found: Sequence[tuple[str, Bill]]) -> None:
    """What models behind servers will be asked and cost, a row a model; below, where it comes from. None: nothing."""
    if not found:
        return
    show(heading("What asked models will cost", "estimated before the start; answers that are kept cost nothing"))
    head = [("for", False), ("asked", False), ("requests", True), ("tokens read, about", True),
            ("written, at most", True), ("money, about", True)]  # fmt: skip
    show(table(head, [[escaped(what.split()[0]), *map(foreign, bill_cells(bill))] for what, bill in found]))
    for what, bill in found:
        prices = (
            f" At {bill.prices[0]:g} and {bill.prices[1]:g} a million tokens." if bill.prices else f" {UNKNOWN_PRICE}"
        )
        said = f"{what[0].upper()}{what[1:]}: {bill.basis}, a rule of thumb for English.{prices}"
        show(f"<small>{escaped(said)}</small>")
        if words := warning(bill):
            show(f'<div class="note warn" role="status">{escaped(words)}</div>')


def about(seconds: float, word: str = "about ") -> str:
    """A time no finer than it is known: "about 24 min", "about 40 s"."""
    step = 600 if seconds >= 7200 else 60 if seconds >= 180 else 10
    return f"{word}{duration(max(step, round(seconds / step) * step))}" if seconds >= 10 else "under 10 s"


def basis(pace: Pace | None) -> str:
    """Where the time comes from."""
    if pace is None:
        return "The time is not known yet: no run with this model has finished here."
    return f"Time at the pace of {count(pace.runs, 'finished run')} with this model here."
