"""Columns to parts by hand: a choice a part, the values of an answer, and the first rows as they would be read."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from engine.data.formats.base import BadRow
from engine.data.formats.mapped import Mapped, at, columns_of, word
from engine.data.proof.digests import digest
from engine.data.proof.prove import shown
from workbench.components.markup import escaped, foreign, heading, show
from workbench.components.proof_panel import first_rows
from workbench.wording import count, integer, plain

NONE = "–"
CUT = 200
"""Characters of a value that are shown."""
WAYS = {
    "chosen and rejected": ("chosen", "rejected"),
    "two, and a column that says which is better": ("first", "second", "answer"),
    "a list": ("responses", "answer"),
}
MORE = ("topic", "system", "labeller", "strength")
OF_TWO = ("score_first", "score_second", "source_first", "source_second")
NEEDED = ("prompt", "chosen", "rejected", "first", "second", "responses")
MEANINGS = {NONE: "", "the first is better": "first", "the second is better": "second", "tie": "tie",
            "both bad": "both_bad"}  # fmt: skip
LIKELY = {
    "prompt": ("prompt", "question", "instruction", "input", "query", "context"),
    "chosen": ("chosen", "preferred", "better", "best"),
    "rejected": ("rejected", "worse", "dispreferred"),
    "first": ("response_a", "answer_a", "first", "response_0", "response_1", "a"),
    "second": ("response_b", "answer_b", "second", "response_1", "response_2", "b"),
    "responses": ("responses", "answers", "completions", "outputs"),
}
"""Names that columns often have: only the choice that a person finds made, never what is read."""


def mapping_form(rows: Sequence[Mapping[str, Any]], key: str) -> Mapped:
    """The mapping as it is chosen now, complete or not; `key` keeps the choices of one file from another's."""
    columns = columns_of(rows)
    show(heading("Which column is what", f"{count(len(columns), 'column')} in the first {count(len(rows), 'row')}"))
    given: dict[str, Any] = {"prompt": _column("prompt", columns, key)}
    way = st.radio("The responses are", list(WAYS), key=f"way-{key}")
    for part in WAYS[way]:
        given[part] = _column(part, columns, key)
    if given.get("responses"):
        inner = columns_of(_items(rows, given["responses"]))
        if inner:
            given["text"] = _column("text", inner, key) or "text"
            given["score"] = _column("score", inner, key)
    if given.get("answer"):
        given["answers"] = _meanings(rows, given["answer"], key)
    of_two = () if given.get("responses") or "responses" in WAYS[way] else OF_TWO
    with st.expander("More: topic, system message, labeller, strength, scores, sources"):
        for part in (*MORE, *of_two):
            given[part] = _column(part, columns, key)
    return Mapped(**given)


def _column(part: str, columns: Sequence[str], key: str) -> str:
    """The column of a part, "" for none."""
    field = Mapped.model_fields[part]
    likely = next((c for name in LIKELY.get(part, (part,)) for c in columns if c.lower() == name), NONE)
    options = [NONE, *columns]
    start = options.index(likely) if part in NEEDED or part in ("text", "score") else 0
    label = f"{plain(part).capitalize()}{' (needed)' if part in NEEDED else ''}"
    chosen = st.selectbox(label, options, index=start, key=f"map-{part}-{key}", help=field.description)
    return "" if chosen == NONE else str(chosen)


def _items(rows: Sequence[Mapping[str, Any]], column: str) -> list[Mapping[str, Any]]:
    """The mappings within the lists of a column."""
    lists = [at(row, column) for row in rows]
    return [item for found in lists if isinstance(found, list) for item in found if isinstance(item, Mapping)]


def _meanings(rows: Sequence[Mapping[str, Any]], column: str, key: str) -> dict[str, Any]:
    """What each value of the answer means; of the values in the first rows. Labels are markdown: no value is in one."""
    values = list(dict.fromkeys(word(at(row, column)) for row in rows))[:12]
    show("<small>What its values mean. A value that has no meaning here is a refused row with its number.</small>")
    found = {}
    for n, value in enumerate(values, start=1):
        show(f"<small>Value {n}: {foreign(value[:CUT]) if value else 'nothing at all'}</small>")
        said = st.selectbox(f"Value {n} means", list(MEANINGS), key=f"means-{column}-{digest(value)}-{key}")
        if MEANINGS[said]:
            found[value] = MEANINGS[said]
    return found


def preview(mapped: Mapped, rows: Sequence[Mapping[str, Any]], n: int = 3) -> int:
    """The first rows by this mapping, or why not; how many of all of them can be read."""
    if wrong := mapped.findings():
        items = "".join(f"<li>{escaped(item)}</li>" for item in wrong)
        show(f'<div class="note warn" role="status"><b class="word">! Not complete yet.</b><ul>{items}</ul></div>')
        raw = json.dumps(rows[0], ensure_ascii=False, indent=1)
        show(f"{heading('Row 1 as it stands')}<pre class='file'>{escaped(raw)}</pre>")
        return 0
    good, bad = [], []
    for number, row in enumerate(rows, start=1):
        try:
            good.append(shown(number, mapped.parse(row)))
        except BadRow as refused:
            bad.append((number, refused))
    if bad:
        lines = "".join(
            f"<li>row {integer(number)}: {escaped(refused.reason)}"
            f"{f' ({foreign(refused.detail[:120])})' if refused.detail else ''}</li>"
            for number, refused in bad[:6]
        )
        words = f"{integer(len(bad))} of the first {count(len(rows), 'row')} cannot be read so."
        show(f'<div class="note warn" role="status"><b class="word">! {words}</b><ul>{lines}</ul></div>')
    if good:
        with st.container(border=True):
            show(first_rows(good[:n], f"by this mapping, {integer(len(good))} of the first {count(len(rows), 'row')}"))
    return len(good)
