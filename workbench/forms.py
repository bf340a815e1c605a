"""Forms from pydantic fields: what a field takes, its bounds and its words. There is no second list of parameters.

A plugin or a part of a study's config that gets a new field gets a new widget by it. Nothing here draws.
"""

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from engine.config import StudyConfig
from engine.errors import ConfigError
from engine.registry import Plugin, Registry
from workbench.wording import plain

Kind = Literal["switch", "integer", "number", "choice", "text", "list", "mapping", "yaml"]


@dataclass(frozen=True)
class FieldForm:
    """One parameter: what it takes, its default and bounds, and its description.

    `optional`: it may be left empty (None). `choices` of a list are words it takes in the place of one.
    """

    name: str
    kind: Kind
    default: Any
    description: str = ""
    low: float | None = None
    high: float | None = None
    above: bool = False
    below: bool = False
    choices: tuple[str, ...] = ()
    optional: bool = False
    required: bool = False

    @property
    def label(self) -> str:
        """The name as words."""
        return plain(self.name)

    @property
    def bounds(self) -> str:
        """ "from 1 to 64", "above 0", "" without bounds; for a choice its words."""
        if self.kind == "choice":
            return ", ".join(self.choices)
        low = "" if self.low is None else f"{'above' if self.above else 'from'} {self.low:g}"
        high = "" if self.high is None else f"{'below' if self.below else 'to'} {self.high:g}"
        return " ".join(filter(None, [low, high])) if low else high.replace("to ", "at most ", 1)


def fields_of(model: type[BaseModel]) -> list[FieldForm]:
    """The fields that a form can ask for: no nested settings, no plugins, nothing that has one possible value."""
    return [form for name, field in model.model_fields.items() if (form := _form(name, field)) is not None]


def _form(name: str, field: FieldInfo) -> FieldForm | None:
    parts = [part for part in _union(field.annotation) if part is not type(None)]
    optional = len(parts) < len(_union(field.annotation))
    kind, choices = _kind(parts)
    if kind is None or (kind == "choice" and len(choices) == 1):
        return None
    bounds = {key: getattr(m, key) for m in field.metadata for key in ("ge", "gt", "le", "lt") if hasattr(m, key)}
    return FieldForm(
        name=name,
        kind=kind,
        default=None if field.is_required() else field.get_default(call_default_factory=True),
        description=field.description or "",
        low=bounds.get("ge", bounds.get("gt")),
        high=bounds.get("le", bounds.get("lt")),
        above="gt" in bounds,
        below="lt" in bounds,
        choices=choices,
        optional=optional,
        required=field.is_required(),
    )


def _kind(parts: Sequence[Any]) -> tuple[Kind | None, tuple[str, ...]]:
    if any(isinstance(part, type) and issubclass(part, BaseModel) for part in parts):
        return None, ()
    words = tuple(str(word) for part in parts if get_origin(part) is Literal for word in get_args(part))
    others = [part for part in parts if get_origin(part) is not Literal]
    if not others:
        return "choice", words
    if len(others) == 1:
        simple: dict[Any, Kind] = {bool: "switch", int: "integer", float: "number", str: "text"}
        only, inside = others[0], get_args(others[0])
        if get_origin(only) is tuple:
            held = [part for part in inside if part is not Ellipsis]
            return ("list", words) if all(part in (int, float, str) for part in held) else (None, ())
        if get_origin(only) is dict and inside == (str, str):
            return "mapping", ()
        if only in simple and not words:
            return simple[only], ()
    return "yaml", ()


def _union(annotation: Any) -> tuple[Any, ...]:
    """The alternatives of an annotation, what pydantic hangs on them taken off."""
    if get_origin(annotation) is Annotated:
        return _union(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(part for one in get_args(annotation) for part in _union(one))
    return (annotation,)


# ---- values as text and back ----


def as_text(form: FieldForm, value: Any) -> str:
    """A value as it stands in a text field: "1, 2, 3", a line a mapping's entry, else the words themselves."""
    if value is None:
        return ""
    if form.kind == "list":
        return value if isinstance(value, str) else ", ".join(str(item) for item in value)
    if form.kind == "mapping":
        return "\n".join(f"{name}: {path}" for name, path in dict(value).items())
    if form.kind == "yaml":
        import yaml

        return str(yaml.safe_dump(value, default_flow_style=True)).removesuffix("...\n").strip()
    return str(value)


def from_text(form: FieldForm, text: str) -> Any:
    """The value a person typed; what cannot be read is left as it is, so that the check names it."""
    text = text.strip()
    if form.kind == "list":
        if text in form.choices:
            return text
        return [_number(word) for word in text.replace(",", " ").split()]
    if form.kind == "mapping":
        lines = [line for line in text.splitlines() if line.strip()]
        if any(":" not in line for line in lines):
            return text
        return {name.strip(): path.strip() for name, _, path in (line.partition(":") for line in lines)}
    if form.kind == "yaml":
        import yaml

        try:
            return yaml.safe_load(text) if text else None
        except yaml.YAMLError:
            return text
    return text or None if form.optional else text


def _number(word: str) -> Any:
    try:
        return int(word)
    except ValueError:
        return word


# ---- a study's config as the shortest mapping that says it ----


def changed(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that differ from their defaults, and all that have none."""
    forms = {form.name: form for form in fields_of(model)}
    return {
        name: value
        for name, value in values.items()
        if name not in forms or forms[name].required or not _same(value, forms[name].default)
    }


def shortest(plugin: type[Plugin], values: Mapping[str, Any]) -> str | dict[str, Any]:
    """A plugin as a study file names it: its name, or its name with the parameters that differ."""
    rest = changed(plugin, values)
    return {"name": plugin.name, **rest} if rest else plugin.name


def as_yaml(config: Mapping[str, Any]) -> str:
    """The study file."""
    import yaml

    return str(yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, default_flow_style=None, width=96))


def from_yaml(text: str) -> Any:
    """What a study file's text says; ConfigError if it is no YAML."""
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError("The file", [f"it is not YAML: {error}"], "Mend the line it names.") from error


def whole(config: StudyConfig) -> dict[str, Any]:
    """Every value of a config, defaults included, as plain mappings and lists."""
    return config.model_dump(mode="json")


def differences(before: StudyConfig, after: StudyConfig) -> list[str]:
    """ "dpo.beta: 1.0 → 0.5", a line a value that differs between two configs; a plugin more or less is one line."""
    old, new = _flat(before), _flat(after)
    gone = {name for name in old if name[-1] == PRESENT and name not in new}
    come = {name for name in new if name[-1] == PRESENT and name not in old}
    whole_plugins = {name[:-1] for name in gone | come}
    lines = [f"{'.'.join(name[:-1])}: {'added' if name in come else 'taken out'}" for name in [*come, *gone]]
    for name in [*new, *(name for name in old if name not in new)]:
        inside = any(name[: len(plugin)] == plugin for plugin in whole_plugins)
        if not inside and not _same(old.get(name), new.get(name)):
            lines.append(f"{'.'.join(name)}: {_word(old.get(name))} → {_word(new.get(name))}")
    return sorted(lines)


def set_words(before: StudyConfig, after: StudyConfig) -> list[str]:
    """What `workbench study clone --set` takes to make the one of the other: "dpo.beta=0.5", a list or plugin whole."""
    return list(_set_words({**whole(before), "name": f"{before.name}, again"}, whole(after), ""))


def _set_words(old: Any, new: Any, path: str) -> Iterator[str]:
    if old == new:
        return
    alike = isinstance(old, Mapping) and isinstance(new, Mapping) and set(old) == set(new)
    if alike and (not path or old.get("name") == new.get("name")) and not any("." in name for name in new):
        for name, value in new.items():
            yield from _set_words(old[name], value, f"{path}.{name}" if path else name)
    elif isinstance(old, list) and isinstance(new, list) and _names(old) == _names(new) != []:
        for place, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _set_words(before, after, f"{path}.{place}")
    else:
        yield f"{path}={_flow(new)}"


def _names(found: list[Any]) -> list[str]:
    """The names of a list of plugins; [] for any other list."""
    return [one["name"] for one in found] if all(isinstance(one, Mapping) and "name" in one for one in found) else []


def _flow(value: Any) -> str:
    """A value on one line of YAML."""
    import yaml

    text = str(yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6, sort_keys=False))
    return text.removesuffix("...\n").strip()


PRESENT = ""
"""The last part of a path that says that a plugin is there at all."""


def _flat(config: StudyConfig) -> dict[tuple[str, ...], Any]:
    """Path → value. A signal's parameter that is its default says nothing, so it is left out."""
    found = dict(_parts(whole(config), ()))
    for signal in config.signals:
        place = ("signals", signal.name)
        said = {form.name for form in fields_of(type(signal)) if not _same(getattr(signal, form.name), form.default)}
        found = {path: v for path, v in found.items() if path[:2] != place or path[2] in said}
    return found


def _parts(value: Mapping[str, Any], before: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, part in value.items():
        place = (*before, name)
        if isinstance(part, Mapping):
            yield from _parts(part, place)
        elif isinstance(part, list | tuple) and any(isinstance(item, Mapping) for item in part):
            for item in part:
                plugin = (*place, str(item["name"]))
                yield (*plugin, PRESENT), True
                yield from _parts({k: v for k, v in item.items() if k != "name"}, plugin)
        elif part not in ([], ()):
            yield place, part


def _word(value: Any) -> str:
    if value is None or value == "":
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _same(one: Any, other: Any) -> bool:
    listed = [list(value) if isinstance(value, tuple) else value for value in (one, other)]
    return bool(listed[0] == listed[1]) and isinstance(one, bool) == isinstance(other, bool)


def plugins(registry: Registry[Any]) -> dict[str, type[Plugin]]:
    """Name → class, in the order of their names."""
    return {cls.name: cls for cls in registry}
