"""Every answer of a study, a row each: who, when, what was shown first, under which guideline, and what it corrects"""

import hmac
import json
from collections.abc import Iterable
from typing import Any

import pandas as pd
import sqlalchemy as sa

from engine.arms import title_of
from engine.errors import StoreError
from engine.store import schema as s
from engine.store.bank import banked
from engine.store.database import Store
from engine.store.votes import GIVEN, listed

COLUMNS = (
    "label", "pair_id", "topic", "labeller", "person", "oracle", "answer", "kind", "strategy", "seed", "run_id",
    "round", "shown_first", "seconds", "strength", "guideline", "late", "at", "corrects", "corrected_by", "stands",
    "assignment", "known", "characters", "detail", "note",
)  # fmt: skip
VOTES = (
    "label",
    "pair_id",
    "topic",
    "seed",
    "labeller",
    "answer",
    "kind",
    "known",
    "first",
    "seconds",
    "at",
    "characters",
)
POOL = "pool"
UNNAMED = "answer "
"""How the answers of a file begin that has no names: whoever gave two of them may be one or two."""


def trace(store: Store, study_id: str) -> pd.DataFrame:
    """A row of `COLUMNS` an answer in the study's bank, in the order they were written, corrected ones included.

    `labeller` is a person's id, a simulated labeller's name, or the oracle, of a simulated one with its seed. `kind`:
    what it was asked for (label, held_out, audit, repeat, gold, relabel); `strategy`, `run_id` and `round` are of the
    run that asked. `guideline` is its version, counted from 1, None where none was shown. `corrects` and `corrected_by`
    are numbers of rows; `stands` is False of what was corrected or taken back. `characters`: both responses. StoreError
    without such a study.
    """
    of, to = s.labels.c, s.assignments.c
    a, b = s.responses.alias("ra"), s.responses.alias("rb")
    with store.read() as connection:
        if connection.execute(sa.select(s.studies.c.id).where(s.studies.c.id == study_id)).first() is None:
            raise StoreError(f"There is no study {study_id!r} in {store.folder}.", "See `workbench study list`.")
        length = sa.func.length(a.c.text) + sa.func.length(b.c.text)
        rows = connection.execute(
            sa.select(s.labels, s.people.c.name.label("person"), s.prompts.c.topic, length.label("characters"),
                      s.runs.c.strategy, to.kind.label("kind"), to.state, to.known)
            .join(s.pairs, s.pairs.c.id == of.pair_id)
            .join(s.prompts, s.prompts.c.id == s.pairs.c.prompt_id)
            .join(a, a.c.id == s.pairs.c.a)
            .join(b, b.c.id == s.pairs.c.b)
            .join(s.runs, s.runs.c.id == of.run_id)
            .join(s.people, s.people.c.id == of.person_id, isouter=True)
            .join(s.assignments, to.id == of.assignment_id, isouter=True)
            .where(banked(connection, study_id))
            .order_by(of.id)
        ).all()  # fmt: skip
        versions = guideline_versions(connection, {row.study_id for row in rows})
    return _as_rows(rows, versions)


def guideline_versions(connection: sa.Connection, study_ids: set[str]) -> dict[int, int]:
    """Number of a guideline → its version within its study."""
    of = s.guidelines.c
    wanted = sa.select(of.id, of.study_id).where(of.study_id.in_(listed(study_ids))).order_by(of.id)
    found: dict[int, int] = {}
    counted: dict[str, int] = {}
    for number, study_id in connection.execute(wanted):
        counted[study_id] = found[number] = counted.get(study_id, 0) + 1
    return found


def _as_rows(rows: Any, versions: dict[int, int]) -> pd.DataFrame:
    """The rows of labels as `COLUMNS`; a correction takes its kind and what is known from the row it goes back to."""
    root: dict[int, Any] = {}
    after = {row.corrects: row.id for row in rows if row.corrects is not None}
    found = []
    for row in rows:
        first = root[row.id] = root.get(row.corrects, row) if row.corrects is not None else row
        detail = dict(row.detail or {})
        taken_back = first.state is not None and first.state not in GIVEN
        found.append((
            row.id, row.pair_id, row.topic or "", row.person_id or _machine(row, detail), row.person or "", row.oracle,
            row.answer, first.kind or detail.get("kind") or "label", title_of(row.strategy), row.seed, row.run_id,
            row.round, row.side_shown_first or detail.get("first") or "", row.seconds, row.strength,
            versions.get(row.guideline_id),
            bool((first.detail or {}).get("late")), row.created, row.corrects, after.get(row.id),
            row.id not in after and not taken_back, first.assignment_id, first.known or "", row.characters, detail,
            row.note or "",
        ))  # fmt: skip
    return pd.DataFrame(found, columns=list(COLUMNS))


def _machine(row: Any, detail: dict[str, Any]) -> str:
    """Who answered where nobody did: a simulated labeller, or an oracle; a simulated one draws anew for every seed."""
    return str(detail.get("labeller") or (row.oracle if row.seed is None else f"{row.oracle}, seed {row.seed}"))


def votes_of(traced: pd.DataFrame) -> pd.DataFrame:
    """The answers that stand, as `engine.analysis` reads them: `VOTES`, a row an answer."""
    stand = traced[traced["stands"].astype(bool)]
    return stand.rename(columns={"shown_first": "first"})[list(VOTES)].reset_index(drop=True)


def file_votes(store: Store, study_id: str) -> pd.DataFrame:
    """The answers that the pool's file records, as `VOTES`: one without a labeller's name is by "answer n" of its pair.

    Nothing is known of sides, seconds and times. For people to look at: a strategy never sees them.
    """
    of = s.comparisons.c
    a, b = s.responses.alias("ra"), s.responses.alias("rb")
    with store.read() as connection:
        datasets = connection.execute(sa.select(s.studies.c.datasets).where(s.studies.c.id == study_id)).scalar() or {}
        length = sa.func.length(a.c.text) + sa.func.length(b.c.text)
        rows = connection.execute(
            sa.select(of.row, of.pair_id, s.prompts.c.topic, of.labeller, of.answer, length.label("characters"))
            .join(s.pairs, s.pairs.c.id == of.pair_id)
            .join(s.prompts, s.prompts.c.id == s.pairs.c.prompt_id)
            .join(a, a.c.id == s.pairs.c.a)
            .join(b, b.c.id == s.pairs.c.b)
            .where(of.dataset_id == datasets.get(POOL))
            .order_by(of.row)
        ).all()
    nth: dict[str, int] = {}
    found = []
    for row in rows:
        nth[row.pair_id] = nth.get(row.pair_id, 0) + 1
        who = row.labeller or f"{UNNAMED}{nth[row.pair_id]}"
        found.append((row.row, row.pair_id, row.topic or "", None, who, row.answer, "label", "", "", float("nan"), None,
                      row.characters))  # fmt: skip
    return pd.DataFrame(found, columns=list(VOTES))


def unnamed(who: pd.Series) -> pd.Series:
    """Which of the labellers of `file_votes` the file does not name."""
    return who.map(lambda name: str(name).startswith(UNNAMED)).astype(bool)


def picked_by(store: Store, study_id: str) -> pd.DataFrame:
    """A row a labelled pick: strategy (its key), title, seed, round, pair_id, warm_up."""
    runs, picks, stages = s.runs.c, s.picks.c, s.stages.c
    with store.read() as connection:
        rows = connection.execute(
            sa.select(runs.strategy, runs.seed, picks.round, picks.pair_id, picks.warm_up)
            .join(s.runs, runs.id == picks.run_id)
            .join(s.stages, (stages.run_id == picks.run_id) & (stages.round == picks.round))
            .where((runs.study_id == study_id) & (stages.stage == "labelled"))
            .order_by(runs.position, picks.round, picks.rank)
        ).all()
    found = [(r.strategy, title_of(r.strategy), r.seed, r.round, r.pair_id, r.warm_up) for r in rows]
    return pd.DataFrame(found, columns=["strategy", "title", "seed", "round", "pair_id", "warm_up"])


def numbered(people: Iterable[str], study_id: str, salt: bytes) -> dict[str, str]:
    """Who answers → "labeller 1", "labeller 2" …, in the order of a hash of study, id and the store's secret.

    Without the secret (`engine.store.labelled.salt_of`) nobody can tell who has which number.
    """
    order = sorted(set(people), key=lambda who: hmac.digest(salt, f"{study_id}\x1f{who}".encode(), "sha256"))
    return {who: f"labeller {n}" for n, who in enumerate(order, start=1)}


def as_shown(traced: pd.DataFrame, study_id: str, salt: bytes, *, names: bool = False) -> pd.DataFrame:
    """The rows as they go out: people by number and without their notes, or with `names` by name and with them.

    What is no person, an oracle or a simulated labeller, keeps its name.
    `at` is in UTC, ISO 8601; `detail`, what a model's label says of itself, is JSON.
    """
    people = traced["person"] != ""
    number = numbered(traced.loc[people, "labeller"], study_id, salt)
    called = traced["person"] if names else traced["labeller"].map(number)
    found = traced.assign(
        labeller=traced["labeller"].where(~people, called),
        note=traced["note"] if names else traced["note"].where(~people, ""),
        at=[when.isoformat(timespec="seconds") for when in traced["at"]],
        detail=[json.dumps(detail, ensure_ascii=False, sort_keys=True) for detail in traced["detail"]],
    )
    for name in ("seed", "guideline", "corrects", "corrected_by", "assignment", "round"):
        found[name] = found[name].astype("Int64")
    return found.drop(columns=["person"])
