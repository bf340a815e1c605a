"""Plugins: a room's `base.py` owns one `Registry`; a file in that room registers one class.

Discovery imports every module of the room in name order and lets errors through: a plugin that cannot be
imported is a bug, never a silently shorter list.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from engine.errors import UnknownName


class Plugin(BaseModel):
    """A frozen pydantic class: its fields are its parameters, its docstring is what the browser shows.

    `name` identifies it in configs, `title` on screen, `source` cites where it comes from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    title: ClassVar[str] = ""
    source: ClassVar[str] = ""

    @classmethod
    def summary(cls) -> str:
        """First sentence of the docstring."""
        return (inspect.getdoc(cls) or "").split("\n\n")[0].replace("\n", " ")

    @classmethod
    def heading(cls) -> str:
        """The name for screens."""
        return cls.title or cls.name

    def spec(self) -> dict[str, Any]:
        """All there is to rebuild it: {"name": …, parameter: value, …}, defaults included."""
        return {"name": self.name, **self.model_dump(mode="json")}


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

    def names(self) -> list[str]:
        """All names, sorted."""
        self.discover()
        return sorted(self._classes)

    def get(self, name: object) -> type[P]:
        """The class of that name; UnknownName with a suggestion if there is none."""
        self.discover()
        if not isinstance(name, str) or name not in self._classes:
            raise UnknownName(self.kind, name, self._classes)
        return self._classes[name]

    def build(self, value: Any) -> P:
        """An instance from an instance, a name, or {"name": …, parameters}."""
        if isinstance(value, Plugin):
            return value  # type: ignore[return-value]
        if isinstance(value, str):
            return self.get(value)()
        if isinstance(value, dict):
            return self.get(value.get("name"))(**{k: v for k, v in value.items() if k != "name"})
        raise ValueError(f"a {self.kind} is a name or a mapping with 'name', not {value!r}")

    def __iter__(self) -> Iterator[type[P]]:
        self.discover()
        return iter([self._classes[name] for name in sorted(self._classes)])


def builder(registry: Registry[Any]) -> Callable[[Any], Any]:
    """For pydantic's BeforeValidator: names and mappings become plugins."""
    return registry.build
