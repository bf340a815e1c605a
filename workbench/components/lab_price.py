"""What a scoring will take before it is asked for, and which signals are there already."""

from collections.abc import Sequence

from engine.signals.base import Signal
from engine.store.files import megabytes
from engine.store.scoring_price import Price
from workbench.components.cost_card import UNKNOWN, about, basis
from workbench.components.markup import chip, escaped, fact, heading, show
from workbench.wording import count, integer

SHOWN_BYTES = 50_000
"""What is less reads 0.0 MB."""


def price_card(price: Price, wanted: Sequence[Signal], there: Sequence[Signal]) -> None:
    """Passes, draws, tokens, time and bytes of what is missing; what is kept costs nothing."""
    missing = [signal for signal in wanted if signal not in there]
    show(
        heading(
            "What scoring will take", "counted before it starts, picks so far included; the cache can only make it less"
        )
    )
    work = price.work
    facts = [
        fact("forwards", integer(work.forwards), "texts"),
        fact("backwards", integer(work.backwards), "texts"),
        fact("draws", integer(work.generations), "responses"),
        fact("tokens", f"about {integer(_rough(price.tokens))}", "through the model"),
        fact("time here", UNKNOWN if price.seconds is None else about(price.seconds), "one worker"),
        fact(
            "kept", f"about {megabytes(price.bytes)}" if price.bytes >= SHOWN_BYTES else "under 0.1 MB", "in the cache"
        ),
    ]
    show(f'<div class="facts">{"".join(facts)}</div>')
    parts = [f"{chip('scored', 'ok')} {escaped(x.heading())}" for x in wanted if x in there]
    parts += [f"{chip('to score')} {escaped(x.heading())}" for x in missing]
    show(f'<div class="row">{"".join(f"<span>{part}</span>" for part in parts)}</div>')
    also = "; an ensemble’s own heads or adapters are" if any(x.learns for x in missing) else ""
    kept = f" {count(len(there), 'signal')} of {len(wanted)} lie there already and cost nothing." if there else ""
    show(
        f"<small>{escaped(basis(price.pace))}{escaped(kept)} A forward is one text through the model, a backward one "
        f"there and back, a draw one response written. No label is bought, and the policy is not trained{also}.</small>"
    )


def _rough(tokens: float) -> float:
    """Two digits: it is known no better."""
    if tokens < 100:
        return tokens
    scale = 10.0 ** (len(str(round(tokens))) - 2)
    return round(tokens / scale) * scale
