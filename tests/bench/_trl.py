"""TRL's DPOTrainer as users run it: a base model, a LoRA config, a data set; started at the same adapter as ours."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.dpo.batches import Example
from engine.models.policy import Policy
from engine.settings import DPOSettings
from tests.bench._models import quiet


def trainer(
    policy: Policy, examples: Sequence[Example], settings: DPOSettings, folder: Path, start: Mapping[str, np.ndarray],
    **best: Any,
) -> Any:  # fmt: skip
    """A DPOTrainer over a copy of the policy's base model, its adapter set to `start`; `best` are settings of TRL's.

    It is given the base model and a LoRA config, so that its reference is the model with the adapter off, which costs
    it least. The schedule is ours, so that both can arrive at the same adapter.
    """
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, PrinterCallback
    from trl import DPOConfig, DPOTrainer

    rows = [
        {
            "prompt": [{"role": m.role, "content": m.content} for m in e.prompt.messages],
            "chosen": [{"role": "assistant", "content": e.chosen.text}],
            "rejected": [{"role": "assistant", "content": e.rejected.text}],
        }
        for e in examples
    ]
    given = {
        "per_device_train_batch_size": settings.batch_pairs,
        "bf16": policy.dtype == torch.bfloat16,
        **best,
    }
    config = DPOConfig(
        output_dir=str(folder / "trl"), beta=settings.beta, learning_rate=settings.learning_rate,
        num_train_epochs=settings.epochs, max_grad_norm=settings.max_grad_norm, weight_decay=settings.weight_decay,
        lr_scheduler_type="cosine", warmup_steps=0, train_sampling_strategy="sequential", max_length=None,
        logging_first_step=True, save_strategy="no", report_to=[], disable_tqdm=True,
        use_cpu=policy.device.type == "cpu", **given,
    )  # fmt: skip
    peft = policy.model.peft_config["default"]
    lora = LoraConfig(r=peft.r, lora_alpha=peft.lora_alpha, target_modules="all-linear", task_type="CAUSAL_LM")
    with quiet():
        base = AutoModelForCausalLM.from_pretrained(str(folder), dtype=policy.dtype)
        made = DPOTrainer(
            model=base, args=config, train_dataset=Dataset.from_list(rows), processing_class=policy.tokenizer,
            peft_config=lora,
        )  # fmt: skip
    made.remove_callback(PrinterCallback)
    with torch.no_grad():
        for name, weight in _adapter(made).items():
            weight.copy_(torch.from_numpy(np.array(start[name])))
    return made


def precompute(made: Any, batch_pairs: int) -> tuple[np.ndarray, np.ndarray]:
    """TRL's own loop over the data set with the adapter off: summed log-probs of chosen and rejected, in nats.

    The hash over all weights that names its cache file is left out, in TRL's favour. The trainer then trains with them.
    """
    made._precompute_model_hash = "not hashed"
    with quiet():
        made.train_dataset = made._precompute_ref_logps(made.train_dataset, "train", batch_pairs)
    made.precompute_ref_logps = True
    return tuple(np.array(made.train_dataset[f"ref_{side}_logps"]) for side in ("chosen", "rejected"))


def trained(made: Any) -> Any:
    """The trainer, after its training."""
    with quiet():
        made.train()
    return made


def arrived(made: Any) -> dict[str, np.ndarray]:
    """The adapter's weights by our names."""
    return {name: weight.detach().float().cpu().numpy().copy() for name, weight in _adapter(made).items()}


def first_loss(made: Any) -> float:
    """Of the first step, nats."""
    return next(float(entry["loss"]) for entry in made.state.log_history if "loss" in entry)


def _adapter(made: Any) -> dict[str, Any]:
    unwrapped = made.accelerator.unwrap_model(made.model)
    return {
        name.replace(".default.weight", ".weight"): weight
        for name, weight in unwrapped.named_parameters()
        if "lora_" in name
    }
