"""Labelled pairs of quite different lengths, so that padding, cutting and ordering have something to get wrong."""

from engine.dpo.batches import Example
from engine.models.logps import score_responses
from engine.models.policy import Policy
from engine.models.tokens import encode
from engine.records import Message, Pair, Prompt, Response


def labelled(n: int) -> list[Example]:
    """n pairs, each of a prompt of its own; responses of 2 to 40 bytes."""
    found = []
    for i in range(n):
        prompt = Prompt.of([Message("user", "how" + " long" * (i % 4) + f" is river {i}?")])
        one = Response.of(prompt.id, "so " * (1 + 5 * i % 13) + str(i))
        other = Response.of(prompt.id, "no" + "!" * (7 * i % 11) + str(i))
        chosen, rejected = (one, other) if i % 3 else (other, one)
        found.append(Example(Pair.of(prompt.id, one.id, other.id).id, prompt, chosen, rejected))
    return found


def reference_of(policy: Policy, examples: list[Example]) -> dict[str, float]:
    """Response id → summed log-prob in nats with the adapter off."""
    rows = [(e.prompt, r) for e in examples for r in (e.chosen, e.rejected)]
    encoded = [encode(policy, prompt, response.text) for prompt, response in rows]
    logps = score_responses(policy, encoded, reference=True, with_entropy=False).logp
    return {response.id: float(logp) for (_, response), logp in zip(rows, logps, strict=True)}
