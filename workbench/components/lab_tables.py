"""What came of a dry run in words and tables: a note a strategy, the redundancy of each batch, the mix of kinds."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from engine.store.summaries import StrategyRef
from workbench.components.markup import chip, dot, escaped, foreign, heading, show, table
from workbench.wording import NOTHING, between, count, integer, number, percent

SPACES = {"words": "words", "embedding": "embedding", "reward_gradient": "gradient"}
TITLES = {
    "size of the margin": "Size of the margin",
    "recorded answers that follow the file's scores": "Answers that follow the scores",
    "recorded answers that follow their majority": "Answers that follow their majority",
    "policy prefers the recorded side": "Policy prefers the recorded side",
}
"""Titles that must be shorter than the measure's name."""


def refs_of(strategies: Sequence[Mapping[str, Any]], titles: Sequence[str]) -> list[StrategyRef]:
    """A number, a title and a colour a strategy; random is grey, the others take the slots in their order."""
    found, slot = [], 0
    for n, (strategy, title) in enumerate(zip(strategies, titles, strict=True), start=1):
        slot += strategy["name"] != "random"
        found.append(StrategyRef(str(n), title, slot if strategy["name"] != "random" else 0))
    return found


def title_of(measure: Mapping[str, Any]) -> str:
    """A measure's title above its column."""
    name = str(measure["name"])
    return TITLES.get(name, name[:1].upper() + name[1:])


def legend(refs: Sequence[StrategyRef], strategies: Sequence[Mapping[str, Any]]) -> None:
    """Which number and colour is which strategy, with what is to be said of each."""
    parts = []
    for ref, found in zip(refs, strategies, strict=True):
        said = ""
        if found["error"]:
            said = f" {chip('picks nothing', 'bad')} <small>{foreign(found['error'])}</small>"
        elif found["note"]:
            said = f" <small>{escaped(found['note'])}</small>"
        control = f" {chip('control')}" if found["control"] == "oracle" else ""
        parts.append(f'<span class="whole">{dot(ref.slot)}<b>{ref.name}</b> {escaped(ref.title)}</span>{control}{said}')
    rows = "".join(f'<span style="margin-right:1.1rem">{part}</span>' for part in parts)
    show(f'<div style="line-height:1.9">{rows}</div>')


def redundancy_table(refs: Sequence[StrategyRef], found: Sequence[Mapping[str, Any]]) -> None:
    """How much of each batch says the same twice, by words and where they are scored by the model's own vectors."""
    spaces = [name for name in SPACES if any(name in row["spaces"] for row in found)]
    show(heading("Redundancy of each batch", f"of {_looked_at(found)}"))
    head = [("strategy", False), ("near-duplicate prompts", True), ("prompts", True)]
    head += [(f"{what}, {SPACES[name]}", True) for name in spaces for what in ("nearest", "effective")]
    rows = []
    for ref, row in zip(refs, found, strict=True):
        near = row["near_duplicates"]
        cells = [
            f'<span class="whole">{dot(ref.slot)}<b>{ref.name}</b> {escaped(ref.title)}</span>',
            NOTHING if near is None else percent(near),
            integer(row["prompts"]) if row["prompts"] else NOTHING,
        ]
        for name in spaces:
            space = row["spaces"].get(name, {"nearest": None, "effective": None})
            cells += [number(space["nearest"], 2), number(space["effective"], 1)]
        rows.append(cells)
    show(table(head, rows))
    show(
        "<small><b>How to read this.</b> Nearest: mean cosine of a pick with the pick most like it; lower is more "
        "varied. Effective: how many quite different pairs would be as varied (Vendi score); higher is more varied. "
        "Compare with random: a pool that repeats itself gives redundant batches to all.</small>"
    )


def _looked_at(found: Sequence[Mapping[str, Any]]) -> str:
    sizes = sorted({space["n"] for row in found for space in row["spaces"].values()})
    if not sizes:
        return "no picks"
    return count(sizes[-1], "pick") if len(sizes) == 1 else f"{sizes[0]} to {count(sizes[-1], 'pick')}"


def strips_table(refs: Sequence[StrategyRef], measures: Sequence[Mapping[str, Any]]) -> None:
    """The marks of the strips: of each measure the pool's middle and each batch's, with what lies around it."""
    with st.expander("As a table", key="table-strips"):
        head = [("measure", False), ("pool", True), *[(f"{ref.name} {ref.title}", True) for ref in refs]]
        rows = [
            [f"{escaped(title_of(measure))}<br><small>{escaped(_unit_of(measure))}</small>",
             *[_mark(measure, found) for found in (measure["pool"], *measure["picks"])]]
            for measure in measures
        ]  # fmt: skip
        show(table(head, rows))


def _unit_of(measure: Mapping[str, Any]) -> str:
    """What stands in a cell of that measure."""
    if measure["kind"] == "number":
        return f"median and middle half, {measure['unit']}"
    return "share and its 95 % interval" if measure["kind"] == "share" else "share of another kind; by chance up to"


def _mark(measure: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    if not found["n"]:
        return NOTHING
    if measure["kind"] == "number":
        ends = found["quantiles"]
        return f"{number(ends[2], 2)}<br><small>{between(ends[1], ends[3], 2)}</small>"
    if measure["kind"] == "share":
        around = f"<br><small>{percent(found['low'])} to {percent(found['high'])}</small>" if "low" in found else ""
        return f"{percent(found['share'])}{around}"
    if "distance" not in found:  # the pool is what the others are held against
        return NOTHING
    return f"{percent(found['distance'])}<br><small>{percent(found['chance'])}</small>"


def kinds_table(refs: Sequence[StrategyRef], measures: Sequence[Mapping[str, Any]]) -> None:
    """Of each kind its share of the pool and of each batch, one measure at a time."""
    kinds = [measure for measure in measures if measure["kind"] == "kinds"]
    if not kinds:
        return
    with st.expander("Topics and sources in numbers"):
        for measure in kinds:
            pool = measure["pool"]["shares"]
            show(heading(title_of(measure), "share of pairs"))
            head = [("kind", False), ("pool", True), *[(f"{ref.name} {ref.title}", True) for ref in refs]]
            rows = [
                [foreign(kind), percent(round(share, 3)),
                 *[percent(round(found["shares"].get(kind, 0.0), 3)) if found["n"] else NOTHING
                   for found in measure["picks"]]]
                for kind, share in pool.items()
            ]  # fmt: skip
            show(table(head, rows))


def how_to_read_strips(measures: Sequence[Mapping[str, Any]]) -> None:
    """What a strip is, and of how many pairs each column knows."""
    known = ", ".join(f"{title_of(m).lower()} {integer(m['pool']['n'])}" for m in measures)
    show(
        "<small><b>How to read this.</b> A row is a batch: mark = median or share, thick = middle half, thin = 5 to "
        "95 % (of a share its 95 % interval). Grey: the pool's middle half and median. Topic and source: how much of "
        "the batch is of another kind than in the pool; the grey tick is what a random batch reaches in 95 % of cases. "
        f"Recorded answers are shown to you only, never to a strategy. Pairs known: {escaped(known)}.</small>"
    )


def seconds_line(seconds: Mapping[str, float], n: int) -> None:
    """What the answer took, and of what."""
    parts = ", ".join(f"{what} {_short(spent)}" for what, spent in seconds.items())
    show(f"<small>{count(n, 'strategy', 'strategies')} in {number(sum(seconds.values()), 2)} s: {parts}.</small>")


def _short(seconds: float) -> str:
    """ "0.37 s"; what no clock of this kind tells apart is "under 0.01 s"."""
    return "under 0.01 s" if seconds < 0.005 else f"{number(seconds, 2)} s"
