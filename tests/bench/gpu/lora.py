"""What an adapter adds to a chain of linear layers: PEFT's in float32, PEFT's under autocast, ours. (G6)"""

from collections.abc import Callable
from contextlib import nullcontext

import torch
from peft import LoraConfig, get_peft_model

from tests.bench import _engine
from tests.bench._harness import Way, agree, race
from tests.bench.gpu._machine import Machine

LAYERS, WIDTH, TOKENS, RANK = 8, 4_096, 8_192, 16


class _Chain(torch.nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList(torch.nn.Linear(width, width, bias=False) for _ in range(LAYERS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


def rows(on: Machine) -> list[str]:
    width, tokens, rank = (64, 64, 4) if on.tiny else (WIDTH, TOKENS, RANK)
    torch.manual_seed(0)
    bare = _Chain(width).to(on.device, on.torch_dtype).requires_grad_(False)
    wrapped = get_peft_model(_copy(bare, width), LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear"))
    adapter = [(m.lora_A["default"].weight, m.lora_B["default"].weight) for m in wrapped.modules() if _adapted(m)]
    with torch.no_grad():
        for _, b in adapter:
            b.normal_(0, 0.02)
    x = torch.randn(tokens, width, device=on.device, dtype=on.torch_dtype)

    def way(name: str, forward: Callable[[torch.Tensor], torch.Tensor], autocast: bool = False) -> Way:
        def work() -> torch.Tensor:
            with torch.autocast(on.device, on.torch_dtype) if autocast else nullcontext():
                out = forward(x.detach().requires_grad_())
                out.sum().backward()
            return out.detach().float()

        return Way(name, work, warm_up=3)

    plain, exact, *others = race(
        way("no adapter", bare),
        way("PEFT, adapter in float32", wrapped),
        *([] if on.tiny else [way("PEFT under autocast", wrapped, autocast=True)]),
        way("our layer", _ours(bare, adapter)),
        quick=on.tiny,
    )
    size = float(exact.result.abs().max())
    lines = []
    for found in (exact, *others):
        error = float((found.result - exact.result).abs().max()) / size
        agreed = agree("relative difference", error, 1e-5 if on.tiny else 5e-2)
        over = 100 * (found.median / plain.median - 1)
        lines.append(f"G6 {found.name}, {tokens:,} tokens, {LAYERS} layers: {over:+.0f} % over no adapter; {agreed}")
    return lines


def _ours(bare: _Chain, adapter: list[tuple[torch.Tensor, torch.Tensor]]) -> Callable[[torch.Tensor], torch.Tensor]:
    weights = [layer.weight for layer in bare.layers]

    def forward(x: torch.Tensor) -> torch.Tensor:
        for weight, (a, b) in zip(weights, adapter, strict=True):
            x = _engine.lora_linear(x, weight, a, b, 2.0)
        return x

    return forward


def _copy(bare: _Chain, width: int) -> _Chain:
    made = _Chain(width).to(bare.layers[0].weight)
    made.load_state_dict(bare.state_dict())
    return made


def _adapted(module: torch.nn.Module) -> bool:
    return "default" in getattr(module, "lora_A", {})
