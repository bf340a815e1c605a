"""The report as one self-contained file: it opens offline, fetches nothing, and prints."""

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from engine.errors import StoreError
from engine.store.database import this_program
from workbench.charts.embedded import library
from workbench.components.markup import escaped
from workbench.report import of_campaign, parts
from workbench.report.gather import Report
from workbench.style import stylesheet

# The browser itself is told to fetch nothing, whatever a text in the file might say.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)
STYLE = """<style>
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 1080px; padding: 2rem 1.6rem 4rem; background: #FFFFFF;
  font-family: "Source Sans", "Source Sans Pro", "Segoe UI", Helvetica, Arial, sans-serif; }
.pw > section { margin: 2.2rem 0 0; } .pw section section { margin-top: 1.2rem; }
.pw figure { margin: .4rem 0; overflow-x: auto; }
.pw ul { padding-left: 1.2rem; margin: .5rem 0; }
.pw article.pair { border: 1px solid var(--line); border-radius: .43rem; padding: .8rem 1rem; margin: .8rem 0; }
.pw h1 { font-size: 24px; overflow-wrap: anywhere; }
.pw td { overflow-wrap: anywhere; }
@page { margin: 14mm; }
@media print {
  body { max-width: none; padding: 0; }
  .pw section.page { break-before: page; }
  .pw article.pair, .pw figure, .pw tr { break-inside: avoid; }
  .pw pre.file { font-size: 10px; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
</style>"""
# Folded texts open on paper, and close again afterwards.
UNFOLD = """<script>
const folded = new Set();
addEventListener("beforeprint", () => document.querySelectorAll("details:not([open])").forEach(
  (part) => { folded.add(part); part.open = true; }));
addEventListener("afterprint", () => { folded.forEach((part) => { part.open = false; }); folded.clear(); });
</script>"""


def as_html(report: Report, made: datetime | None = None) -> str:
    """The whole file as text. `made` is when; now, if it is not said."""
    when = (made or datetime.now(UTC)).astimezone(UTC)
    sections = [
        parts.head(report),
        *(of_campaign.sections(report.campaign) if report.campaign else (parts.verdicts(report), parts.curves(report))),
        parts.paired(report),
        parts.guards(report),
        parts.asked(report),
        parts.advice(report),
        parts.config(report),
        parts.provenance(report),
        parts.stages(report),
    ]
    body = "".join(f"<section>{section}</section>" for section in sections if section)
    foot = f"Made {when:%Y-%m-%d %H:%M} UTC by Preference Workbench, {this_program()}."
    return (
        "<!DOCTYPE html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escaped(report.detail.summary.name)} · report</title>{stylesheet()}{STYLE}{library()}</head>\n"
        f'<body><main class="pw">{body}{parts.picked(report)}<p><small>{escaped(foot)}</small></p></main>'
        f"{UNFOLD}</body></html>\n"
    )


def write_html(report: Report, path: Path) -> int:
    """Write the file, whole or not at all; its size in bytes. StoreError if the place cannot be written."""
    content = as_html(report).encode("utf-8")
    passing = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        passing.write_bytes(content)
        passing.replace(path)
    except OSError as error:
        with suppress(OSError):  # of a place that takes nothing, nothing can be taken either
            passing.unlink(missing_ok=True)
        raise StoreError(f"The report cannot be written to {path}: {error.strerror}.", "Name another place.") from error
    return len(content)
