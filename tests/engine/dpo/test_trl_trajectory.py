"""A whole round of training against TRL's DPOTrainer: same model, adapter, texts, order, schedule and clipping.

Both start at a fresh adapter: TRL takes a copy of the adapter it is given as its reference, which is the SFT model
only there.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.dpo.batches import Example
from engine.dpo.train import train
from engine.models.adapters import adapter_state, fresh_adapter
from engine.models.policy import Policy
from engine.seeds import uniforms
from engine.settings import DPOSettings
from tests.engine.dpo.labelled import labelled, reference_of

SEED, ROUND = 5, 2
SETTINGS = DPOSettings(
    beta=0.3,
    learning_rate=5e-3,
    epochs=1,
    batch_pairs=3,
    micro_batch_pairs=2,
    warm_up_share=0.0,
    max_grad_norm=0.5,
    weight_decay=0.1,
)


def by_trl(
    policy: Policy, ordered: list[Example], folder: Path, settings: DPOSettings = SETTINGS, **loss: Any
) -> list[dict[str, float]]:
    """TRL's log, a row a step, after it has trained the policy's adapter on the pairs in the order given."""
    datasets, trl = pytest.importorskip("datasets"), pytest.importorskip("trl", reason="a development dependency")
    rows = [
        {
            "prompt": [{"role": m.role, "content": m.content} for m in e.prompt.messages],
            "chosen": [{"role": "assistant", "content": e.chosen.text}],
            "rejected": [{"role": "assistant", "content": e.rejected.text}],
        }
        for e in ordered
    ]
    config = trl.DPOConfig(
        output_dir=str(folder),
        beta=settings.beta,
        learning_rate=settings.learning_rate,
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_pairs,
        max_grad_norm=settings.max_grad_norm,
        weight_decay=settings.weight_decay,
        lr_scheduler_type="cosine",
        warmup_steps=0,
        optim="adamw_torch",
        train_sampling_strategy="sequential",
        max_length=None,
        bf16=False,
        use_cpu=True,
        gradient_checkpointing=False,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        **loss,
    )
    trainer = trl.DPOTrainer(
        model=policy.model,
        args=config,
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=policy.tokenizer,
    )
    trainer.train()
    return [row for row in trainer.state.log_history if "loss" in row]


def test_training_goes_where_trl_goes(tiny_policy: Policy, tmp_path: Path) -> None:
    examples = labelled(12)
    reference = reference_of(tiny_policy, examples)
    fresh_adapter(tiny_policy, SEED)
    start = adapter_state(tiny_policy)
    ours = train(tiny_policy, examples, SETTINGS, reference_logps=reference, seed=SEED, round_number=ROUND).steps
    arrived = adapter_state(tiny_policy)

    fresh_adapter(tiny_policy, SEED)
    draw = uniforms(SEED, ROUND, "order:0", [e.pair_id for e in examples])
    theirs = by_trl(tiny_policy, [examples[i] for i in np.argsort(draw)], tmp_path)

    def column(rows: object, name: str) -> list[float]:
        return [float(row[name]) for row in rows]  # type: ignore[attr-defined]

    assert len(ours) == len(theirs) == 4
    assert column(ours, "loss") == pytest.approx(column(theirs, "loss"), abs=2e-4)
    assert column(ours, "margin") == pytest.approx(column(theirs, "rewards/margins"), abs=2e-3)
    assert column(ours, "grad_norm") == pytest.approx(column(theirs, "grad_norm"), rel=5e-3)
    assert column(ours, "learning_rate") == pytest.approx(column(theirs, "learning_rate"), rel=1e-6)
    assert max(column(ours, "grad_norm")) > SETTINGS.max_grad_norm  # so that clipping takes part
    for name, weight in adapter_state(tiny_policy).items():
        np.testing.assert_allclose(arrived[name], weight, atol=1e-3, err_msg=name)
        assert np.abs(weight - start[name]).max() > 5e-3
