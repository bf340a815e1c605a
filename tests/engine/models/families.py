"""Small random models of the families people use, and their slow twins: plain, unpacked, loaded by themselves.

Every sliding window is shorter than the texts, and what a family does to its logits is strong enough to be seen.
"""

from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM

from engine.models.adapters import adapter_state, attach, fresh_adapter, set_adapter
from engine.models.load import load_policy
from engine.models.policy import Policy
from engine.models.tokens import Encoded, encode_responses
from engine.records import Prompt, Response
from engine.settings import LoraSettings, ModelSettings
from tests.conftest import move, save_byte_tokenizer
from tests.engine.models.texts import some_texts

WINDOW = 6
"""Tokens of every sliding window; the template alone takes more."""
_SLIDES = {"sliding_window": WINDOW}
_IN_TURN = {**_SLIDES, "layer_types": ["sliding_attention", "full_attention"]}
_WIDE = {"head_dim": 16, "query_pre_attn_scalar": 16}
_CAPPED = {"attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0}
_EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
_DELTA = {
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "num_experts": 4,
    "moe_intermediate_size": 32,
    "shared_expert_intermediate_size": 32,
    "head_dim": 16,
}
_STATES = {"mamba_n_heads": 4, "mamba_d_head": 16, "mamba_n_groups": 1, "mamba_d_state": 8, "mamba_chunk_size": 8}

FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("Llama", {}),
    "llama tied": ("Llama", {"tie_word_embeddings": True}),
    "qwen2": ("Qwen2", {"tie_word_embeddings": True}),
    "qwen2 sliding": ("Qwen2", {**_IN_TURN, "use_sliding_window": True}),
    "qwen3": ("Qwen3", {"head_dim": 16}),
    "gemma": ("Gemma", {"head_dim": 16, "tie_word_embeddings": True}),
    "gemma2": ("Gemma2", {**_IN_TURN, **_WIDE, **_CAPPED}),
    "gemma3": ("Gemma3Text", {**_IN_TURN, **_WIDE}),
    "mistral": ("Mistral", _SLIDES),
    "phi": ("Phi", {"partial_rotary_factor": 0.5}),
    "phi3": ("Phi3", _SLIDES),
    "gpt2": ("GPT2", {"tie_word_embeddings": True}),
    "gpt neox": ("GPTNeoX", {}),
    "opt": ("OPT", {"ffn_dim": 64, "word_embed_proj_dim": 32}),
    "granite": ("Granite", {"logits_scaling": 0.4, "residual_multiplier": 0.5, "embedding_multiplier": 3.0}),
    "cohere": ("Cohere", {"logit_scale": 2.5}),
    "cohere2": ("Cohere2", {**_IN_TURN, "logit_scale": 2.5}),
    "olmo2": ("Olmo2", {}),
    "gpt oss": ("GptOss", {**_EXPERTS, **_IN_TURN, "head_dim": 16}),
    "mixtral": ("Mixtral", _EXPERTS),
    "falcon": ("Falcon", {"new_decoder_architecture": False, "alibi": False}),
    "bloom": ("Bloom", {"n_head": 4}),
    "qwen3 next": ("Qwen3Next", {**_EXPERTS, **_DELTA, "layer_types": ["linear_attention", "full_attention"]}),
    "bamba": ("Bamba", {**_STATES, "attn_layer_indices": [1]}),
    "lfm2": ("Lfm2", {"layer_types": ["conv", "full_attention"]}),
}
"""Name → what transformers calls it, and its config where that differs from width 32, 2 layers, 4 heads of 8."""
UNPACKABLE = frozenset({"gpt oss", "falcon", "bloom", "qwen3 next", "bamba", "lfm2"})
"""Those that cannot be told where a text of a pack ends: no attention, not by the interface, or one with sinks."""
_ATTENTION = ("q_proj", "k_proj", "v_proj")
_TARGETS = {"mixtral": _ATTENTION, "opt": _ATTENTION, "qwen3 next": (*_ATTENTION, "in_proj_qkvz", "out_proj")}
"""Where not all linear layers: some see tokens without their texts, and gradients cannot be told apart there."""
_SPOKEN_OF_BY_GPT2 = {
    "hidden_size": "n_embd",
    "num_hidden_layers": "n_layer",
    "num_attention_heads": "n_head",
    "max_position_embeddings": "n_positions",
}


@dataclass(frozen=True)
class Family:
    """A model through the engine's loader, its twin, and eight responses to three prompts."""

    name: str
    policy: Policy
    twin: Policy
    prompts: dict[str, Prompt]
    responses: list[Response]
    encoded: list[Encoded]

    def start(self, *, moved: bool) -> None:
        """Both adapters fresh, or both away from their reference."""
        fresh_adapter(self.policy, 1)
        if moved:
            move(self.policy)
        set_adapter(self.twin, adapter_state(self.policy))

    def exact(self) -> Policy:
        """The twin as it stands, in float64."""
        model = deepcopy(self.twin.model).double()
        if "num_local_experts" in FAMILIES[self.name][1]:
            model.get_base_model().set_experts_implementation("eager")  # torch's grouped products know no float64
        return replace(self.twin, model=model)


def family_of(folder: Path, name: str, *, everywhere: bool = False) -> Family:
    """The family `name`, saved into the folder and loaded; `everywhere`: adapters on all layers, experts included."""
    save_family(folder, name)
    lora = LoraSettings(rank=4, alpha=8, targets="all-linear" if everywhere else _TARGETS.get(name, "all-linear"))
    policy = load_policy(ModelSettings(path=str(folder), device="cpu", lora=lora), 1)
    # Nothing is shared: transformers alone, its plainest attention, and PEFT's own layers.
    base = AutoModelForCausalLM.from_pretrained(str(folder), attn_implementation="eager").requires_grad_(False)
    twin = replace(policy, model=attach(base, lora, "twin"))
    for module in twin.model.modules():
        vars(module).pop("forward", None)  # what the engine put in place of theirs
    prompts, responses = some_texts()
    return Family(name, policy, twin, prompts, responses, encode_responses(policy, prompts, responses))


def save_family(folder: Path, name: str) -> None:
    """A random model folder of that family, with the byte tokenizer."""
    family, changes = FAMILIES[name]
    wide = {
        "vocab_size": save_byte_tokenizer(folder),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
        "initializer_range": 0.2,
        "tie_word_embeddings": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
        **changes,
    }
    if family == "GPT2":
        wide = {_SPOKEN_OF_BY_GPT2.get(key, key): v for key, v in wide.items() if key != "intermediate_size"}
    config = f"{family}Config"
    model = "GPT2LMHeadModel" if family == "GPT2" else f"{family.removesuffix('Text')}ForCausalLM"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        made = getattr(transformers, model)(getattr(transformers, config)(**wide))
        for weight_name, weight in made.named_parameters():
            if weight.dim() == 1 and "A_log" not in weight_name:
                # A norm of ones or a bias of zeros would hide that it was left out.
                torch.nn.init.normal_(weight, float(weight.detach().mean()), 0.1)
        made.save_pretrained(str(folder))
