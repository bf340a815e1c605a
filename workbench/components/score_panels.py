"""The parts of the page Explore: the distribution of a round's scores, its key, and the small multiples below."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import streamlit as st

from engine.analysis.overlap import by_chance, overlaps
from engine.analysis.ranks import Spearman
from engine.store.summaries import SCORE, Quantity, RoundScores
from workbench import session
from workbench.charts.agreement import Batch, Density, against_figure, correlation_figure, overlap_figure
from workbench.charts.ridges import ridges_figure
from workbench.charts.scores import FAINT, POOL, Panel, ecdf_figure, histogram_figure, how_to_read_scores
from workbench.components import score_tables
from workbench.components.how_to_read import how_to_read, read_this
from workbench.components.markup import empty, escaped, heading, show, slot_class
from workbench.components.pair_table import legend
from workbench.components.score_choice import brushed, clicked, clicked_pair
from workbench.wording import count, integer, listed, number

WITH_BOX = {
    "displaylogo": False,
    "displayModeBar": True,
    "modeBarButtonsToRemove": ["lasso2d", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d", "autoScale2d"],
}
"""Box Select in sight, as the other way to choose beside a click."""
By = Literal["box", "points"]
BARE = {"displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "zoom2d", "pan2d", "select2d", "autoScale2d"]}
HISTOGRAM, ECDF, RIDGES = "histogram", "ECDF", "rounds"


def switch(label: str, options: list[str], key: str, default: int = 0) -> str:
    """One of some ways to see it; in the link."""
    chosen = st.segmented_control(
        label, options, default=options[default], key=key, bind="query-params", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    return chosen or options[default]


def pick_quantity(found: RoundScores) -> Quantity | None:
    """The score or one of the signals of the round, by title in the link; None if the round has neither."""
    titles = {quantity.title: quantity for quantity in found.quantities}
    if not titles:
        return None
    chosen = st.selectbox("Quantity", list(titles), key="of", bind="query-params", label_visibility="collapsed",
                          width=300)  # fmt: skip
    return titles[chosen]


def distribution(panels: Sequence[Panel], *, ecdf: bool, log: bool) -> None:
    """The main chart of these strategies, what its marks are, and how to read it."""
    first, mode = panels[0], session.mode()
    of = _head(first, listed([panel.found.strategy.title for panel in panels]))
    figure = ecdf_figure(panels, mode=mode) if ecdf else histogram_figure(panels, mode=mode, log=log)
    runs = "-".join(panel.found.run_id for panel in panels)
    key = f"scores-{'ecdf' if ecdf else log}-{first.found.round}-{first.quantity.key}-{runs}"
    by: tuple[By, ...] = ("box",) if ecdf else ("points", "box")
    _clickable(figure, key, "brush", lambda found: brushed(found, [panel.name for panel in panels]), by, of)
    _under(panels, how_to_read_scores(first, ecdf=ecdf))
    score_tables.bars_table(panels)


def ridges(rounds: Mapping[int, Panel], at: int, unscored: Sequence[int]) -> None:
    """The main chart over the rounds of one run; a range that is dragged over is one of round `at`."""
    panel = rounds[at]
    of = _head(panel, panel.found.strategy.title, over=len(rounds))
    figure = ridges_figure(rounds, at, mode=session.mode(), height=max(280, 66 * len(rounds)), with_ticks=True)
    key = f"ridges-{at}-{panel.quantity.key}-{panel.found.run_id}-{len(rounds)}"
    _clickable(figure, key, "brush", lambda found: brushed(found, [panel.name]), ("box",), of)
    moved = "The policy changes with the rounds, and scores with it: a shift says nothing of the pairs."
    _under([panel], f"A row is a round, ticks below are picks and answered pairs. {moved} {_left(unscored)}"
                    f"Drag over it for pairs of round {at}.", bars=False)  # fmt: skip
    score_tables.rounds_table(rounds, "ridges")


def _head(panel: Panel, who: str, over: int = 0) -> str:
    """The title of the main chart, and what it covers; the same for who cannot see it."""
    found, quantity = panel.found, panel.quantity
    what = "Scores" if quantity.key == SCORE else quantity.title[:1].upper() + quantity.title[1:]
    when = f"{count(over, 'round')}" if over else f"round {found.round}"
    known = f"{integer(len(panel.ordered))} of {count(found.candidates, 'candidate pair')}"
    of = f"{known} have {'a score' if quantity.key == SCORE else 'it'}" + (f" in round {found.round}" if over else "")
    show(heading(f"{what} of {when}, {who}", of))
    if quantity.key != SCORE:
        made = f" Made on: {quantity.made_on}." if quantity.made_on else ""
        show(f"<small>{escaped(quantity.meaning)}{escaped(made)}</small>")
    return f"{what} of {when}, {who}; {of}"


def _under(panels: Sequence[Panel], read: str, *, bars: bool = True) -> None:
    """The key of the marks with counts, and how to read them; without `bars` candidates have no mark of their own."""
    first, mode = panels[0], session.mode()
    keys: dict[str, tuple[str, int]] = {}
    if bars:
        grey = f"background:{POOL[mode]};box-shadow:inset 0 0 0 1px {FAINT[mode]}"
        keys["candidates"] = (grey, len(first.ordered))
    if len(first.answered):
        keys["already answered"] = ("background:transparent;border:1.5px solid var(--ink)", len(first.answered))
    squares = legend(keys)
    for panel in panels:
        strategy, picks = panel.found.strategy, panel.found.picks
        slot = f'<span class="dot {slot_class(strategy.slot)}" style="border-radius:2px"></span>'
        who = f"{slot}picked by {escaped(strategy.title)} {len(picks)}"
        squares += f'<small class="whole" style="margin-right:1rem">{who}</small>'
    squares += _hands([panel.found for panel in panels])
    show(f"{squares}<br>{how_to_read(read)}")


def _hands(rounds: Sequence[RoundScores]) -> str:
    """The key of the marks of what people did to these batches in review; "" where they did nothing."""
    counts = {
        "▲ brought in or pinned by hand": sum(len(found.by_hand) for found in rounds),
        "△ taken out by hand": sum(len(found.out) for found in rounds),
    }
    said = (f"{words} {integer(n)}" for words, n in counts.items() if n)
    return "".join(f'<small class="whole" style="margin-right:1rem">{escaped(words)}</small>' for words in said)


def _left(unscored: Sequence[int]) -> str:
    which = "rounds" if len(unscored) > 1 else "round"
    return f"Without it: {which} {listed([str(n) for n in unscored])}. " if unscored else ""


def without_scores(found: RoundScores, others: bool) -> tuple[str, str]:
    """Why there is no distribution, and what to do."""
    title = found.strategy.title
    if found.warm_up:
        return f"Round {found.round} has no scores.", "It is the warm-up batch, drawn at random. Round 2 is scored."
    if found.strategy.slot == 0:
        more = "Choose another strategy beside it." if others else "The other strategies have none here either."
        return f"{title} has no scores: its picks are a draw.", more
    return f"{title} gave no scores in round {found.round}.", "Its batch was chosen without them."


def head_row(name: str, title: str, control: Callable[[], str] | None = None) -> str:
    """The title of a small multiple with its control at the right; rows of equal height, so that charts align."""
    with st.container(horizontal=True, vertical_alignment="center", key=f"head-{name}"):
        show(heading(title))
        return control() if control else ""


def round_by_round(rounds: Mapping[int, Panel], at: int, unscored: Sequence[int]) -> None:
    """How the values of this run moved, in small."""
    panel = rounds.get(at) or next(iter(rounds.values()))
    head_row("rounds", "Round by round")
    what = "scores" if panel.quantity.key == SCORE else panel.quantity.title
    show(f"<small>{escaped(panel.found.strategy.title)}, density of its candidates' {escaped(what)}</small>")
    figure = ridges_figure(rounds, at, mode=session.mode())
    st.plotly_chart(figure, key=f"rounds-{panel.found.run_id}-{panel.quantity.key}", config=BARE,
                    alt=f"Density of {what}, a row a round")  # fmt: skip
    left = f" Round {', '.join(map(str, unscored))}: without it." if unscored else ""
    read_this(
        "All rows are of one height. The policy changes from round to round, and the scale of its scores with it: a "
        f"shift says nothing of the pairs.{left}"
    )
    score_tables.rounds_table(rounds, "rounds")


def agreement(
    sets: Mapping[str, RoundScores],
    correlation: Callable[[RoundScores, RoundScores], Spearman],
    control: Callable[[], str],
) -> None:
    """Shared picks of all strategies, or rank correlations of those that have scores; a click leads to the pairs.

    `control` draws the switch between both: "ranks" asks for correlations.
    """
    ranks = head_row("agree", "Where strategies agree", control) == "ranks"
    shown = [found for found in sets.values() if not (ranks and found.quantity(SCORE) is None)]
    if len(shown) < 2:
        empty("There is nothing to compare.", "It takes two strategies that have picked, with scores for ranks.")
        return
    refs, mode = [found.strategy for found in shown], session.mode()
    kind: Literal["shared", "both"] = "both" if ranks else "shared"
    if ranks:
        rhos = {}
        for place, one in enumerate(shown):
            for other in shown[place + 1 :]:
                names = one.strategy.name, other.strategy.name
                rhos[names] = rhos[names[::-1]] = correlation(one, other)
        least = min(rho.n for rho in rhos.values())
        aside, figure = f"Spearman, {count(least, 'pair')} or more", correlation_figure(refs, rhos, mode=mode)
        note = "1: the same order; 0: none. Over the pairs that both scored. Click a cell for where they differ most."
        words = {names: number(rho.rho, 2) for names, rho in rhos.items()}
    else:
        batches = {found.strategy.name: found.picks for found in shown}
        sizes, common = [len(found.picks) for found in shown], overlaps(batches)
        chance = by_chance(max(sizes), max(sizes), shown[0].candidates)
        aside, figure = f"shared picks of {integer(max(sizes))}", overlap_figure(refs, common, mode=mode)
        same = "The warm-up batch is the same for every strategy. " if all(found.warm_up for found in shown) else ""
        note = f"{same}Two random batches share {number(chance, 1)} on average. Click a cell for the shared pairs."
        words = {names: integer(n) for names, n in common.items()}
    show(f"<small>{escaped(aside)}</small>")
    key = f"agree-{kind}-{shown[0].round}-{'-'.join(found.run_id for found in shown)}"
    about = f"Where strategies agree, {aside}"
    _clickable(figure, key, "brush", lambda found: clicked(found, kind), ("points",), about)
    read_this(note)
    score_tables.matrix_table(refs, words)


def against_choices(
    first: RoundScores, key: str, sets: Mapping[str, RoundScores]
) -> dict[str, tuple[RoundScores, str]]:
    """Title → what the quantity may be drawn against: other strategies' scores, and the run's other quantities."""
    others = [found for found in sets.values() if found is not first and found.quantity(SCORE)]
    choices = {found.strategy.title: (found, SCORE) for found in others}
    return choices | {q.title: (first, q.key) for q in first.quantities if q.key != key}


def against(panels: Sequence[Panel], found: Density | None, batches: Sequence[Batch]) -> None:
    """One of two quantities against the other, counted in grey, with the picks on top; a click on one leads to it."""
    first, second = panels
    names = [_short(panel) for panel in panels]
    title = listed(names)
    if found is None:
        show(f"<small>{escaped(title)}</small>")
        empty("Too few pairs have both.", "It takes 3.")
        return
    of = f"{title} · Spearman {number(found.rho.rho, 2)} · {count(found.rho.n, 'pair')} with both"
    show(f"<small>{escaped(of)}</small>")
    titles = (first.axis.replace(", higher = label sooner", ""), second.axis.replace(", higher = label sooner", ""))
    figure = against_figure(found, batches, titles, mode=session.mode())
    key = f"against-{first.found.round}-{first.found.run_id}-{second.found.run_id}-{first.name}-{second.name}"
    _clickable(figure, key, "pair", clicked_pair, ("points",), f"{titles[0]} against {titles[1]}; {of}")
    who = listed([batch.strategy.title for batch in batches])
    read_this(f"Grey: how many pairs lie there. Marks: picks of {who}. Click a mark to read it.")
    score_tables.bands_table(found, batches, titles)


def _short(panel: Panel) -> str:
    return panel.found.strategy.title if panel.quantity.key == SCORE else panel.quantity.title


def _clickable(
    figure: Any,
    key: str,
    part: str,
    value: Callable[[Mapping[str, Any]], str],
    by: tuple[By, ...],
    words: str,
) -> None:
    """A chart that answers a drag or a click by choosing the part of "Looking at", or of the page, that follows.

    With both a click chooses until the reader takes Box Select: where a drag selects, Streamlit hands on no clicks.
    """
    st.plotly_chart(
        figure,
        key=key,
        on_select=lambda: session.show_selected(part, key, value),
        selection_mode=by,
        config=WITH_BOX if len(by) > 1 else BARE,
        alt=words,
    )
