"""A prompt's embedding is the hidden state behind its last token, or the mean over its tokens, and no response's."""

import numpy as np
import pytest

from engine.cache import MemoryCache
from engine.models.policy import Policy
from engine.models.tokens import encode_prompt
from engine.signals.base import Pass, Texts
from engine.signals.prompt_embedding import PromptEmbedding
from tests.conftest import move
from tests.contracts.texts import small_world
from tests.engine import naive


@pytest.mark.parametrize("pooling", ["last", "mean"])
@pytest.mark.parametrize("model", ["reference", "policy"])
def test_it_is_the_twins(pooling: str, model: str, tiny_policy: Policy, tiny_model_dir) -> None:
    data = small_world()
    texts = Texts(tuple(data.prompts.values()), tuple(data.responses.values()), tuple(data.pairs.values()))
    signal = PromptEmbedding(pooling=pooling, model=model)
    found = signal.compute(texts, Pass(move(tiny_policy), 0.1, 1, 2, {}, MemoryCache()))
    network = naive.sft_model(tiny_model_dir) if model == "reference" else tiny_policy.model
    for prompt, row in zip(texts.prompts, found, strict=True):
        ids = encode_prompt(tiny_policy, prompt)
        wanted = naive.mean_hidden(network, ids, len(ids) - 1 if pooling == "last" else 0, -1)
        np.testing.assert_allclose(row, wanted, rtol=1e-4, atol=1e-5)
    assert signal.made_on().endswith("of the prompt")
