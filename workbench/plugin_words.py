"""What a plugin is beside its card, in words: kept by the store or not, and of a strategy the setting of its paper."""

from collections.abc import Mapping
from typing import Any

from engine.plugins.trust import version_trusted
from engine.registry import Plugin
from engine.strategies.base import Strategy
from workbench.wording import plain

NOTHING_PUBLISHED = "its source publishes no setting: the study's own, in any race"
NO_SHARE = ("label_share", None)
"""Stands beside a paper's number of labels only to say that no share does; no row of its own."""


def kept_words(plugin: type[Plugin]) -> str:
    """ "kept in this store, version 0123456789ab", and what to do where it is not trusted; "" for the program's own."""
    if not plugin.version:
        return ""
    words = f"kept in this store, version {plugin.version}"
    if version_trusted(plugin.version):
        return words
    return f"{words}; it came with the store and waits for your trust: workbench strategy trust {plugin.name}"


def as_published(strategy: type[Strategy]) -> list[tuple[str, str]]:
    """A row a field of a study that a race as published takes from the method's source: the field, and its value."""
    rows = _rows(strategy.published)
    for switch, own in strategy.published_with.items():
        rows += [(f"{field}, with {plain(switch)}", words) for field, words in _rows({**strategy.published, **own})
                 if (field, words) not in rows]  # fmt: skip
    return rows


def _rows(setting: Mapping[str, Any]) -> list[tuple[str, str]]:
    one_each = bool(setting.get("one_per_prompt"))
    found = []
    for name, value in setting.items():
        if name == "label_share" and value:
            found.append((plain(name), _share(value, one_each)))
        elif (name, value) != NO_SHARE and name != "one_per_prompt":
            found.append((plain(name), _said(name, value)))
    return found


def _share(value: float, one_each: bool) -> str:
    """ "1 pair in 16 of a round's pool"; "one pair of each prompt", "one pair of 1 prompt in 2"."""
    if not one_each:
        return f"1 pair in {1 / value:.6g} of a round's pool"
    return "one pair of each prompt" if value == 1 else f"one pair of 1 prompt in {1 / value:.6g}"


def _said(name: str, value: Any) -> str:
    """ "policy (responses 3)" of a plugin, "pool fixed, weights reset" of a mapping."""
    if isinstance(value, Mapping):
        own = ", ".join(f"{plain(str(key))} {_said(key, one)}" for key, one in value.items() if key != "name")
        named = str(value.get("name", ""))
        return f"{named} ({own})" if named and own else named or own
    if isinstance(value, list | tuple):
        return "; ".join(_said(name, one) for one in value)
    if value is None or isinstance(value, bool):
        return {None: "all", True: "yes", False: "no"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)
