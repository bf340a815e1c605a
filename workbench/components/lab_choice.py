"""What a dry run is to compare: the pool, the model, the batch, and strategies with their parameters."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import streamlit as st
from pydantic import ValidationError

from engine.findings import findings
from engine.registry import Plugin
from engine.signals.base import Signal
from engine.strategies.base import Strategy
from workbench.components.markup import chip, escaped, foreign, show
from workbench.components.plugin_form import plugin_form
from workbench.lab_words import title_of

P = TypeVar("P", bound=Plugin)
MOST = 24
"""Strategies at once, as many as a dry run takes."""
OWN = "the study's pool"
SFT, HERE, NEXT = "SFT model", "as of this round", "after the last round"


@dataclass(frozen=True)
class Where:
    """Pool (`OWN` or a data set's name), model in words or as a folder, size of the batch (None: the run's own), and
    how many prompts.

    `adapter`: the folder of one that no run has trained, with the SFT model or a model by its folder; "" without.
    """

    pool: str
    model: str
    adapter: str
    k: int | None
    prompts: int | None


def where_row(pools: Sequence[str], models: Sequence[str], usual: Callable[[str], str]) -> Where:
    """The row of controls; without a model to choose from its folder is asked for. All of it stands in the link.

    `usual` says what a batch is, for the model that is chosen, where no number is given.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pool = st.selectbox("Pool", list(pools), key="pool", bind="query-params", width=260)
        if models:
            model = st.selectbox("Model", list(models), key="as", bind="query-params", width=190,
                                 help="Whose signals: the run looked at, before the picks of this round or after all "
                                 "its rounds so far, or the SFT model.")  # fmt: skip
        else:
            model = st.text_input("Model folder or hub id", key="model", bind="query-params", width=330,
                                  placeholder="models/my-sft-model").strip()  # fmt: skip
        adapter = ""
        if model == SFT or not models:
            adapter = st.text_input("Adapter", key="adapter", bind="query-params", placeholder="none", width=170,
                                    help="A PEFT folder: signals with that adapter on.").strip()  # fmt: skip
        size = st.number_input("Pairs in a batch", min_value=1, value=None, step=1, key="k", bind="query-params",
                               placeholder=usual(model), width=190,
                               help="Empty: what the run itself would buy in a round.")  # fmt: skip
        prompts = st.text_input("Prompts", key="prompts", bind="query-params", placeholder="all", width=90,
                                help="A seeded subset of so many prompts, to score less.").strip()  # fmt: skip
    known = prompts.replace(",", "").replace(" ", "")
    if prompts and not (known.isascii() and known.isdigit() and int(known)):
        show('<div class="note warn"><small>Prompts is a whole number above 0, or empty for all of them.</small></div>')
        known = ""
    return Where(pool, model, adapter, None if size is None else int(size), int(known) if known else None)


def strategy_row(
    chosen: Sequence[Strategy],
    known: Mapping[str, type[Strategy]],
    key: str,
    on_add: Callable[[str], None],
    on_remove: Callable[[int], None],
    on_double: Callable[[int], None],
    on_words: Callable[[Sequence[Strategy]], None],
    behind: Callable[[Sequence[Strategy]], None],
) -> list[Strategy]:
    """A button a strategy that opens its parameters, and one more to add; the strategies as they are set now.

    `key` changes when the choice was changed from elsewhere, so that no form keeps what it held before, and the list to
    add from is a new one: `on_add` is told its key. `on_words` is
    told what the forms say before the choice is drawn as words; `behind` draws what stands behind it in the row.
    """
    found = list(chosen)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="strategies"):
        for n, strategy in enumerate(chosen):
            with st.popover(f"{n + 1} · {plain_label(title_of(strategy))}"):
                found[n] = _form(strategy, f"{key}-{n}-{strategy.name}")
                with st.container(horizontal=True, gap="small"):
                    st.button("Compare with a copy", key=f"{key}-{n}-copy", icon=":material/content_copy:",
                              on_click=on_double, args=(n,), disabled=len(chosen) >= MOST)  # fmt: skip
                    st.button("Remove", key=f"{key}-{n}-gone", icon=":material/close:", on_click=on_remove, args=(n,))
        st.selectbox("Add a strategy", list(known), index=None, key=f"{key}-add", on_change=on_add,
                     args=(f"{key}-add",), width=200,
                     label_visibility="collapsed", placeholder="Add a strategy", disabled=len(chosen) >= MOST,
                     format_func=lambda name: known[name].heading())  # fmt: skip
        on_words(found)
        with st.popover("In words", icon=":material/edit:"):
            st.text_input("Strategies", key="with", bind="query-params", width=460,
                          help="Names, each with its parameters, apart by ;")  # fmt: skip
        behind(found)
    return found


def signal_row(signals: Sequence[Signal], key: str, on_words: Callable[[Sequence[Signal]], None]) -> list[Signal]:
    """A button that opens the parameters of the signals; the signals as they are set now."""
    found = list(signals)
    with st.popover("Signals", icon=":material/tune:", disabled=not any(type(x).model_fields for x in signals)):
        show("<small>Another setting is another signal: it has to be scored.</small>")
        for n, signal in enumerate(signals):
            if type(signal).model_fields:
                show(f"<h2>{escaped(signal.heading())}</h2>")
                found[n] = _form(signal, f"{key}-{signal.name}")
        on_words(found)
        st.text_input("In words", key="signals", bind="query-params", placeholder="as the study has them",
                      help="Names, each with its parameters, apart by ;")  # fmt: skip
    return found


def plain_label(title: str) -> str:
    """A label that Streamlit reads as markdown: signs that would mean something there are taken for what they are."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()#+-.!$:~<>|" else sign for sign in title)


def mistakes(wrong: Sequence[str]) -> None:
    """Parts of a link that say nothing."""
    if wrong:
        lines = "".join(f"<li>{foreign(sentence)}</li>" for sentence in wrong)
        show(f'<div class="note warn"><small>Not everything in the link can be read.</small><ul>{lines}</ul></div>')


def _form(plugin: P, key: str) -> P:
    """The plugin as its form says; what the form may not hold is said, and the plugin stays as it was."""
    control = getattr(plugin, "control", "")
    if control:
        show(chip(f"control: {control}"))
    values = plugin_form(type(plugin), plugin.model_dump(mode="json"), key, columns=2)
    try:
        return type(plugin)(**values)
    except ValidationError as error:
        show(f'<div class="note warn"><small>{escaped("; ".join(findings(error)))}</small></div>')
        return plugin
