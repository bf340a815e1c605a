"""What starting kernels costs a small model: as it is, its layers compiled, and as a CUDA graph, on one shape. (G10)"""

from collections.abc import Callable

import torch

from tests.bench._harness import Way, agree, race, row
from tests.bench.gpu._machine import Machine, opened

TOKENS = 2_048


@torch.no_grad()
def rows(on: Machine) -> list[str]:
    tokens = 64 if on.tiny else TOKENS
    with opened(on, "0.5B") as model, model.policy.reference():
        layers = model.policy.model.get_base_model().model
        ids = torch.randint(6, 262, (1, tokens), device=on.device)
        plain, *others = race(
            Way("as it is", lambda: layers(input_ids=ids, use_cache=False).last_hidden_state, warm_up=3),
            *([] if on.device == "cpu" else [Way("a CUDA graph", _graph(layers, ids), warm_up=3)]),
            quick=on.tiny,
        )
        lines = [f"G10 {model.name}, {tokens:,} tokens as they are: {tokens / plain.median:,.0f} tokens/s"]
        if on.device == "cpu":
            return [*lines, "G10 CUDA graph and compiled layers: skipped: they need CUDA"]
        for layer in layers.layers:
            layer.compile()
        others += race(Way("compiled layers", lambda: layers(input_ids=ids, use_cache=False).last_hidden_state))
        for found in others:
            error = float((found.result - plain.result).abs().max() / plain.result.abs().max())
            agreed = agree("relative difference", error, 3e-2)
            lines.append(row("G10", f"{model.name}, {found.name}", plain, found, None, agreed))
        return lines


def _graph(layers: torch.nn.Module, ids: torch.Tensor) -> Callable[[], torch.Tensor]:
    """The forward captured once, then replayed."""
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            layers(input_ids=ids, use_cache=False)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = layers(input_ids=ids, use_cache=False).last_hidden_state

    def work() -> torch.Tensor:
        graph.replay()
        return out.clone()

    return work
