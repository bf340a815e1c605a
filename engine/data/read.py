"""A file to `PreferenceData`, with a report of every row: what was read, what was refused and why.

Reading goes row by row. Refused rows stop the import unless the person says to go on without them; either way each is
listed with its number and reason.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.data.containers import NotARow, open_rows
from engine.data.formats.base import FORMATS, BadRow, Format, ParsedRow
from engine.data.pool import Comparison, PreferenceData
from engine.errors import DataError
from engine.records import Answer, Pair, Prompt, Response

SNIFFED_ROWS = 20


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
    labellers, the file does not tell.
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
    if not reading.data.pairs and not any(len(r) > 1 for r in reading.data.responses_of().values()):
        raise DataError(refusal_sentence(report), "No row is left to go on with.")
    if report.refused and not skip_refused:
        raise DataError(
            refusal_sentence(report), "Mend the rows, or go on without them (skip_refused, --skip-refused)."
        )
    return reading


def examine(
    path: Path | str, format_name: str | None = None, *, on_progress: Callable[[int], None] | None = None
) -> Reading:
    """Read all there is, refused rows only listed: what `workbench data check` shows."""
    rows = open_rows(path)
    first: list[Mapping[str, Any] | NotARow] = []
    for row in rows:
        first.append(row)
        if len(first) == SNIFFED_ROWS:
            break
    if not first:
        raise DataError(f"{path} is empty.", "It needs one row at least.")
    chosen, why = _choose(path, first, format_name)
    report = Report(str(path), chosen.name, why, sha256_of(path))
    data = PreferenceData()
    seen: set[int] = set()
    for number, row in enumerate(_chain(first, rows), start=1):
        report.rows = number
        try:
            if isinstance(row, NotARow):
                raise BadRow(row.reason, row.detail)
            parsed = chosen.parse(row)
            _add(data, parsed, report)
            report.repeated += (key := hash(parsed)) in seen
            seen.add(key)
        except BadRow as bad:
            report.refused.append(Refused(number, bad.reason, bad.detail))
        except RecursionError:
            report.refused.append(Refused(number, "nested too deep", ""))
        if on_progress is not None and number % 1000 == 0:
            on_progress(number)
    return Reading(data, report)


def refusal_sentence(report: Report) -> str:
    """ "12 of 3,000 rows cannot be used: 9 × no prompt (first: row 41), 3 × …"."""
    first: dict[str, int] = {}
    for item in report.refused:
        first.setdefault(item.reason, item.row)
    parts = [f"{n:,} × {reason} (first: row {first[reason]:,})" for reason, n in report.reasons().items()]
    return f"{report.path}: {len(report.refused):,} of {report.rows:,} rows cannot be used: {'; '.join(parts)}."


def sha256_of(path: Path | str) -> str:
    """Of a file's bytes; of a folder's files in name order; of a hub id's name."""
    target, digest = Path(path).expanduser(), hashlib.sha256()
    if not target.exists():
        return hashlib.sha256(str(path).encode()).hexdigest()
    for file in [target] if target.is_file() else sorted(p for p in target.rglob("*") if p.is_file()):
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _choose(path: Path | str, first: list[Mapping[str, Any] | NotARow], name: str | None) -> tuple[Format, str]:
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
    known = "; ".join(f"{cls.name}: {cls.columns}" for cls in FORMATS)
    found = ", ".join(str(column)[:40] for column in list(rows[0])[:20]) or "nothing at all"
    raise DataError(f"{path}: row 1 has the columns {found}; no format fits.", f"Known: {known}.")


def _chain(
    first: list[Mapping[str, Any] | NotARow], rest: Iterator[Mapping[str, Any] | NotARow]
) -> Iterator[Mapping[str, Any] | NotARow]:
    yield from first
    yield from rest


def _refuse_text(row: ParsedRow) -> None:
    """BadRow if the prompt is blank, or a text holds half of a surrogate pair, which no file and no store takes."""
    if not any(message.content.strip() for message in row.messages):
        raise BadRow("empty prompt")
    texts = [text for message in row.messages for text in (message.role, message.content)]
    texts += [text for response in row.responses for text in (response.text, response.source)]
    texts += [row.topic, *(comparison.labeller for comparison in row.comparisons)]
    try:
        "".join(texts).encode()
    except UnicodeEncodeError as error:
        raise BadRow("a text is not valid Unicode", repr(error.object[error.start])) from error


def _add(data: PreferenceData, row: ParsedRow, report: Report) -> None:
    """Take a row in. Texts that are there already are the same objects: their ids are hashes of content."""
    _refuse_text(row)
    prompt = Prompt.of(row.messages, row.topic)
    ids = [Response.of(prompt.id, r.text, r.source) for r in row.responses]
    distinct = {response.id for response in ids}
    report.dropped["identical responses of a prompt"] += len(ids) - len(distinct)
    if len(distinct) < 2:
        raise BadRow("all responses are identical")
    data.prompts.setdefault(prompt.id, prompt)
    for response, parsed in zip(ids, row.responses, strict=True):
        data.responses.setdefault(response.id, response)
        if parsed.score is not None:
            kept = data.scores.setdefault(response.id, parsed.score)
            report.dropped["scores that differ from an earlier one of the same response"] += kept != parsed.score
    compared = [(c.first, c.second) for c in row.comparisons]
    if not compared and len(ids) == 2:
        compared = [(0, 1)]
    for first, second in compared:
        if ids[first].id != ids[second].id:
            pair = Pair.of(prompt.id, ids[first].id, ids[second].id)
            data.pairs.setdefault(pair.id, pair)
    for comparison in row.comparisons:
        one, other = ids[comparison.first].id, ids[comparison.second].id
        if one == other:
            report.dropped["comparisons of identical responses"] += 1
            continue
        pair = data.pairs[Pair.of(prompt.id, one, other).id]
        answer: Answer
        if comparison.answer in ("tie", "both_bad"):
            answer = "tie" if comparison.answer == "tie" else "both_bad"
            report.ties += comparison.answer == "tie"
        else:
            better = one if comparison.answer == "first" else other
            answer = "a" if better == pair.a else "b"
        data.comparisons.append(Comparison(pair.id, answer, comparison.strength, comparison.labeller))
