"""Reward heads: K small networks on frozen features, trained by Bradley–Terry, each held near weights of its own.

Each head begins at its own random weights θ⁰ and minimises the mean over labels of w log(1 + exp(z(worse) − z(better)))
plus λ/n ‖θ − θ⁰‖², n labels in all. So heads agree where labels lie and keep their own opinion where none do. Liu et
al. 2024, arXiv:2411.01493, section 4.2; the anchor after Dwaracherla et al. 2024, arXiv:2402.00396.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import softplus

from engine.resume import unasked
from engine.seeds import rng_for, uniforms

_ROWS = 4096
"""Responses that go through all heads at once."""
_BATCH = 128
"""Labels a step: all of them while there are no more."""


@dataclass(frozen=True)
class HeadSettings:
    """`size` heads of two hidden layers of `hidden` units; `anchor` is λ, `learning_rate` is Adam's."""

    size: int = 20
    hidden: int = 128
    steps: int = 200
    learning_rate: float = 1e-3
    anchor: float = 0.5


@dataclass(frozen=True)
class Preferences:
    """Labels as features of the better and the worse response, each (n, d), and their ids; `weights` is (size, n)."""

    better: np.ndarray
    worse: np.ndarray
    ids: tuple[str, ...]
    weights: np.ndarray


def head_rewards(
    features: np.ndarray,
    known: Preferences,
    settings: HeadSettings,
    seed: int,
    *,
    device: str | torch.device = "cpu",
    check: Callable[[], None] = unasked,
) -> np.ndarray:
    """What each head, trained on the labels, gives each response: (n, size) float32 in reward units.

    `features` (n, d). Features are centred and scaled by mean and standard deviation over the labelled responses, as
    they are while there is no label. First weights and the order of the labels are keyed by the seed and by ids: the
    order in which the labels come changes nothing. `check` is called before each step and may raise to end it there.
    """
    shift, scale = _scale(known)
    heads = [weight.to(device) for weight in first_weights(features.shape[1], settings, seed)]
    if known.ids:
        heads = _trained(heads, known, (shift, scale), settings, seed, check)
    found = np.zeros((len(features), settings.size), dtype=np.float32)
    with torch.no_grad():
        for start in range(0, len(features), _ROWS):
            check()
            part = _tensor((features[start : start + _ROWS] - shift) / scale, heads[0])
            found[start : start + _ROWS] = _forward(heads, part).T.cpu().numpy()
    return found


def first_weights(width: int, settings: HeadSettings, seed: int) -> list[torch.Tensor]:
    """Each head's own first weights, uniform in ±1/√(inputs): five tensors, a row a head, float32."""
    shapes = [(width, settings.hidden), (1, settings.hidden), (settings.hidden, settings.hidden),
              (1, settings.hidden), (settings.hidden, 1)]  # fmt: skip
    inputs = (width, width, settings.hidden, settings.hidden, settings.hidden)
    rows: list[list[np.ndarray]] = [[] for _ in shapes]
    for head in range(settings.size):
        rng = rng_for(seed, None, "reward head", str(head))
        for row, shape, count in zip(rows, shapes, inputs, strict=True):
            row.append(rng.uniform(-1, 1, shape).astype(np.float32) / np.float32(np.sqrt(count)))
    return [torch.from_numpy(np.stack(row)) for row in rows]


def _scale(known: Preferences) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each feature over the labelled responses; what does not vary is only centred."""
    if not known.ids:
        return np.zeros(1, dtype=np.float32), np.ones(1, dtype=np.float32)
    both = np.concatenate([known.better, known.worse]).astype(np.float64)
    spread = both.std(axis=0)
    return both.mean(axis=0).astype(np.float32), np.where(spread > 0, spread, 1.0).astype(np.float32)


def _forward(heads: Sequence[torch.Tensor], rows: torch.Tensor) -> torch.Tensor:
    """(size, n) from rows (n, d)."""
    first, first_bias, second, second_bias, out = heads
    hidden = torch.relu(rows @ first + first_bias)
    return (torch.relu(hidden @ second + second_bias) @ out).squeeze(2)


def _trained(
    heads: Sequence[torch.Tensor],
    known: Preferences,
    scaled: tuple[np.ndarray, np.ndarray],
    settings: HeadSettings,
    seed: int,
    check: Callable[[], None],
) -> list[torch.Tensor]:
    """The heads after all steps; the heads do not see one another."""
    by_id = np.argsort(np.array(known.ids))
    shift, scale = scaled
    better, worse = (_tensor(((side - shift) / scale)[by_id], heads[0]) for side in (known.better, known.worse))
    weights = _tensor(known.weights[:, by_id], heads[0])
    ids = [known.ids[row] for row in by_id]
    moving = [weight.clone().requires_grad_() for weight in heads]
    optimiser = torch.optim.Adam(moving, lr=settings.learning_rate)
    plan = _plan(ids, seed, settings.steps)
    for batch in plan:
        check()
        optimiser.zero_grad(set_to_none=True)
        margins = _forward(moving, better[batch]) - _forward(moving, worse[batch])
        fit = (weights[:, batch] * softplus(-margins)).mean(dim=1).sum()
        away = sum(((now - then) ** 2).sum() for now, then in zip(moving, heads, strict=True))
        (fit + settings.anchor / len(ids) * away).backward()
        optimiser.step()
    return [weight.detach() for weight in moving]


def _plan(ids: Sequence[str], seed: int, steps: int) -> list[torch.Tensor]:
    """Which labels each step takes: the whole set in keyed order again and again, cut into batches."""
    batches: list[torch.Tensor] = []
    epoch = 0
    while len(batches) < steps:
        order = np.argsort(uniforms(seed, None, f"head order:{epoch}", ids))
        batches += [torch.from_numpy(np.sort(order[at : at + _BATCH])) for at in range(0, len(ids), _BATCH)]
        epoch += 1
    return batches[:steps]


def _tensor(values: np.ndarray, like: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(like.device)
