"""Verdicts in words: the referee's findings as rows and sentences, for reports, exports and notebooks."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from engine.analysis.referee import Finding
from engine.analysis.verdict import sentence
from engine.evidence import Evidence, in_slot_order, weighed
from engine.store.database import Store
from engine.store.summaries import StrategyRef, StudyDetail

UNITS: Mapping[str, str] = {"accuracy": "accuracy", "log_likelihood": "nats of log-likelihood a pair"}
"""The referee's metric as a unit, behind a number."""
FIGURES: Mapping[str, str] = {"accuracy": "accuracy", "log_likelihood": "nll"}
"""The referee's metric → the figure of a round that shows it."""
NO_TWINS: Mapping[str, str] = {}


def sentences(
    found: Mapping[str, Finding],
    strategies: Mapping[str, StrategyRef],
    twins: Mapping[str, str] = NO_TWINS,
    unit: str = "accuracy",
) -> dict[str, str]:
    """Strategy → its verdict for people, against its twin by name."""
    title = {key: ref.title for key, ref in strategies.items()}
    return {
        name: sentence(finding.verdict, title.get(name, name), title.get(twins.get(name, ""), "random"), unit)
        for name, finding in found.items()
    }


def verdict_rows(evidence: Evidence, refs: Mapping[str, StrategyRef]) -> list[dict[str, Any]]:
    """A row a strategy: its finding, its twin, why the verdict is exploratory ("" if it is not), and its sentence."""
    said = sentences(
        evidence.found, refs, evidence.arms.twins, f"{UNITS[evidence.declared.metric]} on {evidence.where}"
    )
    return [
        {"strategy": name, "held-out set": evidence.where, "twin": evidence.arms.twins.get(name, ""),
         **asdict(finding), "exploratory": evidence.standing.exploratory, "sentence": said[name]}
        for name, finding in evidence.found.items()
    ]  # fmt: skip


def verdict_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The sentences of `verdict_rows` as lines of text; before them, once, why they are not the declared verdict."""
    why = dict.fromkeys(row["exploratory"] for row in rows if row["exploratory"])
    return [*(f"Exploratory: {one}: not the verdict that was declared." for one in why),
            *(row["sentence"] for row in rows)]  # fmt: skip


def verdict_words(store: Store, detail: StudyDetail) -> tuple[str, ...]:
    """The referee's sentences for the card of an export; why there are none, if there are none."""
    evidence = weighed(store, detail)
    lines = verdict_lines(verdict_rows(evidence, in_slot_order(detail)))
    return tuple(line for line in lines if line.strip()) or (evidence.why_none,)
