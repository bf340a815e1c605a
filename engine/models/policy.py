"""A policy: a causal language model with a LoRA adapter. With the adapter off it is the reference, bit for bit."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import torch
from peft import PeftModel
from transformers import PreTrainedTokenizerBase

from engine.models.adapters import adapter_state, hash_of, lora_layers
from engine.models.products import by_onednn
from engine.resume import MemoryPlan, unasked

PASSES = "packs 2"
"""How texts are read: whatever moves the last bits of a pass gets another name, so that caches are not mixed."""


def input_layer(model: PeftModel) -> torch.nn.Module:
    """The token embedding of the model under the adapter."""
    layer: torch.nn.Module = cast(Any, model).get_base_model().get_input_embeddings()
    return layer


def output_layer(model: PeftModel) -> torch.nn.Module:
    """The layer from hidden states to logits of the model under the adapter."""
    layer: torch.nn.Module = cast(Any, model).get_base_model().get_output_embeddings()
    return layer


@dataclass
class Policy:
    """The model that is trained, with all that is needed to put text through it.

    `end_id` closes every response, `stop_ids` end a generation; `reasons` say in words why this device and dtype;
    the hashes are sha256 in hex over the files' bytes, so that a cache key never depends on a path. `commit`: of a
    model from the hub, the one that was fetched. `memory`: how often batches were halved since memory ran out; a run
    sets its own. `check` is called now and then in what takes long without a pass, and may raise to end it there
    (`engine.models.watch`).
    """

    model: PeftModel
    tokenizer: PreTrainedTokenizerBase
    device: torch.device
    dtype: torch.dtype
    context_tokens: int
    end_id: int
    stop_ids: tuple[int, ...]
    base_hash: str
    tokenizer_hash: str
    template_hash: str
    name: str
    reasons: tuple[str, ...] = ()
    commit: str = ""
    memory: MemoryPlan = field(default_factory=MemoryPlan)
    check: Callable[[], None] = unasked

    @contextmanager
    def reference(self) -> Iterator[None]:
        """Inside, the adapter is off: the model is the SFT model. May be nested; the outermost turns it on again."""
        if any(layer.layer.disable_adapters for layer in lora_layers(self.model)):
            yield
            return
        with self.model.disable_adapter():
            yield

    def acting_as(self, reference: bool) -> AbstractContextManager[None]:
        """The reference if it is asked for, or if the policy equals it: the same numbers without the adapter's cost."""
        return self.reference() if reference or self.equals_reference else nullcontext()

    @property
    def equals_reference(self) -> bool:
        """True while every lora_B is exactly zero: then each margin is exactly 0 and needs no pass."""
        return not any(bool(layer.b.any()) for layer in lora_layers(self.model))

    def adapter_hash(self) -> str:
        """sha256 of the adapter's weights, in hex."""
        return hash_of(adapter_state(self))

    def fingerprint(self, of: Literal["policy", "reference"] = "policy") -> dict[str, Any]:
        """What decides a pass's numbers to the last bit, for cache keys: on a CPU the number of threads as well."""
        found: dict[str, Any] = {
            "base": self.base_hash,
            "tokenizer": self.tokenizer_hash,
            "template": self.template_hash,
            "dtype": str(self.dtype).removeprefix("torch."),
            "device": self.device.type,
            "passes": PASSES,
            "torch": torch.__version__,
        }
        if self.device.type == "cpu":
            found["threads"] = torch.get_num_threads()
            if self.dtype == torch.float32 and by_onednn():
                found["products"] = "oneDNN"
        if self.memory.scoring or self.memory.generating:
            found["halved"] = [self.memory.scoring, self.memory.generating]
        if of == "policy":
            found["adapter"] = self.adapter_hash()
            found["scales"] = sorted({layer.scale for layer in lora_layers(self.model)})
        return found

    def reference_in_words(self) -> str:
        """For stamps on charts and exports."""
        return f"{self.name}, the SFT model with the adapter off, {self.base_hash[:8]}"
