"""The pairs that a study's runs asked about, each once, with every answer to it: what an export is made of."""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from engine.data.answers import Acquired, AskedPair, Rule, Subset, Vote
from engine.errors import DataError, StoreError
from engine.oracles.base import ORACLES
from engine.records import Answer
from engine.store import schema as s
from engine.store.bank import banked
from engine.store.database import Store
from engine.store.files import write_bytes
from engine.store.picked import texts_of_pairs
from engine.store.reviews import BROUGHT, REPLACED
from engine.store.traced import guideline_versions
from engine.store.votes import counting, oracle_of

POOL = "pool"
"""Whose answers a data file gave: the key of the pool in a study's data sets; held-out sets have other keys."""
SALT = "export.salt"
"""Below the store's folder: 32 random bytes that labellers' numbers are mixed with; in no export, but in a backup."""


def asked_pairs(store: Store, subset: Subset) -> list[AskedPair]:
    """The answered picks of the subset's runs, a pair each, by round and rank; its filters are not looked at.

    A simulated oracle answers once per study and seed, so a pair that two seeds picked has two answers. Where people
    answer, a pair says which of its answers the run counts, and by which rule.
    """
    with store.read() as connection:
        picks = _picks(connection, subset)
        texts = texts_of_pairs(connection, picks)
        seeds = {pair_id: {p.seed for p in own} for pair_id, own in picks.items()}
        votes = _votes(connection, subset.study_id, seeds)
        rule, counted = _as_the_run_counts(connection, subset.study_id, seeds)
    found = []
    for pair_id, own in picks.items():
        messages, (text_a, source_a), (text_b, source_b) = texts[pair_id]
        given = tuple(votes.get(pair_id, ()))
        pair = AskedPair(pair_id, messages, text_a, text_b, source_a, source_b, tuple(own), given)
        if counted is not None:  # what a model answered, of pairs that models answer first, counts as it stands
            by_models = [vote.label for vote in given if not vote.labeller]
            pair = replace(pair, counted=(*by_models, *counted.get(pair_id, ())), rule=rule)
        found.append(pair)
    return found


def _as_the_run_counts(
    connection: sa.Connection, study_id: str, seeds: Mapping[str, set[int]]
) -> tuple[Rule, dict[str, list[int]] | None]:
    """The rule of a campaign, and pair → the numbers of the answers that its label is made of; None elsewhere."""
    config = connection.execute(sa.select(s.studies.c.config).where(s.studies.c.id == study_id)).scalar() or {}
    oracle = oracle_of(config)
    if oracle is None or not seeds:
        return "majority", None
    (seed,) = set().union(*seeds.values())  # a campaign is one run
    made_of = counting(connection, oracle, study_id, seed, seeds)
    return oracle.settled_by, {pair_id: [vote.number for vote in votes] for pair_id, votes in made_of.items()}


def answers_given(store: Store, subset: Subset) -> dict[int, int]:
    """Label row → answers it stands for, of all rows of the subset's pairs: one plain statement to count by."""
    of, runs, stages = s.labels.c, s.runs.c, s.stages.c
    with store.read() as connection:
        chosen = (
            sa.select(s.picks.c.pair_id, runs.seed)
            .join(s.runs, runs.id == s.picks.c.run_id)
            .join(s.stages, (stages.run_id == s.picks.c.run_id) & (stages.round == s.picks.c.round))
            .where(_condition(connection, subset) & (stages.stage == "labelled"))
            .distinct()
            .subquery()
        )
        mine = (chosen.c.pair_id == of.pair_id) & (of.seed.is_(None) | (of.seed == chosen.c.seed))
        rows = connection.execute(
            sa.select(of.id, of.detail).join(chosen, mine).where(banked(connection, subset.study_id)).distinct()
        ).all()
    return {number: sum(_recorded(detail).values()) or 1 for number, detail in rows if not _beside(detail)}


def pairs_asked(store: Store, subset: Subset) -> set[str]:
    """Ids of the subset's pairs, whatever their answers: one plain statement to count by."""
    runs, picks, stages = s.runs.c, s.picks.c, s.stages.c
    with store.read() as connection:
        found = connection.execute(
            sa.select(picks.pair_id)
            .join(s.runs, runs.id == picks.run_id)
            .join(s.stages, (stages.run_id == picks.run_id) & (stages.round == picks.round))
            .where(_condition(connection, subset) & (stages.stage == "labelled"))
        )
        return set(found.scalars())


def salt_of(store: Store) -> bytes:
    """The store's secret for numbering labellers, made when it is first asked for.

    Without it whoever has an export and a list of names could work out who has which number.
    """
    place = store.folder / SALT
    try:
        if not place.is_file():
            with store.write_quietly():  # so that of two who come first one makes it
                if not place.is_file():
                    write_bytes(store.folder, SALT, secrets.token_bytes(32))
        return place.read_bytes()
    except OSError as error:
        raise StoreError(f"{place} cannot be read: {error.strerror}.", "Give yourself the right to read it.") from error


def held_out_of(store: Store, study_id: str) -> dict[str, tuple[set[str], set[str]]]:
    """Held-out set → (ids of its pairs, ids of its prompts)."""
    with store.read() as connection:
        datasets = connection.execute(sa.select(s.studies.c.datasets).where(s.studies.c.id == study_id)).scalar() or {}

        def ids(table: sa.Table, column: str, dataset_id: str) -> set[str]:
            rows = sa.select(table.c[column]).where(table.c.dataset_id == dataset_id)
            return set(connection.execute(rows).scalars())

        return {
            name.removeprefix("held_out:"): (
                ids(s.dataset_pairs, "pair_id", dataset_id),
                ids(s.dataset_prompts, "prompt_id", dataset_id),
            )
            for name, dataset_id in datasets.items()
            if name != POOL
        }


def labellers_of(store: Store, study_id: str) -> list[str]:
    """Oracles, people (by id) and labellers of the pool's file that gave an answer; what filters go by."""
    of, file = s.labels.c, s.comparisons.c
    with store.read() as connection:
        datasets = connection.execute(sa.select(s.studies.c.datasets).where(s.studies.c.id == study_id)).scalar() or {}
        mine = banked(connection, study_id)
        found = set(connection.execute(sa.select(of.oracle).where(mine).distinct()).scalars())
        found |= set(connection.execute(sa.select(of.person_id).where(mine).distinct()).scalars())
        wanted = sa.select(file.labeller).where(file.dataset_id == datasets.get(POOL)).distinct()
        found |= set(connection.execute(wanted).scalars())
    return sorted(name for name in found if name)


def who_answers(oracle: str) -> Literal["human", "synthetic", ""]:
    """Who an oracle's answers are from; "" where it does not tell: a data file's labellers may be people or models."""
    if oracle not in ORACLES.names():
        return ""
    known = ORACLES.get(oracle)
    return "synthetic" if known.by_model or known.simulated else "human" if known.people else ""


def state_of(store: Store, study_id: str) -> list[Any]:
    """What changes when anything of the study's answers or rounds does: stages done, and the newest label."""
    with store.read() as connection:
        stages = sa.select(sa.func.count()).select_from(s.stages).join(s.runs).where(s.runs.c.study_id == study_id)
        newest = sa.select(sa.func.max(s.labels.c.id)).where(s.labels.c.study_id == study_id)
        return [connection.execute(stages).scalar(), connection.execute(newest).scalar()]


def _condition(connection: sa.Connection, subset: Subset) -> Any:
    """Which picks are meant; DataError if the selection is not there."""
    found: Any = s.runs.c.study_id == subset.study_id
    if subset.strategy is not None:
        found &= s.runs.c.strategy == subset.strategy
    if subset.seed is not None:
        found &= s.runs.c.seed == subset.seed
    if subset.upto_round is not None:
        found &= s.picks.c.round <= subset.upto_round
    if subset.from_round is not None:
        found &= s.picks.c.round >= subset.from_round
    if subset.selection:
        of = s.selections.c
        kept = connection.execute(
            sa.select(of.pair_ids).where((of.id == subset.selection) & (of.study_id == subset.study_id))
        ).scalar()
        if kept is None:
            raise DataError(
                f"Study {subset.study_id} has no saved selection {subset.selection!r}.",
                "Its id stands in the link of the page Map once it is kept.",
            )
        found &= s.picks.c.pair_id.in_(_listed(kept))
    return found


def _picks(connection: sa.Connection, subset: Subset) -> dict[str, list[Acquired]]:
    runs, picks, stages = s.runs.c, s.picks.c, s.stages.c
    rows = connection.execute(
        sa.select(s.picks, runs.strategy, runs.seed)
        .join(s.runs, runs.id == picks.run_id)
        .join(s.stages, (stages.run_id == picks.run_id) & (stages.round == picks.round) & (stages.stage == "labelled"))
        .where(_condition(connection, subset))
        .order_by(picks.round, runs.position, picks.rank)
    )
    found: dict[str, list[Acquired]] = {}
    for r in rows:
        by_hand = "" if BROUGHT not in r.why else "swapped in" if REPLACED in r.why else "added"
        acquired = Acquired(r.strategy, r.seed, r.run_id, r.round, r.rank, r.score, r.gain, r.warm_up, by_hand)
        found.setdefault(r.pair_id, []).append(acquired)
    return found


def _votes(connection: sa.Connection, study_id: str, seeds: Mapping[str, set[int]]) -> dict[str, list[Vote]]:
    """Pair id → every answer to it that a run of these seeds could have got, in the order they were given."""
    of = s.labels.c
    rows = connection.execute(
        sa.select(s.labels, s.people.c.name.label("person"))
        .join(s.people, s.people.c.id == of.person_id, isouter=True)
        .where(banked(connection, study_id) & of.pair_id.in_(_listed(seeds)))
        .order_by(of.id)
    ).all()
    rows = [row for row in rows if not _beside(row.detail)]
    corrected = {row.corrects for row in rows if row.corrects is not None}
    versions = guideline_versions(connection, {row.study_id for row in rows})
    recorded = _in_the_file(connection, study_id, {row.pair_id for row in rows if _recorded(row.detail)})
    found: dict[str, list[Vote]] = {}
    for row in rows:
        if row.seed is not None and row.seed not in seeds[row.pair_id]:
            continue
        about = {**((row.detail or {}).get("of") or {}), **(row.detail or {})}
        for answer, labeller in _given(row, recorded.get(row.pair_id, [])):
            vote = Vote(
                row.id, answer, row.oracle, labeller or row.person_id or "", row.person or labeller, row.seed,
                row.side_shown_first or about.get("first"), row.seconds, row.note or "", _iso(row.created),
                row.id in corrected, row.corrects, versions.get(row.guideline_id), str(about.get("model", "")),
                str(about.get("template", "")),
            )  # fmt: skip
            found.setdefault(row.pair_id, []).append(vote)
    return found


def _given(row: Any, file: list[tuple[Answer, str]]) -> list[tuple[Answer, str]]:
    """(answer, labeller) that the row stands for: of a recorded label all that the file has, by its labellers."""
    votes = _recorded(row.detail)
    if not votes:
        return [(row.answer, "")]
    counted: dict[str, int] = {}
    for answer, _ in file:
        counted[answer] = counted.get(answer, 0) + 1
    if counted == votes:
        return file
    return [(_known(answer), "") for answer, n in votes.items() for _ in range(n)]


def _in_the_file(connection: sa.Connection, study_id: str, pair_ids: Iterable[str]) -> dict[str, list[Any]]:
    datasets = connection.execute(sa.select(s.studies.c.datasets).where(s.studies.c.id == study_id)).scalar() or {}
    of = s.comparisons.c
    rows = connection.execute(
        sa.select(of.pair_id, of.answer, of.labeller)
        .where((of.dataset_id == datasets.get(POOL)) & of.pair_id.in_(_listed(pair_ids)))
        .order_by(of.row)
    )
    found: dict[str, list[Any]] = {}
    for pair_id, answer, labeller in rows:
        found.setdefault(pair_id, []).append((answer, labeller or ""))
    return found


def _recorded(detail: Mapping[str, Any] | None) -> dict[str, int]:
    """The votes behind a label of a data file: answer → how many."""
    return dict((detail or {}).get("votes") or {})


def _beside(detail: Mapping[str, Any] | None) -> bool:
    """Whether it is a hidden repeat or a gold question: an answer about the labeller, not about the pair."""
    return (detail or {}).get("kind") in ("repeat", "gold")


def _known(answer: str) -> Answer:
    return answer  # type: ignore[return-value]  # the oracle that counted them knows no other


def _listed(ids: Iterable[str]) -> Any:
    return sa.select(sa.func.json_each(json.dumps(sorted(ids))).table_valued("value").c.value)


def _iso(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(timespec="seconds")
