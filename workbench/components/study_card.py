"""One study on one card: what it compares, how far it is, what runs now, its grid, and what can be done."""

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from engine.arms import buys_all
from engine.store.summaries import RunSummary, StudyDetail
from engine.store.votes import oracle_of
from workbench import messages
from workbench.components.markup import chip, dot, escaped, fact, show, state_chip
from workbench.components.run_grid import run_grid
from workbench.study_words import by_hand, compares, computed_with
from workbench.wording import STAGES, STATES, count, duration, integer

LIVE = ("queued", "running", "review", "waiting", "paused")
UNDER_WAY = (*LIVE, "failed")
"""States of a study that may have runs still to be done: it counts as failed as soon as one run has failed."""
ACTIONS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("pause", "Pause", "pause", ("queued", "running", "review", "waiting")),
    ("resume", "Resume", "play_arrow", ("paused",)),
    ("retry", "Retry", "replay", ("failed", "cancelled")),
    ("cancel", "Cancel", "stop_circle", LIVE),
)
"""(verb, what the button says, icon, states of a run it is for)."""
ORDER = (("first", "Run first", "vertical_align_top"), ("last", "Run last", "vertical_align_bottom"))
PAGES = Path(__file__).resolve().parents[2] / "pages"
BATCH, LABEL = PAGES / "batch.py", PAGES / "label.py"
WAITING = 4
"""Runs waiting for review that have a line of their own."""
MORE = ("seed", "Add a seed", "add")
"""For a study that is finished: the verdict then stands on more, and is exploratory unless a spending was declared."""
Press = Callable[[str, str, str | None], None]
"""What a button does: it gets the verb, the study's id, and the run's if only that one is meant."""


def is_live(detail: StudyDetail) -> bool:
    """Whether any of its runs is still to be done."""
    return any(run.state in LIVE for run in detail.runs)


def study_facts(detail: StudyDetail) -> None:
    """Name, state, what is compared, the four key numbers, progress, and what runs now."""
    s, live = detail.summary, is_live(detail)
    share = s.rounds_done / s.rounds_total if s.rounds_total else 0.0
    spread = f"± {duration(s.seconds_left_spread)}" if s.seconds_left_spread else ""
    left = "about to be known" if s.seconds_left is None else spread
    facts = [
        fact("rounds done", integer(s.rounds_done), f"of {integer(s.rounds_total)}"),
        fact("labels asked", integer(s.labels_bought), f"of {_budget(detail)}"),
        fact("labels paid for", integer(s.labels_unique), _counted(detail)),
    ]
    if live:
        facts.append(fact("time left", duration(s.seconds_left), left))
    facts.append(fact("time spent", duration(s.seconds_spent), _device(detail)))
    show(
        f'<div class="row"><h2 style="font-size:16px">{escaped(s.name)}</h2>{_chips(detail)}</div>'
        f'<p class="muted">{escaped(compares(detail))}</p>'
        f'<div class="facts" style="margin-top:.6rem">{"".join(facts)}</div>'
        f'<div class="bar" role="progressbar" aria-valuenow="{share * 100:.0f}" aria-valuemin="0" aria-valuemax="100" '
        f'aria-label="rounds done"><i style="width:{share * 100:.1f}%"></i></div>'
        f'<div class="row ends"><small>{now_line(detail)}</small><small>{_tail(detail)}</small></div>'
    )


def _counted(detail: StudyDetail) -> str:
    """What counts as a label: of people every answer that was asked for."""
    return "with the first sample and skips" if oracle_of(detail.config) else "once each"


def _budget(detail: StudyDetail) -> str:
    """Labels that all runs together may ask for; a run that labels a share of its pool has no number before it has."""
    whole = [run for run in detail.runs if buys_all(run.strategy.name)]
    part = [run for run in detail.runs if detail.seen_by(run.strategy.name, "label_share")]
    rounds = sum(run.rounds_total for run in detail.runs if run not in whole and run not in part)
    parts = (
        integer(rounds * detail.summary.labels_per_round) if rounds else "",
        count(len(whole), "whole pool") if whole else "",
        count(len(part), "share of a pool", "shares of a pool") if part else "",
    )
    return " and ".join(filter(None, parts))


def study_grid(detail: StudyDetail) -> None:
    """The run grid, and which runs are marked in it."""
    words = by_hand(detail)
    show(run_grid(detail.runs) + (f"<small>{escaped(words)}</small>" if words else ""))


def waiting_for_review(detail: StudyDetail, label: str) -> None:
    """A line for each run whose batch waits for review or for people's answers, with the way to it; of many the first.

    `label` is what the study is called in links.
    """
    waiting = [run for run in detail.runs if run.state == "review"]
    for run in waiting[:WAITING]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"review-{run.id}"):
            show(
                f'<p class="row" role="status">{chip("waits for review", "warn")}{dot(run.strategy.slot)}'
                f"<b>{escaped(run_name(run))}</b><small>round {run.round}, no label is bought before</small></p>"
            )
            at = {"study": label, "strategy": run.strategy.title, "seed": str(run.seed), "round": str(run.round)}
            st.page_link(BATCH, label="Review the batch", icon=":material/checklist:", query_params=at)
    if more := len(waiting) - WAITING:
        show(f"<small>{count(more, 'more run waits', 'more runs wait')} for review.</small>" if more > 0 else "")
    _waiting_for_labels(detail, label)


def _waiting_for_labels(detail: StudyDetail, label: str) -> None:
    """A line for a campaign that waits for people, with the way to the queue."""
    for run in [run for run in detail.runs if run.state == "waiting"][:WAITING]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"labels-{run.id}"):
            what = f"round {run.round}" if run.round else "the first sample"
            show(
                f'<p class="row" role="status">{chip("waits for labels", "warn")}{dot(run.strategy.slot)}'
                f"<b>{escaped(run_name(run))}</b><small>{what}; it goes on by itself</small></p>"
            )
            st.page_link(LABEL, label="Label", icon=":material/thumbs_up_down:", query_params={"study": label})


def study_actions(detail: StudyDetail, on_press: Press, *, others_wait: bool = False) -> None:
    """The buttons that fit the states of its runs, and in a drawer those of a single run.

    `others_wait`: whether other studies have runs to be done, so that an order among them means something.

    A callback and not a value, so that a press is answered even when the state has changed under the reader; once a
    drawing, so that a double click adds one seed.
    """
    fitting = _fitting({run.state for run in detail.runs}, ordered=others_wait)
    if oracle_of(detail.config) is not None:  # a campaign is one run
        fitting = [button for button in fitting if button != MORE]
    if fitting:
        with st.container(horizontal=True, gap="small"):
            _buttons(fitting, on_press, detail.summary.id)
            if len(detail.runs) > 1:
                _one_run(detail, on_press)


def _fitting(states: set[str], *, ordered: bool) -> list[tuple[str, str, str]]:
    """(verb, word, icon) of what can be done with runs in these states; with all of a finished study, add to it."""
    fitting = [(verb, word, icon) for verb, word, icon, wanted in ACTIONS if states & set(wanted)]
    return [*fitting, *(ORDER if ordered and "queued" in states else ()), *([MORE] if states == {"done"} else [])]


def _buttons(
    fitting: Sequence[tuple[str, str, str]], on_press: Press, study_id: str, run_id: str | None = None
) -> None:
    for verb, word, icon in fitting:
        st.button(
            word,
            key=f"{verb}-{run_id or study_id}",
            icon=f":material/{icon}:",
            on_click=messages.once(on_press),
            args=(verb, study_id, run_id),
        )


def _one_run(detail: StudyDetail, on_press: Press) -> None:
    """A drawer in which one run is chosen and steered; the others go on as they are."""
    runs = {run.id: run for run in detail.runs}
    with st.popover("One run", icon=":material/tune:", key=f"one-run-{detail.summary.id}"):
        chosen = st.selectbox(
            "Run", list(runs), format_func=lambda run_id: run_name(runs[run_id]), key=f"run-of-{detail.summary.id}"
        )
        run = runs[chosen]
        show(f'<p class="row">{state_chip(run.state)}<small>{escaped(run.progress)}</small></p>')
        fitting = [button for button in _fitting({run.state}, ordered=True) if button != MORE]
        if fitting:
            with st.container(horizontal=True, gap="small"):
                _buttons(fitting, on_press, detail.summary.id, run.id)
        else:
            show('<p class="muted">It is finished: there is nothing to steer.</p>')


def failures(detail: StudyDetail) -> None:
    """A card for every failed run: which one, what happened, and what to do."""
    for run in detail.runs:
        if run.state == "failed":
            what, _, rest = run.error.partition("\n")
            more = "".join(f"<li>{escaped(line.strip(' -'))}</li>" for line in rest.splitlines() if line.strip())
            show(
                f'<div class="note bad" role="alert"><b class="word">✕ failed</b> · {escaped(run_name(run))}, '
                f"round {run.round}<p>{escaped(what)}</p>{f'<ul>{more}</ul>' if more else ''}"
                '<p class="muted">Every finished stage is kept. Retry goes on from there.</p></div>'
            )


def run_name(run: RunSummary) -> str:
    """A run for people: strategy and seed."""
    return f"{run.strategy.title}, seed {run.seed}"


def now_line(detail: StudyDetail) -> str:
    """What runs now, as markup: run, round, stage, and the worker's own words; else what the study waits for."""
    running = [run for run in detail.runs if run.state == "running"]
    if running:
        run = running[0]
        doing, where = run.progress or STAGES.get(run.stage, run.stage), f"round {run.round}"
        if doing.startswith("round ") and ", " in doing:  # the worker's word is newer than the last saved stage
            where, _, doing = doing.partition(", ")
        return f"Now: <b>{escaped(run_name(run))}, {escaped(where)}</b>" + (f" · {escaped(doing)}" if doing else "")
    done = sum(run.state == "done" for run in detail.runs)
    words = {
        "queued": "Waits for a worker.",
        "running": "Waits for a worker; it goes on where it stopped.",
        "review": "Waits for a person to look at a batch.",
        "waiting": "Waits for people to label a batch.",
        "paused": "Paused. Resume goes on where it stopped.",
        "done": "The run is finished." if done == 1 else f"All {count(done, 'run')} are finished.",
        "failed": f"{count(done, 'run')} finished; a run failed.",
        "cancelled": f"Cancelled. {count(detail.summary.rounds_done, 'finished round')} are kept.",
    }
    return escaped(words.get(detail.summary.state, STATES.get(detail.summary.state, ("", ""))[0]))


def _chips(detail: StudyDetail) -> str:
    """The study's state: "running" only while a run is; one that goes on although a run has failed says both."""
    states = [run.state for run in detail.runs]
    failed, state = states.count("failed"), detail.summary.state
    if state in ("running", "failed") and is_live(detail):
        state = next(s for s in ("running", *LIVE) if s in states)
    return state_chip(state) + (chip(f"{count(failed, 'run')} failed", "bad") if failed and state != "failed" else "")


def _tail(detail: StudyDetail) -> str:
    running = any(run.state == "running" for run in detail.runs)
    return "Closing this tab changes nothing: the worker goes on." if running else ""


def _device(detail: StudyDetail) -> str:
    """What computed; before that what is asked for, unless that is left to the worker."""
    asked = str((detail.config.get("model") or {}).get("device", ""))
    return str(computed_with(detail).get("device") or ("" if asked == "auto" else asked))
