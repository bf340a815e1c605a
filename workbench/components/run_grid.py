"""Strategies × seeds, a square a round: filled is done, outlined is now, grey is to come."""

from collections.abc import Sequence

from engine.store.summaries import RunSummary
from workbench.components.markup import dot, escaped, slot_class, table
from workbench.wording import STATES


def run_grid(runs: Sequence[RunSummary]) -> str:
    """The grid as markup: a row a strategy in slot order, a column a seed."""
    seeds = sorted({run.seed for run in runs})
    strategies = sorted({run.strategy for run in runs}, key=lambda s: (s.slot, s.name))
    at = {(run.strategy.name, run.seed): run for run in runs}
    rows = []
    for strategy in strategies:
        mine = [run for run in runs if run.strategy.name == strategy.name]
        done, total = sum(run.rounds_done for run in mine), sum(run.rounds_total for run in mine)
        cells = [squares(at[strategy.name, seed]) if (strategy.name, seed) in at else "" for seed in seeds]
        name = f"{dot(strategy.slot)}{escaped(strategy.title)}"
        rows.append([name, *cells, f"{done} of {total}"])
    head = [("strategy", False), *[(f"seed {seed}", False) for seed in seeds], ("rounds", True)]
    return f'<div class="grid">{table(head, rows)}</div>'


def squares(run: RunSummary) -> str:
    """One run: a square a round; its state in words for who does not see the squares."""
    word = STATES.get(run.state, (run.state, ""))[0]
    spoken = f"{run.strategy.title}, seed {run.seed}: {run.rounds_done} of {run.rounds_total} rounds done, {word}"
    spoken += ", changed by hand" if run.edited else ""
    stopped = dict.fromkeys(("paused", "cancelled", "review", "waiting"), "stopped")
    now = {"running": "now", "failed": "bad", **stopped}.get(run.state, "")
    marks = []
    for number in range(run.rounds_total):
        if number < run.rounds_done:
            marks.append(f'<i class="{slot_class(run.strategy.slot)}"></i>')
        else:
            marks.append(f'<i class="{now if number == run.rounds_done else ""}"></i>')
    said = escaped(spoken)
    pen = '<small aria-hidden="true">✎</small>' if run.edited else ""
    return f'<span class="squares" role="img" aria-label="{said}" title="{said}">{"".join(marks)}{pen}</span>'
