"""Plugins: a room's `base.py` owns one `Registry`; a file in that room registers one class.

Discovery imports every module of the room in name order and lets errors through: a plugin that cannot be
imported is a bug, never a silently shorter list. What a store keeps stands beside them (`engine.plugins`).
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Generic, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, model_validator

from engine.errors import UnknownName


class Plugin(BaseModel):
    """A frozen pydantic class: its fields are its parameters, its docstring is what the browser shows.

    `name` identifies it in configs, `title` on screen, `source` cites where it comes from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    title: ClassVar[str] = ""
    source: ClassVar[str] = ""
    version: ClassVar[str] = ""
    """Of a plugin that a store keeps (`engine.plugins`): the first digits of its source's checksum; else empty."""

    @model_validator(mode="before")
    @classmethod
    def _words(cls, given: Any) -> Any:
        """YAML reads an off without quotes as False; of a field that takes the word it is meant."""
        if not isinstance(given, dict):
            return given
        takes_off = {name for name, field in cls.model_fields.items() if "off" in get_args(field.annotation)}
        return {name: "off" if value is False and name in takes_off else value for name, value in given.items()}

    @classmethod
    def summary(cls) -> str:
        """First sentence of the docstring."""
        return (inspect.getdoc(cls) or "").split("\n\n")[0].replace("\n", " ")

    @classmethod
    def heading(cls) -> str:
        """The name for screens."""
        return cls.title or cls.name

    def spec(self) -> dict[str, Any]:
        """All there is to rebuild it: {"name": …, parameter: value, …}, defaults included; "version" of a kept one."""
        version = {k: v for k, v in vars(type(self)).items() if k == "version"}  # not what a parent was kept as
        return {"name": self.name, **version, **self.model_dump(mode="json")}


def spec_of(plugin: Plugin) -> dict[str, Any]:
    """For pydantic's PlainSerializer."""
    return plugin.spec()


P = TypeVar("P", bound=Plugin)
C = TypeVar("C", bound=Plugin)


class Registry(Generic[P]):
    """The plugins of one room, by name."""

    def __init__(self, kind: str, room: str) -> None:
        self.kind = kind
        self.room = room
        self._classes: dict[str, type[P]] = {}
        self._kept: dict[str, dict[str, type[P]]] = {}  # name → version → class, the one saved last at the end
        self._discovered = False

    def register(self, cls: type[C]) -> type[C]:
        """Class decorator. The same module may register again (reload, notebook cell); another may not."""
        known = self._classes.get(cls.name)
        if known is not None and known.__module__ != cls.__module__:
            raise ValueError(f"{self.kind} {cls.name!r} is registered by {known.__module__} and by {cls.__module__}.")
        self._classes[cls.name] = cls  # type: ignore[assignment]
        return cls

    def discover(self) -> None:
        """Import every module of the room once."""
        if self._discovered:
            return
        package = importlib.import_module(self.room)
        for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
            if not module.name.startswith("_"):
                importlib.import_module(f"{self.room}.{module.name}")
        self._discovered = True

    def keep(self, classes: Iterable[type[P]]) -> None:
        """Take these as what the open store keeps, in the order they were saved, in the place of those before."""
        kept: dict[str, dict[str, type[P]]] = {}
        for cls in classes:
            kept.setdefault(cls.name, {})[cls.version] = cls
        self._kept = kept

    def own(self) -> list[str]:
        """The names that come with the program, sorted, without those that a store keeps."""
        self.discover()
        return sorted(self._classes)

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted({*self.own(), *self._kept})

    def get(self, name: object, version: object = None) -> type[P]:
        """The class of that name, of a kept one the newest version or that one; UnknownName if there is none."""
        self.discover()
        if not isinstance(name, str) or name not in self.names():
            raise UnknownName(self.kind, name, self.names())
        kept = self._kept.get(name, {})
        if version is None:
            return self._classes.get(name) or list(kept.values())[-1]
        if version not in kept:
            has = f"it keeps {', '.join(kept)}" if kept else "this one comes with the program"
            raise ValueError(f"the store keeps no {self.kind} {name!r} of version {version!r}; {has}")
        return kept[str(version)]

    def build(self, value: Any) -> P:
        """An instance from an instance, a name, or {"name": …, parameters}."""
        if isinstance(value, Plugin):
            return value  # type: ignore[return-value]
        if isinstance(value, str):
            return self.get(value)()
        if isinstance(value, dict):
            rest = {k: v for k, v in value.items() if k not in ("name", "version")}
            return self.get(value.get("name"), value.get("version"))(**rest)
        raise ValueError(f"a {self.kind} is a name or a mapping with 'name', not {value!r}")

    def __iter__(self) -> Iterator[type[P]]:
        return iter([self.get(name) for name in self.names()])
