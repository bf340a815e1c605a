"""Starts workers as processes of their own, for the command line, the app and notebooks, and waits for them."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from engine.errors import EngineError

STDERR = 2
LAST_WORDS = 2000
"""Characters of a quiet worker's words that an error repeats."""


def devices() -> list[str]:
    """The device of each worker for runs: one a GPU, by its number if there are several.

    Without a GPU two that share the cores: small models gain more from a second run beside the first than from a
    second thread within it (tests/bench/LOG.md).
    """
    gpus = 0
    if program := shutil.which("nvidia-smi"):
        listed = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=30, check=False)
        gpus = sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
    if gpus > 1:
        return [f"cuda:{number}" for number in range(gpus)]
    return ["auto"] if gpus or (os.cpu_count() or 1) < 2 else ["auto", "auto"]


def still_waits(name: str) -> EngineError:
    """What is said where workers were to run that study to its end, and ended before they had begun it."""
    return EngineError(
        f"The workers ended, and study {name!r} still waits for one.",
        "They begin nothing on a disk that is nearly full: free some of it, then run the study again.",
    )


def environment(folder: Path) -> dict[str, str]:
    """What a process of ours finds in its environment: this one's, and which store."""
    return {**os.environ, "WORKBENCH_STORE": str(folder), "TOKENIZERS_PARALLELISM": "false"}


def start_device(
    folder: Path, device: str, among: int, *, until_idle: bool = False, words: IO[bytes] | None = None
) -> "subprocess.Popen[bytes]":
    """A worker for runs, one `among` so many that share the cores; its words go to `words` where that is given.

    A process and a session of its own: it imports torch, and a terminal's end is not its end.
    """
    command = [sys.executable, "-m", "workbench", "worker", "--store", str(folder), "--device", device]
    command += ["--until-idle"] if until_idle else []
    threads = str(max(1, (os.cpu_count() or 1) // among))
    known = {"OMP_NUM_THREADS": threads, **environment(folder)}
    # Standard output is the command's own that waits for it: with --json nothing else may stand there.
    out = words or (STDERR if until_idle else None)
    return subprocess.Popen(command, env=known, start_new_session=True, stdout=out, stderr=words)


def work(folder: Path, tell: Callable[[], None], *, most: int | None = None, quiet: bool = False) -> None:
    """Run workers, `most` of them at most, until nothing is left to do; `tell` is called every half second.

    EngineError if one ends with a fault; when `quiet` its words are kept from the screen and their end is told then.
    """
    there = devices()[:most]
    with tempfile.TemporaryFile() as heard:
        words = heard if quiet else None
        processes = [start_device(folder, name, len(there), until_idle=True, words=words) for name in there]
        try:
            while any(process.poll() is None for process in processes):
                tell()
                time.sleep(0.5)
            tell()
        finally:
            end_all(processes)
        codes = [process.returncode for process in processes if process.returncode]
        if codes:
            heard.seek(0)
            said = heard.read().decode(errors="replace")[-LAST_WORDS:].strip()
            raise EngineError(f"A worker ended with code {codes[0]}.", said or "Its last lines above say why.")


def end_all(processes: "Sequence[subprocess.Popen[bytes]]") -> None:
    """Ask all, wait, and after ten seconds make an end of those that are still there."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
    for process in processes:
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
