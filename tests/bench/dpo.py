"""How much faster is an epoch of DPO with its reference, and the reference alone, than TRL's? (C1, C2)

Same random model, adapter at the start, pairs, order, loss, schedule, dtype. Loading the model and turning texts into
tokens is not timed for TRL; for ours, the tokens are. Per step 8 pairs, TRL's default. TRL's best settings: no
checkpointing, the reference computed beforehand, and the micro-batch whose first step is fastest, of two each.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.cache import MemoryCache
from engine.dpo.batches import Example
from engine.dpo.train import train
from engine.models.adapters import adapter_state, fresh_adapter
from engine.models.logps import reference_logps
from engine.models.policy import Policy
from engine.seeds import uniforms
from engine.settings import DPOSettings
from tests.bench import _models, _trl
from tests.bench._harness import Outcome, Way, agree, clock, is_there, race, row, setting, skipped
from tests.bench._models import Shape, prompts_of, responses_of

BATCH, PAIRS, REFERENCE_PAIRS = 8, 32, 64
SEED, ROUND = 5, 1
SETTINGS = DPOSettings(learning_rate=1e-3, epochs=1, batch_pairs=BATCH, warm_up_share=0.0)
DEFAULT, BEST = "TRL's default", "TRL's best settings"
WEIGHT_ERROR, WAY_ERROR, LOGP_ERROR = 1e-4, 1e-2, 1e-5
NEARLY_ALL = 0.999


def measure() -> list[str]:
    lines = []
    for dtype in ("float32", "bfloat16") if _models.fast_bf16() else ("float32",):
        lines += epoch(_models.BODY, PAIRS, dtype=dtype)
    lines += epoch(_models.HEAD, PAIRS // 2)
    return [*lines, *reference(_models.BODY, REFERENCE_PAIRS), *reference(_models.HEAD, REFERENCE_PAIRS)]


def epoch(shape: Shape, count: int, *, dtype: str = "float32", quick: bool = False) -> list[str]:
    """C1: steps of 8 pairs over all of them with the reference, from the same adapter to the same adapter."""
    if not is_there("trl"):
        return [skipped("C1", "DPO epoch", "trl")]
    with tempfile.TemporaryDirectory() as name:
        folder = _models.save_model(Path(name), shape)
        policy = _models.load(folder, shape, dtype=dtype)
        what = f"DPO epoch with reference, {dtype}, {shape}"
        said = setting("trl", "transformers", "peft", dtype=dtype)
        examples = _models.pairs(count)
        return [said, *against_trl("C1", what, policy, folder, examples, (4, 3.5), quick=quick)]


def against_trl(
    number: str, what: str, policy: Policy, folder: Path, examples: list[Example], limits: tuple[float, float], *,
    micros: tuple[int, ...] = (1, 2, 4, 8), quick: bool = False,
) -> list[str]:  # fmt: skip
    """An epoch of `train` with the reference pass, against TRL's default and its best settings, a row each.

    TRL's best settings hold the fastest of `micros` pairs a backward pass.
    """
    fresh_adapter(policy, SEED)
    start, examples = adapter_state(policy), _in_order(examples)
    micro = BATCH if quick else _fastest(micros, lambda size: _one_step(policy, examples, folder, start, size))
    best = {"gradient_checkpointing": False, **_cut(micro)}

    def theirs(**more: Any) -> Any:
        return _trl.trainer(policy, examples, SETTINGS, folder, start, **more)

    default, tuned, ours = race(
        Way(DEFAULT, _trl.trained, theirs, turns=3),
        Way(BEST, lambda made: _best(made, micro), lambda: theirs(**best), turns=3),
        Way("ours", lambda given: _ours(given, examples), lambda: _afresh(policy)),
        quick=quick,
    )
    agreed = _agree(start, default, tuned, ours, exact=policy.dtype == torch.float32)
    texts = _models.encoded(policy, examples)
    speed = f"{len(examples)} pairs, {_models.useful_tokens(texts) / ours.median:,.0f} useful tokens/s, "
    speed += f"{_models.floor_flops(policy, texts, 2) / ours.median / 1e9:,.0f} GFLOP/s of the 4PT floor"
    return [
        row(number, what, default, ours, limits[0], f"{speed}; {agreed}"),
        row(number, what, tuned, ours, limits[1], f"micro-batch {micro} of {BATCH}; {agreed}"),
    ]


def reference(shape: Shape, count: int, *, quick: bool = False) -> list[str]:
    """C2: the log-probs of every response with the adapter off, ours against TRL's loop (at batches of 8 pairs)."""
    if not is_there("trl"):
        return [skipped("C2", "reference pass", "trl")]
    with tempfile.TemporaryDirectory() as name:
        folder = _models.save_model(Path(name), shape)
        policy, examples = _models.load(folder, shape), _models.pairs(count)
        start = adapter_state(policy)
        theirs, ours = race(
            Way("TRL's loop", lambda made: _trl.precompute(made, BATCH),
                lambda: _trl.trainer(policy, examples, SETTINGS, folder, start), turns=3),
            Way("ours", lambda: reference_logps(policy, prompts_of(examples), responses_of(examples), MemoryCache())),
            quick=quick,
        )  # fmt: skip
        found = np.array([[ours.result[e.chosen.id], ours.result[e.rejected.id]] for e in examples])
        wanted = np.stack(theirs.result, axis=1)
        agreed = agree("log-probs, relative error", float((np.abs(found - wanted) / np.abs(wanted)).max()), LOGP_ERROR)
        return [row("C2", f"reference pass, float32, {shape}, {count} pairs", theirs, ours, 2.5, agreed)]


def _ours(policy: Policy, examples: list[Example]) -> tuple[dict[str, np.ndarray], float]:
    """(the adapter, the first step's loss)."""
    found = reference_logps(policy, prompts_of(examples), responses_of(examples), MemoryCache())
    steps = train(policy, examples, SETTINGS, reference_logps=found, seed=SEED, round_number=ROUND).steps
    return adapter_state(policy), float(steps[0]["loss"])


def _afresh(policy: Policy) -> Policy:
    fresh_adapter(policy, SEED)
    return policy


def _best(made: Any, batch_pairs: int) -> Any:
    _trl.precompute(made, batch_pairs)
    return _trl.trained(made)


def _cut(micro: int) -> dict[str, int]:
    return {"per_device_train_batch_size": micro, "gradient_accumulation_steps": BATCH // micro}


def _fastest(micros: Sequence[int], seconds: Callable[[int], float]) -> int:
    """By the quicker of two steps each, taken in turns, after one step that does not count."""
    seconds(micros[0])
    found = [{size: seconds(size) for size in micros} for _ in range(2)]
    return min(micros, key=lambda size: min(turn[size] for turn in found))


def _one_step(policy: Policy, examples: list[Example], folder: Path, start: dict[str, np.ndarray], micro: int) -> float:
    """Seconds of TRL's first step at that micro-batch."""
    made = _trl.trainer(policy, examples[:BATCH], SETTINGS, folder, start, gradient_checkpointing=False, **_cut(micro))
    began = clock()
    _best(made, micro)
    return clock() - began


def _in_order(examples: list[Example]) -> list[Example]:
    """In the order that our training takes them in, so that TRL may take them one after the other."""
    return [examples[i] for i in np.argsort(uniforms(SEED, ROUND, "order:0", [e.pair_id for e in examples]))]


def _agree(start: dict[str, np.ndarray], default: Outcome, tuned: Outcome, ours: Outcome, *, exact: bool) -> str:
    """Losses start at ln 2. In float32 the adapters end at the same place: weight by weight, and over the whole way.

    AdamW's first steps have one size whatever the gradient, so a weight whose gradient is as small as rounding may end
    whole steps elsewhere: one in a thousand may, and the farthest is said. In bfloat16 only the way, and loosely.
    """
    adapter, loss = ours.result
    said = [agree("loss of step 1 from ln 2", abs(loss - np.log(2)), 1e-4 if exact else 1e-2)]
    for peer in (default, tuned):
        agree(f"{peer.name}: loss of step 1 from ln 2", abs(_trl.first_loss(peer.result) - np.log(2)), 1e-2)
        wanted = _trl.arrived(peer.result)
        if exact:
            errors = np.concatenate([np.abs(adapter[name] - wanted[name]).ravel() for name in wanted])
            far = float(np.quantile(errors, NEARLY_ALL))
            said.append(agree(f"99.9 % of the weights from {peer.name}", far, WEIGHT_ERROR))
            said.append(f"the farthest {errors.max():.0e}")
        way = _distance(adapter, wanted) / _distance(start, wanted)
        said.append(agree("as a share of the way", way, WAY_ERROR if exact else 0.5))
    return ", ".join(said)


def _distance(some: dict[str, np.ndarray], others: dict[str, np.ndarray]) -> float:
    return float(np.sqrt(sum(float(((some[name] - others[name]) ** 2).sum()) for name in some)))
