"""Is a million pairs read into the store within 2 GiB of memory, and how fast?

Each file is made and read by a process of its own, so that its peak is its own. `python -m tests.bench.reading 20000
60000` takes other numbers of rows. A row is a prompt of some 300 characters and two responses of some 800.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from engine.seeds import rng_for
from tests.bench._harness import agree

ROWS = (100_000, 300_000, 1_000_000)
MOST_MIB = 2048
FASTEST = 10_000
WORDS = [
    f"{a}{b}{c}" for a in ("wa", "co", "ti", "lu", "se") for b in ("sh", "ldi", "ren", "mo") for c in ("ng", "t", "ly")
]
CHILD = """
import resource, sys, time
from pathlib import Path
from engine.data.take_in import take_in
from engine.store.database import open_store
began, used = time.perf_counter(), time.process_time()
taken = take_in(open_store(Path(sys.argv[2])), sys.argv[1])
print(taken.report.rows, time.perf_counter() - began, time.process_time() - used,
      resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def measure(sizes: tuple[int, ...] = ROWS) -> list[str]:
    """A line for each size, then how memory grows from the smallest to the largest."""
    lines, peaks = [], []
    for rows in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "pairs.jsonl"
            write(path, rows)
            done = subprocess.run(
                [sys.executable, "-c", CHILD, str(path), f"{folder}/store"], check=True, capture_output=True, text=True
            )
            read, seconds, used, peak = (float(word) for word in done.stdout.split())
            assert read == rows
            peaks.append(peak)
            word = "reached" if rows / seconds >= FASTEST else "NOT reached on this machine now"
            size = path.stat().st_size
            lines.append(
                f"{rows:,} rows of {size / rows / 1000:.1f} kB ({size / 1e6:,.0f} MB) into the store: "
                f"{rows / seconds:,.0f} rows/s ({FASTEST:,}: {word}), {seconds:.0f} s, {used:.0f} s of CPU, "
                f"peak {peak:,.0f} MiB"
            )
    grown = (peaks[-1] - peaks[0]) / max(1, sizes[-1] - sizes[0])
    lines.append(f"memory grows by {grown * 1024 * 1024:,.0f} bytes a row")
    lines.append(agree("peak memory in MiB", peaks[-1], MOST_MIB))
    return lines


def write(path: Path, rows: int) -> None:
    """JSONL with an explicit prompt; every text is another one."""
    rng = rng_for(0, None, "bench reading")
    texts = [" ".join(WORDS[n] for n in rng.integers(len(WORDS), size=150)) for _ in range(1000)]
    with path.open("w", encoding="utf-8") as file:
        for n in range(rows):
            one, other = texts[n % 1000], texts[(7 * n + 1) % 1000]
            row = {"prompt": f"{n} {one[:290]}", "chosen": f"{one[:790]} {n}", "rejected": f"{n} {other[:790]}"}
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    print(*measure(tuple(int(word) for word in sys.argv[1:]) or ROWS), sep="\n")
