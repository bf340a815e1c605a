"""Labels that are probably wrong, as a table to choose from, and the button that sends them back to the queue"""

from collections.abc import Callable, Mapping

import pandas as pd
import streamlit as st

from engine.analysis.suspects import Again
from workbench import messages
from workbench.components.how_to_read import read_this
from workbench.components.markup import empty, escaped, heading, show
from workbench.spreadsheet import as_csv
from workbench.wording import ANSWERS, NOTHING, count, integer, number, percent

MORE = {"1 more answer each": 1, "2 more answers each": 2, "3 more answers each": 3}
"""How often a pair that goes back is asked; with two, the majority of three decides."""
MORE_KEY = "more-answers"
SHOWN = 100
"""Suspects that are listed; all of them are in the file."""
READING = (
    "The chance that a label is wrong comes from its votes and from the margins of trained policies against it. It "
    "ranks well; as a number it is rough. Ranked first is not proven wrong."
)
NONE = (
    "No label can be doubted yet.",
    "It takes margins after training (evaluation.probe above 0 in the study's file), or several answers to a pair.",
)


def suspect_table(
    found: pd.DataFrame, lines: Mapping[str, str], out: Mapping[str, int], again: Again, key: str,
    on_send: Callable[[list[str]], None] | None,
) -> list[str]:  # fmt: skip
    """The first suspects with the start of their prompts (`lines`); the pairs that are ticked.

    `out`: answers that were asked again and are still to come. `on_send` is told the pairs at the press, the ticked
    ones or all that are listed; None where nobody can be asked, which is said.
    """
    show(
        heading(
            "Label again or label new", f"{count(len(found), 'label')}, the most doubtful first" if len(found) else ""
        )
    )
    if found.empty:
        empty(*NONE)
        return []
    show(f"<p>{escaped(words(again))}</p>")
    first = found.head(SHOWN)
    frame = pd.DataFrame({
        "prompt": [lines.get(i, NOTHING) for i in first["pair_id"]],
        "label": [ANSWERS[a] for a in first["answer"]],
        "chance wrong": first["chance"].astype(float),
        "margin": first["margin"].astype(float),
        "answers": first["answers"].astype(int),
        "out again": [out.get(i, 0) for i in first["pair_id"]],
        "pair": list(first["pair_id"]),
    })  # fmt: skip
    if (first["seed"] >= 0).any():  # a simulated oracle answers anew for every seed
        frame.insert(1, "seed", first["seed"].astype(int).to_numpy())
    event = st.dataframe(
        frame, key=key, hide_index=True, on_select="rerun", selection_mode="multi-row", row_height=30,
        placeholder=NOTHING,
        height=min(len(frame), 10) * 30 + 38, alt="Labels with the chance that they are wrong, the highest first",
        column_config={
            "prompt": st.column_config.TextColumn(width="large"),
            "chance wrong": st.column_config.NumberColumn(format="%.2f"),
            "margin": st.column_config.NumberColumn(
                format="%.2f", help="of trained policies towards the label, in standard deviations"
            ),
        },
    )  # fmt: skip
    ticked = [first["pair_id"].iloc[row] for row in event["selection"]["rows"] if row < len(first)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if on_send is not None:
            st.selectbox("Ask for", list(MORE), index=1, key=MORE_KEY, width=200)
        what = f"Send {count(len(ticked), 'pair')} back" if ticked else "Send back to the queue"
        chosen = ticked or [i for i in first["pair_id"].head(again.n) if not out.get(i)]
        st.button(
            what, icon=":material/undo:", disabled=on_send is None or not chosen, key=f"{key}-send", type="primary",
            help=f"Without a tick the first {integer(again.n)} that are not out already.",
            on_click=messages.once(on_send or (lambda ids: None)), args=(chosen,),
        )  # fmt: skip
        st.download_button(
            "All of them, CSV", lambda: as_csv(found), "suspects.csv", "text/csv", icon=":material/table:",
            on_click="ignore",
        )  # fmt: skip
    if on_send is None:
        show("<small>This study asks no people, so nothing can go back to a queue; take the list away.</small>")
    read_this(READING)
    return ticked


def words(again: Again) -> str:
    """What the money buys: the same answers spent on the first suspects, or on new pairs."""
    rate = percent(again.rate)
    return (
        f"Labelling the first {integer(again.n)} again looks at about {number(again.wrong, 1)} wrong labels, if the "
        f"chances hold. {integer(again.n)} new labels would add as many labels, about {rate} of them wrong like the "
        "others."
    )
