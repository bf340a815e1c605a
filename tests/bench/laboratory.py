"""Does a dry run answer within a second when one parameter changes, and how much is that below scoring again?

10,002 pairs of 1,667 prompts, real signals of a random model, twelve strategies; asked as a page asks, answered by a
tools worker in a process of its own. Every turn changes one parameter of one strategy: of two that cost most among
the twelve, and once each parameter of every strategy that reads signals of its own over this pool.
"""

import tempfile
import time
from pathlib import Path
from typing import Any, get_args

import numpy as np

from engine.config import StudyConfig
from engine.store import queries, texts, writer
from engine.store.database import Store, open_store
from engine.strategies.base import STRATEGIES, Strategy
from engine.tasks._laboratory import signals_for
from engine.tasks.base import ask
from engine.tasks.dry_run import DryRun
from engine.tasks.score_pool import ScorePool
from tests.bench.load import _data
from tests.conftest import save_tiny_model
from workbench.processes import start_tools

PROMPTS, RESPONSES, K, TURNS = 1_667, 4, 60, 5
LIMIT_S = 1.0
SWEPT = ["aepo", "ae_dpo", "adpo", "apo", "badge", "bal_pm", "bald", "d_optimal", "delta_ucb", "drts", "enn_variance",
         "expected_gradient_length", "facility_location", "gated", "k_center", "k_center_gradients", "sea",
         "smallest_margin"]  # fmt: skip
"""Strategies beside the twelve."""
TWELVE: list[dict[str, Any]] = [
    {"name": "activedpo"}, {"name": "activedpo", "unit_norm": "difference"}, {"name": "activedpo", "unit_norm": "off"},
    {"name": "gradient_norm"}, {"name": "gradient_norm", "unit_norm": "off"}, {"name": "real"},
    {"name": "real", "keep": "similar"}, {"name": "apl"}, {"name": "apl_entropy"}, {"name": "apl_certainty"},
    {"name": "apl_certainty", "band": "uncertain"}, {"name": "random"},
]  # fmt: skip
CHANGES: dict[str, list[dict[str, Any]]] = {
    "ActiveDPO's ridge": [{"ridge": 0.2 + 0.1 * n} for n in range(TURNS)],
    "APL's share of prompts": [{"keep_share": 0.3 + 0.1 * n} for n in range(TURNS)],
}
PLACE = {"ActiveDPO's ridge": 0, "APL's share of prompts": 7}


def measure() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        store, study = _store(Path(folder))
        config = StudyConfig.from_dict(queries.study(store, study).config)
        every = [STRATEGIES.build(spec) for spec in (*TWELVE, *SWEPT)]
        signals = signals_for(every, config.signals)
        needs = [signal.name for signal in signals]
        request = {"study_id": study, "signals": [signal.spec() for signal in signals]}
        task = ScorePool.model_validate(request)
        scored = task.do(store, lambda _: None)
        again = task.do(store, lambda _: None)
        lines = [
            f"{scored['pairs']:,} pairs, {', '.join(needs)}: scored in {scored['seconds']:.0f} s, "
            f"{scored['tokens']:,} tokens; asked for again {again['seconds']:.1f} s, {again['tokens']} tokens"
        ]
        worker = start_tools(store.folder)
        try:
            first, _ = _answered(store, request, TWELVE)
            lines.append(f"first dry run of {len(TWELVE)} strategies: {first:.2f} s, signals and texts read")
            for what, changes in CHANGES.items():
                found = [_answered(store, request, _with(PLACE[what], change)) for change in changes]
                seconds = [spent for spent, _ in found]
                parts = {p: float(np.median([a["seconds"][p] for _, a in found])) for p in found[0][1]["seconds"]}
                slow = max(parts, key=lambda part: parts[part])
                lines.append(
                    f"{what} changed, of {len(TWELVE)} strategies: median {np.median(seconds):.2f} s, at most "
                    f"{max(seconds):.2f} s from asking to the answer, {max(seconds) / LIMIT_S:.2f} of the limit; "
                    f"{scored['seconds'] / np.median(seconds):,.0f} × faster than scoring; slowest part {slow} "
                    f"({', '.join(f'{part} {spent:.2f} s' for part, spent in parts.items())})"
                )
            lines += _sweep(store, request)
        finally:
            worker.terminate()
            worker.wait(timeout=30)
    return lines


def _sweep(store: Store, request: dict[str, Any]) -> list[str]:
    """Every strategy by itself, each parameter changed once after a first answer; the slowest named.

    A parameter that changes a signal itself asks the model again: named, not measured.
    """
    names = list(dict.fromkeys([*(spec["name"] for spec in TWELVE), *SWEPT]))
    own = StudyConfig.from_dict(queries.study(store, request["study_id"]).config).signals
    found: dict[str, float] = {}
    anew = []
    for name in names:
        _answered(store, request, [{"name": name}])
        for change in changes_of(STRATEGIES.get(name)):
            what = f"{name} with " + ", ".join(f"{field} {value}" for field, value in change.items())
            built = STRATEGIES.build({"name": name, **change})
            if all(signal.spec() in request["signals"] for signal in signals_for([built], own)):
                found[what] = _answered(store, request, [{"name": name, **change}])[0]
            else:
                anew.append(what)
    late = sorted((spent, what) for what, spent in found.items() if spent > LIMIT_S)
    slow = ", ".join(f"{what} {spent:.2f} s" for spent, what in reversed(late)) or "none"
    return [
        f"each parameter of {len(names)} strategies changed once ({len(found)} changes): median "
        f"{np.median(list(found.values())):.2f} s, {len(found) - len(late)} within {LIMIT_S:.0f} s; later: {slow}",
        f"change a signal and ask the model anew, not measured: {', '.join(anew) or 'none'}",
    ]


def changes_of(strategy: type[Strategy]) -> list[dict[str, Any]]:
    """One change for each of its parameters: the other way of a switch, another word of a choice, more."""
    found: list[dict[str, Any]] = []
    for name, field in strategy.model_fields.items():
        words, now = get_args(field.annotation), field.default
        if isinstance(now, bool):
            found.append({name: not now})
        elif isinstance(now, str):
            found.append({name: next(word for word in words if word != now)})
        elif isinstance(now, int):
            found.append({name: now + 1})
        else:
            found.append({name: 2 if now is None else 1.5 * now if now else 0.75})
        strategy.model_validate(found[-1])
    return found


def _with(place: int, change: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**spec, **change} if n == place else spec for n, spec in enumerate(TWELVE)]


def _answered(store: Store, request: dict[str, Any], strategies: list[dict[str, Any]]) -> tuple[float, dict[str, Any]]:
    """Seconds from the request's row to the answer's, looked for every 10 ms."""
    start = time.perf_counter()
    number = ask(store, DryRun.model_validate({**request, "strategies": strategies, "k": K}))
    while (found := queries.task(store, number)).state in ("queued", "running"):
        time.sleep(0.01)
    if found.answer is None:
        raise RuntimeError(found.error)
    return time.perf_counter() - start, found.answer


def _store(folder: Path) -> tuple[Store, str]:
    store, model = open_store(folder / "store"), save_tiny_model(folder / "model", max_position_embeddings=512)
    data = _data(PROMPTS, RESPONSES, "pool")
    dataset = texts.add_dataset(store, name="pool", path="pool", format_name="made", sha256="pool", data=data,
                                rows=PROMPTS, refused={})  # fmt: skip
    config = StudyConfig.from_dict({
        "name": "bench", "race": "none", "data": {"pool": "pool"}, "sampler": "all_pairs", "oracle": "recorded",
        "model": {"path": str(model), "device": "cpu", "lora": {"rank": 4, "alpha": 8}},
        "strategies": ["random"], "seeds": [1], "rounds": 1, "labels_per_round": K,
        "signals": [{"name": "prompt_entropy", "samples": 2, "max_new_tokens": 4}],
    })  # fmt: skip
    return store, writer.queue_study(store, config, {"pool": dataset}, {})
