"""The public API as text, a line a name with its signature; `python -m tests.engine.api.public` writes it anew."""

import inspect
import re
from collections.abc import Iterator
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import engine

LIST = Path(__file__).with_name("public_api.txt")


GIVEN = (
    "engine.api.exported.Exported", "engine.api.pairs.Pairs", "engine.api.pairs.ShownPair", "engine.api.scored.Scored",
    "engine.api.table.Table", "engine.data.read.Reading", "engine.plugins.save.Saved",
)  # fmt: skip
"""What the public functions give: nobody makes them, everybody reads them."""
TABLES = {
    "engine.api.words": ("RUNS", "CURVE", "LEVELS", "SCORES", "VERDICTS"),
    "engine.api.scored": ("PICKS", "AGREEMENT", "STRATEGIES_SAID"),
    "engine.api.exported": ("TICKS",),
}
"""Module → its legends: the columns of the public tables."""


def lines() -> Iterator[str]:
    """Every public name, with the fields, methods and properties of classes; what the functions give; the columns."""
    for name in engine.__all__:
        value = getattr(engine, name)
        if not inspect.isclass(value):
            yield f"{name}{_signature(value)}"
            continue
        yield f"class {name}{_signature(value) if '__init__' in vars(value) and not _fields(value) else ''}"
        yield from _members(value)
    for path in GIVEN:
        module, _, name = path.rpartition(".")
        yield f"given {name}"
        yield from _members(getattr(import_module(module), name))
    for module, legends in TABLES.items():
        for name in legends:
            yield f"table {name}: {', '.join(getattr(import_module(module), name))}"


def _members(cls: type[Any]) -> Iterator[str]:
    fields = _fields(cls)
    yield from (f"  field {field}" for field in fields)
    ours = [base for base in reversed(cls.__mro__) if base.__module__.startswith("engine.")]
    known = {member: found for base in ours for member, found in vars(base).items()}
    declared = dict.fromkeys(name for base in ours for name in vars(base).get("__annotations__", {}))
    yield from (f"  {name}" for name in declared if name not in (*fields, *known) and not name.startswith("_"))
    for member, found in sorted(known.items()):
        if member.startswith(("_", "model_")) or member in fields:
            continue
        plain = inspect.unwrap(getattr(found, "__func__", found))
        kind = "property " if isinstance(found, property | cached_property) else ""
        yield f"  {kind}{member}{_signature(plain) if callable(plain) else ''}"


def _fields(cls: type[Any]) -> list[str]:
    return list(getattr(cls, "__dataclass_fields__", None) or getattr(cls, "model_fields", ()))


def _signature(found: Any) -> str:
    return re.sub(r" at 0x[0-9a-f]+", "", str(inspect.signature(found)))


if __name__ == "__main__":
    LIST.write_text("".join(f"{line}\n" for line in lines()), encoding="utf-8")
