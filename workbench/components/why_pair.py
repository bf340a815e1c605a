"""Why this pair: its score taken apart, what it is most like, its rank under the others, what else would be picked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine.arms import SHUFFLED, arm_of
from engine.store.summaries import PickedPair, StrategyRef
from engine.strategies.base import Strategy
from workbench.components.markup import dot, escaped, foreign, show
from workbench.wording import integer, listed, number, plain

KNOWN = {"rank_in_pool", "nearest_pair", "nearest_cosine", "nearest_distance"}
"""What a pick keeps of itself and the card says in its own words."""


@dataclass(frozen=True)
class Rank:
    """Where a strategy of the seed puts the pair among its own candidates of the round; `word` is more, or why not."""

    strategy: StrategyRef
    rank: int | None
    of: int
    word: str = ""


@dataclass(frozen=True)
class Other:
    """Another pair that is named: what for, its prompt in a line, and what is said of it."""

    title: str
    prompt: str
    about: str


@dataclass(frozen=True)
class Why:
    """All that is known of a pick. `candidates` had a score in the round (0: none), `percentile` of them a lower one.

    `parts` are those of the task `why_batch`, None while nobody has asked, and `says` is the score in their symbols;
    `notes` say why something is not there.
    """

    sentence: str
    candidates: int = 0
    percentile: float | None = None
    parts: Sequence[Mapping[str, Any]] | None = None
    others: Sequence[Other] = ()
    ranks: Sequence[Rank] = ()
    notes: Sequence[str] = ()
    says: str = ""


def why_card(pair: PickedPair, strategy: StrategyRef, why: Why) -> str:
    """The card as markup, in the order in which one asks."""
    head = (
        f'<div class="row ends"><h2>Why this pair</h2><span>{dot(strategy.slot)}{escaped(strategy.title)}</span></div>'
    )
    said = "".join(f"<p><small>{escaped(note)}</small></p>" for note in why.notes)
    unit = "" if pair.score is None else "<small>Scores have no unit; higher means: label sooner.</small>"
    return (
        f"{head}<p>{escaped(why.sentence)}</p>{_sum(pair, why)}{_says(why)}{unit}{_read(why.parts or ())}"
        f"{''.join(_other(other) for other in why.others)}{rank_lines(why.ranks)}{said}"
    )


def why_sentence(pair: PickedPair, strategy: StrategyRef, summary: str, *, ties_at_reference: bool) -> str:
    """One sentence in words; `summary` is the strategy's own description of what it picks."""
    if pair.warm_up:
        return "Warm-up batch: drawn at random, the same pairs for every strategy of this seed."
    if strategy.slot == 0:
        return "Drawn at random from the pool: no score is involved."
    if arm_of(strategy.name) == SHUFFLED:
        return (
            "Its values were dealt out to other pairs by a draw before it picked: what stands here belongs to another "
            "pair, and says nothing of this one."
        )
    if ties_at_reference and pair.score == 0:
        return "Policy and reference are still the same, so all margins are 0. This pick is a seeded draw."
    return summary


def formula(plugin: type[Strategy] | None) -> None:
    """The strategy's formula behind a button, with its citation; nothing where there is none."""
    if plugin is None or not plugin.formula:
        return
    with st.popover("Formula", icon=":material/function:"):
        st.latex(plugin.formula)
        show(f"<p>{escaped(plugin.summary())}</p><small>{escaped(plugin.source)}</small>")


def _sum(pair: PickedPair, why: Why) -> str:
    """Score and gain with what stands before and between them, as a sum from top to bottom."""
    rows = [(_called(part), _measured(part), _aside(part)) for part in why.parts or () if not part["read"]]
    if pair.score is not None:
        rows.append(("score before the batch", f"<b>{number(pair.score)}</b>", _place(pair, why)))
    if pair.score is not None and pair.gain is not None:
        rows.append(("lost to earlier picks", number(pair.gain - pair.score), _share(pair)))
    if pair.gain is not None:
        rows.append(("gain when picked", f"<b>{number(pair.gain)}</b>", ""))
    rows += [(plain(name), _value(value), "") for name, value in pair.why.items() if name not in KNOWN]
    return _rows(rows)


def _says(why: Why) -> str:
    """The score in the symbols of its terms."""
    return f'<p class="says"><small>{escaped(why.says)}</small></p>' if why.says and why.parts else ""


def _called(part: Mapping[str, Any]) -> str:
    """The term's name, and how the formula calls it."""
    symbol = str(part.get("symbol") or "")
    return f"{part['name']}: {symbol}" if symbol else str(part["name"])


def _read(parts: Sequence[Mapping[str, Any]]) -> str:
    """What the strategy read of this pair: its signals, each with its unit and its percentile in the pool."""
    rows = [(part["name"], _measured(part), _aside(part)) for part in parts if part["read"]]
    return f'<p class="under"><small><b>What it read of this pair</b></small></p>{_rows(rows)}' if rows else ""


def _rows(rows: Sequence[tuple[str, str, str]]) -> str:
    lines = "".join(
        f"<tr><td>{escaped(name)}{f'<br><small>{escaped(aside)}</small>' if aside else ''}</td>"
        f"<td class='value'>{value}</td></tr>"
        for name, value, aside in rows
    )
    return f"<table style='margin-top:.5rem'>{lines}</table>" if lines else ""


def _measured(part: Mapping[str, Any]) -> str:
    """A value with its unit; a whole number as one."""
    value = float(part["value"])
    words = integer(value) if isinstance(part["value"], int) else number(value)
    return f"{words} <small>{escaped(part['unit'])}</small>" if part["unit"] else words


def _aside(part: Mapping[str, Any]) -> str:
    percentile = part.get("percentile")
    above = "" if percentile is None else f"above {number(float(percentile), 1)} % of the pool"
    return " · ".join(filter(None, [above, str(part.get("note") or "").replace("-", "−")]))


def _place(pair: PickedPair, why: Why) -> str:
    rank = pair.why.get("rank_in_pool")
    place = f"rank {integer(float(rank))}" if isinstance(rank, int | float) else ""
    if place and why.candidates:
        place += f" of {integer(why.candidates)}"
    above = "" if why.percentile is None else f"above {number(why.percentile, 1)} % of the pool"
    return " · ".join(filter(None, [place, above]))


def _share(pair: PickedPair) -> str:
    if not pair.score or pair.gain is None or pair.score <= 0:
        return ""
    if pair.gain == pair.score:
        return "nothing picked before it says the same" if pair.rank > 1 else "it was the first"
    return f"{number(100 * (1 - pair.gain / pair.score), 1)} % of the score, for what picks before it say already"


def _other(other: Other) -> str:
    return (
        f'<p class="under"><small><b>{escaped(other.title)}</b></small><br>'
        f'<span dir="auto">{escaped(other.prompt)}</span> <small>{escaped(other.about)}</small></p>'
    )


def rank_lines(ranks: Sequence[Rank]) -> str:
    """A line from 1 to n for each strategy that gives scores, with a dot at its rank; the others in a sentence."""
    if not ranks:
        return ""
    placed = [rank for rank in ranks if rank.rank is not None]
    absent: dict[str, list[str]] = {}
    for rank in ranks:
        if rank.rank is None:
            absent.setdefault(rank.word, []).append(rank.strategy.title)
    lines = "".join(_line(rank) for rank in placed)
    most = integer(max(rank.of for rank in placed)) if placed else ""
    ends = f'<div class="rank reach"><span></span><span><i>1</i><i>{most}</i></span><span></span></div>'
    words = "".join(f"<p><small>{escaped(listed(names))}: {escaped(why)}.</small></p>" for why, names in absent.items())
    about = "rank in this round, each in its own run" if placed else ""
    return (
        f'<p class="under"><small><b>Under the other strategies</b> {about}</small></p>'
        f'<div class="ranks">{lines}{ends if placed else ""}</div>{words}'
    )


def _line(rank: Rank) -> str:
    at = 100 * ((rank.rank or 1) - 1) / max(rank.of - 1, 1)
    more = f" · {rank.word}" if rank.word else ""
    return (
        f'<div class="rank" title="rank {integer(rank.rank or 1)} of {integer(rank.of)}{escaped(more)}">'
        f"<span>{dot(rank.strategy.slot)}{escaped(rank.strategy.title)}</span>"
        f'<span class="track" aria-hidden="true"><i style="left:{at:.1f}%">{dot(rank.strategy.slot)}</i></span>'
        f"<span>{integer(rank.rank or 1)}<small>{escaped(more)}</small></span></div>"
    )


def near_words(cosine: float, of: str, where: str) -> str:
    """ "cosine 0.34 by words, round 2"."""
    return ", ".join(filter(None, [f"cosine {number(cosine, 2)} {of}".strip(), where]))


def _value(value: Any) -> str:
    return number(float(value)) if isinstance(value, int | float) else foreign(value)
