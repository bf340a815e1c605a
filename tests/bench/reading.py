"""How fast are pairs read into the store and proved, in how much memory, and how does that grow with their number?

Each file is made in a scratch folder and read by a process of its own, so that its peak is its own. `python -m
tests.bench.reading --rows 1000000` takes other numbers of rows (commas between several). A row is a prompt of some 300
characters and two responses of some 800.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from engine.seeds import rng_for
from tests.bench._harness import agree

ROWS = (50_000, 200_000)
PROVED = 50_000
"""Rows of the largest file that is proved as well."""
MOST_MIB = 2048
FASTEST = 10_000
WORDS = [
    f"{a}{b}{c}" for a in ("wa", "co", "ti", "lu", "se") for b in ("sh", "ldi", "ren", "mo") for c in ("ng", "t", "ly")
]
CHILD = """
import json, resource, sys, time
from pathlib import Path
path, store, way = sys.argv[1:]
from engine.data.proof.prove import prove
from engine.data.take_in import take_in
from engine.store.database import open_store
began = time.perf_counter()
if way == "store":
    rows = take_in(open_store(Path(store)), path).report.rows
else:
    rows = prove(path, near=way == "near").report.rows
wall = time.perf_counter() - began
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps([rows, wall, *[u.ru_utime + u.ru_stime for u in used], sum(u.ru_maxrss for u in used) / 1024]))
"""


def measure(sizes: tuple[int, ...] = ROWS) -> list[str]:
    """A line for each size and way, then how memory grows from the smallest to the largest."""
    lines, peaks = [], []
    for rows in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "pairs.jsonl"
            write(path, rows)
            size = path.stat().st_size
            said = f"{rows:,} rows of {size / rows / 1000:.1f} kB ({size / 1e6:,.0f} MB)"
            ways = {"store": "into the store"}
            if rows <= PROVED:
                ways |= {"proof": "proved, without near-duplicates", "near": "proved, with near-duplicates (MinHash)"}
            for way, word in ways.items():
                speed, peak, line = timed(path, folder, way, rows)
                if way == "store":
                    peaks.append(peak)
                    word += f" ({FASTEST:,} rows/s: {'reached' if speed >= FASTEST else 'NOT reached here and now'})"
                lines.append(f"{said} {word}: {line}")
    if len(sizes) > 1:
        grown = (peaks[-1] - peaks[0]) / (sizes[-1] - sizes[0])
        lines.append(
            f"peak memory grows by {grown * 1024 * 1024:,.0f} bytes a row from {sizes[0]:,} to {sizes[-1]:,} rows, the "
            "writer's page cache included, which fills to 256 MiB and stays there"
        )
    lines.append(agree("peak memory in MiB", max(peaks), MOST_MIB))
    return lines


def timed(path: Path, folder: str, way: str, rows: int) -> tuple[float, float, str]:
    """Rows a second, MiB at most of both processes together, and all of it in words."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(path), f"{folder}/store", way], check=True, capture_output=True, text=True
    )
    read, wall, own, ahead, peak = json.loads(done.stdout)
    assert read == rows
    used = f"{1e6 * (own + ahead) / rows:.0f} µs of CPU a row"
    if ahead:
        used += f" ({1e6 * own / rows:.0f} + {1e6 * ahead / rows:.0f} in two processes)"
    return rows / wall, peak, f"{rows / wall:,.0f} rows/s, {wall:.0f} s, {used}, peak {peak:,.0f} MiB"


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
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", default=",".join(map(str, ROWS)), help="numbers of rows, commas between them")
    print(*measure(tuple(int(word) for word in parser.parse_args().rows.split(","))), sep="\n")
