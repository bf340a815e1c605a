"""The implicit reward of a pair, spelled out: a strip of tokens a side, each with its log-ratio and its entropy."""

import math

from engine.tasks.token_ratios import Strip
from workbench.components.how_to_read import how_to_read
from workbench.components.markup import escaped, heading
from workbench.wording import count, integer, number, signed

REACH = 0.6
"""Nats from which on a token has the whole tint."""
TINT = 52
"""Percent of the ground at most, so that ink stays readable."""
OPEN_NATS = 4.0
"""Nats of entropy from which on the underline has its whole 4 px."""
OPEN = 400
"""Tokens of a side that are shown at once; the others are folded."""
MARKS = {"\n": "↵\n", "\t": "⇥", "\r": "␍"}
READING = (
    "Teal tokens have become likelier than under the reference, copper ones less likely. The sum times β is the "
    "implicit reward of a response. A thick underline: much else could have stood there. Many faint tokens outweigh "
    "one bright one."
)


def token_heat(sides: tuple[Strip, Strip], beta: float, policy: str, *, same: bool) -> str:
    """Both responses as strips; below each its sum, below both the margin and the probability that it means.

    `policy` says in words which policy it is, `same` that it is still the reference.
    """
    strips = "".join(_side(letter, strip, beta) for letter, strip in zip("AB", sides, strict=True))
    note = (
        "<p><small>Policy and reference are still the same, so every log-ratio is 0. The underlines say how open each "
        "choice was.</small></p>"
        if same
        else ""
    )
    return (
        f'<div class="row ends"><div>{heading("Token view", policy)}</div>{_scale()}</div>{note}'
        f'<div class="sides">{strips}</div><p class="verdict">{_margin(sides, beta)}</p>'
        f"{how_to_read(READING)}{_table(sides)}"
    )


def no_tokens(policy: str) -> str:
    """Where the strips will stand."""
    return (
        f'{heading("Token view", policy)}<p class="muted">How much likelier each token has become than under the '
        "reference, and how open each choice was: switch on “explain” above.</p>"
    )


def _scale() -> str:
    return (
        f'<small class="scale whole">−{REACH} <i class="ramp" role="img" aria-label="from copper to teal"></i> '
        f"+{REACH} nats, log-ratio · underline: entropy, 0 to {OPEN_NATS:g} nats</small>"
    )


def _side(letter: str, strip: Strip, beta: float) -> str:
    chip = f'<span class="letter {letter.lower()}">{letter}</span>'
    if strip.why:
        return f'<div class="side"><p>{chip} <small>{escaped(strip.why)}</small></p></div>'
    spans = [
        _token(text, ratio, entropy)
        for text, ratio, entropy in zip(strip.tokens, strip.ratios, strip.entropies, strict=True)
    ]
    more = len(spans) - OPEN
    rest = (
        f"<details><summary>show the other {integer(more)} tokens</summary>{''.join(spans[OPEN:])}</details>"
        if more > 0
        else ""
    )
    out = (
        f"<p><small>{count(strip.left_out, 'more token')} behind these; the sum is over all.</small></p>"
        if strip.left_out
        else ""
    )
    total = (
        f"{chip} <small>sum {signed(strip.total, 2)} nats · β {beta:g} · implicit reward "
        f"<b>{signed(beta * strip.total, 2)}</b></small>"
    )
    body = f'<div class="heat" dir="auto">{"".join(spans[:OPEN])}{rest}</div>'
    return f'<div class="side">{body}{out}<p style="margin-top:.4rem">{total}</p></div>'


def _token(text: str, ratio: float, entropy: float) -> str:
    """One token. Its numbers stand in `title`; tint and underline are steps of the stylesheet's scale."""
    tint = round(TINT * min(abs(ratio) / REACH, 1.0))
    line = 1 + round(3 * min(entropy / OPEN_NATS, 1.0))
    kind = "up" if ratio > 0 else "down"
    about = f"{signed(ratio)} nats · entropy {number(entropy)} nats"
    return f'<span class="{kind}" style="--r:{tint}%;--e:{line}px" title="{about}">{_shown(text)}</span>'


def _shown(text: str) -> str:
    """The token's text, what cannot be seen made visible; "" is a part of the character that a later token shows."""
    if not text:
        return "‥"
    return escaped("".join(MARKS.get(c, c if c.isprintable() else f"\\x{ord(c):02x}") for c in text))


def _margin(sides: tuple[Strip, Strip], beta: float) -> str:
    if any(strip.why for strip in sides):
        return "<small>There is no margin: one of the responses does not fit the model.</small>"
    margin = beta * (sides[0].total - sides[1].total)
    chance = 1 / (1 + math.exp(-abs(margin)))
    if margin == 0:
        return "Margin A − B: <b>0</b>, so the policy calls either better with probability <b>0.50</b>."
    return (
        f"Margin A − B: <b>{signed(margin, 2)}</b> reward units, so the policy would call "
        f"{'A' if margin > 0 else 'B'} better with probability <b>{_probability(chance)}</b>."
    )


def _probability(chance: float) -> str:
    """0.77, or "over 0.999" where two digits would say that it is certain."""
    return "over 0.999" if chance > 0.999 else number(chance, 3 if chance > 0.99 else 2)


def _table(sides: tuple[Strip, Strip]) -> str:
    """The exact numbers, a row a token: what the colours say, for eyes that do not see them and for screen readers."""
    parts = []
    for letter, strip in zip("AB", sides, strict=True):
        rows = "".join(
            f"<tr><td><bdi>{_shown(text)}</bdi></td><td class='num'>{signed(ratio)}</td>"
            f"<td class='num'>{number(entropy)}</td></tr>"
            for text, ratio, entropy in zip(strip.tokens, strip.ratios, strip.entropies, strict=True)
        )
        parts.append(
            f"<table><caption>Response {letter}, {count(len(strip.tokens), 'token')}</caption><thead><tr>"
            "<th scope='col'>token</th><th scope='col' class='num'>log-ratio, nats</th>"
            f"<th scope='col' class='num'>entropy, nats</th></tr></thead><tbody>{rows}</tbody></table>"
        )
    both = "".join(f'<div class="side">{part}</div>' for part in parts)
    return f'<details><summary>The numbers as a table</summary><div class="sides">{both}</div></details>'
