"""A class as plain data, and from that data a class that draws, checks and says everything, and runs nothing.

An app never executes what a store keeps: it meets a kept plugin as a *described* class, whose fields are made of the
kept JSON schema and whose words of the kept facts. Both may be anybody's, so they are looked at before they are used.
"""

import inspect
import re
from collections.abc import Mapping
from typing import Any, Literal, Union

from pydantic import Field, ValidationError, create_model

from engine.errors import ConfigError
from engine.findings import said
from engine.registry import Plugin
from engine.signals.base import SIGNALS

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
TITLE = re.compile(r"[\w][\w .,+()-]{0,39}")
"""What a title may be made of: it stands in charts and tables, where no sign of it may mean anything."""
RESERVED = ("name", "version")
"""Keys of a study file beside a plugin's parameters."""
_BOUNDS = {
    "minimum": "ge",
    "exclusiveMinimum": "gt",
    "maximum": "le",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
    "minLength": "min_length",
    "maxLength": "max_length",
    "minItems": "min_length",
    "maxItems": "max_length",
    "pattern": "pattern",
}
_SIMPLE: Mapping[str, Any] = {"boolean": bool, "integer": int, "number": float, "string": str, "null": type(None)}


def facts_of(cls: type[Plugin], base: type[Plugin]) -> dict[str, Any]:
    """What a class says of itself beside its fields, as JSON: its docstring, and what its room asks of a class."""
    said = {name: _plain(getattr(cls, name)) for name in _asked(base)}
    return {"doc": inspect.getdoc(cls) or "", **said}


def fields_of(cls: type[Plugin]) -> dict[str, Any]:
    """Field → its JSON schema."""
    return dict(cls.model_json_schema().get("properties", {}))


def described(base: type[Plugin], facts: Mapping[str, Any], fields: Mapping[str, Any], version: str) -> type[Plugin]:
    """A class of that room with these facts and fields. Whatever runs it raises ConfigError.

    ValueError with what cannot be shown or drawn as it is: a name, a title, a field of a kind that no form has.
    """
    name, title = str(facts.get("name", "")), str(facts.get("title", ""))
    if not NAME.fullmatch(name):
        raise ValueError(f"its name is {name!r}; a name is small letters, digits and _, at most 40")
    if title and not TITLE.fullmatch(title):
        raise ValueError(f"its title is {title!r}; a title is letters, digits, blanks and - + . , ( ), at most 40")
    if unknown := sorted(set(facts.get("needs", ())) - set(SIGNALS.names())):
        raise ValueError(f"it needs signal {unknown[0]!r}; there are {', '.join(SIGNALS.names())}")

    def refuse(self: Plugin, *given: Any, **named: Any) -> Any:
        raise ConfigError(
            f"Kept plugin {self.name!r}", ["its source is run by workers alone, not here"], "Start a worker."
        )

    asked = {word: _restored(getattr(base, word, ""), facts[word]) for word in _asked(base) if word in facts}
    refusing = dict.fromkeys(sorted(getattr(base, "__abstractmethods__", ())), refuse)
    own = {"__module__": __name__, "__doc__": str(facts.get("doc", ""))}
    kind: Any = type(base)
    parent = kind("Described", (base,), {**own, **asked, **refusing})
    made: dict[str, Any] = {field: _field(field, schema) for field, schema in fields.items()}
    build: Any = create_model
    cls: type[Plugin] = build("Described", __base__=parent, __module__=__name__, __doc__=own["__doc__"], **made)
    cls.version = version
    try:
        cls(**{name: field.default for name, field in cls.model_fields.items()})
    except ValidationError as error:
        wrong = error.errors()[0]
        raise ValueError(
            f"the default of parameter {wrong['loc'][0]!r} is none that it takes: {said(wrong)}"
        ) from error
    return cls


def runs_nothing(plugin: Plugin) -> bool:
    """Whether it is made of a description, so that only a worker can run it."""
    return type(plugin).__module__ == __name__


def _asked(base: type[Plugin]) -> list[str]:
    """The class variables that a room's base declares."""
    return sorted(base.__class_vars__ - {"model_config", "version"})


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def _restored(like: Any, value: Any) -> Any:
    """JSON as the type that the base's own value has."""
    kinds: tuple[Any, ...] = (bool, str, frozenset, tuple)
    kind = next((kind for kind in kinds if isinstance(like, kind)), dict)
    if isinstance(value, str) != (kind is str):
        raise ValueError(f"{value!r} stands where a {kind.__name__} is asked for")
    return kind(value)


def _field(name: str, schema: Mapping[str, Any]) -> tuple[Any, Any]:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or name in RESERVED:
        raise ValueError(f"a parameter cannot be called {name!r}")
    if "default" not in schema:
        raise ValueError(f"parameter {name!r} has no default")
    try:
        kind, bounds = _kind(schema)
    except KeyError as error:
        raise ValueError(
            f"parameter {name!r} is of a kind that no form has; take a number, a text, yes or no, a Literal, or a "
            "tuple of such"
        ) from error
    default = schema["default"]
    default = tuple(default) if isinstance(default, list) else default
    return kind, Field(default, description=schema.get("description"), **bounds)


def _kind(schema: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The annotation of a schema, and its bounds; KeyError for what is not one of these."""
    bounds = {_BOUNDS[key]: value for key, value in schema.items() if key in _BOUNDS}
    if "anyOf" in schema:
        parts = [_kind(part) for part in schema["anyOf"]]
        bounded = [bounds for _, bounds in parts if bounds]
        if len(bounded) > 1:
            raise KeyError("anyOf")
        return Union[tuple(kind for kind, _ in parts)], bounded[0] if bounded else {}  # noqa: UP007
    if "enum" in schema or "const" in schema:
        return Literal[tuple(schema["enum"] if "enum" in schema else [schema["const"]])], {}
    if schema.get("type") == "array":
        inside, of_items = _kind(schema["items"])
        if of_items:
            raise KeyError("items")
        return tuple[inside, ...], bounds  # type: ignore[valid-type]
    if schema.get("type") == "object":
        inside, of_items = _kind(schema["additionalProperties"])
        if of_items:
            raise KeyError("additionalProperties")
        return dict[str, inside], bounds  # type: ignore[valid-type]
    return _SIMPLE[schema["type"]], bounds
