"""`python -m tests.bench [NAME …]`: run the benchmarks, all or those named, and log them."""

import importlib
import pkgutil
import sys
from pathlib import Path

from tests.logbook import enter

HERE = Path(__file__).resolve().parent


def main(names: list[str]) -> int:
    found = sorted(module.name for module in pkgutil.iter_modules([str(HERE)]) if module.name != "__main__")
    unknown = sorted(set(names) - set(found))
    if unknown:
        print(f"No benchmark is called {', '.join(unknown)}. Known: {', '.join(found)}.", file=sys.stderr)
        return 2
    for name in names or found:
        lines = importlib.import_module(f"tests.bench.{name}").measure()
        enter(HERE / "LOG.md", name, [f"- {line}" for line in lines])
        print(f"{name}", *lines, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
