"""Continuous batching by transformers' paged cache, with our keyed draws: for a GPU that has flash attention.

Without flash attention its paged cache is read through one mask over all rows together, which is slower than ours
(`tests.bench.generation` measures it). Its sampler draws from one stream for all rows, in whatever order they come;
here a logits processor draws in its place, each row with its own numbers, and leaves one possible token.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from transformers import GenerationConfig, LogitsProcessorList
from transformers.utils import is_flash_attn_2_available, is_flash_attn_3_available

from engine.models.generate_sample import sample
from engine.models.generate_slots import Sampling, chances
from engine.models.logps import score_responses
from engine.models.policy import Policy
from engine.models.tokens import Encoded
from engine.resume import ran_out

try:
    from transformers.generation import ContinuousBatchingConfig
    from transformers.generation.continuous_batching import cb_logits_processors as theirs
except ImportError:  # another version of transformers: `can_page` says no
    theirs = None  # type: ignore[assignment]

_POLL_S = 0.1
"""Seconds between two looks at whether somebody wants a stop: CUDA graphs run past the hook that asks elsewhere."""


class NotPaged(Exception):
    """Transformers does not take this model, or failed at it; `engine.models.generate_slots` takes every one."""


def can_page(policy: Policy) -> bool:
    """Whether device, dtype and libraries have what makes the paged cache fast."""
    return (
        theirs is not None
        and policy.device.type == "cuda"
        and policy.dtype in {torch.bfloat16, torch.float16}
        and (is_flash_attn_2_available() or is_flash_attn_3_available())
    )


def draw_paged(
    policy: Policy,
    rows: Sequence[tuple[int, ...]],
    keys: Sequence[int],
    sampling: Sampling,
    at_once: int,
    **pool: Any,
) -> np.ndarray:
    """As `engine.models.generate_slots.draw`; log-probs are those of a scoring pass over what was drawn.

    `pool` are sizes of transformers' cache (num_blocks, page_size, max_batch_tokens), by default what memory has.
    NotPaged if transformers cannot; what `policy.check` raises goes through, after transformers' thread has ended.
    """
    lengths = [len(row) for row in rows]
    limits = [min(policy.context_tokens - length, sampling.max_new_tokens) for length in lengths]
    keyed = _Keyed(chances(keys, sampling.max_new_tokens), lengths, sampling)
    found = _answers(policy, rows, limits, keyed, ContinuousBatchingConfig(max_requests_per_batch=at_once, **pool))
    encoded = [Encoded(tuple(row), ids) for row, ids in zip(rows, found, strict=True)]
    table = np.zeros((len(rows), 3 + max(limits)))
    table[:, 0] = score_responses(policy, encoded, with_entropy=False).logp
    for line, ids in zip(table, found, strict=True):
        line[1:3] = ids[-1] in policy.stop_ids, len(ids)
        line[3 : 3 + len(ids)] = ids
    return table


def _answers(
    policy: Policy, rows: Sequence[tuple[int, ...]], limits: Sequence[int], keyed: "_Keyed", plan: Any
) -> list[tuple[int, ...]]:
    """The token ids of each row, in order."""
    model: Any = policy.model.get_base_model()
    greedy = GenerationConfig(do_sample=False, eos_token_id=list(policy.stop_ids), max_new_tokens=max(limits))
    try:
        manager = model.init_continuous_batching(generation_config=greedy, continuous_batching_config=plan)
        manager.logit_processor = theirs.ContinuousBatchingLogitsProcessorList(LogitsProcessorList([keyed]))
        manager.logit_processor.tensors_required = 1
        manager.warmup()
    except (AttributeError, TypeError, ValueError, NotImplementedError) as error:
        raise NotPaged(str(error)) from error
    found: dict[str, tuple[int, ...]] = {}
    try:
        for number, (row, limit) in enumerate(zip(rows, limits, strict=True)):
            manager.add_request(list(row), request_id=str(number), max_new_tokens=limit)
        manager.start()  # all are there before it starts, so that which rows meet is the same every time
        while len(found) < len(rows):
            policy.check()
            answer = manager.get_result(timeout=_POLL_S)
            if answer is not None and answer.error is None and answer.is_finished():
                found[answer.request_id] = tuple(answer.generated_tokens)
            elif answer is not None or not manager.is_running():
                _give_up(manager, answer)
    finally:
        manager.stop(block=True, hard_stop=True)
        manager.destroy()
    return [found[str(number)] for number in range(len(rows))]


def _give_up(manager: Any, answer: Any) -> None:
    """Raise what ended transformers' thread: a stop or a lack of memory as it is, anything else as NotPaged."""
    manager.join(0.0, timeout=10.0)
    fatal = manager.background_thread_status.fatal_error
    if isinstance(fatal, BaseException) and (ran_out(fatal) or not isinstance(fatal, _OF_THEIRS)):
        raise fatal
    raise NotPaged(str(fatal or (answer.error if answer is not None else "its thread ended"))) from fatal


_OF_THEIRS = (RuntimeError, ValueError, TypeError, AttributeError, KeyError, IndexError, AssertionError)


class _Keyed(theirs.ContinuousBatchingLogitsProcessor if theirs is not None else object):  # type: ignore[misc]
    """Leaves each row the one token that its own number in [0, 1) draws: greedy decoding of that is a keyed draw."""

    supported_kwargs: ClassVar[dict[str, type]] = {}
    ignored_kwargs: ClassVar[tuple[str, ...]] = ()

    def __init__(self, uniform: torch.Tensor, lengths: Sequence[int], sampling: Sampling) -> None:
        """`uniform` (n, max_new_tokens) float32 on the CPU, `lengths` the tokens of each row's prompt."""
        self.uniform, self.lengths, self.sampling = uniform, lengths, sampling

    def fill_defaults(self, int32_tensor: torch.Tensor) -> None:
        """Before a row comes, and for padding: 0, read as a number."""
        int32_tensor.zero_()

    def prepare_tensor_args(self, requests_with_new_token: list[Any]) -> torch.Tensor:
        """The number of each row's next token (n,) float32, seen as int32: the only kind that is carried."""
        rows = [int(request.state.request_id) for request in requests_with_new_token]
        read = [request.state.position_offset for request in requests_with_new_token]
        at = [self.uniform[row, count - self.lengths[row]] for row, count in zip(rows, read, strict=True)]
        return torch.stack(at).view(torch.int32) if at else torch.zeros(0, dtype=torch.int32)

    def __call__(self, scores: torch.Tensor, tensor_arg: torch.Tensor) -> torch.Tensor:
        """Scores (n, vocabulary) of which one a row is not −∞."""
        uniform = tensor_arg[: len(scores)].view(torch.float32)
        token, _ = sample(scores.float(), uniform, self.sampling.temperature, self.sampling.top_p)
        return torch.full_like(scores, -torch.inf).scatter(1, token[:, None], 0.0)
