"""Memory of the passes: "no memory left" as an error that says how far batches must be halved, and a stage's peak."""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.errors import OutOfMemory
from engine.models.policy import Policy
from engine.resume import Kind, ran_out

CLEAR, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
_ADVICE = "Lower model.context_tokens, or take a smaller model or a device with more memory."


@contextmanager
def within_memory(policy: Policy, kind: Kind, allowed: int, used: int, what: str, *, alone: bool) -> Iterator[None]:
    """OutOfMemory if a batch does not fit; `what` says in words what it held.

    A batch may take `allowed` (tokens, rows or pairs), this one takes `used`; `alone`: it cannot be made smaller.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch's own is a RuntimeError
        if not ran_out(error):
            raise
        # Halved until a batch of this size is cut: a batch that was not full is not tried again as it was.
        times = 0 if alone else max(1, (allowed // max(1, used)).bit_length())
        raise OutOfMemory(f"{policy.device} has no memory left for {what}.", _ADVICE, kind=kind, times=times) from error


def forget_peak(policy: Policy) -> None:
    """From here on `peak_bytes` counts anew, where the system lets a process forget."""
    if policy.device.type == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats(policy.device)
        return
    with suppress(OSError):  # then it stays the most of the process's whole life
        CLEAR.write_text("5", encoding="ascii")


def peak_bytes(policy: Policy) -> int:
    """The most held at once: on CUDA of the device's memory by tensors of this process, else of the machine's by it."""
    if policy.device.type == "cuda":
        import torch

        return int(torch.cuda.max_memory_allocated(policy.device))
    with suppress(OSError, ValueError, StopIteration):
        lines = STATUS.read_text(encoding="ascii", errors="replace").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
