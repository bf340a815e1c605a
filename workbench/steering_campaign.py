"""What a lead does about a campaign: close a batch, go back to before corrected labels, write the guideline."""

from functools import partial

import streamlit as st

from engine.arms import title_of
from engine.store import answered, closing, corrected, roles
from engine.store.shadowed import shadowed
from workbench import browsing, cache, inviting, messages, sending, session
from workbench.campaign_words import before_words, changed_words
from workbench.components.foreign_text import first_line
from workbench.components.markup import escaped, foreign, heading, show, table
from workbench.session import Looking
from workbench.wording import count, integer


def panel(study_id: str) -> None:
    """Below the queue, for the lead only: what stands still, and which labels a run used that are others now."""
    runs = cache.study(study_id).runs
    said = session.said()
    if said and said.error:
        messages.error_card(said.error)
    elif said:
        messages.done_card(said.sentence)
    for run in runs[:1]:  # a campaign has one
        changed = corrected.changed_since(cache.store(), run.id)
        if changed:
            _changed(run.id, run.state, changed)
        with st.expander("For the lead", key="for-the-lead"):
            rows = answered.by_person(cache.store(), study_id)
            if rows:
                head = [("labeller", False), ("answers", True), ("skips among them", True), ("in hand", True)]
                show(table(head, [[foreign(name), *map(integer, numbers)] for name, *numbers in rows]))
            else:
                show("<p>Nobody has had a pair yet.</p>")
            if run.state == "waiting":
                show("<p>Pairs that nobody answers return to the pool. A late answer is kept all the same.</p>")
                st.button("Go on without the rest", key="close-batch", on_click=messages.once(partial(_close, run.id)))
            inviting.panel(study_id)
        sending.panel(study_id)


def shadow(looking: Looking) -> None:
    """On Batch: what the strategies in the shadow would have picked in this round, and how much of it was picked."""
    if looking.run is None or looking.round is None:
        return
    found = shadowed(cache.store(), looking.run.id, looking.round)
    if not found:
        return
    parts = [f"{title_of(one.strategy)} {one.shared} of {len(one.pair_ids)}" for one in found]
    with st.expander(f"In the shadow, picks shared with this batch: {', '.join(parts)}"):
        show("<p>What each would have picked from the same pool, having seen the same labels. Nobody labels it.</p>")
        texts = {pair.pair_id: first_line(pair.messages) for one in found for pair in browsing.pair_texts(one.pair_ids)}
        batch = {pick.pair_id for pick in cache.batch(looking.run.study_id, looking.run.id, looking.round)}
        for one in found:
            rows = [
                [str(rank), f"<code>{escaped(i[:9])}</code>", foreign(texts.get(i, "")), "yes" if i in batch else "no"]
                for rank, i in enumerate(one.pair_ids, start=1)
            ]
            head = [("rank", True), ("pair", False), ("prompt", False), ("in this batch", False)]
            show(heading(title_of(one.strategy)) + table(head, rows))


def write_guideline(study_id: str, text: str) -> None:
    """The form for the next version."""
    with st.form("guideline"):
        st.text_area("Guideline", value=text, key="guideline-text", height=260, max_chars=20_000)
        st.form_submit_button("Keep as a new version", on_click=partial(_write, study_id))
    said = session.said()
    if said and said.error:
        messages.error_card(said.error)
    elif said:
        messages.done_card(said.sentence)


def _changed(run_id: str, state: str, changed: list[corrected.Changed]) -> None:
    first = min(one.round for one in changed)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="changed-labels"):
        words = f"{changed_words(changed)} What was trained stays as it is."
        show(f'<div class="note warn" role="status"><b class="word">! Labels changed.</b> {words}</div>')
        st.button(
            f"Go on from before {before_words(first)}", key="go-back",
            on_click=messages.once(partial(_go_back, run_id, first)), disabled=state in ("running", "queued"),
            help="Later rounds are computed again. What people have answered is kept, and is not asked again.",
        )  # fmt: skip


def _close(run_id: str) -> None:
    def do() -> str:
        return f"{count(closing.close_batch(cache.store(), run_id), 'pair')} left out; the run goes on."

    messages.say_of(do)


def _go_back(run_id: str, round_number: int) -> None:
    def do() -> str:
        corrected.go_back(cache.store(), run_id, round_number)
        return "The run goes on from before the changed labels."

    messages.say_of(do)


def _write(study_id: str) -> None:
    def do() -> str:
        found = roles.write_guideline(cache.store(), study_id, str(session.value_of("guideline-text") or ""))
        return f"Kept as version {found.version}."

    messages.say_of(do)
