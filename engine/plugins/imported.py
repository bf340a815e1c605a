"""A kept source as a class that runs: imported in a module of its own. Only workers and the one who saves do this."""

import functools
import linecache
import sys
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

from engine.errors import ConfigError, EngineError, SelectionError
from engine.registry import Plugin

VERSION = 12
"""Digits of a source's checksum that name its version."""


def imported(source: str, kind: str, name: str, sha256: str, base: type[Plugin]) -> type[Plugin]:
    """Run the source and take the class of that name from it; ConfigError if it cannot be run or has none.

    The source is code and can do anything that its user can: whoever calls this has looked at its checksum.
    """
    version = sha256[:VERSION]
    file, where = f"<kept {kind} {name} {version}>", f"The source of {kind} {name!r}"
    module = ModuleType(f"kept_{kind}_{name}_{version}", where)
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)  # traces show its lines
    sys.modules[module.__name__] = module  # where pydantic looks up annotations
    try:
        exec(compile(source, file, "exec"), vars(module))  # noqa: S102 - what this file is for; see its docstring
    except Exception as error:
        raise ConfigError(where, [f"it cannot be imported: {said(error)}"], "Mend it, then save it again.") from error
    for found in vars(module).values():
        if isinstance(found, type) and issubclass(found, base) and vars(found).get("name") == name:
            found.version = version
            for method in base.__abstractmethods__:
                setattr(found, method, _told(getattr(found, method), f"{kind.capitalize()} {name!r}"))
            return found
    raise ConfigError(where, [f"it holds no class with name = {name!r}"], "Save the class again.")


def said(error: BaseException) -> str:
    """ "ValueError: too few (line 12: `raise …`)", the line that of a kept source where one is in the trace."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith("<kept ")]
    where = f" (line {frames[-1].lineno}: `{frames[-1].line}`)" if frames else ""
    return f"{type(error).__name__}: {error}{where}"


def _told(method: Callable[..., Any], whose: str) -> Callable[..., Any]:
    """The method, whose faults are the plugin's and no fault of the program."""

    @functools.wraps(method)
    def called(*args: Any, **named: Any) -> Any:
        try:
            return method(*args, **named)
        except (EngineError, MemoryError):
            raise
        except Exception as error:
            raise SelectionError(
                f"{whose}, which the store keeps: its {method.__name__} raised {said(error)}.",
                "Mend it where it was written and save it again; a clone of the study takes the new version.",
            ) from error

    return called
