"""Everything a report tells, read from the store in one go."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from engine.advice import Advised
from engine.evidence import Evidence, advised, in_slot_order, weighed
from engine.store import queries
from engine.store.database import Store
from engine.store.spent import stage_costs
from engine.store.summaries import MetricRef, PickedPair, RunSummary, StrategyRef, StudyDetail
from engine.verdict_words import FIGURES
from workbench.asked_words import AskedModels, asked_models
from workbench.campaign import campaign
from workbench.campaign_records import Campaign
from workbench.guardrails import Guardrails, guardrails
from workbench.spent_words import Took, took

PICKS = 10
"""Pairs shown of each strategy."""


@dataclass(frozen=True, eq=False)
class Report:
    """A study as its report tells it. `curves` are held-out set → rows of the figure that decides, where it has any.

    `picks` are the first pairs of the last round of each strategy: strategy → (run, pairs).
    `campaign` stands in place of verdicts where people answer; None elsewhere.
    """

    detail: StudyDetail
    refs: Mapping[str, StrategyRef]
    metrics: tuple[MetricRef, ...]
    figure: str
    curves: Mapping[str, pd.DataFrame]
    evidence: Evidence
    guardrails: Guardrails
    picks: Mapping[str, tuple[RunSummary, tuple[PickedPair, ...]]]
    notes: Mapping[str, tuple[tuple[int, str], ...]]
    advised: tuple[Advised, ...] = ()
    took: tuple[Took, ...] = ()
    campaign: Campaign | None = None
    asked: AskedModels = field(default_factory=lambda: AskedModels({}, ()))

    @property
    def config(self) -> Mapping[str, Any]:
        """The config as saved."""
        return self.detail.config


def gather(store: Store, study: str, picks: int = PICKS) -> Report:
    """The report of a study by id or name; StoreError if there is no such study, or a file of it is damaged."""
    detail = queries.study(store, study)
    metrics = tuple(queries.metric_names(store, detail.summary.id))
    evidence = weighed(store, detail)
    refs = in_slot_order(detail)
    splits = {ref.name: ref.splits for ref in metrics}
    figure = FIGURES[evidence.declared.metric]
    curves = {split: queries.curve(store, detail.summary.id, figure, split) for split in splits.get(figure, ())}

    def curve(name: str) -> pd.DataFrame:
        found = splits.get(name, ())
        return queries.curve(store, detail.summary.id, name, found[0]) if found else pd.DataFrame()

    shown = [key for key in refs if key not in evidence.arms.again.values()]
    edited = {run.id for run in detail.runs if run.edited}
    return Report(
        detail,
        refs,
        metrics,
        figure,
        {split: frame for split, frame in curves.items() if not frame.empty},
        evidence,
        guardrails(list(splits), curve, evidence.arms.twins, detail.config, shown, edited),
        {key: found for key in shown if (found := _picks(store, detail, key, picks)) is not None},
        {run.id: tuple(notes) for run in detail.runs if (notes := queries.notes(store, run.id))},
        advised(store, detail),
        tuple(took(stage_costs(store, detail.summary.id))),
        campaign(store, detail),
        asked_models(store, detail.summary.id),
    )


def _picks(store: Store, detail: StudyDetail, key: str, most: int) -> tuple[RunSummary, tuple[PickedPair, ...]] | None:
    """The first run of the strategy that has picked, and the first pairs of its last round."""
    for run in detail.runs:
        if run.strategy.name == key and (rounds := queries.rounds(store, run.id)):
            return run, tuple(queries.batch(store, run.id, rounds[-1])[:most])
    return None
