"""Gradients of the implicit reward with respect to the LoRA weights, one backward pass a pack.

ActiveDPO (Lin et al. 2025, arXiv:2505.19241) takes the gradient of r = β (log π_θ − log π_ref). The reference has no
gradient and β only scales, and cancels where gradients are brought to unit length; so this is ∇ s_θ, the gradient of
the summed response log-probability.

Of a layer y = W x + s B A x, with h = A x, g = ∂s_θ/∂y and u = Bᵀ g, a text's gradients are sums over its tokens:
∂/∂B = s Σ g hᵀ and ∂/∂A = s Σ u xᵀ. Each layer is tapped for what it has anyway in its backward pass
(`engine.models.lora_linear`); no weight's own gradient is computed, and `.grad` is never touched. Projected, the wide
side goes to k numbers a token before anything is summed (`engine.models.projection`).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from engine.errors import ModelError
from engine.models.adapters import LoraModule, lora_layers
from engine.models.attention import can_be_packed
from engine.models.logps import MAX_TOKENS, Reading, read, tokens_a_pack
from engine.models.lora_linear import is_lean
from engine.models.memory import within_memory
from engine.models.packs import Pack, Tree, pack, plan, sent, trees_of
from engine.models.policy import Policy, input_layer
from engine.models.projection import Projection, side_for
from engine.models.tokens import Encoded


def reward_gradients(
    policy: Policy,
    encoded: Sequence[Encoded],
    *,
    dimension: int | None,
    projection_seed: int = 0,
    max_tokens: int = MAX_TOKENS,
    listen: Callable[[Pack, Reading], None] | None = None,
) -> np.ndarray:
    """∇ s_θ of each response, float32 (n, d), in nats by weight.

    Projected to `dimension` by seeded signs; or whole (None), the weights one after the other, layer by layer, A before
    B, each row by row. While lora_B is zero the A half is exactly zero and is not computed. Each response is read
    behind a prompt of its own: a shared prompt's tokens would hold the sum over its responses. ModelError if an adapter
    lies on what is no plain linear layer, or on one that does not see every token, as experts do not. `listen`
    gets each pack's forward pass, entropies too, for signals that are made of it.
    """
    trees = trees_of(encoded, share=False)
    return _gradients(policy, encoded, trees, _Plan(dimension, projection_seed, max_tokens, listen=listen))


def difference_gradients(
    policy: Policy,
    pairs: Sequence[tuple[Encoded, Encoded]],
    *,
    dimension: int | None,
    projection_seed: int = 0,
    max_tokens: int = MAX_TOKENS,
    listen: Callable[[Pack, Reading], None] | None = None,
) -> np.ndarray:
    """∇ s_θ(x, y_a) − ∇ s_θ(x, y_b) of each pair, float32 (n, d), with the prompt read once.

    It is the gradient of one number, so nothing is lost by sharing; the same as the difference of `reward_gradients`
    but for rounding. Both responses must have the same prompt (ValueError). `listen` as there; its texts are those of
    the pairs, one after the other.
    """
    texts = [text for pair in pairs for text in pair]
    if any(a.prompt_ids != b.prompt_ids for a, b in pairs):
        raise ValueError("Both responses of a pair answer the same prompt.")
    if not can_be_packed(policy):
        found = reward_gradients(
            policy, texts, dimension=dimension, projection_seed=projection_seed, max_tokens=max_tokens, listen=listen
        )
        return np.ascontiguousarray(found[0::2] - found[1::2])
    trees = [
        Tree((2 * n, 2 * n + 1), len(a.prompt_ids), (len(a.response_ids), len(b.response_ids)))
        for n, (a, b) in enumerate(pairs)
    ]
    sign = torch.tensor([1.0, -1.0], device=policy.device)
    return _gradients(policy, texts, trees, _Plan(dimension, projection_seed, max_tokens, sign, listen))


@dataclass(frozen=True)
class _Plan:
    """How gradients are made: d and its seed, tokens a pack, each text's sign in its tree, and who hears the passes."""

    dimension: int | None
    seed: int
    max_tokens: int
    sign: torch.Tensor | None = None
    listen: Callable[[Pack, Reading], None] | None = None


def _gradients(policy: Policy, encoded: Sequence[Encoded], trees: list[Tree], how: _Plan) -> np.ndarray:
    """One row a tree: the gradient of the sum of its log-probs, each times its sign."""
    dimension, padded = how.dimension, not can_be_packed(policy)
    layers = list(lora_layers(policy.model))
    for layer in layers:
        if not is_lean(layer.layer):
            raise _not_by_text(layer, "is no plain linear layer")
    weights = [(f"{layer.name}.lora_{half}", *_side_and_rank(layer, half)) for layer in layers for half in "AB"]
    k = side_for([(side, rank) for _, side, rank in weights], dimension) if dimension else 0
    projection = Projection(dimension, how.seed, policy.device, policy.check, k) if dimension else None
    columns, width = {}, 0
    for name, side, rank in weights:
        columns[name] = slice(width, width + rank * (min(side, k) if dimension else side))
        width = columns[name].stop
    half = policy.equals_reference
    found = np.zeros((len(trees), dimension or width), dtype=np.float32)
    allowed = tokens_a_pack(policy, how.max_tokens, "gradients")
    row_of = {tree.texts[0]: row for row, tree in enumerate(trees)}
    for part in _cut(plan(trees, allowed, padded=padded), _rows_at_once(policy, width)):
        used = sum(tree.length for tree in part)
        what = f"the gradients of {len(part):,} texts, {used:,} tokens at once"
        with within_memory(policy, "scoring", allowed, used, what, alone=len(part) == 1):
            together = pack(encoded, part, policy.device, padded=padded)
            rows = torch.zeros((len(part), width), device=policy.device)
            segments = _Segments.of(together, side_by_side=policy.device.type != "cpu")
            _fill(policy, together, layers, _Into(rows, columns, segments, projection, half), how)
            out = rows if projection is None else projection.dense(rows)
            found[[row_of[tree.texts[0]] for tree in part]] = out.cpu().numpy()
    return found


def _side_and_rank(layer: LoraModule, half: str) -> tuple[int, int]:
    """The long and the short side of A (r, in) or B (out, r)."""
    return (layer.a.shape[1], layer.a.shape[0]) if half == "A" else (layer.b.shape[0], layer.b.shape[1])


def _rows_at_once(policy: Policy, width: int) -> int:
    """Rows held at a time: whole gradients are large."""
    held = (4 << 30) if policy.device.type == "cuda" else (256 << 20)
    return policy.memory.size("scoring", max(1, held // (4 * max(1, width))))


def _cut(packs: list[list[Tree]], rows: int) -> Iterator[list[Tree]]:
    for trees in packs:
        for start in range(0, len(trees), rows):
            yield trees[start : start + rows]


@dataclass(frozen=True)
class _Segments:
    """Which tokens of a pack are whose: `spans` of the flat tokens, multiplied one after the other; or side by side,
    as a GPU likes it, `place` (n, W) into them and `there` (n, W, 1) 0 for padding."""

    tokens: int
    spans: tuple[slice, ...]
    place: torch.Tensor | None
    there: torch.Tensor | None

    @classmethod
    def of(cls, pack: Pack, *, side_by_side: bool) -> "_Segments":
        lengths = np.array([tree.length for tree in pack.trees])
        stride, device = pack.input_ids.shape[1], pack.input_ids.device
        starts = np.cumsum(lengths) - lengths if pack.packed else np.arange(len(lengths)) * stride
        spans = tuple(slice(*ends) for ends in zip(starts.tolist(), (starts + lengths).tolist(), strict=True))
        if not side_by_side:
            return cls(pack.input_ids.numel(), spans, None, None)
        steps = np.arange(lengths.max())
        place = starts[:, None] + np.minimum(steps, lengths[:, None] - 1)
        there = (steps < lengths[:, None]).astype(np.float32)[:, :, None]
        return cls(pack.input_ids.numel(), spans, sent(place, device), sent(there, device))

    def add_outer(self, rows: torch.Tensor, left: torch.Tensor, right: torch.Tensor, scale: float) -> None:
        """Adds to each text's row (n, p · q) the sum over its tokens of scale · left rightᵀ, of (T, p) and (T, q)."""
        if self.place is not None and self.there is not None:
            rows += ((left[self.place] * self.there).mT @ right[self.place]).flatten(1) * scale
            return
        wide, narrow = left.shape[1], right.shape[1]
        for row, span in zip(rows.unbind(), self.spans, strict=True):
            matrix = row.view(wide, narrow)
            if wide > narrow:  # the narrow side first is the faster product
                matrix.add_((right[span].mT @ left[span]).mT, alpha=scale)
            else:
                matrix.addmm_(left[span].mT, right[span], alpha=scale)


@dataclass(frozen=True)
class _Into:
    """Where the taps of the layers put what they hear: rows (n, width), one a text or pair of the pack."""

    rows: torch.Tensor
    columns: dict[str, slice]
    segments: _Segments
    projection: Projection | None
    half: bool

    def narrow(self, weight: str, wide: torch.Tensor) -> torch.Tensor:
        """(T, side) → (T, k), float32."""
        signs = None if self.projection is None else self.projection.side(weight, wide.shape[1])
        return wide.float() if signs is None else wide.float() @ signs

    def add(self, weight: str, left: torch.Tensor, right: torch.Tensor, scale: float) -> None:
        """A layer's part, of (T, p) and (T, q), to its columns; a layer that is used twice in a pass adds up."""
        self.segments.add_outer(self.rows[:, self.columns[weight]], left, right, scale)


@dataclass(frozen=True)
class _Ear:
    """The tap of one layer (`engine.models.lora_linear.Tap`)."""

    layer: LoraModule
    into: _Into

    def keep(self, x: torch.Tensor) -> torch.Tensor | None:
        if len(x) != self.into.segments.tokens:
            raise _not_by_text(self.layer, f"sees {len(x)} of {self.into.segments.tokens} tokens")
        return None if self.into.half else self.into.narrow(f"{self.layer.name}.lora_A", x)

    def hear(self, kept: torch.Tensor | None, inner: torch.Tensor, g: torch.Tensor, u: torch.Tensor | None) -> None:
        into, name, scale = self.into, self.layer.name, self.layer.scale
        into.add(f"{name}.lora_B", into.narrow(f"{name}.lora_B", g), inner, scale)
        if kept is not None and u is not None:
            into.add(f"{name}.lora_A", u, kept, scale)


def _not_by_text(layer: LoraModule, why: str) -> ModelError:
    return ModelError(
        f"Layer {layer.name} {why}, so its gradient cannot be told apart by response.",
        "Name lora.targets without it.",
    )


def _fill(policy: Policy, pack: Pack, layers: list[LoraModule], into: _Into, how: _Plan) -> None:
    """One forward and one backward pass."""
    with ExitStack() as stack:
        # With B = 0 the adapter changes neither the forward nor what reaches x, so it is left out of both passes.
        stack.enter_context(policy.acting_as(reference=False))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(_tapped(layers, into))
        embedded = stack.enter_context(_differentiable_input(policy))
        found = read(policy, pack, entropy=how.listen is not None)
        if how.listen is not None:
            how.listen(pack, found)
        logps = pack.per_text(found.logp)
        total = (logps if how.sign is None else logps * how.sign.repeat(len(pack.trees))).sum()
        torch.autograd.grad(total, embedded[0])


@contextmanager
def _tapped(layers: list[LoraModule], into: _Into) -> Iterator[None]:
    """Inside, each layer's backward pass is heard."""
    for layer in layers:
        layer.layer.tap = _Ear(layer, into)  # type: ignore[assignment]
    try:
        yield
    finally:
        for layer in layers:
            del layer.layer.tap


@contextmanager
def _differentiable_input(policy: Policy) -> Iterator[list[torch.Tensor]]:
    """The embedded input as the leaf of the graph, so that gradients reach every layer and no weight is asked for."""
    found: list[torch.Tensor] = []

    def seen(_: Any, inputs: Any, output: torch.Tensor) -> torch.Tensor:
        leaf = output.detach().requires_grad_()
        found.append(leaf)
        return leaf

    handle = input_layer(policy.model).register_forward_hook(seen)
    try:
        yield found
    finally:
        handle.remove()
