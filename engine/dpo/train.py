"""One round of DPO on the LoRA adapter, from wherever the adapter stands. The reference's log-probs come in."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from engine.cache import key_of
from engine.dpo.checkpoint import Kept
from engine.dpo.loss import dpo_loss, margin
from engine.errors import TrainingError
from engine.models.logps import batch_logps
from engine.models.memory import within_memory
from engine.models.policy import Policy
from engine.models.tokens import Encoded, collate, encode_responses
from engine.records import Prompt, Response
from engine.resume import Checkpoints
from engine.seeds import key_for, uniforms
from engine.settings import DPOSettings


@dataclass(frozen=True)
class Example:
    """A labelled pair: a label made one response chosen."""

    pair_id: str
    prompt: Prompt
    chosen: Response
    rejected: Response


@dataclass(frozen=True)
class TrainResult:
    """One row a step: step, epoch, loss (nats), accuracy, margin (reward units), grad_norm, learning_rate, pairs."""

    steps: tuple[Mapping[str, float], ...]


@dataclass(frozen=True)
class _Row:
    example: Example
    chosen: Encoded
    rejected: Encoded
    reference: tuple[float, float]


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
        _Row(example, win, lose, (reference_logps[example.chosen.id], reference_logps[example.rejected.id]))
        for example, win, lose in zip(examples, chosen, rejected, strict=True)
    ]
    parameters = [p for p in policy.model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    per_epoch = math.ceil(len(rows) / settings.batch_pairs)
    total = per_epoch * settings.epochs
    plan = [
        (epoch, batch)
        for epoch in range(settings.epochs)
        for batch in _epoch(rows, settings.batch_pairs, seed, round_number, epoch)
    ]
    steps: list[Mapping[str, float]] = []
    devices = [policy.device] if policy.device.type == "cuda" else []
    policy.model.train()
    try:
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(key_for(seed, round_number, "dropout"))
            kept = Kept(policy, optimiser, checkpoints, round_number, _key(policy, rows, settings, seed, round_number))
            steps += kept.restore()
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


def _epoch(rows: Sequence[_Row], size: int, seed: int, round_number: int, epoch: int) -> list[list[_Row]]:
    ids = [row.example.pair_id for row in rows]
    order = np.lexsort((np.array(ids), uniforms(seed, round_number, f"order:{epoch}", ids)))
    return [[rows[i] for i in order[at : at + size]] for at in range(0, len(rows), size)]


def _key(policy: Policy, rows: Sequence[_Row], settings: DPOSettings, seed: int, round_number: int) -> str:
    """What a checkpoint belongs to: the labels with their reference, the settings, the adapter at the start."""
    what = {
        "what": "training",
        "settings": settings.model_dump(mode="json"),
        "draws": [seed, round_number],
        "halved": policy.memory.training,
        "policy": policy.fingerprint(),
    }
    return key_of(what, sorted(f"{r.example.pair_id}{r.chosen.key}{r.rejected.key}{r.reference}" for r in rows))


def _micro_batches(batch: Sequence[_Row], size: int) -> list[Sequence[_Row]]:
    """The batch cut into parts of at most `size` pairs, pairs of like length together: less padding goes through."""
    if size >= len(batch):
        return [batch]
    ordered = sorted(batch, key=lambda row: (max(row.chosen.length, row.rejected.length), row.example.pair_id))
    return [ordered[at : at + size] for at in range(0, len(ordered), size)]


def _step(
    policy: Policy,
    batch: Sequence[_Row],
    settings: DPOSettings,
    parameters: Sequence[torch.nn.Parameter],
    optimiser: torch.optim.Optimizer,
    step: int,
    epoch: int,
) -> dict[str, float]:
    """One optimiser step; the loss is the mean over the batch, however it is cut into micro-batches."""
    optimiser.zero_grad(set_to_none=True)
    loss_sum, margins = 0.0, []
    size = policy.memory.size("training", settings.micro_batch_pairs or settings.batch_pairs)
    for part in _micro_batches(batch, size):
        what = f"{len(part)} {'pair' if len(part) == 1 else 'pairs'} in one backward pass of step {step}"
        with within_memory(policy, "training", size, len(part), what, alone=len(part) == 1):
            texts = [r.chosen for r in part] + [r.rejected for r in part]
            logps = batch_logps(policy.model, collate(texts, range(len(texts)), policy.device))
            chosen, rejected = logps[: len(part)], logps[len(part) :]
            reference = torch.tensor([r.reference for r in part], dtype=torch.float64, device=logps.device).float()
            loss = dpo_loss(chosen, rejected, reference[:, 0], reference[:, 1], settings.beta).sum() / len(batch)
            if not torch.isfinite(loss):
                raise _not_finite("loss", batch, step, optimiser.param_groups[0]["lr"])
            loss.backward()
            loss_sum += float(loss.detach())
            margins.append(
                margin(chosen.detach(), rejected.detach(), reference[:, 0], reference[:, 1], settings.beta).cpu()
            )
    learning_rate = optimiser.param_groups[0]["lr"]
    largest = min(size, len(batch))
    what = f"the optimiser's step {step}, after passes of {largest} pairs"
    with within_memory(policy, "training", size, largest, what, alone=largest == 1):
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
        "learning_rate": float(learning_rate),
        "pairs": float(len(batch)),
    }


def _not_finite(what: str, batch: Sequence[_Row], step: int, learning_rate: float) -> TrainingError:
    ids = [row.example.pair_id for row in batch]
    more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
    return TrainingError(
        f"Training stopped at step {step}: the {what} is not finite. Learning rate {learning_rate:.3g}, "
        f"pairs {', '.join(ids[:5])}{more}.",
        "Try a lower learning rate. The adapter is as the step before left it.",
        pairs=ids,
    )
