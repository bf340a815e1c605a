"""Texts to tokens. A text that does not fit is refused, never cut.

The prompt goes through the chat template up to where the assistant speaks; the response is tokenised on its own, so
that its tokens never depend on the prompt, and the token that ends it is part of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from engine.errors import ModelError
from engine.models.policy import Policy
from engine.records import Prompt, Response

AT_ONCE = 256
"""Texts that are tokenised between two looks at whether somebody wants a stop."""


class Reader(Protocol):
    """What turns texts into tokens: a policy, or the tokenizer alone (`engine.models.load.load_reader`)."""

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The model's tokenizer, with its chat template."""

    @property
    def name(self) -> str:
        """The model's name, for sentences."""

    @property
    def context_tokens(self) -> int:
        """The longest prompt and response together."""

    @property
    def end_id(self) -> int:
        """The token that closes a response."""

    @property
    def check(self) -> Callable[[], None]:
        """Called now and then; may raise to end what takes long."""


class TooLong(ModelError):
    """Prompt and response together do not fit into the model's context."""


@dataclass(frozen=True)
class Encoded:
    """Token ids of a prompt (up to where the assistant speaks) and of a response with the token that ends it."""

    prompt_ids: tuple[int, ...]
    response_ids: tuple[int, ...]

    @property
    def length(self) -> int:
        """Tokens of both."""
        return len(self.prompt_ids) + len(self.response_ids)

    @property
    def key(self) -> str:
        """The ids as text, for cache keys."""
        return f"{self.prompt_ids}{self.response_ids}"


def encode(policy: Reader, prompt: Prompt, response_text: str) -> Encoded:
    """One prompt and response; TooLong if they do not fit together."""
    found = Encoded(encode_prompt(policy, prompt), _response_ids(policy, [response_text])[0])
    _check_fits(policy, prompt, found)
    return found


def encode_responses(policy: Reader, prompts: Mapping[str, Prompt], responses: Sequence[Response]) -> list[Encoded]:
    """Each response with its prompt, in order; every prompt goes through the template once. TooLong as in `encode`."""
    rows = encode_any(policy, prompts, responses)
    for response, row in zip(responses, rows, strict=True):
        _check_fits(policy, prompts[response.prompt_id], row)
    return rows


def encode_any(policy: Reader, prompts: Mapping[str, Prompt], responses: Sequence[Response]) -> list[Encoded]:
    """The same, whether it fits or not."""
    wanted = dict.fromkeys(response.prompt_id for response in responses)
    prompt_ids: dict[str, tuple[int, ...]] = {}
    for number, prompt_id in enumerate(wanted):
        if number % AT_ONCE == 0:
            policy.check()
        prompt_ids[prompt_id] = encode_prompt(policy, prompts[prompt_id])
    rows: list[tuple[int, ...]] = []
    for start in range(0, len(responses), AT_ONCE):
        policy.check()
        rows += _response_ids(policy, [response.text for response in responses[start : start + AT_ONCE]])
    return [Encoded(prompt_ids[response.prompt_id], ids) for response, ids in zip(responses, rows, strict=True)]


def encode_prompt(policy: Reader, prompt: Prompt) -> tuple[int, ...]:
    """The conversation up to where the assistant speaks. The template writes its own BOS, so none is added again."""
    turns = [{"role": m.role, "content": m.content} for m in prompt.messages]
    try:
        text = policy.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    except TemplateError as error:
        roles = ", ".join(m.role for m in prompt.messages)
        raise ModelError(
            f"The chat template of {policy.name} refuses prompt {prompt.id} (turns: {roles}): {error}",
            "Leave the turn out that it does not know, or take a model with another template.",
        ) from error
    ids = tuple(policy.tokenizer(text, add_special_tokens=False)["input_ids"])
    if not ids:
        raise ModelError(
            f"Prompt {prompt.id} has no tokens after the chat template of {policy.name}.", "Leave it out of the data."
        )
    return ids


def _response_ids(policy: Reader, texts: Sequence[str]) -> list[tuple[int, ...]]:
    """A response is foreign text: a "<|end|>" written in it stays text, it does not become the token."""
    if not texts:
        return []
    rows = policy.tokenizer(list(texts), add_special_tokens=False, split_special_tokens=True)["input_ids"]
    return [(*row, policy.end_id) for row in rows]


def _check_fits(policy: Reader, prompt: Prompt, text: Encoded) -> None:
    if text.length > policy.context_tokens:
        raise TooLong(
            f"A response to prompt {prompt.id} has {len(text.response_ids)} tokens and its prompt "
            f"{len(text.prompt_ids)}, together {text.length}; {policy.name} takes {policy.context_tokens}.",
            "Leave it out, or raise model.context_tokens if the model allows.",
        )


def encode_prompts(policy: Policy, rows: Sequence[tuple[int, ...]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Prompts padded on the left, so that all end in the same column: ids and mask, both (n, T)."""
    width = max(len(row) for row in rows)
    ids = torch.zeros((len(rows), width), dtype=torch.long)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, width - len(row) :] = torch.tensor(row)
        mask[number, width - len(row) :] = 1
    return ids.to(policy.device), mask.to(policy.device)
