"""An adapter as others read it: a PEFT folder for `AutoPeftModelForCausalLM`, or the weights merged into the model."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from engine.models.adapters import save_adapter, set_adapter
from engine.models.load import load_policy

if TYPE_CHECKING:
    from engine.settings import ModelSettings


def write_adapter(settings: "ModelSettings", state: Mapping[str, np.ndarray], folder: Path) -> None:
    """adapter_config.json and adapter_model.safetensors. The config names the base model as the study does: a path of
    this machine, or a hub id. No tokenizer: with one beside it, PEFT would cut the model's embedding to its length.
    """
    policy = load_policy(settings.model_copy(update={"device": "cpu"}), 0)
    set_adapter(policy, state)  # refuses the adapter of another model
    save_adapter(policy, folder, state)
    file = folder / "adapter_config.json"
    config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    config |= {"base_model_name_or_path": settings.path, "revision": settings.revision}
    file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def write_merged(settings: "ModelSettings", state: Mapping[str, np.ndarray], folder: Path) -> None:
    """A whole model folder with W + (α/r)·B·A in place of W (Hu et al. 2021, arXiv:2106.09685), and its tokenizer.

    Merged and saved in float32: a narrower type would round the sum once more than training did.
    """
    policy = load_policy(settings.model_copy(update={"device": "cpu", "dtype": "float32"}), 0)
    set_adapter(policy, state)
    merged = cast(Any, policy.model).merge_and_unload()
    merged.save_pretrained(str(folder), safe_serialization=True)
    policy.tokenizer.save_pretrained(str(folder))
