"""Sets up `.venv`: looks for what would go wrong, then installs the pinned versions. The Makefile runs it.

It runs before anything is installed, so it needs the standard library alone, and a Python too old for the workbench can
still read it as far as the sentence that says so.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "installed.json"
OLDEST = (3, 11)
CPU_BYTES, CUDA_BYTES = 3 * 2**30, 9 * 2**30


def main() -> int:
    """Install unless the last installation was of the same versions; 0, or 1 after a sentence on stderr."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="what `make test` needs as well")
    dev = parser.parse_args().dev
    if not python_is_new_enough(tuple(sys.version_info[:2])):
        return _stop(old_python(platform.python_version()))
    if installed(STAMP, wanted(ROOT), dev):
        return 0
    gpu = has_nvidia_gpu()
    free = shutil.disk_usage(ROOT).free
    needed = CUDA_BYTES if gpu else CPU_BYTES
    if free < needed and not _torch_is_there():
        return _stop(little_disk(free, needed))
    if not _make_venv():
        return _stop(no_venv("{}.{}".format(*sys.version_info[:2])))
    torch = os.environ.get("TORCH", "")
    if not (gpu or torch or os.environ.get("ACCEPT_CUDA") or _torch_is_there()):
        packages = cuda_packages(_dry_run("torch"))
        if packages:
            return _stop(cuda_unasked(packages))
    _say("Installing the pinned versions into .venv (once; minutes) …")
    if torch and _pip("install", "--no-deps", *torch_arguments(torch, _pin("torch"))):
        return _stop(f"pip could not install PyTorch from TORCH={torch}; its last lines above say why.")
    if _pip(
        "install", "--constraint", str(ROOT / "constraints.txt"), "--editable", f"{ROOT}[dev]" if dev else f"{ROOT}"
    ):
        return _stop("pip could not install everything; its last lines above say why. Nothing else was changed.")
    STAMP.write_text(json.dumps({"wanted": wanted(ROOT), "dev": dev}), encoding="utf-8")
    return 0


def python_is_new_enough(version: tuple[int, ...]) -> bool:
    """Whether the workbench runs on that (major, minor)."""
    return version >= OLDEST


def old_python(found: str) -> str:
    """What to do about an old Python."""
    oldest = ".".join(map(str, OLDEST))
    return f"This is Python {found}; the workbench needs {oldest} or newer. Name one: make run PYTHON=python{oldest}"


def little_disk(free: int, needed: int) -> str:
    """What to do about a full disk; both in bytes."""
    return (
        f"{free / 2**30:.1f} GiB are free here ({ROOT}); the installation needs about {needed / 2**30:.0f} GiB. "
        "Free some, or move the folder to a larger disk."
    )


def no_venv(version: str) -> str:
    """What to do where Debian's Python came without its venv part."""
    return (
        "This Python cannot make a virtual environment with pip in it (.venv). On Debian and Ubuntu its package is "
        f"missing: apt install python3-venv (or python{version}-venv). Then run the same command again."
    )


def cuda_unasked(packages: list[str]) -> str:
    """What to do before gigabytes of CUDA libraries arrive on a machine that cannot use them."""
    return (
        f"PyTorch would bring {len(packages)} CUDA packages of several GB ({', '.join(packages[:3])}, …), and this "
        "machine shows no NVIDIA GPU. Nothing was downloaded.\n"
        "To take the CPU build: on PyTorch's web page, under Get Started, choose Linux, Pip and CPU; it shows an index "
        "address. Then: make run TORCH=ADDRESS (a wheel file will do too: make run TORCH=torch.whl).\n"
        "To take the CUDA packages all the same: make run ACCEPT_CUDA=1"
    )


def cuda_packages(report: dict[str, Any]) -> list[str]:
    """The CUDA packages among those that pip's installation report names."""
    names = [str(item["metadata"]["name"]).lower() for item in report.get("install", [])]
    return sorted(name for name in names if name.startswith(("nvidia-", "cuda-")))


def torch_arguments(torch: str, pin: str) -> list[str]:
    """What pip is told for TORCH=…: a wheel as it is, else the address of an index to take the pinned version from."""
    return [torch] if torch.endswith(".whl") else ["--index-url", torch, pin]


def wanted(root: Path) -> str:
    """A hash of all that decides what is installed."""
    parts = [(root / name).read_text(encoding="utf-8") for name in ("constraints.txt", "pyproject.toml")]
    return hashlib.sha256("\x1f".join([*parts, platform.python_version(), str(root)]).encode()).hexdigest()


def installed(stamp: Path, wanted: str, dev: bool) -> bool:
    """Whether the last installation that ended well was of the same; one for `make test` serves `make run` too."""
    try:
        found = json.loads(stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(found.get("wanted") == wanted and found.get("dev") >= dev)


def has_nvidia_gpu() -> bool:
    """Whether the system shows an NVIDIA GPU or its driver."""
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def _make_venv() -> bool:
    """Whether `.venv` has a Python with pip, after making it if need be. A broken link to a Python is made anew."""
    python, pip = VENV / "bin" / "python", VENV / "bin" / "pip"
    if python.exists() and pip.exists():
        return True
    clear = [] if python.exists() else ["--clear"]
    done = subprocess.run(
        [sys.executable, "-m", "venv", *clear, str(VENV)], check=False, capture_output=True, text=True
    )
    return done.returncode == 0 and pip.exists()


def _torch_is_there() -> bool:
    version = _pin("torch").partition("==")[2]
    return any(VENV.glob(f"lib/python3*/site-packages/torch-{version}*.dist-info"))


def _pin(package: str) -> str:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith(f"{package}=="))


def _dry_run(package: str) -> dict[str, Any]:
    """Pip's report of what it would install. Where it can give none the installation itself will say why."""
    command = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--dry-run", "--quiet", "--report", "-"]
    command += ["--constraint", str(ROOT / "constraints.txt"), package]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 and done.stdout else {}
    return found


def _pip(*arguments: str) -> int:
    command = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", *arguments, "--quiet"]
    return subprocess.run(command, check=False).returncode


def _say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
    sys.stderr.flush()


def _stop(sentence: str) -> int:
    _say(sentence)
    return 1


if __name__ == "__main__":
    sys.exit(main())
