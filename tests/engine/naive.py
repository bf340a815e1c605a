"""Slow, obvious twins: one text at a time, plain forwards, log-softmax over everything, autograd for each response."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM

from engine.models.policy import Policy
from engine.models.tokens import Encoded


def sft_model(folder: Path) -> torch.nn.Module:
    """The reference loaded by itself, with no adapter anywhere."""
    return AutoModelForCausalLM.from_pretrained(str(folder)).eval()


@contextmanager
def as_peft_has_it(model: torch.nn.Module) -> Iterator[None]:
    """Inside, adapted layers compute themselves as PEFT's own code does, not as `engine.models.lora_linear` does."""
    lean = {module: module.__dict__.pop("forward") for module in model.modules() if "forward" in module.__dict__}
    try:
        yield
    finally:
        for module, forward in lean.items():
            module.forward = forward


def log_probs(model: torch.nn.Module, text: Encoded) -> torch.Tensor:
    """log p over the vocabulary at every position that predicts a response token: (tokens, vocabulary)."""
    ids = torch.tensor([text.prompt_ids + text.response_ids])
    with as_peft_has_it(model):
        everything = model(input_ids=ids).logits[0].double().log_softmax(-1)
    return everything[len(text.prompt_ids) - 1 : -1]


def logp(model: torch.nn.Module, text: Encoded) -> torch.Tensor:
    """Summed log-prob of the response in nats."""
    table = log_probs(model, text)
    return sum((table[t, token] for t, token in enumerate(text.response_ids)), torch.zeros(()))


@torch.no_grad()
def scores(model: torch.nn.Module, encoded: Sequence[Encoded]) -> tuple[np.ndarray, np.ndarray]:
    """Summed log-prob and mean token entropy of each response, by the definitions."""
    logps, entropies = [], []
    for text in encoded:
        logps.append(float(logp(model, text)))
        table = log_probs(model, text)
        entropies.append(float(np.mean([-sum(p.exp() * p for p in row) for row in table])))
    return np.array(logps), np.array(entropies)


def gradients(policy: Policy, encoded: Sequence[Encoded]) -> np.ndarray:
    """Gradient of each response's log-prob by each LoRA weight, in the order of the parameters."""
    weights = [p for name, p in policy.model.named_parameters() if "lora_" in name]
    rows = [torch.autograd.grad(logp(policy.model, text), weights) for text in encoded]
    return np.array([np.concatenate([g.numpy().ravel() for g in row]) for row in rows])


@torch.no_grad()
def kl(policy: Policy, encoded: Sequence[Encoded]) -> np.ndarray:
    """Σ_t Σ_v p log(p/q) of each response, policy against adapter off."""
    found = []
    for text in encoded:
        p = log_probs(policy.model, text)
        with policy.model.disable_adapter():
            q = log_probs(policy.model, text)
        found.append(float((p.exp() * (p - q)).sum()))
    return np.array(found)


@torch.no_grad()
def draw(
    policy: Policy, prompt_ids: tuple[int, ...], uniform: np.ndarray, temperature: float, top_p: float
) -> list[int]:
    """One response by inverse CDF, the whole text read anew for every token."""
    ids = list(prompt_ids)
    for u in uniform:
        p = (policy.model(input_ids=torch.tensor([ids])).logits[0, -1].double() / temperature).softmax(-1).numpy()
        ranked, held = np.argsort(-p, kind="stable"), 0.0
        for token in ranked:
            p[token], held = (p[token] if held < top_p else 0.0), held + p[token]
        ids.append(int(np.searchsorted(np.cumsum(p), u * p.sum(), side="right")))
        if ids[-1] in policy.stop_ids:
            break
    return ids[len(prompt_ids) :]


@torch.no_grad()
def mean_hidden(model: torch.nn.Module, ids: Sequence[int], first: int, layer: int) -> np.ndarray:
    """Mean hidden state over ids[first:]."""
    states = model(input_ids=torch.tensor([list(ids)]), output_hidden_states=True).hidden_states[layer]
    return states[0, first:].mean(0).numpy()
