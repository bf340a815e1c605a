"""What both sample models are made by: one thread, a folder with its numbers, and a check against what is recorded."""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from sample_data import checksums

NUMBERS = "training.json"


def one_thread() -> None:
    """Sums in one order, so that a machine makes the same weights again; on a shared one it is faster than two."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """A Hugging Face folder that everybody may read."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for path in folder.iterdir():
        path.chmod(0o644)


def note(numbers: dict[str, float], folder: Path) -> dict[str, float]:
    """The numbers of the model card, beside the weights and on screen."""
    (folder / NUMBERS).write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    for name, value in numbers.items():
        print(f"{name}: {value}")
    return numbers


@dataclass(frozen=True)
class Script:
    """One script: its module, what it says of itself, the folder it writes, and what makes a model there.

    A rebuilt model agrees with the recorded one where `figure` of its numbers is at most `tolerance` away: weights may
    differ in their last bits between machines. `relative`: as a share of the recorded figure.
    """

    module: str
    about: str | None
    out: Path
    make: Callable[[Path], dict[str, float]]
    figure: str
    tolerance: float
    relative: bool

    def main(self, arguments: list[str] | None = None) -> int:
        """Train or check; the exit status."""
        parser = argparse.ArgumentParser(prog=f"python -m {self.module}", description=self.about)
        parser.add_argument("--check", action="store_true", help="retrain elsewhere and compare, write nothing")
        parser.add_argument("--out", type=Path, default=self.out, help="folder to write the model to")
        options = parser.parse_args(arguments)
        if options.check:
            return self.check()
        self.make(options.out)
        if options.out.resolve() == self.out.resolve():
            checksums.write()
        return 0

    def check(self) -> int:
        """Make it once more in a temporary folder; 0 if it agrees."""
        recorded = json.loads((self.out / NUMBERS).read_text(encoding="utf-8"))[self.figure]
        with tempfile.TemporaryDirectory() as folder:
            found = self.make(Path(folder))[self.figure]
        apart = abs(found - recorded) / (recorded if self.relative else 1.0)
        held = apart <= self.tolerance
        print(
            f"{self.figure} of the rebuilt model, {found:g}, {'agrees with' if held else 'is too far from'} the "
            f"recorded {recorded:g}: {apart:.2%} apart, {self.tolerance:.0%} allowed."
        )
        return 0 if held else 1

    def run(self) -> None:
        """As a program."""
        sys.exit(self.main())
