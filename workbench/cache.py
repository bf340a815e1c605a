"""What pages read: the store's queries, each remembered under the revision it was read at.

A page asks for one integer, the revision, and reads again only when it has risen. Everything is bounded.
"""

import os
from pathlib import Path

import pandas as pd
import streamlit as st

from engine.cost import Pace, Sizes
from engine.data.answers import Subset
from engine.data.export.about import about_subset
from engine.data.export.make import export
from engine.data.places import refuse_elsewhere, stamp_of
from engine.data.prepare import split_as_told, texts_of
from engine.data.profiles.base import Container
from engine.data.read import read
from engine.oracles.base import Texts
from engine.settings import DataSettings
from engine.store import queries
from engine.store.claims import WORKERS
from engine.store.corrected import BACK
from engine.store.database import Store, open_store
from engine.store.files import Room, room_in
from engine.store.labelled import asked_pairs, salt_of
from engine.store.pace import pace as pace_of_runs
from engine.store.plugins import describe
from engine.store.spent import spent as spent_by_round
from engine.store.spent import stage_costs as costs_by_stage
from engine.store.summaries import (
    DatasetSummary,
    LastWord,
    MetricRef,
    PickedPair,
    StudyDetail,
    StudySummary,
    WorkerSummary,
)
from workbench.asked_words import AskedModels, asked_models
from workbench.subset import Preview, preview_of

STORE_VARIABLE = "WORKBENCH_STORE"
READ_AT_ONCE = 50_000_000
"""Bytes of a data file that is read just to count it; a tenth of it where near-duplicates are to be kept together."""


def store_folder() -> Path:
    """The store's folder: the environment's WORKBENCH_STORE, else .store where the app was started."""
    return Path(os.environ.get(STORE_VARIABLE) or ".store").resolve()


@st.cache_resource(max_entries=4, show_spinner=False)
def _open(folder: str) -> Store:
    return open_store(Path(folder))


def store() -> Store:
    """The open store, one handle for all sessions; StoreError if it cannot be opened."""
    return _open(str(store_folder()))


def plugins() -> None:
    """Get to know the plugins that the store keeps, those saved since the last look among them."""
    describe(store())


def forget_rounds_taken_back() -> None:
    """Let go of everything once a run was taken back, here or by the command line, since it was last looked at.

    Of a finished round figures are kept by run and round alone, and these rounds are computed again.
    """
    seen, now = _taken_back(str(store_folder())), revision(BACK)
    if seen.setdefault("n", now) != now:
        seen["n"] = now
        st.cache_data.clear()


def revision(scope: str = "all") -> int:
    """The number that rises with every change in the store, or in one study."""
    return queries.revision(store(), scope)


def studies() -> list[StudySummary]:
    """All studies, newest first."""
    return _studies(str(store_folder()), revision())


def study(study_id: str) -> StudyDetail:
    """A study with its runs."""
    return _study(str(store_folder()), study_id, revision(study_id))


def datasets() -> list[DatasetSummary]:
    """The data sets of the store, newest first."""
    return _datasets(str(store_folder()), revision())


def pace(model: str) -> Pace | None:
    """How fast finished runs with that model were here; None if there is none."""
    return _pace(str(store_folder()), model, revision())


def room() -> Room:
    """What is free on the disk of the store."""
    return room_in(store().folder)


def sizes(data: DataSettings) -> tuple[Sizes, ...] | None:
    """Sizes of the pool and its held-out sets, None where that cannot be said without a long reading.

    A file is read once; DataError if it cannot be, or is not to be read by this server.
    """
    found = _counted(data)
    return None if found is None else found[0]


def texts(data: DataSettings) -> tuple[Texts, Texts] | None:
    """How long the texts of the pool and of its first held-out set are; None and errors as of `sizes`."""
    found = _counted(data)
    return None if found is None else found[1]


def _counted(data: DataSettings) -> tuple[tuple[Sizes, ...], tuple[Texts, Texts]] | None:
    paths = (data.pool, *data.held_out.values())
    for path in paths:
        refuse_elsewhere(store().folder, path, data.format)
    found = [Path(path) for path in paths]
    at_once = READ_AT_ONCE // 10 if data.near_duplicates_together and not data.held_out else READ_AT_ONCE
    if not all(path.is_file() and path.stat().st_size <= at_once for path in found):
        return None
    stamps = tuple(tuple(stamp_of(path) or ()) for path in (*paths, *([data.format] if data.format else [])))
    return _sizes(data.model_dump_json(), stamps)


def metric_names(study_id: str) -> list[MetricRef]:
    """The figures that can be drawn."""
    return _metric_names(str(store_folder()), study_id, revision(study_id))


def curve(study_id: str, metric: str, split: str) -> pd.DataFrame:
    """A row a strategy, seed and round: strategy, title, slot, seed, run_id, round, labels, value, n."""
    return _curve(str(store_folder()), study_id, metric, split, revision(study_id))


def spent(study_id: str) -> pd.DataFrame:
    """A row a run and round: run_id, round, seconds from its start to the round's end, device."""
    return _spent(str(store_folder()), study_id, revision(study_id))


def stage_costs(study_id: str) -> pd.DataFrame:
    """A row a run and stage: run_id, stage, times, seconds, tokens, peak_bytes."""
    return _stage_costs(str(store_folder()), study_id, revision(study_id))


def asked(study_id: str) -> AskedModels:
    """What the labels and figures of a study say of the models it asked."""
    return _asked(str(store_folder()), study_id, revision(study_id))


def rounds(study_id: str, run_id: str) -> list[int]:
    """The rounds of a run that have picks, in order."""
    return _rounds(str(store_folder()), run_id, revision(study_id))


def notes(study_id: str, run_id: str) -> list[tuple[int, str]]:
    """What the stages of a run remark: (round, sentence), what was left out of a pool or of training included."""
    return _notes(str(store_folder()), run_id, revision(study_id))


def batch(study_id: str, run_id: str, round_number: int) -> list[PickedPair]:
    """The picks of a round with their texts, best first."""
    return _batch(str(store_folder()), run_id, round_number, revision(study_id))


def exported(subset: Subset, profile: str, container: Container, names: bool = False) -> Preview:
    """A subset as it would go out; DataError if nothing in it trains or the profile has no room for it."""
    return _exported(
        str(store_folder()), subset.model_dump_json(), profile, container, names, revision(subset.study_id)
    )


@st.cache_resource(max_entries=4, show_spinner=False)
def _taken_back(folder: str) -> dict[str, int]:
    return {}


@st.cache_data(ttl=2, max_entries=4, show_spinner=False)
def workers(folder: str) -> list[WorkerSummary]:
    """The workers and how long they are silent, anew at most every two seconds, whatever the number of open tabs.

    Their rows are read again only when one of them has said a word; till then only their silence grows.
    """
    there = _open(folder)
    return queries.as_of_now(_last_words(folder, queries.revision(there), queries.revision(there, WORKERS)))


@st.cache_data(max_entries=4, show_spinner=False)
def _last_words(folder: str, revision: int, words: int) -> list[LastWord]:
    return queries.last_words(_open(folder))


@st.cache_data(max_entries=8, show_spinner=False)
def _datasets(folder: str, revision: int) -> list[DatasetSummary]:
    return queries.datasets(_open(folder))


@st.cache_data(max_entries=8, show_spinner=False)
def _pace(folder: str, model: str, revision: int) -> Pace | None:
    return pace_of_runs(_open(folder), model)


@st.cache_data(max_entries=32, show_spinner="Counting the pool…")
def _sizes(settings: str, stamps: tuple[tuple[int, ...], ...]) -> tuple[tuple[Sizes, ...], tuple[Texts, Texts]]:
    told = DataSettings.model_validate_json(settings)
    paths = (told.pool, *told.held_out.values())
    found = [read(path, told.format, skip_refused=told.skip_refused).data for path in paths]
    parts = found if told.held_out else split_as_told(found[0], told)
    return tuple(Sizes.of(part) for part in parts), texts_of(parts)


@st.cache_data(max_entries=8, show_spinner=False)
def _studies(folder: str, revision: int) -> list[StudySummary]:
    return queries.studies(_open(folder))


@st.cache_data(max_entries=32, show_spinner=False)
def _study(folder: str, study_id: str, revision: int) -> StudyDetail:
    return queries.study(_open(folder), study_id)


@st.cache_data(max_entries=32, show_spinner=False)
def _metric_names(folder: str, study_id: str, revision: int) -> list[MetricRef]:
    return queries.metric_names(_open(folder), study_id)


@st.cache_data(max_entries=128, show_spinner=False)
def _curve(folder: str, study_id: str, metric: str, split: str, revision: int) -> pd.DataFrame:
    return queries.curve(_open(folder), study_id, metric, split)


@st.cache_data(max_entries=32, show_spinner=False)
def _spent(folder: str, study_id: str, revision: int) -> pd.DataFrame:
    return spent_by_round(_open(folder), study_id)


@st.cache_data(max_entries=32, show_spinner=False)
def _stage_costs(folder: str, study_id: str, revision: int) -> pd.DataFrame:
    return costs_by_stage(_open(folder), study_id)


@st.cache_data(max_entries=32, show_spinner=False)
def _asked(folder: str, study_id: str, revision: int) -> AskedModels:
    return asked_models(_open(folder), study_id)


@st.cache_data(max_entries=128, show_spinner=False)
def _notes(folder: str, run_id: str, revision: int) -> list[tuple[int, str]]:
    return queries.notes(_open(folder), run_id, figures=True)


@st.cache_data(max_entries=128, show_spinner=False)
def _rounds(folder: str, run_id: str, revision: int) -> list[int]:
    return queries.rounds(_open(folder), run_id)


@st.cache_data(max_entries=64, show_spinner=False)
def _batch(folder: str, run_id: str, round_number: int, revision: int) -> list[PickedPair]:
    return queries.batch(_open(folder), run_id, round_number)


@st.cache_data(max_entries=8, show_spinner="Reading the answers…")
def _exported(folder: str, subset: str, profile: str, container: Container, names: bool, revision: int) -> Preview:
    wanted, handle = Subset.model_validate_json(subset), _open(folder)
    pairs, about = asked_pairs(handle, wanted), about_subset(handle, wanted)
    salt = salt_of(handle)
    made = export(pairs, wanted, profile=profile, container=container, about=about, names=names, salt=salt)
    return preview_of(made)
