"""A campaign worked by hand, without a model: 4 held-out pairs, an audit slice of 4, batches of 5 of 16 and of 11."""

from pathlib import Path
from typing import Literal

import numpy as np

from engine.config import StudyConfig
from engine.data.pool import Comparison, PreferenceData
from engine.records import (
    Answer,
    Evaluated,
    Label,
    Labelled,
    Message,
    Metric,
    Pair,
    Pick,
    Picked,
    Pooled,
    Prompt,
    Response,
    Scored,
    SignalArray,
    Trained,
)
from engine.store import campaigns, queries, roles, writer
from engine.store.assignments import Said, answer_and_next, claim_next
from engine.store.database import Store, open_store
from engine.store.texts import add_dataset
from tests.engine.store.test_store import a_worker

Upto = Literal["queued", "asked", "answered", "picked", "done"]
HOSTILE = '<script>alert("n")</script>'
AUDIT: tuple[Answer, ...] = ("a", "a", "b", "tie")
PICKS: tuple[Answer, ...] = ("a", "b", "tie", "both_bad", "a")
MARGINS = [3.0, -2.0, 9.0, 9.0, 1.0]
"""Of the picks when they were scored for round 2; the third and fourth have no side."""
SECONDS = {"held_out": 10.0, "audit": 20.0, "label": 30.0}


def pairs(n: int, what: str) -> PreferenceData:
    """n prompts of a pair each; the file names a everywhere, and its scores are 1 apart."""
    data = PreferenceData()
    for i in range(n):
        prompt = Prompt.of([Message("user", f"{what} {i:02}? <b>&")])
        one, other = (Response.of(prompt.id, f"{word} {i:02}", "m") for word in ("yes", "nay"))
        pair = Pair.of(prompt.id, one.id, other.id)
        data.prompts[prompt.id] = prompt
        data.responses |= {one.id: one, other.id: other}
        data.scores |= {pair.a: 2.0, pair.b: 1.0}
        data.pairs[pair.id] = pair
        data.comparisons.append(Comparison(pair.id, "a"))
    return data


def campaign(folder: Path, upto: Upto = "done", name: str = "campaign", held_out: str = "near") -> tuple[Store, str]:
    """The store and the study's id; `upto`: how far people and the run are."""
    store = open_store(folder)
    config = StudyConfig.from_dict(
        {
            "name": name, "data": {"pool": "w.jsonl", "held_out": {held_out: "h.jsonl"}}, "model": {"path": "m"},
            "strategies": ["apl", "random", "real"], "rounds": 2, "labels_per_round": 5,
            "oracle": {"name": "people", "held_out_pairs": 4, "audit_share": 0.4},
        }
    )  # fmt: skip
    ids = {
        role: add_dataset(store, name=role, path=f"{role}.jsonl", format_name="made", sha256=role[0] * 64, data=data,
                          rows=len(data.pairs), refused={})
        for role, data in (("pool", pairs(20, "pool")), (f"held_out:{held_out}", pairs(4, "near")))
    }  # fmt: skip
    study_id = writer.queue_study(store, config, ids, {"data": {}})
    if upto == "queued":
        return store, study_id
    claim = writer.claim_run(store, a_worker(store))
    assert claim is not None
    assert campaigns.data_of(store, claim) is None, "people are asked first"
    if upto == "asked":
        return store, study_id
    given = answer(store, study_id, {"audit": AUDIT})
    if upto == "answered":
        return store, study_id
    claim = writer.claim_run(store, a_worker(store))
    assert claim is not None
    found = campaigns.data_of(store, claim)
    assert found is not None
    pool, sets = found
    measured = {
        name: tuple((i, data.pairs[i].prompt_id, given[i]) for i in data.pairs if given[i] in ("a", "b"))
        for name, data in sets.items()
    }
    rest = list(pool.pairs)  # the audit slice is out
    zero = {name: np.zeros(len(rows)) for name, rows in measured.items()}
    writer.save_event(store, claim, Evaluated(0, _metrics(sets, 0.5), zero, measured=measured))
    # Of the held-out pairs three are judged rightly, of the three audit pairs with a side two.
    outcomes = {name: _towards(rows, [1.0] * (len(rows) - 1) + [-1.0]) for name, rows in measured.items()}
    for number, margins, said in ((1, [0.0] * 5, ("a",) * 5), (2, MARGINS, PICKS)):
        batch, left = rest[:5], rest[5:]
        scored = np.array([*margins, *[0.5 if number > 1 else 0.0] * len(left)])
        signal = SignalArray("reward_margin", "pair", tuple(rest), scored, "reward units", "p, summed over tokens")
        picked = Picked(
            number, tuple(Pick(pair_id, rank, 1.0) for rank, pair_id in enumerate(batch, start=1)),
            shadow={"random": tuple(left[:5]), "real": (*batch[:2], *left[:3])},
            shadow_ranks={"real": dict(zip(batch, (95.0, 90.0, 85.0, 80.0, 75.0), strict=True))},
        )  # fmt: skip
        for event in (Pooled(number, tuple(rest)), Scored(number, (signal,), None), picked):
            writer.save_event(store, claim, event)
        campaigns.ask(store, claim, picked)
        if upto == "picked":
            return store, study_id
        given = answer(store, study_id, {"label": said})
        claim = writer.claim_run(store, a_worker(store))
        assert claim is not None
        labels = tuple(Label(pair_id, given[pair_id], "people") for pair_id in batch)
        adapter, steps = {"A": np.full((2, 2), number, np.float32)}, ({"step": 1.0, "loss": 0.6},)
        for later in (
            Labelled(number, labels), Trained(number, adapter, steps, 3, f"h{number}"),
            Evaluated(number, _metrics(sets, 0.75), outcomes),
        ):  # fmt: skip
            writer.save_event(store, claim, later)
        rest = left
    writer.set_state(store, claim.run_id, "done")
    return store, study_id


def answer(store: Store, study_id: str, said: dict[str, tuple[Answer, ...]]) -> dict[str, Answer]:
    """Mia answers all that is open: a, but by kind in order what is `said`; pair → answer."""
    person, given = roles.at_the_machine(store, "Mia <b>"), {}
    left = {kind: list(answers) for kind, answers in said.items()}
    shown = claim_next(store, study_id, person.id)
    while shown is not None:
        kind = _kind(store, shown.assignment_id)
        answer = left[kind].pop(0) if left.get(kind) else "a"
        given[shown.pair_id] = answer
        told = Said(answer, seconds=SECONDS[kind])
        shown = answer_and_next(store, study_id, shown.assignment_id, person.id, told)
    return given


def run_of(store: Store, study_id: str) -> str:
    return queries.study(store, study_id).runs[0].id


def _kind(store: Store, number: int) -> str:
    import sqlalchemy as sa

    from engine.store import schema as s

    with store.read() as connection:
        return str(connection.execute(sa.select(s.assignments.c.kind).where(s.assignments.c.id == number)).scalar_one())


def _metrics(sets: dict[str, PreferenceData], value: float) -> tuple[Metric, ...]:
    return tuple(Metric("accuracy", name, value, 4, "share of pairs") for name in sets)


def _towards(rows: tuple[tuple[str, str, Answer], ...], margins: list[float]) -> np.ndarray:
    return np.array([m if answer == "a" else -m for m, (_, _, answer) in zip(margins, rows, strict=True)])
