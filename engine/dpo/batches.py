"""What one backward pass of training holds: labelled pairs as tokens, cut to what fits, packed so that nothing is read
twice."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from engine.models.attention import can_be_packed
from engine.models.footprint import tokens_that_fit
from engine.models.packs import Pack, pack, trees_of
from engine.models.policy import Policy
from engine.models.tokens import Encoded
from engine.records import Prompt, Response


@dataclass(frozen=True)
class Example:
    """A labelled pair: a label made one response chosen."""

    pair_id: str
    prompt: Prompt
    chosen: Response
    rejected: Response


@dataclass(frozen=True)
class Row:
    """An example as tokens, and the log-probs of chosen and rejected under the reference, in nats."""

    example: Example
    chosen: Encoded
    rejected: Encoded
    reference: tuple[float, float]

    @property
    def length(self) -> int:
        """Tokens that go through the model, the prompt once."""
        return self.chosen.length + len(self.rejected.response_ids)


def micro_batches(policy: Policy, batch: Sequence[Row], pairs: int) -> list[list[Row]]:
    """The batch cut into parts of at most `pairs` and of as many tokens as memory takes (or a single pair): the longest
    pairs first, of like length together."""
    allowed = tokens_that_fit(policy, "training")
    parts: list[list[Row]] = []
    for row in sorted(batch, key=lambda row: (-row.length, row.example.pair_id)):
        if not parts or len(parts[-1]) >= pairs or tokens_of(policy, [*parts[-1], row]) > allowed:
            parts.append([])
        parts[-1].append(row)
    return parts


def tokens_of(policy: Policy, part: Sequence[Row]) -> int:
    """What goes through the model for these pairs at once; a model that is not packed reads each text padded."""
    if can_be_packed(policy):
        return sum(row.length for row in part)
    return 2 * len(part) * max(max(row.chosen.length, row.rejected.length) for row in part)


def together(policy: Policy, part: Sequence[Row]) -> tuple[Pack, torch.Tensor, torch.Tensor]:
    """The pairs in one pack, and which of its texts is the chosen and which the rejected of each, both (pairs,).

    A prompt is read once for all its responses, and a response once however many pairs it is in.
    """
    texts = list({text.key: text for row in part for text in (row.chosen, row.rejected)}.values())
    padded = not can_be_packed(policy)
    found = pack(texts, trees_of(texts, share=not padded), policy.device, padded=padded)
    at = {texts[text].key: place for place, text in enumerate(found.index)}
    chosen, rejected = [at[row.chosen.key] for row in part], [at[row.rejected.key] for row in part]
    return found, torch.tensor(chosen, device=policy.device), torch.tensor(rejected, device=policy.device)
