"""What a model's config says that the engine must know or put right: how long a text may be, and dropout."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from engine.errors import ModelError

if TYPE_CHECKING:
    from engine.settings import ModelSettings


def context_tokens(settings: "ModelSettings", config: Any, name: str) -> int:
    """The longest prompt and response together: the model's own window, or the shorter one that was asked for.

    Positions of "longrope" (Phi-3) change for a whole batch once one text in it is longer than the first training's
    window, so a response's numbers would depend on its company: such a model is taken up to that window only.
    """
    text, wanted = config.get_text_config(), settings.context_tokens
    own = getattr(text, "max_position_embeddings", None)
    if wanted is not None and own is not None and wanted > own:
        raise ModelError(
            f"model.context_tokens is {wanted}, but {name} was built for {own}.",
            f"Take at most {own}, or leave it out.",
        )
    steady = min(_steady(text), default=None)
    if wanted is not None and steady is not None and wanted > steady:
        raise ModelError(
            f"model.context_tokens is {wanted}, but beyond {steady} tokens {name} changes the positions of all texts "
            "that are read together, so that numbers would depend on what a response is read with.",
            f"Take at most {steady}, or leave it out.",
        )
    if wanted is None and own is None:
        raise ModelError(f"{name} does not say how long a text it takes.", "Set model.context_tokens.")
    return int(wanted or min(number for number in (own, steady) if number))


def _steady(text: Any) -> Iterator[int]:
    """Up to where rotary positions are the same whatever is read together; nothing if they always are."""
    given = getattr(text, "rope_parameters", None) or {}
    for part in given.values() if all(isinstance(p, Mapping) for p in given.values()) else [given]:
        if part.get("rope_type") == "longrope" and part.get("original_max_position_embeddings"):
            yield int(part["original_max_position_embeddings"])


def without_dropout(config: Any) -> Any:
    """The config with no dropout of its own: the reference has none, so a policy in training must have none either.

    `lora.dropout` is the only one, and it says so. Shares are 0 to 1, and named with "drop" in every family.
    """
    for part in {id(part): part for part in (config, config.get_text_config())}.values():
        for key, value in part.to_dict().items():
            if "drop" in key and isinstance(value, float):
                setattr(part, key, 0.0)
    return config
