"""Taking a subset home from the screen: what it waits for, the ticks and the download; and the adapter of a round."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine.data.answers import Subset
from engine.data.export.push import is_repository
from engine.store.labelled import labellers_of
from engine.store.summaries import RunSummary, StudyDetail
from engine.tasks.adapter import TakeAdapter, adapter_of
from engine.tasks.check_export import CheckExport, packed
from engine.tasks.push_export import PushExport
from engine.verdict_words import verdict_words
from workbench import asking, cache, opening
from workbench.components import export_panel
from workbench.components.export_panel import Form
from workbench.components.markup import escaped, heading, show
from workbench.subset import Preview, adapter_command, command_of, in_lines, pushed, words_of
from workbench.wording import count, size

BEFORE = ("It has not been checked yet.", "The tools worker writes the files, reads them back, and says what holds.")
PUSH = "With <code>--push owner/name</code> it goes to the hub; the token is $HF_TOKEN or asked for, and never kept."
WHOSE = (
    "The tools worker sends it with the token of its own environment ($HF_TOKEN); it stands in no store, log or file. "
    "This page takes no token: to be asked for one, take the command with <code>--push</code>."
)
NOT_SENT = ("It has not been sent yet.", "Every file in one commit; a repository that is not there is made.")
ADAPTER = ("The adapter is not packed yet.", "The tools worker loads the model and writes a PEFT folder with a card.")
LARGEST = 200_000_000
"""Bytes of an adapter's archive that go through the browser: the app holds all of a download in memory."""


def subset_of(study_id: str, run: RunSummary, upto: int) -> Subset:
    """What the reader wants to take."""
    what = export_panel.choose_what(run.strategy.title, run.seed, upto)
    chosen: dict[str, Any] = {}
    if what == "selection":
        # An empty id would mean the whole study.
        chosen = {"selection": export_panel.choose_selection() or "none"}
    elif what != "study":
        chosen = {"strategy": run.strategy.name}
    if what == "run":
        chosen |= {"seed": run.seed, "upto_round": upto}
    return Subset(study_id=study_id, **{**chosen, **export_panel.choose_filters(labellers(study_id))})


def labellers(study_id: str) -> list[str]:
    """Who answered in the study: people, labellers of the file, and the oracle."""
    return _labellers(str(cache.store_folder()), study_id, cache.revision(study_id))


def contract(subset: Subset, form: Form, made: Preview) -> str:
    """Asks for the check, waits for it, and shows the ticks; the download only where all of them hold.

    The card that was written, "" before the check: the verdict and the licence stand on it only then.
    """
    verdict = _verdict(str(cache.store_folder()), subset.study_id, _finished(cache.study(subset.study_id)))
    task = CheckExport(
        subset=subset, profile=form.profile, container=form.container, names=form.names, licence=form.licence,
        verdict=verdict,
    )  # fmt: skip
    answer = asking.answered(task)
    if answer is None:
        show(heading("The contract", "before the download"))
        asking.wait_for(task, "The check", BEFORE, "Check and pack", every="1s")
    elif answer["file"] is None:
        export_panel.ticks(answer["ticks"])
        show('<div class="note bad" role="alert"><b class="word">✕ It is not offered.</b> A tick does not hold.</div>')
        st.download_button("Download", b"", disabled=True, icon=":material/download:", width="stretch")
    else:
        export_panel.ticks(answer["ticks"])
        _download(subset, form, made, answer)
        _push(task)
    return str(answer["card"]) if answer else ""


def _download(subset: Subset, form: Form, made: Preview, answer: Mapping[str, Any]) -> None:
    st.download_button(
        f"Download, {size(answer['file']['bytes'])}",
        lambda: packed(cache.store(), answer),
        f"{subset.study_id}-{words_of(subset)}-{form.profile}.zip",
        "application/zip",
        type="primary",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
    )
    beside = "".join(f", {name}" for name in made.beside)
    show(f"<small>One zip: the rows, README.md{beside}, and provenance.jsonl with a line for every pair asked.</small>")


def _push(export: CheckExport) -> None:
    """What was checked, to the hub: which repository, how far it is, where it lies."""
    with st.expander("Push to the hub", icon=":material/cloud_upload:"):
        repository, public = export_panel.choose_repository()
        show(f"<small>{WHOSE}</small>")
        if not is_repository(repository):
            if repository:
                show('<div class="note warn"><small>It is named as owner/name.</small></div>')
            return
        own = command_of(export.subset, export.profile, export.container, names=export.names, licence=export.licence)
        st.code(in_lines(pushed(own, repository, public=public)), language=None, wrap_lines=True)
        task = PushExport(export=export, repository=repository, public=public)
        answer = asking.answered(task)
        if answer is None:
            asking.wait_for(task, "The push", NOT_SENT, "Push it", every="1s", primary=False)
            return
        sent = f"{count(int(answer['files']), 'file')} sent to <code>{escaped(answer['address'])}</code>."
        show(f'<div class="note ok" role="status"><b class="word">✓ It is there.</b> {sent}</div>')


def same_elsewhere(subset: Subset, form: Form, file: str) -> None:
    """The command and the notebook that write the same files; the rows stand in `file`."""
    show(heading("Same from the command line"))
    command = command_of(subset, form.profile, form.container, names=form.names, licence=form.licence)
    st.code(in_lines(command), language=None, wrap_lines=True)
    show(f"<small>{PUSH}</small>")
    opening.export(subset, form, file)


def adapter(run: RunSummary, upto: int) -> None:
    """The adapter after a round: a PEFT folder, or the weights merged into the model."""
    with st.expander(f"The adapter after round {upto}"):
        merged = st.toggle("Merged into the model", key="merged", help="A whole model folder that needs no PEFT")
        st.code(in_lines(adapter_command(run, upto, merged=merged)), language=None, wrap_lines=True)
        task = TakeAdapter(run_id=run.id, round=upto, merged=merged)
        answer: Mapping[str, Any] | None = asking.answered(task)
        if answer is None:
            asking.wait_for(task, "The adapter", ADAPTER, "Pack it", every="1s", primary=False)
            return
        if answer["file"]["bytes"] > LARGEST:
            what = f"{size(answer['file']['bytes'])} are too much for a browser. The archive lies in the store"
            where = f"<code>{escaped(answer['file']['path'])}</code>"
            show(f"<small>{what}: {where}. The command above writes the folder itself.</small>")
            return
        st.download_button(
            f"Download, {size(answer['file']['bytes'])}",
            lambda: adapter_of(cache.store(), answer),
            f"{run.id}-round{upto}-{'merged' if merged else 'adapter'}.zip",
            "application/zip",
            icon=":material/download:",
            on_click="ignore",
            width="stretch",
        )


def _finished(detail: StudyDetail) -> tuple[str, ...]:
    """What is finished never changes, so it says whether the verdict can have."""
    return tuple(run.id for run in detail.runs if run.state == "done")


@st.cache_data(max_entries=16, show_spinner="Weighing the evidence…")
def _verdict(folder: str, study_id: str, finished: tuple[str, ...]) -> tuple[str, ...]:
    return verdict_words(cache.store(), cache.study(study_id))


@st.cache_data(max_entries=16, show_spinner=False)
def _labellers(folder: str, study_id: str, revision: int) -> list[str]:
    return labellers_of(cache.store(), study_id)
