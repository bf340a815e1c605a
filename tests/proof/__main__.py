"""`python -m tests.proof [NAME …]`: run the proofs, all or those named, and log each as held or failed.

The tables of the calibrations, of the papers' claims and of the methods are kept in `output/`, the newest of each.
"""

import pkgutil
import subprocess
import sys
import time
from pathlib import Path

from tests.logbook import ROOT, enter

HERE = Path(__file__).resolve().parent


def main(names: list[str]) -> int:
    found = sorted(module.name for module in pkgutil.iter_modules([str(HERE)]) if not module.name.startswith("_"))
    unknown = sorted(set(names) - set(found))
    if unknown:
        print(f"No proof is called {', '.join(unknown)}. Known: {', '.join(found)}.", file=sys.stderr)
        return 2
    failed = 0
    for name in names or found:
        start = time.monotonic()
        print(f"{name} …", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", f"tests.proof.{name}"],
            cwd=ROOT, check=False, capture_output=True, text=True,
        )  # fmt: skip
        if name.startswith(("calibration", "claims", "injection", "methods_study")) and done.stdout:
            (HERE / "output" / f"{name}.txt").write_text(done.stdout, encoding="utf-8")
        word = "held" if done.returncode == 0 else f"FAILED with code {done.returncode}"
        said = done.stdout if done.returncode == 0 else done.stdout + done.stderr
        last = (said.strip().splitlines() or ["(no output)"])[-1]
        line = f"{word} in {time.monotonic() - start:,.0f} s: {last}"
        enter(HERE / "LOG.md", name, [line])
        print(f"  {line}", flush=True)
        failed += done.returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
