"""What the map reads, each remembered: points by their content, values by their round, picks by the study's revision.

Arrays are read once for all visitors and read-only. `folder` stands in every key, because two stores may have the same
ids.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
import streamlit as st

from engine.store import projected
from engine.store.projected import Points
from engine.store.summaries import RoundScores
from engine.tasks.projection import Projection
from workbench import asking, session
from workbench.cache import revision, store, store_folder
from workbench.components import map_marks

if TYPE_CHECKING:
    import numpy as np

LASSO, MARKS = "_lasso", "marks"


UMAP_EFFORT = "It takes some minutes for 10,000 points. Until then you see the map by PCA."


def answer(task: Projection, method: Literal["pca", "umap"], effort: str) -> Mapping[str, Any] | None:
    """The map by PCA as soon as it is there, that by UMAP when it is wanted and there; what is missing is offered.

    `effort` says in words what the vectors of the map take.
    """
    found = asking.answered(task)
    if found is None:
        asking.wait_for(task, "The map", ("This pool has no map yet.", effort), "Make the map")
        return None
    if method == "pca":
        return found
    task = task.model_copy(update={"method": method})
    by_umap = asking.answered(task)
    if by_umap is None:
        before = ("This pool has no map by UMAP yet.", UMAP_EFFORT)
        asking.wait_for(task, "The map by UMAP", before, "Make it by UMAP")
    return by_umap or found


def points(file: Mapping[str, Any]) -> Points:
    """The points that a projection wrote, shared by all sessions; a file's name is made of its content."""
    return _points(str(store_folder()), file["path"], file["bytes"], file["sha256"])


def values(file: Mapping[str, Any], found: RoundScores | None, key: str) -> "np.ndarray | None":
    """A quantity of a round as a value a point of that file, float32 (n,); None where the round has it not."""
    if found is None or found.quantity(key) is None:
        return None
    return _values(str(store_folder()), file["path"], file["bytes"], file["sha256"], str(found.table), key)


def marks(study_id: str, seed: int) -> pd.DataFrame:
    """Every pick of the seed's runs with its answer, as they were when the page was first drawn."""
    now = revision(study_id)
    return session.held((MARKS, study_id, seed), lambda: _marks(str(store_folder()), study_id, seed, now))


def selection(study_id: str, selection_id: str) -> tuple[str, ...]:
    """The pairs of a saved selection of the study; none if it is not there."""
    return _selection(str(store_folder()), study_id, selection_id, revision(study_id)) if selection_id else ()


@dataclass(frozen=True)
class Lasso:
    """What the reader has drawn on a map: its shapes `now`, and those that are part of the figure.

    A chart forgets its lasso when its figure changes. So the figure stays as it is while a first lasso is drawn on it,
    and when something else changes the figure (the round, a colour), the shapes are drawn into it. `turn` is part of
    the chart's key: it rises when the chart is to forget.
    """

    scope: Hashable = None
    base: Hashable = None
    now: Mapping[str, Any] = field(default_factory=dict)
    drawn: Mapping[str, Any] = field(default_factory=dict)
    turn: int = 0

    @property
    def key(self) -> str:
        """The key of the chart that it is drawn on."""
        return f"map-{self.turn}"


def lasso(scope: Hashable, base: Hashable) -> Lasso:
    """The lasso on the map `scope`; `base` is all else that its figure is made of."""
    known = _lasso()
    if known.scope != scope:
        known = Lasso(scope, base, turn=known.turn)
    elif known.base != base or known.drawn:
        known = Lasso(scope, base, known.now, known.now, known.turn)
    session.choose(LASSO, known)
    return known


def draw_lasso(chart: str) -> None:
    """Take over what was drawn on the chart of that key; for its callback."""
    known, state = _lasso(), session.value_of(chart)
    shapes = map_marks.shapes_of(state["selection"]) if isinstance(state, Mapping) else {}
    session.choose(LASSO, Lasso(known.scope, known.base, shapes, known.drawn, known.turn))


def choose_anew() -> None:
    """Nothing is chosen any more; for a button's callback."""
    known = _lasso()
    session.choose(LASSO, Lasso(known.scope, known.base, turn=known.turn + 1))
    session.choose("unlike", "")


def keep(study_id: str, ids: Callable[[], Sequence[str]], made_from: Mapping[str, Any]) -> None:
    """Save the chosen pairs; the page then shows the saved selection, as its link does. For a button's callback."""
    if asking.keep_selection(study_id, ids(), made_from):
        choose_anew()


def _lasso() -> Lasso:
    found = session.value_of(LASSO)
    return found if isinstance(found, Lasso) else Lasso()


@st.cache_resource(max_entries=6, show_spinner=False)
def _points(folder: str, path: str, size: int, sha256: str) -> Points:
    return projected.read_points(store(), {"path": path, "bytes": size, "sha256": sha256})


@st.cache_resource(max_entries=24, show_spinner=False)
def _values(folder: str, path: str, size: int, sha256: str, table: str, key: str) -> "np.ndarray":
    return _points(folder, path, size, sha256).aligned(Path(table), key)


@st.cache_data(max_entries=16, show_spinner=False)
def _marks(folder: str, study_id: str, seed: int, revision: int) -> pd.DataFrame:
    return projected.marks(store(), study_id, seed)


@st.cache_data(max_entries=64, show_spinner=False)
def _selection(folder: str, study_id: str, selection_id: str, revision: int) -> tuple[str, ...]:
    return projected.selection(store(), study_id, selection_id)
