"""Reward models: a sequence classification model that gives a prompt and a response one number.

Texts go through in batches of a fixed shape, so that a text's number does not depend on the texts beside it.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from engine.errors import ModelError
from engine.models.config import context_tokens
from engine.models.device import choose_device, choose_dtype
from engine.models.fetch import folder_of
from engine.models.load import check_folder, hash_files, load_part
from engine.records import Prompt
from engine.resume import unasked

if TYPE_CHECKING:
    from engine.settings import ModelSettings

MAX_TOKENS = 4096
"""Tokens of a batch on a CPU, padding counted; on other devices eight times as many."""
SHORTEST = 32
"""Texts are padded to this length or a power of two above it."""
KEPT = 2
"""Models that stay loaded between two rounds."""
_MARK = "\x1aresponse\x1a"
_loaded: "OrderedDict[str, RewardModel]" = OrderedDict()


@dataclass(frozen=True)
class RewardModel:
    """A loaded reward model. `sha256` is over its config, weights and tokenizer."""

    model: Any
    tokenizer: Any
    device: torch.device
    context_tokens: int
    name: str
    sha256: str


def load_reward(settings: "ModelSettings", check: Callable[[], None] = unasked) -> RewardModel:
    """The model of that folder or hub id: safetensors only, no code of its own; the last few stay loaded.

    ModelError if it is none, or if it gives something else than one number (or two, of which the difference counts).
    """
    folder = folder_of(settings, check)
    weights = check_folder(folder, settings.path)
    device, _ = choose_device(settings.device)
    name = folder.name if Path(settings.path).exists() else settings.path
    stamp = [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in weights]
    key = repr((stamp, str(device), settings.dtype, settings.context_tokens))
    if key in _loaded:
        _loaded.move_to_end(key)
        return _loaded[key]
    tokenizer = load_part(AutoTokenizer, folder, name)
    config = load_part(AutoConfig, folder, name)
    dtype, _ = choose_dtype(settings.dtype, device, getattr(config.get_text_config(), "hidden_size", 1))
    model, report = load_part(
        AutoModelForSequenceClassification,
        folder,
        name,
        config=config,
        dtype=dtype,
        use_safetensors=True,
        output_loading_info=True,
    )
    if missing := sorted(report["missing_keys"]):
        raise ModelError(
            f"{name} is no reward model: its weights lack {missing[0]}, which transformers would fill at random.",
            "Name a model that was saved as sequence classification.",
        )
    if config.num_labels not in (1, 2):
        raise ModelError(
            f"{name} tells {config.num_labels} classes apart, and a reward is one number.",
            "Name a sequence classification model with one label, or two of which the second is the better.",
        )
    found = RewardModel(
        model.eval().requires_grad_(False).to(device),
        tokenizer,
        device,
        context_tokens(settings, config, name),
        name,
        hash_files([folder / "config.json", *weights, folder / "tokenizer.json", folder / "tokenizer.model"], check),
    )
    _loaded[key] = found
    while len(_loaded) > KEPT:
        _loaded.popitem(last=False)
    return found


def token_rows(reward: RewardModel, prompts: Sequence[Prompt], texts: Sequence[str]) -> list[tuple[int, ...]]:
    """Token ids of each prompt with its response, in order, whatever their length.

    With a chat template as the assistant's turn, where a marker such as "<|end|>" in a response stays text; without
    one as the tokenizer's pair of two texts.
    """
    tokenizer = reward.tokenizer
    if not tokenizer.chat_template:
        return [
            tuple(tokenizer("\n\n".join(m.content for m in prompt.messages), text)["input_ids"])
            for prompt, text in zip(prompts, texts, strict=True)
        ]
    around: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {}
    rows = []
    for prompt, text in zip(prompts, texts, strict=True):
        if prompt.id not in around:
            turns = [{"role": m.role, "content": m.content} for m in prompt.messages]
            whole = tokenizer.apply_chat_template([*turns, {"role": "assistant", "content": _MARK}], tokenize=False)
            before, _, behind = str(whole).partition(_MARK)
            around[prompt.id] = (_ids(tokenizer, before), _ids(tokenizer, behind))
        first, last = around[prompt.id]
        rows.append((*first, *_ids(tokenizer, text, split_special_tokens=True), *last))
    return rows


def _ids(tokenizer: Any, text: str, **how: Any) -> tuple[int, ...]:
    return tuple(tokenizer(text, add_special_tokens=False, **how)["input_ids"])


@torch.no_grad()
def rewards(
    reward: RewardModel,
    rows: Sequence[tuple[int, ...]],
    check: Callable[[], None] = unasked,
    max_tokens: int | None = None,
) -> np.ndarray:
    """One number a row of token ids, float64 (n,), to six decimals. ModelError for a row longer than the context."""
    longest = max((len(row) for row in rows), default=0)
    if longest > reward.context_tokens:
        raise ModelError(f"A text has {longest} tokens; {reward.name} takes {reward.context_tokens}.", "Leave it out.")
    size = max_tokens or MAX_TOKENS * (1 if reward.device.type == "cpu" else 8)
    pad = reward.tokenizer.pad_token_id
    padded = pad is not None and pad != reward.tokenizer.eos_token_id
    reward.model.config.get_text_config().pad_token_id = pad if padded else -1
    groups: dict[int, list[int]] = {}
    for number, row in enumerate(rows):
        width = max(SHORTEST, 1 << (len(row) - 1).bit_length()) if padded else len(row)
        groups.setdefault(min(width, reward.context_tokens) if padded else width, []).append(number)
    found = np.empty(len(rows), np.float64)
    for width, numbers in sorted(groups.items(), reverse=True):
        height = max(1, size // width)
        for start in range(0, len(numbers), height):
            check()
            part = numbers[start : start + height]
            together = [rows[number] for number in part] + [rows[part[0]]] * (height - len(part))
            found[part] = _pass(reward, together, width, pad if padded else 0)[: len(part)]
    return np.round(found, 6)


def _pass(reward: RewardModel, rows: Sequence[tuple[int, ...]], width: int, pad: int) -> np.ndarray:
    ids = torch.full((len(rows), width), pad, dtype=torch.long)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row)
        mask[number, : len(row)] = 1
    logits = reward.model(input_ids=ids.to(reward.device), attention_mask=mask.to(reward.device)).logits.double()
    values = logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]
    array: np.ndarray = values.cpu().numpy()
    return array


def rows_key(reward: RewardModel, row: Sequence[int]) -> str:
    """What a row's reward depends on, as text."""
    return hashlib.sha256(f"{reward.sha256}{reward.model.dtype}{tuple(row)}".encode()).hexdigest()
