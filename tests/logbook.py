"""Dated entries in the LOG.md of benchmarks and proofs: what was asked, what came out, on which machine and commit."""

import os
import platform
import subprocess
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def enter(log: Path, title: str, lines: Sequence[str]) -> None:
    """Append an entry; the newest stands last."""
    head = f"## {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC · {title}"
    with log.open("a", encoding="utf-8") as file:
        file.write("\n".join(["", head, "", machine(), "", *lines, ""]))


def machine() -> str:
    """Processor, cores, threads, versions and commit, in one line."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "scipy"))
    threads = os.environ.get("OMP_NUM_THREADS") or "default"
    return (
        f"{_processor()}, {os.cpu_count()} cores, threads {threads}, Python {platform.python_version()}, {packages}, "
        f"commit {_commit()}"
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    return done.stdout.strip() or "unknown"
