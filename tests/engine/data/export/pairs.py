"""Pairs with answers, made by hand: small, and with everything in them that an export must not lose."""

from pathlib import Path
from typing import Any

from engine.data.answers import Acquired, AskedPair, Subset, Vote
from engine.data.export.files import files_of, write_files
from engine.data.export.make import Export, export
from engine.records import Answer, Message, Pair, Prompt, Response

TALK = (("system", "Be kind."), ("user", "And then?"), ("assistant", "So."), ("user", "Why?"))
ALL = Subset(study_id="s1")


def vote(answer: Answer, label: int, **changes: Any) -> Vote:
    return Vote(label, answer, **{"oracle": "gold", **changes})


def asked(
    number: int,
    *answers: Answer | Vote,
    messages: tuple[tuple[str, str], ...] = (),
    texts: tuple[str, str] | None = None,
    **pick: Any,
) -> AskedPair:
    """A pair with the ids of its texts; `texts` may come in any order, sides go by hash."""
    turns = messages or (("user", f"How, {number}? <b>`|"),)
    prompt = Prompt.of([Message(*turn) for turn in turns])
    one, other = (
        Response.of(prompt.id, text) for text in texts or (f"=gently {number}", f"hot, for {number} minutes\nÜ")
    )
    pair = Pair.of(prompt.id, one.id, other.id)
    by_id = {one.id: one.text, other.id: other.text}
    first = Acquired(
        **{"strategy": "real", "seed": 1, "run_id": "r1", "round": 1, "rank": number, "score": 0.5, **pick}
    )
    votes = tuple(a if isinstance(a, Vote) else vote(a, 100 * number + n) for n, a in enumerate(answers))
    return AskedPair(pair.id, turns, by_id[pair.a], by_id[pair.b], "m", "m", (first,), votes)


def pairs() -> list[AskedPair]:
    """Each kind once: preferred (plain, a talk), tie, only skips, both bad, an even vote, a majority, a correction."""
    return [
        asked(1, "a"),
        asked(2, "b", messages=TALK),
        asked(3, "tie"),
        asked(4, "skip"),
        asked(5, "both_bad"),
        asked(6, "a", "b"),
        asked(7, *(vote(a, 700 + n, labeller=f"p{n}", person=f"Ann {n}") for n, a in enumerate(("b", "a", "b")))),
        asked(8, vote("a", 800, corrected=True), vote("b", 801), "skip"),
    ]


def given(of: list[AskedPair]) -> dict[int, int]:
    """Label → answers: what the store says of these pairs."""
    found: dict[int, int] = {}
    for pair in of:
        for one in pair.votes:
            found[one.label] = found.get(one.label, 0) + 1
    return found


def saved(made: Export, folder: Path) -> Path:
    """Written below the folder; where its rows are."""
    write_files(files_of(made), folder)
    return folder / made.file


def made_of(of: list[AskedPair], profile: str = "trl", container: Any = "jsonl", **how: Any) -> Export:
    return export(of, how.pop("subset", ALL), profile=profile, container=container, **{"salt": b"of the tests", **how})
