"""Whether TRL's DPOTrainer takes rows as they are: it tokenizes them for a model of no size, and nothing is trained."""

import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch

from engine.errors import ModelError
from engine.models.load import load_reader

if TYPE_CHECKING:
    from engine.settings import ModelSettings

PARSED = 256
"""Rows that are tried at most; the reader's own check sees all of them."""


def dry_parse(settings: "ModelSettings", rows: Sequence[Mapping[str, Any]]) -> tuple[bool, str]:
    """(True, what it made of the rows); (False, why it was not tried) where TRL or the tokenizer is not there.

    The tokenizer and chat template are the study's. ModelError, with what TRL said, if it does not take the rows.
    """
    if find_spec("trl") is None:
        return False, "Not tried: TRL is not installed here."
    try:
        reader = load_reader(settings)
    except ModelError as error:  # the model was moved: that says nothing about the rows
        return False, f"Not tried: {error.what}"
    from datasets import Dataset
    from transformers import LlamaConfig, LlamaForCausalLM
    from trl import DPOConfig, DPOTrainer

    tokenizer = reader.tokenizer
    tiny = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1,
        num_key_value_heads=1, max_position_embeddings=reader.context_tokens,
    )  # fmt: skip
    tried = [dict(row) for row in rows[:PARSED]]
    # A trainer sets torch's global seed; inside, nothing of that is seen.
    with tempfile.TemporaryDirectory() as scratch, torch.random.fork_rng(devices=[]):
        how = DPOConfig(
            output_dir=scratch, report_to=[], use_cpu=True, bf16=False, disable_tqdm=True, save_strategy="no",
            per_device_train_batch_size=min(8, len(tried)),
        )  # fmt: skip
        try:
            trainer = DPOTrainer(
                model=LlamaForCausalLM(tiny),
                ref_model=LlamaForCausalLM(tiny),
                args=how,
                train_dataset=Dataset.from_list(tried),
                processing_class=tokenizer,
            )
            batch = next(iter(trainer.get_train_dataloader()))
        except Exception as error:
            words = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
            raise ModelError(f"TRL does not take the rows: {words}", "Take profile 'trl'.") from error
    tokens = int(batch["input_ids"].shape[1])
    return True, f"It took {len(tried):,} of {len(rows):,} rows; a batch is {tokens:,} tokens wide."
