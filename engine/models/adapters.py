"""LoRA adapters: attach, reset, read, set, hash, save. Their weights are float32 whatever the base is.

Hu et al. 2021, arXiv:2106.09685: W + (α/r)·B·A with B = 0 and A random, so a fresh adapter changes nothing.
"""

import hashlib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from safetensors.numpy import save_file
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from engine.errors import ModelError
from engine.models.elementwise import fuse
from engine.models.lora_linear import ADAPTER, make_lean
from engine.models.products import quicken
from engine.seeds import rng_for

if TYPE_CHECKING:
    from engine.models.policy import Policy
    from engine.settings import LoraSettings


@dataclass(frozen=True)
class LoraModule:
    """One adapted layer: y = W x + scale · B (A x). `a` is (r, in), `b` is (out, r), both float32."""

    name: str
    layer: torch.nn.Module
    a: torch.nn.Parameter
    b: torch.nn.Parameter
    scale: float


def lora_layers(model: PeftModel) -> Iterator[LoraModule]:
    """The adapted layers in the order of the model, named as PEFT's files name them."""
    for name, module in model.named_modules():
        if isinstance(module, LoraLayer) and ADAPTER in module.lora_A:
            a, b = module.lora_A[ADAPTER].weight, module.lora_B[ADAPTER].weight
            yield LoraModule(name, cast(Any, module), cast(Any, a), cast(Any, b), float(module.scaling[ADAPTER]))


def adapter_weights(model: PeftModel) -> int:
    """How many weights the adapter has."""
    return sum(layer.a.numel() + layer.b.numel() for layer in lora_layers(model))


def attach(base: PreTrainedModel, settings: "LoraSettings", name: str) -> PeftModel:
    """The base model, frozen, with an adapter. ModelError if no layer has one of the target names."""
    targets = settings.targets if isinstance(settings.targets, str) else list(settings.targets)
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,  # type: ignore[arg-type]  # PEFT divides by the rank, any number will do
        lora_dropout=settings.dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
        # GPT-2's layers keep their weights transposed.
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in base.modules()),
    )
    try:
        # PEFT draws a first A from torch's global stream; it is put back, and `fresh_adapter` draws the real one.
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # PEFT asks transformers by a name that it has changed
            model = get_peft_model(base, config)
    except ValueError as error:
        raise ModelError(
            f"No adapter can be attached to {name}: lora.targets is {settings.targets!r}, and PEFT says: {error}",
            "Name linear layers of the model, or take 'all-linear'.",
        ) from error
    if looked_up := [name for name, module in model.named_modules() if getattr(module, "lora_embedding_A", None)]:
        raise ModelError(
            f"lora.targets {settings.targets!r} puts an adapter on an embedding of {name} ({looked_up[0]}); its "
            "weights would be trained, and neither kept nor scored by gradient.",
            "Name linear layers of the model, or take 'all-linear'.",
        )
    make_lean(model)
    quicken(model)
    fuse(model)
    return model.eval()


def fresh_adapter(policy: "Policy", seed: int) -> None:
    """Set the adapter to the seed's first one, in place: A uniform in ±1/√in (as PEFT's default), B zero."""
    with torch.no_grad():
        for layer in lora_layers(policy.model):
            bound = layer.a.shape[1] ** -0.5
            draw = rng_for(seed, None, "adapter", layer.name).uniform(-bound, bound, tuple(layer.a.shape))
            layer.a.copy_(torch.from_numpy(draw.astype(np.float32)))
            layer.b.zero_()


def adapter_parameters(policy: "Policy") -> dict[str, torch.nn.Parameter]:
    """Every adapter weight by the name it has in a PEFT file."""
    found: dict[str, torch.nn.Parameter] = {}
    for layer in lora_layers(policy.model):
        found[f"{layer.name}.lora_A.weight"] = layer.a
        found[f"{layer.name}.lora_B.weight"] = layer.b
    return found


def adapter_state(policy: "Policy") -> dict[str, np.ndarray]:
    """Copies of the adapter's weights, float32, by PEFT's names."""
    return {
        name: weight.detach().to("cpu", torch.float32, copy=True).numpy()
        for name, weight in adapter_parameters(policy).items()
    }


def set_adapter(policy: "Policy", state: Mapping[str, np.ndarray]) -> None:
    """Put a saved adapter in place. ModelError if names or shapes are another model's; nothing is set then."""
    weights = adapter_parameters(policy)
    missing, strange = sorted(weights.keys() - state.keys()), sorted(state.keys() - weights.keys())
    shapes = [n for n in weights.keys() & state.keys() if tuple(weights[n].shape) != state[n].shape]
    if missing or strange or shapes:
        first = (missing + strange + sorted(shapes))[0]
        raise ModelError(
            f"The adapter does not fit {policy.name}: {len(missing)} weights are missing, {len(strange)} are unknown, "
            f"{len(shapes)} have another shape (first: {first}).",
            "Take the adapter of a run with the same model and the same lora settings.",
        )
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(torch.from_numpy(np.array(state[name], dtype=np.float32)))


def hash_of(state: Mapping[str, np.ndarray]) -> str:
    """sha256 in hex over names, shapes and float32 bytes, in name order."""
    digest = hashlib.sha256()
    for name in sorted(state):
        weight = np.ascontiguousarray(state[name], dtype="<f4")
        digest.update(f"{name}\x1f{weight.shape}\x1f".encode())
        digest.update(weight.tobytes())
    return digest.hexdigest()


def save_adapter(policy: "Policy", folder: Path, state: Mapping[str, np.ndarray] | None = None) -> None:
    """Write a PEFT folder (adapter_config.json, adapter_model.safetensors) of the state, or of the policy's adapter."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = adapter_state(policy) if state is None else state
    save_file(
        {n: np.ascontiguousarray(w, dtype=np.float32) for n, w in weights.items()},
        folder / "adapter_model.safetensors",
        metadata={"format": "pt"},
    )
    policy.model.peft_config[ADAPTER].save_pretrained(str(folder))
