"""A study as a form: everything its config takes, generated from the config and from the plugins."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import streamlit as st

from engine.arms import Control
from engine.config import StudyConfig
from engine.filters.base import FILTERS
from engine.guardrails.base import GUARDRAILS
from engine.oracles.base import ORACLES
from engine.registry import Plugin
from engine.samplers.base import SAMPLERS
from engine.settings import (
    DataSettings,
    DPOSettings,
    EvaluationSettings,
    LoraSettings,
    ModelSettings,
    RefereeSettings,
    Regime,
)
from engine.signals.base import SIGNALS
from engine.store.summaries import DatasetSummary
from engine.strategies.base import STRATEGIES
from engine.trackers.base import TRACKERS
from workbench.components.markup import escaped, heading, show
from workbench.components.plugin_form import field, model_form, pick_plugin, plugin_form, title_of
from workbench.forms import changed, fields_of, plugins, shortest
from workbench.wording import count, plain

TABS = ("Data and model", "Strategies", "Rounds", "Training", "Evaluation")
OTHER = "another file"
OWN = ("name", "panel", "controls")  # fields of a study that have a place of their own


def study_form(start: Mapping[str, Any], datasets: Sequence[DatasetSummary], key: str) -> dict[str, Any]:
    """Draw the form, filled from `start` (a config, whole or in part); the config it holds, defaults left out.

    What it holds may be wrong: the caller checks it and says everything at once.
    """
    names = {form.name: form for form in fields_of(StudyConfig)}
    found: dict[str, Any] = {"name": field(names["name"], start.get("name", ""), f"{key}-name")}
    data_tab, strategy_tab, round_tab, training_tab, evaluation_tab = st.tabs(TABS)
    with data_tab:
        found |= _data_and_model(start, datasets, key)
    with strategy_tab:
        found |= _strategies(start, key)
    with round_tab:
        values = model_form(StudyConfig, start, f"{key}-study", without=OWN)
        found |= changed(StudyConfig, values)
        show(heading("Regime", _first(Regime)))
        found |= _part("regime", Regime, start, key)
    with training_tab:
        show(heading("DPO", _first(DPOSettings)))
        found |= _part("dpo", DPOSettings, start, key)
        show(heading("Filters", "labels that are bought and do not train"))
        found |= _filters(start, key)
    with evaluation_tab:
        show(heading("Evaluation", _first(EvaluationSettings)))
        found |= _evaluation(start, key)
        found |= _oracle("evaluator", start, key, none="the oracle of the study")
        show(heading("Referee", _first(RefereeSettings)))
        found |= _part("referee", RefereeSettings, start, key)
        show(heading("Tracker", "where else runs are logged"))
        found |= _tracker(start, key)
    return {name: found[name] for name in StudyConfig.model_fields if name in found}


def _evaluation(start: Mapping[str, Any], key: str) -> dict[str, Any]:
    begin = start.get("evaluation") or {}
    values = changed(EvaluationSettings, model_form(EvaluationSettings, begin, f"{key}-evaluation"))
    usual = [guardrail.spec() for guardrail in EvaluationSettings().guardrails]
    asked = _by_name(begin.get("guardrails", usual))
    chosen = st.multiselect(
        "guardrails",
        GUARDRAILS.names(),
        default=list(asked),
        key=f"{key}-guardrails",
        format_func=lambda name: GUARDRAILS.get(name).heading(),
        help=_of_field(EvaluationSettings, "guardrails"),
    )
    wanted = [GUARDRAILS.build({"name": name, **asked.get(name, {})}).spec() for name in chosen]
    if wanted != usual:
        values["guardrails"] = wanted
    return {"evaluation": values} if values else {}


def _data_and_model(start: Mapping[str, Any], datasets: Sequence[DatasetSummary], key: str) -> dict[str, Any]:
    show(heading("Data", _first(DataSettings)))
    data = dict(start.get("data") or {})
    chosen = _known_file(datasets, str(data.get("pool", "")), key)
    if chosen:
        data["pool"] = chosen
    # The path's widget is another one for every data set chosen, so that it begins with that data set's path.
    values = model_form(DataSettings, data, f"{key}-data-{chosen}")
    found: dict[str, Any] = {"data": changed(DataSettings, values)}
    show(heading("Model", _first(ModelSettings)))
    model = dict(start.get("model") or {})
    found["model"] = changed(ModelSettings, model_form(ModelSettings, model, f"{key}-model"))
    with st.expander("The adapter (LoRA)"):
        lora = changed(LoraSettings, model_form(LoraSettings, model.get("lora") or {}, f"{key}-lora", columns=4))
    if lora:
        found["model"]["lora"] = lora
    left, right = st.columns(2, gap="medium")
    with left:
        show(heading("Sampler", "where candidate pairs come from"))
        sampler, values = pick_plugin("sampler", plugins(SAMPLERS), start.get("sampler", "given"), f"{key}-sampler")
        if sampler:
            found["sampler"] = shortest(sampler, values)
    with right:
        show(heading("Oracle", "who answers"))
        found |= _oracle("oracle", start, key)
    return found


def _known_file(datasets: Sequence[DatasetSummary], pool: str, key: str) -> str:
    """The path of an imported data set; "" for another file."""
    by_path = {found.path: found for found in reversed(datasets)}
    options = ["", *reversed(by_path)]
    if len(options) == 1:
        return ""
    at = options.index(pool) if pool in options else 0
    return st.selectbox(
        "imported data set",
        options,
        index=at,
        key=f"{key}-dataset",
        format_func=lambda path: _about(by_path[path]) if path else OTHER,
        help="Data sets that the store holds; their path is put into the field pool",
    )


def _about(found: DatasetSummary) -> str:
    folder = found.path.replace("\\", "/").split("/")[-2:-1]
    return f"{'/'.join([*folder, found.name])} · {count(found.prompts, 'prompt')} · {count(found.pairs, 'pair')}"


def _oracle(name: str, start: Mapping[str, Any], key: str, none: str = "") -> dict[str, Any]:
    begin = start.get(name) or ("" if none else "recorded")
    oracle, values = pick_plugin(name, plugins(ORACLES), begin, f"{key}-{name}", none=none)
    return {name: shortest(oracle, values)} if oracle else {}


def _strategies(start: Mapping[str, Any], key: str) -> dict[str, Any]:
    # What buys everything in one round is a control, and no strategy to race.
    known = {name: one for name, one in plugins(STRATEGIES).items() if not STRATEGIES.get(name).whole_pool}
    begin = _by_name(start.get("strategies") or ("random",))
    chosen = st.multiselect(
        "strategies",
        list(known),
        default=[name for name in begin if name in known],
        key=f"{key}-strategies",
        format_func=lambda name: known[name].heading(),
        help="Each runs once a seed. Random is the measure of all others",
    )
    found = []
    for name in chosen:
        with st.container(border=True):
            show(heading(known[name].heading()))
            found.append(shortest(known[name], plugin_form(known[name], begin.get(name, {}), f"{key}-{name}")))
    further = [dict(one) for one in start.get("strategies") or () if _again(one, begin) and one["name"] in chosen]
    for one in further:  # a form has one place for a strategy; what a file names besides is kept as it is
        own = ", ".join(f"{name} {value}" for name, value in one.items() if name != "name")
        title = known[one["name"]].heading()
        show(f"<small>{escaped(f'And {title} once more, as the file has it: {own}')}</small>")
    found += further
    panel = st.multiselect(
        "panel",
        SIGNALS.names(),
        default=[name for name in start.get("panel") or () if name in SIGNALS.names()],
        key=f"{key}-panel",
        format_func=lambda name: SIGNALS.get(name).heading(),
        help=_description("panel"),
    )
    controls = st.multiselect(
        "controls",
        list(get_args(Control)),
        default=[name for name in start.get("controls") or () if name in get_args(Control)],
        key=f"{key}-controls",
        format_func=plain,
        help=_description("controls"),
    )
    needed = {name for strategy in chosen for name in STRATEGIES.get(strategy).needs} | set(panel)
    out: dict[str, Any] = {"strategies": found}
    if signals := _signals(start, sorted(needed), key):
        out["signals"] = signals
    return out | ({"panel": panel} if panel else {}) | ({"controls": controls} if controls else {})


def _filters(start: Mapping[str, Any], key: str) -> dict[str, Any]:
    known, begin = plugins(FILTERS), _by_name(start.get("filters") or ())
    chosen = st.multiselect(
        "filters",
        list(known),
        default=[name for name in begin if name in known],
        key=f"{key}-filters",
        format_func=lambda name: known[name].heading(),
        help=_description("filters"),
    )
    found = []
    for name in chosen:
        with st.container(border=True):
            show(heading(known[name].heading()))
            found.append(shortest(known[name], plugin_form(known[name], begin.get(name, {}), f"{key}-filter-{name}")))
    return {"filters": found} if found else {}


def _tracker(start: Mapping[str, Any], key: str) -> dict[str, Any]:
    tracker, values = pick_plugin(
        "tracker", plugins(TRACKERS), start.get("tracker") or "", f"{key}-tracker", none="none: the store alone"
    )
    return {"tracker": shortest(tracker, values)} if tracker else {}


def _signals(start: Mapping[str, Any], needed: Sequence[str], key: str) -> list[Any]:
    """The signals that the chosen strategies need, with parameters that differ from their defaults."""
    begin, found = _by_name(start.get("signals") or ()), []
    for name in needed:
        signal = SIGNALS.get(name)
        if fields_of(signal):
            with st.expander(f"Signal: {signal.heading()}"):
                made = shortest(signal, plugin_form(signal, begin.get(name, {}), f"{key}-signal-{name}"))
            if not isinstance(made, str):
                found.append(made)
    return found


def _part(name: str, model: type[Any], start: Mapping[str, Any], key: str) -> dict[str, Any]:
    values = changed(model, model_form(model, start.get(name) or {}, f"{key}-{name}"))
    return {name: values} if values else {}


def _by_name(found: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """Name → parameters, of plugins written as names or as mappings."""
    named = [dict(one) if isinstance(one, Mapping) else {"name": one} for one in found]
    firsts = {str(one["name"]): one for one in reversed(named)}
    order = dict.fromkeys(str(one["name"]) for one in named)
    return {name: {k: v for k, v in firsts[name].items() if k != "name"} for name in order}


def _again(one: Any, first: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a plugin as it is written is another one of a name than the first."""
    return isinstance(one, Mapping) and {k: v for k, v in one.items() if k != "name"} != first[str(one["name"])]


def _first(model: type[Any]) -> str:
    """The first sentence of a docstring."""
    if issubclass(model, Plugin):
        return model.summary()
    return (model.__doc__ or "").strip().split("\n")[0]


def _description(name: str) -> str:
    return _of_field(StudyConfig, name)


def _of_field(model: type[Any], name: str) -> str:
    return title_of(model.model_fields[name].description or "")
