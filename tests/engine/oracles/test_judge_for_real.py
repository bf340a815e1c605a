"""The judge against a real `transformers serve`, and as a local model, with the sample world's model."""

import json

import numpy as np
import pytest

from engine.cache import MemoryCache
from engine.models.judging import SAYS, load_judge, prefers
from engine.models.load import load_policy
from engine.models.tokens import encode_prompt
from engine.oracles._prompting import written
from engine.oracles.base import ORACLES, Question
from engine.oracles.judge import Judge
from engine.records import Message, Prompt
from engine.settings import ModelSettings
from tests.contracts.texts import small_world
from tests.engine.samplers.test_server import MODEL, served

__all__ = ["served"]


def test_transformers_serve_is_asked_by_the_protocol(served: str) -> None:
    """The sample model judges nothing: its words are no verdicts, and none becomes a label."""
    pytest.importorskip("openai")
    data, cache = small_world(1), MemoryCache()
    config = json.dumps({"do_sample": False, "eos_token_id": 2, "pad_token_id": 0})
    judge = ORACLES.build(
        {"name": "judge", "url": served, "model": str(MODEL), "max_new_tokens": 12, "at_once": 1,
         "extra": {"generation_config": config}}
    )  # fmt: skip
    assert isinstance(judge, Judge)
    labels = [label for label in judge.label(Question(tuple(data.pairs.values()), data, 1, cache=cache)) if label]
    assert [label.answer for label in labels] == ["skip"] * 3
    assert {label.detail["refused"] for label in labels} == {"unparsable"}
    policy = load_policy(ModelSettings(path=str(MODEL), device="cpu"), 1)
    for pair, label in zip(data.pairs.values(), labels, strict=True):
        a, b = (data.responses[r].text for r in (pair.a, pair.b))
        texts = [written(judge.template, judge.rubric, data.prompts[pair.prompt_id].messages, *two)
                 for two in ((a, b), (b, a))]  # fmt: skip
        ours = [len(encode_prompt(policy, Prompt.of([Message("user", text)]))) for text in texts]
        assert label.detail["tokens_read"] == sum(ours)
        assert 0 < label.detail["tokens_written"] <= 24
    again = [label for label in judge.label(Question(tuple(data.pairs.values()), data, 1, cache=cache)) if label]
    assert [label.detail["kept"] for label in again] == [2, 2, 2]


def test_a_local_model_says_which_verdict_it_would_rather_write() -> None:
    data, cache = small_world(3), MemoryCache()
    judge = ORACLES.build({"name": "judge", "local": "sample", "device": "cpu"})
    assert isinstance(judge, Judge)
    labels = [label for label in judge.label(Question(tuple(data.pairs.values()), data, 1, cache=cache)) if label]
    policy = load_policy(ModelSettings(path=str(MODEL), device="cpu"), 1)
    for pair, label in zip(data.pairs.values(), labels, strict=True):
        a, b = (data.responses[r].text for r in (pair.a, pair.b))
        leans = []
        for two in ((a, b), (b, a)):
            text = written(judge.template, judge.rubric, data.prompts[pair.prompt_id].messages, *two)
            prompt = encode_prompt(policy, Prompt.of([Message("user", text)]))
            said = [_logp(policy, prompt, words) for words in SAYS]
            leans.append(said[0] - said[1])
        assert label.detail["leans"] == pytest.approx(leans, abs=1e-3)
        sides = ["a" if leans[0] > 0 else "b", "b" if leans[1] > 0 else "a"]
        assert label.detail["orders"] == sides
        assert label.answer == (sides[0] if sides[0] == sides[1] else "tie")
    kept = [label for label in judge.label(Question(tuple(data.pairs.values()), data, 1, cache=cache)) if label]
    assert [label.detail["kept"] for label in kept] == [2] * len(labels)
    assert [label.answer for label in kept] == [label.answer for label in labels]


def test_what_does_not_fit_a_local_model_is_never_cut() -> None:
    judge = load_judge(ModelSettings(path=str(MODEL), device="cpu"))
    assert prefers(judge, "word " * 3000) is None
    found = prefers(judge, "word")
    assert found is not None and np.isfinite(found[0])


def _logp(policy: object, prompt: tuple[int, ...], words: str) -> float:
    import torch

    tokenizer, model = policy.tokenizer, policy.model  # type: ignore[attr-defined]
    ids = tokenizer(words, add_special_tokens=False)["input_ids"] + [policy.end_id]  # type: ignore[attr-defined]
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([[*prompt, *ids]])).logits[0].double().log_softmax(-1)
    at = len(prompt) - 1
    return float(sum(logits[at + n, token] for n, token in enumerate(ids)))
