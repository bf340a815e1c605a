"""Log-prob and entropy from the output layer: whole logits, our tiles, TRL's kernel, CCE and Liger if there. (G5)"""

from collections.abc import Callable
from typing import NamedTuple

import torch

from tests.bench import _engine
from tests.bench._harness import Outcome, Way, agree, is_there, race, row
from tests.bench.gpu._machine import Machine

TOKENS, WIDTH, VOCABULARIES = 8_192, 2_048, (151_936, 248_320)
CHUNK = 32_768
"""Columns of a tile of TRL's."""
ERRORS = {"log-probs": 1e-2, "entropies": 1e-2, "gradients": 5e-2}
"""The most that bfloat16 may differ, relative to the largest number of what is compared."""
ERROR = 1e-4
"""The same for each in float32."""

Scores = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor | None]]
"""(log-prob of each target, entropy of each distribution or None) from hidden states, weight and targets."""


class _Found(NamedTuple):
    logp: torch.Tensor
    entropy: torch.Tensor | None
    gradient: torch.Tensor | None


def rows(on: Machine) -> list[str]:
    tokens, width, vocabularies = (64, 32, (512,)) if on.tiny else (TOKENS, WIDTH, VOCABULARIES)
    lines = [line for v in vocabularies for backward in (False, True) for line in _of(on, tokens, width, v, backward)]
    missing = [name for name in ("cut_cross_entropy", "liger_kernel") if not is_there(name)]
    return [*lines, *([f"G5 output layer: skipped: {', '.join(missing)} not installed"] if missing else [])]


def _of(on: Machine, tokens: int, width: int, vocabulary: int, backward: bool) -> list[str]:
    torch.manual_seed(0)
    hidden = torch.randn(tokens, width, device=on.device, dtype=on.torch_dtype)
    weight = torch.randn(vocabulary, width, device=on.device, dtype=on.torch_dtype) * width**-0.5
    targets = torch.randint(0, vocabulary, (tokens,), device=on.device)

    def way(name: str, scores: Scores) -> Way:
        def work() -> _Found:
            leaf = hidden.detach().requires_grad_(backward)
            with torch.set_grad_enabled(backward):
                logp, entropy = scores(leaf, weight, targets)
                if backward:
                    logp.sum().backward()
            return _Found(logp.detach(), None if entropy is None else entropy.detach(), leaf.grad)

        return Way(name, work, warm_up=2)

    whole, *others = race(
        way("whole logits", _whole), *(way(name, scores) for name, scores in _others().items()), quick=on.tiny
    )
    what = f"output layer frozen, {'forward and backward' if backward else 'forward'}, {tokens:,} × {vocabulary:,}"
    flops = 2.0 * tokens * width * vocabulary * (2 if backward else 1)
    return [
        row("G5", f"{what}, {o.name}", whole, o, None, f"{on.share(flops, o)}; {_agreed(on, o, whole)}") for o in others
    ]


def _agreed(on: Machine, found: Outcome, whole: Outcome) -> str:
    """Each of what a way gives, by itself: the largest difference over the largest number."""
    ours, wanted, said = found.result, whole.result, []
    for what, mine, theirs in (
        ("log-probs", ours.logp, wanted.logp),
        ("entropies", ours.entropy, wanted.entropy),
        ("gradients", ours.gradient, wanted.gradient),
    ):
        if mine is not None:
            error = float((mine.float() - theirs.float()).abs().max() / theirs.float().abs().max())
            said.append(agree(f"{found.name}: {what}, relative", error, ERROR if on.tiny else ERRORS[what]))
    return ", ".join([*said, *(["no entropy"] if ours.entropy is None else [])])


def _whole(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    table = (hidden @ weight.T).float().log_softmax(1)
    with torch.no_grad():
        entropy = -(table.exp() * table).sum(1)
    return table.gather(1, targets[:, None]).squeeze(1), entropy


def _others() -> dict[str, Scores]:
    found: dict[str, Scores] = {"our tiles": _engine.head_scores}
    if is_there("trl"):
        found["TRL's kernel"] = _trl
    if is_there("cut_cross_entropy"):
        found["CCE"] = _cce
    if is_there("liger_kernel"):
        found["Liger"] = _liger
    return found


def _trl(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    from trl.kernels import ChunkedLogProbFunction

    return ChunkedLogProbFunction.apply(hidden, weight, None, targets, 1.0, CHUNK, None, 1.0, ("entropy",))[:2]


def _cce(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, None]:
    from cut_cross_entropy import linear_cross_entropy

    return -linear_cross_entropy(hidden, weight, targets, reduction="none"), None


def _liger(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, None]:
    from liger_kernel.ops.fused_linear_cross_entropy import LigerFusedLinearCrossEntropyFunction as Fused

    return -Fused.apply(hidden, weight, targets, None, None, -100, 0.0, 0.0, "none")[0], None
