"""A local model as a judge: which of two verdicts it would rather write."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.models.load import load_policy
from engine.models.logps import score_responses
from engine.models.policy import Policy
from engine.models.tokens import TooLong, encode
from engine.records import Message, Prompt
from engine.resume import unasked

if TYPE_CHECKING:
    from engine.settings import ModelSettings

SAYS = ("Verdict: A", "Verdict: B")
_loaded: dict[str, Policy] = {}


def load_judge(settings: "ModelSettings", check: Callable[[], None] = unasked) -> Policy:
    """The model; the one used last stays loaded. ModelError as of any policy."""
    key = settings.model_dump_json()
    if key not in _loaded:
        _loaded.clear()
        _loaded[key] = load_policy(settings, 0, check)
    return _loaded[key]


def prefers(judge: Policy, text: str) -> tuple[float, int] | None:
    """How much rather it says A than B, in nats, and the tokens it read; None if the text does not fit.

    One text a pass, so that no other text moves its last bits.
    """
    prompt = Prompt.of([Message("user", text)])
    try:
        both = [encode(judge, prompt, said) for said in SAYS]
    except TooLong:
        return None
    first, second = score_responses(judge, both, reference=True, with_entropy=False).logp
    return round(float(first - second), 6), sum(one.length for one in both)
