"""A prompt and a response as the model reads them, token by token; and how long the responses of a pool are."""

from collections.abc import Mapping
from typing import Any

from workbench.components.markup import escaped, fact, heading
from workbench.proof_words import special_words
from workbench.wording import count, integer, number

MARKS = {"\n": "↵\n", "\t": "⇥", "\r": "␍"}
OPEN = 1_200
"""Tokens shown at once; the others are folded."""


def token_strip(answer: Mapping[str, Any]) -> str:
    """Every token in a box of its own: those of the prompt plain, those of the response, the loss sees, filled."""
    if not answer["fits"]:
        why = escaped(answer["why"])
        return f'<div class="note warn" role="status"><b class="word">! It does not fit.</b> {why}</div>'
    total = int(answer["prompt"]) + int(answer["response"])
    aside = (
        f"{count(answer['prompt'], 'token')} of the prompt, {integer(answer['response'])} of the response · "
        f"{integer(total)} of {integer(answer['context_tokens'])} the model can read · {answer['tokenizer']}"
    )
    boxes = [_token(str(text), str(part)) for text, part in answer["tokens"]]
    more = len(boxes) - OPEN
    rest = (
        f"<details><summary>show the other {integer(more)}</summary>{''.join(boxes[OPEN:])}</details>"
        if more > 0
        else ""
    )
    legend = (
        '<small><b class="word">How to read this.</b> Plain: the prompt through the chat template. Filled: the '
        "response, with the end token; only these count in log-probs, loss and gradients.</small>"
    )
    return f'{heading("Tokens", aside)}<div class="tokens" dir="ltr">{"".join(boxes[:OPEN])}{rest}</div>{legend}'


def _token(text: str, part: str) -> str:
    shown = "".join(MARKS.get(c, c if c.isprintable() else f"\\x{ord(c):02x}") for c in text)
    kind = ' class="read"' if part == "response" else ""
    return f"<bdi{kind}>{escaped(shown).replace(' ', '·')}</bdi>"


def length_facts(answer: Mapping[str, Any]) -> str:
    """How long the responses are in tokens, and how many do not fit with their prompt."""
    at = answer["quantiles"]
    over = int(answer["over_length"])
    facts = [
        fact("responses counted", integer(answer["n"])),
        fact("tokens, mean", number(float(answer["mean"]), 1), "end token included"),
        fact("tokens, median", number(float(at["0.5"]), 0), f"90 % in {at['0.05']:.0f} to {at['0.95']:.0f}"),
        fact("tokens, longest", integer(answer["max"])),
        fact("do not fit", integer(over), f"with their prompt, in {integer(answer['context_tokens'])} tokens"),
        *([fact("empty", integer(int(answer["empty"])), "once they are tokens")] if answer.get("empty") else []),
    ]
    return f'<div class="facts">{"".join(facts)}</div><small>tokenizer {escaped(answer["tokenizer"])}</small>'


def token_proof(answer: Mapping[str, Any]) -> str:
    """The task `prove_tokens` in full: what does not fit, lengths in tokens, and the first rows token by token."""
    over, of = int(answer["over"]), int(answer["n"])
    facts = [
        fact("responses counted", integer(of), f"of {count(answer['sample'], 'row')}, a keyed sample"),
        fact("prompt, median", number(answer["prompt_tokens"]["0.5"], 0), _tokens_words(answer["prompt_tokens"])),
        fact("response, median", number(answer["response_tokens"]["0.5"], 0), _tokens_words(answer["response_tokens"])),
        fact("do not fit", integer(over), f"with their prompt, in {integer(answer['context_tokens'])} tokens"),
    ]
    notes = []
    if answer["over_rows"]:
        rows = ", ".join(integer(row) for row in answer["over_rows"][:12])
        notes.append(f"Rows that do not fit are left out of rounds and counted: {rows}{_more(answer['over_rows'])}.")
    if answer["refused"]:
        row, why = answer["refused_rows"][0]
        notes.append(f"The chat template refuses {count(answer['refused'], 'row')}, the first is {integer(row)}: {why}")
    said = "".join(f'<div class="note warn">{escaped(note)}</div>' for note in notes)
    views = "".join(_view(view, n == 0) for n, view in enumerate(answer["views"]))
    return f'<div class="facts">{"".join(facts)}</div>{said}{views}'


def _view(view: Mapping[str, Any], unfolded: bool) -> str:
    words = special_words(view) if view["fits"] else ""
    bos_twice = view["fits"] and view["bos"][1] > 1
    tone = "note bad" if bos_twice else "muted"
    about = f'<p class="{tone}"><small>It {escaped(words)}.</small></p>' if words else ""
    title = f"row {integer(view['row'])}, its first response"
    return f"<details{' open' if unfolded else ''}><summary>{title}</summary>{about}{token_strip(view)}</details>"


def _tokens_words(at: Mapping[str, float]) -> str:
    return f"90 % in {at['0.05']:.0f} to {at['0.95']:.0f}, longest {integer(at['max'])}"


def _more(rows: list[int]) -> str:
    return ", …" if len(rows) > 12 else ""
