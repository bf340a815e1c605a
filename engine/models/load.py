"""Load a model folder (or hub id) as a policy: safetensors only, no code from the folder, no guess left unsaid."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase
from transformers.utils.logging import set_tqdm_hook

from engine.errors import ModelError
from engine.models.adapters import attach, fresh_adapter
from engine.models.attention import can_be_packed
from engine.models.config import context_tokens, without_dropout
from engine.models.device import GAP, choose_device, choose_dtype, gap_between
from engine.models.fetch import commit_of, folder_of
from engine.models.head import head_of
from engine.models.policy import Policy
from engine.models.trial import check_reading
from engine.resume import unasked

if TYPE_CHECKING:
    from engine.settings import ModelSettings

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")
_HASHED_WITH_TOKENIZER = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "merges.txt")


def load_policy(settings: "ModelSettings", seed: int, check: Callable[[], None] = unasked) -> Policy:
    """The SFT model with the seed's fresh adapter, in eval mode.

    `check` is called piece by piece of a download, tensor by tensor, layer by layer of a move, and may raise.

    ModelError if the folder is no model, its weights are pickles, it needs its own code, or its tokenizer has no chat
    template; the text says what is missing.
    """
    folder = folder_of(settings, check)
    weights = check_folder(folder, settings.path)
    name = folder.name if Path(settings.path).exists() else settings.path
    tokenizer = load_part(AutoTokenizer, folder, name)
    _check_template(tokenizer, name)
    config = without_dropout(load_part(AutoConfig, folder, name))
    device, reason = choose_device(settings.device)
    dtype, why = choose_dtype(settings.dtype, device, config.get_text_config().hidden_size)
    base = _weights(folder, name, config, dtype, check)
    if device.type == "cpu" and dtype != torch.float32 and settings.dtype == "auto":
        exact = _weights(folder, name, config, torch.float32, check)
        gap = gap_between(exact, base)
        moved = f"the model's logits move by {gap:.2g} standard deviations"
        if gap <= GAP:
            why = f"{why}; {moved}"
        else:
            base, dtype, why = exact, torch.float32, f"float32: in {why.partition(':')[0]} {moved}"
        del exact
    base.requires_grad_(False)
    base.name_or_path = name  # else PEFT warns of, and saves, the path of this machine
    end = _end_of_response(tokenizer, name)
    _check_vocabulary(tokenizer, base.get_input_embeddings().num_embeddings, end, name)
    check_reading(_moved(base, device, check), name)
    policy = Policy(
        model=attach(base, settings.lora, name),
        tokenizer=tokenizer,
        device=device,
        dtype=dtype,
        context_tokens=context_tokens(settings, base.config, name),
        end_id=end,
        stop_ids=tuple(sorted({end, *_ids(tokenizer.eos_token_id), *_ids(base.generation_config.eos_token_id)})),
        base_hash=hash_files([folder / "config.json", *weights], check),
        tokenizer_hash=hash_files([folder / f for f in (*_TOKENIZER_FILES, *_HASHED_WITH_TOKENIZER)]),
        template_hash=hashlib.sha256(json.dumps(tokenizer.chat_template, sort_keys=True).encode()).hexdigest(),
        name=name,
        reasons=(reason, why),
        commit=commit_of(folder),
    )
    fresh_adapter(policy, seed)
    head_of(policy), can_be_packed(policy)  # tried here, where nothing else is under way in the model
    return policy


def _weights(folder: Path, name: str, config: Any, dtype: torch.dtype, check: Callable[[], None]) -> Any:
    """The model on the CPU; ModelError if a tensor of its config is not in the files."""
    with _each_step(check):
        base, report = load_part(
            AutoModelForCausalLM,
            folder,
            name,
            config=config,
            dtype=dtype,
            use_safetensors=True,
            output_loading_info=True,
        )
    if missing := sorted(report["missing_keys"]):
        raise ModelError(
            f"The weights of {name} lack {len(missing)} tensors of its config (first: {missing[0]}), "
            "which transformers would fill at random.",
            "Save the whole model again with save_pretrained.",
        )
    return base


@contextmanager
def _each_step(check: Callable[[], None]) -> Iterator[None]:
    """Inside, `check` is called at each step of what transformers shows a progress bar of: each tensor it loads."""

    def watched(bar: Callable[..., Any], args: tuple[Any, ...], how: dict[str, Any]) -> Any:
        if not args:
            return bar(**how)
        items, *rest = args

        def each() -> Iterator[Any]:
            for item in items:
                check()
                yield item

        # The bar itself stays out of sight: workers write into the terminal of the app, all at once.
        return bar(each(), *rest, **{**how, "disable": True})

    before = set_tqdm_hook(watched)
    try:
        yield
    finally:
        set_tqdm_hook(before)


@dataclass(frozen=True)
class TokenReader:
    """A model's tokenizer without its weights: enough to turn texts into tokens (`engine.models.tokens.Reader`)."""

    tokenizer: PreTrainedTokenizerBase
    name: str
    context_tokens: int
    end_id: int
    check: Callable[[], None] = unasked


def load_reader(settings: "ModelSettings") -> TokenReader:
    """The tokenizer of a model, with the context its config names; no weight is read. ModelError as above."""
    folder = folder_of(settings)
    name = folder.name if Path(settings.path).exists() else settings.path
    tokenizer = load_part(AutoTokenizer, folder, name)
    _check_template(tokenizer, name)
    context = context_tokens(settings, load_part(AutoConfig, folder, name), name)
    return TokenReader(tokenizer, name, context, _end_of_response(tokenizer, name))


def _moved(base: Any, device: torch.device, check: Callable[[], None]) -> Any:
    """The model on the device, its parts first, one by one: many gigabytes take a while."""
    for part in base.modules():
        if not any(True for _ in part.children()):
            check()
            part.to(device)
    return base.to(device)


def check_folder(folder: Path, path: str) -> list[Path]:
    """The safetensors files; ModelError that lists everything missing at once."""
    if not folder.is_dir():
        raise ModelError(f"{path} is a file, and a model is a folder.", "Name the folder that holds config.json.")
    if (folder / "adapter_config.json").exists() and not (folder / "config.json").exists():
        raise ModelError(f"{path} holds only an adapter.", "Merge it into its base model and name the merged folder.")
    weights = sorted(folder.glob("*.safetensors"))
    index = folder / "model.safetensors.index.json"
    missing = [] if (folder / "config.json").exists() else ["config.json"]
    if index.exists():
        missing += [shard for shard in _shards(index) if not (folder / shard).exists()]
    elif not weights:
        missing.append("*.safetensors")
    if not any((folder / name).exists() for name in _TOKENIZER_FILES):
        missing.append("a tokenizer (tokenizer.json)")
    if missing:
        pickled = not weights and any(folder.glob("*.bin"))
        raise ModelError(
            f"{path} is not a complete model: missing {', '.join(missing)}.",
            "Its .bin weights are pickles, which are never read; save the model with safe_serialization=True."
            if pickled
            else "Save model and tokenizer into one folder with save_pretrained.",
        )
    return weights


def _shards(index: Path) -> list[str]:
    """The weight files an index names."""
    try:
        return sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ModelError(f"{index} is no index of weight files: {error!r}", "Save the model again.") from error


def load_part(auto: Any, folder: Path, name: str, **how: Any) -> Any:
    """A tokenizer, config or model of the folder by its Auto class; ModelError if that does not work."""
    try:
        return auto.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False, **how)
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        kind = "tokenizer" if auto is AutoTokenizer else "model"
        raise ModelError(
            f"The {kind} of {name} cannot be loaded: {str(error).strip().splitlines()[0]}",
            "The files may be damaged, or of an architecture that transformers does not know; "
            "code in the folder is never run.",
        ) from error


def _check_template(tokenizer: PreTrainedTokenizerBase, name: str) -> None:
    """ModelError if there is none, or if of several with names none is the default."""
    given = tokenizer.chat_template
    if not given or (isinstance(given, dict) and "default" not in given):
        raise ModelError(
            f"The tokenizer of {name} has no chat template, so a prompt cannot be told from a response.",
            "Save one with the tokenizer (tokenizer.chat_template = …), the one the SFT model was trained with.",
        )


def _end_of_response(tokenizer: PreTrainedTokenizerBase, name: str) -> int:
    """The special token that the template puts behind an assistant's turn, else the tokenizer's end of sequence."""
    special = set(tokenizer.all_special_ids)
    turns = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hello"}]
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    behind = str(text).rpartition("hello")[2]
    for token in tokenizer(behind, add_special_tokens=False)["input_ids"]:
        if token in special:
            return int(token)
    if tokenizer.eos_token_id is None:
        raise ModelError(
            f"The tokenizer of {name} has no token that ends a response.",
            "Set its eos_token, the one SFT trained with.",
        )
    return int(tokenizer.eos_token_id)


def _check_vocabulary(tokenizer: PreTrainedTokenizerBase, rows: int, end: int, name: str) -> None:
    """ModelError if a text could become a token the model has no row for. Unused special tokens may lie beyond."""
    special = set(tokenizer.all_special_ids)
    highest = max([end, *(i for i in tokenizer.get_vocab().values() if i not in special)])
    if highest >= rows:
        raise ModelError(
            f"The tokenizer of {name} gives token ids up to {highest}, the model has rows up to {rows - 1}.",
            "They do not belong together; take the tokenizer the model was trained with.",
        )


def _ids(value: Any) -> list[int]:
    """An id, a list of ids or None as a list."""
    return [] if value is None else [int(v) for v in value] if isinstance(value, list | tuple) else [int(value)]


def hash_files(files: list[Path], check: Callable[[], None] = unasked) -> str:
    """sha256 in hex over the names and bytes of those files that exist."""
    digest = hashlib.sha256()
    for file in files:
        if file.exists():
            digest.update(file.name.encode() + b"\x1f")
            with file.open("rb") as stream:
                while block := stream.read(1 << 22):
                    check()
                    digest.update(block)
    return digest.hexdigest()
