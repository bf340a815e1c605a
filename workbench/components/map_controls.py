"""The row of controls above the map, and what they stand for in words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from engine.samplers.base import SAMPLERS
from engine.store.summaries import SCORE, Quantity, StrategyRef
from workbench.charts.scene import What
from workbench.components.markup import show

Vectors = Literal["sentences", "reference", "policy"]
Method = Literal["pca", "umap"]
POINTS: tuple[What, ...] = ("pairs", "responses", "segments")
METHODS: dict[str, Method] = {"PCA": "pca", "UMAP": "umap"}
COLOURS = ("state", "strategy", "round", SCORE)
VECTORS: dict[str, Vectors] = {
    "sentence encoder": "sentences",
    "model, before training": "reference",
    "model, as of the round": "policy",
}
EFFORT: dict[Vectors, str] = {
    "sentences": "A sentence encoder reads every response once, on the CPU: some 100 responses a second.",
    "reference": "The model reads every response once, on the CPU. A large model takes long.",
    "policy": "The model with the adapter of this round reads every response once, on the CPU. A large one takes long.",
}


@dataclass(frozen=True)
class Chosen:
    """What the reader wants to see. `colour` is one of COLOURS or the key of a quantity of the round; `sel` is the id
    of a saved selection, "" for none.
    """

    what: What
    method: Method
    colour: str
    strategies: tuple[StrategyRef, ...]
    vectors: Vectors
    sel: str

    def words(self) -> dict[str, Any]:
        """As JSON, for a saved selection: what it was made from."""
        return {"what": self.what, "vectors": self.vectors, "method": self.method,
                "picks of": [s.name for s in self.strategies]}  # fmt: skip


def controls(
    strategies: Sequence[StrategyRef], focus: StrategyRef | None, quantities: Sequence[Quantity], *, rounds: bool
) -> Chosen:
    """What the points are, by which method, colour, whose picks, whose vectors, and a saved selection.

    All but the last have defaults. `quantities` are those of the round; `rounds` says whether there is a round, and so
    a policy that it was scored with.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        what = st.segmented_control(
            "Points", POINTS, default="pairs", key="points", bind="query-params", required=True,
        )  # fmt: skip
        method = st.segmented_control("Method", list(METHODS), default="PCA", key="method", bind="query-params",
                                      required=True)  # fmt: skip
        titles: dict[str, str] = dict.fromkeys(COLOURS[:3], "") | {SCORE: SCORE}
        titles |= {q.title: q.key for q in quantities if q.key != SCORE}
        colour = st.selectbox("Colour", list(titles), key="colour", bind="query-params", width=110)
        named = {s.title: s for s in strategies}
        first = focus or (strategies[0] if strategies else None)
        of = st.multiselect("Picks of", list(named), default=[first.title] if first else [], key="picks",
                            bind="query-params", placeholder="nobody", width=190)  # fmt: skip
        names = list(VECTORS) if rounds else list(VECTORS)[:2]
        vectors = st.selectbox("Vectors of", names, key="vectors", bind="query-params", width=168)
        sel = st.text_input("Saved selection", key="sel", bind="query-params", placeholder="none", width=108)
    # In slot order, whatever the order of choosing, so that the same choice draws the same map.
    picked = tuple(s for s in strategies if s.title in of)
    return Chosen(what or "pairs", METHODS[method or "PCA"], titles.get(colour, "") or colour or "state", picked,
                  VECTORS[vectors], (sel or "").strip())  # fmt: skip


def draws_anew(config: Mapping[str, Any]) -> bool:
    """Whether a run of this study (its config) makes the pool's responses itself."""
    sampler = config.get("sampler") or {}
    name = sampler.get("name") if isinstance(sampler, Mapping) else sampler
    return name in SAMPLERS.names() and SAMPLERS.get(name).generates


def selection_buttons(
    sel: str,
    *,
    drawn: bool,
    known: bool,
    on_keep: Callable[[], None],
    on_close: Callable[[], None],
    on_clear: Callable[[], None],
) -> None:
    """Keep what is chosen, so that the link leads to it; choose anew; or look at the saved selection no more."""
    if sel and not known:
        show('<div class="note warn"><small>This study has no saved selection of that name.</small></div>')
    with st.container(horizontal=True, gap="small"):
        if drawn:
            about = "Saves the pairs; the link of this page then leads to them."
            st.button("Keep this selection", icon=":material/bookmark_add:", on_click=on_keep, help=about)
            st.button("Choose anew", icon=":material/deselect:", on_click=on_clear)
        if sel:
            st.button("Close the saved selection", icon=":material/close:", on_click=on_close)
