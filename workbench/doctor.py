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
EXTRAS = {
    "server": ("openai", "responses and judges from a server"),
    "umap": ("umap-learn", "UMAP on the page Map"),
    "mlflow": ("mlflow-skinny", "runs logged to MLflow"),
}
"""Extra of this program → the package that it brings, and what it is for."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "firefox")
SMALL_GIB = 4.0


def examine(store: Path) -> list[dict[str, Any]]:
    """One finding a line: what, found, state (good, warn, bad), and next_step, "" where nothing is to be done."""
    found = [_line("Python", platform.python_version(), sys.version_info >= (3, 11), "Take Python 3.11 or newer.")]
    found += [_package(name) for name in PACKAGES]
    found += [_extra(extra, package, use) for extra, (package, use) in EXTRAS.items()]
    found += _device()
    memory, disk = psutil.virtual_memory(), shutil.disk_usage(_existing(store))
    found.append(_line("processor", f"{os.cpu_count()} cores"))
    free = memory.available / 2**30
    told = f"{free:.1f} of {memory.total / 2**30:.1f} GiB free"
    found.append(
        _line("memory", told, free > SMALL_GIB, "The sample study takes 2.3 GiB; end what else uses it.", "warn")
    )
    room = disk.free / 2**30
    found.append(
        _line("disk", f"{room:.1f} GiB free for the store", room > 1, "Free some, or take --store DIR.", "warn")
    )
    return [*found, _store(store), _browser()]


def _line(what: str, found: str, good: bool = True, next_step: str = "", otherwise: str = "bad") -> dict[str, Any]:
    return {
        "what": what,
        "found": found,
        "state": "good" if good else otherwise,
        "next_step": "" if good else next_step,
    }


def _package(name: str) -> dict[str, Any]:
    try:
        return _line(name, version(name))
    except PackageNotFoundError:
        return _line(name, "not installed", False, "make run, or pip install -e .")


def _extra(extra: str, package: str, use: str) -> dict[str, Any]:
    what = f"extra {extra}"
    try:
        return _line(what, f"{package} {version(package)}: {use}")
    except PackageNotFoundError:
        step = f"If you want it: .venv/bin/pip install -e '.[{extra}]'"
        return _line(what, f"{package} is not installed: {use}", False, step, "warn")


def _device() -> list[dict[str, Any]]:
    """What `engine.models.capabilities` finds, in a process of its own."""
    command = [sys.executable, "-m", "engine.models.capabilities"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        found: list[dict[str, Any]] = json.loads(done.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        return [_line("device", "PyTorch did not answer within 300 s", False, "Look at the driver: nvidia-smi.")]
    except (ValueError, IndexError):
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return [_line("device", f"PyTorch does not start: {reason}", False, "Install it anew: rm -r .venv; make run.")]
    if hidden := _unused_gpu(found):
        found.append(hidden)
    return found


def _unused_gpu(found: list[dict[str, Any]]) -> dict[str, Any] | None:
    """A GPU that the driver lists and PyTorch does not take: often its build for CPUs."""
    if any(one["what"] == "GPU memory" for one in found) or shutil.which("nvidia-smi") is None:
        return None
    done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60, check=False)  # noqa: S607
    if done.returncode or "GPU" not in done.stdout:
        return None
    listed = done.stdout.strip().splitlines()[0].split(" (UUID")[0]
    step = "Take PyTorch's build for CUDA: rm -r .venv; ACCEPT_CUDA=1 make run."
    return _line("driver", f"it lists {listed}, which this PyTorch does not take", False, step, "warn")


def _store(store: Path) -> dict[str, Any]:
    if not (store / "workbench.db").exists():
        return _line("store", f"none yet in {store}")
    try:
        open_store(store, create=False)
    except EngineError as error:
        return _line("store", error.what, False, error.next_step)
    return _line("store", str(store))


def _browser() -> dict[str, Any]:
    """The app opens in any; the tests of pages take Chromium."""
    there = next((name for name in BROWSERS if shutil.which(name)), None)
    step = "Open the app's address from a machine that has one, through ssh -L 8501:localhost:8501 HOST."
    return _line("browser", there or "none on this machine", there is not None, step, "warn")


def _existing(path: Path) -> Path:
    return next(p for p in (path, *path.parents) if p.exists())
