"""The plugins that a store keeps: their rows, the classes that stand for them, and for workers the classes themselves.

Opening a store *describes* what it keeps: forms, help, configs and reports know every kept plugin, and none of its code
has run. A worker takes the code of what a run names, if its checksum fits and this user trusts it.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.dialects.sqlite import insert

from engine.config import RunConfig
from engine.errors import ConfigError, StoreError
from engine.findings import findings
from engine.plugins.described import described
from engine.plugins.imported import VERSION, imported
from engine.plugins.trust import trusted
from engine.registry import Plugin, Registry
from engine.store import schema as s
from engine.store.database import Store, now
from engine.strategies.base import STRATEGIES, Strategy

SCOPE = "plugins"
"""The revision that is raised when a plugin is saved."""
ROOMS: dict[str, tuple[Registry[Any], type[Plugin]]] = {STRATEGIES.room: (STRATEGIES, Strategy)}
"""Rooms whose plugins a store keeps: name → its registry and the class that all of the room extend."""
P = TypeVar("P", bound=Plugin)


@dataclass(frozen=True)
class Kept:
    """A version of a plugin as a store keeps it. `fields` is its parameters' JSON schema, `about` its other words."""

    room: str
    name: str
    sha256: str
    source: str
    fields: dict[str, Any]
    about: dict[str, Any]

    @property
    def version(self) -> str:
        """What configs name it by."""
        return self.sha256[:VERSION]

    @property
    def whole(self) -> bool:
        """Whether the source is the one that was saved."""
        return hashlib.sha256(self.source.encode()).hexdigest() == self.sha256

    def words(self) -> str:
        """ "strategy 'uneven', version 0123456789ab"."""
        return f"{ROOMS[self.room][0].kind} {self.name!r}, version {self.version}"


def keep(store: Store, kept: Kept) -> None:
    """Write a version; one that is there already is written anew, and is the newest from now on."""
    row = {"source": kept.source, "fields": kept.fields, "about": kept.about, "created": now()}
    key = {"room": kept.room, "name": kept.name, "sha256": kept.sha256}
    with store.write(SCOPE) as connection:
        statement = insert(s.plugins).values(**key, **row)
        connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=row))


def all_kept(store: Store) -> list[Kept]:
    """Every version of every plugin of a room that is known here, the one saved last at the end."""
    with store.read() as connection:
        rows = connection.execute(sa.select(s.plugins).order_by(s.plugins.c.created, s.plugins.c.sha256)).all()
    return [Kept(r.room, r.name, r.sha256, r.source, r.fields, r.about) for r in rows if r.room in ROOMS]


_shown: tuple[Path, int] | None = None
"""The store whose plugins the registries hold, and its revision then."""
_made: dict[str, type[Plugin]] = {}
"""Described classes by all that they are made of, so that they are the same classes while nothing changes."""
_saved_here: dict[tuple[str, str, str], type[Plugin]] = {}
"""What this process saved itself: its registries hold the class that runs."""
_imported: dict[tuple[str, str, str], type[Plugin]] = {}


def describe(store: Store) -> None:
    """Let the registries hold what this store keeps. Costs one query while nothing was saved; no kept code is run."""
    global _shown
    with store.read() as connection:
        query = sa.select(s.revisions.c.n).where(s.revisions.c.scope == SCOPE)
        at = (store.folder, int(connection.execute(query).scalar() or 0))
    if at == _shown:
        return
    found = all_kept(store)
    for room, (registry, base) in ROOMS.items():
        classes = [class_of(kept, base) for kept in found if kept.room == room]
        registry.keep([cls for cls in classes if isinstance(cls, type)])
    _shown = at


def here(cls: type[Plugin], kept: Kept) -> None:
    """This process saved the class: its own registries hold it as it runs."""
    global _shown
    _saved_here[kept.room, kept.name, kept.sha256] = cls
    _shown = None


def class_of(kept: Kept, base: type[Plugin]) -> type[Plugin] | str:
    """The class that stands for a row; why there can be none, if it was not written by this program."""
    key = (kept.room, kept.name, kept.sha256)
    if key in _saved_here:
        return _saved_here[key]
    made_of = json.dumps([*key, kept.fields, kept.about], sort_keys=True)
    try:
        if kept.about.get("name") != kept.name:
            return f"its row is called {kept.name!r}, and it itself {kept.about.get('name')!r}"
        if made_of not in _made:
            _made[made_of] = described(base, kept.about, kept.fields, kept.version)
    except (ValueError, TypeError, AttributeError) as error:
        return str(error)
    return _made[made_of]


def runnable(store: Store, plugin: P) -> P:
    """The plugin itself, or for one that the store keeps, its class imported from there with the same parameters.

    StoreError if its source is gone, was changed, or is not trusted by this user; ConfigError if it cannot be imported
    or refuses its parameters. Only workers ask.
    """
    if not plugin.version:
        return plugin
    room, (registry, base) = next((r, parts) for r, parts in ROOMS.items() if isinstance(plugin, parts[1]))
    found = [k for k in all_kept(store) if (k.room, k.name, k.version) == (room, plugin.name, plugin.version)]
    if not found:
        raise StoreError(
            f"The store keeps no {registry.kind} {plugin.name!r} of version {plugin.version}.",
            "Restore a backup, or clone the study with another.",
        )
    cls = _running(found[0], registry.kind, base)
    try:
        return cls(**plugin.model_dump())  # type: ignore[return-value]
    except ValidationError as error:
        wrong = findings(error, "its parameters")
        raise ConfigError(found[0].words().capitalize(), wrong, "Clone the study with others.") from error


def as_it_runs(store: Store, config: RunConfig) -> RunConfig:
    """The config of a run with its strategy `runnable`."""
    return config.model_copy(update={"strategy": runnable(store, config.strategy)})


def _running(kept: Kept, kind: str, base: type[Plugin]) -> type[Plugin]:
    if not kept.whole:
        raise StoreError(
            f"The kept source of {kept.words()} is not the one that was saved: its checksum differs.",
            "Save it again from where it was written, or restore a backup; then retry.",
        )
    if not trusted(kept.sha256):
        raise StoreError(
            f"The store brought {kept.words()} along, which is code, and nobody here has said that it may run.",
            f"Read it with `workbench strategy show {kept.name} --source`. If it may run on this machine, say "
            f"`workbench strategy trust {kept.name}`, then retry.",
        )
    key = (kept.room, kept.name, kept.sha256)
    if key not in _imported:
        _imported[key] = imported(kept.source, kind, kept.name, kept.sha256, base)
    return _imported[key]


def look_for(store: Store, plugins: Iterable[Plugin]) -> None:
    """ConfigError if a worker on this store would not find one of them: it lives in a notebook, or in another store."""
    there = {(kept.name, kept.version) for kept in all_kept(store)}
    wrong = []
    for plugin in plugins:
        kind = next(registry.kind for registry, base in ROOMS.values() if isinstance(plugin, base))
        version = plugin.spec().get("version", "")
        if version and (plugin.name, version) not in there:
            wrong.append(f"{kind} {plugin.name!r} of version {version} is not kept in this store")
        elif not version and not type(plugin).__module__.startswith("engine."):
            wrong.append(f"{kind} {plugin.name!r} is a class of a notebook or script, where no worker finds it")
    if wrong:
        raise ConfigError("The study", wrong, f"Say engine.save_plugin(THE_CLASS, store={str(store.folder)!r}) first.")
