"""A file to `PreferenceData`, with a report of every row: what was read, what was refused and why.

Reading goes row by row. Refused rows stop the import unless the person says to go on without them; either way each is
listed with its number and reason.
"""

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.data.containers import NotARow, Row, RowsOf, open_rows
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedRow
from engine.data.formats.mapped import is_mapping, read_mapping
from engine.data.places import every_file
from engine.data.pool import PreferenceData
from engine.data.taking import Counts, Taking, check
from engine.errors import DataError

SNIFFED_ROWS = 20
MOST_REFUSED = 1_000_000
"""Refused rows after which reading ends: each is listed, and the list must fit into memory."""


@dataclass(frozen=True)
class Refused:
    """A row that cannot be used; rows count from 1."""

    row: int
    reason: str
    detail: str


@dataclass
class Report:
    """What a reading understood. `dropped` counts parts of usable rows that were left out, by reason.

    `repeated` rows say exactly what an earlier row says. They are kept: whether they are copies or the votes of several
    labellers, the file does not tell. `label_bank`: the answer of every pair of each prompt is recorded.
    """

    path: str
    format: str
    why_format: str
    sha256: str
    rows: int = 0
    refused: list[Refused] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    ties: int = 0
    repeated: int = 0
    counts: Counts = field(default_factory=Counts)
    label_bank: bool | None = None

    def reasons(self) -> dict[str, int]:
        """Reason → refused rows, most frequent first."""
        return dict(Counter(item.reason for item in self.refused).most_common())


@dataclass
class Reading:
    """Data and report of one file."""

    data: PreferenceData
    report: Report


def read(
    path: Path | str,
    format_name: str | None = None,
    *,
    skip_refused: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> Reading:
    """Read a file, a `datasets` folder or a hub id.

    DataError: no such file, empty, no known format, no usable row, or refused rows while `skip_refused` is False.
    """
    reading = examine(path, format_name, on_progress=on_progress)
    report = reading.report
    if not reading.data.prompts:
        raise DataError(refusal_sentence(report), "No row is left to go on with.")
    if report.refused and not skip_refused:
        raise DataError(
            refusal_sentence(report), "Mend the rows, or go on without them (skip_refused, --skip-refused)."
        )
    return reading


def examine(
    path: Path | str,
    format_name: str | None = None,
    *,
    on_progress: Callable[[int], None] | None = None,
    watch: Callable[[int, ParsedRow], None] | None = None,
) -> Reading:
    """Read all there is, refused rows only listed: what `workbench data check` shows.

    `watch` is called with the number and the content of every row that was taken (`engine.data.proof`).
    """
    opened = open_data(path, format_name)
    (data,) = opened.parts(None, on_progress=on_progress, watch=watch)
    opened.report.label_bank = data.is_label_bank
    return Reading(data, opened.report)


@dataclass
class Opened:
    """A file whose format is known; `parts` reads it, once, and fills the report."""

    report: Report
    format: Format
    rows: Iterator[Row]
    source: RowsOf

    def parts(
        self,
        at_once: int | None,
        *,
        on_progress: Callable[[int], None] | None = None,
        watch: Callable[[int, ParsedRow], None] | None = None,
    ) -> Iterator[PreferenceData]:
        """What so many rows hold at a time, without what an earlier part holds; None: all at once."""
        report, taking, seen = self.report, Taking(), set[int]()
        report.counts = taking.counts
        for number, row in enumerate(self.rows, start=1):
            report.rows = number
            try:
                parsed = _parsed(self.format, row)
                for prompt in parsed:
                    taking.take(prompt, report.dropped)
                    if watch is not None:
                        watch(number, prompt)
                report.repeated += (key := hash(parsed)) in seen
                seen.add(key)
            except BadRow as bad:
                self._refuse(number, bad.reason, bad.detail)
            except RecursionError:
                self._refuse(number, "nested too deep", "")
            if on_progress is not None and number % 1000 == 0:
                on_progress(number)
            if at_once is not None and number % at_once == 0:
                yield taking.hand_over()
        report.ties = taking.counts.recorded["tie"]
        yield taking.hand_over()

    def _refuse(self, number: int, reason: str, detail: str) -> None:
        report, place = self.report, self.source.place(number)
        report.refused.append(Refused(number, reason, ": ".join(part for part in (place, detail) if part)))
        if len(report.refused) > MOST_REFUSED:
            raise DataError(
                f"{report.path}: {MOST_REFUSED:,} of its first {report.rows:,} rows cannot be used, row {number:,} "
                f"for the reason: {reason}.",
                "Is it the right format? Name another with --format, or mend the file.",
            )


def open_data(path: Path | str, format_name: str | None = None) -> Opened:
    """Look at the first rows; DataError if there is none, or no format is known for them."""
    rows = open_rows(path)
    first = list(itertools.islice(rows, SNIFFED_ROWS))
    if not first:
        raise DataError(f"{path} is empty.", "It needs one row at least.")
    chosen, why = _choose(path, first, format_name)
    return Opened(Report(str(path), chosen.key(), why, sha256_of(path)), chosen, itertools.chain(first, rows), rows)


def _parsed(chosen: Format, row: Mapping[str, Any] | NotARow) -> tuple[ParsedRow, ...]:
    if isinstance(row, NotARow):
        raise BadRow(row.reason, row.detail)
    parsed = chosen.parse(row)
    found = parsed if isinstance(parsed, tuple) else (parsed,)
    for prompt in found:
        check(prompt)
    return found


def refusal_sentence(report: Report) -> str:
    """ "12 of 3,000 rows cannot be used: 9 × no prompt (first: row 41), 3 × …"."""
    first: dict[str, int] = {}
    for item in report.refused:
        first.setdefault(item.reason, item.row)
    parts = [f"{n:,} × {reason} (first: row {first[reason]:,})" for reason, n in report.reasons().items()]
    return f"{report.path}: {len(report.refused):,} of {report.rows:,} rows cannot be used: {'; '.join(parts)}."


def sha256_of(path: Path | str) -> str:
    """Of a file's bytes; of a folder's files in name order; of a hub id's name."""
    files, digest = every_file(path), hashlib.sha256()
    if not files:
        return hashlib.sha256(str(path).encode()).hexdigest()
    for file in files:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _choose(path: Path | str, first: list[Mapping[str, Any] | NotARow], name: str | None) -> tuple[Format, str]:
    if name is not None and is_mapping(name):
        mapped = read_mapping(name)
        return mapped, mapped.words()
    if name is not None:
        return FORMATS.get(name)(), "named by hand"
    rows = [row for row in first if not isinstance(row, NotARow)]
    if not rows:
        raise DataError(
            f"{path}: none of its first {len(first)} rows can be read (row 1: {first[0]}).",
            "Check that it is what its ending says, in UTF-8.",
        )
    # By row, and more than half: a few odd rows are refused later by name, they do not hide what the file is.
    fits = {cls: sum(cls().sniff([row]) for row in rows) for cls in FORMATS}
    fitting = [cls for cls, n in fits.items() if 2 * n > len(rows)]
    if len(fitting) == 1:
        n = "all" if fits[fitting[0]] == len(rows) else fits[fitting[0]]
        return fitting[0](), f"{n} of its first {len(rows)} rows have {fitting[0].columns}"
    if fitting:
        names = " and ".join(cls.name for cls in fitting)
        raise DataError(f"{path} could be {names}.", "Say which with --format (data.format in a study).")
    known = ", ".join(cls.name for cls in FORMATS if not cls.by_hand)
    found = ", ".join(str(column)[:40] for column in list(rows[0])[:20]) or "nothing at all"
    raise DataError(
        f"{path}: row 1 has the columns {found}; no format fits.",
        f"Map its columns by hand (--mapping, or on the page Data), or name one of: {known}.",
    )
