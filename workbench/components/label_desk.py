"""A pair on the desk of a labeller: prompt, A and B as they are shown, the keys, how far it is, the last answers."""

from collections.abc import Callable, Sequence

import streamlit as st

from engine.store.answered import Progress
from engine.store.assignments import Shown
from workbench import messages
from workbench.components import desk_script
from workbench.components.difference import differing
from workbench.components.foreign_text import Span, conversation, said
from workbench.components.markup import chip, empty, escaped, foreign, heading, show
from workbench.wording import count, duration

REASONS = {"5": "cannot judge it", "6": "too long", "7": "not my language", "8": "a text is broken"}
"""Key → why a pair is skipped."""
STRENGTHS = {"f": ("slightly", 1), "g": ("clearly", 2), "h": ("by far", 3)}
"""Key → how much better, in words and as a number."""
REST_S, PAUSE_S = 30 * 60.0, 5 * 60.0
"""After so long a break is offered; a pair that took so long was one."""
LAST = 4
"""Answers that are listed beside the pair."""
Press = Callable[[str], None]


def desk(shown: Shown, *, marked: bool, more_keys: bool = False) -> str:
    """The pair as markup, without a word of who wrote what: A is the side that is shown first.

    `more_keys`: a second row of them is to stay in sight below.
    """
    first, second = _texts(shown)
    marks = differing(first, second) if marked else ((), ())
    sides = _side("A", first, marks[0]) + _side("B", second, marks[1])
    before = ""
    if shown.before is not None:
        before = f'<p role="status">{chip("you answered", "run")} {escaped(answer_words(shown, shown.before))}</p>'
    several = len(shown.messages) > 1  # the last of them is what is answered
    last, turns = (" last", f", {len(shown.messages)} turns") if several else ("", "")
    talk = f'<div class="talk{last}" tabindex="0" role="group" aria-label="Prompt">'
    talk += f"{conversation(shown.messages, whole=True)}</div>"
    body = f'{before}<small>Prompt{turns}</small>{talk}<div class="sides">{sides}</div>'
    return f'<div class="desk{" less" if more_keys else ""}">{body}</div>'


def answer_words(shown: Shown, answer: str) -> str:
    """ "A is better", by the sides as this person saw them."""
    names = {"tie": "tie", "both_bad": "both bad", "skip": "skipped"}
    return names.get(answer) or ("A is better" if answer == shown.side_first else "B is better")


def answer_keys(press: Press, *, disabled: bool = False) -> None:
    """The two equal buttons, its key on each. `press` gets first or second."""
    left, right = st.columns(2, gap="small")
    with left:
        _button("A is better", "1", "first", press, icon=":material/arrow_back:", disabled=disabled)
    with right:
        _button(
            "B is better", "2", "second", press, icon=":material/arrow_forward:", icon_right=True, disabled=disabled
        )


def move_keys(press: Press, *, back: int, earlier: bool, pair: bool = True) -> None:
    """Tie and both bad, skip, undo, and the arrows through one's own answers; `back` is how far one looks back.

    `pair`: one lies here. `press` gets tie, both_bad, skip, undo, earlier or later.
    """
    keys = (
        ("Tie", "3", "tie", False, "secondary"),
        ("Both bad", "4", "both_bad", False, "secondary"),
        ("Skip", "s", "skip", False, "tertiary"),
        ("Undo", "u", "undo", not earlier and not back, "tertiary"),
        ("Earlier", "left", "earlier", not earlier, "tertiary"),
        ("Later", "right", "later", not back, "tertiary"),
    )
    with st.container(horizontal=True, gap="small", key="desk-keys"):
        for label, key, what, off, kind in keys if pair else keys[3:]:
            _button(label, key, what, press, kind=kind, disabled=off)


def mark_key(press: Press, *, marked: bool) -> None:
    """The words that differ, marked or not. `press` gets mark."""
    label = "Mark no differences" if marked else "Mark differences"
    _button(label, "d", "mark", press, icon=":material/difference:")


def reason_keys(press: Press) -> None:
    """Why it is skipped; `press` gets the reason's key, or "stay"."""
    show(
        '<p role="status">Why is it skipped? It goes to somebody else, and back to the pool where there is nobody.</p>'
    )
    places = st.columns(len(REASONS) + 1, gap="small")
    for place, (key, words) in zip(places, REASONS.items(), strict=False):
        with place:
            _button(words.capitalize(), key, f"reason {key}", press)
    with places[-1]:
        _button("Do not skip", "s", "stay", press, kind="tertiary")


def details_asked(press: Press, key: str, *, strength: bool, chosen: float | None, note: bool, before: str) -> None:
    """How much better, and a note, where the study asks for them; both may be left out, and come before the answer.

    `chosen` is the strength that was pressed, `before` the note that stands so far. `press` gets "strength 1" to 3.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="desk-details"):
        if strength:
            st.html('<div class="pw"><small>How much better?</small></div>', width="content")
        for letter, (words, number) in STRENGTHS.items() if strength else ():
            icon = ":material/check:" if chosen == number else None
            _button(words.capitalize(), letter, f"strength {number}", press, icon=icon)
        if note:
            with st.container(key="desk-note"):
                st.text_input(
                    "Note (optional)", before, key=f"note-{key}", max_chars=4000, label_visibility="collapsed",
                    placeholder="Note (key N): why, in a few words",
                )  # fmt: skip


def note_before(shown: Shown) -> str:
    """The note that a pair in hand has already; behind a skip's reason, which is chosen anew."""
    if shown.before != "skip":
        return shown.note
    reason, _, rest = shown.note.partition("; ")
    return rest if reason in REASONS.values() else shown.note


def legend(*, strength: bool = False, note: bool = False) -> None:
    """The line under the keys: every key that stands on no button, and what is asked before the answer."""
    first = ["<b>F G H</b> how much better"] * strength + ["<b>N</b> into the note, <b>Enter</b> out of it"] * note
    before = f"Before the answer, if you like: {', '.join(first)}. " if first else ""
    words = (
        f"The grey letter on a button is its key. <b>↑ ↓</b> scroll both texts, with <b>Shift</b> the prompt. {before}"
        "Every answer is on disk before the next pair shows. Sides are shuffled for each pair."
    )
    show(f"<small>{words}</small>")
    desk_script.install()


def progress_strip(progress: Progress) -> str:
    """The bar, and what is left at this person's pace."""
    share = progress.done / progress.asked if progress.asked else 1.0
    left = progress.asked - progress.done
    pace = ""
    if progress.seconds is not None and progress.free:
        pace = f"about {duration(progress.seconds * progress.free)} at your pace"
    median = "" if progress.seconds is None else f" · your median {duration(progress.seconds)}"
    numbers = f'aria-valuemin="0" aria-valuemax="{progress.asked}" aria-valuenow="{progress.done}"'
    told = f"<b>{progress.done:,}</b> of {progress.asked:,} answered, {left:,} left{median}"
    saved = chip(f"{count(progress.given, 'answer')} saved", "ok") if progress.given else ""
    return (
        f'<div class="bar" role="progressbar" {numbers} aria-label="answers of this batch">'
        f'<i style="width:{100 * share:.1f}%"></i></div>'
        f'<div class="row ends"><small>{told}</small><small>{pace}</small>{saved}</div>'
    )


def guideline_card(version: int, text: str) -> str:
    """The guideline beside the pair."""
    if not text:
        return heading("Guideline") + '<p class="muted">No guideline is written yet.</p>'
    return f'{heading("Guideline", f"version {version}")}<div class="guide" tabindex="0">{said(text)}</div>'


def late(minutes: float) -> str:
    """After an answer that came when the pair's time was over."""
    words = f"The last pair was before you for more than {duration(60 * minutes)}, so somebody else may have it too."
    return f'<div class="note" role="status"><b>A late answer.</b> {words} Yours is kept.</div>'


def rest(seconds: float) -> str:
    """After so long without a pause: that one may stop."""
    if seconds < REST_S:
        return ""
    long = duration(seconds // 60 * 60)
    return (
        f'<div class="note" role="status"><b>A short break?</b> You have labelled for {long}. Your place is kept.</div>'
    )


def last_answers(rows: Sequence[tuple[str, str, float | None]]) -> str:
    """Words of the prompt, the answer as it was seen, and the seconds it took; the newest first."""
    if not rows:
        return ""
    body = "".join(
        f'<tr><td>{foreign(words)}</td><td class="whole"><b>{escaped(answer)}</b></td>'
        f'<td class="num">{"–" if seconds is None else duration(seconds)}</td></tr>'
        for words, answer, seconds in rows[:LAST]
    )
    head = "<thead><tr><th>prompt</th><th>answer</th><th>time</th></tr></thead>"
    return f"{heading('Your last answers')}<table>{head}<tbody>{body}</tbody></table>"


def nothing_left(progress: Progress) -> None:
    """In place of a pair: why there is none, and what comes next."""
    others = progress.asked - progress.done - progress.out
    if progress.state == "waiting":
        left = [f"{count(others, 'answer')} of other people {_are(others)} left."] if others or not progress.out else []
        left += [f"{count(progress.out, 'answer')} {_are(progress.out)} to come from another tool."] * (
            progress.out > 0
        )
        empty("You have answered all that waits for you.", " ".join(left))
    elif progress.state in ("queued", "running"):
        after = f"after round {progress.round}" if progress.round else "after the first evaluation"
        empty("Nothing to label.", f"All is saved. The next batch comes {after}; this page looks by itself.")
    elif progress.state == "review":
        empty("Nothing to label yet.", "The next batch is being looked at before it is labelled.")
    elif progress.state == "done":
        empty("Nothing is left to label.", f"The study is done. {_given(progress.given)}")
    else:
        empty("Nothing to label now.", f"The run is {progress.state}.")


def _given(n: int) -> str:
    return f"You gave {count(n, 'answer')}." if n else "Others gave its answers."


def _are(n: int) -> str:
    return "is" if n == 1 else "are"


def _texts(shown: Shown) -> tuple[str, str]:
    return (shown.text_a, shown.text_b) if shown.side_first == "a" else (shown.text_b, shown.text_a)


def _side(letter: str, text: str, marks: Sequence[Span]) -> str:
    words = count(len(text.split()), "word")
    return (
        f'<div class="side" tabindex="0" role="group" aria-label="Response {letter}"><header>'
        f'<span class="letter {letter.lower()}">{letter}</span><small>{words}</small></header>{said(text, marks)}</div>'
    )


def _button(
    label: str, key: str, what: str, press: Press, *, icon: str | None = None, kind: str = "secondary",
    icon_right: bool = False, disabled: bool = False,
) -> None:  # fmt: skip
    st.button(
        label, key=f"desk-{what}", shortcut=key, width="stretch", icon=icon,
        on_click=messages.once(press), args=(what,),
        icon_position="right" if icon_right else "left", type=kind, disabled=disabled,  # type: ignore[arg-type]
    )  # fmt: skip
