"""What a lasso on the map holds: counts, and its pairs as a table to choose from; what the map was made on."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from engine.analysis.clusters import TEXTS
from engine.store.summaries import PairTexts, Quantity
from workbench.charts.scene import PICKED, STATES, Marks, Name, Scene, What
from workbench.components.foreign_text import first_line
from workbench.components.map_marks import ANSWERS
from workbench.components.map_scene import Choice, Ground
from workbench.components.markup import escaped, fact, foreign, heading, show, table
from workbench.wording import NOTHING, count, integer, listed, number

SHOWN = 200
"""Rows of the table at most, picked pairs first."""


def facts(ground: Ground, marks: Marks, score: np.ndarray, choice: Choice) -> int:
    """How many are chosen, picked and labelled, their median score, how labels fell, what most say; gives how many.

    `marks` and `score` are those of all pairs.
    """
    n = len(score) if choice.pairs is None else int(choice.pairs.sum())
    part = slice(None) if choice.pairs is None else choice.pairs
    answers, scored = np.bincount(marks.answer[part], minlength=len(ANSWERS)), score[part]
    scored = scored[~np.isnan(scored)]
    labelled = int(answers[1:].sum())
    fell = " : ".join(integer(int(answers[ANSWERS.index(side)])) for side in ("a", "b")) if labelled else NOTHING
    show(
        heading(choice.title, f"{integer(n)} of {count(len(score), 'pair')}")
        + '<div class="facts" style="margin-top:.4rem">'
        + fact("picked", integer(int((marks.state[part] == PICKED).sum())))
        + fact("labelled", integer(labelled))
        + fact("median score", number(float(np.median(scored))) if len(scored) else NOTHING)
        + fact("labelled A : B", fell)
        + f"</div>{_mostly(ground, choice)}"
    )
    return n


def _mostly(ground: Ground, choice: Choice) -> str:
    """The words of the cluster that most chosen points are in, as markup; "" where all are chosen."""
    inside = None if choice.pairs is None else ground.of_pairs(choice.pairs)
    if inside is None or not inside.any():
        return ""
    counts = np.bincount(ground.cluster[inside], minlength=1)
    most = int(counts.argmax())
    if most >= len(ground.names) or not ground.names[most].words:
        return ""
    words = ", ".join(map(foreign, ground.names[most].words))
    points = "responses" if ground.what == "responses" else "pairs"
    return (
        f"<small>Mostly: <b>{words}</b>, {integer(int(counts[most]))} of {integer(int(counts.sum()))} {points}.</small>"
    )


def ids_of(ground: Ground, choice: Choice) -> list[str]:
    """The ids of the chosen pairs."""
    return ground.pairs.names([] if choice.pairs is None else np.flatnonzero(choice.pairs))


def unit_of(quantity: Quantity | None) -> str:
    """What colours the points, with its unit."""
    return f"{quantity.title} ({quantity.unit or 'no unit'})" if quantity else "score (no unit)"


def pairs_table(
    ids: Sequence[str],
    rows: np.ndarray,
    marks: Marks,
    score: np.ndarray,
    of: int,
    texts: Sequence[PairTexts],
    key: str,
    on_select: Callable[[], None],
) -> None:
    """The first of `of` pairs with the start of each prompt; choosing one calls `on_select` before the page is drawn.

    `rows` (k,) are those of the pairs of `ids`; `marks` and `score` are those of all pairs.
    """
    lines = {pair.pair_id: first_line(pair.messages, 120) for pair in texts}
    frame = pd.DataFrame(
        {
            "prompt": [lines.get(pair_id, NOTHING) for pair_id in ids],
            "score": score[rows],
            "state": [STATES[one] for one in marks.state[rows]],
            "pair": ids,
        }
    )
    if frame["score"].isna().all():
        frame = frame.drop(columns="score")
    st.dataframe(
        frame,
        key=key,
        hide_index=True,
        on_select=on_select,
        selection_mode="single-row",
        row_height=30,
        placeholder=NOTHING,
        height=min(max(len(frame), 1), 7) * 30 + 38,
        column_config={
            "prompt": st.column_config.TextColumn(width=190),
            "score": st.column_config.NumberColumn(format="%.3f", width=64),
            "state": st.column_config.TextColumn(width=66),
        },
        alt="The chosen pairs with the start of their prompt, score and state",
    )
    if of > len(ids):
        show(f"<small>The first {integer(len(ids))} of {integer(of)}, picked ones first.</small>")


def embedding_stamp(stamp: Mapping[str, Any], what: What) -> str:
    """ "all-MiniLM-L6-v2, its output, mean over tokens, response without prompt; pair = A − B; PCA …; seed 0"."""
    parts = [stamp.get(name) for name in ("model", "adapter", "layer", "pooling", "read")]
    words = [", ".join(str(part) for part in parts if part)]
    words += ["pair = A − B, turned to one side"] if what == "pairs" else []
    words += [str(stamp[name]) for name in ("method",) if stamp.get(name)]
    words += [f"clusters: {stamp['clusters']}"] if stamp.get("clusters") else []
    return "; ".join([*words, f"seed {stamp['seed']}"] if "seed" in stamp else words)


def embedding(stamp: Mapping[str, Any], what: What) -> None:
    """What map and histogram were made on."""
    show(f"<small><b>Embedding.</b> {escaped(embedding_stamp(stamp, what))}.</small>")


def under_map(drawn: int, of: int, what: What, reading: str) -> None:
    """How many points of how many, what is always in, and how to read them."""
    counted = f"{integer(of)} of {integer(of)} {what} drawn."
    if drawn < of:
        counted = (
            f"{integer(drawn)} of {integer(of)} {what} drawn, from every cluster, every picked and labelled one among "
            "them. The lasso is answered for all."
        )
    show(f"<small>{escaped(counted)} <b>How to read this.</b> {escaped(reading)}</small>")


def clusters_table(names: Sequence[Name], cluster: np.ndarray, marks: Marks, what: What) -> None:
    """A row a cluster, the largest first: its words, its points, and how many are picked now and were picked so far."""
    with st.expander(f"The {count(len(names), 'cluster')} of this map, named by their words", key="table-clusters"):
        k = len(names)
        so_far = np.bincount(cluster[(marks.ever_by >= 0) | (marks.picked_in > 0)], minlength=k)
        now = np.bincount(cluster[marks.state == PICKED], minlength=k)
        rows = [
            [", ".join(map(foreign, name.words)) or NOTHING, integer(name.n), integer(now[n]), integer(so_far[n])]
            for n, name in enumerate(names)
        ]
        points = "responses" if what == "responses" else "pairs"
        show(table([("words", False), (points, True), ("picked in this round", True), ("picked so far", True)], rows))
        show(f"<small>{escaped(counted_words([name.n for name in names], points))}</small>")


def counted_words(sizes: Sequence[int], points: str) -> str:
    """In how many texts the words of the clusters were counted."""
    read, of = sum(min(n, TEXTS) for n in sizes), sum(sizes)
    if read == of:
        return f"The words were counted in all {integer(of)} {points}."
    return (
        f"The words were counted in {integer(read)} of {integer(of)} {points}: in the first {integer(TEXTS)} of each "
        "larger cluster."
    )


def map_words(scene: Scene) -> str:
    """The map for who does not see it: how many points of each state; tables under and beside it say the rest."""
    n = np.bincount(scene.marks.state, minlength=len(STATES))
    states = [f"{integer(n[state])} {word}" for state, word in enumerate(STATES) if n[state]]
    return (
        f"The pool's {scene.what} in the plane, {integer(len(scene.rows))} of {integer(len(scene.x))} drawn: "
        f"{listed(states)}. Its clusters are in the table under it, its pairs in the table beside it."
    )


def how_to_read(what: What, colour: str, method: str) -> str:
    """The line under the map."""
    near = {
        "pairs": "Pairs whose responses differ in the same way lie close; sides are arbitrary, so all are turned to "
        "one half.",
        "responses": "Responses that say alike lie close; a response bears the mark of its foremost pair.",
        "segments": "A line joins the two responses of a pair: long means unlike. Its dot answers to lasso and click.",
    }[what]
    flat = "A plane hides most directions: near does not prove alike."
    trap = {
        "state": flat if method == "pca" else "Only neighbours count: distances between groups mean nothing.",
        "strategy": "All rounds so far count.",
        "round": "Colour: the round of the pick, by the run looked at.",
    }.get(colour, "Values are those of the run looked at; outlined ones were picked now.")
    return f"{near} {trap}"
