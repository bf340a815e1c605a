"""Refused rows by kind: identical pairs, empty replies, prompts that differ between the sides."""

import re
from collections.abc import Sequence

from engine.data.proof.finding import Finding, Rows
from engine.data.read import Report

KINDS = (
    ("identical", "identical pairs", re.compile("identical"), "chosen and rejected say the same: there is no pair"),
    ("empty", "empty replies", re.compile("empty (last |)(reply|response)"), "a response has no text"),
    ("prompts_differ", "prompts that differ", re.compile("prompt differs"), "the two sides answer different prompts"),
)
"""Name, title, what the reasons of a reader have in common, and what is wrong with such a row."""


def refusals(report: Report, kinds: Sequence[tuple[str, str, re.Pattern[str], str]] = KINDS) -> list[Finding]:
    """A finding a kind, whether there are any or not, and one of all refused rows."""
    found = []
    for name, title, reasons, wrong in kinds:
        rows = Rows()
        for item in report.refused:
            if reasons.search(item.reason):
                rows.add(item.row, item.reason)
        words = f"Refused, for {wrong}." if rows.n else "None."
        found.append(
            Finding(name, title, "warn" if rows.n else "ok", rows.n, report.rows, "rows", words, rows.listed())
        )
    every = Rows()
    for item in report.refused:
        every.add(item.row, f"{item.reason}{f' ({item.detail})' if item.detail else ''}")
    reasons_said = "; ".join(f"{n:,} × {reason}" for reason, n in report.reasons().items())
    words = f"{reasons_said}." if every.n else "Every row can be used."
    tone = "warn" if every.n else "ok"
    return [
        Finding("refused", "refused rows", tone, every.n, report.rows, "rows", words, every.listed()),  # type: ignore[arg-type]
        *found,
    ]
