"""A picked pair: prompt, and the two responses side by side."""

from collections.abc import Sequence

from engine.store.summaries import PickedPair
from workbench.components.difference import differing
from workbench.components.foreign_text import Span, conversation, folding
from workbench.components.markup import chip, foreign, heading
from workbench.wording import ANSWERS, count


def pair_card(pair: PickedPair, of: int, *, marked: bool = False) -> str:
    """The pair as markup: head, prompt, A left and B right; ✓ stands at the chosen response once it is labelled.

    `marked`: the words in which the two responses differ are marked.
    """
    turns = len(pair.messages)
    aside = f"pick {pair.rank} of {of} · round {pair.round} · {label_words(pair)}"
    head = f'<div class="row ends"><div>{heading(short(pair.pair_id), aside)}</div>'
    head += f"<small>prompt, {count(turns, 'turn')}</small></div>"
    marks = differing(pair.response_a, pair.response_b) if marked else ((), ())
    sides = _side("A", pair.response_a, marks[0], pair.source_a, pair.answer) + _side(
        "B", pair.response_b, marks[1], pair.source_b, pair.answer
    )
    return f'{head}<div style="margin-top:.6rem">{conversation(pair.messages)}</div><div class="sides">{sides}</div>'


def batch_words(picks: Sequence[PickedPair]) -> str:
    """ "60 picks · 57 labelled · 2 with neither chosen"."""
    answers = [p.answer for p in picks if p.answer is not None]
    trains = sum(a in ("a", "b") for a in answers)
    other = len(answers) - trains
    tail = f" · {other} with neither chosen" if other else ""
    return f"{count(len(picks), 'pick')} · {len(answers)} labelled{tail}"


def short(pair_id: str) -> str:
    """ "Pair x1a2b3c4": enough of the id to find it again."""
    return f"Pair {pair_id[:9]}"


def label_words(pair: PickedPair) -> str:
    """ "labelled: A is better (recorded)", or "not labelled yet"."""
    if pair.answer is None:
        return "not labelled yet"
    return f"labelled: {ANSWERS.get(pair.answer, pair.answer)}" + (f" ({pair.oracle})" if pair.oracle else "")


def _side(letter: str, text: str, marks: Sequence[Span], source: str, answer: str | None) -> str:
    outcome = ""
    if answer in ("a", "b"):
        outcome = chip("chosen", "ok") if answer == letter.lower() else '<span class="chip">rejected</span>'
    about = " · ".join(filter(None, [source and foreign(source), count(len(text.split()), "word")]))
    return (
        f'<div class="side"><header><span class="letter {letter.lower()}">{letter}</span>'
        f"<small>{about}</small>{outcome}</header>{folding(text, marks)}</div>"
    )
