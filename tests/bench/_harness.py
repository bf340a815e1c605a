"""A race of several ways to do one thing: in turns, warmed up, medians compared, agreement demanded, memory watched."""

import contextlib
import ctypes
import gc
import importlib.util
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

TURNS = 5
FAILED = "FAILED, the ways compared do not agree"
BUSY = os.environ.get("BENCH_CLOCK") == "cpu"
"""Set on a machine that others use: seconds are then those the process had of all its cores together."""
clock = time.process_time if BUSY else time.perf_counter
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Disagreement(AssertionError):
    """Two ways did not find the same: how fast one of them is does not matter then, and the benchmark fails."""


@dataclass(frozen=True)
class Way:
    """One way to do it. `prepare` is not timed, what it gives is handed to `work`; fewer `turns` for a slow peer."""

    name: str
    work: Callable[..., Any]
    prepare: Callable[[], Any] | None = None
    turns: int = TURNS
    warm_up: int = 1


@dataclass(frozen=True)
class Outcome:
    """Seconds of each turn, the result of the last, and by how many MB (10⁶ bytes) memory grew at most in the last."""

    name: str
    seconds: tuple[float, ...]
    peak_mb: float | None
    result: Any

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def race(*ways: Way, quick: bool = False) -> list[Outcome]:
    """Every way once, then every way once more, back and forth, so that a busy moment of the machine falls on all.

    Memory is looked at in a way's last turn only, because giving freed memory back before it costs time. `quick`: one
    turn each and no warm-up, to see that it runs and agrees.
    """
    turns = {way.name: 1 if quick else way.turns for way in ways}
    if not quick:
        for way in ways:
            for _ in range(way.warm_up):
                _once(way, watched=False)
    seconds: dict[str, list[float]] = {way.name: [] for way in ways}
    last: dict[str, tuple[float | None, Any]] = {}
    for turn in range(max(turns.values())):
        for way in ways if turn % 2 == 0 else reversed(ways):
            if turn < turns[way.name]:
                final = turn == turns[way.name] - 1
                spent, peak, result = _once(way, watched=final)
                seconds[way.name].append(spent)
                if final:
                    last[way.name] = peak, result
    return [Outcome(way.name, tuple(seconds[way.name]), *last[way.name]) for way in ways]


def row(
    number: str, what: str, slow: Outcome, fast: Outcome, limit: float | None, agreed: str, *, unit: str = "×"
) -> str:
    """One line: the ratio of medians, the limit, the seconds, the memory, and what was found equal."""
    ratio = slow.median / fast.median
    judged = "" if limit is None else f" (limit ≥ {limit:g} {unit}: {'reached' if ratio >= limit else 'NOT reached'})"
    return (
        f"{number} {what}: {ratio:.1f} {unit} {slow.name}{judged}; {_seconds(fast)} against {_seconds(slow)}; "
        f"peak memory {_mb(fast)} against {_mb(slow)}; {agreed}"
    )


def agree(what: str, error: float, most: float) -> str:
    """`error` is at most `most`, in words; Disagreement if it is not, or is not a number."""
    if not error <= most:
        raise Disagreement(f"{what}: {error:.2g}, at most {most:g} is allowed")
    return f"{what} {error:.1e} (≤ {most:g})"


def agree_at_least(what: str, found: float, least: float) -> str:
    """`found` is at least `least`, in words; Disagreement if it is not, or is not a number."""
    if not found >= least:
        raise Disagreement(f"{what}: {found:.4f}, at least {least:g} is demanded")
    return f"{what} {found:.4f} (≥ {least:g})"


def same(what: str, found: object, wanted: object) -> str:
    """Exactly equal, in words; Disagreement if not. For lists of picks: `picks.tolist()`."""
    if found != wanted:
        raise Disagreement(f"{what} differ: {str(found)[:120]} and {str(wanted)[:120]}")
    return f"the same {what}"


def failed(error: Disagreement, what: str = "") -> str:
    """The line of what did not agree, kept among those of what did."""
    return f"{FAILED}{f': {what}' if what else ''}: {error}"


def has_failed(lines: Sequence[str]) -> bool:
    """Whether a line is one of those."""
    return any(line.startswith(FAILED) for line in lines)


def is_there(package: str) -> bool:
    """Whether a peer can be imported."""
    return importlib.util.find_spec(package) is not None


def skipped(number: str, what: str, package: str) -> str:
    """The line of a row whose peer is missing."""
    return f"{number} {what}: skipped: {package} is not installed"


def setting(*packages: str, dtype: str, device: str = "cpu") -> str:
    """What a table of rows was measured with: dtype, device, threads, load and the peers' versions."""
    torch = sys.modules.get("torch")
    threads = f", {torch.get_num_threads()} threads" if torch is not None and device == "cpu" else ""
    known = ", ".join(f"{name} {_version(name)}" for name in packages)
    counted = "CPU seconds" if BUSY else "wall clock"
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    return f"{dtype} for all, {device}{threads}, {counted}, {load}; {known}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _once(way: Way, *, watched: bool) -> tuple[float, float | None, Any]:
    """(seconds, MB of growth if it was watched, result)."""
    given = () if way.prepare is None else (way.prepare(),)
    before = _memory_before() if watched else None
    _synchronise()
    start = clock()
    result = way.work(*given)
    _synchronise()
    spent = clock() - start
    return spent, None if before is None else (_memory_peak() - before) / 1e6, result


def _cuda() -> Any:
    """torch.cuda where it is in use, so that a benchmark in numpy does not import torch for its clock."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized() else None


def _synchronise() -> None:
    if (cuda := _cuda()) is not None:
        cuda.synchronize()


def _memory_before() -> float | None:
    """Bytes in use, with the high-water mark set back to them; None where the system keeps none that can be."""
    gc.collect()
    if (cuda := _cuda()) is not None:
        cuda.reset_peak_memory_stats()
        return float(cuda.memory_allocated())
    try:
        with contextlib.suppress(AttributeError):
            ctypes.CDLL("libc.so.6").malloc_trim(0)  # or what an earlier turn freed would hide what this one takes
        _RESET.write_text("5", encoding="ascii")
        return _status("VmRSS")
    except (OSError, ValueError):
        return None


def _memory_peak() -> float:
    cuda = _cuda()
    return float(cuda.max_memory_allocated()) if cuda is not None else _status("VmHWM")


def _status(field: str) -> float:
    """Bytes of one field of the process's status."""
    for line in _STATUS.read_text(encoding="utf-8").splitlines():
        if line.startswith(field + ":"):
            return 1024 * float(line.split()[1])
    raise ValueError(f"{_STATUS} has no {field}")


def _seconds(found: Outcome) -> str:
    return f"{_short(found.median)} (median of {len(found.seconds)})"


def _short(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def _mb(found: Outcome) -> str:
    return "not measured" if found.peak_mb is None else f"+{found.peak_mb:,.0f} MB"
