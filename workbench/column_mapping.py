"""Mapping the columns of a file by hand: its first rows, the form, what it would read, and where it is kept."""

import re
from pathlib import Path

import streamlit as st

from engine.data.formats.mapped import Mapped, mapping_text
from engine.errors import EngineError
from engine.store.files import write_bytes
from engine.tasks.first_rows import FirstRows
from engine.tasks.prove_data import ProveData
from workbench import asking, cache, session
from workbench.components.mapping_form import mapping_form, preview
from workbench.components.markup import escaped, heading, show
from workbench.import_words import Said, check_command

FOLDER = "mappings"
BEFORE = ("Its first rows were not looked at yet.", "They show which columns there are; nothing is kept.")


def kept() -> dict[str, Path]:
    """Name → file of every mapping that the store keeps, by name."""
    return {f"mapping {path.stem}": path for path in sorted((cache.store().folder / FOLDER).glob("*.yaml"))}


def panel(path: str) -> None:
    """The form at the left, what it makes of the first rows at the right, and the button that keeps it."""
    task = FirstRows(path=path)
    answer = asking.answered(task)
    if answer is None:
        asking.wait_for(task, "The look at its first rows", BEFORE, "Look at its first rows")
        return
    left, right = st.columns([42, 58], gap="medium")
    with left:
        mapped = mapping_form(answer["rows"], path)
    with right:
        if preview(mapped, answer["rows"]):
            name = st.text_input("Name of this mapping", key="mapping_name", placeholder="house-style", width=320)
            st.button("Keep it and read the file", type="primary", icon=":material/check:", on_click=keep,
                      args=(name, mapped, path))  # fmt: skip
            show(f"{heading('The same as a file', 'for --mapping, and for data.format of a study')}"
                 f'<pre class="file">{escaped(mapping_text(mapped))}</pre>')  # fmt: skip
            file = f"{_plain(name)}.yaml"
            st.code(check_command(Said(ProveData(path=path, format=file))), language=None, wrap_lines=True)
            show(f"<small>With the lines above in {escaped(file)}, where the command is given.</small>")


def keep(name: str, mapped: Mapped, data_file: str) -> None:
    """Write it into the store's folder and read the file by it. The same name takes the place of the one before."""
    plain = _plain(name)
    place = f"{FOLDER}/{plain}.yaml"
    try:
        write_bytes(cache.store().folder, place, mapping_text(mapped).encode())
    except EngineError as error:
        session.say(error=error)
        return
    session.choose("format", f"mapping {plain}")
    asking.ask_task(ProveData(path=data_file, format=str(cache.store().folder / place)))


def _plain(name: str) -> str:
    """The name as that of a file."""
    return re.sub(r"[^\w-]+", "-", name.strip()).strip("-")[:60] or "mapping"
