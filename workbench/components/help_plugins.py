"""Strategies, signals, samplers and oracles for the page Help, each from its own class: docstring, formula, source."""

import inspect
import re
from collections.abc import Iterable
from typing import Any

import streamlit as st
from pydantic import BaseModel

from engine.cost import Sizes, scoring
from engine.registry import Plugin, Registry
from engine.signals.base import GOLD, SIGNALS, Signal
from engine.strategies.base import Strategy
from workbench.components.markup import chip, escaped, foreign, heading, show, table
from workbench.forms import FieldForm, as_text, fields_of
from workbench.plugin_words import NOTHING_PUBLISHED, as_published, kept_words
from workbench.wording import count, listed

LONG = 60
"""Letters of a default that stands in a table as it is; a longer text is folded."""


def room(registry: Registry[Any], sentence: str) -> None:
    """Every plugin of a room. One that was registered a moment ago stands here too."""
    found = list(registry)
    things = {"strategy": "strategies"}.get(registry.kind, f"{registry.kind}s")
    show(heading(things.capitalize(), f"{len(found)}. {sentence}"))
    for plugin in found:
        with st.container(border=True):
            plugin_help(plugin)


def with_code(text: str) -> str:
    """The text escaped; what stands between backticks in it is set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped(text))


def plugin_help(plugin: type[Plugin]) -> None:
    """One plugin: what it does, its formula, what it takes and where it comes from."""
    control = getattr(plugin, "control", "")
    mark = chip(f"control: {control}") if control else ""
    title = f"<h2>{escaped(plugin.heading())}</h2><code>{escaped(plugin.name)}</code>{mark}"
    show(f'<div class="row">{title}</div>{paragraphs(plugin)}')
    formula = getattr(plugin, "formula", "")
    if formula and plugin.version:  # of a kept one it is anybody's text, and Streamlit reads formulas within markdown
        show(f"<code>{foreign(formula)}</code>")
    elif formula:
        st.latex(formula)
    facts = [
        ("kept", kept_words(plugin)),
        ("source", plugin.source),
        ("also called", "; ".join(plugin.aliases) or "no other name in use")
        if issubclass(plugin, Strategy)
        else ("", ""),
        ("cost", _text(plugin, "cost")),
        *_needs(plugin),
        *_about_signal(plugin),
        ("open points", _text(plugin, "open_points")),
    ]
    lines = "".join(f"<p><small>{escaped(name)}: </small>{with_code(value)}</p>" for name, value in facts if value)
    show(lines)
    if issubclass(plugin, Strategy):
        _preset(plugin)
    parameters(plugin)


def _preset(strategy: type[Strategy]) -> None:
    """A row a field of a study that a race as published takes from the method's paper."""
    rows = [[escaped(field), escaped(said)] for field, said in as_published(strategy)]
    if rows:
        show(table([("as published", False), ("what its paper has", False)], rows))
    else:
        show(f"<p><small>as published: </small>{escaped(NOTHING_PUBLISHED)}</p>")


def paragraphs(cls: type[BaseModel]) -> str:
    """A class's docstring as paragraphs of escaped text."""
    text = inspect.getdoc(cls) or ""
    return "".join(f'<p class="prose">{with_code(" ".join(part.split()))}</p>' for part in text.split("\n\n") if part)


def parameters(model: type[BaseModel]) -> None:
    """A row a parameter: name, default, what it takes, what it means."""
    forms = fields_of(model)
    if not forms:
        show("<small>It has no parameters.</small>")
        return
    rows = [
        [f"<code>{escaped(form.name)}</code>", _short(_default(form)), escaped(takes(form)), escaped(form.description)]
        for form in forms
    ]
    show(table([("parameter", False), ("default", False), ("takes", False), ("meaning", False)], rows))


def takes(form: FieldForm) -> str:
    """ "a number above 0", "one of: certain, uncertain", "yes or no"."""
    kinds = {
        "switch": "yes or no",
        "integer": "a whole number",
        "number": "a number",
        "text": "a text",
        "list": "a list",
        "mapping": "names and values",
        "yaml": "a value",
    }
    if form.kind == "choice":
        return f"one of: {form.bounds}"
    words = " ".join(filter(None, [kinds[form.kind], form.bounds]))
    return words + (f", or {' or '.join(form.choices)}" if form.choices else "")


def _default(form: FieldForm) -> str:
    if form.required:
        return "must be given"
    if form.kind == "switch":
        return "yes" if form.default else "no"
    return as_text(form, form.default) or "none"


def _short(default: str) -> str:
    """A default as markup; a text of many words is folded, or its column would leave the others no room."""
    if len(default) <= LONG:
        return escaped(default)
    words = count(len(default.split()), "word")
    return f'<details class="long"><summary>a text of {words}</summary>{escaped(default)}</details>'


def _needs(plugin: type[Plugin]) -> list[tuple[str, str]]:
    names: Iterable[str] = sorted(getattr(plugin, "needs", ()))
    known = SIGNALS.names()
    words = ", ".join(SIGNALS.get(name).heading() if name in known else name for name in names)
    return [("signals it needs", words)]


def _about_signal(plugin: type[Plugin]) -> list[tuple[str, str]]:
    if not hasattr(plugin, "axis"):
        return []
    facts = [("one value", f"per {plugin.axis}"), ("unit", _text(plugin, "unit") or "no unit")]
    return [*facts, ("cost", signal_cost(SIGNALS.build(plugin.name)))]


def signal_cost(signal: Signal) -> str:
    """What it takes with its usual parameters: "1 forward a response; one pass serves all signals of its kind"."""
    if signal.name == GOLD:
        return "no pass of the model: the oracle scores the texts, or the file has the scores"
    texts = Sizes(prompts=1, responses=1, pairs=1)
    work = scoring([signal], texts, trained=True)
    passes = {"forward": work.forwards - texts.responses, "backward": work.backwards}  # the reference reads each once
    one = "prompt" if signal.axis == "prompt" else "response"
    parts = [f"{count(round(n), thing)} a {one}" for thing, n in passes.items() if n]
    parts += [f"{count(round(work.generations), 'generation')} a prompt"] if work.generations else []
    shared = signal.reads is not None and not signal.reads.whole
    where = "; one pass serves all signals of its kind" if shared else ""
    learns = "; learns anew from the labels in every round" if signal.learns else ""
    return (listed(parts) if parts else "no pass of the model") + where + learns


def _text(plugin: type[Plugin], name: str) -> str:
    found = getattr(plugin, name, "")
    return found if isinstance(found, str) else ""
