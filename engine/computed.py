"""What a run was computed with, for its record: versions, device, threads, hashes, and its memory plan in numbers."""

import time
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from engine.config import StudyConfig
from engine.resume import MemoryPlan

if TYPE_CHECKING:
    from engine.models.policy import Policy


def plan_in_numbers(memory: MemoryPlan, study: StudyConfig, policy: "Policy | None") -> dict[str, Any]:
    """The memory plan for a run's record: how often batches were halved, and what they then hold."""
    found: dict[str, Any] = {"halved": asdict(memory)}
    if policy is not None:
        from engine.models.generate import MAX_ROWS
        from engine.models.logps import MAX_TOKENS, tokens_a_pack

        policy.memory = memory
        found |= {
            "scoring_tokens": tokens_a_pack(policy, MAX_TOKENS),
            "generating_rows": memory.size("generating", MAX_ROWS),
            "training_pairs": memory.size("training", study.dpo.micro_batch_pairs or study.dpo.batch_pairs),
        }
    return found


def provenance(policy: "Policy | None") -> dict[str, Any]:
    """What a run is computed with: versions, device, threads, hashes of model, tokenizer and template."""
    import platform

    found: dict[str, Any] = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": {name: version(name) for name in ("torch", "transformers", "peft", "numpy", "scipy")},
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    if policy is not None:
        import torch

        found |= {
            "device": str(policy.device),
            "dtype": str(policy.dtype).removeprefix("torch."),
            "threads": torch.get_num_threads(),
            "reasons": list(policy.reasons),
            "reference": policy.reference_in_words(),
            "model_sha256": policy.base_hash,
            "tokenizer_sha256": policy.tokenizer_hash,
            "template_sha256": policy.template_hash,
            **({"model_commit": policy.commit} if policy.commit else {}),
        }
    return found
