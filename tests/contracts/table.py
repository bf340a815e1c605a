"""Prints the table methods × acceptance tests as Markdown, after running them: `python -m tests.contracts.table`."""

import contextlib
import importlib
import io
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from engine.strategies.base import STRATEGIES

FILES = ("test_acceptance.py", "test_acceptance_rounds.py")
TESTS = {
    "a": "SHARP, W-SHARP and −|Δ| rank alike",
    "b": "greedy in the dual = a loop over V⁻¹",
    "c": "at policy = reference: margin methods tie and the keyed draw picks, others do not tie",
    "d": "exchanging the responses changes no pick",
    "e": "permuting the pool permutes the picks only",
    "f": "other answers change no score, but for who learns from those bought",
    "g": "the projection keeps inner products within 0.05 at d = 8,192",
    "h": "a design never picks a pair and its copy; a ranking by norm does",
    "i": "adapter off = the SFT model loaded by itself",
    "j": "unit length per response cancels β and scale",
    "k": "padding and batch size change no pick",
    "l": "a run that is taken up again picks the same",
    "blind": "hidden labels and gold raise on touch, and nobody touches them",
}
GOOD, BAD, NONE = "✓", "✗", "·"
Outcomes = Mapping[tuple[str, str], bool]


class Watcher:
    """Collects (strategy, test) → whether all of it passed."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], bool] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = re.match(r"test_([a-z]+)_\w+\[(.+)\]$", report.nodeid.rpartition("::")[2])
        if name and (report.when == "call" or report.failed):
            strategy = next(part for part in name[2].split("-") if part in STRATEGIES.names())
            self.found[strategy, name[1]] = self.found.get((strategy, name[1]), True) and report.passed


def run(arguments: Sequence[str] = ()) -> tuple[dict[tuple[str, str], bool], int]:
    """Runs the acceptance tests; what was found, and pytest's exit code."""
    watcher, folder = Watcher(), Path(__file__).parent
    with contextlib.redirect_stdout(io.StringIO()):
        code = pytest.main(["-q", "-p", "no:cacheprovider", *arguments, *(str(folder / f) for f in FILES)], [watcher])
    return watcher.found, int(code)


def applies() -> set[tuple[str, str]]:
    """(strategy, test) of every acceptance test that there is, without running any."""
    found = set()
    for file in FILES:
        for name, check in vars(importlib.import_module(f"tests.contracts.{file.removesuffix('.py')}")).items():
            for mark in getattr(check, "pytestmark", ()) if name.startswith("test_") else ():
                if mark.name == "parametrize" and mark.args[0] == "strategy":
                    found |= {(strategy.name, name.split("_")[1]) for strategy in mark.args[1]}
    return found


def table(found: Outcomes) -> list[str]:
    """Markdown: a row a method, a column a test, and below it what the tests are."""
    lines = ["| method | " + " | ".join(TESTS) + " |", "|---|" + ":-:|" * len(TESTS)]
    for strategy in STRATEGIES:
        cells = [{True: GOOD, False: BAD, None: NONE}[found.get((strategy.name, test))] for test in TESTS]
        lines.append(f"| {strategy.heading()} (`{strategy.name}`) | " + " | ".join(cells) + " |")
    return [*lines, "", *(f"* **{test}**: {words}" for test, words in TESTS.items())]


if __name__ == "__main__":
    outcomes, code = run()
    print("\n".join(table(outcomes)))
    sys.exit(code)
