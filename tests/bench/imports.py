"""What does `import engine` cost beside starting Python and importing numpy?"""

import subprocess
import sys
import time

TURNS = 9
CODES = ("pass", "import numpy", "import engine", "import engine; engine.StudyConfig")


def measure() -> list[str]:
    """The fastest of nine processes each, taken in turn, so that a busy moment falls on all of them."""
    best = dict.fromkeys(CODES, float("inf"))
    for _ in range(TURNS):
        for code in CODES:
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            best[code] = min(best[code], time.perf_counter() - start)
    bare, numpy, ours, first = (1000 * best[code] for code in CODES)
    return [
        f"import engine: {ours - bare:.0f} ms beyond Python itself ({bare:.0f} ms); numpy alone {numpy - bare:.0f} ms",
        f"import engine and its first name, StudyConfig: {first - bare:.0f} ms",
    ]
