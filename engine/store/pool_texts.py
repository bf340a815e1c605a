"""A pool as ids and rows; its texts stay in the store and are read in blocks, so a task walks through any length."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import sqlalchemy as sa

from engine.config import StudyConfig
from engine.data.pool import Comparison, PreferenceData
from engine.errors import StoreError
from engine.records import Message, Pair, Pooled, Prompt, Response
from engine.store import schema as s
from engine.store.database import Store
from engine.store.history import load_event

PROMPTS = 512
"""Prompts whose texts are held at a time while the pairs of a data set are listed."""


@dataclass(frozen=True, eq=False)
class PoolRows:
    """The pairs of a pool and the responses they are made of, each once and in the order of their ids; no text.

    Ids are bytes. `pairs` (p,), `sides` int32 (p, 2): the rows of both responses, `prompt_of_pair` int32 (p,);
    `responses` (r,), `prompt_of_response` int32 (r,); both say rows of `prompts` (q,).
    """

    pairs: np.ndarray
    sides: np.ndarray
    prompt_of_pair: np.ndarray
    responses: np.ndarray
    prompt_of_response: np.ndarray
    prompts: np.ndarray

    def records(self, start: int, stop: int) -> list[Pair]:
        """The pairs of these rows."""
        return [
            Pair(pair.decode(), self.prompts[prompt].decode(), *(self.responses[row].decode() for row in sides))
            for pair, prompt, sides in zip(
                self.pairs[start:stop], self.prompt_of_pair[start:stop], self.sides[start:stop], strict=True
            )
        ]

    def texts(self, store: Store, rows: Sequence[int] | np.ndarray) -> list[Response]:
        """The responses of these rows, in their order."""
        ids = [one.decode() for one in self.responses[np.asarray(rows, dtype=np.int64)]]
        _, found = texts_of(store, ids, prompts=False)
        return [found[one] for one in ids]

    def asked(self, store: Store, rows: Sequence[int] | np.ndarray) -> list[tuple[Prompt, Response]]:
        """The responses of these rows with their prompts, in their order."""
        ids = [one.decode() for one in self.responses[np.asarray(rows, dtype=np.int64)]]
        prompts, found = texts_of(store, ids)
        return [(prompts[found[one].prompt_id], found[one]) for one in ids]


def study_config(store: Store, study_id: str) -> StudyConfig:
    """The study's config; StoreError if there is no such study."""
    with store.read() as connection:
        found = connection.execute(sa.select(s.studies.c.config).where(s.studies.c.id == study_id)).scalar()
    if found is None:
        raise StoreError(f"There is no study {study_id!r} in {store.folder}.", "See `workbench study list`.")
    return StudyConfig.from_dict(found, f"Study {study_id}")


def fixed_pool(store: Store, study_id: str) -> PoolRows:
    """Every pair the study's sampler makes of its data, whatever the round; StoreError if it draws from the policy.

    A sampler makes the pairs of one prompt from that prompt's texts, so it is asked block by block of prompts.
    """
    sampler = study_config(store, study_id).sampler
    if sampler.generates:
        raise StoreError(f"The pool of study {study_id} is drawn anew by every run.", "Name a run and a round.")
    with store.read() as connection:
        datasets = connection.execute(sa.select(s.studies.c.datasets).where(s.studies.c.id == study_id)).scalar_one()
    blocks = in_blocks(store, datasets["pool"])
    return _rows(sampler.candidates(data, list(data.prompts), None).pairs for data in blocks)


def round_pool(store: Store, run_id: str, round_number: int) -> PoolRows:
    """The pool of one round of a run; StoreError before that round has one."""
    pooled = load_event(store, run_id, round_number, "pooled")
    if not isinstance(pooled, Pooled):
        raise StoreError(f"Round {round_number} of run {run_id} has no pool yet.", "Wait for the round, then retry.")
    return _rows([pooled.made_pairs])


def in_blocks(store: Store, dataset_id: str, prompts: int = PROMPTS) -> Iterator[PreferenceData]:
    """A data set by blocks of its prompts, each with all that belongs to them; StoreError if there is none."""
    with store.read() as connection:
        there = sa.select(s.datasets.c.id).where((s.datasets.c.id == dataset_id) & s.datasets.c.whole)
        if not connection.execute(there).first():
            raise StoreError(f"There is no data set {dataset_id!r} in {store.folder}.", "See `workbench data list`.")
    member, last = s.dataset_prompts.c, -1
    while True:
        wanted = (
            sa.select(s.prompts, member.row)
            .join(s.dataset_prompts, member.prompt_id == s.prompts.c.id)
            .where((member.dataset_id == dataset_id) & (member.row > last))
            .order_by(member.row)
            .limit(prompts)
        )
        with store.read() as connection:
            found = connection.execute(wanted).all()
            if not found:
                return
            data = PreferenceData({row.id: _prompt(row) for row in found})
            _fill(connection, dataset_id, data)
        last = found[-1].row
        yield data


def texts_of(
    store: Store, response_ids: Iterable[str], *, prompts: bool = True
) -> tuple[dict[str, Prompt], dict[str, Response]]:
    """Those of the responses that are in the store, and their prompts (if they are wanted), by id."""
    wanted = sa.select(s.responses).where(s.responses.c.id.in_(_listed(response_ids)))
    asked = sa.select(s.prompts).where(s.prompts.c.id.in_(sa.select(wanted.subquery().c.prompt_id)))
    with store.read() as connection:
        known = {row.id: _prompt(row) for row in connection.execute(asked)} if prompts else {}
        responses = {r.id: Response(r.id, r.prompt_id, r.text, r.source) for r in connection.execute(wanted)}
    return known, responses


def _fill(connection: sa.Connection, dataset_id: str, data: PreferenceData) -> None:
    """All that the data set holds of these prompts."""
    here, of = _listed(data.prompts), s.dataset_responses.c
    responses = sa.select(s.responses, of.score, of.aspects)
    responses = responses.join(s.dataset_responses, of.response_id == s.responses.c.id)
    for row in connection.execute(
        responses.where(_held_by(of, dataset_id) & s.responses.c.prompt_id.in_(here)).order_by(of.row)
    ):
        data.responses[row.id] = Response(row.id, row.prompt_id, row.text, row.source)
        if row.score is not None:
            data.scores[row.id] = row.score
        if row.aspects:
            data.aspects[row.id] = row.aspects
    given = s.dataset_pairs.c
    pairs = sa.select(s.pairs).join(s.dataset_pairs, given.pair_id == s.pairs.c.id)
    for row in connection.execute(
        pairs.where(_held_by(given, dataset_id) & s.pairs.c.prompt_id.in_(here)).order_by(given.row)
    ):
        data.pairs[row.id] = Pair(row.id, row.prompt_id, row.a, row.b)
    said = s.comparisons.c
    answers = sa.select(s.comparisons).where(_held_by(said, dataset_id) & said.pair_id.in_(_listed(data.pairs)))
    data.comparisons = [
        Comparison(r.pair_id, r.answer, r.strength, r.labeller, r.share)
        for r in connection.execute(answers.order_by(said.row))
    ]


def _held_by(columns: Any, dataset_id: str) -> sa.ColumnElement[bool]:
    """Rows of the data set, found by what else is asked of them: by its own index SQLite would read all of them for
    every block."""
    return cast("sa.ColumnElement[bool]", columns.dataset_id.concat("") == dataset_id)


def _rows(blocks: Iterable[Sequence[Pair]]) -> PoolRows:
    """Pairs, block by block, as arrays: no object outlives its block."""
    found = [_columns(block) for block in blocks if block]
    ids, prompt, a, b = (np.concatenate(part) for part in zip(*found, strict=True)) if found else [_none()] * 4
    del found
    order = np.argsort(ids, kind="stable")
    ids, prompt, a, b = ids[order], prompt[order], a[order], b[order]
    prompts, of_pair = np.unique(prompt, return_inverse=True)
    responses = np.unique(np.concatenate([a, b]))
    sides = np.stack([np.searchsorted(responses, side).astype(np.int32) for side in (a, b)], axis=1)
    of_pair = of_pair.reshape(-1).astype(np.int32)
    of_response = np.zeros(len(responses), dtype=np.int32)
    for side in (0, 1):
        of_response[sides[:, side]] = of_pair
    return PoolRows(ids, sides, of_pair, responses, of_response, prompts)


def _columns(pairs: Sequence[Pair]) -> tuple[np.ndarray, ...]:
    """Ids of the pairs, of their prompts and of both sides, as bytes (n,) each."""
    return tuple(
        np.array([one.encode() for one in column], dtype=bytes)
        for column in zip(*((pair.id, pair.prompt_id, pair.a, pair.b) for pair in pairs), strict=True)
    )


def _none() -> np.ndarray:
    return np.zeros(0, dtype="S1")


def _listed(ids: Iterable[str]) -> sa.Select[tuple[str]]:
    return sa.select(sa.func.json_each(json.dumps(sorted(ids))).table_valued("value").c.value)


def _prompt(row: sa.Row[tuple[object, ...]]) -> Prompt:
    return Prompt(row.id, tuple(Message(*turn) for turn in row.messages), row.topic or "")
