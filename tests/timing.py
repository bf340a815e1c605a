"""Prints how the time of `make test` is shared out, and names a failure at once. Loaded with `-p tests.timing`.

A first walk that failed, where another was made, is told like a failure: a race of the app shows first as such.
"""

import os
import sys
import time
from collections import Counter
from pathlib import PurePosixPath

import pytest

_STARTED = time.monotonic()
_SECONDS: Counter[str] = Counter()
_TESTS: Counter[str] = Counter()
_AGAIN: list[pytest.TestReport] = []


def part_of(node_id: str) -> str:
    """The part a test counts to: its folder below `tests`, two levels deep at most, or its file at the top."""
    *folders, name = PurePosixPath(node_id.split("::")[0]).parts[1:]
    return "/".join(folders[:2]) or name


def shares(seconds: Counter[str], tests: Counter[str], everything: float) -> list[str]:
    """One line a part, the longest first; what belongs to no test (imports, collection) is the last line."""
    rows = [(part, spent, tests[part]) for part, spent in seconds.most_common()]
    rows.append(("imports, collection", max(0.0, everything - sum(seconds.values())), 0))
    return [
        f"{spent:8.1f} s  {100 * spent / everything:5.1f} %  {f'{count:,} tests' if count else '':>12}  {part}"
        for part, spent, count in rows
    ]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Setup, call and teardown all count; a test counts once. What failed is named now: a run may be broken off."""
    again = report.outcome == "rerun"
    if (report.failed or again) and "PYTEST_XDIST_WORKER" not in os.environ:  # the workers' reports come here as well
        what = "FAILED, WALKED AGAIN" if again else "FAILED"
        print(f"\n{what} {report.nodeid} ({report.when})", file=sys.__stderr__, flush=True)
    if again:
        _AGAIN.append(report)
    part = part_of(report.nodeid)
    _SECONDS[part] += report.duration
    _TESTS[part] += report.when == "setup" and report.nodeid not in (one.nodeid for one in _AGAIN)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table stands before pytest's closing line."""
    lint = float(os.environ.get("LINT_SECONDS") or 0)
    if lint:
        _SECONDS["lint and types"] = lint
    everything = time.monotonic() - _STARTED + lint
    for report in _AGAIN:
        terminalreporter.section(f"failed first, then walked again: {report.nodeid} ({report.when})")
        terminalreporter.write_line(report.longreprtext)
        for title, words in report.sections:
            terminalreporter.write_line(f"--- {title} ---\n{words}")
    terminalreporter.section("where the time went")
    # Files that run at once take more seconds together than the clock does: shares are of all that was spent.
    for line in shares(_SECONDS, _TESTS, max(everything, sum(_SECONDS.values()))):
        terminalreporter.write_line(line)
    terminalreporter.write_line(f"{everything:8.1f} s  in all, by the clock")
