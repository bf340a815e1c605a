"""The device, its ceilings (G0), and the random models of known shapes that stand on it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from engine.models.policy import Policy
from engine.models.tokens import Encoded
from tests.bench import _models
from tests.bench._harness import Outcome, Way, race
from tests.bench._models import Lengths, Shape
from tests.conftest import move

SHAPES = ("0.5B", "1.5B", "8B")
_OF = {
    "0.5B": Shape(151_936, 896, 24, 14, 16, 2, 4_864, "qwen2", tied=True, name="0.5B"),
    "1.5B": Shape(151_936, 1_536, 28, 12, 16, 2, 8_960, "qwen2", tied=True, name="1.5B"),
    "8B": Shape(128_256, 4_096, 32, 32, 16, 8, 14_336, "llama", name="8B"),
}
_TINY = Shape(512, 32, 2, 4, 4, 2, 64, "qwen2", tied=True, name="tiny")
ULTRAFEEDBACK = Lengths(110, 260, 0.6)
"""Medians in tokens of prompt and response, near those of the data set of that name."""
PAIRS = {"0.5B": 256, "1.5B": 128, "8B": 48}


@dataclass(frozen=True)
class Machine:
    """A device; what a matrix product (FLOP/s) and a copy (bytes/s, read and written) reach on it today."""

    device: str
    tiny: bool
    flops: float
    bytes: float

    @property
    def dtype(self) -> str:
        return "float32" if self.tiny else "bfloat16"

    @property
    def torch_dtype(self) -> torch.dtype:
        return getattr(torch, self.dtype)

    def sentence(self) -> str:
        name = "CPU" if self.device == "cpu" else torch.cuda.get_device_name(self.device)
        return f"G0 {name}: {self.dtype} product {self.flops / 1e12:.3g} TFLOP/s, copy {self.bytes / 1e9:,.0f} GB/s"

    def share(self, flops: float, found: Outcome) -> str:
        """Of the product's ceiling."""
        return f"{100 * flops / found.median / self.flops:.1f} % of the product's ceiling"


@dataclass(frozen=True)
class Model:
    """A random model on the device with a moved adapter, its folder, and pairs as tokens (chosen, rejected in turn)."""

    name: str
    folder: Path
    policy: Policy
    pairs: int
    texts: list[Encoded]


def ceilings(device: str, *, tiny: bool) -> Machine:
    """G0: an 8192³ product and an 8 GB copy, the median of five each (tiny: 256³ and 8 MB)."""
    size, count = (256, 1 << 20) if tiny else (8_192, 1 << 30)
    kind = torch.float32 if tiny else torch.bfloat16
    left, right = (torch.randn(size, size, device=device, dtype=kind) for _ in range(2))
    source = torch.ones(count, device=device)
    target = torch.empty_like(source)
    product, copy = race(
        Way("product", lambda: left @ right, warm_up=3), Way("copy", lambda: target.copy_(source), warm_up=3)
    )
    return Machine(device, tiny, 2 * size**3 / product.median, 8 * count / copy.median)


@contextmanager
def opened(on: Machine, size: str) -> Iterator[Model]:
    """A model of that size (tiny if the machine says so), its files in memory if there is room."""
    shape = _TINY if on.tiny else _OF[size]
    count = 8 if on.tiny else PAIRS[size]
    lengths = Lengths(16, 24) if on.tiny else ULTRAFEEDBACK
    with tempfile.TemporaryDirectory(dir=_roomy()) as name:
        folder = _models.save_model(Path(name), shape, tokens=8_192, dtype=on.dtype, device=on.device)
        policy = move(_models.load(folder, shape, dtype=on.dtype, device=on.device), size=0.02)
        yield Model(str(shape), folder, policy, count, _models.encoded(policy, _models.pairs(count, lengths)))
    if on.device != "cpu":
        torch.cuda.empty_cache()


def _roomy() -> str | None:
    """Memory as a folder where it has 40 GB left: 16 GB are written and read again."""
    shared = "/dev/shm"
    return shared if os.path.isdir(shared) and shutil.disk_usage(shared).free > 40e9 else None
