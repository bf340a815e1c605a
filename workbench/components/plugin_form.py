"""A form a set of parameters: a widget a pydantic field, with its description and bounds."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from pydantic import BaseModel

from engine.registry import Plugin
from workbench.components.markup import escaped, foreign, show
from workbench.forms import FieldForm, as_text, fields_of, from_text
from workbench.plugin_words import kept_words
from workbench.wording import plain

COLUMNS = 3


def model_form(
    model: type[BaseModel], start: Mapping[str, Any], key: str, *, without: Sequence[str] = (), columns: int = COLUMNS
) -> dict[str, Any]:
    """Every field of the model but `without`, beginning with the values of `start`; what they hold now."""
    draw = _foreign_field if issubclass(model, Plugin) and model.version else field
    forms = [form for form in fields_of(model) if form.name not in without]
    values: dict[str, Any] = {}
    short = [form for form in forms if form.kind != "mapping"]
    for first in range(0, len(short), columns):
        for place, form in zip(st.columns(columns, gap="small"), short[first : first + columns], strict=False):
            with place:
                values[form.name] = draw(form, start.get(form.name, form.default), f"{key}-{form.name}")
    for form in forms:
        if form.kind == "mapping":
            values[form.name] = draw(form, start.get(form.name, form.default), f"{key}-{form.name}")
    return {form.name: values[form.name] for form in forms}


def field(form: FieldForm, value: Any, key: str) -> Any:
    """One widget, with its description in its help, and what it holds."""
    return _widget(form, value, {"key": key, "help": _said(form) or None})


def _foreign_field(form: FieldForm, value: Any, key: str) -> Any:
    """The same for words that came with a store: help is read as markdown, so they stand below as text."""
    held = _widget(form, value, {"key": key})
    show(f"<small>{foreign(_said(form))}</small>")
    return held


def _said(form: FieldForm) -> str:
    return ". ".join(filter(None, [form.description[:1].upper() + form.description[1:], form.bounds.capitalize()]))


def _widget(form: FieldForm, value: Any, shared: dict[str, Any]) -> Any:
    label = form.label
    if form.kind == "switch":
        return st.checkbox(label, value=bool(value), **shared)
    if form.kind == "choice":
        options = [*(["default"] if form.optional else []), *form.choices]
        at = options.index(value) if value in options else 0
        chosen = st.selectbox(label, options, index=at, **shared)
        return None if form.optional and chosen == "default" else chosen
    if form.kind in ("integer", "number"):
        return _number(form, value, label, shared)
    text = as_text(form, value)
    if form.kind == "mapping":
        typed = st.text_area(f"{label}, a line each: name: path", value=text, height=84, **shared)
    elif "\n" in text or "\n" in str(form.default):  # one line would lose the others
        typed = st.text_area(label, value=text, height=160, **shared)
    else:
        typed = st.text_input(label, value=text, placeholder="default" if form.optional else None, **shared)
    return from_text(form, typed or "")


def _number(form: FieldForm, value: Any, label: str, shared: dict[str, Any]) -> Any:
    kind = int if form.kind == "integer" else float
    low, high = (None if bound is None else kind(bound) for bound in (form.low, form.high))
    begin = None if value is None else kind(value)
    empty = "default" if form.optional else None
    if kind is int:
        return st.number_input(label, value=begin, min_value=low, max_value=high, step=1, placeholder=empty, **shared)
    step = 10.0 ** (math.floor(math.log10(abs(begin or 1))) - 1)  # its second digit moves
    return st.number_input(
        label, value=begin, min_value=low, max_value=high, step=step, format="%g", placeholder=empty, **shared
    )


def plugin_form(plugin: type[Plugin], start: Mapping[str, Any], key: str, *, columns: int = COLUMNS) -> dict[str, Any]:
    """What the plugin is in a sentence, where it comes from, and a form for its parameters."""
    kept = f"<br><small>{escaped(kept_words(plugin))}</small>" if plugin.version else ""
    show(f"<p>{foreign(plugin.summary())}</p><small>{foreign(plugin.source)}</small>{kept}")
    if not fields_of(plugin):
        show("<small>It has no parameters.</small>")
    return model_form(plugin, start, key, columns=columns)


def pick_plugin(
    label: str, known: Mapping[str, type[Plugin]], start: Any, key: str, *, none: str = ""
) -> tuple[type[Plugin] | None, dict[str, Any]]:
    """One plugin of a room with its form; `none` is what stands for no plugin, where there may be none."""
    begin = dict(start) if isinstance(start, Mapping) else {"name": start}
    options = [*([""] if none else []), *known]
    at = options.index(begin["name"]) if begin.get("name") in options else 0
    chosen = st.selectbox(
        label, options, index=at, key=key, format_func=lambda name: known[name].heading() if name else none
    )
    if not chosen:
        return None, {}
    same = chosen == begin.get("name")
    return known[chosen], plugin_form(known[chosen], begin if same else {}, f"{key}-{chosen}", columns=2)


def title_of(name: str) -> str:
    """A part's name as a heading."""
    words = plain(name)
    return words[:1].upper() + words[1:]
