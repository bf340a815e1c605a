"""A campaign as its worker sees it: what people answer before round 0, the queue of a batch, what their answers are."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from engine.config import RunConfig
from engine.cost import Sizes, budget_in
from engine.data.pool import Comparison, PreferenceData
from engine.errors import DataError
from engine.oracles.people import People, sample_of
from engine.records import Answer, Label, Pair, Picked
from engine.resume import unasked
from engine.samplers.base import SAMPLERS
from engine.store import schema as s
from engine.store.claims import Claim, is_owner
from engine.store.database import Store, now
from engine.store.roles import left_for
from engine.store.texts import add_pairs, load_dataset
from engine.store.votes import COUNTING, UNFINISHED, Kind, settled
from engine.store.writer import bought_labels

AUDIT = "audit"
"""The held-out set that a campaign's random slice of the pool is measured as."""
HELD_OUT = "held_out:"


@dataclass(frozen=True)
class Aside:
    """What a campaign asks about beside its batches: pairs of the held-out set of that name, of the pool, and gold."""

    name: str
    held_out: tuple[str, ...]
    audit: tuple[str, ...]
    gold: Mapping[str, Answer]


def data_of(
    store: Store, claim: Claim, check: Callable[[], None] = unasked
) -> tuple[PreferenceData, dict[str, PreferenceData]] | None:
    """The pool and the held-out sets of a run; None if it now waits for people to answer what is bought first."""
    pool = load_dataset(store, claim.datasets["pool"], check)
    held_out = {
        role.removeprefix(HELD_OUT): load_dataset(store, dataset_id, check)
        for role, dataset_id in claim.datasets.items()
        if role.startswith(HELD_OUT)
    }
    if not claim.config.study.oracle.people:
        return pool, held_out
    whole, sets = _askable(claim.config, pool), {n: _askable(claim.config, data) for n, data in held_out.items()}
    study = claim.config.study
    aside = aside_of(claim.config, whole, sets, budget_in(study, claim.config.strategy, Sizes.of(pool)))
    first = (*aside.held_out, *aside.audit)
    labels = bought(store, claim, first, 0)
    if len(labels) < len(first):
        asked: list[tuple[str, Kind]] = [(pair_id, "held_out") for pair_id in aside.held_out]
        asked += [(pair_id, "audit") for pair_id in aside.audit]
        pairs = [sets[aside.name].pairs[pair_id] for pair_id in aside.held_out]
        wait(store, claim, 0, asked, aside.gold, [*pairs, *(whole.pairs[pair_id] for pair_id in aside.audit)])
        return None
    kept, measured = answered(aside, labels, whole, sets)
    return pool.only_prompts(list(kept.prompts)), {**held_out, **measured}


def _askable(config: RunConfig, data: PreferenceData) -> PreferenceData:
    """With the pairs that the study's sampler makes of given responses; of all of them where it draws its own."""
    sampler = SAMPLERS.build("all_pairs") if config.study.sampler.generates else config.study.sampler
    found = sampler.candidates(data, list(data.prompts), None).pairs
    return replace(data, pairs={**data.pairs, **{pair.id: pair for pair in found}})


def aside_of(config: RunConfig, pool: PreferenceData, held_out: Mapping[str, PreferenceData], budget: int) -> Aside:
    """By keyed draws, so the same whenever it is asked for. DataError if there are not the pairs for it.

    `budget`: labels that the run buys at most, which audit slice and gold questions are shares of.
    """
    oracle, study = cast(People, config.study.oracle), config.study
    name = study.referee.decides_on(study.data.held_out)
    sample: list[str] = []
    if oracle.held_out_pairs:
        sample = sample_of(held_out.get(name, PreferenceData()), oracle.held_out_pairs, config.seed, "held-out sample")
    n_audit, n_gold = oracle.aside(budget), oracle.gold_pairs(budget)
    audit = sample_of(pool, n_audit, config.seed, "audit slice")
    if len(audit) < n_audit:
        raise DataError(
            f"The audit slice takes {n_audit:,} prompts of the pool, which has {len(audit):,}.",
            "Lower oracle.audit_share, or add prompts.",
        )
    gold = _gold(pool, n_gold, config.seed, {pool.pairs[pair_id].prompt_id for pair_id in audit})
    return Aside(name, tuple(sample), tuple(audit), gold)


def _gold(pool: PreferenceData, n: int, seed: int, besides: set[str]) -> dict[str, Answer]:
    """Pairs whose recorded answers all name the same side."""
    if not n:
        return {}
    said: dict[str, set[Answer]] = {}
    for one in pool.comparisons:
        said.setdefault(one.pair_id, set()).add(one.answer)
    known = {pair_id: next(iter(all_)) for pair_id, all_ in said.items() if all_ in ({"a"}, {"b"})}
    sure = replace(pool, pairs={i: p for i, p in pool.pairs.items() if i in known})
    chosen = sample_of(sure, n, seed, "gold questions", besides)
    if not chosen:
        raise DataError(
            "No pair of the pool has a recorded answer that all agree on, so none can be a gold question.",
            "Set oracle.gold_share to 0, or add pairs with answers.",
        )
    return {pair_id: known[pair_id] for pair_id in chosen}


def answered(
    aside: Aside, labels: Mapping[str, Label], pool: PreferenceData, held_out: Mapping[str, PreferenceData]
) -> tuple[PreferenceData, dict[str, PreferenceData]]:
    """The pool without the prompts that are measured or known, and the sets that are measured by people's answers."""
    found: dict[str, PreferenceData] = {}
    if aside.held_out:
        found[aside.name] = _only(held_out[aside.name], aside.held_out, labels)
        if not any(labels[pair_id].trains for pair_id in aside.held_out):
            raise DataError(
                f"People preferred no side in any of the {len(aside.held_out):,} pairs of the held-out sample, so "
                "nothing can be measured.",
                "Take another held-out set, or its recorded answers (oracle.held_out_pairs: 0), in a clone.",
            )
    if any(labels[pair_id].trains for pair_id in aside.audit):
        found[AUDIT] = _only(pool, aside.audit, labels)
    out = {pool.pairs[pair_id].prompt_id for pair_id in (*aside.audit, *aside.gold)}
    return pool.only_prompts([prompt_id for prompt_id in pool.prompts if prompt_id not in out]), found


def _only(data: PreferenceData, pair_ids: Sequence[str], labels: Mapping[str, Label]) -> PreferenceData:
    """These pairs with their labels as the only answers; a skip is none."""
    prompts = {data.pairs[pair_id].prompt_id for pair_id in pair_ids}
    part = data.only_prompts([prompt_id for prompt_id in data.prompts if prompt_id in prompts])
    given = [(pair_id, labels[pair_id].answer) for pair_id in pair_ids]
    return replace(
        part,
        pairs={pair_id: data.pairs[pair_id] for pair_id in pair_ids},
        comparisons=[Comparison(pair_id, answer) for pair_id, answer in given if answer != "skip"],
    )


def bought_or_not(store: Store, claim: Claim, pair_ids: Sequence[str]) -> Mapping[str, Label]:
    """The labels that a run finds bought, whoever answers."""
    return (bought if claim.config.study.oracle.people else bought_labels)(store, claim, pair_ids)


def bought(store: Store, claim: Claim, pair_ids: Sequence[str], round_number: int | None = None) -> dict[str, Label]:
    """What people's answers to these pairs come to, of those that are answered; of the run's round where none is named.

    Answers that the study was lent count like its own.
    """
    with store.read() as connection:
        if round_number is None:
            of = s.runs.c
            round_number = int(connection.execute(sa.select(of.round).where(of.id == claim.run_id)).scalar_one())
        oracle = cast(People, claim.config.study.oracle)
        return settled(
            connection, oracle, claim.run_id, claim.study_id, claim.config.seed, round_number, list(pair_ids)
        )


def wait(
    store: Store,
    claim: Claim,
    round_number: int,
    asked: Sequence[tuple[str, Kind]],
    gold: Mapping[str, Answer] | None = None,
    pairs: Sequence[Pair] = (),
) -> None:
    """Put what nobody has answered into the queue, and let the run wait for it; in one transaction, again and again.

    If all of it is answered by then the run is queued at once. Nothing is done if the run is another worker's now.
    `pairs` are those that the store may not know yet.
    """
    oracle = cast(People, claim.config.study.oracle)
    to, seed = s.assignments.c, claim.config.seed
    with store.write(claim.study_id) as connection:
        if not is_owner(connection, claim):
            return
        add_pairs(connection, list(pairs))
        ids = [pair_id for pair_id, _ in asked]
        done = settled(connection, oracle, claim.run_id, claim.study_id, seed, round_number, ids)
        mine = (to.run_id == claim.run_id) & (to.round == round_number)
        there = set(connection.execute(sa.select(to.pair_id).where(mine & to.kind.in_(COUNTING))).scalars())
        new = [(place, pair_id, kind) for place, (pair_id, kind) in enumerate(asked) if pair_id not in {*done, *there}]
        key = {"run_id": claim.run_id, "round": round_number, "created": now()}
        rows = [
            {**key, "pair_id": pair_id, "kind": kind, "state": "open", "position": place + again * len(asked)}
            for place, pair_id, kind in new
            for again in range(oracle.wanted(seed, pair_id))
        ]
        if rows:
            connection.execute(insert(s.assignments), rows)
        kept = set(connection.execute(sa.select(to.pair_id).where(mine & (to.kind == "kept"))).scalars())
        reserve = [
            {**key, "pair_id": pair_id, "kind": "kept", "state": "kept", "known": answer}
            for pair_id, answer in (gold or {}).items()
            if pair_id not in kept
        ]
        if reserve:
            connection.execute(insert(s.assignments), reserve)
        connection.execute(
            s.runs.update()
            .where((s.runs.c.id == claim.run_id) & (s.runs.c.state == "running"))
            .values(state="waiting", error="", progress="", updated=now())
        )
        go_on(connection, claim.run_id)


def ask(store: Store, claim: Claim, batch: Picked, open_: Collection[str] | None = None) -> None:
    """Put a batch, or those of its pairs that are open, into the queue, best first, and let the run wait for it."""
    wanted = [pick.pair_id for pick in batch.picks if open_ is None or pick.pair_id in open_]
    wait(store, claim, batch.round, [(pair_id, "label") for pair_id in wanted])


def go_on(connection: sa.Connection, run_id: str) -> bool:
    """Queue the run if it waits and nobody has anything left to answer in it; whether it did."""
    to, runs = s.assignments.c, s.runs.c
    left = (to.run_id == run_id) & to.kind.in_(COUNTING) & to.state.in_(UNFINISHED)
    if connection.execute(sa.select(to.id).where(left).limit(1)).first() is not None:
        return False
    going = {"state": "queued", "progress": "", "updated": now(), "taken_over": 0}
    changed = connection.execute(s.runs.update().where((runs.id == run_id) & (runs.state == "waiting")).values(**going))
    return bool(changed.rowcount)


def may_return(store: Store, claim: Claim, pair_ids: Sequence[str]) -> frozenset[str]:
    """Of pairs that everybody asked has skipped, those that somebody else can answer."""
    if not claim.config.study.oracle.people:
        return frozenset()
    with store.read() as connection:
        return frozenset(i for i in pair_ids if left_for(connection, claim.study_id, i))
