"""The switches above the curves: which figure, along which axis, every seed or the mean, with controls or without."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from engine.store.summaries import MetricRef
from workbench.charts.across import KINDS, Across, Kind
from workbench.charts.metrics import in_order, words_of

EVERY, MEAN = "every seed", "mean and band"


@dataclass(frozen=True)
class Shown:
    """What the reader wants to see."""

    metric: str
    across: Across
    traces: bool
    controls: bool


def curve_controls(metrics: Sequence[MetricRef], device: str, *, controls: bool) -> Shown:
    """Draw the switches; all of them travel in the link. `controls`: whether the study has any."""
    name = st.selectbox(
        "Figure",
        in_order([metric.name for metric in metrics]),
        format_func=lambda m: words_of(m).title,
        key="figure",
        bind="query-params",
        label_visibility="collapsed",
        width=236,
    )
    kind: Kind = st.segmented_control(
        "Along", KINDS, default=KINDS[0], key="along", bind="query-params", required=True,
        format_func={"labels": "labels", "seconds": Across(device=device).seconds, "cost": "cost"}.__getitem__,
        label_visibility="collapsed",
    )  # fmt: skip
    across = _priced(device) if kind == "cost" else Across(kind, device)
    traces = st.segmented_control(
        "Seeds", [MEAN, EVERY], default=MEAN, key="seeds", bind="query-params", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    with_controls = controls and st.toggle(
        "controls", key="controls", bind="query-params", help="Runs to hold a strategy against; they get no verdict."
    )
    return Shown(name, across, traces == EVERY, with_controls)


def _priced(device: str) -> Across:
    """The two prices, typed by the reader in any currency: nothing is assumed."""
    with st.popover("Prices", icon=":material/sell:"):
        label = st.number_input(
            "a label, units of cost", min_value=0.0, value=1.0, step=0.01, format="%.4g", key="label_price",
            bind="query-params",
        )  # fmt: skip
        hour = st.number_input(
            f"a {device} hour, units of cost", min_value=0.0, value=0.0, step=0.1, format="%.4g", key="hour_price",
            bind="query-params",
        )  # fmt: skip
    return Across("cost", device, float(label), float(hour))
