"""20,000 files that went wrong, one after the other: each is read, refused row by row, or gets a sentence. Minutes.

An argument is another number of files. Every seventh is imported: unless all of it is taken, the store holds what it
held. The process may hold no more than MOST MiB on top of what it began with, and no file may ask for ROOM bytes at
once; a longer wait than SLOW_S is a hang.
"""

import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from engine.data import containers
from engine.seeds import rng_for
from engine.store.database import open_store
from tests.engine.data.mutants import KINDS, MUTATIONS, mutant
from tests.engine.data.test_mutants import outcome, untouched

FILES = 20_000
MOST = 512
ROOM = 4 * 1024**3
SLOW_S = 60


def main() -> str:
    """What was seen, for the log."""
    files = int(sys.argv[1]) if len(sys.argv) > 1 else FILES
    containers.MAX_LINE = 200_000
    address_space = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (address_space + ROOM, resource.RLIM_INFINITY))
    begun = peak()
    began, rng = time.monotonic(), rng_for(20, None, "mutants")
    seen: Counter[str] = Counter()
    by_kind: Counter[str] = Counter()
    stored: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        store = open_store(folder / "store")
        for n in range(files):
            path, kind, done = mutant(n, rng, folder)
            signal.alarm(SLOW_S)
            try:
                found = outcome(path)
                if n % 7 == 0:
                    stored[untouched(store, path)] += 1
            except BaseException:
                print(f"file {n}: {kind}, {done}", file=sys.stderr)
                raise
            signal.alarm(0)
            seen[found] += 1
            by_kind[f"{kind}: {found}"] += 1
    for line in sorted(by_kind):
        print(f"{by_kind[line]:>7,} {line}")
    outcomes = ", ".join(f"{n:,} {what}" for what, n in seen.most_common())
    imports = ", ".join(f"{n:,} {what}" for what, n in stored.most_common())
    if peak() - begun > MOST:
        sys.exit(f"Memory grew by {peak() - begun:,} MiB; {MOST} are allowed.")
    return (
        f"{files:,} files ({len(KINDS)} kinds, {len(MUTATIONS)} mutations) in {time.monotonic() - began:.0f} s: "
        f"{outcomes}; no trace, no hang, {peak():,} MiB at most; of {stored.total():,} imports: {imports}"
    )


def peak() -> int:
    """MiB that the process held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    print(main())
