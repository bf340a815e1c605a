"""Log-probs and entropies of responses against padded batches of 16, and what sharing the prompt brings. (G1, G2)"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from engine.models.logps import score_responses
from engine.models.policy import Policy
from engine.models.tokens import Encoded
from tests.bench import _models
from tests.bench._harness import Way, agree, race, row
from tests.bench.gpu._machine import Machine, Model

BATCH = 16


def model_rows(on: Machine, model: Model) -> list[str]:
    policy, texts = model.policy, model.texts
    alone = [_alone(text, number) for number, text in enumerate(texts)]
    padded, ours, unshared = race(
        Way("padded batches of 16", lambda: by_padding(policy, texts), turns=3),
        Way("ours", lambda: score_responses(policy, texts)),
        Way("no prompt shared", lambda: score_responses(policy, alone)),
        quick=on.tiny,
    )
    error = np.abs(ours.result.logp - padded.result) / np.abs(padded.result)
    agreed = agree("log-probs, relative error", float(error.max()), 1e-5 if on.tiny else 1e-2)
    useful, floor = _models.useful_tokens(texts), _models.floor_flops(policy, texts, 1)
    speed = f"{useful / ours.median:,.0f} useful tokens/s, {on.share(floor, ours)}"
    return [
        row("G1", f"log-probs and entropies, {model.name}, {model.pairs} pairs", padded, ours, None,
            f"{speed}; {agreed}"),
        row("G2", f"prompts shared, {model.name}", unshared, ours, None,
            f"at most {sum(t.length for t in texts) / useful:.2f} × by tokens"),
    ]  # fmt: skip


@torch.no_grad()
def by_padding(policy: Policy, texts: Sequence[Encoded]) -> np.ndarray:
    """Summed log-probs, the whole logits and their log-softmax in float32, texts in the order given."""
    found = []
    for start in range(0, len(texts), BATCH):
        part = texts[start : start + BATCH]
        width = max(text.length for text in part)
        ids = torch.zeros((len(part), width), dtype=torch.long, device=policy.device)
        wanted = torch.zeros((len(part), width), device=policy.device)
        for number, text in enumerate(part):
            ids[number, : text.length] = torch.tensor(text.prompt_ids + text.response_ids)
            wanted[number, len(text.prompt_ids) : text.length] = 1
        mask = torch.arange(width, device=policy.device) < torch.tensor([[t.length] for t in part]).to(policy.device)
        table = policy.model(input_ids=ids, attention_mask=mask.long(), use_cache=False).logits.float().log_softmax(-1)
        token_logps = table[:, :-1].gather(2, ids[:, 1:, None]).squeeze(2)
        found.append((token_logps * wanted[:, 1:]).sum(1).cpu().numpy())
    return np.concatenate(found)


def _alone(text: Encoded, number: int) -> Encoded:
    """The text with a prompt that no other has, as long as before: its last two tokens spell the number."""
    return replace(text, prompt_ids=(*text.prompt_ids[:-2], 6 + number % 256, 6 + number // 256))
