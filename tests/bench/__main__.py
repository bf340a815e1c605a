"""`python -m tests.bench [NAME …]`: run the benchmarks, all or those named, and log them."""

import importlib
import pkgutil
import sys
import time
from pathlib import Path

from tests.bench._harness import Disagreement
from tests.logbook import enter

HERE = Path(__file__).resolve().parent


def main(names: list[str]) -> int:
    found = sorted(module.name for module in pkgutil.iter_modules([str(HERE)]) if not module.name.startswith("_"))
    unknown = sorted(set(names) - set(found))
    if unknown:
        print(f"No benchmark is called {', '.join(unknown)}. Known: {', '.join(found)}.", file=sys.stderr)
        return 2
    failed = []
    for name in names or found:
        start = time.perf_counter()
        try:
            lines = importlib.import_module(f"tests.bench.{name}").measure()
        except Disagreement as error:  # logged like any result; the others still run
            lines = [f"FAILED, the ways compared do not agree: {error}"]
            failed.append(name)
        lines = [*lines, f"measured in {time.perf_counter() - start:.0f} s"]
        enter(HERE / "LOG.md", name, [f"- {line}" for line in lines])
        print(f"{name}", *lines, sep="\n  ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
