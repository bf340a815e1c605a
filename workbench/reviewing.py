"""The batch under review on the page Batch: what is read of it, what a press does, and what a swap waits for."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import streamlit as st

from engine.errors import EngineError
from engine.records import Pick
from engine.store import edits, reviews
from engine.store.reviews import Review
from engine.tasks.why_batch import AT_MOST, WhyBatch
from workbench import asking, browsing, cache, mapping, messages, session
from workbench.components import batch_edit
from workbench.components.foreign_text import first_line
from workbench.components.markup import STUDIES, escaped, show
from workbench.session import Looking
from workbench.wording import count, moment

SWAP, PRESSED = "_swap", "_pressed"
BATCH = STUDIES.with_name("batch.py")


def review_of(looking: Looking) -> Review | None:
    """The review of the round that is looked at; None where its study has none, or its run has not picked."""
    if looking.study is None or looking.run is None or looking.round is None:
        return None
    if not cache.study(looking.study.id).config.get("review"):
        return None
    folder, study_id = str(cache.store_folder()), looking.study.id
    return _review(folder, looking.run.id, looking.round, cache.revision(study_id))


def pinned(looking: Looking) -> frozenset[str]:
    """The pairs that a person holds fast in the batch."""
    review = review_of(looking)
    return frozenset() if review is None else review.pinned


def bar(looking: Looking) -> None:
    """Above the batch: what waits and what can be done with the whole of it, and what was done, while or after."""
    review = review_of(looking)
    if review is None:
        return
    say()
    if review.under_way:
        batch_edit.review_bar(
            review, person(), _selections(str(cache.store_folder()), review.study_id, cache.revision(review.study_id)),
            on_undo=partial(_undo, review),
            on_release=partial(_release, review),
            on_add=partial(_add, review),
            on_name=lambda: session.choose("_person", str(session.value_of("person") or "").strip()),
        )  # fmt: skip
    if review.edits and (review.changes or review.under_way):
        ids = {pick.pair_id for pick in review.own} | {e.pair_id for e in review.edits if e.pair_id}
        texts = {pair.pair_id: first_line(pair.messages) for pair in browsing.pair_texts(tuple(sorted(ids)))}
        batch_edit.edits_panel(review, texts)


def standing(looking: Looking) -> None:
    """On a page that draws the batch: that it waits for review, what people changed about it, and the way there."""
    review = review_of(looking)
    if review is None or not (review.under_way or review.changed):
        return
    with st.container(horizontal=True, vertical_alignment="center", key="standing"):
        show(f"<small>{escaped(batch_edit.drawn_words(review))}</small>")
        st.page_link(BATCH, label="Review it on the page Batch" if review.under_way else "See it on the page Batch",
                     icon=":material/checklist:", width="content")  # fmt: skip


def add_here(looking: Looking, pairs: Callable[[], Sequence[str]], n: int, key: str) -> None:
    """Beside `n` pairs that were chosen on another page: take them into the batch that waits for review."""
    review = review_of(looking)
    if review is None or not review.under_way or not n:
        return
    if n == 1 and (one := pairs()[0]) in {pick.pair_id for pick in review.picks}:
        show(f"<small>{escaped(batch_edit.in_batch_words(review, one))}</small>")
        return
    batch_edit.add_press(review, n, partial(_add_chosen, review, pairs), key)


def _add_chosen(review: Review, pairs: Callable[[], Sequence[str]]) -> None:
    _add(review, "", " ".join(pairs()))
    session.catch_up(browsing.REVIEWED, mapping.MARKS)


def say() -> None:
    """The answer to the last press."""
    said = session.said()
    if said and said.error:
        messages.error_card(said.error)
    elif said:
        messages.done_card(said.sentence)


def presses(looking: Looking, pair_id: str) -> None:
    """Beside a pick: pin, drop, swap; and what a swap waits for."""
    review = review_of(looking)
    if review is None or not review.under_way:
        return
    batch_edit.pick_presses(
        review, pair_id, on_pin=partial(_pin, review), on_drop=partial(_drop, review), on_swap=partial(_swap, review)
    )
    if session.value_of(SWAP) == _place(review, pair_id):
        _await(review, pair_id)


def person() -> str:
    """Who is at it, as this tab was told."""
    return str(session.value_of("_person") or edits.LEAD)


def _press(review: Review, what: str, do: Callable[[], str]) -> bool:
    """Do it and say so, once; whether it was done now.

    Streamlit may call back twice for one press, when its answer to the first was cut short, and twice must be as once:
    a press belongs to the batch as it was drawn, and everything that is done to a batch is a new row.
    """
    token = f"{review.run_id} {review.round} {len(review.edits)} {what}"
    if session.value_of(PRESSED) == token:
        return False
    try:
        session.say(do())
    except EngineError as error:
        session.say(error=error)
        return False
    session.choose(PRESSED, token)
    return True


def _pin(review: Review, pair_id: str) -> None:
    def do() -> str:
        pinned = edits.pin(cache.store(), review.run_id, review.round, pair_id, person())
        return "Pinned: it stays in the batch." if pinned else "Unpinned."

    _press(review, f"pin {pair_id}", do)


def _drop(review: Review, pair_id: str) -> None:
    def do() -> str:
        edits.drop(cache.store(), review.run_id, review.round, pair_id, person())
        return "Dropped. Undo takes it back."

    ids = [pick.pair_id for pick in review.picks]
    at = ids.index(pair_id) if pair_id in ids else 0
    if _press(review, f"drop {pair_id}", do):
        session.step_to_pair(ids[at + 1] if at + 1 < len(ids) else ids[max(at - 1, 0)])


def _undo(review: Review) -> None:
    def do() -> str:
        edits.undo(cache.store(), review.run_id, review.round, person())
        return "Taken back."

    _press(review, "undo", do)


def _add(review: Review, selection_id: str, typed: str) -> None:
    def do() -> str:
        wanted = [*mapping.selection(review.study_id, selection_id), *re.findall(r"[^\s,;]+", typed)]
        came = edits.add(cache.store(), review.run_id, review.round, wanted, person())
        session.step_to_pair(came.pair_ids[0])
        left = "; ".join(f"{len(ids):,} {reason}" for reason, ids in came.left_out.items())
        return f"{count(len(came.pair_ids), 'pair')} added." + (f" Left out: {left}." if left else "")

    _press(review, f"add {selection_id} {typed}", do)


def _release(review: Review) -> None:
    def do() -> str:
        left = edits.release(cache.store(), review.run_id, person())
        marked = " The run is marked as edited." if left.changed else ""
        return f"{count(len(left.picks), 'pair')} released: the run goes on as soon as a worker is free.{marked}"

    _press(review, "release", do)


def _swap(review: Review, pair_id: str) -> None:
    """At once where the runner-up is known already; else it is asked for, and the swap waits."""
    task = runner_up(review, pair_id)
    answer = asking.answered(task)
    if answer is None:
        asking.ask_task(task)
        session.choose(SWAP, _place(review, pair_id))
    else:
        _take(review, pair_id, answer)


def _place(review: Review, pair_id: str) -> str:
    return f"{review.run_id} {review.round} {pair_id}"


def runner_up(review: Review, pair_id: str) -> WhyBatch:
    """The request for what the strategy would pick in that place, and in those around it, given the batch as it stands.

    Of a large batch so many places are worked out at a time, the same for each of them.
    """
    picks = tuple(pick.pair_id for pick in review.picks)
    first = picks.index(pair_id) // AT_MOST * AT_MOST
    out = {edit.pair_id for edit in review.changes} - set(picks)
    return WhyBatch(
        run_id=review.run_id,
        round=review.round,
        picks=picks[first : first + AT_MOST],
        beside=picks[:first] + picks[first + AT_MOST :],
        without=tuple(sorted(out)),
    )


def _await(review: Review, pair_id: str) -> None:
    """What became of the request; when it is answered the swap is made."""
    task = runner_up(review, pair_id)
    answer = asking.answered(task)
    if answer is not None:
        _take(review, pair_id, answer)
        st.rerun()
    before = ("The runner-up is not known yet.", "It is what the strategy would have picked instead, given the rest.")
    asking.wait_for(task, "The runner-up", before, "Ask for it", every="1s", primary=False)


def _take(review: Review, pair_id: str, answer: Mapping[str, object]) -> None:
    session.choose(SWAP, "")
    picks = answer.get("picks")
    found = picks.get(pair_id, {}).get("instead") if isinstance(picks, Mapping) else None
    if not found:
        why = str(answer.get("why_not") or "The pool has no other pair for this place.")
        session.say(error=EngineError(f"There is no runner-up. {why}", "Drop this pick and add another."))
        return
    worth = found.get("worth")
    other = Pick(found["pair_id"], 1, gain=None if worth is None else float(worth))

    def do() -> str:
        edits.swap(cache.store(), review.run_id, review.round, pair_id, other, person())
        return "Swapped with what the strategy would have picked instead. Undo takes it back."

    if _press(review, f"swap {pair_id}", do):
        session.step_to_pair(other.pair_id)


@st.cache_data(max_entries=32, show_spinner=False)
def _review(folder: str, run_id: str, round_number: int, revision: int) -> Review:
    return reviews.review(cache.store(), run_id, round_number)


@st.cache_data(max_entries=8, show_spinner=False)
def _selections(folder: str, study_id: str, revision: int) -> dict[str, str]:
    found = reviews.selections(cache.store(), study_id)
    return {name: f"{count(n, 'pair')}, {moment(at)} ({name})" for name, n, at in found}
