"""Small pieces of HTML. Every text that comes from data, a model or a person goes through `escaped`.

Nothing here makes a link or an image, so that no text can fetch anything or lead anywhere. Only `show` needs Streamlit:
a report is made of the same pieces on a machine without it.
"""

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from workbench.charts.palette import hue_of, turn_of
from workbench.wording import STATES

STUDIES = Path(__file__).resolve().parents[2] / "pages" / "studies.py"


def escaped(text: object) -> str:
    """The text for use between tags and in quoted attributes."""
    return html.escape(str(text), quote=True)


def foreign(text: object) -> str:
    """A name or word of the data amid words of ours: isolated, so that its reading direction ends where it ends."""
    return f"<bdi>{escaped(text)}</bdi>"


def show(markup: str, width: Literal["stretch", "content"] = "stretch") -> None:
    """Draw escaped markup under the workbench's stylesheet, as wide as its place or as its words."""
    import streamlit as st

    st.html(f'<div class="pw">{markup}</div>', width=width)


def chip(word: str, tone: str = "neutral") -> str:
    """A status: word and tone (ok, warn, bad, run, neutral)."""
    icon = {"ok": "✓ ", "warn": "! ", "bad": "✕ ", "run": "● ", "neutral": "– "}[tone]
    return f'<span class="chip {tone}">{icon}{escaped(word)}</span>'


def state_chip(state: str) -> str:
    """The chip of a run's or study's state."""
    return chip(*STATES.get(state, (state, "neutral")))


def dot(slot: int) -> str:
    """The strategy's mark before its name in ink."""
    return f'<span class="dot {slot_class(slot)}"></span>'


def slot_class(slot: int) -> str:
    """The class that fills a mark with the strategy's colour; where a hue comes again it is a ring, then a half."""
    return f"slot-{hue_of(slot)}{('', ' ring', ' half')[turn_of(slot) % 3]}"


def heading(title: str, aside: str = "") -> str:
    """A card's title, and beside it what it covers."""
    return f"<h2>{escaped(title)}</h2>" + (f"<small>{escaped(aside)}</small>" if aside else "")


def fact(label: str, value: str, unit: str = "") -> str:
    """A key number with its unit or comparison."""
    return f"<div><label>{escaped(label)}</label><strong>{escaped(value)}</strong> <small>{escaped(unit)}</small></div>"


def table(head: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]]) -> str:
    """A table; `head` holds (title, is a number), `rows` markup that is already escaped.

    One that is wider than its place scrolls, with the keyboard as well.
    """
    cells = "".join(f"<th{_num(right)}>{escaped(title)}</th>" for title, right in head)
    body = "".join(
        "<tr>" + "".join(f"<td{_num(right)}>{cell}</td>" for (_, right), cell in zip(head, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="wide" tabindex="0"><table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>'


def _num(right: bool) -> str:
    return ' class="num"' if right else ""


def page_head(title: str, sentence: str, stamp: Sequence[str] = ()) -> None:
    """Title, one sentence, and at the right the stamp: what the page was made on."""
    left = f'<h1>{escaped(title)}</h1><p class="lead">{escaped(sentence)}</p>'
    if not stamp:
        show(left)
        return
    lines = "<br>".join(escaped(line) for line in stamp)
    show(f'<div class="row ends" style="align-items:flex-end"><div>{left}</div><div class="stamp">{lines}</div></div>')


def empty(what: str, reason: str) -> None:
    """In place of content: one sentence, the reason or what comes next."""
    show(empty_markup(what, reason))


def no_study(reason: str) -> None:
    """On a page of the lead that needs a study: none is here, and the way to the page that starts one."""
    see_studies("No study is here yet.", reason)


def see_studies(what: str, reason: str) -> None:
    """In place of content that a study has not made yet: what is not there, and the way to the page that says why."""
    import streamlit as st

    empty(what, reason)
    with st.container(horizontal=True, horizontal_alignment="center"):
        st.page_link(STUDIES, label="To the page Studies", icon=":material/science:", width="content")


def empty_markup(what: str, reason: str) -> str:
    """The same as markup, for a report."""
    return f'<div class="empty"><b>{escaped(what)}</b>{escaped(reason)}</div>'
