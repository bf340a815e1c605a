"""One round of DPO on the LoRA adapter, from wherever the adapter stands. The reference's log-probs come in."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from engine.cache import key_of
from engine.dpo.batches import Example, Row, micro_batches, together, tokens_of
from engine.dpo.checkpoint import Kept
from engine.dpo.loss import check_at_reference, margin, preference_loss
from engine.errors import TrainingError
from engine.models.attention import reading
from engine.models.footprint import checkpointed
from engine.models.logps import response_logps
from engine.models.memory import within_memory
from engine.models.policy import Policy
from engine.models.tokens import encode_responses
from engine.resume import Checkpoints
from engine.seeds import key_for, uniforms
from engine.settings import DPOSettings


@dataclass(frozen=True)
class TrainResult:
    """One row a step: step, epoch, loss (nats; without a unit for hinge and IPO), accuracy, margin (reward units),
    grad_norm, nonzero_gradients (share of the adapter's weights), learning_rate, pairs."""

    steps: tuple[Mapping[str, float], ...]


def train(
    policy: Policy,
    examples: Sequence[Example],
    settings: DPOSettings,
    *,
    reference_logps: Mapping[str, float],
    seed: int,
    round_number: int,
    on_step: Callable[[Mapping[str, float]], None] | None = None,
    checkpoints: Checkpoints | None = None,
) -> TrainResult:
    """Train the adapter in place. Without examples (only ties, say) nothing changes.

    The order of an epoch is a hash of (seed, round, epoch, pair), so the order of `examples` changes nothing. With
    `checkpoints` it goes on from the newest one that belongs to exactly this, and ends with the same bits. A loss that
    is not finite raises TrainingError and leaves the adapter as the last good step left it; OutOfMemory may leave it
    anywhere.
    """
    if not examples:
        return TrainResult(())
    prompts = {example.prompt.id: example.prompt for example in examples}
    chosen = encode_responses(policy, prompts, [example.chosen for example in examples])
    rejected = encode_responses(policy, prompts, [example.rejected for example in examples])
    rows = [
        Row(example, win, lose, (reference_logps[example.chosen.id], reference_logps[example.rejected.id]))
        for example, win, lose in zip(examples, chosen, rejected, strict=True)
    ]
    parameters = [p for p in policy.model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True)
    per_epoch = math.ceil(len(rows) / settings.batch_pairs)
    total = per_epoch * settings.epochs
    plan = [
        (epoch, batch)
        for epoch in range(settings.epochs)
        for batch in _epoch(rows, settings.batch_pairs, seed, round_number, epoch)
    ]
    steps: list[Mapping[str, float]] = []
    devices = [policy.device] if policy.device.type == "cuda" else []
    longest = max(row.length for row in rows)
    policy.model.train()
    try:
        with torch.random.fork_rng(devices=devices), checkpointed(policy, settings.checkpointing, longest):
            torch.manual_seed(key_for(seed, round_number, "dropout"))
            kept = Kept(policy, optimiser, checkpoints, round_number, _key(policy, rows, settings, seed, round_number))
            steps += kept.restore()
            if policy.device.type == "cuda" and len(steps) < total:
                _try_largest(policy, [batch for _, batch in plan[len(steps) :]], settings, optimiser)
            for epoch, batch in plan[len(steps) :]:
                for group in optimiser.param_groups:
                    group["lr"] = settings.learning_rate * rate(len(steps), total, settings.warm_up_share)
                steps.append(_step(policy, batch, settings, parameters, optimiser, len(steps) + 1, epoch + 1))
                if len(steps) < total:
                    kept.keep(steps)
                if on_step is not None:
                    on_step(steps[-1])
    finally:
        policy.model.eval()
        optimiser.zero_grad(set_to_none=True)  # what comes next should not pay for gradients nobody reads
    return TrainResult(tuple(steps))


def rate(step: int, total: int, warm_up_share: float) -> float:
    """Share of the peak learning rate at a step counted from 0: linear up, then half a cosine down to 0."""
    warm_up = math.ceil(warm_up_share * total)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, total - warm_up)))


def _epoch(rows: Sequence[Row], size: int, seed: int, round_number: int, epoch: int) -> list[list[Row]]:
    ids = [row.example.pair_id for row in rows]
    order = np.lexsort((np.array(ids), uniforms(seed, round_number, f"order:{epoch}", ids)))
    return [[rows[i] for i in order[at : at + size]] for at in range(0, len(rows), size)]


def _key(policy: Policy, rows: Sequence[Row], settings: DPOSettings, seed: int, round_number: int) -> str:
    """What a checkpoint belongs to: the labels with their reference, the settings, the adapter at the start."""
    what = {
        "what": "training",
        "settings": settings.spec(),
        "draws": [seed, round_number],
        "halved": policy.memory.training,
        "policy": policy.fingerprint(),
    }
    return key_of(what, sorted(f"{r.example.pair_id}{r.chosen.key}{r.rejected.key}{r.reference}" for r in rows))


def _step(
    policy: Policy,
    batch: Sequence[Row],
    settings: DPOSettings,
    parameters: Sequence[torch.nn.Parameter],
    optimiser: torch.optim.Optimizer,
    step: int,
    epoch: int,
) -> dict[str, float]:
    """One optimiser step; the loss is the mean over the batch, however it is cut into micro-batches."""
    optimiser.zero_grad(set_to_none=True)
    fresh = step == 1 and policy.equals_reference
    loss_sum, margins = 0.0, []
    size = policy.memory.size("training", settings.micro_batch_pairs or settings.batch_pairs)
    for part in micro_batches(policy, batch, size):
        what = f"{len(part)} {'pair' if len(part) == 1 else 'pairs'} in one backward pass of step {step}"
        with within_memory(policy, "training", size, len(part), what, alone=len(part) == 1):
            loss, of_pairs = _backward(policy, part, settings, len(batch))
            if not math.isfinite(loss):
                raise _not_finite("loss", batch, step, optimiser.param_groups[0]["lr"])
            loss_sum += loss
            margins.append(of_pairs)
    if fresh:
        longest = max(len(r.chosen.response_ids) + len(r.rejected.response_ids) for r in batch)
        check_at_reference(loss_sum, settings, longest, policy.dtype)
    learning_rate = optimiser.param_groups[0]["lr"]
    largest = min(size, len(batch))
    what = f"the optimiser's step {step}, after passes of {largest} pairs"
    with within_memory(policy, "training", size, largest, what, alone=largest == 1):
        reached = _nonzero(parameters)
        norm = torch.nn.utils.clip_grad_norm_(parameters, settings.max_grad_norm)
        if not torch.isfinite(norm):
            raise _not_finite("gradient", batch, step, learning_rate)
        optimiser.step()
    every = torch.cat(margins)
    return {
        "step": float(step),
        "epoch": float(epoch),
        "loss": loss_sum,
        "accuracy": float(((every > 0).float() + 0.5 * (every == 0).float()).mean()),
        "margin": float(every.mean()),
        "grad_norm": float(norm),
        "nonzero_gradients": reached,
        "learning_rate": float(learning_rate),
        "pairs": float(len(batch)),
    }


def _nonzero(parameters: Sequence[torch.nn.Parameter]) -> float:
    """Share of the weights whose gradient is not 0: of a fresh adapter, whose B is 0, A has none at its first step."""
    counts = [torch.count_nonzero(p.grad) for p in parameters if p.grad is not None]
    return float(torch.stack(counts).sum()) / sum(p.numel() for p in parameters) if counts else 0.0


def _backward(policy: Policy, part: Sequence[Row], settings: DPOSettings, of: int) -> tuple[float, torch.Tensor]:
    """One micro-batch: its part of the loss, a mean `of` so many pairs, and the margin of each pair (pairs,)."""
    found, of_chosen, of_rejected = together(policy, part)
    with reading(policy, found):  # layers that are computed twice are so on the way back
        logps = response_logps(policy, found)
        chosen, rejected = logps[of_chosen], logps[of_rejected]
        reference = torch.tensor([r.reference for r in part], dtype=torch.float64, device=logps.device).float()
        tokens = torch.tensor([[len(r.chosen.response_ids), len(r.rejected.response_ids)] for r in part]).to(logps)
        given = chosen, rejected, reference[:, 0], reference[:, 1]
        loss = preference_loss(*given, settings, tokens=(tokens[:, 0], tokens[:, 1])).sum() / of
        if torch.isfinite(loss):
            loss.backward()
    with torch.no_grad():
        return float(loss), margin(*given, settings.beta).cpu()


def _try_largest(
    policy: Policy, batches: Sequence[Sequence[Row]], settings: DPOSettings, optimiser: torch.optim.Optimizer
) -> None:
    """The micro-batch of most tokens in all steps to come, once there and back before the first of them: memory runs
    out now or never. Nothing of it is kept, and no draw is used up."""
    size = policy.memory.size("training", settings.micro_batch_pairs or settings.batch_pairs)
    parts = [part for batch in batches for part in micro_batches(policy, batch, size)]
    largest = max(parts, key=lambda part: tokens_of(policy, part))
    devices = [policy.device] if policy.device.type == "cuda" else []
    what = f"the largest {len(largest)} pairs in one backward pass, {tokens_of(policy, largest):,} tokens"
    with (
        torch.random.fork_rng(devices=devices),
        within_memory(policy, "training", size, len(largest), what, alone=len(largest) == 1),
    ):
        _backward(policy, largest, settings, len(largest))
    optimiser.zero_grad(set_to_none=True)


def _not_finite(what: str, batch: Sequence[Row], step: int, learning_rate: float) -> TrainingError:
    ids = [row.example.pair_id for row in batch]
    more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
    return TrainingError(
        f"Training stopped at step {step}: the {what} is not finite. Learning rate {learning_rate:.3g}, "
        f"pairs {', '.join(ids[:5])}{more}.",
        "Try a lower learning rate. The adapter is as the step before left it.",
        pairs=ids,
    )
