"""The page Label at work: who labels, the pair in hand, what a press does. A press is on disk before the next pair."""

import time
from dataclasses import dataclass, replace
from functools import partial

import streamlit as st

from engine.errors import EngineError
from engine.oracles.people import People
from engine.records import Answer
from engine.store import answered, assignments, roles
from engine.store.answered import Answered, Progress
from engine.store.assignments import Said, Shown
from engine.store.roles import Person
from engine.store.votes import oracle_of
from workbench import cache, entering, messages, session
from workbench.components import label_desk
from workbench.components.foreign_text import first_line
from workbench.components.markup import show

DESK = "_label_desk"
TOO_SOON_S = 0.15
"""A press that follows a new pair sooner than this was meant for the one before: nobody has seen it yet."""


@dataclass(frozen=True)
class Desk:
    """What lies before a person. `since` is when it was laid there, by the steady clock.

    `back`: how far they look back through `mine`, their answers, the newest first; 0 is the queue. `last`: lines of the
    last answers: words, answer, seconds. `begun` is when they began after the last pause, by the same clock.
    """

    study_id: str
    person_id: str
    shown: Shown | None
    since: float
    back: int = 0
    mine: tuple[Answered, ...] = ()
    last: tuple[tuple[str, str, float | None], ...] = ()
    marked: bool = False
    skipping: bool = False
    error: EngineError | None = None
    begun: float = 0.0


def who_labels() -> Person:
    """Who labels here: whose link it is, or at the machine the name that was given."""
    who = entering.person()
    if who is not None and who.id:
        return who
    return roles.at_the_machine(cache.store(), str(session.value_of("labeller") or "lead"))


def study_here(who: Person) -> str:
    """The study to label for: the one of the link, or the one that is looked at; "" for none."""
    if who.study_id:
        return who.study_id
    looking = session.looking().study
    return looking.id if looking else ""


def oracle(study_id: str) -> People | None:
    """The study's people, with what it asks of them; None where no people answer."""
    return oracle_of(cache.study(study_id).config)


def laid(study_id: str, person: Person) -> Desk:
    """The desk of this tab; a new one takes the pair that this person holds, or the next."""
    found = session.value_of(DESK)
    if isinstance(found, Desk) and (found.study_id, found.person_id) == (study_id, person.id):
        return found
    store = cache.store()
    if isinstance(found, Desk) and found.shown is not None:  # another name, or another study
        assignments.put_back(store, found.study_id, found.shown.assignment_id, found.person_id)
    shown = assignments.claim_next(store, study_id, person.id)
    mine = answered.earlier(store, study_id, person.id, label_desk.LAST)
    last = tuple((first_line(one.messages, 40), _letter(study_id, person.id, one), one.seconds) for one in mine)
    now = time.monotonic()
    return _lay(Desk(study_id, person.id, shown, now, last=last, begun=now))


def look_for_more(study_id: str, person: Person) -> bool:
    """Whether a pair has come for who has none; asked every two seconds."""
    desk = laid(study_id, person)
    if desk.shown is not None:
        return False
    shown = assignments.claim_next(cache.store(), study_id, person.id)
    if shown is not None:
        now = time.monotonic()
        _lay(replace(desk, shown=shown, since=now, begun=now))  # waiting was a pause
    return shown is not None


@st.fragment
def queue(study_id: str, person: Person, asks: People, guideline_id: int | None) -> None:
    """The pair and its keys: only this is drawn again after a press."""
    desk = laid(study_id, person)
    progress = answered.progress(cache.store(), study_id, person.id)
    show(label_desk.progress_strip(progress))
    if desk.error is not None:
        messages.error_card(desk.error)
    if desk.shown is None:
        label_desk.nothing_left(progress)
        _wait(study_id, person)
        label_desk.move_keys(partial(_press, desk, guideline_id), back=0, earlier=bool(desk.last), pair=False)
        return
    left, right = st.columns([77, 23], gap="small")
    press = partial(_press, desk, guideline_id)
    with left:
        show(label_desk.desk(desk.shown, marked=desk.marked))
        if desk.skipping:
            label_desk.reason_keys(press)
        else:
            label_desk.answer_keys(press)
            label_desk.move_keys(press, back=desk.back, earlier=_has_earlier(desk))
        if asks.ask_strength or asks.ask_note:
            key = f"{desk.shown.assignment_id}-{desk.back}"
            label_desk.details_asked(key, strength=asks.ask_strength, note=asks.ask_note)
        label_desk.legend()
    with right:
        found = roles.guideline(cache.store(), study_id)
        with st.container(border=True):
            show(label_desk.guideline_card(found.version, found.text))
        show(label_desk.last_answers(desk.last) + label_desk.rest(desk.since - desk.begun))


@st.fragment(run_every="2s")
def _wait(study_id: str, person: Person) -> None:
    """Looks for the next batch while there is nothing to answer."""
    if look_for_more(study_id, person):
        st.rerun()


def _press(desk: Desk, guideline_id: int | None, what: str) -> None:
    """What a key or button does. `desk` is as it was drawn: Streamlit may call twice for one press."""
    now = session.value_of(DESK)
    if not isinstance(now, Desk) or now.shown != desk.shown or time.monotonic() - now.since < TOO_SOON_S:
        return
    now = replace(now, error=None)
    try:
        _lay(_done(now, guideline_id, what))
    except EngineError as error:
        _lay(replace(now, error=error, skipping=False))


def _done(desk: Desk, guideline_id: int | None, what: str) -> Desk:
    if what == "mark":
        return replace(desk, marked=not desk.marked)
    if what in ("skip", "stay"):
        return replace(desk, skipping=what == "skip" and desk.shown is not None)
    if what == "undo":
        shown = answered.take_back(cache.store(), desk.study_id, desk.person_id)
        return replace(desk, shown=shown, since=time.monotonic(), back=0, last=desk.last[1:])
    if what in ("earlier", "later"):
        return _moved(desk, desk.back + (1 if what == "earlier" else -1))
    return _answered(desk, guideline_id, what)


def _answered(desk: Desk, guideline_id: int | None, what: str) -> Desk:
    """Write it down, and lay the next pair; when looking back, what is written corrects."""
    shown = desk.shown
    if shown is None:
        return desk
    now, reason = time.monotonic(), ""
    begun = now if now - desk.since > label_desk.PAUSE_S else desk.begun
    answer: Answer
    if what.startswith("reason "):
        answer, reason = "skip", label_desk.REASONS[what.removeprefix("reason ")]
    elif what in ("first", "second"):
        answer = "a" if (what == "first") == (shown.side_first == "a") else "b"
    else:
        answer = "tie" if what == "tie" else "both_bad"
    key = f"{shown.assignment_id}-{desk.back}"
    note = str(session.value_of(f"note-{key}") or "")
    strength = label_desk.STRENGTHS.get(str(session.value_of(f"strength-{key}")))
    told = Said(
        answer, shown.side_first, round(now - desk.since, 2), "; ".join(filter(None, (reason, note))),
        float(strength) if strength and answer in ("a", "b") else None, guideline_id,
    )  # fmt: skip
    store = cache.store()
    if desk.back:
        answered.correct(store, desk.study_id, desk.person_id, shown.assignment_id, told)
        return _moved(replace(desk, skipping=False, begun=begun), 0)
    following = assignments.answer_and_next(store, desk.study_id, shown.assignment_id, desk.person_id, told)
    line = (first_line(shown.messages, 40), _short(label_desk.answer_words(shown, answer)), told.seconds)
    last = (line, *desk.last)[: label_desk.LAST]
    return replace(desk, shown=following, since=time.monotonic(), last=last, skipping=False, mine=(), begun=begun)


def _moved(desk: Desk, back: int) -> Desk:
    """Look that far back; 0 is the queue again."""
    store, now = cache.store(), time.monotonic()
    if back <= 0:
        shown = assignments.claim_next(store, desk.study_id, desk.person_id)
        return replace(desk, shown=shown, back=0, mine=(), since=now, skipping=False)
    mine = desk.mine or tuple(answered.earlier(store, desk.study_id, desk.person_id))
    if back > len(mine):
        return replace(desk, mine=mine)
    shown = answered.look_again(store, desk.study_id, desk.person_id, mine[back - 1].assignment_id)
    return replace(desk, shown=shown, back=back, mine=mine, since=now, skipping=False)


def _has_earlier(desk: Desk) -> bool:
    return desk.back < len(desk.mine) if desk.mine else bool(desk.last)


def _letter(study_id: str, person_id: str, one: Answered) -> str:
    shown = answered.look_again(cache.store(), study_id, person_id, one.assignment_id)
    return _short(label_desk.answer_words(shown, one.answer))


def _short(words: str) -> str:
    return words.removesuffix(" is better")


def _lay(desk: Desk) -> Desk:
    session.choose(DESK, desk)
    return desk


__all__ = ["Progress", "laid", "oracle", "queue", "study_here", "who_labels"]
