"""A report for machines: the same findings as plain JSON."""

from dataclasses import asdict
from typing import Any

from engine.analysis.levels import levels
from engine.evidence import config_hash
from engine.verdict_words import verdict_rows
from workbench.campaign_words import sentences as said_of
from workbench.plain_json import without_nan
from workbench.report.gather import Report


def machine(report: Report) -> dict[str, Any]:
    """What the report says, as JSON takes it: no NaN, no tuple, keys of strategies as the study names its arms.

    "levels" are held-out set → a row a strategy and round; "verdicts" the findings with their sentences.
    """
    detail, arms = report.detail, report.evidence.arms
    value = {
        "study": detail.summary.id,
        "name": detail.summary.name,
        "state": detail.summary.state,
        "config_sha256": config_hash(detail),
        "config": dict(report.config),
        "provenance": dict(detail.provenance),
        "twins": dict(arms.twins),
        "second_arms": dict(arms.again),
        "declared": {**report.evidence.declared.model_dump(mode="json"), "held_out": report.evidence.where},
        "standing": asdict(report.evidence.standing),
        "controls": sorted(arms.controls),
        "changed_by_hand": [run.id for run in detail.runs if run.edited],
        "levels": {split: levels(frame).to_dict("records") for split, frame in report.curves.items()},
        "verdicts": verdict_rows(report.evidence, report.refs),
        "paired_differences": report.evidence.paired.to_dict("records"),
        "luck": report.evidence.luck.to_dict("records"),
        "campaign": None
        if report.campaign is None
        else {**asdict(report.campaign), "sentences": said_of(report.campaign)},
        "asked": report.asked.numbers(),
        "stages": [one.numbers() for one in report.took],
        "advice": [asdict(one) for one in report.advised],
        "guardrails": {
            "strategies": [{**asdict(guard), "warned": sorted(guard.warned)} for guard in report.guardrails.guards],
            "sentences": list(report.guardrails.sentences),
        },
    }
    return dict(without_nan(value))
