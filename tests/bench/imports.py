"""What does `import engine` cost, as a ratio to starting Python and to importing numpy?"""

import subprocess
import sys
import time


def measure() -> list[str]:
    bare, numpy, ours = (_seconds(code) for code in ("pass", "import numpy", "import engine"))
    whole = _seconds("import engine; engine.StudyConfig")
    return [
        f"import engine: {1000 * (ours - bare):.0f} ms beyond Python itself (numpy: {1000 * (numpy - bare):.0f} ms)",
        f"engine.StudyConfig, the first name used: {1000 * (whole - bare):.0f} ms",
    ]


def _seconds(code: str) -> float:
    """The best of five processes."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        times.append(time.perf_counter() - start)
    return min(times)
