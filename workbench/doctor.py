"""What this machine can do, looked at without importing torch here: that happens in a process of its own."""

import json
import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from engine.errors import EngineError
from engine.store.database import open_store

PACKAGES = ("torch", "transformers", "peft", "datasets", "sentence-transformers", "streamlit", "plotly", "pandas")
_PROBE = "import json, torch\nfrom engine.models.device import describe_device\nprint(json.dumps(describe_device()))\n"


def examine(store: Path) -> list[dict[str, Any]]:
    """One finding a line: what, found, state (good, warn, bad)."""
    found = [_finding("Python", platform.python_version(), sys.version_info >= (3, 11))]
    for name in PACKAGES:
        try:
            found.append(_finding(name, version(name), True))
        except PackageNotFoundError:
            found.append(_finding(name, "not installed; run `make run` or `pip install -e .`", False))
    found.append(_device())
    memory, disk = psutil.virtual_memory(), shutil.disk_usage(_existing(store))
    found.append(_finding("processor", f"{os.cpu_count()} cores", True))
    found.append(_finding("memory", f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free", True))
    free = disk.free / 2**30
    found.append(_finding("disk", f"{free:.1f} GiB free for the store", free > 1, "warn"))
    found.append(_store(store))
    browser = next((b for b in ("chromium", "chromium-browser", "google-chrome") if shutil.which(b)), None)
    found.append(_finding("browser for tests", browser or "no Chromium: browser tests skip", bool(browser), "warn"))
    return found


def _finding(what: str, found: str, good: bool, otherwise: str = "bad") -> dict[str, Any]:
    return {"what": what, "found": found, "state": "good" if good else otherwise}


def _device() -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return _finding("device", f"PyTorch does not start: {reason}", False)
    return _finding("device", " ".join(json.loads(done.stdout.strip().splitlines()[-1])), True)


def _store(store: Path) -> dict[str, Any]:
    if not (store / "workbench.db").exists():
        return _finding("store", f"none yet in {store}", True)
    try:
        open_store(store, create=False)
    except EngineError as error:
        return _finding("store", str(error), False)
    return _finding("store", str(store), True)


def _existing(path: Path) -> Path:
    return next(p for p in (path, *path.parents) if p.exists())
