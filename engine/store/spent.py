"""What a study had spent: each run by its rounds in device seconds of all stages, and by stage in tokens and memory."""

import pandas as pd
import sqlalchemy as sa

from engine.store import schema as s
from engine.store.database import Store


def spent(store: Store, study_id: str) -> pd.DataFrame:
    """One row a run and round of a study: run_id, round, seconds from the run's start to that round's end, device.

    A round counts once it is evaluated. Round 0 has the seconds of the evaluation before any label. Time in which a run
    waited for a worker or for people is in no stage, and so not in here.
    """
    rounds = (
        sa.select(
            s.stages.c.run_id,
            s.stages.c.round,
            sa.func.sum(s.stages.c.seconds).label("seconds"),
            sa.func.max(s.stages.c.stage == "evaluated").label("whole"),
        )
        .join(s.runs)
        .where(s.runs.c.study_id == study_id)
        .group_by(s.stages.c.run_id, s.stages.c.round)
        .subquery()
    )
    # The round in hand comes last in its run, so leaving it out changes no sum before it.
    summed = sa.func.sum(rounds.c.seconds).over(partition_by=rounds.c.run_id, order_by=rounds.c.round)
    with store.read() as connection:
        rows = connection.execute(
            sa.select(rounds.c.run_id, rounds.c.round, summed, s.runs.c.device)
            .join(s.runs, s.runs.c.id == rounds.c.run_id)
            .where(rounds.c.whole)
            .order_by(s.runs.c.position, rounds.c.round)
        ).all()
    return pd.DataFrame(rows, columns=["run_id", "round", "seconds", "device"])


def stage_costs(store: Store, study_id: str) -> pd.DataFrame:
    """One row a run and stage of a study that has any: run_id, stage, times, seconds, tokens, peak_bytes.

    `times`: in how many rounds; seconds and tokens are sums over them, `peak_bytes` the most any of them held. Tokens
    are those that went through the model, padding left out; 0 where none did, or where nobody counted.
    """
    columns = ["run_id", "stage", "times", "seconds", "tokens", "peak_bytes"]
    log = s.stages.c
    wanted = (
        sa.select(
            log.run_id,
            log.stage,
            sa.func.count(),
            sa.func.sum(log.seconds),
            sa.func.sum(log.tokens),
            sa.func.max(log.peak_bytes),
        )
        .join(s.runs)
        .where(s.runs.c.study_id == study_id)
        .group_by(log.run_id, log.stage)
        .order_by(s.runs.c.position)
    )
    with store.read() as connection:
        return pd.DataFrame(connection.execute(wanted).all(), columns=columns)
