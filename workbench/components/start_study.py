"""Start a study: from a form, from a YAML file, as a clone of another, or the sample. The form opens in a dialog."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from engine.arms import in_the_shadow, title_of
from engine.config import StudyConfig
from engine.cost import Cost, Pace, Sizes, estimate
from engine.disk import Disk, kept, shapes_of
from engine.errors import EngineError
from engine.oracles.base import Texts
from engine.store.cache import DEFAULT_CAP_BYTES
from engine.store.files import Room
from engine.store.summaries import DatasetSummary
from workbench import messages, session
from workbench.asked_words import beforehand
from workbench.bill_words import bills, paid_by_token
from workbench.components.cost_card import bill_card, cost_card
from workbench.components.markup import escaped, heading, show
from workbench.components.study_form import study_form
from workbench.forms import as_yaml, differences, set_words
from workbench.power_words import can_show
from workbench.subset import in_lines
from workbench.warm_up_words import HOW, ties_at_first

COMMAND = "workbench study run study.yaml --detach"
AGAIN = ", again"
NOT_COUNTED = "The data is not on this machine, or too large to be counted at once: it is counted when it is read."


@dataclass(frozen=True)
class Asked:
    """What the reader wants: the form with a study file (path or text), with a clone, or with nothing in it.

    Everything starts from the form: it says what a study will take, and keep on disk, before it is queued.
    """

    fill: Path | str | None = None
    clone: str = ""
    empty: bool = False


@dataclass(frozen=True)
class Ready:
    """A study to be queued; `with_labels`: it begins with what the study that it is cloned from has bought."""

    config: StudyConfig
    with_labels: bool = False


@dataclass(frozen=True)
class Desk:
    """What the form asks the rest of the app for, each a function of the config as it stands.

    `id_of` says the id of a study by the name that one clones it by.
    """

    datasets: Sequence[DatasetSummary]
    check: Callable[[Mapping[str, Any]], StudyConfig]
    sizes: Callable[[StudyConfig], Sequence[Sizes] | None]
    id_of: Callable[[str], str]
    texts: Callable[[StudyConfig], tuple[Texts, Texts] | None]
    pace: Callable[[str], Pace | None]
    room: Callable[[], Room]


def start_form(sample: Path | None, studies: Sequence[str] = (), *, primary: bool, number: int = 0) -> Asked | None:
    """A button that opens the ways to start; what was asked for, or None. `studies` are the names one can clone.

    With another `number` it is another button, and closed: the dialog must not open under it.
    """
    asked: Asked | None = None
    kind: Literal["primary", "secondary"] = "primary" if primary else "secondary"
    with st.popover(
        "Start a study", icon=":material/add:", type=kind, width="stretch", key=f"start-{number}", on_change="rerun"
    ):
        if st.button("Fill in a form", icon=":material/edit_note:", width="stretch"):
            asked = Asked(empty=True)
        if studies:
            chosen = st.selectbox("Study to clone", list(studies), key="clone-of")
            if st.button("Clone this study", icon=":material/content_copy:", width="stretch"):
                asked = Asked(clone=chosen)
        with st.form("start-study", border=False):
            typed = st.text_input("Study file (path on this machine)", placeholder="study.yaml").strip()
            go = st.form_submit_button("Start from this file", icon=":material/description:", width="stretch")
        if typed and go:
            asked = Asked(fill=Path(typed))
        given = st.file_uploader("or a study file from your computer", type=["yaml", "yml"], max_upload_size=1)
        if given is not None and st.button("Open the uploaded file in the form", icon=":material/upload_file:"):
            asked = Asked(fill=given.getvalue().decode("utf-8", "replace"))
        if sample and st.button("Start the sample study", icon=":material/play_arrow:", width="stretch"):
            asked = Asked(fill=sample)
    return asked


def draft_form(start: Mapping[str, Any], cloned: str, key: str, desk: Desk) -> Ready | None:
    """The form at the left; at the right what is wrong, the cost, the file and the command. The study to start."""
    left, right = st.columns([58, 42], gap="medium")
    with left:
        filled = study_form(start, desk.datasets, key)
    with right:
        return _beside(filled, start, cloned, desk, key)


def _beside(filled: Mapping[str, Any], start: Mapping[str, Any], cloned: str, desk: Desk, key: str) -> Ready | None:
    config, wrong = None, None
    try:
        config = desk.check(filled)
    except EngineError as error:
        wrong = error
    cost, disk, why_not = None, None, "It is counted as soon as the form holds a whole study."
    if config is not None:
        try:
            cost, disk, why_not = _cost(config, desk), _disk(config, desk), NOT_COUNTED
        except EngineError as error:
            config, wrong = None, error
    go = st.button("Start this study", type="primary", icon=":material/play_arrow:", disabled=config is None,
                   width="stretch", key="start-draft")  # fmt: skip
    with_labels = bool(cloned) and st.checkbox(
        "Begin with the labels that study has bought", help="Of the same pool and oracle only. They cost nothing again."
    )
    if wrong is not None:
        messages.not_yet_card(wrong)
    if cloned:
        _says_what_differs(cloned, start, config)
    beside = ", shadows counted" if config and in_the_shadow(config) else ""
    titles = {arm.key: title_of(arm.key) + beside for arm in config.entrants()} if config else {}
    cost_card(cost, desk.pace(config.model.path) if config else None, titles, why_not, disk)
    if config is not None and cost is not None:
        show("".join(f"<p><small>{escaped(said)}</small></p>" for said in beforehand(config, cost)))
        if paid_by_token(config) and (texts := desk.texts(config)):
            bill_card(bills(config, cost, *texts))
    if config is not None and (sizes := desk.sizes(config)) and len(sizes) > 1:
        named = list(config.data.held_out)
        deciding = named.index(config.referee.decides_on(named)) if named else 0
        show(heading("What it can show", "known before it starts"))
        show(f"<p>{escaped(can_show(config, sizes[1 + deciding]))}</p>")
    if config is not None and (tied := ties_at_first(config)):
        _offer_warm_up(tied, key)
    file = as_yaml(filled)
    show(heading("The same as a file", "study.yaml"))
    st.code(file, language=None, height=220)
    st.download_button("study.yaml", file, "study.yaml", "text/yaml", icon=":material/download:", on_click="ignore")
    show(heading("and from the command line"))
    command = COMMAND
    if cloned and config is not None:
        clone = clone_command(desk.id_of(cloned), StudyConfig.from_dict(start), config, with_labels=with_labels)
        command = in_lines(clone)
    st.code(command, language=None, wrap_lines=True)
    return Ready(config, with_labels) if go and config is not None else None


def clone_command(study_id: str, start: StudyConfig, config: StudyConfig, *, with_labels: bool) -> str:
    """The command that queues the same; `start` is the study that is cloned, under the name that its form begins with.

    The study's own name plus ", again" is what the command calls a clone.
    """
    before = start.model_copy(update={"name": start.name.removesuffix(AGAIN)})
    words = ["workbench study clone", study_id, *(["--with-labels"] if with_labels else [])]
    return " ".join([*words, *(f"--set {shlex.quote(word)}" for word in set_words(before, config))])


def _offer_warm_up(tied: str, key: str) -> None:
    """Say whose first batch would be a draw, and a button that ticks the form's own box."""
    show(f'<div class="note">{heading("Round 1")}<p>{escaped(tied)} {escaped(HOW)}</p></div>')
    st.button("Begin with a warm-up batch", icon=":material/shuffle:", on_click=session.choose,
              args=(f"{key}-study-warm_up", True), key=f"{key}-take-warm-up")  # fmt: skip


def _cost(config: StudyConfig, desk: Desk) -> Cost | None:
    sizes = desk.sizes(config)
    return estimate(config, sizes[0], sizes[1:], _lines(config.evaluation.text_file)) if sizes else None


def _disk(config: StudyConfig, desk: Desk) -> tuple[Disk, Room] | None:
    sizes = desk.sizes(config)
    if not sizes:
        return None
    return kept(config, sizes[0], sizes[1:], shapes_of(config.model), DEFAULT_CAP_BYTES), desk.room()


def _lines(path: str | None) -> int:
    if path is None:
        return 0
    with Path(path).open(encoding="utf-8", errors="replace") as lines:
        return sum(bool(line.strip()) for line in lines)


def _says_what_differs(cloned: str, start: Mapping[str, Any], config: StudyConfig | None) -> None:
    """A clone differs from its study in nothing but what is listed."""
    if config is None:
        return
    found = differences(StudyConfig.from_dict(start), config)
    if not found:
        show(f'<p class="muted">Nothing differs from {escaped(cloned)} yet.</p>')
        return
    lines = "".join(f"<li>{escaped(line)}</li>" for line in found)
    show(f'<div class="note">{heading("Differs from " + cloned)}<ul>{lines}</ul></div>')
