"""`python -m tests.bench [NAME …] [--pairs N] [--store FOLDER]`: runs the benchmarks, all or those named; logs them."""

import argparse
import importlib
import os
import pkgutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench._harness import Disagreement, failed, has_failed
from tests.logbook import enter

HERE = Path(__file__).resolve().parent


def main(names: list[str]) -> int:
    found = sorted(module.name for module in pkgutil.iter_modules([str(HERE)]) if not module.name.startswith("_"))
    unknown = sorted(set(names) - set(found))
    if unknown:
        print(f"No benchmark is called {', '.join(unknown)}. Known: {', '.join(found)}.", file=sys.stderr)
        return 2
    wrong = []
    for name in names or found:
        start = time.perf_counter()
        lines, agreed = measured(importlib.import_module(f"tests.bench.{name}").measure)
        if not agreed:
            wrong.append(name)
        lines = [*lines, f"measured in {time.perf_counter() - start:.0f} s"]
        enter(HERE / "LOG.md", name, [f"- {line}" for line in lines])
        print(f"{name}", *lines, sep="\n  ")
    return 1 if wrong else 0


def measured(measure: Callable[[], list[str]]) -> tuple[list[str], bool]:
    """The lines of a benchmark, and whether all that was compared agrees; what does not is logged like any result."""
    try:
        lines = measure()
    except Disagreement as error:  # the other benchmarks still run
        lines = [failed(error)]
    return lines, not has_failed(lines)


if __name__ == "__main__":
    asked = argparse.ArgumentParser(prog="python -m tests.bench")
    asked.add_argument("names", nargs="*")
    asked.add_argument("--pairs", type=int, help="pairs of the store that `pages` makes")
    asked.add_argument("--store", help="folder in which that store is made, or lies from the last time")
    found = asked.parse_args()
    if found.store:
        os.environ["BENCH_STORE"] = found.store
    if found.pairs:
        os.environ["BENCH_PAIRS"] = str(found.pairs)
    sys.exit(main(found.names))
