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
from engine.store.database import Store
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
    last answers: words, answer, seconds. `begun` is when they began after the last pause, by the same clock. `late`:
    the last answer came when its pair's time was over.
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
    strength: float | None = None
    late: bool = False
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
    last = _last(store, study_id, person.id)
    return _lay(_with(Desk(study_id, person.id, None, 0.0, last=last, begun=time.monotonic()), shown))


def look_for_more(study_id: str, person: Person) -> bool:
    """Whether a pair has come for who was drawn without one; asked every two seconds.

    It may lie there already: what was to draw it was cut short by the next press or look.
    """
    desk = laid(study_id, person)
    if desk.shown is not None:
        return True
    shown = assignments.claim_next(cache.store(), study_id, person.id)
    if shown is not None:
        _lay(_with(replace(desk, begun=time.monotonic()), shown))  # waiting was a pause
    return shown is not None


def _with(desk: Desk, shown: Shown | None) -> Desk:
    """The desk with that pair on it, from now, and what was said of it before."""
    strength = shown.strength if shown is not None else None
    return replace(desk, shown=shown, since=time.monotonic(), strength=strength, skipping=False)


def in_hand(study_id: str) -> Shown | None:
    """The pair of the study's queue that this tab holds."""
    desk = session.value_of(DESK)
    mine = isinstance(desk, Desk) and desk.study_id == study_id and not desk.back
    return desk.shown if mine else None


def put_down(study_id: str) -> None:
    """The pair in this tab's hand goes back to the queue, and the desk is laid anew; for a callback."""
    desk, shown = session.value_of(DESK), in_hand(study_id)
    if shown is not None:
        assignments.put_back(cache.store(), study_id, shown.assignment_id, desk.person_id)
        session.choose(DESK, None)


@st.fragment
def queue(study_id: str, person: Person, asks: People) -> None:
    """The pair and its keys: only this is drawn again after a press."""
    with messages.frame("The queue"):
        _queue(study_id, person, asks)


def _queue(study_id: str, person: Person, asks: People) -> None:
    desk = laid(study_id, person)
    guideline = roles.guideline(cache.store(), study_id)  # an answer names the one that lies beside its pair
    press = partial(_press, desk, guideline.id, asks.lease_minutes)
    progress = answered.progress(cache.store(), study_id, person.id)
    show(label_desk.progress_strip(progress))
    if desk.error is not None:
        messages.error_card(desk.error)
    if desk.shown is None:
        label_desk.nothing_left(progress)
        _wait(study_id, person, progress)
        label_desk.move_keys(press, back=0, earlier=bool(desk.last), pair=False)
        return
    left, right = st.columns([77, 23], gap="small")
    with left:
        details = asks.ask_strength or asks.ask_note
        show(label_desk.desk(desk.shown, marked=desk.marked, more_keys=details))
        if desk.skipping:
            label_desk.reason_keys(press)
        else:
            if details:
                label_desk.details_asked(
                    press, f"{desk.shown.assignment_id}-{desk.back}", strength=asks.ask_strength,
                    chosen=desk.strength, note=asks.ask_note, before=label_desk.note_before(desk.shown),
                )  # fmt: skip
            label_desk.answer_keys(press)
            label_desk.move_keys(press, back=desk.back, earlier=_has_earlier(desk))
        label_desk.legend(strength=asks.ask_strength, note=asks.ask_note)
    with right:
        with st.container(border=True):
            show(label_desk.guideline_card(guideline.version, guideline.text))
        label_desk.mark_key(press, marked=desk.marked)
        late = label_desk.late(asks.lease_minutes) if desk.late else ""
        show(late + label_desk.last_answers(desk.last) + label_desk.rest(desk.since - desk.begun))


@st.fragment(run_every="2s")
def _wait(study_id: str, person: Person, drawn: Progress) -> None:
    """While there is nothing to answer: looks for the next batch, and whether what is said of the queue still holds."""
    with messages.frame("The queue"):
        if look_for_more(study_id, person) or answered.progress(cache.store(), study_id, person.id) != drawn:
            st.rerun()


def _press(desk: Desk, guideline_id: int | None, lease_minutes: float, what: str) -> None:
    """What a key or button does. `desk` is as it was drawn: Streamlit may call twice for one press."""
    now = session.value_of(DESK)
    if not isinstance(now, Desk) or now.shown != desk.shown or time.monotonic() - now.since < TOO_SOON_S:
        return
    now = replace(now, error=None)
    try:
        _lay(_done(now, guideline_id, lease_minutes, what))
    except EngineError as error:
        _lay(replace(_after_trouble(now), error=error, skipping=False))


def _after_trouble(desk: Desk) -> Desk:
    """The same pair, or where it is in this person's hand no more the one that is, so that nobody is stuck with it."""
    if desk.back or desk.shown is None:
        return desk
    try:
        shown = assignments.claim_next(cache.store(), desk.study_id, desk.person_id)
    except EngineError:
        return desk
    return desk if shown is not None and shown.assignment_id == desk.shown.assignment_id else _with(desk, shown)


def _done(desk: Desk, guideline_id: int | None, lease_minutes: float, what: str) -> Desk:
    if what == "mark":
        return replace(desk, marked=not desk.marked)
    if what.startswith("strength "):
        pressed = float(what.removeprefix("strength "))
        return replace(desk, strength=None if desk.strength == pressed else pressed)
    if what in ("skip", "stay"):
        return replace(desk, skipping=what == "skip" and desk.shown is not None)
    if what == "undo":
        shown = answered.take_back(cache.store(), desk.study_id, desk.person_id)
        return _with(replace(desk, back=0, mine=(), last=desk.last[1:]), shown)
    if what in ("earlier", "later"):
        return _moved(desk, desk.back + (1 if what == "earlier" else -1))
    return _answered(desk, guideline_id, lease_minutes, what)


def _answered(desk: Desk, guideline_id: int | None, lease_minutes: float, what: str) -> Desk:
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
    told = Said(
        answer, shown.side_first, round(now - desk.since, 2), "; ".join(filter(None, (reason, note.strip()))),
        desk.strength if answer in ("a", "b") else None, guideline_id,
    )  # fmt: skip
    store = cache.store()
    if desk.back:
        answered.correct(store, desk.study_id, desk.person_id, shown.assignment_id, told)
        return _moved(replace(desk, begun=begun, last=_last(store, desk.study_id, desk.person_id)), 0)
    following = assignments.answer_and_next(store, desk.study_id, shown.assignment_id, desk.person_id, told)
    line = (first_line(shown.messages, 40), _short(label_desk.answer_words(shown, answer)), told.seconds)
    last = (line, *desk.last)[: label_desk.LAST]
    late = now - desk.since > 60 * lease_minutes
    return _with(replace(desk, last=last, mine=(), begun=begun, late=late), following)


def _moved(desk: Desk, back: int) -> Desk:
    """Look that far back; 0 is the queue again."""
    store = cache.store()
    if back <= 0:
        return _with(replace(desk, back=0, mine=()), assignments.claim_next(store, desk.study_id, desk.person_id))
    mine = desk.mine or tuple(answered.earlier(store, desk.study_id, desk.person_id))
    if back > len(mine):
        return replace(desk, mine=mine)
    shown = answered.look_again(store, desk.study_id, desk.person_id, mine[back - 1].assignment_id)
    return _with(replace(desk, back=back, mine=mine), shown)


def _has_earlier(desk: Desk) -> bool:
    return desk.back < len(desk.mine) if desk.mine else bool(desk.last)


def _last(store: Store, study_id: str, person_id: str) -> tuple[tuple[str, str, float | None], ...]:
    """The lines of a person's last answers."""
    lines = []
    for one in answered.earlier(store, study_id, person_id, label_desk.LAST):
        shown = answered.look_again(store, study_id, person_id, one.assignment_id)
        answer = _short(label_desk.answer_words(shown, one.answer))
        lines.append((first_line(one.messages, 40), answer, one.seconds))
    return tuple(lines)


def _short(words: str) -> str:
    return words.removesuffix(" is better")


def _lay(desk: Desk) -> Desk:
    session.choose(DESK, desk)
    return desk


__all__ = ["Progress", "in_hand", "laid", "oracle", "put_down", "queue", "study_here", "who_labels"]
