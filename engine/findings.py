"""What pydantic finds wrong, as sentences of the house: where, what is allowed, what was found."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

LONGEST = 80
"""Characters of a value that a sentence quotes at most."""
KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a text",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen_set": "a list",
    "dict": "a mapping of names to values",
    "mapping": "a mapping of names to values",
    "model": "a mapping of names to values",
    "model_attributes": "a mapping of names to values",
}
"""The first word of pydantic's error types that ask for a kind of value → what it is called here."""
LIMITS = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"),
}


class Refused(Protocol):
    """A `pydantic.ValidationError`, or what speaks like one: this room imports no pydantic."""

    def errors(self) -> Iterable[Any]:
        """An item a finding: type, loc, msg, input, ctx."""


def findings(error: Refused, whole: str = "the study") -> list[str]:
    """A sentence a finding: "dpo.beta: it must be above 0 (found -1)". `whole` is what a finding without a place is of.

    Where an item of a list was refused, pydantic counts it as absent: that the list is too short is then left out.
    """
    items = list(error.errors())
    places = [item["loc"] for item in items]
    found = []
    for item in items:
        if item["type"] == "too_short" and any(
            p[: len(item["loc"])] == item["loc"] for p in places if p != item["loc"]
        ):
            continue
        where = ".".join(str(part) for part in item["loc"]) or whole
        found.append(f"{where}: {said(item)}")
    return found


def said(item: Mapping[str, Any]) -> str:
    """One finding without its place; what has no sentence here keeps pydantic's own words."""
    kind, about = str(item["type"]), item.get("ctx") or {}
    if kind == "missing":
        return "it is missing"
    if kind == "value_error":
        return str(item["msg"]).removeprefix("Value error, ")
    if kind == "string_too_short" and item["input"] == "":
        return f"it is empty; {_wrong(kind, about)}"
    return f"{_wrong(kind, about) or item['msg']} (found {quoted(item['input'])})"


def quoted(value: Any) -> str:
    """The value as Python writes it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _wrong(kind: str, about: Mapping[str, Any]) -> str:
    """What is allowed; "" for a kind of finding that has no words here."""
    if kind in LIMITS:
        word, name = LIMITS[kind]
        limit = about[name]
        return f"it must be {word} {f'{limit:g}' if isinstance(limit, float) else limit}"
    if kind in ("string_too_short", "string_too_long"):
        return _long(kind, about, "character", "characters")
    if kind in ("too_short", "too_long"):
        return _long(kind, about, "entry", "entries")
    if kind in ("literal_error", "enum"):
        return f"it must be {about['expected']}"
    if kind == "extra_forbidden":
        return "there is no such key here"
    if kind == "finite_number":
        return "it must be a finite number"
    if kind == "int_from_float":
        return "it must be a whole number"
    first = next((name for name in KINDS if kind in (f"{name}_type", f"{name}_parsing")), "")
    return f"it must be {KINDS[first]}" if first else ""


def _long(kind: str, about: Mapping[str, Any], one: str, more: str) -> str:
    word, n = ("at most", about["max_length"]) if kind.endswith("long") else ("at least", about["min_length"])
    return f"it takes {word} {n:,} {one if n == 1 else more}"
