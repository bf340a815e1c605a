"""The referee's sentences on the card of an export."""

from engine.store.database import Store
from engine.store.summaries import StudyDetail
from workbench.evidence import in_slot_order, weighed
from workbench.report.machine import verdict_lines, verdict_rows


def verdict_words(store: Store, detail: StudyDetail) -> tuple[str, ...]:
    """The referee's sentences for the card; why there are none, if there are none."""
    evidence = weighed(store, detail)
    lines = verdict_lines(verdict_rows(evidence, in_slot_order(detail)))
    return tuple(line for line in lines if line.strip()) or (evidence.why_none,)
