"""What scoring a pool for a dry run takes, before it is asked for: passes, draws, tokens, seconds and bytes.

Counted without a model, from what the store knows; what lies in the cache can only make it less.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from engine.config import StudyConfig
from engine.cost import Pace, Sizes, Work, round_pool, scoring
from engine.disk import shapes_of, width_of
from engine.settings import ModelSettings
from engine.signals.base import Signal
from engine.store import schema as s
from engine.store.as_queued import run_as_queued
from engine.store.database import Store
from engine.store.pace import pace

CHARACTERS_A_TOKEN = 4.0
"""Where nobody has counted yet; a small vocabulary takes fewer characters a token, so more tokens."""


@dataclass(frozen=True)
class Price:
    """`tokens` through the model and `bytes` kept are about; `pace` None: no run with this model has finished here."""

    work: Work
    tokens: float
    bytes: float
    pace: Pace | None

    @property
    def seconds(self) -> float | None:
        """At the pace of finished runs; None where there are none."""
        return None if self.pace is None else self.pace.seconds(self.work)


@dataclass(frozen=True)
class ToDraw:
    """What a dry run of a round that draws its pool has to draw: the pool then, draws in generations by the policy."""

    pool: Sizes
    draws: float
    max_new_tokens: int


def to_draw(
    store: Store, whole: Sizes, *, study_id: str, run_id: str, number: int, prompts: int | None
) -> ToDraw | None:
    """Of a round of a study, or of one of its runs, over so many of its prompts; None where nothing is drawn, or where
    the round has its pool. `whole` is the study's pool as it was imported."""
    if not study_id:
        return None
    with store.read() as connection:
        config = connection.execute(sa.select(s.studies.c.config).where(s.studies.c.id == study_id)).scalar_one()
        of = (s.stages.c.run_id == run_id) & (s.stages.c.round == number) & (s.stages.c.stage == "pooled")
        pooled = connection.execute(sa.select(s.stages.c.run_id).where(of)).first()
    study = StudyConfig.from_dict(config, f"Study {study_id}")
    if run_id:
        study = run_as_queued(store, run_id).config.study
    if pooled is not None or not study.sampler.generates:
        return None
    pool = round_pool(study, whole)
    if prompts is not None and prompts < pool.prompts:
        share = prompts / pool.prompts
        pool = Sizes(prompts, round(pool.responses * share), round(pool.pairs * share))
    return ToDraw(pool, pool.responses * study.sampler.passes, int(getattr(study.sampler, "max_new_tokens", 0)))


def price(
    store: Store,
    model: ModelSettings,
    dataset_id: str,
    of: Sizes,
    signals: Sequence[Signal],
    *,
    study_id: str = "",
    rounds: int = 0,
    trained: bool = False,
    to_draw: "ToDraw | None" = None,
) -> Price:
    """Of these signals over a pool of that size from that data set and over the picks of so many rounds of a study.

    `trained`: the policy is not its reference, though it has no rounds. `to_draw`: what a round that has no pool yet
    draws first; then it is the pool. Each array is kept twice: in the blocks that it was computed in, and whole.
    """
    if to_draw is not None:
        of = to_draw.pool
    work = Work()
    if rounds:
        with store.read() as connection:
            row = connection.execute(sa.select(s.studies.c.config).where(s.studies.c.id == study_id)).one()
        config = StudyConfig.from_dict(row.config, f"Study {study_id}")
        past = rounds * config.batch_of(of.pairs, of.prompts)
        adapters = sum(signal.adapters for signal in signals)
        work = Work(backwards=2 * adapters * config.dpo.epochs * past)
        of = Sizes(of.prompts + past, of.responses + 2 * past, of.pairs + past)
    work += scoring(signals, of, trained=trained or rounds > 0)
    if to_draw is not None:
        work += Work(generations=to_draw.draws)
    prompt, response = _characters(store, dataset_id)
    texts = work.forwards + work.backwards
    longest = max((getattr(x, "max_new_tokens", 0) for x in signals), default=0)
    drawn = work.generations * float(max(longest, to_draw.max_new_tokens if to_draw else 0))
    tokens = texts * (prompt + response) / CHARACTERS_A_TOKEN + work.generations * prompt / CHARACTERS_A_TOKEN + drawn
    rows, shapes = {"response": of.responses, "pair": of.pairs, "prompt": of.prompts}, shapes_of(model)
    size = sum(2 * 4 * rows[signal.axis] * width_of(signal, shapes) for signal in signals)
    return Price(work, tokens, size, pace(store, model.path))


def _characters(store: Store, dataset_id: str) -> tuple[float, float]:
    """Mean characters of a prompt and of a response of the data set; 0 where it has none."""
    told = sa.func.avg(sa.func.length(sa.cast(s.prompts.c.messages, sa.Text)))
    said = sa.func.avg(sa.func.length(s.responses.c.text))
    member, given = s.dataset_prompts.c, s.dataset_responses.c
    with store.read() as connection:
        prompts = sa.select(told).join(s.dataset_prompts, member.prompt_id == s.prompts.c.id)
        responses = sa.select(said).join(s.dataset_responses, given.response_id == s.responses.c.id)
        found = [
            connection.execute(wanted).scalar()
            for wanted in (
                prompts.where(member.dataset_id == dataset_id),
                responses.where(given.dataset_id == dataset_id),
            )
        ]
    return float(found[0] or 0), float(found[1] or 0)
