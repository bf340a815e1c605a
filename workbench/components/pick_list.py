"""A batch as a list to choose from, as a full table, and the two buttons that step through it."""

from collections.abc import Callable, Collection, Sequence

import pandas as pd
import streamlit as st

from engine.store.reviews import hand_words
from engine.store.summaries import PickedPair
from workbench.components.foreign_text import first_line
from workbench.components.markup import heading, show
from workbench.spreadsheet import as_csv
from workbench.wording import ANSWERS, count, plain


def by_hand(pick: PickedPair, pinned: Collection[str] = ()) -> str:
    """What a person did about a pick that stands: "added", "swapped", "pinned", or "" for nothing."""
    return hand_words(pick.why, pinned=pick.pair_id in pinned)


def pick_list(
    picks: Sequence[PickedPair],
    at: int,
    key: str,
    on_select: Callable[[], None],
    pinned: Collection[str] = (),
) -> None:
    """Rank, score, what was done by hand, and prompt; row `at` is chosen. A column of which no pick has anything is
    left out. A table is drawn on a canvas, so a text in it stays text."""
    frame = pd.DataFrame(
        {
            "#": [p.rank for p in picks],
            "score": [p.score for p in picks],
            "by hand": [by_hand(p, pinned) for p in picks],
            "prompt": [first_line(p.messages) for p in picks],
        }
    )
    scored, handled = bool(frame["score"].notna().any()), bool((frame["by hand"] != "").any())
    room = 106 if frame["by hand"].str.contains(",").any() else 64 if handled else 0
    frame = frame.drop(columns=[name for name, there in (("score", scored), ("by hand", handled)) if not there])
    show(heading(count(len(picks), "pick"), "best first" if scored else "in the order drawn"))
    st.dataframe(
        frame,
        key=key,
        hide_index=True,
        on_select=on_select,
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [at], "columns": []}},
        row_height=30,
        height=min(len(picks), 16) * 30 + 38,
        column_config={
            "#": st.column_config.NumberColumn(width=36),
            "score": st.column_config.NumberColumn(format="%.3f", width=58),
            # Last: what does not fit is cut at the table's edge. No wider, for a text from the right begins at its end.
            "by hand": st.column_config.TextColumn(width=room),
            "prompt": st.column_config.TextColumn(width=max(200 - 50 * scored - room, 80)),
        },
        alt="The picks of this round, best first" + (", and what was done to them by hand" if handled else ""),
    )


def step_buttons(ids: Sequence[str], at: int, on_step: Callable[[str], None]) -> None:
    """Previous and next pick, with their keys."""
    with st.container(horizontal=True, gap="small"):
        st.button("Previous", shortcut="k", disabled=at == 0, on_click=on_step, args=(ids[max(at - 1, 0)],))
        last = len(ids) - 1
        st.button("Next", shortcut="j", disabled=at == last, on_click=on_step, args=(ids[min(at + 1, last)],))


def pick_table(picks: Sequence[PickedPair], file: str, pinned: Collection[str] = ()) -> None:
    """Every pick with its texts, numbers and label; the download of that name holds the texts in full."""
    names = list(dict.fromkeys(name for p in picks for name in p.why))
    frame = pd.DataFrame(
        {
            "rank": [p.rank for p in picks],
            "by hand": [by_hand(p, pinned) or None for p in picks],
            "prompt": [first_line(p.messages, 300) for p in picks],
            "score": [p.score for p in picks],
            "gain": [p.gain for p in picks],
            "label": ["not yet" if p.answer is None else ANSWERS.get(p.answer, p.answer) for p in picks],
            "A": [" ".join(p.response_a.split())[:300] for p in picks],
            "B": [" ".join(p.response_b.split())[:300] for p in picks],
            **{plain(name): [p.why.get(name) for p in picks] for name in names},
            "oracle": [p.oracle for p in picks],
            "pair": [p.pair_id for p in picks],
        }
    ).dropna(axis=1, how="all")
    st.dataframe(
        frame,
        hide_index=True,
        row_height=30,
        height=min(len(picks), 24) * 30 + 38,
        column_config={
            "rank": st.column_config.NumberColumn(width=44),
            "prompt": st.column_config.TextColumn(width=300),
            "A": st.column_config.TextColumn(width=260),
            "B": st.column_config.TextColumn(width=260),
            "score": st.column_config.NumberColumn(format="%.4f"),
            "gain": st.column_config.NumberColumn(format="%.4f"),
            "rank in pool": st.column_config.NumberColumn(format="localized"),
            "nearest cosine": st.column_config.NumberColumn(format="%.2f"),
        },
        alt="The picks of this round with texts, numbers and labels",
    )
    st.download_button(
        "Download the table, CSV",
        lambda: as_csv(picks_frame(picks, pinned)),
        file,
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    show("<small>Score and gain have no unit. A cell shows the start of a long text; the file holds all of it.</small>")


def picks_frame(picks: Sequence[PickedPair], pinned: Collection[str] = ()) -> pd.DataFrame:
    """A row a pick, everything that is known of it, nothing cut; several turns of a prompt one under another."""
    names = list(dict.fromkeys(name for p in picks for name in p.why))
    return pd.DataFrame(
        [
            {
                "pair": p.pair_id,
                "round": p.round,
                "rank": p.rank,
                "warm_up": p.warm_up,
                "by_hand": by_hand(p, pinned),
                "score": p.score,
                "gain": p.gain,
                **{name: p.why.get(name) for name in names},
                "prompt": "\n".join(f"{role}: {text}" for role, text in p.messages),
                "response_a": p.response_a,
                "response_b": p.response_b,
                "source_a": p.source_a,
                "source_b": p.source_b,
                "answer": p.answer,
                "oracle": p.oracle,
            }
            for p in picks
        ]
    )
