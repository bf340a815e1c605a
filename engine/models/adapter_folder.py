"""An adapter as PEFT saves it, a folder: its LoRA settings and its weights, where a study could have trained them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from engine.errors import ModelError

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_PLAIN: Mapping[str, tuple[Any, ...]] = {
    "bias": (None, "none"), "use_dora": (None, False), "use_rslora": (None, False), "rank_pattern": (None, {}),
    "alpha_pattern": (None, {}), "modules_to_save": (None, []), "layers_to_transform": (None, []),
    "trainable_token_indices": (None, []),
}  # fmt: skip
"""What it may say of LoRA's variants: whatever else it says changes what the weights mean."""
_EXPORTED = "Name a folder that `workbench export --adapter` wrote, or that PEFT saved of plain LoRA."


def lora_of(folder: str) -> dict[str, Any]:
    """The fields of `settings.LoraSettings` that this adapter was trained with; ModelError if it is no plain LoRA."""
    file = Path(folder).expanduser() / CONFIG
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder} holds no adapter: {CONFIG} cannot be read ({error}).", _EXPORTED) from error
    if not isinstance(found, dict) or found.get("peft_type") != "LORA":
        kind = found.get("peft_type") if isinstance(found, dict) else type(found).__name__
        raise ModelError(f"The adapter in {folder} is of the kind {kind!r}; only LORA is read.", _EXPORTED)
    odd = [f"{name} {found[name]!r}" for name, plain in _PLAIN.items() if found.get(name) not in plain]
    targets = found.get("target_modules") or []
    if isinstance(targets, str) and targets != "all-linear":
        odd.append(f"target_modules {targets!r}, a pattern")
    missing = [name for name in ("target_modules", "r", "lora_alpha") if not found.get(name)]
    if odd or missing:
        said = ", ".join([*odd, *(f"no {name}" for name in missing)])
        raise ModelError(f"The adapter in {folder} is not plain LoRA: {CONFIG} says {said}.", _EXPORTED)
    return {
        "rank": found["r"],
        "alpha": found["lora_alpha"],
        "targets": targets if isinstance(targets, str) else sorted(targets),
    }


def weights_of(folder: str) -> dict[str, np.ndarray]:
    """Its weights, float32, by PEFT's names; ModelError where there are none as safetensors."""
    file = Path(folder).expanduser() / WEIGHTS
    try:
        return {name: weight.astype(np.float32) for name, weight in load_file(file).items()}
    except (OSError, SafetensorError, TypeError) as error:  # numpy has no bfloat16: a TypeError
        raise ModelError(
            f"The adapter in {folder} has no weights that can be read: {WEIGHTS} ({error}).",
            "Save it as safetensors, in float32 or float16.",
        ) from error
