"""What the reader looks at: study, strategy, run, round and pair, in the link and the same on every page.

The only module that touches the session's state and the link. A page uses some parts; the others are kept while the
tab is open. Unknown values in a link fall back to the default, and the sidebar says so once.
"""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar, cast

import streamlit as st
from streamlit.errors import StreamlitAPIException

from engine.errors import EngineError
from engine.store.summaries import StudyDetail, StudySummary
from engine.strategies.base import bare
from workbench import cache
from workbench.charts.palette import Mode
from workbench.choices import Draft as Draft
from workbench.choices import Looking as Looking
from workbench.choices import Said as Said
from workbench.components import picker
from workbench.components.markup import show

LOOKING, DRAWN, HELD, SAID_S = "_looking", "_drawn", "_held", 8.0
Thing = TypeVar("Thing")


def look_at(
    page: str, parts: Sequence[str], studies: Sequence[StudySummary], study_of: Callable[[str], StudyDetail]
) -> Looking:
    """Draw "Looking at" with these parts (study, strategy, seed, round, pair) and remember what was chosen."""
    if st.session_state.get(HELD, (None,))[0] != page:
        st.session_state[HELD] = (page, {})
    looking = _choose(parts, studies, study_of) if studies and parts else Looking()
    st.session_state[LOOKING] = looking
    return looking


def looking() -> Looking:
    """What `look_at` found in this run of the script."""
    found = st.session_state.get(LOOKING)
    return found if isinstance(found, Looking) else Looking()


def held(what: Hashable, now: Callable[[], Thing]) -> Thing:
    """What `now` said when this page was first drawn: it stays so under the reader until `catch_up` or another page."""
    _, known = st.session_state.setdefault(HELD, ("", {}))
    if what not in known:
        known[what] = now()
    found: Thing = known[what]
    return found


def rounds(study_id: str, run_id: str) -> tuple[int, ...]:
    """The rounds of a run that had picks when this page was first drawn with any, in order."""
    found = tuple(cache.rounds(study_id, run_id))
    return held(("rounds", run_id), lambda: found) if found else ()


def catch_up(*kinds: str) -> None:
    """Ask anew for what is held of these kinds (first word of its name); of all: look at the latest round, too."""
    known = st.session_state[HELD][1]
    for what in [one for one in known if not kinds or one[0] in kinds]:
        del known[what]
    if not kinds:
        st.session_state["_latest"] = True


def settle(part: str, known: Sequence[str], usual: str) -> None:
    """Before its widget is drawn: a part that neither this session nor the link chose is the usual one.

    The usual one may be another tomorrow, so it is no default of the widget: those stay out of the link.
    """
    chosen = st.session_state.get(part)
    if chosen not in known and (chosen is not None or st.query_params.get(part) not in known):
        if chosen is None:
            _into_link(part, usual)  # at a first drawing its widget would leave the link without it
        st.session_state[part] = usual


def _into_link(part: str, value: str) -> None:
    """Into the link, unless a widget writes it: that of a page left before it was drawn whole is bound and empty."""
    with suppress(StreamlitAPIException):
        st.query_params[part] = value


def _choose(parts: Sequence[str], studies: Sequence[StudySummary], study_of: Callable[[str], StudyDetail]) -> Looking:
    show('<div class="looking">Looking at</div>')
    labels = picker.study_labels(studies)
    _say_unknown("study", list(labels))
    settle("study", list(labels), next(iter(labels)))
    study = picker.pick_study(labels)
    detail = study_of(study.id)
    strategy = run = number = None
    there: tuple[int, ...] = ()
    pair = ""
    if "strategy" in parts:
        _translate("strategy", {s.title: (s.name, s.title) for s in study.strategies})
        _say_unknown("strategy", [s.title for s in study.strategies])
        strategy = picker.pick_strategy(study.strategies)
    if strategy is not None and "seed" in parts:
        runs = [r for r in detail.runs if r.strategy.name == strategy.name]
        _say_unknown("seed", [str(r.seed) for r in runs])
        run = picker.pick_run(runs) if runs else None
        if run is not None:
            picker.say_run(run, detail.seen_by(strategy.name, "regime"))
    if run is not None and "round" in parts:
        there = rounds(run.study_id, run.id)
        number = _pick_round(there, run.rounds_total) if there else None
    if number is not None and "pair" in parts:
        pair = picker.pick_pair()
    return Looking(study, strategy, run, number, pair, there)


def _pick_round(there: Sequence[int], planned: int) -> int:
    """A round that was there when the page was opened; the last of them where one is asked for that is to come."""
    names = [str(n) for n in range(1, max(planned, *there) + 1)]
    _say_unknown("round", names)
    if st.session_state.pop("_latest", False):
        st.session_state["round"] = str(there[-1])
    settle("round", names, str(there[-1]))
    return picker.pick_round(there, names)


def _translate(part: str, titles: Mapping[str, Sequence[str]]) -> None:
    """A link may call a thing by any of its names, however written: "activedpo" is "ActiveDPO". `titles`: what its
    widget calls it → its names. Of two things of one name neither is meant."""
    asked = st.query_params.get(part)
    if asked is None or asked in titles:
        return
    meant = [title for title, names in titles.items() if bare(asked) in map(bare, names)]
    if len(meant) == 1:
        _into_link(part, meant[0])
        st.session_state[part] = meant[0]


def _say_unknown(part: str, known: Sequence[str]) -> None:
    """One line where the link asks for what is not there; Streamlit then takes the value out of the link."""
    asked = st.query_params.get(part)
    if asked is not None and asked not in known:
        words = {"study": "a study that is not here", "strategy": "a strategy this study has not"}
        what = words.get(part, f"a {part} that is not there")
        show(f'<div class="note warn"><small>The link asks for {what}. You see the usual one.</small></div>')


def step_to_pair(pair_id: str) -> None:
    """Look at the pair; to be called from a button's callback. A table of picks is then drawn anew, with its row."""
    st.session_state["pair"] = pair_id
    st.session_state["_steps"] = steps() + 1


def steps() -> int:
    """How often a button has moved to another pair; part of the key of the list that must follow."""
    return int(st.session_state.get("_steps", 0))


def show_chosen(part: str, table: str, values: Sequence[str]) -> None:
    """Look at what was chosen in the table of that key (`values` a row); to be called from its callback."""
    state = st.session_state.get(table)
    rows = state["selection"]["rows"] if isinstance(state, Mapping) else []
    if rows and rows[0] < len(values):
        st.session_state[part] = values[rows[0]]


def show_selected(part: str, chart: str, value: Callable[[Mapping[str, Any]], str]) -> None:
    """Look at what was brushed or clicked in the chart of that key; `value` puts a selection in words, "" for none."""
    state = st.session_state.get(chart)
    words = value(state["selection"]) if isinstance(state, Mapping) else ""
    if words:
        st.session_state[part] = words


def choose(part: str, value: Any) -> None:
    """Look at that value, or tick a box by True; to be called from a button's callback."""
    st.session_state[part] = value


def value_of(key: str) -> Any:
    """What the widget of that key holds; to be asked in its callback. None if it is not there."""
    return st.session_state.get(key)


def open_draft(start: Mapping[str, Any], cloned: str = "") -> None:
    """Open the form. Every draft has a number, so that the widgets of the one before leave nothing behind."""
    st.session_state["_drafts"] = number = drafts() + 1
    st.session_state["_draft"] = Draft(dict(start), cloned, number)


def drafts() -> int:
    """How many forms were opened so far."""
    return int(st.session_state.get("_drafts", 0))


def draft() -> Draft | None:
    """The study that is being filled in, while its form is open."""
    found = st.session_state.get("_draft")
    return found if isinstance(found, Draft) else None


def close_draft() -> None:
    """The form is closed; what was filled in is gone."""
    st.session_state.pop("_draft", None)


def tour_at(first: Callable[[], bool] = lambda: False) -> int | None:
    """The step of the tour that is open, None for none; `first` says whether a new session begins with it."""
    if "_tour" not in st.session_state:
        tour_to(0 if first() else None)
    return cast("int | None", st.session_state["_tour"])


def bare_link() -> bool:
    """Whether the link names nothing but a page."""
    return not st.query_params


def tour_to(at: int | None) -> None:
    """Open the tour at that step, or close it."""
    st.session_state["_tour"] = at


def mode() -> Mode:
    """Light or dark, as the browser shows it now."""
    return "dark" if st.context.theme.type == "dark" else "light"


def remember_mode() -> None:
    """Note the mode that the page is drawn in."""
    st.session_state[DRAWN] = mode()


def mode_changed() -> bool:
    """Whether the reader has switched between light and dark since the page was drawn."""
    return st.session_state.get(DRAWN, mode()) != mode()


def say(sentence: str = "", error: EngineError | None = None) -> None:
    """Answer an action on the next drawing of the page, and for some seconds after."""
    st.session_state["_said"] = Said(sentence, error, time.monotonic())


def said() -> Said | None:
    """The answer to the last action, while it is fresh: a page that draws itself every two seconds must not lose it."""
    found = st.session_state.get("_said")
    return found if isinstance(found, Said) and time.monotonic() - found.at < SAID_S else None


def text_of(part: str) -> str:
    """What a bound text holds, also before its widget is drawn: this session's words, else those of the link."""
    found = st.session_state.get(part)
    return str(st.query_params.get(part, "") if found is None else found)


def words_of(part: str) -> list[str] | None:
    """What a bound choice of several holds, also before its widget is drawn; None where nobody has chosen."""
    found = st.session_state.get(part)
    return (st.query_params.get_all(part) or None) if found is None else list(found)


def change_words(part: str, drawn: str, change: Callable[[list[str]], list[str]]) -> None:
    """Change the parts of words like "one; two"; to be called in a callback.

    `drawn` are the words as the page showed them: Streamlit may call back twice for one click, when its answer to the
    first was cut short, and twice must be as once.
    """
    parts = [word.strip() for word in drawn.split(";") if word.strip()]
    st.session_state[part] = "; ".join(change(parts))


def version_of(part: str, text: str) -> int:
    """A number that rises when the words were changed elsewhere than by `keep_words`, for keys of their forms."""
    kept, number = st.session_state.get(f"_{part}", (text, 0))
    number += kept != text
    st.session_state[f"_{part}"] = (text, number)
    return int(number)


def keep_words(part: str, text: str) -> None:
    """The words as a form says them; to be called before the text's own widget is drawn."""
    _, number = st.session_state.get(f"_{part}", ("", 0))
    st.session_state[part] = text
    st.session_state[f"_{part}"] = (text, number)


def is_news(name: str, value: str) -> bool:
    """Whether that name had another value before: what was clicked stays clicked, but is answered once."""
    before = st.session_state.get(f"_news_{name}")
    st.session_state[f"_news_{name}"] = value
    return bool(before != value)


def token() -> str:
    """The token of this tab's link, "" for none. It stays in the link from page to page, so that a reload finds it."""
    found = str(st.query_params.get("token") or st.session_state.get("_token") or "")
    st.session_state["_token"] = found
    if found and st.query_params.get("token") != found:
        st.query_params["token"] = found
    return found
