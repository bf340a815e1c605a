"""A batch changed by hand: what waits, the presses for a pick and for the whole batch, and what was changed by whom."""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import streamlit as st

from engine.records import Pick
from engine.store.reviews import Edit, Review
from workbench.components.markup import chip, escaped, heading, show
from workbench.components.pair_card import short
from workbench.wording import count, integer, listed, moment, number

DONE: Mapping[str, str] = {
    "drop": "dropped", "pin": "pinned", "unpin": "unpinned", "swap": "swapped", "add": "added",
    "undo": "took back", "release": "released the batch",
}  # fmt: skip
ADDED_AT_ONCE = 500
"""Pairs at most that one press offers to a batch."""
HELD = "The run waits: no label is bought before the batch is released."


def review_bar(
    review: Review,
    person: str,
    selections: Mapping[str, str],
    *,
    on_undo: Callable[[], None],
    on_release: Callable[[], None],
    on_add: Callable[[str, str], None],
    on_name: Callable[[], None],
) -> None:
    """What stands, in words, and the presses for the whole batch. `selections`: id of a saved selection → its words.

    `on_add` gets the id of a selection ("" for none) and the pair ids as they were typed.
    """
    n, of = len(review.picks), len(review.own)
    said = f"{integer(n)} of {count(of, 'pair')}" + (
        f" · {integer(len(review.pinned))} pinned" if review.pinned else ""
    )
    with st.container(border=True, key="review"):
        left, right = st.columns([48, 52], gap="medium", vertical_alignment="center")
        with left:
            show(
                f'<p class="row" role="status">{chip("waits for review", "warn")}<b>{said}</b></p>'
                f'<p class="muted">{escaped(standing_words(review))}</p>'
            )
        with (
            right,
            st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="bottom", gap="small"),
        ):
            st.text_input("Your name", value=person, key="person", max_chars=60, width=110, on_change=on_name)
            _adding(selections, review.room, on_add)
            st.button("Undo", icon=":material/undo:", disabled=not review.standing, on_click=on_undo)
            st.button(
                f"Release {count(n, 'pair')}", type="primary", icon=":material/play_arrow:", on_click=on_release,
                help="Labels are then bought for these pairs, and the run goes on.",
            )  # fmt: skip


def standing_words(review: Review) -> str:
    """What a release would mean as the batch stands."""
    fewer = f" {count(review.room, 'label')} fewer than the round allows will be bought." if review.room else ""
    if not review.changed:
        return f"{HELD} This is the strategy's own list; released as it is, the run is not marked."
    return (
        f"{HELD} The strategy's own list is kept; your {count(len(review.changes), 'edit')} "
        f"{'is' if len(review.changes) == 1 else 'are'} written beside it, with name and time. "
        f"The run will be marked, and takes no part in verdicts.{fewer}"
    )


def _adding(selections: Mapping[str, str], room: int, on_add: Callable[[str, str], None]) -> None:
    """A drawer: which pairs come in."""
    with st.popover("Add pairs", icon=":material/add:", key="add-pairs"):
        show(
            f'<p class="muted">There is room for {count(room, "pair")}. Only candidates of this round can come in.</p>'
        )
        chosen = st.selectbox(
            "A selection saved on the map", ["", *selections], format_func=lambda i: selections.get(i, "none"),
            key="add-selection",
        )  # fmt: skip
        typed = st.text_input("Or pairs by their ids", placeholder="x1a2b3c4d5e6f708, …", key="add-ids")
        ready = bool(room and (chosen or typed.strip()))
        st.button("Add", disabled=not ready, on_click=on_add, args=(chosen or "", typed))
        if not room:
            show("<small>Drop a pick first: the batch is as large as the round allows.</small>")


def drawn_words(review: Review) -> str:
    """For a page that draws the batch: which list it draws, and what people did about it."""
    hands = list(review.by_hand.values())
    done = [f"{integer(n)} {word}" for word in ("added", "swapped", "pinned") if (n := sum(word in h for h in hands))]
    done += [f"{integer(len(review.out))} taken out"] if review.out else []
    state = "This batch waits for review" if review.under_way else "This batch was changed before it was labelled"
    if not done:
        return f"{state}; drawn is the strategy's own list."
    return (
        f"{state}; drawn is the batch as it stands, {integer(len(review.picks))} of {count(len(review.own), 'pair')}: "
        f"{listed(done)} by hand."
    )


def in_batch_words(review: Review, pair_id: str) -> str:
    """Where a pair of the batch stands in it."""
    rank = next(pick.rank for pick in review.picks if pick.pair_id == pair_id)
    done = review.by_hand.get(pair_id)
    return f"Pick {rank} of the batch that waits for review{f', {done} by hand' if done else ''}."


def add_press(review: Review, n: int, on_add: Callable[[], None], key: str) -> None:
    """The press that takes chosen pairs in; greyed where there is no room, and why."""
    many, room = n > ADDED_AT_ONCE, review.room
    st.button(f"Add {count(n, 'pair')} to the batch" if n > 1 else "Add this pair to the batch", key=key,
              icon=":material/add:", disabled=many or not room, on_click=on_add,
              help="Only candidates of this round can come in; the others are named and left out.")  # fmt: skip
    if not room:
        show("<small>The batch is as large as the round allows: drop a pick on the page Batch first.</small>")
    elif many:
        show(f"<small>There is room for {count(room, 'pair')}: choose fewer.</small>")
    elif n > room:
        show(f"<small>There is room for {count(room, 'pair')}.</small>")


def pick_presses(
    review: Review,
    pair_id: str,
    *,
    on_pin: Callable[[str], None],
    on_drop: Callable[[str], None],
    on_swap: Callable[[str], None],
) -> None:
    """Pin, drop and swap of one pick, each with its key; what is not possible is greyed, and the line says why."""
    pinned, last = pair_id in review.pinned, len(review.picks) == 1
    with st.container(horizontal=True, gap="small"):
        word, icon = ("Unpin", "keep_off") if pinned else ("Pin", "keep")
        st.button(word, icon=f":material/{icon}:", shortcut="p", on_click=on_pin, args=(pair_id,), key="pin")
        fixed = pinned or last
        st.button("Drop", icon=":material/close:", shortcut="x", disabled=fixed, on_click=on_drop, args=(pair_id,),
                  key="drop")  # fmt: skip
        st.button("Swap", icon=":material/swap_horiz:", shortcut="w", disabled=pinned, on_click=on_swap,
                  args=(pair_id,), key="swap",
                  help="Takes in its place what the strategy would have picked instead, given the rest.")  # fmt: skip
    if pinned:
        show("<small>Pinned: it stays, whatever else happens to the batch.</small>")
    elif last:
        show("<small>The last pair of the batch: swap it, or add others first.</small>")


def edits_panel(review: Review, prompts: Mapping[str, str]) -> None:
    """The strategy's own list with what became of each pick, and every edit with name and time.

    `prompts`: pair id → its first line.
    """
    n = len(review.changes)
    with st.expander(f"By hand: the strategy's own list, and {count(n, 'edit')}", icon=":material/edit_note:"):
        left, right = st.columns(2, gap="medium")
        with left:
            show(heading("The strategy's own list", count(len(review.own), "pick")))
            frame = own_frame(review, prompts)
            st.dataframe(frame, hide_index=True, row_height=30, height=min(len(frame), 12) * 30 + 38,
                         alt="The strategy's own list, and what became of each pick")  # fmt: skip
        with right:
            show(heading("What was done", count(len(review.edits), "row")))
            frame = edits_frame(review.edits, prompts)
            st.dataframe(frame, hide_index=True, row_height=30, height=min(len(frame), 12) * 30 + 38,
                         alt="Every edit of the batch, with name and time")  # fmt: skip


def own_frame(review: Review, prompts: Mapping[str, str]) -> pd.DataFrame:
    """A row a pick of the strategy: rank, what became of it, score, prompt, pair."""
    became = {pick.pair_id: "kept" for pick in review.picks}
    gone = {e.pair_id: f"swapped for {short(e.other_id).lower()}" for e in review.changes if e.what == "swap"}

    def row(pick: Pick) -> list[object]:
        word = "pinned" if pick.pair_id in review.pinned else became.get(pick.pair_id)
        score = "" if pick.score is None else number(pick.score)
        return [
            pick.rank,
            word or gone.get(pick.pair_id, "dropped"),
            score,
            prompts.get(pick.pair_id, ""),
            pick.pair_id,
        ]

    frame = pd.DataFrame([row(pick) for pick in review.own], columns=["rank", "by hand", "score", "prompt", "pair"])
    return frame if any(frame["score"]) else frame.drop(columns="score")


def edits_frame(edits: Sequence[Edit], prompts: Mapping[str, str]) -> pd.DataFrame:
    """A row an edit, in order: when, who, what was done, of which pair."""
    rows = []
    for edit in edits:
        what = DONE[edit.what] + (f" for {short(edit.other_id).lower()}" if edit.what == "swap" else "")
        what += ", taken back" if edit.undone else ""
        rows.append([moment(edit.at), edit.person, what, prompts.get(edit.pair_id, ""), edit.pair_id])
    return pd.DataFrame(rows, columns=["when", "who", "what", "prompt", "pair"])
