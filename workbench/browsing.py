"""What Explore and Data read of pools and scores, remembered as `cache` does.

A round that has its picks never changes, nor does a text or a data set: no revision stands in their key. A batch that
people may change in review stands as it was when the page was opened, or when it was last changed there.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from engine.analysis.ranks import Spearman, spearman
from engine.store import browse, round_table
from engine.store.database import Store, open_store
from engine.store.summaries import (
    SCORE,
    DatasetSummary,
    PairTexts,
    PromptPage,
    PromptResponses,
    RoundScores,
)
from workbench import cache, session
from workbench.charts.agreement import Batch, Density, density_of
from workbench.charts.scores import Panel, known
from workbench.components.data_browser import dataset_names
from workbench.components.pair_table import Standing
from workbench.components.score_choice import Choice, percentiles_in, rows_of

if TYPE_CHECKING:
    import numpy as np

Quantified = tuple[RoundScores, str]
"""A quantity of a round, by its key."""
REVIEWED = "reviewed"
"""What is held of a batch under review: let go where it is changed on the same page."""


def round_scores(study_id: str, run_id: str, round_number: int) -> RoundScores | None:
    """What a run's strategy gave its candidates, and its picks; None before it has picked in that round."""
    if round_number not in session.rounds(study_id, run_id):
        return None
    reviewed = bool(cache.study(study_id).config.get("review"))
    edits = session.held((REVIEWED, run_id, round_number), lambda: cache.revision(study_id)) if reviewed else 0
    found = _round_scores(_folder(), run_id, round_number, edits)
    if found is not None and not found.table.is_file():  # the cache of the store was emptied meanwhile
        _round_scores.clear(_folder(), run_id, round_number, edits)
        found = _round_scores(_folder(), run_id, round_number, edits)
    return found


def round_of_seed(study_id: str, seed: int, round_number: int) -> dict[str, RoundScores]:
    """Strategy → its scores and picks, for every run of the seed that has picked in the round; in slot order."""
    runs = [run for run in cache.study(study_id).runs if run.seed == seed]
    found = [round_scores(study_id, run.id, round_number) for run in sorted(runs, key=lambda r: r.strategy.slot)]
    return {scored.strategy.name: scored for scored in found if scored is not None}


def answered(study_id: str, seed: int, before: int) -> frozenset[str]:
    """The pairs whose label a run of that seed had bought before the round."""
    what = ("answered", study_id, seed, before)
    return session.held(what, lambda: _answered(_folder(), study_id, seed, before, cache.revision(study_id)))


def panel(study_id: str, seed: int, of: Quantified) -> Panel | None:
    """A quantity of a round with its values of the picks and of answered pairs; None if no pair has it."""
    found, key = of
    quantity, values = found.quantity(key), ordered(found, key)
    if quantity is None or not len(values):
        return None
    table, before = str(found.table), tuple(sorted(answered(study_id, seed, found.round)))
    picked = _values(table, key, found.picks).reindex(found.picks).to_numpy(dtype=float)
    answered_values = known(_values(table, key, before).to_numpy(dtype=float))
    return Panel(found, quantity, values, picked, answered_values, _by_hand(found, table, key))


def _by_hand(found: RoundScores, table: str, key: str) -> dict[str, float]:
    """Pair → its value, of those that people brought in, pinned or took out, and that have one."""
    touched = tuple(sorted({*found.by_hand, *found.out}))
    return _values(table, key, touched).dropna().to_dict() if touched else {}


def panels_by_round(study_id: str, run_id: str, seed: int, key: str) -> tuple[dict[int, Panel], list[int]]:
    """Round → the quantity in it, for the rounds of the run that have it; and the rounds that have not."""
    panels, without = {}, []
    for number in session.rounds(study_id, run_id):
        found = round_scores(study_id, run_id, number)
        drawn = panel(study_id, seed, (found, key)) if found and found.quantity(key) else None
        if drawn is None:
            without.append(number)
        else:
            panels[number] = drawn
    return panels, without


def ordered(found: RoundScores, key: str) -> "np.ndarray":
    """The values of a quantity in rising order, shared by all sessions: read-only."""
    return _ordered(str(found.table), key)


def correlation(first: RoundScores, second: RoundScores) -> Spearman:
    """Spearman's rank correlation of the scores of two runs, over the pairs that both scored."""
    return _correlation(str(first.table), str(second.table))


def density(first: Quantified, second: Quantified) -> Density | None:
    """One quantity against another, counted over the pairs that have both."""
    return _density(str(first[0].table), first[1], str(second[0].table), second[1])


def batches(first: Quantified, second: Quantified) -> list[Batch]:
    """The picks of the runs that are drawn against each other, where both quantities are known."""
    drawn = []
    for found in dict.fromkeys((first[0], second[0])):
        x, y = (_values(str(one.table), key, found.picks).reindex(found.picks) for one, key in (first, second))
        there = (x.notna() & y.notna()).to_numpy()
        ids = [pair_id for pair_id, both in zip(found.picks, there, strict=True) if both]
        hands = [found.by_hand.get(pair_id, "") for pair_id in ids]
        drawn.append(Batch(found.strategy, ids, x[there].to_numpy(float), y[there].to_numpy(float), hands))
    return drawn


def rows(choice: Choice, sets: Mapping[str, RoundScores]) -> tuple[pd.DataFrame, int]:
    """The pairs of a choice as `rows_of` gives them, and how many there are in all."""
    drawn = tuple((name, str(one.table), one.picks, tuple(one.by_hand.items())) for name, one in sets.items())
    return _rows(drawn, choice, sets)


def scores_of(pair_ids: Iterable[str], found: RoundScores) -> dict[str, float]:
    """Pair → its score, for those that have one."""
    if found.quantity(SCORE) is None:
        return {}
    return _values(str(found.table), SCORE, tuple(sorted(pair_ids))).dropna().to_dict()


def standings(pair_id: str, sets: Sequence[RoundScores]) -> list[Standing]:
    """Where a pair stands with each of these strategies."""
    lines = []
    for found in sets:
        known = _values(str(found.table), SCORE, (pair_id,)).dropna() if found.quantity(SCORE) else None
        place = found.picks.index(pair_id) + 1 if pair_id in found.picks else 0
        score = at = None
        if known is not None and len(known):
            score, at = float(known.iloc[0]), float(percentiles_in(ordered(found, SCORE), known.to_numpy())[0])
        lines.append(Standing(found.strategy, score, at, place))
    return lines


def pair_texts(pair_ids: tuple[str, ...]) -> list[PairTexts]:
    """The texts of the pairs, in the order given."""
    return _pair_texts(_folder(), pair_ids)


def datasets_of(study_id: str) -> dict[str, str]:
    """Role → data set of a study."""
    return _datasets_of(_folder(), study_id)


def dataset_names_of(study_id: str | None) -> dict[str, DatasetSummary]:
    """Name → data set, those of the study first."""
    return dataset_names(cache.datasets(), datasets_of(study_id) if study_id else {})


def recorded(dataset_id: str) -> dict[str, int]:
    """Answer → how many comparisons of the file gave it."""
    return _recorded(_folder(), dataset_id)


def search(dataset_id: str, text: str, page: int) -> PromptPage:
    """A page of the prompts that hold the text, or of which a response does."""
    return _search(_folder(), dataset_id, text, page)


def prompt(dataset_id: str, prompt_id: str, study_id: str | None) -> PromptResponses | None:
    """A prompt with its responses, recorded answers and the labels the study bought; None if it is not there."""
    return _prompt(_folder(), dataset_id, prompt_id, study_id, cache.revision(study_id) if study_id else 0)


def _folder() -> str:
    return str(cache.store_folder())


@st.cache_resource(max_entries=4, show_spinner=False)
def _open(folder: str) -> Store:
    return open_store(Path(folder))


@st.cache_data(max_entries=64, show_spinner=False)
def _round_scores(folder: str, run_id: str, round_number: int, edits: int) -> RoundScores | None:
    return browse.round_scores(_open(folder), run_id, round_number)


@st.cache_resource(max_entries=16, show_spinner=False)  # one copy for all sessions; 8 MB a million pairs
def _ordered(table: str, key: str) -> "np.ndarray":
    return round_table.ordered(Path(table), key)


@st.cache_data(max_entries=256, show_spinner=False)
def _values(table: str, key: str, pair_ids: tuple[str, ...]) -> "pd.Series[float]":
    return round_table.values_of(Path(table), key, pair_ids)


@st.cache_data(max_entries=128, show_spinner=False)
def _correlation(first: str, second: str) -> Spearman:
    _, x, y = round_table.both((Path(first), SCORE), (Path(second), SCORE))
    return spearman(x, y)


@st.cache_data(max_entries=64, show_spinner=False)
def _density(first: str, x_key: str, second: str, y_key: str) -> Density | None:
    _, x, y = round_table.both((Path(first), x_key), (Path(second), y_key))
    return density_of(x, y)


@st.cache_data(max_entries=64, show_spinner=False)
def _rows(
    drawn: tuple[tuple[object, ...], ...], choice: Choice, _sets: Mapping[str, RoundScores]
) -> tuple[pd.DataFrame, int]:
    return rows_of(choice, _sets, ordered)


@st.cache_data(max_entries=32, show_spinner=False)
def _answered(folder: str, study_id: str, seed: int, before: int, revision: int) -> frozenset[str]:
    return browse.answered(_open(folder), study_id, seed, before)


@st.cache_data(max_entries=64, show_spinner=False)
def _pair_texts(folder: str, pair_ids: tuple[str, ...]) -> list[PairTexts]:
    return browse.pair_texts(_open(folder), pair_ids)


@st.cache_data(max_entries=32, show_spinner=False)
def _datasets_of(folder: str, study_id: str) -> dict[str, str]:
    return browse.datasets_of(_open(folder), study_id)


@st.cache_data(max_entries=32, show_spinner=False)
def _recorded(folder: str, dataset_id: str) -> dict[str, int]:
    return browse.recorded(_open(folder), dataset_id)


@st.cache_data(max_entries=64, show_spinner=False)
def _search(folder: str, dataset_id: str, text: str, page: int) -> PromptPage:
    return browse.search(_open(folder), dataset_id, text, page)


@st.cache_data(max_entries=64, show_spinner=False)
def _prompt(
    folder: str, dataset_id: str, prompt_id: str, study_id: str | None, revision: int
) -> PromptResponses | None:
    return browse.prompt(_open(folder), dataset_id, prompt_id, study_id)
