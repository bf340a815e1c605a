"""The proof of a file on screen: what it was read as, what every check found, lengths, and its first rows."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from workbench.components.data_browser import recorded_words
from workbench.components.foreign_text import conversation, folding
from workbench.components.markup import chip, escaped, fact, foreign, heading, show
from workbench.proof_words import TONES, better_of, finding_words, leakage_words, length_words
from workbench.wording import count, integer, number, plain

REFUSED = ("refused", "identical", "empty", "prompts_differ")
"""Findings whose rows stand in the list of refused rows."""
WORDS = {"ok": "fine", "note": "to know", "warn": "look"}


def read_as(answer: Mapping[str, Any], path: str, imported: bool) -> None:
    """Format and why, and how much there is of everything."""
    refused = int(answer["refused"])
    tone = ("imported", "ok") if imported else ("not imported yet", "warn")
    understood = f"read as {plain(answer['format'])}: {answer['why']}"
    show(f'<div class="row">{heading(PurePath(path).name or path, understood)}{chip(*tone)}</div>')
    said = answer["recorded_answers"]
    facts = [
        fact("rows in all", integer(answer["rows"])),
        fact("rows read", integer(int(answer["rows"]) - refused)),
        fact("rows refused", integer(refused)),
        fact("prompts", integer(answer["prompts"])),
        fact("responses", integer(answer["responses"])),
        fact("pairs", integer(answer["pairs"])),
        fact("recorded comparisons", integer(sum(said.values())), recorded_words(said)),
    ]
    show(f'<div class="facts" style="margin:.4rem 0">{"".join(facts)}</div>')
    notes = [f"{integer(n)} × {what}: left out." for what, n in answer["dropped"].items()]
    if notes:
        show(f'<div class="note"><ul>{"".join(f"<li>{escaped(note)}</li>" for note in notes)}</ul></div>')


def findings(found: Sequence[Mapping[str, Any]], title: str = "What the checks found") -> None:
    """What asks for a look first, then what is good to know; what is fine is folded."""
    by_tone = {tone: [f for f in found if f["tone"] == tone] for tone in ("warn", "note", "ok")}
    said = [f"{len(by_tone['warn'])} to look at", f"{len(by_tone['note'])} to know", f"{len(by_tone['ok'])} fine"]
    open_ones = "".join(_finding(f) for tone in ("warn", "note") for f in by_tone[tone])
    fine = "".join(_finding(f) for f in by_tone["ok"])
    folded = (
        f"<details{'' if open_ones else ' open'}><summary>{count(len(by_tone['ok']), 'check')} without a finding"
        f"</summary>{fine}</details>"
        if fine
        else ""
    )
    show(f"{heading(title, ', '.join(said))}{open_ones}{folded}")


def _finding(found: Mapping[str, Any]) -> str:
    tone = found["tone"]
    title = escaped(found["title"][:1].upper() + found["title"][1:])
    details = [] if found["name"] in REFUSED else [(row, what) for row, what in found["rows"] if what]
    lines = "".join(f"<li>row {integer(row)}: {foreign(what)}</li>" for row, what in details[:20])
    more = f"<details><summary>what was found there</summary><ul>{lines}</ul></details>" if lines else ""
    said = finding_words(found)
    words = escaped(said[:1].upper() + said[1:])
    return f'<div class="check">{chip(WORDS[tone], TONES[tone])}<div><b>{title}</b><br>{words}{more}</div></div>'


def shared_prompts(answer: Mapping[str, Any]) -> None:
    """How many prompts of a held-out file stand in this one too or are near one of it, with some of them."""
    same, near = int(answer["same"]), int(answer["near"])
    words = leakage_words(same, near, int(answer["held_out"]))
    tag = chip(WORDS["warn"], TONES["warn"]) if same or near else chip(WORDS["ok"], TONES["ok"])
    lines = "".join(
        f"<li>{foreign(held)}{'' if held == here else f'<br><small>here: </small>{foreign(here)}'}</li>"
        for held, here in answer["shown"]
    )
    more = f"<details><summary>some of them</summary><ul>{lines}</ul></details>" if lines else ""
    show(f'<div class="check">{tag}<div>{escaped(words[:1].upper() + words[1:])}.{more}</div></div>')


def lengths(answer: Mapping[str, Any]) -> None:
    """Prompts and responses by their length, a bar a range, with quantiles in words."""
    body = "".join(_histogram(what, answer["lengths"][what]) for what in ("prompt", "response"))
    turns = answer["lengths"]["turns"]
    several = sum(n for k, n in turns.items() if int(k) > 1)
    aside = f"characters; {integer(several)} of {integer(sum(turns.values()))} prompts have several turns"
    show(f"{heading('Lengths', aside)}{body}")


def _histogram(what: str, of: Mapping[str, Any]) -> str:
    most = max(of["counts"], default=0)
    if not most:
        return ""
    bars = "".join(f'<i style="height:{100 * n / most:.0f}%"></i>' for n in of["counts"])
    top = integer(of["edges"][-1])
    words = f"{what.capitalize()}s: {length_words(of)}"
    return (
        f'<div class="bars" role="img" aria-label="{escaped(words)}">{bars}</div>'
        f'<div class="row ends"><small>0</small><small>{top} characters and more</small></div>'
        f"<p><small>{escaped(words)}; the highest bar stands for {integer(most)}.</small></p>"
    )


def first_rows(rows: Sequence[Mapping[str, Any]], aside: str) -> str:
    """Rows as chat, each response with what the file says of it; markup."""
    return heading("As understood", aside) + "".join(f'<div style="margin-top:.6rem">{_row(row)}</div>' for row in rows)


def _row(shown: Mapping[str, Any]) -> str:
    topic = f" · {foreign(shown['topic'])}" if shown["topic"] else ""
    body = f"<small>row {integer(shown['row'])}{topic}</small>"
    body += conversation([(role, text) for role, text in shown["messages"]])
    better = better_of(shown["answers"], len(shown["responses"]))
    for n, (text, source, score) in enumerate(shown["responses"]):
        about = [source and foreign(source), f"score of the file {number(score)}" if score is not None else ""]
        won = better[n] and not better[n].startswith("better in 0")
        tag = chip(better[n], "ok" if won and better[n] != "tie" else "neutral") if better[n] else ""
        words = " · ".join(filter(None, about))
        head = f'<header><span class="letter">{n + 1}</span><small>{words}</small>{tag}</header>'
        body += f'<div style="margin-top:.6rem"><div class="side">{head}{folding(text)}</div></div>'
    return body
