"""The parts of Data, Import: which file, and every row of it that was refused."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import pandas as pd
import streamlit as st

from engine.data.hub import HUB_ID
from engine.data.places import here
from engine.errors import StoreError
from engine.store.files import Written, read_bytes, write_bytes
from workbench.components.markup import escaped, heading, show
from workbench.wording import count, integer, plain

ANY = "found out from the first rows"
BY_HAND = "columns mapped by hand"
ENDINGS = ["jsonl", "ndjson", "json", "csv", "parquet", "arrow", "gz", "zst", "zip"]
CONTAINERS = "JSONL, JSON, CSV, also gz or zst; Parquet, Arrow, zip"
LARGEST_MB = 200


def save_upload(folder: Path, name: str, content: bytes) -> Path:
    """Put an uploaded file into the store's folder, below `uploads/` and its sha256; the same file lies there once."""
    import hashlib

    kept = re.sub(r"[^\w.() -]", "_", PurePath(name.replace("\\", "/")).name).lstrip(".")[-100:] or "file"
    path = f"uploads/{hashlib.sha256(content).hexdigest()}/{kept}"
    if not (folder / path).is_file():
        write_bytes(folder, path, content)
    return folder / path


def located(text: str) -> str:
    """What a worker can find, wherever it was started: a path of this machine in full; a hub id stays as it is."""
    typed = text.strip()
    if (there := here(typed)) is not None or HUB_ID.fullmatch(typed):
        return typed if there is None else str(there)
    try:
        return str(Path(typed).expanduser().absolute())
    except RuntimeError:  # the home of a person who is not known
        return typed


def choose_file(formats: Sequence[str], on_upload: Callable[[], None]) -> tuple[str, str | None]:
    """Path or hub id (in the link), or an upload, which fills in the path; and the format, None to find out."""
    show(heading("Which file", f"{CONTAINERS}; a folder of them, or one saved by datasets"))
    by_path, by_upload, by_format = st.columns([40, 34, 26], gap="medium")
    with by_path:
        path = st.text_input("Path on this machine, or Hugging Face id", key="path", bind="query-params",
                             placeholder="pairs.jsonl.gz, or name/of-data")  # fmt: skip
    with by_upload:
        st.file_uploader(f"Or upload it, up to {LARGEST_MB} MB; larger files by path", ENDINGS, key="upload",
                         max_upload_size=LARGEST_MB, on_change=on_upload)  # fmt: skip
    with by_format:
        chosen = st.selectbox("Format", [ANY, *formats], format_func=plain, key="format", bind="query-params")
    return path.strip(), None if chosen == ANY else chosen


def choose_held_out() -> str:
    """Path or hub id of a held-out file (in the link), "" for none; it is read as the same format, if one is named."""
    return st.text_input("Held-out file: path on this machine, or Hugging Face id", key="beside", bind="query-params",
                         placeholder="held_out.jsonl").strip()  # fmt: skip


def refused_rows(answer: Mapping[str, Any], folder: Path) -> None:
    """Every refused row with number and reason; by reason; all of them as CSV."""
    n = int(answer["refused"])
    show(heading("Refused rows", f"{integer(n)}, each with its reason" if n else "none"))
    if not n:
        show("<p>Every row of the file could be used.</p>")
        return
    all_words = f"all reasons ({integer(n)})"
    names = {all_words: "", **{f"{reason} ({integer(k)})": reason for reason, k in answer["reasons"].items()}}
    chosen = st.selectbox("Reason", list(names), key="reason", bind="query-params", label_visibility="collapsed")
    rows = [row for row in answer["listed"] if names[chosen] in ("", row[1])]
    frame = pd.DataFrame(rows, columns=["row", "reason", "what was found"])
    st.dataframe(
        frame,
        key=f"refused-{answer['sha256'][:12]}-{names[chosen]}",
        hide_index=True,
        row_height=30,
        height=min(len(frame), 10) * 30 + 40,
        column_config={
            "row": st.column_config.NumberColumn(width=64, format="localized"),
            "reason": st.column_config.TextColumn(width=190),
            "what was found": st.column_config.TextColumn(width=230),
        },
        alt="Refused rows with number, reason and what was found",
    )
    if n > len(answer["listed"]):
        show(f"<small>The first {integer(len(answer['listed']))} of {integer(n)}; the CSV has all.</small>")
    try:
        content = read_bytes(folder, Written(**answer["file"]))
    except StoreError as error:
        show(f'<div class="note warn"><small>{escaped(error.what)} Read the file again.</small></div>')
        return
    st.download_button(f"{count(n, 'row')} as CSV", content, "refused.csv", "text/csv", icon=":material/download:",
                       on_click="ignore")  # fmt: skip
