"""A prompt as chat with all its responses, and of each pair what the file, the labels and the strategies say."""

from collections.abc import Mapping, Sequence

from engine.store.summaries import SCORE, PromptResponses, ResponseText, RoundScores
from workbench.components.foreign_text import conversation, folding
from workbench.components.markup import dot, escaped, foreign, heading, table
from workbench.wording import NOTHING, count, integer, number

OPEN = 12
"""Responses shown at once; the others are folded."""
PAIRS = 60
"""Pairs in the table at most: those that are known most of come first."""


def prompt_card(found: PromptResponses) -> str:
    """The prompt and its responses, numbered."""
    about = [f"prompt {found.id[:9]}", count(len(found.messages), "turn"), found.topic and foreign(found.topic)]
    head = f"{heading(count(len(found.responses), 'response'))}<small>{' · '.join(filter(None, about))}</small>"
    bodies = [_response(n, response) for n, response in enumerate(found.responses, start=1)]
    more = len(bodies) - OPEN
    rest = f"<details><summary>show the other {more}</summary>{''.join(bodies[OPEN:])}</details>" if more > 0 else ""
    talk = f'<div style="margin:.6rem 0">{conversation(found.messages)}</div>'
    return f"{head}{talk}{''.join(bodies[:OPEN])}{rest}"


def _response(n: int, response: ResponseText) -> str:
    about = [response.source and foreign(response.source), count(len(response.text.split()), "word")]
    if response.round is not None:
        about.append(f"made in round {response.round}")
    if response.score is not None:
        about.append(f"score of the file {number(response.score)}")
    words = " · ".join(filter(None, about))
    head = f'<header><span class="letter">{n}</span><small>{words}</small></header>'
    return f'<div style="margin-top:.7rem"><div class="side">{head}{folding(response.text)}</div></div>'


Scores = Mapping[str, Mapping[str, float]]


def pairs_card(found: PromptResponses, sets: Sequence[RoundScores], scores: Scores, where: str) -> str:
    """A row a pair: recorded answers, labels bought and by whom, each strategy's score in `where` (seed and round).

    `scores` are strategy → pair → score, of the pairs that have one.
    """
    if not found.pairs:
        return heading("Pairs") + "<p>This prompt has no pair yet: the sampler makes them when a study runs.</p>"
    place = {response.id: n for n, response in enumerate(found.responses, start=1)}
    recorded: dict[str, list[str]] = {}
    for pair_id, answer, labeller in found.recorded:
        words = escaped(answer_words(answer, found.pairs[pair_id], place))
        words += f" ({foreign(labeller)})" if labeller else ""
        recorded.setdefault(pair_id, []).append(words)
    bought: dict[str, list[str]] = {}
    for label in found.bought:
        if label.pair_id in found.pairs:
            who = f"{dot(label.strategy.slot)}{escaped(label.strategy.title)}, seed {label.seed}, round {label.round}"
            answer = answer_words(label.answer, found.pairs[label.pair_id], place)
            bought.setdefault(label.pair_id, []).append(f"{escaped(answer)}<br><small>{who}</small>")
    shown = [scored for scored in sets if scored.quantity(SCORE) or set(scored.picks) & set(found.pairs)]
    order = sorted(
        found.pairs, key=lambda p: (-len(bought.get(p, ())), -len(recorded.get(p, ())), found.pairs[p] and p)
    )
    rows = [
        [
            " and ".join(str(number_of) for number_of in sorted(place[side] for side in found.pairs[pair_id])),
            _several(recorded.get(pair_id, [])),
            "<br>".join(bought.get(pair_id, [])) or NOTHING,
            *(_scored(scored, pair_id, scores[scored.strategy.name]) for scored in shown),
        ]
        for pair_id in order[:PAIRS]
    ]
    head = [("responses", False), ("recorded", False), ("labels bought", False)]
    head += [(scored.strategy.title, True) for scored in shown]
    aside = count(len(found.pairs), "pair") + (f" · scores of {where}, no unit" if shown else "")
    cut = f"<small>{integer(PAIRS)} of {integer(len(order))} pairs: those with labels first.</small>"
    dash = "<small>A score of –: the pair was no candidate of that run in that round.</small>" if shown else ""
    return heading("Pairs", aside) + table(head, rows) + (cut if len(order) > PAIRS else "") + dash


def answer_words(answer: str, sides: tuple[str, str], place: Mapping[str, int]) -> str:
    """ "3 is better", "tie": the answer in the numbers of the responses."""
    if answer in ("a", "b"):
        return f"{place[sides[answer == 'b']]} is better"
    return {"both_bad": "both bad", "skip": "skipped"}.get(answer, answer)


def _several(answers: Sequence[str]) -> str:
    """Equal answers once, with their number; `answers` are markup."""
    counted = {answer: list(answers).count(answer) for answer in answers}
    words = [f"{answer}{f' × {n}' if n > 1 else ''}" for answer, n in counted.items()]
    return "<br>".join(words) or NOTHING


def _scored(found: RoundScores, pair_id: str, scores: Mapping[str, float]) -> str:
    value = number(scores[pair_id]) if pair_id in scores else NOTHING
    pick = f"<br><small>pick {found.picks.index(pair_id) + 1}</small>" if pair_id in found.picks else ""
    return f"{value}{pick}"
