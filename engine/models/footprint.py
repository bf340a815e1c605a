"""What a token of a pass takes in memory, by arithmetic from the model's shape; from it what goes through at once.

A plan must give the same bits to whoever resumes a run, so nothing here asks what is free at the moment but
`beside_others`, whose answer is a `MemoryPlan` that the run keeps. On a CPU packs have a fixed size.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch

from engine.errors import ModelError
from engine.models.adapters import lora_layers
from engine.models.policy import Policy
from engine.resume import MemoryPlan

Pass = Literal["scoring", "gradients", "training"]

SHARE = 0.85
"""Of a device's memory, for weights, texts and their gradients; the rest is for fragments and the libraries' own."""
HEAD_BYTES = 1 << 30
"""At most for the output layer: the logits of a tile of tokens in float32, and a few copies of them."""
AT_MOST = 16_384
"""Tokens a pack on CUDA: more is no faster, and one text that does not fit is lost among fewer."""
AT_LEAST = 512
STEP = 256
"""Tokens of a pack are a multiple of it."""
ON_CPU = 2_048
"""Tokens of a pack on a CPU: what fits its caches is faster."""


@dataclass(frozen=True)
class Shape:
    """A decoder as memory sees it: widths are numbers a token, `number` the bytes of one in the base's dtype.

    `query` is heads times their size; `feed` is the width between the feed-forward's two matrices, of the
    experts that a token goes through together; `gated`: whether a second matrix of that width multiplies the first;
    `parameters` are bytes of all weights.
    """

    layers: int
    hidden: int
    query: int
    feed: int
    gated: bool
    rank: int
    number: int
    parameters: int


def shape_of(policy: Policy) -> Shape:
    """The shape of a policy's model, from its config and the layers that have an adapter."""
    config: Any = policy.model.config.get_text_config()
    hidden, heads = int(config.hidden_size), int(config.num_attention_heads)
    size = int(getattr(config, "head_dim", None) or hidden // heads)
    experts = int(getattr(config, "num_experts_per_tok", None) or 1)
    feed = getattr(config, "moe_intermediate_size", None) or getattr(config, "intermediate_size", None) or 4 * hidden
    names = {name.rpartition(".")[2] for name, _ in policy.model.named_modules()}
    return Shape(
        layers=int(config.num_hidden_layers),
        hidden=hidden,
        query=heads * size,
        feed=experts * int(getattr(config, "n_inner", None) or feed),
        gated=any("gate" in name for name in names),
        rank=max((layer.a.shape[0] for layer in lora_layers(policy.model)), default=0),
        number=torch.empty((), dtype=policy.dtype).element_size(),
        parameters=sum(p.numel() * p.element_size() for p in policy.model.parameters()),
    )


def bytes_a_token(shape: Shape, kind: Pass) -> int:
    """Bytes that one token of a pack takes while it goes through; with gradients also what is kept for the way back.

    With L layers, hidden width H, query width Q, feed-forward width F, rank r, b bytes a number, and G = 1 where the
    feed-forward is gated, else 0:

    scoring     live = b (5 H + 3 Q + (2 + G) F): one layer's numbers, as no other's are kept.
    training    live + L [2·4 H + b (2 H + 5 Q + (2 + 2 G) F) + 4·7 r]: the two norms' inputs in float32; what goes into
                the adapted layers; query, key and value at the queries' width, what attention gives, and its copy for
                the next matrix; what goes into the activation, what comes out, with a gate what it is multiplied by,
                and the product; Aₗx of seven layers.
    gradients   as training: a tapped layer keeps the same.

    A Llama of 8B (L 32, H = Q = 4096, F 14336, b 2, r 16) so takes 6.7 MB a token for training and 0.15 MB for scoring.
    """
    s = shape
    live = s.number * (5 * s.hidden + 3 * s.query + (2 + s.gated) * s.feed)
    if kind == "scoring":
        return live
    kept = s.number * (2 * s.hidden + 5 * s.query + (2 + 2 * s.gated) * s.feed) + 4 * 7 * s.rank
    return s.layers * (2 * 4 * s.hidden + kept) + live


def memory_of(device: torch.device) -> int:
    """Bytes that the device has in all, whoever holds them; of a CPU those of its machine or of its control group."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as limit:
            return min(found, int(limit.read()))
    except (OSError, ValueError):  # no such group, or one without a limit
        return found


def room(policy: Policy, shape: Shape) -> int:
    """Bytes for texts on the device beside the weights, if nobody else is on it."""
    return max(0, int(memory_of(policy.device) * SHARE) - shape.parameters - HEAD_BYTES)


def tokens_that_fit(policy: Policy, kind: Pass) -> int:
    """Tokens of a pack: as many as fit the device's memory, at most `AT_MOST`; halved as the policy's plan says.

    On a CPU `ON_CPU`. A single text may be longer; it then goes alone.
    """
    whole = ON_CPU
    if policy.device.type == "cuda":
        shape = shape_of(policy)
        whole = whole_pack(shape, room(policy, shape), kind)
    return policy.memory.size("training" if kind == "training" else "scoring", whole)


def whole_pack(shape: Shape, bytes_there: int, kind: Pass) -> int:
    """Tokens of a pack that so many bytes hold, a multiple of `STEP` from `AT_LEAST` to `AT_MOST`."""
    return max(AT_LEAST, min(AT_MOST, bytes_there // bytes_a_token(shape, kind) // STEP * STEP))


def rows_that_fit(policy: Policy, longest_tokens: int) -> int:
    """Responses drawn side by side, prompt and response of so many tokens each: keys and values of every layer, and
    four copies of the next token's logits in float32. On a CPU a quarter of the memory, which others need as well."""
    config: Any = policy.model.config.get_text_config()
    shape = shape_of(policy)
    heads = int(getattr(config, "num_key_value_heads", None) or config.num_attention_heads)
    size = shape.query // int(config.num_attention_heads)
    row = 2 * shape.layers * heads * size * shape.number * longest_tokens + 4 * 4 * int(config.vocab_size)
    there = room(policy, shape) // (1 if policy.device.type == "cuda" else 4)
    return max(1, there // row)


def fits_without_checkpointing(policy: Policy, longest_tokens: int) -> bool:
    """Whether a pack of so many tokens can be trained on with all that its way back needs kept.

    Checkpointing changes no bit, so here the machine in hand may decide.
    """
    shape = shape_of(policy)
    return longest_tokens * bytes_a_token(shape, "training") <= room(policy, shape)


def beside_others(policy: Policy, plan: MemoryPlan) -> MemoryPlan:
    """The plan of a run that begins, halved as often as others on its device take room; for the run to keep.

    On a CPU as it is: what lies in its memory comes and goes.
    """
    if policy.device.type != "cuda":
        return plan
    shape = shape_of(policy)
    free, _ = torch.cuda.mem_get_info(policy.device)
    ours = torch.cuda.memory_reserved(policy.device) - torch.cuda.memory_allocated(policy.device)
    return halved_to(plan, shape, room(policy, shape), free + ours - HEAD_BYTES)


def halved_to(plan: MemoryPlan, shape: Shape, alone: int, there: int) -> MemoryPlan:
    """The plan for packs made for a device `alone`, where so many bytes are `there`; eight times halved at most."""

    def times(kind: Pass) -> int:
        takes = whole_pack(shape, alone, kind) * bytes_a_token(shape, kind)
        return next((n for n in range(8) if takes >> n <= there), 8)

    return replace(plan, scoring=max(plan.scoring, times("gradients")), training=max(plan.training, times("training")))


@contextmanager
def checkpointed(policy: Policy, choice: str, longest_tokens: int) -> Iterator[bool]:
    """Inside, training keeps only what goes into each layer and computes the rest twice; whether it does is given.

    `choice` is `dpo.checkpointing`. Backward passes belong inside. Nothing but time and memory changes: on a CPU every
    bit is the same, those of dropout among them. ModelError where "always" asks for it of a model that has no such
    layers.
    """
    base: Any = policy.model.get_base_model()
    wanted = choice == "always" or (choice == "auto" and not fits_without_checkpointing(policy, longest_tokens))
    if wanted and not base.supports_gradient_checkpointing:
        if choice == "always":
            raise ModelError(
                f"dpo.checkpointing is 'always', and {policy.name} cannot compute its layers twice.", "Take 'auto'."
            )
        wanted = False
    if not wanted:
        yield False
        return
    base.activation_checkpointing_enable({"use_reentrant": False})
    try:
        yield True
    finally:
        base.activation_checkpointing_disable()
