"""A file to `PreferenceData`, with a report of every row: what was read, what was refused and why.

Reading goes row by row. Refused rows stop the import unless the person says to go on without them; either way each is
listed with its number and reason.
"""

import contextlib
import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.data.ahead import read_ahead, worth_it
from engine.data.containers import NotARow, Row, RowsOf, open_rows
from engine.data.formats.base import FORMATS, Format
from engine.data.formats.mapped import is_mapping, read_mapping
from engine.data.hub import named
from engine.data.parts import Part
from engine.data.places import every_file
from engine.data.pool import PreferenceData
from engine.data.taking import Counts, Taking
from engine.data.understood import Batch, Watch, understood
from engine.errors import DataError

SNIFFED_ROWS = 20
MOST_REFUSED = 1_000_000
"""Refused rows after which reading ends: each is listed, and the list must fit into memory."""
MOST_LETTERS = 96 * 1024 * 1024
"""Characters of the texts of a part, however few its rows."""
MOST_WHOLE = 512 * 1024 * 1024
"""Characters of texts, and a thousand for every row, of what is read whole: it takes some 2 GiB of memory."""


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
    labellers, the file does not tell. `label_bank`: the answer of every pair of each prompt is recorded. `commit`: of a
    hub id, the one that was read; `path` then names it, too, and so reads the same rows again.
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
    commit: str = ""

    @property
    def name(self) -> str:
        """What the file is called, without its folder, and a hub id without its owner and commit."""
        return Path(self.path).name.removesuffix(f"@{self.commit}" if self.commit else "")

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
    watch: Watch | None = None,
) -> Reading:
    """Read all there is, refused rows only listed: what `workbench data check` shows.

    `watch` is called with the number and the content of every row that was taken (`engine.data.proof`).
    """
    opened = open_data(path, format_name)
    (part,) = opened.parts(None, on_progress=on_progress, watch=watch)
    return Reading(part.data(), opened.report)


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
        watch: Watch | None = None,
        ahead: bool = False,
    ) -> Generator[Part]:
        """What so many rows hold at a time, without what an earlier part holds; None: all at once.

        A part ends early where its texts are long (MOST_LETTERS). `watch` sees each row that was taken. With `ahead` a
        second process reads, if the file is large enough and there is a core for it: the parts are the same.
        """
        report, taking = self.report, Taking()
        report.counts, report.dropped = taking.counts, taking.dropped
        with contextlib.closing(self._understood(at_once, watch, ahead)) as batches:
            for batch in batches:
                report.rows = batch.last
                self._refuse(batch)
                taking.take(batch)
                if on_progress is not None and batch.last % 1000 == 0:
                    on_progress(batch.last)
                if at_once is None:
                    self._refuse_larger(taking.letters)
                elif batch.last % at_once == 0 or taking.letters >= MOST_LETTERS:
                    yield taking.hand_over()
        last = taking.hand_over()
        report.ties, report.repeated = taking.counts.recorded["tie"], taking.repeated
        report.label_bank = taking.is_label_bank()
        yield last

    def _understood(self, at_once: int | None, watch: Watch | None, ahead: bool) -> Generator[Batch]:
        if ahead and watch is None and worth_it(self.report.path, self.format):
            return read_ahead(self.report.path, self.format, at_once)
        return understood(self.format, self.rows, self.source.place, at_once=at_once, watch=watch)

    def _refuse_larger(self, letters: int) -> None:
        report = self.report
        if letters + 1000 * report.rows > MOST_WHOLE:
            raise DataError(
                f"{report.path} is too large to be held in memory whole, as a study or a notebook needs it: its first "
                f"{report.rows:,} rows have {letters:,} characters.",
                "Give a file of fewer rows: a sample of it, drawn by prompt. An import, a proof and the page Data read "
                "files of any size.",
            )

    def _refuse(self, batch: Batch) -> None:
        report = self.report
        for number, reason, detail in batch.refused:
            report.refused.append(Refused(number, reason, detail))
            if len(report.refused) > MOST_REFUSED:
                raise DataError(
                    f"{report.path}: {MOST_REFUSED:,} of its first {number:,} rows cannot be used, row {number:,} for "
                    f"the reason: {reason}.",
                    "Is it the right format? Name another with --format, or mend the file.",
                )


def open_data(path: Path | str, format_name: str | None = None) -> Opened:
    """Look at the first rows; DataError if there is none, or no format is known for them."""
    rows = open_rows(path)
    first = list(itertools.islice(rows, SNIFFED_ROWS))
    if not first:
        raise DataError(f"{path} is empty.", "It needs one row at least.")
    chosen, why = _choose(path, first, format_name)
    report = Report(named(str(path), rows.commit), chosen.key(), why, sha256_of(path, rows.commit), commit=rows.commit)
    return Opened(report, chosen, itertools.chain(first, rows), rows)


def refusal_sentence(report: Report) -> str:
    """ "12 of 3,000 rows cannot be used: 9 × no prompt (first: row 41), 3 × …"."""
    first: dict[str, int] = {}
    for item in report.refused:
        first.setdefault(item.reason, item.row)
    parts = [f"{n:,} × {reason} (first: row {first[reason]:,})" for reason, n in report.reasons().items()]
    return f"{report.path}: {len(report.refused):,} of {report.rows:,} rows cannot be used: {'; '.join(parts)}."


def sha256_of(path: Path | str, commit: str = "") -> str:
    """Of a file's bytes; of a folder's files in name order; of a hub id and the commit of it that is read."""
    files, digest = every_file(path), hashlib.sha256()
    if not files:
        return hashlib.sha256(named(str(path), commit).encode()).hexdigest()
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
        none = "its only row cannot" if len(first) == 1 else f"none of its first {len(first)} rows can"
        raise DataError(
            f"{path}: {none} be read (row 1: {first[0]}).",
            "Check that it is what its ending says, in UTF-8.",
        )
    # By row, and more than half: a few odd rows are refused later by name, they do not hide what the file is.
    fits = {cls: sum(cls().sniff([row]) for row in rows) for cls in FORMATS}
    fitting = [cls for cls, n in fits.items() if 2 * n > len(rows)]
    if len(fitting) == 1:
        n = "all" if fits[fitting[0]] == len(rows) else fits[fitting[0]]
        said = "its only row has" if len(first) == 1 else f"{n} of its first {len(rows)} rows have"
        return fitting[0](), f"{said} {fitting[0].columns}"
    if fitting:
        names = " and ".join(cls.name for cls in fitting)
        raise DataError(f"{path} could be {names}.", "Say which with --format (data.format in a study).")
    known = ", ".join(cls.name for cls in FORMATS if not cls.by_hand)
    found = ", ".join(str(column)[:40] for column in list(rows[0])[:20]) or "nothing at all"
    raise DataError(
        f"{path}: row 1 has the columns {found}; no format fits.",
        f"Map its columns by hand (--mapping, or on the page Data), or name one of: {known}.",
    )
