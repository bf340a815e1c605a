"""Gradient signals against one backward a response with a dense projection, and against training's own pass. (G3)"""

from collections.abc import Sequence

import numpy as np
import torch

from engine.models.attention import reading
from engine.models.gradients import reward_gradients
from engine.models.logps import MAX_TOKENS, response_logps, tokens_a_pack
from engine.models.packs import packs
from engine.models.policy import Policy
from engine.models.tokens import Encoded
from tests.bench import _engine, _less, _models
from tests.bench._harness import Outcome, Way, agree, agree_at_least, race, row
from tests.bench.gpu._machine import Machine, Model

SOME = 8
"""Texts that go the slow way."""
OVERHEAD, FLOOR, SPEARMAN = 17, 40, 0.9
_BLOCK = 1 << 22


def model_rows(on: Machine, model: Model) -> list[str]:
    policy, texts = model.policy, model.texts
    some = texts[:SOME]
    loop, ours, pair, plain, shared = race(
        Way("one backward each, dense signs", lambda: dense(policy, some), turns=3),
        Way("ours", lambda: reward_gradients(policy, texts, dimension=_engine.D)),
        Way("ours, the prompt shared", lambda: _engine.difference_gradients(policy, texts)),
        Way("forward and backward", lambda: plain_passes(policy, texts), turns=3),
        Way("forward and backward, prompts shared", lambda: shared_passes(policy, texts), turns=3),
        quick=on.tiny,
    )
    exact = np.linalg.norm(_less.exact(policy, some), axis=1)
    rank = float(np.corrcoef(_ranks(exact), _ranks(np.linalg.norm(ours.result[:SOME], axis=1)))[0, 1])
    agreed = agree_at_least("Spearman of norms with the exact", rank, 0.5 if on.tiny else SPEARMAN)
    wanted = ours.result[::2] - ours.result[1::2]
    error = float((np.linalg.norm(pair.result - wanted, axis=1) / np.linalg.norm(wanted, axis=1)).max())
    alike = agree("from the difference of its responses' gradients, relative", error, 1e-4 if on.tiny else 0.05)
    scale = sum(text.length for text in texts) / sum(text.length for text in some)
    each = Outcome(loop.name, tuple(s * scale for s in loop.seconds), loop.peak_mb, None)
    floor = _models.floor_flops(policy, texts, 2, shared=False)
    share = 100 * _models.floor_flops(policy, texts, 2) / pair.median / on.flops
    judged = "reached" if share >= FLOOR else "NOT reached"
    speed = f"{model.pairs / pair.median:,.0f} pairs/s, {share:.0f} % of the 4PT floor (limit ≥ {FLOOR} %: {judged})"
    slow = f"the slow way on {len(some)} and scaled by tokens"
    return [
        row("G3", f"gradients per response, {model.name}, {len(texts)} responses", each, ours, None,
            f"{slow}; {on.share(floor, ours)}; {_over(ours, plain)}; {agreed}"),
        row("G3", f"gradients per pair, prompt shared, {model.name}, {model.pairs} pairs", each, pair, None,
            f"{slow}; {speed}; {_over(pair, shared)}; {alike}"),
    ]  # fmt: skip


def shared_passes(policy: Policy, texts: Sequence[Encoded]) -> None:
    """Forward and backward of the summed log-probs as training goes, each prompt read once; nothing kept."""
    for pack in packs(policy, texts, tokens_a_pack(policy, MAX_TOKENS, "gradients"), share=True):
        with reading(policy, pack):
            response_logps(policy, pack).sum().backward()
    policy.model.zero_grad(set_to_none=True)


def plain_passes(policy: Policy, texts: Sequence[Encoded], tokens: int = 16_384) -> None:
    """Forward and backward of the summed log-probs, whole texts padded in batches of like length; nothing kept."""
    ordered = sorted(texts, key=lambda text: -text.length)
    while ordered:
        take = max(1, tokens // ordered[0].length)
        part, ordered = ordered[:take], ordered[take:]
        ids = torch.zeros((len(part), part[0].length), dtype=torch.long, device=policy.device)
        for number, text in enumerate(part):
            ids[number, : text.length] = torch.tensor(text.prompt_ids + text.response_ids)
        rows = torch.cat([torch.full((len(t.response_ids),), n) for n, t in enumerate(part)]).to(policy.device)
        at = torch.cat([torch.arange(len(t.prompt_ids) - 1, t.length - 1) for t in part]).to(policy.device)
        inner = policy.model.get_base_model()
        hidden = inner.model(input_ids=ids, use_cache=False).last_hidden_state[rows, at]
        logits = inner.lm_head(hidden).float()
        torch.nn.functional.cross_entropy(logits, ids[rows, at + 1], reduction="sum").backward()
    policy.model.zero_grad(set_to_none=True)


def dense(policy: Policy, texts: Sequence[Encoded]) -> np.ndarray:
    """Whole gradients times seeded signs, made in blocks as they are needed: (n, d)."""
    found = torch.zeros((len(texts), _engine.D), device=policy.device)
    whole = torch.stack([gradient.float() for gradient in _less.gradients(policy, texts)])
    generator = torch.Generator(device=policy.device).manual_seed(0)
    for start in range(0, whole.shape[1], _BLOCK):
        part = whole[:, start : start + _BLOCK]
        signs = torch.empty((part.shape[1], _engine.D), device=policy.device, dtype=torch.bfloat16)
        found += part @ signs.bernoulli_(0.5, generator=generator).mul_(2).sub_(1).float()
    return (found / _engine.D**0.5).cpu().numpy()


def _over(found: Outcome, plain: Outcome) -> str:
    """How much longer than plain training passes of the same texts, in per cent."""
    over = 100 * (found.median / plain.median - 1)
    judged = "reached" if over <= OVERHEAD else "NOT reached"
    return f"{over:+.0f} % over a plain {plain.name} (limit ≤ {OVERHEAD} %: {judged})"


def _ranks(values: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(values)).astype(float)
