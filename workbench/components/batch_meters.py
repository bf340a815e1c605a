"""Meters of a batch: redundancy, clusters, prompts, length, answers, each with the comparison that gives it meaning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.store.summaries import PickedPair
from workbench.components.how_to_read import how_to_read
from workbench.components.markup import escaped
from workbench.wording import NOTHING, between, count, integer, number

READING = (
    "The bar is this batch; the pale stretch holds 95 % of random batches of its size, the tick is their mean. "
    "Redundancy: mean cosine of a pick's words with those of the pick most like it."
)


@dataclass(frozen=True)
class Shown:
    """One meter: its value in words, what it counts, how far its bar goes (0 to 1), and what stands below it.

    `band` is (low, mean, high) of random batches on the same scale as `bar`; None where it is not known.
    """

    title: str
    value: str
    unit: str
    bar: float | None
    below: str
    band: tuple[float, float, float] | None = None


def batch_meters(shown: Sequence[Shown], drawn: str) -> str:
    """The meters side by side, and how to read them; `drawn` says what the random batches were drawn from."""
    cells = "".join(_cell(one) for one in shown)
    reading = f"{how_to_read(READING)} <small>{escaped(drawn)}</small>" if drawn else ""
    return f'<div class="meters">{cells}</div>{reading}'


def meters_of(
    picks: Sequence[PickedPair], answer: Mapping[str, Any] | None, clusters: Shown, *, asked: bool = False
) -> list[Shown]:
    """What is known of the batch: lengths, prompts and answers at once, the rest when the task has answered.

    `asked`: what became of the answer stands above the meters.
    """
    later = "beside random batches: see above" if asked else "beside random batches: switch on “explain”"
    found = (answer or {}).get("meters", {})
    size = len(picks)
    prompts = len({pick.messages for pick in picks})
    words = [len(text.split()) for pick in picks for text in (pick.response_a, pick.response_b)]
    length = sum(words) / max(len(words), 1)
    reach = 1.25 * max([length, *(found[name]["high"] for name in ("length",) if name in found)]) or 1.0
    return [
        _measured("redundancy", found.get("redundancy"), "mean cosine", 1.0, 2, None, later),
        clusters,
        _measured(
            "prompts", found.get("prompts"), f"of {count(size, 'pair')}", float(max(size, 1)), 0, float(prompts), later
        ),
        _measured("length of a response", found.get("length"), "words, mean", reach, 1, length, later),
        answers(picks),
    ]


def answers(picks: Sequence[PickedPair]) -> Shown:
    """How many are labelled, and of how many neither response was chosen."""
    given = [pick.answer for pick in picks if pick.answer is not None]
    other = sum(answer not in ("a", "b") for answer in given)
    below = (
        f"{integer(other)} with neither chosen"
        if other
        else "one response chosen in each"
        if given
        else "nobody was asked yet"
    )
    return Shown("labelled", integer(len(given)), f"of {integer(len(picks))}", len(given) / max(len(picks), 1), below)


def no_clusters(why: str) -> Shown:
    """The clusters of a pool that has none; `why` is the step that makes them."""
    return Shown("clusters", NOTHING, "", None, why)


def covered(found: Mapping[str, float], of: int, missing: Sequence[str]) -> Shown:
    """How many clusters the batch touches beside random ones (the fields of `Meter`); the names of those it misses."""
    shown = _measured("clusters", found, f"of {integer(of)}", float(max(of, 1)), 0, None, "")
    if not missing:
        return shown
    some = ", ".join(f"“{words}”" for words in missing[:2]) + (f" and {len(missing) - 2} more" if missing[2:] else "")
    return Shown(shown.title, shown.value, shown.unit, shown.bar, f"{shown.below} · missing: {some}", shown.band)


def _measured(
    title: str, found: Mapping[str, float] | None, unit: str, top: float, digits: int, known: float | None, later: str
) -> Shown:
    if found is None:
        words = NOTHING if known is None else number(known, digits)
        return Shown(title, words, unit, None if known is None else min(known / top, 1.0), later)
    value, mean, low, high = (float(found[name]) for name in ("value", "mean", "low", "high"))
    where = "above" if value > high else "below" if value < low else "as"
    said = "as random" if where == "as" else f"{where} random"
    below = f"{said}: {number(mean, digits)} ({between(low, high, digits)})"
    band = (min(low / top, 1.0), min(mean / top, 1.0), min(high / top, 1.0))
    return Shown(title, number(value, digits), unit, min(max(value / top, 0.0), 1.0), below, band)


def _cell(one: Shown) -> str:
    marks = ""
    if one.band is not None:
        low, mean, high = (100 * at for at in one.band)
        marks = f'<b style="left:{low:.1f}%;width:{max(high - low, 0.5):.1f}%"></b><u style="left:{mean:.1f}%"></u>'
    filled = "" if one.bar is None else f'<i style="width:{100 * one.bar:.1f}%"></i>'
    return (
        f'<div><label>{escaped(one.title)}</label><div class="row ends"><strong>{escaped(one.value)}</strong>'
        f'<small>{escaped(one.unit)}</small></div><div class="meter" aria-hidden="true">{filled}{marks}</div>'
        f'<small dir="auto">{escaped(one.below)}</small></div>'
    )
