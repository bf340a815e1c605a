"""TRL's DPOTrainer as a twin of our log-probabilities."""

import tempfile

from engine.dpo.batches import Example
from engine.models.policy import Policy


def trl_logps(policy: Policy, given: list[Example], beta: float) -> list[float]:
    """Mean summed log-probs TRL gives to the chosen and to the rejected responses, under the policy."""
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    rows = [
        {
            "prompt": [{"role": m.role, "content": m.content} for m in e.prompt.messages],
            "chosen": [{"role": "assistant", "content": e.chosen.text}],
            "rejected": [{"role": "assistant", "content": e.rejected.text}],
        }
        for e in given
    ]
    with tempfile.TemporaryDirectory() as folder:
        config = DPOConfig(
            output_dir=folder,
            beta=beta,
            per_device_eval_batch_size=len(rows),
            report_to=[],
            use_cpu=True,
            bf16=False,
            max_length=None,
            disable_tqdm=True,
        )
        data = Dataset.from_list(rows)
        trainer = DPOTrainer(
            model=policy.model, args=config, train_dataset=data, eval_dataset=data, processing_class=policy.tokenizer
        )
        found = trainer.evaluate()
        return [float(found["eval_logps/chosen"]), float(found["eval_logps/rejected"])]
