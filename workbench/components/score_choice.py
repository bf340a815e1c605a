"""Which pairs of a round the reader wants to read, as words that travel in the link.

"apl 0.5 to 1.2" is a range of a strategy's scores ("to <1.2" leaves its end out), "apl@reward_margin 0.5 to 1.2" one of
a signal of its run, "apl & real" the picks that both share, "apl ~ real" the pairs that both scored, "selection
l0123456789" those that were kept on the map, "" the picks of the strategy looked at.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from engine.analysis.overlap import shared
from engine.analysis.ranks import percentiles_in
from engine.store import round_table
from engine.store.summaries import SCORE, RoundScores
from workbench.wording import count, number

SHOWN = 500
"""Pairs that are read for a table at most."""
Ordered = Callable[[RoundScores, str], np.ndarray]
"""The values of a quantity of a round in rising order."""
_RANGE = re.compile(r"(?P<name>\S+) (?P<low>[-−+.\deE]+) to (?P<below><?)(?P<high>[-−+.\deE]+)")
_SAVED = re.compile(r"selection (?P<id>l[0-9a-f]+)")
_TWO = re.compile(r"(?P<first>\S+) (?P<sign>[&~]) (?P<second>\S+)")


@dataclass(frozen=True)
class Choice:
    """What is wanted: `first` and `second` are names of strategies, `low` and `high` ends of a range.

    A range is one of the quantity `key`. Of a saved selection `second` is its id, and `pairs` are its pairs.
    Both ends belong to it, but the upper one if it goes to `below` that number.
    """

    kind: Literal["picks", "range", "shared", "both", "saved"]
    first: str
    second: str = ""
    low: float = 0.0
    high: float = 0.0
    below: bool = False
    pairs: tuple[str, ...] = ()
    key: str = SCORE

    def __str__(self) -> str:
        if self.kind == "range":
            ends = f"{_exact(self.low)} to {'<' if self.below else ''}{_exact(self.high)}"
            return f"{panel_name(self.first, self.key)} {ends}"
        return {
            "picks": "",
            "saved": f"selection {self.second}",
            "shared": f"{self.first} & {self.second}",
            "both": f"{self.first} ~ {self.second}",
        }[self.kind]


def _exact(value: float) -> str:
    """Short where that says it exactly: the pairs of a bar are those that it counts."""
    short = f"{value:.12g}"
    return short if float(short) == value else repr(value)


def panel_name(strategy: str, key: str) -> str:
    """What a quantity of a strategy's run is called in a link: "apl", "apl@reward_margin"."""
    return strategy if key == SCORE else f"{strategy}@{key}"


def nothing_saved(selection_id: str) -> tuple[str, ...]:
    """No selection was kept."""
    return ()


def read_choice(
    text: str, sets: Mapping[str, RoundScores], default: str, saved: Callable[[str], tuple[str, ...]] = nothing_saved
) -> Choice | None:
    """The choice of these words; None if they say nothing that this round has.

    `default` names the strategy of ""; `saved` answers with the pairs of a selection.
    """
    words = text.strip()
    if not words:
        return Choice("picks", default)
    found = _RANGE.fullmatch(words)
    name, _, key = found["name"].partition("@") if found else ("", "", "")
    key = key or SCORE
    if found and name in sets and sets[name].quantity(key):
        try:
            low, high = (float(found[end].replace("−", "-")) for end in ("low", "high"))
        except ValueError:
            return None
        return Choice("range", name, low=min(low, high), high=max(low, high), below=bool(found["below"]), key=key)
    kept = _SAVED.fullmatch(words)
    if kept and (pairs := saved(kept["id"])):
        return Choice("saved", default, kept["id"], pairs=pairs)
    two = _TWO.fullmatch(words)
    if two and two["first"] in sets and two["second"] in sets:
        return Choice("shared" if two["sign"] == "&" else "both", two["first"], two["second"])
    return None


def brushed(selection: Mapping[str, Any], names: Sequence[str]) -> str:
    """The range that was dragged over, or of the bar that was clicked, in words; "" for none.

    `names` are the panels from the top, as `panel_name` calls them.
    """
    for box in selection.get("box") or ():
        panel = int(str(box.get("xref", "x"))[1:] or 1) - 1
        if panel < len(names):
            low, high = sorted(float(value) for value in box["x"][:2])
            digits = 3 - math.floor(math.log10(high - low)) if high > low else 12  # a thousandth of the range
            low, high = round(low, digits), round(high, digits)
            return _range(names[panel], low, high)
    for point in selection.get("points") or ():
        if len(data := _carried(point)) == 4:
            name, start, end, below = data
            return _range(name, float(start), float(end), below=below == "<")
    return ""


def _range(panel: str, low: float, high: float, *, below: bool = False) -> str:
    name, _, key = panel.partition("@")
    return str(Choice("range", name, low=low, high=high, below=below, key=key or SCORE))


def _carried(point: Mapping[str, Any]) -> list[str]:
    data = point.get("customdata")
    return [str(value) for value in data] if isinstance(data, Sequence) and not isinstance(data, str) else []


def clicked(selection: Mapping[str, Any], kind: Literal["shared", "both"]) -> str:
    """The choice of a clicked cell, in words; "" for none."""
    for point in selection.get("points") or ():
        if len(data := _carried(point)) == 2:
            return str(Choice(kind, data[0], data[1]))
    return ""


def clicked_pair(selection: Mapping[str, Any]) -> str:
    """The pair of a clicked mark; "" for none."""
    for point in selection.get("points") or ():
        if len(data := _carried(point)) == 1:
            return data[0]
    return ""


def choice_title(choice: Choice, sets: Mapping[str, RoundScores], n: int) -> tuple[str, str]:
    """Title of the table, and what it covers."""
    one = sets[choice.first].strategy.title
    if choice.kind == "picks":
        return f"Picked by {one}", count(n, "pair")
    if choice.kind == "range":
        quantity = sets[choice.first].quantity(choice.key)
        title = f"Scored by {one}" if choice.key == SCORE or quantity is None else f"{quantity.title}, run of {one}"
        return (
            title[:1].upper() + title[1:],
            f"{number(choice.low)} to {'below ' if choice.below else ''}{number(choice.high)} · {count(n, 'pair')}",
        )
    if choice.kind == "saved":
        gone = len(choice.pairs) - n
        return "Kept pairs", count(n, "pair") + (f" · {gone} not candidates of this round" if gone else "")
    other = sets[choice.second].strategy.title
    if choice.kind == "shared":
        return f"Picked by {one} and {other}", count(n, "pair")
    return f"{one} and {other}", f"{count(n, 'pair')} scored by both, those they rank most differently first"


def read_ordered(found: RoundScores, key: str) -> np.ndarray:
    """Read from the round's table."""
    return round_table.ordered(found.table, key)


def rows_of(
    choice: Choice, sets: Mapping[str, RoundScores], ordered: Ordered = read_ordered, limit: int = SHOWN
) -> tuple[pd.DataFrame, int]:
    """The first `limit` pairs, and how many there are in all.

    A row has pair_id, the value and percentile of the quantity that is asked for ("score APL", "percentile APL"), of a
    signal the score too, "picked by", and "by hand" where people changed a batch in review. Highest value first; for
    two that both scored, those they rank most differently.
    """
    ids, n = _chosen(choice, sets, ordered, limit)
    involved = _involved(choice, sets)
    frame = pd.DataFrame({"pair_id": pd.Series(ids, dtype=object)})
    for found, key, title in involved:
        known = round_table.values_of(found.table, key, ids)
        values = known.reindex(ids).to_numpy(dtype=float)
        frame[f"{'score' if key == SCORE else title} {found.strategy.title}"] = values
        if key == choice.key:
            frame[f"percentile {found.strategy.title}"] = percentiles_in(ordered(found, key), values)
    batches = {found.strategy.title: set(found.picks) for found in sets.values()}
    hands = [", ".join(filter(None, (_by_hand(found, pair_id) for found in sets.values()))) for pair_id in ids]
    if any(hands):  # before the last column, which a narrow table may hide
        frame["by hand"] = hands
    frame["picked by"] = [", ".join(t for t, batch in batches.items() if pair_id in batch) for pair_id in ids]
    return frame, n


def ids_of(choice: Choice, sets: Mapping[str, RoundScores], limit: int) -> list[str]:
    """The pairs of a choice, `limit` at most, in the order of the table."""
    return _chosen(choice, sets, read_ordered, limit)[0]


def _by_hand(found: RoundScores, pair_id: str) -> str:
    return found.by_hand.get(pair_id, "taken out" if pair_id in found.out else "")


def _involved(choice: Choice, sets: Mapping[str, RoundScores]) -> list[tuple[RoundScores, str, str]]:
    """(round, key, title) of the quantities that the table shows."""
    wanted = [(choice.first, choice.key), (choice.first, SCORE)]
    wanted += [(choice.second, SCORE)] if choice.kind in ("shared", "both") else []
    found = [(sets[name], sets[name].quantity(key)) for name, key in dict.fromkeys(wanted)]
    return [(one, quantity.key, quantity.title) for one, quantity in found if quantity is not None]


def _chosen(choice: Choice, sets: Mapping[str, RoundScores], ordered: Ordered, limit: int) -> tuple[list[str], int]:
    first = sets[choice.first]
    if choice.kind == "picks":
        return list(first.picks[:limit]), len(first.picks)
    if choice.kind == "range":
        return round_table.between(first.table, choice.key, choice.low, choice.high, limit, below=choice.below)
    if choice.kind == "shared":
        ids = shared(first.picks, sets[choice.second].picks)
        return ids[:limit], len(ids)
    if choice.kind == "saved":
        there = dict.fromkeys(
            (pair_id for found in sets.values() for pair_id in round_table.candidates_among(found.table, choice.pairs)),
            -np.inf,
        )
        if first.quantity(SCORE):
            there |= round_table.values_of(first.table, SCORE, choice.pairs).fillna(-np.inf).to_dict()
        ids = sorted(there, key=lambda i: (-there[i], i))
        return ids[:limit], len(ids)
    second = sets[choice.second]
    if first.quantity(SCORE) is None or second.quantity(SCORE) is None:
        return [], 0
    rows, x, y = round_table.both((first.table, SCORE), (second.table, SCORE))
    apart = np.abs(percentiles_in(ordered(first, SCORE), x) - percentiles_in(ordered(second, SCORE), y))
    most = np.lexsort((rows, -apart))[:limit]
    return round_table.at_rows(first.table, rows[most]), len(rows)
