"""Pairs out to another labelling tool and its answers back in, for a lead on the page Label"""

import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from engine.data.export.files import archive
from engine.data.export.queue import TOOLS, tasks_of
from engine.data.formats.base import FORMATS
from engine.errors import EngineError, StoreError
from engine.store import outgoing
from engine.store.files import Written, read_bytes
from engine.store.outgoing import Outgoing
from engine.tasks.take_answers import LISTED, TakeAnswers
from workbench import asking, cache, labelling, messages, session
from workbench.components.data_import import ANY, ENDINGS, LARGEST_MB, save_upload
from workbench.components.elsewhere import elsewhere
from workbench.components.markup import escaped, foreign, heading, show, table
from workbench.wording import count, integer, plain

TOOL, SHARED, MANY, FILE, FORMAT = "tool-form", "tool-shared", "tool-pairs", "tool-answers", "tool-format"
NAMES = {"label_studio": "Label Studio", "argilla": "Argilla"}
SHARED_HELP = "Of a pair that is answered in both places the first answer counts; the other is kept as a late one."
RESERVED = "They leave the queue here, so that nobody answers them twice, until their answers or they are taken back."
NOT_YET = (
    "This file has not been taken in yet.",
    "The tools worker reads it, and writes down the answers to pairs of this study, each once.",
)
MEANS = {
    "written": "a new answer",
    "late": "the pair was answered meanwhile: kept, and changes nothing that is settled",
    "corrected": "this person had answered otherwise: a new row that names the old",
    "told before": "this answer of theirs is there already",
    "not asked": "a pair that nobody asked about in this study",
}


def panel(study_id: str) -> None:
    """What waits and what is out, the way out, and the way back in."""
    with st.expander("Another labelling tool", key="other-tool"):
        one, other = st.columns(2, gap="large")
        with one, messages.frame("Pairs out"):
            _pairs_out(study_id)
        with other, messages.frame("Answers in"):
            _answers_in(study_id)


def _pairs_out(study_id: str) -> None:
    store = cache.store()
    free, out = outgoing.free(store, study_id), outgoing.out(store, study_id)
    waiting = free + (labelling.in_hand(study_id) is not None)  # what lies on this desk can go, too
    show(heading("Pairs out", "without answers; which response comes first is drawn"))
    others = "that nobody else holds" if waiting > free else "that nobody holds"
    show(f"<p>{count(waiting, 'pair')} in the queue {others}; {count(out, 'pair')} out at another tool.</p>")
    if not waiting and not out:
        return
    tool = st.segmented_control("Form", list(TOOLS), default=next(iter(TOOLS)), required=True, key=TOOL,
                                format_func=lambda name: NAMES.get(name, plain(name)))  # fmt: skip
    form = str(tool or next(iter(TOOLS)))
    if waiting:
        number = partial(st.number_input, "Pairs, those that are next", 1, waiting, waiting, key=f"{MANY}-{waiting}")
        many = int(number(width=200))
        shared = st.toggle("Leave them in the queue here as well", key=SHARED, help=SHARED_HELP)
        if shared and free:
            many = min(many, free)
            _download(f"Download {count(many, 'pair')}", lambda: _copied(study_id, form, many), form, "shared")
        elif shared:
            show("<p>The only pair that is left lies on the desk above.</p>")
        else:
            st.button(f"Send out {count(many, 'pair')}", key="send-out", help=RESERVED, icon=":material/outbox:",
                      on_click=messages.once(partial(_send, study_id, form, many)))  # fmt: skip
        most = f" --at-most {many}" if many < waiting else ""
        words = f"workbench label export {study_id} --profile {form}{most}{' --shared' if shared else ''} --out tasks"
        elsewhere(words)
    if out:
        with st.container(horizontal=True, gap="small"):
            _download(f"Download the {count(out, 'pair')} that {'is' if out == 1 else 'are'} out",
                      lambda: outgoing.given_out(cache.store(), study_id), form, "out")  # fmt: skip
            st.button("Take them back", key="take-back", on_click=messages.once(partial(_take_back, study_id)),
                      help="People are shown them here again. An answer that still comes is taken where nobody was "
                      "faster.")  # fmt: skip


def _download(label: str, pairs: Callable[[], Sequence[Outgoing]], form: str, key: str) -> None:
    """A button whose file is made when it is pressed."""
    name, mime = file_kind(form)
    st.download_button(label, lambda: packed(pairs(), form), name, mime, key=f"download-{key}",
                       icon=":material/download:", on_click="ignore")  # fmt: skip


def file_kind(form: str) -> tuple[str, str]:
    """Name and kind of what is downloaded: the one file of a form, else all of them as a zip."""
    names = list(tasks_of([], form))
    return (names[0], "application/jsonl") if len(names) == 1 else (f"{form}.zip", "application/zip")


def packed(pairs: Sequence[Outgoing], form: str) -> bytes:
    """The tasks, as `file_kind` says."""
    files = tasks_of(pairs, form)
    return next(iter(files.values())) if len(files) == 1 else archive(files)


def _copied(study_id: str, form: str, many: int) -> list[Outgoing]:
    with outgoing.sent_out(cache.store(), study_id, form, reserved=False, most=many) as pairs:
        return pairs


def _send(study_id: str, form: str, many: int) -> None:
    def do() -> str:
        labelling.put_down(study_id)
        with outgoing.sent_out(cache.store(), study_id, form, most=many) as pairs:
            tasks_of(pairs, form)  # what cannot be written stays in the queue
        return f"{count(len(pairs), 'pair')} out: download the file below, under Another labelling tool."

    messages.say_of(do)


def _take_back(study_id: str) -> None:
    def do() -> str:
        return f"{count(outgoing.take_back(cache.store(), study_id), 'pair')} in the queue here again."

    messages.say_of(do)


def _answers_in(study_id: str) -> None:
    show(heading("Answers in", "the file that the tool gave, each answer once"))
    st.file_uploader(f"File of answers, up to {LARGEST_MB} MB", ENDINGS, key=f"upload-{FILE}",
                     max_upload_size=LARGEST_MB, on_change=partial(_uploaded, study_id))  # fmt: skip
    names = [ANY, *(name for name in FORMATS.names() if not FORMATS.get(name).by_hand)]
    chosen = st.selectbox("Format of the answers", names, format_func=plain, key=FORMAT)
    path = session.value_of(f"{FILE}-{study_id}")
    task = TakeAnswers(study_id=study_id, path=str(path), format=None if chosen == ANY else chosen) if path else None
    task = task or _last_asked(study_id)
    if task is None:
        show("<p>No file yet. A pair that was sent out waits for its answer until it is taken in or taken back.</p>")
        return
    show(f"<p>{foreign(Path(task.path).name)}</p>")
    found = asking.asked(task)
    if found is None or found.answer is None:
        asking.wait_for(task, "The taking in", NOT_YET, "Take the answers in", done=bool, primary=False)
    else:
        _report(found.answer, cache.store().folder)
        if not asking.holds(task, found.answer):
            show("<p><small>Pairs were asked about since, or the file has changed.</small></p>")
            st.button("Take it in again", key="take-in-again", on_click=asking.ask_task, args=(task,))
    with_format = f" --format {task.format}" if task.format else ""
    elsewhere(f"workbench label import {shlex.quote(Path(task.path).name)} --study {study_id}{with_format}")


def _uploaded(study_id: str) -> None:
    file = session.value_of(f"upload-{FILE}")
    if file is None:
        return
    try:
        path = save_upload(cache.store().folder, file.name, file.getvalue())
        session.choose(f"{FILE}-{study_id}", str(path))
    except EngineError as error:
        session.say(error=error)


def _last_asked(study_id: str) -> TakeAnswers | None:
    """What was last asked for this study, also before this tab was opened: its report is to be found again."""
    mine = (one for one in asking.tasks() if one.kind == TakeAnswers.name and one.request.get("study_id") == study_id)
    newest = next(mine, None)
    return None if newest is None else TakeAnswers.model_validate(newest.request)


def _report(answer: Mapping[str, Any], folder: Path) -> None:
    """What became of every answer, by way; those that changed nothing one by one; and every refused row."""
    ways = [(way, int(answer["ways"][way])) for way in outgoing.WAYS if answer["ways"][way]]
    ways += [(what, int(n)) for what, n in answer["dropped"].items()]
    rows = [[escaped(way), integer(n), escaped(MEANS.get(way, "a part of a row that was left out"))] for way, n in ways]
    show(table([("answers", False), ("how many", True), ("means", False)], rows) if rows else "<p>No answer in it.</p>")
    out = int(answer["still_out"])
    left = f"{count(out, 'pair')} of this study {'was' if out == 1 else 'were'} still out after it."
    show(f"<p>{count(int(answer['rows']), 'row')} read as {escaped(plain(answer['format']))}. {left}</p>")
    if answer["unwritten"]:
        _listed(answer["unwritten"], sum(n for way, n in ways if way in outgoing.WAYS and way != "written"))
    if answer["refused"]:
        _refused(answer, folder)


def _listed(unwritten: Sequence[Sequence[str]], n: int) -> None:
    cells = [[f"<code>{escaped(pair[:9])}</code>", foreign(text), escaped(way)] for pair, text, way in unwritten]
    with st.expander(f"Not simply written: {count(n, 'answer')}", key="tool-unwritten"):
        show(table([("pair", False), ("prompt", False), ("what became of it", False)], cells))
        if n > LISTED:
            show(f"<small>The first {integer(LISTED)} of {integer(n)}.</small>")


def _refused(answer: Mapping[str, Any], folder: Path) -> None:
    with st.expander(f"Refused: {count(int(answer['refused']), 'row')}", key="tool-refused"):
        cells = [[integer(row), escaped(why), foreign(what)] for row, why, what in answer["listed"][:LISTED]]
        show(table([("row", True), ("reason", False), ("what was found", False)], cells))
        try:
            content = read_bytes(folder, Written(**answer["file"]))
        except StoreError as error:
            show(f'<div class="note warn"><small>{escaped(error.what)} Take the file in again.</small></div>')
            return
        st.download_button("All of them as CSV", content, "refused.csv", "text/csv", key="tool-refused-csv",
                           icon=":material/download:", on_click="ignore")  # fmt: skip
