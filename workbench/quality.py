"""The page Label quality at work: what it reads, each remembered under the study's revision, and what its presses do"""

from functools import partial

import pandas as pd
import streamlit as st

from engine.errors import EngineError
from engine.store.labelled import salt_of
from engine.store.relabel import out_again, send_back
from engine.store.topics import newest_map
from engine.store.traced import as_shown, trace
from workbench import browsing, cache, messages, session
from workbench.components.elsewhere import elsewhere
from workbench.components.foreign_text import first_line
from workbench.components.suspect_table import MORE, MORE_KEY, SHOWN, suspect_table
from workbench.components.trace_table import trace_table
from workbench.spreadsheet import as_csv
from workbench.wording import count
from workbench.worth import Source, Worth, called, worth


def read(study_id: str, source: Source) -> Worth:
    """What the labels are worth, as the study stands now."""
    newest = newest_map(cache.store(), study_id)
    return _worth(str(cache.store_folder()), study_id, source, cache.revision(study_id), newest[0] if newest else 0)


def names_of(study_id: str, names: bool) -> dict[str, str]:
    """A labeller's id → what they are called here: by number, or by name."""
    return _names(str(cache.store_folder()), study_id, names, cache.revision(study_id))


def suspects(study_id: str, found: Worth) -> None:
    """The suspects with their prompts; a press sends them back and is answered above."""
    said = session.said()
    if said and said.error:
        messages.error_card(said.error)
    elif said:
        messages.done_card(said.sentence)
    ids = tuple(found.suspects["pair_id"].head(SHOWN))
    lines = {pair.pair_id: first_line(pair.messages, 120) for pair in browsing.pair_texts(ids)} if ids else {}
    out = out_again(cache.store(), study_id) if found.people else {}
    ticked = suspect_table(
        found.suspects, lines, out, found.again, f"suspects-{study_id}",
        partial(_send, study_id) if found.people else None,
    )  # fmt: skip
    chosen = ticked or [i for i in found.suspects["pair_id"].head(found.again.n) if not out.get(i)]
    if found.people and chosen:
        pairs = "".join(f" --pair {pair_id}" for pair_id in chosen)
        more = MORE.get(str(session.value_of(MORE_KEY)), 2)
        elsewhere(f"workbench label relabel {study_id}{pairs} --answers {more}")


def traced(study_id: str, name: str, names: bool) -> None:
    """Every answer, and the files."""
    rows = _traced(str(cache.store_folder()), study_id, names, cache.revision(study_id))
    trace_table(rows, name, partial(as_file, rows))
    if not rows.empty:
        what = f"workbench label trace {study_id} --out answers.csv{' --names' if names else ''}"
        elsewhere(what, notes={"and what they are worth": f"workbench label quality {study_id}"})


def as_file(rows: pd.DataFrame, kind: str) -> bytes:
    """The rows as CSV, or as JSON lines."""
    if kind == "csv":
        return as_csv(rows)
    text: str = rows.to_json(orient="records", lines=True, force_ascii=False)
    return text.encode("utf-8")


def _send(study_id: str, pair_ids: list[str]) -> None:
    try:
        sent = send_back(cache.store(), study_id, pair_ids, MORE[str(session.value_of(MORE_KEY))])
    except EngineError as error:
        session.say(error=error)
        return
    words = f"Back in the queue: {count(sent.pairs, 'pair')}, {count(sent.answers, 'answer')} asked."
    words += f" {count(sent.waiting, 'pair')} were out already." if sent.waiting else ""
    words += f" For {count(sent.alone, 'pair')} nobody else is here yet: invite somebody." if sent.alone else ""
    session.say(words)


@st.cache_data(max_entries=8, show_spinner="Weighing the answers…")
def _worth(folder: str, study_id: str, source: Source, revision: int, newest: int) -> Worth:
    return worth(cache.store(), study_id, source)


@st.cache_data(max_entries=8, show_spinner="Reading the answers…")
def _traced(folder: str, study_id: str, names: bool, revision: int) -> pd.DataFrame:
    store = cache.store()
    return as_shown(trace(store, study_id), study_id, salt_of(store), names=names)


@st.cache_data(max_entries=8, show_spinner=False)
def _names(folder: str, study_id: str, names: bool, revision: int) -> dict[str, str]:
    return called(cache.store(), study_id, names=names)
