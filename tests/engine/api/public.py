"""The public API as text, a line a name with its signature; `python -m tests.engine.api.public` writes it anew."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import engine

LIST = Path(__file__).with_name("public_api.txt")


def lines() -> Iterator[str]:
    """Every public name; of a class defined for notebooks its public methods and properties, too."""
    for name in engine.__all__:
        value = getattr(engine, name)
        if not inspect.isclass(value):
            yield re.sub(r" at 0x[0-9a-f]+", "", f"{name}{inspect.signature(value)}")
            continue
        yield f"class {name}"
        for member, found in sorted(vars(value).items()):
            if member.startswith("_") or name not in ("PreferenceData", "Study"):
                continue
            plain = inspect.unwrap(getattr(found, "__func__", found))
            kind = "property " if isinstance(found, property) else ""
            yield f"  {kind}{member}{inspect.signature(plain) if callable(plain) else ''}"


if __name__ == "__main__":
    LIST.write_text("".join(f"{line}\n" for line in lines()), encoding="utf-8")
