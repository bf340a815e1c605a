"""What the engine relies on in any model, tried on a few tokens when it is loaded: causal, blind to padding, cached.

A model that keeps its state in another way, or looks at what comes later, would be scored and drawn from wrongly, and
nobody would see it.
"""

import inspect
from typing import Any

import torch
from transformers import DynamicCache

from engine.errors import ModelError

_TOKENS = 9
_READ = 5
"""Tokens of the trial that are read at once; the others come one by one."""
_PADDING = 3
_CLOSE = {torch.float32: 1e-3}
"""Largest mean gap of logits, in their standard deviations; in other dtypes rounding alone makes some per cent."""


def check_reading(base: Any, name: str) -> None:
    """ModelError unless a text gives the same logits whole, cut short, and token by token behind padding.

    That is how responses are scored side by side and how they are drawn. The weights are left as they are.
    """
    known = inspect.signature(base.forward).parameters
    if missing := sorted({"attention_mask", "past_key_values"} - known.keys()):
        raise ModelError(
            f"{name} ({type(base).__name__}) cannot be read as responses are: it takes no {' and no '.join(missing)}.",
            "Take a model with attention layers; one of state spaces alone keeps its state in a way of its own.",
        )
    if getattr(base.get_output_embeddings(), "weight", None) is None:
        raise ModelError(
            f"{name} ({type(base).__name__}) has no output layer from hidden states to logits.",
            "Take a causal language model (one that transformers loads as AutoModelForCausalLM).",
        )
    device, rows = base.device, int(base.get_input_embeddings().num_embeddings)
    ids = torch.tensor([[(7 * n + 11) % rows for n in range(_TOKENS)]], device=device)
    short = ids[:, :_READ]
    try:
        with torch.no_grad():
            whole = _logits(base, input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
            alone = _logits(base, input_ids=short, attention_mask=torch.ones_like(short), use_cache=False)
            drawn = _token_by_token(base, ids)
    except (TypeError, ValueError, IndexError, NotImplementedError) as error:
        raise ModelError(
            f"{name} ({type(base).__name__}) cannot be read as responses are: {str(error).strip() or repr(error)}",
            "Take a causal language model with attention layers.",
        ) from error
    size = whole.std().clamp_min(1e-6)
    for found, wanted, what in (
        (alone, whole[:_READ], "what it says of a token depends on tokens that come later"),
        (drawn, whole[_READ - 1 :], "behind padding, token by token, it says something else than for the whole text"),
    ):
        gap = float((found - wanted).abs().mean() / size)
        if not gap < _CLOSE.get(base.dtype, 0.25):
            raise ModelError(
                f"{name} ({type(base).__name__}) cannot be read as responses are: {what} "
                f"(mean gap of its logits: {gap:.2g} standard deviations).",
                "Take a causal language model with attention layers.",
            )


def _logits(base: Any, **how: Any) -> torch.Tensor:
    """(T, vocabulary) float32 of one text."""
    found: torch.Tensor = base(**how).logits
    return found[0].float()


def _token_by_token(base: Any, ids: torch.Tensor) -> torch.Tensor:
    """Logits (_TOKENS - _READ + 1, vocabulary) from the last token read at once on, as generation gets them."""
    cache = DynamicCache(config=base.config)
    read = torch.nn.functional.pad(ids[:, :_READ], (_PADDING, 0))
    mask = torch.nn.functional.pad(torch.ones_like(ids[:, :_READ]), (_PADDING, 0))
    position = (mask.cumsum(1) - 1).clamp_min(0)
    found = []
    for number in range(_READ, _TOKENS + 1):
        how = {"input_ids": read, "attention_mask": mask, "position_ids": position}
        found.append(_logits(base, **how, past_key_values=cache, use_cache=True)[-1])
        read, position = ids[:, number : number + 1], torch.full_like(ids[:, :1], number)
        mask = torch.cat([mask, torch.ones_like(mask[:, :1])], 1)
    return torch.stack(found)
