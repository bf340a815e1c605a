"""`engine.save_plugin`: a class of a notebook or a script, checked and kept in a store, for studies and for the app.

What is kept is text and data: the source with all that it uses, its checksum, the schema of its parameters, its words.
Workers import it; the app draws and describes it from the rest.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import ConfigError
from engine.plugins import trial
from engine.plugins.described import described, facts_of, fields_of
from engine.plugins.imported import VERSION, imported
from engine.plugins.source import source_of
from engine.plugins.trust import trust
from engine.registry import Plugin, Registry
from engine.store.database import Store, open_store, usual_folder
from engine.store.plugins import ROOMS, Kept, describe, here, keep

NOTHING = "Nothing was saved."


@dataclass(frozen=True)
class Saved:
    """What was saved: a study names it by `name`, and its runs keep the `version`, the checksum's first digits."""

    name: str
    version: str
    store: Path


def save_plugin(cls: type[Plugin], store: Store | Path | str | None = None) -> Saved:
    """Keep a strategy in a store, by default $WORKBENCH_STORE, else .store; from then on studies and the app know it.

    It is tried on small made pools first, as the text that workers will import: ConfigError with all that is wrong.
    Saved again with other lines it is a new version; studies that name the old one keep it. What is saved here this
    user's workers run; whoever gets the store must look at it and trust it first.
    """
    room, registry, base = _room_of(cls)
    name = _name_of(cls, registry)
    source = source_of(cls)
    sha256 = hashlib.sha256(source.encode()).hexdigest()
    made = imported(source, registry.kind, name, sha256, base)
    kept = Kept(room, name, sha256, source, fields_of(made), facts_of(made, base))
    wrong = _not_drawn(kept, base) or trial.findings(made())  # type: ignore[arg-type]
    if wrong:
        raise ConfigError(f"{registry.kind.capitalize()} {name!r}", wrong, NOTHING)
    where = store if isinstance(store, Store) else open_store(usual_folder(store))
    keep(where, kept)
    trust(sha256, room, name)
    cls.version = sha256[:VERSION]
    here(made, kept)
    describe(where)
    return Saved(name, cls.version, where.folder)


def _room_of(cls: Any) -> tuple[str, Registry[Any], type[Plugin]]:
    for room, (registry, base) in ROOMS.items():
        if isinstance(cls, type) and issubclass(cls, base) and cls is not base:
            return room, registry, base
    bases = " or ".join(base.__name__ for _, base in ROOMS.values())
    raise ConfigError(repr(cls), [f"it is not a class that extends {bases}"], f"{NOTHING} Other plugins are files.")


def _name_of(cls: type[Plugin], registry: Registry[Any]) -> str:
    """Its name; ConfigError if it has none of its own, or one that comes with the program."""
    name = vars(cls).get("name")
    if not isinstance(name, str):
        raise ConfigError(f"Class {cls.__name__}", ['it has no name of its own: name = "…"'], NOTHING)
    if name in registry.own():
        home = registry.get(name).__module__
        if home.startswith(registry.room) or home != cls.__module__:
            what = f"{registry.kind} {name!r} comes with the program; a study would not know which one is meant"
            raise ConfigError(f"Class {cls.__name__}", [what], f"{NOTHING} Take another name.")
    return name


def _not_drawn(kept: Kept, base: type[Plugin]) -> list[str]:
    """What would be lost where the class is only described: all that a form and a config know must come from data."""
    try:
        shown = described(base, kept.about, kept.fields, kept.version)
    except ValueError as error:
        return [str(error)]
    again = fields_of(shown)
    lost = [f"parameter {name!r} has a bound or a kind that no form has" for name in kept.fields
            if again.get(name) != kept.fields[name]]  # fmt: skip
    return lost + (
        [] if facts_of(shown, base) == kept.about else ["what it says of itself is no plain text and number"]
    )
