"""The parts of the page Export: what to take, how the file begins, and what became of every pair."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
import streamlit as st

from engine.data.profiles.base import PROFILES, Container
from workbench.components.markup import chip, escaped, heading, show
from workbench.wording import count, integer

What = Literal["run", "strategy", "study", "selection"]
TEXT_SHOWN = 160
SAVED = "a saved selection"
TONES = {"ok": "holds", "warn": "to note", "bad": "does not hold"}
KINDS: dict[Container, str] = {"jsonl": "JSONL", "parquet": "Parquet", "datasets": "datasets", "csv": "CSV"}


@dataclass(frozen=True)
class Form:
    """For whom, in which kind of file, whether labellers go by name, and the licence that the card names."""

    profile: str
    container: Container
    names: bool
    licence: str


def choose_what(strategy: str, seed: int, upto: int) -> What:
    """Which pairs: of this run up to the round, of the strategy over all seeds, all, or those kept on the map."""
    # The names stand in the link, so that they hold nothing that is chosen elsewhere.
    names: dict[What, tuple[str, str]] = {
        "run": ("this run", f"{strategy}, seed {seed}, rounds 1 to {upto}"),
        "strategy": ("this strategy", f"{strategy}, all seeds and rounds"),
        "study": ("the study", "everything labelled in it"),
        "selection": (SAVED, "kept on Map or Explore"),
    }
    show(heading("What"))
    what = st.radio("What", list(names), format_func=lambda w: names[w][0], key="what", bind="query-params",
                    label_visibility="collapsed")  # fmt: skip
    show(f"<small>{escaped(names[what][1])}</small>")
    return what


def choose_selection() -> str:
    """The id of a selection that was kept on Map or Explore, the same that they show; in the link."""
    return st.text_input("Saved selection", key="sel", bind="query-params",
                         placeholder="its id, from the link of the page Map").strip()  # fmt: skip


def choose_filters(labellers: Sequence[str]) -> dict[str, Any]:
    """Which of the pairs to leave out: fields of a `Subset`, none that says nothing."""
    with st.popover("Filter", icon=":material/filter_alt:", width="stretch"):
        low = st.number_input("Score at least", value=None, format="%g")
        high = st.number_input("Score at most", value=None, format="%g")
        first = st.number_input("From round", value=None, min_value=1, step=1)
        who = st.selectbox("Labeller or oracle", ["", *labellers], format_func=lambda name: name or "all")
        share = st.number_input("Agreement at least", value=None, min_value=0.0, max_value=1.0, step=0.1)
    found = {
        "score_at_least": low, "score_at_most": high, "from_round": first, "labeller": who, "agreement_at_least": share,
    }  # fmt: skip
    return {name: value for name, value in found.items() if value not in (None, "")}


def choose_form(profiles: Mapping[str, str]) -> Form:
    """For which trainer, and in which kind of file: only those that the profile goes into."""
    show(heading("For which trainer"))
    profile = st.selectbox(
        "Profile", list(profiles), format_func=lambda p: profiles[p], key="profile", label_visibility="collapsed"
    )
    kinds = list(PROFILES.get(profile).containers)
    kind = st.segmented_control(
        "File", kinds, default="jsonl", required=True, format_func=lambda k: KINDS[k], label_visibility="collapsed",
        key=f"container-{'-'.join(kinds)}", width="stretch",
    )  # fmt: skip
    licence = st.text_input("Licence of the data, for the card", placeholder="cc-by-4.0")
    names = st.checkbox("Real names and notes of labellers", help="Else they are numbered, anew in every export.")
    return Form(profile, kind or "jsonl", names, licence.strip())


def choose_repository() -> tuple[str, bool]:
    """Which repository of the hub, and whether all may read it."""
    name = st.text_input("Repository", placeholder="owner/name", key="repository").strip()
    public = st.toggle("Public", key="public", help="All may read it. Else only those whom its owner lets in.")
    return name, public


def counts_table(counts: Mapping[str, int], excluded: Mapping[str, int], skips: int) -> None:
    """asked − what cannot train − what was excluded = pairs in the file."""
    rows = [("pairs asked", counts.get("asked", 0), "")]
    rows += [(what, n, "−") for what, n in counts.items() if n and what not in ("asked", "exported")]
    body = "".join(
        f'<tr><td>{escaped(what)}</td><td class="num">{f"{sign} " if sign else ""}{integer(n)}</td></tr>'
        for what, n, sign in rows
    )
    total = integer(counts.get("exported", 0))
    body += f'<tr><td><b>pairs that train</b></td><td class="num"><b>{total}</b></td></tr>'
    notes = [f"Excluded, {reason}: {integer(n)}." for reason, n in excluded.items()]
    notes += [f"{count(skips, 'answer')} {'was a skip' if skips == 1 else 'were skips'}."] if skips else []
    notes += ["Unresolved: only skips, or an even vote."] if counts.get("unresolved") else []
    show(f"{heading('Counts')}<table>{body}</table>" + "".join(f"<small>{escaped(note)}</small><br>" for note in notes))


def first_rows(rows: Sequence[Mapping[str, Any]], file: str, total: int) -> None:
    """The first row of the file as it stands there, long texts cut, and the first rows as a table."""
    aside = f"{file} · {count(total, 'row')}"
    show(
        f'{heading("First row of the file", aside)}<pre class="file tall" dir="auto" tabindex="0">'
        f"{escaped(_row(rows[0]))}</pre>"
        f"{heading('First rows', f'{len(rows)} of {integer(total)}')}"
    )
    st.dataframe(
        pd.DataFrame([{name: cell(value) for name, value in row.items()} for row in rows]),
        hide_index=True,
        row_height=30,
        height=len(rows) * 30 + 38,
        column_config={name: st.column_config.TextColumn(width=220) for name in ("prompt", "chosen", "rejected")},
        alt="The first rows of the file, long texts cut",
    )


def cell(value: Any) -> Any:
    """A value of a row for a table: the last message of a list of them, long texts cut."""
    if isinstance(value, list | tuple) and value and isinstance(value[-1], Mapping):
        value = value[-1].get("content", value[-1])
    if isinstance(value, list | tuple | Mapping):
        value = json.dumps(value, ensure_ascii=False)
    return _cut(" ".join(value.split())) if isinstance(value, str) else value


def ticks(checked: Sequence[Mapping[str, str]]) -> None:
    """A line a tick: whether it holds, what was checked, the finding."""
    lines = "".join(
        f'<div class="check tick">{chip(TONES[tick["tone"]], tick["tone"])}'
        f"<div>{escaped(tick['what'])}<br><small>{escaped(tick['finding'])}</small></div></div>"
        for tick in checked
    )
    show(heading("The contract", "checked on the files themselves") + lines)


def card_text(text: str, *, written: bool) -> None:
    """The card, as it is written: what people read, below it folded what machines do.

    Before the check (`written` False) it is without what is known only then.
    """
    head = heading("The card", "README.md, as it is packed" if written else "README.md; the check adds the verdict")
    machines, _, people = text.removeprefix("---\n").partition("\n---\n")
    show(
        f'{head}<pre class="file tall" dir="auto" tabindex="0">{escaped(people.strip())}</pre>'
        f"<details><summary>its head, for machines: splits, columns, licence, tags</summary>"
        f'<pre class="file tall" dir="auto" tabindex="0">{escaped(machines.strip())}</pre></details>'
    )


def _row(row: Mapping[str, Any]) -> str:
    """A field a line, so that a row is read like a form."""
    fields = [f" {json.dumps(name)}: {json.dumps(_cut(value), ensure_ascii=False)}" for name, value in row.items()]
    return "{\n" + ",\n".join(fields) + "\n}"


def _cut(value: Any) -> Any:
    """The same value with long texts cut: the page shows a look, the file holds all."""
    if isinstance(value, str):
        return value if len(value) <= TEXT_SHOWN else f"{value[:TEXT_SHOWN]}… ({integer(len(value))} characters)"
    if isinstance(value, Mapping):
        return {name: _cut(part) for name, part in value.items()}
    return [_cut(part) for part in value] if isinstance(value, list | tuple) else value
