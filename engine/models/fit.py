"""Which prompts and responses the model cannot take: refused and counted, never cut."""

from collections.abc import Sequence

from engine.data.pool import PreferenceData
from engine.models.policy import Policy
from engine.models.tokens import AT_ONCE, encode_any, encode_prompt

SHORTEST = 2
"""Tokens of a response that says anything: one, and the one that ends it."""


def unusable(policy: Policy, data: PreferenceData) -> dict[str, str]:
    """Response id → reason, for every response that is longer than the context or empty once it is tokens.

    The reasons complete "a response that is …"; what only the prompt is to blame for has a reason of its own.
    """
    found: dict[str, str] = {}
    responses, most = list(data.responses.values()), policy.context_tokens
    for response, text in zip(responses, encode_any(policy, data.prompts, responses), strict=True):
        if len(text.response_ids) < SHORTEST:
            found[response.id] = "empty once it is tokens"
        elif len(text.prompt_ids) + SHORTEST > most:
            found[response.id] = f"behind a prompt that fills the {most} tokens alone"
        elif text.length > most:
            found[response.id] = f"longer than {most} tokens with its prompt"
    return found


def with_room(policy: Policy, data: PreferenceData, prompt_ids: Sequence[str]) -> list[str]:
    """The prompts behind which a response of any length fits, in their order."""
    found: list[str] = []
    for number, prompt_id in enumerate(prompt_ids):
        if number % AT_ONCE == 0:
            policy.check()
        if len(encode_prompt(policy, data.prompts[prompt_id])) + SHORTEST <= policy.context_tokens:
            found.append(prompt_id)
    return found
