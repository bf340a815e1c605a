"""Bringing in a file from the screen: which one, the proof of what it is, and the step that goes on."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine.data.formats.base import FORMATS
from engine.data.places import here
from engine.errors import EngineError
from engine.store.summaries import TaskSummary
from engine.tasks.import_data import ImportData
from engine.tasks.prove_data import ProveData
from engine.tasks.prove_leakage import ProveLeakage
from engine.tasks.prove_tokens import ProveTokens
from workbench import asking, browsing, cache, column_mapping, session
from workbench.components import data_import, proof_panel
from workbench.components.elsewhere import elsewhere
from workbench.components.markup import empty, heading, show
from workbench.components.token_view import token_proof
from workbench.import_words import Said, check_command, import_command, lines_of
from workbench.wording import count

NOTHING = ("No file is named yet.", "Name or upload one above; the tools worker reads it, row by row.")
BEFORE = ("This file has not been read yet.", "Every row is looked at, none is kept: first you see what it is.")
GONE_ON = ("Nobody has asked for the import yet.", "What the proof shows comes into the store.")
NEAR = ("Near-duplicates were not looked for.", "A stage of its own: some seconds for thousands of prompts.")
LEAKS = ("Nobody has looked yet.", "Prompts of the held-out file that stand in this one too, or are near one of it.")
TOKENS = ("No row was put into tokens yet.", "The tools worker loads that model's tokenizer and chat template.")


def panel() -> None:
    """The file; below, what its reading waits for, its proof, or the form that maps its columns."""
    kept = column_mapping.kept()
    names = [name for name in FORMATS.names() if not FORMATS.get(name).by_hand]
    with st.container(border=True):
        path, chosen = data_import.choose_file([*names, *kept, data_import.BY_HAND], uploaded)
    if not path:
        empty(*NOTHING)
        return
    where = data_import.located(path)
    if chosen == data_import.BY_HAND:
        column_mapping.panel(where)
        return
    task = ProveData(path=where, format=str(kept[chosen]) if chosen in kept else chosen)
    place = st.container()  # the command stands above what it is made of
    found = asking.asked(task)
    if found is None or found.answer is None:
        same(place, Said(task))
        asking.wait_for(task, "The proof", BEFORE, "Read the file", done=bool)
        st.fragment(offer_mapping, run_every="2s")(task)
    else:
        same(place, proven(found.answer, task))


def same(place: DeltaGenerator, said: Said) -> None:
    """What the form does, as commands and as lines of a study file."""
    with place:
        elsewhere(check_command(said), lines_of(said), {"and to bring it in": import_command(said)})


def offer_mapping(task: ProveData) -> None:
    """Where no format fits: the way to say by hand what the columns are."""
    found = asking.asked(task)
    if found is None or found.state != "failed" or "no format fits" not in found.error:
        return
    to_the_form = ("format", data_import.BY_HAND)
    if st.button("Map its columns by hand", type="primary", icon=":material/table_rows:", on_click=session.choose,
                 args=to_the_form):  # fmt: skip
        st.rerun()  # a click within a fragment draws only the fragment again


def uploaded() -> None:
    """Keep the uploaded file in the store's folder, and name it in the field of the path."""
    file = session.value_of("upload")
    if file is not None:
        try:
            session.choose("path", str(data_import.save_upload(cache.store().folder, file.name, file.getvalue())))
        except EngineError as error:
            session.say(error=error)


def browse(dataset_id: str) -> None:
    """Look at what was brought in."""
    study = session.looking().study
    names = browsing.dataset_names_of(study.id if study else None)
    name = next((name for name, dataset in names.items() if dataset.id == dataset_id), None)
    if name is not None:
        session.choose("dataset", name)
        session.choose("part", "browse")


def proven(answer: Mapping[str, Any], task: ProveData) -> Said:
    """What it is read as and the step that goes on; below, what was found, the first rows, and what was refused.

    What the form holds by then.
    """
    imported = newest_of(task)
    dataset_id = str((imported.answer or {}).get("dataset_id", "")) if imported is not None else ""
    holds = asking.holds(task, answer)
    proof_panel.read_as(answer, task.path, bool(dataset_id) and holds)
    if not holds:
        why = (
            "The file has changed since it was read." if answer["stamp"] else "Nobody here can tell if it has changed."
        )
        show(f'<div class="note warn"><small>{why}</small></div>')
        st.button("Read it again", icon=":material/refresh:", on_click=asking.ask_task, args=(task,))
    go_on(answer, task, imported, dataset_id)
    one, other = st.columns([50, 50], gap="large")
    with one:
        proof_panel.findings(answer["findings"])
        near = near_duplicates(task)
        held_out = leaks(task)
        proof_panel.lengths(answer)
        data_import.refused_rows(answer, cache.store().folder)
    with other:
        first = answer["first"]
        show(proof_panel.first_rows(first, f"the first {count(len(first), 'row')} of the file"))
    model = tokens(task)
    return Said(task, held_out, model, near=near, refused=int(answer["refused"]) > 0)


def requests(task: ProveData) -> Sequence[ImportData]:
    """The two ways to import what was proven: as it is, or without the refused rows."""
    return [ImportData(path=task.path, format=task.format, skip_refused=skip) for skip in (False, True)]


def newest_of(task: ProveData) -> TaskSummary | None:
    """Of both imports the one that was asked for last; None if nobody has asked."""
    asked = [found for request in requests(task) if (found := asking.asked(request)) is not None]
    return max(asked, key=lambda found: found.id, default=None)


def go_on(answer: Mapping[str, Any], task: ProveData, imported: TaskSummary | None, dataset_id: str) -> None:
    """Import it, with refused rows only on the person's word; or what became of that.

    `imported` is looked up once a drawing: a second look may find it further on, and two answers fit no branch.
    """
    whole, without = requests(task)
    refused = int(answer["refused"])
    request = without if refused else whole
    current = imported is not None and imported.request == request.request()
    if dataset_id and imported is not None and current and asking.holds(request, imported.answer or {}):
        st.button("Browse it", icon=":material/list:", on_click=browse, args=(dataset_id,))
    elif current and imported is not None and imported.state in ("queued", "running", "failed"):
        asking.wait_for(request, "The import", GONE_ON, "Import it", done=bool)
    elif int(answer["prompts"]):
        kept = count(int(answer["rows"]) - refused, "row")
        label = f"Import the other {kept}" if refused else f"Import {kept}"
        st.button(label, type="primary", icon=":material/check:", on_click=asking.ask_task, args=(request,))
    else:
        show('<div class="note bad"><b class="word">✕ No row can be used.</b> Nothing is left to import.</div>')


def near_duplicates(task: ProveData) -> bool:
    """The stage of its own: waits to be asked for, can be stopped, and says what it found; whether it was asked for."""
    stage = task.model_copy(update={"near_duplicates": True})
    answer = asking.answered(stage)
    if answer is None:
        with st.container(border=True):
            show(heading("Near-duplicates", "prompts that are almost the same"))
            asking.wait_for(stage, "The search", NEAR, "Look for them", primary=False)
    else:
        proof_panel.findings(answer["findings"], "Near-duplicates")
    return asking.asked(stage) is not None


def leaks(task: ProveData) -> str:
    """What a held-out file shares with this one: what is trained on must not be evaluated on. The file's path."""
    with st.container(border=True):
        show(heading("Leakage", "what a held-out file shares with this one"))
        typed = data_import.choose_held_out()
        if not typed:
            return ""
        request = ProveLeakage(path=task.path, held_out=data_import.located(typed), format=task.format)
        answer = asking.answered(request)
        if answer is None:
            asking.wait_for(request, "The comparison", LEAKS, "Compare them", primary=False)
        else:
            proof_panel.shared_prompts(answer)
    return request.held_out


def tokens(task: ProveData) -> str:
    """The first rows as a model reads them, and how many do not fit it. The model's path or id."""
    study = session.looking().study
    known = str(cache.study(study.id).config["model"]["path"]) if study else ""
    with st.container(border=True):
        show(
            heading(
                "As a model reads it", "its chat template, BOS and EOS, where the response begins, what does not fit"
            )
        )
        model = st.text_input("Model: folder or Hugging Face id", value=known, key="proof_model", width=420).strip()
        if not model:
            return ""
        request = ProveTokens(path=task.path, format=task.format, model=str(here(model) or model))
        answer = asking.answered(request)
        if answer is None:
            asking.wait_for(request, "The token view", TOKENS, "Show the tokens", primary=False)
        else:
            show(token_proof(answer))
    return request.model
