"""How fast are draws, against transformers' `generate` and its paged batching? What do merging and joining give?

All greedy rows must be token for token the same. `tests.bench.gpu` takes `model_rows` (G9) to a GPU.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.models import generate_merged
from engine.models.generate import Draw, generate
from engine.models.generate_paged import can_page, draw_paged
from engine.models.generate_slots import Sampling, draw
from engine.models.load import load_policy
from engine.models.policy import Policy
from engine.models.tokens import encode_prompt
from engine.records import Message, Prompt
from engine.seeds import key_for
from engine.settings import LoraSettings, ModelSettings
from tests.bench._harness import Outcome, Way, agree_at_least, race, row, same, setting
from tests.bench._models import TINY, Lengths, load, pairs, prompts_of, quiet, save_model
from tests.bench.gpu._machine import Machine, Model
from tests.conftest import move
from tests.engine.models.test_generate import of_many_lengths

ROOT = Path(__file__).resolve().parents[2]
TOKENS = 64


def measure() -> list[str]:
    """The sample model, as the sample study asks it; then a tiny one for transformers' paged cache."""
    with quiet():
        policy = load_policy(
            ModelSettings(path=str(ROOT / "sample_data/model"), device="cpu", lora=LoraSettings(rank=8, alpha=16)), 1
        )
    move(policy, size=0.01)
    prompts = [Prompt.of([Message("user", text)]) for text in _questions(256)]
    return [
        setting("torch", "transformers", "peft", dtype="float32"),
        *_greedy(policy, prompts[:128]),
        *_sampled(policy, prompts[:64], 8),
        *_in_places(policy, prompts[:128], 4),
        *_paged(),
    ]


def _greedy(policy: Policy, prompts: list[Prompt]) -> list[str]:
    found = race(
        Way("transformers' generate, sorted by length", lambda: theirs(policy, prompts, 128)),
        Way("ours", lambda: _ids(generate(policy, prompts, keys=[0] * 128, temperature=0, max_new_tokens=TOKENS))),
    )
    what = f"128 prompts, greedy, up to {TOKENS} tokens, {_rate(found[1])}"
    return [row("G", what, *found, None, same("tokens", found[1].result, found[0].result))]


def _sampled(policy: Policy, prompts: list[Prompt], draws: int) -> list[str]:
    """What merging is worth."""
    rows, keys = _slots(prompts, draws)

    def ours() -> list[tuple[int, ...]]:
        return _ids(generate(policy, rows, keys=keys, max_new_tokens=TOKENS))

    found = race(Way("the adapter beside the weights", lambda: _unmerged(ours)), Way("merged", ours))
    what = f"{len(prompts)} prompts × {draws} draws at T = 1, {_rate(found[1])}"
    return [row("G", what, *found, None, _alike(found[1], found[0]))]


def _in_places(policy: Policy, prompts: list[Prompt], draws: int) -> list[str]:
    """What it is worth that waiting rows join, at the same number of places; and how many places are best."""
    rows, keys = _slots(prompts, draws)

    def ours(places: int) -> list[tuple[int, ...]]:
        return _ids(generate(policy, rows, keys=keys, max_new_tokens=TOKENS, max_rows=places))

    def groups() -> list[tuple[int, ...]]:
        order = sorted(range(len(rows)), key=lambda i: len(encode_prompt(policy, rows[i])))
        found: dict[int, tuple[int, ...]] = {}
        for start in range(0, len(order), 64):
            some = order[start : start + 64]
            part = generate(policy, [rows[i] for i in some], keys=[keys[i] for i in some], max_new_tokens=TOKENS)
            found |= dict(zip(some, _ids(part), strict=True))
        return [found[i] for i in range(len(rows))]

    ways = [Way("groups of 64, one after the other", groups, turns=3)]
    ways += [Way(f"{places} places", lambda n=places: ours(n), turns=3) for places in (64, 128, 512)]
    base, *others = race(*ways)
    what = f"{len(prompts)} prompts × {draws} draws"
    return [row("G", f"{what}, {one.name}, {_rate(one)}", base, one, None, _alike(one, base)) for one in others]


def _paged() -> list[str]:
    """On a CPU transformers' paged cache only shows that it draws the same."""
    with tempfile.TemporaryDirectory() as name:
        policy = of_many_lengths(move(load(save_model(Path(name), TINY), TINY)), 4.0)
        asked = list(prompts_of(pairs(12, Lengths(16, 24))).values())
        rows, keys = _slots(asked, 2)
        ids = [encode_prompt(policy, prompt) for prompt in rows]
        found = race(*_both(policy, ids, keys, TOKENS, 16, num_blocks=64, page_size=16, max_batch_tokens=128))
        return [
            row(
                "G", "12 prompts × 2 draws, a tiny model", *found, None, same("draws", found[1].result, found[0].result)
            )
        ]


def model_rows(on: Machine, model: Model) -> list[str]:
    """G9: transformers' `generate`, its paged batching, and ours; also as a share of reading weights and cache once.

    256 prompts × 2 draws of up to 256 tokens. The paged way runs where `can_page` says so, else that is said.
    """
    policy, count, tokens = model.policy, 4 if on.tiny else 256, 8 if on.tiny else 256
    asked = list(prompts_of(pairs(count, Lengths(16 if on.tiny else 110, 24))).values())
    rows, keys = _slots(asked, 2)
    ids = [encode_prompt(policy, prompt) for prompt in rows]
    theirs_paged, keyed = _both(policy, ids, keys, tokens, 1024)
    *paged, ours = race(*([theirs_paged] if can_page(policy) else []), keyed, quick=on.tiny)
    plain, greedy = race(
        Way("transformers' generate", lambda: theirs(policy, asked, 64, tokens), turns=2),
        Way("ours", lambda: _ids(generate(policy, asked, keys=[0] * count, temperature=0, max_new_tokens=tokens))),
        quick=on.tiny,
    )
    greedily = np.mean([one == other for one, other in zip(plain.result, greedy.result, strict=True)])
    if on.tiny:
        same("tokens", plain.result, greedy.result)
    what = f"{model.name}, {count} × 2 draws, {_rate(ours)}, {_limit(on, policy, ids, ours)}"
    lines = [] if paged else [f"G9 {what}; transformers' paged batching: skipped: device, dtype or libraries lack it"]
    for peer in paged:
        alike = np.mean([one == other for one, other in zip(peer.result, ours.result, strict=True)])
        lines.append(row("G9", what, peer, ours, None, f"{100 * alike:.0f} % of draws the same"))
    said = f"{100 * greedily:.0f} % the same"
    return [*lines, row("G9", f"{model.name}, greedy, {_rate(greedy)}", plain, greedy, None, said)]


def _limit(on: Machine, policy: Policy, ids: Sequence[tuple[int, ...]], found: Outcome) -> str:
    """Bytes that must be read if every step reads the weights once and each row its own keys and values."""
    config: Any = policy.model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", config.num_attention_heads)
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    size = torch.finfo(policy.dtype).bits // 8
    each = 2 * config.num_hidden_layers * heads * width * size
    cache = sum(each * (len(p) * len(a) + len(a) * (len(a) + 1) // 2) for p, a in zip(ids, found.result, strict=True))
    weights = sum(w.numel() * size for w in policy.model.parameters()) * max(len(answer) for answer in found.result)
    # The ceiling counts bytes read and written; what is only read goes at the same rate at best.
    return f"{100 * (cache + weights) / found.median / on.bytes:.0f} % of the copy's ceiling"


def _both(
    policy: Policy, ids: Sequence[tuple[int, ...]], keys: list[int], tokens: int, places: int, **pool: int
) -> Iterator[Way]:
    sampling = Sampling(1.0, 1.0, tokens)

    def told(table: np.ndarray) -> list[tuple[int, ...]]:
        return [tuple(line[3 : 3 + int(line[2])].astype(int).tolist()) for line in table]

    @torch.no_grad()
    def paged() -> list[tuple[int, ...]]:
        return told(draw_paged(policy, ids, keys, sampling, places, **pool))

    @torch.no_grad()
    def ours() -> list[tuple[int, ...]]:
        return told(draw(policy, ids, keys, sampling, places))

    yield Way("transformers' paged batching, keyed", paged, turns=2)
    yield Way("ours", ours, turns=2)


@torch.no_grad()
def theirs(policy: Policy, prompts: list[Prompt], at_once: int, tokens: int = TOKENS) -> list[tuple[int, ...]]:
    """`model.generate`, greedy, padded on the left, sorted by length; PEFT's own forward."""
    ids = [encode_prompt(policy, prompt) for prompt in prompts]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    found: dict[int, tuple[int, ...]] = {}
    for start in range(0, len(order), at_once):
        some = order[start : start + at_once]
        width = max(len(ids[i]) for i in some)
        table = torch.tensor([[0] * (width - len(ids[i])) + list(ids[i]) for i in some], device=policy.device)
        mask = torch.tensor([[0] * (width - len(ids[i])) + [1] * len(ids[i]) for i in some], device=policy.device)
        out = policy.model.generate(
            input_ids=table, attention_mask=mask, do_sample=False, max_new_tokens=tokens,
            eos_token_id=list(policy.stop_ids), pad_token_id=0,
        )  # fmt: skip
        for i, line in zip(some, out[:, width:].tolist(), strict=True):
            end = next((n + 1 for n, token in enumerate(line) if token in policy.stop_ids), len(line))
            found[i] = tuple(line[:end])
    return [found[i] for i in range(len(ids))]


def _alike(found: Outcome, wanted: Outcome) -> str:
    """A draw may differ only where its number lies within a rounding (1e-7) of a boundary between two tokens."""
    share = np.mean([one == other for one, other in zip(found.result, wanted.result, strict=True)])
    return agree_at_least("share of draws that are the same", float(share), 0.99)


def _unmerged(work: Callable[[], Any]) -> Any:
    with _most_bytes(0):
        return work()


@contextmanager
def _most_bytes(count: int) -> Iterator[None]:
    before, generate_merged.MOST_BYTES = generate_merged.MOST_BYTES, count
    try:
        yield
    finally:
        generate_merged.MOST_BYTES = before


def _slots(prompts: Sequence[Prompt], draws: int) -> tuple[list[Prompt], list[int]]:
    rows = [prompt for prompt in prompts for _ in range(draws)]
    return rows, [key_for(1, 1, "bench", f"{prompt.id}:{n}") for prompt in prompts for n in range(draws)]


def _ids(draws: Sequence[Draw]) -> list[tuple[int, ...]]:
    return [one.token_ids for one in draws]


def _rate(found: Outcome) -> str:
    return f"{sum(len(ids) for ids in found.result) / found.median:,.0f} tokens/s"


def _questions(count: int) -> list[str]:
    lines = (ROOT / "sample_data/skewed/pool.jsonl").read_text(encoding="utf-8").splitlines()
    return list(dict.fromkeys(json.loads(line)["prompt"][0]["content"] for line in lines))[:count]
