"""Reading a pool: search its texts, one prompt with all that is known of it, the scores of a round with their picks."""

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from engine.arms import title_of
from engine.store import schema as s
from engine.store.bank import banked
from engine.store.database import Store
from engine.store.reviews import read_review
from engine.store.round_table import candidates_in, quantities_of, table_of
from engine.store.summaries import (
    BoughtLabel,
    FoundPrompt,
    PairTexts,
    PromptPage,
    PromptResponses,
    ResponseText,
    RoundScores,
    StrategyRef,
)

PAGE = 50
"""Prompts of a page of search results."""
MADE = 100
"""Responses of one prompt that the runs of a study made, at most."""
_IDS = 20_000
"""Pairs that are asked for at once, at most."""


def pattern(text: str) -> str:
    r"""A text as a LIKE pattern that finds exactly it: %, _ and \ lose their meaning."""
    for sign in ("\\", "%", "_"):
        text = text.replace(sign, f"\\{sign}")
    return f"%{text}%"


def datasets_of(store: Store, study_id: str) -> dict[str, str]:
    """Role → data set of a study: "pool", "held_out:NAME"; empty if there is no such study."""
    with store.read() as connection:
        found = connection.execute(sa.select(s.studies.c.datasets).where(s.studies.c.id == study_id)).scalar()
    return dict(found or {})


def has_dataset(store: Store, dataset_id: str) -> bool:
    """Whether the store holds it."""
    with store.read() as connection:
        there = (s.datasets.c.id == dataset_id) & s.datasets.c.whole
        return connection.execute(sa.select(s.datasets.c.id).where(there)).first() is not None


def recorded(store: Store, dataset_id: str) -> dict[str, int]:
    """Answer → how many comparisons of the file gave it."""
    of = s.comparisons.c
    with store.read() as connection:
        rows = connection.execute(
            sa.select(of.answer, sa.func.count()).where(of.dataset_id == dataset_id).group_by(of.answer)
        )
        return {answer: n for answer, n in rows}


def search(store: Store, dataset_id: str, text: str = "", page: int = 0) -> PromptPage:
    """A page of the prompts that hold the text, or of which a response does; all prompts for "".

    Blanks at its ends do not count. Capitals make no difference from a to z; other letters are compared as they are.
    """
    wanted = text.strip()
    member = s.dataset_prompts.c
    condition = member.dataset_id == dataset_id
    if wanted:
        turn = sa.func.json_each(s.prompts.c.messages).table_valued("value")
        said = sa.func.json_extract(turn.c.value, "$[1]").like(pattern(wanted), escape="\\")
        in_prompt: Any = sa.exists(sa.select(1).select_from(turn).where(said))
        if (
            wanted.isascii() and json.dumps(wanted) == f'"{wanted}"'
        ):  # it stands in the JSON as it is: a quick first look
            in_prompt = sa.cast(s.prompts.c.messages, sa.Text).like(pattern(wanted), escape="\\") & in_prompt
        answered = (
            sa.select(s.responses.c.prompt_id)
            .join(s.dataset_responses, s.dataset_responses.c.response_id == s.responses.c.id)
            .where(s.dataset_responses.c.dataset_id == dataset_id)
            .where(s.responses.c.text.like(pattern(wanted), escape="\\"))
        )
        condition &= s.prompts.c.id.in_(answered) | in_prompt
    page = max(page, 0)
    with store.read() as connection:
        if wanted:  # every text is looked at once, whatever the page
            matching = sa.select(s.prompts.c.id).join(s.dataset_prompts, member.prompt_id == s.prompts.c.id)
            places = connection.execute(matching.where(condition).order_by(member.row)).scalars().all()
            total, shown = len(places), list(places[page * PAGE : (page + 1) * PAGE])
        else:
            every = sa.select(sa.func.count()).select_from(s.dataset_prompts).where(condition)
            total = int(connection.execute(every).scalar_one())
            some = sa.select(member.prompt_id).where(condition).order_by(member.row).limit(PAGE).offset(page * PAGE)
            shown = list(connection.execute(some).scalars())
        rows = connection.execute(
            sa.select(s.prompts.c.id, s.prompts.c.messages, s.prompts.c.topic, member.row)
            .join(s.dataset_prompts, member.prompt_id == s.prompts.c.id)
            .where((member.dataset_id == dataset_id) & s.prompts.c.id.in_(shown))
            .order_by(member.row)
        ).all()
        ids = [row.id for row in rows]
        responses = _counted(connection, s.dataset_responses, "response_id", s.responses, dataset_id, ids)
        pairs = _counted(connection, s.dataset_pairs, "pair_id", s.pairs, dataset_id, ids)
        compared = _counted(connection, s.comparisons, "pair_id", s.pairs, dataset_id, ids)
    found = tuple(
        FoundPrompt(
            row.id,
            row.row + 1,
            _turns(row.messages),
            row.topic or "",
            responses.get(row.id, 0),
            pairs.get(row.id, 0),
            compared.get(row.id, 0),
        )
        for row in rows
    )
    return PromptPage(total, page, PAGE, found)


def _counted(
    connection: sa.Connection, member: sa.Table, column: str, table: sa.Table, dataset_id: str, ids: Sequence[str]
) -> dict[str, int]:
    """Prompt id → rows of `member` that belong to it; counted from the prompts, not through the whole data set."""
    mine = (member.c[column] == table.c.id) & (member.c.dataset_id == dataset_id)
    each = sa.select(sa.func.count()).select_from(member).where(mine).correlate(table).scalar_subquery()
    counted = sa.select(table.c.prompt_id, sa.func.sum(each)).where(table.c.prompt_id.in_(ids))
    return {prompt_id: int(n) for prompt_id, n in connection.execute(counted.group_by(table.c.prompt_id))}


def prompt(store: Store, dataset_id: str, prompt_id: str, study_id: str | None = None) -> PromptResponses | None:
    """A prompt of a data set with its responses, recorded answers, and the labels a study bought; None if not there.

    Responses that runs of the study made come after those of the file, `MADE` at most.
    """
    with store.read() as connection:
        row = connection.execute(
            sa.select(s.prompts)
            .join(s.dataset_prompts, s.dataset_prompts.c.prompt_id == s.prompts.c.id)
            .where((s.dataset_prompts.c.dataset_id == dataset_id) & (s.prompts.c.id == prompt_id))
        ).first()
        if row is None:
            return None
        # By ids, and sorted here: left to itself, SQLite goes through the whole data set.
        member = s.dataset_responses.c
        known = connection.execute(sa.select(s.responses).where(s.responses.c.prompt_id == prompt_id)).all()
        held = sa.select(member.response_id, member.row, member.score).where(member.dataset_id == dataset_id)
        held = held.where(member.response_id.in_([r.id for r in known]))
        place = {r.response_id: (r.row, r.score) for r in connection.execute(held)}
        given = sorted((r for r in known if r.id in place), key=lambda r: place[r.id])
        responses = [ResponseText(r.id, r.text, r.source, place[r.id][1], None) for r in given]
        if study_id is not None:
            made = connection.execute(
                sa.select(s.responses)
                .join(s.runs, s.runs.c.id == s.responses.c.run_id)
                .where((s.runs.c.study_id == study_id) & (s.responses.c.prompt_id == prompt_id))
                .where(s.responses.c.id.not_in([r.id for r in given]))
                .order_by(s.responses.c.round, s.responses.c.id)
                .limit(MADE)
            )
            responses += [ResponseText(r.id, r.text, r.source, None, r.round) for r in made]
        of_prompt = s.pairs.c.prompt_id == prompt_id
        pairs = connection.execute(sa.select(s.pairs).where(of_prompt).order_by(s.pairs.c.id)).all()
        shown = {response.id for response in responses}
        file = s.comparisons.c
        wanted = (file.dataset_id == dataset_id) & file.pair_id.in_([p.id for p in pairs])
        compared = connection.execute(sa.select(s.comparisons).where(wanted)).all()
        bought = _bought(connection, study_id, of_prompt) if study_id is not None else ()
    return PromptResponses(
        row.id,
        _turns(row.messages),
        row.topic or "",
        tuple(responses),
        {p.id: (p.a, p.b) for p in pairs if {p.a, p.b} <= shown},
        tuple((c.pair_id, c.answer, c.labeller) for c in sorted(compared, key=lambda c: c.row)),
        bought,
    )


def _bought(connection: sa.Connection, study_id: str, condition: Any) -> tuple[BoughtLabel, ...]:
    rows = connection.execute(
        sa.select(s.labels, s.runs.c.strategy, s.runs.c.seed.label("run_seed"), s.studies.c.slots)
        .join(s.pairs, s.pairs.c.id == s.labels.c.pair_id)
        .join(s.runs, s.runs.c.id == s.labels.c.run_id)
        .join(s.studies, s.studies.c.id == s.labels.c.study_id)
        .where(banked(connection, study_id) & condition)
        .order_by(s.labels.c.id)
    )
    return tuple(
        BoughtLabel(
            r.pair_id,
            r.answer,
            r.oracle,
            StrategyRef(r.strategy, title_of(r.strategy), r.slots.get(r.strategy, 99)),
            r.run_seed,
            r.round,
        )
        for r in rows
    )


def answered(store: Store, study_id: str, seed: int, before: int) -> frozenset[str]:
    """The pairs whose label a run of that seed had bought before the round; a simulated oracle answers once a seed."""
    of = s.labels.c
    with store.read() as connection:
        found = sa.select(of.pair_id).join(s.runs, s.runs.c.id == of.run_id)
        found = found.where((of.study_id == study_id) & (s.runs.c.seed == seed) & (of.round < before))
        return frozenset(connection.execute(found).scalars())


def round_scores(store: Store, run_id: str, round_number: int) -> RoundScores | None:
    """What a run's round gave its candidates, and its picks; None before the run has picked in it.

    Of a batch that people change, or changed, in review: the batch as it stands.
    """
    with store.read() as connection:
        run = connection.execute(
            sa.select(s.runs, s.studies.c.slots).join(s.studies).where(s.runs.c.id == run_id)
        ).first()
        picks = connection.execute(
            sa.select(s.picks)
            .where((s.picks.c.run_id == run_id) & (s.picks.c.round == round_number))
            .order_by(s.picks.c.rank)
        ).all()
        edits = s.edits.c
        handled = sa.select(edits.id).where((edits.run_id == run_id) & (edits.round == round_number)).limit(1)
        review = read_review(connection, run_id, round_number) if connection.execute(handled).first() else None
    if run is None or not picks:
        return None
    table = table_of(store, run_id, round_number)
    if table is None:
        return None
    return RoundScores(
        StrategyRef(run.strategy, title_of(run.strategy), run.slots.get(run.strategy, 99)),
        run_id,
        round_number,
        any(pick.warm_up for pick in picks),
        any(pick.gain is not None for pick in picks),
        tuple(pick.pair_id for pick in (review.picks if review else picks)),
        table,
        candidates_in(table),
        quantities_of(table),
        review.by_hand if review else {},
        review.out if review else (),
    )


def pair_texts(store: Store, pair_ids: Sequence[str]) -> list[PairTexts]:
    """The texts of the pairs, in the order given; a pair that is not there is left out. `_IDS` at most."""
    a, b = s.responses.alias("ra"), s.responses.alias("rb")
    ids = sa.func.json_each(json.dumps(list(pair_ids[:_IDS]))).table_valued("value")
    with store.read() as connection:
        rows = connection.execute(
            sa.select(
                s.pairs,
                s.prompts.c.messages,
                a.c.text.label("text_a"),
                b.c.text.label("text_b"),
                a.c.source.label("source_a"),
                b.c.source.label("source_b"),
            )
            .join(s.prompts, s.prompts.c.id == s.pairs.c.prompt_id)
            .join(a, a.c.id == s.pairs.c.a)
            .join(b, b.c.id == s.pairs.c.b)
            .where(s.pairs.c.id.in_(sa.select(ids.c.value)))
        ).all()
    found = {
        r.id: PairTexts(r.id, r.prompt_id, _turns(r.messages), r.text_a, r.text_b, r.source_a, r.source_b) for r in rows
    }
    return [found[pair_id] for pair_id in dict.fromkeys(pair_ids) if pair_id in found]


def _turns(messages: Any) -> tuple[tuple[str, str], ...]:
    return tuple((role, content) for role, content in messages)
