"""A class as text that runs elsewhere: its own lines, and above them the imports and definitions that it uses.

A notebook has no file to take along, and its imports may stand in another cell. So what the class uses is found by the
names in its lines, and each becomes a line: an import, a plain value, or the definition of a function or class of the
same place. What cannot be written down so is refused by its name.
"""

import ast
import builtins
import linecache
import site
import symtable
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from engine.errors import ConfigError

PLAIN = (bool, int, float, complex, str, bytes, type(None), tuple, list, set, dict)
MAIN = "__main__"
Definition = type | FunctionType


def source_of(cls: type) -> str:
    """The text of a module that defines the class; ConfigError with what cannot be taken along, each by name."""
    parts = _Parts()
    parts.define(cls)
    if parts.wrong:
        raise ConfigError(f"Class {cls.__name__}", parts.wrong, "Put what it needs into the class, then save it again.")
    imports = sorted(parts.imports, key=lambda line: (not line.startswith("from __future__"), line))
    return "\n\n\n".join(filter(None, ["\n".join([*imports, *parts.values]), *parts.definitions])) + "\n"


class _Found(NamedTuple):
    """A definition's own lines, without decorators, and what must be said of it."""

    lines: str
    decorators: list[str]
    future: bool


class _Parts:
    """What a class needs, gathered name by name: imports, plain values, definitions in the order of their use."""

    def __init__(self) -> None:
        self.imports: set[str] = set()
        self.values: list[str] = []
        self.definitions: list[str] = []
        self.wrong: list[str] = []
        self._met: dict[str, Any] = {}

    def define(self, thing: Definition) -> None:
        """The lines of a class or function, behind those of all that it uses."""
        self._met[thing.__name__] = thing
        found = _found(thing)
        if found is None:
            self.wrong.append(
                f"the source of {thing.__name__} cannot be had; write it in a cell with a method of its own"
            )
            return
        if lost := [name for name in found.decorators if not name.endswith(".register")]:
            self.wrong.append(f"{thing.__name__} is decorated by {lost[0]}, which would be lost")
        if found.future:
            self.imports.add("from __future__ import annotations")
        around = vars(sys.modules[thing.__module__])
        for name in _used(found.lines):
            if name in around and name not in self._met:
                self._met[name] = around[name]
                self._take(name, around[name])
            elif name in around and self._met[name] is not around[name]:
                self.wrong.append(f"it uses two things that are called {name!r}")
        self.definitions.append(found.lines)

    def _take(self, name: str, value: Any) -> None:
        if type(value) in PLAIN and _reads_back(value):
            self.values.append(f"{name} = {value!r}")
        elif isinstance(value, ModuleType) and _travels(value.__name__):
            self.imports.add(f"import {value.__name__}" + ("" if name == value.__name__ else f" as {name}"))
        elif isinstance(value, ModuleType):
            self.wrong.append(f"it uses {value.__name__!r}, a file of yours that a worker may not find")
        elif isinstance(value, Definition) and not _travels(value.__module__) and value.__name__ == name:
            self.define(value)
        elif line := _import_of(name, value):
            self.imports.add(line)
        else:
            kind = type(value).__name__
            self.wrong.append(f"it uses {name!r} ({kind}), which is no import, function, class or plain value")


def _found(thing: Definition) -> _Found | None:
    """The definition among the lines that Python keeps for traces, of a file or of a cell; None if not there."""
    for file, line in _places(thing):
        lines = linecache.getlines(file)
        tree = ast.parse("".join(lines))
        future = any(isinstance(n, ast.ImportFrom) and n.module == "__future__" for n in tree.body)
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == thing.__name__:
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                last = node.end_lineno or node.lineno
                if line is None or first <= line <= last:
                    own = textwrap.dedent("".join(lines[node.lineno - 1 : last])).rstrip()
                    return _Found(own, [ast.unparse(decorator) for decorator in node.decorator_list], future)
    return None


def _places(thing: Definition) -> Iterator[tuple[str, int | None]]:
    """Where a definition stands: file and a line of it, as a function or a class's methods know; or a class's file."""
    for value in [thing] if isinstance(thing, FunctionType) else vars(thing).values():
        found = getattr(value, "__func__", value)
        if isinstance(found, FunctionType) and found.__module__ == thing.__module__:
            yield found.__code__.co_filename, found.__code__.co_firstlineno
    if file := getattr(sys.modules[thing.__module__], "__file__", None):
        yield file, None


def _used(lines: str) -> list[str]:
    """The names that the lines take from around them; builtins are none of them."""

    def inside(table: symtable.SymbolTable) -> Iterator[str]:
        for symbol in table.get_symbols():
            if symbol.is_referenced() and symbol.is_global():
                yield symbol.get_name()
        for child in table.get_children():
            yield from inside(child)

    return sorted(set(inside(symtable.symtable(lines, "source", "exec"))) - set(vars(builtins)))


def _travels(module: str) -> bool:
    """Whether a worker has the module too: Python's own, an installed package, or this program."""
    top = module.partition(".")[0]
    if top in (MAIN, "engine", "workbench") or top in sys.stdlib_module_names:
        return top != MAIN
    file = getattr(sys.modules.get(module), "__file__", None)
    installed = [*site.getsitepackages(), site.getusersitepackages()]
    return file is not None and any(Path(file).is_relative_to(folder) for folder in installed)


def _import_of(name: str, value: Any) -> str | None:
    """A line that brings that very value under that name, from where it says it comes, else from where it is set."""
    told, called = getattr(value, "__module__", None), getattr(value, "__name__", name)
    ours = sorted(module for module in sys.modules if module.partition(".")[0] == "engine")
    for module in [told, *sorted(ours, key=lambda module: not _sets(module, name))]:
        for there in (called, name):
            if isinstance(module, str) and _travels(module) and vars(sys.modules[module]).get(there) is value:
                return f"from {module} import {there}" + ("" if there == name else f" as {name}")
    return None


def _sets(module: str, name: str) -> bool:
    """Whether the module's own lines give the name its value, and do not only import it."""
    lines = linecache.getlines(getattr(sys.modules[module], "__file__", None) or "")
    return any(line.startswith((f"{name} =", f"{name}:")) for line in lines)


def _reads_back(value: Any) -> bool:
    """Whether its text is the value: nothing but plain values within."""
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError):
        return False
