"""Log-prob and entropy from the output layer: whole logits, our tiles, TRL's kernel, CCE and Liger if there. (G5)"""

from collections.abc import Callable

import torch

from tests.bench import _engine
from tests.bench._harness import Way, agree, is_there, race, row
from tests.bench.gpu._machine import Machine

TOKENS, WIDTH, VOCABULARIES = 8_192, 2_048, (151_936, 248_320)
CHUNK = 32_768
"""Columns of a tile of TRL's."""


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

    def way(name: str, scores: Callable[..., torch.Tensor]) -> Way:
        def work() -> torch.Tensor:
            leaf = hidden.detach().requires_grad_(backward)
            with torch.set_grad_enabled(backward):
                logp = scores(leaf, weight, targets)
                if backward:
                    logp.sum().backward()
            return torch.cat([logp.detach().float(), *([leaf.grad.float().flatten()] if backward else [])])

        return Way(name, work, warm_up=2)

    whole, *others = race(
        way("whole logits", _whole), *(way(name, scores) for name, scores in _others().items()), quick=on.tiny
    )
    what = f"output layer frozen, {'forward and backward' if backward else 'forward'}, {tokens:,} × {vocabulary:,}"
    flops = 2.0 * tokens * width * vocabulary * (2 if backward else 1)
    lines = [] if len(others) > (1 if is_there("trl") else 0) else [f"G5 {what}: the engine has no tiles of its own"]
    for found in others:
        agreed = agree("largest difference", float((found.result - whole.result).abs().max()), 1e-4 if on.tiny else 0.1)
        lines.append(row("G5", f"{what}, {found.name}", whole, found, None, f"{on.share(flops, found)}; {agreed}"))
    return lines


def _whole(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    table = (hidden @ weight.T).float().log_softmax(1)
    (table.exp() * table).sum(1).detach()  # the entropy, which the others give too
    return table.gather(1, targets[:, None]).squeeze(1)


def _others() -> dict[str, Callable[..., torch.Tensor]]:
    found: dict[str, Callable[..., torch.Tensor]] = {}
    one = torch.zeros(1, 2), torch.zeros(3, 2), torch.zeros(1, dtype=torch.long)
    if _engine.head_scores(*one) is not None:
        found["our tiles"] = lambda *given: _engine.head_scores(*given)[0]
    if is_there("trl"):
        found["TRL's kernel"] = _trl
    if is_there("cut_cross_entropy"):
        found["CCE"] = _cce
    if is_there("liger_kernel"):
        found["Liger"] = _liger
    return found


def _trl(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    from trl.kernels import ChunkedLogProbFunction

    return ChunkedLogProbFunction.apply(hidden, weight, None, targets, 1.0, CHUNK, None, 1.0, ("entropy",))[0]


def _cce(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    from cut_cross_entropy import linear_cross_entropy

    return -linear_cross_entropy(hidden, weight, targets, reduction="none")


def _liger(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    from liger_kernel.ops.fused_linear_cross_entropy import LigerFusedLinearCrossEntropyFunction as Fused

    return -Fused.apply(hidden, weight, targets, None, None, -100, 0.0, 0.0, "none")[0]
