"""What models were asked in a study: the details of their labels, what asking used, and an evaluator's figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.oracles.base import ORACLES
from engine.store import schema as s
from engine.store.database import Store

USED = {"judge_tokens": "tokens", "judge_cost": "cost"}
"""Figures of an evaluator that count for what a study has used."""


@dataclass(frozen=True)
class Evaluator:
    """A figure of an asked evaluator over all rounds of a study: sums for tokens and cost, else means; of `n`."""

    name: str
    value: float
    unit: str
    n: int


def model_details(store: Store, study_id: str) -> dict[str, list[Mapping[str, Any]]]:
    """Oracle → the details of its labels that this study bought; not of people, recorded answers and gold scores.

    Where models answer before people, all labels of the batches count, those of people with why they were asked.
    """
    of = s.labels.c
    wanted = (
        sa.select(of.oracle, of.detail)
        .where((of.study_id == study_id) & of.person_id.is_(None) & of.oracle.not_in(("recorded", "gold")))
        .order_by(of.id)
    )
    details: dict[str, list[Mapping[str, Any]]] = {}
    with store.read() as connection:
        for row in connection.execute(wanted):
            details.setdefault(row.oracle, []).append(row.detail or {})
        name = _first_models(connection, study_id)
        if name:
            details[name] = [row for rows in _routed(connection, study_id).values() for row in rows]
    return {oracle: rows for oracle, rows in details.items() if rows}


def routed_so_far(store: Store, study_id: str) -> tuple[str, Mapping[int, Sequence[Mapping[str, Any]]], int]:
    """Where models answer before people: the oracle, round → the details of its labels, and the rounds it has in all.

    The oracle is "" of another study; rounds are those labelled whole, and 0 in all if no more will come.
    """
    with store.read() as connection:
        name = _first_models(connection, study_id)
        if not name:
            return "", {}, 0
        config = connection.execute(sa.select(s.studies.c.config).where(s.studies.c.id == study_id)).scalar_one()
        states = connection.execute(sa.select(s.runs.c.state).where(s.runs.c.study_id == study_id)).scalars()
        goes_on = not set(states) <= {"done", "failed", "cancelled"}
        return name, _routed(connection, study_id), int(config["rounds"]) if goes_on else 0


def _first_models(connection: sa.Connection, study_id: str) -> str:
    """The study's oracle, if models answer before people in it; else ""."""
    config = connection.execute(sa.select(s.studies.c.config).where(s.studies.c.id == study_id)).scalar() or {}
    name = (config.get("oracle") or {}).get("name")
    known = name in ORACLES.names() and ORACLES.get(name)
    return str(name) if known and known.people and known.by_model else ""


def _routed(connection: sa.Connection, study_id: str) -> dict[int, list[Mapping[str, Any]]]:
    """Round → the details of its labels, of the rounds that are labelled whole."""
    of = s.stages.c
    wanted = (
        sa.select(of.round, of.detail)
        .join(s.runs, s.runs.c.id == of.run_id)
        .where((s.runs.c.study_id == study_id) & (of.stage == "labelled"))
        .order_by(of.round)
    )
    found: dict[int, list[Mapping[str, Any]]] = {}
    for number, stage in connection.execute(wanted):
        found.setdefault(number, []).extend(detail or {} for _, _, _, detail in (stage or {}).get("labels", ()))
    return found


def asked_evaluator(store: Store, study_id: str) -> list[Evaluator]:
    """The figures of an evaluator that was asked, in the order of their names; none where none was."""
    of = s.metrics.c
    wanted = (
        sa.select(of.name, of.value, of.n, of.unit)
        .join(s.runs, s.runs.c.id == of.run_id)
        .where((s.runs.c.study_id == study_id) & of.name.startswith("judge_") & of.value.is_not(None))
    )
    with store.read() as connection:
        rows = connection.execute(wanted).all()
    found = []
    for name in sorted({row.name for row in rows}):
        mine = [row for row in rows if row.name == name]
        total, n = sum(row.value if name in USED else row.value * row.n for row in mine), sum(row.n for row in mine)
        found.append(Evaluator(name, total / (1 if name in USED else n), mine[0].unit, n))
    return found


def used(store: Store, study_id: str) -> dict[str, float]:
    """Tokens and cost of all that a study has paid for asking models: "tokens", "cost"."""
    found = {"tokens": 0.0, "cost": 0.0}
    for one in (detail for rows in model_details(store, study_id).values() for detail in rows):
        whole = {**(one.get("of") or {}), **one}
        found["tokens"] += whole.get("tokens_paid", whole.get("tokens_read", 0) + whole.get("tokens_written", 0))
        found["cost"] += whole.get("cost", 0.0)
    for figure in asked_evaluator(store, study_id):
        if figure.name in USED:
            found[USED[figure.name]] += figure.value
    return found
